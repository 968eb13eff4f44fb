"""Decide which photographs may be used, from tables alone.

Takes:  gathered_images.csv; gathered_evaluation.csv and unreadable_evaluation.csv.
Leaves: screened.csv (`Photograph`), what may be used; rejected.csv (`Rejected`), every other with
        its reason. Both by path: every photograph is in exactly one of them.
Rule:   a photograph is rejected for the first of these that holds: excluded (its path matches a
        pattern), too small, evaluation set, exact duplicate (common/screening.py). Of photographs
        with the same pixels the first by path stays. One belongs to an evaluation set if it has the
        pixels of one of its images, or a difference hash that differs in at most `NEAR_BITS` of 256
        bits: scaled, converted and compressed copies are found, mirrored, rotated and cropped ones
        are not.
"""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from stages.common import decision, screening, tables
from stages.common.cli import run
from stages.common.errors import UserError
from stages.common.rows import Photograph, Rejected, Unreadable
from stages.common.screening import ScreenParams

EVALUATION = "data/evaluation"
KEPT_OUT = (
    "evaluation images are kept out, and copies of them that are scaled, converted or compressed; "
    "mirrored, rotated and cropped ones are not recognised"
)


def evaluation_images(
    images: Sequence[Photograph], unreadable: Sequence[Unreadable], sets: Sequence[str]
) -> list[Photograph]:
    """The images of the named sets, with their whole paths.

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
        found += [row._replace(path=f"{EVALUATION}/{row.path}") for row in members]
    return found


def main(
    gathered: Path,
    evaluation: Path,
    evaluation_unreadable: Path,
    screened: Path,
    rejected: Path,
    numbers: Path,
    params: ScreenParams,
) -> None:
    rows = sorted(tables.read(gathered, Photograph))
    images = tables.read(evaluation, Photograph)
    unreadable = tables.read(evaluation_unreadable, Unreadable)
    known = evaluation_images(images, unreadable, params.evaluation_sets)
    dropped = decision.decide(rows, screening.rules(params, known))
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
    if known:
        print(KEPT_OUT)


if __name__ == "__main__":
    run(main)
