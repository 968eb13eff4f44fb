"""Ranking: what goes through files and DuckDB is what the rows say, whatever they are called."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from stages.common import cutoffs, decision_table, ranking, tables
from stages.common.cutoff_params import Cutoff
from stages.common.errors import UserError
from stages.common.leave_out import LeftOut
from stages.common.rows import (
    Decision,
    ImageMeasures,
    Neighbours,
    Photograph,
    Score,
    TileMeasures,
)
from tests.row_by_row import Candidate, Known, ranked, told
from tests.strategies import (
    cutoffs as plain_cutoffs,
)
from tests.strategies import (
    of_photographs,
    photographs_with_likes,
    scored_images,
    tiles_with_variety,
)

Images = tuple[list[Candidate], list[Score]]
MEASURED, LINE = ",".join(ImageMeasures._fields) + "\n", "a,,0,0,0,0,0,9\n"
NAMES = ("table.csv", "measures.csv", "neighbours.csv")


def measured(path: str) -> ImageMeasures:
    return ImageMeasures(path, "", 0.0, 0.5, 1.0, 0.0, 0.0, 90)


def write(folder: Path, drawn: Images, known: Known, data: st.DataObject) -> ranking.Files:
    """The tables of what was drawn, each in an order of its own."""

    def put(name: str, row_type: type[Any], rows: list[Any]) -> None:
        shuffled = rows if data.draw(st.booleans()) else data.draw(st.permutations(rows))
        tables.write(folder / f"{name}.csv", row_type, shuffled)

    candidates, scores = drawn
    if known.tiles:
        put("table", type(next(iter(known.tiles.values()))), list(known.tiles.values()))
    else:
        facts = (1, 1)
        put(
            "table",
            Photograph,
            [
                Photograph(
                    *(c.path, c.section, c.sha256, *facts, c.bytes, "PNG", "", ""),
                    source=known.sources.get(c.path, ""),
                )
                for c in candidates
            ],
        )
    put("measures", TileMeasures if known.tiles else ImageMeasures, list(known.measures.values()))
    put("scores", Score, scores)
    pairs = {
        (path, other): (int(words.split()[0]), float(words.split()[-1]))
        for path, others in known.alike.items()
        for other, words in others
        if path < other and not known.tiles
    }
    put("neighbours", Neighbours, [Neighbours(*pair, *values) for pair, values in pairs.items()])
    return ranking.Files(*(folder / name for name in NAMES))


@pytest.mark.parametrize("kind", [photographs_with_likes, tiles_with_variety])
@settings(max_examples=12, phases=[Phase.generate])
@given(drawn=scored_images(), data=st.data())
def test_decisions_are_written_as_they_are_told_row_by_row(
    kind: Any, drawn: Images, data: st.DataObject
) -> None:
    candidates, scores = drawn
    rule, known = data.draw(kind(candidates))
    which = ranking.TILES if known.tiles else ranking.IMAGES
    reserved = data.draw(st.sets(st.sampled_from([c.path for c in candidates]), max_size=2))
    images = [name for c in candidates[:2] for name in (c.path, c.sha256)]
    left_out = [LeftOut(data.draw(st.sampled_from([*images, "gone \udce9"])), 'why, "so"')]
    expected = told(ranked(candidates, scores), rule, known, tuple(reserved), left_out)
    with TemporaryDirectory() as name:
        folder = Path(name)
        its = write(folder, drawn, known, data)
        out, apart = folder / "out.csv", (sorted(reserved), left_out)
        with ranking.scored(which, its, folder / "scores.csv", rule, folder, *apart) as found:
            decision_table.write(out, found, cutoffs.decide(found.columns, rule))
            columns = found.columns
        assert out.read_bytes() == tables.content(Decision, expected)
        with ranking.decided(which, its, out, rule, folder) as (again, kept):
            assert kept.tolist() == [row.kept for row in expected]
            by_hand = {i: why for i, why in columns.left_out.items() if not columns.reserved[i]}
            assert again.left_out == by_hand
            for one, other in zip(columns, again, strict=True):
                if isinstance(one, np.ndarray):
                    assert np.array_equal(one, other)
            assert np.array_equal(cutoffs.decide(again, rule).kept, kept)
        assert sorted(path.name for path in folder.iterdir()) == sorted(
            [*NAMES, "out.csv", "scores.csv"]
        )


@settings(max_examples=10)
@given(scored_images(), st.data())
def test_ranks_are_by_score_then_by_path_as_python_sorts(
    drawn: Images, data: st.DataObject
) -> None:
    rule = of_photographs(data.draw(plain_cutoffs(drawn[0]))).model_copy(update={"count": None})
    with TemporaryDirectory() as name:
        folder = Path(name)
        measures = {c.path: measured(c.path) for c in drawn[0]}
        its = write(folder, drawn, Known(measures, {}, {}), data)
        with ranking.scored("images", its, folder / "scores.csv", rule, folder) as found:
            decision_table.write(folder / "out.csv", found, cutoffs.decide(found.columns, rule))
        rows = tables.read(folder / "out.csv", Decision)
    keys = [(-row.hyperiqa, row.path) for row in rows]
    assert keys == sorted(keys)
    assert [row.rank for row in rows] == list(range(1, len(drawn[0]) + 1))
    assert {(r.path, r.section, r.sha256, r.bytes) for r in rows} == set(drawn[0])


PLAIN = Cutoff(count=None, min_score=None, report_at=None, limits={}, per_section={})


def read(folder: Path) -> None:
    its = ranking.Files(*(folder / name for name in NAMES))
    rule = of_photographs(PLAIN)
    with ranking.scored("images", its, folder / "scores.csv", rule, folder):
        pass


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("scores", "path,hyperiqa\na,0.5\n", "table.csv list different images: run `dvc repro`"),
        ("scores", "path,hyperiqa\na,1\nb,1\nc,1\n", "table.csv list different images"),
        ("scores", "path,hyperiqa\na,1\nc,1\n", "table.csv list different images"),
        ("scores", "path,hyperiqa\na,1\nb,\n", "row 2 has no finite number in `hyperiqa`): delete"),
        ("scores", "path,hyperiqa\na,nan\nb,1\n", "row 1 has no finite number in `hyperiqa`"),
        ("scores", "path,hyperiqa\na,1\nb,-inf\n", "row 2 has no finite number in `hyperiqa`"),
        ("table", "path,section,sha256,bytes\na,s,,\nb,s,,1\n", "row 1 has no finite number in"),
        ("measures", f"{MEASURED}{LINE}", "table.csv list different images"),
        (
            "measures",
            f"{MEASURED}a,,0,0,0,0,0,9\na,,0,0,0,0,0,9\nb,,0,0,0,0,0,9\n",
            "list different images",
        ),
        ("measures", f"{MEASURED}{LINE}b,,0,,0,0,0,9\n", "no finite number in `detail`"),
        ("scores", "path,hyperiqa\na,high\nb,1\n", "scores.csv is damaged (Conversion Error"),
        ("scores", "path\na\nb\n", "scores.csv lacks the columns hyperiqa: run `dvc repro`"),
        ("table", None, "table.csv is missing: run `dvc repro`, which makes it"),
        ("table", 'path,section,sha256,bytes\na,s,,1\n"b', "table.csv is damaged (Invalid Input"),
    ],
)
def test_what_is_wrong_with_a_table_is_told_in_a_line(
    tmp_path: Path, name: str, content: str | None, message: str
) -> None:
    tables.write(tmp_path / "table.csv", Candidate, [Candidate(x, "s", x, 1) for x in "ab"])
    tables.write(tmp_path / "scores.csv", Score, [Score(x, x, 0.5) for x in "ab"])
    tables.write(tmp_path / "measures.csv", ImageMeasures, [measured(x) for x in "ab"])
    read(tmp_path)
    path = tmp_path / f"{name}.csv"
    path.unlink()
    if content is not None:
        path.write_text(content)
    with pytest.raises(UserError) as raised:
        read(tmp_path)
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)
