"""A small project of git and DVC, made once, and a copy of it for each test."""

import subprocess
from pathlib import Path

import pytest

from tests.tools import compared as experiments
from tests.tools.compared import Compared
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


@pytest.fixture(scope="session")
def compared_once(tmp_path_factory: pytest.TempPathFactory) -> Compared:
    """After its first run of the real pipeline, tagged v1; to be copied."""
    return experiments.first(tmp_path_factory.mktemp("compared") / "a project's, #1")


@pytest.fixture
def compared(compared_once: Compared, tmp_path: Path) -> Compared:
    """A copy, with a score store of its own."""
    return experiments.copied(compared_once, tmp_path / "a copy's, #2")
