"""Run experiments with other cutoffs, and compare them with the last commit in one table.

    make compare COUNTS="100 150 250"          the best so many tiles
    make compare MIN_SCORES="0.6 0.65"         all tiles with this score or a better one
    make compare SET="cutoff.images.count=8"   any parameters; a `;` begins the next experiment

Nothing in the working tree changes: they run in a tree of their own, up to the stage `summary`, and
`probe` where photographs are held, so that no tile is copied and nothing is packed. DVC knows them
by the names in the table. One that was run is not run again. One that fails says why, and the
others still run; then this ends with 1.
reports/compare.html shows, beside the table, the scores and the tiles that each adds and drops.
"""

import argparse
import sys
from pathlib import Path
from time import perf_counter

import yaml

from stages.common import cli, files
from stages.common.errors import UserError
from stages.common.pages import compared, comparison
from stages.common.pages.comparison import Entry
from stages.common.versions import experiments, settings, worktree
from stages.common.versions.experiments import Experiment, NotRunError, Version, Walk
from stages.common.versions.settings import Settings
from stages.common.versions.worktree import Worktree

ROOT = Path()
TABLE = Path("data/tables/subimages.csv")
PAGE = Path("reports/compare.html")


def asked(counts: str, min_scores: str, other: str, text: str) -> dict[str, Settings]:
    """The experiments that are asked for, by name; `text` is params.yaml.

    Raises:
        UserError: where there is none, or one that can't be.
    """
    found = [
        *settings.by_counts(counts),
        *settings.by_min_scores(min_scores),
        *settings.by_words(other, yaml.safe_load(text)),
    ]
    if not found:
        raise UserError('say what to compare, as `make compare COUNTS="100 150 250"`')
    return {settings.name_of(each): each for each in found}


def is_there(version: Version, name: str, wanted: str) -> bool:
    """Whether an experiment of this name was run, with these parameters, to its end.

    Raises:
        UserError: where its parameters are others.
    """
    if version.params != yaml.safe_load(wanted):
        raise UserError(
            f"there is an experiment of this name with other parameters: `dvc exp remove {name}`, "
            "then run this again"
        )
    probed = version.probed is not None or experiments.last_of(version.params) == [experiments.LAST]
    return version.metrics is not None and version.decisions is not None and probed


def run(
    tree: Worktree,
    name: str,
    wanted: Settings,
    text: str,
    known: dict[str, Experiment],
    walk: Walk,
) -> Version:
    """The result of an experiment, which is run if it was not yet.

    Raises:
        UserError: where it can't be had.
    """
    try:
        if name in known:
            version = experiments.of_commit(ROOT, known[name].commit)
            if is_there(version, name, settings.changed(text, wanted)):
                print(f"{name}: was run before", flush=True)
                return version
        start = perf_counter()
        commit = tree.run(name, wanted, walk.ended, show=sys.stdout.isatty())
        print(f"{name}: {perf_counter() - start:.1f} s", flush=True)
        return experiments.of_commit(ROOT, commit)
    except NotRunError:
        raise
    except UserError as error:
        raise UserError(str(error)) from error


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m stages.tools.compare",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--counts", default="", help="numbers of tiles")
    parser.add_argument("--min-scores", default="", help="lowest scores, in place of a number")
    parser.add_argument("--set", default="", help="parameters, as KEY=VALUE", dest="other")
    arguments = parser.parse_args()
    text = Path("params.yaml").read_text(encoding="utf-8")
    wanted = asked(arguments.counts, arguments.min_scores, arguments.other, text)
    baseline = experiments.baseline(ROOT)
    here = experiments.of_commit(ROOT, baseline)._replace(decisions=ROOT / experiments.DECISIONS)
    entries = [Entry(comparison.BASELINE, here)]
    failed = {}
    with experiments.walked(ROOT) as walk, worktree.opened(ROOT, baseline) as tree:
        known = experiments.of_baseline(ROOT, baseline)
        for name, each in wanted.items():
            try:
                entries.append(Entry(name, run(tree, name, each, text, known, walk)))
            except NotRunError:
                raise
            except UserError as fault:
                failed[name] = str(fault)
        walk.ended()
    print("", comparison.table(entries), "", sep="\n")
    if len(entries) > 1:
        files.write(PAGE, compared.page(entries, baseline, TABLE, ROOT).encode())
        print(f"{PAGE} shows what each adds and drops")
    for name, why in failed.items():
        print(f"{name} failed: {why}")
    if failed:
        sys.exit(1)
    print(f"`make keep NAME={entries[-1].name}` takes one over; `make experiments` lists all")


if __name__ == "__main__":
    cli.shell("compare", main, again="make compare")
