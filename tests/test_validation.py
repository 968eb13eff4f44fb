"""Validation: good photographs unlike any that is trained on, and their exact means of blocks."""

import hashlib
import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from stages import validation
from stages.common import tables
from stages.common.errors import UserError
from stages.common.files import changed, sha256_of
from stages.common.pixels.images import Pixels, decode, read
from stages.common.pixels.likeness import NEAR_BITS, dhash
from stages.common.tables import Decision, Photograph, Validation
from stages.validation import APART_BITS, ValidationParams, candidates, choose
from tests.conftest import blobs, encoded, noise
from tests.strategies import with_changes

PARAMS = ValidationParams(candidates=100, count=2, picks=[], scales=[2, 4])


def decision(rank: int, path: str, *, kept: bool, sha256: str = "00") -> Decision:
    return Decision(rank, path, tables.section_of(path), sha256, 1, 1 - rank / 1000, kept, "", "")


def bits(*ones: range) -> str:
    """A hash with ones at these bits."""
    return f"{sum(1 << i for some in ones for i in some):064x}"


def differ(a: str, b: str) -> int:
    return (int(a, 16) ^ int(b, 16)).bit_count()


@st.composite
def ranked_hashes(draw: st.DrawFn) -> tuple[list[Decision], dict[str, str]]:
    """Ranked photographs of a few kinds: some are near to each other, some not too far."""
    kinds = [bits(range(64 * k, 64 * k + 64)) for k in range(4)]
    rows, hashes = [], {}
    for rank in range(1, draw(st.integers(2, 14))):
        path = f"{rank:02}.jpg"
        noise_bits = draw(st.integers(0, 70))
        kind = int(draw(st.sampled_from(kinds)), 16) ^ ((1 << noise_bits) - 1)
        hashes[path] = f"{kind:064x}"
        rows.append(decision(rank, path, kept=draw(st.booleans())))
    return rows, hashes


@given(ranked_hashes(), st.integers(0, 5), st.integers(1, 10))
def test_what_is_chosen_is_unlike_training_and_each_other(
    drawn: tuple[list[Decision], dict[str, str]], count: int, most: int
) -> None:
    rows, hashes = drawn
    training = [hashes[row.path] for row in rows if row.kept]
    rest = [row for row in rows if not row.kept][:most]
    expected: list[Decision] = []  # the rule, written out
    for row in rest:
        far = all(differ(hashes[row.path], other) > NEAR_BITS for other in training)
        apart = all(differ(hashes[row.path], hashes[e.path]) >= APART_BITS for e in expected)
        if far and apart and len(expected) < count:
            expected.append(row)
    params = with_changes(PARAMS, count=count, candidates=most)
    if len(expected) == count:
        assert choose(rows, hashes, params) == expected
    else:
        with pytest.raises(UserError) as raised:
            choose(rows, hashes, params)
        assert f"asks for {count}, but of the {len(rest)} next best" in str(raised.value)
        assert f"only {len(expected)} differ" in str(raised.value)


FAR = {f"{name}.jpg": bits(range(i * 70, i * 70 + 70)) for i, name in enumerate("abc")}


def test_the_next_best_are_taken() -> None:
    rows = [decision(i, name, kept=i == 1) for i, name in enumerate(FAR, start=1)]
    assert choose(rows, FAR, PARAMS) == rows[1:]
    assert choose(rows, FAR, with_changes(PARAMS, count=1)) == rows[1:2]


def test_none_are_taken_where_none_are_asked_for() -> None:
    rows = [decision(i, name, kept=i == 1) for i, name in enumerate(FAR, start=1)]
    assert choose(rows, FAR, with_changes(PARAMS, count=0)) == []


def test_picks_are_taken_in_their_order_and_once() -> None:
    rows = [decision(i, name, kept=i == 1) for i, name in enumerate(FAR, start=1)]
    params = with_changes(PARAMS, picks=["c.jpg", "b.jpg", "c.jpg"], count=1)
    assert choose(rows, FAR, params) == [rows[2], rows[1]]


@pytest.mark.parametrize(
    ("pick", "message"),
    [
        ("a.jpg", "a.jpg is trained on: run `dvc repro`"),
        (
            "near.jpg",
            "near.jpg is nearly the same picture as a.jpg, which is trained on: pick another, or "
            "name that one in screen.exclude",
        ),
        (
            "bb.jpg",
            "bb.jpg is no photograph that may be used: did you mean b.jpg? look it up in "
            "data/tables/screened.csv, or why not in rejected.csv",
        ),
        (
            "portrait of a man.tif",
            "portrait of a man.tif is no photograph that may be used: look it up in "
            "data/tables/screened.csv, or why not in rejected.csv",
        ),
    ],
)
def test_a_pick_that_can_not_be_taken_is_told(pick: str, message: str) -> None:
    hashes = FAR | {"near.jpg": bits(range(70 - NEAR_BITS))}
    rows = [decision(i, name, kept=i == 1) for i, name in enumerate(hashes, start=1)]
    with pytest.raises(UserError) as raised:
        choose(rows, hashes, with_changes(PARAMS, picks=["b.jpg", pick]))
    assert str(raised.value) == f"validation.picks: {message}"


def test_a_pick_is_taken_whatever_its_rank() -> None:
    rows = [decision(i, name, kept=i == 2) for i, name in enumerate(FAR, start=1)]
    params = with_changes(PARAMS, picks=["a.jpg"], candidates=1)
    assert choose(rows, FAR, params) == rows[:1]


def test_candidates_come_from_each_sections_next_best() -> None:
    paths = ["a/1.jpg", "a/2.jpg", "a/3.jpg", "b/1.jpg", "c/1.jpg", "b/2.jpg"]
    rows = [decision(i, path, kept=path == "a/1.jpg") for i, path in enumerate(paths, start=1)]
    rows[4] = rows[4]._replace(reason="section c is left out")
    assert [row.path for row in candidates(rows, 3)] == ["a/2.jpg", "b/1.jpg", "a/3.jpg"]


def test_a_pick_may_be_like_another_pick() -> None:
    hashes = FAR | {"b2.jpg": FAR["b.jpg"]}
    rows = [decision(i, name, kept=i == 1) for i, name in enumerate(hashes, start=1)]
    params = with_changes(PARAMS, picks=["b.jpg", "b2.jpg"])
    assert [row.path for row in choose(rows, hashes, params)] == ["b.jpg", "b2.jpg"]


def test_too_few_are_told_with_the_numbers() -> None:
    hashes = FAR | {"b2.jpg": FAR["b.jpg"], "a2.jpg": FAR["a.jpg"]}
    rows = [decision(i, name, kept=i == 1) for i, name in enumerate(hashes, start=1)]
    with pytest.raises(UserError) as raised:
        choose(rows, hashes, with_changes(PARAMS, count=3))
    assert str(raised.value) == (
        "validation.count asks for 3, but of the 4 next best photographs only 2 differ from the "
        "training ones and from each other: lower it, keep fewer by cutoff.images, or add "
        "photographs"
    )


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


def run(tmp_path: Path, params: ValidationParams) -> list[Validation]:
    names = ("in", "gathered.csv", "decisions.csv", "out", "out.csv", "m.json")
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
