"""Where photographs lie, and the only way from a row's path to the bytes of its file.

The photographs of a project are those below `gather.source`, and those of the folders that
`gather.more` puts there by name: with `{faces/ffhq: /mnt/ffhq}` the photograph /mnt/ffhq/1.png has
the path `faces/ffhq/1.png`, as if that folder lay in gather.source under this name. So a path says
one file, and stays the same when the folder moves; a photograph's section is the first folder of
its path, whichever source it is from: `faces` of several sources count together where they are put
below `faces`, and apart where they are not. With no more folders, a path is that below
gather.source. Each of the folders may also be a URL, as `s3://bucket/photos` (buckets.py).

Archives (packed.py) count as folders: `faces/a.zip/b/1.png`. They are no part of a section's name,
so that an archive and what is unpacked from it have the same sections. Videos count as folders of
their stills: `films/day.mp4/000123.png`, which lie in a folder of their own (video/among.py).

A `Root` is what stages are given: a folder; or folders.csv, the table of several, which the stage
`folders` writes.
"""

import functools
import hashlib
import io
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import NamedTuple

from stages.common import buckets, entry, files, git, links, listing, packed, tables
from stages.common.entry import Entry
from stages.common.errors import UserError
from stages.common.gather_params import GatherParams
from stages.common.packed import PackedError
from stages.common.pixels import formats, images
from stages.common.pixels.images import ImageError
from stages.common.rows import Folder, section_of
from stages.common.video import among

MOST_BYTES_A_PIXEL = 8  # RGBA, 16 bits each
HEAD_BYTES = 1 << 18  # of a member, in which its size is looked for

Folders = tuple[Folder, ...]
Root = Path | Folders


class Located(NamedTuple):
    """Where a path leads."""

    file: Path
    member: str  # of this archive, or below the URL; empty where the path is the file's
    url: str = ""  # of its folder; empty where that is none


def of_params(gather: Mapping[str, object]) -> Folders:
    """The folders that the section `gather` names; it must fit `GatherParams`."""
    params = GatherParams.model_validate(gather)
    every = {"": params.source} | dict(sorted(params.more.items()))
    return tuple(Folder(name, folder, str(among.STILLS)) for name, folder in every.items())


def folders(root: Root) -> Folders:
    """The folders of a root."""
    if not isinstance(root, Path):
        return root
    if root.suffix == ".csv" and root.is_file():
        return _read(root, listing.status(root))
    return (Folder("", str(root)),)


@functools.lru_cache(maxsize=4)
def _read(table: Path, status: listing.Status) -> Folders:
    return tuple(tables.read(table, Folder))


def named(root: Root) -> str:
    """A root in a message, as `data/source and 2 more folders`."""
    first, *more = folders(root)
    if not more:
        return first.folder
    return f"{first.folder} and {len(more)} more folder{'s' if len(more) > 1 else ''}"


def check(root: Root) -> None:
    """The folders must be there, and no name in gather.source be also that of another folder.

    Raises:
        UserError: which names the folder.
    """
    first, *more = folders(root)
    for folder in (first, *more):
        if buckets.is_url(folder.folder):
            buckets.check(folder.folder)
        elif not Path(folder.folder).is_dir():
            raise UserError(f"{folder.folder} is no folder: put images there, or name another")
    at_url = buckets.is_url(first.folder)
    for folder in more:
        if (
            buckets.kind(first.folder, folder.name)
            if at_url
            else Path(first.folder, folder.name).exists()
        ):
            raise UserError(
                f"gather.more: {folder.name} is also a name in {first.folder}: give one of the "
                "two another name"
            )


def own(root: Root) -> None:
    """Give the photographs bytes of their own, apart from DVC's cache (links.py)."""
    for folder in folders(root):
        # Elsewhere DVC links nothing
        if not buckets.is_url(folder.folder) and git.is_inside(Path(folder.folder)):
            links.own(Path(folder.folder))


# Lists

Listed = dict[Folder, dict[str, listing.Status]]  # every file of each folder, by its path there


def listed(root: Root, of: Callable[[Path], dict[str, listing.Status]] = listing.listing) -> Listed:
    """What `of` lists of each folder, and a URL of itself; an archive is a file."""
    return {
        f: buckets.listing(f.folder) if buckets.is_url(f.folder) else of(Path(f.folder))
        for f in folders(root)
    }


def check_unchanged(before: Listed) -> None:
    """The folders must hold what was listed before.

    Raises:
        UserError: which says what came, went or changed.
    """
    for folder, after in listed(tuple(before)).items():
        listing.check_unchanged(folder.folder, before[folder], after)


def entries(listed: Listed) -> list[Entry]:
    """Every file, in place of an archive every member, and beside a video its stills, by path."""
    return sorted(
        found
        for folder, own in listed.items()
        for path, status in own.items()
        for found in entry.of_file(folder, path, status)
    )


def videos(listed: Listed) -> list[Entry]:
    """The videos among the files, by path."""
    return sorted(
        Entry(whole := entry.joined(folder.name, path), section_of(whole), status.bytes)
        for folder, own in listed.items()
        for path, status in own.items()
        if not buckets.is_url(folder.folder) and among.is_video(Path(folder.folder, path))
    )


# Files


def locate(root: Root, path: str) -> Located:
    """The file of a path, which need not be there."""
    first, *more = folders(root)
    folder = next((f for f in more if path.startswith(f"{f.name}/")), first)
    below = path[len(folder.name) :].lstrip("/") if folder.name else path
    if buckets.is_url(folder.folder):
        return Located(Path(), below, folder.folder)
    parts = below.split("/")
    for depth, part in enumerate(parts[:-1], start=1):
        of_video = bool(folder.stills) and among.is_called_so(part)
        if of_video or packed.is_packed(part):
            file = Path(folder.folder, *parts[:depth])
            if file.is_file():
                inside = Located(file, "/".join(parts[depth:]))
                return Located(Path(folder.stills, path), "") if of_video else inside
    return Located(Path(folder.folder, *parts), "")


def shown(root: Root, path: str) -> Path | str:
    """A path as a person finds it; of a member, behind that of its archive."""
    file, member, url = locate(root, path)
    if url:
        return f"{url.rstrip('/')}/{member}"
    return file / member.lstrip("/") if member else file


def is_there(root: Root, path: str) -> bool:
    """Whether there is such a file, or such a member."""
    file, member, url = locate(root, path)
    if url:
        return buckets.kind(url, member) == "file"
    return packed.has(file, member) if member else file.is_file()


def read(root: Root, path: str, size: int = -1) -> bytes:
    """A file's content, or its first `size` bytes.

    Raises:
        ImageError: `unreadable`, of a member.
        OSError: of a file.
        UserError: where a URL gives no answer.
    """
    file, member, url = locate(root, path)
    if url:
        return buckets.read(url, member, size)
    if member:
        try:
            return packed.read(file, member, size)
        except PackedError as error:
            raise ImageError("unreadable", str(error)) from None
    with file.open("rb") as stream:
        return stream.read(size)


def read_image(of: Entry, root: Root, max_megapixels: float) -> bytes:
    """The content of what may be an image: of a film, say, no more is read than says so.

    Raises:
        ImageError: why it can't be one.
        OSError: where the file can't be read.
        UserError: where a URL gives no answer, or another file than it has listed.
    """
    file, member, url = locate(root, of.path)
    if not member and not file.is_file():
        raise ImageError("unreadable", "not a file, or a link that leads nowhere")
    if of.fault:
        raise ImageError(of.reason, of.fault)
    largest = max_megapixels if member else images.MAX_MEGAPIXELS  # a file may hold several images
    most = MOST_BYTES_A_PIXEL * largest * 1e6 + HEAD_BYTES
    at_once = bool(url) and of.bytes <= most  # to ask twice takes as long as to read
    content = read(root, of.path, -1 if at_once else formats.HEAD)
    formats.check_head(content[: formats.HEAD])
    if of.bytes > most:
        what = "unpacks to" if member and not url else "has"
        raise ImageError("too large", f"{what} {of.bytes:,} bytes, more than {most:,.0f}")
    if at_once and len(content) != of.bytes:
        raise UserError(f"{shown(root, of.path)} changed while it was read: run `dvc repro`")
    return content if at_once else read(root, of.path)


def read_checked(root: Root, path: str, sha256: str) -> bytes:
    """Read a file that must be the one its table lists.

    Raises:
        UserError: where it holds anything else, is gone, or is a member that can't be read.
        OSError: where the file can't be read.
    """
    try:
        content = read(root, path)
    except (FileNotFoundError, NotADirectoryError, ImageError) as error:
        name, why = shown(root, path), getattr(error, "strerror", None) or error
        raise UserError(f"{name} can't be read any more ({why}): run `dvc repro`") from None
    if hashlib.sha256(content).hexdigest() != sha256:
        raise UserError(files.changed([shown(root, path)]))
    return content


def pixels(root: Root, path: str, sha256: str) -> images.Pixels:
    """Read a photograph that a table lists.

    Raises:
        UserError, OSError: as `read_checked`.
        ImageError: where it can't be decoded.
    """
    return images.decode(read_checked(root, path, sha256))


def sha256_of(root: Root, path: str) -> str | None:
    """SHA-256 of a file's content; None where it is not there, or can't be read."""
    try:
        file, member, _ = locate(root, path)
        if not member:
            return files.sha256_of(file) if file.is_file() else None
        return hashlib.sha256(read(root, path)).hexdigest()
    except (OSError, ImageError):
        return None


def size_of(root: Root, path: str) -> tuple[int, int] | None:
    """Width and height as a file's header has them, px; None where it is no image."""
    file, member, _ = locate(root, path)
    if not member:
        return images.size_of(file)
    try:
        return images.size_of(io.BytesIO(read(root, path, HEAD_BYTES)))
    except ImageError:
        return None


def sizes_of(root: Root, paths: Sequence[str]) -> list[tuple[int, int] | None]:
    """`size_of` of each path; of a URL many are asked for at once."""
    read = partial(size_of, root)
    if not any(buckets.is_url(folder.folder) for folder in folders(root)):
        return list(map(read, paths))
    with ThreadPoolExecutor(buckets.AT_ONCE) as threads:
        return list(threads.map(read, paths))
