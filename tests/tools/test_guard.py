"""Guard: files that people write to have bytes of their own, and tiles edited by hand are named."""

import os
from pathlib import Path

import pytest
import yaml

from stages.common import leave_out, tables
from stages.common.leave_out import LeftOut
from stages.common.params import read
from stages.common.pixels import png
from stages.common.rows import Lineage
from stages.tools import guard
from tests.conftest import REPOSITORY, noise, sha256_of_png

PARAMS = read(REPOSITORY / "params.yaml")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a dataset of five tiles, and a photograph that DVC has linked to its cache."""
    monkeypatch.chdir(tmp_path)
    params = PARAMS | {"gather": PARAMS["gather"] | {"source": "data/source"}}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(params))
    rows = []
    for i in range(5):
        png.write(Path(f"data/dataset/samples/{i}.png"), noise(8, 8, i))
        os.utime(f"data/dataset/samples/{i}.png", (10**9, 10**9))
        digest = sha256_of_png(noise(8, 8, i))
        rows.append(
            Lineage(f"{i}.png", digest, 0.5, f"s/t{i}.png", "1", 0, 0, 8, 8, ".", "a.jpg", "00")
        )
    tables.write(Path("data/dataset/lineage.csv"), Lineage, rows)
    (tmp_path / "data/source/film").mkdir(parents=True)
    (tmp_path / "data/source/film/a.jpg").write_bytes(b"photograph")
    (tmp_path / "data/source/film/a.jpg").chmod(0o444)
    os.link("data/source/film/a.jpg", "object")
    return tmp_path


def said(capsys: pytest.CaptureFixture[str]) -> list[str]:
    guard.main()
    return capsys.readouterr().out.splitlines()


def test_links_are_broken_once(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys) == ["gave 1 files bytes of their own, apart from DVC's cache"]
    assert said(capsys) == []
    assert not Path("object").samefile("data/source/film/a.jpg")
    assert not leave_out.DELETED.exists()


def test_edited_tiles_are_named(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    guard.main()
    capsys.readouterr()
    png.write(Path("data/dataset/samples/3.png"), noise(8, 8, 3))  # the same content again
    assert said(capsys) == []
    png.write(Path("data/dataset/samples/3.png"), noise(8, 8, 33))
    for name in ("1.png", "2.png"):
        (project / "data/dataset/samples" / name).unlink()
    (message,) = said(capsys)
    assert message == (
        "tiles 2 deleted by hand, as data/dataset/samples/1.png and 1 changed by hand, as "
        "data/dataset/samples/3.png: `dvc repro` puts them back; `make leave-out` leaves the "
        "deleted ones out of the set for good, by data/leave_out.csv"
    )
    assert leave_out.read(leave_out.DELETED) == [
        LeftOut("s/t1.png", "deleted by hand"),
        LeftOut("s/t2.png", "deleted by hand"),
    ]


def test_a_tile_that_is_left_out_already_is_not_told_again(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    guard.main()
    for name in ("1.png", "2.png"):
        (project / "data/dataset/samples" / name).unlink()
    tables.write(leave_out.FILE, LeftOut, [LeftOut("s/t1.png", "blurred")])
    capsys.readouterr()
    (message,) = said(capsys)
    assert message.startswith("tiles 1 deleted by hand, as data/dataset/samples/2.png: `dvc repro`")
    tables.write(leave_out.FILE, LeftOut, [LeftOut(f"s/t{i}.png", "") for i in (1, 2)])
    assert said(capsys) == []


def test_a_new_name_of_the_set_is_no_deletion(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    guard.main()
    capsys.readouterr()
    text = (project / "params.yaml").read_text()
    (project / "params.yaml").write_text(text.replace("name: samples", "name: other"))
    assert said(capsys) == []


def test_before_the_first_run_there_is_nothing_to_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("params.yaml").write_text(yaml.safe_dump(PARAMS))
    assert said(capsys) == []


def test_a_dataset_of_an_older_version_does_not_stop_the_run(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its table has other columns, and `dvc repro`, which comes next, makes it anew."""
    guard.main()
    capsys.readouterr()
    Path("data/dataset/lineage.csv").write_text("name,hyperiqa\n0.png,0.5\n")
    assert said(capsys) == []
