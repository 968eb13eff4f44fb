"""Detail as fine as pixels can hold: what enlarged and blurred pictures lack."""

import numpy as np
from numpy.typing import NDArray

from stages.common.measures.luma import WEIGHTS, Luma, luma
from stages.common.pixels.images import Pixels

SIDE = 64  # px, of a window
SHARE = 4  # of all windows one in so many is looked at,
MOST = 64  # and so many at most
FINE = 2 / 3  # of the Nyquist frequency: what a picture enlarged by 1.5 has is below
COARSE = 0.17  # of it; what is below says how strong shapes are, not how sharp
LEAST = 4.0  # squared grey levels added to the energy, or rounding alone would be detail
EVERY = 2  # rows and columns by which windows are compared


def detail(pixels: Pixels) -> float:
    """Share of the finest structure in the energy of a picture's sharpest places, 0..1.

    The windows of 64x64 px in which neighbouring pixels differ most, a quarter of all, at most 64;
    each less its mean and under a Hann window. Of their power spectra, all together, the energy
    above 2/3 of the Nyquist frequency, by that above 0.17 of it and `LEAST`. Only the sharpest
    windows, so that a portrait before a soft background is sharp.

    Low: enlarged, out of focus, shaken, or smoothed by a camera's noise filter.
    Fooled by: noise, sharpening and compression at low quality, which bring fine energy of their
    own; a photograph that is enlarged and then grained looks sharp, so see `noise`. Photographs of
    nothing but haze are low. 0 where no window fits, in pictures of a side below 64 px.

    Source: the falling spectra of photographs, Field, "Relations between the statistics of natural
    images and the response properties of cortical cells", JOSA A 4(12), 1987; and that enlarging
    adds no frequencies, Kirchner, "Fast and reliable resampling detection by spectral analysis of
    fixed linear predictor residue", MM&Sec 2008.
    """
    if min(pixels.shape[:2]) < SIDE:
        return 0.0
    energy = spectrum(unrounded(windows(pixels)[sharpest(luma(pixels))]))
    fine, all_ = (float(energy[frequencies() > least].sum()) for least in (FINE, COARSE))
    return fine / (all_ + LEAST)


def sharpest(grey: Luma) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Row and column of the windows with the largest differences; of equals the first."""
    rows, columns = (side // SIDE for side in grey.shape)
    whole = grey[: rows * SIDE, : columns * SIDE]
    down = differences(whole[:, ::EVERY].T, columns, rows).T
    contrast = (differences(whole[::EVERY], rows, columns) + down).ravel()
    count = min(MOST, -(-rows * columns // SHARE))
    order = np.argsort(-contrast, kind="stable")[:count]
    return order // columns, order % columns


def differences(lines: Luma, rows: int, columns: int) -> NDArray[np.int64]:
    """Sums of the differences of neighbours along lines, in each window, (rows, columns); those
    between two windows are left out."""
    one, other = lines[:, :-1], lines[:, 1:]
    found = np.zeros(lines.shape, np.uint8)
    found[:, 1:] = np.maximum(one, other) - np.minimum(one, other)
    found[:, ::SIDE] = 0
    strips = found.reshape(-1, SIDE).sum(axis=1, dtype=np.int64)
    sums: NDArray[np.int64] = strips.reshape(rows, -1, columns).sum(axis=1)
    return sums


def windows(pixels: Pixels) -> Pixels:
    """All windows of a picture, (rows, columns, 64, 64, 3)."""
    rows, columns = (side // SIDE for side in pixels.shape[:2])
    whole = pixels[: rows * SIDE, : columns * SIDE]
    return whole.reshape(rows, SIDE, columns, SIDE, 3).swapaxes(1, 2)


def unrounded(pixels: Pixels) -> NDArray[np.float32]:
    """Luma, (..., 0..255): to round it would add energy at all frequencies."""
    return pixels.astype(np.float32) @ np.array(WEIGHTS, np.float32)


def spectrum(values: NDArray[np.float32]) -> NDArray[np.float64]:
    """The mean power spectrum of windows, (n, 64, 64) to (64, 33), in squared grey levels: white
    noise of standard deviation s has s squared in all."""
    window = np.hanning(SIDE + 2)[1:-1].astype(np.float32)
    window = np.outer(window, window)
    transformed = np.fft.rfft2((values - values.mean(axis=(1, 2), keepdims=True)) * window)
    power = np.square(transformed.real) + np.square(transformed.imag)
    both = np.full(SIDE // 2 + 1, 2.0)  # a real spectrum is its own mirror image,
    both[[0, -1]] = 1.0  # but for its edges
    mean: NDArray[np.float64] = power.mean(axis=0, dtype=np.float64)
    mean *= both / (SIDE**2 * float(np.square(window).sum()))
    return mean


def frequencies() -> NDArray[np.float64]:
    """Those of a spectrum in all directions, (64, 33); 1 is Nyquist's, corners have up to 1.41."""
    down, along = np.fft.fftfreq(SIDE) * 2, np.fft.rfftfreq(SIDE) * 2
    radius: NDArray[np.float64] = np.hypot(down[:, None], along)
    return radius
