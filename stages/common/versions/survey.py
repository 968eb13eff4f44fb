"""Hash all that is recorded, in the cache and the workspace: for `make verify`, `make release`."""

import posixpath
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from stages.common import files
from stages.common.versions import integrity, mending, records
from stages.common.versions.checksums import Checksums
from stages.common.versions.integrity import KINDS, Finding
from stages.common.versions.records import DIR, Recorded


class Survey(NamedTuple):
    """What is recorded, what is there, and what differs."""

    findings: list[Finding]
    lists: dict[str, dict[str, str]]  # folders' lists by MD5, as far as they are known
    objects: dict[str, str | None]  # by the MD5 that is its name: the one it has, None if missing
    files: dict[str, str | None]  # of the workspace, by path: its MD5

    @property
    def lost(self) -> set[str]:
        """Objects that the cache does not have intact."""
        return {m for m, got in self.objects.items() if not integrity.is_as_named(m, got)}


def survey(recorded: Sequence[tuple[str, Recorded]], cache: Path, sums: Checksums) -> Survey:
    """Hash all that is recorded (tag, out), and the outs of the workspace, whose tag is ""."""
    current = [out for tag, out in recorded if not tag]
    measured = measure_objects({out.md5 for _, out in recorded}, cache, sums)
    lists = {
        md5: records.tree(records.object_path(cache, md5).read_bytes())
        for md5, got in measured.items()
        if md5.endswith(DIR) and integrity.is_as_named(md5, got)
    }
    folders = {out.path: files_of(out, lists) for out in current if out.md5.endswith(DIR)}
    paths = [out.path for out in current if not out.md5.endswith(DIR)]
    paths += [
        posixpath.join(folder, name) for folder, names in folders.items() for name in names or ()
    ]
    named = integrity.stands(recorded, lists)
    where = {md5: str(records.object_path(cache, md5)) for md5 in named}
    both = sums.of([*paths, *where.values()])  # at once: many are links to each other
    found = {path: both[path] for path in paths}
    measured |= {md5: both[path] for md5, path in where.items()}
    for out in current:
        if out.md5.endswith(DIR) and out.md5 not in lists:
            names = folders[out.path] or []
            listed = {name: found[posixpath.join(out.path, name)] or "" for name in names}
            if records.md5_of(records.tree_content(listed)) == out.md5.removesuffix(DIR):
                lists[out.md5] = listed
    named = integrity.stands(recorded, lists)
    for _, out in recorded:
        if out.md5.endswith(DIR) and out.md5 not in lists:  # its files may have any object
            for md5 in records.objects(cache):
                named.setdefault(md5, [integrity.unknown(out)])
    measured |= measure_objects(set(named) - set(measured), cache, sums)
    lost = {md5 for md5, got in measured.items() if not integrity.is_as_named(md5, got)}
    findings = [
        *integrity.of_objects(named, measured),
        *integrity.of_files(current, lists, folders, found, lost),
    ]
    findings.sort(key=lambda f: (KINDS.index(f.kind), f.path, f.md5))
    return Survey(findings, lists, measured, found)


def measure_objects(names: set[str], cache: Path, sums: Checksums) -> dict[str, str | None]:
    """MD5 of objects, by the MD5 that is their name."""
    paths = {md5: str(records.object_path(cache, md5)) for md5 in sorted(names)}
    measured = sums.of(paths.values())
    return {md5: measured[path] for md5, path in paths.items()}


def files_of(out: Recorded, lists: integrity.Lists) -> list[str] | None:
    """The files below an out that is a folder, but for those that .dvcignore leaves out; None where
    there is no folder."""
    if not Path(out.path).is_dir():
        return None
    found = files.files_below(Path(out.path))
    known = lists.get(out.md5, {})
    unknown = {posixpath.join(out.path, name): name for name in found if name not in known}
    left_out = {unknown[path] for path in mending.ignored(list(unknown))}
    return [name for name in found if name not in left_out]
