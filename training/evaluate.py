"""Score the images that a fold's scorer has never seen, and compare with what people said.

Takes:  the folder of LIVE In the Wild; labels.csv; the fold; its weights.
Leaves: the scores of its images (`Judged`), by name; SRCC and PLCC as metrics.
Rule:   the scorer as it is used: every crop of the policy `cover`, weighted mean, float32.
"""

from pathlib import Path
from typing import NamedTuple

from scipy.stats import pearsonr, spearmanr
from tqdm import tqdm

from stages.common import tables
from stages.common.cli import run
from stages.common.pixels import images
from training.prepare import Rated
from training.scoring import load, score


class Judged(NamedTuple):
    """A row of scores_<fold>.csv."""

    image: str
    label: float
    score: float


def correlations(rows: list[Judged]) -> dict[str, float]:
    """Spearman's and Pearson's correlation of scores and labels."""
    labels, scores = [row.label for row in rows], [row.score for row in rows]
    return {
        "srcc": round(float(spearmanr(labels, scores).statistic), 4),
        "plcc": round(float(pearsonr(labels, scores).statistic), 4),
    }


def main(source: Path, labels: Path, fold: str, weights: Path, scores: Path, metrics: Path) -> None:
    network = load(weights)
    rows = [
        Judged(row.image, row.label, score(network, images.read(source / "images" / row.image)))
        for row in tqdm(tables.read(labels, Rated), desc="evaluate", unit="image")
        if row.fold == int(fold)
    ]
    tables.write(scores, Judged, rows)
    found = {"images": len(rows), **correlations(rows)}
    tables.write_numbers(metrics, found)
    print(f"fold {fold}: SRCC {found['srcc']:.4f}, PLCC {found['plcc']:.4f} on {len(rows)} images")


if __name__ == "__main__":
    run(main)
