"""Show which photographs can be picked for validation, to choose by eye.

Takes:  the folders of photographs; screened.csv; their embeddings; cutoff_images.csv; for its
        messages, why others may not be used: unreadable_images.csv and rejected.csv.
Leaves: pick.html, which gives the lines for params.yaml and the command for what is chosen there;
        pick/, its pictures: each photograph within `SIDE` px as JPEG, and its liveliest part,
        `DETAIL` px, with the LR versions of that, as PNG.
Rule:   it shows the candidates of the stage `validation`, and what is picked now, whatever its
        rank: `candidates` of them at most, unless more are picked. It decides nothing: what can't
        be picked stands there with its reason, and so does what `validation` would refuse.
"""

import io
import math
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from stages.common import candidates, files, quoting, sources, tables, workers
from stages.common.candidates import ValidationParams
from stages.common.cli import run
from stages.common.decision import Dropped
from stages.common.errors import UserError
from stages.common.near import alike
from stages.common.pages import html
from stages.common.pixels import images, png
from stages.common.pixels.images import Pixels
from stages.common.pixels.pairs import detail, pairs
from stages.common.rows import Decision, Embedded, Photograph, Rejected
from stages.common.sources import Root

SIDE = 1024  # px, of the square that a photograph is fitted into
DETAIL = 384  # px, of the side of a detail
QUALITY = 90  # of a JPEG, without subsampling: what a person needs to judge a picture as a whole


class Picture(NamedTuple):
    """A file below the folder of pictures, and its size."""

    file: str
    width: int  # px
    height: int


class Pictures(NamedTuple):
    """What is shown of a photograph."""

    whole: Picture
    details: dict[str, Picture]  # by `hr`, `x2`, …; none of what is smaller than the scales


class Card(NamedTuple):
    """A photograph on the page."""

    photograph: Photograph
    rank: int
    hyperiqa: float
    pictures: Pictures
    chosen: bool  # a validation photograph, as things are
    picked: bool  # by name, in params.yaml
    reason: str  # why it can't be picked; empty where it can
    yaml: str
    override: str  # for bash, within single quotes; empty where there is none


def shown(rows: Sequence[Decision], params: ValidationParams) -> list[Decision]:
    """What is picked now, and candidates up to the number that the parameters ask for; by rank."""
    picked = [row for row in rows if row.path in params.picks and not row.kept]
    rest = [r for r in candidates.candidates(rows, params.candidates) if r not in picked]
    return sorted([*picked, *rest][: max(params.candidates, len(picked))])


def write(row: Decision, *, source: Root, folder: Path, scales: Sequence[int]) -> Pictures:
    """Write what is shown of one photograph."""
    pixels = sources.pixels(source, row.path, row.sha256)
    name = Path(files.image_name(row.section, row.path, row.sha256)).stem
    whole = fitted(pixels)
    content = io.BytesIO()
    Image.fromarray(whole).save(content, "JPEG", quality=QUALITY, subsampling=0)
    files.write(folder / f"{name}.jpg", content.getvalue())
    details = pairs(detail(pixels, scales, DETAIL), scales) or {}
    for size, part in details.items():
        png.write(folder / f"{name}-{size}.png", part)
    return Pictures(
        picture(f"{name}.jpg", whole),
        {size: picture(f"{name}-{size}.png", part) for size, part in details.items()},
    )


def fitted(pixels: Pixels) -> Pixels:
    """Within `SIDE` x `SIDE` px, never enlarged."""
    height, width, _ = pixels.shape
    factor = min(1.0, SIDE / max(height, width))
    size = [max(1, round(side * factor)) for side in (width, height)]
    return images.resize(pixels, size[0], size[1], Image.Resampling.LANCZOS)


def picture(file: str, pixels: Pixels) -> Picture:
    height, width, _ = pixels.shape
    return Picture(file, width, height)


def why_not(row: Photograph, twin: str | None, scales: Sequence[int]) -> str:
    """Why a photograph can't be picked; empty where it can. `twin` is one that is trained on."""
    if twin:
        return f"nearly the same picture as {twin}, which is trained on"
    if min(row.width, row.height) < math.lcm(*scales):
        return f"smaller than {math.lcm(*scales)} px, which the scales need"
    return ""


def main(
    source: Path,
    screened: Path,
    embeddings: Path,
    unreadable: Path,
    rejected: Path,
    decisions: Path,
    page: Path,
    folder: Path,
    validation: ValidationParams,
) -> None:
    rows = tables.read(decisions, Decision)
    photographs = {row.path: row for row in tables.read(screened, Photograph)}
    looks = alike.looks(photographs.values(), tables.read(embeddings, Embedded))
    unused = {
        row.path: Dropped(row.reason, row.detail)
        for table in (unreadable, rejected)
        for row in tables.read(table, Rejected)
    }
    faults = candidates.faults(rows, looks, validation.picks, unused)
    try:
        chosen = candidates.choose(rows, looks, validation, unused)
    except UserError as error:
        chosen, faults = [], faults or [str(error)]
    some = shown(rows, validation)
    files.new_folder(folder)
    task = partial(write, source=source, folder=folder, scales=validation.scales)
    trained_on = [row.path for row in rows if row.kept]
    twins = candidates.twins([row.path for row in some], trained_on, looks)
    cards = [
        Card(
            photograph=photographs[row.path],
            rank=row.rank,
            hyperiqa=row.hyperiqa,
            pictures=pictures,
            chosen=row in chosen,
            picked=row.path in validation.picks,
            reason=why_not(photographs[row.path], twins.get(row.path), validation.scales),
            yaml=quoting.as_yaml(row.path),
            override=quoting.in_quotes(quoting.as_override(row.path) or ""),
        )
        for row, pictures in zip(some, workers.each(task, some, what="pick"), strict=True)
    ]
    names = sorted({card.photograph.section for card in cards})
    sections = {name: [c for c in cards if c.photograph.section == name] for name in names}
    content = html.render(
        "pick.html",
        sections=sections,
        folder=folder.name,
        faults=faults,
        params=validation,
        left=sum(not row.kept for row in rows),
    )
    files.write(page, content.encode(errors="backslashreplace"))  # names need not be UTF-8
    print(f"{page}: {len(cards):,} photographs to pick from, {len(chosen):,} are chosen now")


if __name__ == "__main__":
    run(main)
