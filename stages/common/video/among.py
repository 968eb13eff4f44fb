"""Videos among the files of a folder, and where the stills of one lie.

A still is named by its video's path and its frame, as `films/day.mp4/000123.png`: a video counts as
a folder. The stage `frames` writes it below `STILLS` by this name, which no file of the folder of
photographs can have beside the video.
"""

import re
from pathlib import Path

from stages.common import files
from stages.common.pixels import formats

STILLS = Path("data/frames")
REASON = "a video"  # why a file is no photograph
ENDINGS = tuple(
    f".{kind}"
    for kind in (
        *("mp4", "m4v", "mov", "mkv", "webm", "avi", "mpg", "mpeg", "m2v", "ts", "m2ts", "mts"),
        *("vob", "wmv", "asf", "flv", "ogv", "3gp", "mxf"),
    )
)


def is_called_so(path: str) -> bool:
    """Whether a file may be a video, by its name."""
    return path.lower().endswith(ENDINGS)


def is_video(file: Path) -> bool:
    """Whether a file is called like a video and is no image by its first bytes."""
    if not is_called_so(file.name):
        return False
    try:
        with file.open("rb") as opened:
            return not formats.is_known(opened.read(formats.HEAD))
    except OSError:
        return False


def is_still(name: str) -> bool:
    """Whether a file may be a still, by its name below its video's."""
    return re.fullmatch(r"\d{6,}\.png", name) is not None


def stills_of(path: str, stills: Path) -> dict[str, int]:
    """The stills that there are of a video, below the folder `stills`: their names in it, and how
    many bytes they have."""
    folder = stills / path
    if not folder.is_dir():
        return {}
    return {name: (folder / name).stat().st_size for name in files.files_below(folder)}
