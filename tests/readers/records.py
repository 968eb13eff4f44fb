"""What Hugging Face's `datasets` and mlcroissant read of a set; run by test_release_readers.py.

    python records.py datasets|croissant FOLDER

Prints the rows as JSON, images as their sizes.
"""

import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path


def plain(row: Mapping[str, object]) -> dict[str, object]:
    """A row as JSON has it; names without that of their record set."""
    found = {}
    for key, value in row.items():
        if isinstance(value, bytes):
            value = value.decode()
        found[key.rpartition("/")[2]] = getattr(value, "size", value)
    return found


def by_datasets(folder: Path) -> Mapping[str, Iterable[Mapping[str, object]]]:
    from datasets import load_dataset

    return {
        "tiles": load_dataset(str(folder), split="train"),
        "pairs": load_dataset(str(folder), "validation", split="validation"),
    }


def by_croissant(folder: Path) -> Mapping[str, Iterable[Mapping[str, object]]]:
    import mlcroissant

    dataset = mlcroissant.Dataset(str(folder / "croissant.json"))
    return {name: dataset.records(name) for name in ("tile", "validation_image")}


reader = {"datasets": by_datasets, "croissant": by_croissant}[sys.argv[1]]
found = reader(Path(sys.argv[2]))
print(json.dumps({name: [plain(row) for row in rows] for name, rows in found.items()}))
