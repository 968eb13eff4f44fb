"""`make unpack` against 7-Zip, on an archive of many small files and on one of tiles.

    python -m bench.bench_unpack [--files 50000] [--tiles 1250] [--rounds 3] [--py7zr]

Needs `7zz` (Debian: `apt-get install 7zip`). Files of 200 bytes, and of 400 kB, are stored in one
archive each; both sides unpack it in turns to the same disk. Ends with 1 where we take more than
three times 7-Zip's time for the small files.
"""

import argparse
import os
import random
import shutil
import statistics
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.measure import Cost, machine, run

REPOSITORY = Path(__file__).parents[1]
MOST = 3.0  # times 7-Zip's time


def make(folder: Path, count: int, size: int) -> Path:
    """An archive of so many files of so many bytes."""
    generator = random.Random(0)
    (folder / "set").mkdir(parents=True)
    for number in range(count):
        (folder / "set" / f"{number}.png").write_bytes(generator.randbytes(size))
    archive = folder.with_suffix(".7z")
    run(["7zz", "a", "-mx0", "-bd", "-bso0", archive, folder])
    shutil.rmtree(folder)
    return archive


def measure(archive: Path, rounds: int, with_py7zr: bool) -> dict[str, list[Cost]]:
    """The cost of unpacking, by who did it."""
    target = archive.with_name("unpacked")
    tool = [sys.executable, "-m", "stages.tools.unpack"]
    commands: dict[str, list[str | Path]] = {
        "unpack": [*tool, "--archive", archive, "--folder", target],
        "7zz": ["7zz", "x", "-bd", "-bso0", f"-o{target}", archive],
    }
    if with_py7zr:
        commands["py7zr"] = [sys.executable, "-m", "py7zr", "x", archive, target]
    costs: dict[str, list[Cost]] = {name: [] for name in commands}
    for _ in range(rounds):
        for name, command in commands.items():
            costs[name].append(run(command, variables={"PYTHONPATH": str(REPOSITORY)})[0])
            shutil.rmtree(target)
            os.sync()  # what one side has left to write is no cost of the next
    return costs


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--files", type=int, default=50_000, help="small ones, of 200 bytes")
    parser.add_argument("--tiles", type=int, default=1_250, help="files of 400 kB")
    parser.add_argument("--rounds", type=int, default=3, help="of which the median counts")
    parser.add_argument("--py7zr", action="store_true", help="measure py7zr alone, too")
    arguments = parser.parse_args()
    print(machine())
    ratios = []
    for count, size in ((arguments.files, 200), (arguments.tiles, 400_000)):
        with TemporaryDirectory() as name:
            archive = make(Path(name) / "archive", count, size)
            costs = measure(archive, arguments.rounds, arguments.py7zr)
        print(f"{count:,} files of {size:,} bytes")
        medians = {}
        for what, each in costs.items():
            medians[what] = statistics.median(cost.seconds for cost in each)
            memory = max(cost.memory for cost in each)
            print(f"  {what:8} {medians[what]:6.2f} s {memory:5.0f} MiB")
        ratios.append(medians["unpack"] / medians["7zz"])
        print(f"  {ratios[-1]:.2f} times 7-Zip's time")
    decision = "met" if ratios[0] <= MOST else "missed"
    print(f"target for the small files, {MOST}: {decision}")
    sys.exit(0 if ratios[0] <= MOST else 1)


if __name__ == "__main__":
    main()
