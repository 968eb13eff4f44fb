"""Probe: the kept set beside all tiles, other cutoffs and chance, on photographs of their own."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stages import probe
from stages.common import tables
from stages.common.errors import UserError
from stages.common.pixels import images, png
from stages.common.pixels.images import Pixels
from stages.common.probe_params import EvaluationSets, ProbeParams
from stages.common.rows import Decision, Photograph, ProbedImage, ProbePoint, Tile
from tests.conftest import Stage, environment

HELD = "data/evaluation/held"
SIDE, TILES, KEPT = 120, 12, 6
OUTPUTS = ("probe.json", "out/curve.csv", "out/images.csv")


@dataclass
class Small:
    """A folder with all that the stage reads: tiles are ranked by their number."""

    folder: Path
    params: dict[str, Any]

    def put(self, tiles: list[Pixels], held: list[Pixels], kept: set[int]) -> None:
        rows, decisions, photographs = [], [], []
        for i, pixels in enumerate(tiles):
            path, sha256 = f"s/{i}.png", self.write(f"tiles/s/{i}.png", pixels)
            hash_ = images.pixels_sha256(pixels)
            box = (0, 0, SIDE, SIDE)
            rows.append(Tile(path, "s", hash_, path, "1", SIDE, SIDE, *box, path, sha256))
            decisions.append(Decision(i + 1, path, "s", hash_, 9, 0.5, i in kept, "", ""))
        for i, pixels in enumerate(held):
            sha256 = self.write(f"{HELD}/{i:02}.png", pixels)
            size = (pixels.shape[1], pixels.shape[0])
            facts = ("held", sha256, *size, 9, "PNG RGB", "", "")
            photographs.append(Photograph(f"held/{i:02}.png", *facts))
        tables.write(self.folder / "tiles.csv", Tile, rows)
        tables.write(self.folder / "cut.csv", Decision, decisions)
        tables.write(self.folder / "evaluation.csv", Photograph, photographs)

    def write(self, name: str, pixels: Pixels) -> str:
        return hashlib.sha256(png.write(self.folder / name, pixels)).hexdigest()

    def arguments(self, out: str) -> list[Path]:
        numbers = "probe.json" if out == "out" else f"{out}.json"
        names = ("tiles", "tiles.csv", "cut.csv", "data/evaluation", "evaluation.csv", numbers, out)
        return [self.folder / name for name in names]

    def run(self, out: str = "out") -> dict[str, Any]:
        tiles, table, cut, folder, *rest = self.arguments(out)
        held = self.params["held"] and str(self.folder / self.params["held"])
        params = ProbeParams.model_validate(self.params | {"held": held})
        sets = EvaluationSets(evaluation_sets=[str(folder / "held")])
        probe.main(tiles, table, cut, folder, *rest, params, sets)
        found: dict[str, Any] = json.loads(rest[1].read_text())
        return found


@pytest.fixture(scope="module")
def parts(sample_pixels: list[Pixels]) -> list[Pixels]:
    """Parts of photographs beside each other, of each photograph six."""
    return [
        pixels[top : top + SIDE, left : left + SIDE]
        for pixels in sample_pixels
        for top in (0, 200)
        for left in (0, 140, 280)
    ]


@pytest.fixture
def small(tmp_path: Path, parts: list[Pixels]) -> Small:
    project = Small(tmp_path, {"held": HELD, "points": 4, "classes": [12, 48]})
    project.put(parts[::3], [p for i, p in enumerate(parts) if i % 3][:22], set(range(1, 7)))
    return project


def test_where_nothing_is_held_it_says_so_and_leaves_empty_tables(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a tile, a photograph, or a table."""
    assert Small(tmp_path, {"held": None, "points": 4, "classes": [48]}).run() == {"held": None}
    assert tables.read(tmp_path / "out/curve.csv", ProbePoint) == []
    assert tables.read(tmp_path / "out/images.csv", ProbedImage) == []
    assert list((tmp_path / "out/pictures").iterdir()) == []
    assert capsys.readouterr().out.startswith("nothing is held, so nothing was tried")


def test_it_leaves_numbers_a_curve_and_pictures(
    small: Small, capsys: pytest.CaptureFixture[str]
) -> None:
    numbers = small.run()
    assert {key: numbers[key] for key in ("photographs", "tiles", "kept")} == {
        "photographs": 22,
        "tiles": 12,
        "kept": 6,
    }
    curve = tables.read(small.folder / "out/curve.csv", ProbePoint)
    assert [(p.tiles, p.classes) for p in curve] == [
        (n, classes) for classes in (12, 48) for n in (1, 3, 7, 12)
    ]
    assert [p.minus_all for p in curve if p.tiles == 12] == [0, 0]
    seen = tables.read(small.folder / "out/images.csv", ProbedImage)
    assert [row.photograph for row in seen] == [f"held/{i:02}.png" for i in range(22)] * 2
    for classes in ("12", "48"):
        own = numbers["classes"][classes]
        rows = [row for row in seen if row.classes == int(classes)]
        assert own["kept"] == pytest.approx(np.mean([r.kept for r in rows]), abs=1e-4)
        assert own["kept_minus_all"] == pytest.approx(own["kept"] - own["all"], abs=2e-4)
        assert own["low"] <= own["kept_minus_all"] <= own["high"]
        assert 0.5 < own["kept_ssim"] < 1
    pictures = sorted((small.folder / "out/pictures").iterdir())
    assert [path.name[:2] for path in pictures] == ["1_", "2_", "3_", "4_"]
    assert images.read(pictures[0]).shape == (240, 4 * 240 + 3 * 4, 3)
    assert capsys.readouterr().out.startswith("12 classes: kept 6 minus all 12 tiles ")


def test_the_curve_is_that_of_a_run_on_just_those_tiles(small: Small, parts: list[Pixels]) -> None:
    small.run()
    curve = tables.read(small.folder / "out/curve.csv", ProbePoint)
    small.put(parts[::3][:7], [p for i, p in enumerate(parts) if i % 3][:22], {0})
    small.run("alone")
    alone = tables.read(small.folder / "alone/curve.csv", ProbePoint)
    for classes in (12, 48):
        (here,) = (p.psnr for p in curve if (p.tiles, p.classes) == (7, classes))
        (there,) = (p.psnr for p in alone if (p.tiles, p.classes) == (7, classes))
        assert here == there


def test_any_number_of_processes_and_threads_gives_the_same_bytes(
    small: Small, run_stage: Stage
) -> None:
    params = {"probe": small.params, "screen": {"evaluation_sets": [HELD]}}
    (small.folder / "params.yaml").write_text(json.dumps(params))
    found = []
    for number, more in enumerate(
        (
            {"SRSET_WORKERS": "0", "OPENBLAS_NUM_THREADS": "2"},
            {"SRSET_WORKERS": "2", "OPENBLAS_CORETYPE": "Haswell"},
        )
    ):
        out = f"out{number}"
        options = small.arguments(out)
        options[3] = Path("data/evaluation")  # probe.held is below it as a relative path
        done = run_stage("probe", *options, env=environment(**more))
        assert done.returncode == 0, done.stderr
        files = sorted(p for p in (small.folder / out).rglob("*") if p.is_file())
        content = [(small.folder / f"{out}.json").read_bytes(), *(p.read_bytes() for p in files)]
        found.append(([p.name for p in files], content))
    assert found[0] == found[1]


def test_a_folder_that_may_be_trained_on_is_refused(small: Small) -> None:
    small.params["held"] = "data/validation"
    known = small.folder / HELD
    with pytest.raises(UserError) as raised:
        small.run()
    assert str(raised.value) == (
        f"probe.held: {small.folder}/data/validation is in none of screen.evaluation_sets "
        f"({known}), so its photographs could be trained on: add it there, or set probe.held to "
        "one of them or to null"
    )


def test_too_few_and_too_small_photographs_are_refused(small: Small, parts: list[Pixels]) -> None:
    small.put(parts[:2], parts[2:21], {0})
    with pytest.raises(UserError, match=r"held holds 19 photographs, expected 20 or more, since"):
        small.run()
    small.put(parts[:2], [*parts[2:22], parts[0][:63]], {0})
    with pytest.raises(UserError, match=r"held/20\.png has 120x63 px, expected 64 or more on each"):
        small.run("again")


def test_a_photograph_that_has_changed_is_refused(small: Small, parts: list[Pixels]) -> None:
    png.write(small.folder / HELD / "03.png", parts[0])
    with pytest.raises(UserError, match=r"held/03\.png has changed since it was listed"):
        small.run()
