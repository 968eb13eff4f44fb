"""Release the scorer that was trained on all images, with what is known about it in its header.

Takes:  labels.csv; the weights trained on all of them; the scores of the withheld folds.
Leaves: builtin.safetensors; SRCC and PLCC over the withheld folds as metrics.
Rule:   each image of the folds given is scored by the model that has not seen it; a correlation is
        taken within each fold, for models differ a little in scale, and the median over the folds
        is reported.
"""

from pathlib import Path
from statistics import median

import safetensors.torch
from pydantic import Field

from stages.common import files, tables
from stages.common.cli import run
from stages.common.params import Params
from training.evaluate import Judged, correlations
from training.prepare import Rated


class PublishParams(Params):
    name: str
    trained_on: str
    date: str = Field(pattern=r"^\d{4}-\d\d-\d\d$")


def main(
    labels: Path, weights: Path, scores: Path, released: Path, metrics: Path, params: PublishParams
) -> None:
    folds = [correlations(tables.read(path, Judged)) for path in sorted(scores.glob("*.csv"))]
    found = {name: round(median(fold[name] for fold in folds), 4) for name in ("srcc", "plcc")}
    header = {
        "name": params.name,
        "trained_on": f"{params.trained_on}, {len(tables.read(labels, Rated))} images",
        "date": params.date,
        "folds": str(len(folds)),
        **{name: f"{value:.4f}" for name, value in found.items()},
    }
    files.write(released, safetensors.torch.save(safetensors.torch.load_file(weights), header))
    tables.write_numbers(metrics, {"folds": folds, **found})
    print(
        f"released {released} · SRCC {found['srcc']:.4f} over {len(folds)} withheld folds · "
        f"{released.stat().st_size:_} bytes, SHA-256 {files.sha256_of(released)}"
    )


if __name__ == "__main__":
    run(main)
