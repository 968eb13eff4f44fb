"""Choose validation photographs among the best that are not trained on, and downscale them.

Takes:  the folder of photographs; screened.csv; cutoff_images.csv.
Leaves: validation/hr, validation/x2, validation/x4 (one folder a scale); validation.csv.
Rule:   `picks` names the photographs to take; the cutoff has reserved them. Else candidates are
        each section's next best after the cutoff, in turn: take those that differ from all taken
        before in at least `APART_BITS` bits of their difference hash. A near-duplicate of a
        training photograph is never taken. Each is cropped at the right and bottom to a multiple
        of all scales, and downscaled by Pillow's BOX, the mean of each scale x scale block, rounded
        once a side.
Source: Phhofm, Guides/DatasetPreparation.md: four images, LR by BOX downscale.
"""

import difflib
import hashlib
import math
from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Annotated

from PIL import Image
from pydantic import Field

from stages.common import files, tables, workers
from stages.common.cli import run
from stages.common.errors import UserError
from stages.common.params import Params
from stages.common.pixels import images, png
from stages.common.pixels.likeness import NEAR_BITS, distances
from stages.common.tables import Decision, Photograph, Validation

APART_BITS = 64  # of 256; unrelated photographs differ in 128 on average


class ValidationParams(Params):
    candidates: int = Field(ge=1)
    count: int = Field(ge=0)
    picks: list[str]
    scales: list[Annotated[int, Field(ge=1)]] = Field(min_length=1)


def near(dhash: str, others: Sequence[str], bits: int) -> bool:
    """Is one of the others closer than `bits`?"""
    return bool((distances(dhash, others) < bits).any())


def candidates(rows: Sequence[Decision], most: int) -> list[Decision]:
    """The next best photographs that are not trained on: each section's best, then each one's
    second best, and so on. None of a section that was left out."""
    places: Counter[str] = Counter()
    found = []
    for row in rows:
        if not row.kept and not row.reason.endswith("is left out"):
            places[row.section] += 1
            found.append((places[row.section], row.rank, row))
    return [row for _, _, row in sorted(found)[:most]]


def picked(
    rows: Sequence[Decision], hashes: dict[str, str], picks: Sequence[str]
) -> list[Decision]:
    """The named photographs, whatever their rank.

    Raises:
        UserError: for one that is not there, or is like one that is trained on.
    """
    by_path = {row.path: row for row in rows}
    training = [row.path for row in rows if row.kept]
    for pick in picks:
        if pick not in by_path:
            close = difflib.get_close_matches(pick, by_path, n=1)
            hint = f"did you mean {close[0]}? " if close else ""
            raise UserError(
                f"validation.picks: {pick} is no photograph that may be used: {hint}look it up in "
                "data/tables/screened.csv, or why not in rejected.csv"
            )
        if by_path[pick].kept:
            raise UserError(f"validation.picks: {pick} is trained on: run `dvc repro`")
        bits = distances(hashes[pick], [hashes[path] for path in training])
        if bits.size and bits.min() <= NEAR_BITS:
            twin = training[int(bits.argmin())]
            raise UserError(
                f"validation.picks: {pick} is nearly the same picture as {twin}, which is trained "
                "on: pick another, or name that one in screen.exclude"
            )
    return [by_path[pick] for pick in dict.fromkeys(picks)]


def choose(
    rows: Sequence[Decision], hashes: dict[str, str], params: ValidationParams
) -> list[Decision]:
    """The validation photographs; `hashes` gives each path's difference hash.

    Raises:
        UserError: where there are too few, or a pick can't be taken.
    """
    if params.picks:
        return picked(rows, hashes, params.picks)
    training = [hashes[row.path] for row in rows if row.kept]
    rest = candidates(rows, params.candidates)
    taken: list[Decision] = []
    for row in rest:
        unlike = not near(hashes[row.path], training, NEAR_BITS + 1)
        apart = not near(hashes[row.path], [hashes[t.path] for t in taken], APART_BITS)
        if len(taken) < params.count and unlike and apart:
            taken.append(row)
    if len(taken) < params.count:
        raise UserError(
            f"validation.count asks for {params.count}, but of the {len(rest)} next best "
            f"photographs only {len(taken)} differ from the training ones and from each other: "
            "lower it, keep fewer by cutoff.images, or add photographs"
        )
    return taken


def write(row: Decision, *, source: Path, folder: Path, scales: Sequence[int]) -> list[Validation]:
    """Write one photograph at full size and at each scale."""
    pixels = images.read_checked(source / row.path, row.sha256)
    multiple = math.lcm(*scales)
    height, width = (side - side % multiple for side in pixels.shape[:2])
    if not height or not width:
        raise UserError(f"{source / row.path} is smaller than {multiple} px: lower the scales")
    hr = pixels[:height, :width]
    name = Path(files.image_name(row.section, row.path, row.sha256)).name
    sizes = {"hr": hr} | {
        f"x{scale}": images.resize(hr, width // scale, height // scale, Image.Resampling.BOX)
        for scale in scales
    }
    return [
        Validation(
            path=f"{scale}/{name}",
            section=row.section,
            sha256=hashlib.sha256(png.write(folder / scale / name, sized)).hexdigest(),
            scale=scale,
            width=sized.shape[1],
            height=sized.shape[0],
            hyperiqa=row.hyperiqa,
            photograph=row.path,
            photograph_sha256=row.sha256,
        )
        for scale, sized in sizes.items()
    ]


def main(
    source: Path,
    screened: Path,
    decisions: Path,
    folder: Path,
    validation: Path,
    numbers: Path,
    params: ValidationParams,
) -> None:
    hashes = {row.path: row.dhash for row in tables.read(screened, Photograph)}
    rows = tables.read(decisions, Decision)
    chosen = choose(rows, hashes, params)
    files.new_folder(folder)
    task = partial(write, source=source, folder=folder, scales=params.scales)
    written = [row for sizes in workers.each(task, chosen, what="validation") for row in sizes]
    tables.write(validation, Validation, sorted(written))
    tables.write_numbers(numbers, {"photographs": len(chosen)})
    left = sum(not row.kept for row in rows)
    print(f"chose {len(chosen)} validation photographs of the best {left:,} not trained on")


if __name__ == "__main__":
    run(main)
