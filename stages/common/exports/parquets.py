"""A Parquet file of samples as Hugging Face's `datasets` writes it: images are structs of bytes and
path, and the schema's metadata says that they are images.

Same samples, same bytes, with the same version of pyarrow.

Source: https://huggingface.co/docs/datasets/image_dataset, "Parquet"; `Features` in the schema's
        metadata: ArrowWriter in https://github.com/huggingface/datasets.
"""

import json
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from stages.common import files
from stages.common.errors import UserError
from stages.common.exports.released import Image, Sample

GROUP_BYTES = 2**25  # of images in a row group, which is read and written at once
GROUP_ROWS = 1000


def write(path: Path, samples: Iterable[Sample], read: Callable[[Image], bytes]) -> None:
    """Write a row a sample: a column an image, and the columns of metadata.jsonl. One row group is
    in memory at a time.

    Raises:
        UserError: where pyarrow is not installed.
        OSError: which names the file.
    """
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError:
        raise UserError("pyarrow is not installed: run `make export-packages`") from None
    writer = None
    with files.naming(path), path.open("wb") as file:
        for rows in _groups(samples, read):
            if writer is None:
                schema = _schema(rows[0], pa)
                others = [name for name, value in rows[0].items() if not _is_image(value)]
                writer = parquet.ParquetWriter(
                    file,
                    schema,
                    compression="none",  # PNG is compressed
                    use_dictionary=others,
                    write_statistics=others,  # of images it would be two whole ones
                )
            writer.write_table(pa.Table.from_pylist(rows, schema))
        if writer is not None:
            writer.close()
        file.flush()
        os.fsync(file.fileno())


def _groups(
    samples: Iterable[Sample], read: Callable[[Image], bytes]
) -> Iterator[list[dict[str, Any]]]:
    """Rows, a list a row group."""
    rows: list[dict[str, Any]] = []
    size = 0
    for sample in samples:
        images = {
            kind: {"bytes": read(image), "path": image.path.rpartition("/")[2]}
            for kind, image in sample.images.items()
        }
        rows.append(images | sample.row)
        size += sample.bytes
        if size >= GROUP_BYTES or len(rows) == GROUP_ROWS:
            yield rows
            rows, size = [], 0
    if rows:
        yield rows


def _is_image(value: object) -> bool:
    return isinstance(value, dict)


def _schema(row: dict[str, Any], pa: Any) -> Any:
    """Arrow's schema, with `datasets`' own description of the same columns in its metadata."""
    fields, features = [], {}
    for name, value in row.items():
        if _is_image(value):
            fields.append((name, pa.struct([("bytes", pa.binary()), ("path", pa.string())])))
            features[name] = {"_type": "Image"}
        elif isinstance(value, float):
            fields.append((name, pa.float64()))
            features[name] = {"dtype": "float64", "_type": "Value"}
        else:
            fields.append((name, pa.string()))
            features[name] = {"dtype": "string", "_type": "Value"}
    described = json.dumps({"info": {"features": features}})
    return pa.schema(fields, metadata={"huggingface": described})
