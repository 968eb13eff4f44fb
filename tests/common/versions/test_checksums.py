"""Checksums: right, each content read once, and nothing that has changed taken for known."""

import hashlib
import os
from pathlib import Path

import pytest

from stages.common.versions import checksums
from stages.common.versions.checksums import UNREADABLE, Checksums
from tests.tools.project import flip


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that were read."""
    names: list[str] = []
    hashed = checksums._md5

    def md5(path: checksums.Path) -> str:
        names.append(Path(path).name)
        return hashed(path)

    monkeypatch.setattr(checksums, "_md5", md5)
    return names


@pytest.mark.parametrize("workers", ["0", "3"])
def test_hashes_are_those_of_the_contents(
    tmp_path: Path, workers: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SRSET_WORKERS", workers)
    monkeypatch.setattr(checksums, "CHUNK", 1000)
    monkeypatch.setattr(checksums, "LARGE", 2500)
    for n in range(50):
        (tmp_path / f"{n}").write_bytes(bytes([n]) * 100 * n)
    expected = {
        path: hashlib.md5(path.read_bytes()).hexdigest() for path in sorted(tmp_path.iterdir())
    }
    sums = Checksums()
    assert sums.of(expected) == expected
    assert sums.bytes == sum(100 * n for n in range(50))


def test_links_and_known_files_are_not_read_again(tmp_path: Path, read: list[str]) -> None:
    (tmp_path / "a").write_bytes(b"content")
    os.link(tmp_path / "a", tmp_path / "b")
    sums = Checksums()
    first = sums.of([tmp_path / "a", tmp_path / "b"])
    assert (len(set(first.values())), len(read)) == (1, 1)
    assert sums.of([tmp_path / "b"]) == {tmp_path / "b": first[tmp_path / "a"]}
    assert len(read) == 1
    flip(tmp_path / "b", keep_time=True)
    assert sums.of([tmp_path / "a"]) != {tmp_path / "a": first[tmp_path / "a"]}
    assert len(read) == 2


def test_what_is_no_file_has_no_hash(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "broken").symlink_to("nowhere")
    (tmp_path / "itself").symlink_to("itself")
    absent = [
        tmp_path / "absent",
        tmp_path / "file" / "below",
        tmp_path / "broken",
        tmp_path / "itself",
    ]
    found = Checksums().of([*absent, tmp_path / "folder", tmp_path / "pipe"])
    empty = hashlib.md5(b"").hexdigest()  # of a pipe that no one writes to
    assert found == dict.fromkeys(absent) | {
        tmp_path / "folder": UNREADABLE,
        tmp_path / "pipe": empty,
    }
