"""What the report shows of measures and rules."""

import numpy as np

from stages.common.cutoff_params import IMAGE_MEASURES, TILE_MEASURES, Limit
from stages.common.pages import effects
from stages.common.what_if import ALL, NO_RULE, NOW, ONLY, WITHOUT, WhatIf
from tests.report_project import ReportProject


def line(by: str, limit: str, images: int, mean: float) -> WhatIf:
    return WhatIf("subimages", ALL, by, limit, images, mean, 0.1, 9, 3, 0.5, "")


def test_every_measure_has_an_end_and_a_title() -> None:
    assert effects.MEASURES.keys() == {*IMAGE_MEASURES, *TILE_MEASURES}


def test_a_rule_is_told_by_what_it_drops_alone_and_what_would_be_without_it() -> None:
    lines = [
        line(NOW, "", 5, 0.7),
        line(ONLY, NO_RULE, 20, 0.5),
        line(ONLY, "bits below 0.3", 17, 0.5),
        line(ONLY, "all of these", 12, 0.5),
        line(WITHOUT, "bits below 0.3", 5, 0.75),
        line(WITHOUT, "shares of scales", 6, 0.6),
    ]
    found = effects.effects("subimages", lines)
    assert [(it.rule, it.alone, round(it.gain, 6)) for it in found] == [
        ("bits below 0.3", 3, 0.05),
        ("shares of scales", None, -0.1),
        ("all of these", 8, 0.0),
    ]
    assert effects.effects("images", lines) == []


def test_a_histogram_has_room_for_its_limit(tmp_path: object) -> None:
    project = ReportProject(tmp_path)  # type: ignore[arg-type]
    project.make()
    c = project.columns("subimages")
    kept = np.array([row.kept for row in project.decisions["subimages"]])
    limits = {"bits": Limit(min=-1.0, max=9.0)}
    cutoff = project.limits.subimages.model_copy(update={"limits": limits})
    found = {it.name: it for it in effects.histograms(c, kept, cutoff)}
    assert found.keys() == set(TILE_MEASURES)
    assert (found["bits"].low, found["bits"].high, found["bits"].end) == (-1.0, 9.0, "min")
    assert found["white"].chart.startswith("<svg")
