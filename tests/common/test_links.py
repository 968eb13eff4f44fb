"""Links: no second copy where only stages write, bytes of their own where people do."""

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from stages.common.links import clone, is_experiment, is_linked, link, own


def test_a_link_is_a_second_name_of_the_same_file(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"content")
    link(tmp_path / "a", tmp_path / "new" / "b")
    assert (tmp_path / "a").samefile(tmp_path / "new" / "b")


def test_a_file_on_another_disk_is_copied(tmp_path: Path, tiny_disk: Callable[[str], Path]) -> None:
    (tmp_path / "a").write_bytes(b"content")
    link(tmp_path / "a", tiny_disk("size=64k") / "b")
    copy = tmp_path / "disk0" / "b"
    assert copy.read_bytes() == b"content"
    assert not (tmp_path / "a").samefile(copy)


def test_a_link_never_replaces_a_file(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).write_bytes(name.encode())
    with pytest.raises(FileExistsError):
        link(tmp_path / "a", tmp_path / "b")
    assert (tmp_path / "b").read_bytes() == b"b"


def as_dvc_links(path: Path, cached: Path, content: bytes = b"photograph") -> Path:
    """A file that has a second, read-only name in a cache."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    path.chmod(0o444)
    os.utime(path, ns=(10**18, 10**18))
    os.link(path, cached)
    return path


def test_what_dvc_has_linked_gets_bytes_of_its_own(tmp_path: Path) -> None:
    source = tmp_path / "source"
    path = as_dvc_links(source / "film" / "a.png", tmp_path / "object")
    assert is_linked(path)
    assert own(source) == 1
    assert not is_linked(path)
    status = path.stat()
    assert (status.st_mtime_ns, stat.S_IMODE(status.st_mode), status.st_nlink) == (10**18, 0o644, 1)
    path.write_bytes(b"better scan")  # in place, as `cp` does it
    assert (tmp_path / "object").read_bytes() == b"photograph"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["object", "source"]
    assert own(source) == 0


def test_links_that_a_person_made_stay(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a").write_bytes(b"content")
    os.link(tmp_path / "in" / "a", tmp_path / "in" / "b")
    (tmp_path / "in" / "c").symlink_to("a")
    (tmp_path / "in" / "read only").touch(mode=0o444)
    assert own(tmp_path / "in") == 0
    assert (tmp_path / "in" / "a").samefile(tmp_path / "in" / "b")
    assert own(tmp_path / "none") == 0


def test_an_experiments_folder_is_left_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    experiment = tmp_path / ".dvc" / "tmp" / "exps" / "abc"
    path = as_dvc_links(experiment / "source" / "a.png", tmp_path / "object")
    monkeypatch.chdir(experiment)
    assert is_experiment()
    assert own(Path("source")) == 0
    assert is_linked(path)


def test_without_room_for_copies_the_links_stay_and_that_is_told(
    tiny_disk: Callable[[str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    disk = tiny_disk("size=160k")
    path = as_dvc_links(disk / "source" / "a.png", disk / "object", bytes(100_000))
    assert own(disk / "source") == 0
    assert path.samefile(disk / "object")
    assert capsys.readouterr().err == (
        f"warning: {disk}/source: 1 files share their bytes with DVC's cache, and there is no room "
        "for 0 MB of copies: never write into one, but remove it first and then copy the new one\n"
    )


@pytest.mark.parametrize("kind", ["btrfs", "xfs"])
def test_a_clone_has_bytes_of_its_own(kind: str, loop_disk: Callable[[str], Path]) -> None:
    disk = loop_disk(kind)
    (disk / "a").write_bytes(b"photograph" * 10_000)
    assert clone(disk / "a", disk / "new" / "b")
    (disk / "new" / "b").write_bytes(b"changed")
    assert (disk / "a").read_bytes() == b"photograph" * 10_000
    with pytest.raises(FileExistsError):
        clone(disk / "a", disk / "new" / "b")


def test_where_there_are_no_clones_nothing_is_left(tiny_disk: Callable[[str], Path]) -> None:
    disk = tiny_disk("size=64k")
    (disk / "a").write_bytes(b"photograph")
    assert not clone(disk / "a", disk / "b")
    assert sorted(p.name for p in disk.iterdir()) == ["a"]
