"""Known sets: a row for every view of every image, and a clone that lacks some is refused."""

from pathlib import Path

import pytest

from stages.common import files, tables
from stages.common.near import embedder, known
from stages.common.near.embedder import Embedder
from stages.common.near.known import Known
from stages.common.pixels import images, png
from stages.common.pixels.likeness import dhash
from stages.tools import known_sets
from tests.conftest import REPOSITORY, blobs


@pytest.fixture
def clones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Two clones of small sets, as options of the tool."""
    counts = {"Set5": 2, "Set14": 1, "BSD100": 1, "Urban100": 1, "Kodak": 2}
    monkeypatch.setattr(known_sets, "COUNTS", counts)
    for seed, (name, count) in enumerate(counts.items()):
        for i in range(1, count + 1):
            path = tmp_path / f"exsr/data/{name}/image_SRF_2/img_{i:03}_SRF_2_HR.png"
            if name == "Kodak":
                path = tmp_path / f"kodak/PhotoCD_PCD0992/{i:02}.png"
            png.write(path, blobs(60, 80, 10 * seed + i))
    return ["--selfexsr", str(tmp_path / "exsr"), "--kodak", str(tmp_path / "kodak")]


def run(monkeypatch: pytest.MonkeyPatch, clones: list[str], table: Path) -> None:
    monkeypatch.setattr("sys.argv", ["known_sets", *clones, "--table", str(table)])
    monkeypatch.setattr(known_sets, "WEIGHTS", Path("data/weights"))
    known_sets.main()


def test_each_view_of_each_image_is_a_row(
    clones: list[str],
    tmp_path: Path,
    compiled_embedder: Embedder,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(embedder, "load", lambda folder: compiled_embedder)
    run(monkeypatch, clones, tmp_path / "known.csv")
    rows = tables.read(tmp_path / "known.csv", Known)
    names = [("Set5", "img_001"), ("Set5", "img_002"), ("Set14", "img_001"), ("BSD100", "img_001")]
    names += [("Urban100", "img_001"), ("Kodak", "kodim01"), ("Kodak", "kodim02")]
    expected = [(*name, view) for name in names for view in known_sets.VIEWS]
    assert [(row.set, row.image, row.view) for row in rows] == expected
    first = images.read(tmp_path / "exsr/data/Set5/image_SRF_2/img_001_SRF_2_HR.png")
    assert rows[0].view == known.WHOLE
    assert rows[0].pixels == images.pixels_sha256(first)
    assert (rows[0].dhash, rows[0].mirrored) == (dhash(first), dhash(first[:, ::-1].copy()))
    said = "2 of Set5, 1 of Set14, 1 of BSD100, 1 of Urban100, 2 of Kodak"
    assert capsys.readouterr().out.splitlines()[-1] == f"{tmp_path / 'known.csv'}: {said}"


def test_a_clone_that_is_not_whole_is_refused(clones: list[str], tmp_path: Path) -> None:
    (tmp_path / "kodak/PhotoCD_PCD0992/01.png").unlink()
    paths = {"selfexsr": tmp_path / "exsr", "kodak": tmp_path / "kodak"}
    with pytest.raises(known_sets.UserError, match=r"1 files, Kodak has 2: is it a whole clone"):
        list(known_sets.views(paths))


def test_a_view_is_the_middle_of_the_picture() -> None:
    pixels = blobs(50, 101, 1)
    assert known_sets.view(pixels, 1.0).tolist() == pixels.tolist()
    assert known_sets.view(pixels, 0.8).tolist() == pixels[5:45, 10:91].tolist()


def test_the_table_was_made_with_the_weights_that_are_there() -> None:
    text = (REPOSITORY / "data/known_sets.md").read_text()
    for name in ("embedding", "builtin"):
        path = f"data/weights/{name}.safetensors"
        assert f"{files.sha256_of(REPOSITORY / path)}  {path}\n" in text, path
