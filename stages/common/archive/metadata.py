"""metadata.jsonl: what `datasets.load_dataset` reads of each image of a set.

It lies above the tiles and never beside them: some trainers read every file of their folder.
"""

import json
from collections.abc import Iterable, Mapping, Sequence

from stages.common.archive.card import plain
from stages.common.rows import Lineage, Validation


def tile_rows(name: str, tiles: Sequence[Lineage]) -> str:
    """A line a tile; paths are from the set's folder."""
    return _lines(
        {
            "file_name": f"{name}/{row.name}",
            "hyperiqa": row.hyperiqa,
            "section": plain(row.section),
            "scale": row.scale,
            "photograph_sha256": row.photograph_sha256,
        }
        for row in tiles
    )


def validation_rows(validation: Sequence[Validation]) -> str:
    """A line a photograph, with all its sizes; paths are from the folder `validation`."""
    sizes: dict[str, dict[str, Validation]] = {}
    for row in validation:
        sizes.setdefault(row.photograph_sha256, {})[row.scale] = row
    return _lines(
        {f"{scale}_file_name": row.path for scale, row in by_scale.items()}
        | {
            "hyperiqa": by_scale["hr"].hyperiqa,
            "section": plain(by_scale["hr"].section),
            "photograph_sha256": digest,
        }
        for digest, by_scale in sizes.items()
    )


def _lines(rows: Iterable[Mapping[str, object]]) -> str:
    return "".join(f"{json.dumps(row)}\n" for row in rows)
