"""Work for worker processes: alone in a module, so that they start quickly."""

import os
import signal
import time

from stages.common.errors import UserError


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
