"""A small set for tests of the report: real tables, tiles and thumbnails, by the real decision.

Its names are as odd as people's are, its scores have ties, and every way out is gone by some image.
"""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from stages import cutoff, report, summary
from stages.common import files, ranking, tables
from stages.common.columns import Columns
from stages.common.cutoff_params import CutoffParams, Reserved
from stages.common.leave_out import LeftOut
from stages.common.pages import thumbnails
from stages.common.pages.thumbnails import Sheets
from stages.common.pixels import png
from stages.common.pixels.images import Pixels
from stages.common.rows import (
    Collected,
    Decision,
    ImageMeasures,
    Neighbours,
    Photograph,
    ProbePoint,
    Rejected,
    Scaled,
    Score,
    Source,
    Tile,
    TileMeasures,
    Unreadable,
    Validation,
    section_of,
)
from tests.conftest import blobs
from tests.row_by_row import Candidate

SIDE, TILE = 96, 48  # px, of a photograph and of a tile
BYTES = b"caf\xe9".decode(errors="surrogateescape")
NAMES = (
    "faces/Ann.jpg",
    'faces/b & <i>c</i> "d".jpg',
    f"faces/{BYTES} #1 100%?.jpg",
    "faces/山 🏔.jpg",
    "places/a.jpg",
    "places/b, c.jpg",
    "places/d.jpg",
    "places/it's.jpg",
    "places/validating.jpg",
    "root.jpg",
    f"{BYTES}/1.jpg",
    f"{BYTES}/2.jpg",
)
RULES: dict[str, Any] = {
    "images": {
        "count": 8,
        "min_score": None,
        "report_at": 0.5,
        "limits": {"blocks": {"max": 0.9}},
        "near_duplicates": {"bits": 32, "distance": 0.1},
        "per_section": {BYTES: {"count": 0}},
    },
    "subimages": {
        "count": 30,
        "min_score": None,
        "report_at": 0.5,
        "limits": {"bits": {"min": 0.1}},
        "overlap": 0.5,
        "per_photograph": None,
        "scales": None,
        "per_section": {},
    },
}
SCORER = {
    "model": "builtin",
    "weights_sha256": "ab" * 32,
    "crops": "cover",
    "device": "cpu",
    "precision": "fp32",
    "engine": "openvino 1",
}
PARAMETERS: dict[str, Any] = {
    "gather": {"source": "data/source"},
    "screen": {"min_short_edge": 48},
    "score": {"model": "builtin", "crops": "cover"},
    "validation": {"picks": []},
    "multiscale": {"scales": [1, 0.75], "shortest_edge": None},
    "subimages": {"size": TILE, "step": TILE, "files": "all"},
    "probe": {"held": None},
    "dataset": {"name": "samples"},
}


def digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()


@dataclass
class ReportProject:
    """A folder with all that the stage reads."""

    folder: Path
    rules: dict[str, Any] = field(default_factory=lambda: RULES)
    name: str = "samples"
    rejected: int = 2
    validating: bool = True
    left_out: list[LeftOut] = field(default_factory=list)
    curve: list[ProbePoint] = field(default_factory=list)
    parameters: dict[str, Any] = field(default_factory=dict)  # in place of the same sections
    seed: int = 0

    def __post_init__(self) -> None:
        self.random = np.random.default_rng(self.seed)
        self.limits = CutoffParams.model_validate(self.rules)
        self.decisions: dict[str, list[Decision]] = {}
        self.tiles: list[Tile] = []
        self.sizes: dict[str, int] = {}  # of the tiles' files, by path

    @property
    def page(self) -> Path:
        return self.folder / "reports" / "report.html"

    def put(self, name: str, row_type: type[Any], rows: list[Any]) -> None:
        tables.write(self.folder / "data" / "tables" / f"{name}.csv", row_type, rows)

    def scored(self, paths: list[str]) -> list[Score]:
        """A score for each, some of them alike."""
        return [
            Score(path, digest(path), round(float(score), 6))
            for path, score in zip(
                paths, self.random.integers(300_000, 800_000, len(paths)) // 40 * 4e-5, strict=True
            )
        ]

    def decide(self, which: str, candidates: list[Candidate]) -> list[Decision]:
        data, paths = self.folder / "data", [c.path for c in candidates]
        tables.write(data / "scores" / f"{which}.csv", Score, self.scored(paths))
        tables.write(data / "scores" / f"reference_{which}.csv", Score, [])
        tables.write(data / "leave_out.csv", LeftOut, self.left_out)
        self.measure(which, sorted(paths))
        cutoff.main(
            which,
            self.table(which),
            data / "scores" / f"{which}.csv",
            data / "measures" / f"{which}.csv",
            data / "tables" / "neighbours.csv",
            data / "leave_out.csv",
            data / "scores" / f"reference_{which}.csv",
            data / "tables" / f"cutoff_{which}.csv",
            self.folder / "reports" / f"cutoff_{which}.json",
            self.limits,
            Reserved(picks=[]),
        )
        self.decisions[which] = tables.read(data / "tables" / f"cutoff_{which}.csv", Decision)
        return self.decisions[which]

    def table(self, which: str) -> Path:
        name = {"images": "screened", "subimages": "subimages"}[which]
        return self.folder / "data" / "tables" / f"{name}.csv"

    def columns(self, which: str) -> Columns:
        """What is decided on."""
        data = self.folder / "data"
        its = ranking.Files(
            self.table(which),
            data / "measures" / f"{which}.csv",
            data / "tables" / "neighbours.csv",
        )
        decisions, rule = data / "tables" / f"cutoff_{which}.csv", getattr(self.limits, which)
        with ranking.decided(which, its, decisions, rule, self.folder) as (found, _):
            return found

    def measure(self, which: str, paths: list[str]) -> None:
        """Measures of each, and photographs that are alike: two faces, and two that are not
        alike enough."""
        folder, random = self.folder / "data" / "measures", np.random.default_rng(self.seed + 1)
        if which == "subimages":
            values = random.integers(0, 3_000_000, (len(paths), 3)) / 1e6
            rows = [
                TileMeasures(path, digest(path), *own, self.sizes[path])
                for path, own in zip(paths, values.tolist(), strict=True)
            ]
            tables.write(folder / "subimages.csv", TileMeasures, rows)
            return
        values = random.integers(0, 1_000_000, (len(paths), 5)) / 1e6
        measured = [
            ImageMeasures(path, digest(path), *own, quality=90 + i % 3)
            for i, (path, own) in enumerate(zip(paths, values.tolist(), strict=True))
        ]
        pairs = [
            Neighbours(paths[2], paths[3], 120, 0.05),
            Neighbours(paths[3], paths[4], 40, 0.2),
        ]
        tables.write(folder / "images.csv", ImageMeasures, measured)
        self.put("neighbours", Neighbours, pairs)

    def make(self) -> Path:
        """Make everything but the page."""
        photographs = self.photographs()
        kept = [row for row in self.decisions["images"] if row.kept]
        self.cut([photographs[row.path] for row in kept])
        self.decide(
            "subimages",
            [Candidate(t.path, t.section, t.pixels, self.sizes[t.path]) for t in self.tiles],
        )
        folder, which = self.folder / "data" / "tables", ("images", "subimages")
        tables.write_numbers(self.folder / "reports" / "numbers.json", {"scorer": SCORER})
        summary.main(
            *(folder / f"cutoff_{name}.csv" for name in which),
            folder / "screened.csv",
            folder / "subimages.csv",
            self.folder / "data" / "measures" / "images.csv",
            self.folder / "data" / "measures" / "subimages.csv",
            folder / "neighbours.csv",
            *(self.folder / "data" / "scores" / f"reference_{name}.csv" for name in which),
            self.folder / "reports" / "metrics.json",
            self.folder / "reports" / "what_if.csv",
            self.folder / "reports" / "plots",
            self.limits,
        )
        return self.report()

    def report(self) -> Path:
        """Run the stage."""
        reports = self.folder / "reports"
        tables.write(reports / "probe" / "curve.csv", ProbePoint, self.curve)
        sections = {
            name: report.Section.model_validate(values)
            for name, values in (
                PARAMETERS | {"dataset": {"name": self.name}} | self.parameters
            ).items()
        }
        report.main(
            folder=self.folder / "data" / "tables",
            image_measures=self.folder / "data" / "measures" / "images.csv",
            tile_measures=self.folder / "data" / "measures" / "subimages.csv",
            scorer=reports / "numbers.json",
            image_reference=self.folder / "data" / "scores" / "reference_images.csv",
            tile_reference=self.folder / "data" / "scores" / "reference_subimages.csv",
            what_if=reports / "what_if.csv",
            curve=reports / "probe" / "curve.csv",
            thumbnails=reports / "thumbnails",
            report=self.page,
            sheets_folder=reports / "sheets",
            charts_folder=reports / "charts",
            cutoff=self.limits,
            **sections,
        )
        return self.page

    def photographs(self) -> dict[str, Photograph]:
        """What is gathered, screened and decided, with its thumbnails; by path."""
        small = [f"small/{i}.jpg" for i in range(self.rejected)]
        rows = []
        sheets = Sheets(self.folder / "reports" / "thumbnails" / "images", thumbnails.PHOTOGRAPHS)
        for i, name in enumerate(sorted([*NAMES, *small])):
            picture = blobs(SIDE, SIDE, i)
            content = png.write(self.folder / "data" / "source" / name, picture)
            sheets.add(picture)
            facts = (digest(name), SIDE, SIDE, len(content), "PNG RGB", digest(name), "")
            whose = "mine & <yours>"
            rows.append(Photograph(name, section_of(name), *facts, source=whose))
        sheets.finish()
        self.put("gathered_images", Photograph, rows)
        source = Source("mine & <yours>", "https://example.org/a", "", "CC0-1.0", "yes", "")
        self.put("sources_images", Source, [source])
        self.put("rejected", Rejected, [Rejected(name, "too small", "9 px") for name in small])
        unread = [Unreadable(f"{BYTES}.txt", "not an image", "text", 9, "")] * bool(self.rejected)
        self.put("unreadable_images", Unreadable, unread)
        usable = [row for row in rows if row.path not in small]
        self.put("screened", Photograph, usable)
        decided = self.decide(
            "images", [Candidate(r.path, r.section, r.sha256, r.bytes) for r in usable]
        )
        below = [row for row in decided if row.reason.startswith(("below the best", "near"))][:1]
        self.put(
            "validation",
            Validation,
            [
                Validation(
                    f"hr/{digest(row.path)[:8]}.png",
                    row.section,
                    digest("hr"),
                    "hr",
                    SIDE,
                    SIDE,
                    row.hyperiqa,
                    row.path,
                    row.sha256,
                )
                for row in (below if self.validating else [])
            ],
        )
        return {row.path: row for row in usable}

    def cut(self, kept: list[Photograph]) -> None:
        """Two scales of each kept photograph, and their tiles."""
        scaled, collected = [], []
        for i, row in enumerate(sorted(kept)):
            name = files.image_name(row.section, row.path, row.sha256)
            source = (row.path, row.sha256)
            whole = (row.pixels, SIDE, SIDE)
            facts = (digest(name), SIDE, SIDE, row.pixels)
            collected.append(Collected(name, row.section, *facts, *source))
            for number, (scale, side) in enumerate((("1", SIDE), ("0.75", SIDE * 3 // 4))):
                path = f"{name.removesuffix('.png')}T{number}.png"
                facts = (digest(path), scale, side, side, *source, *whole)
                scaled.append(Scaled(path, row.section, *facts))
                picture = blobs(side, side, i)
                png.write(self.folder / "data" / "multiscale" / path, picture)
                self.tile(scaled[-1], picture)
        self.put("collected", Collected, collected)
        self.put("multiscale", Scaled, sorted(scaled))
        self.put("multiscale_rejected", Rejected, [])
        self.tiles.sort()
        self.put("subimages", Tile, self.tiles)
        self.put("subimages_rejected", Rejected, [])

    def tile(self, parent: Scaled, picture: Pixels) -> None:
        """The tiles of an image, with their thumbnails."""
        group = thumbnails.group_of(parent.path)
        sheets = Sheets(self.folder / "reports" / "thumbnails" / "subimages", group)
        places = [0, parent.width - TILE]
        for number, (top, left) in enumerate(((t, x) for t in places for x in places), start=1):
            path, pixels = f"{group}_s{number:03d}.png", picture[top:, left:][:TILE, :TILE]
            content = png.write(self.folder / "data" / "subimages" / path, pixels)
            self.sizes[path] = len(content)
            sheets.add(pixels)
            self.tiles.append(
                Tile(
                    path=path,
                    section=parent.section,
                    pixels=digest(path),
                    parent=parent.path,
                    scale=parent.scale,
                    scaled_width=parent.width,
                    scaled_height=parent.height,
                    left=left,
                    top=top,
                    width=TILE,
                    height=TILE,
                    photograph=parent.photograph,
                    photograph_sha256=parent.photograph_sha256,
                    source="mine & <yours>" if left else "",
                )
            )
        sheets.finish()
