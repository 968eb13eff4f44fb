"""Score: one score a file, from the store where it is known, and the same either way."""

import json
import math
import shutil
from importlib import metadata
from pathlib import Path

import numpy as np
import openvino
import pytest
import torch
from PIL import Image, ImageFilter

from stages import score
from stages.common import store, tables
from stages.common.errors import UserError
from stages.common.hyperiqa import backends, crops, scorer, sizes
from stages.common.hyperiqa.backends import Network
from stages.common.hyperiqa.checkpoints import Checkpoint
from stages.common.hyperiqa.scorer import fingerprint
from stages.common.params import faults
from stages.common.pixels import png
from stages.common.pixels.images import resize
from stages.common.rows import Item, Score
from stages.common.scores import ScoreStore
from stages.score import ScoreParams, finite
from tests.conftest import REPOSITORY, blobs, encoded, item

pytestmark = pytest.mark.usefixtures("compiled_once")

WEIGHTS = REPOSITORY / "data" / "weights"
COMPILE = backends.network_on  # before a test replaces it
PARAMS = ScoreParams(model="builtin", crops="cover", size="native", device="cpu", precision="auto")

NAMES = {f"{i:064x}": f"{i}.png" for i in range(5)}  # of images, by their hashes


def listed(folder: Path) -> list[Item]:
    """Rows of every image below a folder, in no helpful order."""
    paths = sorted(folder.rglob("*.*"), reverse=True)
    return [item(folder, path.relative_to(folder).as_posix()) for path in paths]


def scored(
    folder: Path, out: Path, params: ScoreParams = PARAMS, which: str = "images"
) -> list[Score]:
    """Run the stage; gives its table."""
    tables.write(out / "in.csv", Item, listed(folder))
    score.main(which, out / "in.csv", folder, WEIGHTS, out / "scores.csv", out / "m.json", params)
    return tables.read(out / "scores.csv", Score)


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Four pictures, two of them the same file."""
    for i, name in enumerate(("s/b.png", "s/a.png", "c ü.png")):
        png.write(tmp_path / "in" / name, blobs(224, 224 + 20 * i, i))
    shutil.copyfile(tmp_path / "in" / "s/a.png", tmp_path / "in" / "copy.png")
    return tmp_path / "in"


def test_every_row_has_a_score_by_path(
    pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = scored(pictures, tmp_path)
    assert [(r.path, r.sha256) for r in rows] == sorted(
        (i.path, i.sha256) for i in listed(pictures)
    )
    by_path = {row.path: row.hyperiqa for row in rows}
    assert by_path["copy.png"] == by_path["s/a.png"]
    assert len(set(by_path.values())) == 3
    values = [row.hyperiqa for row in rows]
    numbers = json.loads((tmp_path / "m.json").read_text())
    assert numbers["images"] == 4
    assert abs(numbers["mean"] - math.fsum(values) / 4) <= 1.1e-6
    assert (numbers["min"], numbers["max"]) == (min(values), max(values))
    assert (numbers["scorer"]["device"], numbers["scorer"]["precision"]) == ("cpu", "fp32")
    best, worst = max(rows, key=lambda r: r.hyperiqa), min(rows, key=lambda r: r.hyperiqa)
    assert capsys.readouterr().out == (
        f"average hyperiqa score of {pictures} with 4 images is {numbers['mean']:.6f}"
        f" · best {best.hyperiqa:.6f} {best.path} · worst {worst.hyperiqa:.6f} {worst.path}"
        " · 3 scored, 0 known\n"
    )


def test_what_is_known_is_not_scored_again_and_gives_the_same_table(
    pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = scored(pictures, tmp_path / "1")
    assert capsys.readouterr().out.endswith(" · 3 scored, 0 known\n")
    png.write(pictures / "new.png", blobs(230, 230, 9))
    more = scored(pictures, tmp_path / "2")
    assert capsys.readouterr().out.endswith(" · 1 scored, 3 known\n")
    assert [row for row in more if row.path != "new.png"] == first
    (pictures / "new.png").unlink()
    again = scored(pictures, tmp_path / "3")
    assert capsys.readouterr().out.endswith(" · 0 scored, 3 known\n")
    assert again == first
    for name in ("scores.csv", "m.json"):
        assert (tmp_path / "3" / name).read_bytes() == (tmp_path / "1" / name).read_bytes()


def test_a_known_image_need_not_be_there(pictures: Path, tmp_path: Path) -> None:
    first = scored(pictures, tmp_path)
    shutil.rmtree(pictures)
    paths = (tmp_path / "in.csv", pictures, WEIGHTS, tmp_path / "again.csv", tmp_path / "m.json")
    score.main("images", *paths, PARAMS)
    assert tables.read(tmp_path / "again.csv", Score) == first


def test_a_faster_precision_tells_its_error(
    pictures: Path,
    tmp_path: Path,
    network: Network,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def network_on(device: str, precision: str, given: Checkpoint) -> Network:
        return network if precision == "fp32" else COMPILE(device, precision, given)

    monkeypatch.setattr(backends, "network_on", network_on)
    exact = scored(pictures, tmp_path / "fp32")
    fast = scored(pictures, tmp_path / "bf16", PARAMS.model_copy(update={"precision": "bf16"}))
    message = capsys.readouterr().out.splitlines()[1]
    error = max(abs(a.hyperiqa - b.hyperiqa) for a, b in zip(exact, fast, strict=True))
    assert message == (
        f"cpu bf16 agrees with cpu fp32 on 5 crops of 3 of these images: largest error {error:.2g},"
        " allowed 0.15"
    )
    assert 0 < error < 0.02
    numbers = json.loads((tmp_path / "bf16" / "m.json").read_text())
    assert (numbers["scorer"]["device"], numbers["scorer"]["precision"]) == ("cpu", "bf16")


def test_a_table_without_images_has_no_scores(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "in").mkdir()
    assert scored(tmp_path / "in", tmp_path) == []
    assert json.loads((tmp_path / "m.json").read_text())["images"] == 0
    assert capsys.readouterr().out == f"no image in {tmp_path / 'in'}\n"


def test_scorers_that_differ_have_other_fingerprints() -> None:
    prints = [
        fingerprint(weights, policy, device, precision, edge)
        for weights in ("00", "01")
        for policy in ("cover", "pyiqa")
        for device, precisions in backends.PRECISIONS.items()
        for precision in precisions
        for edge in (None, 512, 1024)
    ]
    assert len(set(prints)) == len(prints)


def test_the_cpus_fingerprint_stays_so_that_no_score_is_lost() -> None:
    assert fingerprint("00", "cover", "cpu", "fp32") == (
        f"hyperiqa 00 cover {crops.POLICIES['cover']} scorer {scorer.VERSION} fp32 "
        f"openvino {openvino.__version__.partition('-')[0]}"
    )


def test_another_version_of_what_computes_has_other_scores(monkeypatch: pytest.MonkeyPatch) -> None:
    before = fingerprint("00", "cover", "cuda", "fp16")
    assert before.endswith(f" cuda fp16 torch {torch.__version__.partition('+')[0]}")
    monkeypatch.setattr(metadata, "version", lambda package: f"{package} of tomorrow+cu128")
    assert fingerprint("00", "cover", "cuda", "fp16").endswith(" torch torch of tomorrow")


def test_another_file_of_the_same_pixels_costs_no_score(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    pixels = blobs(300, 300)
    png.write(folder / "a.png", pixels)
    (first,) = scored(folder, tmp_path / "first")
    (folder / "a.png").unlink()
    (folder / "b.png").write_bytes(encoded(pixels, "PNG", compress_level=1))
    (folder / "c.bmp").write_bytes(encoded(pixels, "BMP"))
    rows = scored(folder, tmp_path / "again")
    assert [row.hyperiqa for row in rows] == [first.hyperiqa] * 2
    assert len({row.sha256 for row in [first, *rows]}) == 3
    assert "0 scored, " in capsys.readouterr().out.splitlines()[-1]


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_score_that_is_no_number_ends_the_stage_and_is_not_kept(
    tmp_path: Path, value: float
) -> None:
    score_store = ScoreStore(tmp_path / "scores.sqlite", "scorer")
    given = [(f"{1:064x}", 0.5), (f"{2:064x}", value)]
    with pytest.raises(UserError) as raised:
        list(store.saved(finite(given, NAMES), score_store.put))
    assert str(raised.value) == f"the network gives {value} for 2.png: use other weights"
    assert score_store.get([f"{1:064x}", f"{2:064x}"]) == {f"{1:064x}": 0.5}


def test_a_photograph_scores_higher_than_its_ruin(photographs: Path, tmp_path: Path) -> None:
    """The one thing a scorer is for; any good weights pass."""
    image = Image.open(photographs / "landscape" / "picosdeeuropa.jpg")
    (tmp_path / "in").mkdir()
    image.save(tmp_path / "in" / "good.png")
    image.filter(ImageFilter.GaussianBlur(4)).save(tmp_path / "in" / "blurred.png")
    image.save(tmp_path / "in" / "compressed.jpg", quality=4)
    values = {row.path: row.hyperiqa for row in scored(tmp_path / "in", tmp_path)}
    assert max(values, key=lambda path: values[path]) == "good.png"


def test_a_size_is_for_photographs_and_no_score_of_it_for_another(
    photographs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two pictures, a large and a small one, as photographs and as tiles, from one store."""
    folder = tmp_path / "in"
    folder.mkdir()
    large = np.asarray(Image.open(photographs / "objects" / "wine.jpg").convert("RGB"))
    png.write(folder / "large.png", large)
    png.write(folder / "small.png", blobs(224, 230))
    native = scored(folder, tmp_path / "native")
    at_224 = PARAMS.model_copy(update={"size": 224})
    fitted = scored(folder, tmp_path / "224", at_224)
    assert [line.split(" · ")[-1] for line in capsys.readouterr().out.splitlines()] == [
        "2 scored, 0 known"
    ] * 2
    assert scored(folder, tmp_path / "tiles", at_224, "subimages") == native
    assert capsys.readouterr().out.endswith(" · 0 scored, 2 known\n")
    assert fitted[0].hyperiqa != native[0].hyperiqa
    assert fitted[1] == native[1]
    (folder / "large.png").unlink()
    fitted_to = sizes.fitted(large.shape[1], large.shape[0], 224)
    png.write(folder / "large.png", resize(large, *fitted_to, Image.Resampling.LANCZOS))
    assert scored(folder, tmp_path / "copy")[0].hyperiqa == fitted[0].hyperiqa
    made = {
        name: json.loads((tmp_path / name / "m.json").read_text())["scorer"]
        for name in ("native", "224", "tiles")
    }
    assert made["224"] == made["tiles"] == made["native"] | {"photographs_short_edge": 224}


def test_a_size_can_not_be_had_with_crops_that_resize_themselves() -> None:
    values = PARAMS.model_dump() | {"crops": "original", "size": 512}
    assert faults(ScoreParams, "score", values) == [
        "score.size must be native for crops: original, which resizes every image itself, got 512"
    ]
