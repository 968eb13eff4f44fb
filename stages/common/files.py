"""Files: hashes, names, and writes that are either whole or absent."""

import hashlib
import os
import re
import tempfile
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from stages.common.errors import UserError

ABOUT = "about.txt"
NAMED = 20  # paths that an error names before it only counts them


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's content, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_checked(path: Path, sha256: str) -> bytes:
    """Read a file that must be the one its table lists.

    Raises:
        UserError: where it holds anything else.
    """
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != sha256:
        raise UserError(changed([path]))
    return content


def changed(paths: Sequence[Path | str]) -> str:
    """What to say of files that differ from what their tables list."""
    named = ", ".join(map(str, paths[:NAMED]))
    more = f" and {len(paths) - NAMED:,} more" if len(paths) > NAMED else ""
    since = "has changed since it was" if len(paths) == 1 else "have changed since they were"
    return (
        f"{named}{more} {since} listed: run `dvc repro` again; if it ends here again, run `make "
        "verify`, which says how to mend it"
    )


def files_below(folder: Path) -> list[str]:
    """Every file's path below a folder, sorted.

    Raises:
        UserError: where there is a link to a folder, behind which DVC sees no change.
    """
    found = []
    for root, folders, names in os.walk(folder, onerror=_raise):
        links = sorted(name for name in folders if Path(root, name).is_symlink())
        if links:
            link = Path(root, links[0])
            raise UserError(
                f"{link} is a link to the folder {link.readlink()}, and DVC sees no change behind "
                "a link: move that folder here, name it in gather.more if it holds photographs, or "
                "`mount --bind` it on a folder of this name"
            )
        found += [Path(root, name).relative_to(folder).as_posix() for name in names]
    return sorted(found)


def _raise(error: OSError) -> None:
    raise error


def write(path: Path, content: bytes) -> None:
    """Write a file whole or not at all."""
    with writing(path) as file:
        file.write(content)


@contextmanager
def writing(path: Path) -> Iterator[IO[bytes]]:
    """Write a file bit by bit, whole or not at all: under a temporary name, then moved into
    place."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with naming(path), os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(0o644)  # mkstemp gives 0600
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink()
        raise


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Let an error of the system name the file: a full disk's does not."""
    try:
        yield
    except OSError as error:
        error.filename = error.filename or str(path)
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


def write_about(folder: Path, text: str) -> None:
    """Say in a stage's folder why it holds nothing: of an empty one DVC would warn."""
    write(folder / ABOUT, text.encode())


def plain_name(name: str) -> str:
    """A name that every reader of training data takes: ASCII letters, digits, `_` and `-`; no dot,
    no space.

    BasicSR, Real-ESRGAN and neosr cut a line of meta_info.txt at the first space, LMDB readers at
    the first dot.
    """
    ascii_name = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9_-]+", "-", ascii_name).strip("-") or "image"


def image_name(section: str, path: str, sha256: str, digits: int = 8) -> str:
    """Name of a photograph's own PNG: `<section>/<stem>-<first digits of the hash>.png`.

    The hash keeps names apart that differ in their extension, folder or accents only, whatever else
    is in the set. Of 10,000 photographs with one stem two share 8 digits in one set of a hundred.
    """
    name = f"{plain_name(Path(path).stem)[:80]}-{sha256[:digits]}.png"
    return name if section == "." else f"{plain_name(section)[:80]}/{name}"
