"""Look after the folders that people write to: `make run` does it before and after `dvc repro`.

Every file there that DVC has linked to its cache gets bytes of its own (common/links.py), so that
to write over it changes no other version. And tiles of the dataset that were deleted or changed by
hand are named, since `dvc repro` puts them back. The deleted ones are noted in
reports/deleted_tiles.csv, from which `make leave-out` takes them.
"""

from collections.abc import Sequence
from pathlib import Path

from stages.common import files, git, leave_out, links, params, tables
from stages.common.cli import run
from stages.common.errors import UserError
from stages.common.leave_out import LeftOut
from stages.common.rows import Lineage

MADE = ("data/dataset", "data/validation", "data/release")  # by stages; but people look, and touch


def edited(
    folder: Path, rows: Sequence[Lineage], since: float
) -> tuple[list[Lineage], list[Lineage]]:
    """The tiles that are gone, and those that have changed since a time."""
    gone = [row for row in rows if not (folder / row.name).is_file()]
    there = [row for row in rows if (folder / row.name).is_file()]
    new = [row for row in there if (folder / row.name).stat().st_mtime > since]
    return gone, [row for row in new if files.sha256_of(folder / row.name) != row.sha256]


def main() -> None:
    sections = params.read(Path("params.yaml"))
    name = sections["dataset"]["name"]
    more = [folder for folder in sections["gather"]["more"].values() if git.is_inside(Path(folder))]
    folders = map(Path, [sections["gather"]["source"], *more, "data/evaluation", *MADE])
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
    named = leave_out.read(leave_out.FILE) if leave_out.FILE.is_file() else []
    left_out = {row.image for row in named}
    gone = [row for row in gone if row.tile not in left_out]  # that is settled
    edits = [
        f"{len(some):,} {what} by hand, as {folder / some[0].name}"
        for some, what in ((gone, "deleted"), (changed, "changed"))
        if some
    ]
    leave_out.add(leave_out.DELETED, [LeftOut(row.tile, "deleted by hand") for row in gone])
    if edits:
        print(
            f"tiles {' and '.join(edits)}: `dvc repro` puts them back; `make leave-out` leaves "
            f"the deleted ones out of the set for good, by {leave_out.FILE}"
        )


if __name__ == "__main__":
    run(main)
