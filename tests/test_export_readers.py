"""What `make export` writes in the hands of others: Hugging Face's datasets, BasicSR; and the
commands of docs/use-a-dataset.md about it."""

import hashlib
import subprocess
from pathlib import Path

import numpy as np
import pytest
import yaml

from tests.common.archive.sets import SIDE, noise
from tests.conftest import REPOSITORY
from tests.test_release import NAME, pack, parts
from tests.test_release import unpacked as unpack
from tests.test_release_readers import ENVIRONMENT, READERS, TILES, Run, printed, python, run
from tests.test_use_a_dataset import EXPORT, READ, READ_IMPORT

__all__ = ["parts", "python", "run"]  # fixtures
pytestmark = pytest.mark.tools

PIXELS = """
def sha256(image):
    return hashlib.sha256(numpy.asarray(image).tobytes()).hexdigest()
print(json.dumps({
    "rows": [[sha256(r["image"]), r["hyperiqa"], r["section"], r["scale"]] for r in rows],
    "pairs": [[sha256(r[s]) for s in ("hr", "x2", "x4")] for r in pairs],
    "tiles": [hashlib.sha256((t["png"] * 255).round().astype("uint8").tobytes()).hexdigest()
              if t["png"].dtype != "uint8" else sha256(t["png"]) for t in tiles],
}))
"""


def sha256(side: int, seed: int) -> str:
    return hashlib.sha256(np.ascontiguousarray(noise(side, side, seed)).tobytes()).hexdigest()


@pytest.fixture
def exported(parts: Path) -> Path:
    """A folder of all exports, made by the commands as they stand in the documentation."""
    folder = parts / "exports"
    (folder / "clone").mkdir(parents=True)
    archive = pack(parts) / f"{NAME}.7z"
    archive.rename(folder / archive.name)
    unpack(folder / archive.name, folder / "unpacked")
    beside = ["--assume-old", ".venv/ready", "--assume-old", ".venv/export"]
    for line in EXPORT[1:]:
        words = line.replace("samples", NAME).replace("../", f"{folder}/").split()
        done = subprocess.run([words[0], *beside, *words[1:]], cwd=REPOSITORY, capture_output=True)
        assert done.returncode == 0, done.stderr
    return folder


def test_datasets_and_webdataset_give_every_pixel(exported: Path, run: Run) -> None:
    lines = ["import hashlib, json, numpy", *READ_IMPORT, *READ, PIXELS]
    found = printed(run("-c", "\n".join(lines), cwd=exported))
    tiles = [sha256(SIDE, number) for number in range(len(TILES))]
    assert found["rows"] == [
        [digest, row.hyperiqa, row.section, row.scale]
        for digest, row in zip(tiles, TILES, strict=True)
    ]
    assert found["pairs"] == [[sha256(side, 50) for side in (SIDE, SIDE // 2, SIDE // 4)]] * 2
    assert found["tiles"] == tiles


def test_basicsr_reads_the_lmdb_by_the_set_s_configurations(exported: Path, run: Run) -> None:
    (checkout,) = (path for path in ENVIRONMENT.glob("basicsr-*") if path.is_dir())
    folder = exported / "basicsr"
    written = exported / "unpacked" / NAME / "configs/basicsr/otf_x4.yml"
    options = yaml.safe_load(written.read_text())
    train, validation = options["datasets"]["train"], options["datasets"]["val"]
    train |= {"dataroot_gt": f"{NAME}.lmdb", "io_backend": {"type": "lmdb"}}
    validation |= {
        "dataroot_gt": "validation/hr.lmdb",
        "dataroot_lq": "validation/x4.lmdb",
        "io_backend": {"type": "lmdb"},
    }
    (folder / "otf.yml").write_text(yaml.safe_dump(options))
    script = READERS / "basicsr_reads.py"
    found = printed(run(script, checkout, "otf.yml", "train", cwd=folder))
    assert (found["length"], found["gt_path"], found["gt"]) == (len(TILES), "0", [3, 400, 400])
    found = printed(run(script, checkout, "otf.yml", "val", cwd=folder))
    assert (found["length"], found["lq"], found["gt"]) == (
        2,
        [3, SIDE // 4, SIDE // 4],
        [3, SIDE, SIDE],
    )

    by_its_client = f"""
import sys, json, hashlib, types
for name in ("basicsr", "basicsr.utils"):
    module = types.ModuleType(name)
    module.__path__ = [{str(checkout)!r} + "/" + name.replace(".", "/")]
    sys.modules[name] = module
import cv2, numpy
from basicsr.utils.file_client import FileClient
client = FileClient("lmdb", db_paths=["{NAME}.lmdb"], client_keys=["gt"])
found = []
for number in range({len(TILES)}):
    image = cv2.imdecode(numpy.frombuffer(client.get(str(number), "gt"), numpy.uint8), 1)
    found.append(hashlib.sha256(image[:, :, ::-1].tobytes()).hexdigest())
print(json.dumps(found))
"""
    found = printed(run("-c", by_its_client, cwd=folder))
    assert found == [sha256(SIDE, number) for number in range(len(TILES))]
