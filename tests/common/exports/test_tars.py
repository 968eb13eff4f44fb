"""Tars: the members of a sample stand together, under its name, with nothing of this machine."""

import json
import tarfile
from pathlib import Path

from stages.common.exports import tars
from stages.common.exports.released import Image, Sample


def test_a_tar_has_each_image_and_what_is_known_of_it(tmp_path: Path) -> None:
    images = {name: Image(f"validation/{name}/v.png", "", 3) for name in ("hr", "x2")}
    tile = Sample("0", {"image": Image("s/0.png", "", 3)}, {"hyperiqa": 0.5}, {"author": "Ann"})
    tars.write(tmp_path / "a.tar", [tile, Sample("v", images, {}, {})], lambda i: i.path.encode())
    with tarfile.open(tmp_path / "a.tar") as tar:
        found = {}
        for member in tar.getmembers():
            file = tar.extractfile(member)
            assert file is not None
            found[member.name] = file.read()
            kept = (member.mtime, member.uid, member.gid, member.uname, member.gname)
            assert kept == (0, 0, 0, "", "")
    assert json.loads(found.pop("0.json")) == {"hyperiqa": 0.5, "author": "Ann"}
    assert found == {
        "0.png": b"s/0.png",
        "v.hr.png": b"validation/hr/v.png",
        "v.x2.png": b"validation/x2/v.png",
        "v.json": b"{}",
    }
