"""docs/remotes.md, command by command, on loopback."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from tests.documents import blocks, spans
from tests.tools.project import Project, md5
from tests.tools.published import make_version, new_project, tiles_of
from tests.tools.pushes import SECONDS, open_to_all
from tests.tools.relay import Relay
from tests.tools.servers import KEY, SECRET, free_port, served

DOCUMENT = REPOSITORY / "docs/remotes.md"
SET_UP, KEYS, PUSH, PULL, GET, IMPORT, SERVE, CURL = blocks(DOCUMENT)
ROWS = {  # of the table: what is run for each kind of remote
    "folder": ["dvc remote add --default store /mnt/disk/store"],
    "ssh": [
        "dvc remote add --default store ssh://user@host/path",
        "dvc remote modify --local store keyfile ~/.ssh/id_ed25519",
    ],
    "s3": [
        "dvc remote add --default store s3://bucket/path",
        "dvc remote modify store endpointurl https://host",
    ],
    "http": ["dvc remote add --default store https://host/store"],
}
VERIFY = "dvc remote modify store verify true"


def test_every_command_is_run() -> None:
    """But for `make remotes`: it downloads packages, which the tests of servers need installed."""
    assert list(map(len, blocks(DOCUMENT))) == [2, 2, 6, 4, 2, 3, 1, 6]
    assert set(spans(DOCUMENT)) == {command for row in ROWS.values() for command in row} | {VERIFY}


def shell(project: Project, lines: list[str], folder: Path | None = None) -> str:
    """Run commands in one shell, as a person types them; each must end well."""
    done = subprocess.run(
        ["bash", "-c", "set -e\n" + "\n".join(lines)],
        cwd=folder or project.folder,
        env=project.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.mark.proof
def test_a_version_is_pushed_and_pulled(tmp_path: Path) -> None:
    project = new_project(tmp_path / "origin")
    shell(project, SET_UP)
    make_version(project, 1)
    first = tiles_of(project.folder / "data")
    make_version(project, 2)
    for line in PUSH:
        assert "proven on store" in shell(project, [line]), line
    clone, version, release, tile = PULL
    assert tile == "dvc pull data/dataset/samples/0.png"
    clone = clone.replace("https://host/project.git", str(project.folder))
    shell(project, [clone, version], tmp_path)
    assert tiles_of(tmp_path / "project/data") == first
    for line in (release, tile):  # alone, in a clone that has nothing else
        shutil.rmtree(tmp_path / "project")
        shell(project, [clone, "git checkout -q v1", line], tmp_path)
        found = tiles_of(tmp_path / "project/data")
        assert found == {name: first[name] for name in first if name in found}
        assert sorted({Path(name).parts[0] for name in found}) == (
            ["release"] if line == release else ["dataset"]
        )
        assert len(found) == (2 if line == release else 1)


@pytest.fixture
def published(tmp_path: Path) -> Iterator[tuple[Project, Relay]]:
    """A project whose two versions are on a remote that a web server gives out, and what lies
    before that server."""
    project = new_project(tmp_path / "origin")
    port = free_port()
    relay = Relay(port)
    (add,) = ROWS["http"]
    add = add.replace("https://host/store", f"http://127.0.0.1:{relay.port}")
    shell(project, [add, VERIFY, "git add .dvc/config && git commit -qm 'A remote'"])
    for number in (2, 1):
        make_version(project, number)
    shell(project, ["dvc remote add -q --local disk ../store"])
    shell(project, [f"{sys.executable} -m stages.tools.push --tags --remote disk"])
    shutil.rmtree(project.folder / ".dvc/cache")  # DVC would take all from there
    (serve,) = SERVE
    assert serve.endswith(" 8000")
    with started(serve.replace("8000", f"--bind 127.0.0.1 {port}"), project):
        yield project, relay
    relay.close()


@contextmanager
def started(command: str, project: Project) -> Iterator[None]:
    """A server, in the background."""
    process = subprocess.Popen(
        ["bash", "-c", f"exec {command}"],
        cwd=project.folder,
        env=project.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    time.sleep(1)
    try:
        assert process.poll() is None
        yield
    finally:
        process.kill()
        process.wait()


def here(lines: list[str], project: Project, relay: Relay) -> list[str]:
    """A block's commands, for this machine."""
    found = [line.replace("https://host/project.git", str(project.folder)) for line in lines]
    return [line.replace("host:8000", f"127.0.0.1:{relay.port}") for line in found]


def new_user(project: Project, folder: Path) -> Project:
    """A project of somebody else's, in a folder of its own."""
    user = Project(folder)
    user.environment |= {k: v for k, v in project.environment.items() if k.startswith("GIT_")}
    folder.mkdir()
    shell(user, ["git init -q && dvc init -q && git commit -qm empty"])
    return user


@pytest.mark.proof
def test_a_set_is_taken_elsewhere(published: tuple[Project, Relay], tmp_path: Path) -> None:
    project, relay = published
    user = new_user(project, tmp_path / "user")
    shell(user, here(GET, project, relay))
    released = tiles_of(user.folder / "release")
    assert sorted(released) == ["SHA256SUMS", "samples.7z"]

    take, update, compare = here(IMPORT, project, relay)
    shell(user, [take])
    first = tiles_of(user.folder / "faces")
    shell(user, [compare, update, compare])
    second = tiles_of(user.folder / "faces")
    assert len(first) == len(second) == 201
    assert len(set(second.values()) - set(first.values())) == 11
    assert all(first[name] != second[name] for name in first)

    shutil.rmtree(user.folder / "release")
    shell(project, [f"git show v1:dvc.lock > {user.folder}/dvc.lock"])
    shell(user, here(CURL, project, relay))
    assert tiles_of(user.folder / "release") == released


@pytest.mark.proof
@pytest.mark.parametrize("way", ["get", "import", "pull", "curl"])
def test_a_fetch_that_ends_half_way_leaves_nothing_that_looks_whole(
    way: str, published: tuple[Project, Relay], tmp_path: Path
) -> None:
    project, relay = published
    user = new_user(project, tmp_path / "user")
    shell(project, [f"git show v1:dvc.lock > {user.folder}/dvc.lock"])
    commands = {
        "get": GET,
        "import": [IMPORT[0], IMPORT[2]],
        "pull": [f"git clone -q --branch v1 {project.folder} p && dvc --cd p pull"],
        "curl": CURL,
    }[way]
    whole = {"import": "compared", "pull": "p/data/dataset"}.get(way, "release")
    commands += ["touch compared"] if way == "import" else []
    wanted = (
        "data/dataset/samples/0.png" if way in ("import", "pull") else "data/release/samples.7z"
    )
    name = md5(project.folder / wanted)
    path = tmp_path / "store/files/md5" / name[:2] / name[2:]
    content = path.read_bytes()
    for damaged in (None, content[:-1], bytes([content[0] ^ 1]) + content[1:]):
        path.chmod(0o644)
        path.unlink()
        if damaged is not None:
            path.write_bytes(damaged)
        fails(user, here(commands, project, relay), whole)
        shell(user, ["rm -rf p faces* release.part .dvc/cache"])
        path.write_bytes(content)
    is_killed(user, here(commands, project, relay), relay)
    assert not (user.folder / whole).exists()
    fetched = shell(
        user, ["rm -rf p faces* release.part .dvc/cache", *here(commands, project, relay)]
    )
    assert (user.folder / whole).exists(), fetched


def fails(user: Project, lines: list[str], whole: str) -> None:
    script = "set -e\n" + "\n".join(lines)
    done = subprocess.run(["bash", "-c", script], cwd=user.folder, env=user.environment)
    assert done.returncode != 0
    assert not (user.folder / whole).exists()


def is_killed(user: Project, lines: list[str], relay: Relay) -> None:
    """Run commands, and kill them when a quarter of a version has come."""
    relay.hold_answers_after = relay.answered + 10**6
    process = subprocess.Popen(
        ["bash", "-c", "set -e\n" + "\n".join(lines)],
        cwd=user.folder,
        env=user.environment,
        start_new_session=True,
    )
    assert relay.held.wait(SECONDS)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    with suppress(
        ProcessLookupError
    ):  # DVC's lock holds until the system has forgotten its process
        for _ in range(10 * SECONDS):
            os.killpg(process.pid, 0)
            time.sleep(0.1)
    relay.let_go()


@pytest.mark.servers
@pytest.mark.parametrize("kind", ["folder", "s3", "ssh"])
def test_a_remote_is_set_up_as_the_table_says(kind: str, tmp_path: Path) -> None:
    folder = tmp_path / "server"
    folder.mkdir()
    open_to_all(folder)
    project = new_project(tmp_path / "origin")
    with served(kind, folder) as server:
        settings = {
            "/mnt/disk/store": server.url,
            "ssh://user@host/path": server.url,
            "s3://bucket/path": f"{server.url}/path",
            "https://host": server.settings().get("endpointurl", ""),
            "~/.ssh/id_ed25519": str(folder / "key"),
            " KEY": f" {KEY}",
            " SECRET": f" {SECRET}",
        }
        lines = [*ROWS[kind], *(KEYS if kind == "s3" else []), VERIFY]
        for old, new in settings.items():
            lines = [line.replace(old, new) for line in lines]
        shell(project, lines)
        make_version(project, 1)
        assert "proven on store" in shell(project, ["make push"])
        shell(project, [f"git clone -q . {tmp_path}/project"])
        keys = project.folder / ".dvc/config.local"
        if keys.exists():
            shutil.copy(keys, tmp_path / "project/.dvc")
        shell(project, ["dvc pull -q"], tmp_path / "project")
        assert tiles_of(tmp_path / "project/data") == tiles_of(project.folder / "data")
