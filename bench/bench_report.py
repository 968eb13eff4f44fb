"""The report of a large set: how long the stage takes, and how fast its page is in a browser.

    python -m bench.bench_report [--tiles 50000]

Makes tables of so many tiles, 24 of each photograph, and sheets of thumbnails; runs the stage; and
opens the page from disk in chromium. There it measures by the browser's own clock: until the page
is ready; from a pointer's move to the next frame, while the cut is dragged; from one frame to the
next, while the gallery is scrolled; a search and a sort. Ends with 1 where the page is not ready in
2 s or one move in twenty takes more than 100 ms. Needs chromium and Playwright.
"""

import argparse
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import yaml
from PIL import Image
from playwright.sync_api import Page, sync_playwright

from bench.bench_store import hashes
from bench.measure import machine, run, stage_command
from stages import cutoff, summary
from stages.common import params, tables
from stages.common.cutoff_params import CutoffParams, Reserved
from stages.common.pages import thumbnails
from stages.common.rows import (
    Collected,
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
)

PARAMS = Path("params.yaml")
PER_PHOTOGRAPH = 24  # tiles: 4 rows of 6
SECTIONS = ("animals", "buildings", "faces", "food", "landscapes", "plants")
READY, MOVE = 2000, 100  # ms, the targets
MOVES, FRAMES = 100, 200
SCORER = {
    "model": "builtin",
    "weights_sha256": "0" * 64,
    "crops": "cover",
    "device": "cpu",
    "precision": "fp32",
    "engine": "openvino",
}
DRAG = """async (moves) => {
    const axes = document.querySelector('.cut[data-set=subimages] .KIND .axes');
    const box = axes.getBoundingClientRect(), times = [];
    const send = (type, x) => axes.dispatchEvent(new PointerEvent(type, {
        pointerId: 1, isPrimary: true, bubbles: true, clientX: x, clientY: box.top + 9 }));
    axes.setPointerCapture = () => {};
    axes.hasPointerCapture = () => true;
    send('pointerdown', box.left);
    for (let i = 1; i <= moves; i++) {
        await new Promise(requestAnimationFrame);
        const start = performance.now();
        send('pointermove', box.left + box.width * i / moves);
        await new Promise((shown) => requestAnimationFrame(() => setTimeout(shown)));
        times.push(performance.now() - start);
    }
    return times;
}"""
SCROLL = """async (frames) => {
    const times = [];
    let last = await new Promise(requestAnimationFrame);
    for (let i = 0; i < frames; i++) {
        gallery.list.scrollTop += 60;
        const now = await new Promise(requestAnimationFrame);
        times.push(now - last);
        last = now;
    }
    return times;
}"""
TIMED = (
    "(call) => { const start = performance.now(); eval(call); return performance.now() - start; }"
)


def photographs(number: int) -> Iterator[Photograph]:
    for i, sha256 in enumerate(hashes(number)):
        section = SECTIONS[i % len(SECTIONS)]
        path = f"{section}/photograph {i:05d}.jpg"
        yield Photograph(path, section, sha256, 1680, 1200, 900_000, "JPEG RGB", sha256, "")


def make(folder: Path, number: int) -> None:
    """All that the stage reads, of so many tiles."""
    random = np.random.default_rng(0)
    rows = sorted(photographs(number // PER_PHOTOGRAPH))
    scaled, tiles = [], []
    for row in rows:
        path = f"{row.section}/{Path(row.path).stem.replace(' ', '-')}-{row.sha256[:8]}T0.png"
        source = (row.path, row.sha256, row.pixels, row.width, row.height)
        scaled.append(Scaled(path, row.section, row.sha256, "1", 1680, 1200, *source))
    for i, sha256 in zip(range(len(scaled) * PER_PHOTOGRAPH), hashes(number), strict=False):
        parent, k = scaled[i // PER_PHOTOGRAPH], i % PER_PHOTOGRAPH
        tiles.append(
            Tile(
                f"{parent.path.removesuffix('.png')}_s{k + 1:03d}.png",
                parent.section,
                sha256,
                parent.path,
                parent.scale,
                parent.width,
                parent.height,
                k % 6 * 240,
                k // 6 * 240,
                512,
                512,
                parent.photograph,
                parent.photograph_sha256,
            )
        )

    def put(name: str, row_type: type[Any], some: list[Any]) -> None:
        tables.write(folder / "tables" / f"{name}.csv", row_type, some)

    def decided(which: str, table: str, some: list[Any]) -> None:
        scores = random.beta(6, 3, len(some)).round(6).tolist()
        found = [Score(r.path, r.pixels, x) for r, x in zip(some, scores, strict=True)]
        tables.write(folder / "scores.csv", Score, found)
        if which == "images":
            measured = [ImageMeasures(r.path, r.sha256, 0.01, 0.2, 1.0, 0.0, 0.0, 95) for r in some]
            write(measures / "images.csv", ImageMeasures, measured)
        else:
            bits = random.normal(1.2, 0.3, len(some)).round(6).tolist()
            sizes = random.integers(200_000, 500_000, len(some)).tolist()
            ours = [
                TileMeasures(r.path, r.pixels, b, 0.0, 0.0, size)
                for r, b, size in zip(some, bits, sizes, strict=True)
            ]
            write(measures / "subimages.csv", TileMeasures, ours)
        cutoff.main(
            which=which,
            table=folder / "tables" / f"{table}.csv",
            scores=folder / "scores.csv",
            measures=measures / f"{which}.csv",
            neighbours=folder / "tables" / "neighbours.csv",
            leave_out=folder / "leave_out.csv",
            reference=folder / "reference.csv",
            decisions=folder / "tables" / f"cutoff_{which}.csv",
            numbers=folder / "cutoff.json",
            params=limits,
            validation=Reserved(picks=[]),
        )

    measures, write = folder / "measures", tables.write
    put("neighbours", Neighbours, [])
    limits = params.load(CutoffParams, "cutoff", folder / "params.yaml")
    put("gathered_images", Photograph, rows)
    put("sources_images", Source, [])
    put("screened", Photograph, rows)
    put("multiscale", Scaled, scaled)
    put("subimages", Tile, tiles)
    (folder / "leave_out.csv").write_text("image,reason\n")
    tables.write(folder / "curve.csv", ProbePoint, [])
    tables.write(folder / "reference.csv", Score, [])
    decided("images", "screened", rows)
    decided("subimages", "subimages", tiles)
    put("unreadable_images", Unreadable, [])
    for name in ("rejected", "multiscale_rejected", "subimages_rejected"):
        put(name, Rejected, [])
    put("collected", Collected, [])
    put("validation", Validation, [])
    tables.write_numbers(folder / "scorer.json", {"scorer": SCORER})
    summary.main(
        images=folder / "tables" / "cutoff_images.csv",
        subimages=folder / "tables" / "cutoff_subimages.csv",
        photographs=folder / "tables" / "screened.csv",
        tiles=folder / "tables" / "subimages.csv",
        image_measures=measures / "images.csv",
        tile_measures=measures / "subimages.csv",
        neighbours=folder / "tables" / "neighbours.csv",
        image_reference=folder / "reference.csv",
        tile_reference=folder / "reference.csv",
        metrics=folder / "reports" / "metrics.json",
        what_if=folder / "reports" / "what_if.csv",
        plots=folder / "reports" / "plots",
        cutoff=limits,
    )
    pictures(folder / "reports" / "thumbnails", scaled, len(rows))


def pictures(folder: Path, scaled: list[Scaled], photographs: int) -> None:
    """Sheets of thumbnails; all of a kind are one file with many names."""
    tiles = [f"{thumbnails.group_of(row.path)}_0.jpg" for row in scaled]
    numbers = range(0, photographs, thumbnails.PER_SHEET)
    images = [thumbnails.place(thumbnails.PHOTOGRAPHS, i).sheet for i in numbers]
    for kind, names, cells in (
        ("subimages", tiles, PER_PHOTOGRAPH),
        ("images", images, thumbnails.PER_SHEET),
    ):
        rows = -(-cells // thumbnails.COLUMNS)
        noise = np.random.default_rng(0).integers(0, 256, (4 * rows, 64, 3), dtype=np.uint8)
        size = (thumbnails.COLUMNS * thumbnails.SIDE, rows * thumbnails.SIDE)
        picture = folder / f"{kind}.jpg"
        picture.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(noise).resize(size, Image.Resampling.BICUBIC).save(picture, quality=80)
        for name in names:
            (folder / kind / name).parent.mkdir(parents=True, exist_ok=True)
            os.link(picture, folder / kind / name)


def measured(page: Page) -> dict[str, list[float]]:
    """Times of the page, ms."""
    found = {"ready": [page.evaluate("performance.getEntriesByName('ready')[0].startTime")]}
    for kind in ("count", "score"):
        found[f"drag by {kind}, a move"] = page.evaluate(DRAG.replace("KIND", kind), MOVES)
    found["of that the script"] = page.evaluate(
        "performance.getEntriesByName('cut').map((entry) => entry.duration)"
    )
    page.evaluate("gallery.block.scrollIntoView()")
    found["scroll, a frame"] = page.evaluate(SCROLL, FRAMES)
    for name, call in (
        ("search, the first", "gallery.fields.elements.search.value = '1234'; gallery.filter()"),
        ("search", "gallery.fields.elements.search.value = 'food'; gallery.filter()"),
        ("sort by name", "gallery.fields.elements.order.value = 'name'; gallery.filter()"),
        ("open a tile", "gallery.open(0)"),
    ):
        found[name] = [page.evaluate(TIMED, call)]
    return found


def opened(path: Path, look: Callable[[Page], Any]) -> Any:
    """What a look at a page in a browser finds."""
    program = shutil.which("chromium")
    if program is None:
        sys.exit("no chromium here: `apt-get install chromium`")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program)
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.goto(path.as_uri())
        found = look(page)
        browser.close()
    return found


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tiles", type=int, default=50_000)
    number = parser.parse_args().tiles
    with TemporaryDirectory() as name:
        folder = Path(name)
        values = yaml.safe_load(PARAMS.read_text())
        values["cutoff"]["images"] |= {"count": None, "per_section": {}}
        values["cutoff"]["subimages"]["count"] = number // 5
        (folder / "params.yaml").write_text(yaml.safe_dump(values))
        make(folder, number)
        reports = folder / "reports"
        command = stage_command(
            "report",
            folder / "tables",
            folder / "measures" / "images.csv",
            folder / "measures" / "subimages.csv",
            folder / "scorer.json",
            folder / "reference.csv",
            folder / "reference.csv",
            reports / "what_if.csv",
            folder / "curve.csv",
            reports / "thumbnails",
            reports / "report.html",
            reports / "sheets",
            reports / "charts",
            params=folder / "params.yaml",
        )
        cost, _ = run(command)
        size = (reports / "report.html").stat().st_size
        print(f"stage: {cost.seconds:.1f} s, {cost.memory:.0f} MiB; page: {size / 1e6:.2f} MB")
        found = opened(reports / "report.html", measured)
    print(machine(), "| of the page, ms | median | 95% | most |", "|---|---|---|---|", sep="\n")
    for what, times in found.items():
        print(f"| {what} | {np.median(times):.0f} | {nearly_all(times):.0f} | {max(times):.0f} |")
    moves = [*found["drag by count, a move"], *found["drag by score, a move"]]
    return int(found["ready"][0] > READY or nearly_all(moves) > MOVE)


def nearly_all(times: list[float]) -> float:
    """What 95% of the times are below."""
    return float(np.percentile(times, 95))


if __name__ == "__main__":
    sys.exit(main())
