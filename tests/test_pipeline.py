"""The whole pipeline under DVC, on small photographs: what runs again, what does not, what is left.

A project is made once and led through its life; the tests look at what was recorded on the way.
"""

import hashlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import py7zr
import pytest
from PIL import Image

from stages.common import tables
from stages.common.pixels.images import decode
from stages.common.rows import (
    Collected,
    Decision,
    Lineage,
    Photograph,
    Rejected,
    Tile,
    Unreadable,
    Validation,
)
from tests.common.test_workers import alive
from tests.project import FEW, LATER, MANY, SIZE, Project, Run, copy_code

pytestmark = pytest.mark.slow

STAGES = [
    "fingerprint",
    "check",
    "folders",
    "frames",
    "gather@images",
    "gather@evaluation",
    "gather@reference",
    "embed@images",
    "embed@evaluation",
    "screen",
    "measure@images",
    "score@images",
    "neighbours",
    "score@reference_images",
    "cutoff@images",
    "collect",
    "validation",
    "pick",
    "multiscale",
    "subimages",
    "measure@subimages",
    "score@subimages",
    "score@reference_subimages",
    "cutoff@subimages",
    "summary",
    "probe",
    "dataset",
    "release",
    "report",
]


@pytest.fixture(scope="module")
def code(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the repository's code, weights and evaluation set, the same for all projects."""
    folder = tmp_path_factory.mktemp("repository") / "copy"
    copy_code(folder)
    return folder


@dataclass
class Life:
    """A project's runs, and copies of its folder's tables and dataset after some of them."""

    first: Run
    again: Run
    fewer: Run
    more: Run
    anew: Run
    made: Path  # data/ after the first run
    smaller: Path  # data/dataset after the run with fewer tiles
    later: Path  # data/tables after the run with one more photograph
    wiped: list[Path]


@pytest.fixture(scope="module")
def life(code: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Life]:
    """Run, run again, ask for fewer tiles, add a photograph, lose all but sources and scores."""
    root = tmp_path_factory.mktemp("pipeline")
    project = Project(root / "project", workers="2")
    project.prepare(code)
    first = project.repro()
    shutil.copytree(project.folder / "data", root / "made")
    project.workers = "0"  # starts sooner, and must change nothing
    again = project.repro()
    project.params["cutoff"]["subimages"]["count"] = FEW
    fewer = project.repro()
    shutil.copytree(project.folder / "data" / "dataset", root / "smaller")
    project.add_photograph()
    more = project.repro()
    shutil.copytree(project.folder / "data" / "tables", root / "later")
    wiped = project.outs()
    for path in (*wiped, project.folder / ".dvc" / "cache", project.folder / ".dvc" / "tmp"):
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    (project.folder / "dvc.lock").unlink()
    anew = project.repro()
    yield Life(
        first, again, fewer, more, anew, root / "made", root / "smaller", root / "later", wiped
    )
    shutil.rmtree(root)


@pytest.fixture
def rows(life: Life) -> Callable[[str, Any], list[Any]]:
    """Reads a table of the first run."""
    return lambda name, row_type: tables.read(life.made / "tables" / f"{name}.csv", row_type)


Rows = Callable[[str, Any], list[Any]]


def test_the_first_run_runs_every_stage(life: Life) -> None:
    assert sorted(life.first.stages) == sorted(STAGES)
    assert [known for _, known in life.first.scored] == [0, 0]


def test_a_second_run_runs_nothing(life: Life) -> None:
    assert life.again.stages == []
    assert life.again.lock == life.first.lock


def test_another_count_of_tiles_runs_only_what_follows_the_cut(life: Life) -> None:
    after = ["check", "cutoff@subimages", "dataset", "probe", "release", "report", "summary"]
    assert sorted(life.fewer.stages) == after
    assert life.fewer.scored == []


def test_a_smaller_dataset_is_a_prefix_of_a_larger(life: Life) -> None:
    large, small = life.made / "dataset" / "tiny", life.smaller / "tiny"
    assert sorted(path.name for path in small.iterdir()) == sorted(f"{i}.png" for i in range(FEW))
    for path in small.iterdir():
        assert path.read_bytes() == (large / path.name).read_bytes()


def test_one_more_photograph_scores_only_it_and_its_tiles(life: Life) -> None:
    (photographs, _), (tiles, _) = life.first.scored
    (more_photographs, known_photographs), (more_tiles, known_tiles) = life.more.scored
    assert (more_photographs, known_photographs) == (1, photographs)
    assert known_tiles == tiles
    after = tables.read(life.later / "subimages.csv", Tile)
    assert more_tiles == sum(tile.photograph == f"{LATER}.jpg" for tile in after) > 0
    idle = set(STAGES) - set(life.more.stages)
    others = {"fingerprint", "check", "release"}
    others |= {
        "gather@evaluation",
        "gather@reference",
        "embed@evaluation",
        "score@reference_images",
        "score@reference_subimages",
    }
    assert idle | {"release"} == others  # its tiles need not be among the best


def test_when_all_is_lost_but_photographs_and_scores_nothing_is_scored_again(life: Life) -> None:
    assert len(life.wiped) >= len(STAGES)
    assert sorted(life.anew.stages) == sorted(STAGES)
    assert [scored for scored, _ in life.anew.scored] == [0, 0]
    assert life.anew.lock == life.more.lock


def test_every_source_file_is_listed_or_refused(life: Life, rows: Rows) -> None:
    source = life.made / "source"
    files = sorted(p.relative_to(source).as_posix() for p in source.rglob("*") if p.is_file())
    kept, rejected = rows("screened", Photograph), rows("rejected", Rejected)
    listed, unreadable = rows("gathered_images", Photograph), rows("unreadable_images", Unreadable)
    assert sorted(row.path for row in [*listed, *unreadable]) == files
    assert sorted(row.path for row in [*kept, *rejected]) == sorted(row.path for row in listed)
    assert {row.path: row.reason for row in [*unreadable, *rejected]} == {
        "objects/cut.jpg": "truncated",
        "objects/left out.jpg": "excluded",
        "objects/notes.txt": "not an image",
        "objects/small.jpg": "too small",
        "objects/umang.jpg": "evaluation set",
        "objects/with two  spaces.jpg": "exact duplicate",
    }


def test_no_tile_comes_from_a_photograph_that_must_not_be_trained_on(
    life: Life, rows: Rows
) -> None:
    lineage = tables.read(life.made / "dataset" / "lineage.csv", Lineage)
    kept = {row.sha256 for row in rows("cutoff_images", Decision) if row.kept}
    (chosen, *sizes) = rows("validation", Validation)
    assert {row.photograph_sha256 for row in sizes} == {chosen.photograph_sha256}
    assert {row.photograph_sha256 for row in rows("collected", Collected)} == kept
    assert {row.photograph_sha256 for row in rows("subimages", Tile)} == kept
    assert {row.photograph_sha256 for row in lineage} <= kept
    assert chosen.photograph_sha256 not in kept
    assert chosen.section == "spare"
    source = life.made / "source"
    files = {hashlib.sha256(p.read_bytes()).hexdigest() for p in source.rglob("*") if p.is_file()}
    refused = {
        hashlib.sha256((source / row.path).read_bytes()).hexdigest()
        for row in [*rows("unreadable_images", Unreadable), *rows("rejected", Rejected)]
        if row.reason != "exact duplicate" and row.reason != "excluded"
    }
    assert files - refused - kept == {chosen.photograph_sha256}


def test_every_tile_of_the_dataset_is_rgb_of_the_size(life: Life) -> None:
    tiles = sorted((life.made / "dataset" / "tiny").iterdir())
    assert sorted(path.name for path in tiles) == sorted(f"{i}.png" for i in range(MANY))
    for path in tiles:
        with Image.open(path) as image:
            found = (image.format, image.mode, image.size, image.info)
        assert found == ("PNG", "RGB", (SIZE, SIZE), {})


def test_the_texts_have_a_line_for_each_tile_best_first(life: Life) -> None:
    dataset = life.made / "dataset"
    names = [f"{i}.png" for i in range(MANY)]
    lineage = tables.read(dataset / "lineage.csv", Lineage)
    assert [row.name for row in lineage] == names
    scores = [row.hyperiqa for row in lineage]
    assert scores == sorted(scores, reverse=True)
    meta = (dataset / "meta_info.txt").read_text().splitlines()
    assert meta == [f"{name} ({SIZE},{SIZE},3)" for name in names]
    *lines, average = (dataset / "hyperiqa_score.txt").read_text().splitlines()
    assert lines == [f"{row.name}\t{row.hyperiqa:.6f}" for row in lineage]
    assert average.startswith(f"Average hyperiqa score of tiny with {MANY} images is: ")


def test_a_tile_is_its_box_of_its_photograph(life: Life) -> None:
    """At scale 1, where nothing was resized; the photograph is decoded here by Pillow alone."""
    whole = [row for row in life_tiles(life) if row.scale == "1"]
    assert len(whole) > 0
    for row in whole:
        with Image.open(life.made / "source" / row.photograph) as image:
            box = (row.left, row.top, row.left + row.width, row.top + row.height)
            expected = np.asarray(image.convert("RGB").crop(box))
        pixels = decode((life.made / "subimages" / row.path).read_bytes())
        assert np.array_equal(pixels, expected)


def life_tiles(life: Life) -> list[Tile]:
    return tables.read(life.made / "tables" / "subimages.csv", Tile)


def test_the_archive_holds_dataset_and_validation(life: Life, tmp_path: Path) -> None:
    with py7zr.SevenZipFile(life.made / "release" / "tiny.7z") as archive:
        archive.extractall(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["tiny"]
    for folder, inside in (("dataset", ""), ("validation", "validation")):
        for path in (life.made / folder).rglob("*.*"):
            unpacked = tmp_path / "tiny" / inside / path.relative_to(life.made / folder)
            assert unpacked.read_bytes() == path.read_bytes()
    done = subprocess.run(["sha256sum", "-c", "SHA256SUMS"], cwd=life.made / "release", check=False)
    assert done.returncode == 0


def process_of(words: tuple[str, ...], parents: "subprocess.Popen[str]") -> int:
    """Wait for a process below `parents` with these words on its command line; give its id."""
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline and parents.poll() is None:
        for path in Path("/proc").glob("[0-9]*"):
            try:
                command = (path / "cmdline").read_bytes().decode(errors="replace").split("\0")
                parent = int((path / "stat").read_text().rpartition(")")[2].split()[1])
            except (OSError, ValueError):  # it has ended meanwhile
                continue
            if set(words) <= set(command) and "-m" in command and is_below(parent, parents.pid):
                return int(path.name)
        time.sleep(0.02)
    raise AssertionError(f"no process with {words}")


def is_below(process: int, ancestor: int) -> bool:
    while process > 1:
        if process == ancestor:
            return True
        try:
            stat = Path(f"/proc/{process}/stat").read_text()
        except OSError:
            return False
        process = int(stat.rpartition(")")[2].split()[1])
    return False


def test_kills_and_another_number_of_workers_leave_no_trace(
    life: Life, code: Path, tmp_path: Path
) -> None:
    """The same photographs in another folder: killed twice, and with one worker instead of two."""
    project = Project(tmp_path / "killed", workers="1")
    project.prepare(code)

    with project.start() as dvc:  # a stage is killed
        stage = process_of(("stages.score", "data/tables/screened.csv"), dvc)
        time.sleep(0.5)
        os.kill(stage, signal.SIGKILL)
        output, _ = dvc.communicate(timeout=300)
    assert dvc.returncode != 0, output
    assert not (project.folder / "data" / "scores" / "images.csv").exists()

    with project.start() as dvc:  # DVC itself is killed
        stage = process_of(("stages.score", "data/tables/subimages.csv"), dvc)
        time.sleep(0.5)
        dvc.kill()
        dvc.communicate(timeout=300)
    deadline = time.monotonic() + 20
    while alive(stage) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not alive(stage)

    run = project.repro()
    before = set(STAGES[: STAGES.index("score@subimages")])
    done = before - {
        "validation",
        "pick",
        "gather@reference",
        "score@reference_images",
        "score@reference_subimages",
        "measure@images",
        "measure@subimages",
        "neighbours",
    }  # their turn varies
    assert done & set(run.stages) == set()
    assert run.lock == life.first.lock
