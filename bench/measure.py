"""Time and memory of a command, for the benchmarks."""

import importlib
import inspect
import os
import platform
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryFile
from time import perf_counter
from typing import NamedTuple

import psutil

from stages.common.params import Params

EVERY = 0.05  # s between two looks at the memory
KIB = 1 if sys.platform == "darwin" else 1024  # bytes in a unit of ru_maxrss


class Cost(NamedTuple):
    """What a command has used, children included."""

    seconds: float  # by the clock
    cpu: float  # s, on all cores
    memory: float  # MiB: the largest process, or with `watch` the largest sum over all of them


def run(
    command: Sequence[str | Path],
    *,
    variables: Mapping[str, str] | None = None,
    folder: Path | None = None,
    watch: bool = False,
) -> tuple[Cost, str]:
    """Run a command, and give its cost and what it has printed.

    Raises:
        RuntimeError: with what it has printed, where it fails.
    """
    with TemporaryFile() as output:
        start = perf_counter()
        process = subprocess.Popen(
            command,
            cwd=folder,
            stdout=output,
            stderr=output,
            env=os.environ | (variables or {}),
        )
        sums = [0]
        if watch:
            threading.Thread(target=_watch, args=(process.pid, sums), daemon=True).start()
        _, status, usage = os.wait4(process.pid, 0)
        seconds = perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)  # else Popen would wait once more
        output.seek(0)
        printed = output.read().decode(errors="replace")
    if process.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, command))}\n{printed}")
    memory = max(sums) if watch else usage.ru_maxrss * KIB
    return Cost(seconds, usage.ru_utime + usage.ru_stime, memory / 1024**2), printed


def _watch(pid: int, sums: list[int]) -> None:
    """Sum up the resident memory of a process and all below it until it ends, in bytes.

    Pages that processes share are counted once for each: the sum is an upper bound.
    """
    wait = threading.Event()
    try:
        parent = psutil.Process(pid)
        while True:
            total = 0
            for each in (parent, *parent.children(recursive=True)):
                try:
                    total += each.memory_info().rss
                except psutil.NoSuchProcess:  # ended meanwhile
                    continue
            sums.append(total)
            wait.wait(EVERY)
    except psutil.NoSuchProcess:
        return


def machine() -> str:
    """One line about where this runs."""
    busy = ", ".join(f"{load:.1f}" for load in os.getloadavg())
    return f"{os.cpu_count()} cores, Python {platform.python_version()}, load average {busy}"


def stage_command(stage: str, *values: str | Path, params: Path | None = None) -> list[str | Path]:
    """The command that runs a stage, of the values of all its options in the order of `main`."""
    main = importlib.import_module(f"stages.{stage}").main
    kinds = {name: p.annotation for name, p in inspect.signature(main).parameters.items()}
    names = [name for name, kind in kinds.items() if not issubclass(kind, Params)]
    command: list[str | Path] = [sys.executable, "-m", f"stages.{stage}"]
    for name, value in zip(names, values, strict=True):
        command += [f"--{name.replace('_', '-')}", value]
    return command + (["--params", params] if params else [])
