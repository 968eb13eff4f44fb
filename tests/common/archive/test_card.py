"""The card: readable for people, with all figures, and safe with any name."""

import html
import re

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from stages.common.archive import mosaic
from stages.common.archive.card import Code, card, citation, escaped, front_matter, plain
from stages.common.archive.description import Contents
from tests.common.archive.sets import BYTES, ODD, RELEASE, small_set
from tests.strategies import file_names

MARKDOWN = MarkdownIt("commonmark").enable("table")


def made(c: Contents) -> str:
    return card(c, mosaic.chosen(c.tiles), [2, 4])


@pytest.fixture(scope="module")
def text() -> str:
    return made(small_set())


@given(st.one_of(file_names, st.text(min_size=1)))
def test_any_name_in_a_table_is_shown_as_it_is(name: str) -> None:
    rendered = MARKDOWN.render(f"| a |\n|---|\n| x{escaped(name)}x |\n")
    (cell,) = re.findall(r"<td>(.*)</td>", rendered, re.DOTALL)
    assert cell == html.escape(f"x{plain(name)}x").replace("&#x27;", "'").replace(
        "\ufffd", "\ufffd"
    )


@given(st.one_of(file_names, st.text()))
def test_plain_text_is_one_line_of_valid_unicode(name: str) -> None:
    assert plain(name).encode("utf-8").decode() == plain(name)
    assert len(plain(name).splitlines()) <= 1


def test_code_is_not_escaped() -> None:
    assert escaped(Code("a_b")) == "a_b"
    assert escaped("a_b") == r"a\_b"


def test_hugging_face_finds_tiles_and_pairs(text: str) -> None:
    _, head, _ = text.split("---\n", 2)
    assert (
        yaml.safe_load(head)
        == front_matter(small_set())
        == {
            "pretty_name": RELEASE.title,
            "license": "other",
            "license_name": "per-photograph",
            "license_link": "photographs.csv",
            "task_categories": ["image-to-image"],
            "size_categories": ["n<1K"],
            "tags": ["super-resolution", "image", "image-quality-assessment", "hyperiqa"],
            "configs": [
                {
                    "config_name": "default",
                    "data_files": [
                        {"split": "train", "path": ["tiny-set/*.png", "metadata.jsonl"]}
                    ],
                },
                {
                    "config_name": "validation",
                    "data_files": [{"split": "validation", "path": "validation/**"}],
                },
            ],
        }
    )


def test_a_set_without_validation_has_one_configuration() -> None:
    c = small_set(validation=[], params=RELEASE.model_copy(update={"licence": "cc-by-4.0"}))
    head = front_matter(c)
    assert [config["config_name"] for config in head["configs"]] == ["default"]
    assert head["license"] == "cc-by-4.0"
    assert "license_name" not in head
    assert "validation/hr" not in made(c)
    assert "cc-by-4.0; the photographs keep their own" in made(c)


def test_it_tells_what_the_run_did(text: str) -> None:
    for line in (
        "12 image tiles to train super-resolution models, the best by score of 20, numbered from "
        "the best on.",
        "| Tiles | 12, 32x32 px, PNG, 8-bit sRGB |",
        "| Validation | 2 photographs that no tile comes from: hr, x2, x4 |",
        "| s | not stated | not stated | 1 | 0 | 3 |",
        "| photographs | the best 11 by score; section troubles: none; blocks at most 0.05; "
        "detail at least 0.025; of nearly the same pictures the best | 2 | below the best 2 1 |",
        f"| weights\\_sha256 | {'0' * 64} |",
        "| lowest, mean, highest of the tiles | 0.790000, 0.845000, 0.900000 |",
        "Over all 20 tiles the rank correlation of score and bytes of the PNG is +1.00: tiles with "
        "a better score tend to be larger files.",
        "- 75.0% of the tiles come from one photograph.",
        "- Tiles by section s 100.0% (of the usable photographs 100.0%).",
        "7zz x tiny-set.7z    # or tiny-set.7z.001, the first of its volumes\n",
        "the tag `tiny-set@v1.2.0` names the commit",
    ):
        assert line in text, line
    recipe = text.split("```yaml\n")[1].split("```")[0]
    assert yaml.safe_load(recipe) == {
        name: values
        for name, values in small_set().recipe.items()
        if name not in ("dataset", "release", "probe")
    }


def test_volumes_change_nothing() -> None:
    """The joined volumes are the one archive."""
    params = RELEASE.model_copy(update={"volume_size": "2GB"})
    assert made(small_set(params=params)) == made(small_set())


def test_odd_names_break_nothing() -> None:
    tiles = [row._replace(section=ODD) for row in small_set().tiles]
    images = [row._replace(section=ODD, reason=BYTES) for row in small_set().images]
    rendered = MARKDOWN.render(made(small_set(tiles=tiles, images=images)))
    assert html.escape(ODD, quote=False).replace('"', "&quot;") in rendered
    rows = re.findall(r"<tr>(.*?)</tr>", rendered, re.DOTALL)
    cells = {len(re.findall("<t[dh]", row)) for row in rows}
    assert cells == {2, 4, 6}


def test_it_can_be_cited() -> None:
    assert citation(small_set()) == (
        "@misc{tiny-set,\n"
        "  title = {A set | of *tiles* <b>},\n"
        "  author = {Ann O'Nym & friends},\n"
        "  year = {2026},\n"
        "  version = {1.2.0},\n"
        "  url = {https://example.org/a_set}\n"
        "}\n"
    )
