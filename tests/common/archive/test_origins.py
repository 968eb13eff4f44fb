"""What a set says of its sources: on its card, for machines, and where it may not be passed on."""

import json
import re

from stages.common.archive import mosaic
from stages.common.archive.card import card
from stages.common.archive.croissant import croissant
from stages.common.archive.description import Contents, Share, origins, withheld
from stages.common.rows import Source
from tests.common.archive.sets import HERE, RELEASE, small_set

NO = Source("A | *set*", "https://example.org/a_b", "not ours", "", "no", "Ann: a [paper]")
YES = Source("B", "", "Creative Commons", "CC-BY-4.0", "yes", "")
UNUSED = Source("C", "", "CC0", "CC0-1.0", "no", "")


def mixed(private: bool = False) -> Contents:
    """A set of 12 tiles and two photographs to validate with, of two sources and an unknown one."""
    c = small_set()
    tiles = [
        row._replace(source=name)
        for row, name in zip(c.tiles, 5 * [NO.name] + 4 * [YES.name] + 3 * [HERE.name], strict=True)
    ]
    pairs = [row._replace(source=NO.name if "v.png" in row.path else "B") for row in c.validation]
    return c._replace(
        tiles=tiles,
        validation=pairs,
        sources={source.name: source for source in (NO, YES, HERE, UNUSED)},
        params=RELEASE.model_copy(update={"private": private}),
    )


def test_what_a_set_has_of_each_source_is_counted() -> None:
    assert origins(mixed()) == [Share(NO, 5, 1), Share(YES, 4, 1)]
    assert withheld(mixed()) == [Share(NO, 5, 1)]
    assert origins(small_set()) == withheld(small_set()) == []


def test_the_card_says_what_the_sources_say() -> None:
    def made(c: Contents) -> str:
        return card(c, mosaic.chosen(c.tiles), [2, 4])

    text = made(mixed(private=True))
    rows = re.findall(r"^\| (?:A|B).*\| \d+ \| \d+ \|.*\|$", text, re.MULTILINE)
    assert rows == [
        r"| A \| \*set\* | not ours https://example.org/a\_b | no | 5 | 1 | Ann: a \[paper\] |",
        r"| B | Creative Commons (CC-BY-4.0) | yes | 4 | 1 |  |",
    ]
    assert "**not for redistribution**" in text
    for plain in (made(small_set()), made(mixed())):
        assert "not for redistribution" not in plain
    assert "What the sources say" not in made(small_set())


def test_machines_are_told_the_same() -> None:
    found = croissant(mixed(private=True), "1" * 64)
    assert found["license"] == "not for redistribution"
    assert found["rai:dataCollectionRawData"] == [
        "A | *set*, not ours, https://example.org/a_b, Ann: a [paper]. Tiles: 5. May be "
        "redistributed: no.",
        "B, Creative Commons. Tiles: 4. May be redistributed: yes.",
    ]
    assert "RawData" not in json.dumps(croissant(small_set(), "1" * 64))
