"""Text: columns are aligned, numbers to the right."""

from stages.common.text import table


def test_numbers_stand_to_the_right_and_text_to_the_left() -> None:
    assert table(("name", "tiles", "share"), [("a", "1,000", "5.0%"), ("longer", "2", "")]) == (
        "name    tiles  share\na       1,000   5.0%\nlonger      2"
    )


def test_a_table_without_rows_is_its_header() -> None:
    assert table(("name", "tiles"), []) == "name  tiles"


def test_a_row_is_a_line_whatever_is_in_a_name() -> None:
    rows = [("a\nb\x1b", "1"), ("é", "2")]
    assert table(("name", "n"), rows) == "name      n\na\\nb\\x1b  1\né         2"
