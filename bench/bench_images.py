"""Multiscale and sub-images: our stages against the scripts of Real-ESRGAN.

    python -m bench.bench_images [--real-esrgan CHECKOUT] [--peer-python PYTHON] [--rounds 3]

24 photographs of 1024x1024, cut out of `--source`, become 72 images and 624 tiles of 512x512 with
the parameters that made FaceUp. Both sides run as commands, in turns, with 2 processes. The peer's
images are then compared with ours one by one: ends with 1 where names, windows or pixels differ.

Without CHECKOUT, one of https://github.com/xinntao/Real-ESRGAN, our side is measured alone. PYTHON
has numpy, pillow, opencv-python-headless and tqdm. Two things are changed for the peer, in a copy:
its scales and shortest edge, constants in the script, become ours; and `basicsr.utils.scandir`, all
that it needs of BasicSR, is a stand-in of a few lines, which spares it the import of torch.
"""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from statistics import mean, median
from tempfile import TemporaryDirectory
from time import process_time
from typing import TypeVar

import numpy as np
from PIL import Image

from bench.measure import Cost, machine, run, stage_command
from stages import gather
from stages.common import files, sources, tables
from stages.common.pixels import images, png
from stages.common.rows import Decision, Photograph, Scaled, Tile, Unreadable

Made = TypeVar("Made")
SIDE = 1024  # px
COUNT, MANY = 24, 96  # photographs; the larger number shows that memory does not grow with it
WORKERS = "2"
PARAMS = """
multiscale: {scales: [1, 0.75], shortest_edge: 512}
subimages: {size: 512, step: 240, threshold: 0, spacing: step}
"""
CHANGES = {  # of the peer's constants
    "scale_list = [0.75, 0.5, 1 / 3]": "scale_list = [1, 0.75]",
    "shortest_edge = 400": "shortest_edge = 512",
}
SCANDIR = """
import os

def scandir(folder, full_path):
    return (os.path.join(folder, name) for name in os.listdir(folder))
"""
STAGES = ("collect", "multiscale", "subimages")
EACH = 4  # every so many tiles are encoded for the profile


def make_photographs(source: Path, folder: Path, count: int) -> None:
    """Cut squares out of all photographs that are large enough, in turns, from left to right."""
    found = []
    for path in sorted(source.rglob("*.jpg")):
        try:
            pixels = images.read(path)
        except images.ImageError:
            continue
        if min(pixels.shape[:2]) >= SIDE:
            found.append(pixels)
    positions = -(-count // len(found))
    folder.mkdir()
    for i in range(count):
        pixels = found[i % len(found)]
        left, top = (
            round(i // len(found) * (side - SIDE) / max(positions - 1, 1))
            for side in (pixels.shape[1], pixels.shape[0])
        )
        square = pixels[top : top + SIDE, left : left + SIDE]
        Image.fromarray(square).save(folder / f"photograph{i:02d}.png")


class Ours:
    """Our stages, as `dvc repro` runs them."""

    def __init__(self, photographs: Path, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        (folder / "params.yaml").write_text(PARAMS)
        rows = [
            Decision(
                rank, path.name, ".", files.sha256_of(path), path.stat().st_size, 1.0, True, "", ""
            )
            for rank, path in enumerate(sorted(photographs.iterdir()), start=1)
        ]
        tables.write(folder / "decisions.csv", Decision, rows)
        look = partial(
            gather.look,
            root=photographs,
            max_megapixels=250,
            store_path=folder / "store.sqlite",
            fingerprint="",
        )
        entries = sources.entries(sources.listed(photographs))
        facts = [look(entry).row for entry in entries]
        listed = [row for row in facts if isinstance(row, Photograph)]
        tables.write(folder / "gathered.csv", Photograph, sorted(listed))
        tables.write(folder / "unreadable.csv", Unreadable, [])
        self.photographs = photographs

    def run(self, stage: str, *, watch: bool = False) -> Cost:
        """Run one stage; those before it have run."""
        at = self.folder
        values = {
            "collect": [
                *(self.photographs, at / "gathered.csv", at / "unreadable.csv"),
                *(at / "decisions.csv", at / "hr", at / "collected.csv"),
            ],
            "multiscale": [
                *(at / "hr", at / "collected.csv", at / "multiscale"),
                *(at / "multiscale.csv", at / "multiscale_rejected.csv"),
            ],
            "subimages": [
                *(at / "multiscale", at / "multiscale.csv", at / "subimages"),
                *(at / "subimages.csv", at / "subimages_rejected.csv", at / "thumbnails"),
            ],
        }
        params = None if stage == "collect" else at / "params.yaml"
        command = stage_command(stage, *values[stage], at / f"{stage}.json", params=params)
        return run(command, variables={"SRSET_WORKERS": WORKERS}, watch=watch)[0]

    def images(self) -> dict[str, Path]:
        """All that was made, by the name that the peer gives it."""
        made = {}
        for row in tables.read(self.folder / "multiscale.csv", Scaled):
            made[_peer_name(row.photograph, row.path)] = self.folder / "multiscale" / row.path
        for tile in tables.read(self.folder / "subimages.csv", Tile):
            made[_peer_name(tile.photograph, tile.path)] = self.folder / "subimages" / tile.path
        return made


def _peer_name(photograph: str, path: str) -> str:
    """`photograph03T1_s002.png` of `photograph03-1f2e3d4cT1_s002.png`."""
    return Path(photograph).stem + path[path.rindex("T") :]


class Peer:
    """The scripts of Real-ESRGAN, with our scales."""

    def __init__(self, checkout: Path, python: str, photographs: Path, folder: Path) -> None:
        self.folder, self.photographs, self.python = folder, photographs, python
        text = (checkout / "scripts" / "generate_multiscale_DF2K.py").read_text()
        for old, new in CHANGES.items():
            if text.count(old) != 1:
                raise SystemExit(f"{checkout}: not the script this was written for: no `{old}`")
            text = text.replace(old, new)
        stand_in = folder / "basicsr" / "utils"
        stand_in.mkdir(parents=True)
        (stand_in / "__init__.py").write_text(SCANDIR)
        self.scripts = {
            "multiscale": folder / "generate_multiscale.py",
            "subimages": folder / "extract_subimages.py",
        }
        self.scripts["multiscale"].write_text(text)
        text = (checkout / "scripts" / "extract_subimages.py").read_text()
        self.scripts["subimages"].write_text(text)

    def run(self, stage: str) -> Cost:
        """Run one script."""
        source = self.photographs if stage == "multiscale" else self.folder / "multiscale"
        command: list[str | Path] = [self.python, self.scripts[stage], "--input", source]
        command += ["--output", self.folder / stage]
        if stage == "subimages":
            command += ["--crop_size", "512", "--step", "240", "--thresh_size", "0"]
            command += ["--n_thread", WORKERS]
        return run(command, variables={"PYTHONPATH": str(self.folder)})[0]

    def images(self) -> dict[str, Path]:
        """All that was made, by name."""
        folders = (self.folder / "multiscale", self.folder / "subimages")
        return {path.name: path for folder in folders for path in folder.iterdir()}


def compare(ours: dict[str, Path], theirs: dict[str, Path]) -> int:
    """Print how the images differ; gives the number of those whose name or pixels do."""
    faults = len(ours.keys() ^ theirs.keys())
    for name in ours.keys() & theirs.keys():
        with Image.open(ours[name]) as one, Image.open(theirs[name]) as other:
            faults += one.mode != other.mode or not np.array_equal(
                np.asarray(one), np.asarray(other)
            )
    print(f"{len(ours)} images of ours, {len(theirs)} of theirs, {faults} differ in name or pixels")
    for what, tile in (("scaled images", False), ("tiles", True)):
        names = sorted(name for name in ours.keys() & theirs.keys() if ("_s" in name) == tile)
        sizes = np.array([[p[n].stat().st_size for p in (ours, theirs)] for n in names], float)
        total, each = sizes.sum(axis=0), sizes[:, 0] / sizes[:, 1]
        print(
            f"{len(names):4d} {what}: {total[0] / 1e6:.1f} MB, theirs {total[1] / 1e6:.1f} MB, "
            f"ratio {total[0] / total[1]:.3f}; single files: median {median(each):.3f}, "
            f"{np.mean(each > 1):.0%} larger, at most {each.max():.3f}"
        )
    return faults


def show(costs: dict[str, list[Cost]], others: dict[str, list[Cost]]) -> None:
    """Print the medians of each stage and of sums of stages."""
    groups: list[Sequence[str]] = [*((stage,) for stage in STAGES), STAGES[1:], STAGES]
    print(f"{'seconds (CPU seconds)':36} {'ours':>15} {'theirs':>15} {'ratio':>13}")
    for group in groups:
        cells = []
        rows = []
        for side in (costs, others):
            rounds = list(zip(*(side[stage] for stage in group if stage in side), strict=True))
            if not rounds:
                continue
            clock = median(sum(cost.seconds for cost in each) for each in rounds)
            cpu = median(sum(cost.cpu for cost in each) for each in rounds)
            rows.append((clock, cpu))
            cells.append(f"{clock:7.2f} ({cpu:5.1f})")
        if len(rows) == 2:
            cells.append(f"{rows[0][0] / rows[1][0]:5.2f} ({rows[0][1] / rows[1][1]:.2f})")
        print(f"{' + '.join(group):36}" + "".join(f" {cell:>15}" for cell in cells))


def timed(times: list[float], call: Callable[[], Made]) -> Made:
    """Give what a call makes, and append its CPU seconds."""
    start = process_time()
    made = call()
    times.append(process_time() - start)
    return made


def limit(ours: Ours, cpu: float) -> None:
    """Print what the single calls of multiscale and subimages need; the two took `cpu` seconds."""
    scaled = sorted((ours.folder / "multiscale").rglob("*.png"))
    tiles = sorted((ours.folder / "subimages").rglob("*.png"))
    decode: list[float] = []
    resize: list[float] = []
    encode: list[float] = []
    encode_tile: list[float] = []
    for path in sorted((ours.folder / "hr").rglob("*.png")):
        pixels = timed(decode, partial(images.read, path))
        for side in (768, 512):
            to = partial(images.resize, pixels, side, side, Image.Resampling.LANCZOS)
            timed(encode, partial(png.encode, timed(resize, to)))
    for path in scaled:
        timed(decode, partial(images.read, path))
    for path in tiles[::EACH]:
        timed(encode_tile, partial(png.encode, images.read(path)))
    parts = {
        "decode": sum(decode),
        "resize": sum(resize),
        "encode": sum(encode) + mean(encode_tile) * len(tiles),
    }
    total = sum(parts.values())
    shares = ", ".join(f"{what} {part / total:.0%}" for what, part in parts.items())
    print(
        f"single calls of multiscale + subimages: {total:.1f} CPU seconds ({shares}; a tile "
        f"{1000 * mean(encode_tile):.1f} ms), {total / cpu:.0%} of all; the rest is start and files"
    )


def memory(source: Path, folder: Path) -> None:
    """Print the peak memory for two numbers of photographs."""
    for count in (COUNT, MANY):
        at = folder / f"memory{count}"
        at.mkdir()
        make_photographs(source, at / "photographs", count)
        ours = Ours(at / "photographs", at / "ours")
        costs = {stage: ours.run(stage, watch=True) for stage in STAGES}
        peaks = ", ".join(f"{stage} {cost.memory:.0f} MiB" for stage, cost in costs.items())
        print(f"peak memory, all processes, {count} photographs: {peaks}")


def main() -> None:
    """Measure, compare, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--source", type=Path, default=Path("data/samples"))
    parser.add_argument("--real-esrgan", type=Path)
    parser.add_argument("--peer-python", default=sys.executable)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--no-memory", action="store_true", help="leave the memory out")
    arguments = parser.parse_args()
    print(machine())
    with TemporaryDirectory() as name:
        folder = Path(name)
        make_photographs(arguments.source, folder / "photographs", COUNT)
        costs: dict[str, list[Cost]] = {stage: [] for stage in STAGES}
        others: dict[str, list[Cost]] = {stage: [] for stage in STAGES[1:]}
        for i in range(arguments.rounds):
            ours = Ours(folder / "photographs", folder / f"ours{i}")
            turns: list[tuple[Ours | Peer, dict[str, list[Cost]]]] = [(ours, costs)]
            if arguments.real_esrgan:
                peer = Peer(
                    arguments.real_esrgan,
                    arguments.peer_python,
                    folder / "photographs",
                    folder / f"theirs{i}",
                )
                turns.insert(i % 2, (peer, others))
            for side, found in turns:
                for stage in found:
                    os.sync()  # what was written before must not slow this one down
                    found[stage].append(side.run(stage))
        show(costs, others if arguments.real_esrgan else {})
        pairs = zip(costs["multiscale"], costs["subimages"], strict=True)
        limit(ours, median(sum(cost.cpu for cost in pair) for pair in pairs))
        faults = compare(ours.images(), peer.images()) if arguments.real_esrgan else 0
        if not arguments.no_memory:
            memory(arguments.source, folder)
    print(machine())
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
