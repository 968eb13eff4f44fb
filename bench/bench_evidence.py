"""What does each rule of the default cutoff change for training? By the probe.

    make inspect DIR=FOLDER OUT=scores
    python -m bench.bench_evidence plant --images FOLDER --scores scores.csv --work WORK
    make inspect DIR=WORK/planted OUT=WORK/planted
    python -m bench.bench_evidence show --images FOLDER --scores scores.csv --work WORK
                                        --held FOLDER --halved FOLDER ...

`plant` takes the clean photographs of FOLDER, those that `blocks`, `detail` and `bits` keep, and
makes of some of them what a rule should catch (evidence_sets.py): compressed, enlarged, flat, and
copied ones; and it cuts some into tiles. `show` prints tables in Markdown: filters are made of what
rules keep, of all, and of random sets of as many, and enlarge photographs that are held. Held are
those of `--held`, those of `--halved` at half their size, and, as a second group, 40 clean ones of
FOLDER at half their size, which with all that is like them are kept out of the rest.

Differences are in thousandths of a dB, with intervals of 95% over the held photographs. A star: the
interval is clear of 0, and where random sets are compared with, the set is beyond all five of them.
"""

import argparse
import csv
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np
from PIL import Image

from bench import evidence_sets as sets
from bench.bench_probe import photographs
from bench.evidence_sets import Item
from bench.evidence_tables import beside, beside_chance, heads, table, trained, with_chance
from bench.measure import machine
from stages.common import params
from stages.common.cutoff_params import CutoffParams
from stages.common.measures.luma import Luma, luma
from stages.common.near import embedder, search
from stages.common.near.alike import Look, is_near
from stages.common.near.embedder import Squeezed
from stages.common.pixels import images, png
from stages.common.pixels.images import Pixels
from stages.common.pixels.likeness import dhash
from stages.common.probing import held

WEIGHTS = Path("data/weights")
PARTED, CUT = 40, 40  # photographs: held, and cut into tiles
SEED = 0
HALF, WORST = 0.5, 0.8  # what is kept by score
COUNT, CAPS = 300, (30, 10)  # of tiles; of one photograph
HARM = {"jpeg": sets.jpeg, "enlarged": sets.enlarged, "flat": sets.flat}
CATCHES = {"jpeg": "blocks", "enlarged": "detail", "flat": "bits", "copies": "near-duplicates"}


def items_of(scores: Path, folder: str = "") -> list[Item]:
    """What `make inspect` says of a folder's images; those of a folder below it."""
    with scores.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    found = []
    for row in rows:
        if not row["path"].startswith(folder):
            continue
        measures = {name: float(row[name]) for name in ("blocks", "detail", "bits")}
        photograph, *corner = PurePosixPath(row["path"]).stem.split("_")
        place = (int(corner[0]), int(corner[1])) if len(corner) == 2 else (0, 0)
        found.append(Item(row["path"], float(row["hyperiqa"]), measures, photograph, place))
    return found


def looks_of(files: Mapping[str, Path]) -> dict[str, Look]:
    """What images are compared by, by their names, of their files."""
    hashes: dict[str, str] = {}

    def squeezed() -> Iterator[tuple[str, Squeezed]]:
        for name, path in files.items():
            pixels = images.read(path)
            hashes[name] = dhash(pixels)
            yield name, embedder.squeezed(pixels)

    codes = embedder.embedded(squeezed(), embedder.load(WEIGHTS))
    return {name: Look(hashes[name], code.hex()) for name, code in codes}


def like(some: Collection[str], looks: Mapping[str, Look]) -> set[str]:
    """Some images, and all that are nearly the same picture as one of them."""
    names = sorted(looks)
    found = set(some)
    for pair in search.pairs([looks[name] for name in names]):
        if is_near(int(pair["bits"]), float(pair["distance"])):
            both = {names[pair["one"]], names[pair["other"]]}
            found |= both if both & set(some) else set()
    return found


def clean(items: Sequence[Item], cutoff: CutoffParams) -> list[Item]:
    """Photographs that no limit drops."""
    return sets.photographs(items, ("blocks", "detail", "bits"), cutoff, {})


def plant(folder: Path, scores: Path, work: Path, cutoff: CutoffParams) -> None:
    """Write what is planted, and tiles, below `work`/planted."""
    parts = sets.parts(clean(items_of(scores), cutoff), PARTED, SEED)
    for kind, harm in HARM.items():
        for item in parts[kind]:
            name = f"{PurePosixPath(item.path).stem}.png"
            png.write(work / "planted" / kind / name, harm(images.read(folder / item.path)))
    for item in parts["copies"]:
        for i, copy in enumerate(sets.copies(images.read(folder / item.path))):
            name = f"{PurePosixPath(item.path).stem}-{i}.png"
            png.write(work / "planted" / "copies" / name, np.ascontiguousarray(copy))
    for item in parts["base"][-CUT:]:
        for (left, top), tile in sets.windows(images.read(folder / item.path)).items():
            name = f"{PurePosixPath(item.path).stem}_{left}_{top}.png"
            png.write(work / "planted" / "tiles" / name, np.ascontiguousarray(tile))
    print({kind: len(some) for kind, some in parts.items()})


class Material(NamedTuple):
    """All that sets are chosen of, and judged by."""

    pool: list[Item]  # photographs as they are
    base: list[Item]  # clean ones
    planted: dict[str, list[Item]]  # by kind
    tiles: list[Item]
    files: dict[str, Path]
    looks: dict[str, Look]
    hrs: list[Luma]
    groups: dict[str, slice]  # of `hrs`


def halved(pixels: Pixels) -> Pixels:
    """At half the size."""
    height, width = (side // 2 for side in pixels.shape[:2])
    return images.resize(pixels, width, height, Image.Resampling.LANCZOS)


def material(given: argparse.Namespace, cutoff: CutoffParams) -> Material:
    """Read all of it."""
    items, others = items_of(given.scores), items_of(given.work / "planted.csv")
    parts = sets.parts(clean(items, cutoff), PARTED, SEED)
    files = {item.path: given.images / item.path for item in items}
    files |= {item.path: given.work / "planted" / item.path for item in others}
    tiles = [item for item in others if item.path.startswith("tiles/")]
    tiled = {item.path for item in tiles}
    looks = looks_of({name: path for name, path in files.items() if name not in tiled})
    out = like({item.path for item in parts["held"]}, looks)

    def left(some: Sequence[Item], kind: str = "") -> list[Item]:
        return [i for i in some if i.path not in out and i.path.startswith(kind)]

    sharp = [images.read(path) for folder in given.held for path in photographs(folder)]
    sharp += [halved(images.read(p)) for folder in given.halved for p in photographs(folder)]
    own = [halved(images.read(files[item.path])) for item in parts["held"]]
    hrs = [held.middle(luma(pixels)) for pixels in [*sharp, *own]]
    groups = {"sharp": slice(len(sharp)), "own": slice(len(sharp), None)}
    planted = {kind: left(others, f"{kind}/") for kind in CATCHES}
    taken = {PurePosixPath(path).stem for path in out}
    tiles = [item for item in tiles if item.photograph not in taken]
    return Material(left(items), left(parts["base"]), planted, tiles, files, looks, hrs, groups)


def as_they_are(m: Material, cutoff: CutoffParams) -> None:
    """Each rule alone and together, on photographs as they are."""

    def kept(*rules: str, share: float | None = None) -> list[Item]:
        return sets.photographs(m.pool, rules, cutoff, m.looks, share)

    ruled: dict[str, list[Item]] = {f"`{rule}`": kept(rule) for rule in sets.RULES}
    ruled |= {"score, best 80%": kept(share=WORST), "score, best half": kept(share=HALF)}
    ruled |= {"all four": kept(*sets.RULES)}
    ruled |= {"all four, best half": kept(*sets.RULES, share=HALF)}
    without = {f"without `{r}`": kept(*(set(sets.RULES) - {r})) for r in sets.RULES}
    named = {"all": m.pool} | with_chance(ruled, m.pool) | without
    seen = trained(named, m.files, m.hrs)
    for group, part in m.groups.items():
        rows: list[list[object]] = [
            [name, len(some), *beside(seen, name, "all", part), *beside_chance(seen, name, part)]
            for name, some in ruled.items()
        ]
        first = ["kept by", f"of {len(m.pool)}"]
        table(f"As they are, held: {group}", first + heads("- all", "- random"), rows)
        rows = [
            [name, len(some), *beside(seen, name, "all four", part)]
            for name, some in without.items()
        ]
        table(f"Each left out, held: {group}", [*first, *heads("- all four")], rows)


def one_kind(m: Material, cutoff: CutoffParams) -> None:
    """Each kind of what is planted, and its rule."""
    named: dict[str, Sequence[Item]] = {"base": m.base}
    for kind, rule in CATCHES.items():
        pool = m.base + m.planted[kind]
        kept = sets.photographs(pool, [rule], cutoff, m.looks)
        named |= {f"{kind} in": pool} | with_chance({kind: kept}, pool)
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
                    *beside(seen, f"{kind} in", "base", part),
                    *beside(seen, kind, f"{kind} in", part),
                    *beside_chance(seen, kind, part),
                ]
            )
        first = ["planted, rule", "dropped of planted, of base"]
        columns = heads("harm", "kept - all", "kept - random")
        table(f"Planted, held: {group}", first + columns, rows)


def all_kinds(m: Material, cutoff: CutoffParams) -> None:
    """All that is planted together, and all rules, and each left out."""
    pool = m.base + [item for some in m.planted.values() for item in some]

    def kept(*rules: str) -> list[Item]:
        return sets.photographs(pool, rules, cutoff, m.looks)

    ruled = {"all four": kept(*sets.RULES)}
    ruled |= {f"without `{r}`": kept(*(set(sets.RULES) - {r})) for r in sets.RULES}
    ruled |= {"best as many by score": sets.ranked(pool)[: len(ruled["all four"])]}
    named = {"all": pool, "base": m.base} | with_chance(ruled, pool)
    seen = trained(named, m.files, m.hrs)
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
    """Rules of tiles, with a count and without."""

    def kept(*rules: str, count: int | None = COUNT, cap: int | None = None) -> list[Item]:
        return sets.tiles(m.tiles, rules, cutoff, count=count, per_photograph=cap)

    ruled = {"`bits`": kept("bits", count=None), "`overlap`": kept("overlap", count=None)}
    ruled |= {f"best {COUNT}": kept(), f"best {COUNT}, `overlap`": kept("overlap")}
    ruled |= {f"best {COUNT}, at most {cap} a photograph": kept(cap=cap) for cap in CAPS}
    both = f"best {COUNT}, `bits`, `overlap`, at most {CAPS[0]}"
    ruled[both] = kept("bits", "overlap", cap=CAPS[0])
    seen = trained({"all": m.tiles} | with_chance(ruled, m.tiles), m.files, m.hrs)
    for group, part in m.groups.items():
        rows: list[list[object]] = [
            [
                name,
                len(some),
                len({item.photograph for item in some}),
                *beside(seen, name, "all", part),
                *beside(seen, name, f"best {COUNT}", part),
                *beside_chance(seen, name, part),
            ]
            for name, some in ruled.items()
        ]
        first = ["kept by", f"of {len(m.tiles)}", "photographs"]
        columns = heads("- all", f"- best {COUNT}", "- random")
        table(f"Tiles, held: {group}", first + columns, rows)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("plant", "show"))
    for name in ("images", "scores", "work"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--held", type=Path, nargs="*", default=[], metavar="FOLDER")
    parser.add_argument("--halved", type=Path, nargs="*", default=[], metavar="FOLDER")
    given = parser.parse_args()
    cutoff = params.load(CutoffParams, "cutoff")
    if given.what == "plant":
        plant(given.images, given.scores, given.work, cutoff)
        return
    print(machine())
    found = material(given, cutoff)
    print({name: len(found.hrs[part]) for name, part in found.groups.items()}, "held")
    for part in (as_they_are, one_kind, all_kinds, of_tiles):
        part(found, cutoff)


if __name__ == "__main__":
    main()
