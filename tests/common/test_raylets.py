"""The connection to a Ray cluster, and why there is none."""

import socket
import sys
import threading

import pytest

from stages.common import raylets
from stages.common.errors import UserError
from stages.common.workers import ordered_map
from tests.common.tasks import process_id


def test_without_ray_it_is_told_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)  # an import fails
    monkeypatch.setenv("SRSET_ENGINE", "ray")
    with pytest.raises(UserError) as raised:
        list(ordered_map(process_id, range(3)))
    assert str(raised.value) == "SRSET_ENGINE is ray, but Ray is not installed: run `make ray`"


@pytest.mark.parametrize("address", ["ray://10.0.0.1:10001", "10.0.0.1", "10.0.0.1:", ":6379"])
def test_an_address_that_is_none_is_told(address: str) -> None:
    with pytest.raises(UserError) as raised:
        raylets.check_address(address)
    assert str(raised.value) == (
        f"RAY_ADDRESS must be the head's HOST:PORT, as 10.0.0.1:6379, got {address!r}; the stage "
        "itself runs on a machine of the cluster"
    )


@pytest.mark.parametrize("said", [b"", b"HTTP/1.0 400 Bad Request\r\n"])
def test_what_is_no_head_is_told_at_once(said: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """A web server, or one that waits: Ray itself would ask it for many minutes."""
    monkeypatch.setattr(raylets, "CONNECT_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as server:
        taken = []

        def serve() -> None:
            connection, _ = server.accept()
            connection.sendall(said)
            taken.append(connection)

        thread = threading.Thread(target=serve)
        thread.start()
        address = f"127.0.0.1:{server.getsockname()[1]}"
        with pytest.raises(UserError) as raised:
            raylets.check_address(address)
        thread.join()
        taken[0].close()
    assert str(raised.value) == (
        f"RAY_ADDRESS: what answers at {address} is no head of Ray: it is the port that `ray start "
        "--head --port` was given, 6379 where it was not"
    )


def test_all_that_ray_says_is_told_on_one_line() -> None:
    text = "Version mismatch: The cluster was started with:\n    Ray: 2.60.0\n    Python: 3.11.7\n"
    assert raylets.whole(RuntimeError(text)) == (
        "Version mismatch: The cluster was started with: Ray: 2.60.0 Python: 3.11.7"
    )
    assert raylets.whole(RuntimeError()) == "RuntimeError"


def test_an_address_that_nobody_answers_is_told() -> None:
    with pytest.raises(UserError) as raised:
        raylets.check_address("127.0.0.1:1")
    assert str(raised.value) == (
        "RAY_ADDRESS: nobody answers at 127.0.0.1:1 ([Errno 111] Connection refused): start a head "
        "there by `ray start --head`, or unset SRSET_ENGINE"
    )


@pytest.mark.parametrize(
    ("machines", "gpu", "cores"),
    [
        ([{"CPU": 64.0}, {"CPU": 16.0}], False, 4),
        ([{"CPU": 64.0}, {"CPU": 2.0}, {}], False, 2),
        ([{"CPU": 0.0, "GPU": 1.0}], False, 1),
        ([{"CPU": 64.0}, {"CPU": 32.0, "GPU": 4.0}, {"CPU": 16.0, "GPU": 1.0}], True, 8),
        ([{"CPU": 2.0, "GPU": 4.0}], True, 1),
        ([], True, 1),
    ],
)
def test_cores_of_a_task_that_scores(
    machines: list[dict[str, float]], gpu: bool, cores: int
) -> None:
    assert raylets.share(machines, gpu) == cores
