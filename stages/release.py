"""Pack the dataset and its validation images into one archive.

Takes:  dataset/ with its text files; validation/; lineage.csv; validation.csv.
Leaves: release/<name>.7z, which unpacks into one folder <name>/ with <name>/0.png ...,
        validation/, hyperiqa_score.txt, meta_info.txt, lineage.csv and scorer.json; SHA256SUMS
        beside it (check with `sha256sum -c SHA256SUMS`).
Rule:   PNGs are stored, not compressed again. Same files, same archive, byte for byte: sorted,
        without times and rights. A tile or validation image that is not, byte for byte, the one
        that its table lists ends the stage; so does a validation photograph that is trained on.
"""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import py7zr
from py7zr.helpers import ArchiveTimestamp
from py7zr.member import MemberType

from stages.common import disk, files, tables, workers
from stages.common.cli import run
from stages.common.errors import UserError
from stages.common.tables import Lineage, Validation

STORE = [{"id": py7zr.FILTER_COPY}]
TIME = ArchiveTimestamp.from_datetime(0)  # 1970-01-01


class Archive(py7zr.SevenZipFile):  # type: ignore[misc]
    """A 7z archive whose bytes depend on names and contents alone."""

    @staticmethod
    def _make_file_info(target: Path, arcname: str | None = None, dereference: bool = False) -> Any:
        info = py7zr.SevenZipFile._make_file_info(target, arcname, dereference)
        info.update(
            creationtime=TIME,
            lastwritetime=TIME,
            lastaccesstime=TIME,
            attributes=MemberType.FILE.attributes(),
        )
        return info


def members(dataset: Path, validation: Path, top: str) -> Iterator[tuple[Path, str]]:
    """Files and their names in the archive, sorted, all below the folder `top`."""
    for folder, prefix in ((dataset, top), (validation, f"{top}/validation")):
        for path in sorted(p for p in folder.rglob("*") if p.is_file()):
            yield path, f"{prefix}/{path.relative_to(folder).as_posix()}"


def check_apart(lineage: list[Lineage], validation: list[Validation]) -> None:
    """Validation and training photographs must differ."""
    training = {row.photograph_sha256 for row in lineage}
    both = [row.photograph for row in validation if row.photograph_sha256 in training]
    if both:
        raise UserError(
            f"{', '.join(both)} would be trained on and validated with: run `dvc repro validation`"
        )


def check_unchanged(listed: Mapping[Path, str]) -> None:
    """Every file must have the SHA-256 that its table lists."""
    with ThreadPoolExecutor(max(1, workers.worker_count())) as threads:
        hashes = threads.map(files.sha256_of, listed)
        found = list(workers.bar(hashes, len(listed), "compare", " files"))
    damaged = [path for path, sha256 in zip(listed, found, strict=True) if sha256 != listed[path]]
    if damaged:
        raise UserError(files.changed(damaged))


def main(
    dataset: Path, validation: Path, table: Path, name: str, folder: Path, numbers: Path
) -> None:
    lineage, chosen = tables.read(dataset / "lineage.csv", Lineage), tables.read(table, Validation)
    check_apart(lineage, chosen)
    check_unchanged(
        {dataset / name / row.name: row.sha256 for row in lineage}
        | {validation / row.path: row.sha256 for row in chosen}
    )
    files.new_folder(folder)
    path = folder / f"{name}.7z"
    part = folder / f".{name}.7z.part"
    packed = list(members(dataset, validation, name))
    disk.check_room(folder, sum(file.stat().st_size for file, _ in packed), "this stage")
    with Archive(part, "w", filters=STORE) as archive:
        for file, inner in workers.bar(packed, len(packed), "release", " files"):
            archive.write(file, inner)
    part.replace(path)
    sha256 = files.sha256_of(path)
    files.write(folder / "SHA256SUMS", f"{sha256}  {path.name}\n".encode())
    size = path.stat().st_size
    tables.write_numbers(numbers, {"files": len(packed), "bytes": size, "sha256": sha256})
    print(f"{path}: {len(packed):,} files · {size / 1e6:,.1f} MB · SHA-256 {sha256}")


if __name__ == "__main__":
    run(main)
