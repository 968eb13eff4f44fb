"""docs/experiments.md, command by command, with numbers that fit a smaller set."""

import re
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from tests.tools.compared import Compared, copied

pytestmark = pytest.mark.long

TEXT = (REPOSITORY / "docs/experiments.md").read_text()
SMALLER = {
    "100 150 250": "5 6 9",
    "0.65": "0.4",
    "images.count=8": "images.count=3",
    "images.count=9": "images.count=4",
    "count=150": "count=6",
    "count=120,180": "count=7,8",
    "tiles-150": "tiles-6",
}


def commands() -> list[str]:
    """All lines of commands, those that `make keep` prints included."""
    lines = re.findall(r"^    (\S.*)$|^  (git .*)$", TEXT, re.MULTILINE)
    found = [own or printed for own, printed in lines]
    for old, new in SMALLER.items():
        assert any(old in line for line in found), old
        found = [line.replace(old, new) for line in found]
    return found


def test_followed_literally_it_compares_and_keeps(compared_once: Compared, tmp_path: Path) -> None:
    project = copied(compared_once, tmp_path / "copy")
    (project.folder / "notes.txt").write_text("something to commit\n")
    (project.folder / ".venv").mkdir()
    (project.folder / ".venv" / "ready").touch()  # these tests' environment is the project's, too
    project.git("config", "user.name", "t")
    project.git("config", "user.email", "t@example.org")
    printed = {line: project.run("bash", "-ec", line) for line in commands()}
    assert len(printed) == 16

    (first,) = (text for line, text in printed.items() if "COUNTS" in line)
    header = re.findall(r"^experiment .*$", TEXT, re.MULTILINE)[0].split()
    assert header == re.findall(r"^experiment .*$", first, re.MULTILINE)[0].split()
    names = re.findall(r"^([\w.-]+): [\d.]+ s$", first, re.MULTILINE)
    assert names == ["tiles-5", "tiles-6", "tiles-9", "min-score-0.4"]
    kept = printed["make keep NAME=tiles-6"]
    assert "  git add dvc.lock params.yaml reports/metrics.json\n" in kept
    assert project.metrics("HEAD")["tiles"] == 6
    shown = next(text for line, text in printed.items() if line.startswith("dvc exp show"))
    assert max(map(len, shown.splitlines())) <= 100
    assert project.git("status", "--short") == ""
    assert "up to date" in project.dvc("status")
