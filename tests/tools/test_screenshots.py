"""Screenshots: of the pages that are there, small, and taken without a network."""

from pathlib import Path

import pytest
from PIL import Image

from stages.common.errors import UserError
from stages.tools import screenshots
from tests.browser import executable
from tests.conftest import REPOSITORY
from tests.report_project import ReportProject

needs_browser = pytest.mark.skipif(executable() is None, reason="no browser to take pictures with")


@needs_browser
def test_every_page_that_is_there_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ReportProject(tmp_path).make()
    monkeypatch.chdir(tmp_path)
    capsys.readouterr()
    screenshots.main()
    names = ("cut", "gallery", "report", "tile")  # of pick.html and compare.html there is none
    taken = sorted((tmp_path / "docs" / "images").iterdir())
    assert [path.name for path in taken] == [f"{name}.png" for name in names]
    pictures = [Image.open(path) for path in taken]
    assert {picture.size for picture in pictures} == {(1200, 800)}
    light = [picture.convert("L").getpixel((3, 3)) for picture in pictures]
    assert [value > 200 for value in light] == [True, True, True, False]  # the last one is dark
    assert len({path.read_bytes() for path in taken}) == 4
    assert len(capsys.readouterr().out.splitlines()) == 4


def test_what_is_missing_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="reports has no page yet: `make run`"):
        screenshots.main()
    monkeypatch.setenv("PATH", "")
    with pytest.raises(UserError, match="no browser here: `apt-get install chromium`"):
        screenshots.browser()


def test_the_pictures_of_the_readme_are_there_and_small() -> None:
    named = {shot.name for shot in screenshots.SHOTS}
    found = sorted((REPOSITORY / "docs" / "images").glob("*.png"))
    assert {path.stem for path in found} <= named
    assert found
    for path in found:
        assert path.stat().st_size < 300_000, path.name
        assert f"docs/images/{path.name}" in (REPOSITORY / "README.md").read_text()
