"""A project of its own for tests: a copy of the repository with small photographs, under DVC."""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.conftest import REPOSITORY, SAMPLES, save_small

SIZE = 224  # px, of the tiles: one crop each, to be quick
MANY, FEW = 12, 8  # tiles in the dataset
GOOD = ("landscape/bridge", "landscape/life", "objects/kleiber", "objects/wine")
SPARE = ("objects/free", "landscape/picosdeeuropa")  # one is trained on, one validates
LATER = "landscape/seeding"
EVALUATED = "objects/umang"
PARAMS: dict[str, Any] = {
    "frames": {"every": 5, "deinterlace": False},
    "gather": {
        "source": "data/source",
        "more": {},
        "max_megapixels": 250,
    },
    "screen": {
        "min_short_edge": 300,
        "exclude": ["*/left out*"],
        "evaluation_sets": ["data/evaluation/demo"],
        "known_sets": True,
    },
    "score": {
        "model": "builtin",
        "crops": "cover",
        "size": "native",
        "device": "cpu",
        "precision": "fp32",
    },
    "cutoff": {
        "images": {
            "count": None,  # all: which ones are good is not the question here
            "min_score": None,
            "report_at": None,
            "limits": {},
            "near_duplicates": None,
            "per_section": {"spare": {"count": 1}},
        },
        "subimages": {
            "count": MANY,
            "min_score": None,
            "report_at": 0.5,
            "limits": {},
            "overlap": None,
            "per_photograph": None,
            "scales": None,
            "per_section": {},
        },
    },
    "validation": {"candidates": 100, "count": 1, "picks": [], "scales": [2, 4]},
    "multiscale": {"scales": [1, 0.75], "shortest_edge": 240},
    "subimages": {"size": SIZE, "step": 200, "threshold": 0, "spacing": "step", "files": "all"},
    "probe": {"held": None, "points": 16, "classes": [48, 192]},
    "dataset": {"name": "tiny"},
    "release": {
        "title": "A tiny set",
        "purpose": "to test the pipeline",
        "use_case": "none",
        "creator": "nobody",
        "url": "https://example.org/tiny",
        "licence": "other",
        "version": "1.0.0",
        "date": "2026-11-25",
        "volume_size": None,
        "private": False,
    },
}


def cutoffs(images: int | None, tiles: int | None) -> dict[str, Any]:
    """The section `cutoff` with these counts and no other rule."""
    plain = {"min_score": None, "report_at": None, "limits": {}, "per_section": {}}
    variety = {"overlap": None, "per_photograph": None, "scales": None}
    return {
        "images": plain | {"count": images, "near_duplicates": None},
        "subimages": plain | {"count": tiles} | variety,
    }


@dataclass
class Run:
    """What `dvc repro` said, and the dvc.lock it left."""

    output: str
    lock: str

    @property
    def stages(self) -> list[str]:
        """The stages that it ran."""
        return re.findall(r"Running stage '([^']+)'", self.output)

    @property
    def scored(self) -> list[tuple[int, int]]:
        """How many images each use of `score` scored, and how many it knew."""
        found = re.findall(r"([\d,]+) scored, ([\d,]+) known", self.output)
        return [(int(a.replace(",", "")), int(b.replace(",", ""))) for a, b in found]


@dataclass
class Project:
    """A copy of the repository with photographs and a score store of its own."""

    folder: Path
    workers: str
    packages: Path | None = None  # a folder of packages that goes before those installed
    params: dict[str, Any] = field(default_factory=lambda: yaml.safe_load(yaml.safe_dump(PARAMS)))

    def prepare(self, code: Path) -> None:
        """Fill the folder; `code` is a copy of the repository's code."""
        shutil.copytree(code, self.folder)
        subprocess.run(["git", "init", "--quiet"], cwd=self.folder, check=True)
        self.add_photographs()

    def add_photographs(self) -> None:
        """Good ones, and all that can be wrong with others."""
        source = self.folder / "data" / "source"
        for name in (*GOOD, EVALUATED):
            save_small(SAMPLES / f"{name}.jpg", source / f"{name}.jpg")
        for name in SPARE:
            save_small(SAMPLES / f"{name}.jpg", source / "spare" / f"{Path(name).name} ü.jpg")
        whole = (source / f"{GOOD[0]}.jpg").read_bytes()
        (source / "objects" / "with two  spaces.jpg").write_bytes(whole)  # twice
        (source / "objects" / "cut.jpg").write_bytes(whole[: len(whole) // 2])
        (source / "objects" / "notes.txt").write_text("ask before publishing\n")
        (source / "objects" / "left out.jpg").write_bytes(whole)
        save_small(SAMPLES / f"{GOOD[1]}.jpg", source / "objects" / "small.jpg", side=290)

    def add_photograph(self) -> None:
        save_small(SAMPLES / f"{LATER}.jpg", self.folder / "data" / "source" / f"{LATER}.jpg")

    @property
    def environment(self) -> dict[str, str]:
        """Of every command in the project: with a score store and a DVC of its own."""
        beside = self.folder.with_name(self.folder.name + " beside")
        environment = os.environ | {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "SRSET_STORE": str(beside / "scores.sqlite"),
            "SRSET_WORKERS": self.workers,
            "DVC_NO_ANALYTICS": "1",
            "DVC_SITE_CACHE_DIR": str(beside / "site"),
        }
        environment.pop("PYTHONPATH", None)  # the project's own stages, not the repository's
        return environment | ({"PYTHONPATH": str(self.packages)} if self.packages else {})

    def write_params(self) -> None:
        (self.folder / "params.yaml").write_text(yaml.safe_dump(self.params, sort_keys=False))

    def start(self) -> "subprocess.Popen[str]":
        """Start `dvc repro`."""
        self.write_params()
        return subprocess.Popen(
            [sys.executable, "-m", "dvc", "repro"],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def repro(self) -> "Run":
        """Run `dvc repro` to its end; it must be a good one."""
        process = self.start()
        output, _ = process.communicate(timeout=600)
        assert process.returncode == 0, output
        return Run(output, (self.folder / "dvc.lock").read_text())

    def outs(self) -> list[Path]:
        """Everything that stages have made."""
        graph = yaml.safe_load((self.folder / "dvc.lock").read_text())["stages"]
        return [self.folder / out["path"] for stage in graph.values() for out in stage["outs"]]


def copy_code(folder: Path) -> None:
    """The repository's code, weights and evaluation set."""
    files = [".dvcignore", ".gitignore", ".dvc/config", ".dvc/.gitignore", "dvc.yaml", "Makefile"]
    files += [f"data/weights/{name}.safetensors" for name in ("builtin", "embedding")]
    files += ["data/evaluation/demo/portrait.png", "data/known_sets.csv"]
    files += ["data/reference/README.md", "data/more/README.md"]
    files += ["data/leave_out.csv", "data/licences.csv"]
    files += ["requirements.txt", "constraints.txt"]
    code = [p for p in (REPOSITORY / "stages").rglob("*") if p.is_file() and p.suffix != ".pyc"]
    files += [str(p.relative_to(REPOSITORY)) for p in code]
    for name in files:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(REPOSITORY / name, folder / name)
