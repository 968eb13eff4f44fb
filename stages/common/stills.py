"""Where the files of photographs lie: those of stills are not in the folder of photographs.

A still is named by its video's path and its frame, as `films/day.mp4/000123.png`. It lies below
`FOLDER` by this name, which no file of the folder of photographs can have beside the video.
"""

from collections.abc import Collection
from pathlib import Path, PurePosixPath

FOLDER = Path("data/frames")  # of the stage `frames`


def path_of(folder: Path, path: str) -> Path:
    """The file of a photograph in a folder by its path, as tables have it."""
    whole = folder / path
    if whole.exists():
        return whole
    inside = any((folder / parent).is_file() for parent in PurePosixPath(path).parents)
    return FOLDER / path if inside else whole


def is_still(path: str, others: Collection[str]) -> bool:
    """Whether a path leads into one of these others, which is a video then."""
    return any(str(parent) in others for parent in PurePosixPath(path).parents)
