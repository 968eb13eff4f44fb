"""Take an experiment over: its parameters, its tables, and the set that follows from them.

    make keep NAME=tiles-150

It is `dvc exp apply`, then `dvc repro`, which makes the dataset, the archive and the report. At the
end it says what to commit. It refuses where that would overwrite changes that are not committed.
"""

import argparse
import shlex
import subprocess
import sys
from pathlib import Path

from stages.common import cli, git
from stages.common.errors import UserError
from stages.common.versions import experiments

ROOT = Path()
BACK = "`git reset --hard && dvc checkout` goes back"
DVC = (sys.executable, "-m", "dvc")


def apply(commit: str) -> None:
    """Let DVC put an experiment's files into the working tree.

    Raises:
        UserError: with what DVC says.
    """
    command = [*DVC, "exp", "apply", commit]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise UserError(f"dvc exp apply: {experiments.reason(done.stderr)}: {BACK}")


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m stages.tools.keep",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("name", help="of the experiment")
    name = parser.parse_args().name
    if not name:
        raise UserError("say which, as `make keep NAME=tiles-150`: `make experiments` lists them")
    if changed := experiments.changes(ROOT):
        raise UserError(
            f"{', '.join(changed)}: changed since the last commit, and would be overwritten: "
            "commit, or `git stash`"
        )
    head = git.output(ROOT, "rev-parse", "HEAD").decode().strip()
    apply(experiments.find(ROOT, name, head).commit)
    if subprocess.run([*DVC, "repro"], check=False).returncode:
        raise UserError(f"`dvc repro` failed, see above: mend that and run it again, or {BACK}")
    changed = experiments.changes(ROOT)
    if not changed:
        print(f"{name} is what the last commit has: there is nothing to commit")
        return
    print(f"{name} is in the working tree now. To keep it:")
    print(f"  git add {' '.join(map(shlex.quote, changed))}")
    print(f"  git commit -m {shlex.quote(f'Keep {name}')}")
    print(f"or not: {BACK}")


if __name__ == "__main__":
    cli.shell("keep", main, again="make keep")
