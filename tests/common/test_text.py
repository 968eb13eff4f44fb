"""Text: columns are aligned, numbers to the right."""

from stages.common.text import table


def test_numbers_stand_to_the_right_and_text_to_the_left() -> None:
    assert table(("name", "tiles", "share"), [("a", "1,000", "5.0%"), ("longer", "2", "")]) == (
        "name    tiles  share\na       1,000   5.0%\nlonger      2"
    )


def test_a_table_without_rows_is_its_header() -> None:
    assert table(("name", "tiles"), []) == "name  tiles"
