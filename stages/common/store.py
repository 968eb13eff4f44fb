"""The store: no image is decoded, measured or scored twice, whatever happens to the stages' outs.

One SQLite file outside the project, shared by all projects of a user. `scores.py`, `facts.py`,
`measured.py` and `embeddings.py` read and write a part of it each. Several runs may do so at once;
what was `put` survives a kill.
"""

import os
import sqlite3
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from stages.common.errors import UserError

VERSION = 1  # of the tables that every program of this version reads; others are added as missing
APPLICATION = 0x53525345  # "SRSE", in the file's header
BUSY_SECONDS = 20  # how long to wait for another run's write, itself far less than a second
SAVE_SECONDS = 2.0  # the most of its work that a killed run loses
LAYOUT = {
    "scorer": "(id INTEGER PRIMARY KEY, fingerprint TEXT NOT NULL UNIQUE)",
    "score": """(
        scorer INTEGER NOT NULL REFERENCES scorer,
        sha256 BLOB NOT NULL,
        hyperiqa REAL NOT NULL,
        PRIMARY KEY (scorer, sha256)
    ) WITHOUT ROWID""",
    "fact": """(
        sha256 BLOB NOT NULL PRIMARY KEY,
        columns BLOB NOT NULL,
        thumbnail BLOB NOT NULL,
        digest BLOB NOT NULL
    )""",
    "measured": """(
        kind TEXT NOT NULL,
        sha256 BLOB NOT NULL,
        numbers BLOB NOT NULL,
        digest BLOB NOT NULL,
        PRIMARY KEY (kind, sha256)
    ) WITHOUT ROWID""",
    "embedding": """(
        sha256 BLOB NOT NULL PRIMARY KEY,
        embedding BLOB NOT NULL,
        digest BLOB NOT NULL
    ) WITHOUT ROWID""",
}

T = TypeVar("T")


def default_path() -> Path:
    """SRSET_STORE, else `srset/scores.sqlite` in the user's cache folder."""
    if "SRSET_STORE" in os.environ:
        return Path(os.environ["SRSET_STORE"]).absolute()
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache, "srset", "scores.sqlite")


def check(path: Path) -> None:
    """A store must be usable, to read and to write; nothing is left in it.

    Raises:
        UserError: where it is not.
    """
    store = Store(path)
    with store.reported(), store.transaction():
        pass
    store.close()


def saved(items: Iterable[T], put: Callable[[list[T]], None]) -> Generator[T, None, None]:
    """Pass items on, and give them to `put` every few seconds and at the end, whatever ends it."""
    waiting: list[T] = []
    last = time.monotonic()
    try:
        for item in items:
            waiting.append(item)
            yield item
            if time.monotonic() - last > SAVE_SECONDS:
                put(waiting)
                waiting, last = [], time.monotonic()
    finally:
        put(waiting)


class Store:
    """The file, opened and checked. Every failure is a `UserError` that names the file and the way
    out."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with self.reported():
            if "SRSET_ELSEWHERE" in os.environ:  # a worker on another machine:
                path = Path(":memory:")  # over a network SQLite's locks are not to be relied on
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
            self.database = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
            self._prepare()

    def close(self) -> None:
        self.database.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """What is written within is written whole or not at all."""
        self.database.execute("BEGIN IMMEDIATE")
        try:
            yield
            self.database.execute("COMMIT")
        except BaseException:
            if self.database.in_transaction:  # a full disk has ended it already
                self.database.execute("ROLLBACK")
            raise

    @contextmanager
    def reported(self) -> Iterator[None]:
        """What SQLite and the system raise within becomes a `UserError`."""
        try:
            yield
        except (sqlite3.DatabaseError, OSError) as error:
            raise UserError(f"score store {self.path}: {error}: {_remedy(str(error))}") from None

    def _prepare(self) -> None:
        if self._header() == (APPLICATION, VERSION) and self._tables() >= LAYOUT.keys():
            return
        with self.transaction():  # two new runs at once: the second waits, and then finds it made
            if not self._tables():
                self.database.execute(f"PRAGMA application_id = {APPLICATION}")
                self.database.execute(f"PRAGMA user_version = {VERSION}")
            if self._header() == (APPLICATION, VERSION):
                for name, columns in LAYOUT.items():
                    self.database.execute(f"CREATE TABLE IF NOT EXISTS {name} {columns}")
        application, version = self._header()
        if application != APPLICATION:
            raise UserError(
                f"{self.path} is a database, but no score store: name another file in SRSET_STORE"
            )
        if version != VERSION:
            raise UserError(
                f"{self.path} is a score store of version {version}, this program reads {VERSION}: "
                "move it away, or name another file in SRSET_STORE"
            )

    def _header(self) -> tuple[int, int]:
        pragmas = ("application_id", "user_version")
        application, version = (
            self.database.execute(f"PRAGMA {pragma}").fetchone()[0] for pragma in pragmas
        )
        return application, version

    def _tables(self) -> set[str]:
        return {name for (name,) in self.database.execute("SELECT name FROM sqlite_master")}


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
