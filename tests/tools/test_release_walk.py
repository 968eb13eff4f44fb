"""docs/release.md, command by command, on the real pipeline."""

import re
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.conftest import REPOSITORY
from tests.tools.compared import Compared, copied

pytestmark = pytest.mark.proof

HUB = "dist/tiny-1.0.0/huggingface"
TEXT = (REPOSITORY / "docs/release.md").read_text()


def commands() -> list[str]:
    lines = re.findall(r"^    (\S.*)$", TEXT, re.MULTILINE)
    return [re.sub(r"\s+#.*", "", line).replace("samples", "tiny") for line in lines]


def follow(project: Compared, lines: list[str], version: str, tiles: int) -> str:
    params = yaml.safe_load((project.folder / "params.yaml").read_text())
    params["release"]["version"] = version
    params["cutoff"]["subimages"]["count"] = tiles
    (project.folder / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))
    return "".join(project.run("bash", "-ec", line) for line in lines)


def test_followed_literally_it_releases_two_versions(
    compared_once: Compared, tmp_path: Path
) -> None:
    project = copied(compared_once, tmp_path / "copy")
    (project.folder / ".venv").mkdir()
    (project.folder / ".venv" / "ready").touch()  # these tests' environment is the project's, too
    for name, value in (("name", "t"), ("email", "t@example.org")):
        project.git("config", f"user.{name}", value)
    project.git("branch", "--move", "main")
    subprocess.run(["git", "init", "--quiet", "--bare", tmp_path / "origin.git"], check=True)
    project.git("remote", "add", "origin", "../origin.git")
    lines = commands()
    first = next(n for n, line in enumerate(lines) if line == "make publish") + 1
    said = follow(project, lines[:first], "1.0.0", 8)
    assert "tiny@v1.0.0 is here, and its data on store. Next:\n" in said
    assert "    git push origin main tiny@v1.0.0\n" in said
    assert "dist/tiny-1.0.0: " in said
    said = follow(project, lines[first:], "1.1.0", 10)
    assert "tiny@v1.1.0 is here, and its data on store. Next:\n" in said
    text = (project.folder / "data/CHANGELOG.md").read_text()
    assert "\nMINOR since 1.0.0: 2 tiles added.\n" in text
    assert "| cutoff.subimages.count | 8 | 10 |\n" in text
    assert project.git("status", "--short") == ""
    check_elsewhere(project, tmp_path)


def check_elsewhere(project: Compared, tmp_path: Path) -> None:
    """The version that was pushed to git is whole for others, by its tag alone."""
    project.git("clone", "--quiet", "--branch", "tiny@v1.0.0", "../origin.git", "../clone")
    clone = Compared(tmp_path / "clone", workers="0")
    clone.dvc("remote", "modify", "store", "url", str(tmp_path / "store"))
    clone.dvc("pull")
    assert len(list((clone.folder / "data/dataset/tiny").glob("*.png"))) == 8
    hub = {
        p.name: p.read_bytes() for p in project.folder.glob("dist/tiny-1.0.0/huggingface/tiny/*")
    }
    assert hub == {p.name: p.read_bytes() for p in (clone.folder / "data/dataset/tiny").iterdir()}
