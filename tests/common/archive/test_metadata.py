"""metadata.jsonl: a line a tile, a line a validation photograph, whatever their names."""

import json

from stages.common.archive.metadata import tile_rows, validation_rows
from tests.common.archive.sets import BYTES, digest, lineage, small_set


def test_a_line_a_tile() -> None:
    tiles = [lineage(0), lineage(1, section=BYTES)]
    text = tile_rows("tiny-set", tiles)
    assert text.isascii()
    assert [json.loads(line) for line in text.splitlines()] == [
        {
            "file_name": "tiny-set/0.png",
            "hyperiqa": 0.9,
            "section": "s",
            "scale": "1",
            "photograph_sha256": tiles[0].photograph_sha256,
        },
        {
            "file_name": "tiny-set/1.png",
            "hyperiqa": 0.89,
            "section": "not UTF-8 \\udcff\\udcfe.jpg",
            "scale": "0.75",
            "photograph_sha256": tiles[1].photograph_sha256,
        },
    ]


def test_a_line_a_validation_photograph_with_its_sizes() -> None:
    text = validation_rows(sorted(small_set().validation))
    assert [json.loads(line) for line in text.splitlines()] == [
        {
            "hr_file_name": f"hr/{name}.png",
            "x2_file_name": f"x2/{name}.png",
            "x4_file_name": f"x4/{name}.png",
            "hyperiqa": 0.4,
            "section": "spare",
            "photograph_sha256": digest(name),
        }
        for name in "vw"
    ]
