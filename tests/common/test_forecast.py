"""Forecast: never less tiles than there will be, never more bytes than there must be."""

from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from stages.common import sources
from stages.common.disk import LEAST_BYTES
from stages.common.forecast import (
    Sizes,
    faults,
    fewest,
    least_bytes,
    most_tiles,
    section_faults,
    size_notes,
    some_sizes,
)
from stages.common.pixels import png
from stages.common.rows import Folder, Scaled
from stages.multiscale import MultiscaleParams, sizes
from stages.subimages import SubimagesParams, boxes
from tests.conftest import noise
from tests.project import cutoffs
from tests.strategies import scalings, sides, windows

every = st.lists(st.tuples(sides, sides), min_size=1, max_size=5)


def sections(count: int | None, **more: Any) -> dict[str, Any]:
    plain = {
        "cutoff": cutoffs(count, count),
        "multiscale": {"scales": [1, 0.75], "shortest_edge": 512},
        "subimages": {"size": 512, "step": 240, "threshold": 0, "spacing": "step", "files": "all"},
    }
    return plain | more


def tiles_of(size: tuple[int, int], scaling: MultiscaleParams, cropping: SubimagesParams) -> int:
    """As the stages cut them; a scale that would enlarge is left out."""
    scaled = [s for s in sizes(*size, scaling).values() if s[0] <= size[0] and s[1] <= size[1]]
    rows = [Scaled("", "", "", "", w, h, "", "", "", *size) for w, h in set(scaled)]
    return sum(len(boxes(row, cropping)) for row in rows)


@given(every, scalings, windows)
def test_there_are_never_more_tiles_than_forecast(
    photos: list[tuple[int, int]], scaling: MultiscaleParams, cropping: SubimagesParams
) -> None:
    params = sections(None, multiscale=scaling.model_dump(), subimages=cropping.model_dump())
    assert sum(tiles_of(size, scaling, cropping) for size in photos) <= most_tiles(params, photos)


def test_the_largest_photographs_give_the_most_tiles() -> None:
    assert most_tiles(sections(1), [(512, 512), (752, 512)]) == 2 + 2
    assert most_tiles(sections(None), [(512, 512), (752, 512)]) == 2 + 4


def test_the_smallest_photographs_take_the_least_room(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    known = Sizes([(1000, 600), (512, 512)], 1.0, frozenset("a"))
    whole, smaller, tile = 512 * 512, 384 * 384, 512 * 512
    assert least_bytes(sections(1), known) == (whole + smaller + tile) * LEAST_BYTES
    assert least_bytes(sections(2), known._replace(share=0.5)) == 2 * least_bytes(
        sections(1), known
    )
    assert least_bytes(sections(None), known) == 0
    Path("data/hr").mkdir(parents=True)
    assert least_bytes(sections(1), known) == (smaller + tile) * LEAST_BYTES


def test_tiles_that_a_floor_may_leave_out_need_no_room(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    params, known = sections(1), Sizes([(512, 512)], 1.0, frozenset("a"))
    params["subimages"]["files"] = "kept"
    assert least_bytes(params, known) == 512 * 512 * LEAST_BYTES
    params["cutoff"]["subimages"] = params["cutoff"]["subimages"] | {"min_score": 0.5}
    assert least_bytes(params, known) == 0


def test_sections_with_counts_of_their_own_are_counted() -> None:
    params = sections(7)
    assert fewest(params, "abc") == 7
    own: dict[str, dict[str, float | None]] = {"a": {"count": 3}, "b": {"min_score": None}}
    params["cutoff"]["images"] = params["cutoff"]["images"] | {"per_section": own}
    assert fewest(params, "ab") == 10
    assert fewest(params, "a") == 3  # there is no other section
    assert most_tiles(params, [(512, 512)] * 12) == 10 * most_tiles(params, [(512, 512)])
    own["a"]["count"] = None
    assert most_tiles(params, [(512, 512)] * 12) == 12 * most_tiles(params, [(512, 512)])
    assert fewest(params, "ab") == 7


def test_where_a_floor_can_leave_photographs_out_none_are_certain() -> None:
    floor = {"min_score": 0.1}
    for rule in (floor, {"per_section": {"b": floor}}, {"per_source": {"ours": floor}}):
        params = sections(7)
        params["cutoff"]["images"] = params["cutoff"]["images"] | rule
        assert fewest(params, "ab") == 0


def test_sections_that_no_photograph_is_in_are_told_with_those_there_are() -> None:
    params = sections(1)
    params["cutoff"]["images"] |= {"per_section": {"troubles": {"count": 0}, "faces": {}}}
    params["cutoff"]["subimages"] |= {"per_section": {"face": {"count": 1}}}
    known = Sizes([], 0.1, frozenset(("my faces", "faces")))
    there = (
        "but the sections, the first folders in the source, are faces, my faces: correct the name, "
        "or take it out"
    )
    assert section_faults(params, known) == [
        f"cutoff.images.per_section names troubles, {there}",
        f"cutoff.subimages.per_section names face, {there}",
    ]
    assert section_faults(params, known._replace(sections=frozenset())) == []


def test_sizes_are_read_of_what_is_large_enough(tmp_path: Path) -> None:
    png.write(tmp_path / "a.png", noise(40, 50))
    png.write(tmp_path / "b.png", noise(10, 50))
    (tmp_path / "c.txt").write_text("text")
    entries = sources.entries(sources.listed(tmp_path))
    assert some_sizes(tmp_path, entries, 20) == Sizes([(50, 40)], 1.0, frozenset("."))


def test_of_videos_nobody_knows_how_many_stills_there_will_be(tmp_path: Path) -> None:
    png.write(tmp_path / "in" / "a.png", noise(40, 50))
    (tmp_path / "in" / "day.mp4").write_bytes(b"\0\0\0\x20ftypisom")
    root = (Folder("", str(tmp_path / "in"), str(tmp_path / "stills")),)
    known = some_sizes(root, sources.entries(sources.listed(root)), 20)
    assert known == Sizes([(50, 40)], 1.0, frozenset("."), videos=True)
    assert faults(sections(9), known) == []
    assert faults(sections(9), known._replace(videos=False)) != []


def test_photographs_that_are_smaller_than_the_size_of_scoring_are_told() -> None:
    known = Sizes([(2048, 1152), (600, 700), (1024, 1500), (1000, 640)], 1.0, frozenset("a"))
    params = {"score": {"size": 1024}, "screen": {"min_short_edge": 512}}
    assert size_notes(params, known) == [
        "score.size is 1024 px, and 2 of 4 photographs are smaller, the smallest 600 px: for their "
        "size alone they score higher than others; lower score.size to 600, or raise "
        "screen.min_short_edge, now 512 px"
    ]
    (about,) = size_notes(params, known._replace(share=0.01))
    assert "and about 200 of 400 photographs are smaller" in about
    assert size_notes(params | {"score": {"size": 600}}, known) == []
    assert size_notes(params | {"score": {"size": "native"}}, known) == []
