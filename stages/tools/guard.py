"""Look after the folders that people write to: `make run` does it before and after `dvc repro`.

Every file there that DVC has linked to its cache gets bytes of its own (common/links.py), so that
to write over it changes no other version. And tiles of the dataset that were deleted or changed by
hand are named, since `dvc repro` puts them back without a word.
"""

from collections.abc import Sequence
from pathlib import Path

from stages.common import files, links, params, tables
from stages.common.cli import run
from stages.common.errors import UserError
from stages.common.tables import Lineage

MADE = ("data/dataset", "data/validation", "data/release")  # by stages; but people look, and touch


def edited(folder: Path, rows: Sequence[Lineage], since: float) -> tuple[list[str], list[str]]:
    """Names of the tiles that are gone, and of those that have changed since a time."""
    gone = [row.name for row in rows if not (folder / row.name).is_file()]
    new = [r for r in rows if r.name not in gone and (folder / r.name).stat().st_mtime > since]
    return gone, [row.name for row in new if files.sha256_of(folder / row.name) != row.sha256]


def main() -> None:
    sections = params.read(Path("params.yaml"))
    source, name = sections["gather"]["source"], sections["dataset"]["name"]
    folders = map(Path, [source, "data/evaluation", *MADE])
    own = sum(map(links.own, folders))
    if own:
        print(f"gave {own:,} files bytes of their own, apart from DVC's cache")
    table = Path("data/dataset/lineage.csv")
    if not table.is_file() or not (table.parent / name).is_dir():  # no set yet, or of another name
        return
    try:
        rows = tables.read(table, Lineage)
    except UserError:  # made by an older version of the stages: `dvc repro` makes it anew
        return
    folder = table.parent / name
    gone, changed = edited(folder, rows, table.stat().st_mtime)
    edits = [
        f"{len(names):,} {what} by hand, as {folder / names[0]}"
        for names, what in ((gone, "deleted"), (changed, "changed"))
        if names
    ]
    if edits:
        print(
            f"tiles {' and '.join(edits)}: `dvc repro` puts them back; to leave tiles out, lower "
            "cutoff.subimages.count or name their photograph in screen.exclude"
        )


if __name__ == "__main__":
    run(main)
