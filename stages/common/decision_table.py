"""Decisions as a CSV file: as `tables.write` makes one, row by row, without holding the rows."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from stages.common import cutoffs, files, tables
from stages.common.cutoffs import Decided
from stages.common.ranking import Ranking
from stages.common.rows import Decision
from stages.common.surrogates import escaped, restored

AT_ONCE = 1 << 16  # rows


def write(path: Path, ranking: Ranking, decided: Decided) -> None:
    """Write `Decision`s, best first."""
    with files.writing(path) as file:
        file.write((",".join(Decision._fields) + "\n").encode())
        for lines in _lines(ranking, decided):
            text = restored(lines) if ranking.is_escaped else lines
            file.write(text.encode("utf-8", errors="surrogateescape"))


def _lines(ranking: Ranking, decided: Decided) -> Iterator[str]:
    """The lines of `AT_ONCE` rows."""
    shown = escaped if ranking.is_escaped else str
    named = _named(ranking, decided)
    texts = ", ".join(f"{_quoted(name)} AS {name}" for name in ("path", "section", "sha256"))
    begins = ranking.base.cursor().execute(
        f"""SELECT concat_ws(',', rank, path, section, sha256, bytes, score) FROM (SELECT
        rowid + 1 AS rank, {texts}, bytes, format('{{:.6f}}', hyperiqa) AS score FROM ranked)"""
    )
    ends = [f"no,{tables.quoted(shown(reason.text))}" for reason in decided.reasons]
    ends[0] = "yes,"
    for start in range(0, ranking.columns.size, AT_ONCE):
        part = slice(start, start + AT_ONCE)
        words, others = cutoffs.details(ranking.columns, decided, part)
        details = [
            tables.quoted(shown(word) if other < 0 else f"{word}: {next(named)}")
            for word, other in zip(words, others, strict=True)
        ]
        rows = begins.fetchmany(AT_ONCE)
        codes = decided.why[part].tolist()
        yield "".join(
            [
                f"{begin},{ends[code]},{detail}\n"
                for (begin,), code, detail in zip(rows, codes, details, strict=True)
            ]
        )


def _named(ranking: Ranking, decided: Decided) -> Iterator[str]:
    """The paths of those that dropped images are like, in the order of these."""
    kinds = np.array([reason.kind for reason in decided.reasons])[decided.why]
    rows, found = np.flatnonzero(kinds == cutoffs.EDGE), ranking.columns.likes
    if not rows.size or found is None:
        return
    others = found.others[decided.value[rows].astype(np.int64)]
    cursor = ranking.base.cursor()
    cursor.register("dropped", {"place": rows, "other": others.astype(np.int64)})
    cursor.execute(
        "SELECT path FROM dropped JOIN ranked ON ranked.rowid = other ORDER BY dropped.place"
    )
    while some := cursor.fetchmany(AT_ONCE):
        yield from (path for (path,) in some)


def _quoted(name: str) -> str:
    """SQL for a text as a cell of a CSV file: as `tables.quoted`."""
    return (
        f"CASE WHEN regexp_matches({name}, '[\",\\r\\n]') "
        f"""THEN '"' || replace({name}, '"', '""') || '"' ELSE {name} END"""
    )
