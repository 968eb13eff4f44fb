"""One 7z archive: the same bytes from the same files, and read back after it was written.

Files are stored, not compressed. So the archive is a short head, the files' bytes one after the
other, and a list of names, sizes and CRCs at the end; that list is not compressed either, since
compressors give other bytes in other versions. Volumes are the archive's bytes, cut.

By py7zr, which comes with pip: 7-Zip's own program would have to be installed by hand, and reads
what this writes (`7zz t`). py7zr takes times and rights from the disk; `Archive` sets them, by a
private call that tests hold to the archive's bytes. py7zr's `test()` says None of a good archive
and of a damaged one, and its extraction is slow, so bytes are read back here.
"""

import hashlib
import io
import os
import struct
import zlib
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import multivolumefile
import py7zr
from py7zr.exceptions import Bad7zFile
from py7zr.helpers import ArchiveTimestamp
from py7zr.member import MemberType

from stages.common import files, workers
from stages.common.errors import UserError

STORE = [{"id": py7zr.FILTER_COPY}]
TIME = ArchiveTimestamp.from_datetime(0)  # 1970-01-01
DIGITS = 3  # of a volume's number
MOST_VOLUMES = 10**DIGITS - 1  # else `cat NAME.7z.*` would join them in another order
LIST_BYTES = 64  # in the archive's list for a file, at most, beside two for each letter of its name
HEAD = struct.Struct("<8sLQQL")  # mark and version; CRC of the rest; place, size, CRC of the list
MARK = b"7z\xbc\xaf\x27\x1c\x00\x04"
CHUNK = 1 << 20  # bytes that are read at once
EARLY = 64 << 20  # bytes after which the disk is asked to write
DAMAGED = "the disk or the memory fails: check them, then run `dvc repro` again"


class Member(NamedTuple):
    """A file and what it is in the archive."""

    path: Path
    name: str  # with `/`
    sha256: str  # of its content, as its table recorded it


class Sums(NamedTuple):
    """The SHA-256 of an archive that was read back."""

    sha256: str  # of the one file, or of the joined volumes
    files: dict[str, str]  # of the one file, or of each volume, by name


class Archive(py7zr.SevenZipFile):  # type: ignore[misc]
    """A 7z archive whose bytes depend on names and contents alone."""

    @staticmethod
    def _make_file_info(target: Path, arcname: str | None = None, dereference: bool = False) -> Any:
        info = py7zr.SevenZipFile._make_file_info(target, arcname, dereference)
        info.update(
            creationtime=TIME,
            lastwritetime=TIME,
            lastaccesstime=TIME,
            attributes=MemberType.FILE.attributes(),
        )
        return info


def most_bytes(members: Iterable[Member]) -> int:
    """Bytes that the archive of these files has at most."""
    sizes = (m.path.stat().st_size + LIST_BYTES + 2 * len(m.name) for m in members)
    return HEAD.size + LIST_BYTES + sum(sizes)


def write(path: Path, members: Sequence[Member], volume_size: int | None) -> list[Path]:
    """Write an archive, or its volumes `<path>.001`, ...; gives what was written, in order.

    Args:
        volume_size: bytes of each volume but the last; None writes one file.

    Raises:
        UserError: where there would be more than `MOST_VOLUMES` volumes.
    """
    most = most_bytes(members)
    if volume_size is not None and most > volume_size * MOST_VOLUMES:
        raise UserError(
            f"{path.name} of {most:,} bytes has more than {MOST_VOLUMES} volumes: raise "
            f"release.volume_size to {-(-most // MOST_VOLUMES):,} bytes at least"
        )
    with files.naming(path):
        if volume_size is None:
            with path.open("wb") as file:
                _write(path, file, members)
        else:
            with multivolumefile.MultiVolume(
                path, "wb", volume=volume_size, ext_digits=DIGITS
            ) as volumes:
                _write(path, volumes, members)
        written = _files_of(path)
        for each in written:
            _settle(each)
    return written


def _write(path: Path, file: Any, members: Sequence[Member]) -> None:
    archive = Archive(file, "w", filters=STORE)
    archive.set_encoded_header_mode(False)  # the list of files is not compressed
    since = 0
    for member in workers.bar(members, len(members), "release", " files"):
        archive.write(member.path, member.name)
        since += member.path.stat().st_size
        if since > EARLY:  # the disk works while more is read: a fifth less time
            since = 0
            for each in _files_of(path)[-2:]:
                _forget(each)
    archive.close()


def _files_of(path: Path) -> list[Path]:
    """The file of an archive, or its volumes, in order."""
    return sorted(path.parent.glob(f"{path.name}.{'[0-9]' * DIGITS}")) or [path]


def _settle(path: Path) -> None:
    """Bring a file to the disk, and out of memory, so that it is the disk that is read back."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
    _forget(path)


def _forget(path: Path) -> None:
    """Let the system write a file to the disk, and drop from memory what is there already."""
    if hasattr(os, "posix_fadvise"):
        with path.open("rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def verify(written: Sequence[Path], members: Sequence[Member]) -> Sums:
    """Read an archive, or its volumes, from the disk, and compare every file in it.

    Raises:
        UserError: with the names of those that are not as their tables have them.
    """
    try:
        listed = _listed(written)
    except (Bad7zFile, EOFError) as error:
        raise UserError(f"{written[0]}: {error}: {DAMAGED}") from None
    if [(it.name, it.size) for it in listed] != [(m.name, m.path.stat().st_size) for m in members]:
        raise UserError(f"{written[0]}: lists other files than were written: {DAMAGED}")
    reader = _Reader(listed)
    sums, whole = {}, hashlib.sha256()
    for path in written:
        own = hashlib.sha256()
        with path.open("rb", buffering=0) as file:
            while chunk := file.read(CHUNK):
                own.update(chunk)
                if len(written) > 1:
                    whole.update(chunk)
                reader.feed(chunk)
        sums[path.name] = own.hexdigest()
    _compare(reader.found, members, written[0])
    return Sums(whole.hexdigest() if len(written) > 1 else own.hexdigest(), sums)


def _compare(found: Mapping[str, str], members: Sequence[Member], archive: Path) -> None:
    wrong = [member for member in members if found.get(member.name) != member.sha256]
    changed = [m.path for m in wrong if files.sha256_of(m.path) != m.sha256]
    if changed:
        raise UserError(files.changed(changed))
    if wrong:
        names = ", ".join(member.name for member in wrong[: files.NAMED])
        raise UserError(f"{archive}: not the bytes that were written: {names}: {DAMAGED}")


class _Listed(NamedTuple):
    """What an archive's own list says of a file."""

    name: str
    size: int
    crc: int


def _listed(written: Sequence[Path]) -> list[_Listed]:
    """The list of an archive, or of its joined volumes, and a check of where it stands."""
    with ExitStack() as stack:
        if len(written) == 1:
            file: Any = stack.enter_context(written[0].open("rb"))
        else:  # reads less than it is asked for where a volume ends
            volumes = multivolumefile.MultiVolume(written[0].with_suffix(""), "rb")
            file = io.BufferedReader(stack.enter_context(volumes))
        head = file.read(HEAD.size).ljust(HEAD.size)
        mark, crc, place, size, list_crc = HEAD.unpack(head)
        file.seek(min(HEAD.size + place, file.seek(0, os.SEEK_END)))
        rest = file.read()
        right = (MARK, zlib.crc32(head[HEAD.size - 20 :]), len(rest), zlib.crc32(rest))
        if (mark, crc, size, list_crc) != right:
            raise Bad7zFile("its head or its list is damaged")
        file.seek(0)
        found = stack.enter_context(py7zr.SevenZipFile(file)).list()
        return [_Listed(item.filename, item.uncompressed, item.crc32) for item in found]


class _Reader:
    """Takes an archive's bytes piece by piece; `found` are the files' SHA-256, by name, empty where
    the list has another CRC."""

    def __init__(self, listed: Sequence[_Listed]) -> None:
        self.found: dict[str, str] = {}
        self.waiting = deque(listed)
        self.head = HEAD.size
        self._next()

    def _next(self) -> None:
        self.sha256, self.crc, self.size = hashlib.sha256(), 0, 0

    def feed(self, chunk: bytes) -> None:
        """The next bytes."""
        view = memoryview(chunk)[self.head :]
        self.head = max(0, self.head - len(chunk))
        while view and self.waiting:
            item = self.waiting[0]
            part = view[: item.size - self.size]
            view = view[len(part) :]
            self.sha256.update(part)
            self.crc = zlib.crc32(part, self.crc)
            self.size += len(part)
            if self.size == item.size:
                whole = self.crc == item.crc
                self.found[item.name] = self.sha256.hexdigest() if whole else ""
                self.waiting.popleft()
                self._next()
