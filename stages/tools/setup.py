"""Fit the project to this machine: `make` does it once, after the packages are installed.

Where the file system has clones (btrfs, XFS), DVC is told to use them instead of hard links: they
cost no disk either, and every file has bytes of its own. And this Python finds the stages from any
folder, so that a script can be run by its path.
"""

import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

from stages.common import links
from stages.common.cli import run


def can_clone(folder: Path) -> bool:
    """Whether the file system of a folder has clones."""
    with tempfile.TemporaryDirectory(dir=folder, prefix=".clone-") as trial:
        first = Path(trial, "first")
        first.write_bytes(bytes(4096))
        return links.clone(first, Path(trial, "second"))


def main() -> None:
    if Path(sys.prefix).parent == Path.cwd():  # its own environment, and not one of many projects
        packages = Path(sysconfig.get_path("purelib"))
        (packages / "srset.pth").write_text(f"{Path.cwd()}\n", encoding="utf-8")
    if can_clone(Path(".dvc")):
        command = ["config", "--local", "cache.type", "reflink,copy"]
        subprocess.run([sys.executable, "-m", "dvc", *command], check=True)
        print("this file system has clones: DVC uses them instead of hard links")


if __name__ == "__main__":
    run(main)
