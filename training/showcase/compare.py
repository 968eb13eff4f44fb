"""Train the same small network on two or more sets, and compare what it learned.

    python -m training.showcase.compare --sets unpacked/ours unpacked/theirs --held photographs

The table: a set, how many images it has, mean PSNR-Y and SSIM-Y of its network on the held
photographs, and how much better that is than the first set's, with an interval of 95% over
photographs. Networks are kept in OUT and not trained again.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import NamedTuple

import torch

from stages.common import cli, params, tables
from stages.common.errors import UserError
from training.showcase import measured, models, sets, slots
from training.showcase.fitting import TrainParams, made_of, steady, trained
from training.showcase.measured import EvaluateParams, Measured
from training.showcase.network import SCALES, Network
from training.showcase.quality import Difference, difference

PARAMS = Path(__file__).with_name("params.yaml")


class Compared(NamedTuple):
    """A set."""

    set: str
    tiles: int
    psnr: float  # dB
    ssim: float  # -1..1
    minus_first: float  # dB
    low: float
    high: float


class Photograph(NamedTuple):
    """A held photograph, enlarged by a set's network."""

    set: str
    photograph: str
    psnr: float
    ssim: float


def network_of(
    folder: Path, scale: int, settings: TrainParams, device: torch.device, out: Path
) -> tuple[Network, int]:
    """The network of a set, trained where `out` does not have it, and the number of its images."""
    identified = sets.find(folder)
    header = made_of(identified, scale, settings, device)
    path = out / "weights" / f"{slots.key(repr(header)):016x}.safetensors"
    if path.is_file():
        return models.read(path)[0], len(identified)
    fitted = trained(identified, scale, settings, device)
    models.write(path, fitted.network, header)
    return fitted.network, len(identified)


def table(sizes: Sequence[int], found: dict[str, list[Measured]]) -> list[Compared]:
    """A row a set, in their order; differences are to the first."""
    first = [row.psnr for row in next(iter(found.values()))]
    rows = []
    for (name, looked), tiles in zip(found.items(), sizes, strict=True):
        own = [row.psnr for row in looked]
        ssim = fmean(row.ssim for row in looked)
        rows.append(Compared(name, tiles, fmean(own), ssim, *difference(own, first)))
    return rows


def compared(
    folders: Sequence[Path], held: Path, scale: int, out: Path, file: Path = PARAMS
) -> list[Compared]:
    """Train, measure, and leave OUT/x2.csv and OUT/x2_photographs.csv.

    Raises:
        UserError: where a set or the held photographs can't be used.
    """
    if len(folders) < 2 or len({str(folder) for folder in folders}) < len(folders):
        given = ", ".join(map(str, folders))
        raise UserError(f"--sets: got {given}; expected two or more different folders")
    settings = params.load(TrainParams, "train", file)
    evaluation = params.load(EvaluateParams, "evaluate", file)
    photographs = sets.held(held, evaluation.least)  # before an hour of training
    for folder in folders:
        sets.check_apart(sets.find(folder), photographs)
    device = steady(settings.device)
    found, sizes = {}, []
    for folder in folders:
        network, size = network_of(folder, scale, settings, device, out)
        found[str(folder)] = measured.measured(network, held, evaluation)
        sizes.append(size)
    rows = table(sizes, found)
    tables.write(out / f"x{scale}.csv", Compared, rows)
    looked_at = [
        Photograph(name, row.photograph, row.psnr, row.ssim)
        for name, looked in found.items()
        for row in looked
    ]
    tables.write(out / f"x{scale}_photographs.csv", Photograph, looked_at)
    return rows


def lines(rows: Sequence[Compared], counted: str = "tiles") -> list[str]:
    """The table for people."""
    width = max(3, *(len(row.set) for row in rows))
    head = f"{'set':{width}} {counted:>8}    PSNR    SSIM   minus the first, dB"
    return [
        head,
        *(
            f"{row.set:{width}} {row.tiles:8,} {row.psnr:7.3f} {row.ssim:7.4f}   "
            + ("" if i == 0 else str(Difference(row.minus_first, row.low, row.high)))
            for i, row in enumerate(rows)
        ),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m training.showcase.compare",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--sets", type=Path, nargs="+", required=True, help="folders of sets")
    parser.add_argument("--held", type=Path, required=True, help="photographs never trained on")
    parser.add_argument("--scale", type=int, choices=SCALES, default=2)
    out = Path(__file__).parent / "out" / "compared"
    parser.add_argument("--out", type=Path, default=out, help="where networks and tables are left")
    parser.add_argument("--params", type=Path, default=PARAMS, help="the rules")
    given = parser.parse_args()
    rows = compared(given.sets, given.held, given.scale, given.out, given.params)
    print(*lines(rows), sep="\n")


if __name__ == "__main__":
    cli.shell("compare", main, again="python -m training.showcase.compare …")
