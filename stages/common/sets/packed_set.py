"""Single files out of a set's archive, without unpacking all of it."""

from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path

import py7zr

from stages.common.errors import UserError
from stages.common.sets import members, volumes
from stages.common.sets.members import Member


class Contents:
    """The files of an archive, by their path in it."""

    def __init__(self, file: BufferedReader, found: dict[str, Member]) -> None:
        self.files = found
        self._file = file

    def read(self, path: str) -> bytes:
        """A file's bytes."""
        member = self.files[path]
        assert member.start is not None
        self._file.seek(member.start)
        return self._file.read(member.size)


@contextmanager
def opened(archive: Path) -> Iterator[Contents]:
    """An archive, or all its volumes by the first; to be read while the block runs.

    Raises:
        UserError: where it is damaged, unsafe, or its files are compressed, as this tool's are not.
    """
    with volumes.open_all(volumes.of(archive)) as file:
        with members.told(archive):
            found = members.members(py7zr.SevenZipFile(file))
        members.check(found)
        wanted = {member.path: member for member in found if not member.is_folder}
        if any(member.start is None for member in wanted.values()):
            raise UserError(f"{archive} is compressed, so not made by `make run`: name one that is")
        yield Contents(file, wanted)
