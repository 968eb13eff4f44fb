"""A training set on disk: its images, what each of them is, and the patches that slots cut."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from stages.common import files, tables, workers
from stages.common.errors import UserError
from stages.common.measures.luma import Luma, luma
from stages.common.pixels import images
from stages.common.pixels.images import ImageError
from stages.common.rows import Lineage
from stages.common.sets import layout
from stages.common.sets.looking import is_image
from training.showcase import slots
from training.showcase.slots import Cut

LINEAGE = "lineage.csv"


class Patches(NamedTuple):
    """What training sees, slot by slot."""

    low: Luma  # (slots, patch, patch)
    high: Luma  # (slots, scale patch, scale patch)


class Task(NamedTuple):
    """What is cut out of one image."""

    path: Path
    cuts: list[Cut]


def find(folder: Path) -> dict[str, Path]:
    """The images of a set by what each of them is, sorted by that: a tile's place in its photograph
    where lineage.csv is in the set's folder or beside it, so that tiles are known again under
    another number; else its path without the ending.

    Args:
        folder: of images, or that an archive was unpacked to; its validation images are left out.

    Raises:
        UserError: where it is no folder, or has no image.
    """
    place = layout.set_folder(folder)
    listed = next((p for p in (place / LINEAGE, place.parent / LINEAGE) if p.is_file()), None)
    rows = tables.read(listed, Lineage) if listed else []
    known = {
        row.name: f"{row.photograph_sha256} {row.scale} {row.left} {row.top} {row.width}"
        for row in rows
    }
    found = layout.find(place, None, list(known))
    names = [path.removeprefix(found.top) for path in found.images]
    by_place = set(names) <= known.keys()
    identities = [known[n] if by_place else str(Path(n).with_suffix("")) for n in names]
    paths = dict(zip(identities, found.images, strict=True))
    if len(paths) < len(found.images):
        twin = next(n for n, i in zip(found.images, identities, strict=True) if paths[i] != n)
        raise UserError(f"{place / twin} has the name of another image of the set: rename one")
    return {identity: place / paths[identity] for identity in sorted(paths)}


def read(path: Path) -> Luma:
    """An image's luma, (h, w).

    Raises:
        UserError: where it can't be read.
    """
    try:
        return luma(images.read(path))
    except ImageError as error:
        raise UserError(f"{path}: {error}: take it out of the folder") from None


def pair(high: Luma, scale: int) -> tuple[Luma, Luma]:
    """LR and HR of a luma, which is cut at the right and bottom to a multiple of the scale. LR is
    made by Pillow's BICUBIC, which filters against aliasing, and rounded."""
    height, width = (side // scale for side in high.shape)
    high = high[: height * scale, : width * scale]
    low = Image.fromarray(high).resize((width, height), Image.Resampling.BICUBIC)
    return np.asarray(low), high


def turned(patch: Luma, turn: int) -> Luma:
    """One of the eight ways that a square can lie, 0..7."""
    patch = patch[:, ::-1] if turn & 1 else patch
    patch = patch[::-1] if turn & 2 else patch
    return patch.T if turn & 4 else patch


def cut(task: Task, *, scale: int, patch: int) -> Patches:
    """The patches of one image, in the order of its cuts.

    Raises:
        UserError: where it can't be read, or is smaller than a patch.
    """
    low, high = pair(read(task.path), scale)
    rows, columns = (side - patch + 1 for side in low.shape)
    if min(rows, columns) < 1:
        raise UserError(
            f"{task.path} has {high.shape[1]}x{high.shape[0]} px, expected {patch * scale} or more "
            f"on each side for x{scale}: take it out of the folder, or train on larger tiles"
        )
    lows, highs = [], []
    for where in task.cuts:
        y, x = int(where.down * rows), int(where.right * columns)
        lows.append(turned(low[y : y + patch, x : x + patch], where.turn))
        own = high[y * scale : (y + patch) * scale, x * scale : (x + patch) * scale]
        highs.append(turned(own, where.turn))
    return Patches(np.array(lows), np.array(highs))


def patches(
    identified: Mapping[str, Path], *, scale: int, patch: int, seed: int, count: int
) -> Patches:
    """The patches of `count` slots. Each image that a slot takes is read once, and the memory does
    not depend on the size of the set: 51,200 slots of 32 px take 262 MB for x2, 891 MB for x4."""
    numbers = slots.numbers(seed, count)
    paths = list(identified.values())
    taken = slots.taken(numbers, [slots.key(identity) for identity in identified])
    places = slots.cuts(numbers)
    used = np.unique(taken).tolist()
    of_image = [np.flatnonzero(taken == i) for i in used]
    tasks = [
        Task(paths[i], [places[slot] for slot in own])
        for i, own in zip(used, of_image, strict=True)
    ]
    found = Patches(
        np.empty((count, patch, patch), np.uint8),
        np.empty((count, patch * scale, patch * scale), np.uint8),
    )
    each = workers.each(partial(cut, scale=scale, patch=patch), tasks, what="cut")
    for own, some in zip(of_image, each, strict=True):
        found.low[own], found.high[own] = some
    return found


def held(folder: Path, least: int) -> Sequence[tuple[str, Path]]:
    """The held photographs of a folder by their paths, sorted.

    Raises:
        UserError: where they are fewer than `least`.
    """
    if not folder.is_dir():
        raise UserError(f"held: {folder} is no folder: name one of photographs never trained on")
    found = sorted(
        (path.relative_to(folder).as_posix(), path)
        for path in folder.rglob("*")
        if is_image(path.name)
    )
    if len(found) < least:
        raise UserError(
            f"held: {folder} holds {len(found)} photographs, expected {least} or more, since of "
            "fewer the interval says nothing: put more there"
        )
    return found


def check_apart(identified: Mapping[str, Path], photographs: Sequence[tuple[str, Path]]) -> None:
    """No held photograph may be in a set as it is. Parts of one are not looked for here.

    Raises:
        UserError: where one is.
    """
    sizes = {path.stat().st_size for _, path in photographs}
    same_size = [path for path in identified.values() if path.stat().st_size in sizes]
    trained_on = {files.sha256_of(path): path for path in same_size}
    for _, path in photographs:
        if twin := trained_on.get(files.sha256_of(path)):
            raise UserError(
                f"held: {path} is trained on, as {twin}: hold others, or take it out of the set"
            )
