"""Pushing: objects are read from wherever they are whole. `make push` itself is in tests/tools."""

from pathlib import Path

import pytest

from stages.common.errors import UserError
from stages.common.versions import pushing
from stages.common.versions.pushing import Push
from stages.common.versions.remote import Remote
from tests.tools.conftest import made, project
from tests.tools.project import Project, flip, md5

__all__ = ["made", "project"]  # fixtures


def test_an_object_comes_from_the_cache_or_else_from_the_remote(
    project: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(project.folder)
    with pytest.raises(UserError, match="no remote is set: `dvc remote add --default store"):
        pushing.default_remote()
    project.run("dvc", "remote", "add", "-q", "-d", "store", str(tmp_path / "store"))
    name = md5(project.folder / "data/tables/one.csv")
    content = (project.folder / "data/tables/one.csv").read_bytes()
    push = Push(Remote(pushing.default_remote()), [], deep=False)
    assert push.read(name) == content
    flip(project.cached(name))
    assert push.read(name) is None
    there = tmp_path / "store" / "files" / "md5" / name[:2] / name[2:]
    there.parent.mkdir(parents=True)
    there.write_bytes(content)
    assert push.read(name) == content
    there.write_bytes(b"other")
    assert push.read(name) is None


def test_what_names_no_remote_is_told(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project.folder)
    assert pushing.without_remote(["HEAD"], "../a store") == [
        "HEAD: .dvc/config of then names no remote, so a clone needs `dvc remote add --local "
        "--default store '../a store'` before `dvc pull`"
    ]
    assert {tag for tag, _ in pushing.needed("HEAD", tags=False)} == {"HEAD"}
