"""Decide which photographs may be used, from tables alone.

Takes:  gathered_images.csv; gathered_evaluation.csv and unreadable_evaluation.csv; the embeddings
        of both; known_sets.csv, what is known of public test sets.
Leaves: screened.csv (`Photograph`), what may be used; rejected.csv (`Rejected`), every other with
        its reason. Both by path: every photograph is in exactly one of them.
Rule:   a photograph is rejected for the first of these that holds: excluded (its path matches a
        pattern), too small, evaluation set, exact duplicate (common/screening.py). Of photographs
        with the same pixels the first by path stays. One belongs to an evaluation set if it has the
        pixels of one of its images, a difference hash that differs in at most `EVALUATION.bits` of
        256 bits, or an embedding at most `EVALUATION.distance` from its own (common/near/alike.py).
"""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from stages.common import decision, screening, tables
from stages.common.cli import run
from stages.common.errors import UserError
from stages.common.near import alike, known
from stages.common.near.known import Evaluated, Known
from stages.common.rows import Embedded, Photograph, Rejected, Unreadable
from stages.common.screening import ScreenParams

EVALUATION = "data/evaluation"
KEPT_OUT = (
    "evaluation images are kept out, and copies of them that are scaled, converted, compressed, "
    "mirrored or cropped by up to a fifth; rotated ones and smaller parts are not recognised"
)


def evaluation_images(
    images: Sequence[Photograph], unreadable: Sequence[Unreadable], sets: Sequence[str]
) -> list[Photograph]:
    """The images of the named sets.

    Raises:
        UserError: for a set that is elsewhere or has no image, or an image that can't be read: it
            can't be kept out of training if nobody knows what is in it.
    """
    found = []
    for name in sets:
        inside = f"{Path(name).as_posix().removeprefix(EVALUATION).strip('/')}/"
        if not name.startswith(f"{EVALUATION}/"):
            raise UserError(f"screen.evaluation_sets: {name} must be a folder below {EVALUATION}")
        for row in unreadable:
            if row.path.startswith(inside) and row.reason != "not an image":
                raise UserError(
                    f"screen.evaluation_sets: {EVALUATION}/{row.path} is {row.reason} "
                    f"({row.detail}): mend it, or take it out"
                )
        members = [row for row in images if row.path.startswith(inside)]
        if not members:
            raise UserError(f"screen.evaluation_sets: {name} holds no image: check the set")
        found += members
    return found


def main(
    gathered: Path,
    evaluation: Path,
    evaluation_unreadable: Path,
    embeddings: Path,
    evaluation_embeddings: Path,
    known_sets: Path,
    screened: Path,
    rejected: Path,
    numbers: Path,
    params: ScreenParams,
) -> None:
    rows = sorted(tables.read(gathered, Photograph))
    images = tables.read(evaluation, Photograph)
    unreadable = tables.read(evaluation_unreadable, Unreadable)
    found = evaluation_images(images, unreadable, params.evaluation_sets)
    looks = alike.looks(found, tables.read(evaluation_embeddings, Embedded))
    evaluated = [
        Evaluated(f"{EVALUATION}/{row.path}", row.pixels, looks[row.path]) for row in found
    ]
    if params.known_sets:
        evaluated += known.evaluated(tables.read(known_sets, Known))
    looks = alike.looks(rows, tables.read(embeddings, Embedded))
    by_file = {row.sha256: looks[row.path].embedding for row in rows}
    dropped = decision.decide(rows, screening.rules(params, by_file, evaluated))
    kept = [row for row in rows if row.path not in dropped]
    reasons = Counter(why.reason for why in dropped.values())
    counts = "".join(f" · {n:,} {reason}" for reason, n in reasons.most_common())
    if len(kept) + len(dropped) != len(rows):
        raise AssertionError("two photographs have one path")
    if not kept:
        raise UserError(
            f"none of the {len(rows):,} images in gather.source can be used{counts}: put "
            "photographs there, one folder a section, or loosen `screen` in params.yaml"
        )
    tables.write(screened, Photograph, kept)
    tables.write(rejected, Rejected, sorted(Rejected(path, *why) for path, why in dropped.items()))
    counted = {"images": len(rows), "usable": len(kept), "rejected": dict(sorted(reasons.items()))}
    tables.write_numbers(numbers, counted)
    print(f"{len(kept):,} of {len(rows):,} photographs may be used{counts}")
    if evaluated:
        print(KEPT_OUT)


if __name__ == "__main__":
    run(main)
