"""What a version needs of a remote, and what a listing of the remote proves of it.

Nothing here asks a remote or reads an object: what is recorded, lists, sizes and hashes come in,
judgements and text go out.
"""

import posixpath
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from stages.common import text
from stages.common.errors import UserError
from stages.common.versions import integrity
from stages.common.versions.integrity import Stand
from stages.common.versions.records import DIR, Recorded
from stages.common.versions.remote import Object

BY_HASH, BY_SIZE, BY_NAME = "by hash", "by size alone", "by name alone"
MISSING, WRONG = "missing", "wrong"
NAMED = 10  # objects that a fault names before it only counts them
DOUBTED = 3  # objects read back to learn whether a server's ETags are MD5s

Stands = Mapping[str, Sequence[Stand]]  # what each object is, by its MD5


def chosen(
    recorded: Iterable[tuple[str, Recorded]], only: Sequence[str]
) -> list[tuple[str, Recorded]]:
    """The outs (tag, out) that a remote is to have: those that DVC caches, at or below the paths in
    `only`, all if there are none.

    Raises:
        UserError: where a path is no out, nor has any below it.
    """
    outs = [(tag, out) for tag, out in recorded if out.cached]
    known = sorted({out.path for _, out in outs})
    paths = [posixpath.normpath(path.removesuffix(".dvc")) for path in only]
    for path in paths:
        if not any(is_below(out, path) for out in known):
            raise UserError(f"ONLY: nothing is recorded at {path}; there are: {', '.join(known)}")
    return [
        (tag, out) for tag, out in outs if not paths or any(is_below(out.path, p) for p in paths)
    ]


def is_below(path: str, folder: str) -> bool:
    """Whether a path is that of a folder, or in it."""
    return f"{path}/".startswith(f"{folder}/")


def judge(
    names: Iterable[str],
    found: Mapping[str, Object],
    sizes: Mapping[str, int | None],
    measured: Mapping[str, str | None],
) -> dict[str, str]:
    """Of each object that is needed: by what it is proven, `MISSING` or `WRONG`. `sizes` are those
    of the cache, bytes; `measured` are MD5s that go before what the remote tells of itself."""
    return {name: _judged(name, found.get(name), sizes.get(name), measured) for name in names}


def _judged(
    name: str, found: Object | None, size: int | None, measured: Mapping[str, str | None]
) -> str:
    if found is None:
        return MISSING
    if size is not None and found.size is not None and found.size != size:
        return WRONG
    md5 = measured.get(name, found.md5)  # a measured None goes before a tag
    if md5 is not None:
        return BY_HASH if integrity.is_as_named(name, md5) else WRONG
    if name in measured:  # it has gone since the listing
        return MISSING
    return BY_NAME if size is None or found.size is None else BY_SIZE


def lacking(judged: Mapping[str, str]) -> list[str]:
    """Objects that are not there as they must be; lists of folders at the end, so that no list is
    there before what it names."""
    names = [name for name, how in judged.items() if how in (MISSING, WRONG)]
    return sorted(names, key=lambda name: (name.endswith(DIR), name))


def doubtful(
    judged: Mapping[str, str], found: Mapping[str, Object], sizes: Mapping[str, int | None]
) -> list[str]:
    """The smallest of the objects that have the right size and another ETag. On a server that
    encrypts with keys of its own, an ETag is no MD5 and says nothing."""
    names = [
        name
        for name, how in judged.items()
        if how == WRONG and found[name].size in (sizes.get(name), None)
    ]
    return sorted(names, key=lambda name: (sizes.get(name) or 0, name))[:DOUBTED]


def without_tags(found: Mapping[str, Object]) -> dict[str, Object]:
    """A listing whose ETags are not believed."""
    return {name: each._replace(md5=None) for name, each in found.items()}


def named(names: Collection[str], stands: Stands) -> str:
    """Objects by what they are, on one line."""
    shown = [integrity.named(stands[name]) for name in list(names)[:NAMED]]
    more = f" and {len(names) - NAMED:,} more" if len(names) > NAMED else ""
    return f"{', '.join(shown)}{more}"


def size_text(count: int) -> str:
    """Bytes as people read them."""
    if count >= 1e8:
        return f"{count / 1e9:,.1f} GB"
    return f"{count / 1e6:,.1f} MB" if count >= 1e5 else f"{count / 1e3:,.1f} kB"


def amount(names: Collection[str], sizes: Mapping[str, int | None]) -> str:
    """How many objects, and how many bytes of them are known."""
    objects = f"{len(names):,} object{'s' * (len(names) != 1)}"
    return f"{objects}, {size_text(sum(sizes.get(name) or 0 for name in names))}"


def by_out(names: Collection[str], stands: Stands, sizes: Mapping[str, int | None]) -> str:
    """A table of what is to be sent for each out. What several outs have counts for the first."""
    objects: Counter[str] = Counter()
    total: Counter[str] = Counter()
    for name in names:
        path = stands[name][0].out.path
        objects[path] += 1
        total[path] += sizes.get(name) or 0
    rows = [(path, f"{objects[path]:,}", size_text(total[path])) for path in sorted(objects)]
    return text.table(("", "objects", "size"), rows)


def kinds(judged: Mapping[str, str]) -> str:
    """By what how many objects are proven, as `1,000 by hash, 2 by size alone`."""
    counts = Counter(judged.values())
    return ", ".join(f"{counts[how]:,} {how}" for how in (BY_HASH, BY_SIZE, BY_NAME) if counts[how])


def read_lists(
    outs: Iterable[tuple[str, Recorded]], read: Callable[[str], dict[str, str] | None]
) -> tuple[dict[str, dict[str, str]], list[str]]:
    """The lists of all folders, by their MD5, and those that `read` does not find."""
    lists: dict[str, dict[str, str]] = {}
    lost = []
    for md5 in dict.fromkeys(out.md5 for _, out in outs if out.md5.endswith(DIR)):
        listed = read(md5)
        if listed is None:
            lost.append(md5)
        else:
            lists[md5] = listed
    return lists, lost
