"""Photographs inside zip and tar archives, read without unpacking them.

A zip's own directory says where each member is, and its CRC is compared when it is read. Of a tar,
one walk over the headers says where each member begins. Of a compressed tar (.tar.gz, .tgz) that
walk goes through the whole stream once, compares its CRC, and notes every `SPACING` bytes how to go
on from there.

What the walk over a compressed archive has found is kept beside the store, about 1% of its size, so
that no other process and no later stage makes it again.

Archives come from strangers: a member whose name leads elsewhere, a link and what is encrypted is
never read, no member gives more bytes than it announces, and nothing is written outside the store.

Source: zran, of zlib's examples, as indexed_gzip has it
        (https://github.com/pauldmccarthy/indexed_gzip).
"""

import functools
import hashlib
import io
import json
import re
import stat
import tarfile
import zipfile
from collections import Counter
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import IO, Any, NamedTuple

from stages.common import files, listing, store
from stages.common.listing import Status

SUFFIXES = (".zip", ".tar", ".tar.gz", ".tgz")
SPACING = 4 << 20  # bytes of a stream from one place to go on from to the next: 4 ms a member
MOST_HEADER = 1 << 20  # bytes of a tar header: a name that is longer is none
MOST_GROWTH = 100  # how much larger than its file a stream may be; photographs hardly shrink
TOO_LARGE = f"it unpacks to more than {MOST_GROWTH} times its size"
CHUNK = 1 << 20


class PackedError(Exception):
    """Why an archive or a member can't be read, in words."""


class Member(NamedTuple):
    """A file inside an archive."""

    path: str  # inside it; as the archive has it where that leads elsewhere
    bytes: int  # as announced
    fault: str = ""  # why it can't be read; empty where it can
    offset: int = 0  # of a tar: where its content begins in the stream


class Index(NamedTuple):
    members: list[Member]  # by path, each path once
    fault: str = ""  # why there may be more; empty where this is all


def is_packed(path: str) -> bool:
    """Whether a file is an archive, by its name."""
    return path.lower().endswith(SUFFIXES)


def index(file: Path) -> Index:
    """What an archive holds; of one that can't be opened nothing is known but its fault."""
    try:
        return _index(file, listing.status(file))
    except PackedError as error:
        return Index([], str(error))


def read(file: Path, path: str, size: int = -1) -> bytes:
    """A member's content, or its first `size` bytes.

    Raises:
        PackedError: where it is not there, or can't be read.
    """
    status = listing.status(file)
    member = _members(file, status).get(path)
    if member is None:
        raise PackedError(f"{file.name} has no member {path}")
    if member.fault:
        raise PackedError(member.fault)
    wanted = member.bytes if size < 0 else min(size, member.bytes)
    try:
        if _is_zip(file):
            archive, infos = _zip(file, status)
            with archive.open(infos[path]) as content:
                found = content.read() if size < 0 else content.read(wanted)
        elif _is_compressed(file):
            found = _part(_stream(file, status)[0], member.offset, wanted)
        else:
            with file.open("rb") as stream:
                found = _part(stream, member.offset, wanted)
    except (PackedError, MemoryError):
        raise
    except Exception as error:  # a broken archive can raise anything
        raise PackedError(_words(error)) from None
    if len(found) != wanted:
        raise PackedError(f"truncated: {len(found):,} of {wanted:,} bytes")
    return found


def has(file: Path, path: str) -> bool:
    """Whether there is such a member."""
    try:
        return path in _members(file, listing.status(file))
    except PackedError:
        return False


def _is_zip(file: Path) -> bool:
    return file.name.lower().endswith(".zip")


def _is_compressed(file: Path) -> bool:
    return file.name.lower().endswith("gz")


def _words(error: Exception) -> str:
    """A fault in words, without the file's path: a table must not say where it lies."""
    if "ZRAN" in str(error):
        return "its compressed stream ends early, or is damaged"
    text = (error.strerror if isinstance(error, OSError) else None) or str(error)
    return " ".join(text.split()) or type(error).__name__


def _part(stream: IO[bytes], offset: int, size: int) -> bytes:
    stream.seek(offset)
    return stream.read(size)


@functools.lru_cache(maxsize=4)
def _members(file: Path, status: Status) -> dict[str, Member]:
    return {member.path: member for member in _index(file, status).members}


@functools.lru_cache(maxsize=4)
def _index(file: Path, status: Status) -> Index:
    if _is_zip(file):
        archive, _ = _zip(file, status)
        return Index(_by_path(_of_zip(i) for i in archive.infolist() if not i.is_dir()))
    if _is_compressed(file):
        return _stream(file, status)[1]
    with file.open("rb") as stream:
        return _walk(stream, status.bytes, "truncated")


def _by_path(members: Iterable[Member]) -> list[Member]:
    """Members by path, with what is wrong with their names. Several of one name are one line."""
    plain = [m._replace(path=_plain(m.path), fault=_misnamed(m.path) or m.fault) for m in members]
    counts = Counter(member.path for member in plain)
    last = {member.path: member for member in plain}
    return [
        m if counts[path] == 1 else m._replace(fault=f"{counts[path]} members have this name")
        for path, m in sorted(last.items())
    ]


def _plain(name: str) -> str:
    """A member's name as a path, as `a/b` for `./a//b`."""
    return name if _misnamed(name) else PurePosixPath(name).as_posix()


def _misnamed(name: str) -> str:
    """What is wrong with a member's name; empty where nothing is."""
    parts = re.split(r"[/\\]", name)
    if ".." in parts or parts[0] == "" or re.match(r"[A-Za-z]:", name):
        return "its name leads out of the archive"
    return "it has no name" if set(parts) <= {"", "."} else ""


# Zip


@functools.lru_cache(maxsize=4)
def _zip(file: Path, status: Status) -> tuple[zipfile.ZipFile, dict[str, zipfile.ZipInfo]]:
    """An open archive, and what its directory says by path; `status` tells it from another file
    that had its name."""
    try:
        archive = zipfile.ZipFile(file)
        return archive, {_plain(info.filename): info for info in archive.infolist()}
    except Exception as error:
        raise PackedError(f"no zip archive, or a damaged one: {_words(error)}") from None


def _of_zip(info: zipfile.ZipInfo) -> Member:
    kind = stat.S_IFMT(info.external_attr >> 16)
    fault = ""
    if stat.S_ISLNK(kind):
        fault = "a link"
    elif kind and not stat.S_ISREG(kind):
        fault = "not a file"
    elif info.flag_bits & 1:
        fault = "it is encrypted"
    return Member(info.filename, info.file_size, fault)


# Tar


class _Headers:
    """A stream as tarfile reads it, whose headers have a sensible size."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self.tell, self.seek = stream.tell, stream.seek

    def read(self, size: int) -> bytes:
        if size > MOST_HEADER:
            raise PackedError(f"a header of {size:,} bytes")
        return self._stream.read(size)


def _walk(stream: IO[bytes], most: int, beyond: str) -> Index:
    """Where the members of a tar begin. What comes before a fault is known in spite of it.

    Args:
        most: bytes of the whole stream; `beyond` is the fault where it would have more.
    """
    found: list[Member] = []
    fault = ""
    try:
        headers: Any = _Headers(stream)
        archive = tarfile.TarFile(fileobj=headers, errors="surrogateescape", encoding="utf-8")
        for info in archive:
            archive.members = []  # type: ignore[attr-defined]  # else tarfile keeps all
            if info.offset_data + info.size > most:  # before tarfile goes there
                raise PackedError(f"{beyond}, at {info.name}")
            if not info.isdir():
                found.append(_of_tar(info))
        stream.seek(archive.offset)
        if any(stream.read(tarfile.BLOCKSIZE) or b"none"):
            fault = "truncated: its end is missing"
    except (PackedError, MemoryError) as error:
        fault = _words(error)
    except Exception as error:
        fault = f"no tar archive, or a damaged one: {_words(error)}"
    return Index(_by_path(found), fault)


def _of_tar(info: tarfile.TarInfo) -> Member:
    fault = ""
    if info.issym() or info.islnk():
        fault = "a link"
    elif not info.isreg():
        fault = "not a file"
    elif info.issparse():
        fault = "a sparse file"
    return Member(info.name, info.size, fault, info.offset_data)


# Compressed tar


@functools.lru_cache(maxsize=4)
def _stream(file: Path, status: Status) -> tuple[IO[bytes], Index]:
    """The open stream of a compressed tar, and what it holds: as it was kept, or by a walk."""
    from indexed_gzip import IndexedGzipFile

    name = hashlib.sha256(f"{file.absolute()} {status}".encode(errors="surrogateescape"))
    kept = store.default_path().parent / "archives" / f"{name.hexdigest()}.index"
    known = _kept(kept)
    if known is not None:
        stream: Any = IndexedGzipFile(str(file))
        stream.import_index(fileobj=io.BytesIO(known[1]))
        return stream, known[0]
    stream = IndexedGzipFile(str(file), spacing=SPACING)
    most = status.bytes * MOST_GROWTH + CHUNK
    found = _walk(stream, most, TOO_LARGE)
    try:
        while not found.fault and stream.read(CHUNK):  # up to its end, where its CRC stands
            if stream.tell() > most:
                found = Index([], TOO_LARGE)
    except Exception as error:
        found = Index(found.members, f"damaged: {_words(error)}")
    places = io.BytesIO()
    stream.export_index(fileobj=places)
    _keep(kept, found, places.getvalue())
    return stream, found


def _keep(path: Path, found: Index, places: bytes) -> None:
    head = json.dumps([found.fault, found.members]).encode() + b"\n"
    digest = hashlib.sha256(head + places).hexdigest().encode() + b"\n"
    files.write(path, digest + head + places)


def _kept(path: Path) -> tuple[Index, bytes] | None:
    """What was found before; None where nothing was, or it is damaged."""
    if not path.is_file():
        return None
    digest, _, rest = path.read_bytes().partition(b"\n")
    if hashlib.sha256(rest).hexdigest().encode() != digest:
        return None
    head, _, places = rest.partition(b"\n")
    fault, members = json.loads(head)
    return Index([Member(*member) for member in members], fault), places
