"""What `bench_evidence` asks of rules: on photographs as they are, on what is planted, on tiles."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from bench import evidence_sets as sets
from bench.evidence_sets import Item
from bench.evidence_tables import (
    beside,
    beside_chance,
    beside_chance_in_each,
    beside_in_each,
    heads,
    table,
    trained,
    with_chance,
)
from stages.common.cutoff_params import CutoffParams
from stages.common.measures.luma import Luma
from stages.common.near.alike import Look

HALF, WORST = 0.5, 0.8  # what is kept by score
BEST = 200  # photographs
COUNT, CAPS = 300, (30, 10)  # of tiles; of one photograph
QUALITIES = (75, 50, 30)  # of JPEG
CATCHES = {
    **{f"jpeg{quality}": "blocks" for quality in QUALITIES},
    "enlarged": "detail",
    "flat": "bits",
    "copies": "near-duplicates",
}
PLANTED = ("jpeg75", "enlarged", "flat", "copies")  # of these all together


class Material(NamedTuple):
    """All that sets are chosen of, and judged by."""

    pool: list[Item]  # photographs as they are
    base: list[Item]  # clean ones
    spoilt: list[Item]  # those that were spoilt, as they are
    planted: dict[str, list[Item]]  # by kind; `plain`: the middles of those that are flat
    tiles: list[list[Item]]  # of several pools
    files: dict[str, Path]
    looks: dict[str, Look]
    hrs: list[Luma]
    groups: dict[str, slice]  # of `hrs`


def as_they_are(m: Material, cutoff: CutoffParams) -> None:
    """Each rule alone and together, on photographs as they are."""

    def kept(*rules: str, share: float | None = None) -> list[Item]:
        return sets.photographs(m.pool, rules, cutoff, m.looks, share)

    ruled: dict[str, list[Item]] = {f"`{rule}`": kept(rule) for rule in sets.RULES}
    ruled |= {"score, best 80%": kept(share=WORST), "score, best half": kept(share=HALF)}
    ruled |= {"all four": kept(*sets.RULES)}
    ruled |= {"all four, best half": kept(*sets.RULES, share=HALF)}
    without = {f"without `{r}`": kept(*(set(sets.RULES) - {r})) for r in sets.RULES}
    best = f"best {BEST}"
    counted = {best: kept()[:BEST]} | {
        f"{best}, `{rule}`": kept(rule)[:BEST] for rule in sets.RULES
    }
    counted |= {f"{best}, all four": kept(*sets.RULES)[:BEST]}
    named = {"all": m.pool} | with_chance(ruled | counted, m.pool) | without
    seen = trained(named, m.files, m.hrs)
    first = ["kept by", f"of {len(m.pool)}"]
    for group, part in m.groups.items():
        rows: list[list[object]] = [
            [name, len(some), *beside(seen, name, "all", part), *beside_chance(seen, name, part)]
            for name, some in ruled.items()
        ]
        table(f"As they are, held: {group}", first + heads("- all", "- random"), rows)
        rows = [
            [name, len(some), *beside(seen, name, "all four", part)]
            for name, some in without.items()
        ]
        table(f"Each left out, held: {group}", [*first, *heads("- all four")], rows)
        rows = [
            [name, len(some), *beside(seen, name, best, part), *beside_chance(seen, name, part)]
            for name, some in counted.items()
        ]
        table(f"At one count, held: {group}", first + heads(f"- {best}", "- random"), rows)


def one_kind(m: Material, cutoff: CutoffParams) -> None:
    """Each kind of what is planted, and its rule."""
    named: dict[str, Sequence[Item]] = {}
    for kind, rule in CATCHES.items():
        own = m.planted[kind]
        spoilt = {item.photograph for item in own}
        whole = [item for item in m.spoilt if item.photograph in spoilt]
        whole = {"flat": m.planted["plain"], "copies": m.spoilt[: len(own)]}.get(kind, whole)
        pool = m.base + own
        kept = sets.photographs(pool, [rule], cutoff, m.looks)
        named |= {f"{kind} in": pool, f"{kind} whole": m.base + whole}
        named |= with_chance({kind: kept}, pool)
    seen = trained(named, m.files, m.hrs)
    for group, part in m.groups.items():
        rows: list[list[object]] = []
        for kind, rule in CATCHES.items():
            kept_paths = {item.path for item in named[kind]}
            caught = sum(item.path not in kept_paths for item in m.planted[kind])
            lost = sum(item.path not in kept_paths for item in m.base)
            rows.append(
                [
                    f"{kind}, `{rule}`",
                    f"{caught} of {len(m.planted[kind])}, {lost} of {len(m.base)}",
                    *beside(seen, f"{kind} in", f"{kind} whole", part),
                    *beside(seen, kind, f"{kind} in", part),
                    *beside_chance(seen, kind, part),
                ]
            )
        first = ["planted, rule", "dropped of planted, of base"]
        columns = heads("spoilt - whole", "kept - all", "kept - random")
        table(f"Planted, held: {group}", first + columns, rows)


def all_kinds(m: Material, cutoff: CutoffParams) -> None:
    """All that is planted together, and all rules, and each left out."""
    pool = m.base + [item for kind in PLANTED for item in m.planted[kind]]

    def kept(*rules: str) -> list[Item]:
        return sets.photographs(pool, rules, cutoff, m.looks)

    ruled = {"all four": kept(*sets.RULES)}
    ruled |= {f"without `{r}`": kept(*(set(sets.RULES) - {r})) for r in sets.RULES}
    ruled |= {"best as many by score": sets.ranked(pool)[: len(ruled["all four"])]}
    seen = trained({"all": pool} | with_chance(ruled, pool), m.files, m.hrs)
    for group, part in m.groups.items():
        rows: list[list[object]] = [
            [
                name,
                len(some),
                *beside(seen, name, "all", part),
                *beside(seen, name, "all four", part),
                *beside_chance(seen, name, part),
            ]
            for name, some in ruled.items()
        ]
        first = ["kept by", f"of {len(pool)}"]
        columns = heads("- all", "- all four", "- random")
        table(f"All planted, held: {group}", first + columns, rows)


def of_tiles(m: Material, cutoff: CutoffParams) -> None:
    """Rules of tiles, with a count and without: the mean of some pools."""
    pools = []
    for tiles in m.tiles:

        def kept(
            *rules: str,
            count: int | None = COUNT,
            cap: int | None = None,
            among: Sequence[Item] = tiles,
        ) -> list[Item]:
            return sets.tiles(among, rules, cutoff, count=count, per_photograph=cap)

        best = f"best {COUNT}"
        ruled = {"`bits`": kept("bits", count=None), "`overlap`": kept("overlap", count=None)}
        ruled |= {best: kept(), f"{best}, `bits`": kept("bits")}
        ruled |= {f"{best}, `overlap`": kept("overlap")}
        ruled |= {f"{best}, `per_photograph` {cap}": kept(cap=cap) for cap in CAPS}
        for cap in CAPS:
            ruled[f"{best}, all three, {cap}"] = kept("bits", "overlap", cap=cap)
        pools.append(ruled)
    each = [
        trained({"all": tiles} | with_chance(ruled, tiles), m.files, m.hrs)
        for tiles, ruled in zip(m.tiles, pools, strict=True)
    ]
    for group, part in m.groups.items():
        rows: list[list[object]] = [
            [
                name,
                ", ".join(str(len(ruled[name])) for ruled in pools),
                ", ".join(str(len({i.photograph for i in ruled[name]})) for ruled in pools),
                *beside_in_each(each, name, "all", part),
                *beside_in_each(each, name, best, part),
                *beside_chance_in_each(each, name, part),
            ]
            for name in pools[0]
        ]
        first = ["kept by", f"of {', '.join(str(len(own)) for own in m.tiles)}", "photographs"]
        columns = heads("- all", f"- {best}", "- random")
        table(f"Tiles, held: {group}", first + columns, rows)


QUESTIONS = (as_they_are, one_kind, all_kinds, of_tiles)
