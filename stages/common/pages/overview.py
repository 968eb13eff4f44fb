"""What the report says in words and numbers: its head, the diagram of the flow, its lists."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from stages.common import files
from stages.common.cutoffs import LEFT_OUT
from stages.common.pages import html, sheets, thumbnails
from stages.common.pages.gallery import CHOSEN
from stages.common.pages.listed import Tables, samples
from stages.common.pages.sheets import Picture
from stages.common.ranking import IMAGES, TILES
from stages.common.rows import Decision

TITLES = ("Tiles", "Photographs")  # of contact sheets
VALIDATION = "Validation"
UNUSED = "unused"  # of files that can't be shown, the page has a list


class Number(NamedTuple):
    """A number, and the pictures behind it."""

    images: int
    what: str
    tab: str  # of the gallery, or `UNUSED`
    status: str  # as the gallery's filter has it: all, ranked, kept, or a reason


class Step(NamedTuple):
    """What a stage passes on and what it leaves out."""

    stage: str
    does: str
    out: Number
    left_out: Sequence[Number]  # most frequent first


def steps(t: Tables) -> list[Step]:
    """Every step, from files to tiles."""
    photographs, ranked = len(t.gathered_images), len(t.screened)
    kept = sum(row.kept for row in t.cutoff_images)
    tiles = t.tiles_by_reason
    chosen = {row.photograph for row in t.validation}
    spare = [row for row in t.cutoff_images if not row.kept and row.path not in chosen]
    validating = [Number(len(chosen), CHOSEN, IMAGES, CHOSEN)] if chosen else []
    return [
        Step(
            "gather",
            "opens every file",
            Number(photographs, "photographs", IMAGES, "all"),
            reasons(t.unreadable_images, UNUSED),
        ),
        Step(
            "screen",
            "size, duplicates, evaluation sets",
            Number(ranked, "may be used", IMAGES, "ranked"),
            reasons(t.rejected, IMAGES),
        ),
        Step(
            "cutoff",
            "the best photographs",
            Number(kept, "kept photographs", IMAGES, "kept"),
            [*validating, *reasons(spare, IMAGES)],
        ),
        Step(
            "multiscale",
            "downscaled, never enlarged",
            Number(len(t.multiscale), "images at all scales", IMAGES, "kept"),
            reasons(t.multiscale_rejected, UNUSED),
        ),
        Step(
            "subimages",
            "square windows",
            Number(tiles.total(), "tiles", TILES, "all"),
            reasons(t.subimages_rejected, UNUSED),
        ),
        Step(
            "cutoff",
            "the best tiles",
            Number(tiles[""], "tiles in the set", TILES, "kept"),
            counted(tiles, TILES),
        ),
    ]


def reasons(rows: Iterable[Any], tab: str) -> list[Number]:
    """How many rows have which reason, most frequent first."""
    return counted(Counter(row.reason for row in rows), tab)


def counted(reasons: Counter[str], tab: str) -> list[Number]:
    """The same of reasons that are counted already."""
    return [Number(n, reason, tab, reason) for reason, n in reasons.most_common() if reason]


def facts(p: Mapping[str, Any], scorer: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The front of the page: what made this set, of params.yaml and of the scorer's own words.

    No time and no commit is among them: the same tables and parameters must give the same page.
    """
    tile, scale = p["subimages"], p["multiscale"]
    edge = scale["shortest_edge"]
    scales = ", ".join(map(str, scale["scales"])) + (f" and {edge} px short edge" if edge else "")
    fitted = scorer.get("photographs_short_edge")
    size = f", photographs at a short edge of at most {fitted} px" if fitted else ""
    found = [
        ("Photographs from", str(p["gather"]["source"])),
        ("Photographs kept", limit(p["cutoff"]["images"])),
        ("Scales", scales),
        ("Tiles", f"{tile['size']} px, one every {tile['step']} px"),
        ("Tiles kept", limit(p["cutoff"]["subimages"])),
        ("Scorer", f"HyperIQA, {scorer['model']}, crops {scorer['crops']}{size}"),
        ("Scored on", f"{scorer['device']}, {scorer['precision']}, {scorer['engine']}"),
        ("Weights' SHA-256", f"{scorer['weights_sha256'][:16]}…"),
    ]
    return [(name, html.shown(value)) for name, value in found]


def limit(cutoff: Mapping[str, Any]) -> str:
    """A cutoff in words."""
    count, floor, own = cutoff["count"], cutoff["min_score"], len(cutoff["per_section"])
    text = "all" if count is None else f"the best {count:,}"
    if floor is not None:
        text += f" from {floor['reference'] if isinstance(floor, dict) else floor}"
    rule = "1 section by its own rule" if own == 1 else f"{own} sections by their own rules"
    text = f"{text}; {rule}" if own else text
    of = len(cutoff.get("per_source", {}))
    return f"{text}; {of} {'source' if of == 1 else 'sources'} with limits" if of else text


class Contact(NamedTuple):
    """A contact sheet."""

    file: str
    title: str  # of what
    caption: str
    pictures: list[Picture]


def contact_sheets(t: Tables, folder: Path) -> list[Contact]:
    """The contact sheets of tiles, of photographs and of validation, below `folder` the
    thumbnails."""
    small = t.tile_places
    tile_pixels = {tile.path: tile.width * tile.height for tile in t.subimages}
    scales = {tile.path: tile.scale for tile in t.subimages}
    large = {
        row.path: thumbnails.place(thumbnails.PHOTOGRAPHS, i)
        for i, row in enumerate(t.gathered_images)
    }
    pixels = {row.path: row.width * row.height for row in t.gathered_images}
    found = []
    for which, title, rows, places, area, parts in (
        (TILES, TITLES[0], t.cutoff_subimages, small, tile_pixels, scales),
        (IMAGES, TITLES[1], t.cutoff_images, large, pixels, None),
    ):
        for number, (what, some) in enumerate(samples(rows, area, parts).items()):
            file = f"{which}_{number:02d}_{files.plain_name(what)[:60]}.png"
            pictures = [picture_of(folder / which, places[row.path], row) for row in some]
            found.append(Contact(file, title, html.shown(what), pictures))
    chosen = [
        sheets.picture(
            folder / IMAGES,
            large[row.photograph],
            PurePosixPath(row.photograph).name,
            f"{row.hyperiqa:.4f}",
        )
        for row in t.validation
    ]
    return found + (
        [Contact("validation.png", VALIDATION, "validation photographs", chosen)] if chosen else []
    )


def picture_of(folder: Path, place: thumbnails.Place, row: Decision) -> Picture:
    """A decided image on a contact sheet."""
    name = PurePosixPath(row.path).stem
    return sheets.picture(folder, place, name, f"#{row.rank:,}   {row.hyperiqa:.4f}")


def figures(contact: Sequence[Contact], folder: str, title: str) -> list[html.Figure]:
    """What the page shows of the contact sheets with a title."""
    return [
        html.Figure(f"{folder}/{it.file}", it.caption, sheets.size(len(it.pictures)))
        for it in contact
        if it.title == title
    ]


def validation(t: Tables) -> html.Table | None:
    """The validation photographs, where there are any."""
    rows = [(r.path, r.photograph, f"{r.width} x {r.height}", r.hyperiqa) for r in t.validation]
    return html.table(("file", "photograph", "px", "score"), rows) if rows else None


def sources(t: Tables) -> html.Table:
    """Whose the photographs are, and how many are kept of each."""
    whose = {row.path: row.source for row in t.gathered_images}
    gathered = Counter(whose.values())
    kept = Counter(whose[row.path] for row in t.cutoff_images if row.kept)
    if t.sample:
        tiles = t.sample.sources
    else:
        own = {tile.path: whose.get(tile.photograph, "") for tile in t.subimages}
        tiles = Counter(own[row.path] for row in t.cutoff_subimages if row.kept)
    header = ("source", "licence", "may be passed on", "photographs", "kept", "tiles")
    return html.table(
        header,
        [
            (
                source.name,
                source.spdx or source.licence or "not stated",
                source.redistribute,
                gathered[source.name],
                kept[source.name],
                tiles[source.name],
            )
            for source in t.sources_images
        ],
    )


def left_out(t: Tables) -> list[tuple[str, str]]:
    """What is left out by hand already: its path, and why."""
    every = [*t.cutoff_images, *t.cutoff_subimages]
    return [(row.path, row.detail) for row in every if row.reason == LEFT_OUT]
