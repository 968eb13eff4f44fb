"""Fingerprints: what changes a result changes them, and nothing else does."""

import io
import keyword
import tokenize
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.common import fingerprints
from stages.common.errors import UserError
from stages.common.fingerprints import all_of, hash_of, of, packages_in, version_of
from tests.conftest import REPOSITORY

SOURCES = [path.read_text() for path in sorted((REPOSITORY / "stages").rglob("*.py"))]
KEYWORDS = {*keyword.kwlist, *keyword.softkwlist}
PLAIN = """
import math

LIMIT = 3
NAMES = ("a", "b")


@cached
async def area(radius: float = 1.0) -> str:
    if radius > LIMIT:
        raise ValueError(f"{radius:.2f} is more than {LIMIT!r} {'!'}")
    return "πr²"


class Empty(Exception):
    pass
"""
SAME = {
    "comments": PLAIN.replace("3\n", "3  # px\n# of the side\n"),
    "comment at the end": PLAIN + "# end",
    "comment indented otherwise": PLAIN.replace("    if", "  # why\n    if"),
    "docstring of the module": f'"""What it is.\n\n    And more."""\n{PLAIN}',
    "two strings that are one docstring": f'"One, "\\\n"two."\n{PLAIN}',
    "docstring of a function": PLAIN.replace("    if", '    r"""Ärea: \\d."""\n\n    if'),
    "docstring of a class": PLAIN.replace("    pass", '    """No "word"."""\n\n    pass'),
    "blank lines": PLAIN.replace("\n", "\n\n"),
    "no line at the end": PLAIN.rstrip(),
    "broken lines": PLAIN.replace('("a", "b")', '(\n    "a",  # first\n    "b"\n)'),
    "wider indents": PLAIN.replace("    ", "        "),
    "spaces": PLAIN.replace("LIMIT = 3", "LIMIT=3"),
    "backslash": PLAIN.replace("LIMIT = 3", "LIMIT = \\\n    3"),
}
OTHER = {
    "constant": PLAIN.replace("3", "4"),
    "string": PLAIN.replace('"b"', '"c"'),
    "string beside letters that are more than a byte": PLAIN.replace("πr²", "πr³"),
    "name": PLAIN.replace("NAMES", "NAMED"),
    "decorator": PLAIN.replace("@cached\n", ""),
    "default": PLAIN.replace("1.0", "2.0"),
    "operator": PLAIN.replace(" > ", " < "),
    "text of an f-string": PLAIN.replace("is more", "is  more"),
    "format in an f-string": PLAIN.replace(".2f", ".3f"),
    "value in an f-string": PLAIN.replace("{LIMIT!r}", "{NAMES!r}"),
    "import": PLAIN.replace("import math", "import cmath"),
    "block": PLAIN.replace("\n    return", "\n        return"),
    "string that is no docstring": PLAIN.replace("    return", '    "said"\n    return'),
}


@pytest.mark.parametrize("what", SAME)
def test_what_people_read_only_changes_no_hash(what: str) -> None:
    assert SAME[what] != PLAIN
    assert hash_of(SAME[what]) == hash_of(PLAIN)


@pytest.mark.parametrize("what", OTHER)
def test_what_python_runs_changes_the_hash(what: str) -> None:
    assert OTHER[what] != PLAIN
    assert hash_of(OTHER[what]) != hash_of(PLAIN)


def test_a_docstring_beside_code_is_left_out_and_the_code_is_not() -> None:
    one, other = 'def f(x="ä"): "Does."\n', 'def f(x="ä"): "Does it."\n'
    assert hash_of(one) == hash_of(other) != hash_of(one.replace("ä", "ö"))


def test_a_hash_is_the_same_in_every_version_of_python() -> None:
    assert hash_of(PLAIN) == "ea6fa0ed61baaa977465c1c53fe09003c6b4d64d90dae9510ee2e7c544b32846"


def test_a_module_of_words_has_no_hash() -> None:
    assert hash_of("") is None
    assert hash_of('# a\n"""b"""\n') is None


@given(st.sampled_from(SOURCES), st.data())
def test_comments_and_blank_lines_anywhere_change_no_hash(source: str, data: st.DataObject) -> None:
    found = list(tokenize.generate_tokens(io.StringIO(source).readline))
    ends = sorted({t.start[0] for t in found if t.type in (tokenize.NEWLINE, tokenize.NL)})
    lines = source.split("\n")
    for row in data.draw(st.lists(st.sampled_from(ends), unique=True)) if ends else []:
        lines[row - 1] += data.draw(st.sampled_from(["\n", "  # why", "\n        # why\n\n"]))
    assert hash_of("\n".join(lines)) == hash_of(source)


@given(st.sampled_from([source for source in SOURCES if source]), st.data())
def test_another_name_anywhere_changes_the_hash(source: str, data: st.DataObject) -> None:
    found = tokenize.generate_tokens(io.StringIO(source).readline)
    names = [t for t in found if t.type == tokenize.NAME and t.string not in KEYWORDS]
    row, end = data.draw(st.sampled_from(names)).end
    lines = source.split("\n")
    lines[row - 1] = f"{lines[row - 1][:end]}9{lines[row - 1][end:]}"
    assert hash_of("\n".join(lines)) != hash_of(source)


@pytest.fixture
def code(tmp_path: Path) -> Path:
    """Two stages, and a library of which they use parts."""
    files = {
        "stages/one.py": "def f():\n    from stages.common import tables\n    import PIL.Image\n",
        "stages/two.py": "import os, stages.common.cli\nfrom stages.common.pages.page import x\n",
        "stages/common/__init__.py": "",
        "stages/common/tables.py": "from stages.common.files import write\n",
        "stages/common/files.py": "import yaml\nfrom . import tables\n",
        "stages/common/cli.py": "import stages.common.daemons, numpy\n",
        "stages/common/daemons.py": "",
        "stages/common/pages/__init__.py": "WIDTH = 3\n",
        "stages/common/pages/page.py": "import jinja2\ndef x(): import srset_none.such\n",
        "stages/common/pages/templates/page.html": "<p>",
        "stages/common/pages/templates/parts/a b.css": "p",
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path / "stages"


def names(text: str) -> list[str]:
    return [line.rpartition(" ")[0] for line in text.splitlines()]


def test_a_fingerprint_follows_imports_in_functions_and_by_way_of_others(code: Path) -> None:
    one = all_of(code)["one"]
    modules = ["stages/common/files.py", "stages/common/tables.py", "stages/one.py"]
    assert names(one) == ["pillow", "pyyaml", *modules]
    assert packages_in([one]) == {"pillow": version_of("pillow"), "pyyaml": version_of("pyyaml")}


def test_the_shell_and_what_only_it_imports_is_left_out_and_templates_are_not(code: Path) -> None:
    pages = "stages/common/pages"
    texts = all_of(code)
    assert names(texts["two"]) == [
        "jinja2",
        "srset-none",
        f"{pages}/__init__.py",
        f"{pages}/page.py",
        f"{pages}/templates/page.html",
        f"{pages}/templates/parts/a b.css",
        "stages/two.py",
    ]
    assert "srset-none absent\n" in texts["two"]
    (code / "common/pages/templates/page.html").write_text("<p> ")
    after = all_of(code)
    assert after["two"] != texts["two"]
    assert after["one"] == texts["one"]


def test_one_stages_fingerprint_is_that_among_all(code: Path) -> None:
    assert {name: of(code / f"{name}.py") for name in ("one", "two")} == all_of(code)


def test_a_changed_module_changes_the_fingerprints_that_name_it(code: Path) -> None:
    texts = all_of(code)
    (code / "common/pages/__init__.py").write_text("WIDTH = 4\n")
    (code / "common/cli.py").write_text("import os\n")
    after = all_of(code)
    assert [name for name in texts if after[name] != texts[name]] == ["two"]


@pytest.mark.parametrize("content", [b"LIMIT = (\n", b"a = '\xff'\n", b"a = 1\0\n", b"  a\n b\n"])
def test_a_file_that_is_not_python_is_named(code: Path, content: bytes) -> None:
    (code / "common/files.py").write_bytes(content)
    with pytest.raises(UserError) as raised:
        all_of(code)
    assert str(raised.value).startswith(f"{code / 'common/files.py'}:")
    assert "\n" not in str(raised.value)


def test_what_is_no_code_is_passed_over(code: Path) -> None:
    texts = all_of(code)
    (code / "python").write_text("#!/bin/sh\n")
    (code / ".#one.py").symlink_to("nobody@nowhere")  # an editor's lock
    (code / "common" / "notes.txt").write_bytes(b"\xff")
    (code / "common" / "unused.py").write_text("(")
    (code / "__pycache__").mkdir()
    assert all_of(code) == texts


def test_a_build_is_no_version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fingerprints.metadata, "version", lambda name: "2.13.0+cu128")
    assert version_of("torch") == "2.13.0"


def test_the_repositorys_stages_name_what_makes_their_pixels_and_scores() -> None:
    texts = all_of(REPOSITORY / "stages")
    packages = {name: set(packages_in([text])) for name, text in texts.items()}
    assert packages["cutoff"] == {"duckdb", "numpy"}
    pixels = {"imagecodecs", "numpy", "pillow"}
    archive = {"py7zr", "multivolumefile", "jinja2", "pyyaml"}
    assert packages["release"] == pixels | archive
    photographs = pixels | {"indexed-gzip"}  # which may lie in archives
    assert packages["score"] == photographs | {"openvino", "safetensors", "torch"}
    assert packages["gather"] == photographs | {"pyyaml", "pillow-heif"}
    assert packages["frames"] == photographs | {"av"}
    for name in ("collect", "validation", "subimages", "dataset"):
        assert packages[name] == photographs
    for name in ("screen", "multiscale"):
        assert packages[name] == pixels
    page = {"duckdb", "jinja2", "markupsafe", "matplotlib", "pyyaml"}
    assert packages["report"] == photographs | page


def test_what_reads_heic_is_named_where_files_are_read_and_nowhere_else() -> None:
    """Else all that was ever scored would be scored again where it is installed, or is not."""
    texts = all_of(REPOSITORY / "stages")
    assert {name for name, text in texts.items() if "pillow-heif " in text} == {"gather"}
    assert "pillow " in texts["score"]
