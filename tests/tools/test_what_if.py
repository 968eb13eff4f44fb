"""What-if: its answer is what a run with that cutoff reports, and it runs nothing."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from stages import cutoff, summary
from stages.common import params, tables
from stages.common.cutoff_params import CutoffParams, Reserved
from stages.common.errors import UserError
from stages.common.rows import (
    ImageMeasures,
    Neighbours,
    Score,
    Tile,
    TileMeasures,
)
from stages.tools import what_if
from tests.conftest import REPOSITORY
from tests.row_by_row import Candidate

Ask = Callable[..., str]
TILES = 40


def write_params(folder: Path, **limits: object) -> CutoffParams:
    """The repository's parameters, with these limits of tiles."""
    sections = params.read(REPOSITORY / "params.yaml")
    sections["cutoff"]["images"] |= {"count": None, "per_section": {}}
    sections["cutoff"]["subimages"] |= {"count": 12, "report_at": 0.5, **limits}
    sections["cutoff"]["subimages"]["limits"] = {"bits": {"min": 0.1}}
    (folder / "params.yaml").write_text(yaml.safe_dump(sections))
    return params.load(CutoffParams, "cutoff", folder / "params.yaml")


def run_stages(folder: Path, limits: CutoffParams) -> dict[str, object]:
    """Run `cutoff` and `summary` on tables made for it; gives metrics.json."""
    data = folder / "data" / "tables"
    tiles = [
        Tile(
            path=f"{section}/p{i % 3}_{i:02d}.png",
            section=section,
            pixels=f"{i:064x}",
            parent=f"{section}/p{i % 3} {i % 5 > 0}",
            scale="1" if i % 5 else "0.75",
            scaled_width=3 * TILES + 8,
            scaled_height=8,
            left=3 * i,
            top=0,
            width=8,
            height=8,
            photograph=f"{section}/p{i % 3}",
            photograph_sha256=f"{section} {i % 3}",
        )
        for i in range(TILES)
        for section in ["faces" if i % 4 else "night"]
    ]
    scores = [Score(t.path, t.pixels, round((i * 37 % TILES) / 41, 6)) for i, t in enumerate(tiles)]
    photographs = [Candidate(f"faces/p{i}", "faces", f"{i}", 100) for i in range(3)]
    tables.write(data / "subimages.csv", Tile, tiles)
    tables.write(data / "scores.csv", Score, scores)
    tables.write(data / "screened.csv", Candidate, photographs)
    tables.write(data / "images.csv", Score, [Score(p.path, p.sha256, 0.5) for p in photographs])
    for which in ("images", "subimages"):
        tables.write(folder / what_if.SCORES / f"reference_{which}.csv", Score, [])
    tables.write(data / "neighbours.csv", Neighbours, [])
    tables.write(
        folder / what_if.MEASURES / "subimages.csv",
        TileMeasures,
        [
            TileMeasures(t.path, t.pixels, i % 7 / 8, 0.0, 0.0, 1000 + i * i)
            for i, t in enumerate(tiles)
        ],
    )
    tables.write(
        folder / what_if.MEASURES / "images.csv",
        ImageMeasures,
        [ImageMeasures(p.path, p.sha256, 0.0, 0.1, 1.0, 0.0, 0.0, 90) for p in photographs],
    )
    (data / "leave_out.csv").write_text("image,reason\n")
    for which, table, scored in (
        ("images", "screened", "images"),
        ("subimages", "subimages", "scores"),
    ):
        names = (table, scored, f"../measures/{which}", "neighbours", "leave_out")
        names += (f"../scores/reference_{which}", f"cutoff_{which}")
        files = [data / f"{name}.csv" for name in names]
        cutoff.main(which, *files, data / "numbers.json", limits, Reserved(picks=[]))
    names = (
        "cutoff_images.csv",
        "cutoff_subimages.csv",
        "screened.csv",
        "subimages.csv",
        "../measures/images.csv",
        "../measures/subimages.csv",
        "neighbours.csv",
        "../scores/reference_images.csv",
        "../scores/reference_subimages.csv",
    )
    shutil.rmtree(folder / "plots", ignore_errors=True)  # as DVC does
    left = ("metrics.json", "what_if.csv", "plots")
    summary.main(*(data / name for name in names), *(folder / name for name in left), limits)
    found: dict[str, object] = json.loads((folder / "metrics.json").read_text())
    return found


@pytest.fixture
def ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Ask:
    """Runs the tool in a folder with the tables of a run; gives what it says."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> str:
        capsys.readouterr()
        monkeypatch.setattr("sys.argv", ["what_if", *arguments])
        what_if.main()
        return capsys.readouterr().out

    return run


@pytest.mark.parametrize(
    ("limits", "arguments"),
    [
        ({"count": 7}, ["--count", "7"]),
        ({"count": None, "min_score": 0.7}, ["--min-score", "0.7"]),
        ({"count": 9, "min_score": 0.6}, ["--count", "9", "--min-score", "0.6"]),
    ],
)
@pytest.mark.parametrize("per_section", [{}, {"night": {"count": 2}}, {"night": {"min_score": 0}}])
def test_the_answer_is_what_a_run_reports(
    tmp_path: Path,
    ask: Ask,
    limits: dict[str, object],
    arguments: list[str],
    per_section: dict[str, object],
) -> None:
    run_stages(tmp_path, write_params(tmp_path, per_section=per_section))
    answer = ask(*arguments)
    found = run_stages(tmp_path, write_params(tmp_path, per_section=per_section, **limits))
    assert answer.splitlines() == [f"{name:<18}  {value}" for name, value in found.items()]


def test_a_score_leaves_the_shares_of_scales_away_and_a_count_does_not(
    tmp_path: Path, ask: Ask
) -> None:
    shares: dict[str, object] = {"shares": {"1": 0.5}}
    plain: dict[str, object] = {"overlap": None, "per_photograph": 9}
    run_stages(tmp_path, write_params(tmp_path, scales=shares, **plain))
    by_score, by_both = ask("--min-score", "0.7"), ask("--min-score", "0.7", "--count", "8")
    for answer, others in (
        (by_score, {"count": None, "scales": None}),
        (by_both, {"count": 8, "scales": shares}),
    ):
        limits = write_params(tmp_path, min_score=0.7, **plain, **others)
        found = run_stages(tmp_path, limits)
        assert answer.splitlines() == [f"{name:<18}  {value}" for name, value in found.items()]


def test_the_table_fits_a_terminal_and_begins_with_what_is_kept_now(
    tmp_path: Path, ask: Ask
) -> None:
    run_stages(tmp_path, write_params(tmp_path))
    lines = ask().splitlines()
    assert lines[0].split() == list(what_if.HEADER)
    assert lines[1].split()[:3] == ["all", "now", "12"]
    assert max(map(len, lines)) <= 100


def test_photographs_are_asked_for_by_name(tmp_path: Path, ask: Ask) -> None:
    run_stages(tmp_path, write_params(tmp_path))
    assert ask("--which", "images", "--count", "2").splitlines()[:2] == [
        "images              2",
        "mean                0.5",
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--count", "41"], "cutoff.subimages.count asks for 41 of only 40 images: lower it, or "),
        (
            ["--count", "35"],
            "cutoff.subimages.count asks for 35, but of 40 images only 34 can be kept",
        ),
        (
            ["--min-score", "2"],
            "cutoff.subimages keeps none of 40 (34 below the score 2, 6 bits below 0.1; ",
        ),
        (["--count", "0"], "cutoff.subimages.count must be greater than or equal to 1, got 0"),
        (["--min-score", "nan"], "cutoff.subimages.min_score must be a finite number, null or "),
    ],
)
def test_what_can_not_be_kept_is_refused(
    tmp_path: Path, ask: Ask, arguments: list[str], message: str
) -> None:
    run_stages(tmp_path, write_params(tmp_path))
    with pytest.raises(UserError) as raised:
        ask(*arguments)
    assert str(raised.value).startswith(message)


def test_nothing_is_written(tmp_path: Path, ask: Ask) -> None:
    run_stages(tmp_path, write_params(tmp_path))
    before = {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
    ask("--count", "7")
    assert {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()} == before
