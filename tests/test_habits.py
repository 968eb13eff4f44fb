"""What people do to their files, with git and DVC as they are: nothing is lost, and nothing lies.

One project is made, run and tagged v1; each test takes a copy of it.
"""

import os
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from stages.common import tables
from stages.common.rows import Lineage, Photograph, Rejected
from tests.conftest import SAMPLES, save_small
from tests.project import GOOD, LATER, Project, copy_code

pytestmark = pytest.mark.slow

SCAN = f"data/source/{GOOD[0]}.jpg"


class Habits(Project):
    """A project with git, and the commands of a person in it."""

    def run(self, *command: object, fails: bool = False) -> str:
        """Run a command as in a shell; it must end well, or not. Gives all that it prints."""
        done = subprocess.run(
            list(map(str, command)),
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=600,
        )
        assert (done.returncode != 0) == fails, done.stdout
        return done.stdout

    def git(self, *arguments: str) -> str:
        return self.run("git", "-c", "user.name=t", "-c", "user.email=t@example.org", *arguments)

    def dvc(self, *arguments: str, fails: bool = False) -> str:
        return self.run(sys.executable, "-m", "dvc", *arguments, fails=fails)

    def make(self, target: str, fails: bool = False) -> str:
        """`make`, with the environment of these tests for the project's own."""
        return self.run("make", "--assume-old", ".venv/ready", target, fails=fails)

    def commit(self, message: str, tag: str) -> None:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", message)
        self.git("tag", tag)

    def go_to(self, version: str) -> None:
        self.git("checkout", "--quiet", version)
        self.dvc("checkout")

    def content(self, path: str) -> bytes:
        return (self.folder / path).read_bytes()

    def put(self, sample: str, path: str) -> None:
        """Copy a sample photograph over a path as `cp` does it: into the file that is there."""
        save_small(SAMPLES / f"{sample}.jpg", self.folder.with_name("scan.jpg"))
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(self.folder.with_name("scan.jpg"), target)
        os.utime(target, (10**9, 10**9))

    def turn(self, path: str) -> None:
        """Turn a picture as an image editor does it: the file is opened and written anew."""
        with Image.open(self.folder / path) as image:
            turned = image.rotate(90)
        turned.save(self.folder / path)

    def everything(self) -> dict[str, bytes]:
        """Every file that DVC keeps."""
        paths = [self.folder / "data" / "source", *self.outs()]
        files = [p for path in paths for p in (path.rglob("*") if path.is_dir() else [path])]
        return {str(p.relative_to(self.folder)): p.read_bytes() for p in files if p.is_file()}


def first_version(folder: Path, *, set_up: bool = False) -> Habits:
    """A project that was run and tagged v1, as the README tells it."""
    project = Habits(folder, workers="0")
    code = folder.with_name(folder.name + " code")
    copy_code(code)
    project.prepare(code)
    old = 10**9  # nothing is being written
    for path in (folder / "data").rglob("*"):
        os.utime(path, (old, old))
    project.write_params()
    project.git("add", "--all")
    project.git("commit", "--quiet", "--message", "code")
    if set_up:
        project.run(sys.executable, "-m", "stages.tools.setup")
    project.dvc("add", "--quiet", "data/source")
    project.dvc("repro", "--quiet")
    project.commit("first set", "v1")
    return project


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Habits:
    return first_version(tmp_path_factory.mktemp("habits") / "project")


@pytest.fixture
def project(made: Habits, tmp_path: Path) -> Habits:
    """A copy of the project; links within it stay links."""
    folder = tmp_path / "project"
    subprocess.run(["cp", "--archive", made.folder, folder], check=True)
    shutil.copytree(made.folder.with_name("project beside"), tmp_path / "project beside")
    return Habits(folder, workers="0")


def test_git_has_no_photograph_and_dvc_has_all(project: Habits) -> None:
    tracked = project.git("ls-files").splitlines()
    assert [name for name in tracked if name.endswith((".jpg", ".png"))] == [
        "data/evaluation/demo/portrait.png"
    ]
    assert "data/source.dvc" in tracked
    assert "Data and pipelines are up to date." in project.dvc("status")


@pytest.mark.long
def test_a_scan_copied_over_another_changes_no_other_version(project: Habits) -> None:
    first = project.everything()
    project.put("objects/picture-0b", SCAN)
    message = project.dvc("repro")
    assert "since the last run: 1 replaced" in message
    second = project.everything()
    assert second[SCAN] != first[SCAN]
    project.commit("a better scan", "v2")
    for version, expected in (("v1", first), ("v2", second), ("v1", first)):
        project.go_to(version)
        assert project.everything() == expected
        assert "up to date" in project.dvc("status")


@pytest.mark.proof
def test_a_scan_copied_over_one_of_an_old_version_leaves_that_version(project: Habits) -> None:
    """DVC has just linked it: `make` breaks the links, before and after a run."""
    project.put("objects/picture-0b", SCAN)
    project.dvc("repro", "--quiet")
    project.commit("a better scan", "v2")
    first = project.run("git", "show", "v1:data/source.dvc")
    project.git("checkout", "--quiet", "v1")
    project.make("checkout")
    before = project.content(SCAN)
    project.put("objects/umang", SCAN)
    project.go_to("v2")
    project.go_to("v1")
    assert project.content(SCAN) == before
    assert (project.folder / "data/source.dvc").read_text() == first


def test_a_tile_that_was_turned_comes_back_and_is_told(project: Habits) -> None:
    first = project.everything()
    project.turn("data/dataset/tiny/3.png")
    (project.folder / "data/dataset/tiny/5.png").unlink()
    message = project.make("run")
    assert (
        "tiles 1 deleted by hand, as data/dataset/tiny/5.png and 1 changed by hand, as "
        "data/dataset/tiny/3.png: `dvc repro` puts them back"
    ) in message
    assert project.everything() == first
    assert "by hand" not in project.make("run")


def test_a_deleted_tile_stays_out_once_that_is_asked_for(project: Habits) -> None:
    lineage = project.folder / "data/dataset/lineage.csv"
    deleted, sixth = tables.read(lineage, Lineage)[5:7]
    (project.folder / "data/dataset/tiny" / deleted.name).unlink()
    project.make("run")  # puts it back
    assert "left out 1 tiles" in project.make("leave-out")
    project.make("run")
    tiles = [row.tile for row in tables.read(lineage, Lineage)]
    assert (deleted.tile in tiles, tiles[5]) == (False, sixth.tile)


@pytest.mark.parametrize("force", [(), ("--force", "--single-item", "dataset")])
def test_a_turned_tile_never_gets_into_the_set(project: Habits, force: tuple[str, ...]) -> None:
    first = project.everything()
    project.turn("data/dataset/tiny/3.png")
    project.dvc("repro", "--quiet", *force)
    assert project.everything() == first


def test_a_tile_turned_where_it_was_cut_ends_the_stage_with_its_name(project: Habits) -> None:
    (row, *_) = tables.read(project.folder / "data/dataset/lineage.csv", Lineage)
    project.turn(f"data/subimages/{row.tile}")
    message = project.dvc("repro", "--force", "--single-item", "dataset", fails=True)
    assert f"error: dataset: data/subimages/{row.tile} has changed since it was listed" in message


def test_a_turned_validation_image_ends_the_release_with_its_name(project: Habits) -> None:
    (path,) = (project.folder / "data/validation/x2").iterdir()
    name = path.relative_to(project.folder)
    project.turn(str(name))
    message = project.dvc("repro", "--force", "--single-item", "release", fails=True)
    assert f"error: release: {name} has changed since it was listed" in message


@pytest.mark.long
def test_a_photograph_that_comes_while_others_are_read_is_not_missed(project: Habits) -> None:
    """Each moment of the run is tried: it ends with an error, or has the photograph."""
    project.put(LATER, "data/source/new.jpg")
    late = "data/source/late.jpg"
    before = project.content("data/source/new.jpg")
    writer = threading.Thread(target=add_when_gathering, args=(project, late))
    writer.start()
    process = project.start()
    output, _ = process.communicate(timeout=600)
    writer.join()
    if process.returncode != 0:
        assert (
            "changed while it was read" in output or "has changed since it was gathered" in output
        )
        if "--force gather" in output:
            project.dvc("repro", "--force", "gather@images")
        project.dvc("repro", "--quiet")
    rows = tables.read(project.folder / "data/tables/gathered_images.csv", Photograph)
    assert {"new.jpg", "late.jpg"} <= {row.path for row in rows}
    assert project.content("data/source/new.jpg") == before


def add_when_gathering(project: Habits, path: str) -> None:
    """Add a photograph as soon as `gather` has taken its outs away."""
    deadline = time.monotonic() + 120
    while (
        project.folder / "data/tables/gathered_images.csv"
    ).exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(1.0)
    project.put("objects/picture-0b", path)


@pytest.mark.proof
def test_what_came_after_gather_is_told_by_the_next_stage(project: Habits) -> None:
    """As if it came before DVC hashed the folder, which then counts as read."""
    project.put("objects/picture-0b", "data/source/late.jpg")
    project.dvc("commit", "--force", "--quiet")
    assert "up to date" in project.dvc("status")
    message = project.dvc("repro", "--force", "--single-item", "collect", fails=True)
    assert (
        "data/source has changed since it was gathered: late.jpg: run `dvc repro --force" in message
    )
    project.dvc("repro", "--force", "gather@images")
    project.dvc("repro", "--quiet")
    rows = tables.read(project.folder / "data/tables/gathered_images.csv", Photograph)
    assert "late.jpg" in {row.path for row in rows}


@pytest.mark.proof
def test_a_new_rule_of_what_may_be_used_decodes_no_photograph_again(project: Habits) -> None:
    project.params["screen"]["min_short_edge"] = 310
    project.params["screen"]["exclude"] = ["*/nothing*"]
    project.write_params()
    first = project.dvc("repro")
    put = project.folder / "data" / "evaluation" / "more"
    put.mkdir()
    shutil.copyfile(project.folder / f"data/source/{GOOD[1]}.jpg", put / "taken.jpg")
    os.utime(put / "taken.jpg", (10**9, 10**9))
    project.params["screen"]["evaluation_sets"].append("data/evaluation/more")
    project.write_params()
    second = project.dvc("repro")
    gathers = [re.findall(r"Running stage '(gather@\w+)'", message) for message in (first, second)]
    assert gathers == [[], ["gather@evaluation"]]
    shown = "gathered 2 images of 2 files in data/evaluation · 0 decoded, 2 known"
    assert shown in second  # what came is one of the photographs
    rejected = tables.read(project.folder / "data/tables/rejected.csv", Rejected)
    reasons = {row.path: row.reason for row in rejected}
    assert reasons[f"{GOOD[1]}.jpg"] == "evaluation set"


@pytest.mark.long
def test_one_more_evaluation_image_and_one_more_photograph_decode_one_each(
    project: Habits,
) -> None:
    project.put("objects/picture-0b", "data/evaluation/demo/more.png")
    project.put(LATER, "data/source/new section/new.jpg")
    message = project.dvc("repro")
    found = re.findall(r"images of [\d,]+ files in (\S+) · (\d+) decoded, (\d+) known", message)
    known = len(tables.read(project.folder / "data/tables/gathered_images.csv", Photograph)) - 1
    assert sorted(found) == [("data/evaluation", "1", "1"), ("data/source", "1", str(known))]
    everything = project.everything()
    (project.folder.with_name("project beside") / "scores.sqlite").unlink()
    for name in ("gather@images", "gather@evaluation"):
        assert " 0 known" in project.dvc("repro", "--force", "--single-item", name)
    assert project.everything() == everything


def test_a_section_that_is_a_link_is_refused(project: Habits, tmp_path: Path) -> None:
    (tmp_path / "film").mkdir()
    (project.folder / "data/source/film").symlink_to(tmp_path / "film")
    message = project.make("run", fails=True)
    assert (
        f"data/source/film is a link to the folder {tmp_path / 'film'}, and DVC sees no" in message
    )


@pytest.mark.proof
def test_photographs_elsewhere_are_kept_out_of_git(project: Habits) -> None:
    shutil.copytree(project.folder / "data/source", project.folder / "photos")
    project.params["gather"]["source"] = "photos"
    project.write_params()
    message = project.make("run", fails=True)
    assert "neither ignored by git nor kept by DVC" in message
    (command,) = re.findall(r"run `(dvc add '[^`]*)`", message)
    project.run("sh", "-c", command)
    project.git("add", "--all")
    assert project.git("ls-files", "photos") == ""
    project.make("run")
    project.git("add", "--all")
    assert [n for n in project.git("ls-files").splitlines() if n.endswith(".jpg")] == []


@pytest.mark.long
def test_an_experiment_without_its_photographs_says_what_to_do(project: Habits) -> None:
    project.git("rm", "--quiet", "--cached", "data/source.dvc")
    (project.folder / "data/source.dvc").unlink()
    project.git("add", "--all")
    project.git("commit", "--quiet", "--message", "photographs that nobody keeps")
    project.dvc("exp", "run", "--queue", "-S", "cutoff.subimages.count=5")
    project.dvc("queue", "start")
    project.dvc("queue", "logs", "--follow", queued(project))
    message = project.dvc("queue", "logs", queued(project))
    assert "an experiment has what git and DVC keep: run `dvc add 'data/source'`" in message


def queued(project: Habits) -> str:
    """The name of the queued experiment."""
    return project.dvc("queue", "status").splitlines()[1].split()[0]


def test_an_experiment_keeps_the_photographs_as_links_and_the_workspace_as_it_is(
    project: Habits,
) -> None:
    before = project.everything()
    project.dvc("exp", "run", "--temp", "--name", "few", "-S", "cutoff.subimages.count=5")
    assert project.everything() == before
    assert "few" in project.dvc("exp", "list")


def test_parameters_are_looked_at_before_dvc_reads_them(project: Habits) -> None:
    project.params["gather"]["sorce"] = project.params["gather"].pop("source")
    project.write_params()
    message = project.make("run", fails=True)
    assert (
        "error: check: params.yaml: gather.source is missing; gather.sorce is not a parameter"
    ) in message


@pytest.mark.proof
def test_no_shell_reads_the_name_of_a_folder(project: Habits) -> None:
    name = 'data/$HOME `id` "x"'
    (project.folder / "data/source").rename(project.folder / name)
    with (project.folder / ".gitignore").open("a") as file:
        file.write(f"/{name}\n")
    project.params["gather"]["source"] = name
    project.write_params()
    project.make("run")
    project.params["gather"]["source"] = "data/it's"
    (project.folder / name).rename(project.folder / "data/it's")
    project.write_params()
    assert "no quote or line break can be in its name: rename it" in project.make("run", fails=True)


def test_no_environment_needs_to_be_activated(project: Habits) -> None:
    """Stages run in the Python of the DVC that runs them, from any folder."""
    command = [sys.executable, "-m", "dvc", "repro", "--force", "--single-item", "cutoff@images"]
    bare = project.environment | {"PATH": "/usr/bin:/bin"}
    subprocess.run(command, cwd=project.folder, env=bare, check=True, capture_output=True)
    command = [sys.executable, "-m", "dvc", "repro", "--all-pipelines"]
    folder = project.folder / "data"
    done = subprocess.run(command, cwd=folder, env=bare, check=True, capture_output=True, text=True)
    assert "up to date" in done.stdout


def test_a_python_without_the_packages_is_named(project: Habits, tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "bare"], check=True)
    python = tmp_path / "bare" / "bin" / "python"
    message = project.run(python, "-m", "stages.cutoff", "--help", fails=True)
    assert message == (
        f"error: {python} lacks the project's packages, as imagecodecs: use the Python that `make "
        "run` sets up, .venv/bin/python, or install requirements.txt for this one\n"
    )


@pytest.mark.long
@pytest.mark.parametrize("kind", ["btrfs", "xfs"])
def test_where_there_are_clones_no_file_is_linked(
    kind: str,
    loop_disk: Callable[[str], Path],
) -> None:
    project = first_version(loop_disk(kind) / "project", set_up=True)
    assert "reflink,copy" in (project.folder / ".dvc" / "config.local").read_text()
    first = project.everything()
    assert [path for path in first if (project.folder / path).stat().st_nlink > 1] == []
    project.put("objects/picture-0b", SCAN)
    (row, *_) = tables.read(project.folder / "data/dataset/lineage.csv", Lineage)
    project.turn(f"data/subimages/{row.tile}")
    project.dvc("repro", "--quiet")
    project.commit("a better scan", "v2")
    project.go_to("v1")
    assert project.everything() == first
