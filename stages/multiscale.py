"""Downscale each photograph to several scales.

Takes:  hr/; collected.csv.
Leaves: multiscale/<name>T<i>.png; multiscale.csv (`Scaled`); multiscale_rejected.csv.
Rule:   `scales`, then `shortest_edge` px for the shorter side, sides truncated, Lanczos. A size
        that would enlarge, or that the photograph has already, is skipped with a reason. Scale 1
        is the same file, linked. Where `subimages.files` is `kept`, multiscale/ gets none: the
        sizes alone are listed.
Source: Real-ESRGAN, scripts/generate_multiscale_DF2K.py (windows and pixels equal), less its
        enlarging. https://github.com/xinntao/Real-ESRGAN
"""

import hashlib
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Annotated

from PIL import Image
from pydantic import Field, field_validator

from stages.common import disk, files, links, tables, workers
from stages.common.cli import run
from stages.common.params import Params
from stages.common.pixels import images, png
from stages.common.rows import Collected, Rejected, Scaled
from stages.common.subimages_params import Written, write_why_empty


class MultiscaleParams(Params):
    scales: list[Annotated[float, Field(gt=0, le=1)]] = Field(min_length=1)
    shortest_edge: Annotated[int, Field(ge=1)] | None

    @field_validator("scales")
    @classmethod
    def _differ(cls, scales: list[float]) -> list[float]:
        if len({f"{scale:g}" for scale in scales}) < len(scales):
            raise ValueError("must differ from each other")
        return scales


def sizes(width: int, height: int, params: MultiscaleParams) -> dict[str, tuple[int, int]]:
    """Width and height at each scale, by its name; at least 1 px."""
    by_name = {f"{s:g}": (int(width * s), int(height * s)) for s in params.scales}
    if params.shortest_edge is not None:
        edge = params.shortest_edge
        by_name[f"{edge}px"] = (
            (edge, int(edge * (height / width)))
            if width < height
            else (int(edge * (width / height)), edge)
        )
    return {name: (max(w, 1), max(h, 1)) for name, (w, h) in by_name.items()}


def downscale(
    row: Collected, *, hr: Path, folder: Path, params: MultiscaleParams, write: bool
) -> tuple[list[Scaled], list[Rejected]]:
    """One photograph at all its scales; they are written where `write` says so."""
    pixels = None
    found: dict[tuple[int, int], Scaled] = {}
    skipped = []
    for i, (scale, size) in enumerate(sizes(row.width, row.height, params).items()):
        name = f"{row.path.removesuffix('.png')}T{i}.png"
        if size[0] > row.width or size[1] > row.height:
            detail = f"{scale}: from {row.width}x{row.height} to {size[0]}x{size[1]} px"
            skipped.append(Rejected(name, "would enlarge", detail))
            continue
        if size in found:
            detail = f"{scale}: {size[0]}x{size[1]} px, as {found[size].path}"
            skipped.append(Rejected(name, "same size", detail))
            continue
        sha256 = ""
        if write and size == (row.width, row.height):
            links.link(hr / row.path, folder / name)
            sha256 = row.sha256
        elif write:
            if pixels is None:
                pixels = images.read_checked(hr / row.path, row.sha256)
            smaller = images.resize(pixels, *size, Image.Resampling.LANCZOS)
            sha256 = hashlib.sha256(png.write(folder / name, smaller)).hexdigest()
        found[size] = Scaled(
            path=name,
            section=row.section,
            sha256=sha256,
            scale=scale,
            width=size[0],
            height=size[1],
            photograph=row.photograph,
            photograph_sha256=row.photograph_sha256,
            photograph_pixels=row.pixels,
            photograph_width=row.width,
            photograph_height=row.height,
            source=row.source,
        )
    return list(found.values()), skipped


def main(
    hr: Path,
    collected: Path,
    folder: Path,
    multiscale: Path,
    rejected: Path,
    numbers: Path,
    params: MultiscaleParams,
    subimages: Written,
) -> None:
    photographs = tables.read(collected, Collected)
    smaller = [
        size
        for row in photographs
        for size in set(sizes(row.width, row.height, params).values())
        if size[0] < row.width and size[1] < row.height
    ]
    write = subimages.files == "all"
    if write:
        disk.check_room(folder, disk.png_bytes(smaller), "this stage")
    files.new_folder(folder)
    if not write:
        write_why_empty(folder)
    rows: list[Scaled] = []
    skipped: list[Rejected] = []
    task = partial(downscale, hr=hr, folder=folder, params=params, write=write)
    done = workers.each(task, photographs, what="multiscale") if write else map(task, photographs)
    for found, left_out in done:
        rows += found
        skipped += left_out
    if len(rows) + len(skipped) != sum(len(sizes(r.width, r.height, params)) for r in photographs):
        raise AssertionError("a scale has neither an image nor a reason")
    tables.write(multiscale, Scaled, sorted(rows))
    tables.write(rejected, Rejected, sorted(skipped))
    scales = Counter(row.scale for row in rows)
    reasons = Counter(row.reason for row in skipped)
    tables.write_numbers(
        numbers,
        {
            "photographs": len(photographs),
            "images": len(rows),
            "skipped": dict(sorted(reasons.items())),
        },
    )
    skips = "".join(f" · {n:,} skipped: {reason}" for reason, n in reasons.most_common())
    counts = ", ".join(f"{n:,} at {scale}" for scale, n in scales.items())
    verb = "wrote" if write else "listed"
    print(f"{verb} {len(rows):,} images of {len(photographs):,} photographs · {counts}{skips}")


if __name__ == "__main__":
    run(main)
