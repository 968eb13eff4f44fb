"""MD5 of many files, as fast as the disk and the cores allow.

With threads: while hashing and reading, Python lets the others work. For 2,000 files of 300 KB that
is faster than processes, whose start alone takes a third of a second.
"""

import errno
import hashlib
import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from tqdm import tqdm

from stages.common import workers

CHUNK = 2**20  # bytes read at once
AT_ONCE = 16  # files a thread takes; one by one, handing them out would cost more than it evens out
LARGE = 16 * 2**20  # bytes; such files are first, so that none is left for one thread at the end
UNREADABLE = (
    "unreadable"  # instead of a hash: the disk fails, or a folder is where a file should be
)
NO_CONTENT = {errno.EIO, errno.EISDIR, errno.EAGAIN, errno.ENXIO}
NO_FILE = {errno.ENOENT, errno.ENOTDIR, errno.ELOOP}

Path = str | os.PathLike[str]


class State(NamedTuple):
    """A file as it was when it was hashed. `ctime` can't be set back, so a change shows."""

    device: int
    inode: int
    size: int
    mtime: int  # ns
    ctime: int  # ns


class Checksums:
    """Hashes files, each content once: other names of a file, and files it has hashed before and
    that have not changed since, cost nothing."""

    def __init__(self) -> None:
        self.known: dict[State, str] = {}

    @property
    def bytes(self) -> int:
        """How much has been hashed."""
        return sum(state.size for state in self.known)

    def of(self, paths: Iterable[Path]) -> dict[Path, str | None]:
        """MD5 by path, hexadecimal; `UNREADABLE`, or None where there is no file."""
        states = {path: _state(path) for path in paths}
        todo = {s: path for path, s in states.items() if s is not None and s not in self.known}
        order = sorted(todo, key=lambda state: (-state.size if state.size > LARGE else 0, state))
        groups = [order[first : first + AT_ONCE] for first in range(0, len(order), AT_ONCE)]
        total = sum(state.size for state in order)
        executor = ThreadPoolExecutor(max(1, workers.worker_count()))
        try:
            with tqdm(
                total=total, desc="verify", unit="B", unit_scale=True, leave=False, disable=None
            ) as bar:
                for group, hashes in zip(
                    groups,
                    executor.map(lambda group: [_md5(todo[state]) for state in group], groups),
                    strict=True,
                ):
                    self.known.update(zip(group, hashes, strict=True))
                    bar.update(sum(state.size for state in group))
        finally:
            executor.shutdown(wait=False, cancel_futures=True)  # Ctrl-C waits for no large file
        return {path: None if s is None else self.known[s] for path, s in states.items()}


def _state(path: Path) -> State | None:
    try:
        found = os.stat(path)  # noqa: PTH116  # a Path for each of 100,000 files takes longer
    except OSError as error:
        if error.errno not in NO_FILE:
            raise
        return None
    return State(found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


def _md5(path: Path) -> str:
    """MD5 of a file's content; `UNREADABLE` where the disk can't give it."""
    digest = hashlib.md5(usedforsecurity=False)
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)  # no wait for a pipe
        try:
            while chunk := os.read(descriptor, CHUNK):
                digest.update(chunk)
        finally:
            os.close(descriptor)
    except OSError as error:
        if error.errno not in NO_CONTENT:
            raise
        return UNREADABLE
    return digest.hexdigest()
