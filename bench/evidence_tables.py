"""Filters of sets of images, and tables of how well they enlarge: for `bench_evidence`."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from bench import evidence_sets as sets
from bench.evidence_sets import Item
from stages.common.measures.luma import Luma, luma
from stages.common.pixels import images
from stages.common.probing import equations, filters, verdict
from stages.common.probing.equations import Floats
from stages.common.probing.similarity import BORDER, pixels_of, psnr
from stages.common.probing.verdict import Difference

DRAWS = 5  # random sets of each size
CLASSES = (48, 192)
AT_ONCE = 32  # tiles: 70 MB
Seen = dict[int, dict[str, Floats]]  # PSNR of each held photograph, by classes and set


def trained(
    named: Mapping[str, Sequence[Item]], files: Mapping[str, Path], hrs: Sequence[Luma]
) -> Seen:
    """What filters of each set make of each held photograph. Sums are whole numbers, so they are
    exact in any order, and as a product of matrices."""
    items = list({item.path: item for some in named.values() for item in some}.values())
    among = sets.members(items, list(named.values()))
    total = np.zeros((len(named), equations.empty().size))
    for start in range(0, len(items), AT_ONCE):
        some = items[start : start + AT_ONCE]
        read = [luma(images.read(files[item.path])) for item in some]
        own = np.array([equations.of_tile(grey).ravel() for grey in read])
        total += among[:, start : start + AT_ONCE] @ own
    each = total.reshape(len(named), *equations.empty().shape)
    whole = [equations.of_whole(hr, BORDER) for hr in hrs]
    found: Seen = {}
    for classes in CLASSES:
        every = np.array([filters.solved(sums, classes) for sums in each])
        errors = [filters.squared_errors(sums, every) for sums in whole]
        psnrs = [
            [psnr(float(error), pixels_of(hr)) for error in own]
            for own, hr in zip(errors, hrs, strict=True)
        ]
        found[classes] = dict(zip(named, np.array(psnrs).T, strict=True))
    return found


def with_chance(
    named: Mapping[str, Sequence[Item]], pool: Sequence[Item]
) -> dict[str, Sequence[Item]]:
    """Some sets, and beside each as many images of a pool by chance, several times."""
    found = dict(named)
    for name, some in named.items():
        for draw in range(DRAWS):
            found[f"{name}, by chance {draw}"] = sets.drawn(pool, len(some), draw)
    return found


def cell(it: Difference, is_apart: bool = True) -> str:
    """A difference in thousandths of a dB, and its interval."""
    star = "*" if it.low * it.high > 0 and is_apart else ""
    mean, low, high = (f"{1e3 * value + 0.0:+.1f}" for value in it)
    return f"{mean}{star} [{low}, {high}]"


def beside_in_each(each: Sequence[Seen], name: str, other: str, group: slice) -> list[str]:
    """A set beside another one, in the mean of some pools, by the number of classes. No star where
    pools disagree."""
    found = []
    for classes in CLASSES:
        one, two = (np.array([seen[classes][n][group] for seen in each]) for n in (name, other))
        signs = np.sign((one - two).mean(axis=1))
        its = verdict.difference(one.mean(axis=0), two.mean(axis=0))
        found.append(cell(its, bool(np.all(signs == signs[0]))))
    return found


def beside(seen: Seen, name: str, other: str, group: slice) -> list[str]:
    """A set beside another one, by the number of classes."""
    return beside_in_each([seen], name, other, group)


def beside_chance_in_each(each: Sequence[Seen], name: str, group: slice) -> list[str]:
    """A set beside the mean of random ones of its size, in the mean of some pools, by the number of
    classes. No star where it is not beyond all of these, on the same side in each pool."""
    found = []
    for classes in CLASSES:
        own = np.array([seen[classes][name][group] for seen in each])
        draws = np.array(
            [
                [seen[classes][f"{name}, by chance {draw}"][group] for draw in range(DRAWS)]
                for seen in each
            ]
        )  # (pools, draws, photographs)
        apart = own.mean(axis=1)[:, None] - draws.mean(axis=2)
        its = verdict.difference(own.mean(axis=0), draws.mean(axis=(0, 1)))
        found.append(cell(its, bool(np.all(apart > 0) or np.all(apart < 0))))
    return found


def beside_chance(seen: Seen, name: str, group: slice) -> list[str]:
    """A set beside the mean of random ones of its size, by the number of classes."""
    return beside_chance_in_each([seen], name, group)


def table(title: str, heads: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print Markdown."""
    print(f"\n{title}\n\n| {' | '.join(heads)} |\n|{'---|' * len(heads)}")
    for row in rows:
        print(f"| {' | '.join(map(str, row))} |", flush=True)


def heads(*what: str) -> list[str]:
    return [f"{one}, {classes}" for one in what for classes in CLASSES]
