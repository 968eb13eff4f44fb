"""docs/scale.md: what can be checked of it without the machines that it speaks of."""

import re
import subprocess
import textwrap
from pathlib import Path
from typing import Any

import pytest
import yaml

from stages.common import cluster, raylets
from tests.conftest import REPOSITORY

TEXT = (REPOSITORY / "docs/scale.md").read_text()


def manifests() -> list[Any]:
    return [yaml.safe_load(text) for text in re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)]


def test_the_script_for_slurm_is_one(tmp_path: Path) -> None:
    (block,) = re.findall(r"^## On Slurm\n\n((?:    .*\n)+)", TEXT, re.MULTILINE)
    script = tmp_path / "job.sh"
    script.write_text(textwrap.dedent(block))
    subprocess.run(["bash", "-n", script], check=True)


def test_the_manifests_have_the_version_of_ray_that_is_installed() -> None:
    _, kubernetes = manifests()
    pinned = (REPOSITORY / "requirements-ray.txt").read_text()
    assert f"ray=={kubernetes['spec']['rayVersion']}\n" in pinned
    assert f"Ray {kubernetes['spec']['rayVersion'].rpartition('.')[0]}" in TEXT


def test_numbers_of_the_text_are_those_of_the_code() -> None:
    assert cluster.Size().seconds == 1
    assert cluster.CRASHES == 3
    assert raylets.MOST_CORES == 4


def two_digits(number: float) -> float:
    return float(f"{number:.2g}")


def test_what_is_reckoned_follows_from_what_was_measured() -> None:
    rows = re.findall(r"^\| (.+?) \| ([\d.]+) \|$", TEXT, re.MULTILINE)
    gather, embed, measure, crop, cut = (float(ms) for _, ms in rows[:5])
    photograph = gather + embed + measure * 1024**2 / 1e6 + 25 * crop
    tiles = 26 * (9 * crop + cut + measure * 512**2 / 1e6)
    for name, count in (("70,000", 70e3), ("1.3 million", 1.3e6), ("12 million", 12e6)):
        (cells,) = re.findall(rf"^\| {name} \| ([\d,]+), (\d+) \| ([\d,]+) \|", TEXT, re.MULTILINE)
        hours = count * (photograph + tiles) / 3.6e6
        best = count * (photograph + tiles / 10) / 3.6e6
        found = [two_digits(float(cell.replace(",", ""))) for cell in (cells[0], cells[2])]
        assert found == [two_digits(hours), two_digits(best)]
        assert int(cells[1]) == pytest.approx(0.05 * hours, rel=0.15)


@pytest.mark.ray
@pytest.mark.filterwarnings("ignore")
def test_the_autoscaler_takes_its_settings(tmp_path: Path) -> None:
    from ray.autoscaler._private.util import prepare_config, validate_config

    validate_config(prepare_config(manifests()[0]))
