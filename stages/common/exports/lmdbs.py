"""Images in LMDB as BasicSR has it: `NAME.lmdb/{data.mdb,lock.mdb,meta_info.txt}`.

An image's key is its name without extension, its value the bytes of its PNG file. BasicSR's own
script encodes each image anew, and `meta_info.txt` then says by which level of zlib; its readers
take the first word of a line alone. Here no image is encoded anew: the level is always said as 1,
which is what BasicSR says where nobody chose another.

Source: BasicSR, basicsr/utils/lmdb_util.py and basicsr/data/data_util.py,
        https://github.com/XPixelGroup/BasicSR/blob/master/docs/DatasetPreparation.md#lmdb-description
"""

import errno
import io
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from stages.common import disk, files
from stages.common.errors import UserError
from stages.common.exports.released import Image, Sample
from stages.common.pixels import images

LEVEL = 1
PAGE = 4096  # bytes; a value fills whole pages of its own
ROOM = 2**24  # bytes, for what is no value
COMMIT_BYTES = 2**26  # are written at once: so many are in memory


def write(
    path: Path,
    samples: Iterable[Sample],
    kind: str,
    read: Callable[[Image], bytes],
    room: int,
) -> None:
    """Write the images of one kind, as `hr`, to a new folder `path`.

    Args:
        room: as `room_of` gives it.

    Raises:
        UserError: where lmdb is not installed.
        OSError: which names the file.
    """
    try:
        import lmdb
    except ImportError:
        raise UserError("lmdb is not installed: run `make export-packages`") from None
    path.mkdir(parents=True)
    lines = []
    with _told(path / "data.mdb", lmdb.Error):
        environment = lmdb.open(str(path), map_size=room)
        try:
            for group in _grouped(samples, kind):
                with environment.begin(write=True) as transaction:
                    for sample in group:
                        content = read(sample.images[kind])
                        width, height = images.size_of(io.BytesIO(content)) or (0, 0)
                        transaction.put(sample.key.encode("ascii"), content)
                        lines.append(f"{sample.key}.png ({height},{width},3) {LEVEL}\n")
            environment.sync(True)
        finally:
            environment.close()
    (path / "lock.mdb").write_bytes(b"")  # holds numbers of processes; a reader fills it anew
    files.write(path / "meta_info.txt", "".join(lines).encode())


def room_of(samples: Iterable[Sample], kind: str) -> int:
    """Bytes that the images of one kind need at most, in whole pages."""
    sizes = [sample.images[kind].bytes for sample in samples]
    return sum(-(-(size + 16) // PAGE) * PAGE + PAGE for size in sizes) + ROOM


def _grouped(samples: Iterable[Sample], kind: str) -> Iterator[list[Sample]]:
    """Neighbours whose images have about `COMMIT_BYTES` together."""
    group: list[Sample] = []
    size = 0
    for sample in samples:
        group.append(sample)
        size += sample.images[kind].bytes
        if size >= COMMIT_BYTES:
            yield group
            group, size = [], 0
    if group:
        yield group


@contextmanager
def _told(path: Path, error_type: type[Exception]) -> Iterator[None]:
    """Tell LMDB's errors as those of the system. Of a full disk it says that it has a fault."""
    try:
        yield
    except error_type as error:
        number = getattr(error, "code", None)
        if number == errno.EIO and not disk.has_room(path, COMMIT_BYTES):
            number = errno.ENOSPC
        if isinstance(number, int) and number > 0:
            raise OSError(number, os.strerror(number), str(path)) from None
        raise UserError(f"{path}: {error}") from None
