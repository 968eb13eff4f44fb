"""Validation: good photographs unlike any that is trained on, and their exact means of blocks."""

import hashlib
import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from stages import validation
from stages.common import tables
from stages.common.candidates import ValidationParams
from stages.common.errors import UserError
from stages.common.files import changed, sha256_of
from stages.common.pixels.images import Pixels, decode, read
from stages.common.pixels.likeness import dhash
from stages.common.rows import Decision, Embedded, Photograph, Rejected, Validation, section_of
from tests.conftest import blobs, encoded, noise, unembedded
from tests.strategies import with_changes

PARAMS = ValidationParams(candidates=100, count=2, picks=[], scales=[2, 4])


def decision(rank: int, path: str, *, kept: bool, sha256: str = "00") -> Decision:
    return Decision(rank, path, section_of(path), sha256, 1, 1 - rank / 1000, kept, "", "")


def prepared(tmp_path: Path, photographs: dict[str, tuple[bytes, bool]]) -> None:
    """The stage's inputs: files by name, and whether they are kept."""
    listed, decisions = [], []
    for rank, (name, (content, kept)) in enumerate(photographs.items(), start=1):
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / name).write_bytes(content)
        pixels, sha256 = decode(content), hashlib.sha256(content).hexdigest()
        listed.append(
            Photograph(
                name, ".", sha256, pixels.shape[1], pixels.shape[0], 1, "", "", dhash(pixels)
            )
        )
        decisions.append(decision(rank, name, kept=kept, sha256=sha256))
    tables.write(tmp_path / "gathered.csv", Photograph, listed)
    tables.write(tmp_path / "decisions.csv", Decision, decisions)
    tables.write(tmp_path / "embeddings.csv", Embedded, unembedded(listed))
    truncated = Rejected("t/half.jpg", "truncated", "broken data stream")
    tables.write(tmp_path / "unreadable.csv", Rejected, [truncated])
    twin = Rejected("twin.png", "exact duplicate", "same file as v.png")
    tables.write(tmp_path / "rejected.csv", Rejected, [twin])


def run(tmp_path: Path, params: ValidationParams) -> list[Validation]:
    names = (
        "in",
        "gathered.csv",
        "embeddings.csv",
        "unreadable.csv",
        "rejected.csv",
        "decisions.csv",
    )
    names += ("out", "out.csv", "m.json")
    validation.main(*(tmp_path / name for name in names), params)
    return tables.read(tmp_path / "out.csv", Validation)


def means_of_blocks(pixels: Pixels, scale: int) -> np.ndarray:
    """(H / scale, W / scale, 3) float64, the exact means."""
    height, width, _ = pixels.shape
    blocks = pixels.reshape(height // scale, scale, width // scale, scale, 3)
    return blocks.sum(axis=(1, 3), dtype=np.int64) / scale**2


def test_lr_images_are_the_means_of_blocks_of_the_cropped_hr_image(tmp_path: Path) -> None:
    photographs = {
        "trained.png": (encoded(blobs(64, 64, 1), "PNG"), True),
        "s/odd size.png": (encoded(noise(67, 82, 2), "PNG"), False),
        "b.jpg": (encoded(noise(60, 61, 3), "JPEG"), False),
    }
    prepared(tmp_path, photographs)
    rows = run(tmp_path, with_changes(PARAMS, scales=[2, 3, 4]))
    assert {row.photograph: (row.width, row.height) for row in rows if row.scale == "hr"} == {
        "s/odd size.png": (72, 60),  # multiples of 12
        "b.jpg": (60, 60),
    }
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["hr", "x2", "x3", "x4"]
    for row in rows:
        assert row.sha256 == sha256_of(tmp_path / "out" / row.path)
        assert read(tmp_path / "out" / row.path).shape == (row.height, row.width, 3)
    for row in [row for row in rows if row.scale == "hr"]:
        whole = decode(photographs[row.photograph][0])
        hr = read(tmp_path / "out" / row.path)
        assert hr.tolist() == whole[: row.height, : row.width].tolist()
        for scale in (2, 3, 4):
            lr = read(tmp_path / "out" / row.path.replace("hr/", f"x{scale}/"))
            assert lr.shape == (row.height // scale, row.width // scale, 3)
            pillow = Image.fromarray(hr).resize(lr.shape[1::-1], Image.Resampling.BOX)
            assert lr.tolist() == np.asarray(pillow).tolist()
            assert np.abs(lr - means_of_blocks(hr, scale)).max() <= 1  # it rounds twice
        assert row.hyperiqa == float(Fraction(1000 - (2 if "odd" in row.photograph else 3), 1000))
    assert json.loads((tmp_path / "m.json").read_text()) == {"photographs": 2}
    assert not {row.photograph for row in rows} & {"trained.png"}


def test_names_have_no_folder_so_that_hr_and_lr_pair_up(tmp_path: Path) -> None:
    photographs = {"k.png": (encoded(blobs(16, 16, 9), "PNG"), True)}
    photographs |= {
        f"{s}/a.png": (encoded(noise(16, 16, i), "PNG"), False) for i, s in enumerate("st")
    }
    prepared(tmp_path, photographs)
    rows = run(tmp_path, PARAMS)
    for name in ("hr", "x2", "x4"):
        files = sorted(
            p.relative_to(tmp_path / "out") for p in (tmp_path / "out" / name).rglob("*.*")
        )
        assert [str(file) for file in files] == [row.path for row in rows if row.scale == name]
    assert len({row.path.partition("/")[2] for row in rows}) == 2


def test_no_validation_at_all_is_an_empty_table(tmp_path: Path) -> None:
    prepared(tmp_path, {"k.png": (encoded(noise(16, 16), "PNG"), True)})
    assert run(tmp_path, with_changes(PARAMS, count=0)) == []
    assert list((tmp_path / "out").rglob("*")) == []


def test_a_photograph_that_is_too_small_for_the_scales_is_told(tmp_path: Path) -> None:
    photographs = {
        "k.png": (encoded(blobs(16, 16, 1), "PNG"), True),
        "small.png": (encoded(noise(16, 11, 2), "PNG"), False),
    }
    prepared(tmp_path, photographs)
    with pytest.raises(UserError) as raised:
        run(tmp_path, with_changes(PARAMS, count=1, scales=[3, 4]))
    small = tmp_path / "in" / "small.png"
    assert str(raised.value) == f"{small} is smaller than 12 px: lower the scales"


def test_a_photograph_that_changed_since_is_told(tmp_path: Path) -> None:
    photographs = {
        "k.png": (encoded(blobs(16, 16, 1), "PNG"), True),
        "v.png": (encoded(noise(16, 16, 2), "PNG"), False),
    }
    prepared(tmp_path, photographs)
    Image.new("RGB", (16, 16)).save(tmp_path / "in" / "v.png")
    with pytest.raises(UserError) as raised:
        run(tmp_path, with_changes(PARAMS, count=1))
    assert str(raised.value) == changed([tmp_path / "in" / "v.png"])


def test_picks_that_can_not_be_taken_end_the_stage_with_what_the_tables_say(
    tmp_path: Path,
) -> None:
    photographs = {
        "k.png": (encoded(blobs(16, 16, 1), "PNG"), True),
        "v.png": (encoded(noise(16, 16, 2), "PNG"), False),
    }
    prepared(tmp_path, photographs)
    with pytest.raises(UserError) as raised:
        run(tmp_path, with_changes(PARAMS, picks=["v.png", "t/half.jpg", "twin.png"]))
    assert str(raised.value) == (
        "validation.picks: t/half.jpg may not be used: truncated, broken data stream: mend the "
        "file, or pick another; twin.png may not be used: exact duplicate, same file as v.png: "
        "pick that one; the candidates are v.png (0.9980): see "
        "reports/pick.html, which `dvc repro pick` makes"
    )
    assert not (tmp_path / "out").exists()
