"""Which tiles count for which sums, and the sums: one pass over all tiles gives every cutoff.

Sums of tiles are exact (equations.py), so they may be made in any order. Tiles are read photograph
by photograph, not by rank: a photograph need not be decoded for each of its tiles.
"""

import hashlib
from collections.abc import Sequence
from contextlib import closing
from functools import partial
from typing import NamedTuple

import numpy as np

from stages.common import workers
from stages.common.measures.luma import Luma, luma
from stages.common.pixels import pictures
from stages.common.probing import equations
from stages.common.probing.equations import Floats
from stages.common.rows import Decision, Tile
from stages.common.sources import Root

DRAWS = 3  # random sets of the size of the kept one
CHUNK = 128  # tiles that a process sums at once; what it hands back has some 40 MB


class Counted(NamedTuple):
    """A tile, and the places of the sums that it counts for."""

    tile: Tile
    places: tuple[int, ...]


class Plan(NamedTuple):
    """What is summed: a place for each step of the ranking, then the kept set, then random ones."""

    counts: list[int]  # of the best tiles, ascending; the last is all of them
    kept: int  # tiles
    tiles: list[Counted]  # photograph by photograph

    @property
    def places(self) -> int:
        return len(self.counts) + 1 + DRAWS


def plan(rows: Sequence[Decision], tiles: Sequence[Tile], points: int) -> Plan:
    """What each tile counts for. `rows` are all tiles by rank, at least one of them kept."""
    by_path = {tile.path: tile for tile in tiles}
    ranked = [by_path[row.path] for row in sorted(rows, key=lambda row: row.rank)]
    kept = {row.path for row in rows if row.kept}
    counts = steps(len(ranked), points)
    first = len(counts)
    drawn = [drawn_by_chance(ranked, len(kept), draw) for draw in range(DRAWS)]
    counted = []
    for at, tile in enumerate(ranked):
        step = int(np.searchsorted(counts, at, side="right"))
        among = (tile.path in kept, *(tile.path in draw for draw in drawn))
        counted.append(Counted(tile, (step, *(first + i for i, yes in enumerate(among) if yes))))
    counted.sort(key=lambda it: (it.tile.photograph, it.tile.parent, it.tile.top, it.tile.left))
    return Plan(counts, len(kept), counted)


def steps(tiles: int, points: int) -> list[int]:
    """Counts to try, the last of them all tiles: dense where there are few, as the curve is steep
    there; the i-th of n is the (i / n)^2 of all."""
    return sorted({-(-tiles * i * i // points**2) for i in range(1, points + 1)})


def drawn_by_chance(tiles: Sequence[Tile], count: int, draw: int) -> set[str]:
    """The paths of so many tiles, those of the smallest hashes of their pixels and the draw: so a
    tile's luck is its own, whatever other tiles there are."""

    def luck(tile: Tile) -> tuple[str, str]:
        return hashlib.sha256(f"{draw} {tile.pixels}".encode()).hexdigest(), tile.path

    return {tile.path for tile in sorted(tiles, key=luck)[:count]}


def luma_of(tile: Tile, root: Root) -> Luma:
    """A tile's luma, (h, w)."""
    return luma(pictures.pixels(root, pictures.of_tile(tile)))


def chunk_sums(chunk: Sequence[Counted], *, root: Root, places: int) -> Floats:
    """The sums of some tiles at each place, (places, 192, PACKED)."""
    total = np.zeros((places, *equations.empty().shape))
    for tile, own in chunk:
        sums = equations.of_tile(luma_of(tile, root))
        for place in own:
            total[place] += sums
    return total


def summed(planned: Plan, root: Root) -> Floats:
    """The sums at each place, (places, 192, PACKED): of each step of the ranking alone, of the kept
    set, of the random ones.

    Raises:
        UserError: where a photograph is not the one that its table lists.
    """
    total = np.zeros((planned.places, *equations.empty().shape))
    tiles = planned.tiles
    chunks = [tiles[start : start + CHUNK] for start in range(0, len(tiles), CHUNK)]
    task = partial(chunk_sums, root=root, places=planned.places)
    with closing(workers.ordered_map(task, chunks, ahead=1)) as results:
        for sums in workers.bar(results, len(chunks), "probe", f" times {CHUNK} tiles"):
            total += sums
    return total
