"""`make verify` against md5sum on the same files, with as many processes.

    python -m bench.bench_verify [--files 2000] [--bytes 300000] [--rounds 5]

A project of DVC's, with one added folder, in a temporary folder. Both sides run in turns; md5sum
reads the cache's objects, which the workspace has as hard links: neither reads a content twice. All
is read from memory after the first round, so this is about hashing, not about the disk. Ends with 1
where verify has less than half of md5sum's speed.
"""

import argparse
import os
import random
import statistics
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.measure import Cost, machine, run
from stages.common import workers

REPOSITORY = Path(__file__).parents[1]
LEAST = 0.5  # of md5sum's speed


def make(folder: Path, count: int, size: int) -> None:
    """A project whose cache and workspace have so many files of so many bytes, each near that."""
    variables = os.environ | {"DVC_NO_ANALYTICS": "1", "DVC_SITE_CACHE_DIR": str(folder / "site")}
    generator = random.Random(0)
    photographs = folder / "project" / "data" / "source"
    photographs.mkdir(parents=True)
    for number in range(count):
        content = generator.randbytes(generator.randint(size // 2, size * 3 // 2))
        (photographs / f"{number:06d}.jpg").write_bytes(content)
    dvc = [sys.executable, "-m", "dvc"]
    for command in (
        ["git", "init", "--quiet"],
        [*dvc, "init", "--quiet"],
        [*dvc, "config", "cache.type", "hardlink,copy"],
        [*dvc, "add", "--quiet", "data/source"],
    ):
        subprocess.run(command, cwd=folder / "project", env=variables, check=True)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--files", type=int, default=2000)
    parser.add_argument("--bytes", type=int, default=300_000, help="of a file, on average")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    processes = max(1, workers.worker_count())
    print(machine())
    costs: dict[str, list[Cost]] = {"verify": [], "md5sum": []}
    with TemporaryDirectory() as name:
        make(Path(name), arguments.files, arguments.bytes)
        os.chdir(Path(name) / "project")
        find = f"find .dvc/cache/files/md5 -type f -print0 | xargs -0 -P{processes} -n 64 md5sum"
        commands: dict[str, list[str | Path]] = {
            "verify": [sys.executable, "-m", "stages.tools.verify"],
            "md5sum": ["bash", "-c", f"{find} > /dev/null"],
        }
        printed = ""
        for _ in range(arguments.rounds):
            for what, command in commands.items():
                cost, output = run(command, variables={"PYTHONPATH": str(REPOSITORY)})
                costs[what].append(cost)
                printed = output or printed
        os.chdir(REPOSITORY)
    print(printed.strip())
    medians = {}
    for what, each in costs.items():
        medians[what] = statistics.median(cost.seconds for cost in each)
        cpu = statistics.median(cost.cpu for cost in each)
        memory = max(cost.memory for cost in each)
        print(f"{what:8} {medians[what]:6.2f} s ({cpu:.2f} CPU) {memory:4.0f} MiB")
    ratio = medians["md5sum"] / medians["verify"]
    print(machine())
    decision = "met" if ratio >= LEAST else "missed"
    print(f"verify has {ratio:.2f} of md5sum's speed; target, {LEAST}: {decision}")
    sys.exit(0 if ratio >= LEAST else 1)


if __name__ == "__main__":
    main()
