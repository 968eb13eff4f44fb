"""What a user of the recipe can get wrong is told in one line; and its project holds together."""

import inspect
import re
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
import yaml

from stages.common import params
from stages.common.errors import UserError
from stages.common.fingerprints import SHELL
from stages.common.pixels import png
from tests.conftest import REPOSITORY
from tests.test_wiring import needed
from tests.training.pictures import FEW, folder
from training.showcase import compare, fitting, measured, models, sets, upscale
from training.showcase.fitting import TrainParams
from training.showcase.measured import EvaluateParams
from training.showcase.network import initial

PLACE = REPOSITORY / "training" / "showcase"
PROJECT = yaml.safe_load((PLACE / "dvc.yaml").read_text())["stages"]


def told(message: str) -> str:
    """A pattern of the whole message."""
    return f"^{re.escape(message)}$"


def test_the_parameters_are_those_of_the_notes() -> None:
    found = params.load(TrainParams, "train", compare.PARAMS)
    assert found.model_dump() == {
        "few_steps": False,
        "steps": 3200,
        "batch": 16,
        "patch": 32,
        "rate": 3e-3,
        "warmup": 0.05,
        "average": 0.99,
        "seed": 0,
        "device": "auto",
    }
    assert params.load(EvaluateParams, "evaluate", compare.PARAMS).least == 20


def test_too_few_steps_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "params.yaml"
    file.write_text(f"train: {FEW.model_copy(update={'few_steps': False}).model_dump_json()}\n")
    message = (
        f"{file}: train.steps must be 3,200 or more, since fewer tell how fast a set trains and "
        "not how well (for a test alone: few_steps: true), got 30"
    )
    with pytest.raises(UserError, match=told(message)):
        params.load(TrainParams, "train", file)


def test_a_gpu_that_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    message = "train.device: got cuda, but torch finds no GPU; expected auto or cpu"
    with pytest.raises(UserError, match=told(message)):
        fitting.steady("cuda")


def test_two_pictures_that_would_be_one_when_enlarged_are_told(tmp_path: Path) -> None:
    weights, low = tmp_path / "x2.safetensors", folder(tmp_path / "low", [0])
    models.write(weights, initial(2), {"scale": "2"})
    (low / "0.webp").write_bytes((low / "0.png").read_bytes())
    message = f"{low / '0.png'} and {low / '0.webp'} would both be 0.png: rename one"
    with pytest.raises(UserError, match=told(message)):
        upscale.main(weights, low, tmp_path / "large")
    assert not (tmp_path / "large").exists()


def test_a_small_tile_is_told(tmp_path: Path) -> None:
    identified = sets.find(folder(tmp_path / "set", [0], side=60))
    message = (
        f"{tmp_path / 'set' / '0.png'} has 60x60 px, expected 64 or more on each side for x4: "
        "take it out of the folder, or train on larger tiles"
    )
    with pytest.raises(UserError) as caught:
        sets.patches(identified, scale=4, patch=16, seed=0, count=1)
    assert str(caught.value) == message


def test_a_broken_tile_is_told(tmp_path: Path) -> None:
    path = folder(tmp_path / "set", [0]) / "0.png"
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(UserError, match=r"^\S+0\.png: truncated: .*: take it out of the folder$"):
        sets.read(path)


def test_a_name_that_is_there_twice_is_told(tmp_path: Path) -> None:
    place = folder(tmp_path / "set", [0])
    (place / "0.jpg").write_bytes((place / "0.png").read_bytes())
    with pytest.raises(UserError, match=r"0\.\w+ has the name of another image of the set"):
        sets.find(place)


def test_an_empty_folder_and_none_at_all_are_told(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for name, what in (("empty", "holds no image"), ("none", "is no folder")):
        message = f"{tmp_path / name} {what}: name the folder that a set was unpacked to"
        with pytest.raises(UserError, match=told(message)):
            sets.find(tmp_path / name)


def test_too_few_held_photographs_are_told_before_training(tmp_path: Path) -> None:
    one, other, held = (folder(tmp_path / name, [0, 1, 2]) for name in ("a", "b", "held"))
    message = (
        f"held: {held} holds 3 photographs, expected 20 or more, since of fewer the interval says "
        "nothing: put more there"
    )
    with pytest.raises(UserError, match=told(message)):
        compare.compared([one, other], held, 2, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_held_photograph_that_is_trained_on_is_told_before_training(tmp_path: Path) -> None:
    one, other = folder(tmp_path / "a", [30]), folder(tmp_path / "b", [7])
    held = folder(tmp_path / "held", range(20))
    message = (
        f"held: {held / '7.png'} is trained on, as {other / '7.png'}: hold others, or take it out "
        "of the set"
    )
    with pytest.raises(UserError, match=told(message)):
        compare.compared([one, other], held, 2, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_small_held_photograph_is_told(tmp_path: Path) -> None:
    path = tmp_path / "small.png"
    png.write(path, np.zeros((63, 80, 3), np.uint8))
    message = f"{path} has 80x63 px, expected 64 or more on each side: take it out of the held ones"
    with pytest.raises(UserError, match=told(message)):
        measured.look(("small.png", path), network=initial(2), side=64)


def test_one_set_is_none_to_compare(tmp_path: Path) -> None:
    message = "--sets: got a, a; expected two or more different folders"
    with pytest.raises(UserError, match=told(message)):
        compare.compared([Path("a"), Path("a")], tmp_path, 2, tmp_path)


def test_a_file_that_is_no_network_is_told(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    message = f"{path} is missing: train it first, by training.showcase.train"
    with pytest.raises(UserError, match=told(message)):
        models.read(path)
    path.write_bytes(b"no network")
    with pytest.raises(UserError, match=r"is no network of this recipe \(.*\): train it anew$"):
        models.read(path)


@pytest.mark.parametrize("name", PROJECT)
def test_a_stage_depends_on_all_that_it_imports(name: str) -> None:
    others = {f"training.showcase.{other}" for other in PROJECT}
    tables = {"stages.common.tables", "stages.common.files"}  # no reason to train again
    deps = [dep for dep in PROJECT[name]["deps"] if dep.endswith(".py")]
    code = {str((PLACE / dep).resolve().relative_to(REPOSITORY)) for dep in deps}
    assert code == needed(f"training.showcase.{name}", without=SHELL | tables | others)


@pytest.mark.parametrize("name", PROJECT)
def test_a_command_gives_what_its_script_asks_for(name: str) -> None:
    main = import_module(f"training.showcase.{name}").main
    options = re.findall(r"--([a-z]+) ", PROJECT[name]["cmd"])
    assert options == list(inspect.signature(main).parameters)


def test_every_parameter_has_a_comment_and_every_file_few_lines() -> None:
    lines = compare.PARAMS.read_text().splitlines()
    assert [line for line in lines if line.startswith("  ") and " # " not in line] == []
    assert {p.name for p in PLACE.glob("*.py") if len(p.read_text().splitlines()) > 200} == set()
