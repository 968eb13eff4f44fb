"""Experiments where photographs are held: the probe is a part of them, and of the page."""

import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from stages.common import tables
from stages.common.rows import ProbePoint
from tests.conftest import SAMPLES
from tests.project import copy_code
from tests.tools.compared import Compared

HELD = "data/evaluation/held"


@pytest.fixture
def project(tmp_path: Path) -> Compared:
    """A project that was run with 20 held photographs."""
    made = Compared(tmp_path / "project", workers="2")
    copy_code(tmp_path / "code")
    made.prepare(tmp_path / "code")
    (made.folder / HELD).mkdir()
    for i in range(20):
        name = ("landscape/sunset", "objects/greentock")[i % 2]
        image = Image.open(SAMPLES / f"{name}.jpg").resize((768, 576))
        left, top = i // 2 % 5 * 150, i // 10 * 200
        image.crop((left, top, left + 160, top + 160)).save(made.folder / HELD / f"{i}.png")
    for path in (made.folder / "data").rglob("*"):
        os.utime(path, (10**9, 10**9))  # nothing is being written
    made.params["screen"]["evaluation_sets"].append(HELD)
    made.params["probe"] |= {"held": HELD, "points": 4}
    made.write_params()
    made.git("add", "--all")
    made.git("commit", "--quiet", "--message", "code")
    made.dvc("add", "--quiet", "data/source", HELD)
    made.dvc("repro", "--quiet")
    made.commit("first set", "v1")
    return made


@pytest.mark.long
def test_the_probe_is_a_column_of_experiments_and_a_curve_of_the_report(project: Compared) -> None:
    numbers = json.loads((project.folder / "reports/numbers/probe.json").read_text())
    own = f"{numbers['classes']['192']['kept_minus_all']:+.4f}"
    curve = tables.read(project.folder / "reports/probe/curve.csv", ProbePoint)
    assert numbers["tiles"] == max(point.tiles for point in curve)
    assert "How other cuts train" in (project.folder / "reports/report.html").read_text()
    assert (project.folder / "reports/charts/probe.png").is_file()
    before = project.everything()
    message = project.compare("--counts", "6 9")
    project.untouched(before)
    _, rows, *_ = message.split("\n\n")
    header, last, six, nine = (line.split() for line in rows.splitlines())
    assert header[-1] == "kept-all"
    assert last[-1] == own
    assert len({own, six[-1], nine[-1]}) == 3
    assert project.compare("--counts", "6").startswith("tiles-6: was run before\n")
    assert "kept-all" in project.run(sys.executable, "-m", "stages.tools.experiments")
    project.params["cutoff"]["subimages"]["count"] = 6
    project.write_params()
    project.dvc("repro", "--quiet", "probe")
    numbers = json.loads((project.folder / "reports/numbers/probe.json").read_text())
    assert f"{numbers['classes']['192']['kept_minus_all']:+.4f}" == six[-1]
    assert np.isfinite(numbers["bicubic"])
    project.dvc("plots", "show")
