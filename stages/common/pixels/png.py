"""PNG files as this project writes them: 8-bit RGB, not interlaced, no metadata.

Each row is filtered by Average or Paeth, whichever leaves the smaller residuals. The rows are then
compressed by libdeflate, or by zlib with run lengths alone, whichever gives less. On photographs
that is smaller than what Pillow and OpenCV write by default, and takes less time (bench/README.md).

Source: the PNG specification, https://www.w3.org/TR/png-3/.
"""

import struct
import zlib
from pathlib import Path

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from stages.common import files

Bytes = NDArray[np.uint8]

SIGNATURE = b"\x89PNG\r\n\x1a\n"
OVERHEAD = 57  # bytes of a file beside its compressed rows
LEVEL = 5  # of libdeflate: 1 is fastest, 12 smallest
STRIP = 32  # rows that are filtered at once: few enough that all arrays fit into a core's cache
GROUP = 16  # rows of a group; every eighth group is compressed by both methods to choose one


def write(path: Path, pixels: Bytes) -> bytes:
    """Write `encode(pixels)` to a file, whole or not at all, and return that. Makes its folder.

    Raises:
        OSError: where the file can't be written; it names the file.
    """
    content = encode(pixels)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")  # not by `files.write`, which waits for the disk
    with files.naming(path):
        try:
            part.write_bytes(content)
            part.replace(path)
        except OSError:
            part.unlink(missing_ok=True)
            raise
    return content


def encode(pixels: Bytes) -> bytes:
    """Encode `(H, W, 3) uint8`, both sides at least 1.

    The same pixels give the same bytes, however they lie in memory.
    """
    height, width, _ = pixels.shape
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = _compressed(_filtered(pixels))
    chunks = ((b"IHDR", header), (b"IDAT", data), (b"IEND", b""))
    return SIGNATURE + b"".join(_chunk(name, content) for name, content in chunks)


def about_size(pixels: Bytes) -> int:
    """How many bytes `encode` would give, about, in a tenth of its time: from an eighth of the
    rows. Of a photograph's tile it is a few hundredths off; of one with fewer than `8 * GROUP` rows
    it is exact.
    """
    height: int
    height, width, _ = pixels.shape
    if height < 8 * GROUP:
        return len(encode(pixels))
    padded = np.zeros((GROUP + 1, 3 * width + 3), np.uint8)
    tops = range(4 * GROUP, height - GROUP + 1, 8 * GROUP)
    rows = np.empty((len(tops), GROUP, 1 + 3 * width), np.uint8)
    for top, strip in zip(tops, rows, strict=True):
        padded[:, 3:] = pixels[top - 1 : top + GROUP].reshape(GROUP + 1, 3 * width)
        _filter(padded, strip)
    sample = rows.tobytes()
    size = min(len(_matches(sample)), len(_runs(sample)))
    return OVERHEAD + round(size * height / (GROUP * len(tops)))


def _chunk(name: bytes, content: bytes) -> bytes:
    checksum = zlib.crc32(content, zlib.crc32(name))
    return b"".join((struct.pack(">I", len(content)), name, content, struct.pack(">I", checksum)))


def _compressed(rows: Bytes) -> bytes:
    """Deflate filtered rows by the method that makes a sample of them smaller.

    In a noisy photograph matches of distant bytes are mostly chance, and run lengths alone leave a
    smaller file in less time. The sample is every eighth group of rows.
    """
    sample = rows[np.arange(len(rows)) // GROUP % 8 == 0].tobytes()
    return min((_matches, _runs), key=lambda method: len(method(sample)))(rows.tobytes())


def _matches(rows: bytes) -> bytes:
    return bytes(imagecodecs.deflate_encode(rows, level=LEVEL, raw=False))


def _runs(rows: bytes) -> bytes:
    # The one strategy of zlib that leaves no choice: zlib and zlib-ng give the same bytes.
    compressor = zlib.compressobj(memLevel=9, strategy=zlib.Z_RLE)
    return compressor.compress(rows) + compressor.flush()


def _filtered(pixels: Bytes) -> Bytes:
    """Each row as filter type and residuals, (H, 1 + 3 W): Average (3) or Paeth (4).

    Each row has the filter that leaves the smaller sum of absolute residuals, read as signed bytes:
    the heuristic of the PNG specification, section 12.7.
    """
    height, width, _ = pixels.shape
    padded = np.zeros((height + 1, 3 * width + 3), np.uint8)
    padded[1:, 3:] = pixels.reshape(height, 3 * width)
    rows = np.empty((height, 1 + 3 * width), np.uint8)
    for top in range(0, height, STRIP):
        _filter(padded[top : top + STRIP + 1], rows[top : top + STRIP])
    return rows


def _filter(padded: Bytes, rows: Bytes) -> None:
    """Fill `rows` from their pixels, padded by a row above and a pixel to the left."""
    x, left, up, corner = padded[1:, 3:], padded[1:, :-3], padded[:-1, 3:], padded[:-1, :-3]
    average = (left & up) + ((left ^ up) >> 1)
    residuals = x - average, x - _paeth(left, up, corner)
    costs = [np.minimum(r, -r).sum(1, dtype=np.uint32) for r in residuals]
    use_paeth = costs[1] <= costs[0]
    rows[:, 0] = np.where(use_paeth, 4, 3)
    rows[:, 1:] = np.where(use_paeth[:, None], residuals[1], residuals[0])


def _paeth(left: Bytes, up: Bytes, corner: Bytes) -> Bytes:
    """Whichever of the three is nearest to p = left + up - corner; of equally near ones the first.

    Distances are computed in bytes, which is several times as fast as in int16.
    """
    to_left = np.maximum(up, corner) - np.minimum(up, corner)  # |p - left| = |up - corner|
    to_up = np.maximum(left, corner) - np.minimum(left, corner)
    # Where corner lies between left and up, |p - corner| is the difference of these two distances.
    # Elsewhere it is their sum, so corner is never nearest: 255 stands for any such distance.
    outside = (up < corner) == (left < corner)
    to_corner = np.maximum(to_left, to_up) - np.minimum(to_left, to_up) | _mask(outside)
    nearest = _choose(to_up <= to_corner, up, corner)
    return _choose((to_left <= to_up) & (to_left <= to_corner), left, nearest)


def _choose(condition: NDArray[np.bool_], yes: Bytes, no: Bytes) -> Bytes:
    """`np.where`, several times as fast on bytes."""
    return no ^ ((no ^ yes) & _mask(condition))


def _mask(condition: NDArray[np.bool_]) -> Bytes:
    return -condition.view(np.uint8)  # 0 or 255
