"""All that a set holds beside its images and what the stage `dataset` wrote."""

import hashlib
import json
from pathlib import Path

from stages.common import tables
from stages.common.archive import card, croissant, description, metadata, mosaic, trainers
from stages.common.archive.description import Contents
from stages.common.pixels import png


def documents(c: Contents, tiles: Path) -> dict[str, bytes]:
    """Each document's bytes, by its path below the set's folder; `tiles` is the tiles' own."""
    shown = mosaic.chosen(c.tiles)
    scales = [int(scale) for scale in c.recipe["validation"]["scales"]]
    tile_rows = metadata.tile_rows(c.name, c.tiles)
    records = croissant.croissant(c, hashlib.sha256(tile_rows.encode()).hexdigest())
    texts = {
        "README.md": card.card(c, shown, scales),
        "croissant.json": json.dumps(records, indent=2) + "\n",
        "metadata.jsonl": tile_rows,
        **trainers.configurations(c.name, c.tiles, c.validation, scales),
    }
    if c.validation:
        texts["validation/metadata.jsonl"] = metadata.validation_rows(c.validation)
    found = {name: text.encode() for name, text in texts.items()}
    found["photographs.csv"] = tables.content(description.Photograph, description.photographs(c))
    found[card.PICTURE] = png.encode(mosaic.mosaic(tiles, shown))
    return found
