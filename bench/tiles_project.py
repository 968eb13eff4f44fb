"""A project of many small tiles for benchmarks: made photographs, the real pipeline, known scores.

The scores come from a score store that is filled beforehand, under the fingerprint that the stage
`score` asks for: so nothing is computed, and no stage is changed. Photographs are soft blobs with
some noise, 1024 px wide, in two sections; each gives 256 tiles of 64 px.
"""

import os
import random
import shutil
import subprocess
import sys
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from PIL import Image

from bench.measure import run
from stages.common import files, tables
from stages.common.hyperiqa import models
from stages.common.hyperiqa.scorer import fingerprint
from stages.common.pixels import images
from stages.common.rows import Tile
from stages.common.scores import ScoreStore

REPOSITORY = Path(__file__).parents[1]
SIDE, TILE = 1024, 64  # px
A_PHOTOGRAPH = (SIDE // TILE) ** 2  # tiles
SECTIONS = ("faces", "places")
SPARE = 2  # photographs that nothing is cut from: the validation's
WHO = ["-c", "user.name=bench", "-c", "user.email=bench@example.org"]


def photograph(seed: int) -> images.Pixels:
    """Blobs that no other seed has, with more or less noise: files of many sizes, as real ones."""
    generator = np.random.default_rng(seed)
    blobs = Image.fromarray(generator.integers(0, 256, (12, 12, 3), dtype=np.uint8))
    smooth = np.asarray(blobs.resize((SIDE, SIDE), Image.Resampling.BICUBIC), dtype=np.int16)
    strength = generator.integers(1, 6)
    noise = generator.integers(-strength, strength + 1, smooth.shape, dtype=np.int16)
    return (smooth + noise).clip(0, 255).astype(np.uint8)


def params(photographs: int, count: int) -> dict[str, Any]:
    """The repository's parameters, for tiles of 64 px of which `count` are kept."""
    sections: dict[str, Any] = yaml.safe_load((REPOSITORY / "params.yaml").read_text())
    sections["gather"]["source"] = "data/source"
    sections["score"] |= {"device": "cpu", "precision": "fp32"}
    sections["multiscale"] = {"scales": [1], "shortest_edge": None}
    sections["subimages"] |= {"size": TILE, "step": TILE}
    rules: dict[str, Any] = {"limits": {}, "near_duplicates": None, "per_section": {}}
    sections["cutoff"]["images"] |= {"count": photographs} | rules
    sections["cutoff"]["subimages"] |= {"count": count, "per_photograph": None}
    sections["cutoff"]["subimages"]["limits"] = {"bits": {"min": 0.01}}
    sections["validation"]["count"] = 0  # blobs are too much alike, by their embeddings
    sections["dataset"]["name"] = "bench"
    return sections


class TilesProject:
    """A project in a new folder, with a score store, DVC's memory and settings of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "project"
        self.variables = {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "SRSET_STORE": str(folder / "scores.sqlite"),
            "DVC_NO_ANALYTICS": "1",
            "DVC_SITE_CACHE_DIR": str(folder / "site"),
            "DVC_GLOBAL_CONFIG_DIR": str(folder / "no config"),
        }

    def run(self, *command: str | Path) -> str:
        """Run a command in the project; what it has printed."""
        return run(command, variables=self.variables, folder=self.folder)[1]

    def dvc(self, *arguments: str) -> str:
        return self.run(sys.executable, "-m", "dvc", *arguments)

    def commit(self, message: str) -> None:
        self.run("git", "add", "--all")
        self.run("git", *WHO, "commit", "--quiet", "--message", message)

    def make(self, tiles: int, kept: int) -> None:
        """The repository's code, photographs for at least so many tiles, a run and a commit."""
        listed = subprocess.run(
            ["git", "ls-files", "-z"], cwd=REPOSITORY, check=True, capture_output=True, text=True
        ).stdout
        for name in filter(None, listed.split("\0")):
            if not name.startswith(("data/samples/", "training/", "tests/", "bench/")):
                (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(REPOSITORY / name, self.folder / name)
        used = -(-tiles // A_PHOTOGRAPH)
        self.write_params(params(used, kept))
        self.run("git", "init", "--quiet")
        self.know([self.add_photograph(number) for number in range(used + SPARE)])
        self.dvc("add", "--quiet", "data/source")
        self.commit("photographs")
        self.dvc("repro", "subimages")
        rows = tables.read(self.folder / "data/tables/subimages.csv", Tile)
        self.know(row.pixels for row in rows)
        printed = self.dvc("repro")
        if " 0 scored" not in printed:
            raise AssertionError(f"some tiles were not known: {printed}")
        self.commit("first set")

    def add_photograph(self, number: int) -> str:
        """Put a photograph into a section; gives the SHA-256 of its pixels."""
        made = photograph(number)
        section = SECTIONS[number % len(SECTIONS)]
        target = self.folder / "data/source" / section / f"{number:05d}.png"
        target.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(made).save(target)
        os.utime(target, (10**9, 10**9))  # nothing is being written
        return images.pixels_sha256(made)

    def know(self, pixels: Iterable[str]) -> None:
        """Give pixels, by their SHA-256, scores that look like real ones: 0.6 on average."""
        known = [(sha256, random.Random(sha256).gauss(0.6, 0.08)) for sha256 in sorted(set(pixels))]
        scorer = files.sha256_of(models.locate("builtin", REPOSITORY / "data/weights"))
        key = fingerprint(scorer, "cover", "cpu", "fp32")
        with closing(ScoreStore(Path(self.variables["SRSET_STORE"]), key)) as scores:
            scores.put(known)

    def write_params(self, sections: dict[str, Any]) -> None:
        (self.folder / "params.yaml").write_text(yaml.safe_dump(sections, sort_keys=False))

    def set_count(self, count: int) -> None:
        """Keep so many tiles from now on."""
        sections = yaml.safe_load((self.folder / "params.yaml").read_text())
        sections["cutoff"]["subimages"]["count"] = count
        self.write_params(sections)

    def disk(self) -> int:
        """Bytes that the whole project takes on the disk; a file with several names counts once."""
        return int(self.run("du", "--summarize", "--block-size=1", ".").split()[0])
