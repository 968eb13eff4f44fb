"""Facts in the store: as they were put, for what made them alone, and never a damaged row."""

import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.common.facts import Facts, FactStore
from tests.conftest import environment
from tests.strategies import sha256

columns = st.dictionaries(st.text(max_size=8), st.integers() | st.text(max_size=20), max_size=5)
facts = st.builds(Facts, columns, st.binary(max_size=300))
ONE = Facts({"width": 40, "mode": "JPEG RGB"}, b"\xff\xd8 a small picture \xff\xd9" * 9)


def digest(number: int) -> str:
    """The hash of an imagined file."""
    return f"{number:064x}"


@given(st.dictionaries(sha256, facts), sha256)
def test_what_was_put_is_there_and_nothing_else(
    tmp_path_factory: pytest.TempPathFactory, known: dict[str, Facts], other: str
) -> None:
    path = tmp_path_factory.mktemp("store") / "scores.sqlite"
    with closing(FactStore(path, "made by")) as store:
        store.put(known.items())
    with closing(FactStore(path, "made by")) as store:
        assert {key: store.get(key) for key in known} == known
        assert store.get(other) == known.get(other)


def test_another_maker_does_not_get_them_and_its_own_replace_them(tmp_path: Path) -> None:
    first = FactStore(tmp_path / "scores.sqlite", "code, pillow 13")
    other = FactStore(tmp_path / "scores.sqlite", "code, pillow 14")
    first.put([(digest(1), ONE)])
    assert other.get(digest(1)) is None
    other.put([(digest(1), Facts({"width": 41}, b""))])
    assert (first.get(digest(1)), other.get(digest(1))) == (None, Facts({"width": 41}, b""))
    with closing(sqlite3.connect(tmp_path / "scores.sqlite")) as database:
        assert database.execute("SELECT count(*) FROM fact").fetchone() == (1,)


DAMAGES = [
    *("columns = X''", "columns = X'7b7d'", "columns = '{}'", "columns = CAST(X'ff' AS TEXT)"),
    *("thumbnail = X''", "thumbnail = 7", "thumbnail = substr(thumbnail, 2)"),
    *("digest = X''", "digest = 'text'", "digest = zeroblob(32)", "digest = 1.5"),
    "columns = CAST(replace(CAST(columns AS TEXT), '40', '41') AS BLOB)",
    "sha256 = zeroblob(32)",
]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_row_is_not_known_and_can_be_put_again(tmp_path: Path, damage: str) -> None:
    store = FactStore(tmp_path / "scores.sqlite", "made by")
    store.put([(digest(1), ONE)])
    with closing(sqlite3.connect(tmp_path / "scores.sqlite", isolation_level=None)) as database:
        database.execute(f"UPDATE fact SET {damage}")
    assert (store.get(digest(1)), store.get(digest(0))) == (None, None)
    store.put([(digest(1), ONE)])
    assert store.get(digest(1)) == ONE


@given(st.data())
def test_no_damaged_byte_of_a_row_is_believed(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """In the file itself, as a failing disk leaves it."""
    path = tmp_path_factory.mktemp("store") / "scores.sqlite"
    with closing(FactStore(path, "made by")) as store:
        store.put([(digest(1), ONE)])
    content = bytearray(path.read_bytes())
    start = content.index(b'{"width"')
    end = content.index(ONE.thumbnail) + len(ONE.thumbnail) + 32  # the digest follows
    place = data.draw(st.integers(start, end - 1))
    content[place] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)
    with closing(FactStore(path, "made by")) as store:
        assert store.get(digest(1)) is None


WRITER = """
import sys
from pathlib import Path
from stages.common.facts import Facts, FactStore
first, count = int(sys.argv[2]), int(sys.argv[3])
store = FactStore(Path(sys.argv[1]), "made by")
for i in range(first, first + count):
    store.put([(f"{i:064x}", Facts({"width": i}, b"%d" % i * 2000))])
    assert store.get(f"{i:064x}").columns == {"width": i}
    print(i, flush=True)
"""


def writer(path: Path, first: int, count: int) -> "subprocess.Popen[str]":
    """A process that puts facts of one file after another, and says so each time."""
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path), str(first), str(count)],
        env=environment(),
        stdout=subprocess.PIPE,
        text=True,
    )


def written(i: int) -> Facts:
    return Facts({"width": i}, b"%d" % i * 2000)


def test_two_new_runs_write_and_read_at_once(tmp_path: Path) -> None:
    path = tmp_path / "scores.sqlite"
    processes = [writer(path, first, 40) for first in (0, 20)]  # 20 of them twice
    for process in processes:
        process.communicate()
    assert [process.returncode for process in processes] == [0, 0]
    with closing(FactStore(path, "made by")) as store:
        assert all(store.get(digest(i)) == written(i) for i in range(60))


def test_what_was_put_survives_a_kill(tmp_path: Path) -> None:
    path = tmp_path / "scores.sqlite"
    with writer(path, 0, 10**9) as process:
        assert process.stdout is not None
        said = [int(process.stdout.readline()) for _ in range(20)]
        process.kill()
        said += [int(line) for line in process.stdout.read().splitlines()]
    with closing(FactStore(path, "made by")) as store:
        assert all(store.get(digest(i)) == written(i) for i in said)


def test_a_hundred_thousand_rows_take_seconds(tmp_path: Path) -> None:
    """Not a measure of speed: it fails only where the time of a row grows with their number."""
    count = 100_000
    store = FactStore(tmp_path / "scores.sqlite", "made by")
    known = Facts(ONE.columns, b"x" * 500)
    start = time.process_time()
    for first in range(0, count, 1000):
        store.put((digest(i * 2**200), known) for i in range(first, first + 1000))
    assert all(store.get(digest(i * 2**200)) == known for i in range(count))
    assert time.process_time() - start < 30
