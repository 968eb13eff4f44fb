"""What a cutoff costs on tables of many rows: time and memory, beside the way by Python rows.

    python -m bench.bench_tables [--rows 50000 1000000] [--rounds 1] [--peer CHECKOUT]

For each number of rows, tables of as many tiles and photographs are made (bench/made_tables.py).
`stages.cutoff` decides on both, with limits, overlap, near-duplicates, a cap a photograph and a
count; `stages.summary` counts other cutoffs. CHECKOUT is a clone of this repository at a commit
before tables were columns (a097171), with a `.venv`: both sides run in turns, and must leave the
same bytes. Ends with 1 where a cutoff takes more than a third of the peer's CPU time, or more
memory than `MEMORY` for a million rows and `MOST` beyond.
"""

import argparse
import filecmp
import statistics
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from bench import made_tables
from bench.measure import Cost, machine, run

MEMORY, MOST = 512, 2048  # MiB
SHARE = 1 / 3  # of the peer's time
CUTS = ("images", "subimages")


def cutoff(made: Path, which: str, left: Path) -> list[str | Path]:
    """The stage's arguments."""
    return [
        *("stages.cutoff", "--which", which, "--table", made / f"{which}.csv"),
        *("--scores", made / f"scores_{which}.csv", "--measures", made / f"measures_{which}.csv"),
        *("--neighbours", made / "neighbours.csv", "--leave-out", made / "leave_out.csv"),
        *("--reference", made / "reference.csv", "--decisions", left / f"{which}.csv"),
        *("--numbers", left / f"{which}.json", "--params", made / "params.yaml"),
    ]


def summary(made: Path, cut: Path, left: Path) -> list[str | Path]:
    """The same of the summary; a peer needs no table of photographs."""
    return [
        *("stages.summary", "--images", cut / "images.csv", "--subimages", cut / "subimages.csv"),
        *("--tiles", made / "subimages.csv", "--image-measures", made / "measures_images.csv"),
        *("--tile-measures", made / "measures_subimages.csv"),
        *("--neighbours", made / "neighbours.csv", "--image-reference", made / "reference.csv"),
        *("--tile-reference", made / "reference.csv", "--metrics", left / "metrics.json"),
        *("--what-if", left / "what_if.csv", "--plots", left / "plots"),
        *("--params", made / "params.yaml"),
    ]


def compare(made: Path, folder: Path, peer: Path | None) -> dict[str, dict[str, Cost]]:
    """One round: every stage by every side, by its name."""
    sides = {"ours": Path()} | ({"peer": peer} if peer else {})
    costs: dict[str, dict[str, Cost]] = {}
    for side, code in sides.items():
        left = folder / side
        left.mkdir()
        commands = {f"cutoff, {which}": cutoff(made, which, left) for which in CUTS}
        commands["summary"] = summary(made, left, left)
        if side == "ours":
            commands["summary"] += ["--photographs", made / "images.csv"]
        python = sys.executable if side == "ours" else code.absolute() / ".venv/bin/python"
        for what, arguments in commands.items():
            cost, _ = run([python, "-m", *arguments], folder=code)
            costs.setdefault(what, {})[side] = cost
    if peer:
        names = [f"{which}.{kind}" for which in CUTS for kind in ("csv", "json")]
        names += ["metrics.json", "what_if.csv", "plots/images.csv", "plots/subimages.csv"]
        _, other, missing = filecmp.cmpfiles(folder / "ours", folder / "peer", names, shallow=False)
        if other or missing:
            raise AssertionError(f"not the same: {other + missing}")
    return costs


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, nargs="+", default=[50_000, 1_000_000])
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--peer", type=Path)
    arguments = parser.parse_args()
    print(machine())
    missed = False
    for rows in arguments.rows:
        with TemporaryDirectory(prefix="bench-tables-") as name:
            made = Path(name) / "made"
            made_tables.make(made, rows)
            rounds = []
            for number in range(arguments.rounds):
                folder = Path(name) / str(number)
                folder.mkdir()
                rounds.append(compare(made, folder, arguments.peer))
        print(f"{rows:,} rows: s (CPU s), MiB")
        for what, sides in rounds[0].items():
            shown, cpu = [], {}
            for side in sides:
                costs = [each[what][side] for each in rounds]
                cpu[side] = statistics.median(cost.cpu for cost in costs)
                seconds = statistics.median(cost.seconds for cost in costs)
                memory = max(cost.memory for cost in costs)
                shown.append(f"{side} {seconds:.1f} ({cpu[side]:.1f}), {memory:.0f}")
                if side == "ours" and what != "summary":
                    missed |= memory > (MEMORY if rows <= 10**6 else MOST)
            if "peer" in cpu:
                shown.append(f"ratio of CPU {cpu['ours'] / cpu['peer']:.2f}")
                missed |= what != "summary" and rows >= 10**6 and cpu["ours"] > SHARE * cpu["peer"]
            print(f"  {what:18} {' · '.join(shown)}")
    print(machine())
    print("missed" if missed else "met")
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
