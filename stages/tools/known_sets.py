"""Write what tells the images of public test sets, without the pictures: data/known_sets.csv.

    make known-sets SELFEXSR=../SelfExSR KODAK=../Kodak-Lossless-True-Color-Image-Suite

The two are clones of what data/known_sets.md names. Each image gives a row for itself and one for
each part of it in `VIEWS`, by which copies that are cropped far are found. It is to be run again
when the built-in scorer's backbone or the whitening changes; data/known_sets.md has the SHA-256 of
those that the table was made with, and a test compares them.
"""

import argparse
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

from stages.common import cli, tables
from stages.common.errors import UserError
from stages.common.near import embedder, known
from stages.common.near.known import Known
from stages.common.pixels import images
from stages.common.pixels.images import Pixels
from stages.common.pixels.likeness import dhash

WEIGHTS = Path("data/weights")
# Of each set: the clone, its files there, and what a file's name has beside the image's.
SOURCES = {name: ("selfexsr", f"data/{name}/image_SRF_2/*_HR.png") for name in known.SETS[:-1]}
SOURCES["Kodak"] = ("kodak", "PhotoCD_PCD0992/*.png")
COUNTS = {"Set5": 5, "Set14": 14, "BSD100": 100, "Urban100": 100, "Kodak": 24}
VIEWS = {known.WHOLE: 1.0, "centre 80%": 0.8}  # the share of each side that is left


def files_of(name: str, clones: Mapping[str, Path]) -> dict[str, Path]:
    """The files of a set, by the names of the images.

    Raises:
        UserError: where there are not as many as the set has.
    """
    clone, pattern = SOURCES[name]
    found = sorted(clones[clone].glob(pattern))
    if len(found) != COUNTS[name]:
        raise UserError(
            f"{clones[clone] / pattern}: {len(found)} files, {name} has {COUNTS[name]}: is it a "
            "whole clone of what data/known_sets.md names?"
        )
    start = "kodim" if name == "Kodak" else ""
    return {start + path.stem.removesuffix("_SRF_2_HR"): path for path in found}


def view(pixels: Pixels, share: float) -> Pixels:
    """The middle of a picture, with a share of each side."""
    height, width, _ = pixels.shape
    rows, columns = round(height * share), round(width * share)
    top, left = (height - rows) // 2, (width - columns) // 2
    return pixels[top : top + rows, left : left + columns].copy()


def views(clones: Mapping[str, Path]) -> Iterator[tuple[tuple[str, str, str], Pixels]]:
    """Every view of every image, with its set, image and name."""
    for name in known.SETS:
        for image, path in files_of(name, clones).items():
            pixels = images.read(path)
            for what, share in VIEWS.items():
                yield (name, image, what), view(pixels, share)


def rows(clones: Mapping[str, Path], weights: Path) -> Iterator[Known]:
    """The table, in the order of sets, images and views."""

    def facts() -> Iterator[tuple[Known, Pixels]]:
        for key, pixels in views(clones):
            mirrored = dhash(pixels[:, ::-1].copy())
            row = Known(*key, images.pixels_sha256(pixels), dhash(pixels), mirrored, "")
            yield row, embedder.squeezed(pixels)

    for row, embedding in embedder.embedded(facts(), embedder.load(weights)):
        yield row._replace(embedding=embedding.hex())


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m stages.tools.known_sets",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--selfexsr", type=Path, required=True, help="clone with four of the sets")
    parser.add_argument("--kodak", type=Path, required=True, help="clone with the Kodak images")
    parser.add_argument("--table", type=Path, default=known.FILE, help="the table to write")
    given = parser.parse_args()
    found = list(rows({"selfexsr": given.selfexsr, "kodak": given.kodak}, WEIGHTS))
    tables.write(given.table, Known, found)
    counts = Counter(row.set for row in found if row.view == known.WHOLE)
    print(f"{given.table}: {', '.join(f'{n} of {name}' for name, n in counts.items())}")


if __name__ == "__main__":
    cli.shell("known_sets", main, again="make known-sets")
