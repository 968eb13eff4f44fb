"""Files: hashes, links, and writes that are either whole or absent."""

import hashlib
import os
import re
import shutil
import tempfile
import unicodedata
from pathlib import Path

from stages.common.errors import UserError


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's content, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def files_below(folder: Path) -> list[str]:
    """Every file's path below a folder, sorted; links to folders are followed once."""
    found, seen = [], set()
    for root, folders, names in os.walk(folder, followlinks=True, onerror=_raise):
        folders.sort()  # of two ways to one folder, take the first by name
        real = os.path.realpath(root)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        found += [Path(root, name).relative_to(folder).as_posix() for name in names]
    return sorted(found)


def _raise(error: OSError) -> None:
    raise error


def write(path: Path, content: bytes) -> None:
    """Write a file whole or not at all: under a temporary name, then moved into place."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(0o644)  # mkstemp gives 0600
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink()
        raise


def new_folder(path: Path) -> Path:
    """Make the folder that a stage writes its images to. It must not hold anything: old files would
    mix with new ones.

    Nothing is deleted here; DVC removes a stage's outs before it runs the stage.
    """
    path.mkdir(parents=True, exist_ok=True)
    if any(path.iterdir()):
        raise UserError(
            f"{path} must be empty, but holds files: run `dvc repro`, or delete it first"
        )
    return path


def link(source: Path, target: Path) -> None:
    """Give a file a second name without a second copy; copy it where the file system can't."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except FileExistsError:
        raise
    except OSError:  # another disk, no hard links here, or too many of this file
        shutil.copyfile(source, target)


def plain_name(name: str) -> str:
    """A name that every reader of training data takes: ASCII letters, digits, `_` and `-`; no dot,
    no space.

    BasicSR, Real-ESRGAN and neosr cut a line of meta_info.txt at the first space, LMDB readers at
    the first dot.
    """
    ascii_name = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9_-]+", "-", ascii_name).strip("-") or "image"


def image_name(section: str, path: str, sha256: str) -> str:
    """Name of a photograph's own PNG: `<section>/<stem>-<first 8 of the hash>.png`.

    The hash keeps names apart that differ in their extension, folder or accents only, whatever else
    is in the set.
    """
    name = f"{plain_name(Path(path).stem)[:80]}-{sha256[:8]}.png"
    return name if section == "." else f"{plain_name(section)[:80]}/{name}"
