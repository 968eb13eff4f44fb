"""What a person is told of a cutoff that can't be met, or keeps too little."""

from collections.abc import Sequence

import numpy as np

from stages.common.columns import Codes, Columns, Places
from stages.common.cutoff_params import Cutoff, TilesCutoff
from stages.common.cutoffs import EARLIER, Decided, decide, named
from stages.common.errors import UserError


def decided(c: Columns, cutoff: Cutoff, key: str) -> Decided:
    """Decide on ranked images; `key` is the cutoff's name in params.yaml.

    Raises:
        UserError: where a count can't be met, or none would be kept.
    """
    check(c, cutoff, key)
    found = decide(c, cutoff)
    if not found.kept.any():
        best = f"; the best has {c.hyperiqa[0]:.6f}" if c.size else ""
        why = reasons(found, np.arange(c.size))
        raise UserError(f"{key} keeps none of {c.size:,} ({why}{best}): loosen it")
    check_reached(c, found, cutoff, key)
    return found


def check(c: Columns, cutoff: Cutoff, key: str) -> None:
    """What is named must be there, and each count one that can be met.

    Raises:
        UserError: which names the section, source, scale or group.
    """
    shares = cutoff.scales.shares if isinstance(cutoff, TilesCutoff) and cutoff.scales else ()
    for what, kind, names, there in (
        ("per_section", "sections", cutoff.per_section, c.sections),
        ("per_source", "sources", cutoff.per_source, c.sources),
        ("scales.shares", "scales", shares, c.scales),
    ):
        if unknown := sorted(set(names) - set(there)):
            known = ", ".join(name or "without a name" for name in there)
            raise UserError(
                f"{key}.{what} names {', '.join(unknown)}, but the {kind} are {known}: correct it"
            )
    for group, rows in groups(c, cutoff):
        most = cutoff.most(group)
        if most is not None and most > rows.size:
            raise UserError(
                f"{asked(group, key)} asks for {most:,} of only {rows.size:,} "
                f"{named(group, cutoff)}: lower it, or set it to null for all"
            )


def groups(c: Columns, cutoff: Cutoff) -> list[tuple[str, Places]]:
    """The images of each group, the group of the best image first."""
    of = [cutoff.group(section) for section in c.sections]
    names = sorted(set(of))
    code: Codes = np.array([names.index(name) for name in of], np.int32)[c.section]
    found = [(name, np.flatnonzero(code == i)) for i, name in enumerate(names)]
    return sorted(found, key=lambda group: int(group[1][0]))


def asked(group: str, key: str) -> str:
    """The parameter that says how many of a group are kept."""
    return f"{key}.per_section.{group}.count" if group else f"{key}.count"


def reasons(found: Decided, rows: Places) -> str:
    """Why images are not kept, most frequent first; of equals that of the better image."""
    codes, first, counts = np.unique(found.why[rows], return_index=True, return_counts=True)
    order: Sequence[int] = np.lexsort((first, -counts)).tolist()
    return ", ".join(
        f"{counts[i]:,} {found.reasons[codes[i]].text}" for i in order if codes[i] != 0
    )


def check_reached(c: Columns, found: Decided, cutoff: Cutoff, key: str) -> None:
    """Where nothing says that an image can be too bad, as `min_score` does, as many must be kept as
    were asked for, but for those left out by hand or reserved.

    Raises:
        UserError: which says how far it goes, and what holds it back.
    """
    earlier = [i for i, reason in enumerate(found.reasons) if reason.text in EARLIER]
    for group, rows in groups(c, cutoff):
        most = cutoff.most(group)
        floors = [cutoff.floor(c.sections[i]) for i in np.unique(c.section[rows])]
        floors += [cutoff.source_floor(c.sources[i]) for i in np.unique(c.source[rows])]
        if most is None or any(floor is not None for floor in floors):
            continue
        kept = int(found.kept[rows].sum())
        if kept + int(np.isin(found.why[rows], earlier).sum()) < most:
            raise UserError(
                f"{asked(group, key)} asks for {most:,}, but of {rows.size:,} "
                f"{named(group, cutoff)} only {kept:,} can be kept ({reasons(found, rows)}): lower "
                "it, loosen what holds it back, or set it to null for all"
            )
