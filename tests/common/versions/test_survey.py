"""Survey: what is hashed, in the cache and in the workspace, and what is lost."""

from pathlib import Path

import pytest

from stages.common.versions import records
from stages.common.versions.checksums import Checksums
from stages.common.versions.integrity import ABSENT, CHANGED
from stages.common.versions.survey import survey
from tests.tools.conftest import made, project
from tests.tools.project import Project, replace

__all__ = ["made", "project"]  # fixtures


def test_what_differs_is_found_in_both_places(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project.folder)
    recorded = [("", out) for out in records.read(Path())]
    whole = survey(recorded, Path(".dvc/cache"), Checksums())
    assert (whole.findings, whole.lost) == ([], set())
    lost = project.object("data/archive.7z")
    lost.unlink()
    replace(project.folder / "data/tables/one.csv", b"edited")
    seen = survey(recorded, Path(".dvc/cache"), Checksums())
    assert [(f.kind, f.path) for f in seen.findings] == [
        (ABSENT, "data/archive.7z"),
        (CHANGED, "data/tables/one.csv"),
    ]
    assert seen.lost == {lost.parent.name + lost.name}
