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


@pytest.mark.ray
@pytest.mark.filterwarnings("ignore")
def test_the_autoscaler_takes_its_settings(tmp_path: Path) -> None:
    from ray.autoscaler._private.util import prepare_config, validate_config

    validate_config(prepare_config(manifests()[0]))
