"""Screen: every photograph may be used or has its first reason; no evaluation image gets in."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from stages import screen
from stages.common import decision, tables
from stages.common.errors import UserError
from stages.common.near import alike
from stages.common.near.alike import EVALUATION, Look
from stages.common.near.known import Evaluated, Known
from stages.common.pixels.images import Pixels, decode, pixels_sha256
from stages.common.pixels.likeness import NEAR_BITS, dhash
from stages.common.rows import Embedded, Photograph, Rejected, Unreadable, section_of
from stages.common.screening import ScreenParams, evaluation_copies, rules
from tests.conftest import blobs, encoded, noise, unembedded
from tests.strategies import with_changes

PARAMS = ScreenParams(min_short_edge=32, exclude=[], evaluation_sets=[], known_sets=True)
SET = ["data/evaluation/set 1"]
NOT_UTF_8 = b"caf\xe9".decode(errors="surrogateescape")


def row(path: str, pixels: str = "", bits: str = "0" * 64, **more: object) -> Photograph:
    """Of a photograph unlike any other, unless it is said."""
    facts = Photograph(
        path, section_of(path), path, 100, 100, 1000, "PNG RGB", pixels or path, bits
    )
    return facts._replace(**more)


def facts(path: str, pixels: Pixels) -> Photograph:
    height, width, _ = pixels.shape
    return row(path, pixels_sha256(pixels), dhash(pixels), width=width, height=height)


def screened(
    tmp_path: Path,
    rows: list[Photograph],
    params: ScreenParams = PARAMS,
    evaluation: list[Photograph] | None = None,
    unreadable: list[Unreadable] | None = None,
    known: list[Known] | None = None,
    embeddings: dict[str, str] | None = None,
) -> tuple[list[str], dict[str, tuple[str, str]]]:
    """Run the stage; the paths that may be used, and reason and detail of the others."""
    names = ("g.csv", "e.csv", "u.csv", "ge.csv", "ee.csv", "k.csv")
    names += ("screened.csv", "rejected.csv", "m.json")
    for name, photographs in (("ge.csv", rows), ("ee.csv", evaluation or [])):
        codes = [
            row._replace(embedding=(embeddings or {}).get(row.path, row.embedding))
            for row in unembedded(photographs)
        ]
        tables.write(tmp_path / name, Embedded, codes)
    tables.write(tmp_path / "k.csv", Known, known or [])
    tables.write(tmp_path / "g.csv", Photograph, rows)
    tables.write(tmp_path / "e.csv", Photograph, evaluation or [])
    tables.write(tmp_path / "u.csv", Unreadable, unreadable or [])
    screen.main(*(tmp_path / name for name in names), params)
    kept = tables.read(tmp_path / "screened.csv", Photograph)
    rejected = tables.read(tmp_path / "rejected.csv", Rejected)
    assert sorted([r.path for r in kept] + [r.path for r in rejected]) == sorted(
        r.path for r in rows
    )
    assert [kept, rejected] == [sorted(kept), sorted(rejected)]
    assert {r.path: r for r in rows}.items() >= {r.path: r for r in kept}.items()
    metrics = json.loads((tmp_path / "m.json").read_text())
    assert (metrics["images"], metrics["usable"]) == (len(rows), len(kept))
    assert sum(metrics["rejected"].values()) == len(rejected)
    return [r.path for r in kept], {r.path: (r.reason, r.detail) for r in rejected}


def test_the_first_reason_counts(tmp_path: Path) -> None:
    rows = [
        row("a.png"),
        row("out/small.png", width=10),
        row("small.png", "p", width=40, height=31),
        row("twin.png", "p"),
        row("twin too.png", "p"),
        row(f"{NOT_UTF_8}.png"),
    ]
    kept, rejected = screened(tmp_path, rows, with_changes(PARAMS, exclude=["out/*"]))
    assert kept == ["a.png", f"{NOT_UTF_8}.png", "twin too.png"]
    assert rejected == {
        "out/small.png": ("excluded", "matches 'out/*' of screen.exclude"),
        "small.png": ("too small", "40x31 px, the short edge must be 32 or more"),
        "twin.png": ("exact duplicate", "same pixels as twin too.png"),
    }


@pytest.mark.parametrize(
    ("pattern", "left_out"),
    [
        ("*/test-*", {"a/test-1.png", "a/b/test-2.png"}),
        ("a/*", {"a/test-1.png", "a/b/test-2.png", "a/x.png"}),
        ("x.png", set()),
        ("*X.png", set()),
        ("top.png", {"top.png"}),
        ("?op.png", {"top.png"}),
    ],
)
def test_patterns_are_of_whole_paths(tmp_path: Path, pattern: str, left_out: set[str]) -> None:
    names = ("a/test-1.png", "a/b/test-2.png", "a/x.png", "top.png", "b.png")
    rows = [row(name) for name in names]
    _, rejected = screened(tmp_path, rows, with_changes(PARAMS, exclude=[pattern]))
    assert rejected.keys() == left_out


def test_the_same_file_twice_is_told_as_such(tmp_path: Path) -> None:
    rows = [row("copy.jpg", "p", sha256="00"), row("one.jpg", "p", sha256="00")]
    _, rejected = screened(tmp_path, rows)
    assert rejected == {"one.jpg": ("exact duplicate", "same file as copy.jpg")}


@given(st.lists(st.integers(0, 4), max_size=20))
def test_exactly_one_of_a_group_of_duplicates_stays(kinds: list[int]) -> None:
    rows = [row(f"{i:02}.png", f"pixels {kind}") for i, kind in enumerate(kinds)]
    dropped = decision.decide(rows, rules(PARAMS, {}, []))
    kept = [r.pixels for r in rows if r.path not in dropped]
    assert kept == list(dict.fromkeys(f"pixels {kind}" for kind in kinds))


def test_evaluation_images_are_known_by_their_content(tmp_path: Path) -> None:
    first, second = blobs(120, 160, 1), decode(encoded(blobs(100, 100, 2), "JPEG"))
    half = np.asarray(Image.fromarray(first).resize((80, 60), Image.Resampling.LANCZOS))
    compressed = decode(encoded(half, "JPEG", quality=60))
    rows = [
        facts("renamed.png", first),
        facts("second.png", second),
        facts("half.jpg", compressed),
        facts("unrelated.jpg", blobs(120, 160, 3)),
        facts("mirrored.png", first[:, ::-1].copy()),
    ]
    evaluation = [facts("set 1/0001.png", first), facts("set 1/deep/0002.jpg", second)]
    evaluation += [facts("set 2/0003.png", blobs(120, 160, 3))]  # not one of the sets
    params = with_changes(PARAMS, evaluation_sets=SET)
    kept, rejected = screened(tmp_path, rows, params, evaluation)
    assert kept == ["mirrored.png", "unrelated.jpg"]
    assert {reason for reason, _ in rejected.values()} == {"evaluation set"}
    assert rejected["renamed.png"][1] == f"same pixels as {SET[0]}/0001.png"
    assert rejected["second.png"][1] == f"same pixels as {SET[0]}/deep/0002.jpg"
    assert rejected["half.jpg"][1].endswith(f" of 256 bits from {SET[0]}/0001.png")


@pytest.mark.parametrize(("bits", "found"), [(0, True), (NEAR_BITS, True), (NEAR_BITS + 1, False)])
def test_the_limit_of_likeness(bits: int, found: bool) -> None:
    one = row("a.png", "00", f"{2**bits - 1:064x}")
    evaluation = [row("e/far.png", "01", "f" * 64), row("e/x.png", "02", "0" * 64)]
    message = {"a.png": ("evaluation set", f"{bits} of 256 bits from e/x.png")}
    there = [Evaluated(r.path, r.pixels, Look(r.dhash, alike.UNKNOWN)) for r in evaluation]
    assert evaluation_copies([one], {}, there) == (message if found else {})


@pytest.mark.parametrize("share", [0.0, 0.9, 1.1])
def test_an_embedding_that_is_near_tells_an_evaluation_image(tmp_path: Path, share: float) -> None:
    """Where hashes tell nothing, as of a cropped copy."""
    cosine = 1 - share * EVALUATION.distance
    numbers = np.zeros(128)
    numbers[:2] = cosine, np.sqrt(1 - cosine**2)
    near, first = (bytes(np.rint(127 * n).astype(np.int8)).hex() for n in (numbers, np.eye(128)[0]))
    rows = [row("a.png", bits="f" * 64), row("other.png", bits="3" * 64)]
    kept, rejected = screened(
        tmp_path,
        rows,
        with_changes(PARAMS, evaluation_sets=SET),
        [row("set 1/e.png"), row("set 1/f.png", bits="7" * 64)],
        embeddings={"a.png": near, "set 1/f.png": first},
    )
    if share > 1:
        assert (kept, rejected) == (["a.png", "other.png"], {})
    else:
        assert kept == ["other.png"]
        reason, detail = rejected["a.png"]
        assert reason == "evaluation set"
        assert detail == f"a distance of {distance_of(near, first):.3f} from {SET[0]}/f.png"


def distance_of(one: str, other: str) -> float:
    a, b = (np.frombuffer(bytes.fromhex(code), np.int8).astype(float) for code in (one, other))
    return float(1 - a @ b / np.sqrt((a @ a) * (b @ b)))


def test_public_test_sets_are_known_without_their_pictures(tmp_path: Path) -> None:
    first = blobs(120, 160, 1)
    its = facts("x", first)
    mirrored = dhash(first[:, ::-1].copy())
    known = [Known("Set5", "bird", "whole", its.pixels, its.dhash, mirrored, alike.UNKNOWN)]
    rows = [
        facts("same.png", first),
        facts("mirrored.jpg", decode(encoded(first[:, ::-1].copy(), "JPEG"))),
        facts("unrelated.jpg", blobs(120, 160, 3)),
    ]
    kept, rejected = screened(tmp_path, rows, known=known)
    assert kept == ["unrelated.jpg"]
    assert rejected["same.png"] == ("evaluation set", "same pixels as Set5 bird")
    assert rejected["mirrored.jpg"][1].endswith(" of 256 bits from Set5 bird")
    off = with_changes(PARAMS, known_sets=False)
    assert screened(tmp_path, rows, off, known=known)[1] == {}


def test_a_photograph_without_its_embedding_is_told(tmp_path: Path) -> None:
    screened(tmp_path, [row("a.png")])
    tables.write(tmp_path / "g.csv", Photograph, [row("a.png", sha256="another file")])
    names = ("g.csv", "e.csv", "u.csv", "ge.csv", "ee.csv", "k.csv", "s.csv", "r.csv", "m.json")
    with pytest.raises(UserError, match=r"^a.png has no embedding in data/embeddings: run `dvc r"):
        screen.main(*(tmp_path / name for name in names), PARAMS)


@pytest.mark.parametrize(
    ("sets", "message"),
    [
        (["elsewhere/set"], "elsewhere/set must be a folder below data/evaluation"),
        (["data/evaluation/none"], "data/evaluation/none holds no image: check the set"),
        (
            ["data/evaluation/bad"],
            "data/evaluation/bad/cut.png is truncated (cut short): mend it, or take it out",
        ),
    ],
)
def test_a_set_that_can_not_be_used_is_told(tmp_path: Path, sets: list[str], message: str) -> None:
    """An image can't be kept out of training if nobody knows what is in it."""
    evaluation = [row("bad/a.png"), row("set 1/a.png")]
    unreadable = [
        Unreadable("bad/README", "not an image", "looks like text", 9, ""),
        Unreadable("bad/cut.png", "truncated", "cut short", 9, ""),
    ]
    params = with_changes(PARAMS, evaluation_sets=sets)
    with pytest.raises(UserError) as raised:
        screened(tmp_path, [row("x.png")], params, evaluation, unreadable)
    assert str(raised.value) == f"screen.evaluation_sets: {message}"


def test_what_is_not_recognised_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    params = with_changes(PARAMS, evaluation_sets=SET)
    screened(tmp_path, [facts("a.png", noise(40, 40))], params, [facts("set 1/b.png", noise(9, 9))])
    assert capsys.readouterr().out.splitlines()[-1] == screen.KEPT_OUT


def test_a_source_without_photographs_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"^none of the 1 images .* can be used · 1 too small: put"):
        screened(tmp_path, [row("a.png", width=3)])
    with pytest.raises(UserError, match=r"^none of the 0 images .* can be used: put"):
        screened(tmp_path, [])


def test_seventy_thousand_rows_take_seconds(tmp_path: Path) -> None:
    """Not by a clock, which lies on a busy machine: no row is looked at against each other."""
    rows = [row(f"s{i % 7}/{i:05}.jpg", bits=f"{i * 2**200:064x}") for i in range(70_000)]
    params = with_changes(PARAMS, exclude=["s3/*"], evaluation_sets=SET)
    kept, rejected = screened(tmp_path, rows, params, [row("set 1/a.png", bits="f" * 64)])
    assert (len(kept), len(rejected)) == (60_000, 10_000)
