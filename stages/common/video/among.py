"""Videos among the files of a folder, and their stills in place of them."""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path, PurePosixPath

from stages.common import files, listing, tables
from stages.common.errors import UserError
from stages.common.listing import Status
from stages.common.pixels import formats
from stages.common.rows import Photograph, Still, Unreadable, Video
from stages.common.stills import FOLDER

ENDINGS = frozenset(
    f".{kind}"
    for kind in (
        *("mp4", "m4v", "mov", "mkv", "webm", "avi", "mpg", "mpeg", "m2v", "ts", "m2ts", "mts"),
        *("vob", "wmv", "asf", "flv", "ogv", "3gp", "mxf"),
    )
)
AGAIN = "run `dvc repro --force --single-item frames`, then `dvc repro`"


def videos_in(folder: Path, paths: Iterable[str]) -> list[str]:
    """What is called like a video and is no image by its first bytes."""
    found = []
    for path in paths:
        if PurePosixPath(path).suffix.lower() in ENDINGS:
            with suppress(OSError), (folder / path).open("rb") as file:
                if not formats.is_known(file.read(formats.HEAD)):
                    found.append(path)
    return found


def with_stills(listed: Iterable[str], stills: Iterable[Still], videos: list[Video]) -> list[str]:
    """The paths of a listing with stills in place of their videos, sorted."""
    return sorted({*listed, *(still.path for still in stills)} - {video.path for video in videos})


def read(
    stills: Path, videos: Path, folder: Path, listed: Mapping[str, Status]
) -> tuple[list[Still], list[Video]]:
    """Read the tables of the stage `frames`. What came, went or changed since then would be missed.

    Raises:
        UserError: where the videos of a listing of the folder are not those of the table.
    """
    rows = tables.read(videos, Video)
    seen = {video.path: video.bytes for video in rows}
    there = {path: listed[path].bytes for path in videos_in(folder, listed)}
    if found := listing.changes(seen, there):
        raise UserError(
            f"{folder}: videos have changed since stills were taken of them: "
            f"{listing.named(found)}: {AGAIN}"
        )
    return tables.read(stills, Still), rows


def check_read(rows: Iterable[Photograph | Unreadable], stills: Iterable[Still]) -> None:
    """Stills must be what the stage `frames` has written.

    Raises:
        UserError: where one can't be read, or is another.
    """
    read = {row.path: row.sha256 for row in rows if isinstance(row, Photograph)}
    if other := [FOLDER / x.path for x in stills if read.get(x.path) != x.sha256]:
        raise UserError(files.changed(other))


def as_unreadable(videos: Iterable[Video]) -> list[Unreadable]:
    """What a listing says of videos: no photographs, but no strangers."""
    return [Unreadable(x.path, "a video", x.detail, x.bytes, x.sha256) for x in videos]
