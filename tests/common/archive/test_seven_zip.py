"""The archive: the same bytes each time, read by others, in volumes, and no damage unseen."""

import errno
import hashlib
import itertools
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import py7zr
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.common.archive import seven_zip
from stages.common.archive.seven_zip import Member, most_bytes, verify, write
from stages.common.errors import UserError
from stages.common.files import changed

NAMES = ["s/0.png", "s/1.png", "s/10.png", "s/README.md", "s/validation/hr/ü 山.png"]


def made(folder: Path, contents: Sequence[bytes]) -> list[Member]:
    """Files with these contents."""
    folder.mkdir(parents=True)
    members = []
    for number, content in enumerate(contents):
        path = folder / str(number)
        path.write_bytes(content)
        name = NAMES[number] if number < len(NAMES) else f"s/x/{number}"
        members.append(Member(path, name, hashlib.sha256(content).hexdigest()))
    return members


@pytest.fixture
def members(tmp_path: Path) -> list[Member]:
    return made(tmp_path / "files", [bytes([i]) * (1000 * i + 1) for i in range(7)])


def test_others_read_the_same_files(members: list[Member], tmp_path: Path) -> None:
    (path,) = write(tmp_path / "a.7z", members, None)
    with py7zr.SevenZipFile(path) as archive:
        assert archive.getnames() == [member.name for member in members]
        assert archive.archiveinfo().method_names == ["COPY"]
        archive.extractall(tmp_path / "out")
    for member in members:
        assert (tmp_path / "out" / member.name).read_bytes() == member.path.read_bytes()


def seven_zip_program() -> str:
    program = shutil.which("7zz") or shutil.which("7z")
    if program is None:
        pytest.skip("7-Zip is not installed: apt-get install 7zip")
    return program


@pytest.mark.parametrize("volume_size", [None, 3000])
def test_7_zip_finds_it_right(
    members: list[Member], tmp_path: Path, volume_size: int | None
) -> None:
    first, *_ = write(tmp_path / "a.7z", members, volume_size)
    program = seven_zip_program()
    tested = subprocess.run([program, "t", first], capture_output=True, text=True)
    assert "Everything is Ok" in tested.stdout, tested.stdout
    subprocess.run([program, "x", f"-o{tmp_path / 'out'}", first], check=True, capture_output=True)
    for member in members:
        assert (tmp_path / "out" / member.name).read_bytes() == member.path.read_bytes()


def test_times_rights_and_places_of_files_change_nothing(
    members: list[Member], tmp_path: Path
) -> None:
    (first,) = write(tmp_path / "a.7z", members, None)
    other = tmp_path / "moved"
    other.mkdir()
    moved = []
    for i, member in enumerate(members):
        path = Path(shutil.copyfile(member.path, other / f"x{i}"))
        os.utime(path, (10**9 + i, 10**9 + i))
        path.chmod((0o444, 0o600, 0o755)[i % 3])
        moved.append(member._replace(path=path))
    (second,) = write(tmp_path / "b.7z", moved, None)
    assert second.read_bytes() == first.read_bytes()


def test_the_bytes_are_these_on_every_machine(members: list[Member], tmp_path: Path) -> None:
    """No compressor, no clock: whoever changes this hash changes all archives."""
    (path,) = write(tmp_path / "a.7z", members, None)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    assert sha256 == BYTES


BYTES = "1ae1aa5ab51910c5cfafb8b082a1d54ff291e5a7a5f065d25dc8b785d0e044d5"


@settings(max_examples=40)
@given(
    st.lists(st.binary(min_size=1, max_size=300), min_size=1, max_size=9),
    st.integers(40, 500),
)
def test_volumes_are_the_bytes_of_the_one_archive(contents: list[bytes], size: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        members = made(folder / "files", contents)
        (one,) = write(folder / "a.7z", members, None)
        (folder / "v").mkdir()
        volumes = write(folder / "v" / "a.7z", members, size)
        whole = one.read_bytes()
        assert b"".join(path.read_bytes() for path in volumes) == whole
        assert [path.name for path in volumes] == [
            f"a.7z.{i:03}" for i in range(1, -(-len(whole) // size) + 1)
        ]
        assert {path.stat().st_size for path in volumes[:-1]} <= {size}
        sums = verify(volumes, members)
        assert sums.sha256 == verify([one], members).sha256 == hashlib.sha256(whole).hexdigest()
        assert sums.files == {
            path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in volumes
        }
        assert len(whole) <= most_bytes(members)


@pytest.mark.parametrize("volume_size", [None, 3000])
def test_the_disk_may_write_early(
    members: list[Member],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    volume_size: int | None,
) -> None:
    late = [path.read_bytes() for path in write(tmp_path / "a.7z", members, volume_size)]
    monkeypatch.setattr(seven_zip, "EARLY", 0)
    written = write(tmp_path / "b.7z", members, volume_size)
    assert [path.read_bytes() for path in written] == late
    verify(written, members)


@pytest.mark.parametrize("volume_size", [None, 100])
def test_a_flipped_bit_is_found_wherever_it_is(tmp_path: Path, volume_size: int | None) -> None:
    members = made(tmp_path / "files", [b"a" * 40, b"b" * 50])
    written = write(tmp_path / "a.7z", members, volume_size)
    for path in written:
        whole = path.read_bytes()
        for place, bit in itertools.product(range(len(whole)), (0, 7)):
            damaged = bytearray(whole)
            damaged[place] ^= 1 << bit
            path.write_bytes(damaged)
            with pytest.raises(UserError, match="the disk or the memory fails"):
                verify(written, members)
        path.write_bytes(whole)
    verify(written, members)


def test_an_archive_that_is_cut_off_or_longer_is_found(
    members: list[Member], tmp_path: Path
) -> None:
    (path,) = write(tmp_path / "a.7z", members, None)
    whole = path.read_bytes()
    for other in (b"", whole[:20], whole[:-1], whole[: len(whole) // 2], whole + b"\0"):
        path.write_bytes(other)
        with pytest.raises(UserError, match="the disk or the memory fails"):
            verify([path], members)


def test_damaged_files_are_named(members: list[Member], tmp_path: Path) -> None:
    (path,) = write(tmp_path / "a.7z", members, None)
    content = bytearray(path.read_bytes())
    content[content.index(bytes([3]) * 9) + 5] ^= 1
    content[content.index(bytes([5]) * 9) + 5] ^= 1
    path.write_bytes(content)
    with pytest.raises(UserError) as raised:
        verify([path], members)
    assert str(raised.value) == (
        f"{path}: not the bytes that were written: {members[3].name}, {members[5].name}: "
        f"{seven_zip.DAMAGED}"
    )


def test_a_file_that_is_not_as_its_table_has_it_is_named(
    members: list[Member], tmp_path: Path
) -> None:
    members[2].path.write_bytes(b"other")
    members[4].path.write_bytes(b"others")
    (path,) = write(tmp_path / "a.7z", members, None)
    with pytest.raises(UserError) as raised:
        verify([path], members)
    assert str(raised.value) == changed([members[2].path, members[4].path])


def test_files_of_another_archive_are_found(members: list[Member], tmp_path: Path) -> None:
    (path,) = write(tmp_path / "a.7z", members, None)
    renamed = [members[0]._replace(name="s/other.png"), *members[1:]]
    for expected in (renamed, members[1:], [*members[1:], members[0]]):
        with pytest.raises(UserError, match="lists other files than were written"):
            verify([path], expected)


@pytest.mark.parametrize("volume_size", [None, 50_000])
def test_a_full_disk_is_an_error_with_the_name(
    tmp_path: Path, tiny_disk: Callable[[str], Path], volume_size: int | None
) -> None:
    members = made(tmp_path / "files", [os.urandom(30_000) for _ in range(9)])
    path = tiny_disk("size=128k") / "a.7z"
    with pytest.raises(OSError) as raised:
        write(path, members, volume_size)
    assert (raised.value.errno, raised.value.filename) == (errno.ENOSPC, str(path))


def test_more_volumes_than_names_for_them_are_refused(
    members: list[Member], tmp_path: Path
) -> None:
    least = -(-most_bytes(members) // 999)
    with pytest.raises(UserError) as raised:
        write(tmp_path / "a.7z", members, least - 1)
    assert str(raised.value) == (
        f"a.7z of {most_bytes(members):,} bytes has more than 999 volumes: raise "
        f"release.volume_size to {least:,} bytes at least"
    )
    written = write(tmp_path / "a.7z", members, least)
    assert written == sorted(written)
    verify(written, members)
