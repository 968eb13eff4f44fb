"""The shell around the stages: a line for the user, a traceback for a bug, an exit code for DVC."""

import errno
import hashlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import yaml

from stages.common import cli, tables
from stages.common.pixels import png
from stages.common.rows import Scaled
from tests.common.test_workers import alive
from tests.conftest import REPOSITORY, Stage, environment, noise

STAGES = sorted(path.stem for path in (REPOSITORY / "stages").glob("[a-z]*.py"))

# A stage of our own, next to no work, that fails in the way its argument says.
SCRIPT = '''
"""A stage for tests."""
import atexit, os, signal, sys, time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from stages.common import daemons, workers
from stages.common.cli import run
from stages.common.errors import UserError
from stages.common.params import Params
from tests.common.tasks import dies_at_three, fails_at_three, naps

class StageParams(Params):
    count: int

def main(what: str, path: Path, params: StageParams) -> None:
    if what == "good":
        print(f"{params.count} {path.as_posix()} {type(path).__name__}")
    elif what == "refuse":
        raise UserError(f"{path}: no: take another")
    elif what == "bug":
        raise ValueError("a bug")
    elif what == "write":
        path.write_bytes(bytes(10**7))
    elif what == "memory":
        raise MemoryError
    elif what == "die":
        list(workers.ordered_map(dies_at_three, range(100)))
    elif what == "fail":
        list(workers.ordered_map(fails_at_three, range(100)))
    elif what == "sleep":
        print("ready", os.getpid(), flush=True)
        time.sleep(600)
    elif what == "stuck":
        ThreadPoolExecutor(1).submit(time.sleep, 600)
        print("ready", flush=True)
        print("half done")
        time.sleep(600)
    elif what == "pool":
        list(workers.ordered_map(naps, range(1000)))
    elif what.startswith("given up"):
        atexit.register(time.sleep, 600)  # as a library may wait for a device that is gone
        try:
            daemons.Daemons(1).call(0.1, time.sleep, 600)
        except daemons.HungError:
            daemons.GIVEN_UP.set()
        print("done otherwise")
        if what.endswith("refuse"):
            raise UserError("no: take another")
    elif what == "unknown errno":
        raise OSError(int(path.name), "strange")

if __name__ == "__main__":
    run(main)
'''


@pytest.fixture
def stage(tmp_path: Path) -> list[str]:
    """The command that runs `SCRIPT` as the stage `trial`."""
    (tmp_path / "trial.py").write_text(SCRIPT)
    (tmp_path / "params.yaml").write_text(yaml.safe_dump({"trial": {"count": 3}}))
    return [sys.executable, str(tmp_path / "trial.py")]


def done(stage: list[str], *arguments: object, **more: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [*stage, *options(arguments)],
        cwd=Path(stage[1]).parent,
        env=environment(**more),
        capture_output=True,
        text=True,
        timeout=120,
    )


def options(arguments: Sequence[object]) -> list[str]:
    """What to do and to which path, and whatever more."""
    names = ("--what", "--path")[: len(arguments)]
    pairs = zip(names, arguments, strict=False)
    rest = list(map(str, arguments[len(names) :]))
    return [text for name, a in pairs for text in (name, str(a))] + rest


def one_line(process: "subprocess.CompletedProcess[str]") -> str:
    """The one line a user is told; with it the process must have ended with 1."""
    assert process.returncode == 1, process.stderr
    (line,) = process.stderr.splitlines()
    return line


def test_arguments_and_parameters_reach_main(stage: list[str], tmp_path: Path) -> None:
    process = done(stage, "good", "a folder/ü")
    assert (process.stdout, process.stderr) == ("3 a folder/ü PosixPath\n", "")
    assert process.returncode == 0
    (tmp_path / "other.yaml").write_text("trial: {count: 8}")
    process = done(stage, "good", "x", "--params", "other.yaml")
    assert process.stdout == "8 x PosixPath\n"


def test_a_recipe_is_all_sections_of_the_same_file(tmp_path: Path) -> None:
    """Of a stage that tells of the others' parameters."""
    script = SCRIPT.replace("import Params\n", "import Params, Recipe\n")
    script = script.replace("params: StageParams)", "params: StageParams, recipe: Recipe)")
    script = script.replace('print(f"{params.count} ', 'print(f"{recipe.sections} {params.count} ')
    (tmp_path / "trial.py").write_text(script)
    (tmp_path / "other.yaml").write_text("trial: {count: 8}\nmore: [1]\n")
    command = [sys.executable, str(tmp_path / "trial.py")]
    process = done(command, "good", "x", "--params", "other.yaml")
    assert process.stdout == "{'trial': {'count': 8}, 'more': [1]} 8 x PosixPath\n"


def test_wrong_arguments_are_told_by_argparse(stage: list[str]) -> None:
    process = done(stage, "good")
    assert process.returncode == 2
    assert process.stderr.splitlines()[-1].endswith("the following arguments are required: --path")


def test_a_fault_of_the_user_is_one_line(stage: list[str]) -> None:
    assert one_line(done(stage, "refuse", "x.jpg")) == "error: trial: x.jpg: no: take another"


def test_a_fault_in_the_parameters_is_one_line(stage: list[str], tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text("trial: {count: 3.5, size: 1}")
    assert one_line(done(stage, "good", "x")) == (
        "error: trial: params.yaml: trial.count must be a valid integer, got 3.5; "
        "trial.size is not a parameter: check its spelling, or remove it"
    )


def test_a_bug_keeps_its_traceback(stage: list[str]) -> None:
    process = done(stage, "bug", "x")
    assert process.returncode == 1
    assert process.stderr.startswith("Traceback (most recent call last):")
    assert process.stderr.endswith("ValueError: a bug\n")


def test_a_bug_in_a_worker_names_the_item(stage: list[str]) -> None:
    process = done(stage, "fail", "x", SRSET_WORKERS="2")
    assert process.returncode == 1
    assert process.stderr.endswith("ValueError: three is too much\nwhile working on 3\n")


def test_a_killed_worker_is_one_line(stage: list[str]) -> None:
    assert one_line(done(stage, "die", "x", SRSET_WORKERS="2")) == (
        "error: trial: a worker process was killed, most often for want of memory: run with fewer "
        "workers, as in `SRSET_WORKERS=1 dvc repro`"
    )


def test_want_of_memory_is_one_line(stage: list[str]) -> None:
    assert one_line(done(stage, "memory", "x")) == (
        "error: trial: out of memory: run with fewer workers, as in `SRSET_WORKERS=1 dvc repro`"
    )


def test_a_full_disk_is_one_line(stage: list[str], tiny_disk: Callable[[str], Path]) -> None:
    disk = tiny_disk("size=64k")
    line = one_line(done(stage, "write", disk / "file"))
    assert line.startswith("error: trial: ")
    assert line.endswith(
        ": No space left on device: free some space, or move the project to a larger disk"
    )


def test_a_full_disk_in_a_stage_with_workers_is_one_line(
    run_stage: Stage, tiny_disk: Callable[[str], Path], tmp_path: Path
) -> None:
    content = png.write(tmp_path / "in" / "a.png", noise(300, 300))
    (tmp_path / "params.yaml").write_text(
        "subimages: {size: 64, step: 64, threshold: 0, spacing: step, files: all}\n"
    )
    sha256 = hashlib.sha256(content).hexdigest()
    row = Scaled("a.png", ".", sha256, "1", 300, 300, "a.jpg", "00", "00", 300, 300)
    tables.write(tmp_path / "in.csv", Scaled, [row])
    disk = tiny_disk("size=128k")
    process = run_stage(
        "subimages",
        "photographs",
        "in",
        "in.csv",
        disk / "out",
        "t.csv",
        "f.csv",
        "r.csv",
        "thumbnails",
        "m.json",
        env=environment(SRSET_WORKERS="2"),
    )
    assert process.returncode == 1
    assert "Traceback" not in process.stderr
    assert re.fullmatch(
        rf"error: subimages: {disk}/out/a_s0\d\d\.png: No space left on device: free some space, "
        "or move the project to a larger disk",
        process.stderr.splitlines()[-1],
    )
    assert not (tmp_path / "t.csv").exists()


def test_a_disk_for_reading_only_is_one_line(
    stage: list[str], tiny_disk: Callable[[str], Path]
) -> None:
    file = tiny_disk("size=64k,ro") / "file"
    assert one_line(done(stage, "write", file)) == (
        f"error: trial: {file}: Read-only file system: mount the disk for writing, or move the "
        "project"
    )


def test_a_missing_folder_is_one_line(stage: list[str]) -> None:
    assert one_line(done(stage, "write", "none/file")) == (
        "error: trial: none/file: No such file or directory: check the path, or let `dvc repro` "
        "make it by the stage before"
    )


def test_output_to_a_full_disk_is_one_line(stage: list[str]) -> None:
    with Path("/dev/full").open("w") as full:
        process = subprocess.run(
            [*stage, *options(("good", "x"))],
            cwd=Path(stage[1]).parent,
            env=environment(),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert one_line(process) == (
        "error: trial: output: No space left on device: free some space, or move the project to a "
        "larger disk"
    )


def test_an_error_of_the_system_without_a_remedy_is_a_bug(stage: list[str]) -> None:
    process = done(stage, "unknown errno", errno.EXDEV)
    assert process.returncode == 1
    assert process.stderr.endswith(f"OSError: [Errno {errno.EXDEV}] strange\n")


@pytest.mark.parametrize("number", cli.REMEDIES)
def test_an_error_of_the_system_with_a_remedy_is_one_line(
    number: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def main() -> None:
        raise OSError(number, os.strerror(number), "some/file")

    monkeypatch.setattr(sys, "argv", ["trial"])
    with pytest.raises(SystemExit) as ended:
        cli.run(main)
    assert ended.value.code == 1
    assert capsys.readouterr().err == (
        f"error: test_cli: some/file: {os.strerror(number)}: {cli.REMEDIES[number]}\n"
    )


def test_a_name_that_is_not_utf_8_can_be_told(stage: list[str]) -> None:
    process = subprocess.run(
        [*stage, "--what", "refuse", "--path", b"caf\xe9.jpg"],
        cwd=Path(stage[1]).parent,
        env=environment(),
        capture_output=True,
    )
    assert process.returncode == 1
    assert process.stderr == b"error: trial: caf\\udce9.jpg: no: take another\n"


def test_ctrl_c_ends_with_one_line(stage: list[str]) -> None:
    with started(stage, "sleep", "x") as process:
        assert process.stdout is not None
        assert process.stdout.readline().split()[0] == "ready"
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=30)
    assert stderr == "error: trial: interrupted: run `dvc repro` to go on\n"
    assert process.returncode == 130


def test_ctrl_c_waits_for_no_thread_and_loses_no_output(stage: list[str]) -> None:
    with started(stage, "stuck", "x", PYTHONUNBUFFERED="") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == "ready\n"
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=30) == 130
        assert process.stdout.read() == "half done\n"
        assert process.stderr.read() == "error: trial: interrupted: run `dvc repro` to go on\n"


def test_ctrl_c_ends_the_workers(stage: list[str]) -> None:
    """As a terminal does it: the signal reaches every process of the group."""
    with started(stage, "pool", "x", SRSET_WORKERS="2") as process:
        assert process.stdout is not None
        children = [int(process.stdout.readline()) for _ in range(2)]
        os.killpg(process.pid, signal.SIGINT)
        _, stderr = process.communicate(timeout=60)
    assert stderr == "error: trial: interrupted: run `dvc repro` to go on\n"
    assert process.returncode == 130
    assert [alive(child) for child in children] == [False, False]


@pytest.mark.parametrize("after", [0.0, 0.1, 0.3])
def test_ctrl_c_while_workers_start(stage: list[str], after: float) -> None:
    with started(stage, "pool", "x", SRSET_WORKERS="2") as process:
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        while len(children.read_text().split()) < 2:  # the workers, or one and their helper
            time.sleep(0.01)
        time.sleep(after)
        os.killpg(process.pid, signal.SIGINT)
        _, stderr = process.communicate(timeout=60)
    assert stderr == "error: trial: interrupted: run `dvc repro` to go on\n"


@pytest.mark.parametrize("what", ["given up", "given up, refuse"])
def test_a_call_that_was_given_up_is_not_waited_for_at_the_end(stage: list[str], what: str) -> None:
    began = time.monotonic()
    process = done(stage, what, "x", PYTHONUNBUFFERED="")
    assert time.monotonic() - began < 60
    assert process.stdout == "done otherwise\n"
    refused = what.endswith("refuse")
    assert process.stderr == ("error: trial: no: take another\n" if refused else "")
    assert process.returncode == refused


def heed_ctrl_c() -> None:
    """A shell makes what it starts in the background, perhaps these tests, ignore Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@contextmanager
def started(stage: list[str], *arguments: str, **more: str) -> "Iterator[subprocess.Popen[str]]":
    """The stage in a group of its own, of which nothing is left afterwards."""
    with subprocess.Popen(
        [*stage, *options(arguments)],
        cwd=Path(stage[-1]).parent,
        env=environment(**more),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=heed_ctrl_c,
    ) as process:
        try:
            yield process
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


@pytest.mark.parametrize("under_dvc", [True, False])
def test_under_dvc_a_stage_ends_with_its_parent(stage: list[str], under_dvc: bool) -> None:
    """An orphan would write beside the next run. Started by hand, a stage may live on."""
    parent = "import subprocess, sys; subprocess.run(sys.argv[1:])"
    more = {"DVC_STAGE": "trial"} if under_dvc else {}
    with started([sys.executable, "-c", parent, *stage], "sleep", "x", **more) as process:
        assert process.stdout is not None
        child = int(process.stdout.readline().split()[1])
        process.kill()
        process.wait()
        deadline = time.monotonic() + (20 if under_dvc else 1)
        while alive(child) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert alive(child) == (not under_dvc)


@pytest.mark.parametrize("name", STAGES)
def test_every_stage_explains_itself(run_stage: Stage, name: str) -> None:
    process = run_stage(name, "--help")
    assert (process.returncode, process.stderr) == (0, "")
    assert process.stdout.startswith(f"usage: python -m stages.{name} ")
    for word in ("Takes:", "Leaves:", "Rule:"):
        assert process.stdout.count(f"\n{word} ") == 1
