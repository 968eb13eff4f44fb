"""Known pictures among a set's images: those of benchmarks, and the set's own validation images.

One is found by its exact pixels, by a difference hash that is near (a scaled, converted or
compressed copy), and by images of the set that are plain crops of it. Crops that were scaled or
compressed, and mirrored or turned copies, are not found by content; of this project's own sets,
lineage.csv tells of any tile from which photograph it is.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from stages.common.pixels import excerpts, images, likeness
from stages.common.pixels.excerpts import Index, Place
from stages.common.pixels.images import ImageError
from stages.common.rows import Lineage
from stages.common.sets.faults import Fault
from stages.common.sets.listings import json_object
from stages.common.sets.looking import Image8

DIGITS = 8  # of a photograph's hash, in the name that this project gives its image


class Known(NamedTuple):
    """A picture that must not be among a set's images, and where crops of it may be."""

    path: str
    pixels: bytes  # SHA-256 of the canonical pixels
    dhash: str
    places: list[Place]


def look(path: str, *, folder: Path, index: Index) -> Known | None:
    """Read a known picture, and search it for images of the set; None where it can't be decoded."""
    try:
        pixels = images.read(folder / path)
    except (ImageError, OSError):
        return None
    digest = bytes.fromhex(images.pixels_sha256(pixels))
    return Known(path, digest, likeness.dhash(pixels), index.search(pixels))


def index_of(seen: Sequence[Image8]) -> tuple[list[Image8], Index]:
    """An index of a set's images, and those that it holds."""
    keyed = [image for image in seen if image.key is not None]
    return keyed, Index([image.key for image in keyed if image.key is not None])


def found(
    known: Known, folder: Path, seen: Sequence[Image8], keyed: Sequence[Image8], root: Path
) -> dict[str, str]:
    """Images of the set that are a known picture or a part of it: how each is, by path.

    Args:
        folder: of the known picture.
        seen, keyed: the set's images, and those of the index; `root` is their folder.
    """
    how = {image.path: "the pixels" for image in seen if image.pixels == known.pixels}
    whole = [image for image in seen if image.dhash]
    bits = likeness.distances(known.dhash, [image.dhash for image in whole])
    for image, distance in zip(whole, bits, strict=True):
        if distance <= likeness.NEAR_BITS:
            how.setdefault(image.path, f"{distance} of 256 bits")
    if known.places:
        pixels = images.read(folder / known.path)
        for picture, left, top in known.places:
            image = keyed[picture]
            part = images.read(root / image.path)
            if image.path not in how and excerpts.is_at(part, pixels, left, top):
                how[image.path] = f"a crop at {left},{top}"
    return how


def fault(path: str, what: str, how: Mapping[str, str], name: str) -> Fault:
    """One fault for a known picture, of which a set has images.

    Args:
        path: that the fault is of; empty for the first of the images.
        name: of the known picture.
    """
    first = min(how)
    more = f", and {len(how) - 1:,} more images" if len(how) > 1 else ""
    if path:
        return Fault(path, what, f"{first} in training ({how[first]}){more}", "none of its images")
    return Fault(first, what, f"{name} ({how[first]}){more}", "no image of a benchmark")


def by_lineage(
    hr: Sequence[str], folder: Path, rows: Sequence[Lineage], top: str
) -> dict[str, dict[str, str]]:
    """Tiles that are of validation photographs as lineage.csv tells it, by the path of the
    validation image. Its photograph is known by validation's metadata.jsonl, or by its name."""
    told: dict[str, str] = {}
    path = folder / "metadata.jsonl"
    for line in path.read_text(errors="replace").splitlines() if path.is_file() else []:
        said = json_object(line)
        told |= {str(value): str(said.get("photograph_sha256", "")) for value in said.values()}
    tiles: dict[str, dict[str, str]] = {}
    for row in rows:
        digest = row.photograph_sha256
        for known in {digest, digest[:DIGITS]}:
            tiles.setdefault(known, {})[top + row.name] = "by lineage.csv"
    leaks = {}
    for path_ in hr:
        digest = told.get(path_) or Path(path_).stem.rpartition("-")[2]
        if len(digest) in (DIGITS, 64) and digest in tiles:
            leaks[path_] = tiles[digest]
    return leaks
