"""Experiments as DVC keeps them: each is a commit on top of its baseline, and its name is a ref of
git, `refs/exps/<first 2 of the baseline>/<the rest>/<name>`. So DVC's commands know those that
are made here, and those that DVC has made are known here.
"""

import difflib
import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from stages.common import git, tables
from stages.common.errors import UserError
from stages.common.versions import records

LAST = "summary"  # the stage that an experiment ends with,
PROBE = "probe"  # and the other one, where photographs are held
METRICS = "reports/metrics.json"
DECISIONS = "data/tables/cutoff_subimages.csv"
PROBED = "reports/numbers/probe.json"
REF = re.compile(r"refs/exps/([0-9a-f]{2})/([0-9a-f]{38,62})/(.+)")


class Experiment(NamedTuple):
    """An experiment, by its name and its commits."""

    name: str
    baseline: str
    commit: str


class Version(NamedTuple):
    """What a commit has for a comparison."""

    params: dict[str, Any]
    metrics: dict[str, Any] | None  # None where it has none
    decisions: Path | None  # the table of tiles as DVC's cache has it; None where it lacks
    probed: dict[str, Any] | None = None  # what the probe has found; None where it was not asked


def ref_of(baseline: str, name: str) -> str:
    """The ref that an experiment's name is."""
    return f"refs/exps/{baseline[:2]}/{baseline[2:]}/{name}"


def listed(root: Path) -> list[Experiment]:
    """All experiments of all baselines, by baseline and name."""
    lines = git.output(root, "for-each-ref", "--format=%(objectname) %(refname)", "refs/exps")
    found = []
    for line in lines.decode(errors="backslashreplace").splitlines():
        commit, _, ref = line.partition(" ")
        if match := REF.fullmatch(ref):
            found.append(Experiment(match[3], match[1] + match[2], commit))
    return sorted(found, key=lambda e: (e.baseline, e.name))


def of_baseline(root: Path, baseline: str) -> dict[str, Experiment]:
    """The experiments of one baseline, by name."""
    return {each.name: each for each in listed(root) if each.baseline == baseline}


def find(root: Path, name: str, baseline: str) -> Experiment:
    """The experiment of this name, of this baseline.

    Raises:
        UserError: where there is none, which names the nearest.
    """
    every = listed(root)
    known = {each.name: each for each in every if each.baseline == baseline}
    if name in known:
        return known[name]
    if others := sorted({each.baseline[:7] for each in every if each.name == name}):
        raise UserError(
            f"{name} is an experiment of another commit, {', '.join(others)}, and not of this one, "
            f"{baseline[:7]}: `git checkout` that commit, or run the experiment again here"
        )
    close = difflib.get_close_matches(name, known, n=1, cutoff=0)
    hint = f"did you mean `{close[0]}`? " if close else ""
    raise UserError(f"there is no experiment {name!r}: {hint}`make experiments` lists them")


def baseline(root: Path) -> str:
    """The last commit, which everything is compared with.

    Whether it was run to its end, `walked` tells: nothing is compared or kept before that.

    Raises:
        UserError: where it is not all that the working tree has, or has no figures: then they
            would be another state's.
    """
    commit = git.output(root, "rev-parse", "HEAD").decode().strip()
    if changed := changes(root):
        raise UserError(
            f"{_some(changed)}: changed since the last commit, and experiments start from it: "
            "`make run` and commit, or `git checkout` what you don't want"
        )
    version = of_commit(root, commit)
    if version.metrics is None:
        raise UserError(
            f"the last commit has no {METRICS}: `make run`, then `git add --all && git commit`"
        )
    return commit


def changes(root: Path) -> list[str]:
    """Paths of files that git knows and that are not as in the last commit."""
    listed = git.output(root, "status", "--porcelain", "-z", "--untracked-files=no", "--", ".")
    entries = listed.decode(errors="backslashreplace").split("\0")
    return [entry[3:] for entry in entries if entry[2:3] == " "]


def of_commit(root: Path, commit: str) -> Version:
    """What a commit has for a comparison."""
    files = {path: _content(root, commit, path) for path in ("params.yaml", METRICS)}
    cache = records.cache_folder(root)
    found = {
        out.path: path
        for out in records.read_revision(root, commit)
        if out.path in (DECISIONS, PROBED)
        if (path := records.object_path(cache, out.md5)).is_file()
    }
    metrics = files[METRICS]
    probed = tables.read_numbers(found[PROBED]) if PROBED in found else {}
    return Version(
        params=yaml.safe_load(files["params.yaml"] or b"{}"),
        metrics=None if metrics is None else json.loads(metrics),
        decisions=found.get(DECISIONS),
        probed=probed if probed.get("held") else None,
    )


def _content(root: Path, commit: str, path: str) -> bytes | None:
    try:
        return git.output(root, "show", f"{commit}:./{path}")
    except UserError:
        return None


def last_of(params: Mapping[str, Any]) -> list[str]:
    """The stages that an experiment with these parameters ends with."""
    held = (params.get("probe") or {}).get("held")
    return [LAST, PROBE] if held else [LAST]


class NotRunError(UserError):
    """The working tree was not run to its end."""


class Walk:
    """DVC's walk through the working tree, which takes seconds: `walked` starts one."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self._printed: tuple[str, str] | None = None

    def ended(self) -> None:
        """Wait for its end.

        Raises:
            NotRunError: where DVC would run a stage again, or says why it can't tell.
        """
        self._printed = self._printed or self._process.communicate()
        output, errors = self._printed
        if self._process.returncode:
            raise NotRunError(f"dvc status: {reason(errors)}")
        status: Mapping[str, Any] = json.loads(output or "{}")
        if status:
            raise NotRunError(
                f"not as the last commit has it: {_some(sorted(status))}: `make run`, then commit, "
                "so that experiments have something to be compared with"
            )


@contextmanager
def walked(root: Path) -> Iterator[Walk]:
    """Begin to ask DVC which stages up to the last it would run again."""
    last = last_of(yaml.safe_load((root / "params.yaml").read_text(encoding="utf-8")))
    command = [sys.executable, "-m", "dvc", "status", "--json", "--with-deps", *last]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=root, stdout=pipe, stderr=pipe, text=True) as process:
        try:
            yield Walk(process)
        finally:
            process.terminate()  # nothing, where it has ended


def reason(printed: str) -> str:
    """Why a run of DVC has failed: what the stage says, else what DVC says."""
    lines = [line.strip() for line in re.split(r"[\r\n]+", printed) if line.strip()]
    for start in ("error: ", "ERROR: "):
        for line in lines:
            if line.startswith(start):
                return line.removeprefix(start)
    return lines[-1] if lines else "it was killed"


def _some(names: list[str]) -> str:
    more = f" and {len(names) - 5:,} more" if len(names) > 5 else ""
    return ", ".join(names[:5]) + more
