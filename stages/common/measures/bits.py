"""Bits a pixel: how much there is to see in a tile."""

import io

from PIL import Image

from stages.common.measures.luma import luma
from stages.common.pixels.images import Pixels

QUALITY = 75  # of JPEG: fine noise vanishes, structure stays
SCAN = b"\xff\xda"  # ends what is the same in all files


def bits(pixels: Pixels) -> float:
    """Bits a pixel of the luma as JPEG of quality 75, without the file's head; 0..about 8.

    Low: sky, walls, soft backgrounds, with little to learn from. High: foliage, fur, crowds.
    Fooled by: strong noise (a standard deviation above 10) and halftones, which are many bits
    without a picture; a small face before a soft background is few. A side below 8 px costs as much
    as a whole block, so that a picture of one pixel has about 100.

    Source: the size of a compressed file as a measure of complexity, Yu and Winkler, "Image
    complexity and spatial information", QoMEX 2013.
    """
    grey = luma(pixels)
    file = io.BytesIO()
    Image.fromarray(grey).save(file, "JPEG", quality=QUALITY)
    content = file.getvalue()
    return (len(content) - content.index(SCAN)) * 8 / grey.size
