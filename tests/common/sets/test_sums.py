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
