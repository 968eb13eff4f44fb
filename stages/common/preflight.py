"""Look for what would stop a run, before it starts: `make check`, and first thing in `make run`.

DVC runs a stage only when the stages before it are through, so a wrong number for the last one
would be told after hours. Every section of params.yaml is checked here at once.
"""

import importlib
import inspect
from pathlib import Path
from typing import Any

import yaml

from stages.common import params, store
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


def faults(
    sections: dict[str, Any], wanted: dict[str, type[params.Params]], path: Path
) -> list[str]:
    """Every fault of a parameter file, one text each."""
    told = [
        f"{path}: section `{name}` belongs to no stage: check its spelling, or remove it"
        for name in sections
        if name not in wanted
    ]
    for name, model in wanted.items():
        try:
            if name not in sections:
                raise UserError(f"{path}: section `{name}` is missing")
            params.check(model, name, sections[name], path)
        except UserError as fault:
            told.append(str(fault))
    return told


def main() -> None:
    path = Path("params.yaml")
    sections = params.read(path)
    told = faults(sections, models(Path("dvc.yaml")), path)
    if told:
        raise UserError("; ".join(told))
    source = Path(sections["gather"]["source"])
    if not source.is_dir():
        raise UserError(
            f"gather.source: {source} is no folder: put photographs there, one folder a section, "
            "or name another in params.yaml"
        )
    store.ScoreStore(store.default_path(), "preflight").close()
    print(f"params.yaml is right · photographs in {source} · scores in {store.default_path()}")


if __name__ == "__main__":
    run(main)
