"""Watch: a call lasts as long as the server answers, and no longer."""

import threading
import time

import pytest

from stages.common import daemons
from stages.common.versions.watch import GoneError, Watch


@pytest.fixture(autouse=True)
def given_up(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """What tells the process to end without waiting; not that of the tests."""
    event = threading.Event()
    monkeypatch.setattr(daemons, "GIVEN_UP", event)
    return event


def test_it_gives_what_the_call_gives_and_raises_what_it_raises() -> None:
    watch = Watch(lambda: None)
    assert watch.call(divmod, 7, 2) == (3, 1)
    with pytest.raises(ZeroDivisionError):
        watch.call(divmod, 1, 0)


def test_a_long_call_goes_on_while_the_server_answers() -> None:
    asked: list[int] = []
    watch = Watch(lambda: asked.append(1), every=0.02, silent=0.2)
    watch.call(time.sleep, 0.6)
    assert len(asked) > 3


def test_a_server_that_hangs_is_given_up(given_up: threading.Event) -> None:
    hang = threading.Event()
    watch = Watch(hang.wait, every=0.02, silent=0.2)
    with pytest.raises(GoneError, match="it has given no answer for 0 s"):
        watch.call(hang.wait)
    assert given_up.is_set()
    hang.set()


def test_a_server_that_refuses_is_given_up_with_its_reason() -> None:
    def refuse() -> None:
        raise ConnectionError("refused")

    hang = threading.Event()
    with pytest.raises(GoneError, match=r"no answer for 0 s: refused"):
        Watch(refuse, every=0.02, silent=0.2).call(hang.wait)
    hang.set()


def test_the_time_of_all_calls_ends() -> None:
    hang = threading.Event()
    watch = Watch(lambda: None, every=0.02)
    watch.deadline = time.monotonic() + 0.1
    with pytest.raises(GoneError, match="the time for all of it is over"):
        watch.call(hang.wait)
    hang.set()
