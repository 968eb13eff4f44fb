"""Volumes: read as the one file that they were."""

import hashlib
import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.common.errors import UserError
from stages.common.sets import volumes


@given(parts=st.lists(st.binary(max_size=40), min_size=1, max_size=6), data=st.data())
def test_joined_files_are_read_as_one(
    parts: list[bytes], data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder, whole = tmp_path_factory.mktemp("joined"), b"".join(parts)
    paths = [folder / f"{i}" for i in range(len(parts))]
    for path, part in zip(paths, parts, strict=True):
        path.write_bytes(part)
    with volumes.open_all(paths) as file:
        for _ in range(4):
            start, size = data.draw(st.integers(0, 250)), data.draw(st.integers(0, 90))
            file.seek(start)
            assert file.read(size) == whole[start : start + size]
        assert file.seek(0, os.SEEK_END) == len(whole)
    joined, each = volumes.sha256_of(paths)
    assert joined == hashlib.sha256(whole).hexdigest()
    assert each == [hashlib.sha256(part).hexdigest() for part in parts]


def test_volumes_go_on_after_999(tmp_path: Path) -> None:
    expected = [tmp_path / f"a.7z.{number:03d}" for number in range(1, 1005)]
    for path in [*expected, tmp_path / "a.7z.0001", tmp_path / "b.7z.001", tmp_path / "a.7z.txt"]:
        path.touch()
    assert volumes.of(expected[0]) == expected
    expected[998].unlink()
    with pytest.raises(UserError, match=r"a\.7z\.999 is missing, one of 1004 volumes: fetch it"):
        volumes.of(expected[0])


@given(st.binary(min_size=1, max_size=300), st.integers(1, 120))
def test_a_split_archive_is_the_same_bytes(content: bytes, size: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        whole, target = Path(name, "b"), Path(name, "a.7z")
        whole.write_bytes(content)
        sha256 = volumes.split([whole], target, size)
        parts = volumes.of(Path(name, "a.7z.001"))
        assert {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in parts} == (
            sha256
        )
        assert b"".join(path.read_bytes() for path in parts) == content
        assert [path.stat().st_size for path in parts[:-1]] == [size] * (len(parts) - 1)
