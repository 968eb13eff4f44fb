"""Embeddings in the store: no photograph is embedded twice.

The key of an embedding is the SHA-256 of the photograph's pixels and the fingerprint of what made
it: weights, whitening, engine and code. A photograph has one row, which the next program to embed
it replaces: so the store grows with the photographs that were ever seen.
"""

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path

from stages.common.store import Store

AT_ONCE = 1000  # hashes a query asks for


class EmbeddingStore(Store):
    """Embeddings that one fingerprint stands for."""

    def __init__(self, path: Path, fingerprint: str) -> None:
        super().__init__(path)
        self._fingerprint = hashlib.sha256(fingerprint.encode()).digest()

    def get(self, hashes: Sequence[str]) -> dict[str, bytes]:
        """The embeddings that are known, by hash; a damaged row is not."""
        known = {}
        with self.reported():
            for start in range(0, len(hashes), AT_ONCE):
                asked = [bytes.fromhex(h) for h in hashes[start : start + AT_ONCE]]
                rows = self.database.execute(
                    "SELECT sha256, CAST(embedding AS BLOB), digest FROM embedding "
                    f"WHERE sha256 IN ({','.join('?' * len(asked))})",
                    asked,
                )
                for key, embedding, digest in rows:
                    if digest == self._digest(key, embedding or b""):
                        known[key.hex()] = embedding
        return known

    def put(self, embeddings: Iterable[tuple[str, bytes]]) -> None:
        """Keep embeddings, by hash."""
        with self.reported(), self.transaction():
            self.database.executemany(
                "INSERT OR REPLACE INTO embedding VALUES (?, ?, ?)",
                (
                    (key, embedding, self._digest(key, embedding))
                    for key, embedding in ((bytes.fromhex(h), e) for h, e in embeddings)
                ),
            )

    def _digest(self, key: bytes, embedding: bytes) -> bytes:
        """Of a row and its fingerprint: another one, or a damaged byte, and it does not fit."""
        return hashlib.sha256(self._fingerprint + key + embedding).digest()
