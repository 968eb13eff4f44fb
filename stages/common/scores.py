"""Scores in the store: no image is scored twice.

A score's key is the SHA-256 of the image's pixels and the fingerprint of the scorer: its weights,
crop policy, precision and the version of the code that reads pixels.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from math import isfinite
from pathlib import Path

from stages.common import tables
from stages.common.errors import UserError
from stages.common.pixels import pictures
from stages.common.rows import Score
from stages.common.store import Store
from stages.common.versions import records

AT_ONCE = 1000  # hashes a query asks for


class ScoreStore(Store):
    """Scores of one scorer."""

    def __init__(self, path: Path, fingerprint: str) -> None:
        super().__init__(path)
        with self.reported():
            with self.transaction():
                self.database.execute(
                    "INSERT OR IGNORE INTO scorer (fingerprint) VALUES (?)", (fingerprint,)
                )
            self._scorer = self.database.execute(
                "SELECT id FROM scorer WHERE fingerprint = ?", (fingerprint,)
            ).fetchone()[0]

    def get(self, hashes: Sequence[str]) -> dict[str, float]:
        """The scores that are known, by hash."""
        known: dict[str, float] = {}
        with self.reported():
            for start in range(0, len(hashes), AT_ONCE):
                asked = {bytes.fromhex(h): h for h in hashes[start : start + AT_ONCE]}
                marks = ",".join("?" * len(asked))
                rows = self.database.execute(
                    f"SELECT sha256, hyperiqa FROM score WHERE scorer = ? AND sha256 IN ({marks})",
                    (self._scorer, *asked),
                )
                known.update((asked[sha256], score) for sha256, score in rows)
        return known

    def get_or_take(
        self, hashes: Sequence[str], before: Callable[[], Mapping[str, float]]
    ) -> dict[str, float]:
        """The scores that are known, and those that `before` has of the others, which are kept. It
        is called only where some are not known."""
        known = self.get(hashes)
        missing = set(hashes) - known.keys()
        if missing:
            taken = {h: score for h, score in before().items() if h in missing}
            self.put(taken.items())
            known |= taken
        return known

    def put(self, scores: Iterable[tuple[str, float]]) -> None:
        """Keep scores, by hash; a score that is known stays as it is."""
        with self.reported(), self.transaction():
            self.database.executemany(
                "INSERT OR IGNORE INTO score VALUES (?, ?, ?)",
                ((self._scorer, bytes.fromhex(h), score) for h, score in scores),
            )


def scored_before(table: Path, scores: Path, numbers: Path, fingerprint: str) -> dict[str, float]:
    """Scores of the last run, by the SHA-256 of the pixels, with the six decimals that tables have;
    none unless a scorer of this fingerprint has made all of them.

    It may have been another's run, on another machine, whose tables were pulled: so the three files
    are taken as dvc.lock records them together, from DVC's cache. A table of these scores has the
    same bytes as one of the full ones.
    """
    found = records.last_run(scores)
    if not found.keys() >= {str(table), str(scores), str(numbers)}:
        return {}
    try:
        if tables.read_numbers(found[str(numbers)]).get("fingerprint") != fingerprint:
            return {}
        listed = pictures.read(found[str(table)])
        rows = tables.read(found[str(scores)], Score)
    except UserError:  # of an older version, with other columns
        return {}
    pixels = {(it.path, it.sha256): it.pixels for it in listed}
    known = {(row.path, row.sha256): row.hyperiqa for row in rows}
    if known.keys() != pixels.keys() or not all(map(isfinite, known.values())):
        return {}
    return {pixels[key]: score for key, score in known.items()}
