"""A new folder that is there whole or not at all: filled under another name, then renamed."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from stages.common.errors import UserError


def check_target(folder: Path) -> None:
    """A folder that is to be made must not exist, but the one that it will be in.

    Raises:
        UserError: otherwise.
    """
    if folder.exists() or folder.is_symlink():
        raise UserError(f"{folder} exists: name a new folder, or move that one away")
    if not folder.absolute().parent.is_dir():
        raise UserError(f"{folder.absolute().parent} is no folder: make it first")


@contextmanager
def appearing(folder: Path) -> Iterator[str]:
    """A folder beside the target that gets its name at the end; on any fault it is removed."""
    beside = folder.absolute()
    part = tempfile.mkdtemp(dir=beside.parent, prefix=f".{beside.name[:40]}.", suffix=".part")
    try:
        yield part
        Path(part).chmod(0o777 & ~_umask())
        check_target(folder)  # made by another meanwhile
        Path(part).rename(beside)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
