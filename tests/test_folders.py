"""Folders: with DVC, `gather` runs again exactly when a file of any folder changes."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from stages import folders
from stages.common import contents, tables
from stages.common.errors import UserError
from stages.common.gather_params import GatherParams
from stages.common.pixels import png
from stages.common.rows import Content, Folder, Photograph
from tests.conftest import noise
from tests.project import Project, copy_code

STILLS = "data/frames"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(contents, "md5_of", lambda folder: f"{folder}.dir")
    for name in ("in", "other", "more/a"):
        (tmp_path / name).mkdir(parents=True)
    for name in ("a/b", "a/old", "older"):
        (tmp_path / "more" / f"{name}.txt").write_text(f"{name}.dir\n")
    (tmp_path / "more" / "README.md").touch()
    return tmp_path


def made(**more: str) -> tuple[list[Folder], list[Content]]:
    params = GatherParams(source="in", more=more, max_megapixels=1)
    folders.main(Path("in"), Path("more"), Path("folders.csv"), Path("contents.csv"), params)
    return tables.read(Path("folders.csv"), Folder), tables.read(Path("contents.csv"), Content)


def test_a_table_says_where_and_another_what(here: Path) -> None:
    assert made(**{"a/b": "other"}) == (
        [Folder("", "in", STILLS), Folder("a/b", "other", STILLS)],
        [Content("", "in", "in.dir", STILLS), Content("a/b", "other", "a/b.dir", STILLS)],
    )


def test_what_was_left_of_other_folders_goes(here: Path) -> None:
    made(**{"a/b": "other"})
    left = [path.name for path in sorted((here / "more").rglob("*")) if path.is_file()]
    assert left == ["README.md", "b.txt"]


def test_a_name_that_there_is_already_is_told(here: Path) -> None:
    (here / "in" / "a" / "b").mkdir(parents=True)
    with pytest.raises(UserError, match=r"gather\.more: a/b is also a name in in"):
        made(**{"a/b": "other"})


class Few(Project):
    """A project of which only the first stages are run, by DVC."""

    def dvc(self, *arguments: str) -> str:
        self.write_params()
        command = [sys.executable, "-m", "dvc", *arguments]
        done = subprocess.run(
            command, cwd=self.folder, env=self.environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def paths(self) -> dict[str, str]:
        table = self.folder / "data" / "tables" / "gathered_images.csv"
        return {row.path: row.section for row in tables.read(table, Photograph)}


@pytest.mark.proof
def test_a_change_in_any_folder_and_nothing_else_is_gathered(tmp_path: Path) -> None:
    project = Few(tmp_path / "project", workers="0")
    project.params["cutoff"]["images"]["per_section"] = {}  # of sections that are not here
    copy_code(project.folder)
    subprocess.run(["git", "init", "--quiet"], cwd=project.folder, check=True)
    photos, beside = project.folder / "data" / "source", tmp_path / "my photos"
    png.write(photos / "faces" / "a.png", noise(400, 400, 1))
    png.write(beside / "b.png", noise(400, 400, 2))
    png.write(tmp_path / "land" / "c.png", noise(400, 400, 3))
    ran = "Running stage 'gather@images'"

    assert ran in project.dvc("repro", "gather@images")
    assert project.paths() == {"faces/a.png": "faces"}
    assert ran not in project.dvc("repro", "gather@images")

    project.params["gather"]["more"] = {"faces/mine": "../my photos", "land": "../land"}
    assert ran in project.dvc("repro", "gather@images")
    expected = {"faces/a.png": "faces", "faces/mine/b.png": "faces", "land/c.png": "land"}
    assert project.paths() == expected
    assert ran not in project.dvc("repro", "gather@images")

    os.utime(beside / "b.png", (1, 1))  # no change
    assert ran not in project.dvc("repro", "gather@images")

    png.write(beside / "b.png", noise(400, 400, 4))
    assert "more@faces/mine:" in project.dvc("status", "gather@images", "--with-deps")
    done = project.dvc("repro", "gather@images")
    assert ran in done
    assert "Stage 'more@land' didn't change" in done

    png.write(photos / "faces" / "d.png", noise(400, 400, 5))
    assert ran in project.dvc("repro", "gather@images")
    assert project.paths() == expected | {"faces/d.png": "faces"}

    shutil.move(tmp_path / "land", tmp_path / "moved")
    project.params["gather"]["more"]["land"] = "../moved"
    project.dvc("repro", "gather@images")
    assert project.paths() == expected | {"faces/d.png": "faces"}

    del project.params["gather"]["more"]["faces/mine"]
    assert ran in project.dvc("repro", "gather@images")
    assert project.paths() == {"faces/a.png": "faces", "faces/d.png": "faces", "land/c.png": "land"}
    assert "up to date" in project.dvc("status", "gather@images", "--with-deps")
