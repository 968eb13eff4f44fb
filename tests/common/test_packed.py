"""Archives: each member's own bytes or a reason; nothing from outside, and never too much."""

import gzip
import stat
import struct
import tarfile
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.common import packed
from stages.common.packed import Index, Member, PackedError
from stages.common.store import default_path
from tests.archives import KINDS, add, pack

FILES = {"a.png": b"one" * 1000, "b/c.png": b"two", "b/ü 山.png": b"", "z.txt": bytes(9000)}


def faults(index: Index) -> dict[str, str]:
    return {member.path: member.fault for member in index.members}


@pytest.fixture(autouse=True)
def new_process() -> None:
    forget()


def forget() -> None:
    """What a new process does not know."""
    for cached in (packed._members, packed._index, packed._zip, packed._stream):
        cached.cache_clear()


@pytest.mark.parametrize("kind", KINDS)
def test_every_member_is_read_as_it_was_packed(tmp_path: Path, kind: str) -> None:
    path = pack(tmp_path / f"A.{kind}", FILES)
    assert packed.is_packed(path.name)
    index = packed.index(path)
    assert index.fault == ""
    assert {member.path: member.bytes for member in index.members} == {
        name: len(content) for name, content in FILES.items()
    }
    for name, content in reversed(FILES.items()):
        assert packed.read(path, name) == content
        assert packed.read(path, name, 5) == content[:5]
    assert packed.has(path, "b/c.png")
    assert not packed.has(path, "b")
    with pytest.raises(PackedError, match=rf"^A\.{kind} has no member b$"):
        packed.read(path, "b")


@given(
    st.dictionaries(st.from_regex(r"[a-zé]{1,4}(/[a-z ]{1,3}x)?", fullmatch=True), st.binary()),
    st.sampled_from(KINDS),
)
def test_any_files_come_out_as_they_went_in(
    tmp_path_factory: pytest.TempPathFactory, files: dict[str, bytes], kind: str
) -> None:
    path = pack(tmp_path_factory.mktemp("packed") / f"a.{kind}", files)
    found = {m.path: packed.read(path, m.path) for m in packed.index(path).members}
    assert found == files


def test_names_of_archives() -> None:
    names = ("a.zip", "A.ZIP", "b.tar", "c.tar.gz", "d.TGZ", "e.gz", "zip", "f.zip.png", "g.7z")
    assert [name for name in names if packed.is_packed(name)] == list(names[:5])


def test_a_replaced_archive_is_read_anew(tmp_path: Path) -> None:
    for kind in KINDS:
        for content in (b"one", b"other"):
            path = pack(tmp_path / f"a.{kind}", {"a.png": content})
            assert packed.read(path, "a.png") == content


def test_no_member_of_a_tar_leads_anywhere(tmp_path: Path) -> None:
    (tmp_path / "secret.png").write_bytes(b"secret")
    for kind, mode in (("tar", "w"), ("tar.gz", "w:gz")):
        path = tmp_path / "in" / f"a.{kind}"
        path.parent.mkdir(exist_ok=True)
        with tarfile.open(path, mode) as tar:
            for name in ("../secret.png", str(tmp_path / "secret.png"), "b/../../x", "c\\..\\x"):
                add(tar, name, b"x")
            add(tar, "C:x.png", b"x")
            for name in ("./a.png", "b//c.png", "twice.png", "./twice.png"):
                add(tar, name, b"good")
            add(tar, "soft.png", kind=tarfile.SYMTYPE)
            add(tar, "hard.png", kind=tarfile.LNKTYPE)
            add(tar, "pipe.png", kind=tarfile.FIFOTYPE)
            add(tar, "folder", kind=tarfile.DIRTYPE)
        out = "its name leads out of the archive"
        assert faults(packed.index(path)) == {
            "../secret.png": out,
            str(tmp_path / "secret.png"): out,
            "C:x.png": out,
            "a.png": "",
            "b/../../x": out,
            "b/c.png": "",
            "c\\..\\x": out,
            "hard.png": "a link",
            "pipe.png": "not a file",
            "soft.png": "a link",
            "twice.png": "2 members have this name",
        }
        for name in ("../secret.png", "soft.png", "hard.png", "twice.png"):
            with pytest.raises(PackedError):
                packed.read(path, name)


def test_no_member_of_a_zip_leads_anywhere(tmp_path: Path) -> None:
    path = pack(tmp_path / "a.zip", {"../x.png": b"x", "/y.png": b"y", "a.png": b"a"})
    with zipfile.ZipFile(path, "a") as archive:
        link = zipfile.ZipInfo("link.png")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
        archive.writestr("locked.png", b"locked")
        archive.writestr("folder/", b"")
    content = bytearray(path.read_bytes())
    for signature, flags, place in (  # as `zip --encrypt` sets them, in both of its headers
        (b"PK\x03\x04", 6, content.index(b"locked.png")),
        (b"PK\x01\x02", 8, content.rindex(b"locked.png")),
    ):
        content[content.rindex(signature, 0, place) + flags] |= 1
    path.write_bytes(content)
    out = "its name leads out of the archive"
    assert faults(packed.index(path)) == {
        "../x.png": out,
        "/y.png": out,
        "a.png": "",
        "link.png": "a link",
        "locked.png": "it is encrypted",
    }


def test_a_flipped_byte_in_a_zip_is_found_and_the_rest_is_read(tmp_path: Path) -> None:
    path = pack(tmp_path / "a.zip", {"a.png": b"first", "b.png": b"second"})
    content = bytearray(path.read_bytes())
    content[36] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(PackedError):
        packed.read(path, "a.png")
    assert packed.read(path, "b.png") == b"second"


def test_a_flipped_byte_in_a_compressed_tar_is_found(tmp_path: Path) -> None:
    noise = bytes((i * i * 7 + i) % 251 for i in range(100_000))
    path = pack(tmp_path / "a.tgz", {"a.png": noise})
    content = bytearray(path.read_bytes())
    content[-6] ^= 0xFF  # its CRC
    path.write_bytes(content)
    assert "damaged" in packed.index(path).fault
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)
    assert packed.index(path).fault != ""


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_cut_off_or_no_archive_has_a_fault(tmp_path: Path, kind: str) -> None:
    whole = pack(tmp_path / f"whole.{kind}", FILES | {"big.png": bytes(range(256)) * 400})
    content = whole.read_bytes()
    for i, part in enumerate((b"", b"no archive", content[:300], content[: len(content) // 2])):
        path = tmp_path / f"{i}.{kind}"
        path.write_bytes(part)
        index = packed.index(path)
        assert index.fault != ""
        assert str(tmp_path) not in index.fault  # a table must not say where it lies
        for member in index.members:
            assert (
                packed.read(path, member.path, 10)
                == (FILES | {"big.png": b""}).get(member.path, b"")[:10]
                or member.path == "big.png"
            )


def test_what_announces_much_costs_nothing(tmp_path: Path) -> None:
    header = tarfile.TarInfo("big.png")
    header.size = 1 << 40
    (tmp_path / "a.tar").write_bytes(header.tobuf() + bytes(1024))
    assert packed.index(tmp_path / "a.tar") == Index([], "truncated, at big.png")
    long = tarfile.TarInfo("././@LongLink")
    long.type, long.size = tarfile.GNUTYPE_LONGNAME, 1 << 30
    bombs = {
        "zeros": bytes(80 << 20),
        "big": header.tobuf() + bytes(80 << 20),
        "name": long.tobuf() + bytes(80 << 20),
    }
    for name, content in bombs.items():
        (tmp_path / f"{name}.tgz").write_bytes(gzip.compress(content, 9))
    much = "it unpacks to more than 100 times its size"
    assert packed.index(tmp_path / "zeros.tgz") == Index([], much)
    assert packed.index(tmp_path / "big.tgz") == Index([], f"{much}, at big.png")
    assert packed.index(tmp_path / "name.tgz") == Index([], "a header of 1,073,741,824 bytes")


def test_a_zip_gives_no_more_than_it_announces(tmp_path: Path) -> None:
    path = pack(tmp_path / "a.zip", {"a.png": bytes(1_000_000)})
    content = path.read_bytes().replace(struct.pack("<I", 1_000_000), struct.pack("<I", 10))
    path.write_bytes(content)
    with pytest.raises(PackedError):
        packed.read(path, "a.png")
    assert packed.index(path).members == [Member("a.png", 10)]


def test_a_compressed_tar_is_gone_through_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = pack(tmp_path / "a.tgz", FILES)
    index = packed.index(path)
    (kept,) = (default_path().parent / "archives").iterdir()
    forget()
    with monkeypatch.context() as patch:
        patch.setattr(packed, "_walk", None)
        assert packed.index(path) == index
        assert packed.read(path, "b/c.png") == FILES["b/c.png"]
    forget()
    damaged = bytearray(kept.read_bytes())
    damaged[-1] ^= 1
    kept.write_bytes(damaged)  # is made anew
    assert packed.index(path) == index
    assert packed.read(path, "b/c.png") == FILES["b/c.png"]
