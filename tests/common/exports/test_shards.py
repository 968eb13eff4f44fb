"""Shards: every sample is in one, in order, and none is larger than it may be."""

import itertools

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from stages.common.errors import UserError
from stages.common.exports import shards
from stages.common.exports.released import Image, Sample


def sample(size: int) -> Sample:
    return Sample("0", {"image": Image("s/0.png", "", size)}, {}, {})


@given(st.lists(st.integers(1, 50)), st.integers(1, 100))
def test_shards_are_as_full_as_may_be(sizes: list[int], most: int) -> None:
    counts = shards.plan([sample(size) for size in sizes], most)
    assert sum(counts) == len(sizes)
    starts = [sum(counts[:n]) for n in range(len(counts) + 1)]
    parts = [sizes[a:b] for a, b in itertools.pairwise(starts)]
    assert all(len(part) == 1 or sum(part) <= most for part in parts)
    for part, later in itertools.pairwise(parts):
        assert sum(part) + later[0] > most


def test_a_size_is_of_whole_megabytes_or_gigabytes() -> None:
    assert (shards.size("500MB"), shards.size("2GB")) == (500_000_000, 2_000_000_000)
    for text in ("500", "0MB", "1.5GB", "-1MB", "2 GB", "1KB", ""):
        with pytest.raises(UserError, match="expected a size as 500MB or 2GB"):
            shards.size(text)


def test_a_card_says_what_lies_beside_it() -> None:
    card = b"---\nlicense: other\nconfigs:\n- config_name: x\n---\n\n# A set\n\n12 tiles.\n"
    told = shards.card(card, "s", "Parquet", {"train": "train-*.parquet"}).decode()
    _, head, body = told.split("---\n", 2)
    assert yaml.safe_load(head) == {
        "license": "other",
        "configs": [
            {
                "config_name": "default",
                "data_files": [{"split": "train", "path": "train-*.parquet"}],
            }
        ],
    }
    assert body == (
        "\n# A set\n\nHere lie the images of `s` as Parquet; what follows tells of the set's own "
        "files.\n\n12 tiles.\n"
    )
    assert "configs" not in shards.card(card, "s", "LMDB", {}).decode()


def test_a_title_that_ends_like_a_head_does_not_end_it() -> None:
    card = "---\npretty_name: Faces ---\nlicense: other\n---\n\n# Faces ---\n\n12 tiles.\n"
    told = shards.card(card.encode(), "s", "LMDB", {}).decode()
    note = "Here lie the images of `s` as LMDB; what follows tells of the set's own files."
    assert told == card.replace("12 tiles.", f"{note}\n\n12 tiles.")
