"""List every source file, or say why it is refused.

Takes:  the folder of photographs, one folder per section; the evaluation sets of
        `gather.evaluation_sets`.
Leaves: gathered.csv (`Photograph`) and rejected.csv (`Rejected`), by path: every file is in exactly
        one of them.
Rule:   a file is refused for the first of these that holds: excluded, not an image, unreadable,
        truncated, too large, too small, evaluation set, exact duplicate. Of files with the same
        pixels the first by path stays. An image belongs to an evaluation set if it has the pixels
        of one of its images, or a difference hash that differs in at most `NEAR_BITS` of 256 bits:
        scaled, converted and compressed copies are found, crops and flips are not.
"""

import hashlib
from collections import Counter
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path

from pydantic import Field

from stages.common import images, tables, workers
from stages.common.cli import run
from stages.common.errors import UserError
from stages.common.files import files_below
from stages.common.hashes import Row, without_duplicates, without_evaluation
from stages.common.images import ImageError
from stages.common.params import Params
from stages.common.tables import Photograph, Rejected


class GatherParams(Params):
    source: str
    min_short_edge: int = Field(ge=1)
    max_megapixels: float = Field(gt=0, le=images.MAX_MEGAPIXELS)
    exclude: list[str]
    evaluation_sets: list[str]


ANY_SIZE = GatherParams(
    source="",
    min_short_edge=1,
    max_megapixels=images.MAX_MEGAPIXELS,
    exclude=[],
    evaluation_sets=[],
)


def look(path: str, *, folder: Path, params: GatherParams) -> Row:
    """Read a file once: its row, or why there is none."""
    pattern = next((p for p in params.exclude if fnmatchcase(path, p)), None)
    if pattern is not None:
        return Rejected(path, "excluded", f"matches {pattern!r} of gather.exclude")
    try:
        if not (folder / path).is_file():
            raise ImageError("unreadable", "not a file, or a link that leads nowhere")
        content = (folder / path).read_bytes()
        pixels, mode = images.decode_with_mode(content, max_megapixels=params.max_megapixels)
        height, width, _ = pixels.shape
        if min(width, height) < params.min_short_edge:
            detail = f"{width}x{height} px, the short edge must be {params.min_short_edge} or more"
            raise ImageError("too small", detail)
    except ImageError as error:
        return Rejected(path, error.reason, error.detail)
    except OSError as error:
        return Rejected(path, "unreadable", error.strerror or str(error))
    return Photograph(
        path=path,
        section=tables.section_of(path),
        sha256=hashlib.sha256(content).hexdigest(),
        width=width,
        height=height,
        bytes=len(content),
        mode=mode,
        pixels=images.pixels_sha256(pixels),
        dhash=images.dhash(pixels),
    )


def evaluation_rows(folder: Path) -> list[Photograph]:
    """Every image of an evaluation set, of any size; other files are passed over."""
    if not folder.is_dir():
        raise UserError(
            f"gather.evaluation_sets: {folder} is no folder: put the set there, or take it out"
        )
    task = partial(look, folder=folder, params=ANY_SIZE)
    rows = list(workers.each(task, files_below(folder), what=f"read {folder}"))
    found = [r._replace(path=f"{folder}/{r.path}") for r in rows if isinstance(r, Photograph)]
    for row in rows:
        if isinstance(row, Rejected) and row.reason != "not an image":
            told = f"{row.path} in {folder} is {row.reason} ({row.detail})"
            raise UserError(f"gather.evaluation_sets: {told}: mend it, or take it out")
    if not found:
        raise UserError(f"gather.evaluation_sets: {folder} holds no readable image: check the set")
    return found


def main(source: Path, gathered: Path, rejected: Path, metrics: Path, params: GatherParams) -> None:
    if not source.is_dir():
        raise UserError(
            f"gather.source: {source} is no folder: put photographs there, or name another"
        )
    paths = files_below(source)
    if not paths:
        raise UserError(
            f"gather.source: {source} is empty: put photographs into it, one folder a section"
        )
    evaluation = [r for name in params.evaluation_sets for r in evaluation_rows(Path(name))]
    looked = workers.each(partial(look, folder=source, params=params), paths, what="gather")
    rows = list(without_duplicates(without_evaluation(looked, evaluation)))
    kept = [row for row in rows if isinstance(row, Photograph)]
    refused = [row for row in rows if isinstance(row, Rejected)]

    reasons = Counter(row.reason for row in refused)
    told = " · ".join(f"{n:,} {reason}" for reason, n in reasons.most_common())
    if not kept:
        raise UserError(
            f"gather.source: none of the {len(paths):,} files in {source} can be used: {told}"
        )
    tables.write(gathered, Photograph, kept)
    tables.write(rejected, Rejected, sorted(refused))
    numbers = {
        "files": len(paths),
        "gathered": len(kept),
        "rejected": dict(sorted(reasons.items())),
    }
    tables.write_metrics(metrics, numbers)
    print(f"gathered {len(kept):,} of {len(paths):,} files" + (f" · {told}" if told else ""))


if __name__ == "__main__":
    run(main)
