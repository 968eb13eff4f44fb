"""The whole pipeline, by DVC: archives, several folders of photographs, and whose they are."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from stages.common import tables
from stages.common.rows import Lineage, Photograph, Validation
from tests.archives import files_of, pack
from tests.project import Project, copy_code

pytestmark = pytest.mark.proof

MINE = "name: mine\nlicence: my own\nspdx: CC0-1.0\nredistribute: yes\n"


def new(folder: Path) -> Project:
    project = Project(folder, workers="2")
    copy_code(folder)
    subprocess.run(["git", "init", "--quiet"], cwd=folder, check=True)
    project.add_photographs()
    return project


def made(project: Project) -> dict[str, bytes]:
    """The set, and the images that validate."""
    found = files_of(project.folder / "data/dataset/tiny")
    return found | files_of(project.folder / "data/validation")


def test_archives_and_further_folders_make_the_same_set(tmp_path: Path) -> None:
    plain, packed = new(tmp_path / "plain"), new(tmp_path / "packed")
    (plain.folder / "data/source/source.yaml").write_text(MINE)
    plain.repro()

    source, elsewhere = packed.folder / "data/source", tmp_path / "other disk"
    (elsewhere / "objects").mkdir(parents=True)
    pack(source / "a.zip", {f"landscape/{k}": v for k, v in files_of(source / "landscape").items()})
    pack(source / "b.tar.gz", {f"spare/{k}": v for k, v in files_of(source / "spare").items()})
    pack(elsewhere / "c.tar", files_of(source / "objects"))
    for name in ("landscape", "spare", "objects"):
        shutil.rmtree(source / name)
    (source / "source.yaml").write_text(MINE)
    (elsewhere / "source.yaml").write_text(MINE.replace("yes", "no"))
    packed.params["gather"]["more"] = {"objects": "../other disk"}

    process = packed.start()
    output, _ = process.communicate(timeout=600)
    assert "error: check: " in output
    assert " are two sources with the name mine: give one of them another name" in output

    (elsewhere / "source.yaml").write_text(MINE.replace("yes", "no").replace("mine", "theirs"))
    process = packed.start()
    output, _ = process.communicate(timeout=600)
    assert process.returncode != 0
    (line,) = [line for line in output.splitlines() if line.startswith("error: ")]
    lineage = tables.read(packed.folder / "data/dataset/lineage.csv", Lineage)
    pairs = tables.read(packed.folder / "data/tables/validation.csv", Validation)
    tiles = sum(row.source == "theirs" for row in lineage)
    assert 0 < tiles < len(lineage)
    assert {row.source for row in pairs} == {"mine"}
    assert line == (
        f"error: release: theirs ({tiles} tiles, 0 validation photographs) may not be "
        "redistributed: leave them out by screen.exclude, or set release.private: true"
    )

    packed.params["release"]["private"] = True
    packed.repro()
    assert made(packed) == made(plain)
    rows = tables.read(packed.folder / "data/tables/gathered_images.csv", Photograph)
    assert {row.path.split("/")[0]: row.section for row in rows} == {
        "a.zip": "landscape",
        "b.tar.gz": "spare",
        "objects": "objects",
    }
    status = [sys.executable, "-m", "dvc", "status", "--quiet"]
    subprocess.run(status, cwd=packed.folder, env=packed.environment, check=True)
