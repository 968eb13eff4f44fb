"""Pictures of the pages for the README, docs/images/*.png.

`make screenshots` opens the pages that the last runs have left in reports/ in a browser, without a
network, and takes a picture of each part. A page that is not there keeps its picture. It needs
Debian's chromium, `apt-get install chromium`.
"""

import io
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from PIL import Image
from playwright.sync_api import Page, sync_playwright

from stages.common import files
from stages.common.cli import run
from stages.common.errors import UserError

REPORTS, FOLDER = Path("reports"), Path("docs/images")
NAMES = ("chromium", "chromium-browser", "google-chrome")
WIDTH, HEIGHT = 1200, 800  # px, of the window
COLOURS = 256  # of a picture: a palette keeps it small
SETTLED = 500  # ms, after which thumbnails are drawn


class Shot(NamedTuple):
    """A picture to take."""

    name: str
    page: str
    prepare: str = ""  # JavaScript that brings the page there
    dark: bool = False


SHOTS = (
    Shot("report", "report.html"),
    Shot(
        "cut",
        "report.html",
        "cuts.subimages.byCount(Math.round(cuts.subimages.line.length * 0.6));"
        "document.getElementById('cuts').scrollIntoView()",
    ),
    Shot("gallery", "report.html", "document.getElementById('gallery').scrollIntoView()"),
    Shot("tile", "report.html", "gallery.open(1)", dark=True),
    Shot("pick", "pick.html"),
    Shot("compare", "compare.html"),
)


def browser() -> str:
    """The browser's program.

    Raises:
        UserError: where there is none.
    """
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        raise UserError("no browser here: `apt-get install chromium`")
    return found


def small(picture: bytes) -> bytes:
    """A screenshot as a PNG with a palette."""
    image = Image.open(io.BytesIO(picture)).convert("RGB")
    content = io.BytesIO()
    image.quantize(COLOURS, dither=Image.Dither.NONE).save(content, "PNG", optimize=True)
    return content.getvalue()


def take(open_page: Callable[[bool], Page], shot: Shot) -> bytes:
    """One picture."""
    page = open_page(shot.dark)
    page.goto((REPORTS / shot.page).absolute().as_uri())
    if shot.prepare:
        page.evaluate(shot.prepare)
    page.wait_for_timeout(SETTLED)
    picture = page.screenshot()
    page.close()
    return small(picture)


def main() -> None:
    shots = [shot for shot in SHOTS if (REPORTS / shot.page).is_file()]
    if not shots:
        raise UserError(f"{REPORTS} has no page yet: `make run`")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=browser(), chromium_sandbox=os.getuid() != 0
        )

        def open_page(dark: bool) -> Page:
            context = started.new_context(
                viewport={"width": WIDTH, "height": HEIGHT},
                color_scheme="dark" if dark else "light",
                reduced_motion="reduce",
                offline=True,
            )
            return context.new_page()

        for shot in shots:
            picture = take(open_page, shot)
            files.write(FOLDER / f"{shot.name}.png", picture)
            print(f"{FOLDER}/{shot.name}.png: {len(picture) / 1000:,.0f} KB")
        started.close()


if __name__ == "__main__":
    run(main)
