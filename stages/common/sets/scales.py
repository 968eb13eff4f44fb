"""Validation images: a folder `hr`, and one for each scale, `x2`, `x4`, with the same names.

Readers of pairs stop where a full-size image is not exactly the scale times its small one.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from stages.common.pixels import images
from stages.common.sets.faults import Fault
from stages.common.sets.layout import HR
from stages.common.sets.listings import json_object
from stages.common.sets.looking import Image8, is_image

SCALE = re.compile(r"(?:.*[^A-Za-z0-9])?[xX](\d{1,2})")
ROUNDING = 1  # of 255: the most that two right ways to round a mean differ


class Pair(NamedTuple):
    """A full-size image and its small one, below the folder of validation images."""

    hr: str
    lr: str
    scale: int


def scale_of(folder: str) -> int | None:
    """By how much the images of a folder are downscaled: 1 for `hr`, None for none of these."""
    if folder.lower() in HR:
        return 1
    found = SCALE.fullmatch(folder)
    return int(found[1]) if found else None


def match(paths: Sequence[str]) -> tuple[list[Pair], list[Fault]]:
    """The pairs among validation images, and images without their other half."""
    by_folder: dict[str, dict[str, str]] = {}
    for path in paths:
        folder, _, name = path.partition("/")
        scale = scale_of(folder)
        if scale is None or not name:
            continue
        if not is_image(name):
            continue
        stem = name.removesuffix(Path(name).suffix)
        by_folder.setdefault(folder, {})[stem.removesuffix(f"x{scale}")] = path
    hr = next((folder for folder in by_folder if scale_of(folder) == 1), None)
    if hr is None:
        return [], []
    faults, found = [], []
    for stem in sorted({stem for stems in by_folder.values() for stem in stems}):
        having = [folder for folder, stems in by_folder.items() if stem in stems]
        lacking = [folder for folder in by_folder if folder not in having]
        one = by_folder[having[0]][stem]
        if 2 * len(having) >= len(by_folder):
            for folder in lacking:
                path = f"{folder}/{one.partition('/')[2]}"
                faults.append(Fault(path, "missing", "no file", f"one, since there is {one}"))
        else:
            for folder in having:
                path = by_folder[folder][stem]
                expected = f"one in {', '.join(lacking)}, too"
                faults.append(Fault(path, "extra", "an image without its other sizes", expected))
        if hr in having:
            whole = by_folder[hr][stem]
            found += [
                Pair(whole, by_folder[folder][stem], scale)
                for folder in having
                if folder != hr and (scale := scale_of(folder))
            ]
    return found, faults


def extra(paths: Sequence[str]) -> Iterator[Fault]:
    """Files beside the images of a scale: some readers take every file of their folder."""
    for path in paths:
        folder, _, name = path.partition("/")
        if name and scale_of(folder) is not None and not is_image(name):
            yield Fault(path, "extra", "a file that is no image", "images alone in this folder")


def metadata(folder: Path, paths: Sequence[str]) -> Iterator[Fault]:
    """What metadata.jsonl in the folder of validation images names and is not there, and images
    that it does not name."""
    path = folder / "metadata.jsonl"
    if not path.is_file():
        return
    named = set()
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        row = json_object(line)
        named |= {str(value) for key, value in row.items() if key.endswith("file_name")}
    for name in sorted(named - set(paths)):
        yield Fault(name, "missing", "no file", f"one, named in {path.name}")
    for name in paths:
        if is_image(name) and name not in named:
            yield Fault(name, "unlisted", "no line", f"one in {path.name}")


def sizes(pairs: Sequence[Pair], seen: Mapping[str, Image8]) -> dict[str, Fault]:
    """Small images whose size does not fit, and full-size ones that can't be divided, by path."""
    faults = {}
    for hr, lr, scale in pairs:
        whole, small = seen[hr], seen[lr]
        if not whole.width or not small.width:
            continue
        got = f"{small.width}x{small.height} px"
        expected = f"{whole.width // scale}x{whole.height // scale} px, {hr} by {scale}"
        if whole.width % scale or whole.height % scale:
            size = f"{whole.width}x{whole.height} px"
            faults[hr] = Fault(hr, "size", size, f"a multiple of {scale}")
        elif (small.width * scale, small.height * scale) != (whole.width, whole.height):
            faults[lr] = Fault(lr, "size", got, expected)
    return faults


def difference(pair: Pair, *, folder: Path) -> int:
    """The most that a small image differs from the box downscale of its full-size one, 0..255."""
    whole, small = images.read(folder / pair.hr), images.read(folder / pair.lr)
    height, width, _ = small.shape
    box = images.resize(whole, width, height, Image.Resampling.BOX)
    return int(np.abs(box.astype(np.int16) - small).max())


def not_box(pair: Pair, differs: int) -> Fault | None:
    """The fault of a small image that is no box downscale."""
    if differs <= ROUNDING:
        return None
    got = f"up to {differs} of 255 from the mean of each {pair.scale}x{pair.scale} block"
    return Fault(pair.lr, "downscale", got, f"at most {ROUNDING}")
