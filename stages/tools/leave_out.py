"""Leave the tiles out of the set that were deleted from it by hand.

`make leave-out` looks for tiles that are gone from data/dataset, takes those that earlier runs have
put back, too, and adds them all to data/leave_out.csv. The next `make run` takes the next best in
their place.
"""

from stages.common import leave_out
from stages.common.cli import run
from stages.common.leave_out import DELETED, FILE


def main() -> None:
    deleted = leave_out.read(DELETED) if DELETED.is_file() else []
    new = leave_out.add(FILE, deleted)
    DELETED.unlink(missing_ok=True)
    if new:
        print(f"left out {len(new):,} tiles, as {new[0].image}: `make run` takes the next best")
    else:
        print(f"no tile was deleted by hand that is not in {FILE} yet")


if __name__ == "__main__":
    run(main)
