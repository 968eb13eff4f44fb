"""Held photographs, that nothing is trained on: how well filters enlarge them."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from stages.common import sources, workers
from stages.common.errors import UserError
from stages.common.measures.luma import Luma, luma
from stages.common.probe_params import LEAST
from stages.common.probing import equations, filters, similarity
from stages.common.probing.equations import Floats
from stages.common.probing.similarity import BORDER, psnr
from stages.common.rows import Photograph

SIDE = 1024  # px: of a larger photograph the middle counts
SMALLEST = 64  # px, of a side


def photographs(held: str, folder: Path, gathered: Sequence[Photograph]) -> list[Photograph]:
    """The held photographs, of the rows of `folder`, below which all evaluation sets are.

    Raises:
        UserError: where they are too few, or one is too small.
    """
    inside = PurePosixPath(Path(held).relative_to(folder).as_posix())
    found = sorted(row for row in gathered if PurePosixPath(row.path).is_relative_to(inside))
    if len(found) < LEAST:
        raise UserError(
            f"probe.held: {held} holds {len(found)} photographs, expected {LEAST} or more, since "
            "of fewer the interval says nothing: put more there, or set probe.held to null"
        )
    for row in found:
        if min(row.width, row.height) < SMALLEST:
            raise UserError(
                f"probe.held: {folder / row.path} has {row.width}x{row.height} px, expected "
                f"{SMALLEST} or more on each side: take it out"
            )
    return found


class Seen(NamedTuple):
    """What becomes of a held photograph."""

    bicubic: tuple[float, float]  # PSNR, SSIM
    psnr: dict[int, list[float]]  # by the number of classes, of each set of filters
    ssim: dict[int, list[float]]  # the same, of the last two sets


def middle(grey: Luma) -> Luma:
    """At most `SIDE` px of a luma each way, even sides."""
    top, left = (max(0, side - SIDE) // 2 for side in grey.shape)
    return equations.even(grey[top : top + SIDE, left : left + SIDE])


def read(row: Photograph, folder: Path) -> Luma:
    """What counts of a held photograph, (h, w) of even sides, 64..1024.

    Raises:
        UserError: where the file is not the one that its table lists.
    """
    return middle(luma(sources.pixels(folder, row.path, row.sha256)))


def look(hr: Luma, every: Mapping[int, Floats]) -> Seen:
    """How well sets of filters, (sets, classes, TAPS, TARGETS) by classes, enlarge a photograph."""
    lr = equations.downscaled(hr)
    sums = equations.of_whole(hr, BORDER)
    pixels = similarity.pixels_of(hr)
    plain = filters.bicubic(lr)
    pictures, of_psnr = [plain], {}
    for count, some in every.items():
        errors = filters.squared_errors(sums, some)
        of_psnr[count] = [psnr(float(error), pixels) for error in errors]
        pictures += [filters.upscaled(lr, one) for one in some[-2:]]
    first, *others = similarity.ssims(hr, pictures)
    of_ssim = {count: others[2 * i : 2 * i + 2] for i, count in enumerate(every)}
    own = psnr(similarity.squared_error(plain, hr), pixels)
    return Seen((own, first), of_psnr, of_ssim)


def looked(row: Photograph, *, folder: Path, every: Mapping[int, Floats]) -> Seen:
    """`look` at a row's photograph."""
    return look(read(row, folder), every)


def look_all(rows: Sequence[Photograph], folder: Path, every: Mapping[int, Floats]) -> list[Seen]:
    """`look` at all photographs, in their order."""
    task = partial(looked, folder=folder, every=every)
    return list(workers.each(task, rows, what="probe"))
