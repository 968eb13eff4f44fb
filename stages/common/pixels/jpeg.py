"""The quality that a JPEG file's header tells."""

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

# The table for luma at quality 50, row by row, of the standard that libjpeg and nearly all programs
# scale: ITU-T T.81, annex K, table K.1.
STANDARD = np.array(
    [
        *(16, 11, 10, 16, 24, 40, 51, 61),
        *(12, 12, 14, 19, 26, 58, 60, 55),
        *(14, 13, 16, 24, 40, 57, 69, 56),
        *(14, 17, 22, 29, 51, 87, 80, 62),
        *(18, 22, 37, 56, 68, 109, 103, 77),
        *(24, 35, 55, 64, 81, 104, 113, 92),
        *(49, 64, 78, 87, 103, 121, 120, 101),
        *(72, 92, 95, 98, 112, 100, 103, 99),
    ]
)
QUALITIES = np.arange(1, 101)
FITS = 0.1  # the most that a table differs from the nearest standard one, as a share of its sum


def scaled() -> NDArray[np.int64]:
    """The tables that libjpeg makes of all qualities, (100, 64)."""
    percents = np.where(QUALITIES < 50, 5000 // QUALITIES, 200 - 2 * QUALITIES)
    tables: NDArray[np.int64] = np.clip((STANDARD * percents[:, None] + 50) // 100, 1, 255)
    return tables


TABLES = scaled()


def header_quality(content: bytes) -> int:
    """The quality, 1..100, of the standard table that is nearest to a JPEG file's table for luma.

    0 of any other file, of a damaged one, and where no standard table is near, as in files of some
    cameras and of Photoshop. It is what the last program has written: a file that was saved at 40
    and then again at 95 says 95, so see `measures.blocks`. Nothing is decoded.
    """
    try:
        with Image.open(io.BytesIO(content), formats=["JPEG"]) as image:
            tables = getattr(image, "quantization", {})
            layers = getattr(image, "layer", [])
            table = np.asarray(tables[layers[0][3]])
    except Exception:  # a broken file can raise anything in a decoder
        return 0
    if table.shape != STANDARD.shape:
        return 0
    differences = np.abs(TABLES - table).sum(axis=1)
    nearest = int(differences.argmin())
    return int(QUALITIES[nearest]) if differences[nearest] <= FITS * table.sum() else 0
