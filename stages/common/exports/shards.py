"""Shards: samples in files of so many bytes, and what the card says of them. Nothing here reads or
writes a file."""

import re
from collections.abc import Sequence

from stages.common.archive import hosting
from stages.common.errors import UserError
from stages.common.exports.released import Sample

UNITS = {"MB": 10**6, "GB": 10**9}


def size(text: str) -> int:
    """A size as `500MB` or `2GB`, in bytes.

    Raises:
        UserError: for any other text.
    """
    found = re.fullmatch(r"([1-9]\d{0,5})(MB|GB)", text)
    if found is None:
        raise UserError(f"SHARD: got {text!r}, expected a size as 500MB or 2GB")
    return int(found[1]) * UNITS[found[2]]


def plan(samples: Sequence[Sample], most: int) -> list[int]:
    """How many samples each shard holds, in order: as many as have `most` bytes of images together;
    a larger one is alone."""
    counts: list[int] = []
    filled = most
    for sample in samples:
        if filled + sample.bytes > most:
            counts.append(0)
            filled = 0
        counts[-1] += 1
        filled += sample.bytes
    return counts


def card(content: bytes, name: str, what: str, paths: dict[str, str]) -> bytes:
    """The set's card, with a line that says what lies here instead of the set's own files.

    Args:
        paths: patterns of the files that `datasets` loads, by split; empty where it can't.
    """
    front, body = hosting.parted(content.decode())
    front.pop("configs", None)
    if paths:
        names = {"train": "default"}
        front["configs"] = [
            {"config_name": names.get(split, split), "data_files": [{"split": split, "path": path}]}
            for split, path in paths.items()
        ]
    note = f"Here lie the images of `{name}` as {what}; what follows tells of the set's own files."
    return hosting.noted(front, body, note)
