"""Look for what would stop a run, before hours of work.

Takes:  params.yaml, dvc.yaml; the folder of weights.
Leaves: checked.txt, always the same, so that nothing after it is run again for its sake.
Rule:   every section of params.yaml must fit its stage's model, and all faults are told at once;
        the folders, weights and device it names must be there. DVC runs this first of all, and
        again when the section `gather` or `score` changes, or the weights; `make check` runs it
        at any time.
"""

import importlib
import inspect
from pathlib import Path
from typing import Any

import yaml

from stages.common import backends, files, params, store
from stages.common.cli import run
from stages.common.errors import UserError


def models(pipeline: Path) -> dict[str, type[params.Params]]:
    """The parameter model of every stage in a dvc.yaml that has one, by section."""
    found = {}
    for name in yaml.safe_load(pipeline.read_text(encoding="utf-8"))["stages"]:
        stage = importlib.import_module(f"stages.{name}")
        parameter = inspect.signature(stage.main).parameters.get("params")
        if parameter is not None:
            found[name] = parameter.annotation
    return found


def faults(sections: dict[str, Any], wanted: dict[str, type[params.Params]]) -> list[str]:
    """Every fault of the parameters, one text each."""
    told = [
        f"section `{name}` belongs to no stage: check its spelling, or remove it"
        for name in sections
        if name not in wanted
    ]
    for name, model in wanted.items():
        if name in sections:
            told += params.faults(model, name, sections[name])
        else:
            told.append(f"section `{name}` is missing: take it from the repository's")
    return told


def missing(gather: dict[str, Any]) -> list[str]:
    """Every folder of the section `gather` that is not there, as a fault."""
    named = {"source": [gather["source"]], "evaluation_sets": gather["evaluation_sets"]}
    return [
        f"gather.{key}: {folder} is no folder: put images there, or name another"
        for key, folders in named.items()
        for folder in folders
        if not Path(folder).is_dir()
    ]


def unusable(score: dict[str, Any], weights_folder: Path) -> list[str]:
    """What the section `score` asks for and this machine lacks: weights, a GPU, a precision."""
    from stages.common import weights  # brings torch

    told = []
    for look in (
        lambda: weights.load(score["model"], weights_folder),
        lambda: backends.resolve(score["device"], score["precision"]),
    ):
        try:
            look()
        except UserError as error:
            told.append(str(error))
    return told


def main(weights_folder: Path, checked: Path) -> None:
    path = Path("params.yaml")
    sections = params.read(path)
    told = faults(sections, models(Path("dvc.yaml")))
    if not told:
        told = missing(sections["gather"]) + unusable(sections["score"], weights_folder)
    if told:
        raise UserError(f"{path}: {'; '.join(told)}")
    store.ScoreStore(store.default_path(), "check").close()
    files.write(checked, b"checked\n")
    print(f"{path} is right · photographs in {sections['gather']['source']}")


if __name__ == "__main__":
    run(main)
