"""Calls to a server that may die or hang.

A large file takes hours to send, so no fixed time says that a server hangs. Instead, it is asked
something small every few seconds, over a connection of its own: one that has answered nothing for
`SILENT` seconds is given up, whatever it was doing.
"""

import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from time import monotonic
from typing import Any, TypeVar

from stages.common import daemons

R = TypeVar("R")

EVERY = 5.0  # s from one question to the next
SILENT = 25.0  # s without an answer, after which a server counts as gone


class GoneError(Exception):
    """The server gives no answer, or took longer than it was given in all."""


class Watch:
    """Makes calls while a server answers, and until its time is over."""

    def __init__(self, ask: Callable[[], object], *, every: float = EVERY, silent: float = SILENT):
        """`ask` raises where the server does not answer, and may hang."""
        self._ask = ask
        self._every, self._silent = every, silent
        self.deadline = float("inf")  # monotonic, s; of all calls together

    def call(self, function: Callable[..., R], *arguments: Any) -> R:
        """Give what `function` gives, and raise what it raises.

        Raises:
            GoneError: where the server is silent, or the time is over. The call may still be going
                on: the process has to end without waiting for it, as `cli.shell` sees to.
        """
        answer = _started(function, *arguments)
        heard, asked = monotonic(), None
        reason = ""
        while not wait([answer], timeout=self._every).done:
            if asked is None or asked.done():
                if asked is not None and asked.exception() is None:
                    heard = monotonic()
                elif asked is not None:
                    reason = f": {asked.exception()}"
                asked = _started(self._ask)
                wait([asked], timeout=self._every / 2)
                if asked.done() and asked.exception() is None:
                    heard = monotonic()
            silent = monotonic() - heard
            if silent > self._silent or monotonic() > self.deadline:
                daemons.GIVEN_UP.set()
                if silent > self._silent:
                    raise GoneError(f"it has given no answer for {silent:.0f} s{reason}")
                raise GoneError("the time for all of it is over; `LIMIT=MINUTES` gives it more")
        return answer.result()


def _started(function: Callable[..., R], *arguments: Any) -> "Future[R]":
    """A call in a daemon thread of its own, for which no process waits at its end."""
    future: Future[R] = Future()

    def make() -> None:
        try:
            future.set_result(function(*arguments))
        except BaseException as error:  # whoever waits for it must hear of all
            future.set_exception(error)

    threading.Thread(target=make, daemon=True).start()
    return future
