"""A 7z archive in one file or in volumes, read as one file.

Volumes are the archive's bytes, split: `a.7z.001`, `a.7z.002`, and so on.
"""

import bisect
import hashlib
import io
import re
from itertools import accumulate
from pathlib import Path

from stages.common.errors import UserError

BUFFER = 2**20  # bytes read at once
NUMBERED = re.compile(r"\.(\d{3,})$")


class Joined(io.RawIOBase):
    """Files one after the other, read only. One is open at a time: there may be thousands."""

    def __init__(self, paths: list[Path]) -> None:
        self.paths = paths
        self.starts = [0, *accumulate(path.stat().st_size for path in paths)]  # and the end of all
        self.position = 0
        self.number = 0  # of the open one
        self.file = paths[0].open("rb", buffering=0)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self.position, io.SEEK_END: self.starts[-1]}[whence]
        self.position = max(0, base + offset)
        return self.position

    def tell(self) -> int:
        return self.position

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Read on to the end of a file at most; 0 at the end of all."""
        if self.position >= self.starts[-1]:
            return 0
        number = bisect.bisect_right(self.starts, self.position) - 1
        if number != self.number:
            self.file.close()
            self.number, self.file = number, self.paths[number].open("rb", buffering=0)
        self.file.seek(self.position - self.starts[number])
        count: int = self.file.readinto(buffer)
        self.position += count
        return count

    def close(self) -> None:
        self.file.close()
        super().close()


def open_all(paths: list[Path]) -> io.BufferedReader:
    """Open an archive by all its volumes, or by its one file."""
    return io.BufferedReader(Joined(paths), BUFFER)


def of(archive: Path) -> list[Path]:
    """An archive's files: itself, or all volumes, of which `archive` is the first.

    Raises:
        UserError: where one is missing, or `archive` is no first volume.
    """
    if not archive.is_file():
        first = archive.with_name(f"{archive.name}.001")
        hint = f"name its first volume, {first}" if first.is_file() else "check the path"
        raise UserError(f"{archive} is no file: {hint}")
    number = NUMBERED.search(archive.name)
    if number is None:
        return [archive]
    stem, digits = archive.name[: number.start()], len(number[1])
    present = {
        int(found[1]): path
        for path in archive.parent.iterdir()
        if (found := NUMBERED.search(path.name))
        and path.name[: found.start()] == stem
        and found[1] == f"{int(found[1]):0{digits}}"
    }
    if int(number[1]) != 1:
        raise UserError(f"{archive} is not the first volume: name {stem}.{1:0{digits}}")
    for wanted in range(1, max(present) + 1):
        if wanted not in present:
            missing = archive.with_name(f"{stem}.{wanted:0{digits}}")
            raise UserError(f"{missing} is missing, one of {max(present)} volumes: fetch it")
    return [present[volume] for volume in sorted(present)]


def sha256_of(paths: list[Path]) -> tuple[str, list[str]]:
    """SHA-256 of all files as one, and of each, hexadecimal; each is read once."""
    whole, each = hashlib.sha256(), []
    for path in paths:
        own = hashlib.sha256()
        with path.open("rb") as file:
            while chunk := file.read(BUFFER):
                whole.update(chunk)
                if len(paths) > 1:
                    own.update(chunk)
        each.append(own.hexdigest())
    return whole.hexdigest(), each if len(paths) > 1 else [whole.hexdigest()]


def split(paths: list[Path], target: Path, size: int) -> dict[str, str]:
    """Write an archive's bytes as volumes `<target>.001`, ..., of `size` bytes each but the last;
    gives the SHA-256 of each by its name."""
    sha256: dict[str, str] = {}
    with open_all(paths) as whole:
        for number in range(1, -(-sum(path.stat().st_size for path in paths) // size) + 1):
            path = target.with_name(f"{target.name}.{number:03d}")
            own, left = hashlib.sha256(), size
            with path.open("wb") as volume:
                while left and (chunk := whole.read(min(BUFFER, left))):
                    own.update(chunk)
                    volume.write(chunk)
                    left -= len(chunk)
            sha256[path.name] = own.hexdigest()
    return sha256
