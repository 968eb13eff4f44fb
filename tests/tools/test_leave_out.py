"""Leave out: deleted tiles stay deleted, whenever that is asked for."""

from pathlib import Path

import pytest

from stages.common import tables
from stages.common.leave_out import DELETED, FILE, LeftOut, read
from stages.tools import leave_out

A, B, C = (LeftOut(f"s/{name}.png", "deleted by hand") for name in "abc")


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    tables.write(FILE, LeftOut, [LeftOut("s/b.png", "blurred, and dark")])


def test_noted_tiles_are_added_once(capsys: pytest.CaptureFixture[str]) -> None:
    tables.write(DELETED, LeftOut, [A, B, C])
    leave_out.main()
    assert read(FILE) == [LeftOut("s/b.png", "blurred, and dark"), A, C]
    assert not DELETED.exists()
    leave_out.main()
    assert read(FILE) == [LeftOut("s/b.png", "blurred, and dark"), A, C]
    assert capsys.readouterr().out.splitlines() == [
        "left out 2 tiles, as s/a.png: `make run` takes the next best",
        "no tile was deleted by hand that is not in data/leave_out.csv yet",
    ]
