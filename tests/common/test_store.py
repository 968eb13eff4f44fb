"""The store: what was put is there, whoever else works with it and however a run ends."""

import resource
import signal
import sqlite3
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from stages.common import store
from stages.common.errors import UserError
from stages.common.facts import Facts, FactStore
from stages.common.scores import ScoreStore
from stages.common.store import default_path, saved
from tests.conftest import environment


def digest(number: int) -> str:
    """The hash of an imagined file."""
    return f"{number:064x}"


def message_of(path: Path, fingerprint: str = "scorer") -> str:
    """What the user is told when the store is opened, with its path as STORE."""
    with pytest.raises(UserError) as raised:
        ScoreStore(path, fingerprint)
    return str(raised.value).replace(str(path), "STORE")


def test_on_another_machine_the_store_is_empty_and_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "home" / "scores.sqlite"
    with closing(FactStore(path, "gather")) as here:
        here.put([(digest(1), Facts({"width": 5}, b""))])
        assert here.get(digest(1)) == Facts({"width": 5}, b"")
    before = path.read_bytes()
    monkeypatch.setenv("SRSET_ELSEWHERE", "1")
    with closing(FactStore(path, "gather")) as there:
        assert there.get(digest(1)) is None
    with closing(FactStore(tmp_path / "not there" / "scores.sqlite", "gather")):
        pass
    assert path.read_bytes() == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["home"]


def test_a_failed_put_keeps_nothing_of_it_and_leaves_the_store_usable(tmp_path: Path) -> None:
    score_store = ScoreStore(tmp_path / "scores.sqlite", "scorer")

    def breaks_off() -> object:
        yield digest(1), 0.5
        raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError):
        score_store.put(breaks_off())
    score_store.put([(digest(2), 0.25)])
    assert score_store.get([digest(1), digest(2)]) == {digest(2): 0.25}


WRITER = """
import sys
from pathlib import Path
from stages.common.scores import ScoreStore
path, first, count = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
score_store = ScoreStore(path, "scorer")
for i in range(first, first + count):
    score_store.put([(f"{i:064x}", i / 1e6)])
    print(i, flush=True)
"""


def writer(path: Path, first: int, count: int) -> "subprocess.Popen[str]":
    """A process that puts one score after another, and says so each time."""
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path), str(first), str(count)],
        env=environment(),
        stdout=subprocess.PIPE,
        text=True,
    )


def test_what_was_put_survives_a_kill(tmp_path: Path) -> None:
    path = tmp_path / "scores.sqlite"
    with writer(path, 0, 10**9) as process:
        assert process.stdout is not None
        said = [int(process.stdout.readline()) for _ in range(20)]
        process.send_signal(signal.SIGKILL)
        said += [int(line) for line in process.stdout.read().splitlines()]
    score_store = ScoreStore(path, "scorer")
    assert score_store.get([digest(i) for i in said]) == {digest(i): i / 1e6 for i in said}
    score_store.put([(digest(10**7), 1.0)])
    assert score_store.get([digest(10**7)]) == {digest(10**7): 1.0}


def test_two_new_runs_write_at_once(tmp_path: Path) -> None:
    path = tmp_path / "scores.sqlite"
    processes = [writer(path, first, 60) for first in (0, 40)]  # 20 of them twice
    for process in processes:
        process.communicate()
    assert [process.returncode for process in processes] == [0, 0]
    score_store = ScoreStore(path, "scorer").get([digest(i) for i in range(200)])
    assert score_store == {digest(i): i / 1e6 for i in range(100)}


def test_a_held_store_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "BUSY_SECONDS", 0.2)
    path = tmp_path / "scores.sqlite"
    score_store = ScoreStore(path, "scorer")
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    expected = (
        "score store STORE: database is locked: another program has held it for 0.2 s: "
        "end it, or try again"
    )
    with pytest.raises(UserError) as raised:
        score_store.put([(digest(1), 0.5)])
    assert str(raised.value).replace(str(path), "STORE") == expected
    assert message_of(path) == expected
    other.execute("ROLLBACK")
    score_store.put([(digest(1), 0.5)])
    assert score_store.get([digest(1)]) == {digest(1): 0.5}
    other.close()


def test_a_file_that_is_no_database_is_told_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "scores.sqlite"
    path.write_text("my scores: very good\n" * 100)
    assert message_of(path) == (
        "score store STORE: file is not a database: it is damaged: move it away, and its scores "
        "will be computed again"
    )
    assert path.read_text() == "my scores: very good\n" * 100


def test_another_programs_database_is_told_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "scores.sqlite"
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE mine (x)")
        database.execute("PRAGMA user_version = 1")
    database.close()
    before = path.read_bytes()
    expected = "STORE is a database, but no score store: name another file in SRSET_STORE"
    assert message_of(path) == expected
    assert path.read_bytes() == before
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA application_id = 77")
    database.close()
    assert message_of(path) == expected


def test_a_store_of_another_version_is_told_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "scores.sqlite"
    ScoreStore(path, "scorer").close()
    with sqlite3.connect(path) as database:
        database.execute(f"PRAGMA user_version = {store.VERSION + 1}")
    database.close()
    before = path.read_bytes()
    assert message_of(path) == (
        f"STORE is a score store of version {store.VERSION + 1}, this program reads "
        f"{store.VERSION}: move it away, or name another file in SRSET_STORE"
    )
    assert path.read_bytes() == before


FIRST_LAYOUT = """
CREATE TABLE scorer (id INTEGER PRIMARY KEY, fingerprint TEXT NOT NULL UNIQUE);
CREATE TABLE score (
    scorer INTEGER NOT NULL REFERENCES scorer,
    sha256 BLOB NOT NULL,
    hyperiqa REAL NOT NULL,
    PRIMARY KEY (scorer, sha256)
) WITHOUT ROWID;
INSERT INTO scorer VALUES (1, 'scorer');
INSERT INTO score VALUES (1, zeroblob(32), 0.25);
PRAGMA application_id = 1397904197;
PRAGMA user_version = 1;
"""


def test_a_store_from_before_there_were_facts_keeps_its_scores_and_gets_facts(
    tmp_path: Path,
) -> None:
    path = tmp_path / "scores.sqlite"
    with sqlite3.connect(path) as database:
        database.executescript(FIRST_LAYOUT)
    database.close()
    known = Facts({"width": 3}, b"jpeg")
    with closing(FactStore(path, "made by")) as facts:
        facts.put([(digest(1), known)])
        assert facts.get(digest(1)) == known
    with closing(ScoreStore(path, "scorer")) as scores:
        assert scores.get([digest(0)]) == {digest(0): 0.25}
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("PRAGMA user_version").fetchone() == (1,)


def test_two_runs_add_the_table_of_facts_at_once(tmp_path: Path) -> None:
    path = tmp_path / "scores.sqlite"
    with sqlite3.connect(path) as database:
        database.executescript(FIRST_LAYOUT)
    database.close()
    processes = [writer(path, first, 20) for first in (1, 11)]
    for process in processes:
        process.communicate()
    assert [process.returncode for process in processes] == [0, 0]
    known = ScoreStore(path, "scorer").get([digest(i) for i in range(100)])
    assert known == {digest(0): 0.25} | {digest(i): i / 1e6 for i in range(1, 31)}


def test_items_are_passed_on_and_put_while_a_long_run_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(store, "SAVE_SECONDS", 0.0)
    put: list[list[int]] = []
    for i, item in enumerate(saved(iter(range(4)), put.append)):
        assert (item, put) == (i, [[j] for j in range(i)])
    assert put == [[0], [1], [2], [3], []]


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_a_run_that_breaks_off_puts_what_it_has(error: type[BaseException]) -> None:
    def breaks_off() -> Iterator[int]:
        yield from (1, 2)
        raise error

    put: list[list[int]] = []
    with pytest.raises(error):
        list(saved(breaks_off(), put.append))
    assert put == [[1, 2]]


def test_a_reader_that_breaks_off_has_put_what_it_was_given() -> None:
    put: list[list[int]] = []
    with closing(saved(iter(range(9)), put.append)) as items:
        assert [next(items), next(items)] == [0, 1]
    assert put == [[0, 1]]


def filled(path: Path) -> None:
    """A store of some hundred kilobytes."""
    score_store = ScoreStore(path, "scorer")
    score_store.put((digest(i * 2**200), 0.5) for i in range(5000))
    score_store.close()


def test_a_truncated_store_is_told(tmp_path: Path) -> None:
    path = tmp_path / "scores.sqlite"
    filled(path)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 3])
    with pytest.raises(UserError) as raised:
        ScoreStore(path, "scorer").get([digest(i * 2**200) for i in range(5000)])
    assert str(raised.value).replace(str(path), "STORE") == (
        "score store STORE: database disk image is malformed: it is damaged: move it away, and "
        "its scores will be computed again"
    )


def test_a_damaged_store_is_told(tmp_path: Path) -> None:
    path = tmp_path / "scores.sqlite"
    filled(path)
    content = bytearray(path.read_bytes())
    (page,) = struct.unpack(">H", content[16:18])
    for start in range(page, len(content), page):
        content[start : start + 100] = b"\xab" * 100  # the head of every page but the first
    path.write_bytes(bytes(content))
    assert "it is damaged: move it away" in message_of(path)


def test_an_empty_file_becomes_a_store(tmp_path: Path) -> None:
    path = tmp_path / "scores.sqlite"
    path.touch()
    score_store = ScoreStore(path, "scorer")
    score_store.put([(digest(1), 0.5)])
    assert score_store.get([digest(1)]) == {digest(1): 0.5}


@pytest.mark.parametrize("below", ["file/scores.sqlite", "file/folder/scores.sqlite"])
def test_a_place_that_can_not_be_is_told(tmp_path: Path, below: str) -> None:
    (tmp_path / "file").touch()
    line = message_of(tmp_path / below)
    assert "STORE" in line or str(tmp_path) in line
    assert "\n" not in line


def test_a_folder_in_the_place_of_the_store_is_told(tmp_path: Path) -> None:
    assert message_of(tmp_path) == (
        "score store STORE: unable to open database file: give yourself the right to write there, "
        "or name another file in SRSET_STORE"
    )


def test_a_disk_for_reading_only_is_told(tiny_disk: Callable[[str], Path]) -> None:
    disk = tiny_disk("size=1m,ro")
    line = message_of(disk / "scores.sqlite")
    assert line.endswith(
        "give yourself the right to write there, or name another file in SRSET_STORE"
    )


def test_a_full_disk_is_told_and_keeps_what_was_put(tiny_disk: Callable[[str], Path]) -> None:
    path = tiny_disk("size=256k") / "scores.sqlite"
    score_store = ScoreStore(path, "scorer")
    put = 0
    with pytest.raises(UserError) as raised:
        for put in range(0, 10**6, 100):
            score_store.put((digest(i), i / 1e6) for i in range(put, put + 100))
    assert str(raised.value) == (
        f"score store {path}: database or disk is full: free some space, or name a file on "
        "another disk in SRSET_STORE"
    )
    assert put > 0
    score_store.close()
    found = ScoreStore(path, "scorer").get([digest(i) for i in range(put + 100)])
    assert found == {digest(i): i / 1e6 for i in range(put)}


def test_a_disk_that_is_full_within_one_put_is_told(tiny_disk: Callable[[str], Path]) -> None:
    score_store = ScoreStore(tiny_disk("size=3m") / "scores.sqlite", "scorer")
    score_store.put([(digest(0), 0.5)])
    with pytest.raises(UserError, match="database or disk is full: free some space"):
        score_store.put((digest(i), 0.5) for i in range(10**5))
    assert score_store.get([digest(0), digest(1)]) == {digest(0): 0.5}


LIMITED = """
import sys
from pathlib import Path
from stages.common.errors import UserError
from stages.common.scores import ScoreStore
score_store = ScoreStore(Path(sys.argv[1]), "scorer")
try:
    score_store.put((f"{i:064x}", 0.5) for i in range(10**5))
except UserError as error:
    print(error)
"""


def test_a_limit_on_the_size_of_files_is_told(tmp_path: Path) -> None:
    path = tmp_path / "scores.sqlite"
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(path)],
        env=environment(),
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000)),
    )
    assert (done.stderr, done.returncode) == ("", 0)
    assert done.stdout == (
        f"score store {path}: disk I/O error: check the disk and its quota, or name a file on "
        "another disk in SRSET_STORE\n"
    )


def test_where_the_store_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SRSET_STORE", "here.sqlite")
    assert default_path() == tmp_path / "here.sqlite"
    monkeypatch.delenv("SRSET_STORE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert default_path() == tmp_path / "cache" / "srset" / "scores.sqlite"
    monkeypatch.setenv("XDG_CACHE_HOME", "")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert default_path() == tmp_path / "home" / ".cache" / "srset" / "scores.sqlite"
