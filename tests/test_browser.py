"""The browser that pages are tested with: it sees what a page asks for and what it does wrong."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.browser import Open, barriers, copied, open_page

GOOD = """<!doctype html><html lang="en"><meta charset="utf-8"><title>A page</title>
<main><h1>A page</h1><button onclick="navigator.clipboard.writeText('copied')">Copy</button></main>
"""


def write(folder: Path, text: str) -> Path:
    path = folder / b"caf\xe9 #1.html".decode(errors="surrogateescape")
    path.write_text(text)
    return path


def test_a_page_is_opened_read_and_used(tmp_path: Path, open_page: Open) -> None:
    page = open_page(write(tmp_path, GOOD))
    page.get_by_role("button", name="Copy").click()
    assert copied(page) == "copied"
    assert barriers(page) == []


def test_what_keeps_people_out_is_named(tmp_path: Path, open_page: Open) -> None:
    page = open_page(write(tmp_path, GOOD.replace("Copy</button>", "</button>")))
    (barrier,) = barriers(page)
    assert barrier.startswith("button-name: <button")


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("<img src=https://example.org/a.png alt=a>", "network: https://example.org/a.png"),
        ("<img src=missing.png alt=a>", "console: Failed to load resource: net::ERR_FILE_NOT_F"),
        ("<script>throw Error('on purpose')</script>", "script: on purpose"),
    ],
)
def test_a_page_that_does_wrong_fails_its_test(
    tmp_path: Path, browser: Browser, fault: str, message: str
) -> None:
    pages = open_page.__wrapped__(browser)  # the fixture as a function, to see how it ends
    page: Page = next(pages)(write(tmp_path, GOOD + fault))
    page.wait_for_load_state("networkidle")
    with pytest.raises(AssertionError) as raised:
        next(pages)
    assert message in str(raised.value)
