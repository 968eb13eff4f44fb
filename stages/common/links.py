"""Files that share their bytes: which may, and which must not.

DVC gives a file of its cache a second name in the workspace where the file system has no clones
(`cache.type` is `hardlink,copy`): no second copy, but to write into one is to write into both, and
so into every version that holds the file. Only stages may have such files, since they never open
an old one for writing. What people write to is made `own`.
"""

import fcntl
import os
import shutil
import stat
import sys
import tempfile
from pathlib import Path

from stages.common import disk, files

CLONE = 0x40049409  # the ioctl FICLONE of linux/fs.h: share the blocks until one side is written
EXPERIMENTS = (".dvc/tmp/exps/", ".dvc/tmp/compare/")  # of DVC and of ours; nobody edits there


def clone(source: Path, target: Path) -> bool:
    """Make `target` a clone of a file (btrfs, XFS): bytes of its own that cost no disk.

    Gives False, and leaves no target, where the file system can't.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        with source.open("rb") as old, target.open("xb") as new:
            fcntl.ioctl(new.fileno(), CLONE, old.fileno())
    except FileExistsError:
        raise
    except OSError:
        target.unlink(missing_ok=True)
        return False
    return True


def link(source: Path, target: Path) -> None:
    """Give a file a second name without a second copy; copy it where the file system can't."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except FileExistsError:
        raise
    except OSError:  # another disk, no hard links here, or too many of this file
        shutil.copyfile(source, target)


def own(folder: Path) -> int:
    """Give every file below a folder that DVC has linked to its cache bytes of its own, as `dvc
    unprotect` does: to write over it then changes this file alone. Its time stays.

    Gives the number of files. Links that a person has made are left as they are, and all where the
    disk has no room for copies.
    """
    if is_experiment() or not folder.is_dir():
        return 0
    linked = [folder / name for name in files.files_below(folder) if is_linked(folder / name)]
    needed = sum(path.stat().st_size for path in linked)
    if not disk.has_room(folder, needed):
        print(
            f"warning: {folder}: {len(linked):,} files share their bytes with DVC's cache, and "
            f"there is no room for {disk.readable(needed)} of copies: never write into one, but "
            "remove it first and then copy the new one",
            file=sys.stderr,
        )
        return 0
    for path in linked:
        # Beside the folder, where a killed run leaves no stranger among the photographs.
        descriptor, name = tempfile.mkstemp(dir=folder.parent, prefix=f".{folder.name}.")
        os.close(descriptor)
        try:
            shutil.copyfile(path, name)
            shutil.copystat(path, name)
            Path(name).chmod(0o644)
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink()
            raise
    return len(linked)


def is_experiment() -> bool:
    """Whether this is a folder that was made for experiments."""
    return any(folder in f"{Path.cwd()}/" for folder in EXPERIMENTS)


def is_linked(path: Path) -> bool:
    """Whether a file has a second name and may not be written: so DVC leaves what it has linked."""
    status = path.lstat()
    return stat.S_ISREG(status.st_mode) and status.st_nlink > 1 and not status.st_mode & 0o222
