"""Fetch a published scorer, and let DVC keep it.

    make weights MODEL=koniq10k        python -m stages.tools.weights koniq10k

Its licence is shown first. A download that breaks goes on where it stopped when this is run again,
and the file gets its name in data/weights only when its SHA-256 is the pinned one. DVC tracks it
from then on: once its .dvc file is committed, experiments and clones have it, too, which see only
what git and DVC keep.
"""

import argparse
from pathlib import Path

from stages.common import cli
from stages.common.errors import UserError
from stages.common.hyperiqa import models
from stages.common.hyperiqa.models import MODELS
from stages.common.versions import mending

FOLDER = Path("data/weights")


def fetch(name: str, folder: Path) -> Path:
    """Fetch one of `MODELS` into a folder, telling its licence first.

    Raises:
        UserError: for a name that is not known, a model that git keeps, a failed download.
    """
    if name not in MODELS:
        raise UserError(models.unknown(name))
    model = MODELS[name]
    print(f"{name}: {model.licence}", flush=True)
    if not model.urls:
        raise UserError(f"{name} is not downloaded; {models.remedy(name, folder)}")
    path = models.fetch(model, folder)
    print(f"{path}: {path.stat().st_size:,} bytes, SHA-256 as pinned")
    return path


def track(path: Path) -> list[Path]:
    """Let DVC track a file; gives what git is to keep of it.

    Raises:
        UserError: where DVC can't; it has said why.
    """
    if not mending.dvc("add", "--quiet", str(path)):
        raise UserError(
            f"{path} is fetched, but DVC does not track it, for the reason above, so experiments "
            f"will lack it: mend that, then run `dvc add {path}`"
        )
    ignored = path.with_name(".gitignore")  # none where git ignores the file already
    return [path.with_name(f"{path.name}.dvc"), *([ignored] if ignored.is_file() else [])]


def listing() -> str:
    """The models of `MODELS`, each with its licence."""
    lines = [
        f"  {name:<16} {model.licence}{'' if model.urls else ' (is here already)'}"
        for name, model in MODELS.items()
    ]
    return "\n".join(["models and their licences:", *lines])


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m stages.tools.weights",
        description=__doc__,
        epilog=listing(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("model", metavar="MODEL", help="which to fetch: a name of the list below")
    path = fetch(parser.parse_args().model, FOLDER)
    kept = " ".join(map(str, track(path)))
    print(
        f"DVC tracks it; experiments and clones have it after `git add {kept} && git commit -m "
        f"'Weights: {path.name}'`"
    )


if __name__ == "__main__":
    cli.shell("weights", main, again="make weights")
