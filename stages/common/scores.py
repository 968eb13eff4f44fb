"""Scores in the store: no image is scored twice.

A score's key is the SHA-256 of the image's pixels and the fingerprint of the scorer: its weights,
crop policy, precision and the version of the code that reads pixels.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

from stages.common.store import Store

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

    def put(self, scores: Iterable[tuple[str, float]]) -> None:
        """Keep scores, by hash; a score that is known stays as it is."""
        with self.reported(), self.transaction():
            self.database.executemany(
                "INSERT OR IGNORE INTO score VALUES (?, ?, ?)",
                ((self._scorer, bytes.fromhex(h), score) for h, score in scores),
            )
