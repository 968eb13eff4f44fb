"""A project of git and DVC for experiments, with an odd name."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

from tests.test_habits import Habits, first_version

COMPARE = [sys.executable, "-m", "stages.tools.compare"]


class Compared(Habits):
    """A project, and what experiments do in it."""

    def compare(self, *arguments: str, fails: bool = False) -> str:
        return self.run(*COMPARE, *arguments, fails=fails)

    def metrics(self, revision: str) -> dict[str, object]:
        """A commit's metrics, or an experiment's by its name."""
        refs = self.git("for-each-ref", "--format=%(refname)", "refs/exps").split()
        found = [ref for ref in refs if ref.endswith(f"/{revision}")]
        return dict(
            json.loads(self.git("show", f"{(found or [revision])[0]}:reports/metrics.json"))
        )

    def untouched(self, before: dict[str, bytes]) -> None:
        """Nothing in the working tree, its index and its branch is as it was not."""
        assert self.everything() == before
        assert self.git("status", "--short") == ""
        assert self.git("rev-parse", "HEAD") == self.git("rev-parse", "v1^{commit}")
        assert self.git("stash", "list") == ""

    def metrics_of_a_run(self, *keys: str, value: object) -> dict[str, object]:
        """What a run in the working tree reports with another parameter."""
        holder = self.params
        for key in keys[:-1]:
            holder = holder[key]
        holder[keys[-1]] = value
        self.write_params()
        self.dvc("repro", "--quiet", "summary")
        found = dict(json.loads((self.folder / "reports/metrics.json").read_text()))
        self.git("reset", "--quiet", "--hard")
        return found


def first(folder: Path) -> Compared:
    """A project that was run and tagged v1."""
    return Compared(first_version(folder).folder, workers="0")


def copied(made: Compared, folder: Path) -> Compared:
    """A copy of a project and of its score store; links within it stay links."""
    subprocess.run(["cp", "--archive", made.folder, folder], check=True)
    beside = made.folder.with_name(f"{made.folder.name} beside")
    shutil.copytree(beside, folder.with_name(f"{folder.name} beside"))
    return Compared(folder, workers="0")
