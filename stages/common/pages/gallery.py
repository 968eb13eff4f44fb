"""All photographs and all tiles as columns: the data that the report's scripts work with.

Scores are whole millionths, so that sums are exact. Names that many rows share are listed once. A
column of one value is that value alone. The scripts in templates/report/ say how it is read.
"""

import base64
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias, TypeVar

import numpy as np

from stages.common.columns import Columns, Likes
from stages.common.cutoff_params import (
    IMAGE_MEASURES,
    TILE_MEASURES,
    Cutoff,
    CutoffParams,
    Reference,
    TilesCutoff,
)
from stages.common.cutoffs import BY_RANK, EARLIER
from stages.common.pages import linked, thumbnails
from stages.common.pages.listed import Tables
from stages.common.pages.sampled import Sample
from stages.common.ranking import IMAGES, TILES
from stages.common.rows import Decision

KEPT, CHOSEN = "kept", "chosen for validation"  # beside the reasons

T = TypeVar("T")
Column: TypeAlias = list[T] | T


class Coded(NamedTuple):
    """A column of names."""

    codes: Column[int]  # places in `names`
    names: list[str]


class Outcome(NamedTuple):
    """What became of a photograph."""

    path: str
    score: int  # millionths; -1 for one that was not scored
    status: str  # kept, chosen for validation, or a reason
    detail: str
    earlier: bool  # whether no count and no score changes that


def column(values: Iterable[T]) -> Column[T]:
    """The values; or the one value that all of them are."""
    listed = list(values)
    return listed[0] if listed and listed.count(listed[0]) == len(listed) else listed


def coded(names: Iterable[str], first: Sequence[str] = ()) -> Coded:
    """Names as places in the list of the different ones: `first`, then by name."""
    listed = list(names)
    different = [*first, *sorted(set(listed) - set(first))]
    place = {name: i for i, name in enumerate(different)}
    return Coded(column(place[name] for name in listed), different)


def hashes(values: Iterable[str]) -> str:
    """SHA-256 sums one after the other, 32 bytes each, as base64."""
    return base64.b64encode(bytes.fromhex("".join(values))).decode()


def millionths(score: float) -> int:
    """A score as its table has it, in whole millionths."""
    return round(score * 1e6)


def limits(
    cutoff: Cutoff,
    written: Cutoff,
    sections: Sequence[str],
    scales: Sequence[str],
    sources: Sequence[str] = (),
) -> dict[str, object]:
    """A cutoff for `decide.js`: own floors and counts of sections and sources, by their places.
    `written` is the same with its references, as params.yaml has it."""
    floor = written.min_score
    own = {name: cutoff.per_section[name] for name in sections if name in cutoff.per_section}
    found: dict[str, object] = {
        "count": cutoff.count,
        "minScore": cutoff.min_score,
        "written": f"{{reference: {floor.reference}}}"
        if isinstance(floor, Reference)
        else json.dumps(floor),
        "floors": {
            sections.index(name): rule.min_score
            for name, rule in own.items()
            if "min_score" in rule.model_fields_set
        },
        "counts": {
            sections.index(name): rule.count
            for name, rule in own.items()
            if "count" in rule.model_fields_set
        },
        "perSource": {
            i: {"count": cutoff.source_most(name), "minScore": cutoff.source_floor(name)}
            for i, name in enumerate(sources)
            if name in cutoff.per_source
        },
        "limits": {
            name: limit.model_dump(exclude_none=True) for name, limit in cutoff.limits.items()
        },
    }
    if isinstance(cutoff, TilesCutoff):
        shares = cutoff.scales.shares if cutoff.scales else {}
        found["perPhotograph"] = cutoff.per_photograph
        found["shares"] = [[scales.index(name), share] for name, share in shares.items()]
    return found


def ranked_columns(c: Columns, names: Sequence[str]) -> dict[str, Any]:
    """What the rules ask of the ranked images, as millionths: every measure, and what is alike."""
    return {
        "measures": {
            name: column(np.rint(c.measures[name] * 1e6).astype(int).tolist()) for name in names
        },
        "alike": alike(c.likes) if c.likes else {},
        "reserved": np.flatnonzero(c.reserved).tolist(),
        "source": column(c.source.tolist()),
    }


def alike(likes: Likes) -> dict[int, list[int]]:
    """By place, the places of the better or reserved images that one is like."""
    rows = np.flatnonzero(np.diff(likes.starts)).tolist()
    return {i: likes.others[likes.starts[i] : likes.starts[i + 1]].tolist() for i in rows}


def outcomes(t: Tables) -> list[Outcome]:
    """Every photograph: the ranked ones, best first, then the others as they are listed."""
    chosen = {row.photograph for row in t.validation}
    found = [
        Outcome(
            row.path,
            millionths(row.hyperiqa),
            CHOSEN if row.path in chosen else row.reason or KEPT,
            row.detail,
            row.reason in EARLIER,
        )
        for row in t.cutoff_images
    ]
    return found + [Outcome(row.path, -1, row.reason, row.detail, True) for row in t.rejected]


def photographs(t: Tables) -> dict[str, Any]:
    """Columns of all photographs, in the order of `outcomes`."""
    place = {row.path: i for i, row in enumerate(t.gathered_images)}
    ends = outcomes(t)
    rows = [t.gathered_images[place[end.path]] for end in ends]
    section, status = coded(row.section for row in rows), coded((e.status for e in ends), [KEPT])
    return {
        "length": len(ends),
        "ranked": len(t.cutoff_images),
        "path": [end.path for end in ends],
        "score": [end.score for end in ends],
        "status": status.codes,
        "statuses": status.names,
        "detail": column(end.detail for end in ends),
        "earlier": [i for i, end in enumerate(ends) if end.earlier],
        "section": section.codes,
        "sections": section.names,
        "thumbnail": [place[end.path] for end in ends],
        "bytes": [row.bytes for row in rows],
        "width": column(row.width for row in rows),
        "height": column(row.height for row in rows),
        "mode": coded(row.mode for row in rows)._asdict(),
        "sha256": hashes(row.sha256 for row in rows),
    }


def tiles(t: Tables) -> dict[str, Any]:
    """Columns of all tiles, best first, and of the images they are cut from."""
    by_path = {tile.path: tile for tile in t.subimages}
    rows = [by_path[row.path] for row in t.cutoff_subimages]
    places = t.tile_places
    parent = coded(tile.parent for tile in rows)
    suffix = coded(thumbnails.suffix_of(tile) for tile in rows)
    status = coded((row.reason or KEPT for row in t.cutoff_subimages), [KEPT])
    section = coded(tile.section for tile in rows)
    earlier = [i for i, r in enumerate(t.cutoff_subimages) if r.reason in EARLIER]
    return {
        "length": len(rows),
        "parent": parent.codes,
        "suffix": suffix.codes,
        "suffixes": suffix.names,
        "score": [millionths(row.hyperiqa) for row in t.cutoff_subimages],
        "status": status.codes,
        "statuses": status.names,
        "earlier": earlier,
        "details": {i: r.detail for i, r in enumerate(t.cutoff_subimages) if shown_detail(r)},
        "section": section.codes,
        "sections": section.names,
        "thumbnail": column(number(places[tile.path]) for tile in rows),
        "bytes": column(row.bytes for row in t.cutoff_subimages),
        "left": column(tile.left for tile in rows),
        "top": column(tile.top for tile in rows),
        "width": column(tile.width for tile in rows),
        "height": column(tile.height for tile in rows),
        "sha256": hashes(tile.pixels for tile in rows),
        "parents": parents(t, parent.names),
    }


def shown_detail(row: Decision) -> bool:
    """Whether a tile's detail says more than its score and its rank, which are shown anyway."""
    return bool(row.detail) and not row.reason.startswith(BY_RANK)


def number(place: thumbnails.Place) -> int:
    """A place's number among its group's, from 0, sheet by sheet."""
    sheet = int(place.sheet.rpartition("_")[2].removesuffix(".jpg"))
    return sheet * thumbnails.PER_SHEET + place.cell


def parents(t: Tables, names: Sequence[str]) -> dict[str, Any]:
    """Columns of the images that tiles are cut from."""
    by_path = {row.path: row for row in t.multiscale}
    photograph = {end.path: i for i, end in enumerate(outcomes(t))}
    rows = [by_path[name] for name in names]
    scale = coded(row.scale for row in rows)
    return {
        "group": [thumbnails.group_of(name) for name in names],
        "photograph": [photograph[row.photograph] for row in rows],
        "scale": scale.codes,
        "scales": scale.names,
        "width": column(row.width for row in rows),
        "height": column(row.height for row in rows),
    }


def of_all(sample: Sample, statuses: Sequence[str]) -> dict[str, Any]:
    """What the page of a sample has of all tiles: figures of those that are kept, and numbers by
    status, `KEPT` first, as `statuses` has it."""
    kept, n = sample.figures, sample.number
    return {
        "number": n,
        "rank": (sample.places + 1).tolist(),
        "counts": [sample.reasons["" if status == KEPT else status] for status in statuses],
        "figures": kept
        and {
            "images": kept.images,
            "mean": kept.mean,
            "lowest": kept.lowest,
            "bytes": kept.bytes,
            "photographs": kept.photographs,
            "largest": kept.largest_photograph,
            "sections": list(kept.sections.values()),
            "scales": list(kept.scales.values()),
        },
    }


def data(
    name: str,
    gather: Mapping[str, Any],
    written_files: str,
    t: Tables,
    columns: Mapping[str, Columns],
    written: CutoffParams,
    measured: CutoffParams,
) -> dict[str, object]:
    """All that the scripts know, with the `columns` of both sets and their cutoffs, `measured` and
    as `written`; `gather` is that section of params.yaml, `written_files` its subimages.files."""
    sets = {
        IMAGES: photographs(t) | ranked_columns(columns[IMAGES], IMAGE_MEASURES),
        TILES: tiles(t) | ranked_columns(columns[TILES], TILE_MEASURES),
    }
    if t.sample:
        sets[TILES]["sample"] = of_all(t.sample, sets[TILES]["statuses"])
    scales = sets[TILES]["parents"]["scales"]
    of = {which: c.sources for which, c in columns.items()}
    rules = {
        IMAGES: limits(measured.images, written.images, sets[IMAGES]["sections"], (), of[IMAGES]),
        TILES: limits(
            measured.subimages, written.subimages, sets[TILES]["sections"], scales, of[TILES]
        ),
    }
    folders, own = linked.places(sets[IMAGES]["path"], gather)
    sets[IMAGES]["place"] = column(own)
    return {
        "name": name,
        "files": written_files,
        "places": [place._asdict() for place in folders],
        "sets": sets,
        "cutoffs": rules,
    }
