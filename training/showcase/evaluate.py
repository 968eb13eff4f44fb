"""Measure how well a trained network enlarges held photographs.

Takes:  the network; a folder of at least 20 photographs that it was not trained on.
Leaves: PSNR-Y and SSIM-Y of each, and bicubic's; their means, and what the network gains with the
        interval over photographs, as metrics.
Rule:   the middle of each, at most 1,024 px, is downscaled by Pillow's BICUBIC and enlarged; the
        border of `scale` px does not count.
Source: the measures in `quality`.
"""

from collections.abc import Sequence
from pathlib import Path
from statistics import fmean

from stages.common import tables
from stages.common.cli import run
from training.showcase import models
from training.showcase.measured import EvaluateParams, Measured, measured
from training.showcase.quality import difference


def numbers(rows: Sequence[Measured]) -> dict[str, float]:
    """Means over the photographs."""
    gained = difference([row.psnr for row in rows], [row.bicubic_psnr for row in rows])
    return {
        "photographs": len(rows),
        **{
            name: round(fmean(getattr(row, name) for row in rows), 4)
            for name in Measured._fields[1:]
        },
        **{f"gained_{name}": round(value, 4) for name, value in gained._asdict().items()},
    }


def main(weights: Path, held: Path, table: Path, metrics: Path, params: EvaluateParams) -> None:
    network, _ = models.read(weights)
    rows = measured(network, held, params)
    tables.write(table, Measured, rows)
    found = numbers(rows)
    tables.write_numbers(metrics, found)
    print(
        f"x{network.scale}: {found['psnr']:.2f} dB on {len(rows)} photographs, bicubic "
        f"{found['bicubic_psnr']:.2f}"
    )


if __name__ == "__main__":
    run(main)
