"""Quoting: whatever a file is called, YAML, Hydra and bash read the name that was meant."""

import subprocess
import tempfile
from pathlib import Path

import pytest
import yaml
from dvc.utils.hydra import apply_overrides
from hypothesis import example, given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from stages.common.quoting import as_override, as_yaml, in_quotes
from tests.strategies import file_names

ODD = st.text(
    st.sampled_from("ab \\'\"${}[],=:#?!@\n\r\t\x7f*&%-~0.é山😀\udcff\u2028\ufeff"), min_size=1
)
NAMES = st.lists(file_names | ODD, min_size=1, max_size=3)


@given(NAMES)
@example(["null", "1.5", "~"])
@example(["\x85", "\ud800\ufffe"])
def test_yaml_1_1_and_1_2_read_the_name_on_a_line_of_its_own(names: list[str]) -> None:
    text = "picks:\n" + "".join(f"  - {as_yaml(name)}\n" for name in names)
    assert len(text.splitlines()) == 1 + len(names)
    assert yaml.safe_load(text) == {"picks": names}
    assert YAML(typ="safe", pure=True).load(text.encode()) == {"picks": names}  # as DVC reads


@given(NAMES)
@example(["null", "1.5", "${oc.env:HOME}"])
@example(["\\", '\\"', "\\\\${x}\\"])
def test_what_bash_hands_to_dvc_sets_the_names(names: list[str]) -> None:
    overrides = [as_override(name) for name in names]
    written = "".join(name or "" for name in names)
    assert (None in overrides) == ("\x85" in written or "???" in names)
    if None in overrides:
        return
    inside = in_quotes(f"picks=[{','.join(map(str, overrides))}]")
    done = subprocess.run(["bash", "-c", f"printf %s '{inside}'"], capture_output=True, check=True)
    argument = done.stdout.decode(errors="surrogateescape")
    with tempfile.TemporaryDirectory() as folder:
        parameters = Path(folder) / "params.yaml"
        parameters.write_text("picks: [x]  # by eye\n")
        apply_overrides(parameters, [argument])
        assert yaml.safe_load(parameters.read_text()) == {"picks": names}


@pytest.mark.parametrize("name", ["???", "a\x85.jpg"])
def test_a_name_that_no_override_holds_has_none(name: str) -> None:
    assert as_override(name) is None


@given(ODD)
def test_a_command_is_one_line_of_utf_8(name: str) -> None:
    inside = in_quotes(name)
    assert len(inside.encode().splitlines()) == 1
    assert "\t" not in inside
    done = subprocess.run(["bash", "-c", f"printf %s '{inside}'"], capture_output=True, check=True)
    assert done.stdout == name.encode(errors="surrogateescape")
