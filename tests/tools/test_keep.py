"""Keep: an experiment becomes the set, by the commands it prints, and nothing is overwritten."""

import re
from pathlib import Path

import pytest

from stages.common.errors import UserError
from stages.tools import keep
from tests.test_habits import Habits
from tests.tools.compared import Compared


def make_keep(project: Habits, name: str, fails: bool = False) -> str:
    command = ["make", "--silent", "--assume-old", ".venv/ready", "keep", f"NAME={name}"]
    return project.run(*command, fails=fails)


@pytest.mark.long
def test_an_experiment_that_is_kept_is_a_version_like_any_other(compared: Compared) -> None:
    compared.compare("--counts", "6 9")
    wrong = make_keep(compared, "tile-6", fails=True)
    assert "error: keep: there is no experiment 'tile-6': did you mean `tiles-6`?" in wrong
    expected = compared.metrics("tiles-6")
    message = make_keep(compared, "tiles-6")
    commands = re.findall(r"^  (git .*)$", message, re.MULTILINE)
    assert commands == [
        "git add dvc.lock params.yaml reports/metrics.json",
        "git commit -m 'Keep tiles-6'",
    ]
    tiles = compared.folder / "data/dataset/tiny"
    assert sorted(path.name for path in tiles.iterdir()) == [f"{i}.png" for i in range(6)]

    params = compared.content("params.yaml")
    refused = make_keep(compared, "tiles-9", fails=True)
    assert "error: keep: dvc.lock, params.yaml, reports/metrics.json: changed since the last " in (
        refused
    )
    assert compared.content("params.yaml") == params

    for command in commands:
        compared.run("bash", "-c", f"git config user.name t; git config user.email e; {command}")
    assert compared.git("status", "--short") == ""
    assert "up to date" in compared.dvc("status")
    assert compared.metrics("HEAD") == expected
    other = make_keep(compared, "tiles-9", fails=True)
    assert "error: keep: tiles-9 is an experiment of another commit, " in other


def test_without_a_name_it_asks_for_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["keep", ""])
    with pytest.raises(UserError, match=r"^say which, as `make keep NAME=tiles-150`"):
        keep.main()
