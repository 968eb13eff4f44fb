"""The contract of `workers.ordered_map` on a Ray cluster: in order, bounded, no failure lost.

Neighbours travel together, as many as take about a second. Each such chunk is a task, which any
worker of any machine may take, and begin again where a worker or a machine is lost: a chunk that
was lost goes out in parts, so that an item that kills its worker is soon alone, and after three
crashes named. The driver, which is the stage's own process, takes what comes back in its order.

How to start a cluster: docs/scale.md. Source: https://docs.ray.io/en/latest/ray-core/tasks.html
"""

import functools
import itertools
import os
import pickle
import platform
import sys
import time
import traceback
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from typing import Any, NamedTuple, TypeVar

from stages.common import nodes, raylets
from stages.common.errors import UserError
from stages.common.nodes import Surroundings
from stages.common.raylets import connected, cores, cores_to_score

T = TypeVar("T")
R = TypeVar("R")
CHUNK_BYTES = 4 << 20  # that come back of a chunk, about
AHEAD = 4  # chunks under way for each core
FEWEST = 8  # chunks under way, on however few cores: an autoscaler looks at what waits
CRASHES = 3  # of an item alone, until it ends the run
PARTS = 8  # that a lost chunk goes out in
PAUSE = 1.0  # s, before an item that has crashed alone goes out again
NOTED = 500  # characters of an item that a message names


class Size(NamedTuple):
    """How large a chunk is: items at first and at most, and the seconds of work to aim at."""

    first: int = 1
    most: int = 512
    seconds: float = 1.0  # a task costs 2 ms


class Need(NamedTuple):
    """What a task takes of a machine."""

    cores: int = 1
    gpus: int = 0


class Report(NamedTuple):
    """What is known of a chunk's answers before they are fetched."""

    seconds: float
    bytes: int


class RemoteError(Exception):
    """The cause of an exception that a worker has raised: its traceback there, as text."""

    def __str__(self) -> str:
        return f"\n{self.args[0]}"


class Chunk:
    """Some neighbours, and the task that has them."""

    def __init__(self, items: list[Any], crashes: int = 0) -> None:
        self.items = items
        self.crashes = crashes
        self.report: Any = None  # reference to a `Report`
        self.answers: Any = None  # reference to the pickled answers
        self.done = False
        self.fault: UserError | None = None  # why there will be no answers

    def parts(self) -> list["Chunk"]:
        """What goes out in place of it where it is lost."""
        if len(self.items) == 1:
            return [Chunk(self.items, self.crashes + 1)]
        size = -(-len(self.items) // PARTS)
        return [Chunk(self.items[i : i + size]) for i in range(0, len(self.items), size)]


def ordered_map(function: Callable[[T], R], items: Iterable[T]) -> Generator[R, None, None]:
    """See `workers.ordered_map`."""
    return Run(function, Need(), Size(), whole=False).over(items)


def chunk_map(
    function: Callable[[list[T]], Sequence[R]], items: Iterable[T], *, gpu: bool
) -> Generator[R, None, None]:
    """See `workers.chunk_map`."""
    need = Need(cores_to_score(gpu), int(gpu))
    # Batches of the network run full within a chunk only; a GPU's has a thousand crops.
    size = Size(256, 1 << 14, 30.0) if gpu else Size(seconds=5.0)
    return Run(function, need, size, whole=True).over(items)


class Run:
    """One map: its function is sent once, and its chunks as there is room.

    Args:
        whole: whether the function takes a chunk, and not an item.
    """

    def __init__(
        self, function: Callable[..., Any], need: Need, size: Size, *, whole: bool
    ) -> None:
        self.ray = connected()
        self.told = False  # that no machine can do this work
        self.job = self.ray.put(pickle.dumps(function))
        self.around = self.ray.put(nodes.here())
        self.need, self.whole = need, whole
        self.size, self.most, self.seconds = size
        self.pending: deque[Chunk] = deque()  # in their order
        self.out: dict[Any, Chunk] = {}  # under way, by the reference of their report
        self.task = self.ray.remote(
            num_cpus=need.cores,
            num_gpus=need.gpus,
            num_returns=2,
            max_calls=0,  # else a process on a GPU ends after one chunk
            max_retries=0,  # `lost` does it, which counts
            scheduling_strategy="SPREAD",
        )(work)

    def over(self, items: Iterable[T]) -> Generator[Any, None, None]:
        """Answers in the order of the items."""
        left = iter(items)
        while True:  # closed early, what is under way comes to its end, unless the process does:
            self._fill(left)  # to cancel it can abort this process (Ray 2.60, task_manager.cc)
            if not self.pending:
                return
            while not self.pending[0].done:
                self._wait()
            yield from self._answers()

    def _fill(self, left: Iterator[Any]) -> None:
        room = max(FEWEST, AHEAD * cores() // self.need.cores)
        while len(self.pending) < room:
            items = list(itertools.islice(left, self.size))
            if not items:
                return
            chunk = Chunk(items)
            self.pending.append(chunk)
            self._submit(chunk)

    def _submit(self, chunk: Chunk) -> None:
        items = pickle.dumps(chunk.items)
        chunk.report, chunk.answers = self.task.remote(
            self.around, self.job, items, self.need, self.whole
        )
        chunk.done = False
        self.out[chunk.report] = chunk

    def _wait(self) -> None:
        """Wait until tasks end, whichever: one that was lost must not wait for its turn."""
        lost = []
        for report in raylets.ended(list(self.out)):
            chunk = self.out.pop(report)
            try:
                self._adapt(self.ray.get(report), len(chunk.items))
                chunk.done = True
            except self.ray.exceptions.RayError as error:
                self._check_crash(error)
                lost.append(chunk)
        if any(len(chunk.items) == 1 for chunk in lost):  # once for all that a machine had
            time.sleep(PAUSE)  # a machine that is lost counts as there for some seconds
        for chunk in lost:
            self._lost(chunk)
        if not (self.told or raylets.has_room(*self.need)):
            self.told = True
            needed = f"{self.need.cores} free core" + " and a GPU" * self.need.gpus
            print(f"waiting: no machine of the cluster has {needed}", file=sys.stderr, flush=True)

    def _adapt(self, report: Report, number: int) -> None:
        """Choose the size of the next chunks by what one has cost."""
        by_time = self.seconds / max(report.seconds / number, 1e-9)
        by_bytes = CHUNK_BYTES / max(report.bytes / number, 1)
        self.size = max(1, min(self.most, 2 * self.size, int(by_time), int(by_bytes)))

    def _answers(self) -> Iterator[Any]:
        """Those of the first chunk, which is done; or it goes out again where they are lost."""
        chunk = self.pending[0]
        if chunk.fault:
            raise chunk.fault
        try:
            content = self.ray.get(chunk.answers)
        except self.ray.exceptions.ObjectLostError:  # its machine was lost after it had ended
            self._submit(chunk)
            return
        self.pending.popleft()
        answers, fault, told = pickle.loads(content)
        yield from answers
        if fault is not None:
            at = chunk.items if self.whole else chunk.items[len(answers) :]
            what = f"{shortened(repr(at[0]))}{' and others' if self.whole else ''}"
            fault.add_note(f"while working on {what}")
            raise fault from RemoteError(told)

    def _check_crash(self, error: Exception) -> None:
        """A task that gave no report must have lost its worker or its machine.

        Raises:
            RayTaskError: where it has failed, which is a fault of this program.
            UserError: where Ray has failed.
        """
        errors = self.ray.exceptions
        crashes = (
            errors.WorkerCrashedError,
            errors.NodeDiedError,
            errors.OutOfMemoryError,
            errors.ObjectLostError,
        )
        if isinstance(error, errors.RayTaskError):
            raise error
        if not isinstance(error, crashes):
            raise UserError(
                f"Ray has failed: {type(error).__name__}: {raylets.one_line(error)}: look at `ray "
                "status` and into the logs, /tmp/ray/session_latest/logs"
            ) from error

    def _lost(self, chunk: Chunk) -> None:
        """Send a chunk out again whose worker or machine was lost; but one item that was lost so
        often is a fault of the user, which is told in its turn."""
        if chunk.crashes + 1 == CRASHES:
            chunk.done = True
            chunk.fault = UserError(
                f"{name_of(chunk.items[0])}: each of {CRASHES} workers that took it was killed, "
                "most often for want of memory: leave it out, or let fewer tasks run on a machine, "
                "as by `ray start --num-cpus`"
            )
            return
        parts = chunk.parts()
        place = self.pending.index(chunk)
        self.pending.remove(chunk)
        for i, part in enumerate(parts):
            self.pending.insert(place + i, part)
            self._submit(part)


def name_of(item: object) -> str:
    """An item in a message of one line: its path where it has one, and of several the first's."""
    if type(item) in (list, tuple) and item:
        return f"{name_of(item[0])} and others"  # type: ignore[index]
    path = getattr(item, "path", None)
    return path if isinstance(path, str) and path.isprintable() else shortened(repr(path or item))


def shortened(text: str) -> str:
    """At most `NOTED` characters: of all tiles of a photograph there are some screens."""
    return text if len(text) <= NOTED else f"{text[:NOTED]}…"


def work(
    around: Surroundings, job: bytes, items: bytes, need: Need, whole: bool
) -> tuple[Report, bytes]:
    """In a worker: give what it cost, and the pickled answers to a chunk; where one fails, those
    before it and its exception."""
    answers: list[Any] = []
    start = time.perf_counter()
    try:
        os.environ["SRSET_CORES"] = str(need.cores)
        os.environ["SRSET_WORKERS"] = str(need.cores if need.gpus else 0)
        try:
            if not (found := nodes.settle(around)):
                function, given = loaded(job), pickle.loads(items)
        except ImportError as error:  # of a package that no pixel depends on
            found = (str(error),)
        if found:
            raise UserError(f"{platform.node()} differs from this machine: {'; '.join(found)}")
        start = time.perf_counter()
        if whole:
            answers = list(function(given))
        else:
            answers.extend(map(function, given))
        content = pickle.dumps((answers, None, ""))
    except Exception as error:
        content = pickle.dumps((answers, error, traceback.format_exc()))
    return Report(time.perf_counter() - start, len(content)), content


@functools.lru_cache(maxsize=1)
def loaded(job: bytes) -> Callable[..., Any]:
    """The function of a map; it is unpickled once a process."""
    function: Callable[..., Any] = pickle.loads(job)
    return function
