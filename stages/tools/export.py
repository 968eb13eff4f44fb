"""Write a released set for trainers and readers that want it in other files: shards, LMDB, Parquet.

    make export FORMAT=webdataset                             dist/NAME-webdataset
    make export FORMAT=lmdb DIR=../lmdb                       BasicSR's
    make export FORMAT=parquet SET=unpacked SHARD=250MB       of what `make unpack` has made

Takes the archive in data/release as `make run` leaves it, or SET, any set's archive or unpacked
folder. The PNG files are taken as they are, and every one is compared with the set's lists first;
the same set gives the same bytes. DIR must not exist: all is written into a hidden folder beside
it, `.DIR.….part`, which is renamed when it is complete. After a power cut or `kill -9` that folder
may be left: delete it.
"""

import argparse
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from stages.common import cli, disk, files, params, workers
from stages.common.errors import UserError
from stages.common.exports import lmdbs, parquets, released, shards, tars
from stages.common.exports.released import Released, Sample
from stages.common.sets import sums, whole

RELEASE, DIST = Path("data/release"), Path("dist")
WHAT = {
    "webdataset": "WebDataset shards, `train-000000.tar`, …",
    "lmdb": "LMDB for BasicSR",
    "parquet": "Parquet, `train-00000-of-….parquet`, …",
}
SPARE_BYTES = 2**24  # of what is no image, roughly


def find() -> Path:
    """The archive that the last run has made.

    Raises:
        UserError: where there is none.
    """
    name = str(params.read(Path("params.yaml"))["dataset"]["name"])
    for path in (RELEASE / f"{name}.7z", RELEASE / f"{name}.7z.001"):
        if path.is_file():
            return path
    raise UserError(f"{RELEASE} has no {name}.7z: `make run` makes it, `make checkout` gets it")


def shown(samples: list[Sample]) -> Iterator[Sample]:
    """Samples, with a bar."""
    yield from workers.bar(samples, len(samples), "export", " samples")


def write_tars(part: Path, of: Released, most: int) -> None:
    """`train-000000.tar`, ..., `validation-000000.tar`, ..."""
    for split, samples in of.splits.items():
        left = shown(samples)
        for number, count in enumerate(shards.plan(samples, most)):
            tars.write(part / f"{split}-{number:06d}.tar", islice(left, count), of.read)


def write_parquet(part: Path, of: Released, most: int) -> None:
    """`train-00000-of-00002.parquet`, ..., `validation-00000-of-00001.parquet`."""
    for split, samples in of.splits.items():
        left, counts = shown(samples), shards.plan(samples, most)
        for number, count in enumerate(counts):
            path = part / f"{split}-{number:05d}-of-{len(counts):05d}.parquet"
            parquets.write(path, islice(left, count), of.read)


def write_lmdb(part: Path, of: Released) -> None:
    """`NAME.lmdb`, `validation/hr.lmdb`, `validation/x2.lmdb`, ..."""
    lmdbs.write(
        part / f"{of.name}.lmdb",
        shown(of.tiles),
        "image",
        of.read,
        lmdbs.room_of(of.tiles, "image"),
    )
    for kind in of.validation[0].images if of.validation else ():
        target = part / "validation" / f"{kind}.lmdb"
        lmdbs.write(target, of.validation, kind, of.read, lmdbs.room_of(of.validation, kind))


def write(folder: Path, of: Released, kind: str, most: int) -> int:
    """Write an export to a new folder; gives its bytes.

    Raises:
        UserError: where an image is not as the set's lists have it, or the disk has no room.
        OSError: which names a file. Nothing is left of the folder then.
    """
    images = sum(sample.bytes for samples in of.splits.values() for sample in samples)
    if not disk.has_room(folder, images + SPARE_BYTES):
        raise UserError(
            f"{folder}: needs {disk.readable(images)}, and {disk.readable(disk.free(folder))} is "
            "free: free some space, or name a folder on another disk by DIR"
        )
    with whole.appearing(folder) as name:
        part = Path(name)
        if kind == "lmdb":
            write_lmdb(part, of)
        else:
            (write_tars if kind == "webdataset" else write_parquet)(part, of, most)
        ending = {"webdataset": "tar", "parquet": "parquet"}.get(kind)
        paths = {split: f"{split}-*.{ending}" for split in of.splits} if ending else {}
        for path, text in of.texts.items():
            if path == released.CARD:
                text = shards.card(text, of.name, WHAT[kind], paths)
            files.write(part / path, text)
        every = files.files_below(part)
        hashes = {p: files.sha256_of(part / p) for p in every if not p.endswith("lock.mdb")}
        files.write(part / sums.NAME, sums.content(hashes))
        return sum((part / path).stat().st_size for path in every)


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m stages.tools.export",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--format", required=True, help=" or ".join(WHAT))
    parser.add_argument("--set", type=Path, help="archive or unpacked folder of another set")
    parser.add_argument("--folder", type=Path, help="the new folder; if not given, one in dist/")
    parser.add_argument("--shard", default="500MB", help="bytes of images in a shard, 500MB")
    arguments = parser.parse_args()
    if arguments.format not in WHAT:
        raise UserError(f"FORMAT: got {arguments.format!r}, expected {' or '.join(WHAT)}")
    most = shards.size(arguments.shard)
    with released.opened(arguments.set or find()) as of:
        folder = arguments.folder or DIST / f"{of.name}-{arguments.format}"
        if arguments.folder is None:
            DIST.mkdir(exist_ok=True)
        whole.check_target(folder)
        size = write(folder, of, arguments.format, most)
        counts = f"{len(of.tiles):,} tiles, {len(of.validation):,} validation photographs"
        print(f"{folder}: {counts}, {disk.readable(size)}, each image as its lists have it")


if __name__ == "__main__":
    cli.shell("export", main, again="make export")
