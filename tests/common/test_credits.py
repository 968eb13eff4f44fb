"""source.yaml: whose photographs are; checked strictly, and the nearest one counts."""

import re
from pathlib import Path

import pytest

from stages.common import credits, sources
from stages.common.errors import UserError
from stages.common.rows import Folder, Source
from tests.archives import pack
from tests.conftest import REPOSITORY

GOOD = "name: FFHQ\nlicence: of many\nredistribute: no\n"


def read(root: sources.Root) -> dict[str, Source]:
    return credits.read(root, sources.entries(sources.listed(root)))


def put(path: Path, text: str = GOOD) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_the_documentations_example_is_right(tmp_path: Path) -> None:
    text = (REPOSITORY / "docs" / "sources.md").read_text()
    (example,) = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    put(tmp_path / "in" / "source.yaml", example)
    assert read(tmp_path / "in") == {
        "": Source(
            name="FFHQ",
            url="https://github.com/NVlabs/ffhq-dataset",
            licence="Creative Commons BY-NC-SA 4.0",
            spdx="CC-BY-NC-SA-4.0",
            redistribute="yes",
            citation="Karras et al., A Style-Based Generator Architecture for GANs, CVPR 2019",
        )
    }
    keys = re.findall(r"^(\w+):", example, re.MULTILINE)
    assert sorted(keys) == sorted(credits.SourceFile.model_fields)


def test_the_nearest_one_counts(tmp_path: Path) -> None:
    put(tmp_path / "in" / "faces" / "source.yaml")
    put(tmp_path / "in" / "faces" / "own" / "source.yaml", GOOD.replace("FFHQ", "mine"))
    pack(tmp_path / "in" / "faces" / "a.zip", {"b/source.yaml": GOOD.replace("FFHQ", "B").encode()})
    pack(tmp_path / "more" / "x.tar", {"x.png": b""})
    root = (Folder("", str(tmp_path / "in")), Folder("land/more", str(tmp_path / "more")))
    whose = read(root)
    paths = {
        "a.png": "in",
        "faces/a.png": "FFHQ",
        "faces/deeper/a.png": "FFHQ",
        "faces/own/deeper/a.png": "mine",
        "faces/owner/a.png": "FFHQ",
        "faces/a.zip/a.png": "FFHQ",
        "faces/a.zip/b/c/a.png": "B",
        "land/a.png": "in",
        "land/more/x.tar/x.png": "land/more",
    }
    assert {path: credits.source_of(path, whose).name for path in paths} == paths
    assert whose["land/more"] == Source("land/more", "", "", "", "unknown", "")
    assert whose["faces"] == Source("FFHQ", "", "of many", "", "no", "")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "must hold lines as `name: FFHQ`: see docs/sources.md"),
        ("- a\n", "must hold lines as `name: FFHQ`: see docs/sources.md"),
        ("name: FFHQ\n", "licence is missing; redistribute is missing"),
        (GOOD + "colour: red\n", "colour is not a key: check its spelling, or remove it"),
        (GOOD + "name: other\n", "name comes twice"),
        (
            GOOD.replace("no\n", "maybe\n"),
            "redistribute must be 'yes', 'no' or 'unknown', got 'maybe'",
        ),
        (
            GOOD.replace("no\n", "false\n"),
            "redistribute must be 'yes', 'no' or 'unknown', got 'false'",
        ),
        (GOOD.replace("of many", ""), "licence must match pattern '^\\S(.*\\S)?$', got ''"),
        (GOOD.replace("of many", "[a, b]"), "licence must be a valid string, got None"),
        (
            GOOD + "spdx: not an id\nurl: example.org\n",
            "url must match pattern '^https?://[^\\s<>`\"]+$', got 'example.org'; "
            "spdx must match pattern '^[A-Za-z0-9][A-Za-z0-9.+-]*$', got 'not an id'",
        ),
    ],
)
def test_a_fault_is_one_line(tmp_path: Path, text: str, message: str) -> None:
    path = put(tmp_path / "faces" / "source.yaml", text)
    with pytest.raises(UserError) as raised:
        read(tmp_path)
    assert str(raised.value) == f"{path}: {message}"


def test_what_is_not_yaml_is_told(tmp_path: Path) -> None:
    path = put(tmp_path / "source.yaml", "name: 'FFHQ\n")
    with pytest.raises(UserError, match=rf"^{re.escape(str(path))} is not YAML: .*quoted scalar"):
        read(tmp_path)
    path.write_bytes(b"\xff\xfe\0")
    with pytest.raises(UserError, match="is not YAML"):
        read(tmp_path)


def test_two_sources_of_one_name_are_told_unless_they_are_one(tmp_path: Path) -> None:
    first, second = (put(tmp_path / "in" / name / "source.yaml") for name in ("a", "b"))
    assert read(tmp_path / "in")["a"] == read(tmp_path / "in")["b"]
    second.write_text(GOOD + "citation: a paper\n")
    with pytest.raises(UserError) as raised:
        read(tmp_path / "in")
    assert str(raised.value) == (
        f"{first.parent} and {second.parent} are two sources with the name FFHQ: give one of them "
        "another name in its source.yaml, or both the same file"
    )


def test_what_may_not_be_redistributed_is_noted(tmp_path: Path) -> None:
    path = put(tmp_path / "in" / "a.d" / "source.yaml")
    put(tmp_path / "in" / "b" / "source.yaml", "name: B\nlicence: CC0\nredistribute: yes\n")
    root = tmp_path / "in"
    assert credits.notes(root, read(root)) == [
        f"{path}: FFHQ may not be redistributed: `release` refuses a set that has images of it: "
        "leave them out by screen.exclude, or set release.private: true"
    ]
