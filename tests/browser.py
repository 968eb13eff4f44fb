"""A real browser for tests of pages: Debian's chromium, headless, without a network.

A test that takes `open_page` opens pages with it, and fails at its end where one of them asked for
anything but a file, or wrote an error to the console. Where there is no browser it is skipped.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")
WITHOUT_NETWORK = ("file:", "data:", "blob:", "about:")
PHONE = {"width": 390, "height": 800}

Open = Callable[..., Page]


def executable() -> str | None:
    """The browser's program, where there is one."""
    return next(filter(None, map(shutil.which, NAMES)), None)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser that is running."""
    program = executable()
    if program is None:
        pytest.skip("no browser to test pages with: `apt-get install chromium`, as .ci/run does")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=program, chromium_sandbox=os.getuid() != 0
        )
        yield started
        started.close()


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Open]:
    """Opens a page's file in a window of its own; options are those of Playwright's contexts, as
    `viewport=PHONE`, `color_scheme="dark"`, `has_touch=True`."""
    contexts: list[BrowserContext] = []
    faults: list[str] = []

    def look(page: Page) -> None:
        page.on("pageerror", lambda error: faults.append(f"script: {error}"))
        page.on("console", lambda m: faults.append(f"console: {m.text}") if error(m.type) else None)

    def asked(url: str) -> None:
        if not url.startswith(WITHOUT_NETWORK):
            faults.append(f"network: {url}")

    def open_one(path: Path, **options: Any) -> Page:
        context = browser.new_context(**{"offline": True} | options)
        contexts.append(context)
        context.grant_permissions(["clipboard-read", "clipboard-write"])
        context.on("request", lambda request: asked(request.url))
        context.on("page", look)
        page = context.new_page()
        page.goto(path.absolute().as_uri())
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert faults == []


def error(kind: str) -> bool:
    """Whether a line of the console is one that a page must not write."""
    return kind in ("error", "assert")


def copied(page: Page) -> str:
    """What the page has put on the clipboard."""
    text: str = page.evaluate("navigator.clipboard.readText()")
    return text


def barriers(page: Page) -> list[str]:
    """What axe-core finds that keeps people out of the page, serious and critical ones: each as
    `rule: element`."""
    found = Axe().run(page).response["violations"]
    return [
        f"{fault['id']}: {node['html']}"
        for fault in found
        if fault["impact"] in ("serious", "critical")
        for node in fault["nodes"]
    ]
