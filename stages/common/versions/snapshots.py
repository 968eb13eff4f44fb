"""What a version of a set holds, as far as another is compared with it: read from the workspace, or
for a version of before from git and DVC's objects, of which no checkout is needed."""

import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from stages.common import credits, git, params, tables
from stages.common.archive import licences
from stages.common.errors import UserError
from stages.common.rows import Lineage, Source, Validation
from stages.common.versions import records

PARAMS = "params.yaml"
LINEAGE = "data/dataset/lineage.csv"
TILES, VALIDATION = "data/tables/subimages.csv", "data/tables/validation.csv"
SOURCES = "data/tables/sources_images.csv"
FILES = (PARAMS, str(licences.FILE), LINEAGE, TILES, VALIDATION, SOURCES)

ReadObject = Callable[[str], bytes | None]  # an object by its MD5; None where nobody has it


class Picture(NamedTuple):
    """Of a row of subimages.csv, what its picture is."""

    path: str
    pixels: str  # SHA-256


class Snapshot(NamedTuple):
    """A version of a set."""

    params: Mapping[str, Any]  # the sections of params.yaml
    tiles: Sequence[Lineage]  # best first, at least one
    pictures: Sequence[str]  # SHA-256 of each tile's pixels
    validation: Sequence[Validation]
    licences: Mapping[str, str]  # by photograph


def read(root: Path) -> Snapshot:
    """Read the version that is in a folder.

    Raises:
        UserError: where a file is missing, or none of the form that this tool writes.
    """
    tiles = tables.read(root / LINEAGE, Lineage)
    pixels = {row.path: row.pixels for row in tables.read(root / TILES, Picture)}
    validation = tables.read(root / VALIDATION, Validation)
    if not tiles or any(row.tile not in pixels for row in tiles):
        raise UserError(f"{root / LINEAGE} names no tile, or one that {TILES} has not")
    rows: list[Lineage | Validation] = [*tiles, *validation]
    named = {row.photograph: row.source for row in rows}
    whose = credits.whose(named, tables.read(root / SOURCES, Source), root / SOURCES)
    known = licences.of(whose, licences.read(root / licences.FILE))
    return Snapshot(
        params.read(root / PARAMS),
        tiles,
        [pixels[row.tile] for row in tiles],
        validation,
        {path: it.licence for path, it in known.items()},
    )


def read_revision(root: Path, revision: str, read_object: ReadObject) -> Snapshot:
    """Read the version that a revision has recorded.

    Raises:
        UserError: where a file is neither here nor on the remote, or of another form.
    """
    recorded = {out.path: out.md5 for out in records.read_revision(root, revision)}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for path in FILES:
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(_content(root, revision, path, recorded, read_object))
        try:
            return read(folder)
        except UserError as error:
            raise UserError(str(error).replace(f"{folder}/", f"{revision}: ")) from None


def _content(
    root: Path, revision: str, path: str, recorded: Mapping[str, str], read_object: ReadObject
) -> bytes:
    """A file of a revision, from DVC where that has it, else from git."""
    lost = UserError(f"{revision}: {path} is neither here nor on the remote")
    md5 = recorded.get(path)
    folder, _, name = path.rpartition("/")
    if md5 is None and folder in recorded:
        listed = read_object(recorded[folder])
        if listed is None:
            raise lost
        md5 = records.tree(listed).get(name)
    if md5 is None:
        return git.output(root, "show", f"{revision}:./{path}")
    content = read_object(md5)
    if content is None:
        raise lost
    return content
