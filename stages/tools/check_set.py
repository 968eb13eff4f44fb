"""Check an unpacked set, this project's or another's: a line a fault; ends with 1 if there is one.

    make check-set                                   data/dataset and data/validation
    make check-set DIR=unpacked                      what `make unpack` has made
    make check-set DIR=/sets/DF2K EVALUATION=/sets/benchmarks

Every image is decoded. Looked at are: files that lists name and that are not there, and the other
way round; damaged images; sizes, colours, bit depth, transparency; names that readers cut or file
systems confuse; meta_info, scores, lineage.csv, metadata.jsonl and SHA256SUMS against the files and
each other; validation pairs, and for this project's own sets that small ones are box downscales;
images of benchmarks and of validation photographs among those for training: whole, scaled or
compressed, or plain crops. Not found are crops that were scaled, compressed, mirrored or turned.
"""

import argparse
import json
import os
import sys
from functools import partial
from pathlib import Path
from typing import NamedTuple

from stages.common import cli, files, workers
from stages.common.errors import UserError
from stages.common.sets import (
    faults,
    inspection,
    layout,
    leaks,
    listings,
    looking,
    scales,
    sums,
)
from stages.common.sets.faults import Fault
from stages.common.sets.layout import Layout
from stages.common.sets.listings import Listing
from stages.common.sets.looking import Image8, is_image

EVALUATION = Path("data/evaluation")


class Checked(NamedTuple):
    """What a check has found."""

    folder: str
    images: int  # for training
    validation: int  # images
    benchmark: int  # images that were looked for
    lists: list[str]
    faults: list[Fault]
    notes: list[str]  # what could not be checked


def read_lists(folder: Path, validation: Path | None) -> tuple[Layout, list[Listing]]:
    """Find the parts of a set, and read its lists."""
    read = listings.read_all(folder)
    named = [e.name for name, (es, _) in read.items() if name != sums.NAME for e in es]
    found = layout.find(folder, validation, named)
    present = set(found.files)
    tops = list(dict.fromkeys([found.top, "", f"-{folder.resolve().name}/"]))
    return found, [
        listings.resolved(name, es, complaints, [""] if name == sums.NAME else tops, present)
        for name, (es, complaints) in read.items()
    ]


def look_at(paths: list[str], folder: Path, what: str) -> list[Image8]:
    """Decode images, over the workers."""
    return list(workers.each(partial(looking.look, folder=folder), paths, what=what))


def validation_faults(found: Layout, seen: list[Image8], ours: bool) -> list[Fault]:
    """What is wrong with validation images. `ours`: small ones must be box downscales."""
    assert found.validation is not None
    matched, result = scales.match(found.validating)
    bad = inspection.own_faults(seen)
    by_path = {image.path: image for image in seen}
    bad |= {p: f for p, f in scales.sizes(matched, by_path).items() if p not in bad}
    result += [
        *scales.extra(found.validating),
        *scales.metadata(found.validation, found.validating),
    ]
    if ours:
        good = [pair for pair in matched if not bad.keys() & {pair.hr, pair.lr}]
        task = partial(scales.difference, folder=found.validation)
        for pair, differs in zip(good, workers.each(task, good, what="downscale"), strict=True):
            fault = scales.not_box(pair, differs)
            result += [fault] if fault else []
    return [f._replace(path=found.prefix + f.path) for f in [*result, *bad.values()]]


class Search:
    """Looks for known pictures among a set's images."""

    def __init__(self, found: Layout, seen: list[Image8]) -> None:
        self.found = found
        self.seen = seen
        self.keyed, self.index = leaks.index_of(seen)

    def look_for(
        self, paths: list[str], folder: Path, what: str
    ) -> dict[str, dict[str, str] | None]:
        """Which images of the set are each picture of a folder, and how; None for a picture that
        can't be decoded."""
        task = partial(leaks.look, folder=folder, index=self.index)
        known = workers.each(task, paths, what=what)
        return {
            path: leaks.found(one, folder, self.seen, self.keyed, self.found.folder)
            if one
            else None
            for path, one in zip(paths, known, strict=True)
        }

    def validation(self) -> list[Fault]:
        """Validation photographs that are trained on."""
        folder = self.found.validation
        if folder is None:
            return []
        of = {path: scales.scale_of(path.partition("/")[0]) for path in self.found.validating}
        hr = [path for path, scale in of.items() if is_image(path) and scale in (1, None)]
        rows = listings.lineage(self.found.folder)
        told = leaks.by_lineage(hr, folder, rows, self.found.top)
        seen = self.look_for([path for path in hr if path not in told], folder, "validation")
        how = told | {path: hits for path, hits in seen.items() if hits}
        return [
            leaks.fault(self.found.prefix + path, "trained on", hits, path)
            for path, hits in how.items()
        ]

    def evaluation(self, folder: Path) -> tuple[list[Fault], int, list[str]]:
        """Benchmark images that are trained on; how many were looked for; which can't be."""
        paths = [path for path in files.files_below(folder) if is_image(path)]
        seen = self.look_for(paths, folder, "evaluation")
        result = [
            leaks.fault("", "benchmark image", hits, str(folder / path))
            for path, hits in seen.items()
            if hits
        ]
        unread = [f"{folder / p} can't be decoded" for p, hits in seen.items() if hits is None]
        return result, len(paths) - len(unread), unread


def check(folder: Path, validation: Path | None, evaluation: Path | None) -> Checked:
    """Check a set.

    Raises:
        UserError: where there is none, or a folder is missing.
    """
    for given in (validation, evaluation):
        if given is not None and not given.is_dir():
            raise UserError(f"{given} is no folder: check the path")
    folder = layout.set_folder(folder)
    found, lists = read_lists(folder, validation)
    seen = look_at(found.images, folder, "check-set")
    sha256 = {image.path: image.sha256 for image in seen if image.sha256}
    pictures, beside = [], []
    if found.validation:
        validating = [path for path in found.validating if is_image(path)]
        pictures = look_at(validating, found.validation, "validation")
        beside = validation_faults(found, pictures, bool(listings.lineage(folder)))
        sha256 |= {found.prefix + image.path: image.sha256 for image in pictures if image.sha256}
    if any(listing.path == sums.NAME for listing in lists):
        rest = [path for path in found.files if path not in sha256 and path != sums.NAME]
        sha256 |= {p: files.sha256_of(folder / p) for p in rest if (folder / p).is_file()}
    explained = {fault.path: fault for fault in beside}
    search = Search(found, seen)
    leaked, count, notes = search.evaluation(evaluation) if evaluation else ([], 0, [])
    result = [
        *inspection.all_of(found, lists, seen, sha256, explained),
        *beside,
        *search.validation(),
        *leaked,
    ]
    return Checked(
        folder=str(folder),
        images=len(seen),
        validation=len(pictures),
        benchmark=count,
        lists=[listing.path for listing in lists],
        faults=faults.first_of_each(result),
        notes=notes,
    )


def summary(done: Checked) -> str:
    """One line: what was checked, and how it is."""
    lists = ", ".join(done.lists) or "no list"
    state = f"{len(done.faults):,} faults" if done.faults else "no fault"
    return (
        f"{done.folder}: {state}; {done.images:,} images, {lists}, {done.validation:,} validation "
        f"images; benchmark images looked for: {done.benchmark:,}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m stages.tools.check_set",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--folder", type=Path, required=True, help="the unpacked set")
    parser.add_argument(
        "--validation",
        type=Path,
        help="its validation images; if not given, the folder `validation` in it or beside it",
    )
    parser.add_argument(
        "--evaluation",
        type=Path,
        help=f"benchmark images to look for; if not given, {EVALUATION} where there is one",
    )
    parser.add_argument("--json", action="store_true", help="print JSON and nothing else")
    arguments = parser.parse_args()
    evaluation = arguments.evaluation or (EVALUATION if EVALUATION.is_dir() else None)
    done = check(arguments.folder, arguments.validation, evaluation)
    if arguments.json:
        named = done._asdict() | {"faults": [fault._asdict() for fault in done.faults]}
        print(json.dumps(named, indent=2))
    else:
        print(*map(faults.line, done.faults), *done.notes, summary(done), sep="\n")
    if done.faults:
        sys.exit(1)


if __name__ == "__main__":
    os.environ["SRSET_ENGINE"] = "local"  # other machines may not see the folders
    cli.shell("check_set", main, again="make check-set")
