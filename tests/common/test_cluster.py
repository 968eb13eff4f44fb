"""The contract of `workers.ordered_map` on two real nodes: in order, bounded, no failure lost."""

import re
import time
import warnings
from collections.abc import Iterator
from importlib import util
from pathlib import Path

import psutil
import pytest

from stages.common import raylets
from stages.common.cluster import CRASHES, NOTED, PARTS, Chunk, name_of
from stages.common.errors import UserError
from stages.common.sources import Entry
from stages.common.workers import chunk_map, each, ordered_map
from tests.clusters import SLOW, Cluster, cluster, driver, interrupt
from tests.common.tasks import (
    dies_at_broken,
    fails_at_three,
    fails_with_three,
    keeps,
    refuses,
    slow_square,
    squares_of,
    surroundings_of,
    with_own_processes,
)


def test_what_is_lost_goes_out_in_parts_and_one_item_again() -> None:
    parts = Chunk(list(range(20))).parts()
    assert [part.items for part in parts] == [
        [0, 1, 2],
        [3, 4, 5],
        [6, 7, 8],
        [9, 10, 11],
        [12, 13, 14],
        [15, 16, 17],
        [18, 19],
    ]
    assert len(Chunk(list(range(512))).parts()) == PARTS
    assert [part.crashes for part in Chunk([1, 2]).parts()] == [0, 0]
    (again,) = Chunk(["a"], crashes=1).parts()
    assert (again.items, again.crashes) == (["a"], 2)


def test_an_item_is_called_by_its_path() -> None:
    assert name_of(Entry("a/b.png", "a", 5)) == "a/b.png"
    assert name_of(5) == "5"
    assert name_of([Entry("a/b.png", "a", 5)] * 9) == "a/b.png and others"
    assert name_of(Entry("a/b\nc.png", "a", 5)) == r"'a/b\nc.png'"
    assert name_of("longlong" * 100) == "'" + ("longlong" * 100)[: NOTED - 1] + "…"


@pytest.fixture(scope="module")
def nodes() -> Iterator[Cluster]:
    """Two nodes, for all tests of this module that harm none."""
    if not util.find_spec("ray"):  # importing it would read the settings of its access
        pytest.skip("Ray is not installed: `make ray`")
    with cluster() as made:
        yield made


@pytest.fixture(scope="module")
def connection(nodes: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """This process has the cluster: once, as that of a stage. Ray lets workers import from the
    folder that it is in then, so that is one without code."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("empty"))
        for name, value in nodes.environment.items():
            patch.setenv(name, value)
        with warnings.catch_warnings(action="ignore"):
            ray = raylets.connected()
        yield
        ray.shutdown()
        raylets.connected.cache_clear()


@pytest.fixture
def connected(connection: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SRSET_ENGINE", "ray")


@pytest.mark.ray
@pytest.mark.filterwarnings("ignore")  # Ray's own
def test_the_contract_is_that_of_the_pool(connected: None) -> None:
    numbers = list(range(12))
    squares = [number * number for number in numbers]
    assert list(ordered_map(slow_square, numbers)) == squares
    assert list(each(slow_square, numbers, what="square")) == squares
    assert list(ordered_map(slow_square, iter([]))) == []

    answers: list[int] = []
    with pytest.raises(ValueError, match="three is too much") as raised:
        answers.extend(ordered_map(fails_at_three, range(100)))
    assert answers == [0, 1, 2]
    assert raised.value.__notes__ == ["while working on 3"]
    assert "in fails_at_three" in str(raised.value.__cause__)

    with pytest.raises(UserError) as told:
        list(ordered_map(refuses, [5, 6]))
    assert str(told.value) == "no 5 here: take another"

    taken = iter(range(1, 10_001))
    some = ordered_map(slow_square, taken)
    assert next(some) == 1
    assert next(taken) < 100  # items are taken no faster than needed
    some.close()

    assert list(chunk_map(squares_of, range(100))) == [number * number for number in range(100)]
    with pytest.raises(ValueError, match="three is too much") as raised:
        list(chunk_map(fails_with_three, range(100)))
    assert raised.value.__notes__[0].startswith("while working on ")

    paths = [f"a/{number:03}.png" for number in range(300)] + ["b/broken.png", "c/1.png"]
    looked: list[str] = []
    with pytest.raises(UserError) as named:
        looked.extend(each(dies_at_broken, [Entry(path, "a", 1) for path in paths], what="look"))
    assert looked == paths[:300]
    assert str(named.value) == (
        f"b/broken.png: each of {CRASHES} workers that took it was killed, most often for want of "
        "memory: leave it out, or let fewer tasks run on a machine, as by `ray start --num-cpus`"
    )


@pytest.mark.ray
@pytest.mark.filterwarnings("ignore")
def test_a_worker_has_this_code_this_folder_and_one_core(connected: None) -> None:
    found = set(ordered_map(surroundings_of, range(40)))
    assert len({where.process for where in found}) == 2
    (code, folder, engine, workers, cores, threads) = {where[1:] for where in found}.pop()
    assert len({where[1:] for where in found}) == 1
    assert "py_modules" in code  # and not what happens to lie there
    assert folder == str(Path.cwd())
    assert (engine, workers, cores, threads) == ("local", "0", "1", "1")


@pytest.mark.ray
@pytest.mark.filterwarnings("ignore")
def test_large_answers_pass_through_small_memory(connected: None) -> None:
    """400 of 3 MB, and 200 MB on each node."""
    for number, answer in enumerate(ordered_map(keeps, range(400))):
        assert len(answer) == 3_000_000
        assert answer[:4] == number.to_bytes(4, "big")


@pytest.mark.ray
@pytest.mark.filterwarnings("ignore")
def test_a_task_with_a_gpu_keeps_its_process_and_has_others(
    connected: None, nodes: Cluster
) -> None:
    """Ray believes in the GPU that it is told of. A process that ended after each chunk would have
    to compile its network as often."""
    node = nodes.add("--num-gpus=1")
    try:
        answers = list(chunk_map(with_own_processes, range(3000), gpu=True))
    finally:
        node.end()
        nodes.nodes.remove(node)
    own, children = {one for one, _ in answers}, {other for _, other in answers}
    assert len(answers) == 3000
    assert len(own) == 1
    assert len(children) > 1  # one a chunk
    assert not own & children


MANY = """
from pathlib import Path
from stages.common.workers import ordered_map
from tests.common.tasks import process_id
if __name__ == "__main__":
    number = sum(1 for _ in ordered_map(process_id, iter(range(100_000))))
    peak = Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]
    print(f"{number} items in {int(peak) >> 10} MiB")
"""


@pytest.mark.ray
def test_the_driver_stays_small_with_100_000_items(nodes: Cluster) -> None:
    process = driver(nodes, MANY)
    out, err = process.communicate(timeout=300)
    found = re.search(r"(\d+) items in (\d+) MiB", out)  # Ray may have said something, too
    assert found is not None, out + err
    number, mebibytes = map(int, found.groups())
    assert (process.returncode, number, err) == (0, 100_000, "")
    assert mebibytes < 300


@pytest.mark.ray
@pytest.mark.parametrize("killed", [False, True])
def test_no_worker_is_left_of_a_driver_that_ends(nodes: Cluster, killed: bool) -> None:
    process = driver(nodes, SLOW)
    assert process.stdout is not None
    assert [process.stdout.readline() for _ in range(3)] == ["0\n", "1\n", "2\n"]
    busy = nodes.workers()
    assert len(busy) >= 2
    start = time.monotonic()
    process.kill() if killed else interrupt(process)
    _, err = process.communicate(timeout=60)
    ended = time.monotonic() - start
    _, alive = psutil.wait_procs(busy, timeout=5)
    assert time.monotonic() - start < (6 if killed else 5)
    assert alive == []
    assert [node.process.poll() for node in nodes.nodes] == [None, None]
    if not killed:
        assert ended < 3
        assert process.returncode == 130
        assert err == "error: slow: interrupted: run `dvc repro` to go on\n"
