"""Enlarge pictures by a trained network.

Takes:  the network; a folder of pictures.
Leaves: each, enlarged, under its path as PNG.
Rule:   the luma by the network, the colours by Pillow's BICUBIC, as people see less of these.
"""

from pathlib import Path

import numpy as np
from PIL import Image

from stages.common import files
from stages.common.cli import run
from stages.common.errors import UserError
from stages.common.pixels import images, png
from stages.common.pixels.images import ImageError, Pixels
from stages.common.sets.looking import is_image
from training.showcase import models
from training.showcase.network import Network, enlarged


def upscaled(network: Network, pixels: Pixels) -> Pixels:
    """(h, w, 3) to (scale h, scale w, 3)."""
    luma, blue, red = Image.fromarray(pixels).convert("YCbCr").split()
    size = (luma.width * network.scale, luma.height * network.scale)
    colours = [part.resize(size, Image.Resampling.BICUBIC) for part in (blue, red)]
    large = Image.fromarray(enlarged(network, np.asarray(luma)))
    return np.asarray(Image.merge("YCbCr", [large, *colours]).convert("RGB"))


def main(weights: Path, pictures: Path, enlarged: Path) -> None:
    network, _ = models.read(weights)
    names = [name for name in files.files_below(pictures) if is_image(name)]
    if not names:
        raise UserError(f"{pictures} holds no picture: name a folder of some")
    paths = {name: Path(name).with_suffix(".png") for name in names}
    whose: dict[Path, str] = {}
    for name, path in paths.items():
        if (other := whose.setdefault(path, name)) != name:
            raise UserError(
                f"{pictures / other} and {pictures / name} would both be {path}: rename one"
            )
    files.new_folder(enlarged)
    for name in names:
        try:
            pixels = images.read(pictures / name)
        except ImageError as error:
            raise UserError(f"{pictures / name}: {error}: take it out of the folder") from None
        path = enlarged / paths[name]
        path.parent.mkdir(parents=True, exist_ok=True)
        png.write(path, upscaled(network, pixels))
    print(f"x{network.scale}: {len(names)} pictures enlarged, in {enlarged}")


if __name__ == "__main__":
    run(main)
