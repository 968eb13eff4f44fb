"""Measures in the store: no image is measured twice.

What is known is of a kind, as `images`, and its key is a SHA-256 that stands for all that is
measured, with the fingerprint of the code and packages that measured it. Of a kind and a hash there
is one row, which the next program that measures it replaces: so the store grows with the images
that were ever seen, and not with every change of the code.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from stages.common.store import Store

AT_ONCE = 1000  # hashes a query asks for
Numbers = tuple[float, ...]  # in the order of the columns of a table


class MeasureStore(Store):
    """Measures of one kind that one fingerprint stands for."""

    def __init__(self, path: Path, kind: str, fingerprint: str) -> None:
        super().__init__(path)
        self._kind = kind
        self._fingerprint = fingerprint.encode()

    def get(self, hashes: Sequence[str]) -> dict[str, Numbers]:
        """What is known, by hash; nothing of a row that is damaged."""
        known: dict[str, Numbers] = {}
        with self.reported():
            for start in range(0, len(hashes), AT_ONCE):
                asked = {bytes.fromhex(h): h for h in hashes[start : start + AT_ONCE]}
                marks = ",".join("?" * len(asked))
                rows = self.database.execute(
                    "SELECT sha256, CAST(numbers AS BLOB), digest FROM measured "
                    f"WHERE kind = ? AND sha256 IN ({marks})",
                    (self._kind, *asked),
                )
                for sha256, numbers, digest in rows:
                    if numbers is not None and digest == self._digest(sha256, numbers):
                        known[asked[sha256]] = tuple(json.loads(numbers))
        return known

    def put(self, measured: Iterable[tuple[str, Numbers]]) -> None:
        """Keep what was measured, by hash; to the last bit."""
        with self.reported(), self.transaction():
            self.database.executemany(
                "INSERT OR REPLACE INTO measured VALUES (?, ?, ?, ?)",
                (self._row(bytes.fromhex(sha256), numbers) for sha256, numbers in measured),
            )

    def _row(self, sha256: bytes, numbers: Numbers) -> tuple[str, bytes, bytes, bytes]:
        text = json.dumps(numbers).encode()
        return self._kind, sha256, text, self._digest(sha256, text)

    def _digest(self, sha256: bytes, numbers: bytes) -> bytes:
        """Of a row and its fingerprint: another one, or a damaged byte, and it does not fit."""
        parts = (self._fingerprint, self._kind.encode(), sha256, numbers)
        digests = (hashlib.sha256(part).digest() for part in parts)
        return hashlib.sha256(b"".join(digests)).digest()
