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

import numpy as np
from PIL import Image

from bench import evidence_sets as sets
from bench.bench_measures import compressed
from bench.bench_probe import photographs
from bench.evidence_rules import CATCHES, QUALITIES, QUESTIONS, Material
from bench.evidence_sets import Item
from bench.measure import machine
from stages.common import params
from stages.common.cutoff_params import CutoffParams
from stages.common.measures.luma import luma
from stages.common.near import embedder, search
from stages.common.near.alike import Look, is_near
from stages.common.near.embedder import Squeezed
from stages.common.pixels import images, png
from stages.common.pixels.images import Pixels
from stages.common.pixels.likeness import dhash
from stages.common.probing import held

WEIGHTS = Path("data/weights")
PARTED = 40  # photographs that are held
POOLS, CUT = 3, 40  # of tiles; photographs that each is of
SEED = 0


def items_of(scores: Path) -> list[Item]:
    """What `make inspect` says of a folder's images."""
    with scores.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    found = []
    for row in rows:
        measures = {name: float(row[name]) for name in ("blocks", "detail", "bits")}
        photograph, *corner = PurePosixPath(row["path"]).stem.split("_")
        place = (int(corner[0]), int(corner[1])) if len(corner) == 2 else (0, 0)
        found.append(Item(row["path"], float(row["hyperiqa"]), measures, photograph, place))
    return found


def looks_of(paths: Mapping[str, Path]) -> dict[str, Look]:
    """What images are compared by, by their names, of their files."""
    hashes: dict[str, str] = {}

    def squeezed() -> Iterator[tuple[str, Squeezed]]:
        for name, path in paths.items():
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

    def write(kind: str, item: Item, pixels: Pixels, suffix: str = "") -> None:
        path = work / "planted" / kind / f"{PurePosixPath(item.path).stem}{suffix}.png"
        png.write(path, np.ascontiguousarray(pixels))

    read = {item.path: images.read(folder / item.path) for item in parts["base"] + parts["spoilt"]}
    for item in parts["jpeg"]:
        for quality in QUALITIES:
            write(f"jpeg{quality}", item, compressed(read[item.path], quality))
    for item in parts["enlarged"]:
        write("enlarged", item, sets.enlarged(read[item.path]))
    flat = {item.path: sets.flattest(read[item.path]) for item in parts["spoilt"]}
    flattest = sorted(parts["spoilt"], key=lambda item: flat[item.path][0])
    for item in flattest[: len(parts["jpeg"])]:
        write("flat", item, flat[item.path][1])
        write("plain", item, sets.middle(read[item.path]))
    for item in parts["copied"]:
        for i, copy in enumerate(sets.copies(read[item.path])):
            write("copies", item, copy, f"-{i}")
    for i, item in enumerate(parts["base"][: POOLS * CUT]):
        for (left, top), tile in sets.windows(read[item.path]).items():
            write(f"tiles{i // CUT}", item, tile, f"_{left}_{top}")


def halved(pixels: Pixels) -> Pixels:
    """At half the size."""
    height, width = (side // 2 for side in pixels.shape[:2])
    return images.resize(pixels, width, height, Image.Resampling.LANCZOS)


def material(given: argparse.Namespace, cutoff: CutoffParams) -> Material:
    """Read all of it."""
    items, others = items_of(given.scores), items_of(given.work / "planted.csv")
    parts = sets.parts(clean(items, cutoff), PARTED, SEED)
    paths = {item.path: given.images / item.path for item in items}
    paths |= {item.path: given.work / "planted" / item.path for item in others}
    looks = looks_of({n: path for n, path in paths.items() if not n.startswith("tiles")})
    out = {PurePosixPath(p).stem for p in like({item.path for item in parts["held"]}, looks)}

    def left(some: Sequence[Item], kind: str = "") -> list[Item]:
        return [i for i in some if i.photograph not in out and i.path.startswith(kind)]

    sharp = [images.read(path) for folder in given.held for path in photographs(folder)]
    sharp += [halved(images.read(p)) for folder in given.halved for p in photographs(folder)]
    own = [halved(images.read(paths[item.path])) for item in parts["held"]]
    return Material(
        pool=left(items),
        base=left(parts["base"]),
        spoilt=left(parts["spoilt"]),
        planted={kind: left(others, f"{kind}/") for kind in (*CATCHES, "plain")},
        tiles=[left(others, f"tiles{i}/") for i in range(POOLS)],
        files=paths,
        looks=looks,
        hrs=[held.middle(luma(pixels)) for pixels in [*sharp, *own]],
        groups={"sharp": slice(len(sharp)), "own": slice(len(sharp), None)},
    )


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
    for question in QUESTIONS:
        question(found, cutoff)


if __name__ == "__main__":
    main()
