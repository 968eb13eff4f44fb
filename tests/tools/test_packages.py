"""Packages: what is of another version than at the last run is named, and DVC runs what uses it."""

import subprocess
import sys
from pathlib import Path

import pytest

from stages.common.errors import UserError
from stages.common.fingerprints import version_of
from stages.tools import packages

TEXTS = {
    "score": f"numpy {version_of('numpy')}\npillow 0.1\nsrset-none absent\nstages/score.py ab\n",
    "gather": "pillow 0.1\nstages/common/x y.py 00\n",
}
TOLD = f"pillow 0.1 is now {version_of('pillow')}"


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """A folder of fingerprints, and the commands that are run; the second of them fails."""
    found: list[list[str]] = []

    def run(command: list[str]) -> "subprocess.CompletedProcess[str]":
        found.append(command)
        return subprocess.CompletedProcess(command, returncode=len(found) - 1)

    monkeypatch.setattr(subprocess, "run", run)
    monkeypatch.chdir(tmp_path)
    packages.FOLDER.mkdir(parents=True)
    for name, text in TEXTS.items():
        (packages.FOLDER / f"{name}.txt").write_text(text)
    return found


def test_another_version_is_told_once_and_the_stage_is_run(
    calls: list[list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    packages.main()
    assert capsys.readouterr().out == f"{TOLD}: the stages that use it run again\n"
    command = "dvc repro --quiet --force --single-item fingerprint"
    assert calls == [[sys.executable, "-m", *command.split()]]
    with pytest.raises(UserError, match="failed, see above"):
        packages.main()


def test_where_nothing_changed_or_nothing_was_run_nothing_is_said(
    calls: list[list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    for path in packages.FOLDER.iterdir():
        path.write_text(path.read_text().replace("0.1", version_of("pillow")))
    packages.main()
    for path in packages.FOLDER.iterdir():
        path.unlink()
    packages.main()
    assert (calls, capsys.readouterr().out) == ([], "")
