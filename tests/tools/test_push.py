"""Push: it ends with 0 only where another clone can pull all of it, on servers as they are."""

import os
import re
import signal
import time
from pathlib import Path

import pytest

from tests.tools.project import Project, md5
from tests.tools.pushes import FOLDER, SECONDS, SERVERS, check_pulled, push, start
from tests.tools.servers import Server


@pytest.mark.parametrize("server", [*FOLDER, *SERVERS], indirect=True)
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


@pytest.mark.parametrize("server", FOLDER, indirect=True)
def test_a_list_that_is_lost_does_not_shrink_what_is_asked_for(
    project: Project, server: Server
) -> None:
    project.list_of("data/tiles").unlink()
    message = push(project, fails=True)
    assert "so nobody can pull what is in there; nothing was pushed: run `make mend`" in message
    assert "data/tiles" in message


@pytest.mark.parametrize("server", FOLDER, indirect=True)
def test_two_at_once_in_one_clone_do_not_mix(project: Project, server: Server) -> None:
    first = start(project)
    second = start(project)
    said = [process.communicate(timeout=SECONDS) for process in (first, second)]
    codes = [first.returncode, second.returncode]
    assert 0 in codes, said
    for (out, err), code in zip(said, codes, strict=True):
        assert ("proven on store" in out) == (code == 0)
        assert code == 0 or len(err.splitlines()) == 1
    push(project)


@pytest.mark.parametrize("server", FOLDER, indirect=True)
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


@pytest.mark.parametrize("server", FOLDER, indirect=True)
def test_ctrl_c_ends_it_in_one_line(project: Project, server: Server) -> None:
    process = start(project)
    time.sleep(1.5)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=SECONDS)
    assert process.returncode in (0, 130)
    assert "Traceback" not in err
