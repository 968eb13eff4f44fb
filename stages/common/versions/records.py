"""What dvc.lock and *.dvc files record, and where DVC keeps the bytes: the file formats of DVC 3,
read without DVC, which takes half a second to import.

An object is the content of a file under its MD5, below the cache's `files/md5`. A folder is
recorded by the MD5 of its list, an object whose name ends with `.dir`: JSON, the path and MD5 of
every file.

What DVC 2 has written (no `hash: md5`; text files hashed with other line ends) is refused. Projects
of their own in folders below, with a `.dvc` folder, are left out, as DVC does.
"""

import hashlib
import json
import os
import posixpath
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from stages.common import git
from stages.common.errors import UserError
from stages.common.versions import configuration

NOT_ENTERED = {".dvc", ".git", ".venv"}
DIR = ".dir"  # how the hash of a folder's list ends
Reader = Callable[[str], bytes | None]  # gives a file's content by its path, None where it is not


class Recorded(NamedTuple):
    """An out: a file, or a folder where `md5` ends with `.dir`."""

    path: str  # below the project's root
    md5: str
    by: str  # how DVC calls what made it: `gather`, `data/source.dvc`, `sub/dvc.yaml:train`
    source: bool  # a person has added it (*.dvc); else a stage has made it
    cached: bool  # False: `cache: false`. Git keeps it; DVC's cache may have it, but need not


def read(root: Path) -> list[Recorded]:
    """What the working tree records, sorted by path.

    Raises:
        UserError: where a file can't be read as what it should be, or DVC 2 has written it.
    """

    def content(path: str) -> bytes | None:
        try:
            return (root / path).read_bytes()
        except FileNotFoundError:
            return None

    return sorted(set(_in_folder(root, "", content, set())))


def read_revision(root: Path, revision: str) -> list[Recorded]:
    """What a revision that git knows records, sorted by path."""
    listed = git.output(root, "ls-tree", "-r", "-z", "--name-only", revision).decode(
        errors="surrogateescape"
    )
    paths = [path for path in listed.split("\0") if path]
    projects = tuple(path[: -len(".dvc/config")] for path in paths if path.endswith("/.dvc/config"))
    ours = {path for path in paths if not projects or not path.startswith(projects)}

    def content(path: str) -> bytes | None:
        return git.output(root, "show", f"{revision}:./{path}") if path in ours else None

    return sorted({out for path in sorted(ours) for out in _outs(path, content)})


def recorded_file(path: Path) -> Path | None:
    """The object of a file as dvc.lock in this folder records it; None where there is none."""

    def content(name: str) -> bytes | None:
        return Path(name).read_bytes() if Path(name).is_file() else None

    for out in _of_lock("dvc.lock", content):
        if out.path == str(path):
            found = object_path(cache_folder(Path()), out.md5)
            return found if found.is_file() else None
    return None


def last_run(out: Path) -> dict[str, Path]:
    """The objects of what the stage that made `out` has read and left in its last run, by the path
    of the file, as dvc.lock in this folder records it: of files that the cache has, unharmed."""
    path = Path("dvc.lock")
    stages = _loaded(str(path), path.read_bytes() if path.is_file() else None).get("stages") or {}
    cache, found = cache_folder(Path()), {}
    for locked in stages.values():
        outs = locked.get("outs") or []
        if any(each["path"] == str(out) for each in outs):
            for each in [*(locked.get("deps") or []), *outs]:
                name = str(each.get("md5", ""))
                file = object_path(cache, name)
                if not name or name.endswith(DIR) or not file.is_file():
                    continue
                if each.get("hash") == "md5" and md5_of(file.read_bytes()) == name:
                    found[str(each["path"])] = file
    return found


def committed_file(path: Path) -> Path | None:
    """The object of a file as the last commit records it; None where there is none."""
    try:
        outs = read_revision(Path(), "HEAD")
    except UserError:  # no git, no commit yet, or one of DVC 2
        return None
    for out in outs:
        if out.path == str(path):
            found = object_path(cache_folder(Path()), out.md5)
            return found if found.is_file() else None
    return None


def tags(root: Path) -> list[str]:
    """All tags that git knows, by name."""
    return git.output(root, "tag", "--list").decode(errors="surrogateescape").split()


def cache_folder(root: Path) -> Path:
    """The folder of DVC's cache: `cache.dir` of the first config that has it, or `.dvc/cache`."""
    return Path(configuration.setting(root, "cache", "dir") or root / ".dvc" / "cache")


def object_path(cache: Path, md5: str) -> Path:
    """Where the cache keeps an object, or would keep it."""
    return Path(object_at(f"{cache}/files/md5", md5))


def object_at(folder: str, md5: str) -> str:
    """Where a folder of objects has one, here or on a remote; text, since there are 100,000."""
    return f"{folder}/{md5[:2]}/{md5[2:]}"


def objects(cache: Path) -> list[str]:
    """The MD5 of every object that the cache has, sorted."""
    folder = cache / "files" / "md5"
    found = [f"{path.parent.name}{path.name}" for path in folder.glob("??/*")]
    return sorted(name for name in found if re.fullmatch(r"[0-9a-f]{32}(\.dir)?", name))


def md5_of(content: bytes) -> str:
    """MD5 of some bytes, hexadecimal."""
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def tree(content: bytes) -> dict[str, str]:
    """The files that a folder's list names, path below the folder to MD5.

    Raises:
        ValueError: where it is no such list.
    """
    try:
        return {entry["relpath"]: entry["md5"] for entry in json.loads(content)}
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"no list of a folder: {error!r}") from error


def tree_content(files: dict[str, str]) -> bytes:
    """A folder's list, to the byte as DVC writes it."""
    entries = [{"md5": files[path], "relpath": path} for path in sorted(files)]
    return json.dumps(entries, sort_keys=True).encode()


def _in_folder(root: Path, folder: str, content: Reader, known: set[str]) -> Iterator[Recorded]:
    """What the files of a folder and of those below record; `known` gathers the paths of outs.

    Folders that are outs may hold 100,000 files and record nothing: they are not entered.
    """
    below = []
    for entry in sorted(os.scandir(root / folder), key=lambda entry: entry.name):
        path = posixpath.join(folder, entry.name)
        if entry.is_dir(follow_symlinks=False):
            below.append((entry.name, path))
            continue
        for out in _outs(path, content):
            known.add(out.path)
            yield out
    for name, path in below:
        if name not in NOT_ENTERED and path not in known and not (root / path / ".dvc").is_dir():
            yield from _in_folder(root, path, content, known)


def _outs(path: str, content: Reader) -> Iterator[Recorded]:
    """What a file records, if it is a dvc.lock or a *.dvc file."""
    folder, name = posixpath.split(path)
    if name == "dvc.lock":
        yield from _of_lock(path, content)
    elif name.endswith(".dvc") and name != ".dvc":
        loaded = _loaded(path, content(path))
        base = posixpath.join(folder, str(loaded.get("wdir") or "."))
        for out in loaded.get("outs") or ():
            cached = out.get("cache", True)
            yield from _recorded(out, base, path, source=True, cached=cached, listed_in=path)


def _of_lock(path: str, content: Reader) -> Iterator[Recorded]:
    folder = posixpath.dirname(path)
    pipeline = posixpath.join(folder, "dvc.yaml")
    declared = _loaded(pipeline, content(pipeline)).get("stages") or {}
    for name, locked in (_loaded(path, content(path)).get("stages") or {}).items():
        stage = declared.get(name.partition("@")[0])
        if stage is None:  # it has been taken out of dvc.yaml; DVC leaves its entry behind
            continue
        body = stage.get("do") or stage
        base = posixpath.join(folder, str(body.get("wdir") or "."))
        if "${" in base:
            raise UserError(f"{pipeline}: {name}: `wdir` must be a plain folder, got {base!r}")
        entries = [
            entry
            for part in ("outs", "metrics", "plots")
            for entry in (body[part] if isinstance(body.get(part), list) else ())
        ]
        for out in locked.get("outs") or ():
            by = f"{pipeline}:{name}" if folder else name
            cached = _is_cached(str(out["path"]), entries)
            yield from _recorded(out, base, by, source=False, cached=cached, listed_in=path)


def _is_cached(path: str, entries: Iterable[str | dict[str, Any]]) -> bool:
    """Whether DVC's cache keeps an out, by the closest of its stage's entries in dvc.yaml.

    dvc.lock does not tell, and git can't be asked for revisions. A `${...}` stands for any text.
    """
    closest, cached = -1, True
    for entry in entries:
        name, options = next(iter(entry.items())) if isinstance(entry, dict) else (entry, None)
        plain = re.split(r"\$\{[^}]*\}", posixpath.normpath(str(name)))
        fits = re.fullmatch(".+".join(map(re.escape, plain)), path, re.DOTALL)
        if fits and sum(map(len, plain)) > closest:
            closest, cached = sum(map(len, plain)), (options or {}).get("cache", True)
    return cached


def _recorded(
    out: dict[str, Any], base: str, by: str, *, source: bool, cached: bool, listed_in: str
) -> Iterator[Recorded]:
    path = posixpath.normpath(posixpath.join(base, str(out["path"])))
    if "md5" not in out or path.startswith(("../", "/")):
        return  # not downloaded yet, or outside of the project, where DVC keeps no bytes
    if out.get("hash") != "md5":
        raise UserError(
            f"{listed_in}: {path} was recorded by DVC 2: run `dvc cache migrate --dvc-files`, or "
            "check with the DVC of then"
        )
    yield Recorded(path, str(out["md5"]), by, source, cached)


def _loaded(path: str, content: bytes | None) -> dict[str, Any]:
    """A file of DVC's as YAML; nothing where it is not there."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times as fast
    try:
        loaded = yaml.load(content or b"{}", Loader=loader)
    except yaml.YAMLError as error:
        reason = " ".join(str(error).split())
        raise UserError(f"{path} is no YAML ({reason}): `git checkout -- {path}`") from None
    if not isinstance(loaded, dict):
        raise UserError(f"{path} is no file of DVC's: `git checkout -- {path}`")
    return loaded
