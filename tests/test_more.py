"""More: what is left of a folder changes with its content, and with nothing else."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from stages import more
from stages.common import contents
from tests.conftest import environment


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A DVC project, and a folder of photographs beside it."""
    (tmp_path / "project").mkdir()
    monkeypatch.chdir(tmp_path / "project")
    monkeypatch.setenv("DVC_SITE_CACHE_DIR", str(tmp_path / "site"))
    dvc("init", "--no-scm", "--quiet")
    for name, content in (("a.png", "one"), ("b/c.png", "two")):
        path = tmp_path / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return tmp_path / "photos"


def dvc(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "dvc", *arguments], env=environment(), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def left(folder: Path) -> str:
    more.main(folder, Path("data/more/faces/x.txt"))
    return Path("data/more/faces/x.txt").read_text()


def test_it_changes_exactly_with_the_content(project: Path) -> None:
    first = left(project)
    os.utime(project / "a.png", (1, 1))
    assert left(project) == first
    (project / "a.png").write_text("three")
    changed = left(project)
    (project / "a.png").rename(project / "z.png")
    renamed = left(project)
    (project / "z.png").unlink()
    assert len({first, changed, renamed, left(project)}) == 4


def test_it_is_what_dvc_records(project: Path) -> None:
    dvc("stage", "add", "--name", "s", "--deps", str(project), "true")
    dvc("repro", "--quiet")
    (dep,) = yaml.safe_load(Path("dvc.lock").read_text())["stages"]["s"]["deps"]
    assert contents.md5_of(project) == dep["md5"]
    assert not list(Path(".dvc/cache/files").rglob("*.dir"))  # nothing is kept
