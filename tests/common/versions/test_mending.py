"""Mending: what is put into the cache is right, whole, and never over what is good."""

import hashlib
import io
import stat
from pathlib import Path

import pytest

from stages.common.errors import UserError
from stages.common.versions import mending

CONTENT = b"content"
MD5 = hashlib.md5(CONTENT).hexdigest()


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def cached(content: bytes = CONTENT) -> Path:
    """An object of the cache, with this content."""
    path = Path("cache/files/md5", MD5[:2], MD5[2:])
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    path.chmod(0o444)
    return path


def test_an_object_is_put_only_if_it_has_its_hash() -> None:
    assert not mending.put_object(Path("cache"), MD5, io.BytesIO(b"other"))
    path = Path("cache/files/md5", MD5[:2], MD5[2:])
    assert list(path.parent.iterdir()) == []
    assert mending.put_object(Path("cache"), MD5, io.BytesIO(CONTENT))
    assert path.read_bytes() == CONTENT
    assert stat.S_IMODE(path.stat().st_mode) == 0o444
    assert list(path.parent.iterdir()) == [path]
    assert mending.put_object(Path("cache"), f"{MD5}.dir", io.BytesIO(CONTENT))


def test_what_is_moved_aside_is_kept_however_often() -> None:
    for number, name in enumerate((MD5, f"{MD5}.2", f"{MD5}.3")):
        path = cached(b"%d" % number)
        assert mending.move_aside(Path("cache"), MD5) == f".dvc/damaged/{name}"
        assert not path.exists()
        assert Path(".dvc/damaged", name).read_bytes() == b"%d" % number


@pytest.mark.parametrize("link", [True, False])
def test_a_file_is_put_back_whole_and_its_old_content_is_let_go(link: bool) -> None:
    source = cached()
    Path("out").mkdir()
    Path("out/a").write_bytes(b"damaged")
    Path("other").hardlink_to("out/a")
    mending.put_file(Path("cache"), MD5, "out/a", link=link)
    mending.put_file(Path("cache"), MD5, "new/b", link=link)
    assert Path("out/a").read_bytes() == Path("new/b").read_bytes() == CONTENT
    assert Path("out/a").samefile(source) is link
    assert stat.S_IMODE(Path("out/a").stat().st_mode) == (0o444 if link else 0o644)
    assert Path("other").read_bytes() == b"damaged"
    assert [path.name for path in Path("out").iterdir()] == ["a"]


def test_a_folder_is_not_replaced_by_a_file() -> None:
    cached()
    Path("out/a").mkdir(parents=True)
    with pytest.raises(UserError, match="out/a is a folder, but a file is recorded"):
        mending.put_file(Path("cache"), MD5, "out/a", link=True)


def test_a_process_that_was_killed_holds_nothing(tmp_path: Path) -> None:
    Path(".dvc/tmp").mkdir(parents=True)
    Path(".dvc/tmp/rwlock").write_text('{"write": {"a": {"pid": 999999999, "cmd": "dvc repro"}}}')
    with (
        mending.locked(),
        pytest.raises(UserError, match="DVC is at work here"),
        mending.locked(),
    ):
        pass
    Path(".dvc/tmp/rwlock").write_text("{damaged")
    with mending.locked():
        pass
