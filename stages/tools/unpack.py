"""Unpack the archive of a set, safely: the whole of it into a new folder, or nothing.

    make unpack ARCHIVE=samples.7z DIR=unpacked
    make unpack ARCHIVE=samples.7z.001 DIR=unpacked       the first of its volumes
    make unpack ARCHIVE=samples.7z DIR=unpacked LIMIT=50  if it unpacks to more than 10 times itself

The archive is compared with SHA256SUMS beside it, and its files with the SHA256SUMS inside, where
there are such. Refused before anything is written: names that lead out of the folder, absolute
ones, two of the same name, control characters; links; more than the disk or the limit has room for.
DIR must not exist: all is unpacked into a hidden folder beside it, `.DIR.….part`, which is renamed
when it is complete. After a power cut or `kill -9` that folder may be left: delete it.
"""

import argparse
from pathlib import Path

from stages.common import cli, disk
from stages.common.errors import UserError
from stages.common.sets import sums, unpacking, volumes, whole


def check_archive(archive: Path) -> str:
    """Compare an archive, or its volumes, with SHA256SUMS beside it; what was found, in words.

    Raises:
        UserError: where one differs.
    """
    parts = volumes.of(archive)
    listed = sums.read(archive.with_name(sums.NAME))
    if listed is None:
        return f"no {sums.NAME} beside it"
    joined = volumes.NUMBERED.sub("", archive.name)
    names = {joined, *(path.name for path in parts)}
    if not names & listed.sha256.keys():
        return f"not named in {sums.NAME} beside it"
    whole, each = volumes.sha256_of(parts)
    got = {path.name: value for path, value in zip(parts, each, strict=True)} | {joined: whole}
    for name in sorted(names & listed.sha256.keys()):
        if got[name] != listed.sha256[name]:
            raise UserError(
                f"{archive.with_name(name)}: got SHA-256 {got[name]}, expected "
                f"{listed.sha256[name]} as in {sums.NAME} beside it: fetch it again"
            )
    return f"as in {sums.NAME} beside it"


def gigabytes(text: str) -> int:
    """A size in GB, in bytes.

    Raises:
        ValueError: for no number above 0.
    """
    size = float(text)
    if not 0 < size < 1e9:
        raise ValueError
    return round(size * 1e9)


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m stages.tools.unpack",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--archive", required=True, help="the 7z file, or its first volume (.7z.001)"
    )
    parser.add_argument("--folder", required=True, help="the new folder; it must not exist")
    parser.add_argument(
        "--limit",
        type=gigabytes,
        metavar="GB",
        help="the most that it may unpack to; if not given, 10 times its own size, at least 1 GB",
    )
    arguments = parser.parse_args()
    if not arguments.archive or not arguments.folder:
        raise UserError(
            "say what and where to, as `make unpack ARCHIVE=samples.7z DIR=../unpacked`"
        )
    archive, folder = Path(arguments.archive), Path(arguments.folder)
    whole.check_target(folder)  # before gigabytes are hashed
    how = check_archive(archive)
    done = unpacking.unpack(archive, folder, arguments.limit)
    inside = f"{done.compared:,} as in {sums.NAME} inside" if done.compared else "CRC-32 is right"
    print(
        f"{folder}: {done.files:,} files, {disk.readable(done.bytes)}, {inside}; archive {how}; "
        "look at it with `make check-set`"
    )


if __name__ == "__main__":
    cli.shell("unpack", main, again="make unpack")
