"""A real Ray cluster for tests: nodes on this machine, each in a session of its own."""

import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from tests.conftest import environment
from tests.tools.servers import free_port

START_SECONDS = 120
OPTIONS = [
    "--block",
    "--num-cpus=1",
    "--object-store-memory=200000000",
    "--include-log-monitor=false",
    "--min-worker-port=0",
    "--max-worker-port=0",
    "--disable-usage-stats",
]


# Of a driver, which tells each item that is done.
SLOW = """
from stages.common import cli
from stages.common.workers import ordered_map
from tests.common.tasks import tenth
def main():
    for number in ordered_map(tenth, range(10_000)):
        print(number, flush=True)
if __name__ == "__main__":
    cli.shell("slow", main)
"""


class Node:
    """What `ray start` starts, and the workers."""

    def __init__(self, folder: Path, given: dict[str, str], *arguments: str) -> None:
        self.log = folder / f"{secrets.token_hex(4)}.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "ray.scripts.scripts", "start", *arguments, *OPTIONS],
                env=given,
                cwd=folder,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + START_SECONDS
        while "Ray runtime started" not in self.log.read_text():
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.1)

    def processes(self) -> list[psutil.Process]:
        """All that are there, also those whose parent is gone."""
        found = []
        for process in psutil.process_iter():
            with suppress(OSError):
                if os.getsid(process.pid) == self.process.pid:
                    found.append(process)
        return found

    def workers(self) -> list[psutil.Process]:
        """Those that have work, or wait for it."""
        found = []
        for process in self.processes():
            with suppress(psutil.Error):
                name = " ".join(process.cmdline())
                if name.startswith("ray::") and not name.startswith(("ray::Dash", "ray::Runtime")):
                    found.append(process)
        return found

    def end(self) -> None:
        """As when a machine is gone: its workers, too, and no word of farewell."""
        for _ in range(3):  # what starts meanwhile
            for process in self.processes():
                with suppress(psutil.Error):
                    process.kill()
        self.process.wait()


class Cluster:
    """A head and more nodes, that only who has the token can use."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.address = f"127.0.0.1:{free_port()}"
        self.access = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(16)}
        self.nodes: list[Node] = []

    def start(self) -> None:
        port = self.address.rpartition(":")[2]
        head = ["--head", f"--port={port}", "--include-dashboard=false"]
        self.add(*head, f"--temp-dir={self.folder}")
        self.add()

    def add(self, *arguments: str, **more: str) -> Node:
        """A node more."""
        where = [] if "--head" in arguments else [f"--address={self.address}"]
        given = environment(**self.access, RAY_USAGE_STATS_ENABLED="0", **more)
        given.pop("RAY_ADDRESS", None)
        node = Node(self.folder, given, *where, "--node-ip-address=127.0.0.1", *arguments)
        self.nodes.append(node)
        return node

    @property
    def environment(self) -> dict[str, str]:
        """Of what shall work on it."""
        return {"SRSET_ENGINE": "ray", "RAY_ADDRESS": self.address, **self.access}

    def workers(self) -> list[psutil.Process]:
        return [worker for node in self.nodes for worker in node.workers()]

    def stop(self) -> None:
        for node in reversed(self.nodes):
            node.end()


@contextmanager
def cluster() -> Iterator[Cluster]:
    """Two nodes with a core each; afterwards no process of theirs is left."""
    folder = Path(tempfile.mkdtemp(prefix="ray-"))  # a socket's path must be short
    made = Cluster(folder)
    try:
        made.start()
        yield made
    finally:
        made.stop()
        shutil.rmtree(folder, ignore_errors=True)


def interrupt(process: "subprocess.Popen[str]") -> None:
    """Ctrl-C, for a process that leads its group."""
    os.killpg(process.pid, signal.SIGINT)


def driver(cluster: Cluster, script: str, *arguments: str) -> "subprocess.Popen[str]":
    """A stage's process, in a group of its own."""
    return subprocess.Popen(
        [sys.executable, "-c", script, *arguments],
        env=environment(**cluster.environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        process_group=0,
    )
