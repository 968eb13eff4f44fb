"""SHA256SUMS, as `sha256sum` writes and reads it: `<SHA-256>  <path>`, a line a file."""

import re
from pathlib import Path
from typing import NamedTuple

NAME = "SHA256SUMS"
LINE = re.compile(r"(\\?)([0-9a-fA-F]{64}) [ *](.+)")
ESCAPES = {"\\\\": "\\", "\\n": "\n", "\\r": "\r"}  # of names, in a line that begins with \


class Sums(NamedTuple):
    """What a file of sums says."""

    sha256: dict[str, str]  # by path below the folder of the file, with `/`
    unread: list[int]  # numbers of the lines that say nothing
    twice: list[str]  # paths that are named more than once


def parse(content: bytes) -> Sums:
    """Read the content of a file of sums; the first line of a path counts."""
    sums = Sums({}, [], [])
    for number, line in enumerate(content.split(b"\n"), start=1):
        text = line.decode("utf-8", "surrogateescape").removesuffix("\r")
        found = LINE.fullmatch(text)
        if not text or text.startswith("#"):  # a comment, as `sha256sum -c` takes it
            continue
        if found is None:
            sums.unread.append(number)
            continue
        escaped, sha256, path = found.groups()
        if escaped:
            path = re.sub(r"\\[\\nr]", lambda match: ESCAPES[match[0]], path)
        path = path.removeprefix("./")
        if path in sums.sha256:
            sums.twice.append(path)
        sums.sha256.setdefault(path, sha256.lower())
    return sums


def read(path: Path) -> Sums | None:
    """Read a file of sums; None where there is none."""
    return parse(path.read_bytes()) if path.is_file() else None
