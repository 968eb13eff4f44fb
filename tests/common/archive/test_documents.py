"""Documents: all of them, the same bytes each time, in UTF-8 but where names are not."""

import hashlib
import json
from pathlib import Path

from PIL import Image

from stages.common import tables
from stages.common.archive.description import Photograph, photographs
from stages.common.archive.documents import documents
from tests.common.archive.sets import small_set, write_images


def test_a_set_has_all_of_them(tmp_path: Path) -> None:
    c = small_set()
    write_images(c, tmp_path / "dataset", tmp_path / "validation")
    found = documents(c, tmp_path / "dataset" / c.name)
    assert sorted(name for name in found if not name.startswith("configs/")) == [
        "README.md",
        "croissant.json",
        "metadata.jsonl",
        "photographs.csv",
        "sheet.png",
        "validation/metadata.jsonl",
    ]
    assert found == documents(c, tmp_path / "dataset" / c.name)
    for name, content in found.items():
        if not name.endswith((".png", ".csv")):
            content.decode()
    rows, *_ = json.loads(found["croissant.json"])["distribution"]
    assert rows["sha256"] == hashlib.sha256(found["metadata.jsonl"]).hexdigest()
    (tmp_path / "p.csv").write_bytes(found["photographs.csv"])
    assert tables.read(tmp_path / "p.csv", Photograph) == photographs(c)
    (tmp_path / "s.png").write_bytes(found["sheet.png"])
    with Image.open(tmp_path / "s.png") as picture:
        assert picture.format == "PNG"


def test_nothing_of_validation_where_there_is_none(tmp_path: Path) -> None:
    c = small_set(validation=[])
    write_images(c, tmp_path / "dataset", tmp_path / "validation")
    found = documents(c, tmp_path / "dataset" / c.name)
    assert [name for name in found if name.startswith("validation")] == []
