"""Configurations: the options that trainers read, and paths that are there."""

import itertools
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image

from stages.common.archive.trainers import TRAINERS, configurations
from stages.common.pixels import images
from tests.common.archive.sets import SIDE, small_set, write_images
from tests.conftest import REPOSITORY, noise

SET = small_set()
FOUND = configurations(SET.name, SET.tiles, SET.validation, [2, 4])
READ = {"yml": yaml.safe_load, "toml": tomllib.loads}
CASES = list(itertools.product(TRAINERS, ("otf", "paired"), (2, 4)))


def read(found: Mapping[str, str], trainer: str, kind: str, scale: int) -> dict[str, Any]:
    suffix = TRAINERS[trainer]
    values: dict[str, Any] = READ[suffix](found[f"configs/{trainer}/{kind}_x{scale}.{suffix}"])
    return values


def keys(values: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    for key, value in values.items():
        yield f"{prefix}{key}"
        if isinstance(value, Mapping):
            yield from keys(value, f"{prefix}{key}.")


def test_there_is_one_for_each_trainer_kind_and_scale() -> None:
    names = {f"configs/{t}/{kind}_x{scale}.{TRAINERS[t]}" for t, kind, scale in CASES}
    assert set(FOUND) == names | {"configs/downscale.py"}


@pytest.mark.parametrize(("trainer", "kind", "scale"), CASES)
def test_every_option_is_one_that_the_trainer_reads(trainer: str, kind: str, scale: int) -> None:
    lines = (REPOSITORY / "tests" / "data" / "trainer_options.txt").read_text().splitlines()
    known = {line.split(" ")[1] for line in lines if line.startswith(f"{trainer} ")}
    assert len(known) > 90
    assert set(keys(read(FOUND, trainer, kind, scale))) - known == set()


@pytest.mark.parametrize(("trainer", "kind", "scale"), CASES)
def test_every_path_is_in_the_set_or_made_by_downscale(trainer: str, kind: str, scale: int) -> None:
    values = read(FOUND, trainer, kind, scale)
    data = values["datasets"]
    many = trainer == "trainner-redux"
    name, tiles = SET.name, data["train"]
    assert values["scale"] == scale
    assert tiles["dataroot_gt"] == ([name] if many else name)
    if kind == "paired":
        low = f"{name}-x{scale}"
        assert tiles["dataroot_lq"] == ([low] if many else low)
    else:
        assert "dataroot_lq" not in tiles
    hr, lr = "validation/hr", f"validation/x{scale}"
    pair = (data["val"]["dataroot_gt"], data["val"]["dataroot_lq"])
    assert pair == (([hr], [lr]) if many else (hr, lr))


@pytest.mark.parametrize(("trainer", "kind", "scale"), CASES)
def test_pieces_fit_into_tiles(trainer: str, kind: str, scale: int) -> None:
    tiles = read(FOUND, trainer, kind, scale)["datasets"]["train"]
    high = tiles.get("gt_size") or scale * (tiles.get("lq_size") or tiles["patch_size"])
    assert high == SIDE
    assert high % (4 * scale) == 0


def test_meta_info_where_it_is_read_and_not_where_it_fails() -> None:
    places = {
        (trainer, kind): {
            key: value
            for key, value in read(FOUND, trainer, kind, 4)["datasets"]["train"].items()
            if key.startswith("meta_info")
        }
        for trainer, kind, _ in CASES
    }
    assert places == {
        ("basicsr", "otf"): {"meta_info": "meta_info.txt"},
        ("basicsr", "paired"): {"meta_info_file": "meta_info.txt"},
        ("neosr", "otf"): {},
        ("neosr", "paired"): {},
        ("trainner-redux", "otf"): {"meta_info": "meta_info.txt"},
        ("trainner-redux", "paired"): {"meta_info": "meta_info.txt"},
    }


def test_large_tiles_are_read_in_pieces_of_256() -> None:
    tiles = [row._replace(width=512, height=512) for row in SET.tiles]
    found = configurations(SET.name, tiles, SET.validation, [4])
    assert read(found, "basicsr", "otf", 4)["gt_size"] == 256
    assert read(found, "neosr", "otf", 4)["datasets"]["train"]["patch_size"] == 64


def test_no_pairs_where_the_sides_do_not_divide() -> None:
    found = configurations(SET.name, SET.tiles, SET.validation, [3])
    assert [name for name in found if "paired" in name] == []
    assert len(found) == 1 + len(TRAINERS)


def test_no_validation_where_there_is_none() -> None:
    found = configurations(SET.name, SET.tiles, [], [4])
    for trainer in TRAINERS:
        values = read(found, trainer, "otf", 4)
        assert "val" not in values["datasets"]
        assert not values.get("val", {"val_enabled": False}).get("val_enabled")


def test_low_resolution_tiles_are_made_as_the_validation_images(tmp_path: Path) -> None:
    write_images(SET, tmp_path, tmp_path / "validation")
    script = tmp_path / "configs" / "downscale.py"
    script.parent.mkdir()
    script.write_text(FOUND["configs/downscale.py"])
    subprocess.run([sys.executable, script, "4"], check=True)
    made = sorted((tmp_path / "tiny-set-x4").iterdir())
    assert {path.name for path in made} == {row.name for row in SET.tiles}
    for path in made:
        whole = noise(SIDE, SIDE, int(path.stem))
        expected = images.resize(whole, SIDE // 4, SIDE // 4, Image.Resampling.BOX)
        assert np.array_equal(np.asarray(Image.open(path)), expected)
