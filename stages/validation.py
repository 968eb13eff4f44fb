"""Choose validation photographs among the best that are not trained on, and shrink them.

Takes:  the folder of photographs; gathered.csv; cutoff_images.csv.
Leaves: validation/hr, validation/x2, validation/x4 (one folder a scale); validation.csv.
Rule:   candidates are the next best photographs after the cutoff. `picks` names the ones to take;
        else go down the ranks and take those that differ from all taken before in at least
        `APART_BITS` bits of their difference hash. A near-duplicate of a training photograph is
        never taken. Each is cropped at the right and bottom to a multiple of all scales, and
        shrunk by Pillow's BOX, the mean of each scale x scale block, rounded once a side.
Source: Phhofm, Guides/DatasetPreparation.md: four images, LR by BOX downscale.
"""

import hashlib
import math
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Annotated

from PIL import Image
from pydantic import Field

from stages.common import files, images, tables, workers
from stages.common.cli import run
from stages.common.errors import UserError
from stages.common.hashes import NEAR_BITS, distances
from stages.common.params import Params
from stages.common.tables import Photograph, Validation, Verdict

APART_BITS = 64  # of 256; unrelated photographs differ in 128 on average


class ValidationParams(Params):
    candidates: int = Field(ge=1)
    count: int = Field(ge=0)
    picks: list[str]
    scales: list[Annotated[int, Field(ge=1)]] = Field(min_length=1)


def near(dhash: str, others: Sequence[str], bits: int) -> bool:
    """Is one of the others closer than `bits`?"""
    return bool((distances(dhash, others) < bits).any())


def choose(
    rows: Sequence[Verdict], hashes: dict[str, str], params: ValidationParams
) -> list[Verdict]:
    """The validation photographs, best first; `hashes` gives each path's difference hash.

    Raises:
        UserError: where there are too few, or a pick is no candidate.
    """
    training = [hashes[row.path] for row in rows if row.kept]
    rest = [row for row in rows if not row.kept][: params.candidates]
    candidates = [r for r in rest if not near(hashes[r.path], training, NEAR_BITS + 1)]
    if params.picks:
        by_path = {row.path: row for row in candidates}
        missing = [pick for pick in params.picks if pick not in by_path]
        if missing:
            raise UserError(
                f"validation.picks: {', '.join(missing)} not among the {len(candidates)} "
                "candidates, the next best photographs that are not near-duplicates of training "
                f"ones, as {', '.join(list(by_path)[:5])}: pick others or raise "
                "validation.candidates"
            )
        return [by_path[pick] for pick in dict.fromkeys(params.picks)]
    taken: list[Verdict] = []
    for row in candidates:
        if len(taken) < params.count and not near(
            hashes[row.path], [hashes[t.path] for t in taken], APART_BITS
        ):
            taken.append(row)
    if len(taken) < params.count:
        raise UserError(
            f"validation.count asks for {params.count}, but of the {len(rest)} next best "
            f"photographs only {len(taken)} differ from the training ones and from each other: "
            "lower it, keep fewer by cutoff.images, or add photographs"
        )
    return taken


def write(row: Verdict, *, source: Path, folder: Path, scales: Sequence[int]) -> Validation:
    """Write one photograph at full size and at each scale."""
    content = (source / row.path).read_bytes()
    if hashlib.sha256(content).hexdigest() != row.sha256:
        raise UserError(f"{source / row.path} has changed since it was listed: run `dvc repro`")
    pixels = images.decode(content)
    multiple = math.lcm(*scales)
    height, width = (side - side % multiple for side in pixels.shape[:2])
    if not height or not width:
        raise UserError(f"{source / row.path} is smaller than {multiple} px: lower the scales")
    hr = pixels[:height, :width]
    name = Path(files.image_name(row.section, row.path, row.sha256)).name
    images.write_png(folder / "hr" / name, hr)
    for scale in scales:
        lr = images.resize(hr, width // scale, height // scale, Image.Resampling.BOX)
        images.write_png(folder / f"x{scale}" / name, lr)
    return Validation(name, row.section, width, height, row.hyperiqa, row.path, row.sha256)


def main(
    source: Path,
    gathered: Path,
    verdicts: Path,
    folder: Path,
    validation: Path,
    metrics: Path,
    params: ValidationParams,
) -> None:
    hashes = {row.path: row.dhash for row in tables.read(gathered, Photograph)}
    rows = tables.read(verdicts, Verdict)
    chosen = choose(rows, hashes, params)
    files.new_folder(folder)
    task = partial(write, source=source, folder=folder, scales=params.scales)
    written = sorted(workers.each(task, chosen, what="validation"))
    tables.write(validation, Validation, written)
    tables.write_metrics(metrics, {"photographs": len(written)})
    left = sum(not row.kept for row in rows)
    print(f"chose {len(written)} validation photographs of the best {left:,} not trained on")


if __name__ == "__main__":
    run(main)
