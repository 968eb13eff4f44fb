"""Recipes: each is valid, says whom it follows, and makes a set of the sample photographs."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from stages.check import faults, parameter_models
from stages.common import tables
from stages.common.params import read
from stages.common.rows import Decision, Lineage, Score, Tile, TileMeasures
from tests.conftest import REPOSITORY
from tests.project import SIZE, Project, copy_code

RECIPES = sorted((REPOSITORY / "docs/recipes").glob("*.yaml"))
MOST = {"images": 4, "subimages": 12}  # kept, where a recipe has a count


def test_there_are_recipes_and_the_readme_has_a_row_for_each() -> None:
    readme = (REPOSITORY / "README.md").read_text()
    rows = re.findall(r"^\| \[(\S+)\]\(docs/recipes/(\S+)\) \| [^|]+ \|$", readme, re.MULTILINE)
    assert sorted(rows) == [(path.name, path.name) for path in RECIPES]


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_a_recipe_is_valid_and_names_its_set(path: Path) -> None:
    sections = read(path)
    assert faults(sections, parameter_models(REPOSITORY / "dvc.yaml")) == []
    assert sections["dataset"]["name"] == path.stem
    assert sections["gather"]["source"] == "data/source"


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_the_head_says_whom_a_recipe_follows_and_how_to_take_it(path: Path) -> None:
    head, _, _ = path.read_text().partition("\n\n")
    assert all(line.startswith("#") for line in head.splitlines())
    assert re.search(r"https://\S+|arXiv \d{4}\.\d{5}", head)
    assert f"#   cp docs/recipes/{path.name} params.yaml && make run\n" in head


def small(sections: dict[str, Any]) -> dict[str, Any]:
    """A recipe for few photographs of 600 px: the same decisions, in small sizes and counts."""
    size = sections["subimages"]["size"]
    for key in ("step", "threshold"):
        sections["subimages"][key] = sections["subimages"][key] * SIZE // size
    sections["subimages"]["size"] = SIZE
    if sections["multiscale"]["shortest_edge"] is not None:
        sections["multiscale"]["shortest_edge"] = 240
    sections["screen"]["min_short_edge"] = 300
    sections["score"] |= {"device": "cpu", "precision": "fp32"}
    for which, most in MOST.items():
        if sections["cutoff"][which]["count"] is not None:
            sections["cutoff"][which]["count"] = most
    sections["validation"]["count"] = min(sections["validation"]["count"], 1)
    return sections


@pytest.mark.proof
@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_a_recipe_makes_a_set(path: Path, tmp_path: Path) -> None:
    code, project = tmp_path / "code", Project(tmp_path / "project", workers="2")
    copy_code(code)
    project.prepare(code)
    project.params = small(yaml.safe_load(path.read_text()))
    first = project.repro()
    data, name = project.folder / "data", path.stem
    images = tables.read(data / "tables/cutoff_images.csv", Decision)
    tiles = tables.read(data / "tables/cutoff_subimages.csv", Decision)
    check_decisions(images, project.params["cutoff"]["images"])
    check_decisions(tiles, project.params["cutoff"]["subimages"])
    check_limits(data, tiles, project.params["cutoff"]["subimages"])

    kept = [row.path for row in tiles if row.kept]
    lineage = tables.read(data / "dataset/lineage.csv", Lineage)
    assert [row.name for row in lineage] == [f"{i}.png" for i in range(len(kept))]
    assert len(list((data / "dataset" / name).iterdir())) == len(kept) > 0
    done = subprocess.run(["sha256sum", "-c", "SHA256SUMS"], cwd=data / "release", check=False)
    assert done.returncode == 0
    assert (data / f"release/{name}.7z").is_file()

    again = project.repro()
    assert again.stages == []
    assert again.lock == first.lock


def check_decisions(rows: list[Decision], rules: dict[str, Any]) -> None:
    """Every image is kept or has a reason, and the kept ones are within count and floor."""
    assert all(row.kept != bool(row.reason) for row in rows)
    kept = [row for row in rows if row.kept]
    assert 0 < len(kept) <= (rules["count"] or len(rows))
    assert all(row.hyperiqa >= (rules["min_score"] or 0) for row in kept)
    if rules["count"] is None:  # then rank alone drops nothing
        assert [row.reason for row in rows if row.reason.startswith("below the best")] == []


def check_limits(data: Path, rows: list[Decision], rules: dict[str, Any]) -> None:
    """Kept tiles are within each limit, and overlap no more than they may."""
    kept = {row.path for row in rows if row.kept}
    scores = tables.read(data / "scores/subimages.csv", Score)
    assert {row.path for row in scores} == {row.path for row in rows}
    for measures in tables.read(data / "measures/subimages.csv", TileMeasures):
        for name, limit in rules["limits"].items():
            value = getattr(measures, name)
            within = limit.get("min", value) <= value <= limit.get("max", value)
            assert within or measures.path not in kept
    tiles = [t for t in tables.read(data / "tables/subimages.csv", Tile) if t.path in kept]
    for i, one in enumerate(tiles):
        for other in tiles[:i]:
            if one.parent == other.parent and rules["overlap"] is not None:
                assert shared(one, other) <= rules["overlap"]


def shared(one: Tile, other: Tile) -> float:
    """The area of two tiles' intersection by that of their union."""
    width = min(one.left, other.left) + SIZE - max(one.left, other.left)
    height = min(one.top, other.top) + SIZE - max(one.top, other.top)
    common = max(width, 0) * max(height, 0)
    return common / (2 * SIZE * SIZE - common)
