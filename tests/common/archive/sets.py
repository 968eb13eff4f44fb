"""A small set of which the documents are about, with names as bad as they come."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from stages.common import params as parameter_files
from stages.common.archive.description import Contents, ReleaseParams
from stages.common.archive.licences import UNKNOWN, Licence
from stages.common.pixels import png
from stages.common.rows import Decision, Lineage, Rejected, Source, Unreadable, Validation
from tests.conftest import REPOSITORY, noise, sha256_of_png

SIDE = 32  # px, of a tile
ODD = 'a|b <i> *x* `y` "z" & \\ [l](u) $m$ 山.jpg'
BYTES = "not UTF-8 \udcff\udcfe.jpg"
RELEASE = ReleaseParams(
    title="A set | of *tiles* <b>",
    purpose="to test: documents, with “quotes” & an emoji 🏔",
    use_case="none",
    creator="Ann O'Nym & {friends}",
    url="https://example.org/a_set",
    licence="other",
    version="1.2.0",
    date="2026-11-25",
    volume_size=None,
    private=False,
)
HERE = Source("here", "", "", "", "unknown", "")
CC = Licence("*", "CC-BY-4.0", "Ann", "a *source* | x", "https://example.org/by_4_0")


def digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()


def lineage(number: int, photograph: str = ODD, section: str = "s") -> Lineage:
    return Lineage(
        name=f"{number}.png",
        sha256=sha256_of_png(noise(SIDE, SIDE, number)),
        hyperiqa=round(0.9 - number / 100, 6),
        tile=f"{section}/t{number}.png",
        scale=("1", "0.75")[number % 2],
        left=0,
        top=0,
        width=SIDE,
        height=SIDE,
        section=section,
        photograph=photograph,
        photograph_sha256=digest(photograph),
        source=HERE.name,
    )


def validation(name: str, scales: Sequence[int]) -> list[Validation]:
    sides = {"hr": SIDE} | {f"x{scale}": SIDE // scale for scale in scales}
    return [
        Validation(
            path=f"{scale}/{name}.png",
            section="spare",
            sha256=sha256_of_png(noise(side, side, 50)),
            scale=scale,
            width=side,
            height=side,
            hyperiqa=0.4,
            photograph=f"spare/{name}.jpg",
            photograph_sha256=digest(name),
            source=HERE.name,
        )
        for scale, side in sides.items()
    ]


def decisions(paths: Sequence[str], kept: int, section: str = "s") -> list[Decision]:
    """Ranked images of which the first are kept; a better one is a larger file."""
    return [
        Decision(
            rank=i + 1,
            path=path,
            section=section,
            sha256=digest(path),
            bytes=10_000 - i,
            hyperiqa=round(0.9 - i / 100, 6),
            kept=i < kept,
            reason="" if i < kept else f"below the best {kept}",
            detail="" if i < kept else f"rank {i + 1}",
        )
        for i, path in enumerate(paths)
    ]


def small_set(**changes: Any) -> Contents:
    """12 tiles of two photographs, and two photographs to validate with."""
    tiles = [lineage(i, ODD if i < 9 else BYTES) for i in range(12)]
    pairs = [*validation("v", (2, 4)), *validation("w", (2, 4))]
    photographs = sorted({row.photograph for row in tiles} | {row.photograph for row in pairs})
    licences = dict.fromkeys(photographs, CC) | {BYTES: UNKNOWN}
    contents = Contents(
        name="tiny-set",
        params=RELEASE,
        recipe=parameter_files.read(REPOSITORY / "params.yaml"),
        scorer={"model": "builtin", "weights_sha256": "0" * 64, "engine": "openvino 1"},
        tiles=tiles,
        validation=pairs,
        images=decisions([ODD, BYTES, "c.jpg"], 2),
        cut=decisions([f"s/t{i}.png" for i in range(20)], 12),
        unreadable=[Unreadable("n.txt", "not an image", "", 3, "")],
        rejected=[Rejected("d.jpg", "too small", ""), Rejected("e.jpg", "too small", "")],
        licences=licences,
        sources={HERE.name: HERE},
    )
    return contents._replace(**changes)


def write_images(c: Contents, dataset: Path, folder: Path) -> None:
    """The images of a set."""
    for row in c.tiles:
        number = int(row.name.removesuffix(".png"))
        png.write(dataset / c.name / row.name, noise(row.height, row.width, number))
    for pair in c.validation:
        png.write(folder / pair.path, noise(pair.height, pair.width, 50))
