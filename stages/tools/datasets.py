"""Public sets of photographs to start from, out of docs/datasets.yaml. Nothing is downloaded.

    make datasets                                  all of them
    make datasets USE=faces MIN_SIDE=1024          of faces, with a short edge of 1024 px or more
    make datasets LICENCE=CC-BY REDISTRIBUTE=yes   CC-BY of any version; tiles may be passed on
    make datasets LICENCE="CC-BY*"                 also CC-BY-SA, CC-BY-NC, …
    make datasets WRITE=1                          docs/datasets.md anew, after a change of the list

A figure with a ? is not verified. Each other one names the page where it was read; docs/datasets.md
has these, too. No figure here is legal advice: read the licence before you pass a set on.
"""

import argparse
import textwrap
from collections.abc import Iterable, Sequence
from pathlib import Path

from stages.common import catalogue, cli, files
from stages.common.catalogue import LIST, TEST, USES, WARNINGS, Asked, Figure, Set
from stages.common.errors import UserError

PAGE = Path("docs/datasets.md")
WIDTH = 100  # columns


def number(figure: Figure, value: int | None) -> str:
    return figure.marked(None if value is None else f"{value:,}")


def short_edge(one: Set) -> str:
    """An unknown one has a ?, whatever else its source says of the sizes."""
    edge = one.sizes.short_edge
    return "?" if edge is None else one.sizes.marked(str(edge))


def leave_out(one: Set) -> str:
    return one.leave_out.marked(one.leave_out.value)


def table(sets: Sequence[Set]) -> str:
    """Lines of at most `WIDTH` columns; below each set, where it is."""
    header = ("set", "images", "edge", "licence", "pass on")
    rows = [
        (
            one.name,
            number(one.images, one.images.value),
            short_edge(one),
            one.licence.short,
            one.redistribute,
        )
        for one in sets
    ]
    widths = [max(len(row[i]) for row in [header, *rows]) for i in range(len(header))]
    rest = WIDTH - sum(widths) - 2 * len(widths)

    def line(row: Sequence[str], last: str) -> str:
        cells = [
            cell.rjust(w) if i in (1, 2) else cell.ljust(w)
            for i, (cell, w) in enumerate(zip(row, widths, strict=True))
        ]
        return "  ".join([*cells, last]).rstrip()

    lines = [line(header, "look out")]
    for one, row in zip(sets, rows, strict=True):
        out = leave_out(one)
        told = [*one.all_warnings, *([] if out in ("none", "?") else [f"leave out {out}"])]
        first, *more = textwrap.wrap("; ".join(told), rest) or [""]
        lines += [line(row, first), *(line([""] * len(row), text) for text in more)]
        lines.append(f"  {one.where}")
    return "\n".join(lines)


def answer(sets: Sequence[Set], asked: Asked) -> str:
    """What `make datasets` prints.

    Raises:
        UserError: where nothing fits.
    """
    found, perhaps = catalogue.fitting(sets, asked)
    if not found and not perhaps:
        raise UserError(f"none of {len(sets)} sets in {LIST} fits: ask for less")
    parts = [table(found)] if found else []
    if perhaps:
        names = ", ".join(one.name for one in perhaps)
        parts.append(textwrap.fill(f"Sizes not known, so perhaps: {names}", WIDTH))
    parts.append(f"{len(found)} of {len(sets)} sets · ? is not verified · more in {PAGE}")
    return "\n\n".join(parts)


INTRODUCTION = """\
# Public sets

Where photographs can come from. This page is made from [datasets.yaml](datasets.yaml) by
`make datasets WRITE=1`; `make datasets USE=faces MIN_SIDE=1024` asks it in the terminal. Nothing is
downloaded.

A figure with a **?** is not verified. Where each other one was read, at its maker's or on a page
that quotes it, stands [below](#notes-and-sources). The short edge, in px, is a typical image's.
The first three tables differ in whether tiles may be given to others, on the terms of the licence:
say so in the `redistribute` of a `source.yaml`. None of this is legal advice.

**Leave out** what others test or validate on: a network that has seen it scores too well, and
nobody can compare it. Copy such images to `data/evaluation` and name the folder in
`screen.evaluation_sets`: `screen` then keeps them and their copies out.
"""
GROUPS = {
    "May be passed on": ("yes", "Under the terms of their licences."),
    "Not known whether they may be passed on": (
        "unknown",
        "Use them for yourself as their terms say, and ask before you publish a set of them.",
    ),
    "Must not be passed on": ("no", "You may train on them as their terms say."),
    "Test sets: never train on these": (TEST, "Networks are compared on them."),
}


def group_of(one: Set) -> str:
    return TEST if TEST in one.use else one.redistribute


def page_table(sets: Iterable[Set]) -> list[str]:
    lines = [
        "| set | images | short edge | sizes | use | licence | leave out | look out |",
        "|---|---:|---:|---|---|---|---|---|",
    ]
    for one in sets:
        cells = (
            f"[{one.name}]({one.where})",
            number(one.images, one.images.value),
            short_edge(one),
            one.sizes.marked(one.sizes.value),
            ", ".join(one.use),
            one.licence.short,
            leave_out(one),
            ", ".join(one.all_warnings),
        )
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def sources(one: Set) -> str:
    """What else there is to say of a set, where its figures were read, and which were not."""
    by_source: dict[str, list[str]] = {}
    for name in ("images", "sizes", "licence", "leave_out"):
        figure: Figure = getattr(one, name)
        by_source.setdefault(figure.source or "", []).append(name.replace("_", " "))
    unverified = by_source.pop("", [])
    told = [one.note] if one.note else []
    if by_source:
        read = [f"{', '.join(names)} <{source}>" for source, names in by_source.items()]
        told.append(f"Read: {'; '.join(read)}.")
    if unverified:
        told.append(f"Not verified: {', '.join(unverified)}.")
    return f"- **{one.name}**: {' '.join(told)}"


def page(sets: Sequence[Set]) -> str:
    """docs/datasets.md."""
    lines = [INTRODUCTION, "| look out | |", "|---|---|"]
    lines += [f"| {name} | {meaning} |" for name, meaning in WARNINGS.items()]
    for title, (group, words) in GROUPS.items():
        if chosen := [one for one in sets if group_of(one) == group]:
            lines += ["", f"## {title}", "", words, "", *page_table(chosen)]
    lines += ["", "## Notes and sources", "", *map(sources, sets)]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m stages.tools.datasets",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--use", choices=USES, help="what is to be seen")
    parser.add_argument("--licence", help="by its SPDX identifier, with or without version, or *")
    parser.add_argument("--min-side", type=int, help="px, of the short edge of a typical image")
    parser.add_argument(
        "--redistribute", choices=["yes", "no", "unknown"], help="may it be passed on?"
    )
    parser.add_argument("--write", action="store_true", help=f"write {PAGE} and print nothing else")
    given = parser.parse_args()
    sets = catalogue.load()
    if given.write:
        files.write(PAGE, page(sets).encode())
        print(f"{PAGE}: {len(sets)} sets")
    else:
        asked = Asked(given.use, given.licence, given.min_side, given.redistribute)
        print(answer(sets, asked))


if __name__ == "__main__":
    cli.shell("datasets", main, again="make datasets")
