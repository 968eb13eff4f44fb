"""SHA256SUMS, as `sha256sum` writes and reads it: `<SHA-256>  <path>`, a line a file."""

import re
from collections.abc import Mapping
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


def content(sha256: Mapping[str, str]) -> bytes:
    """A file of sums, hash by path, in the order of folders and names."""
    ordered = sorted(sha256, key=lambda path: path.split("/"))
    return "".join(f"{sha256[path]}  {path}\n" for path in ordered).encode()


def beside(name: str, whole: str, parts: Mapping[str, str]) -> bytes:
    """The file of sums beside an archive: hashes by name of its one file, or of its volumes. That
    of joined volumes is a comment, as they are not joined."""
    lines = [f"{sha256}  {file}\n" for file, sha256 in parts.items()]
    if name not in parts:
        lines.insert(0, f"# cat {name}.* > {name}:\n# {whole}  {name}\n")
    return "".join(lines).encode()
