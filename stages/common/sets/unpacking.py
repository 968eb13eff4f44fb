"""Unpack a set's 7z archive: the whole of it, or nothing.

A member is written under its own name alone, never over anything, into a new folder beside the
target; that folder gets the target's name once all is there and has the announced CRC-32, and the
SHA-256 that a SHA256SUMS inside lists. Stored members (7z's Copy, as sets have it) are copied by
this module: py7zr looks at every path and at the machine's memory for each of them, which for small
files takes six times as long as to write them. All others go through py7zr.
"""

import hashlib
import os
import zlib
from collections.abc import Iterable, Sequence
from io import BufferedReader
from pathlib import Path
from typing import NamedTuple

import py7zr
from py7zr.io import Py7zIO, WriterFactory

from stages.common import disk, files, workers
from stages.common.errors import UserError
from stages.common.sets import members, sums, volumes, whole
from stages.common.sets.members import Member
from stages.common.sets.names import shown

CHUNK = 2**20  # bytes written at once
GROWTH = 10  # times an archive's size that it may unpack to, where no limit is given
LEAST_LIMIT = 10**9  # bytes that any may


class Unpacked(NamedTuple):
    """What was unpacked."""

    files: int
    bytes: int
    compared: int  # files that a SHA256SUMS inside lists


class Target(Py7zIO):  # type: ignore[misc]
    """A file that is being written: what py7zr asks for, and no more than announced."""

    def __init__(self, path: str, member: Member, hashed: bool) -> None:
        self.path = path
        self.member = member
        self.left = member.size
        self.crc32 = 0
        self.sha256 = hashlib.sha256() if hashed else None
        # Opened anew, and never through a link; by descriptor, since 50,000 file objects take long.
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        self.descriptor = os.open(path, flags, 0o666)

    def write(self, s: bytes | bytearray) -> int:
        self.left -= len(s)
        if self.left < 0:
            raise UserError(f"{shown(self.member.path)} is longer than the archive announces")
        rest = memoryview(s)
        with files.naming(Path(self.path)):
            while rest:
                rest = rest[os.write(self.descriptor, rest) :]
        self.crc32 = zlib.crc32(s, self.crc32)
        if self.sha256:
            self.sha256.update(s)
        return len(s)

    def close(self) -> None:
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1

    def finish(self) -> str:
        """Close the file; its SHA-256, empty where it is not hashed.

        Raises:
            UserError: where it is not as the archive announces it.
        """
        self.close()
        if self.left or self.member.crc32 not in (None, self.crc32):
            raise UserError(
                f"{shown(self.member.path)} is damaged in the archive: fetch the archive again"
            )
        return self.sha256.hexdigest() if self.sha256 else ""

    def read(self, size: int | None = None) -> bytes:
        raise AssertionError("only written")

    def seek(self, offset: int, whence: int = 0) -> int:
        return 0  # py7zr rewinds what it has written

    def flush(self) -> None: ...

    def size(self) -> int:
        return self.member.size - self.left


class Targets(WriterFactory):  # type: ignore[misc]
    """Gives py7zr the files to write to; it is never given a path."""

    def __init__(self, folder: str, found: Sequence[Member]) -> None:
        self.folder = folder
        self.members = {member.path: member for member in found if not member.is_folder}
        self.hashed = bool(_sums_inside(self.members))
        self.opened: dict[str, Target] = {}

    def create(self, filename: str) -> Py7zIO:
        if filename not in self.members:  # a folder without attributes
            return py7zr.io.NullIO()
        target = Target(f"{self.folder}/{filename}", self.members[filename], self.hashed)
        self.opened[filename] = target
        return target


def unpack(archive: Path, folder: Path, limit: int | None) -> Unpacked:
    """Unpack an archive, or its first volume and all others, as a new folder.

    Args:
        limit: bytes that it may unpack to; None for `GROWTH` times its size.

    Raises:
        UserError: for an archive that is damaged or unsafe, too large for the disk or the limit, or
            not as SHA256SUMS has it; and for a folder that exists. Nothing is left of it then.
    """
    whole.check_target(folder)
    parts = volumes.of(archive)
    packed = sum(path.stat().st_size for path in parts)
    if limit is None:
        limit = max(LEAST_LIMIT, GROWTH * packed)
    with volumes.open_all(parts) as file:
        with members.told(archive):
            reader = py7zr.SevenZipFile(file, max_extract_size=limit)
            found = members.members(reader)
        if reader.needs_password():
            raise UserError(f"{archive} is encrypted: unpack it with 7zz")
        members.check(found)
        _check_room(archive, folder, found, limit)
        with whole.appearing(folder) as part:
            _make_folders(part, found)
            if all(member.start is not None for member in found if not member.is_folder):
                sha256 = _copy_out(file, part, found)
            else:
                with members.told(archive):
                    sha256 = _extract(reader, part, found)
            compared = _compare(part, sha256)
    return Unpacked(len(sha256), sum(member.size for member in found), compared)


def _check_room(archive: Path, folder: Path, found: Sequence[Member], limit: int) -> None:
    """What is announced must fit into the limit and onto the disk."""
    total = sum(member.size for member in found)
    if total > limit:
        raise UserError(
            f"{archive} would unpack to {disk.readable(total)}, more than the limit of "
            f"{disk.readable(limit)}: raise it by --limit if you trust the archive"
        )
    place = os.statvfs(folder.absolute().parent)
    block = place.f_frsize
    needed = sum(-(-member.size // block) * block for member in found)
    free = place.f_bavail * block
    if needed > free:
        raise UserError(
            f"{folder}: the archive unpacks to {disk.readable(needed)}, and {disk.readable(free)} "
            "is free: free some space, or name a folder on another disk"
        )
    if place.f_files and len(found) > place.f_favail:
        raise UserError(
            f"{folder}: the archive holds {len(found):,} files, and the disk takes "
            f"{place.f_favail:,} more: name a folder on another disk"
        )


def _make_folders(part: str, found: Sequence[Member]) -> None:
    names = {m.path if m.is_folder else m.path.rpartition("/")[0] for m in found}
    for name in sorted(names):
        Path(part, name).mkdir(parents=True, exist_ok=True)


def _copy_out(file: BufferedReader, part: str, found: Sequence[Member]) -> dict[str, str]:
    """Write stored members; SHA-256 by path."""
    wanted = [member for member in found if not member.is_folder]
    hashed = bool(_sums_inside(member.path for member in wanted))
    sha256 = {}
    for member in workers.bar(wanted, len(wanted), "unpack", " files"):
        target = Target(f"{part}/{member.path}", member, hashed)
        try:
            if member.size:
                file.seek(member.start or 0)
            while target.left:
                chunk = file.read(min(CHUNK, target.left))
                if not chunk:
                    raise UserError("the archive is cut off: fetch it again, with all its volumes")
                target.write(chunk)
            sha256[member.path] = target.finish()
        finally:
            target.close()
    return sha256


def _extract(reader: py7zr.SevenZipFile, part: str, found: Sequence[Member]) -> dict[str, str]:
    """Let py7zr decompress all members; SHA-256 by path."""
    targets = Targets(part, found)
    try:
        reader.extractall(factory=targets)
        return {path: targets.opened[path].finish() for path in targets.members}
    finally:
        for target in targets.opened.values():
            target.close()


def _sums_inside(paths: Iterable[str]) -> list[str]:
    """The tables of sums at the top, and at the top of each folder."""
    found = {path for path in paths if path.count("/") < 2}
    return sorted(path for path in found if path.rpartition("/")[2] == sums.NAME)


def _compare(part: str, sha256: dict[str, str]) -> int:
    """Compare all files with the SHA256SUMS inside; gives how many."""
    compared = 0
    for table in _sums_inside(sha256):
        folder = table.removesuffix(sums.NAME)
        listed = sums.parse(Path(part, table).read_bytes())
        expected = {folder + path: value for path, value in listed.sha256.items()}
        got = {p: value for p, value in sha256.items() if p.startswith(folder) and p != table}
        for path in sorted(expected.keys() | got.keys()):
            if path not in got:
                raise UserError(f"{shown(path)} is in {table}, but not in the archive")
            if path not in expected:
                raise UserError(f"{shown(path)} is in the archive, but not in its {table}")
            if got[path] != expected[path]:
                raise UserError(
                    f"{shown(path)}: got SHA-256 {got[path]}, expected {expected[path]} as in "
                    f"{table}: fetch the archive again"
                )
        compared += len(got)
    return compared
