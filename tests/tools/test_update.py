"""An update fetches what is new: a version with 5% new tiles, whatever their numbers, 6% of it."""

import shutil
import sys
from pathlib import Path

import pytest

from tests.tools.project import Project
from tests.tools.published import BYTES, NEW, TILES, make_version, new_project, tiles_of
from tests.tools.pushes import open_to_all
from tests.tools.relay import Relay
from tests.tools.servers import served

ALL = TILES * BYTES  # bytes of a version's tiles
MOST = 0.06  # of them, for 5% new ones; with requests, headers and lists


@pytest.mark.proof
@pytest.mark.parametrize("kind", ["s3", "ssh"])
def test_an_update_with_5_percent_new_tiles_fetches_6_percent(kind: str, tmp_path: Path) -> None:
    assert NEW / TILES == 0.05
    folder = tmp_path / "server"
    folder.mkdir()
    open_to_all(folder)
    project = new_project(tmp_path / "origin")
    with served(kind, folder) as server:
        relay = Relay(server.port)
        server.at = relay.port
        server.remote_of(project)
        for number in (1, 2):
            make_version(project, number)
        project.run(sys.executable, "-m", "stages.tools.push", "--tags")
        second = tiles_of(project.folder / "data/dataset")
        project.run("git", "checkout", "-q", "v1")
        project.run("dvc", "checkout", "-q")
        first = tiles_of(project.folder / "data/dataset")
        assert first.keys() == second.keys()
        assert all(first[name] != second[name] for name in first)
        shutil.rmtree(project.folder / ".dvc/cache")  # DVC would take all from there
        keys = ["--config", str(project.folder / ".dvc/config.local")]

        def fetched(user: Project, *command: str) -> float:
            before = relay.answered
            user.run(*command)
            return (relay.answered - before) / ALL

        clone = Project(tmp_path / "clone")
        project.run("git", "clone", "-q", "-b", "v1", ".", str(clone.folder))
        server.keys_for(clone)
        whole = fetched(clone, "dvc", "pull", "-q", "data/dataset")
        clone.run("git", "checkout", "-q", "v2")
        pulled = fetched(clone, "dvc", "pull", "-q", "data/dataset")
        assert tiles_of(clone.folder / "data/dataset") == second

        user = new_project(tmp_path / "user")
        take = ["dvc", "import", "-q", "--rev", "v1", *keys, str(project.folder), "data/dataset"]
        imported = fetched(user, *take, "-o", "faces")
        assert tiles_of(user.folder / "faces") == first
        updated = fetched(user, "dvc", "update", "-q", "--rev", "v2", "faces.dvc")
        assert tiles_of(user.folder / "faces") == second
        relay.close()
    print(f"{kind}: of all bytes, {whole:.3f} pulled first, {pulled:.3f} then;", end=" ")
    print(f"{imported:.3f} imported first, {updated:.3f} then")
    assert min(whole, imported) >= 1
    assert max(pulled, updated) <= MOST
