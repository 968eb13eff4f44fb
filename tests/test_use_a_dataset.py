"""docs/use-a-dataset.md, command by command, on a small set."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.common.archive.test_seven_zip import seven_zip_program
from tests.conftest import REPOSITORY
from tests.documents import blocks, spans
from tests.test_release import NAME, pack, parts

__all__ = ["parts"]  # a fixture

DOCUMENT = REPOSITORY / "docs/use-a-dataset.md"
UNPACK, OTF, PAIRED, IMPORT, LOAD, EXPORT, READ_IMPORT, READ = blocks(DOCUMENT)
LOAD = IMPORT + LOAD  # which test_release_readers.py runs; the last three test_export_readers.py
NOT_RUN = {  # trainers: what they need that is not here; how the configurations are tested
    "BASICSR": "torchvision and a checkout; its own readers: test_release_readers.py",
    "NEOSR": "a GPU and a checkout; its options: common/archive/test_trainers.py",
    "TRAINNER": "a GPU and a checkout; its options: common/archive/test_trainers.py",
}
IN_PROJECT = "make export FORMAT=lmdb"  # the same tool, without SET: tools/test_export.py
JOIN, COMPARE, SMALLER = (
    "cat samples.7z.* > samples.7z",
    "sed -n 's/^# //p' SHA256SUMS | sha256sum --check",
    "head -n 1000 meta_info.txt > best.txt",
)


def test_every_command_is_run_or_has_a_reason() -> None:
    assert list(map(len, blocks(DOCUMENT))) == [4, 3, 4, 1, 2, 4, 2, 3]
    assert spans(DOCUMENT) == [JOIN, COMPARE, SMALLER, IN_PROJECT]
    assert EXPORT[0] == "make export-packages"  # these tests have them
    for line in OTF + PAIRED:
        assert line == PAIRED[0] or line.split("/")[0].removeprefix("python ") in NOT_RUN


def shell(lines: list[str], folder: Path) -> str:
    """Run commands in one shell; each must end well."""
    script = "set -eo pipefail\n" + "\n".join(line.replace("samples", NAME) for line in lines)
    path = f"PATH={Path(sys.executable).parent}:$PATH\n"
    done = subprocess.run(
        ["bash", "-c", path + script],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.mark.parametrize("volumes", [False, True])
def test_a_set_is_verified_unpacked_and_ready_to_train(parts: Path, volumes: bool) -> None:
    if Path(seven_zip_program()).name != "7zz":
        pytest.skip("7-Zip has another name here than in the documentation")
    folder = pack(parts, volume_size="1MB" if volumes else None)
    first = "samples.7z.001" if volumes else "samples.7z"
    unpack = [line.replace("samples.7z", first) for line in UNPACK]
    shell(unpack, folder)
    if volumes:
        assert shell([JOIN, COMPARE], folder).startswith(f"{NAME}.7z: OK\n")

    unpacked = folder / NAME
    assert (unpacked / NAME / "0.png").is_file()
    shell([PAIRED[0], SMALLER], unpacked)
    tiles = {path.name for path in (unpacked / NAME).iterdir()}
    assert {path.name for path in (unpacked / f"{NAME}-x4").iterdir()} == tiles
    best = (unpacked / "best.txt").read_text()
    assert best == (unpacked / "meta_info.txt").read_text()  # which has fewer than 1,000
    for line in OTF + PAIRED[1:]:
        (configuration,) = re.findall(r" -opt (\S+)$", line)
        assert (unpacked / configuration).is_file()
