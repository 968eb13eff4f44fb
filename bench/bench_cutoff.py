"""What another cutoff costs in a project of many tiles, in time and on the disk.

    python -m bench.bench_cutoff [--tiles 50000] [--rounds 3] [--folder FOLDER]

A project is made in a temporary folder (bench/tiles_project.py) and run once. Then, in turns:
`dvc repro` with nothing to do; `dvc repro` after another `cutoff.subimages.count`; `make compare`
with one more count, and with three; the peer, an experiment as DVC has them by itself; and for
scale `cp -r` of the tiles that are kept. Every count is one that was never run before: no run is
taken from DVC's memory. FOLDER makes it there and leaves it, to be looked at. Ends with 1 where an
experiment takes more than `MORE` s beyond a `dvc repro` with nothing to do.
"""

import argparse
import itertools
import shutil
import statistics
import sys
from collections import defaultdict
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.measure import Cost, machine, run
from bench.tiles_project import TilesProject

DVC: list[str | Path] = [sys.executable, "-m", "dvc"]
COMPARE: list[str | Path] = [sys.executable, "-m", "stages.tools.compare"]
KEPT = 5  # one tile in so many
MORE = 5.0  # s
NOTHING, CHANGED = "`dvc repro`, nothing to do", "`dvc repro`, another count"
ONE, THREE = "`make compare`, one count", "`make compare`, three counts"
PEER, COPY = "`dvc exp run --temp`", "`cp -r data/dataset`"


class Costs:
    """What each way has cost, in every round."""

    def __init__(self, project: TilesProject) -> None:
        self.project = project
        self.costs: dict[str, list[Cost]] = defaultdict(list)
        self.growth: dict[str, list[int]] = defaultdict(list)

    def measure(self, what: str, command: list[str | Path]) -> None:
        """Run a command in the project."""
        project, before = self.project, self.project.disk()
        cost, _ = run(command, variables=project.variables, folder=project.folder)
        self.costs[what].append(cost)
        self.growth[what].append(project.disk() - before)
        print(f"{what:30} {cost.seconds:6.1f} s", file=sys.stderr, flush=True)

    def rows(self) -> list[str]:
        """A table of medians."""
        lines = ["| | s | CPU s | MB more on the disk |", "|---|---|---|---|"]
        for what, costs in self.costs.items():
            seconds = self.seconds(what)
            cpu = statistics.median(cost.cpu for cost in costs)
            growth = statistics.median(self.growth[what]) / 1e6
            lines.append(f"| {what} | {seconds:.1f} | {cpu:.1f} | {growth:.1f} |")
        return lines

    def seconds(self, what: str) -> float:
        """The median of a way."""
        return statistics.median(cost.seconds for cost in self.costs[what])


def rounds(project: TilesProject, tiles: int, count: int) -> Costs:
    """All ways in turns, so many times."""
    costs = Costs(project)
    copy = project.folder.with_name("copy")
    counts = itertools.count(tiles // KEPT + 1, max(1, tiles // KEPT // 100))
    for number in range(1, count + 1):
        costs.measure(NOTHING, [*DVC, "repro"])
        project.set_count(next(counts))
        costs.measure(CHANGED, [*DVC, "repro"])
        project.commit(f"count {number}")
        for what, some in ((ONE, 1), (THREE, 3)):
            words = " ".join(str(next(counts)) for _ in range(some))
            costs.measure(what, [*COMPARE, "--counts", words])
        setting = f"cutoff.subimages.count={next(counts)}"
        costs.measure(PEER, [*DVC, "exp", "run", "--temp", "--set-param", setting])
        costs.measure(COPY, ["cp", "-r", "data/dataset", copy])
        shutil.rmtree(copy)
    return costs


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tiles", type=int, default=50_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="a new folder, which is left")
    arguments = parser.parse_args()
    print(machine())
    with TemporaryDirectory(prefix="bench-cutoff-") as temporary:
        folder = arguments.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        project = TilesProject(folder.absolute())
        project.make(arguments.tiles, arguments.tiles // KEPT)
        costs = rounds(project, arguments.tiles, arguments.rounds)
    print(*costs.rows(), sep="\n")
    print(machine())
    each = (costs.seconds(THREE) - costs.seconds(ONE)) / 2
    more = each - costs.seconds(NOTHING)
    decision = "met" if more <= MORE else "missed"
    print(f"an experiment: {each:.1f} s, {more:+.1f} to a no-op; target {MORE:+.0f}: {decision}")
    sys.exit(0 if more <= MORE else 1)


if __name__ == "__main__":
    main()
