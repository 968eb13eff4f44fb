"""The likeness of pictures: Hamming distances and the limits that rest on them."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from stages.common.pixels.images import Pixels, decode, resize
from stages.common.pixels.likeness import BITS, NEAR_BITS, dhash, distances
from tests.conftest import encoded
from tests.strategies import dhash as hashes


def by_hand(a: str, b: str) -> int:
    """Hamming distance of two hexadecimal numbers."""
    return (int(a, 16) ^ int(b, 16)).bit_count()


@given(hashes, st.lists(hashes, max_size=8))
def test_distances_count_the_bits_that_differ(one: str, others: list[str]) -> None:
    assert distances(one, others).tolist() == [by_hand(one, other) for other in others]


@given(hashes)
def test_a_hash_is_at_no_distance_from_itself_and_farthest_from_its_complement(one: str) -> None:
    complement = f"{int(one, 16) ^ (2**BITS - 1):064x}"
    assert distances(one, [one, complement]).tolist() == [0, BITS]


def test_dhash_asks_of_each_cell_whether_it_is_brighter_than_its_left_neighbour() -> None:
    rising = np.repeat(np.arange(17, dtype=np.uint8)[None, :, None] * 10, 16, axis=0)
    pixels = np.repeat(rising, 3, axis=2)
    assert dhash(pixels) == "f" * 64
    assert dhash(pixels[:, ::-1].copy()) == "0" * 64
    first_only = np.zeros((16, 17, 3), np.uint8)
    first_only[0, 1:] = 200  # one step up, in the first row
    assert dhash(first_only) == "8" + "0" * 63


def test_copies_are_near_and_other_photographs_are_not(sample_pixels: list[Pixels]) -> None:
    hashed = [dhash(pixels) for pixels in sample_pixels]
    for i, pixels in enumerate(sample_pixels):
        height, width, _ = pixels.shape
        half = resize(pixels, width // 2, height // 2, Image.Resampling.LANCZOS)
        compressed = decode(encoded(pixels, "JPEG", quality=40))
        for copy in (half, compressed):
            bits = distances(dhash(copy), hashed).tolist()
            assert bits.index(min(bits)) == i
            assert bits[i] <= NEAR_BITS < min(bits[:i] + bits[i + 1 :])
