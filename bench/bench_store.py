"""Score store and tables: time and memory at 70,000 and 1,000,000 images.

    python -m bench.bench_store [--rows 70000 1000000]

For each number of rows: filling a store; `python -m stages.score` on a table whose images the store
knows all, so that nothing is computed; `python -m stages.cutoff` on the same; and screen's search
for duplicates and for images of the evaluation sets, on rows as it makes them. Every part is a
process of its own; memory is its largest resident size. Ends with 1 where the stage of scores needs
more than 60 s of CPU or 1 GiB.
"""

import argparse
import hashlib
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import numpy as np

from bench.measure import Cost, machine, run, stage_command
from stages.common import decision, store, tables
from stages.common.decision import Dropped
from stages.common.near import alike
from stages.common.near.alike import Look
from stages.common.near.known import Evaluated
from stages.common.rows import Neighbours, Photograph, Score, Tile, TileMeasures
from stages.common.scores import ScoreStore
from stages.common.screening import evaluation_copies

PARAMS = """
score: {model: builtin, crops: cover, size: native, device: cpu, precision: fp32}
cutoff:
  images: {count: 1000, min_score: null, report_at: 0.5, limits: {}, per_section: {},
    near_duplicates: null}
  subimages: {count: 1000, min_score: null, report_at: 0.5, limits: {bits: {min: 0.3}},
    per_section: {}, overlap: 0.5, per_photograph: null, scales: null}
validation: {picks: []}
"""
WEIGHTS = Path("data/weights")
OTHERS = ("measures", "neighbours", "leave_out", "reference")  # tables that a cutoff reads, too
AT_ONCE = 1000  # scores that are put at once: some seconds of work
EVALUATION = 500  # images; Set5, Set14, BSD100, Urban100 and DIV2K's hundred have 319
SEED = 0
SECONDS, MEMORY = 60, 1024  # the target of an all-hit run; s, MiB. By CPU: it is one process


def hashes(rows: int) -> Iterator[str]:
    """As many different SHA-256, always the same ones."""
    return (hashlib.sha256(b"%d" % i).hexdigest() for i in range(rows))


def tiles(rows: int) -> Iterator[Tile]:
    """A table of tiles, 26 of each photograph."""
    for i, sha256 in enumerate(hashes(rows)):
        section, name = ("faces", "places")[i // 26 % 2], f"{i // 26:08d}"
        yield Tile(
            path=f"{section}/{name}-1f2e3d4cT0_s{i % 26 + 1:03d}.png",
            section=section,
            pixels=sha256,
            parent=f"{section}/{name}-1f2e3d4cT0.png",
            scale="1",
            scaled_width=1680,
            scaled_height=1200,
            left=240,
            top=480,
            width=512,
            height=512,
            photograph=f"{section}/{name}.jpg",
            photograph_sha256=sha256,
        )


def photographs(rows: int) -> list[Photograph]:
    """What gather knows of so many different photographs."""
    dhashes = np.random.default_rng(SEED).bytes(32 * rows).hex()
    return [
        Photograph(
            path=f"faces/{i:08d}.jpg",
            section="faces",
            sha256=sha256,
            width=1024,
            height=1024,
            bytes=400_000,
            mode="JPEG RGB",
            pixels=sha256,
            dhash=dhashes[64 * i : 64 * i + 64],
        )
        for i, sha256 in enumerate(hashes(rows))
    ]


def fill(rows: int) -> None:
    """Put a score for every row into the store, a few at a time, as a run does."""
    from stages.common.hyperiqa import weights
    from stages.common.hyperiqa.scorer import fingerprint

    names = list(hashes(rows))
    scores = np.random.default_rng(SEED).normal(0.7, 0.05, rows).tolist()
    key = fingerprint(weights.load("builtin", WEIGHTS).sha256, "cover", "cpu", "fp32")
    kept = ScoreStore(store.default_path(), key)
    start = perf_counter()
    for first in range(0, rows, AT_ONCE):
        part = slice(first, first + AT_ONCE)
        kept.put(zip(names[part], scores[part], strict=True))
    print(f"put: {1e6 * (perf_counter() - start) / rows:.1f} µs an image")
    start = perf_counter()
    assert len(kept.get(names)) == rows
    print(f"get: {1e6 * (perf_counter() - start) / rows:.1f} µs an image")
    kept.close()


def search(rows: int) -> None:
    """Search as screen does, where one in a hundred is a copy and one an evaluation image."""

    sample = photographs(rows + EVALUATION)
    evaluation = sample[rows:]
    del sample[rows:]
    for i in range(99, rows, 100):
        sample[i] = sample[i]._replace(pixels=sample[i - 1].pixels)
        sample[i - 50] = sample[i - 50]._replace(dhash=evaluation[i % EVALUATION].dhash)
    start = perf_counter()
    evaluated = [
        Evaluated(row.path, row.pixels, Look(row.dhash, alike.UNKNOWN)) for row in evaluation
    ]
    copies = evaluation_copies(sample, {}, evaluated)
    print(f"evaluation sets: {1e6 * (perf_counter() - start) / rows:.1f} µs an image")
    allowed = [row for row in sample if row.path not in copies]
    start = perf_counter()
    first: decision.Rule[Photograph]
    first = decision.first_of(lambda row: row.pixels, lambda row, _: Dropped("", row.path))
    kept = len(allowed) - len(decision.decide(allowed, [first]))
    print(f"duplicates: {1e6 * (perf_counter() - start) / rows:.1f} µs an image")
    assert (len(allowed), kept) == (rows - rows // 100, rows - 2 * (rows // 100))


PARTS = {"fill": fill, "search": search}


def measure(rows: int, folder: Path) -> Cost:
    """Print what everything costs at one number of rows; gives the cost of the stage of scores."""
    variables = {"SRSET_STORE": str(folder / "store.sqlite")}
    table, scores, params = (folder / each for each in ("tiles.csv", "scores.csv", "params.yaml"))
    params.write_text(PARAMS)
    tables.write(table, Tile, tiles(rows))
    measured = (
        TileMeasures(tile.path, tile.pixels, 1.0, 0.0, 0.0, 400_000) for tile in tiles(rows)
    )
    tables.write(folder / "measures.csv", TileMeasures, measured)
    tables.write(folder / "neighbours.csv", Neighbours, [])
    tables.write(folder / "reference.csv", Score, [])
    (folder / "leave_out.csv").write_text("image,reason\n")
    this = [sys.executable, "-m", "bench.bench_store", "--rows", str(rows), "--part"]
    commands: dict[str, list[str | Path]] = {
        "fill the store, read it": [*this, "fill"],
        "stages.score, all known": stage_command(
            "score", "images", table, folder, WEIGHTS, scores, folder / "score.json", params=params
        ),
        "stages.cutoff": stage_command(
            *("cutoff", "subimages", table, scores),
            *(folder / f"{name}.csv" for name in OTHERS),
            folder / "decisions.csv",
            folder / "cutoff.json",
            params=params,
        ),
        "screen's search": [*this, "search"],
    }
    costs = {}
    print(f"{rows:,} rows, table {table.stat().st_size / 1e6:.0f} MB")
    for what, command in commands.items():
        cost, printed = run(command, variables=variables)
        costs[what] = cost
        if command[2] == "stages.score" and " 0 scored" not in printed:
            raise AssertionError(f"some images were not known: {printed}")
        message = " · ".join(line for line in printed.splitlines() if line.endswith("an image"))
        print(
            f"  {what:24} {cost.seconds:6.1f} s ({cost.cpu:5.1f} CPU) {cost.memory:6.0f} MiB"
            + (f" · {message}" if message else "")
        )
    print(f"  the store has {(folder / 'store.sqlite').stat().st_size / 1e6:.0f} MB")
    return costs["stages.score, all known"]


def main() -> None:
    """Measure and print, or be the process that is measured."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, nargs="+", default=[70_000, 1_000_000])
    parser.add_argument("--part", choices=PARTS, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.part:
        PARTS[arguments.part](arguments.rows[0])
        return
    print(machine())
    missed = False
    for rows in arguments.rows:
        with TemporaryDirectory() as name:
            cost = measure(rows, Path(name))
        missed |= cost.cpu > SECONDS or cost.memory > MEMORY
    print(machine())
    decision = "missed" if missed else "met"
    print(f"target, {SECONDS} CPU seconds and {MEMORY} MiB for stages.score: {decision}")
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
