"""Work for worker processes: alone in a module, so that they start quickly."""

import os
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from stages.common import errors, workers
from stages.common.errors import UserError

if TYPE_CHECKING:
    from stages.common.sources import Entry


def slow_square(number: int) -> int:
    """Even numbers take longer, so that answers come out of order."""
    time.sleep(0.02 * (number % 2 == 0))
    return number * number


def fails_at_three(number: int) -> int:
    if number == 3:
        raise ValueError("three is too much")
    return number


def refuses(number: int) -> int:
    raise UserError(f"no {number} here: take another")


def dies_at_three(number: int) -> int:
    if number == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def process_id(_: int) -> int:
    return os.getpid()


def sleeps(number: int) -> None:
    print(os.getpid(), flush=True)
    time.sleep(600)


def naps(_: int) -> None:
    print(os.getpid(), flush=True)
    time.sleep(0.5)


class Where(NamedTuple):
    process: int
    code: str
    folder: str
    engine: str | None
    workers: str | None
    cores: str | None
    threads: str | None


def surroundings_of(_: int) -> Where:
    """Of the worker that does this."""
    time.sleep(0.05)
    names = ("SRSET_ENGINE", "SRSET_WORKERS", "SRSET_CORES", "OMP_NUM_THREADS")
    return Where(os.getpid(), errors.__file__, str(Path.cwd()), *map(os.environ.get, names))


def keeps(number: int) -> bytes:
    """3 MB."""
    return number.to_bytes(4, "big") + bytes(2_999_996)


def tenth(number: int) -> int:
    """A tenth of a second of work."""
    time.sleep(0.1)
    return number


def with_own_processes(numbers: list[int]) -> list[tuple[int, int]]:
    """As one that scores on a GPU: of each number this process, and the one that had it."""
    return [(os.getpid(), child) for child in workers.ordered_map(process_id, numbers)]


def squares_of(numbers: list[int]) -> list[int]:
    return [number * number for number in numbers]


def fails_with_three(numbers: list[int]) -> list[int]:
    return [fails_at_three(number) for number in numbers]


def dies_at_broken(entry: "Entry") -> str:
    """As a decoder that takes all memory there is."""
    if entry.path == "b/broken.png":
        os.kill(os.getpid(), signal.SIGKILL)
    return entry.path
