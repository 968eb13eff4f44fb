"""Describe the set and pack it, with its validation images, into one archive.

Takes:  dataset/ and what its stage has recorded of it; validation/ and validation.csv; the tables
        of the cutoffs, of what was left out before, and of the sources; licences.csv; all of
        params.yaml.
Leaves: release/<name>.7z, or its volumes <name>.7z.001, ..., which unpack into one folder <name>/:
        the tiles <name>/0.png ..., validation/, tables, a card, configurations of trainers, and a
        SHA256SUMS of every file; SHA256SUMS beside it (check with `sha256sum -c SHA256SUMS`).
Rule:   PNGs are stored, not compressed again. Same inputs, same archive, byte for byte: sorted,
        without times and rights. It is read back from the disk before it gets its name: a file in
        it that is not, byte for byte, the one that its table lists ends the stage; so does a
        validation photograph that is trained on, and, unless `private` is set, an image of a source
        that may not be redistributed.
"""

import hashlib
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from stages.common import credits, disk, files, tables
from stages.common.archive import description, licences, seven_zip
from stages.common.archive.description import Contents, ReleaseParams
from stages.common.archive.documents import documents
from stages.common.archive.seven_zip import Member
from stages.common.cli import run
from stages.common.errors import UserError
from stages.common.params import Recipe
from stages.common.rows import Decision, Lineage, Rejected, Source, Unreadable, Validation
from stages.common.sets.sums import beside

SUMS = "SHA256SUMS"


def check_apart(lineage: Sequence[Lineage], validation: Sequence[Validation]) -> None:
    """Validation and training photographs must differ."""
    training = {row.photograph_sha256 for row in lineage}
    both = [row.photograph for row in validation if row.photograph_sha256 in training]
    if both:
        raise UserError(
            f"{', '.join(both)} would be trained on and validated with: run `dvc repro validation`"
        )


def check_allowed(c: Contents) -> None:
    """No image may be of a source that may not be redistributed, unless the set is private."""
    found = [
        f"{share.source.name} ({share.tiles:,} tiles, {share.validation:,} validation photographs)"
        for share in description.withheld(c)
    ]
    if found and not c.params.private:
        raise UserError(
            f"{', '.join(found)} may not be redistributed: leave them out by screen.exclude, or "
            "set release.private: true"
        )


def members(
    c: Contents, dataset: Path, validation: Path, texts: Mapping[Path, tuple[str, str]]
) -> list[Member]:
    """All files of the set, by name; `texts` are names and hashes of those beside the images."""
    found = [Member(dataset / c.name / r.name, f"{c.name}/{r.name}", r.sha256) for r in c.tiles]
    found += [Member(validation / r.path, f"validation/{r.path}", r.sha256) for r in c.validation]
    found += [Member(path, name, sha256) for path, (name, sha256) in texts.items()]
    return sorted(found, key=lambda member: member.name.split("/"))


def listing(of: Sequence[Member]) -> bytes:
    """SHA256SUMS of files."""
    return "".join(f"{member.sha256}  {member.name}\n" for member in of).encode()


@contextmanager
def part_of(folder: Path) -> Iterator[Path]:
    """A folder for what is not whole yet; it goes in the end."""
    part = files.new_folder(folder) / ".part"
    part.mkdir()
    try:
        yield part
    finally:
        shutil.rmtree(part)


def write_documents(folder: Path, content: Mapping[str, bytes]) -> dict[Path, tuple[str, str]]:
    """Write files; gives the name and hash of each."""
    for name, text in content.items():
        files.write(folder / name, text)
    return {
        folder / name: (name, hashlib.sha256(text).hexdigest()) for name, text in content.items()
    }


def main(
    dataset: Path,
    made: Path,
    validation: Path,
    validation_table: Path,
    images: Path,
    subimages: Path,
    unreadable: Path,
    rejected: Path,
    sources_table: Path,
    licence_table: Path,
    name: str,
    folder: Path,
    numbers: Path,
    params: ReleaseParams,
    recipe: Recipe,
) -> None:
    lineage = tables.read(dataset / "lineage.csv", Lineage)
    chosen = tables.read(validation_table, Validation)
    check_apart(lineage, chosen)
    photographs = {row.photograph: row.source for row in lineage}
    photographs |= {row.photograph: row.source for row in chosen}
    by_photograph = credits.whose(photographs, tables.read(sources_table, Source), sources_table)
    contents = Contents(
        name=name,
        params=params,
        recipe=recipe.sections,
        scorer=tables.read_numbers(dataset / "scorer.json"),
        tiles=lineage,
        validation=chosen,
        images=tables.read(images, Decision),
        cut=tables.read(subimages, Decision),
        unreadable=tables.read(unreadable, Unreadable),
        rejected=tables.read(rejected, Rejected),
        licences=licences.of(by_photograph, licences.read(licence_table)),
        sources={source.name: source for source in by_photograph.values()},
    )
    check_allowed(contents)
    recorded = tables.read_numbers(made)["sha256"]
    needed = seven_zip.most_bytes(members(contents, dataset, validation, {}))
    disk.check_room(folder, needed, "this stage")
    with part_of(folder) as part:
        content = documents(contents, dataset / name)
        content["validation.csv"] = validation_table.read_bytes()
        texts = {dataset / text: (text, sha256) for text, sha256 in recorded.items()}
        texts |= write_documents(part / "documents", content)
        packed = members(contents, dataset, validation, texts)
        sums_file = {SUMS: listing(packed)}
        texts |= write_documents(part / "documents", sums_file)
        packed = [
            member._replace(name=f"{name}/{member.name}")
            for member in members(contents, dataset, validation, texts)
        ]
        written = seven_zip.write(part / f"{name}.7z", packed, params.volume_bytes)
        sums = seven_zip.verify(written, packed)
        size = sum(path.stat().st_size for path in written)
        for path in reversed(written):  # the first volume, without which none is opened, last
            path.replace(folder / path.name)
    files.write(folder / SUMS, beside(f"{name}.7z", sums.sha256, sums.files))
    unknown = [path for path, it in contents.licences.items() if it is licences.UNKNOWN]
    counts = {"files": len(packed), "bytes": size, "volumes": len(written)}
    tables.write_numbers(numbers, counts | {"sha256": sums.sha256, "no_licence": len(unknown)})
    print(f"{name}.7z: {len(packed):,} files · {size / 1e6:,.1f} MB · SHA-256 {sums.sha256}")
    if unknown:
        print(
            f"{len(unknown):,} photographs have neither a line in {licence_table} nor a "
            f"source.yaml, as {unknown[0]}: the card says so"
        )


if __name__ == "__main__":
    run(main)
