"""Ask tiny filters whether the kept tiles train as well as all of them, and as every other cutoff.

Takes:  the folders of photographs; the table of tiles and their cutoff; a folder of held
        photographs, one of `screen.evaluation_sets`, and the table of these.
Leaves: probe.json, differences of the kept set to all tiles and to random ones; curve.csv, of the
        best so many tiles; images.csv, the PSNR of each held photograph; pictures/*.png,
        bicubic | kept | all | HR. Without a folder it says so and leaves empty tables.
Rule:   of each set of tiles the filters that best enlarge their halves by 2, one for each class of
        gradient angle, strength and coherence, by least squares; then PSNR-Y and SSIM-Y of the held
        photographs, halved and enlarged. It decides nothing.
        It is an alarm and a lower bound of harm: what hurts such filters, as blur or compression,
        hurts any network, and what they don't miss can still be missed by a large one. 192 classes
        learn of each tile's mirror images, too, and so need no more tiles than 48. Two random sets
        of a size differ, too: a difference below `random_apart` says nothing.
Source: Romano, Isidoro, Milanfar, "RAISR: Rapid and Accurate Image Super Resolution", IEEE TCI
        3(1), 2017, arXiv 1606.01299. That a part of a set can train as well as all of it, and that
        the hardest tiles harm: "A Study in Dataset Pruning for Image Super-Resolution", arXiv
        2403.17083.
"""

from pathlib import Path

from stages.common import files, tables
from stages.common.cli import run
from stages.common.errors import UserError
from stages.common.probe_params import EvaluationSets, ProbeParams, fault
from stages.common.rows import Decision, Photograph, ProbedImage, ProbePoint, Tile

PICTURES = "pictures"


def main(
    photographs: Path,
    table: Path,
    decisions: Path,
    evaluation_folder: Path,
    evaluation: Path,
    numbers: Path,
    folder: Path,
    params: ProbeParams,
    screen: EvaluationSets,
) -> None:
    files.new_folder(folder)
    (folder / PICTURES).mkdir()
    if params.held is None:
        tables.write(folder / "curve.csv", ProbePoint, [])
        tables.write(folder / "images.csv", ProbedImage, [])
        tables.write_numbers(numbers, {"held": None})
        print("nothing is held, so nothing was tried: probe.held names a folder of photographs")
        return
    if wrong := fault(params.held, screen.evaluation_sets):
        raise UserError(wrong)
    # Here, since a project that holds nothing need not wait for them.
    from stages.common.pixels import png
    from stages.common.probing import held, samples, strips, trial

    gathered = tables.read(evaluation, Photograph)
    kept_away = held.photographs(params.held, evaluation_folder, gathered)
    plan = samples.plan(tables.read(decisions, Decision), tables.read(table, Tile), params.points)
    found, filters = trial.run(
        plan, photographs, kept_away, evaluation_folder, params.held, params.classes
    )
    largest = params.classes[-1]
    pictures = strips.strips(kept_away, evaluation_folder, found.images, filters[largest])
    for name, pixels in pictures.items():
        png.write(folder / PICTURES / name, pixels)
    tables.write(folder / "curve.csv", ProbePoint, found.curve)
    tables.write(folder / "images.csv", ProbedImage, found.images)
    tables.write_numbers(numbers, found.numbers)
    for classes, of in found.numbers["classes"].items():
        print(
            f"{classes} classes: kept {plan.kept:,} minus all {len(plan.tiles):,} tiles "
            f"{of['kept_minus_all']:+.4f} dB [{of['low']:+.4f}, {of['high']:+.4f}], minus as many "
            f"random ones {of['kept_minus_random']:+.4f}; {of['enough']:,} lose nothing"
        )


if __name__ == "__main__":
    run(main)
