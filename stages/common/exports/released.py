"""A released set as its archive or its unpacked folder has it: what of it is exported, and the
bytes of each image, compared with the set's own lists."""

import csv
import hashlib
import io
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from stages.common.archive.card import plain
from stages.common.errors import UserError
from stages.common.files import files_below
from stages.common.sets import layout, packed_set, sums

CARD, CREDITS = "README.md", "photographs.csv"  # what an export takes along as it is, or nearly
ROWS, LINEAGE = "metadata.jsonl", "lineage.csv"
WHOSE = ("photograph", "licence", "author", "source", "url")


class Image(NamedTuple):
    """A PNG file of a set."""

    path: str  # below the set's folder, with `/`
    sha256: str
    bytes: int


class Sample(NamedTuple):
    """A tile, or a validation photograph at all its sizes."""

    key: str  # the number of a tile, the name of a photograph
    images: dict[str, Image]  # of a tile by `image`; of a photograph by `hr`, `x2`, ...
    row: dict[str, Any]  # its line in metadata.jsonl, without the paths
    whose: dict[str, str]  # `WHOSE`, as photographs.csv has it

    @property
    def bytes(self) -> int:
        """Of all its images."""
        return sum(image.bytes for image in self.images.values())


class Released(NamedTuple):
    """A set."""

    place: Path
    name: str
    tiles: list[Sample]  # best first
    validation: list[Sample]
    texts: dict[str, bytes]  # CARD and CREDITS
    content: Callable[[str], bytes]  # of a file

    def read(self, image: Image) -> bytes:
        """An image's bytes.

        Raises:
            UserError: where they are not those that the set's lists name.
        """
        content = self.content(image.path)
        _compare(self.place, image.path, content, image.sha256)
        return content

    @property
    def splits(self) -> dict[str, list[Sample]]:
        """Samples by what they are for, as `datasets` names it; none is empty."""
        found = {"train": self.tiles, "validation": self.validation}
        return {name: samples for name, samples in found.items() if samples}


@contextmanager
def opened(place: Path) -> Iterator[Released]:
    """A set by its archive, the first of its volumes, or its unpacked folder; to be read while the
    block runs.

    Raises:
        UserError: where it is none that this project made, or its lists are damaged.
    """
    if place.is_dir():
        folder = layout.set_folder(place)
        sizes = {path: (folder / path).stat().st_size for path in files_below(folder)}
        yield _released(folder, sizes, lambda path: (folder / path).read_bytes())
        return
    with packed_set.opened(place) as inside:
        top = next(iter(inside.files)).partition("/")[0]
        sizes = {path.removeprefix(f"{top}/"): m.size for path, m in inside.files.items()}
        yield _released(place, sizes, lambda path: inside.read(f"{top}/{path}"))


def _released(place: Path, sizes: Mapping[str, int], content: Callable[[str], bytes]) -> Released:
    """Read the lists of a set, by the size of each file and what gives its bytes."""

    def list_of(path: str) -> bytes:
        if path not in sizes:
            raise UserError(
                f"{place} has no {path}: name the archive that `make run` made, or the folder that "
                "`make unpack` made of it"
            )
        return content(path)

    listed = sums.parse(list_of(sums.NAME)).sha256
    texts = {path: list_of(path) for path in (CARD, CREDITS, ROWS, LINEAGE)}
    pairs = f"validation/{ROWS}"
    if pairs in sizes:
        texts[pairs] = content(pairs)
    for path, text in texts.items():
        _compare(place, path, text, listed.get(path, "none"))

    def image(path: str, sha256: str | None) -> Image:
        if path not in sizes or sha256 is None:
            raise UserError(f"{place} has no {path}, which its lists name: unpack it again")
        return Image(path, sha256, sizes[path])

    credits = _table(texts[CREDITS])
    by_path = {row["photograph"]: _whose(row) for row in credits}
    by_hash = {row["photograph_sha256"]: _whose(row) for row in credits}
    rows, lineage = _json_lines(texts[ROWS]), _table(texts[LINEAGE])
    tiles = []
    for row, line in zip(rows, lineage, strict=True):
        path = row.pop("file_name")
        images = {"image": image(path, line["sha256"])}
        tiles.append(Sample(_stem(path), images, row, by_path[line["photograph"]]))
    validation = []
    for row in _json_lines(texts.get(pairs, b"")):
        paths = {k: f"validation/{row.pop(k)}" for k in list(row) if k.endswith("_file_name")}
        images = {k.removesuffix("_file_name"): image(p, listed.get(p)) for k, p in paths.items()}
        whose = by_hash[row["photograph_sha256"]]
        validation.append(Sample(_stem(next(iter(paths.values()))), images, row, whose))
    name = tiles[0].images["image"].path.partition("/")[0]
    kept = {path: texts[path] for path in (CARD, CREDITS)}
    return Released(place, name, tiles, validation, kept, content)


def _compare(place: Path, path: str, content: bytes, expected: str) -> None:
    got = hashlib.sha256(content).hexdigest()
    if got != expected:
        raise UserError(
            f"{place}: {path}: got SHA-256 {got}, expected {expected} as its lists have it: unpack "
            "it again, or run `make verify`, which says how to mend it"
        )


def _stem(path: str) -> str:
    return path.rpartition("/")[2].partition(".")[0]


def _table(content: bytes) -> list[dict[str, str]]:
    text = content.decode("utf-8", "surrogateescape")
    return list(csv.DictReader(io.StringIO(text, newline="")))


def _json_lines(content: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in content.splitlines()]


def _whose(row: Mapping[str, str]) -> dict[str, str]:
    return {key: plain(row[key]) for key in WHOSE}
