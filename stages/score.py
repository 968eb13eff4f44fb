"""HyperIQA of every image in a table.

Takes:  a table with path, sha256, pixels, width, height; the folder of the paths, or folders.csv;
        the weights.
Leaves: a table of scores (`Score`), by path. Higher is better, about 0..1.
Rule:   the mean of the network's scores of the image's crops (common/hyperiqa/crops.py). What the
        score store knows is not computed again. One device and precision makes the whole table;
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

from stages.common import files, sources, store, tables, workers
from stages.common.cli import run
from stages.common.errors import UserError
from stages.common.hyperiqa import backends, crops, models, scorer, trust
from stages.common.params import Params
from stages.common.rows import Item, Score
from stages.common.scores import ScoreStore
from stages.common.sources import Root

REMEDIES = {  # by the device that failed
    "cuda": "look at the GPU, or set score.device to cpu and score.precision to auto",
    "cpu": "set score.precision to fp32",
}


class ScoreParams(Params):
    model: str
    crops: Literal["cover", "pyiqa", "random", "original"]
    device: Literal["auto", "cpu", "cuda"]
    precision: Literal["auto", "fp32", "fp16", "bf16"]


def fingerprint(weights_sha256: str, policy: str, device: str, precision: str) -> str:
    """Everything but the pixels that a score depends on. No device is given another's scores."""
    versions = f"{crops.POLICIES[policy]} scorer {scorer.VERSION}"
    rounding = "fp32" if (device, precision) == backends.EXACT else f"{device} {precision}"
    return f"hyperiqa {weights_sha256} {policy} {versions} {rounding} {backends.engine(device)}"


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


def compiled(
    model: str, weights_folder: Path, sha256: str, device: str, precision: str
) -> backends.Network:
    """Load a model, which must be the one with this hash, and compile its network.

    Raises:
        trust.NetworkError: where a network that is not the exact one does not compile.
    """
    from stages.common.hyperiqa import (
        weights,  # brings torch, which decoding processes need not load
    )

    loaded = weights.load(model, weights_folder)
    if loaded.sha256 != sha256:  # its scores would get the other's key
        raise UserError(f"the weights of {model} were replaced just now: run `dvc repro` again")
    make = partial(backends.network_on, device, precision, loaded)
    exact = (device, precision) == backends.EXACT
    return make() if exact else trust.guarded(make, f"{device} {precision}")


def all_scores(
    items: list[Item],
    folder: Root,
    policy: str,
    weights_sha256: str,
    networks: Callable[[str, str], "Future[backends.Network]"],
    device: str,
    precision: str,
) -> tuple[dict[str, float], int]:
    """Every image's score by hash, all of one device and precision; and how many are new.

    Raises:
        trust.NetworkError: where the network can't be trusted. What it gave before it passed the
            comparison is in no store.
    """
    key = fingerprint(weights_sha256, policy, device, precision)
    with closing(ScoreStore(store.default_path(), key)) as score_store:
        known = score_store.get([item.pixels for item in items])
        missing = list({i.pixels: i for i in items if i.pixels not in known}.values())
        if missing:
            network = networks(device, precision)
            if (device, precision) != backends.EXACT:
                exact = networks(*backends.EXACT)
                name = f"{device} {precision}"
                message = trust.compare(
                    missing, folder, policy, network=network, exact=exact, name=name
                )
                print(message, flush=True)
            new = scorer.score(missing, folder, policy=policy, network=network)
            new = finite(new, {item.pixels: item.path for item in missing})
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
    table: Path,
    folder: Path,
    weights_folder: Path,
    scores: Path,
    numbers: Path,
    params: ScoreParams,
) -> None:
    items = tables.read(table, Item)
    device, precision = backends.resolve(params.device, params.precision)
    sha256 = files.sha256_of(models.locate(params.model, weights_folder))
    known: dict[str, float] | None = None
    with ThreadPoolExecutor(1) as aside:  # the network compiles while the first images are read

        @functools.cache  # the exact one may be asked for twice
        def network(device: str, precision: str) -> "Future[backends.Network]":
            model = (params.model, weights_folder, sha256)
            return aside.submit(compiled, *model, device, precision)

        while known is None:  # at most twice: the exact network knows no fault
            try:
                known, new = all_scores(
                    items, folder, params.crops, sha256, network, device, precision
                )
            except trust.NetworkError as fault:
                device, precision = fall_back(fault, params.device, device)
    rows = sorted(Score(item.path, item.sha256, known[item.pixels]) for item in items)
    facts = {
        "model": params.model,
        "weights_sha256": sha256,
        "crops": params.crops,
        "device": device,
        "precision": precision,
        "engine": backends.engine(device),
    }
    tables.write(scores, Score, rows)
    tables.write_numbers(numbers, counted(rows) | {"scorer": facts})
    print(described(rows, folder, new, len(known) - new))


if __name__ == "__main__":
    run(main)
