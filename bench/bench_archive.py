"""Writing and reading back an archive, against 7-Zip's store mode on the same files.

    python -m bench.bench_archive [--files 1250] [--bytes 400000] [--rounds 3]

Needs 7-Zip, `apt-get install 7zip`. Files of random bytes in a temporary folder, read once before
the clock starts. Both sides run as commands, in turns. Writing ends when the archive is on the disk
(7-Zip is followed by `sync`), and it is read back from there, out of no memory. We also compare
each file with its SHA-256, and hash the whole; 7-Zip compares CRCs. Ends with 1 where writing takes
more than twice 7-Zip's time, or reading back more than three times.
"""

import argparse
import hashlib
import os
import random
import shutil
import statistics
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.measure import Cost, machine, run
from stages.common import tables
from stages.common.archive.seven_zip import Member, verify, write
from stages.common.rows import Score

REPOSITORY = Path(__file__).parents[1]
MOST = {"write": 2.0, "verify": 3.0}  # times 7-Zip's
SWITCHES = ["-mx0", "-mtm-", "-mtc-", "-mta-", "-mtr-", "-bso0", "-bsp0"]
FORGET = "dd of={} oflag=nocache conv=notrunc,fdatasync count=0 status=none"


def make(folder: Path, count: int, size: int) -> None:
    """Files of so many bytes, each near that, and a table of their hashes."""
    generator = random.Random(0)
    (folder / "files").mkdir()
    rows = []
    for number in range(count):
        content = generator.randbytes(generator.randint(size // 2, size * 3 // 2))
        (folder / "files" / f"{number}.png").write_bytes(content)
        rows.append(Score(f"{number}.png", hashlib.sha256(content).hexdigest(), 0.0))
    tables.write(folder / "table.csv", Score, sorted(rows))


def ours(what: str) -> None:
    """Our side of one measurement, in the folder that `make` has filled."""
    rows = tables.read(Path("table.csv"), Score)
    members = [Member(Path("files") / row.path, f"files/{row.path}", row.sha256) for row in rows]
    if what == "write":
        Path("ours.7z").unlink(missing_ok=True)
        write(Path("ours.7z"), members, None)
    else:
        verify([Path("ours.7z")], members)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--files", type=int, default=1250)
    parser.add_argument("--bytes", type=int, default=400_000, help="of a file, on average")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--ours", choices=MOST, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.ours:
        ours(arguments.ours)
        return
    program = shutil.which("7zz") or shutil.which("7z")
    if program is None:
        sys.exit("7-Zip is not installed: apt-get install 7zip")
    print(machine())
    costs: dict[tuple[str, str], list[Cost]] = {}
    with TemporaryDirectory(dir=os.environ.get("TMPDIR")) as name:
        make(Path(name), arguments.files, arguments.bytes)
        os.chdir(name)
        peer_write = (
            f"rm -f peer.7z; '{program}' a {' '.join(SWITCHES)} peer.7z files; sync peer.7z"
        )
        peer = {"write": peer_write, "verify": f"'{program}' t -bso0 -bsp0 peer.7z"}
        for _ in range(arguments.rounds):
            for what in MOST:
                mine = [sys.executable, "-m", "bench.bench_archive", "--ours", what]
                path = {"PYTHONPATH": str(REPOSITORY)}
                for side, command in (("ours", mine), ("7-Zip", ["sh", "-c", peer[what]])):
                    costs.setdefault((what, side), []).append(run(command, variables=path)[0])
                if what == "write":
                    for file in ("ours.7z", "peer.7z"):
                        run(["sh", "-c", FORGET.format(file)])
        size = Path("ours.7z").stat().st_size
        os.chdir(REPOSITORY)
    print(f"{arguments.files:,} files, {size / 1e6:,.0f} MB")
    missed = False
    for what, most in MOST.items():
        medians = {}
        for side in ("ours", "7-Zip"):
            each = costs[what, side]
            medians[side] = statistics.median(cost.seconds for cost in each)
            cpu = statistics.median(cost.cpu for cost in each)
            memory = max(cost.memory for cost in each)
            print(f"{what:6} {side:5} {medians[side]:7.2f} s ({cpu:.2f} CPU) {memory:4.0f} MiB")
        ratio = medians["ours"] / medians["7-Zip"]
        missed |= ratio > most
        print(f"{what}: {ratio:.2f} times 7-Zip's; target, at most {most}")
    print(machine())
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
