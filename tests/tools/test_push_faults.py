"""Push: whatever goes wrong on a server, it ends within a minute, either proven or with names; and
one more push without the fault is enough for another clone to pull every byte.

| fault | folder | s3 | seaweedfs | ssh | sftp |
|---|---|---|---|---|---|
| objects deleted, truncated, flipped on the remote | x | x | x | x | x |
| an object lost here before the push | x | x | x | x | x |
| the server is killed while bytes flow | | x | x | x | x |
| the server hangs while bytes flow | | x | | x | |
| the remote is full | x | x | x | x | x |
| wrong credentials; nobody listens | | x | x | x | x |
| two clones push at once | x | x | x | x | x |
| the client is killed while bytes flow | x | x | x | x | x |

`s3` is rclone's, `seaweedfs` is `weed mini`, `ssh` is OpenSSH as root, whose shell can hash, `sftp`
is OpenSSH as an ordinary user without a shell.
"""

import random
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.tools.project import Project
from tests.tools.pushes import (
    FOLDER,
    SECONDS,
    SERVERS,
    check_pulled,
    ended,
    open_to_all,
    push,
    some_objects,
    start,
)
from tests.tools.relay import Relay
from tests.tools.servers import Server, enlarge, served, small_disk

pytestmark = pytest.mark.proof

ALL = [*FOLDER, *SERVERS]
CAN_HANG = [param for param in SERVERS if param.values[0] in ("s3", "ssh")]
SENT = 500_000  # bytes of a large object that come before a fault


@pytest.fixture(scope="session")
def made_large(made: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """With a photograph of 1.5 MB, its tiles and an archive of both; to be copied."""
    project = Project(tmp_path_factory.mktemp("large") / "project")
    subprocess.run(["cp", "-a", made.folder, project.folder], check=True)
    (project.folder / "data/source/large.jpg").write_bytes(random.Random(0).randbytes(1_500_000))
    project.run("dvc", "add", "-q", "data/source")
    project.run("dvc", "repro", "-q")
    project.commit("a large one")
    return project


@pytest.fixture
def project(made_large: Project, tmp_path: Path) -> Project:
    return copied(made_large, tmp_path / "project")


def copied(project: Project, folder: Path) -> Project:
    copy = Project(folder)
    copy.environment |= {"PYTHONWARNINGS": "ignore"}
    subprocess.run(["cp", "-a", project.folder, folder], check=True)
    return copy


@contextmanager
def in_the_middle(
    project: Project, server: Server
) -> Iterator[tuple[Relay, "subprocess.Popen[str]"]]:
    """A push of which the server has some bytes of a large object and gets no more of them, until
    the relay lets them go."""
    relay = Relay(server.port)
    try:
        server.at = relay.port
        server.remote_of(project)
        relay.hold_after = SENT
        process = start(project)
        assert relay.held.wait(SECONDS), process.communicate()
        yield relay, process
        server.at = server.port
        server.remote_of(project)
    finally:
        relay.close()


@pytest.mark.parametrize("server", ALL, indirect=True)
def test_what_is_wrong_there_is_replaced(project: Project, server: Server, tmp_path: Path) -> None:
    push(project)
    gone, short, flipped, listed = some_objects(project, 4)
    server.delete(gone)
    server.delete(listed)
    server.shorten(short)
    server.flip(flipped)
    message = push(project, "--deep")
    assert "to push to store" in message
    assert ": 4 objects, " in message
    check_pulled(project, server, tmp_path / "clone")
    assert "to push" not in push(project)


@pytest.mark.parametrize("server", ALL, indirect=True)
def test_an_object_that_nobody_has_is_named_and_nothing_is_sent(
    project: Project, server: Server, tmp_path: Path
) -> None:
    image = sorted(project.folder.glob("data/tiles/*/*.png"))[0]
    path = str(image.relative_to(project.folder))
    content = image.read_bytes()
    lost = project.object(path)
    lost.unlink()
    message = push(project, fails=True)
    assert message.startswith("error: push: missing here, and not whole on store")
    assert path in message
    assert "nothing was pushed: run `make mend`, then `make push` again" in message
    assert not list(server.store.rglob("*.dir"))
    lost.write_bytes(content)
    push(project)
    lost.unlink()  # the remote has it, which is enough
    push(project)
    check_pulled(project, server, tmp_path / "clone")


@pytest.mark.parametrize("server", SERVERS, indirect=True)
def test_wrong_credentials_and_a_dead_server_end_it_in_time(
    project: Project, server: Server, tmp_path: Path
) -> None:
    for wrong in server.wrong_keys():
        server.keys_for(project, **wrong)
        message = push(project, fails=True)
        assert "check the key, the user and their rights there" in message
    server.keys_for(project)
    server.stop()
    assert "; then `make push` again" in push(project, fails=True)
    server.start()
    push(project)
    check_pulled(project, server, tmp_path / "clone")


@pytest.mark.parametrize("server", SERVERS, indirect=True)
def test_the_server_is_killed_while_bytes_flow(
    project: Project, server: Server, tmp_path: Path
) -> None:
    with in_the_middle(project, server) as (_, process):
        server.stop()
        message = ended(process, fails=True)
        assert "not proven" in message
        assert "data/" in message
        server.start()
    push(project)
    check_pulled(project, server, tmp_path / "clone")


@pytest.mark.parametrize("server", CAN_HANG, indirect=True)
def test_the_server_hangs_while_bytes_flow(
    project: Project, server: Server, tmp_path: Path
) -> None:
    with in_the_middle(project, server) as (relay, process):
        server.stop(signal.SIGSTOP)
        relay.let_go()
        message = ended(process, fails=True)
        assert "not proven" in message
        assert "data/" in message
        server.stop(signal.SIGCONT)
    push(project)
    check_pulled(project, server, tmp_path / "clone")


@pytest.mark.parametrize("server", SERVERS, indirect=True)
def test_the_client_is_killed_while_bytes_flow(
    project: Project, server: Server, tmp_path: Path
) -> None:
    with in_the_middle(project, server) as (relay, process):
        process.kill()
        process.communicate()
        relay.let_go()
    push(project)
    check_pulled(project, server, tmp_path / "clone")


@pytest.mark.parametrize("server", FOLDER, indirect=True)
def test_it_is_killed_while_a_folder_is_filled(
    project: Project, server: Server, tmp_path: Path
) -> None:
    process = start(project)
    deadline = time.monotonic() + SECONDS
    while not list(server.objects.glob("*/*")) and time.monotonic() < deadline:
        time.sleep(0.001)
    process.kill()
    process.communicate()
    there = len(list(server.objects.glob("*/*")))
    push(project)
    assert 0 < there < len(list(server.objects.glob("*/*")))
    check_pulled(project, server, tmp_path / "clone")


@pytest.mark.parametrize("server", SERVERS, indirect=True)
def test_another_clone_pushes_while_bytes_flow(
    project: Project, server: Server, tmp_path: Path
) -> None:
    other = copied(project, tmp_path / "other")
    with in_the_middle(project, server) as (relay, process):
        push(other)
        relay.let_go()
        ended(process)
    check_pulled(other, server, tmp_path / "clone")


@pytest.mark.parametrize("server", FOLDER, indirect=True)
def test_two_clones_fill_a_folder_at_once(project: Project, server: Server, tmp_path: Path) -> None:
    clones = [project, copied(project, tmp_path / "other")]
    for process in [start(clone) for clone in clones]:
        ended(process)
    check_pulled(project, server, tmp_path / "clone")


@pytest.mark.parametrize("kind", ALL)
def test_a_full_remote_is_told_and_mended(kind: str, project: Project, tmp_path: Path) -> None:
    folder = tmp_path / "server"
    with small_disk(folder, "5m"):
        open_to_all(folder)
        check_full(kind, project, folder, tmp_path / "clone")


def check_full(kind: str, project: Project, folder: Path, clone: Path) -> None:
    with served(kind, folder) as server:
        server.remote_of(project)
        message = push(project, fails=True)
        assert "not proven" in message
        assert "data/" in message
        enlarge(folder, "200m")
        if kind == "seaweedfs":  # it looks at its disk once a minute, and when it starts
            server.stop()
            server.start()
        push(project)
        check_pulled(project, server, clone)
