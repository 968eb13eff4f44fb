"""Calls that are not waited for for ever: they end with a result or a fault, or are given up."""

import gc
import threading
import time
import weakref
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from stages.common.daemons import Daemons, HungError


@pytest.fixture
def never() -> Iterator[threading.Event]:
    """What does not happen before the test is over; its threads end then."""
    event = threading.Event()
    yield event
    event.set()


def test_a_call_gives_what_the_function_gives() -> None:
    assert Daemons(1).call(10.0, divmod, 7, 2) == (3, 1)


@pytest.mark.parametrize("fault", [ValueError("odd"), TimeoutError("its own"), KeyboardInterrupt()])
def test_what_a_call_raises_is_raised(fault: BaseException) -> None:
    def fails() -> None:
        raise fault

    daemons = Daemons(1)
    with pytest.raises(type(fault)) as raised:
        daemons.call(10.0, fails)
    assert raised.value is fault
    assert daemons.call(10.0, abs, -3) == 3


def test_a_call_that_hangs_is_given_up(never: threading.Event) -> None:
    began = time.monotonic()
    with pytest.raises(HungError):
        Daemons(1).call(0.1, never.wait)
    assert time.monotonic() - began < 5


def test_calls_are_made_in_daemon_threads_at_once(never: threading.Event) -> None:
    both = threading.Barrier(2, timeout=10)

    def meets() -> bool:
        both.wait()
        return threading.current_thread().daemon

    daemons = Daemons(2)
    with ThreadPoolExecutor(2) as threads:
        assert list(threads.map(lambda _: daemons.call(10.0, meets), range(2))) == [True, True]


def test_what_a_call_was_given_is_not_kept() -> None:
    pixels = np.zeros(3)
    gone = weakref.ref(pixels)
    daemons = Daemons(1)
    daemons.call(10.0, np.sum, pixels)
    del pixels
    daemons.call(10.0, gc.collect)  # the thread has left the call before
    assert gone() is None
