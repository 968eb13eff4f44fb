"""Choose validation photographs among the best that are not trained on, and downscale them.

Takes:  the folders of photographs; screened.csv; their embeddings; cutoff_images.csv; for its
        messages, why others may not be used: unreadable_images.csv and rejected.csv.
Leaves: validation/hr, validation/x2, validation/x4 (one folder a scale); validation.csv.
Rule:   `picks` names the photographs to take; the cutoff has reserved them. Else candidates are
        each section's next best after the cutoff, in turn: take those that differ from all taken
        before by `APART`, in hash and embedding. A near-duplicate of a training photograph, by
        one or the other, is never taken (common/candidates.py). Each is cropped at the right and
        bottom to a multiple of all scales, and downscaled by Pillow's BOX, the mean of each scale x
        scale block, rounded once a side (common/pixels/pairs.py).
Source: Phhofm, Guides/DatasetPreparation.md: four images, LR by BOX downscale.
"""

import hashlib
import math
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from stages.common import candidates, files, sources, tables, workers
from stages.common.candidates import ValidationParams
from stages.common.cli import run
from stages.common.decision import Dropped
from stages.common.errors import UserError
from stages.common.near import alike
from stages.common.pixels import png
from stages.common.pixels.pairs import pairs
from stages.common.rows import Decision, Embedded, Photograph, Rejected, Validation
from stages.common.sources import Root


def write(row: Decision, *, source: Root, folder: Path, scales: Sequence[int]) -> list[Validation]:
    """Write one photograph at full size and at each scale."""
    sizes = pairs(sources.pixels(source, row.path, row.sha256), scales)
    if sizes is None:
        least = math.lcm(*scales)
        path = sources.shown(source, row.path)
        raise UserError(f"{path} is smaller than {least} px: lower the scales")
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
    embeddings: Path,
    unreadable: Path,
    rejected: Path,
    decisions: Path,
    folder: Path,
    validation: Path,
    numbers: Path,
    params: ValidationParams,
) -> None:
    photographs = tables.read(screened, Photograph)
    looks = alike.looks(photographs, tables.read(embeddings, Embedded))
    whose = {row.path: row.source for row in photographs}
    rows = tables.read(decisions, Decision)
    unused = {
        row.path: Dropped(row.reason, row.detail)
        for table in (unreadable, rejected)
        for row in tables.read(table, Rejected)
    }
    chosen = candidates.choose(rows, looks, params, unused)
    files.new_folder(folder)
    task = partial(write, source=source, folder=folder, scales=params.scales)
    written = [
        row._replace(source=whose[row.photograph])
        for sizes in workers.each(task, chosen, what="validation")
        for row in sizes
    ]
    tables.write(validation, Validation, sorted(written))
    tables.write_numbers(numbers, {"photographs": len(chosen)})
    left = sum(not row.kept for row in rows)
    print(f"chose {len(chosen)} validation photographs of the best {left:,} not trained on")


if __name__ == "__main__":
    run(main)
