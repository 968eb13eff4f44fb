"""Classes of a pixel by the gradients around it: their angle, strength and coherence, as in RAISR.

All of it is whole numbers, or floats that IEEE 754 rounds alike everywhere, so that a pixel has the
same class on every machine. The limits are constants, and do not depend on the set: so the sums of
two sets add up to those of both.

Source: Romano, Isidoro and Milanfar, "RAISR: Rapid and Accurate Image Super Resolution", IEEE
Transactions on Computational Imaging 3(1), 2017, arXiv 1606.01299.
"""

import numpy as np
from numpy.typing import NDArray

from stages.common.measures.luma import Luma

ANGLES, STRENGTHS, COHERENCES = 12, 4, 4
CLASSES = ANGLES * STRENGTHS * COHERENCES
# How finely each can be told: (angles, strengths, coherences) of so many classes.
GRAIN = {12: (3, 2, 2), 48: (6, 4, 2), CLASSES: (ANGLES, STRENGTHS, COHERENCES)}
WINDOW = 2  # px around a pixel in which gradients are summed: 5 x 5
REACH = WINDOW + 1  # px around a pixel that its class depends on
# Tried on photographs of LIVE In the Wild at half their size, of which a quarter of all pixels each
# lies between the limits of strength: the sum of squared differences (right - left, down - up) in
# the window, in squared grey levels.
STRENGTH = (350, 4000, 25000)
COHERENCE = (0.5, 0.75, 0.90625)  # 0: gradients as strong in every direction, 1: in one only
TAN = (56, 97)  # 56 / 97 is tan 30 to within 1e-4, so 97 / 56 is tan 60

Classes = NDArray[np.uint8]


def classes(grey: Luma) -> Classes:
    """Each pixel's class, 0..191, of the pixels at least `REACH` from the edge: (h, w) to
    (h - 2 REACH, w - 2 REACH). Class = (angle x 4 + strength) x 4 + coherence."""
    right, down = gradients(grey)
    along, across = window_sums(right * right), window_sums(down * down)
    difference = along - across
    mixed = 2 * window_sums(right * down)
    energy = along + across
    found: Classes = (angle(difference, mixed) * STRENGTHS + strength(energy)) * COHERENCES
    found += coherence(difference, mixed, energy)
    return found


def gradients(grey: Luma) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Right minus left and lower minus upper neighbour, -255..255, without the outer pixels."""
    wide = grey.astype(np.int32)
    return wide[1:-1, 2:] - wide[1:-1, :-2], wide[2:, 1:-1] - wide[:-2, 1:-1]


def window_sums(values: NDArray[np.int32]) -> NDArray[np.int32]:
    """Sums over the window around each pixel that has a whole one; at most 25 x 255 squared."""
    side = 2 * WINDOW + 1
    rows, columns = (length - side + 1 for length in values.shape)
    down = values[:rows].copy()
    for i in range(1, side):
        down += values[i : i + rows]
    total = down[:, :columns].copy()
    for i in range(1, side):
        total += down[:, i : i + columns]
    return total


def angle(x: NDArray[np.int32], y: NDArray[np.int32]) -> Classes:
    """Sector of a vector, 0..11 of 30 degrees each, from the positive x axis on. The vector has
    twice the gradient's angle, so a class is 15 degrees of that one's 180, and an edge that leans
    a little to the left is never in one with those that lean to the right."""
    wide, high = np.abs(x), np.abs(y)
    steep = (high * TAN[1] >= wide * TAN[0]).astype(np.uint8)
    steep += high * TAN[0] >= wide * TAN[1]
    upper = np.where(x < 0, 5 - steep, steep)
    found: Classes = np.where(y < 0, 11 - upper, upper).astype(np.uint8)
    return found


def strength(energy: NDArray[np.int32]) -> Classes:
    """How many of the limits `STRENGTH` it reaches, 0..3."""
    found: Classes = np.zeros(energy.shape, np.uint8)
    for limit in STRENGTH:
        found += energy >= limit
    return found


def coherence(x: NDArray[np.int32], y: NDArray[np.int32], energy: NDArray[np.int32]) -> Classes:
    """How many of the limits `COHERENCE` the length of (x, y) by the energy reaches, 0..3; 3 where
    there is no gradient. Compared by squares, each rounded at most once, as IEEE 754 has it."""
    length = np.square(x, dtype=np.float64) + np.square(y, dtype=np.float64)
    whole = np.square(energy, dtype=np.float64)
    found: Classes = np.zeros(x.shape, np.uint8)
    for limit in COHERENCE:
        found += length >= whole * limit**2
    return found


def coarser(fine: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """Sums by the 192 classes, (192, ...), as sums by `count` classes, a key of `GRAIN`: neighbours
    in angle, strength or coherence are one."""
    angles, strengths, coherences = GRAIN[count]
    of_angle, of_strength = (angles, ANGLES // angles), (strengths, STRENGTHS // strengths)
    of_coherence = (coherences, COHERENCES // coherences)
    split = fine.reshape(*of_angle, *of_strength, *of_coherence, *fine.shape[1:])
    found: NDArray[np.float64] = split.sum(axis=(1, 3, 5)).reshape(count, *fine.shape[1:])
    return found


def coarser_class(count: int) -> NDArray[np.intp]:
    """Which of `count` classes each of the 192 belongs to."""
    angles, strengths, coherences = GRAIN[count]
    a, s, c = np.unravel_index(np.arange(CLASSES), (ANGLES, STRENGTHS, COHERENCES))
    a, s, c = a * angles // ANGLES, s * strengths // STRENGTHS, c * coherences // COHERENCES
    return np.ravel_multi_index((a, s, c), (angles, strengths, coherences))
