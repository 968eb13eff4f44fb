"""Is there room for what is about to be written? Told before hours of work, and not after."""

import shutil
from collections.abc import Iterable
from pathlib import Path

from stages.common.errors import UserError

LEAST_BYTES = 0.5  # of a photograph's PNG for each pixel; most need 1 to 2


def png_bytes(sizes: Iterable[tuple[int, int]]) -> int:
    """The bytes that PNGs of such widths and heights have at least."""
    return round(LEAST_BYTES * sum(width * height for width, height in sizes))


def check_room(folder: Path, needed: int, what: str) -> None:
    """The disk of a folder, which may not exist yet, must have room for so many bytes.

    Raises:
        UserError: where it has not.
    """
    if not has_room(folder, needed):
        raise UserError(
            f"{folder}: {what} needs {readable(needed)} at least, and {readable(free(folder))} is "
            "free: free some space (`dvc gc --workspace` drops old versions), move the project to "
            "a larger disk, or keep less by a cutoff"
        )


def has_room(folder: Path, needed: int) -> bool:
    """Whether so many bytes fit on the disk of a folder, which may not exist yet."""
    return needed <= free(folder)


def free(folder: Path) -> int:
    """Bytes that are free where a folder is, or would be."""
    there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    return shutil.disk_usage(there).free


def readable(size: int) -> str:
    """A number of bytes for people."""
    return f"{size / 1e9:,.1f} GB" if size >= 1e9 else f"{size / 1e6:,.0f} MB"
