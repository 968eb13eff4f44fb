"""The README's chapter on versions, command by command, as a reader would follow it."""

import hashlib
import re
import subprocess
import textwrap
from pathlib import Path

import pytest
import yaml

from tests.conftest import REPOSITORY
from tests.project import GOOD, LATER, Project, copy_code

pytestmark = pytest.mark.slow

CHAPTER = "Keep and share versions"


def blocks(chapter: str = CHAPTER) -> list[list[str]]:
    """A chapter's blocks of commands, a line each, without their comments."""
    readme = (REPOSITORY / "README.md").read_text()
    (text,) = re.findall(rf"^## {chapter}\n(.*?)^## ", readme, re.MULTILINE | re.DOTALL)
    found = re.findall(r"(?:^    .*\n)+", text, re.MULTILINE)
    return [[re.sub(r"\s+#.*", "", line).strip() for line in b.splitlines()] for b in found]


def hashes(folder: Path) -> dict[str, str]:
    """Of every photograph and everything that stages make."""
    graph = yaml.safe_load((folder / "dvc.lock").read_text())["stages"]
    outs = [out["path"] for stage in graph.values() for out in stage["outs"]]
    paths = [folder / "data/source", *(folder / out for out in outs)]
    files = [p for path in paths for p in (path.rglob("*") if path.is_dir() else [path])]
    return {
        str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in files
        if p.is_file()
    }


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A fresh clone of a repository, with photographs in data/source and parameters of its own."""
    code, project = tmp_path / "code", Project(tmp_path / "project", workers="2")
    copy_code(code)
    (code / ".gitignore").write_text((REPOSITORY / ".gitignore").read_text())
    for command in (
        ["git", "init", "--quiet", "--initial-branch=main", code],
        ["git", "-C", code, "add", "--all"],
        ["git", "-C", code, *WHO, "commit", "--quiet", "--message", "srset"],
        ["git", "clone", "--quiet", "--bare", code, tmp_path / "origin.git"],
        ["git", "clone", "--quiet", tmp_path / "origin.git", project.folder],
    ):
        subprocess.run(list(map(str, command)), check=True)
    project.add_photographs()
    project.write_params()
    (project.folder / ".venv").mkdir()
    (project.folder / ".venv" / "ready").touch()  # these tests' environment is the project's, too
    return project


WHO = ["-c", "user.name=t", "-c", "user.email=t@example.org"]


def follow(project: Project, commands: list[str]) -> str:
    """Run commands as they stand, in one shell; each must end well."""
    environment = project.environment | {
        "GIT_AUTHOR_NAME": "t",
        "GIT_AUTHOR_EMAIL": "t@example.org",
        "GIT_COMMITTER_NAME": "t",
        "GIT_COMMITTER_EMAIL": "t@example.org",
    }
    done = subprocess.run(
        ["bash", "-exc", "\n".join(commands)],
        cwd=project.folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.mark.long
def test_followed_literally_it_keeps_and_shares_two_versions(
    project: Project, tmp_path: Path
) -> None:
    first_version, others = blocks()
    assert len(first_version) + len(others) == 12
    follow(project, first_version)
    first = hashes(project.folder)
    assert "data/dataset/tiny/0.png" in first

    (project.folder / "data/source" / f"{GOOD[0]}.jpg").unlink()  # remove first, then copy
    project.add_photograph()
    project.params["cutoff"]["subimages"]["count"] = 20
    project.write_params()
    again = [line.replace("v1", "v2") for line in first_version[-4:]]
    follow(project, again)
    second = hashes(project.folder)
    assert f"data/source/{LATER}.jpg" in second
    assert f"data/source/{GOOD[0]}.jpg" not in second
    assert "data/dataset/tiny/19.png" in second

    go_back, go_forward, beside, *rest = others
    follow(project, [go_back])
    assert hashes(project.folder) == first
    follow(project, [go_forward])
    assert hashes(project.folder) == second
    follow(project, [beside, *rest])
    assert hashes(tmp_path / "elsewhere") == first
    assert (tmp_path / "first-set" / "tiny" / "0.png").read_bytes() == (
        tmp_path / "elsewhere" / "data" / "dataset" / "tiny" / "0.png"
    ).read_bytes()
    assert "nothing" not in follow(project, ["git status --short"])

    (commands,) = blocks("Unpack and check a set")
    said = follow(project, [line.replace("samples", "tiny") for line in commands])
    assert "../unpacked/tiny: no fault; 20 images, " in said

    for version, expected in (("v1", first), ("v2", second)):  # from git's and DVC's remotes alone
        clone = Project(tmp_path / version, workers="0")
        clone.folder.mkdir()
        follow(clone, [f"git clone --quiet --branch {version} ../origin.git .", "dvc pull"])
        assert hashes(clone.folder) == expected
        assert "up to date" in follow(clone, ["dvc status"])


def code_blocks(chapter: str) -> list[tuple[str, str]]:
    """A chapter's blocks of code within lists, with their languages."""
    readme = (REPOSITORY / "README.md").read_text()
    (text,) = re.findall(rf"^## {chapter}\n(.*?)^## ", readme, re.MULTILINE | re.DOTALL)
    found = re.findall(r"^   ```(\w+)\n(.*?)^   ```$", text, re.MULTILINE | re.DOTALL)
    return [(language, textwrap.dedent(code)) for language, code in found]


def test_a_stage_that_is_added_as_the_readme_says_runs(project: Project) -> None:
    (_, script), (_, parameters), (_, stage) = code_blocks("Add a stage")
    folder = project.folder
    (folder / "stages" / "noise.py").write_text(script)
    with (folder / "params.yaml").open("a") as file:
        file.write(parameters)
    with (folder / "dvc.yaml").open() as file:
        head, plots, rest = file.read().partition("\nplots:")
    (folder / "dvc.yaml").write_text(f"{head}\n{textwrap.indent(stage, '  ')}{plots}{rest}")
    with (folder / ".gitignore").open("a") as file:
        file.write("/data/noise.csv\n")
    assert "measured 10 photographs" in follow(project, ["dvc repro noise"])
    assert (folder / "data/noise.csv").read_text().startswith("path,noise\nlandscape/bridge.jpg,")
    assert "numpy" in (folder / "data/fingerprints/noise.txt").read_text()
    follow(project, ["make check"])  # the section has the model of its stage
