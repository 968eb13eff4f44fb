"""A tar of samples as WebDataset reads it: files of one sample have one name up to its first dot.

Same samples, same bytes: no times, no owners.

Source: https://github.com/webdataset/webdataset, "The WebDataset Format".
"""

import io
import json
import os
import tarfile
from collections.abc import Callable, Iterable
from pathlib import Path

from stages.common import files
from stages.common.exports.released import Image, Sample


def write(path: Path, samples: Iterable[Sample], read: Callable[[Image], bytes]) -> None:
    """Write `0.png`, `0.json`, ... of tiles; `name.hr.png`, `name.x2.png`, ..., `name.json` of
    validation photographs. One image is in memory at a time.

    Raises:
        OSError: which names the file.
    """
    with files.naming(path), path.open("wb") as file:
        with tarfile.open(fileobj=file, mode="w", format=tarfile.USTAR_FORMAT) as tar:
            for sample in samples:
                for kind, image in sample.images.items():
                    ending = "png" if kind == "image" else f"{kind}.png"
                    _add(tar, f"{sample.key}.{ending}", read(image))
                about = json.dumps(sample.row | sample.whose).encode()
                _add(tar, f"{sample.key}.json", about)
        file.flush()
        os.fsync(file.fileno())


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    info = tarfile.TarInfo(name)  # time, owner and group are 0, and without names
    info.size = len(content)
    tar.addfile(info, io.BytesIO(content))
