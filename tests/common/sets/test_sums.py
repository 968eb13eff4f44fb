"""SHA256SUMS: read as `sha256sum` writes it."""

import hashlib
import os
import subprocess
from pathlib import Path

from stages.common.sets import sums


def test_sums_are_read_as_sha256sum_writes_them(tmp_path: Path) -> None:
    odd = ["plain.png", "two  spaces", "back\\slash", "line\nbreak", "é 🌄", os.fsdecode(b"\xff")]
    for name in odd:
        (tmp_path / name).write_text(name, errors="surrogateescape")
    written = subprocess.run(
        ["sha256sum", "--", *odd], cwd=tmp_path, check=True, capture_output=True
    ).stdout
    parsed = sums.parse(
        written + b"# a comment\n\nnonsense\n" + written.split(b"\n")[0].replace(b"  ", b" *")
    )
    expected = {n: hashlib.sha256((tmp_path / n).read_bytes()).hexdigest() for n in odd}
    assert parsed == sums.Sums(expected, [9], ["plain.png"])


def test_sums_that_are_written_are_read_in_the_order_of_folders() -> None:
    found = {"b": "0" * 64, "a/b": "1" * 64, "a-b": "2" * 64}
    assert list(sums.parse(sums.content(found)).sha256.items()) == [
        ("a/b", "1" * 64),
        ("a-b", "2" * 64),
        ("b", "0" * 64),
    ]
    assert sums.beside("a.7z", "3" * 64, {"a.7z": "3" * 64}) == f"{'3' * 64}  a.7z\n".encode()
    parts = {"a.7z.001": "4" * 64, "a.7z.002": "5" * 64}
    beside = sums.beside("a.7z", "6" * 64, parts)
    assert beside.startswith(f"# cat a.7z.* > a.7z:\n# {'6' * 64}  a.7z\n".encode())
    assert sums.parse(beside).sha256 == parts
