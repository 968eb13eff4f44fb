"""A small project of git and DVC, made once, and a copy of it for each test."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.tools import compared as experiments
from tests.tools.compared import Compared
from tests.tools.project import Project
from tests.tools.pushes import open_to_all
from tests.tools.servers import Server, served


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


@pytest.fixture
def server(request: pytest.FixtureRequest, project: Project, tmp_path: Path) -> Iterator[Server]:
    """A server of the kind that the test names, and the project's remote there."""
    project.environment |= {"PYTHONWARNINGS": "ignore"}
    folder = tmp_path / "server"
    folder.mkdir()
    open_to_all(folder)
    with served(request.param, folder) as running:
        running.remote_of(project)
        yield running
