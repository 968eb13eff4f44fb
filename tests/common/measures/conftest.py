"""Photographs without traces of compression."""

import numpy as np
import pytest
from PIL import Image

from stages.common.pixels.images import Pixels
from tests.conftest import SAMPLES

REDUCED = 0.53  # what is left of the files' own grid of 8 px has a period of 4.24


@pytest.fixture(scope="session")
def clean() -> list[Pixels]:
    """The 16 sample photographs, reduced: about 900x600."""
    found = []
    for path in sorted(SAMPLES.glob("[lo]*/*.jpg")):
        image = Image.open(path).convert("RGB")
        size = (round(image.width * REDUCED), round(image.height * REDUCED))
        found.append(np.asarray(image.resize(size, Image.Resampling.LANCZOS)))
    assert len(found) == 16
    return found
