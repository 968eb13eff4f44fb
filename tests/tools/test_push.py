"""Push: it ends with 0 only where another clone can pull all of it, on servers as they are."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.tools.project import Project, flip, md5, truncate
from tests.tools.servers import KINDS, Server, enlarge, served, small_disk

SECONDS = 60  # after which every push must have ended
SERVERS = [
    pytest.param(kind, marks=() if kind == "folder" else pytest.mark.servers) for kind in KINDS
]
WITH_FILES = [p for p in SERVERS if p.values != ("seaweedfs",)]  # whose objects can be damaged


@pytest.fixture
def server(request: pytest.FixtureRequest, project: Project, tmp_path: Path) -> Iterator[Server]:
    """A server of the kind that the test names, and the project's remote there."""
    project.environment |= {"PYTHONWARNINGS": "ignore"}
    folder = tmp_path / "server"
    folder.mkdir()
    open_to_all(folder)
    with served(request.param, folder) as running:
        running.remote_of(project)
        yield running


def open_to_all(folder: Path) -> None:
    """An ordinary user's server looks into it."""
    folder.chmod(0o755)
    for parent in folder.parents[:3]:
        parent.chmod(parent.stat().st_mode | 0o011)


def start(project: Project, *arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "stages.tools.push", *arguments],
        cwd=project.folder,
        env=project.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def push(project: Project, *arguments: str, fails: bool = False) -> str:
    """Push, in time; gives what it says."""
    process = start(project, *arguments)
    try:
        out, err = process.communicate(timeout=SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    assert (process.returncode != 0) == fails, out + err
    assert "Traceback" not in err, err
    assert ("proven on store" in out) != fails, out
    return err if fails else out


def some_objects(project: Project, count: int) -> list[str]:
    """Names of objects of a folder of images, the list of it among them."""
    names = sorted({md5(path) for path in project.folder.glob("data/**/*.png")})
    listed = project.list_of("data/tiles")
    return [*names[: count - 1], listed.parent.name + listed.name]


def check_pulled(project: Project, server: Server, folder: Path) -> None:
    """A clone elsewhere pulls with `verify`, and has every byte."""
    clone = Project(folder)
    clone.environment |= {"PYTHONWARNINGS": "ignore"}
    project.run("git", "clone", "--quiet", str(project.folder), str(folder))
    for name, value in server.settings().items():
        clone.run("dvc", "remote", "modify", "-q", "--local", "store", name, value)
    clone.run("dvc", "pull", "--quiet")
    assert clone.files() == project.files()


@pytest.mark.parametrize("server", SERVERS, indirect=True)
def test_what_is_proven_can_be_pulled(project: Project, server: Server, tmp_path: Path) -> None:
    first = push(project)
    counts = re.findall(r"(?:to push to|proven on) store \(.*\): (\d+) objects", first)
    count = int(counts[0])
    assert counts == [str(count)] * 2
    assert count >= len({md5(path) for path in project.folder.glob("data/**/*.[jp]*g")})
    check_pulled(project, server, tmp_path / "clone")
    again = push(project)
    assert "to push" not in again
    assert f"{count} by hash" in push(project, "--deep")


@pytest.mark.slow
@pytest.mark.parametrize("server", WITH_FILES, indirect=True)
def test_what_is_wrong_there_is_replaced(project: Project, server: Server, tmp_path: Path) -> None:
    push(project)
    gone, short, flipped, listed = some_objects(project, 4)
    server.object(gone).unlink()
    server.object(listed).unlink()
    truncate(server.object(short))
    flip(server.object(flipped))
    message = push(project, "--deep")
    assert "to push to store" in message
    assert ": 4 objects, " in message
    check_pulled(project, server, tmp_path / "clone")
    assert "to push" not in push(project)


@pytest.mark.parametrize("server", SERVERS[:1], indirect=True)
def test_an_object_that_nobody_has_is_named_and_nothing_is_sent(
    project: Project, server: Server
) -> None:
    image = sorted(project.folder.glob("data/tiles/*/*.png"))[0]
    path = str(image.relative_to(project.folder))
    project.object(path).unlink()
    image.unlink()
    message = push(project, fails=True)
    assert message.startswith("error: push: missing here, and not whole on store")
    assert path in message
    assert "nothing was pushed: run `make mend`" in message
    assert not server.objects.exists() or not list(server.objects.rglob("*"))


@pytest.mark.parametrize("server", SERVERS[:1], indirect=True)
def test_a_list_that_is_lost_does_not_shrink_what_is_asked_for(
    project: Project, server: Server
) -> None:
    project.list_of("data/tiles").unlink()
    message = push(project, fails=True)
    assert "so nobody can pull what is in there; nothing was pushed: run `make mend`" in message
    assert "data/tiles" in message


@pytest.mark.slow
@pytest.mark.parametrize(
    "server", [p for p in WITH_FILES if p.values != ("folder",)], indirect=True
)
def test_a_dead_server_and_wrong_keys_end_it_in_time(
    project: Project, server: Server, tmp_path: Path
) -> None:
    secret = {"secret_access_key": "wrong"} if server.kind == "s3" else {}
    secret = secret or {"keyfile": str(server.folder / "other")}
    server.remote_of(project, **secret)
    message = push(project, fails=True)
    assert len(message.splitlines()) == 1, message
    assert "check the key, the user and their rights there" in message
    server.remote_of(project)
    server.stop()
    start_time = time.monotonic()
    message = push(project, fails=True)
    assert time.monotonic() - start_time < SECONDS
    assert "; then `make push` again" in message
    server.start()
    push(project)
    check_pulled(project, server, tmp_path / "clone")


@pytest.mark.slow
@pytest.mark.parametrize("server", WITH_FILES, indirect=True)
def test_killed_in_the_middle_the_next_push_mends(
    project: Project, server: Server, tmp_path: Path
) -> None:
    process = start(project)
    deadline = time.monotonic() + SECONDS
    while not list(server.objects.rglob("*")) and time.monotonic() < deadline:
        time.sleep(0.01)
    process.kill()
    process.communicate()
    push(project)
    check_pulled(project, server, tmp_path / "clone")


@pytest.mark.slow
@pytest.mark.parametrize("kind", WITH_FILES)
def test_a_full_remote_is_told_and_mended(kind: str, project: Project, tmp_path: Path) -> None:
    project.environment |= {"PYTHONWARNINGS": "ignore"}
    (project.folder / "data/source/large.jpg").write_bytes(os.urandom(6 * 10**6))
    project.run("dvc", "add", "-q", "data/source")
    project.run("dvc", "repro", "-q")
    project.commit("a large one")
    folder = tmp_path / "server"
    with small_disk(folder, "5m"):
        open_to_all(folder)
        check_full(kind, project, folder, tmp_path / "clone")


def check_full(kind: str, project: Project, folder: Path, clone: Path) -> None:
    with served(kind, folder) as server:
        server.remote_of(project)
        message = push(project, fails=True)
        assert "not proven" in message
        enlarge(folder, "100m")
        push(project)
        check_pulled(project, server, clone)


@pytest.mark.parametrize("server", SERVERS[:1], indirect=True)
def test_two_at_once_do_not_mix(project: Project, server: Server) -> None:
    first = start(project)
    second = start(project)
    said = [process.communicate(timeout=SECONDS) for process in (first, second)]
    codes = [first.returncode, second.returncode]
    assert 0 in codes, said
    for (out, err), code in zip(said, codes, strict=True):
        assert ("proven on store" in out) == (code == 0)
        assert code == 0 or len(err.splitlines()) == 1
    push(project)


@pytest.mark.parametrize("server", SERVERS[:1], indirect=True)
def test_a_part_and_versions_of_tags(project: Project, server: Server) -> None:
    project.run("git", "tag", "v1")
    (project.folder / "data/source/faces/later.jpg").write_bytes(os.urandom(3000))
    project.run("dvc", "add", "-q", "data/source")
    project.run("dvc", "repro", "-q")
    project.commit("one more")
    part = push(project, "--only", "data/tiles")
    assert "data/archive.7z" not in part
    push(project)
    now = {path for path in server.objects.rglob("*") if path.is_file()}
    push(project, "--tags")
    every = {path for path in server.objects.rglob("*") if path.is_file()}
    assert now < every  # what only v1 has
    assert len(every - now) < len(now) / 2
    assert "nothing is recorded at data/none; there are: " in push(
        project, "--only", "data/none", fails=True
    )


def test_without_a_remote_it_says_how_to_set_one(project: Project) -> None:
    message = push(project, fails=True)
    assert message == (
        "error: push: no remote is set: `dvc remote add --default store ../store`, a folder on "
        "another disk, or see docs/remotes.md\n"
    )


@pytest.mark.parametrize("server", SERVERS[:1], indirect=True)
def test_ctrl_c_ends_it_in_one_line(project: Project, server: Server) -> None:
    process = start(project)
    time.sleep(1.5)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=SECONDS)
    assert process.returncode in (0, 130)
    assert "Traceback" not in err
