"""Number the kept tiles by rank and write what trainers and readers need beside them.

Takes:  subimages/; subimages.csv; cutoff_subimages.csv; what `score` says of its scorer.
Leaves: <name>/0.png, 1.png, ...; beside it hyperiqa_score.txt, meta_info.txt, lineage.csv, and
        scorer.json: the model, device and precision that made the scores. The hashes of these
        texts are among its numbers.
Rule:   0.png is the best tile, so a smaller set of the same photographs is a prefix of a larger.
        A tile that is not, byte for byte, the one that was cut ends the stage.
Source: meta_info.txt as BasicSR's PairedImageDataset reads it, `name (h,w,c)`;
        hyperiqa_score.txt as pyiqa's script writes it, `name<TAB>score` and a last line with the
        average.
"""

import hashlib
import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from pydantic import Field, field_validator

from stages.common import disk, files, links, tables, workers
from stages.common.cli import run
from stages.common.errors import UserError
from stages.common.params import Params
from stages.common.rows import Decision, Lineage, Tile


class DatasetParams(Params):
    name: str = Field(pattern=r"^[A-Za-z0-9_-]+$")

    @field_validator("name")
    @classmethod
    def _apart(cls, name: str) -> str:
        if name == "validation":
            raise ValueError("must not be the name of the archive's other folder")
        return name


def lineage(decisions: Sequence[Decision], tiles: Sequence[Tile]) -> list[Lineage]:
    """Kept tiles, best first, with a number for a name."""
    by_path = {tile.path: tile for tile in tiles}
    rows = []
    for number, decision in enumerate(row for row in decisions if row.kept):
        tile = by_path[decision.path]
        rows.append(
            Lineage(
                name=f"{number}.png",
                sha256=tile.sha256,
                hyperiqa=decision.hyperiqa,
                tile=tile.path,
                scale=tile.scale,
                left=tile.left,
                top=tile.top,
                width=tile.width,
                height=tile.height,
                section=tile.section,
                photograph=tile.photograph,
                photograph_sha256=tile.photograph_sha256,
                source=tile.source,
            )
        )
    return rows


def copy(row: Lineage, *, subimages: Path, folder: Path) -> bool:
    """Copy a tile under its number; False, and no copy, where it is not the tile that was cut.

    A copy and no link: people look at these files, and turn or replace one.
    """
    source, target = subimages / row.tile, folder / row.name
    content = source.read_bytes()
    if hashlib.sha256(content).hexdigest() != row.sha256:
        return False
    if not links.clone(source, target):
        with files.naming(target):
            target.write_bytes(content)
    return True


def score_list(rows: Sequence[Lineage], name: str) -> str:
    """hyperiqa_score.txt."""
    mean = math.fsum(row.hyperiqa for row in rows) / len(rows)
    lines = [f"{row.name}\t{row.hyperiqa:.6f}\n" for row in rows]
    average = f"Average hyperiqa score of {name} with {len(rows)} images is: {mean:.6f}\n"
    return "".join(lines) + average


def meta_info(rows: Sequence[Lineage]) -> str:
    """meta_info.txt."""
    return "".join(f"{row.name} ({row.height},{row.width},3)\n" for row in rows)


def main(
    subimages: Path,
    table: Path,
    decisions: Path,
    scorer: Path,
    folder: Path,
    numbers: Path,
    params: DatasetParams,
) -> None:
    tiles = tables.read(table, Tile)
    rows = lineage(sorted(tables.read(decisions, Decision)), tiles)
    sizes = {tile.path: tile.bytes for tile in tiles}
    disk.check_room(folder, sum(sizes[row.tile] for row in rows), "this stage")
    files.new_folder(folder)
    (folder / params.name).mkdir()
    copy_in = partial(copy, subimages=subimages, folder=folder / params.name)
    with ThreadPoolExecutor(max(1, workers.worker_count())) as threads:
        copied = list(workers.bar(threads.map(copy_in, rows), len(rows), "dataset", " tiles"))
    damaged = [subimages / row.tile for row, whole in zip(rows, copied, strict=True) if not whole]
    if damaged:
        raise UserError(files.changed(damaged))
    texts = {
        "hyperiqa_score.txt": score_list(rows, params.name).encode(),
        "lineage.csv": tables.content(Lineage, rows),
        "meta_info.txt": meta_info(rows).encode(),
        "scorer.json": tables.numbers_content(tables.read_numbers(scorer)["scorer"]),
    }
    for name, text in texts.items():
        files.write(folder / name, text)
    photographs = len({row.photograph_sha256 for row in rows})
    sha256 = {name: hashlib.sha256(text).hexdigest() for name, text in texts.items()}
    counts = {"tiles": len(rows), "photographs": photographs, "sha256": sha256}
    tables.write_numbers(numbers, counts)
    print(f"{params.name}: {len(rows):,} tiles of {photographs:,} photographs")


if __name__ == "__main__":
    run(main)
