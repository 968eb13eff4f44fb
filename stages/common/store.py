"""The score store: no image is scored twice, whatever happens to the stages' outs.

One SQLite file outside the project, shared by all projects of a user. A score's key is the SHA-256
of the image's pixels and the fingerprint of the scorer: its weights, crop policy, precision and the
version of the code that reads pixels. Several runs may read and write at once; what was `put`
survives a kill.
"""

import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from stages.common.errors import UserError

VERSION = 1  # of the file's layout
APPLICATION = 0x53525345  # "SRSE", in the file's header
BUSY_SECONDS = 20  # how long to wait for another run's write, itself far less than a second
AT_ONCE = 1000  # hashes a query asks for
LAYOUT = """
CREATE TABLE scorer (id INTEGER PRIMARY KEY, fingerprint TEXT NOT NULL UNIQUE);
CREATE TABLE score (
    scorer INTEGER NOT NULL REFERENCES scorer,
    sha256 BLOB NOT NULL,
    hyperiqa REAL NOT NULL,
    PRIMARY KEY (scorer, sha256)
) WITHOUT ROWID;
"""


def default_path() -> Path:
    """SRSET_STORE, else `srset/scores.sqlite` in the user's cache folder."""
    if "SRSET_STORE" in os.environ:
        return Path(os.environ["SRSET_STORE"]).absolute()
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache, "srset", "scores.sqlite")


class ScoreStore:
    """Scores of one scorer. Every failure is a `UserError` that names the file and the way out."""

    def __init__(self, path: Path, fingerprint: str) -> None:
        self._open(path)
        with self._reported():
            with self._transaction():
                self._database.execute(
                    "INSERT OR IGNORE INTO scorer (fingerprint) VALUES (?)", (fingerprint,)
                )
            self._scorer = self._database.execute(
                "SELECT id FROM scorer WHERE fingerprint = ?", (fingerprint,)
            ).fetchone()[0]

    def _open(self, path: Path) -> None:
        self.path = path
        with self._reported():
            path.parent.mkdir(parents=True, exist_ok=True)
            self._database = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
            self._prepare()

    @classmethod
    def check(cls, path: Path) -> None:
        """A store must be usable, to read and to write; nothing is left in it."""
        store = cls.__new__(cls)
        store._open(path)
        with store._reported(), store._transaction():
            pass
        store.close()

    def get(self, hashes: Sequence[str]) -> dict[str, float]:
        """The scores that are known, by hash."""
        known: dict[str, float] = {}
        with self._reported():
            for start in range(0, len(hashes), AT_ONCE):
                asked = {bytes.fromhex(h): h for h in hashes[start : start + AT_ONCE]}
                marks = ",".join("?" * len(asked))
                rows = self._database.execute(
                    f"SELECT sha256, hyperiqa FROM score WHERE scorer = ? AND sha256 IN ({marks})",
                    (self._scorer, *asked),
                )
                known.update((asked[sha256], score) for sha256, score in rows)
        return known

    def put(self, scores: Iterable[tuple[str, float]]) -> None:
        """Keep scores, by hash; a score that is known stays as it is."""
        with self._reported(), self._transaction():
            self._database.executemany(
                "INSERT OR IGNORE INTO score VALUES (?, ?, ?)",
                ((self._scorer, bytes.fromhex(h), score) for h, score in scores),
            )

    def close(self) -> None:
        self._database.close()

    def _prepare(self) -> None:
        application = self._database.execute("PRAGMA application_id").fetchone()[0]
        version = self._database.execute("PRAGMA user_version").fetchone()[0]
        if (application, version) == (APPLICATION, VERSION):
            return
        with (
            self._transaction()
        ):  # two new runs at once: the second one waits, and then finds it made
            if self._database.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0:
                for statement in LAYOUT.split(";"):
                    self._database.execute(statement)
                self._database.execute(f"PRAGMA application_id = {APPLICATION}")
                self._database.execute(f"PRAGMA user_version = {VERSION}")
        found = self._database.execute("PRAGMA application_id").fetchone()[0]
        if found != APPLICATION:
            raise UserError(
                f"{self.path} is a database, but no score store: name another file in SRSET_STORE"
            )
        found = self._database.execute("PRAGMA user_version").fetchone()[0]
        if found != VERSION:
            raise UserError(
                f"{self.path} is a score store of version {found}, this program reads {VERSION}: "
                "move it away, or name another file in SRSET_STORE"
            )

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._database.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._database.execute("COMMIT")
        except BaseException:
            if self._database.in_transaction:  # a full disk has ended it already
                self._database.execute("ROLLBACK")
            raise

    @contextmanager
    def _reported(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.DatabaseError, OSError) as error:
            raise UserError(f"score store {self.path}: {error}: {_remedy(str(error))}") from None


def _remedy(message: str) -> str:
    if "locked" in message:
        return f"another program has held it for {BUSY_SECONDS} s: end it, or try again"
    if "full" in message:
        return "free some space, or name a file on another disk in SRSET_STORE"
    if "disk I/O" in message:
        return "check the disk and its quota, or name a file on another disk in SRSET_STORE"
    if "malformed" in message or "not a database" in message:
        return "it is damaged: move it away, and its scores will be computed again"
    return "give yourself the right to write there, or name another file in SRSET_STORE"
