"""From tables to ranked columns: what every reader of a cutoff's tables has in common.

The tables are joined by path and sorted by DuckDB (duck.py), in bounded memory whatever their
length; numbers come out as columns (columns.py). Paths sort as Python sorts them: DuckDB compares
UTF-8, and that is in the order of code points.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np

from stages.common import duck, likes, surrogates
from stages.common.columns import Codes, Columns, Likes, Mask, coded
from stages.common.cutoff_params import (
    IMAGE_MEASURES,
    TILE_MEASURES,
    Cutoff,
    ImagesCutoff,
    NearDuplicates,
    TilesCutoff,
)
from stages.common.cutoffs import LEFT_OUT, RESERVED
from stages.common.duck import REAL, TEXT, WHOLE, Base, Source
from stages.common.errors import UserError
from stages.common.leave_out import LeftOut
from stages.common.surrogates import escaped, restored

IMAGES, TILES = "images", "subimages"  # as in `cutoff.images`
BOX = ("left", "top", "width", "height")
SHA256 = {IMAGES: "sha256", TILES: "pixels"}  # the column by which one is left out, too
BYTES = {IMAGES: "t", TILES: "m"}  # whether its table has them, or its measures: t, m
MEASURES = {IMAGES: IMAGE_MEASURES, TILES: TILE_MEASURES}
ITSELF = {"path": TEXT, "section": TEXT, "source": TEXT}
CUT = {"parent": TEXT, "scale": TEXT, "photograph": TEXT} | dict.fromkeys(BOX, "INTEGER")
TABLE = {IMAGES: ITSELF, TILES: ITSELF | CUT}
NAMED: dict[str, tuple[str, ...]] = {  # what is numbered, by the name of its table
    "of_section": ("section",),
    "of_source": ("source",),
}
KINDS = {IMAGES: NAMED, TILES: NAMED | {"place": ("parent", "scale", "photograph")}}
SCORES = {"path": TEXT, "hyperiqa": REAL}
DECISIONS = SCORES | {"rank": WHOLE, "kept": TEXT, "reason": TEXT, "detail": TEXT}
NEIGHBOURS = {"path": TEXT, "other": TEXT, "bits": "INTEGER", "distance": REAL}


class Files(NamedTuple):
    """The tables of photographs, or of tiles, that a cutoff asks."""

    table: Path
    measures: Path
    neighbours: Path  # of photographs


class Ranking(NamedTuple):
    """Ranked images: their columns, and their texts in DuckDB."""

    columns: Columns
    base: Base  # with the table `ranked`, whose rowid is a place
    is_escaped: bool  # whether its texts are (surrogates.py)


@contextmanager
def scored(
    which: str,
    its: Files,
    scores: Path,
    cutoff: Cutoff,
    folder: Path,
    reserved: Sequence[str] = (),
    left_out: Sequence[LeftOut] = (),
) -> Iterator[Ranking]:
    """The images of a table, ranked by their scores, ties by path.

    Args:
        folder: where what does not fit in memory stands meanwhile.
        reserved: paths.

    Raises:
        UserError: where the tables list different images, or one is missing or damaged.
    """
    with _joined(which, its, Source(scores, SCORES), cutoff, folder) as (base, is_escaped):
        shown = escaped if is_escaped else str
        picks = [path for path in map(shown, reserved) if surrogates.is_valid(path)]
        named = {shown(row.image): row.reason for row in left_out}
        named = {image: why for image, why in named.items() if surrogates.is_valid(image)}
        columns = _columns(
            *(base, which, cutoff),
            reserved=[place for place, _ in _found(base, "path", picks)],
            # by its path, or else by its SHA-256
            left_out={
                place: named[image]
                for name in ("sha256", "path")
                for place, image in _found(base, name, list(named))
            },
            is_escaped=is_escaped,
        )
        yield Ranking(columns, base, is_escaped)


@contextmanager
def decided(
    which: str, its: Files, decisions: Path, cutoff: Cutoff, folder: Path
) -> Iterator[tuple[Columns, Mask]]:
    """The images of a table as a cutoff has ranked them, and which it has kept.

    Raises:
        UserError: where the tables list different images, or one is missing or damaged.
    """
    with decided_with_texts(which, its, decisions, cutoff, folder) as (ranking, kept):
        yield ranking.columns, kept


@contextmanager
def decided_with_texts(
    which: str, its: Files, decisions: Path, cutoff: Cutoff, folder: Path
) -> Iterator[tuple[Ranking, Mask]]:
    """As `decided`, with the texts in DuckDB.

    Raises:
        UserError: where the tables list different images, or one is missing or damaged.
    """
    with _joined(which, its, Source(decisions, DECISIONS), cutoff, folder) as (base, is_escaped):
        shown = restored if is_escaped else str
        found = base.execute(
            "SELECT rowid, reason, detail FROM ranked WHERE reason IN ($1, $2)",
            [RESERVED, LEFT_OUT],
        ).fetchall()
        columns = _columns(
            *(base, which, cutoff),
            reserved=[place for place, reason, _ in found if reason == RESERVED],
            left_out={place: shown(why) for place, reason, why in found if reason == LEFT_OUT},
            is_escaped=is_escaped,
        )
        kept = duck.column(base, "ranked", "kept = 'yes'")
        yield Ranking(columns, base, is_escaped), kept


def _found(base: Base, name: str, among: Sequence[str]) -> list[tuple[int, str]]:
    """The ranked images whose path, or SHA-256, is among some: their places, and it."""
    asked = f"SELECT rowid, {name} FROM ranked WHERE {name} IN (SELECT unnest($1::VARCHAR[]))"
    return base.execute(asked, [list(among)]).fetchall()


@contextmanager
def _joined(
    which: str, its: Files, by: Source, cutoff: Cutoff, folder: Path
) -> Iterator[tuple[Base, bool]]:
    """A database with the table `ranked`, and whether its texts are escaped."""
    measures = dict.fromkeys(MEASURES[which], REAL)
    its_columns: dict[str, dict[str, str]] = {
        "t": TABLE[which] | {SHA256[which]: TEXT},
        "m": {"path": TEXT} | measures,
    }
    its_columns[BYTES[which]] |= {"bytes": WHOLE}
    sources = {
        "t": Source(its.table, its_columns["t"], ("source",)),
        "m": Source(its.measures, its_columns["m"]),
        "s": by,
    }
    if _near(cutoff):
        sources["pairs"] = Source(its.neighbours, NEIGHBOURS)
    folder.mkdir(parents=True, exist_ok=True)
    size = sum(source.path.stat().st_size for source in sources.values() if source.path.exists())
    with duck.opened(folder, size) as (base, own):
        is_escaped = duck.load(base, sources, own)
        for name, path in (("s", by.path), ("m", its.measures)):
            if not duck.align(base, name, "t"):
                raise UserError(f"{path} and {its.table} list different images: run `dvc repro`")
        # their own names: one is `detail`, as a column of decisions
        of_measures = [f"m.{name} AS m_{name}" for name in measures]
        of_measures += ["m.bytes"] if BYTES[which] == "m" else []
        base.execute(
            f"""CREATE TABLE whole AS SELECT t.*, {", ".join(of_measures)}, s.* EXCLUDE path
            FROM t POSITIONAL JOIN s POSITIONAL JOIN m; DROP TABLE t; DROP TABLE s; DROP TABLE m"""
        )
        joins = ""
        for kind, names in KINDS[which].items():  # so that no long text is sorted
            duck.number(base, "whole", kind, names)
            joins += f" JOIN {kind} USING ({', '.join(names)})"
        taken = ["path", "section", f"{SHA256[which]} AS sha256", "bytes"]
        taken += [f"m_{name}" for name in measures]
        taken += [f'"{name}"' for name in BOX] if which == TILES else []
        taken += [f"{kind}.id AS {kind}" for kind in KINDS[which]]
        taken += [name for name in by.columns if name != "path"]
        order = "rank" if "rank" in by.columns else "hyperiqa DESC, path"
        base.execute(
            f"""CREATE TABLE ranked AS SELECT {", ".join(taken)} FROM whole {joins}
            ORDER BY {order}; DROP TABLE whole"""
        )
        yield base, is_escaped


def _near(cutoff: Cutoff) -> NearDuplicates | None:
    return cutoff.near_duplicates if isinstance(cutoff, ImagesCutoff) else None


def _columns(
    base: Base,
    which: str,
    cutoff: Cutoff,
    *,
    reserved: Sequence[int],
    left_out: Mapping[int, str],
    is_escaped: bool,
) -> Columns:
    """The columns of the table `ranked`."""
    size = base.execute("SELECT count(*) FROM ranked").fetchall()[0][0]
    is_reserved = np.zeros(size, np.bool_)
    is_reserved[list(reserved)] = True

    def kind(name: str, text: str) -> tuple[Codes, list[str]]:
        found = duck.texts(base, name, text)
        codes, names = coded(list(map(restored, found)) if is_escaped else found)
        return codes[duck.column(base, "ranked", name)], names

    section, sections = kind("of_section", "section")
    source, sources = kind("of_source", "source")
    if which == TILES:
        (scale, scales), (photograph, _) = kind("place", "scale"), kind("place", "photograph")
    else:
        scale, scales = np.zeros(size, np.int32), []
        photograph = np.arange(size, dtype=np.int32)
    return Columns(
        hyperiqa=duck.column(base, "ranked", "hyperiqa"),
        bytes=duck.column(base, "ranked", "bytes"),
        reserved=is_reserved,
        left_out=left_out,
        section=section,
        source=source,
        scale=scale,
        photograph=photograph,
        sections=sections,
        sources=sources,
        scales=scales,
        measures={name: duck.column(base, "ranked", f"m_{name}") for name in MEASURES[which]},
        likes=_likes(base, cutoff, is_reserved),
    )


def _likes(base: Base, cutoff: Cutoff, reserved: Mask) -> Likes | None:
    """What is alike, as far as the cutoff minds."""
    found = None
    if near := _near(cutoff):
        pairs = base.execute(
            """SELECT a.rowid AS one, b.rowid AS other, bits, distance
            FROM (SELECT * FROM pairs UNION ALL SELECT other, path, bits, distance FROM pairs) p
            JOIN ranked a ON a.path = p.path JOIN ranked b ON b.path = p.other
            WHERE bits <= $1 OR distance <= $2 ORDER BY b.path, bits, distance""",
            [near.bits, near.distance],
        ).fetchnumpy()
        found = likes.near(**pairs, counted=reserved)
    elif isinstance(cutoff, TilesCutoff) and cutoff.overlap is not None:
        boxes = np.stack([duck.column(base, "ranked", f'"{name}"') for name in BOX], axis=1)
        order = duck.column(base, "ranked", "rowid", "place, path")
        found = likes.overlapping(
            boxes, duck.column(base, "ranked", "place"), order, cutoff.overlap
        )
    return found if found and found.others.size else None
