"""Check: what is wrong with folders of photographs and with what is said of them, before a run."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from stages import check
from stages.common.pixels import png
from tests import test_check
from tests.archives import pack
from tests.conftest import noise
from tests.project import cutoffs
from tests.test_check import SECTIONS, WEIGHTS, message_of

project = test_check.project  # a folder with what the check looks at
NO = "name: B\nlicence: theirs\nredistribute: no\n"


def more(**folders: str) -> dict[str, Any]:
    names = {name.replace("_", "/"): folder for name, folder in folders.items()}
    return SECTIONS | {"gather": SECTIONS["gather"] | {"more": names}}


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        (
            more(faces="gone"),
            "params.yaml: gather.more: gone is no folder: put images there, or name another",
        ),
        (
            more(faces="here", faces_a="here"),
            "params.yaml: gather.more must not have a name inside another's, as faces/a, got "
            "{'faces': 'here', 'faces/a': 'here'}",
        ),
    ],
)
def test_a_further_folder_that_can_not_be_used_is_told(
    project: Path,
    sections: dict[str, Any],
    message: str,
) -> None:
    assert message_of(project, sections) == message


def test_a_name_that_there_is_already_is_told(project: Path) -> None:
    (project / "data/samples/faces").mkdir()
    (project / "here").mkdir()
    assert message_of(project, more(faces="here")) == (
        "gather.more: faces is also a name in data/samples: give one of the two another name"
    )


def test_what_is_wrong_with_a_source_is_told(project: Path) -> None:
    pack(project / "here" / "a.zip", {"source.yaml": b"name: B\n"})
    assert message_of(project, more(faces="here")) == (
        "here/a.zip/source.yaml: licence is missing; redistribute is missing"
    )


def test_a_source_that_no_release_takes_is_noted(
    project: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for i in range(20):
        png.write(project / "data/samples" / "a" / f"{i}.png", noise(520, 520, i))
    (project / "data/samples/a/source.yaml").write_text(NO)
    for private in (False, True):
        sections = SECTIONS | {
            "cutoff": cutoffs(1, 1),
            "release": SECTIONS["release"] | {"private": private},
        }
        (project / "params.yaml").write_text(yaml.safe_dump(sections))
        check.main(WEIGHTS, Path("checked.txt"))
        said = capsys.readouterr().out
        assert ("data/samples/a/source.yaml: B may not be redistributed: " in said) != private
