"""The connection of a stage's process to a Ray cluster, and what there is of it.

Source: https://docs.ray.io/en/latest/ray-core/starting-ray.html
"""

import functools
import os
import pickle
import socket
import time
import warnings
from contextlib import suppress
from pathlib import Path
from typing import Any

from stages.common import daemons, nodes
from stages.common.errors import UserError
from stages.common.nodes import Surroundings

CODE = Path(__file__).parents[1]
CONNECT_SECONDS = 5.0
CHECK_SECONDS = 120.0  # the first start of a worker unpacks the code
HEAD_SECONDS = 20.0  # without a head, until the run ends; Ray itself gives up after 60
LOOK_SECONDS = 10.0  # between two looks at how large the cluster is
MOST_CORES = 4  # of a task that scores: decoding keeps up, and a network is in memory once for all
QUIET = {  # unless the user says otherwise
    "RAY_USAGE_STATS_ENABLED": "0",  # it would report to its makers
    "RAY_IGNORE_UNHANDLED_ERRORS": "1",  # of tasks that are given up after another's fault
    "RAY_NUM_REDIS_GET_RETRIES": "3",  # attempts to connect, a second each; 20 else
}
# What a client of HTTP/2 says first, so of gRPC: its preface, and no settings (RFC 9113, 3.4).
HELLO = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes((0, 0, 0, 4, 0, 0, 0, 0, 0))
LOCAL = {"SRSET_ENGINE": "local", "SRSET_WORKERS": "0"}  # in workers, which have none of their own


@functools.cache
def connected() -> Any:
    """The module `ray`, connected to the cluster of RAY_ADDRESS or to the one of this machine, each
    of whose machines can do this project's work.

    Raises:
        UserError: which names the machine, and what differs there; or why there is no cluster.
    """
    os.environ |= QUIET | os.environ
    try:
        import ray
    except ImportError:
        raise UserError("SRSET_ENGINE is ray, but Ray is not installed: run `make ray`") from None
    address = os.environ.get("RAY_ADDRESS") or "auto"
    check_address(address)
    environment = {"py_modules": [str(CODE)], "env_vars": LOCAL, "excludes": ["__pycache__"]}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what later versions will do
            ray.init(
                address=address,
                runtime_env=environment,
                log_to_driver=False,
                logging_level="ERROR",
                include_dashboard=False,
            )
    except (ConnectionError, RuntimeError, ValueError, OSError, ray.exceptions.RayError) as error:
        raise UserError(
            f"no connection to Ray at {address}: {whole(error)}: this machine must be a node of "
            "that cluster (`ray start --address`), with its RAY_AUTH_MODE and token"
        ) from error
    check(ray)
    return ray


def check_address(address: str) -> None:
    """Something like a head must answer at an address: Ray asks a wrong one for many minutes.

    Raises:
        UserError: where none does, or it is of no kind that a driver can have.
    """
    if address == "auto":
        return
    host, _, port = address.rpartition(":")
    if "://" in address or not host or not port.isdecimal():
        raise UserError(
            f"RAY_ADDRESS must be the head's HOST:PORT, as 10.0.0.1:6379, got {address!r}; the "
            "stage itself runs on a machine of the cluster"
        )
    try:
        first = first_answer(host.strip("[]"), int(port))
    except (OSError, OverflowError) as error:
        raise UserError(
            f"RAY_ADDRESS: nobody answers at {address} ({error}): start a head there by `ray start "
            "--head`, or unset SRSET_ENGINE"
        ) from None
    if first[3:4] != HELLO[-6:-5] and os.environ.get("RAY_USE_TLS", "0") == "0":
        raise UserError(
            f"RAY_ADDRESS: what answers at {address} is no head of Ray: it is the port that `ray "
            "start --head --port` was given, 6379 where it was not"
        )


def first_answer(host: str, port: int) -> bytes:
    """What is said at an address to a client of HTTP/2; nothing where that takes too long.

    Raises:
        OSError: where nobody is there.
    """
    with socket.create_connection((host, port), CONNECT_SECONDS) as connection:
        with suppress(OSError):
            connection.sendall(HELLO)
            return connection.recv(len(HELLO))
        return b""


def check(ray: Any) -> None:
    """Every machine must be fit for this project.

    Raises:
        UserError: for all that are not.
    """
    place = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy
    asked = {}
    with nodes.marked(nodes.here()) as around:
        for node in ray.nodes():
            if node["Alive"]:
                there = place(node["NodeID"], soft=False)
                task = ray.remote(num_cpus=0, max_retries=3, scheduling_strategy=there)(differences)
                asked[task.remote(pickle.dumps(around))] = node["NodeName"]
        ready, _ = ray.wait(list(asked), num_returns=len(asked), timeout=CHECK_SECONDS)
    faults = []
    for answer, name in asked.items():
        try:
            found = ray.get(answer) if answer in ready else ["no answer"]
        except ray.exceptions.RayTaskError:
            raise
        except (ray.exceptions.TaskUnschedulableError, ray.exceptions.NodeDiedError):
            found = []  # it has died just now, and is no machine of the cluster any more
        except ray.exceptions.RayError as error:
            found = [one_line(error)]
        if found:
            faults.append(f"{name}: {'; '.join(found)}")
    if faults:
        raise UserError(
            f"machines of the cluster that differ from this one: {' · '.join(sorted(faults))}: "
            "install the same packages there, share the folders, or leave these machines out"
        )


def differences(around: bytes) -> list[str]:
    """In a worker: see `nodes.differences`."""
    theirs: Surroundings = pickle.loads(around)
    return nodes.differences(theirs)


def machines() -> list[dict[str, float]]:
    """What each machine of the cluster has, as of some seconds ago.

    Raises:
        UserError: where there is no cluster any more.
    """
    return _machines(int(time.monotonic() / LOOK_SECONDS))


@functools.lru_cache(maxsize=1)
def _machines(_: int) -> list[dict[str, float]]:
    check_head()
    return [node["Resources"] for node in connected().nodes() if node["Alive"]]


def check_head() -> None:
    """The head must answer, which may come back within `HEAD_SECONDS`. Without it a question to Ray
    is never answered, and ends the process after a minute.

    Raises:
        UserError: where it does not.
    """
    address = connected().get_runtime_context().gcs_address
    host, _, port = address.rpartition(":")
    deadline = time.monotonic() + HEAD_SECONDS
    while True:
        try:
            socket.create_connection((host.strip("[]"), int(port)), CONNECT_SECONDS).close()
            return
        except OSError as error:
            if time.monotonic() < deadline:
                time.sleep(1)
                continue
            daemons.GIVEN_UP.set()  # to leave the cluster would take as long
            raise UserError(
                f"the head of the Ray cluster, {address}, answers no more ({error}): start the "
                "cluster again, then run `dvc repro` to go on"
            ) from None


def cores() -> int:
    """All cores of the cluster."""
    return int(sum(machine.get("CPU", 0) for machine in machines()))


def ended(tasks: list[Any]) -> list[Any]:
    """Those of some tasks that have ended; none where none does for some seconds."""
    first, _ = connected().wait(tasks, num_returns=1, timeout=LOOK_SECONDS)
    if not first:
        return []
    all_, _ = connected().wait(tasks, num_returns=len(tasks), timeout=0)
    return list(all_)


def has_room(cores_: int, gpus: int) -> bool:
    """Whether a machine could do a task that takes so much, if it had nothing else to do."""
    return any(m.get("CPU", 0) >= cores_ and m.get("GPU", 0) >= gpus for m in machines())


def cores_to_score(gpu: bool) -> int:
    """Cores of a task that scores: see `share`."""
    return share(machines(), gpu)


def share(those: list[dict[str, float]], gpu: bool) -> int:
    """Cores of a task that scores, of which every machine must have so many: for each of its GPUs,
    or up to `MOST_CORES`.

    Args:
        those: machines' resources, as Ray lists them.
    """
    if gpu:
        counts = [m.get("CPU", 0) // m["GPU"] for m in those if m.get("GPU")]
    else:
        counts = [min(m["CPU"], MOST_CORES) for m in those if m.get("CPU")]
    return max(1, int(min(counts, default=1)))


def one_line(error: Exception) -> str:
    """What an exception of Ray says at first."""
    text = str(error).strip() or type(error).__name__
    return text.partition("\n")[0].rstrip(".: ")


def whole(error: Exception) -> str:
    """All that an exception says, on one line."""
    return " ".join((str(error) or type(error).__name__).split()).rstrip(".: ")
