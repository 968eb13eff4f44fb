"""What differs between what is recorded and what is there, and what to do about it.

Nothing here reads or writes a file: hashes come in, findings and commands go out.
"""

import posixpath
import re
import shlex
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from stages.common.versions.records import DIR, Recorded, object_path

DAMAGED, ABSENT = "damaged in the cache", "missing in the cache"
CHANGED, MISSING, NEW = (f"{word} in the workspace" for word in ("changed", "missing", "new"))
KINDS = (DAMAGED, ABSENT, CHANGED, MISSING, NEW)  # in the order they are reported
NAMED = 3  # paths named of an object that stands for more
NO_TARGET = re.compile(r"[:\n]|dvc\.(?:yaml|lock)$|\.dvc$")  # DVC takes it for something else
ON_A_LINE = 20  # paths of one command

Lists = Mapping[str, Mapping[str, str]]  # by MD5 of a folder's list: its files' MD5 by path


class Stand(NamedTuple):
    """What an object stands for."""

    path: str  # below the project's root; of a folder's list, that of the folder with a `/`
    out: Recorded
    tag: str  # "" where the working tree records it


class Finding(NamedTuple):
    """Something that is not as recorded."""

    kind: str  # of KINDS
    path: str  # one that a person knows; a whole folder's ends with `/`
    md5: str  # as recorded, "" if it is not
    out: Recorded  # that it belongs to
    stands: tuple[Stand, ...] = ()  # all that an object stands for


def stands(records: Iterable[tuple[str, Recorded]], lists: Lists) -> dict[str, list[Stand]]:
    """What each object stands for that the records (tag, out) name, by its MD5. What several of
    them name alike counts for the first."""
    found: dict[str, list[Stand]] = {}
    seen = set()
    for tag, out in records:
        if (out.path, out.md5) in seen:
            continue
        seen.add((out.path, out.md5))
        is_folder = out.md5.endswith(DIR)
        own = Stand(f"{out.path}/" if is_folder else out.path, out, tag)
        found.setdefault(out.md5, []).append(own)
        for name, md5 in lists.get(out.md5, {}).items():
            found.setdefault(md5, []).append(Stand(posixpath.join(out.path, name), out, tag))
    return found


def unknown(out: Recorded) -> Stand:
    """What an object may stand for that no list names, while the list of this out is lost."""
    return Stand(f"perhaps of {out.path}/", out._replace(cached=False), "")


def is_as_named(md5: str, measured: str | None) -> bool:
    """Whether an object's content has the hash that is its name."""
    return measured == md5.removesuffix(DIR)


def of_objects(
    named: Mapping[str, Sequence[Stand]], measured: Mapping[str, str | None]
) -> Iterator[Finding]:
    """Objects that are damaged, or missing where the cache must have them."""
    for md5, users in named.items():
        got = measured[md5]
        if is_as_named(md5, got):
            continue
        if got is not None:
            yield Finding(DAMAGED, users[0].path, md5, users[0].out, tuple(users))
        elif any(user.out.cached for user in users):
            yield Finding(ABSENT, users[0].path, md5, users[0].out, tuple(users))


def of_files(
    outs: Iterable[Recorded],
    lists: Lists,
    folders: Mapping[str, Collection[str] | None],
    measured: Mapping[str, str | None],
    lost: Collection[str],
) -> Iterator[Finding]:
    """Files of the workspace that are changed, missing or new.

    `folders` has the files of every out that is a folder, below it, or None where it is not there;
    `lost` are the objects that the cache does not have intact. A folder whose list is lost is
    reported as one; so is a folder that is not there, if all of it can be put back.
    """
    for out in outs:
        if not out.md5.endswith(DIR):
            yield from _of_file(out, out.path, out.md5, measured.get(out.path))
            continue
        there, files = folders[out.path], lists.get(out.md5)
        if files is None or (there is None and not {out.md5, *files.values()} & set(lost)):
            yield Finding(MISSING if there is None else CHANGED, f"{out.path}/", out.md5, out)
            continue
        for name, md5 in files.items():
            path = posixpath.join(out.path, name)
            yield from _of_file(out, path, md5, measured.get(path))
        for name in there or ():
            if name not in files:
                yield Finding(NEW, posixpath.join(out.path, name), "", out)


def _of_file(out: Recorded, path: str, md5: str, measured: str | None) -> Iterator[Finding]:
    if measured is None:
        yield Finding(MISSING, path, md5, out)
    elif measured != md5:
        yield Finding(CHANGED, path, md5, out)


def describe(finding: Finding, aside: Mapping[str, str]) -> str:
    """A finding as a line; `aside` says where damaged objects have been moved, by MD5."""
    if finding.kind not in (DAMAGED, ABSENT):
        return f"{finding.kind}: {shown(finding.path)}"
    moved = f", now {aside[finding.md5]}" if finding.md5 in aside else ""
    return f"{finding.kind}: {named(finding.stands)} ({finding.md5}{moved})"


def named(stands: Sequence[Stand]) -> str:
    """All that an object stands for, by paths that a person knows."""
    users = [
        ("the list of " if user.path == f"{user.out.path}/" else "")
        + shown(user.path)
        + (f" of {user.tag}" if user.tag else "")
        for user in stands
    ]
    more = f" and {len(users) - NAMED:,} more" if len(users) > NAMED else ""
    return f"{', '.join(users[:NAMED])}{more}"


def remedies(
    findings: Sequence[Finding], lost: Collection[str], *, cache: Path, remote: bool, mended: bool
) -> list[str]:
    """The commands that put all right, in their order, with a comment for each.

    Whether a changed source is damage or meant, only a person knows: both ways are named.
    """
    objects = [f for f in findings if f.kind in (DAMAGED, ABSENT)]
    files = [f for f in findings if f.kind in (CHANGED, MISSING)]
    made = [f for f in files if f.out.cached and not f.out.source]
    lines = []
    if not mended and (objects or made):
        lines.append("make mend  # puts back what can be put back")
    for out in sorted(
        {f.out for f in findings if f.out.source and f.kind not in (DAMAGED, ABSENT)}
    ):
        own = [f for f in findings if f.out == out]
        lines += _of_source(out, own, lost, cache, remote and mended, mended)
    odd = [f.path for f in findings if f.kind == NEW and not _is_text(f.path)]
    if odd:
        names = ", ".join(map(shown, odd[:ON_A_LINE]))
        lines.insert(0, f"# DVC stops at names that are not UTF-8: rename, or move away: {names}")
    kept = [f.path for f in files if not f.out.cached]
    lines += _commands("git checkout --", kept, "as git has it; or let `dvc repro` make it again")
    if mended:
        tagged = sorted({f.stands[0].tag for f in objects if f.stands[0].tag})
        lines += [
            f"# what only {shown(tag)} records: `dvc push --all-tags` from where it is whole, or "
            f"make it again, `git checkout {shell(tag)} && dvc repro`"
            for tag in tagged
        ]
    extra = sorted({f.out.path for f in findings if f.kind == NEW and not f.out.source})
    again = made if mended else []
    if extra or again:
        folders = ", ".join(map(shown, extra))
        why = ["makes again what is missing"] * bool(again)
        why += [f"removes what is new in {folders}: move it elsewhere to keep it"] * bool(extra)
        places = {f.out.by.rpartition(":")[0] for f in again}
        places |= {f.out.by.rpartition(":")[0] for f in findings if f.out.path in extra}
        lines += [f"{f'dvc repro {place}'.strip()}  # {'; '.join(why)}" for place in sorted(places)]
    return lines


def _is_text(path: str) -> bool:
    return not re.search("[\ud800-\udfff]", path)


def _of_source(
    out: Recorded,
    findings: Sequence[Finding],
    lost: Collection[str],
    cache: Path,
    asked_remote: bool,
    mended: bool,
) -> Iterator[str]:
    differ = [f for f in findings if f.kind in (CHANGED, MISSING)]
    back = [f for f in differ if f.md5 not in lost]
    gone = [f.path for f in differ if f.md5 in lost]
    targets = [f.path.rstrip("/") for f in back if not NO_TARGET.search(f.path)]
    yield from _commands("dvc checkout --force", targets, "the recorded bytes")
    for f in back:
        if NO_TARGET.search(f.path):
            words = f"{shell(str(object_path(cache, f.md5)))} {shell(f.path)}"
            yield f"cp --remove-destination {words}  # the recorded bytes"
    unless = "" if mended else "unless `make mend` brings them back, "
    where = "here and in the remote" if asked_remote else "here"
    for first in range(0, len(gone), ON_A_LINE):
        names = ", ".join(map(shown, gone[first : first + ON_A_LINE]))
        yield (
            f"# {unless}the recorded bytes are lost {where}: copy in from elsewhere, then "
            f"`make mend`: {names}"
        )
    yield f"dvc add {shell(out.path)}  # {'or take' if differ else 'takes'} what is there now"


def _commands(command: str, paths: Sequence[str], why: str) -> Iterator[str]:
    for first in range(0, len(paths), ON_A_LINE):
        part = " ".join(map(shell, paths[first : first + ON_A_LINE]))
        yield f"{command} {part}  # {why}"


def shown(path: str) -> str:
    """A path on one line: as it is, or as a shell's `$'...'`."""
    return path if path.isprintable() else shell(path)


def shell(path: str) -> str:
    """A path as a word of a command; bytes that are no text, and line ends, as `$'...'`."""
    if path.isprintable():
        return shlex.quote(path)
    raw = path.encode(errors="surrogateescape")
    plain = {*range(0x20, 0x7F)} - {*b"'\\"}
    return "$'" + "".join(chr(b) if b in plain else f"\\x{b:02x}" for b in raw) + "'"
