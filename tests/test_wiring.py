"""The contract: dvc.yaml, params.yaml, scripts, imports, README and tests hold together."""

import ast
import copy
import inspect
import re
import shlex
import sys
from collections.abc import Iterator
from functools import reduce
from operator import getitem
from pathlib import Path
from types import ModuleType
from typing import Any, get_args

import pytest
import yaml
from dvc.stage.cache import _get_cache_hash
from pydantic import BaseModel

from stages.check import parameter_models
from stages.common import fingerprints
from stages.common.fingerprints import SHELL
from stages.common.params import Params, faults, read
from tests.conftest import REPOSITORY

MOST_LINES = 200
PARAMS = read(REPOSITORY / "params.yaml")
BESIDE = {
    "fingerprint": {"requirements.txt", "constraints.txt"},  # by what they have pip install
    "more": {"data/tables/checked.txt", "data/ffhq"},  # for order; the folder, or its URL
    "folders": {"data/tables/checked.txt", PARAMS["gather"]["source"]},
    "release": {"data/dataset/lineage.csv"},  # in its folder of tiles, whose hashes it has
}
# Stills are found beside photographs: frames.csv, which has their hashes, is not read for that.
BESIDE_IN = {
    "data/tables/contents.csv": {"data/tables/frames.csv"},
    "data/evaluation": {"data/tables/checked.txt"},
    "data/reference": {"data/tables/checked.txt"},
}
MORE = {"faces/ffhq": "data/ffhq"}  # for stages that there is one of for each folder of gather.more
# DVC's hash of a past run leaves out what is called `size` in a section, but not under this name.
BY_WHOLE_NAME = {name: [f"{name}.size"] for name in ("score", "subimages")}
WHOLE = [each for name in PARAMS for each in (name, *BY_WHOLE_NAME.get(name, []))]
OTHERS_PARAMS = {  # sections of others that a stage reads
    "check": WHOLE,
    "folders": ["gather"],
    "pick": ["validation"],
    "summary": ["cutoff"],
    "probe": ["probe", "screen.evaluation_sets"],
    "release": WHOLE,
    "report": WHOLE[:-1],  # it shows all but the section `release`
}
WRITTEN = {"collect", "multiscale", "dataset"}  # depend on which images become files
# Folders, and the table of several, that a stage reads, and depends on by a table with the hash of
# every file that it uses.
BY_TABLE = {
    "measure": {"data/tables/folders.csv"},
    "embed": {"data/tables/folders.csv", "data/evaluation"},
    "score": {"data/tables/folders.csv", "data/reference"},
    "collect": {"data/tables/folders.csv"},
    "validation": {"data/tables/folders.csv"},
    "pick": {"data/tables/folders.csv"},
    "multiscale": {"data/hr"},
    "subimages": {"data/tables/folders.csv", "data/multiscale"},
    "probe": {"data/tables/folders.csv", "data/evaluation"},
    "dataset": {"data/tables/folders.csv", "data/subimages"},
    "release": {"data/dataset", "data/validation"},
}
# Folders of which a stage reads what dvc.yaml names, and nothing else.
PARTLY = {"report": {"data/tables", "reports/thumbnails"}}
FOR_PEOPLE = "changes"  # depends on the run before, so DVC must not know it
GRAPH: dict[str, Any] = yaml.safe_load((REPOSITORY / "dvc.yaml").read_text())
STAGES: dict[str, Any] = GRAPH["stages"]
SCRIPTS = sorted(
    path.stem for path in (REPOSITORY / "stages").glob("*.py") if path.stem != "__init__"
)
TOOLS = sorted(path.stem for path in (REPOSITORY / "stages/tools").glob("[a-z]*.py"))
PARAMETER_FILES = [
    REPOSITORY / "params.yaml",
    *sorted((REPOSITORY / "docs/recipes").glob("*.yaml")),
]


def module(name: str) -> ModuleType:
    return __import__(f"stages.{name}", fromlist=["main"])


def filled_in(text: str, item: dict[str, str]) -> str:
    """A text of dvc.yaml with its `${...}` replaced, as DVC does it."""

    def value(match: re.Match[str]) -> str:
        name = match[1]
        if name in item:
            return item[name]
        found: Any = PARAMS
        for part in name.split("."):
            found = found[part]
        return str(found)

    return re.sub(r"\$\{([\w.]+)\}", value, text)


def runs() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every stage as DVC runs it: its name, and its parts as lists of text."""
    for name, stage in STAGES.items():
        items = stage.get("foreach", {"": {}})
        for key, item in (MORE if isinstance(items, str) else items).items():
            parts = {f"item.{k}": v for k, v in item.items()} if isinstance(item, dict) else {}
            values = {"key": key} | (parts or {"item": item})
            values = {k: filled_in(v, {}) if v else v for k, v in values.items()}
            body = stage.get("do", stage)
            texts = {
                part: [
                    filled_in(next(iter(e)) if isinstance(e, dict) else e, values) for e in entries
                ]
                for part, entries in body.items()
                if isinstance(entries, list)
            }
            cmd = shlex.split(filled_in(body["cmd"], values))
            yield (
                name,
                {"params": [], "metrics": [], "desc": body.get("desc")} | texts | {"cmd": cmd},
            )


RUNS = list(runs())


def given(run: dict[str, Any]) -> dict[str, str]:
    """The values of a command's options, by the names of the parameters of `main`."""
    options, values = run["cmd"][3::2], run["cmd"][4::2]
    assert all(option.startswith("--") for option in options)
    names = [option.removeprefix("--").replace("-", "_") for option in options]
    return dict(zip(names, values, strict=True))


def imported(path: Path) -> set[str]:
    """Full names of our modules that a file imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found |= {node.module or ""} | {f"{node.module}.{alias.name}" for alias in node.names}
    ours = {name for name in found if name.startswith(("stages.", "training."))}
    return {name for name in ours if file_of(name).is_file()}


def file_of(name: str) -> Path:
    return REPOSITORY / f"{name.replace('.', '/')}.py"


def needed(script: str, without: set[str]) -> set[str]:
    """Files that a stage's result depends on: itself and what it imports, by way of others too."""
    found: set[str] = set()
    waiting = {script}
    while waiting:
        name = waiting.pop()
        found.add(name)
        waiting |= imported(file_of(name)) - found - without
    return {str(file_of(name).relative_to(REPOSITORY)) for name in found}


def test_every_stage_has_a_script_and_every_script_a_stage() -> None:
    assert sorted(STAGES) == SCRIPTS


def test_no_stage_shadows_the_standard_library() -> None:
    assert set(SCRIPTS) & sys.stdlib_module_names == set()


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_says_what_it_takes_leaves_and_does(name: str) -> None:
    text = file_of(f"stages.{name}").read_text()
    words = re.findall(r"^(Takes|Leaves|Rule|Source):", module(name).__doc__ or "", re.MULTILINE)
    assert words[:3] == ["Takes", "Leaves", "Rule"]
    assert len(text.splitlines()) <= MOST_LINES


@pytest.mark.parametrize("name", SCRIPTS)
def test_no_stage_imports_another(name: str) -> None:
    others = imported(file_of(f"stages.{name}"))
    assert {other for other in others if not other.startswith("stages.common.")} == set()


def test_no_library_module_imports_a_stage() -> None:
    paths = list((REPOSITORY / "stages" / "common").rglob("*.py"))
    assert len(paths) > 20
    for path in paths:
        assert imported(path) & {f"stages.{name}" for name in SCRIPTS} == set(), path.name


def test_the_readme_names_every_library_file_once() -> None:
    readme = (REPOSITORY / "README.md").read_text()
    folders = readme[readme.index("## Folders") :]
    for path in (REPOSITORY / "stages" / "common").rglob("[a-z]*.py"):
        assert len(re.findall(rf"(?<!\w){path.name}\b", folders)) == 1, path.name


def test_no_import_runs_in_a_circle() -> None:
    files = (REPOSITORY / "stages").rglob("*.py")
    names = [str(p.relative_to(REPOSITORY).with_suffix("")).replace("/", ".") for p in files]
    left = {name: imported(file_of(name)) & set(names) - {name} for name in names}
    while left:
        leaves = {name for name, others in left.items() if not others & left.keys()}
        assert leaves, f"a circle among {sorted(left)}"
        left = {name: others for name, others in left.items() if name not in leaves}


def test_no_file_is_long() -> None:
    lengths = {
        path.relative_to(REPOSITORY): len(path.read_text().splitlines())
        for path in (REPOSITORY / "stages").rglob("*.py")
    }
    assert {path: length for path, length in lengths.items() if length > 300} == {}


def test_no_tool_imports_a_stage_or_another_tool() -> None:
    assert TOOLS
    for name in TOOLS:
        others = imported(file_of(f"stages.tools.{name}"))
        assert {other for other in others if not other.startswith("stages.common.")} == set(), name


@pytest.mark.parametrize("name", TOOLS)
def test_every_tool_has_tests_and_is_run_by_make(name: str) -> None:
    assert (REPOSITORY / "tests" / "tools" / f"test_{name}.py").is_file()
    makefile = (REPOSITORY / "Makefile").read_text()
    assert re.search(rf"^\tpython -m stages\.tools\.{name}\b", makefile, re.MULTILINE)
    help_text = __import__(f"stages.tools.{name}", fromlist=["main"]).__doc__
    assert re.search(r"`?make\b", help_text)


@pytest.mark.parametrize("name", SCRIPTS)
def test_every_stage_has_tests_and_a_row_in_the_readme(name: str) -> None:
    assert (REPOSITORY / "tests" / f"test_{name}.py").is_file()
    readme = (REPOSITORY / "README.md").read_text()
    assert len(re.findall(rf"^\| `{name}` \| [^|]+ \|$", readme, re.MULTILINE)) == 1


def test_every_library_module_is_tested() -> None:
    files = (REPOSITORY / "stages" / "common").rglob("[a-z]*.py")
    library = {
        str(path.relative_to(REPOSITORY).with_suffix("")).replace("/", ".") for path in files
    }
    assert len(library) > 20
    tested = {name for p in (REPOSITORY / "tests").rglob("test_*.py") for name in imported(p)}
    assert library - tested == set()


@pytest.mark.parametrize(("name", "run"), RUNS)
def test_a_stage_runs_its_own_script_with_the_arguments_of_main(
    name: str, run: dict[str, Any]
) -> None:
    assert run["cmd"][:3] == ["stages/python", "-m", f"stages.{name}"]
    parameters = inspect.signature(module(name).main).parameters.values()
    options = [p.name for p in parameters if not issubclass(p.annotation, Params)]
    assert list(given(run)) == options
    assert re.fullmatch(r"[A-Z].{10,100}[^.]", run["desc"])


@pytest.mark.parametrize(("name", "run"), RUNS)
def test_a_stage_depends_on_its_fingerprint_and_on_no_file_of_code(
    name: str, run: dict[str, Any]
) -> None:
    code = [dep for dep in run["deps"] if is_code(dep)]
    assert code == (["stages"] if name == "fingerprint" else [f"data/fingerprints/{name}.txt"])


def is_code(dep: str) -> bool:
    return Path(dep).parts[0] == "stages" or dep.startswith("data/fingerprints")


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_fingerprint_names_all_that_a_stage_imports(name: str) -> None:
    lines = fingerprints.all_of(REPOSITORY / "stages")[name].splitlines()
    named = {line.split()[0] for line in lines if line.startswith("stages/")}
    assert {path for path in named if path.endswith(".py")} == needed(f"stages.{name}", SHELL)


def test_the_shell_is_of_modules_that_there_are() -> None:
    for name in SHELL - {"stages"}:
        assert file_of(name).is_file(), name


@pytest.mark.parametrize(("name", "run"), RUNS)
def test_every_path_on_a_command_line_is_declared(name: str, run: dict[str, Any]) -> None:
    parameters = inspect.signature(module(name).main).parameters
    paths = {
        value
        for key, value in given(run).items()
        if parameters[key].annotation is Path and key != FOR_PEOPLE
    }
    declared = set(run["deps"] + run["outs"] + run["metrics"])
    files = {path for path in declared if path != f"data/fingerprints/{name}.txt"}
    for folder in PARTLY.get(name, set()):  # of which only some files are read
        inside = {path for path in files if path.startswith(f"{folder}/")} - paths
        assert inside
        files = files - inside | {folder}
    beside = BESIDE_IN[given(run)["folder"]] if name == "gather" else BESIDE.get(name, set())
    assert files - paths == beside
    assert paths - files <= BY_TABLE.get(name, set())


def test_every_input_is_there_or_made_by_a_stage() -> None:
    outs = {out for _, run in RUNS for out in run["outs"]}
    given = {PARAMS["gather"]["source"], "data/evaluation", "data/weights", "stages"}
    given |= {"data/reference", "data/leave_out.csv", "data/licences.csv", "data/known_sets.csv"}
    given |= {*MORE.values()} | BESIDE["fingerprint"]
    for name, run in RUNS:
        for dep in run["deps"]:
            made = any(f"{out}/".startswith(f"{dep}/") or dep.startswith(f"{out}/") for out in outs)
            assert made or dep in given, f"{name}: {dep}"


def test_no_two_stages_write_the_same() -> None:
    outs = [out for _, run in RUNS for out in run["outs"] + run["metrics"]]
    assert sorted(outs) == sorted(set(outs))
    for out in outs:
        assert [other for other in outs if other.startswith(f"{out}/")] == []


def test_what_stages_make_is_not_in_git_but_their_metrics_are() -> None:
    lines = (REPOSITORY / ".gitignore").read_text().splitlines()
    ignored = [line.strip("/").removesuffix("/*") for line in lines if line.startswith("/")]

    def is_ignored(path: str) -> bool:
        return any(path == line or path.startswith(f"{line}/") for line in ignored)

    outs = [out for _, run in RUNS for out in run["outs"]]
    metrics = [metric for _, run in RUNS for metric in run["metrics"]]
    assert [out for out in outs if not is_ignored(out)] == []
    assert [metric for metric in metrics if is_ignored(metric)] == []
    assert ".duckdb-*/" in lines  # left where a stage is killed: see duck.py


def nested(annotation: object) -> list[type[BaseModel]]:
    """Models inside an annotation, as in `dict[str, Policy]`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for argument in get_args(annotation) for model in nested(argument)]


def leaves(model: type[BaseModel], prefix: str = "") -> dict[str, type[BaseModel]]:
    """Every parameter's place, as `images.count`, and the model that holds it."""
    found = {}
    for key, field in model.model_fields.items():
        annotation = field.annotation
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            found |= leaves(annotation, f"{prefix}{key}.")
        else:
            found[f"{prefix}{key}"] = model
    return found


def places(values: dict[str, Any], model: type[BaseModel], prefix: str = "") -> set[str]:
    """Every parameter's place in a parameter file."""
    found = set()
    for key, value in values.items():
        annotation = model.model_fields[key].annotation if key in model.model_fields else None
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            found |= places(value, annotation, f"{prefix}{key}.")
        else:
            found.add(f"{prefix}{key}")
    return found


MODELS = parameter_models(REPOSITORY / "dvc.yaml")


@pytest.mark.parametrize("path", PARAMETER_FILES, ids=lambda path: path.name)
def test_every_set_of_parameters_has_the_keys_of_the_models_and_no_others(path: Path) -> None:
    sections = read(path)
    assert list(sections) == [name for name in STAGES if name in MODELS]
    for name, model in MODELS.items():
        assert places(sections[name], model) == set(leaves(model)), name
        assert faults(model, name, sections[name]) == []


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_stage_has_a_section_exactly_if_its_main_takes_parameters(name: str) -> None:
    parameter = inspect.signature(module(name).main).parameters.get("params")
    assert (parameter is not None) == (name in PARAMS)
    if parameter is not None:
        assert issubclass(parameter.annotation, Params)
        assert parameter.annotation.__name__ == f"{name.title().replace('_', '')}Params"


@pytest.mark.parametrize(("name", "run"), RUNS)
def test_a_stage_declares_its_whole_section(name: str, run: dict[str, Any]) -> None:
    if name == "cutoff":  # the cut of one set must not make the other stale
        which = given(run)["which"]
        assert run["params"] == [f"cutoff.{which}", "validation.picks"]
        assert which in MODELS["cutoff"].model_fields
    else:
        own = [name, *BY_WHOLE_NAME.get(name, [])] if name in PARAMS else []
        own += ["subimages.files"] if name in WRITTEN else []
        assert run["params"] == OTHERS_PARAMS.get(name, own)


def named(of: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Parameters by their whole names, sections too."""
    yield name, of
    for key, value in of.items() if isinstance(of, dict) else ():
        yield from named(value, f"{name}.{key}".lstrip("."))


@pytest.mark.parametrize(("name", "run"), RUNS)
def test_dvc_takes_a_past_run_over_only_where_all_parameters_are_its(
    name: str, run: dict[str, Any]
) -> None:
    def past_run(sections: dict[str, Any]) -> str:
        known = dict(named(sections))
        lock = {"params.yaml": {each: known[each] for each in run["params"]}}
        return str(_get_cache_hash({"params": lock}, key=True))

    for changed, value in named(PARAMS):
        if isinstance(value, dict) or not any(
            f"{changed}.".startswith(f"{each}.") for each in run["params"]
        ):
            continue
        sections = copy.deepcopy(PARAMS)
        *path, last = changed.split(".")
        reduce(getitem, path, sections)[last] = "another"
        assert past_run(sections) != past_run(PARAMS), changed


@pytest.mark.parametrize("path", PARAMETER_FILES, ids=lambda path: path.name)
def test_every_key_has_a_comment(path: Path) -> None:
    """At the key itself, or at the same key of the same model further up."""
    commented: set[tuple[str, str]] = set()
    section = ""
    for line in path.read_text().splitlines():
        match = re.match(r"( *)(\w+):(.*)$", line)
        if match is None:
            continue
        indent, key, rest = len(match[1]), match[2], match[3]
        if indent == 0:
            section = key
            continue
        if re.search(r"\s# \S", rest):
            commented.add((section, key))
        assert (section, key) in commented, f"{path.name}: {section}: {key}"


def test_no_parameter_is_text_where_yaml_1_1_and_1_2_disagree() -> None:
    """DVC reads YAML 1.2, the stages 1.1: what they read differently must be refused by both."""
    for path in PARAMETER_FILES:
        for word in re.findall(r": *([^\s#\[\]{},]+) *(?:#.*)?$", path.read_text(), re.MULTILINE):
            assert not re.fullmatch(r"(?i)on|off|yes|no|0\d+|\d+e-?\d+|[\d:]+:\d+", word), word


TRAINING = REPOSITORY / "training"
TRAINING_STAGES = {
    name: stage.get("do", stage)
    for name, stage in yaml.safe_load((TRAINING / "dvc.yaml").read_text())["stages"].items()
}


@pytest.mark.parametrize("name", TRAINING_STAGES)
def test_a_stage_of_training_depends_on_all_that_it_imports(name: str) -> None:
    others = {f"training.{other}" for other in TRAINING_STAGES}  # what they leave is declared
    tables = {"stages.common.tables", "stages.common.files"}  # no reason to train for hours again
    deps = [dep for dep in TRAINING_STAGES[name]["deps"] if dep.endswith(".py")]
    code = {str((TRAINING / dep).resolve().relative_to(REPOSITORY)) for dep in deps}
    assert code == needed(f"training.{name}", without=SHELL | tables | others)
