"""Verify: every damage is named and nothing else, and what mend says and does makes all right."""

import fcntl
import os
import random
import re
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from tests.tools.project import COMMAND, Project, flip, md5, replace, truncate

TILE, PHOTOGRAPH = "data/tiles/faces/001-0.png", "data/source/faces/001.jpg"
TABLE, METRIC = "data/tables/one.csv", "reports/one.json"
DAMAGED, ABSENT = "damaged in the cache", "missing in the cache"
CHANGED, MISSING, NEW = (f"{word} in the workspace" for word in ("changed", "missing", "new"))


def remote_of(project: Project) -> None:
    """Give a project a remote, a folder, that has all."""
    project.run("dvc", "remote", "add", "-q", "-d", "store", str(project.folder.parent / "store"))
    project.run("dvc", "push", "-q")
    project.commit("remote")


def commands(output: str) -> list[str]:
    return COMMAND.findall(output)


def test_a_project_without_damage_is_told_in_one_line(project: Project) -> None:
    done = project.verify()
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "verified 36 objects and 34 files, 0.1 MB: all as recorded\n"
    assert project.verify("--all").stdout == done.stdout
    assert not (project.folder / ".dvc/damaged").exists()


@pytest.mark.parametrize("damage", [flip, truncate])
@pytest.mark.parametrize("path", [TILE, PHOTOGRAPH, TABLE, "data/source/places/ü.jpg"])
def test_damage_in_place_is_found_in_cache_and_workspace_though_the_time_is_kept(
    project: Project, damage: Callable[[Path], None], path: str
) -> None:
    project.run("dvc", "status")  # so that DVC remembers all hashes
    found, name = project.object(path), md5(project.folder / path)
    damage(project.folder / path)  # by its hard link that of the cache
    if damage is flip:  # the size is as before, too
        assert "up to date" in project.run("dvc", "status")
    assert project.found() == {(DAMAGED, path), (CHANGED, path)}
    assert not found.exists()
    assert (project.folder / ".dvc/damaged" / name).is_file()
    assert "changed" in project.run("dvc", "status")
    assert project.run("git", "status", "--porcelain") == ""


def test_damage_in_the_cache_alone_is_mended_from_the_workspace(project: Project) -> None:
    content = (project.folder / TILE).read_bytes()
    replace(project.folder / TILE, content)
    flip(project.object(TILE))
    assert project.found() == {(DAMAGED, TILE)}
    done = project.verify("--mend")
    assert done.returncode == 0, done.stdout
    assert project.object(TILE).read_bytes() == content
    assert stat.S_IMODE(project.object(TILE).stat().st_mode) == 0o444
    assert "up to date" in project.run("dvc", "status")


@pytest.mark.parametrize("path", [TILE, TABLE])
def test_what_a_stage_made_is_put_back_from_the_cache(project: Project, path: str) -> None:
    before = project.files()
    replace(project.folder / path, b"edited")
    assert project.found() == {(CHANGED, path)}
    (project.folder / path).unlink()
    assert project.found() == {(MISSING, path)}
    assert project.verify("--mend").returncode == 0
    assert project.files() == before


def test_a_new_file_is_named_and_kept(project: Project) -> None:
    before = project.files()
    for name in ("data/tiles/faces/mine.txt", "data/tiles/faces/left out.pyc"):
        (project.folder / name).write_text("mine")
    (project.folder / TILE).unlink()
    expected = {(NEW, "data/tiles/faces/mine.txt"), (MISSING, TILE)}
    assert project.found() == expected
    done = project.verify("--mend")
    assert (project.folder / "data/tiles/faces/mine.txt").read_text() == "mine"
    assert project.found() == expected - {(MISSING, TILE)}
    assert commands(done.stdout) == [
        "dvc repro  # removes what is new in data/tiles: move it elsewhere to keep it"
    ]
    project.shell(commands(done.stdout)[0])
    (project.folder / "data/tiles/faces/left out.pyc").unlink(missing_ok=True)
    assert project.files() == before


def test_a_folder_that_is_gone_is_one_finding(project: Project) -> None:
    before = project.files()
    shutil.rmtree(project.folder / "data/tiles")
    assert project.found() == {(MISSING, "data/tiles/")}
    assert project.verify("--mend").returncode == 0
    assert project.files() == before


@pytest.mark.parametrize("damage", [flip, truncate, Path.unlink])
@pytest.mark.parametrize("folder", ["data/tiles", "data/source"])
def test_a_list_is_made_again_from_its_folder(
    project: Project, damage: Callable[[Path], None], folder: str
) -> None:
    path = project.list_of(folder)
    content = path.read_bytes()
    damage(path)
    kind = DAMAGED if path.exists() else ABSENT
    assert project.found() == {(kind, f"the list of {folder}/")}
    assert project.verify("--mend").returncode == 0
    assert path.read_bytes() == content


def test_a_folder_whose_list_is_lost_is_made_again_by_its_stage(project: Project) -> None:
    before, objects = project.files(), project.objects()
    project.list_of("data/tiles").unlink()
    flip(project.folder / TILE)
    assert project.found() == {
        (DAMAGED, "perhaps of data/tiles/"),
        (ABSENT, "the list of data/tiles/"),
        (CHANGED, "data/tiles/"),
    }
    done = project.verify("--mend")
    assert commands(done.stdout) == ["dvc repro  # makes again what is missing"]
    project.run("dvc", "repro")
    assert (project.files(), project.found()) == (before, set())
    assert project.objects() == objects
    assert project.run("git", "status", "--porcelain") == ""


def test_what_no_one_has_is_made_again_by_its_stage(project: Project) -> None:
    before = project.files()
    for path in (TILE, TABLE, "data/archive.7z"):
        flip(project.folder / path)
    done = project.verify("--mend")
    assert done.returncode == 1
    assert not (project.folder / TILE).exists()
    assert commands(done.stdout) == ["dvc repro  # makes again what is missing"]
    project.run("dvc", "repro")
    assert (project.files(), project.found()) == (before, set())
    assert project.run("git", "status", "--porcelain") == ""


def test_a_source_is_never_overwritten(project: Project) -> None:
    before = (project.folder / PHOTOGRAPH).read_bytes()
    replace(project.folder / PHOTOGRAPH, b"retouched")
    for arguments in ((), ("--mend",)):
        done = project.verify(*arguments)
        assert (project.folder / PHOTOGRAPH).read_bytes() == b"retouched"
        assert commands(done.stdout) == [
            f"dvc checkout --force {PHOTOGRAPH}  # the recorded bytes",
            "dvc add data/source  # or take what is there now",
        ]
    (project.folder / "data/source/new.jpg").write_bytes(b"new")
    project.shell(commands(done.stdout)[0])
    assert (project.folder / PHOTOGRAPH).read_bytes() == before
    assert project.found() == {(NEW, "data/source/new.jpg")}
    (command,) = commands(project.verify().stdout)
    project.shell(command)
    assert project.found() == set()
    assert (project.folder / "data/source/new.jpg").read_bytes() == b"new"


def test_a_source_that_is_lost_is_said_to_be(project: Project) -> None:
    whole = (project.folder / PHOTOGRAPH).read_bytes()
    flip(project.folder / PHOTOGRAPH)
    done = project.verify("--mend")
    assert (
        "# the recorded bytes are lost here: copy in from elsewhere, then `make mend`: "
        f"{PHOTOGRAPH}\ndvc add data/source  # or take what is there now\n"
    ) in done.stdout
    assert (project.folder / PHOTOGRAPH).exists()
    replace(project.folder / PHOTOGRAPH, whole)
    assert project.verify("--mend").returncode == 0
    assert project.object(PHOTOGRAPH).read_bytes() == whole


def test_the_remote_has_what_is_lost_here(project: Project) -> None:
    remote_of(project)
    before = project.files()
    for path in (TILE, PHOTOGRAPH):
        flip(project.folder / path)
    project.list_of("data/tiles").unlink()
    done = project.verify("--mend")
    assert project.found() == {(CHANGED, PHOTOGRAPH)}
    project.shell(commands(done.stdout)[0])
    assert (project.files(), project.found()) == (before, set())


def test_what_comes_damaged_from_the_remote_is_not_taken(project: Project) -> None:
    remote_of(project)
    before, name = project.files(), md5(project.folder / TILE)
    flip(project.folder / TILE)
    flip(project.folder.parent / "store/files/md5" / name[:2] / name[2:])
    assert project.verify("--mend").returncode == 1
    assert len(list((project.folder / ".dvc/damaged").iterdir())) == 2
    project.run("dvc", "repro")
    assert (project.files(), project.found()) == (before, set())


def test_a_metric_is_kept_by_git_and_need_not_be_in_the_cache(project: Project) -> None:
    before = project.files()
    project.object(METRIC).unlink()  # there for DVC's cache of runs only
    assert project.found() == set()
    replace(project.folder / METRIC, b'{"rows": 2}\n')
    assert project.found() == {(CHANGED, METRIC)}
    (command,) = commands(project.verify("--mend").stdout)
    project.shell(command)
    assert (project.files(), project.found()) == (before, set())


def test_the_objects_of_tags_are_checked_when_asked_for(project: Project) -> None:
    project.run("git", "tag", "v1")
    old = project.object(TABLE)
    replace(project.folder / "make.py", (project.folder / "make.py").read_bytes() + b"key += ['']")
    text = (project.folder / "make.py").read_text().replace("join([key[0]", "join([key[0] + 'new'")
    (project.folder / "make.py").write_text(text)
    project.run("dvc", "repro", "-q")
    project.commit("second")
    flip(old)
    assert project.found() == set()
    assert project.found("--all") == {(DAMAGED, f"{TABLE} of v1")}
    assert "git checkout v1 && dvc repro" in project.verify("--all", "--mend").stdout


def test_names_that_are_no_text_break_nothing(project: Project) -> None:
    (project.folder / "data/tiles/faces/\udcff.png").write_bytes(b"odd")
    (project.folder / "data/tiles/faces/two\nlines.png").write_bytes(b"odd")
    done = project.verify()
    assert r"new in the workspace: $'data/tiles/faces/\xff.png'" in done.stdout
    assert r"new in the workspace: $'data/tiles/faces/two\x0alines.png'" in done.stdout
    assert "# DVC stops at names that are not UTF-8: rename" in done.stdout
    assert "Traceback" not in done.stderr
    project.shell(r"rm $'data/tiles/faces/\xff.png'")
    assert project.verify("--mend").returncode == 1


@pytest.mark.parametrize("name", ["two\nlines.jpg", "at 12:30.jpg", "it's 1.dvc"])
def test_a_photograph_is_put_back_that_dvc_takes_for_something_else(
    project: Project, name: str
) -> None:
    path = f"data/source/{name}"
    (project.folder / path).write_bytes(b"odd")
    project.run("dvc", "add", "-q", "data/source")
    replace(project.folder / path, b"changed")
    command, _ = commands(project.verify("--mend").stdout)
    project.shell(command)
    assert (project.folder / path).read_bytes() == b"odd"
    assert project.found() == set()


def test_where_nothing_was_run_that_is_said(tmp_path: Path) -> None:
    project = Project(tmp_path / "empty")
    project.folder.mkdir()
    done = project.verify()
    assert done.returncode == 1
    message = f"error: verify: {project.folder} is no DVC project: run this in the folder that has"
    assert done.stderr.startswith(message)
    project.run("git", "init", "-q")
    project.run("dvc", "init", "-q")
    done = project.verify()
    assert done.returncode == 1
    assert done.stderr.startswith("error: verify: nothing is recorded yet: `dvc repro` makes")


def test_while_a_stage_runs_nothing_is_judged(project: Project) -> None:
    started, text = project.folder / "started", (project.folder / "make.py").read_text()
    waits = "Path('started').touch()\nwhile Path('started').exists(): pass\n"
    (project.folder / "make.py").write_text(text.replace("what, *key", waits + "what, *key"))
    command = ["dvc", "repro", "--quiet", "plots"]
    with subprocess.Popen(command, cwd=project.folder, env=project.environment) as dvc:
        while not started.exists():
            assert dvc.poll() is None
        done = project.verify()
        started.unlink()
    assert (done.returncode, done.stdout) == (1, "")
    assert re.match(r"error: verify: DVC is at work here, process \d+, `.*repro", done.stderr)


def test_while_dvc_has_its_lock_nothing_is_judged(project: Project) -> None:
    with (project.folder / ".dvc/tmp/lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = project.verify()
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("error: verify: DVC is at work here: wait for its end")


def reads(pid: int, name: str) -> bool:
    """Whether a process has a file of this name open."""
    with suppress(FileNotFoundError):
        return any(path.readlink().name == name for path in Path(f"/proc/{pid}/fd").iterdir())
    return False


def test_ctrl_c_ends_it_in_one_line(project: Project) -> None:
    (project.folder / "data/tiles/large").touch()
    os.truncate(project.folder / "data/tiles/large", 10**11)  # takes minutes, and no space
    command = [sys.executable, "-m", "stages.tools.verify"]
    with subprocess.Popen(
        command, cwd=project.folder, env=project.environment, stderr=subprocess.PIPE, text=True
    ) as verify:
        while not reads(verify.pid, "large"):
            time.sleep(0.05)
        verify.send_signal(signal.SIGINT)
        _, message = verify.communicate(timeout=20)
    assert message.strip().endswith("error: verify: interrupted: run `make verify` to go on")
    assert verify.returncode == 130


def test_the_help_says_a_word_about_each_argument(project: Project) -> None:
    done = project.verify("--help")
    for option in ("--all", "--mend"):
        assert re.search(rf"^ +{option} +\w", done.stdout, re.M)


def test_git_keeps_away_from_what_is_moved_aside() -> None:
    assert "/damaged" in (REPOSITORY / ".dvc/.gitignore").read_text().splitlines()


DAMAGES = 200


def damage(project: Project, choice: random.Random) -> set[str]:
    """Damage so many files of every kind, in the cache or in the workspace; their paths."""
    paths = sorted(project.files().keys() - {METRIC})
    files = [path for path in paths if not path.startswith(("data/plots", "reports/"))]
    assert len(files) > DAMAGES * 1.5
    targets = {
        "data/archive.7z",
        TABLE,
        *choice.sample(sorted({*files} - {"data/archive.7z", TABLE}), DAMAGES - 4),
    }
    done = set()
    for path in sorted(targets):
        here, there = project.folder / path, project.object(path)
        how = choice.choice(
            ["flip", "truncate", "delete", "edit", "lose", "flip object", "cut object", "lose both"]
        )
        keep = choice.random() < 0.5
        if "object" in how:  # of a file that is no hard link to it
            replace(here, here.read_bytes())
        if how in ("flip", "flip object"):
            file = here if how == "flip" else there
            flip(file, at=choice.randrange(file.stat().st_size), keep_time=keep)
        elif how in ("truncate", "cut object"):
            truncate(here if how == "truncate" else there, keep_time=keep)
        elif how == "edit":
            replace(here, b"edited" + here.read_bytes())
        else:
            if how in ("delete", "lose both"):
                here.unlink()
            if how in ("lose", "lose both"):
                there.unlink()
        done.add(path)
    flip(project.list_of("data/plots"))
    replace(project.folder / "reports/two.json", b"{}\n")
    return done | {"data/plots/", "reports/two.json"}


@pytest.mark.slow
@pytest.mark.parametrize("remote", [True, False])
def test_every_one_of_many_damages_is_named_and_mended(tmp_path: Path, remote: bool) -> None:
    project = Project(tmp_path / "project")
    project.make(photographs=125)
    if remote:
        remote_of(project)
    files, objects, lock = project.files(), project.objects(), project.folder / "dvc.lock"
    names = {md5(project.folder / path): path for path in files}
    for folder in ("data/tiles", "data/source", "data/plots"):
        listed = project.list_of(folder)
        names[listed.parent.name + listed.name] = f"the list of {folder}/"
    before = lock.read_text()
    project.run("dvc", "status")

    damaged = damage(project, random.Random(remote))

    after, kept = project.files(), project.objects()
    expected = {(MISSING, path) for path in files.keys() - after.keys()}
    expected |= {(CHANGED, path) for path in after if after[path] != files[path]}
    expected |= {(ABSENT, names[name]) for name in objects.keys() - kept.keys()}
    expected |= {(DAMAGED, names[name]) for name in kept if kept[name] != objects[name]}
    assert {path.removeprefix("the list of ") for _, path in expected} == damaged
    assert len(damaged) == DAMAGES
    assert project.found() == expected

    done = project.verify("--mend")
    if not remote:  # what is lost has to come from elsewhere
        message = "\n".join(line for line in done.stdout.splitlines() if "bytes are lost" in line)
        lost = {
            path
            for name, path in names.items()
            if path.startswith("data/source/") and not project.cached(name).exists()
        }
        assert {path for path in files if f" {path}," in f"{message},".replace("\n", ",")} == lost
        assert len(lost) > 20
        for path in lost:
            (project.folder / path).unlink(missing_ok=True)
            (project.folder / path).write_bytes(files[path])
        done = project.verify("--mend")
    assert "lost" not in done.stdout
    message = commands(done.stdout)
    for command in message:
        project.shell(command)
    assert "dvc add data/source  # or take what is there now" in message
    assert ("dvc repro  # makes again what is missing" in message) is not remote
    assert project.found() == set()
    assert (project.files(), lock.read_text()) == (files, before)
    assert {name: project.objects()[name] for name in objects} == objects
    assert project.run("git", "status", "--porcelain") == ""
