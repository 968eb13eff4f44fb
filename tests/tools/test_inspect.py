"""Inspect: any folder of images, scored and measured, without a pipeline."""

import shutil
from pathlib import Path

import pytest

from stages.common import tables
from stages.common.errors import UserError
from stages.common.pixels.images import read
from stages.tools import inspect
from stages.tools.inspect import Inspected
from tests.conftest import REPOSITORY


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> None:
    monkeypatch.setattr("sys.argv", ["inspect", *arguments])
    inspect.main()


def test_it_leaves_a_table_and_a_sheet_best_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SRSET_STORE", str(tmp_path / "store.sqlite"))
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "some photographs" / "a, b"
    folder.mkdir(parents=True)
    for name in ("landscape/dragonfly.jpg", "troubles/over-compressed.jpg"):
        shutil.copy(REPOSITORY / "data" / "samples" / name, folder)
    (folder / "notes.txt").write_text("no image")
    before = {p: (p.read_bytes(), p.stat().st_mtime_ns) for p in folder.iterdir()}
    run(monkeypatch, "--folder", str(folder.parent))
    lines = capfd.readouterr().out.splitlines()
    rows = tables.read(tmp_path / "inspected/some-photographs.csv", Inspected)
    assert [row.path for row in rows] == ["a, b/dragonfly.jpg", "a, b/over-compressed.jpg"]
    best, worst = rows
    assert best.hyperiqa > worst.hyperiqa
    assert best.blocks < 0.05 < worst.blocks
    assert best.quality > 80
    assert best.bits > 0
    mean = tables.mean([row.hyperiqa for row in rows])
    assert lines == [
        "a, b/notes.txt: not an image: looks like text",
        f"{tmp_path}/inspected/some-photographs.csv, {tmp_path}/inspected/some-photographs.png",
        f"average hyperiqa score of {folder.parent} with 2 images is {mean:.6f}",
    ]
    assert read(tmp_path / "inspected/some-photographs.png").std() > 20
    assert {p: (p.read_bytes(), p.stat().st_mtime_ns) for p in folder.iterdir()} == before


@pytest.mark.parametrize("name", ["gone", "empty"])
def test_a_folder_without_images_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=r"is no folder|no image in"):
        run(monkeypatch, "--folder", str(tmp_path / name), "--out", str(tmp_path / "out"))
    assert not (tmp_path / "out.csv").exists()


def test_no_folder_is_not_this_one(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match=r"say which folder of images, as `make inspect DIR="):
        run(monkeypatch, "--folder", "")
