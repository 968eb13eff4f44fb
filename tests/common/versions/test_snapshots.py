"""Snapshots: a version of before is read from git and DVC's objects, as from its workspace."""

from pathlib import Path

import pytest

from stages.common.errors import UserError
from stages.common.versions import records, snapshots
from stages.common.versions.snapshots import LINEAGE, read, read_revision
from tests.tools.released import FIRST, Released


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Released:
    """Version 1.0.0, tagged, and another one in the workspace."""
    project = Released(tmp_path_factory.mktemp("snapshots") / "project")
    project.set_up()
    project.version("1.0.0", FIRST)
    project.git("tag", "v1")
    return project


def test_a_version_of_before_is_what_it_was(project: Released) -> None:
    cache = project.folder / ".dvc/cache"

    def read_object(md5: str) -> bytes | None:
        path = records.object_path(cache, md5)
        return path.read_bytes() if path.is_file() else None

    first = read(project.folder)
    assert [tile.name for tile in first.tiles] == ["0.png", "1.png", "2.png", "3.png"]
    assert len(set(first.pictures)) == 4
    assert first.licences == dict.fromkeys(("faces/1.jpg", "places/2.jpg", "v/v.jpg"), "CC0-1.0")
    project.version("1.1.0", FIRST[:2])
    assert read_revision(project.folder, "v1", read_object) == first
    assert read(project.folder) != first
    with pytest.raises(UserError) as raised:
        read_revision(project.folder, "v1", lambda md5: None)
    assert str(raised.value) == f"v1: {LINEAGE} is neither here nor on the remote"
    with pytest.raises(UserError) as raised:
        read_revision(
            project.folder, "v1", lambda md5: read_object(md5) if md5.endswith(".dir") else b"a,b\n"
        )
    assert str(raised.value).startswith(f"v1: {LINEAGE} lacks the columns name, sha256, ")


def test_tiles_that_no_table_has_are_told(project: Released, tmp_path: Path) -> None:
    for path in snapshots.FILES:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes((project.folder / path).read_bytes())
    table = tmp_path / snapshots.TILES
    table.write_text(table.read_text().splitlines()[0] + "\n")
    with pytest.raises(UserError, match="names no tile, or one that data/tables/"):
        read(tmp_path)
