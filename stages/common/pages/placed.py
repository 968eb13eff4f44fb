"""Where the thumbnails of some tiles are, without reading all rows of their table into Python."""

from collections.abc import Sequence
from pathlib import Path

from stages.common import duck, surrogates
from stages.common.duck import TEXT, Source
from stages.common.pages import thumbnails
from stages.common.pages.thumbnails import Place

COLUMNS = {"path": TEXT, "parent": TEXT, "top": "INTEGER", "left": "INTEGER"}


def places(table: Path, paths: Sequence[str], folder: Path) -> dict[str, Place]:
    """Where tiles are, by their paths, as `thumbnails.places` has it of all rows.

    Args:
        table: subimages.csv.
        paths: of tiles; those that the table lacks are passed over.
        folder: where what does not fit in memory stands meanwhile.

    Raises:
        UserError: where the table is missing, lacks a column or is damaged.
    """
    with duck.opened(folder, table.stat().st_size if table.exists() else 0) as (base, own):
        is_escaped = duck.load(base, {"t": Source(table, COLUMNS)}, own)
        named = map(surrogates.escaped, paths) if is_escaped else paths
        shown = surrogates.restored if is_escaped else str
        found = base.execute(
            """WITH asked AS (SELECT unnest($1::VARCHAR[]) AS path)
            SELECT path, parent, number FROM (
                SELECT path, parent, row_number() OVER (
                    PARTITION BY parent ORDER BY "top", "left", rowid) - 1 AS number
                FROM t WHERE parent IN (SELECT parent FROM t SEMI JOIN asked USING (path))
            ) SEMI JOIN asked USING (path)""",
            [[path for path in named if surrogates.is_valid(path)]],
        ).fetchall()
    return {
        shown(path): thumbnails.place(thumbnails.group_of(shown(parent)), number)
        for path, parent, number in found
    }
