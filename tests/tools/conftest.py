"""A small project of git and DVC, made once, and a copy of it for each test."""

import subprocess
from pathlib import Path

import pytest

from tests.tools.project import Project


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """After its first run and commit; to be copied."""
    project = Project(tmp_path_factory.mktemp("made") / "project")
    project.make(photographs=8)
    return project


@pytest.fixture
def project(made: Project, tmp_path: Path) -> Project:
    """A copy, its hard links too, with all that DVC remembers of an unharmed project."""
    copy = Project(tmp_path / "project")
    subprocess.run(["cp", "-a", made.folder, copy.folder], check=True)
    return copy
