"""A second machine: what another has scored, and DVC has brought, is not scored again."""

import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.conftest import SAMPLES, save_small
from tests.project import Project, copy_code

pytestmark = pytest.mark.proof

NEW = ("landscape/dragonfly", "landscape/sunset", "objects/friends", "objects/greentock")
NEW += ("landscape/aitzgorri",)
WANTED = ("score@images", "score@reference_images", "score@reference_subimages", "score@subimages")
PULL = f"dvc pull -q --with-deps data/source.dvc {' '.join(WANTED)}"
LEFT = ("data/scores", "data/tables", "reports/numbers")


def repro(project: Project) -> dict[str, tuple[int, int]]:
    """Run up to the scores; of each use, how many images it scored and how many it knew."""
    command = ["dvc", "repro", *WANTED]
    done = subprocess.run(
        command, cwd=project.folder, env=project.environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found: dict[str, tuple[int, int]] = {}
    name = ""
    for line in done.stdout.splitlines():
        if line.startswith("Running stage"):
            name = line.split("'")[1]
        if " scored, " in line:
            new, known = line.rpartition(" · ")[2].split(", ")
            found[name] = (int(new.split()[0]), int(known.split()[0]))
    return found


def run(project: Project, command: str) -> None:
    who = "-c user.name=n -c user.email=e"
    subprocess.run(
        ["bash", "-ec", command.replace("git commit", f"git {who} commit")],
        cwd=project.folder,
        env=project.environment,
        check=True,
    )


def contents(project: Project) -> dict[str, bytes]:
    files = (file for name in LEFT for file in (project.folder / name).rglob("*.*"))
    return {str(file.relative_to(project.folder)): file.read_bytes() for file in files}


def test_five_new_photographs_score_five_where_the_rest_was_pulled(tmp_path: Path) -> None:
    code = tmp_path / "code"
    copy_code(code)
    first = Project(tmp_path / "first", workers="2")
    first.prepare(code)
    first.params["cutoff"]["images"]["count"] = 3
    first.write_params()
    run(first, "dvc add -q data/source && dvc remote add -q -d store ../store")
    scored = repro(first)
    assert scored["score@images"][1] == scored["score@subimages"][1] == 0
    photographs, tiles = scored["score@images"][0], scored["score@subimages"][0]
    assert min(photographs, tiles) > 4
    run(first, "git add -A && git commit -qm first && dvc push -q")

    seconds = {}
    for name in ("pulled", "empty"):
        second = Project(tmp_path / name, workers="2")
        run(first, f"git clone -q . {second.folder}")
        run(second, "dvc pull -q data/source.dvc" if name == "empty" else PULL)
        for path in NEW:
            save_small(SAMPLES / f"{path}.jpg", second.folder / "data/source" / f"{path}.jpg")
        if name == "empty":  # neither a last run nor a store
            (second.folder / "dvc.lock").unlink()
        seconds[name] = repro(second), contents(second), second
    pulled, empty = seconds["pulled"], seconds["empty"]
    assert pulled[0]["score@images"] == (5, photographs)
    assert empty[0]["score@images"] == (5 + photographs, 0)
    new, known = pulled[0]["score@subimages"]
    assert known > 0
    assert empty[0]["score@subimages"] == (new + known, 0)
    assert pulled[1] == empty[1]

    second = pulled[2]  # of another scorer, which the last run was not
    shutil.rmtree(second.folder.with_name("pulled beside"))
    params = yaml.safe_load((second.folder / "params.yaml").read_text())
    params["score"]["crops"] = "random"
    (second.folder / "params.yaml").write_text(yaml.safe_dump(params))
    assert repro(second)["score@images"] == (5 + photographs, 0)
