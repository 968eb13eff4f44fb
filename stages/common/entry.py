"""What a file in a folder of photographs stands for: itself, the members of an archive, the stills
of a video."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from stages.common import buckets, packed
from stages.common.listing import Status
from stages.common.rows import Folder, section_of
from stages.common.video import among


class Entry(NamedTuple):
    """A file, or a member of an archive."""

    path: str
    section: str
    bytes: int
    fault: str = ""  # why it can't be read, where that is known by its name or its archive
    reason: str = "unreadable"  # of a fault, in a word


def of_file(folder: Folder, path: str, status: Status) -> Iterator[Entry]:
    """A file; in place of an archive every member, and beside a video its stills."""
    file, whole = Path(folder.folder, path), joined(folder.name, path)
    if buckets.is_url(folder.folder):
        yield _behind_url(whole, status.bytes)
    elif packed.is_packed(path) and file.is_file():
        yield from _of_archive(whole, status.bytes, packed.index(file))
    elif folder.stills and among.is_video(file):
        yield from _of_video(whole, status.bytes, Path(folder.stills))
    else:
        yield Entry(whole, section_of(whole), status.bytes)


def joined(folder: str, path: str) -> str:
    """A path below a folder of `gather.more`, as tables have it."""
    return f"{folder}/{path}" if folder else path


def _behind_url(path: str, size: int) -> Entry:
    """A file behind a URL, where neither archives nor videos are opened."""
    if packed.is_packed(path):
        return Entry(path, section_of(path), size, "an archive behind a URL: unpack it there")
    if among.is_called_so(path):
        fault = "no still is taken of it behind a URL: copy it into a folder"
        return Entry(path, section_of(path), size, fault, among.REASON)
    return Entry(path, section_of(path), size)


def _of_archive(path: str, size: int, index: packed.Index) -> Iterator[Entry]:
    """The members of an archive; and the archive itself where it may hold more, or nothing."""
    parent = path.rpartition("/")[0]
    for member in index.members:
        section = section_of(joined(parent, member.path))
        yield Entry(f"{path}/{member.path}", section, member.bytes, member.fault)
    if index.fault or not index.members:
        yield Entry(path, section_of(path), size, index.fault or "an archive without files")


def _of_video(path: str, size: int, stills: Path) -> Iterator[Entry]:
    """The stills of a video, and the video itself."""
    section, there = section_of(path), among.stills_of(path, stills)
    for name, still_size in there.items():
        yield Entry(f"{path}/{name}", section, still_size)
    fault = f"stills taken of it: {len(there):,}; see data/tables/videos.csv"
    yield Entry(path, section, size, fault, among.REASON)
