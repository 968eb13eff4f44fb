"""Number the kept tiles by rank and write what trainers and readers need beside them.

Takes:  subimages/ and its list, subimages_files.csv; subimages.csv; cutoff_subimages.csv; the
        folders of photographs; what `score` says of its scorer.
Leaves: <name>/0.png, 1.png, ...; beside it hyperiqa_score.txt, meta_info.txt, lineage.csv, and
        scorer.json: the model, device and precision that made the scores. The hashes of these
        texts are among its numbers.
Rule:   0.png is the best tile, so a smaller set of the same photographs is a prefix of a larger.
        A tile that is not, byte for byte, the one that was cut ends the stage. Where
        `subimages.files` is `kept`, the kept tiles are cut out of the photographs here, with the
        same bytes.
Source: meta_info.txt as BasicSR's PairedImageDataset reads it, `name (h,w,c)`;
        hyperiqa_score.txt as pyiqa's script writes it, `name<TAB>score` and a last line with the
        average.
"""

import hashlib
import math
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import chain, groupby
from pathlib import Path

from pydantic import Field, field_validator

from stages.common import disk, files, links, tables, workers
from stages.common.cli import run
from stages.common.errors import UserError
from stages.common.params import Params
from stages.common.pixels import pictures, png
from stages.common.rows import Decision, Lineage, Tile, TileFile
from stages.common.sources import Root
from stages.common.subimages_params import Written


class DatasetParams(Params):
    name: str = Field(pattern=r"^[A-Za-z0-9_-]+$")

    @field_validator("name")
    @classmethod
    def _apart(cls, name: str) -> str:
        if name == "validation":
            raise ValueError("must not be the name of the archive's other folder")
        return name


def kept_tiles(decisions: Sequence[Decision], tiles: Sequence[Tile]) -> dict[str, Tile]:
    """Kept tiles by their number, best first: 0.png, 1.png, ..."""
    by_path = {tile.path: tile for tile in tiles}
    best_first = [by_path[row.path] for row in sorted(decisions) if row.kept]
    return {f"{number}.png": tile for number, tile in enumerate(best_first)}


def lineage(
    decisions: Sequence[Decision], tiles: Mapping[str, Tile], sha256: Mapping[str, str]
) -> list[Lineage]:
    """Where kept tiles come from, best first; `tiles` and the hashes of their files by number."""
    scores = {row.path: row.hyperiqa for row in decisions}
    return [
        Lineage(
            name=name,
            sha256=sha256[name],
            hyperiqa=scores[tile.path],
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
        for name, tile in tiles.items()
    ]


def copy_all(
    tiles: Mapping[str, Tile], sha256: Mapping[str, str], source: Path, folder: Path
) -> None:
    """Copy tiles under their numbers.

    Raises:
        UserError: where some are not the tiles that were cut; it names them.
    """
    copy_in = partial(copy, sha256=sha256, source=source, folder=folder)
    with ThreadPoolExecutor(max(1, workers.worker_count())) as threads:
        copied = threads.map(copy_in, tiles.items())
        whole = list(workers.bar(copied, len(tiles), "dataset", " tiles"))
    rows = zip(tiles.values(), whole, strict=True)
    damaged = [source / tile.path for tile, is_whole in rows if not is_whole]
    if damaged:
        raise UserError(files.changed(damaged))


def copy(item: tuple[str, Tile], *, sha256: Mapping[str, str], source: Path, folder: Path) -> bool:
    """Copy a tile under its number; False, and no copy, where it is not the tile that was cut.

    A copy and no link: people look at these files, and turn or replace one.
    """
    name, tile = item
    cut, target = source / tile.path, folder / name
    content = cut.read_bytes()
    if hashlib.sha256(content).hexdigest() != sha256[name]:
        return False
    if not links.clone(cut, target):
        with files.naming(target):
            target.write_bytes(content)
    return True


def cut_all(tiles: Mapping[str, Tile], photographs: Root, folder: Path) -> dict[str, str]:
    """Cut tiles out of their photographs, each of which is decoded once; gives the SHA-256 of each
    file by its number."""
    order = sorted(tiles.items(), key=lambda item: (item[1].photograph, item[1].parent))
    groups = [list(own) for _, own in groupby(order, lambda item: item[1].photograph)]
    task = partial(write, photographs=photographs, folder=folder)
    return dict(chain.from_iterable(workers.each(task, groups, what="dataset")))


def write(
    items: Sequence[tuple[str, Tile]], *, photographs: Root, folder: Path
) -> list[tuple[str, str]]:
    """Cut the tiles of one photograph, and write them under their numbers."""
    found = []
    for name, tile in items:
        content = png.write(folder / name, pictures.pixels(photographs, pictures.of_tile(tile)))
        found.append((name, hashlib.sha256(content).hexdigest()))
    return found


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
    photographs: Path,
    source: Path,
    files_table: Path,
    table: Path,
    decisions: Path,
    scorer: Path,
    folder: Path,
    numbers: Path,
    params: DatasetParams,
    subimages: Written,
) -> None:
    decided = tables.read(decisions, Decision)
    tiles = kept_tiles(decided, tables.read(table, Tile))
    disk.check_room(folder, sum(row.bytes for row in decided if row.kept), "this stage")
    target = files.new_folder(folder) / params.name
    target.mkdir()
    if subimages.files == "all":
        by_path = {row.path: row.sha256 for row in tables.read(files_table, TileFile)}
        sha256 = {name: by_path[tile.path] for name, tile in tiles.items()}
        copy_all(tiles, sha256, source, target)
    else:
        sha256 = cut_all(tiles, photographs, target)
    rows = lineage(decided, tiles, sha256)
    texts = {
        "hyperiqa_score.txt": score_list(rows, params.name).encode(),
        "lineage.csv": tables.content(Lineage, rows),
        "meta_info.txt": meta_info(rows).encode(),
        "scorer.json": tables.numbers_content(tables.read_numbers(scorer)["scorer"]),
    }
    for name, text in texts.items():
        files.write(folder / name, text)
    different = len({row.photograph_sha256 for row in rows})
    of_texts = {name: hashlib.sha256(text).hexdigest() for name, text in texts.items()}
    counts = {"tiles": len(rows), "photographs": different, "sha256": of_texts}
    tables.write_numbers(numbers, counts)
    print(f"{params.name}: {len(rows):,} tiles of {different:,} photographs")


if __name__ == "__main__":
    run(main)
