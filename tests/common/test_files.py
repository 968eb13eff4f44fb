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
from stages.common.files import image_name, link, new_folder, plain_name, sha256_of, write
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
    told = f"{tmp_path} must be empty, but holds files: run `dvc repro`, or delete it first"
    assert str(raised.value) == told
    assert (tmp_path / "old.png").read_bytes() == b"old"


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
