"""Parameters: every fault of a section in one line that says how to mend it."""

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from stages.common.cutoff_params import CutoffParams
from stages.common.errors import UserError
from stages.common.gather_params import GatherParams
from stages.common.params import Params, faults, load, read
from stages.multiscale import MultiscaleParams
from stages.score import ScoreParams
from stages.screen import ScreenParams
from stages.subimages import SubimagesParams
from stages.validation import ValidationParams
from tests.conftest import REPOSITORY

WINDOWS = {"size": 512, "step": 240, "threshold": 0, "spacing": "step", "files": "all"}


def message_of(model: type[Params], section: str, values: object) -> str:
    """The faults of a section, as `load` puts them in one line; each must be a line of its own."""
    found = faults(model, section, values)
    assert [fault.splitlines() for fault in found] == [[fault] for fault in found]
    return "; ".join(found)


def told_of_text(tmp_path: Path, text: str, model: type[Params], section: str) -> str:
    """What the user is told of a parameter file, with its path taken off."""
    path = tmp_path / "params.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UserError) as raised:
        load(model, section, path)
    return str(raised.value).removeprefix(str(tmp_path) + "/")


def test_a_good_section_is_loaded(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump({"subimages": WINDOWS, "another stage's": {"x": 1}}))
    expected = SubimagesParams(size=512, step=240, threshold=0, spacing="step", files="all")
    assert load(SubimagesParams, "subimages", path) == expected


def test_faults_are_told_with_their_file(tmp_path: Path) -> None:
    text = yaml.safe_dump({"subimages": WINDOWS | {"size": 1, "step": 0}})
    assert told_of_text(tmp_path, text, SubimagesParams, "subimages") == (
        "params.yaml: subimages.size must be greater than or equal to 8, got 1; "
        "subimages.step must be greater than or equal to 1, got 0"
    )


def test_parameters_do_not_change() -> None:
    params = SubimagesParams(**WINDOWS)
    with pytest.raises(ValidationError):
        params.size = 3
    assert params.size == 512


def test_all_faults_are_told_at_once_in_one_line() -> None:
    values = {"size": "512", "step": 0, "spacing": "odd", "overlap": 3}
    assert message_of(SubimagesParams, "subimages", values) == (
        "subimages.size must be a valid integer, got '512'; "
        "subimages.step must be greater than or equal to 1, got 0; "
        "subimages.threshold is missing; "
        "subimages.spacing must be 'step' or 'even', got 'odd'; "
        "subimages.files is missing; "
        "subimages.overlap is not a parameter: check its spelling, or remove it"
    )


def test_a_fault_deep_inside_is_told_with_its_place() -> None:
    values = {"scales": [1, 1.5, 0], "shortest_edge": 0}
    assert message_of(MultiscaleParams, "multiscale", values) == (
        "multiscale.scales[1] must be less than or equal to 1, got 1.5; "
        "multiscale.scales[2] must be greater than 0, got 0; "
        "multiscale.shortest_edge must be greater than or equal to 1, got 0"
    )
    cutoff = read(REPOSITORY / "params.yaml")["cutoff"]
    cutoff["images"]["per_section"] = {"faces": {"count": -1, "by": "rank"}}
    cutoff["subimages"]["count"] = 0
    assert message_of(CutoffParams, "cutoff", cutoff) == (
        "cutoff.images.per_section.faces.count must be greater than or equal to 0, got -1; "
        "cutoff.images.per_section.faces.by is not a parameter: check its spelling, or remove it; "
        "cutoff.subimages.count must be greater than or equal to 1, got 0"
    )


@pytest.mark.parametrize("value", [True, "1", 1.5, None, [1]])
def test_a_whole_number_is_nothing_else(value: object) -> None:
    text = message_of(SubimagesParams, "subimages", WINDOWS | {"size": value})
    assert text == f"subimages.size must be a valid integer, got {value!r}"


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_number_is_finite(value: float) -> None:
    cutoff = read(REPOSITORY / "params.yaml")["cutoff"]
    cutoff["images"]["min_score"] = value
    text = message_of(CutoffParams, "cutoff", cutoff)
    assert text == (
        "cutoff.images.min_score must be a finite number, null or {reference: "
        f"data/reference/NAME}}, got {value!r}"
    )


@pytest.mark.parametrize(
    ("written", "read_as"), [("1e-3", "'1e-3'"), ("0,5", "'0,5'"), ("on", "True"), ("", "None")]
)
def test_what_yaml_reads_as_text_is_refused_as_it_was_read(
    tmp_path: Path, written: str, read_as: str
) -> None:
    text = f"gather:\n  source: s\n  more: {{}}\n  max_megapixels: {written}\n"
    assert told_of_text(tmp_path, text, GatherParams, "gather") == (
        f"params.yaml: gather.max_megapixels must be a valid number, got {read_as}"
    )


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "params.yaml must hold one section per stage, got None"),
        ("- a\n- b\n", "params.yaml must hold one section per stage, got ['a', 'b']"),
        (
            "gather: {}\n",
            "params.yaml: section `subimages` is missing: take it from the repository's",
        ),
        (
            "subimages:\n",
            "params.yaml: subimages must be a valid dictionary or instance of SubimagesParams, "
            "got None",
        ),
    ],
)
def test_a_file_without_the_section_is_told(tmp_path: Path, text: str, fault: str) -> None:
    assert told_of_text(tmp_path, text, SubimagesParams, "subimages") == fault


@pytest.mark.parametrize("text", ["a: [1, 2\nb: 3\n", "a: b: c\n", "\ta: 1\n", "a: \x07\n"])
def test_what_is_not_yaml_is_told_in_one_line(tmp_path: Path, text: str) -> None:
    fault = told_of_text(tmp_path, text, SubimagesParams, "subimages")
    assert fault.startswith("params.yaml is not YAML: ")
    assert "\n" not in fault


def test_a_file_that_is_not_utf_8_is_told(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_bytes(b"gather: caf\xe9\n")
    with pytest.raises(UserError) as raised:
        read(path)
    assert str(raised.value) == (
        f"{path} is not YAML: 'utf-8' codec can't decode byte 0xe9 in position 11: "
        "invalid continuation byte"
    )


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError) as raised:
        read(tmp_path / "params.yaml")
    message = f"{tmp_path / 'params.yaml'} is missing: run from the folder that holds it"
    assert str(raised.value) == message


GOOD: dict[str, tuple[type[Params], dict[str, object]]] = {
    "gather": (
        GatherParams,
        {"source": "s", "more": {}, "max_megapixels": 1},
    ),
    "screen": (
        ScreenParams,
        {"min_short_edge": 1, "exclude": [], "evaluation_sets": [], "known_sets": True},
    ),
    "score": (
        ScoreParams,
        {
            "model": "builtin",
            "crops": "cover",
            "size": "native",
            "device": "auto",
            "precision": "auto",
        },
    ),
    "validation": (
        ValidationParams,
        {"candidates": 1, "count": 0, "picks": [], "scales": [2]},
    ),
    "multiscale": (MultiscaleParams, {"scales": [1], "shortest_edge": None}),
    "subimages": (SubimagesParams, WINDOWS),
}


@pytest.mark.parametrize("section", GOOD)
def test_every_key_is_needed_and_no_other_is_known(section: str) -> None:
    model, values = GOOD[section]
    assert faults(model, section, values) == []
    assert set(model.model_validate(values).model_dump()) == set(values)
    for key in values:
        less = {k: v for k, v in values.items() if k != key}
        assert message_of(model, section, less) == f"{section}.{key} is missing"
    assert message_of(model, section, values | {"colour": 1}) == (
        f"{section}.colour is not a parameter: check its spelling, or remove it"
    )


@pytest.mark.parametrize(
    ("section", "key", "value"),
    [
        ("screen", "min_short_edge", 0),
        ("gather", "max_megapixels", 0),
        ("gather", "max_megapixels", 251),
        ("validation", "candidates", 0),
        ("validation", "count", -1),
        ("validation", "scales", []),
        ("validation", "scales", [0]),
        ("validation", "scales", [2, -4]),
        ("multiscale", "scales", []),
        ("multiscale", "scales", [0.5, 1, 0.50]),
        ("subimages", "size", 7),
        ("subimages", "step", 0),
        ("subimages", "threshold", -1),
    ],
)
def test_numbers_out_of_range_are_refused(section: str, key: str, value: object) -> None:
    model, values = GOOD[section]
    text = message_of(model, section, values | {key: value})
    assert text.startswith(f"{section}.{key}")
    assert ";" not in text


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(), st.lists, max_leaves=5))
def test_no_value_at_all_ends_without_a_line(value: object) -> None:
    for section, (model, _) in GOOD.items():
        assert message_of(model, section, value).startswith(f"{section} ")


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        (
            ("images", "limits"),
            {"bits": {"min": 1.0}},
            "limits names bits, but the measures are blocks, detail, noise, white, black, quality: "
            "correct it, got {'bits': {'min': 1.0}}",
        ),
        (
            ("subimages", "limits"),
            {"bits": {}},
            "limits.bits must have a min, a max or both, got {}",
        ),
        (
            ("subimages", "limits"),
            {"bits": {"min": 2.0, "max": 1.0}},
            "limits.bits must have a min of at most its max, got {'min': 2.0, 'max': 1.0}",
        ),
        (("subimages", "overlap"), 1.0, "overlap must be less than 1, got 1.0"),
        (
            ("subimages", "per_photograph"),
            0,
            "per_photograph must be greater than or equal to 1, got 0",
        ),
        (
            ("images", "near_duplicates"),
            {"bits": 64, "distance": 0.1},
            "near_duplicates.bits must be less than or equal to 48, got 64",
        ),
    ],
)
def test_a_rule_that_is_none_is_told(place: tuple[str, str], value: object, message: str) -> None:
    cutoff = read(REPOSITORY / "params.yaml")["cutoff"]
    cutoff[place[0]][place[1]] = value
    assert message_of(CutoffParams, "cutoff", cutoff) == f"cutoff.{place[0]}.{message}"
