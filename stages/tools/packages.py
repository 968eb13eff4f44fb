"""Tell DVC which packages are of another version than at the last run.

`make run` does it before `dvc repro`. DVC sees the versions that requirements.txt and
constraints.txt pin, and not what pip alone has installed: so where a version differs from those in
data/fingerprints, the stage `fingerprint` is run again, and DVC then runs what uses the package.
"""

import subprocess
import sys
from pathlib import Path

from stages.common import fingerprints
from stages.common.cli import run
from stages.common.errors import UserError

FOLDER = Path("data/fingerprints")
AGAIN = ("repro", "--quiet", "--force", "--single-item", "fingerprint")


def changes(folder: Path) -> list[str]:
    """Every package whose version is not the one in a folder of fingerprints."""
    texts = [path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.txt"))]
    versions = [
        (name, old, fingerprints.version_of(name))
        for name, old in sorted(fingerprints.packages_in(texts).items())
    ]
    return [f"{name} {old} is now {new}" for name, old, new in versions if old != new]


def main() -> None:
    changed = changes(FOLDER)
    if not changed:
        return
    print(f"{', '.join(changed)}: the stages that use it run again", flush=True)
    if subprocess.run([sys.executable, "-m", "dvc", *AGAIN]).returncode != 0:
        raise UserError(f"`dvc {' '.join(AGAIN)}` failed, see above: mend that first")


if __name__ == "__main__":
    run(main)
