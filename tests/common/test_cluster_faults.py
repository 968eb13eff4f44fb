"""What keeps a run from a Ray cluster, or ends it there, is told in one line; on real nodes."""

import os
import platform
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib import util
from pathlib import Path

import pytest

from stages.common.nodes import machine
from tests.clusters import SLOW, Cluster, cluster, driver
from tests.conftest import environment


@pytest.fixture(scope="module")
def nodes() -> Iterator[Cluster]:
    """Two nodes, for all tests of this module that harm none."""
    if not util.find_spec("ray"):  # importing it would read the settings of its access
        pytest.skip("Ray is not installed: `make ray`")
    with cluster() as made:
        yield made


@pytest.mark.ray
def test_what_keeps_from_connecting_is_one_line(nodes: Cluster) -> None:
    faults = {
        "RAY_ADDRESS": ("127.0.0.1:1", "RAY_ADDRESS: nobody answers at 127.0.0.1:1 ("),
        "RAY_AUTH_TOKEN": ("0" * 32, f"no connection to Ray at {nodes.address}: "),
        "RAY_AUTH_MODE": ("disabled", f"no connection to Ray at {nodes.address}: "),
    }
    for name, (value, told) in faults.items():
        start = time.monotonic()
        process = subprocess.run(
            [sys.executable, "-c", SLOW],
            env=environment(**nodes.environment | {name: value}),
            capture_output=True,
            text=True,
        )
        *before, last = process.stderr.splitlines()
        assert last.startswith(f"error: slow: {told}")
        assert process.returncode == 1
        assert time.monotonic() - start < 15, name
        assert "AUTH" in name or before == []  # what Ray itself says of its attempts


@pytest.mark.ray
def test_a_machine_that_differs_is_named(nodes: Cluster, tmp_path: Path) -> None:
    """Of its packages Pillow is another version."""
    (tmp_path / "pillow-1.0.dist-info").mkdir()
    text = "Metadata-Version: 2.1\nName: pillow\nVersion: 1.0\n"
    (tmp_path / "pillow-1.0.dist-info" / "METADATA").write_text(text)
    path = f"{tmp_path}{os.pathsep}{environment()['PYTHONPATH']}"
    node = nodes.add("--node-name=old-one", PYTHONPATH=path)
    try:
        process = driver(nodes, SLOW)
        _, err = process.communicate(timeout=60)
    finally:
        node.end()
        nodes.nodes.remove(node)
    own = dict(machine().packages)["pillow"]
    assert err == (
        "error: slow: machines of the cluster that differ from this one: old-one: pillow 1.0, "
        f"here {own}: install the same packages there, share the folders, or leave these machines "
        "out\n"
    )
    assert process.returncode == 1


@pytest.mark.ray
def test_a_head_that_dies_ends_the_run_in_one_line_and_the_next_goes_on() -> None:
    with cluster() as made:
        process = driver(made, SLOW)
        assert process.stdout is not None
        assert process.stdout.readline() == "0\n"
        start = time.monotonic()
        made.stop()
        _, err = process.communicate(timeout=60)
        assert time.monotonic() - start < 50  # Ray itself ends the process after 60, without a word
    port = made.address.rpartition(":")[2]
    assert re.fullmatch(
        rf"error: slow: the head of the Ray cluster, [\d.]+:{port}, answers no more \(.*\): start "
        "the cluster again, then run `dvc repro` to go on\n",
        err,
    )
    assert process.returncode == 1


@pytest.mark.ray
def test_work_that_no_machine_can_do_waits_for_one_and_says_so(nodes: Cluster) -> None:
    script = SLOW.replace("ordered_map(tenth, range(10_000))", "chunk_map(list, [1, 2], gpu=True)")
    process = driver(nodes, script.replace("import ordered_map", "import chunk_map"))
    assert process.stderr is not None
    told = process.stderr.readline()
    node = nodes.add("--num-gpus=1")
    try:
        out, err = process.communicate(timeout=60)
    finally:
        node.end()
        nodes.nodes.remove(node)
    assert told == "waiting: no machine of the cluster has 1 free core and a GPU\n"
    assert (out, err, process.returncode) == ("1\n2\n", "", 0)


@pytest.mark.ray
def test_a_machine_without_a_package_is_named(nodes: Cluster, tmp_path: Path) -> None:
    """Not of those that pixels depend on: a worker finds out when it starts to work."""
    (tmp_path / "tqdm.py").write_text("raise ImportError('there is no tqdm')")
    path = f"{tmp_path}{os.pathsep}{environment()['PYTHONPATH']}"
    node = nodes.add(PYTHONPATH=path)
    try:
        _, err = driver(nodes, SLOW).communicate(timeout=60)
    finally:
        node.end()
        nodes.nodes.remove(node)
    assert err == f"error: slow: {platform.node()} differs from this machine: there is no tqdm\n"
