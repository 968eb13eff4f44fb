"""Files: whole or absent, linked and not copied, named so that every trainer can read them."""

import hashlib
import re
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.common.errors import UserError
from stages.common.files import (
    changed,
    files_below,
    image_name,
    naming,
    new_folder,
    plain_name,
    read_checked,
    sha256_of,
    write,
)
from tests.conftest import environment
from tests.strategies import file_names, sha256


@given(st.binary(max_size=300))
def test_the_hash_is_that_of_the_content(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "hashed"
    path.write_bytes(content)
    assert sha256_of(path) == hashlib.sha256(content).hexdigest()


def test_a_file_is_written_whole_for_everyone_to_read(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "file.txt"
    write(path, b"first")
    write(path, b"second")
    assert path.read_bytes() == b"second"
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert list(path.parent.iterdir()) == [path]


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    write(path, b"old")
    with pytest.raises(TypeError):
        write(path, "text")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_leaves_the_old_file(tiny_disk: Callable[[str], Path]) -> None:
    disk = tiny_disk("size=64k")
    write(disk / "file", b"old")
    with pytest.raises(OSError, match="No space left"):
        write(disk / "file", bytes(10**6))
    assert (disk / "file").read_bytes() == b"old"
    assert list(disk.iterdir()) == [disk / "file"]


WRITER = """
import sys
from pathlib import Path
from stages.common.files import write
sizes = (10, 3_000_000)
for i in range(10**9):
    write(Path(sys.argv[1]), bytes([i % 2]) * sizes[i % 2])
"""


def test_a_killed_writer_leaves_one_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    for _ in range(3):
        writer = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], env=environment())
        while not path.exists():
            time.sleep(0.01)
        time.sleep(0.1)
        writer.send_signal(signal.SIGKILL)
        writer.wait()
        content = path.read_bytes()
        assert content == bytes([content[0]]) * (10, 3_000_000)[content[0]]


def test_a_new_folder_is_made_with_its_parents(tmp_path: Path) -> None:
    assert new_folder(tmp_path / "a" / "b") == tmp_path / "a" / "b"
    assert list((tmp_path / "a").iterdir()) == [tmp_path / "a" / "b"]
    assert new_folder(tmp_path / "a" / "b") == tmp_path / "a" / "b"  # still empty


def test_a_folder_with_old_files_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "old.png").write_bytes(b"old")
    with pytest.raises(UserError) as raised:
        new_folder(tmp_path)
    message = f"{tmp_path} must be empty, but holds files: run `dvc repro`, or delete it first"
    assert str(raised.value) == message
    assert (tmp_path / "old.png").read_bytes() == b"old"


def test_a_file_is_read_only_where_it_is_the_listed_one(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"content")
    listed = hashlib.sha256(b"content").hexdigest()
    assert read_checked(path, listed) == b"content"
    path.write_bytes(b"Content")
    with pytest.raises(UserError) as raised:
        read_checked(path, listed)
    assert str(raised.value) == (
        f"{path} has changed since it was listed: run `dvc repro` again; if it ends here again, "
        "run `make verify`, which says how to mend it"
    )


def test_many_changed_files_are_named_and_then_counted() -> None:
    message = changed([Path(f"{i}.png") for i in range(1025)])
    assert message.startswith("0.png, 1.png, ")
    assert ", 19.png and 1,005 more have changed since they were listed: run " in message


def test_an_error_without_a_name_gets_one() -> None:
    with pytest.raises(OSError, match="full") as raised, naming(Path("a/b")):
        raise OSError(28, "full")
    assert raised.value.filename == "a/b"
    with pytest.raises(OSError, match="full") as raised, naming(Path("a/b")):
        raise OSError(28, "full", "its own")
    assert raised.value.filename == "its own"


def test_a_full_disk_is_told_with_the_file(tiny_disk: Callable[[str], Path]) -> None:
    disk = tiny_disk("size=64k")
    with pytest.raises(OSError, match="No space left") as raised:
        write(disk / "file", bytes(10**6))
    assert raised.value.filename == str(disk / "file")


def test_files_are_listed_below_their_folder(tmp_path: Path) -> None:
    for name in ("b", "a/c", "a/b/d"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert files_below(tmp_path) == ["a/b/d", "a/c", "b"]


def test_a_link_to_a_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "in" / "a").mkdir(parents=True)
    (tmp_path / "in" / "a" / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UserError) as raised:
        files_below(tmp_path / "in")
    assert str(raised.value) == (
        f"{tmp_path}/in/a/link is a link to the folder {tmp_path}/elsewhere, and DVC sees no "
        "change behind a link: move that folder here, name it in gather.more if it holds "
        "photographs, or `mount --bind` it on a folder of this name"
    )


@given(st.text())
def test_a_plain_name_has_no_character_that_a_reader_stumbles_on(name: str) -> None:
    plain = plain_name(name)
    assert re.fullmatch(r"[A-Za-z0-9_-]+", plain)
    assert plain_name(plain) == plain


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("with two  spaces", "with-two-spaces"),
        ("Bärenhöhle – 山", "Barenhohle"),
        ("a.b.c", "a-b-c"),
        ("fox21_x2", "fox21_x2"),
        ("山", "image"),
        ("../..", "image"),
    ],
)
def test_plain_names_stay_readable(name: str, plain: str) -> None:
    assert plain_name(name) == plain


@given(st.lists(st.tuples(st.sampled_from(["s", "Straße", "."]), file_names, sha256), unique=True))
def test_an_image_is_named_after_its_photograph_and_its_hash(
    photographs: list[tuple[str, str, str]],
) -> None:
    for section, path, digest in photographs:
        name = image_name(section, path, digest)
        assert re.fullmatch(r"([A-Za-z0-9_-]+/)?[A-Za-z0-9_-]+\.png", name)
        assert name.count("/") == (section != ".")
        assert name.endswith(f"-{digest[:8]}.png")


def test_names_of_like_photographs_differ_by_their_hash() -> None:
    a, b = "00112233" + "0" * 56, "44556677" + "0" * 56
    assert image_name("faces", "faces/x/twin.jpg", a) == "faces/twin-00112233.png"
    assert image_name("faces", "faces/twin.png", b) == "faces/twin-44556677.png"
    assert image_name(".", "twin.jpg", a) == "twin-00112233.png"


def test_the_longest_name_of_a_file_system_fits() -> None:
    name = image_name("s" * 255, "p" * 255, "0" * 64)
    assert max(len(part) for part in f"{name}T10_s1000.png".split("/")) <= 255
