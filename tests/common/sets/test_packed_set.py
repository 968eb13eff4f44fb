"""Contents: single files of an archive, whatever it is split into."""

import hashlib
from pathlib import Path

import py7zr
import pytest

from stages.common.archive import seven_zip
from stages.common.archive.seven_zip import Member
from stages.common.errors import UserError
from stages.common.sets import packed_set

FILES = {"set/README.md": b"# A set\n", "set/set/0.png": bytes(range(256)) * 9, "set/empty": b""}


@pytest.mark.parametrize("volume", [None, 500])
def test_each_file_is_read_alone(tmp_path: Path, volume: int | None) -> None:
    members = []
    for name, content in sorted(FILES.items()):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        members.append(Member(path, name, hashlib.sha256(content).hexdigest()))
    archive = seven_zip.write(tmp_path / "a.7z", members, volume)[0]
    with packed_set.opened(archive) as inside:
        assert {name: inside.read(name) for name in inside.files} == FILES


def test_a_compressed_archive_is_told(tmp_path: Path) -> None:
    with py7zr.SevenZipFile(tmp_path / "a.7z", "w") as archive:
        archive.writestr("x" * 1000, "set/a.txt")
    with (
        pytest.raises(UserError, match="is compressed, so not made by `make run`"),
        packed_set.opened(tmp_path / "a.7z"),
    ):
        pass
