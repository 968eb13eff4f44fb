"""HyperIQA of every image in a table.

Takes:  a table with path, sha256, width and height; the folder the paths are in; the weights.
Leaves: a table of scores (`Score`), by path. Higher is better, about 0..1.
Rule:   the mean of the network's scores of the image's crops (common/crops.py). What the score
        store knows is not computed again.
Source: Su et al., "Blindly Assess Image Quality in the Wild Guided by a Self-Adaptive Hyper
        Network", CVPR 2020.
"""

import math
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Literal

from tqdm import tqdm

from stages.common import backends, crops, files, images, models, scorer, store, tables
from stages.common.cli import run
from stages.common.errors import UserError
from stages.common.params import Params
from stages.common.tables import Item, Score

SAVE_SECONDS = 2.0  # the most of its work that a killed run loses


class ScoreParams(Params):
    model: str
    crops: Literal["cover", "pyiqa", "random", "original"]
    device: Literal["auto", "cpu", "cuda"]
    precision: Literal["auto", "fp32", "fp16", "bf16"]


def fingerprint(weights_sha256: str, policy: str, device: str, precision: str) -> str:
    """Everything but the file that a score depends on. In fp32 devices agree; else they differ."""
    versions = f"{crops.POLICIES[policy]} pixels {images.VERSION} scorer {scorer.VERSION}"
    rounding = precision if precision == "fp32" else f"{device} {precision}"
    return f"hyperiqa {weights_sha256} {policy} {versions} {rounding}"


def saved(
    scores: Iterable[tuple[str, float]], kept: store.ScoreStore
) -> Iterator[tuple[str, float]]:
    """Pass scores on, and put them into the store every few seconds and at the end."""
    waiting: list[tuple[str, float]] = []
    last = time.monotonic()
    try:
        for sha256, score in scores:
            if not math.isfinite(score):
                raise UserError(f"the network gives {score} for {sha256}: use other weights")
            waiting.append((sha256, score))
            yield sha256, score
            if time.monotonic() - last > SAVE_SECONDS:
                kept.put(waiting)
                waiting, last = [], time.monotonic()
    finally:
        kept.put(waiting)


def compiled(
    model: str, weights_folder: Path, sha256: str, device: str, precision: str
) -> backends.Network:
    """Load a model, which must be the one with this hash, and compile its network."""
    from stages.common import weights  # brings torch, which decoding processes need not load

    loaded = weights.load(model, weights_folder)
    if loaded.sha256 != sha256:  # its scores would get the other's key
        raise UserError(f"the weights of {model} were replaced just now: run `dvc repro` again")
    return backends.network_on(device, precision, loaded)


def main(
    table: Path,
    folder: Path,
    weights_folder: Path,
    scores: Path,
    metrics: Path,
    params: ScoreParams,
) -> None:
    items = tables.read(table, Item)
    device, precision = backends.resolve(params.device, params.precision)
    weights_sha256 = files.sha256_of(models.locate(params.model, weights_folder))
    key = fingerprint(weights_sha256, params.crops, device, precision)
    kept = store.ScoreStore(store.default_path(), key)
    known = kept.get([item.sha256 for item in items])
    found = len(known)
    missing = list({i.sha256: i for i in items if i.sha256 not in known}.values())
    if missing:
        with ThreadPoolExecutor(1) as aside:  # the network compiles while the first images are read
            compile_in = partial(compiled, params.model, weights_folder, weights_sha256, device)
            network = aside.submit(compile_in, precision)
            if precision != "fp32":
                told, sample = scorer.told_error(
                    missing, folder, params.crops, network, aside.submit(compile_in, "fp32")
                )
                print(told)
                known.update(saved(sample.items(), kept))
            rest = [item for item in missing if item.sha256 not in known]
            new = scorer.score(rest, folder, policy=params.crops, network=network)
            known.update(tqdm(saved(new, kept), total=len(rest), desc="score", unit=" images"))
    kept.close()

    rows = sorted(Score(item.path, item.sha256, known[item.sha256]) for item in items)
    if not rows:
        raise UserError(f"{table} lists no image: look at the stage before")
    values = [row.hyperiqa for row in rows]
    best, worst = max(rows, key=lambda r: r.hyperiqa), min(rows, key=lambda r: r.hyperiqa)
    mean = math.fsum(values) / len(values)
    tables.write(scores, Score, rows)
    tables.write_metrics(
        metrics,
        {
            "images": len(rows),
            "mean": round(mean, 6),
            "min": round(min(values), 6),
            "max": round(max(values), 6),
        },
    )
    print(
        f"average hyperiqa score of {folder} with {len(rows):,} images is {mean:.6f}"
        f" · best {best.hyperiqa:.6f} {best.path} · worst {worst.hyperiqa:.6f} {worst.path}"
        f" · {len(missing):,} scored, {found:,} known"
    )


if __name__ == "__main__":
    run(main)
