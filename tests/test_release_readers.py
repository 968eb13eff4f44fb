"""A released set in the hands of others: mlcroissant, Hugging Face's datasets, BasicSR.

They live in an environment of their own, `.venv-release`, which the first test makes.
"""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stages.common.archive import hosting
from stages.common.sets import packed_set
from stages.tools import publish
from tests.common.archive.sets import SIDE, small_set
from tests.conftest import REPOSITORY
from tests.test_release import NAME, pack, parts
from tests.test_release import unpacked as unpack
from tests.test_use_a_dataset import LOAD

__all__ = ["parts"]  # a fixture
pytestmark = pytest.mark.tools

ENVIRONMENT = REPOSITORY / ".venv-release"
READERS = REPOSITORY / "tests" / "readers"
BASICSR = "basicsr==1.4.2"
TILES = small_set().tiles
Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def python() -> Path:
    """An interpreter that has the readers' packages, and the project's torch behind them."""
    wanted = (READERS / "requirements.txt").read_text() + sys.version
    ready, found = ENVIRONMENT / "ready", ENVIRONMENT / "bin" / "python"
    if not ready.is_file() or ready.read_text() != wanted:
        shutil.rmtree(ENVIRONMENT, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", ENVIRONMENT], check=True)
        pip(found, "install", "--requirement", READERS / "requirements.txt")
        paths = {"base": str(ENVIRONMENT), "platbase": str(ENVIRONMENT)}
        own = Path(sysconfig.get_path("purelib", vars=paths))
        (own / "project.pth").write_text(sysconfig.get_path("purelib"))
        options = ["--no-deps", "--no-build-isolation", "--no-binary", ":all:"]
        pip(found, "download", *options, "--dest", ENVIRONMENT, BASICSR)
        (sdist,) = ENVIRONMENT.glob("basicsr-*.tar.gz")
        shutil.unpack_archive(sdist, ENVIRONMENT)
        ready.write_text(wanted)
    return found


def pip(python: Path, *arguments: str | Path) -> None:
    command = [python, "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        pytest.skip(f"pip can't {arguments[0]} what this needs: {done.stderr.splitlines()[-1:]}")


@pytest.fixture
def folder(parts: Path) -> Path:
    """A set as it is unpacked."""
    unpack(pack(parts) / f"{NAME}.7z", parts / "unpacked")
    return parts / "unpacked" / NAME


@pytest.fixture
def run(python: Path, tmp_path: Path) -> Run:
    def run(*command: str | Path, **options: Any) -> "subprocess.CompletedProcess[str]":
        offline = {"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path / "hf")}
        return subprocess.run(
            [python, *command],
            capture_output=True,
            text=True,
            env=os.environ | offline,
            **options,
        )

    return run


def printed(done: "subprocess.CompletedProcess[str]") -> Any:
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_croissant_is_valid_without_a_warning(folder: Path, run: Run) -> None:
    program = ENVIRONMENT / "bin" / "mlcroissant"
    done = run(program, "validate", "--jsonld", "croissant.json", cwd=folder)
    assert done.returncode == 0, done.stderr
    lines = done.stderr.splitlines()
    assert [line for line in lines if not line.startswith("I")] == []
    assert lines[-1].endswith("Done.")


def test_croissant_gives_every_tile_its_score_and_all_validation_images(
    folder: Path, run: Run
) -> None:
    found = printed(run(READERS / "records.py", "croissant", folder))
    assert {
        row["name"]: (round(row["hyperiqa"], 6), row["image"], row["section"])
        for row in found["tile"]
    } == {row.name: (row.hyperiqa, [SIDE, SIDE], row.section) for row in TILES}
    images = {(row["name"], row["scale"]): row["image"] for row in found["validation_image"]}
    assert images == {
        (f"{name}.png", scale): [side, side]
        for name in "vw"
        for scale, side in (("hr", SIDE), ("x2", SIDE // 2), ("x4", SIDE // 4))
    }


def test_croissant_finds_rows_of_another_set(folder: Path, run: Run) -> None:
    with (folder / "metadata.jsonl").open("a") as file:
        file.write("{}\n")
    done = run(READERS / "records.py", "croissant", folder)
    assert done.returncode != 0
    assert "Download(metadata.jsonl)" in done.stderr


def test_datasets_gives_a_row_a_tile_and_a_row_a_pair(folder: Path, run: Run) -> None:
    found = printed(run(READERS / "records.py", "datasets", folder))
    assert found["tiles"] == [
        {
            "image": [SIDE, SIDE],
            "hyperiqa": row.hyperiqa,
            "section": row.section,
            "scale": row.scale,
            "photograph_sha256": row.photograph_sha256,
        }
        for row in TILES
    ]
    sizes = [(row["hr"], row["x2"], row["x4"]) for row in found["pairs"]]
    assert sizes == [([SIDE] * 2, [SIDE // 2] * 2, [SIDE // 4] * 2)] * 2


@pytest.fixture
def split(parts: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same set as Hugging Face has it: 12 tiles in folders of 5."""
    monkeypatch.setattr(hosting, "PER_FOLDER", 5)
    with packed_set.opened(parts / "release" / f"{NAME}.7z") as inside:
        publish.write_set(parts / "hub", inside, NAME, lambda card: card)
    return parts / "hub"


def test_a_set_in_folders_loads_as_the_whole_one(split: Path, folder: Path, run: Run) -> None:
    assert len(list((split / NAME).glob("*/*.png"))) == len(TILES)
    for reader in ("datasets", "croissant"):
        whole, parted = (printed(run(READERS / "records.py", reader, it)) for it in (folder, split))
        assert parted == whole
    program = ENVIRONMENT / "bin" / "mlcroissant"
    done = run(program, "validate", "--jsonld", "croissant.json", cwd=split)
    assert done.returncode == 0, done.stderr


def test_basicsr_follows_meta_info_into_folders(split: Path, run: Run) -> None:
    (checkout,) = (path for path in ENVIRONMENT.glob("basicsr-*") if path.is_dir())
    subprocess.run([sys.executable, "configs/downscale.py", "4"], cwd=split, check=True)
    for kind, lq in (("otf", None), ("paired", f"{NAME}-x4/0.png")):
        configuration = f"configs/basicsr/{kind}_x4.yml"
        command = (READERS / "basicsr_reads.py", checkout, configuration, "train")
        found = printed(run(*command, cwd=split))
        assert (found["length"], found["gt_path"]) == (len(TILES), f"{NAME}/00/0.png")
        assert found.get("lq_path") == lq


def test_datasets_loads_it_as_the_documentation_says(folder: Path, run: Run) -> None:
    lines = [line.replace("samples", NAME) for line in LOAD]
    script = "\n".join(
        [*lines, "import json", "print(json.dumps([len(tiles), list(pairs[0])[:3]]))"]
    )
    assert printed(run("-c", script, cwd=folder.parent)) == [len(TILES), ["hr", "x2", "x4"]]


@pytest.mark.parametrize("scale", [2, 4])
def test_basicsr_reads_tiles_and_pairs_by_the_configurations(
    folder: Path, run: Run, scale: int
) -> None:
    (checkout,) = (path for path in ENVIRONMENT.glob("basicsr-*") if path.is_dir())
    subprocess.run([sys.executable, "configs/downscale.py", str(scale)], cwd=folder, check=True)
    script = READERS / "basicsr_reads.py"

    def read(kind: str, phase: str) -> Any:
        configuration = f"configs/basicsr/{kind}_x{scale}.yml"
        return printed(run(script, checkout, configuration, phase, cwd=folder))

    otf = read("otf", "train")
    assert (otf["class"], otf["length"], otf["gt_path"]) == (
        "RealESRGANDataset",
        len(TILES),
        f"{NAME}/0.png",
    )
    assert otf["gt"] == [3, 400, 400]
    pairs = read("paired", "train")
    assert pairs == {
        "class": "PairedImageDataset",
        "length": len(TILES),
        "lq": [3, SIDE // scale, SIDE // scale],
        "gt": [3, SIDE, SIDE],
        "lq_path": f"{NAME}-x{scale}/0.png",
        "gt_path": f"{NAME}/0.png",
    }
    for kind in ("otf", "paired"):
        validation = read(kind, "val")
        assert (validation["length"], validation["lq"]) == (2, [3, SIDE // scale, SIDE // scale])
        lq, gt = Path(validation["lq_path"]), Path(validation["gt_path"])
        assert (lq.parent, gt.parent) == (Path(f"validation/x{scale}"), Path("validation/hr"))
        assert lq.name == gt.name
