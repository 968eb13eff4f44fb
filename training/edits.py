"""What is done to a photograph before it turns up again: parts of it, other sizes, files, light."""

import io

import numpy as np
from PIL import Image

from training.degradations import Pixels

CROP = 0.22  # share of a side that is cut away at most
DOWN = 3.0  # factor of scaling at most
QUALITY = (25, 95)  # of JPEG
LIGHT = 0.4  # of the natural logarithm of gamma or gain


def edited(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    """An edited copy: cropped anywhere, and with some chance each brightened, made grey, scaled
    down and compressed. The same state of `rng` gives the same."""
    height, width, _ = pixels.shape
    rows, columns = (round(side * (1 - rng.uniform(0, CROP))) for side in (height, width))
    top, left = rng.integers(0, height - rows + 1), rng.integers(0, width - columns + 1)
    values = pixels[top : top + rows, left : left + columns] / 255
    if rng.random() < 0.3:
        values = values ** np.exp(rng.uniform(-LIGHT, LIGHT))
    if rng.random() < 0.3:
        values = np.minimum(values * np.exp(rng.uniform(-LIGHT, LIGHT)), 1)
    image = Image.fromarray(np.rint(values * 255).astype(np.uint8))
    if rng.random() < 0.15:
        image = image.convert("L").convert("RGB")
    if rng.random() < 0.7:
        factor = rng.uniform(1, DOWN)
        size = [max(1, round(side / factor)) for side in image.size]
        image = image.resize((size[0], size[1]), Image.Resampling.BICUBIC)
    if rng.random() < 0.8:
        file = io.BytesIO()
        image.save(file, "JPEG", quality=int(rng.integers(*QUALITY, endpoint=True)))
        image = Image.open(file).convert("RGB")
    return np.asarray(image)
