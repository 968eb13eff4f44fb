"""A published project for tests: a set of tiles and a release of it, in two versions, of which the
second has 5% new tiles, and every tile has another number."""

import shutil
from pathlib import Path

from tests.conftest import REPOSITORY
from tests.tools.project import Project

TILES, NEW = 200, 10
BYTES = 100_000  # of a tile; one of 512 px has four times as many
PIPELINE = """
vars: [version: 1]
stages:
  dataset:
    cmd: python make.py dataset ${version}
    deps: [make.py]
    outs: [data/dataset]
  release:
    cmd: python make.py release ${version}
    deps: [make.py, data/dataset]
    outs: [data/release]
"""
MAKE = """
import hashlib
import random
import shutil
import sys
from pathlib import Path

what, version = sys.argv[1:]
if what == "dataset":
    tiles = list(range(TILES))
    if version == "2":  # the new ones are better than all others
        tiles = list(range(TILES, TILES + NEW)) + tiles[:-NEW]
    folder = Path("data/dataset/samples")
    folder.mkdir(parents=True)
    lines = ["name,sha256"]
    for number, tile in enumerate(tiles):
        content = random.Random(tile).randbytes(BYTES)
        (folder / f"{number}.png").write_bytes(content)
        lines.append(f"{number}.png,{hashlib.sha256(content).hexdigest()}")
    (folder.parent / "lineage.csv").write_text("\\n".join(lines) + "\\n")
else:
    folder = Path("data/release")
    folder.mkdir(parents=True)
    archive = folder / "samples.7z"
    archive.write_bytes(b"".join(path.read_bytes() for path in Path("data/dataset").rglob("*.png")))
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    (folder / "SHA256SUMS").write_text(f"{digest}  samples.7z\\n")
"""


def new_project(folder: Path) -> Project:
    """One of git and DVC, with this repository's Makefile and nothing made yet."""
    project = Project(folder)
    folder.mkdir(parents=True)
    project.run("git", "init", "-q", "--initial-branch=main")
    project.run("dvc", "init", "-q")
    settings = '[core]\n    autostage = false\n[cache]\n    type = "hardlink,copy"\n'
    (folder / ".dvc/config").write_text(settings)
    numbers = f"TILES, NEW, BYTES = {TILES}, {NEW}, {BYTES}\n"
    (folder / "make.py").write_text(numbers + MAKE)
    (folder / "dvc.yaml").write_text(PIPELINE)
    (folder / ".gitignore").write_text("/.venv\n/data\n")
    for name in ("Makefile", "requirements.txt", "constraints.txt"):
        shutil.copy2(REPOSITORY / name, folder)
    (folder / ".venv").mkdir()
    (folder / ".venv/ready").touch()  # these tests' environment is the project's, too
    project.environment |= {"PYTHONWARNINGS": "ignore"}
    project.environment |= dict.fromkeys(("GIT_AUTHOR_NAME", "GIT_COMMITTER_NAME"), "t")
    project.environment |= dict.fromkeys(
        ("GIT_AUTHOR_EMAIL", "GIT_COMMITTER_EMAIL"), "t@example.org"
    )
    project.commit("empty")
    return project


def tiles_of(folder: Path) -> dict[str, bytes]:
    """What a folder of tiles, or any other, holds."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != ".gitignore")
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def make_version(project: Project, number: int) -> None:
    """Run the project's pipeline, and commit and tag what it gives."""
    (project.folder / "dvc.yaml").write_text(PIPELINE.replace("version: 1", f"version: {number}"))
    project.run("dvc", "repro", "-q")
    project.commit(f"version {number}")
    project.run("git", "tag", f"v{number}")
