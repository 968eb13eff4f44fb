"""Licences: the first line that fits; what no line fits is not stated."""

from pathlib import Path

import pytest

from stages.common.archive.licences import UNKNOWN, Licence, of, read
from stages.common.errors import UserError
from stages.common.rows import Source
from tests.common.archive.sets import HERE
from tests.conftest import REPOSITORY, SAMPLES

HEADER = "photographs,licence,author,source,url\n"


def written(path: Path, lines: str) -> Path:
    path.write_text(HEADER + lines)
    return path


def test_the_first_line_that_fits_is_a_photographs_own(tmp_path: Path) -> None:
    rows = read(
        written(
            tmp_path / "l.csv",
            "faces/a.jpg,CC0-1.0,Ann,,\nfaces/*,CC-BY-4.0,,FFHQ,https://example.org/ffhq\n",
        )
    )
    ann, ffhq = rows
    assert ffhq == Licence("faces/*", "CC-BY-4.0", "", "FFHQ", "https://example.org/ffhq")
    paths = ["faces/a.jpg", "faces/b/c.jpg", "a.jpg", "Faces/a.jpg"]
    found = of(dict.fromkeys(paths, HERE), rows)
    assert found == {
        "faces/a.jpg": ann,
        "faces/b/c.jpg": ffhq,
        "a.jpg": UNKNOWN,
        "Faces/a.jpg": UNKNOWN,
    }


def test_what_no_line_fits_has_the_licence_of_its_source(tmp_path: Path) -> None:
    rows = read(written(tmp_path / "l.csv", "faces/a.jpg,CC0-1.0,Ann,,\n"))
    ffhq = Source("FFHQ", "https://example.org", "of many", "CC-BY-4.0", "yes", "Karras et al.")
    found = of({"faces/a.jpg": ffhq, "faces/b.jpg": ffhq, "c.jpg": ffhq._replace(spdx="")}, rows)
    assert found == {
        "faces/a.jpg": rows[0],
        "faces/b.jpg": Licence("*", "CC-BY-4.0", "", "FFHQ", "https://example.org"),
        "c.jpg": Licence("*", "of many", "", "FFHQ", "https://example.org"),
    }


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("a,,Ann,,\n", "a: has no licence: name it, or delete it"),
        ("a,MIT,,,no url\n", "a: url must be as https://…, got 'no url'"),
    ],
)
def test_a_fault_is_told(tmp_path: Path, line: str, message: str) -> None:
    path = written(tmp_path / "l.csv", line)
    with pytest.raises(UserError) as raised:
        read(path)
    assert str(raised.value) == f"{path}: {message}"


def test_every_sample_photograph_has_a_licence() -> None:
    names = [p.relative_to(SAMPLES).as_posix() for p in SAMPLES.rglob("*.*g") if p.is_file()]
    found = of(dict.fromkeys(names, HERE), read(REPOSITORY / "data" / "licences.csv"))
    assert len(found) > 30
    assert [name for name, licence in found.items() if licence is UNKNOWN] == []
    listed = (SAMPLES / "LICENCES.md").read_text()
    for name in names:
        if not name.startswith("troubles/"):
            (line,) = [row for row in listed.splitlines() if row.startswith(f"| {name} |")]
            assert found[name].author in line
            assert line.endswith(f"| {found[name].licence} |")
