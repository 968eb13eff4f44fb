"""Which photographs may be used: the rules of the stage `screen`, which `check` asks, too."""

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase

from pydantic import Field

from stages.common import decision
from stages.common.decision import Dropped
from stages.common.near import alike
from stages.common.near.alike import EVALUATION, Look
from stages.common.near.known import Evaluated
from stages.common.near.search import closest
from stages.common.params import Params
from stages.common.rows import Photograph


class ScreenParams(Params):
    """The section `screen`."""

    min_short_edge: int = Field(ge=1)
    exclude: list[str]
    evaluation_sets: list[str]
    known_sets: bool


def evaluation_copies(
    rows: Sequence[Photograph],
    embeddings: Mapping[str, str],
    evaluation: Sequence[Evaluated],
) -> dict[str, Dropped]:
    """Which photographs are, by their content, one of `evaluation`: by path, with the evidence.

    Args:
        embeddings: of photographs, by the SHA-256 of their files; where there is none, pixels and
            hash alone are compared.
    """
    if not evaluation:
        return {}
    by_pixels = {image.pixels: image.name for image in reversed(evaluation)}
    there = [image.look for image in evaluation]
    here = [Look(row.dhash, embeddings.get(row.sha256, alike.UNKNOWN)) for row in rows]
    found = {}
    for row, (first, bits, second, distance) in zip(rows, closest(here, there), strict=True):
        if row.pixels in by_pixels:
            detail = f"same pixels as {by_pixels[row.pixels]}"
        elif alike.is_near(bits, distance, EVALUATION):
            name = evaluation[first if bits <= EVALUATION.bits else second].name
            detail = f"{alike.evidence(bits, distance, EVALUATION)} from {name}"
        else:
            continue
        found[row.path] = Dropped("evaluation set", detail)
    return found


def rules(
    params: ScreenParams, embeddings: Mapping[str, str], evaluation: Sequence[Evaluated]
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
        lambda rows: evaluation_copies(rows, embeddings, evaluation),
        decision.first_of(lambda row: row.pixels, same),
    ]
