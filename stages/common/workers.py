"""Work on many items with several processes: in order, in bounded memory, no failure lost."""

import multiprocessing
import os
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence, Sized
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from multiprocessing import resource_tracker
from typing import TypeVar

from tqdm import tqdm

from stages.common import cluster
from stages.common.errors import UserError

T = TypeVar("T")
R = TypeVar("R")
LINE_SECONDS = 30  # between two lines of progress where there is no terminal
NOTED = 500  # characters of an item that a failure names
AHEAD = 8  # items a worker may be ahead of the one that is taken next
ENGINES = ("local", "ray")


def engine() -> str:
    """What runs the work: SRSET_ENGINE, `local` or `ray`; `local` where it is not set. It changes
    no result, as `worker_count`."""
    name = os.environ.get("SRSET_ENGINE", "local")
    if name not in ENGINES:
        raise UserError(f"SRSET_ENGINE must be one of {', '.join(ENGINES)}, got {name!r}")
    return name


def worker_count() -> int:
    """Processes to use: SRSET_WORKERS, else one per available core. 0 works in this process, for
    debugging.

    An environment variable and not a parameter: it changes no result, so it must make no stage
    stale.
    """
    text = os.environ.get("SRSET_WORKERS")
    if text is None:
        return len(os.sched_getaffinity(0))
    if not text.isdecimal():
        raise UserError(f"SRSET_WORKERS must be a whole number, 0 or more, got {text!r}")
    return int(text)


def each(function: Callable[[T], R], items: Sequence[T], *, what: str) -> Iterator[R]:
    """Give `function(item)` for every item, in the order of the items, with a progress bar.

    `function` must be importable by a new process: a function of a module, or a `partial` of one.
    What it raises is raised here, with a note that names the item.
    """
    return bar(ordered_map(function, items), len(items), what, " images")


def bar(items: Iterable[R], total: int, what: str, unit: str) -> Iterator[R]:
    """Pass items on and show how many of `total` are through: a bar on a terminal; elsewhere, as in
    a log, a line every half minute."""
    if sys.stderr.isatty():
        yield from tqdm(items, total=total, desc=what, unit=unit)
        return
    last = time.monotonic()
    for number, item in enumerate(items, start=1):
        yield item
        if time.monotonic() - last >= LINE_SECONDS:
            print(f"{what}: {number:,} of {total:,}{unit}", file=sys.stderr, flush=True)
            last = time.monotonic()


def ordered_map(
    function: Callable[[T], R],
    items: Iterable[T],
    *,
    same_process: Callable[[T], int] | None = None,
    on_this_machine: bool = False,
    ahead: int = AHEAD,
) -> Generator[R, None, None]:
    """`each` without the bar; closed early, it ends the processes. Items for which `same_process`
    returns the same number run in one process of this machine, in their order, so it can cache what
    they share. `on_this_machine` do all, where they share its temporary files. A worker may be so
    many items `ahead`: few, where what they give is large."""
    few = isinstance(items, Sized) and len(items) < 2  # a start takes longer
    if engine() == "ray" and not (few or on_this_machine or same_process):
        yield from cluster.ordered_map(function, items)
        return
    workers = worker_count()
    if workers == 0 or few:
        for item in items:
            with _named(item):
                result = function(item)
            yield result
        return
    pending: deque[tuple[T, Future[R]]] = deque()
    with ExitStack() as stack:
        sizes = [1] * workers if same_process else [workers]
        pools = [stack.enter_context(pool(size)) for size in sizes]
        for item in items:
            chosen = pools[same_process(item) % workers if same_process else 0]
            with _without_ctrl_c():
                future = chosen.submit(function, item)
            pending.append((item, future))
            if len(pending) > ahead * workers:
                yield _result(*pending.popleft())
        while pending:
            yield _result(*pending.popleft())


def chunk_map(
    function: Callable[[list[T]], Sequence[R]], items: Sequence[T], *, gpu: bool = False
) -> Generator[R, None, None]:
    """`ordered_map` where the engine is `ray`, of a function that takes some neighbours at once and
    gives an answer for each, in their order. It finds `worker_count` and `cores` of its task; with
    `gpu` it has a GPU for itself."""
    return cluster.chunk_map(function, items, gpu=gpu)


def cores() -> int | None:
    """Of a task on a cluster, the cores that it has for its threads; None elsewhere, for all."""
    text = os.environ.get("SRSET_CORES")
    return int(text) if text else None


@contextmanager
def pool(workers: int) -> Iterator[ProcessPoolExecutor]:
    """A pool of new processes that end with this one; on a failure the waiting work is dropped."""
    context = multiprocessing.get_context("spawn")  # no locks or threads of the parent are copied
    # Else each starts a thread of BLAS a core, and all of them wait for each other.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    executor = ProcessPoolExecutor(workers, mp_context=context, initializer=_start)
    try:
        yield executor
    except BaseException:
        for process in multiprocessing.active_children():  # whatever they are at
            process.kill()
        executor.shutdown(cancel_futures=True)
        raise
    executor.shutdown()


@contextmanager
def _without_ctrl_c() -> Iterator[None]:
    """Hold Ctrl-C back. A process that is started meanwhile never gets it."""
    resource_tracker.ensure_running()  # a start of its own would let Ctrl-C through
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _result(item: T, future: "Future[R]") -> R:
    with _named(item):
        return future.result()


@contextmanager
def _named(item: object) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        what = repr(item)  # of all tiles of a photograph some screens long
        error.add_note(f"while working on {what[:NOTED]}{'…' if len(what) > NOTED else ''}")
        raise


def _start() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the parent, which ends the pool
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
    os._exit(1)
