"""data/CHANGELOG.md: entries, newest first, that hold what people add."""

import pytest

from stages.common.errors import UserError
from stages.common.versions import changelog
from stages.common.versions.numbers import Version
from tests.common.archive.sets import ODD
from tests.common.versions.test_changes import snapshot

OLD = snapshot("abc", params={"release": {"date": "2026-11-25", "licence": "other"}, "a": {"n": 1}})
LATER = {"release": {"date": "2026-12-01", "licence": "other"}, "a": {"m_1": ["x|y"]}}
NEW = snapshot("abcd", params=LATER)
FIRST, NEXT = Version(1, 0, 0), Version(1, 1, 0)
ENTRY = """## 1.1.0 of 2026-12-01

MINOR since 1.0.0: 1 tile added.

New tiles: 1; gone: 0; in both: 3, of which 3 under the same number.

| | 1.0.0 | 1.1.0 |
|---|--:|--:|
| tiles | 3 | 4 |
| mean score | 0.890000 | 0.885000 |
| lowest score | 0.880000 | 0.870000 |
| photographs | 3 | 4 |
| photographs to validate | 1 | 1 |
| tiles of section s | 3 | 4 |
| tiles under CC0-1.0 | 3 | 4 |

| parameter | 1.0.0 | 1.1.0 |
|---|---|---|
| a.n | 1 | none |
| a.m\\_1 | none | \\[x\\|y\\] |
"""


def test_an_entry_has_tiles_scores_sections_licences_and_parameters() -> None:
    assert changelog.entry((FIRST, OLD), NEXT, NEW) == ENTRY


def test_names_are_escaped_and_figures_of_either_version_are_shown() -> None:
    tiles = [tile._replace(section=ODD) for tile in NEW.tiles]
    lines = changelog.entry((FIRST, OLD), NEXT, NEW._replace(tiles=tiles)).splitlines()
    assert "| tiles of section s | 3 | 0 |" in lines
    odd = r'a\|b \<i\> \*x\* \`y\` "z" \& \\ \[l\](u) \$m\$ 山.jpg'
    assert f"| tiles of section {odd} | 0 | 4 |" in lines


def test_a_file_holds_its_entries_newest_first_and_what_people_add() -> None:
    first = changelog.entry(None, FIRST, OLD)
    text = changelog.with_entry(None, "s", FIRST, first)
    assert text == f"{changelog.head('s')}\n{first}"
    text = f"{text}\nWith thanks to Ann.\n"
    both = changelog.with_entry(text, "s", NEXT, ENTRY)
    assert both == f"{changelog.head('s')}\n{ENTRY}\n{first}\nWith thanks to Ann.\n"
    assert changelog.versions(both) == [NEXT, FIRST]
    assert changelog.section(both, NEXT) == f"{ENTRY}\n"
    assert changelog.with_entry(both, "s", NEXT, ENTRY) == both
    assert changelog.with_entry(both, "s", FIRST, first) == both


def test_an_entry_of_other_data_is_not_taken_for_this_one() -> None:
    text = changelog.with_entry(None, "s", NEXT, ENTRY)
    with pytest.raises(UserError) as raised:
        changelog.with_entry(text, "s", NEXT, changelog.entry((FIRST, OLD), NEXT, OLD))
    assert str(raised.value) == (
        "data/CHANGELOG.md has an entry of 1.1.0 which is not of this set: delete it and commit; "
        "it is written anew"
    )
