"""What tests of `make push` share: to run it in time, and to pull what it calls proven."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.tools.project import Project, md5
from tests.tools.servers import KINDS, Server

SECONDS = 60  # after which every push must have ended
FOLDER = [pytest.param("folder")]
SERVERS = [pytest.param(kind, marks=pytest.mark.servers) for kind in KINDS if kind != "folder"]


def start(project: Project, *arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "stages.tools.push", *arguments],
        cwd=project.folder,
        env=project.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def push(project: Project, *arguments: str, fails: bool = False) -> str:
    """Push, in time; gives what it says."""
    return ended(start(project, *arguments), fails=fails)


def ended(process: "subprocess.Popen[str]", *, fails: bool = False) -> str:
    """Wait for a push; gives what it says. Proven and 0, or else a line and not 0."""
    try:
        out, err = process.communicate(timeout=SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    assert (process.returncode != 0) == fails, out + err
    assert "Traceback" not in err, err
    assert ("proven on store" in out) != fails, out
    assert not fails or len(err.splitlines()) == 1, err
    return err if fails else out


def some_objects(project: Project, count: int) -> list[str]:
    """Names of objects of a folder of images, the list of it among them."""
    names = sorted({md5(path) for path in project.folder.glob("data/**/*.png")})
    listed = project.list_of("data/tiles")
    return [*names[: count - 1], listed.parent.name + listed.name]


def check_pulled(project: Project, server: Server, folder: Path) -> None:
    """A clone elsewhere pulls with `verify`, and has every byte."""
    clone = Project(folder)
    clone.environment |= {"PYTHONWARNINGS": "ignore"}
    project.run("git", "clone", "--quiet", str(project.folder), str(folder))
    server.keys_for(clone)
    clone.run("dvc", "pull", "--quiet")
    assert clone.files() == project.files()


def open_to_all(folder: Path) -> None:
    """An ordinary user's server looks into it."""
    folder.chmod(0o755)
    for parent in folder.parents[:3]:
        parent.chmod(parent.stat().st_mode | 0o011)
