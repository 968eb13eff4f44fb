"""Leaks: a photograph is known by the lineage, by its hash in full or in its image's name."""

import json
from pathlib import Path

from stages.common.rows import Lineage
from stages.common.sets import leaks

ONE, TWO = "1" * 64, "2" * 64


def rows() -> list[Lineage]:
    box = ("1", 0, 0, 8, 8)
    return [
        Lineage(f"{i}.png", "", 0.5, "t", *box, "s", "p", of) for i, of in enumerate([ONE, TWO])
    ]


def test_a_photograph_is_known_by_the_name_of_its_image(tmp_path: Path) -> None:
    names = ["hr/a-11111111.png", "hr/b-33333333.png", "hr/22222222.png", "hr/1.png", "hr/a-1.png"]
    told = {"hr/a-11111111.png": {"s/0.png": "by lineage.csv"}}
    told |= {"hr/22222222.png": {"s/1.png": "by lineage.csv"}}
    assert leaks.by_lineage(names, tmp_path, rows(), "s/") == told


def test_a_photograph_is_known_by_the_metadata_first(tmp_path: Path) -> None:
    lines = [{"hr_file_name": "hr/a-11111111.png", "photograph_sha256": "3" * 64}]
    lines += [{"hr_file_name": "hr/b.png", "photograph_sha256": TWO}]
    text = "".join(f"{json.dumps(line)}\n" for line in lines)
    (tmp_path / "metadata.jsonl").write_text(text + "no JSON\n")
    names = ["hr/a-11111111.png", "hr/b.png"]
    expected = {"hr/b.png": {"1.png": "by lineage.csv"}}
    assert leaks.by_lineage(names, tmp_path, rows(), "") == expected
