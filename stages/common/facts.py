"""Facts in the store: no image file is decoded twice.

The key of what is known of a file is the SHA-256 of its content and the fingerprint of what made
it: parameters, code and packages. A file has one row, which the next program to decode it replaces:
so the store grows with the files that were ever seen, and not with every change of the code.
"""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from stages.common.store import Store


class Facts(NamedTuple):
    """What is known of an image file by its content alone, whatever its path."""

    columns: dict[str, Any]  # of its row in a table, by name; text and whole numbers
    thumbnail: bytes  # JPEG


class FactStore(Store):
    """Facts that one fingerprint stands for."""

    def __init__(self, path: Path, fingerprint: str) -> None:
        super().__init__(path)
        self._fingerprint = fingerprint.encode()

    def get(self, sha256: str) -> Facts | None:
        """What is known of a file with this hash; None where nothing is, or its row is damaged."""
        key = bytes.fromhex(sha256)
        with self.reported():
            found = self.database.execute(
                "SELECT CAST(columns AS BLOB), CAST(thumbnail AS BLOB), digest FROM fact "
                "WHERE sha256 = ?",  # as bytes, since text that is damaged may be no UTF-8
                (key,),
            ).fetchone()
        if found is None or None in found:
            return None
        columns, thumbnail, digest = found
        if digest != self._digest(key, columns, thumbnail):
            return None
        return Facts(json.loads(columns), thumbnail)

    def put(self, facts: Iterable[tuple[str, Facts]]) -> None:
        """Keep what is known of files, by their hashes."""
        with self.reported(), self.transaction():
            self.database.executemany(
                "INSERT OR REPLACE INTO fact VALUES (?, ?, ?, ?)",
                (self._row(bytes.fromhex(sha256), known) for sha256, known in facts),
            )

    def _row(self, key: bytes, known: Facts) -> tuple[bytes, bytes, bytes, bytes]:
        columns = json.dumps(known.columns).encode()
        return key, columns, known.thumbnail, self._digest(key, columns, known.thumbnail)

    def _digest(self, *parts: bytes) -> bytes:
        """Of a row and its fingerprint: another one, or a damaged byte, and it does not fit."""
        digests = (hashlib.sha256(part).digest() for part in (self._fingerprint, *parts))
        return hashlib.sha256(b"".join(digests)).digest()
