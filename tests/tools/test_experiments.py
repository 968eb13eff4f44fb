"""The list of experiments, in a repository of git whose refs are as DVC makes them."""

import json
import sys
from pathlib import Path

import pytest
import yaml

from stages.common.versions import experiments
from stages.tools import experiments as tool
from tests.common.versions.test_experiments import Repository

PARAMS = {"cutoff": {"subimages": {"count": 200, "min_score": None, "report_at": 0.5}}}


def files(count: int, tiles: int | None = None) -> dict[str, str]:
    """A version's parameters and, where it was run, its metrics."""
    limits = PARAMS["cutoff"]["subimages"] | {"count": count}
    found = {"params.yaml": yaml.safe_dump({"cutoff": {"subimages": limits}})}
    if tiles is not None:
        numbers = {"tiles": tiles, "mean": 0.7, "lowest": 0.6, "reach": 352, "GB": 2.5}
        numbers |= {"photographs": 9, "largest_photograph": 0.19}
        found[experiments.METRICS] = json.dumps(numbers)
    return found


def listed(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *words: str) -> str:
    monkeypatch.setattr(sys, "argv", ["experiments", *words])
    tool.main()
    return capsys.readouterr().out


def test_they_are_listed_by_size_and_by_commit(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    repository = Repository(tmp_path)
    monkeypatch.chdir(tmp_path)
    first = repository.commit(files(200, 200))
    repository.experiment(first, "tiles-300", files(300, 300))
    second = repository.commit(files(250, 250))
    assert listed(capsys, monkeypatch) == (
        'no experiments of the last commit: `make compare COUNTS="100 150"` runs some\n'
        "1 experiments of other commits: `make experiments ALL=1`\n"
    )
    repository.experiment(second, "tiles-1500", files(1500, 1500))
    repository.experiment(second, "brash-moth", files(100, 100))
    repository.experiment(second, "unfinished", files(90))
    assert listed(capsys, monkeypatch).splitlines() == [
        "experiment   tiles     mean   lowest  reach 0.5    GB  photos  largest",
        "last commit    250  0.70000  0.60000        352  2.50       9    19.0%",
        "unfinished",
        "brash-moth     100  0.70000  0.60000        352  2.50       9    19.0%",
        "tiles-1500   1,500  0.70000  0.60000        352  2.50       9    19.0%",
        "unfinished: cutoff.subimages.count=90",
        "brash-moth: cutoff.subimages.count=100",
        "",
        "1 experiments of other commits: `make experiments ALL=1`",
    ]
    every = listed(capsys, monkeypatch, "--all")
    assert f"commit {first[:7]}    200  0.70000" in every
    assert "tiles-300         300  0.70000" in every
