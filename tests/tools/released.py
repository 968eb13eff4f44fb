"""A small project of git and DVC that makes a set, of which versions are released."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from tests.common.archive.sets import RELEASE
from tests.tools.project import Project

PIPELINE = """
stages:
  dataset:
    cmd: python make.py
    deps: [make.py, data/tiles.txt]
    params: [dataset, release]
    outs: [data/dataset, data/tables]
"""
MAKE = """
import hashlib
from pathlib import Path

from stages.common import tables
from stages.common.rows import Lineage, Source, Tile, Validation

def sha256(text):
    return hashlib.sha256(text.encode()).hexdigest()

tiles, table = [], []
for number, line in enumerate(Path("data/tiles.txt").read_text().split("\\n")[:-1]):
    picture, score, photograph = line.split()
    section = photograph.partition("/")[0]
    of = (photograph, sha256(photograph))
    name, path = f"{number}.png", f"{section}/{picture}.png"
    target = Path("data/dataset/tiny") / name
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(f"{picture} as PNG")
    file = sha256(f"{picture} as PNG")
    tiles.append(Lineage(name, file, float(score), path, "1", 0, 0, 64, 64, section, *of))
    scaled, box = (64, 64), (0, 0, 64, 64)
    table.append(Tile(path, section, sha256(picture), "p.png", "1", *scaled, *box, *of))
tables.write(Path("data/dataset/lineage.csv"), Lineage, tiles)
tables.write(Path("data/tables/subimages.csv"), Tile, table)
pairs = [("hr", 64), ("x2", 32), ("x4", 16)]
rows = [
    Validation(f"{scale}/v.png", "v", "0" * 64, scale, side, side, 0.4, "v/v.jpg", "1" * 64)
    for scale, side in pairs
]
tables.write(Path("data/tables/validation.csv"), Validation, rows)
whose = [Source("", "", "", "", "unknown", "")]
tables.write(Path("data/tables/sources_images.csv"), Source, whose)
"""
FIRST = ["a 0.9 faces/1.jpg", "b 0.8 faces/1.jpg", "c 0.7 places/2.jpg", "d 0.6 places/2.jpg"]
PARAMS: dict[str, Any] = {
    "cutoff": {"subimages": {"count": 4, "min_score": None}},
    "dataset": {"name": "tiny"},
    "release": RELEASE.model_dump() | {"version": "1.0.0", "date": "2026-11-25"},
}


class Released(Project):
    """A project, and what is done to release from it."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        names = [
            f"GIT_{who}_{what}" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
        ]
        self.environment |= dict.fromkeys(names, "n")

    def set_up(self) -> None:
        """Fill the folder: nothing is made or committed yet, and no remote is set."""
        self.folder.mkdir()
        self.run("git", "init", "-q", "--initial-branch=main")
        self.run("dvc", "init", "-q")
        (self.folder / ".dvc" / "config").write_text("[core]\n    autostage = false\n")
        (self.folder / ".dvc" / ".gitignore").write_text("/config.local\n/tmp\n/cache\n")
        (self.folder / ".gitignore").write_text("/data/dataset\n/data/tables\n")
        (self.folder / "dvc.yaml").write_text(PIPELINE)
        (self.folder / "make.py").write_text(MAKE)
        (self.folder / "data").mkdir()
        self.licences({"*": "CC0-1.0"})

    def licences(self, of: dict[str, str]) -> None:
        """Write data/licences.csv: licences by pattern."""
        lines = [f"{pattern},{licence},,,\n" for pattern, licence in of.items()]
        text = "photographs,licence,author,source,url\n" + "".join(lines)
        (self.folder / "data" / "licences.csv").write_text(text)

    def version(
        self, version: str, tiles: list[str], *, message: str = "a version", **release: Any
    ) -> None:
        """Make a version and commit it; `release` are other parameters of that section."""
        params = PARAMS | {"release": PARAMS["release"] | {"version": version} | release}
        params["cutoff"] = {"subimages": {"count": len(tiles), "min_score": None}}
        (self.folder / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))
        (self.folder / "data" / "tiles.txt").write_text("".join(f"{line}\n" for line in tiles))
        self.run("dvc", "repro", "-q")
        self.commit(message)

    def add_remote(self) -> None:
        """A folder beside the project."""
        store = str(self.folder.parent / "store")
        self.run("dvc", "remote", "add", "-q", "--default", "store", store)
        self.commit("a remote")

    def start(self, version: str, *arguments: str, **variables: str) -> "subprocess.Popen[str]":
        command = [sys.executable, "-m", "stages.tools.release_version", "--version", version]
        return subprocess.Popen(
            [*command, *arguments],
            cwd=self.folder,
            env=self.environment | variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def release(self, version: str, *, fails: bool = False) -> str:
        """Release a version; what it says, or what went wrong."""
        process = self.start(version)
        out, err = process.communicate(timeout=100)
        assert (process.returncode != 0) == fails, out + err
        assert "Traceback" not in err, err
        return err if fails else out

    def git(self, *arguments: str) -> str:
        return self.run("git", *arguments).strip()

    @property
    def changelog(self) -> str:
        return (self.folder / "data" / "CHANGELOG.md").read_text()
