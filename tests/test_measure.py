"""Measure: one row a file, from the store where it is known, and the same either way."""

import json
import shutil
import signal
import statistics
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image

from stages import measure
from stages.common import store, tables
from stages.common.errors import UserError
from stages.common.measures.bits import bits
from stages.common.measures.blocks import blocks
from stages.common.measures.clipping import black, white
from stages.common.measures.detail import detail
from stages.common.measures.noise import noise
from stages.common.pixels import images, png
from stages.common.rows import ImageMeasures, Item, TileMeasures
from tests.conftest import Stage, blobs, encoded, environment, item, named
from tests.conftest import noise as random_pixels

Row = ImageMeasures | TileMeasures


def listed(folder: Path) -> list[Item]:
    """Rows of every image below a folder, in no helpful order."""
    paths = sorted(folder.rglob("*.*"), reverse=True)
    return [item(folder, path.relative_to(folder).as_posix()) for path in paths]


def measured(folder: Path, out: Path, which: str = "images") -> list[Row]:
    """Run the stage; gives its table."""
    tables.write(out / "in.csv", Item, listed(folder))
    measure.main(which, out / "in.csv", folder, out / "measures.csv", out / "m.json")
    return tables.read(out / "measures.csv", measure.ROWS[which])


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Files of three pictures, two of them the same file."""
    folder = tmp_path / "in"
    png.write(folder / "s/b.png", random_pixels(70, 90))
    png.write(folder / "c ü.png", blobs(100, 80))
    shutil.copyfile(folder / "s/b.png", folder / "copy.png")
    (folder / "a.jpg").write_bytes(encoded(blobs(120, 90, 1), "JPEG", quality=61))
    return folder


def test_every_photograph_has_its_measures_by_path(
    pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = measured(pictures, tmp_path)
    wanted = []
    for each in sorted(listed(pictures)):
        pixels = images.read(pictures / each.path)
        values = (f(pixels) for f in (blocks, detail, noise, white, black))
        quality = 61 if each.path == "a.jpg" else 0
        row = (each.path, each.sha256, *(round(value, 6) for value in values), quality)
        wanted.append(ImageMeasures(*row))
    assert rows == wanted
    assert capsys.readouterr().out == f"4 images of {pictures} · 3 measured, 0 known\n"


def test_every_tile_has_its_measures_by_path(pictures: Path, tmp_path: Path) -> None:
    rows = measured(pictures, tmp_path, "subimages")
    wanted = []
    for each in sorted(listed(pictures)):
        pixels = images.read(pictures / each.path)
        values = (round(f(pixels), 6) for f in (bits, white, black, png.about_size))
        wanted.append(TileMeasures(each.path, each.sha256, *values))
    assert rows == wanted


def test_the_numbers_are_those_of_the_table(pictures: Path, tmp_path: Path) -> None:
    rows = measured(pictures, tmp_path)
    numbers = json.loads((tmp_path / "m.json").read_text())
    names = ImageMeasures._fields[2:]
    assert list(numbers) == ["images", *names]
    assert numbers["images"] == 4
    for name in names:
        values = [getattr(row, name) for row in rows]
        assert numbers[name] == {
            "min": min(values),
            "median": round(statistics.median(values), 6),
            "mean": tables.mean(values),
            "max": max(values),
        }


def test_workers_change_nothing(
    photographs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = []
    for count in ("0", "1", "2"):
        monkeypatch.setenv("SRSET_WORKERS", count)
        monkeypatch.setenv("SRSET_STORE", str(tmp_path / count / "store.sqlite"))
        assert len(measured(photographs, tmp_path / count)) == 6
        written.append([(tmp_path / count / n).read_bytes() for n in ("measures.csv", "m.json")])
    assert written[0] == written[1] == written[2]


def test_what_is_known_is_not_measured_again_and_gives_the_same_table(
    pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = measured(pictures, tmp_path / "1")
    png.write(pictures / "new.png", blobs(90, 90, 9))
    more = measured(pictures, tmp_path / "2")
    (pictures / "new.png").unlink()
    again = measured(pictures, tmp_path / "3")
    ends = [line.partition(" · ")[2] for line in capsys.readouterr().out.splitlines()]
    assert ends == ["3 measured, 0 known", "1 measured, 3 known", "0 measured, 3 known"]
    assert [row for row in more if row.path != "new.png"] == first == again
    for name in ("measures.csv", "m.json"):
        assert (tmp_path / "3" / name).read_bytes() == (tmp_path / "1" / name).read_bytes()


def test_a_known_image_need_not_be_there(pictures: Path, tmp_path: Path) -> None:
    first = measured(pictures, tmp_path)
    shutil.rmtree(pictures)
    paths = (tmp_path / "in.csv", pictures, tmp_path / "again.csv", tmp_path / "m.json")
    measure.main("images", *paths)
    assert tables.read(tmp_path / "again.csv", ImageMeasures) == first


def test_another_file_of_a_tile_costs_nothing_but_one_of_a_photograph_does(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its header may tell another quality."""
    pixels = blobs(100, 100)
    png.write(tmp_path / "in" / "a.png", pixels)
    first = [measured(tmp_path / "in", tmp_path, which)[0] for which in measure.ROWS]
    (tmp_path / "in" / "a.png").write_bytes(encoded(pixels, "PNG", compress_level=1))
    again = [measured(tmp_path / "in", tmp_path, which)[0] for which in measure.ROWS]
    assert [row._replace(sha256="") for row in again] == [row._replace(sha256="") for row in first]
    ends = [line.partition(" · ")[2] for line in capsys.readouterr().out.splitlines()]
    assert ends[2:] == ["1 measured, 0 known", "0 measured, 1 known"]


def test_a_file_that_has_changed_ends_the_stage(pictures: Path, tmp_path: Path) -> None:
    tables.write(tmp_path / "in.csv", Item, listed(pictures))
    png.write(pictures / "c ü.png", blobs(100, 80, 3))
    paths = (tmp_path / "in.csv", pictures, tmp_path / "out.csv", tmp_path / "m.json")
    for which in measure.ROWS:
        with pytest.raises(UserError) as raised:
            measure.main(which, *paths)
        assert f"{pictures / 'c ü.png'} has changed since it was listed" in str(raised.value)
        assert not (tmp_path / "out.csv").exists()


def test_a_table_without_images_has_no_measures(tmp_path: Path, run_stage: Stage) -> None:
    tables.write(tmp_path / "in.csv", Item, [])
    done = run_stage("measure", "images", "in.csv", "in", "out/m.csv", "m.json")
    assert (done.stdout, done.stderr) == ("0 images of in · 0 measured, 0 known\n", "")
    header = "path,sha256,blocks,detail,noise,white,black,quality\n"
    assert (tmp_path / "out" / "m.csv").read_text() == header
    assert json.loads((tmp_path / "m.json").read_text()) == {"images": 0}


def test_code_that_only_shapes_the_table_measures_nothing_again() -> None:
    lines = measure.code_fingerprint().splitlines()
    named_files = {line.split()[0] for line in lines}
    assert {
        "numpy",
        "pillow",
        "stages/measure.py",
        "stages/common/measures/blocks.py",
    } < named_files
    assert {"stages/common/pixels/images.py", "stages/common/pixels/jpeg.py"} < named_files
    others = {f"stages/common/{name}.py" for name in ("rows", "tables", "files", "store")}
    assert others & named_files == set()


SLOW = """
import sys, time
from stages import measure
from stages.common import store
from stages.common.cli import run
whole = measure.measured_image
def measured_image(picture, *, root):
    found = whole(picture, root=root)
    if picture.path == "9.png":
        print("waiting", flush=True)
        time.sleep(600)
    return found
measure.measured_image, store.SAVE_SECONDS = measured_image, 600
run(measure.main)
"""


def test_ctrl_c_loses_nothing_that_was_measured(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for i in range(12):
        png.write(tmp_path / "in" / f"{i}.png", blobs(70, 70, i))
    rows = sorted(listed(tmp_path / "in"), key=lambda row: int(row.path.partition(".")[0]))
    tables.write(tmp_path / "in.csv", Item, rows)
    paths = [tmp_path / name for name in ("in.csv", "in", "out.csv", "m.json")]
    command = [sys.executable, "-c", SLOW, *named("measure", ["images", *paths])]
    with subprocess.Popen(
        command, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "waiting\n"
        time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert errors.splitlines()[-1].endswith("interrupted: run `dvc repro` to go on")
    assert not (tmp_path / "out.csv").exists()
    measure.main("images", *paths)
    assert capsys.readouterr().out == f"12 images of {paths[1]} · 3 measured, 9 known\n"


def test_planted_faults_stand_out(photographs: Path, tmp_path: Path) -> None:
    """What the measures are for, from files."""
    with Image.open(photographs / "landscape" / "picosdeeuropa.jpg") as image:
        good = image.resize((318, 239), Image.Resampling.LANCZOS)
    folder = tmp_path / "in"
    folder.mkdir()
    good.save(folder / "good.png")
    good.save(folder / "compressed.jpg", quality=60)
    good.resize((636, 478), Image.Resampling.BICUBIC).save(folder / "enlarged.png")
    noisy = images.read(folder / "good.png") // 2 + random_pixels(239, 318) // 8
    png.write(folder / "noisy.png", noisy)
    rows = {row.path: row for row in measured(folder, tmp_path)}
    assert max(rows, key=lambda path: rows[path].blocks) == "compressed.jpg"
    assert min(rows, key=lambda path: rows[path].detail) == "enlarged.png"
    assert max(rows, key=lambda path: rows[path].noise) == "noisy.png"
    assert {path: row.quality for path, row in rows.items() if row.quality} == {
        "compressed.jpg": 60
    }
    assert store.default_path().is_file()
