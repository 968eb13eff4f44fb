"""HyperIQA of every image in a table.

Takes:  a table of tiles, or of whole photographs with path, sha256, pixels, width, height; the
        folder of the photographs, or folders.csv; the weights. `which` is images for photographs,
        subimages for tiles.
Leaves: a table of scores (`Score`), by path. Higher is better, about 0..1.
Rule:   the mean of the network's scores of the image's crops (common/hyperiqa/crops.py). `size`
        downscales larger photographs first, never tiles (common/hyperiqa/sizes.py). What the
        score store knows is not computed again, nor what a last run of the same scorer has scored,
        on whatever machine. One device and precision makes the whole table;
        where that is not the CPU in fp32, it is compared with it first (common/hyperiqa/trust.py),
        and where it fails, then or later, `device: auto` starts again on the CPU.
Source: Su et al., "Blindly Assess Image Quality in the Wild Guided by a Self-Adaptive Hyper
        Network", CVPR 2020.
"""

import functools
import math
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Literal

from pydantic import ValidationInfo, field_validator

from stages.common import sources, store, tables, workers
from stages.common.cli import run
from stages.common.errors import UserError
from stages.common.hyperiqa import backends, checkpoints, scorer, sizes, spread, trust
from stages.common.params import Params
from stages.common.pixels import pictures
from stages.common.pixels.pictures import Picture
from stages.common.rows import Score
from stages.common.scores import ScoreStore, scored_before
from stages.common.sources import Root

REMEDIES = {  # by the device that failed
    "cuda": "look at the GPU, or set score.device to cpu and score.precision to auto",
    "cpu": "set score.precision to fp32",
}


class ScoreParams(Params):
    model: str
    crops: Literal["cover", "pyiqa", "random", "original"]
    size: sizes.Size
    device: Literal["auto", "cpu", "cuda"]
    precision: Literal["auto", "fp32", "fp16", "bf16"]

    @field_validator("size")
    @classmethod
    def _once(cls, size: sizes.Size, info: ValidationInfo) -> sizes.Size:
        if info.data.get("crops") == "original" and size != sizes.NATIVE:
            raise ValueError("must be native for crops: original, which resizes every image itself")
        return size


def finite(
    scores: Iterable[tuple[str, float]], paths: Mapping[str, str]
) -> Iterator[tuple[str, float]]:
    """Pass scores on, by hash; each must be a number.

    Raises:
        UserError: where one is not; it names the path of that hash.
    """
    for pixels, score in scores:
        if not math.isfinite(score):
            raise UserError(f"the network gives {score} for {paths[pixels]}: use other weights")
        yield pixels, score


def all_scores(
    wanted: list[Picture],
    root: Root,
    policy: str,
    edge: int | None,
    checkpoint: checkpoints.Checkpoint,
    networks: Callable[[str, str], "Future[backends.Network]"],
    device: str,
    precision: str,
    before: Callable[[str], Mapping[str, float]],
) -> tuple[dict[str, float], int]:
    """Every picture's score by key, all of one device and precision; and how many are new. `before`
    gives scores of the last run, if the scorer of a fingerprint made them.

    Raises:
        trust.NetworkError: where the network can't be trusted. What it gave before it passed the
            comparison is in no store.
    """
    key = scorer.fingerprint(checkpoint.sha256, policy, device, precision, edge)
    with closing(ScoreStore(store.default_path(), key)) as score_store:
        known = score_store.get_or_take([it.pixels for it in wanted], partial(before, key))
        missing = list({it.pixels: it for it in wanted if it.pixels not in known}.values())
        if missing:
            kind = (device, precision)
            if kind != backends.EXACT:
                pair = {"network": networks(*kind), "exact": networks(*backends.EXACT)}
                name = f"{device} {precision}"
                print(trust.compare(missing, root, policy, **pair, name=name), flush=True)
            network = partial(networks, *kind)
            new = spread.score(missing, root, policy, checkpoint, kind, network)
            new = finite(new, {it.pixels: it.path for it in missing})
            passed = store.saved(new, score_store.put)
            known.update(workers.bar(passed, len(missing), "score", " images"))
    return known, len(missing)


def fall_back(fault: trust.NetworkError, asked: str, device: str) -> tuple[str, str]:
    """Warn, and give the device and precision to go on with.

    Raises:
        UserError: where a device was `asked` for, and not left to this machine.
    """
    if asked != "auto":
        raise UserError(f"{fault}: {REMEDIES[device]}") from fault
    message = f"going on with cpu fp32; {REMEDIES[device]}"
    print(f"warning: score: {fault}: {message}", file=sys.stderr, flush=True)
    return backends.EXACT


def counted(rows: Sequence[Score]) -> dict[str, object]:
    """The numbers of a table of scores."""
    if not rows:
        return {"images": 0}
    values = [round(row.hyperiqa, 6) for row in rows]
    mean = tables.mean(values)
    return {"images": len(rows), "mean": mean, "min": min(values), "max": max(values)}


def described(rows: Sequence[Score], folder: Root, new: int, known: int) -> str:
    """The same for the person who watches, with the best and the worst."""
    if not rows:
        return f"no image in {sources.named(folder)}"
    best, worst = max(rows, key=lambda r: r.hyperiqa), min(rows, key=lambda r: r.hyperiqa)
    return (
        f"average hyperiqa score of {sources.named(folder)} with {len(rows):,} images is "
        f"{counted(rows)['mean']:.6f} · best {best.hyperiqa:.6f} {best.path} · worst "
        f"{worst.hyperiqa:.6f} {worst.path} · {new:,} scored, {known:,} known"
    )


def main(
    which: str,
    table: Path,
    folder: Path,
    weights_folder: Path,
    scores: Path,
    numbers: Path,
    params: ScoreParams,
) -> None:
    photographs = sizes.short_edge(params.size)
    edge = {"images": photographs, "subimages": None}[which]
    wanted = [sizes.looked_at(it, edge) for it in pictures.read(table)]
    device, precision = backends.resolve(params.device, params.precision)
    checkpoint = checkpoints.find(params.model, weights_folder)
    known: dict[str, float] | None = None
    before = partial(scored_before, table, scores, numbers)
    with ThreadPoolExecutor(1) as aside:  # the network compiles while the first images are read

        @functools.cache  # the exact one may be asked for twice
        def network(device: str, precision: str) -> "Future[backends.Network]":
            return aside.submit(trust.compiled, checkpoint, device, precision)

        while known is None:  # at most twice: the exact network knows no fault
            try:
                known, new = all_scores(
                    wanted,
                    folder,
                    params.crops,
                    edge,
                    checkpoint,
                    network,
                    device,
                    precision,
                    before,
                )
            except trust.NetworkError as fault:
                device, precision = fall_back(fault, params.device, device)
    rows = sorted(Score(it.path, it.sha256, known[it.pixels]) for it in wanted)
    facts: dict[str, object] = {
        "model": params.model,
        "weights_sha256": checkpoint.sha256,
        "crops": params.crops,
        "device": device,
        "precision": precision,
        "engine": backends.engine(device),
    }
    if photographs is not None:  # of tiles it is told, too: it chose what they were cut from
        facts["photographs_short_edge"] = photographs
    tables.write(scores, Score, rows)
    made_by = scorer.fingerprint(checkpoint.sha256, params.crops, device, precision, edge)
    tables.write_numbers(numbers, counted(rows) | {"scorer": facts, "fingerprint": made_by})
    print(described(rows, folder, new, len(known) - new))


if __name__ == "__main__":
    run(main)
