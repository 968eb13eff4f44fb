"""Calls that are not waited for for ever.

A call into a device's driver may never come back, and nothing can end the thread it was made in.
So it is made in a daemon thread, which may be given up, and which no process waits for at its end.
"""

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from typing import Any, TypeVar

R = TypeVar("R")

# Set once a call has failed or was given up: what it has left behind may wait for ever, or abort,
# when the process ends. `cli.run` then ends it without any clean-up.
GIVEN_UP = threading.Event()


class HungError(Exception):
    """A call that was given up. Its thread may still be in it."""


class Daemons:
    """Daemon threads that make calls for other threads; each of them makes one at a time."""

    def __init__(self, count: int) -> None:
        self._calls: queue.SimpleQueue[tuple[Future[Any], Callable[..., Any], Any]]
        self._calls = queue.SimpleQueue()
        for _ in range(count):
            threading.Thread(target=self._work, daemon=True).start()

    def call(self, seconds: float, function: Callable[..., R], *arguments: object) -> R:
        """Give what `function` gives, and raise what it raises.

        Raises:
            HungError: where it takes longer than `seconds`.
        """
        future: Future[R] = Future()
        self._calls.put((future, function, arguments))
        if not wait([future], timeout=seconds).done:
            raise HungError
        return future.result()

    def _work(self) -> None:
        while True:
            _make(*self._calls.get())  # a function of its own, so that no call's pixels are kept


def _make(future: "Future[Any]", function: Callable[..., Any], arguments: tuple[object]) -> None:
    try:
        future.set_result(function(*arguments))
    except BaseException as error:  # whoever waits for it must hear of all
        future.set_exception(error)
