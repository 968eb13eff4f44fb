"""List the experiments that start from the last commit, in the table of `make compare`.

    make experiments          make experiments ALL=1    those of every commit

All that DVC knows are listed, whether `make compare` or `dvc exp run` has made them.
"""

import argparse
from itertools import groupby
from pathlib import Path

from stages.common import cli, git
from stages.common.pages import comparison
from stages.common.pages.comparison import Entry
from stages.common.versions import experiments

ROOT = Path()


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m stages.tools.experiments",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--all", action="store_true", help="those of every commit")
    arguments = parser.parse_args()
    head = git.output(ROOT, "rev-parse", "HEAD").decode().strip()
    every = experiments.listed(ROOT)
    shown = [each for each in every if arguments.all or each.baseline == head]
    for baseline, group in groupby(shown, key=lambda each: each.baseline):
        name = comparison.BASELINE if baseline == head else f"commit {baseline[:7]}"
        found = [Entry(each.name, experiments.of_commit(ROOT, each.commit)) for each in group]
        found.sort(key=lambda entry: (entry.version.metrics or {}).get("tiles", 0))
        baselines = Entry(name, experiments.of_commit(ROOT, baseline))
        print(comparison.table([baselines, *found]), "", sep="\n")
    if not shown:
        print('no experiments of the last commit: `make compare COUNTS="100 150"` runs some')
    if others := len(every) - len(shown):
        print(f"{others:,} experiments of other commits: `make experiments ALL=1`")


if __name__ == "__main__":
    cli.shell("experiments", main, again="make experiments")
