"""The pipeline on a Ray cluster of two real nodes: the same bytes, whatever is killed meanwhile."""

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from importlib import util
from pathlib import Path

import psutil
import pytest

from tests.clusters import Cluster, Node, cluster, interrupt
from tests.conftest import REPOSITORY, SAMPLES, environment, save_small
from tests.project import Project, copy_code

pytestmark = pytest.mark.ray

WEIGHTS = SAMPLES.parent / "weights"
DIFFERENT, EACH = 14, 30  # photographs, and files of each
BUSY_SECONDS = 2.0  # of a worker's CPU, until it is killed: with its start


@pytest.fixture(scope="module")
def nodes() -> Iterator[Cluster]:
    if not util.find_spec("ray"):
        pytest.skip("Ray is not installed: `make ray`")
    with cluster() as made:
        yield made


def differences(one: Path, other: Path) -> str:
    """What `diff -r` says."""
    done = subprocess.run(["diff", "-r", one, other], capture_output=True, text=True)
    return done.stdout + done.stderr


class RayProject(Project):
    """The same commands, on a cluster."""

    more: dict[str, str]

    @property
    def environment(self) -> dict[str, str]:
        return super().environment | self.more


def test_all_outs_are_those_of_the_pool_and_none_goes_stale(nodes: Cluster, tmp_path: Path) -> None:
    code = tmp_path / "code"
    copy_code(code)
    here = Project(tmp_path / "here", workers="2")
    there = RayProject(tmp_path / "there", workers="2")
    there.more = nodes.environment
    for project in (here, there):
        project.prepare(code)
        project.repro()
    outs = [path.relative_to(here.folder) for path in here.outs()]
    assert len(outs) > 40
    assert [path.relative_to(there.folder) for path in there.outs()] == outs
    assert [differences(here.folder / out, there.folder / out) for out in outs] == [""] * len(outs)
    assert (here.folder / "dvc.lock").read_text() == (there.folder / "dvc.lock").read_text()

    here_on_ray = RayProject(here.folder, workers="2")
    here_on_ray.more = nodes.environment
    for project in (here_on_ray, there):
        done = subprocess.run(
            [sys.executable, "-m", "dvc", "status"],
            cwd=project.folder,
            env=project.environment,
            capture_output=True,
            text=True,
        )
        assert done.stdout == "Data and pipelines are up to date.\n"
    assert here_on_ray.repro().stages == []


@dataclass
class Work:
    """Two stages on photographs that are large enough to be killed at."""

    folder: Path
    photographs: Path

    def command(self, name: str) -> list[str]:
        options = {
            "gather": {
                "folder": self.photographs,
                "gathered": "gathered.csv",
                "unreadable": "unreadable.csv",
                "sources-table": "sources.csv",
                "thumbnails": "thumbnails",
                "numbers": "numbers.json",
                "changes": "changes.csv",
            },
            "score": {
                "which": "images",
                "table": "gathered.csv",
                "folder": self.photographs,
                "weights-folder": WEIGHTS,
                "scores": "scores.csv",
                "numbers": "score.json",
            },
        }[name]
        pairs = [text for key, value in options.items() for text in (f"--{key}", str(value))]
        return [sys.executable, "-m", f"stages.{name}", *pairs]

    def store(self) -> dict[str, str]:
        return {"SRSET_STORE": str(self.folder / "store.sqlite")}

    def start(self, name: str, environment: dict[str, str]) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            self.command(name),
            cwd=self.folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            process_group=0,
        )


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Work:
    """The photographs, and what the pool makes of them."""
    folder = tmp_path_factory.mktemp("work")
    samples = sorted({*SAMPLES.glob("*/*.jpg")} - {*SAMPLES.glob("troubles/*")})
    for number, sample in enumerate(samples[:DIFFERENT]):
        first = folder / "photographs" / "all" / f"{number:02}.jpg"
        save_small(sample, first, side=1400)
        for other in range(1, EACH):  # another file each, of the same pixels
            path = first.with_name(f"{number:02} {other:02}.jpg")
            path.write_bytes(first.read_bytes() + bytes([other]))
    (folder / "local").mkdir()
    shutil.copy(REPOSITORY / "params.yaml", folder / "local")
    made = Work(folder / "local", folder / "photographs")
    for name in ("gather", "score"):
        process = made.start(name, environment(**made.store(), SRSET_WORKERS="2"))
        _, err = process.communicate(timeout=300)
        assert process.returncode == 0, err
    return made


def copied(work: Work, folder: Path, name: str) -> Work:
    """What a stage needs, in a folder of its own, with a store of its own."""
    folder.mkdir()
    shutil.copy(work.folder / "params.yaml", folder)
    if name == "score":
        shutil.copy(work.folder / "gathered.csv", folder)
    return Work(folder, work.photographs)


def at_work(node: Node, process: "subprocess.Popen[str]") -> psutil.Process:
    """Wait until a worker of a node has worked for some time; it gives that worker."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        assert process.poll() is None, process.communicate()
        for worker in node.workers():
            with suppress(psutil.Error):
                if "work" in worker.cmdline()[0] and sum(worker.cpu_times()[:2]) > BUSY_SECONDS:
                    return worker
        time.sleep(0.05)
    raise AssertionError("no work on this node")


@pytest.mark.parametrize("name", ["gather", "score"])
@pytest.mark.parametrize("what", ["worker", "node"])
def test_a_killed_worker_or_node_changes_no_byte(
    work: Work, tmp_path: Path, name: str, what: str
) -> None:
    own = copied(work, tmp_path / "own", name)
    with cluster() as nodes:
        process = own.start(name, environment(**own.store(), **nodes.environment))
        node = nodes.nodes[1]
        worker = at_work(node, process)
        worker.kill() if what == "worker" else node.end()
        assert process.poll() is None
        _, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    made = [path.name for path in own.folder.iterdir() if path.suffix != ".sqlite"]
    assert len(made) == {"gather": 6, "score": 4}[name]
    found = [differences(work.folder / file, own.folder / file) for file in made]
    assert found == [""] * len(made)


def test_ctrl_c_ends_a_stage_and_its_workers(nodes: Cluster, work: Work, tmp_path: Path) -> None:
    own = copied(work, tmp_path / "own", "score")
    process = own.start("score", environment(**own.store(), **nodes.environment))
    at_work(nodes.nodes[1], process)
    busy = nodes.workers()
    start = time.monotonic()
    interrupt(process)
    _, err = process.communicate(timeout=60)
    assert time.monotonic() - start < 3
    _, alive = psutil.wait_procs(busy, timeout=3)
    assert alive == []
    assert process.returncode == 130
    assert err.splitlines()[-1] == "error: score: interrupted: run `dvc repro` to go on"
    assert [node.process.poll() for node in nodes.nodes] == [None, None]
