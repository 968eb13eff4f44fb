"""Tables as text, for the terminal."""

from collections.abc import Sequence

from stages.common.sets import names


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Lines of aligned columns: numbers to the right, other text to the left; a row is a line,
    whatever is in a name."""
    lines = [header, *([names.shown(cell) for cell in row] for row in rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(header))]
    right = [all(_is_number(row[i]) for row in rows) for i in range(len(header))]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if to_right else cell.ljust(width)
            for cell, width, to_right in zip(line, widths, right, strict=True)
        ).rstrip()
        for line in lines
    )


def _is_number(cell: str) -> bool:
    return not cell or (cell.strip("+-%").replace(",", "").replace(".", "").isdigit())
