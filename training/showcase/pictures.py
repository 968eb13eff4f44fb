"""Compare what any networks have enlarged, as `compare` does: by photograph, with intervals.

    python -m training.showcase.pictures --hr pairs/hr --scale 2 --folders ONE OTHER

In each folder are the pictures NAME.png, or, as trainers leave them, NAME/NAME_5000.png, of each
photograph of HR; of several steps the last one that all pictures of all folders have counts.
"""

import argparse
import re
from collections.abc import Sequence
from pathlib import Path

from stages.common import cli, params
from stages.common.errors import UserError
from training.showcase import compare, quality, sets
from training.showcase.compare import Compared
from training.showcase.measured import EvaluateParams, Measured

Steps = dict[int, Path]  # a photograph's pictures by step; -1 where the name has none


def found(folder: Path, names: Sequence[str]) -> list[Steps]:
    """The pictures of each photograph.

    Raises:
        UserError: where one has none.
    """
    if not folder.is_dir():
        raise UserError(f"--folders: {folder} is no folder: name one of enlarged pictures")
    every = sorted(folder.rglob("*.png"))
    steps: list[Steps] = []
    for name in names:
        matches = ((re.fullmatch(rf"{re.escape(name)}(?:_(\d+))?", p.stem), p) for p in every)
        own = {int(match[1] or -1): path for match, path in matches if match}
        if not own:
            raise UserError(
                f"--folders: {folder} has no {name}.png, nor {name}_5000.png or of another step: "
                "enlarge all photographs of --hr"
            )
        steps.append(own)
    return steps


def last(folders: Sequence[Sequence[Steps]]) -> int:
    """The last step that all pictures have.

    Raises:
        UserError: where there is none.
    """
    common = set.intersection(*(set(steps) for own in folders for steps in own))
    if not common:
        raise UserError("--folders: no step has all pictures of all folders: train equally long")
    return max(common)


def look(name: str, high: Path, picture: Path, scale: int) -> Measured:
    """How near a picture is to the photograph; the border of `scale` px does not count.

    Raises:
        UserError: where they differ in size.
    """
    reference, ours = sets.read(high), sets.read(picture)
    if ours.shape != reference.shape:
        raise UserError(
            f"{picture} has {ours.shape[1]}x{ours.shape[0]} px, expected those of {high}, "
            f"{reference.shape[1]}x{reference.shape[0]}: enlarge the photograph's x{scale}"
        )
    plain = (float("nan"), float("nan"))  # bicubic's, which nothing here asks for
    psnr, ssim = (f(ours, reference, scale) for f in (quality.psnr, quality.ssim))
    return Measured(name, plain[0], psnr, plain[1], ssim)


def compared(hr: Path, folders: Sequence[Path], scale: int, least: int) -> list[Compared]:
    """A row a folder, in their order; differences are to the first.

    Raises:
        UserError: where pictures are missing, or don't fit.
    """
    photographs = sets.held(hr, least)
    names = [path.stem for _, path in photographs]
    every = [found(folder, names) for folder in folders]
    step = last(every)
    looked = {
        str(folder): [
            look(name, high, steps[step], scale)
            for (name, high), steps in zip(photographs, own, strict=True)
        ]
        for folder, own in zip(folders, every, strict=True)
    }
    return compare.table([len(names)] * len(folders), looked)


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m training.showcase.pictures",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--hr", type=Path, required=True, help="the photographs")
    parser.add_argument("--scale", type=int, required=True, help="by which they were enlarged")
    parser.add_argument("--folders", type=Path, nargs="+", required=True)
    given = parser.parse_args()
    least = params.load(EvaluateParams, "evaluate", compare.PARAMS).least
    rows = compared(given.hr, given.folders, given.scale, least)
    print(*compare.lines(rows, "pictures"), sep="\n")


if __name__ == "__main__":
    cli.shell("pictures", main, again="python -m training.showcase.pictures …")
