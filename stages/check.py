"""Check everything a run needs and report all problems at once, before hours of work.

Takes:  params.yaml, dvc.yaml, leave_out.csv, licences.csv, every source.yaml; the folder of
        weights.
Leaves: checked.txt, always the same, so that nothing after it is run again for its sake.
Rule:   every section of params.yaml must fit its stage's model, all faults are reported at once;
        the folders, weights, device and picks it names must be there, no photograph on its way into
        git, and room on the disk for what the next stages write at least. DVC runs this before any
        stage that reads a photograph, and again when the parameters change, or the weights; `make
        run` and `make check` run it each time, since DVC does not see what git and the disk do.
"""

import importlib
import importlib.util
import inspect
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from stages.common import (
    buckets,
    credits,
    cutoff_params,
    disk,
    files,
    forecast,
    git,
    leave_out,
    links,
    listing,
    params,
    picks,
    probe_params,
    sources,
    store,
)
from stages.common.archive import licences
from stages.common.cli import run
from stages.common.errors import UserError
from stages.common.hyperiqa import backends, models
from stages.common.near import embedder

TABLES = Path("data/tables")  # of the last run


def parameter_models(pipeline: Path) -> dict[str, type[params.Params]]:
    """The parameter model of every stage in a dvc.yaml that has a section of its own, by its name.
    No other stage is imported: some take a while."""
    found = {}
    for name, stage in yaml.safe_load(pipeline.read_text(encoding="utf-8"))["stages"].items():
        sections = {
            str(each).partition(".")[0] for each in stage.get("do", stage).get("params", [])
        }
        if name not in sections or importlib.util.find_spec(f"stages.{name}") is None:
            continue  # `find_spec`: a stage of the user's own is no script of ours
        script = importlib.import_module(f"stages.{name}")
        parameter = inspect.signature(script.main).parameters.get("params")
        if parameter is not None:
            found[name] = parameter.annotation
    return found


def faults(sections: dict[str, Any], wanted: dict[str, type[params.Params]]) -> list[str]:
    """Every fault of the parameters, one text each."""
    found = [
        f"section `{name}` belongs to no stage: check its spelling, or remove it"
        for name in sections
        if name not in wanted
    ]
    for name, model in wanted.items():
        if name in sections:
            found += params.faults(model, name, sections[name])
        else:
            found.append(f"section `{name}` is missing: take it from the repository's")
    return found


def folder_faults(sections: dict[str, Any]) -> list[str]:
    """What is wrong with the folders that the parameters name."""
    named = {
        "gather.source": [sections["gather"]["source"]],
        "gather.more": list(sections["gather"]["more"].values()),
        "screen.evaluation_sets": sections["screen"]["evaluation_sets"],
        "min_score": references(sections["cutoff"]),
    }
    faults = []
    for key, folder in [(key, folder) for key, folders in named.items() for folder in folders]:
        is_url = key.startswith("gather") and buckets.is_url(folder)
        if not is_url and not Path(folder).is_dir():
            faults.append(f"{folder} is no folder: {mend(Path(folder))}")
        elif "'" in folder or "\n" in folder:  # it stands between '' on a command line
            faults.append(f"{folder!r}: no quote or line break can be in its name: rename it")
        elif not is_url and (fault := git.fault(Path(folder))):
            faults.append(fault)
        else:
            continue
        faults[-1] = f"{key}: {faults[-1]}"
    held = sections["probe"]["held"]
    if held and (fault := probe_params.fault(held, sections["screen"]["evaluation_sets"])):
        faults.append(fault)
    elif held and not Path(held).is_dir():
        faults.append(f"probe.held: {held} is no folder: {mend(Path(held))}")
    return faults


def references(cutoff: dict[str, Any]) -> list[str]:
    """The folders that floors refer to."""
    rules = [
        rule
        for both in cutoff.values()
        for own in ("per_section", "per_source")
        for rule in (both, *both.get(own, {}).values())
    ]
    floors = [rule.get("min_score") for rule in rules]
    return sorted({floor["reference"] for floor in floors if isinstance(floor, dict)})


def mend(folder: Path) -> str:
    """What to do about a folder that is not there."""
    if links.is_experiment():
        return f"an experiment has what git and DVC keep: run `dvc add '{folder}'`, then commit"
    if folder.with_name(f"{folder.name}.dvc").is_file():
        return f"run `dvc checkout '{folder}.dvc'`, or `dvc pull` first"
    return "put images there, or name another"


def unusable(score: dict[str, Any], weights_folder: Path) -> list[str]:
    """What embedding and the section `score` need and this machine lacks: weights, a GPU, a
    precision."""
    found = []
    for look in (
        lambda: embedder.check(weights_folder),
        lambda: check_weights(score["model"], weights_folder),
        lambda: backends.resolve(score["device"], score["precision"]),
    ):
        try:
            look()
        except UserError as error:
            found.append(str(error))
    return list(dict.fromkeys(found))


def check_weights(model: str, folder: Path) -> None:
    """A pinned file must have its hash; any other must be a checkpoint that can be loaded."""
    path = models.locate(model, folder)
    if model in models.MODELS:
        models.check_pinned(model, path, path.stat().st_size, files.sha256_of(path))
    else:
        from stages.common.hyperiqa import weights  # brings torch, which takes a second

        weights.load(model, folder)


def main(weights_folder: Path, checked: Path) -> None:
    path = Path("params.yaml")
    sections = params.read(path)
    found = faults(sections, parameter_models(Path("dvc.yaml")))
    if not found:
        found = folder_faults(sections) + unusable(sections["score"], weights_folder)
    if found:
        raise UserError(f"{path}: {'; '.join(found)}")
    root = sources.of_params(sections["gather"])
    sources.check(root)
    listed = sources.listed(root)
    for folder, own in listed.items():
        listing.check_names(folder.folder, own)
    for place in (picks.EVALUATION, Path(cutoff_params.REFERENCES)):
        listing.check_names(place, files.files_below(place) if place.is_dir() else ())
    entries = sources.entries(listed)
    whose = credits.read(root, entries)
    sizes = forecast.some_sizes(root, entries, sections["screen"]["min_short_edge"])
    if found := forecast.faults(sections, sizes) + picks.faults(sections):
        raise UserError(f"{path}: {'; '.join(found)}")
    least = forecast.least_bytes(sections, sizes)
    disk.check_room(Path("data"), least, "what the next stages write")
    store.check(store.default_path())
    files.write(checked, b"checked\n")
    places = [Path(f.folder) for f in root if not buckets.is_url(f.folder)]
    loose = [f"'{p}'" for p in places if git.is_inside(p) and not git.is_versioned(p)]
    hint = f", not versioned yet: `dvc add {' '.join(loose)}`" if loose else ""
    print(f"{path} is right · photographs in {sources.named(root)}{hint}")
    licences.read(licences.FILE)
    is_photograph = partial(sources.is_there, root)
    notes = leave_out.notes(leave_out.read(leave_out.FILE), is_photograph, TABLES)
    if not sections["release"]["private"]:
        notes += credits.notes(root, whose)
    notes += forecast.size_notes(sections, sizes)
    for note in notes + forecast.notes(sections) + picks.notes(sections):
        print(note)
    if tags := git.tags_without_remote():
        print(
            f"tagged before the remote was set: {', '.join(tags)}: `dvc push --all-tags` passes "
            "over them, unless `dvc remote add --local --default NAME URL` sets the remote, too"
        )


if __name__ == "__main__":
    run(main)
