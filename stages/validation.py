"""Choose validation photographs among the best that are not trained on, and downscale them.

Takes:  the folder of photographs; screened.csv; cutoff_images.csv; for its messages, why others
        may not be used: unreadable_images.csv and rejected.csv.
Leaves: validation/hr, validation/x2, validation/x4 (one folder a scale); validation.csv.
Rule:   `picks` names the photographs to take; the cutoff has reserved them. Else candidates are
        each section's next best after the cutoff, in turn: take those that differ from all taken
        before in at least `APART_BITS` bits of their difference hash. A near-duplicate of a
        training photograph is never taken (common/candidates.py). Each is cropped at the right and
        bottom to a multiple of all scales, and downscaled by Pillow's BOX, the mean of each scale x
        scale block, rounded once a side (common/pixels/pairs.py).
Source: Phhofm, Guides/DatasetPreparation.md: four images, LR by BOX downscale.
"""

import hashlib
import math
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from stages.common import candidates, files, stills, tables, workers
from stages.common.candidates import ValidationParams
from stages.common.cli import run
from stages.common.decision import Dropped
from stages.common.errors import UserError
from stages.common.pixels import images, png
from stages.common.pixels.pairs import pairs
from stages.common.rows import Decision, Photograph, Rejected, Validation


def write(row: Decision, *, source: Path, folder: Path, scales: Sequence[int]) -> list[Validation]:
    """Write one photograph at full size and at each scale."""
    sizes = pairs(images.read_checked(stills.path_of(source, row.path), row.sha256), scales)
    if sizes is None:
        least = math.lcm(*scales)
        raise UserError(f"{source / row.path} is smaller than {least} px: lower the scales")
    name = Path(files.image_name(row.section, row.path, row.sha256)).name
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
    unreadable: Path,
    rejected: Path,
    decisions: Path,
    folder: Path,
    validation: Path,
    numbers: Path,
    params: ValidationParams,
) -> None:
    hashes = {row.path: row.dhash for row in tables.read(screened, Photograph)}
    rows = tables.read(decisions, Decision)
    unused = {
        row.path: Dropped(row.reason, row.detail)
        for table in (unreadable, rejected)
        for row in tables.read(table, Rejected)
    }
    chosen = candidates.choose(rows, hashes, params, unused)
    files.new_folder(folder)
    task = partial(write, source=source, folder=folder, scales=params.scales)
    written = [row for sizes in workers.each(task, chosen, what="validation") for row in sizes]
    tables.write(validation, Validation, sorted(written))
    tables.write_numbers(numbers, {"photographs": len(chosen)})
    left = sum(not row.kept for row in rows)
    print(f"chose {len(chosen)} validation photographs of the best {left:,} not trained on")


if __name__ == "__main__":
    run(main)
