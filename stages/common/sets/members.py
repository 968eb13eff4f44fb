"""What a 7z archive says it holds, and whether that may be unpacked: looked at before a byte is
written.

py7zr reads the list. Refused are archives whose members could get out of the folder, hide each
other, or be no plain files and folders.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import py7zr

from stages.common.errors import UserError
from stages.common.sets import names
from stages.common.sets.names import shown

COPY = b"\x00"  # the method of members that are stored as they are


class Member(NamedTuple):
    """A file or folder in an archive."""

    path: str  # with `/`
    size: int  # bytes
    is_folder: bool
    crc32: int | None
    start: int | None  # of its bytes in the archive's file; None where they are compressed


@contextmanager
def told(archive: object) -> Iterator[None]:
    """Tell whatever py7zr raises over a damaged archive in one line."""
    try:
        yield
    except (UserError, OSError, MemoryError):
        raise
    except Exception as error:  # a damaged header raises anything: TypeError, LZMAError, ...
        detail = shown(" ".join(str(error).split()))[:200] or type(error).__name__
        raise UserError(
            f"{archive} is damaged, cut off, or no 7z archive ({detail}): fetch it again"
        ) from error


def members(archive: py7zr.SevenZipFile) -> list[Member]:
    """All members, in their order."""
    starts = _starts(archive)
    empty = iter(archive.header.files_info.emptyfiles if len(archive.files) else [])
    found = []
    for file in archive.files:
        named_file = next(empty, False) if file.emptystream else True
        no_attributes = file._file_info.get("attributes") is None  # then only this tells
        is_folder = file.is_directory or (file.emptystream and no_attributes and not named_file)
        is_link = file.is_symlink or file.is_junction
        if is_link or not (is_folder or file.is_file):
            kind = "a link" if is_link else "no plain file"
            raise UserError(
                f"{shown(file.filename)} in the archive is {kind}: nothing was unpacked"
            )
        size = 0 if is_folder else file.uncompressed
        found.append(Member(file.filename, size, is_folder, file.crc32, starts.get(file.id, None)))
    return found


def _starts(archive: py7zr.SevenZipFile) -> dict[int, int]:
    """Where in the archive's file the bytes of stored members begin, by the member's number; empty
    where any is compressed."""
    streams = getattr(archive, "header", None) and archive.header.main_streams
    if not streams or any(_method(folder) != COPY for folder in streams.unpackinfo.folders):
        return {}
    begin = archive.afterheader + streams.packinfo.packpos
    left = {
        id(folder): [begin + position, begin + position + size]
        for folder, position, size in zip(
            streams.unpackinfo.folders,
            streams.packinfo.packpositions,
            streams.packinfo.packsizes,
            strict=False,
        )
    }
    starts = {}
    for file in archive.files:
        if file.emptystream:
            starts[file.id] = 0
            continue
        place = left[id(file.folder)]
        starts[file.id] = place[0]
        place[0] += file.uncompressed
        if place[0] > place[1]:
            raise UserError(
                f"{shown(file.filename)} in the archive is announced as longer than it is"
            )
    return starts


def _method(folder: object) -> bytes | None:
    """The one method of a stream; None where there are several."""
    coders: Sequence[dict[str, bytes]] = folder.coders  # type: ignore[attr-defined]
    return coders[0]["method"] if len(coders) == 1 else None


def check(found: Sequence[Member]) -> None:
    """All names must be those of different files below one folder.

    Raises:
        UserError: for the first that is not.
    """
    seen: dict[str, bool] = {}
    for member in found:
        fault = names.fault(member.path)
        if not fault and member.path in seen:
            fault = "is there twice"
        if fault:
            raise UserError(f"{shown(member.path)} in the archive {fault}: nothing was unpacked")
        seen[member.path] = member.is_folder
    for path in seen:
        parent = path
        while "/" in parent:
            parent = parent.rpartition("/")[0]
            if not seen.get(parent, True):
                raise UserError(
                    f"{shown(parent)} in the archive is a file, and the folder of {shown(path)}: "
                    "nothing was unpacked"
                )
