"""Check: whatever is wrong with the parameters is reported before a run, all at once."""

import copy
import re
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import yaml

from stages import check
from stages.check import faults, parameter_models
from stages.common import links, listing, store
from stages.common.errors import UserError
from stages.common.params import read
from stages.common.pixels import png
from tests.conftest import REPOSITORY, Stage, noise
from tests.project import cutoffs

MODELS = parameter_models(REPOSITORY / "dvc.yaml")
WEIGHTS = Path("data/weights")
SECTIONS = read(REPOSITORY / "params.yaml")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with what the check looks at."""
    shutil.copy(REPOSITORY / "dvc.yaml", tmp_path)
    for folder in (SECTIONS["gather"]["source"], *SECTIONS["screen"]["evaluation_sets"]):
        (tmp_path / folder).mkdir(parents=True)
    for name in ("leave_out", "licences"):
        shutil.copy(REPOSITORY / f"data/{name}.csv", tmp_path / "data")
    (tmp_path / "data/weights").symlink_to(REPOSITORY / "data/weights")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def message_of(project: Path, sections: dict[str, Any]) -> str:
    (project / "params.yaml").write_text(yaml.safe_dump(sections))
    with pytest.raises(UserError) as raised:
        check.main(WEIGHTS, Path("checked.txt"))
    assert not Path("checked.txt").exists()
    return str(raised.value)


def test_the_repositorys_parameters_are_right(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copy(REPOSITORY / "params.yaml", project)
    check.main(WEIGHTS, Path("checked.txt"))
    assert Path("checked.txt").read_text() == "checked\n"
    assert capsys.readouterr().out == (
        "params.yaml is right · photographs in data/samples, not versioned yet: `dvc add "
        "'data/samples'`\n"
    )


def test_what_is_wrong_anywhere_is_told_at_once(project: Path) -> None:
    broken = SECTIONS | {"subimages": {"size": 512}, "colour": {}}
    broken["dataset"] = {"name": "a b"}
    del broken["gather"]
    assert message_of(project, broken) == (
        "params.yaml: section `colour` belongs to no stage: check its spelling, or remove it; "
        "section `gather` is missing: take it from the repository's; "
        "subimages.step is missing; subimages.threshold is missing; subimages.spacing is missing; "
        "subimages.files is missing; dataset.name must match pattern '^[A-Za-z0-9_-]+$', got 'a b'"
    )


def test_held_photographs_that_may_be_trained_on_are_told(project: Path) -> None:
    known = SECTIONS["screen"]["evaluation_sets"][0]
    probe = SECTIONS["probe"] | {"held": "data/validation"}
    assert message_of(project, SECTIONS | {"probe": probe}) == (
        f"params.yaml: probe.held: data/validation is in none of screen.evaluation_sets ({known}), "
        "so its photographs could be trained on: add it there, or set probe.held to one of them or "
        "to null"
    )
    probe["held"] = f"{known}/inside"
    assert message_of(project, SECTIONS | {"probe": probe}) == (
        f"params.yaml: probe.held: {known}/inside is no folder: put images there, or name another"
    )
    probe |= {"classes": [192, 48], "points": 1}
    assert message_of(project, SECTIONS | {"probe": probe}) == (
        "params.yaml: probe.points must be greater than or equal to 2, got 1; probe.classes must "
        "ascend, each of 12, 48 and 192 at most once, got [192, 48]"
    )


def test_folders_that_are_not_there_are_told_at_once(project: Path) -> None:
    gather = SECTIONS["gather"] | {"source": "data/sauce"}
    screen = SECTIONS["screen"] | {"evaluation_sets": ["data/e", "dvc.yaml"]}
    assert message_of(project, SECTIONS | {"gather": gather, "screen": screen}) == (
        "params.yaml: gather.source: data/sauce is no folder: put images there, or name another; "
        "screen.evaluation_sets: data/e is no folder: put images there, or name another; "
        "screen.evaluation_sets: dvc.yaml is no folder: put images there, or name another"
    )


def test_what_the_scorer_lacks_is_told_before_hours_of_gathering(project: Path) -> None:
    score = SECTIONS["score"] | {"model": "other.pth", "device": "cpu", "precision": "fp16"}
    assert message_of(project, SECTIONS | {"score": score}) == (
        "params.yaml: other.pth: no such file; check the path, or use one of builtin, koniq10k, "
        "koniq10k-pyiqa; "
        "score.precision: fp16 is not for cpu: use one of fp32, bf16, or auto"
    )


def test_weights_that_are_damaged_are_told_before_hours_of_gathering(project: Path) -> None:
    Path("other.safetensors").write_bytes(
        (WEIGHTS / "builtin.safetensors").read_bytes()[:1_000_000]
    )
    score = SECTIONS["score"] | {"model": "other.safetensors"}
    assert message_of(project, SECTIONS | {"score": score}).startswith(
        "params.yaml: other.safetensors: can't be read ("
    )


def test_a_store_that_can_not_be_used_is_told(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SRSET_STORE", str(project / "dvc.yaml"))
    assert message_of(project, SECTIONS).startswith(f"score store {project / 'dvc.yaml'}: ")


def test_a_disk_that_is_too_small_is_told_before_hours_of_scoring(
    project: Path, tiny_disk: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The 12 smallest photographs, their second scale and their tiles, at half a byte a pixel."""
    disk = tiny_disk("size=1m")
    (disk / "dvc.yaml").write_text((project / "dvc.yaml").read_text())
    (disk / "data").mkdir()
    for name in ("leave_out", "licences"):
        shutil.copy(REPOSITORY / f"data/{name}.csv", disk / "data")
    (disk / "data" / "weights").symlink_to(REPOSITORY / "data" / "weights")
    gather = SECTIONS["gather"] | {"source": str(REPOSITORY / "data" / "samples")}
    screen = SECTIONS["screen"] | {"evaluation_sets": []}
    monkeypatch.chdir(disk)
    message = message_of(disk, SECTIONS | {"gather": gather, "screen": screen})
    assert re.match(
        r"data: what the next stages write needs \d+ MB at least, and \d MB is ", message
    )
    for folder in ("hr", "multiscale", "subimages"):  # what is there needs no more room
        (disk / "data" / folder).mkdir()
    check.main(WEIGHTS, Path("checked.txt"))


def test_a_folder_whose_name_no_command_line_holds_is_told(project: Path) -> None:
    (project / "it's").mkdir()
    gather = SECTIONS["gather"] | {"source": "it's"}
    assert message_of(project, SECTIONS | {"gather": gather}) == (
        'params.yaml: gather.source: "it\'s": no quote or line break can be in its name: rename it'
    )


def test_a_section_that_dvc_would_not_see_is_told(project: Path) -> None:
    cutoff = copy.deepcopy(SECTIONS["cutoff"])
    cutoff["images"]["per_section"] = {"size": {"count": 3}}
    assert message_of(project, SECTIONS | {"cutoff": cutoff}).startswith(
        "params.yaml: cutoff.images.per_section can't hold `size`: where DVC looks for a past run"
    )


@pytest.mark.parametrize("name", ["data/samples", "data/evaluation", "data/reference"])
def test_names_that_dvc_can_not_keep_are_told(project: Path, name: str) -> None:
    folder = project / name
    (folder / "caf\udce9").mkdir(parents=True)
    png.write(folder / "caf\udce9" / "a.png", noise(8, 8))
    count = len(listing.listing(folder))
    assert message_of(project, SECTIONS) == (
        f"{name}: 1 of {count} names are not UTF-8, as 'caf\\udce9/a.png', and DVC can't keep "
        f"these: rename them, as by `convmv -f latin1 -t utf8 -r --notest '{name}'`, or put them "
        "into an archive"
    )


def test_a_folder_that_dvc_could_bring_is_told(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gather = SECTIONS["gather"] | {"source": "data/photos"}
    (project / "data" / "photos.dvc").touch()
    assert message_of(project, SECTIONS | {"gather": gather}).endswith(
        "data/photos is no folder: run `dvc checkout 'data/photos.dvc'`, or `dvc pull` first"
    )
    monkeypatch.setattr(links, "is_experiment", lambda: True)
    assert message_of(project, SECTIONS | {"gather": gather}).endswith(
        "is no folder: an experiment has what git and DVC keep: run `dvc add 'data/photos'`, then "
        "commit"
    )


def photographs(project: Path, *sizes: tuple[int, int]) -> None:
    for i, (width, height) in enumerate(sizes):
        png.write(project / SECTIONS["gather"]["source"] / f"{i}.png", noise(height, width, i))


def test_counts_that_can_not_be_met_are_told_before_anything_is_scored(project: Path) -> None:
    photographs(project, (600, 520), (700, 520), (40, 40))
    cutoff = cutoffs(3, 13)
    multiscale = {"scales": [1], "shortest_edge": 512}
    sections = SECTIONS | {"cutoff": cutoff, "multiscale": multiscale}
    assert message_of(project, sections) == (
        "params.yaml: cutoff.images.count asks for 3 of only 2 photographs that are large enough; "
        "cutoff.subimages.count asks for 13 of only 12 tiles that they give at most"
    )


def test_a_section_of_another_folder_is_told_before_anything_is_scored(project: Path) -> None:
    png.write(project / SECTIONS["gather"]["source"] / "my faces" / "0.png", noise(600, 600))
    assert "cutoff.images.per_section names troubles, but the sections" in message_of(
        project, SECTIONS
    )


def test_picks_that_can_not_be_taken_are_told_before_anything_is_scored(project: Path) -> None:
    photographs(project, (600, 520), (40, 40))
    sections = SECTIONS | {"cutoff": cutoffs(None, None)}
    sections["validation"] = SECTIONS["validation"] | {"picks": ["0.jpg", "0.png", "1.png"]}
    assert message_of(project, sections) == (
        "params.yaml: validation.picks: 0.jpg is no file in gather.source: did you mean 0.png?; "
        "validation.picks: 1.png may not be used: too small, 40x40 px, the short edge must be 512 "
        "or more: lower screen.min_short_edge, or pick another"
    )


def test_photographs_that_give_no_tile_are_noted(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photographs(project, (600, 520))
    sections = SECTIONS | {"cutoff": cutoffs(None, None)}
    sections["screen"] = SECTIONS["screen"] | {"min_short_edge": 300}
    (project / "params.yaml").write_text(yaml.safe_dump(sections))
    check.main(WEIGHTS, Path("checked.txt"))
    assert capsys.readouterr().out.splitlines()[-1] == (
        "screen.min_short_edge is 300 px, and tiles are 512: photographs between the two give no "
        "tile"
    )


def test_a_stage_of_the_users_own_that_is_no_script_is_passed_over(project: Path) -> None:
    graph = yaml.safe_load((project / "dvc.yaml").read_text())
    graph["stages"]["upload"] = {"cmd": "rsync data/release host:"}
    (project / "dvc.yaml").write_text(yaml.safe_dump(graph))
    assert parameter_models(project / "dvc.yaml") == MODELS


def test_nothing_is_left_in_the_store(project: Path) -> None:
    path = project / "scores.sqlite"
    store.check(path)
    with closing(sqlite3.connect(path)) as database:
        for table in ("scorer", "score", "fact"):
            assert database.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)


def test_no_fault_is_no_text() -> None:
    assert faults(SECTIONS, MODELS) == []


def test_every_section_has_the_model_of_its_stage() -> None:
    names = {name: f"{name.title()}Params" for name in SECTIONS}
    assert {name: model.__name__ for name, model in MODELS.items()} == names


def test_as_make_check_runs_it(project: Path, run_stage: Stage) -> None:
    (project / "params.yaml").write_text(yaml.safe_dump(SECTIONS | {"multiscale": {}}))
    done = run_stage("check", WEIGHTS, "checked.txt")
    assert done.returncode == 1
    assert done.stderr == (
        "error: check: params.yaml: multiscale.scales is missing; "
        "multiscale.shortest_edge is missing\n"
    )


def test_a_reference_that_is_no_folder_is_told(project: Path) -> None:
    cutoff = SECTIONS["cutoff"] | {
        "subimages": SECTIONS["cutoff"]["subimages"]
        | {"min_score": {"reference": "data/reference/nomos"}}
    }
    assert message_of(project, SECTIONS | {"cutoff": cutoff}) == (
        "params.yaml: min_score: data/reference/nomos is no folder: put images there, or name "
        "another"
    )


def test_what_is_left_out_and_nowhere_is_told(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "params.yaml").write_text(yaml.safe_dump(SECTIONS))
    (project / "data/leave_out.csv").write_text("image,reason\na.pgn,blurred\n")
    check.main(WEIGHTS, Path("checked.txt"))
    assert capsys.readouterr().out.splitlines()[1] == (
        "data/leave_out.csv names 1 images that are no photograph and no tile of the last run, as "
        "a.pgn: check the spelling, or leave them"
    )
    (project / "data/leave_out.csv").write_text("a.png\n")
    with pytest.raises(UserError) as raised:
        check.main(WEIGHTS, Path("checked.txt"))
    assert str(raised.value) == (
        "data/leave_out.csv: the first line must be `image,reason`, got `a.png`"
    )


def test_photographs_below_the_size_of_scoring_are_told(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = project / SECTIONS["gather"]["source"]
    png.write(source / "a.png", noise(40, 600))
    png.write(source / "b.png", noise(300, 300))
    few = {"images": SECTIONS["cutoff"]["images"] | {"count": 1, "per_section": {}}}
    sections = SECTIONS | {
        "screen": SECTIONS["screen"] | {"min_short_edge": 40},
        "score": SECTIONS["score"] | {"size": 224},
        "cutoff": {**few, "subimages": SECTIONS["cutoff"]["subimages"] | {"count": None}},
    }
    (project / "params.yaml").write_text(yaml.safe_dump(sections))
    check.main(WEIGHTS, Path("checked.txt"))
    assert (
        capsys.readouterr()
        .out.splitlines()[1]
        .startswith(
            "score.size is 224 px, and 1 of 2 photographs are smaller, the smallest 40 px: "
        )
    )


def test_licences_that_can_not_be_read_are_told_before_a_run(project: Path) -> None:
    (project / "params.yaml").write_text(yaml.safe_dump(SECTIONS))
    (project / "data/licences.csv").write_text("photographs,licence,author,source,url\na,,,,\n")
    with pytest.raises(UserError) as raised:
        check.main(WEIGHTS, Path("checked.txt"))
    assert str(raised.value) == ("data/licences.csv: a: has no licence: name it, or delete it")
