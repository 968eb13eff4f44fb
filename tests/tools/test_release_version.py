"""Release: a tag that is seen has all its data, and promises no more than is true."""

import signal
import subprocess
from pathlib import Path

import pytest

from tests.tools.project import flip
from tests.tools.released import FIRST, Released

HEAD = """# Versions of tiny

Tiles are numbered by score, from 0 on. What a version's number MAJOR.MINOR.PATCH says to those \
who train on it:

- MAJOR: begin training anew: a number that both versions have is another tile, or the size of \
tiles, a scale to validate at, or a licence is another one.
- MINOR: tiles were added or taken away at the end of the numbers, or validation images or scores \
are others.
- PATCH: documents and archive only: every tile is the same, under the same number.
"""
ENTRY_1 = """
## 1.0.0 of 2026-11-25

The first version.

| | 1.0.0 |
|---|--:|
| tiles | 4 |
| mean score | 0.750000 |
| lowest score | 0.600000 |
| photographs | 2 |
| photographs to validate | 1 |
| tiles of section faces | 2 |
| tiles of section places | 2 |
| tiles under CC0-1.0 | 4 |
"""
ENTRY_2 = """
## 2.0.0 of 2026-12-01

MAJOR since 1.0.0: photographs under CC-BY-4.0, as none was; number 1 is another tile; 2 tiles \
added; 1 tile gone.

New tiles: 2; gone: 1; in both: 3, of which 1 under the same number.

| | 1.0.0 | 2.0.0 |
|---|--:|--:|
| tiles | 4 | 5 |
| mean score | 0.750000 | 0.768000 |
| lowest score | 0.600000 | 0.590000 |
| photographs | 2 | 3 |
| photographs to validate | 1 | 1 |
| tiles of section faces | 2 | 2 |
| tiles of section new | 0 | 1 |
| tiles of section places | 2 | 2 |
| tiles under CC-BY-4.0 | 0 | 1 |
| tiles under CC0-1.0 | 4 | 4 |

| parameter | 1.0.0 | 2.0.0 |
|---|---|---|
| cutoff.subimages.count | 4 | 5 |
"""
SECOND = [FIRST[0], "n 0.85 new/3.jpg", FIRST[1], FIRST[2], "o 0.59 places/2.jpg"]
LONGER = [*FIRST, "e 0.5 faces/1.jpg"]


@pytest.fixture(scope="session")
def set_made(tmp_path_factory: pytest.TempPathFactory) -> Released:
    """Version 1.0.0, committed, and a remote; to be copied."""
    project = Released(tmp_path_factory.mktemp("set") / "project")
    project.set_up()
    project.version("1.0.0", FIRST)
    return project


@pytest.fixture
def project(set_made: Released, tmp_path: Path) -> Released:
    copy = Released(tmp_path / "project")
    subprocess.run(["cp", "-a", set_made.folder, copy.folder], check=True)
    copy.add_remote()
    return copy


def check_released(project: Released, version: str, folder: Path) -> None:
    """A clone of the tag alone pulls all of it."""
    tag = f"tiny@v{version}"
    assert project.git("cat-file", "-t", tag) == "tag"
    assert project.git("rev-parse", f"{tag}^{{commit}}") == project.git("rev-parse", "HEAD")
    assert project.git("status", "--porcelain") == ""
    clone = Released(folder)
    project.run("git", "clone", "--quiet", "--branch", tag, str(project.folder), str(folder))
    clone.run("dvc", "pull", "--quiet")
    assert clone.files() == project.files()


def test_two_versions_and_what_is_said_of_them(project: Released, tmp_path: Path) -> None:
    said = project.release("1.0.0")
    assert said.splitlines()[-3:] == [
        "tiny@v1.0.0 is here, and its data on store. Next:",
        "    git push origin main tiny@v1.0.0",
        "    make publish",
    ]
    assert "proven on store" in said
    assert project.changelog == HEAD + ENTRY_1
    check_released(project, "1.0.0", tmp_path / "first")

    project.licences({"new/*": "CC-BY-4.0", "*": "CC0-1.0"})
    project.version("2.0.0", SECOND, date="2026-12-01")
    project.release("2.0.0")
    assert project.changelog == HEAD + ENTRY_2 + ENTRY_1
    check_released(project, "2.0.0", tmp_path / "second")
    assert project.git("show", "--format=%s", "--name-only", "HEAD").split() == [
        "Release",
        "tiny@v2.0.0",
        "data/CHANGELOG.md",
    ]


@pytest.mark.proof
def test_a_second_time_it_proves_and_changes_nothing(project: Released) -> None:
    first = project.release("1.0.0")
    before = project.git("rev-parse", "HEAD"), project.git("for-each-ref")
    second = project.release("1.0.0")
    assert (project.git("rev-parse", "HEAD"), project.git("for-each-ref")) == before
    assert (
        second
        == first[first.index("whole here") : first.index("to push")]
        + (first[first.index("proven on") :])
    )


KILLS = """#!/bin/bash
# git that ends whoever has called it, before or after one of its commands
for word in "$@"; do
  if [ "$word" = "$KILL_AT" ]; then
    [ "$KILL_WHEN" = after ] && PATH="$KILL_PATH" git "$@"
    kill -KILL $PPID
    exit 1
  fi
done
PATH="$KILL_PATH" exec git "$@"
"""


@pytest.mark.proof
@pytest.mark.parametrize("command", ["add", "commit", "tag"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_killed_anywhere_the_next_one_goes_on(
    project: Released, tmp_path: Path, command: str, when: str
) -> None:
    fake = tmp_path / "bin" / "git"
    fake.parent.mkdir()
    fake.write_text(KILLS)
    fake.chmod(0o755)
    at = {"tag": "--annotate"}.get(command, command)  # tags are also listed
    path = project.environment["PATH"]
    kills = {"KILL_AT": at, "KILL_WHEN": when, "KILL_PATH": path}
    process = project.start("1.0.0", **kills, PATH=f"{fake.parent}:{path}")
    said = process.communicate(timeout=100)
    assert process.returncode == -signal.SIGKILL, said
    done = (command, when) == ("tag", "after")
    assert project.git("tag", "--list") == ("tiny@v1.0.0" if done else "")
    project.release("1.0.0")
    assert project.changelog == HEAD + ENTRY_1
    assert project.git("log", "--format=%s").splitlines()[:2] == ["Release tiny@v1.0.0", "a remote"]
    check_released(project, "1.0.0", tmp_path / "clone")


@pytest.mark.proof
def test_killed_while_it_pushes_it_leaves_no_tag(project: Released, tmp_path: Path) -> None:
    process = project.start("1.0.0")
    store = tmp_path / "store"
    while process.poll() is None and not list(store.rglob("*")):
        pass
    process.kill()
    process.communicate()
    assert project.git("tag", "--list") == ""
    assert project.git("status", "--porcelain") == ""
    project.release("1.0.0")
    check_released(project, "1.0.0", tmp_path / "clone")


def test_what_is_not_ready_is_told_before_anything_is_sent(
    project: Released, tmp_path: Path
) -> None:
    again = "`make release VERSION=1.0.0`"
    assert project.release("1.0", fails=True) == (
        "error: release: VERSION: got '1.0', expected MAJOR.MINOR.PATCH, as `VERSION=1.2.0`\n"
    )
    assert project.release("1.1.0", fails=True) == (
        "error: release: params.yaml: release.version: got 1.0.0, expected 1.1.0 as in VERSION: "
        "write `version: 1.1.0` there, and its date; then `make run`, commit, and `make release "
        "VERSION=1.1.0`\n"
    )
    (project.folder / "notes.txt").write_text("mine")
    assert project.release("1.0.0", fails=True) == (
        "error: release: notes.txt not committed: commit, or let git ignore it, then "
        + again
        + "\n"
    )
    (project.folder / "notes.txt").unlink()
    (project.folder / "data" / "CHANGELOG.md").write_text("mine")
    assert project.release("1.0.0", fails=True) == (
        f"error: release: data/CHANGELOG.md is changed and not committed: commit it, then {again}\n"
    )
    (project.folder / "data" / "CHANGELOG.md").unlink()
    (project.folder / "data" / "tiles.txt").write_text("a 0.9 faces/1.jpg\n")
    project.commit("not run")
    assert project.release("1.0.0", fails=True) == (
        "error: release: not as DVC has recorded it: dataset: `make run`, or `dvc add` for "
        f"photographs; then commit, and {again}\n"
    )
    project.git("revert", "--no-edit", "HEAD")
    tile = project.folder / "data" / "dataset" / "tiny" / "2.png"
    flip(tile)
    assert project.release("1.0.0", fails=True) == (
        "error: release: data/dataset/tiny/2.png is changed in the workspace: run `make verify`, "
        "which says how to mend it\n"
    )
    assert not (tmp_path / "store").exists()
    assert project.git("tag", "--list") == ""


def test_a_patch_that_changes_tiles_is_refused(project: Released) -> None:
    project.git("tag", "tiny@v1.0.0", "HEAD~1")
    project.version("1.0.1", LONGER)
    assert project.release("1.0.1", fails=True) == (
        "error: release: VERSION: got 1.0.1, expected 1.1.0 or later: since 1.0.0 1 tile added, "
        "which makes it a MINOR version: write `version: 1.1.0` in params.yaml, `make run`, "
        "commit, and `make release VERSION=1.1.0`\n"
    )


@pytest.mark.proof
def test_a_number_must_be_free_and_later_than_the_last(project: Released) -> None:
    project.release("1.0.0")
    project.version("1.0.0", FIRST, title="other words")
    assert project.release("1.0.0", fails=True) == (
        "error: release: tiny@v1.0.0 exists, at another commit: a tag stays where it is; give the "
        "next version a number of its own, in params.yaml and VERSION\n"
    )
    project.version("0.9.0", FIRST)
    assert project.release("0.9.0", fails=True) == (
        "error: release: VERSION: got 0.9.0, expected one after the last, 1.0.0\n"
    )
    project.version("1.0.1", FIRST, title="other words")
    project.release("1.0.1")
    assert "\nPATCH since 1.0.0: documents only.\n" in project.changelog


@pytest.mark.proof
def test_versions_that_were_never_pushed_are_compared_from_here(project: Released) -> None:
    """1.0.0 was tagged before there was a remote: its own .dvc/config names none."""
    project.git("tag", "tiny@v1.0.0", "HEAD~1")
    project.version("1.1.0", LONGER)
    project.release("1.1.0")
    assert "\nMINOR since 1.0.0: 1 tile added.\n" in project.changelog


@pytest.mark.proof
def test_a_version_whose_tables_are_lost_is_followed_by_a_major_one(project: Released) -> None:
    project.git("tag", "tiny@v1.0.0", "HEAD~1")
    for path in ("data/tables/subimages.csv", "data/dataset/lineage.csv"):
        project.object(path).chmod(0o644)
        project.object(path).unlink()
    project.version("1.1.0", LONGER)
    assert project.release("1.1.0", fails=True) == (
        "error: release: tiny@v1.0.0: data/dataset/lineage.csv is neither here nor on the remote, "
        "so nobody knows what has changed: `make push REV=tiny@v1.0.0` from where it is whole, or "
        "release a MAJOR version, 2.0.0\n"
    )
    project.version("2.0.0", LONGER)
    project.release("2.0.0")
    assert "not compared, since its tables are lost, or of another form.\n" in project.changelog
