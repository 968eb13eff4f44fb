"""Which photographs may be used: the rules of the stage `screen`, which `check` asks, too."""

from collections.abc import Sequence
from fnmatch import fnmatchcase

from pydantic import Field

from stages.common import decision
from stages.common.decision import Dropped
from stages.common.params import Params
from stages.common.pixels.likeness import NEAR_BITS, distances
from stages.common.rows import Photograph


class ScreenParams(Params):
    """The section `screen`."""

    min_short_edge: int = Field(ge=1)
    exclude: list[str]
    evaluation_sets: list[str]


def evaluation_copies(
    rows: Sequence[Photograph], evaluation: Sequence[Photograph]
) -> dict[str, Dropped]:
    """Which photographs are, by their content, one of `evaluation`: by path, with the evidence."""
    by_pixels = {row.pixels: row.path for row in evaluation}
    hashes = [row.dhash for row in evaluation]
    found = {}
    for row in rows:
        if row.pixels in by_pixels:
            detail = f"same pixels as {by_pixels[row.pixels]}"
            found[row.path] = Dropped("evaluation set", detail)
            continue
        bits = distances(row.dhash, hashes)
        if bits.size and bits.min() <= NEAR_BITS:
            detail = f"{bits.min()} of 256 bits from {evaluation[int(bits.argmin())].path}"
            found[row.path] = Dropped("evaluation set", detail)
    return found


def rules(
    params: ScreenParams, evaluation: Sequence[Photograph]
) -> list[decision.Rule[Photograph]]:
    """What is asked of a photograph, in this order."""

    def excluded(rows: Sequence[Photograph]) -> dict[str, Dropped]:
        found = ((row.path, pattern) for row in rows for pattern in params.exclude)
        return {
            path: Dropped("excluded", f"matches {pattern!r} of screen.exclude")
            for path, pattern in found
            if fnmatchcase(path, pattern)
        }

    def too_small(rows: Sequence[Photograph]) -> dict[str, Dropped]:
        least = params.min_short_edge
        return {
            row.path: Dropped(
                "too small",
                f"{row.width}x{row.height} px, the short edge must be {least} or more",
            )
            for row in rows
            if min(row.width, row.height) < least
        }

    def same(row: Photograph, first: Photograph) -> Dropped:
        what = "file" if row.sha256 == first.sha256 else "pixels"
        return Dropped("exact duplicate", f"same {what} as {first.path}")

    return [
        excluded,
        too_small,
        lambda rows: evaluation_copies(rows, evaluation),
        decision.first_of(lambda row: row.pixels, same),
    ]
