"""Compare, with git and DVC as they are: experiments are right, and the working tree stays."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
import yaml

from stages.common.errors import UserError
from stages.common.versions.settings import COUNT, MIN_SCORE
from stages.tools import compare
from tests.conftest import REPOSITORY
from tests.project import MANY
from tests.tools.compared import COMPARE, Compared, copied

TEXT = (REPOSITORY / "params.yaml").read_text()


def test_all_ways_to_ask_make_one_list() -> None:
    assert compare.asked("100 150 100", "0.6", "validation.count=1; dataset.name=b", TEXT) == {
        "tiles-100": {COUNT: 100},
        "tiles-150": {COUNT: 150},
        "min-score-0.6": {COUNT: None, MIN_SCORE: 0.6},
        "validation-count-1": {"validation.count": 1},
        "dataset-name-b": {"dataset.name": "b"},
    }
    with pytest.raises(UserError, match=r"^say what to compare, as `make compare COUNTS="):
        compare.asked("", " ", ";", TEXT)


@pytest.mark.long
def test_experiments_are_what_runs_would_be_and_change_nothing(compared: Compared) -> None:
    before = compared.everything()
    message = compared.compare("--counts", "6 9 99999", "--min-scores", "0.4", fails=True)
    compared.untouched(before)
    (head, last, six, nine, floor), (*_, failed) = table(message)
    assert head == ["experiment", "tiles", "mean", "lowest", "reach 0.5", "MB", "photos", "largest"]
    assert (last[:3], six[:2], nine[:2]) == (
        ["last", "commit", str(MANY)],
        ["tiles-6", "6"],
        ["tiles-9", "9"],
    )
    assert floor[0] == "min-score-0.4"
    assert failed.startswith(
        "tiles-99999 failed: cutoff: cutoff.subimages.count asks for 99,999 of only "
    )
    listed = compared.dvc("exp", "list", "--name-only").split()
    assert listed == ["min-score-0.4", "tiles-6", "tiles-9"]
    assert six[2] == f"{compared.metrics('tiles-6')['mean']:.5f}"

    again = compared.compare("--counts", "6 9")
    assert again.startswith("tiles-6: was run before\ntiles-9: was run before\n")
    run = compared.metrics_of_a_run("cutoff", "subimages", "count", value=6)
    assert run == compared.metrics("tiles-6")


@pytest.mark.long
def test_a_parameter_further_up_runs_all_that_follows(compared: Compared) -> None:
    before = compared.everything()
    other = "{spare: {count: 0}}"
    compared.compare("--counts", "6", "--set", f"cutoff.images.per_section='{other}'")
    compared.untouched(before)
    (name,) = (n for n in compared.dvc("exp", "list", "--name-only").split() if n != "tiles-6")
    assert name.startswith("cutoff-images-per-section-spare-count-0-")
    message = compared.compare("--counts", "9")  # of the baseline's tiles again
    compared.untouched(before)
    assert "tiles-9" in message
    run = compared.metrics_of_a_run("cutoff", "images", "per_section", value=yaml.safe_load(other))
    assert compared.metrics(name) == run != compared.metrics("v1")
    compared.params["cutoff"]["images"]["per_section"] = {"spare": {"count": 1}}
    run = compared.metrics_of_a_run("cutoff", "subimages", "count", value=9)
    assert compared.metrics("tiles-9") == run


def table(message: str) -> tuple[list[list[str]], list[str]]:
    """The lines of the table in cells, and the lines that follow."""
    _, rows, *rest = message.split("\n\n")
    lines = rows.splitlines()
    assert max(map(len, lines)) <= 100
    header, *others = lines
    head = header.replace("reach 0.5", "reach+0.5").split()
    return [[cell.replace("+", " ") for cell in head], *map(str.split, others)], [
        line for part in rest for line in part.splitlines()
    ]


@pytest.mark.long
def test_killed_at_any_moment_it_leaves_nothing_behind(compared: Compared) -> None:
    before = compared.everything()
    expected = compared.compare("--counts", "7").partition("\n\n")[2]
    compared.dvc("exp", "remove", "tiles-7")
    start = time.monotonic()
    compared.compare("--counts", "8")
    seconds = time.monotonic() - start
    for moment in (2, 3, 4):
        process = subprocess.Popen(
            [*COMPARE, "--counts", "7 9"],
            cwd=compared.folder,
            env=compared.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        time.sleep(seconds * moment / 5)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        compared.untouched(before)
    assert compared.compare("--counts", "7").partition("\n\n")[2] == expected
    assert "up to date" in compared.dvc("status")
    compared.dvc(
        "exp", "run", "--name", "mine", "--set-param", "cutoff.subimages.count=5", "summary"
    )


@pytest.mark.long
def test_a_second_one_waits_for_the_end_of_what_the_first_has_started(compared: Compared) -> None:
    first = subprocess.Popen(
        [*COMPARE, "--counts", "7"],
        cwd=compared.folder,
        env=compared.environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    lock = compared.folder / ".dvc/tmp/compare.lock"
    while not (lock.is_file() and lock.read_text()):
        time.sleep(0.05)
    message = compared.compare("--counts", "8", fails=True)
    assert message == (
        f"error: compare: experiments are being run here already, by process {first.pid} or what "
        "it has started: wait for their end, then run this again\n"
    )
    first.communicate(timeout=300)
    assert first.returncode == 0
    compared.compare("--counts", "8")


@pytest.mark.long
def test_a_copy_of_a_project_leaves_the_first_one_alone(compared: Compared, tmp_path: Path) -> None:
    compared.compare("--counts", "7")
    copy = copied(compared, tmp_path / "copy")
    refs = compared.git("for-each-ref")
    copy.compare("--counts", "8")
    assert compared.git("for-each-ref") == refs
    assert "tiles-8" in copy.dvc("exp", "list", "--name-only").split()


@pytest.mark.long
def test_a_state_that_is_no_baseline_is_refused(compared: Compared) -> None:
    compared.params["cutoff"]["subimages"]["count"] = 10
    compared.write_params()
    message = compared.compare("--counts", "7", fails=True)
    assert message.startswith(
        "error: compare: params.yaml: changed since the last commit, and experiments start from it"
    )
    compared.git("commit", "--quiet", "--all", "--message", "never run")
    message = compared.compare("--counts", "7", fails=True)
    assert message.startswith(
        "error: compare: not as the last commit has it: check, cutoff@subimages, summary: `make"
    )
    compared.git("rm", "--quiet", "reports/metrics.json")
    compared.git("commit", "--quiet", "--all", "--message", "no metrics")
    message = compared.compare("--counts", "7", fails=True)
    assert message.startswith("error: compare: the last commit has no reports/metrics.json")


@pytest.mark.long
def test_a_name_that_is_taken_is_left_alone(compared_once: Compared, tmp_path: Path) -> None:
    compared = copied(compared_once, tmp_path / "copy")  # DVC's own --temp takes no `#` in a path
    setting = ["--set-param", "cutoff.subimages.count=5"]
    compared.dvc("exp", "run", "--temp", "--name", "tiles-7", *setting, "summary")
    message = compared.compare("--counts", "7 8", fails=True)
    assert (
        "\ntiles-7 failed: there is an experiment of this name with other parameters: `dvc exp "
        "remove tiles-7`, then run this again\n"
    ) in message
    assert compared.metrics("tiles-7")["tiles"] == 5
    assert compared.metrics("tiles-8")["tiles"] == 8


@pytest.mark.long
def test_a_full_disk_is_told_and_mended(
    compared_once: Compared, tiny_disk: Callable[[str], Path], tmp_path: Path
) -> None:
    disk = tiny_disk("size=200m")
    compared = copied(compared_once, disk / "project")
    shutil.move(disk / "project beside", tmp_path / "beside")  # what DVC remembers has room
    (disk / "project beside").symlink_to(tmp_path / "beside")
    before = compared.everything()
    compared.compare("--counts", "7")
    with (disk / "fill").open("wb", buffering=0) as file, suppress(OSError):
        while file.write(bytes(4096)):
            pass
    message = compared.compare("--counts", "8 9", fails=True)
    assert "tiles-8 failed: " in message
    assert "tiles-9 failed: " in message
    (disk / "fill").unlink()
    compared.compare("--counts", "8 9")
    compared.untouched(before)
