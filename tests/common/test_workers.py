"""Work on many items: in order, no failure lost, no process left behind."""

import operator
import os
import subprocess
import sys
import time
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import pytest

from stages.common.errors import UserError
from stages.common.workers import AHEAD, cores, each, engine, ordered_map, worker_count
from tests.common.tasks import (
    dies_at_three,
    fails_at_three,
    process_id,
    refuses,
    slow_square,
)
from tests.conftest import environment

COUNTS = ["0", "2"]


@pytest.fixture
def workers(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("SRSET_WORKERS", request.param)
    return str(request.param)


@pytest.mark.parametrize("workers", COUNTS, indirect=True)
def test_answers_come_in_the_order_of_the_items(workers: str) -> None:
    numbers = list(range(12))
    squares = [number * number for number in numbers]
    assert list(ordered_map(slow_square, numbers)) == squares
    assert list(each(slow_square, numbers, what="square")) == squares
    assert list(ordered_map(slow_square, [])) == []


@pytest.mark.parametrize("workers", COUNTS, indirect=True)
def test_a_failure_surfaces_in_its_turn_and_names_its_item(workers: str) -> None:
    answers: list[int] = []
    with pytest.raises(ValueError, match="three is too much") as raised:
        answers.extend(each(fails_at_three, range(10), what="count"))
    assert answers == [0, 1, 2]
    assert raised.value.__notes__ == ["while working on 3"]


def test_a_failure_names_the_beginning_of_a_long_item() -> None:
    with pytest.raises(TypeError) as raised:
        list(each(operator.neg, ["long" * 1000], what="count"))
    (note,) = raised.value.__notes__
    assert note.startswith("while working on 'longlong")
    assert (len(note), note[-1]) == (len("while working on ") + 501, "…")


@pytest.mark.parametrize("workers", COUNTS, indirect=True)
def test_a_fault_of_the_user_stays_one(workers: str) -> None:
    with pytest.raises(UserError) as raised:
        list(ordered_map(refuses, [5]))
    assert str(raised.value) == "no 5 here: take another"


@pytest.mark.parametrize("workers", ["2"], indirect=True)
def test_a_killed_worker_is_not_passed_over(workers: str) -> None:
    with pytest.raises(BrokenProcessPool):
        list(ordered_map(dies_at_three, range(100)))


@pytest.mark.parametrize("workers", ["2"], indirect=True)
def test_items_are_taken_no_faster_than_needed(workers: str) -> None:
    numbers = iter(range(1, 101))
    answers = ordered_map(slow_square, numbers)
    assert next(answers) == 1
    assert next(numbers) == AHEAD * 2 + 2  # so many and one were taken
    answers.close()


def test_no_worker_means_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    assert set(ordered_map(process_id, range(3))) == {os.getpid()}
    monkeypatch.setenv("SRSET_WORKERS", "1")
    (other,) = set(ordered_map(process_id, range(3)))
    assert other != os.getpid()


def test_items_of_the_same_number_run_in_the_same_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SRSET_WORKERS", "2")
    found = list(ordered_map(process_id, range(12), same_process=lambda number: number // 4))
    first, second, third = (set(found[i : i + 4]) for i in (0, 4, 8))
    assert len(first) == len(second) == 1
    assert first == third != second


def test_the_number_of_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    for text, count in (("0", 0), ("1", 1), ("16", 16)):
        monkeypatch.setenv("SRSET_WORKERS", text)
        assert worker_count() == count
    monkeypatch.delenv("SRSET_WORKERS")
    assert worker_count() == len(os.sched_getaffinity(0))


@pytest.mark.parametrize("text", ["", "-1", "two", "1.5", " 2"])
def test_a_number_of_workers_that_is_none_is_told(
    monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv("SRSET_WORKERS", text)
    with pytest.raises(UserError) as raised:
        list(ordered_map(process_id, [1]))
    message = f"SRSET_WORKERS must be a whole number, 0 or more, got {text!r}"
    assert str(raised.value) == message


def test_the_engine_is_this_machine_unless_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SRSET_ENGINE", raising=False)
    assert engine() == "local"
    monkeypatch.setenv("SRSET_ENGINE", "ray")
    assert engine() == "ray"
    monkeypatch.setenv("SRSET_ENGINE", "Ray")
    with pytest.raises(UserError) as raised:
        list(ordered_map(process_id, [1]))
    assert str(raised.value) == "SRSET_ENGINE must be one of local, ray, got 'Ray'"


def test_cores_are_told_to_tasks_of_a_cluster_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    assert cores() is None
    monkeypatch.setenv("SRSET_CORES", "3")
    assert cores() == 3


def test_ray_is_not_imported_without_need() -> None:
    code = (
        "import sys\nfrom stages.common import workers\nfrom tests.common.tasks import process_id\n"
        "if __name__ == '__main__':\n    list(workers.ordered_map(process_id, range(3)))\n"
        "    print('ray' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment(), capture_output=True, check=True
    )
    assert done.stdout == b"False\n"


SLEEPER = """
from tests.common.tasks import sleeps
from stages.common.workers import ordered_map
if __name__ == "__main__":
    for _ in ordered_map(sleeps, range(10)):
        pass
"""


def alive(process: int) -> bool:
    """Is it there, and not only waiting to be buried?"""
    try:
        return "Z" not in Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False


def test_workers_end_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    script = tmp_path / "sleeper.py"
    script.write_text(SLEEPER)
    parent = subprocess.Popen(
        [sys.executable, str(script)],
        env=environment(SRSET_WORKERS="2"),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert parent.stdout is not None
    children = [int(parent.stdout.readline()) for _ in range(2)]
    assert [alive(child) for child in children] == [True, True]
    parent.kill()
    parent.wait()
    deadline = time.monotonic() + 20
    while any(map(alive, children)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert [alive(child) for child in children] == [False, False]
    parent.stdout.close()
