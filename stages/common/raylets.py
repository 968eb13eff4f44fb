"""The connection of a stage's process to a Ray cluster, and what there is of it.

Source: https://docs.ray.io/en/latest/ray-core/starting-ray.html
"""

import functools
import os
import pickle
import socket
import time
import warnings
from pathlib import Path
from typing import Any

from stages.common import nodes
from stages.common.errors import UserError
from stages.common.nodes import Surroundings

CODE = Path(__file__).parents[1]
CONNECT_SECONDS = 5.0
CHECK_SECONDS = 120.0  # the first start of a worker unpacks the code
LOOK_SECONDS = 10.0  # between two looks at how large the cluster is
MOST_CORES = 4  # of a task that scores: decoding keeps up, and a network is in memory once for all
QUIET = {  # unless the user says otherwise
    "RAY_USAGE_STATS_ENABLED": "0",  # it would report to its makers
    "RAY_IGNORE_UNHANDLED_ERRORS": "1",  # of tasks that are given up after another's fault
}
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
            f"no connection to Ray at {address}: {one_line(error)}: this machine must be a node of "
            "that cluster (`ray start --address`), with its RAY_AUTH_MODE and token"
        ) from error
    check(ray)
    return ray


def check_address(address: str) -> None:
    """Something must answer at an address.

    Raises:
        UserError: where nothing does, or it is of no kind that a driver can have.
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
        socket.create_connection((host, int(port)), CONNECT_SECONDS).close()
    except (OSError, OverflowError) as error:
        raise UserError(
            f"RAY_ADDRESS: nobody answers at {address} ({error}): start a head there by `ray start "
            "--head`, or unset SRSET_ENGINE"
        ) from None


def check(ray: Any) -> None:
    """Every machine must be fit for this project.

    Raises:
        UserError: for all that are not.
    """
    around = nodes.here()
    place = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy
    asked = {}
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


def cores() -> int:
    """All cores of the cluster, as of some seconds ago."""
    return _cores(int(time.monotonic() / LOOK_SECONDS))


@functools.lru_cache(maxsize=1)
def _cores(_: int) -> int:
    return int(connected().cluster_resources().get("CPU", 0))


def cores_to_score(gpu: bool) -> int:
    """Cores of a task that scores: see `share`."""
    nodes_ = connected().nodes()
    return share([node["Resources"] for node in nodes_ if node["Alive"]], gpu)


def share(machines: list[dict[str, float]], gpu: bool) -> int:
    """Cores of a task that scores, of which every machine must have so many: for each of its GPUs,
    or up to `MOST_CORES`.

    Args:
        machines: their resources, as Ray lists them.
    """
    if gpu:
        counts = [m.get("CPU", 0) // m["GPU"] for m in machines if m.get("GPU")]
    else:
        counts = [min(m["CPU"], MOST_CORES) for m in machines if m.get("CPU")]
    return max(1, int(min(counts, default=1)))


def one_line(error: Exception) -> str:
    """What an exception of Ray says at first."""
    text = str(error).strip() or type(error).__name__
    return text.partition("\n")[0].rstrip(".: ")
