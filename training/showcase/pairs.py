"""Make the pairs that other trainers validate on, of held photographs.

    python -m training.showcase.pairs --held photographs --pairs pairs

PAIRS then has `hr`, `x2` and `x4`, as `validation` in a released set: LR are means of 2x2 and 4x4
pixels.
"""

import argparse
from pathlib import Path

from stages.common import cli, files, params
from stages.common.errors import UserError
from stages.common.pixels import images, pairs, png
from stages.common.pixels.images import ImageError
from training.showcase import sets
from training.showcase.compare import PARAMS
from training.showcase.measured import SMALLEST, EvaluateParams
from training.showcase.network import SCALES


def make(held: Path, folder: Path, least: int) -> int:
    """Write the pairs; gives how many there are.

    Raises:
        UserError: where a photograph can't be read, is too small, or shares its name.
    """
    photographs = sets.held(held, least)
    names = [files.plain_name(Path(name).with_suffix("").as_posix()) for name, _ in photographs]
    twins = [
        path for name, (_, path) in zip(names, photographs, strict=True) if names.count(name) > 1
    ]
    if twins:
        raise UserError(f"{twins[0]} and {twins[1]} would have one name: rename one")
    files.new_folder(folder)
    for name, (_, path) in zip(names, photographs, strict=True):
        try:
            pixels = images.read(path)
        except ImageError as error:
            raise UserError(f"{path}: {error}: take it out of the folder") from None
        if min(pixels.shape[:2]) < SMALLEST:
            raise UserError(
                f"{path} has {pixels.shape[1]}x{pixels.shape[0]} px, expected {SMALLEST} or more "
                "on each side: take it out of the held ones"
            )
        made = pairs.pairs(pixels, SCALES)
        assert made is not None
        for size, own in made.items():
            (folder / size).mkdir(exist_ok=True)
            png.write(folder / size / f"{name}.png", own)
    return len(names)


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m training.showcase.pairs",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--held", type=Path, required=True, help="photographs never trained on")
    parser.add_argument("--pairs", type=Path, required=True, help="a new folder")
    given = parser.parse_args()
    least = params.load(EvaluateParams, "evaluate", PARAMS).least
    print(f"{make(given.held, given.pairs, least)} pairs in {given.pairs}")


if __name__ == "__main__":
    cli.shell("pairs", main, again="python -m training.showcase.pairs …")
