"""Push what is recorded to a remote, and prove that it is there: for `make push`, `make release`.

The remote itself is listed and compared with every object that is needed. What lacks or is wrong is
sent, lists of folders last, and the remote is listed again.
"""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from time import monotonic
from typing import NamedTuple

from stages.common import git
from stages.common.errors import UserError
from stages.common.versions import configuration, integrity, proof, records, remote
from stages.common.versions.checksums import Checksums
from stages.common.versions.proof import BY_HASH, MISSING
from stages.common.versions.records import DIR, Recorded
from stages.common.versions.remote import Listing, Remote
from stages.common.versions.watch import Watch

ROOT = Path()
SET = ("data/dataset", "data/validation", "data/release")
ROUNDS = 2  # of sending: a server may refuse one object once
LEAST_SECONDS, OBJECT_SECONDS, RATE = 300.0, 0.5, 50_000  # the time of all: s, s each, bytes/s


class Failed(NamedTuple):
    """An object that could not be sent, and why."""

    name: str
    error: BaseException


class Push:
    """One push: what is needed, what is here, and what the remote has of it."""

    def __init__(
        self, there: Remote, only: Sequence[str], deep: bool, again: str = "make push"
    ) -> None:
        """`again` is the command that goes on where this one has ended."""
        self.there, self.deep, self.again = there, deep, again
        self.watch = Watch(there.ask)
        self.cache = records.cache_folder(ROOT)
        self.only = only
        self.sums = Checksums()
        self.outs: list[Recorded] = []
        self.stands: proof.Stands = {}
        self.sizes: dict[str, int | None] = {}
        self.measured: dict[str, str | None] = {}  # objects of the remote that were hashed
        self.tags_lie = False  # the remote's ETags are no MD5s
        self.judged: dict[str, str] = {}

    def find_needs(self, recorded: Sequence[tuple[str, Recorded]]) -> None:
        """Name every object; lists that the cache lacks are taken from the remote."""
        outs = proof.chosen(recorded, self.only)
        self.outs = [out for _, out in outs]
        self.stands = integrity.stands(outs, {})
        lists, lost = proof.read_lists(outs, self.read_list)
        self.stands = integrity.stands(outs, lists)
        if lost:
            raise UserError(
                f"neither here nor on {self.name} is {proof.named(lost, self.stands)}, so nobody "
                "can pull what is in there; nothing was pushed: run `make mend`, which makes a "
                "list again from its folder"
            )
        objects = f"{self.cache}/files/md5"
        self.sizes = {name: _size(records.object_at(objects, name)) for name in self.stands}

    def read_list(self, md5: str) -> dict[str, str] | None:
        """A folder's list, from the cache or else from the remote; None where neither has it."""
        content = self.read(md5)
        return None if content is None else records.tree(content)

    def read(self, md5: str) -> bytes | None:
        """An object, from the cache or else from the remote; None where neither has it whole."""
        try:
            content = records.object_path(self.cache, md5).read_bytes()
        except FileNotFoundError:
            content = b""
        if not integrity.is_as_named(md5, records.md5_of(content)):
            try:
                content = self.watch.call(self.there.content, md5)
            except FileNotFoundError:
                return None
        return content if integrity.is_as_named(md5, records.md5_of(content)) else None

    @property
    def name(self) -> str:
        """How the remote is called in messages."""
        return f"{self.there.name} ({self.there.url})"

    def look(self) -> Listing:
        """List the remote, and judge every object that is needed."""
        listing = self.watch.call(self.there.listing)
        found = listing.objects
        here = [name for name in self.stands if name in found and name not in self.measured]
        hashed = self.watch.call(self.there.hashed_there, here)
        self.measured |= hashed or {}
        if self.deep:
            here = [name for name in here if name not in self.measured]
            sizes = {name: found[name].size for name in here}
            self.measured |= self.watch.call(self.there.read_back, sizes)
        if self.tags_lie:
            found = proof.without_tags(found)
        self.judged = proof.judge(self.stands, found, self.sizes, self.measured)
        asked = [
            n for n in proof.doubtful(self.judged, found, self.sizes) if n not in self.measured
        ]
        if asked and not self.tags_lie:
            self.measured |= self.watch.call(
                self.there.read_back, {name: found[name].size for name in asked}
            )
            self.tags_lie = any(integrity.is_as_named(n, self.measured[n]) for n in asked)
            found = proof.without_tags(found) if self.tags_lie else found
            self.judged = proof.judge(self.stands, found, self.sizes, self.measured)
        return listing

    def check_sources(self, names: Sequence[str]) -> None:
        """Hash what is to be sent. A damaged or lost object ends it before anything is sent."""
        paths = {name: records.object_path(self.cache, name) for name in names}
        measured = self.sums.of(paths.values())
        bad = [name for name in names if not integrity.is_as_named(name, measured[paths[name]])]
        if bad:
            lost = [name for name in bad if measured[paths[name]] is None]
            what = "missing" if len(lost) == len(bad) else "missing or damaged"
            raise UserError(
                f"{what} here, and not whole on {self.name}: {proof.named(bad, self.stands)}; "
                f"nothing was pushed: run `make mend`, then `{self.again}` again"
                + "; or copy them in from where they are whole"
                * bool(lost)
            )

    def send(self, names: Sequence[str]) -> list[Failed]:
        """Send objects; lists of folders only when all else has arrived."""
        failed: list[Failed] = []

        def note(name: str, error: BaseException) -> None:
            failed.append(Failed(name, error))

        replaced = {name for name in names if self.judged[name] != MISSING}
        for part in (
            [name for name in names if not name.endswith(DIR)],
            [name for name in names if name.endswith(DIR)],
        ):
            if part and not failed:
                self.watch.call(self.there.put, part, self.cache, replaced, note)
        for name in names:
            self.measured.pop(name, None)
        return failed

    def all_of(
        self, recorded: Sequence[tuple[str, Recorded]], limit_minutes: float | None
    ) -> list[str]:
        """Push what is recorded (tag, out), and prove it; lines to say of it, the last one what is
        proven.

        Raises:
            UserError: where something lacks at the end, and why.
        """
        try:
            self.find_needs(recorded)
            listing = self.run(limit_minutes and limit_minutes * 60)
        except remote.faults() as error:
            left = [n for n in self.stands if self.judged.get(n, MISSING) in (MISSING, proof.WRONG)]
            raise UserError(
                f"{self.name}: {remote.reason(error)}; not proven there: {len(left):,} objects, "
                f"{proof.named(left, self.stands)}; then `{self.again}` again"
            ) from None
        lines = []
        if listing.stale:
            size = proof.size_text(sum(listing.stale.values()))
            lines.append(
                f"{len(listing.stale):,} temporary files, {size}, are left on {self.name} by "
                f"pushes that were cut off, as {min(listing.stale)}: delete them when nobody is "
                "pushing"
            )
        revisions = sorted({tag for tag, _ in recorded if tag})
        return [*lines, *without_remote(revisions, self.there.url), self.proven()]

    def run(self, limit: float | None) -> Listing:
        """Send what lacks until nothing does.

        Raises:
            UserError: where something lacks at the end.
        """
        listing = self.look()
        todo = proof.lacking(self.judged)
        if not todo:
            return listing
        self.check_sources(todo)
        wrong = [name for name in todo if self.judged[name] != MISSING]
        if wrong:
            print(f"wrong on {self.name}, replaced: {proof.named(wrong, self.stands)}")
        total = sum(self.sizes.get(name) or 0 for name in todo)
        print(
            f"to push to {self.name}: {proof.amount(todo, self.sizes)}, of "
            f"{proof.amount(self.stands, self.sizes)}"
        )
        print(proof.by_out(todo, self.stands, self.sizes))
        if not self.only and SET[0] in (out.path for out in self.outs):
            print(f"the set without what made it: `make push ONLY='{' '.join(SET)}'`")
        sys.stdout.flush()
        seconds = LEAST_SECONDS + OBJECT_SECONDS * len(self.stands) + total / RATE
        self.watch.deadline = monotonic() + (limit or seconds)
        failed: list[Failed] = []
        for _ in range(ROUNDS):
            failed = self.send(todo)
            listing = self.look()
            todo = proof.lacking(self.judged)
            if not todo:
                return listing
        why = f": {remote.reason(failed[0].error)}" if failed else ""
        raise UserError(
            f"not proven on {self.name}: {proof.amount(todo, self.sizes)}, "
            f"{proof.named(todo, self.stands)}{why}; then `{self.again}` again"
        )

    def proven(self) -> str:
        """One line: what is there, and how that is known."""
        line = f"proven on {self.name}: {proof.amount(self.stands, self.sizes)}: "
        line += proof.kinds(self.judged)
        if set(self.judged.values()) - {BY_HASH}:
            line += "; `make push DEEP=1` reads those back and hashes them"
        return line


def _size(path: str) -> int | None:
    """Bytes of an object in the cache; a `Path` of each would take ten times as long."""
    try:
        return os.stat(path).st_size  # noqa: PTH116
    except FileNotFoundError:
        return None


def needed(revision: str | None, tags: bool) -> list[tuple[str, Recorded]]:
    """What is recorded (tag, out): in the working tree and the last commit, and by tags where asked
    for; or by one revision alone. What is named alike counts for the first."""
    if revision:
        return [(revision, out) for out in records.read_revision(ROOT, revision)]
    recorded = [("", out) for out in records.read(ROOT)]
    try:
        git.output(ROOT, "rev-parse", "--verify", "--quiet", "HEAD")
        recorded += [("HEAD", out) for out in records.read_revision(ROOT, "HEAD")]
    except UserError:  # no commit yet
        pass
    for tag in records.tags(ROOT) if tags else ():
        recorded += [(tag, out) for out in records.read_revision(ROOT, tag)]
    return recorded


def without_remote(revisions: Sequence[str], url: str) -> list[str]:
    """What to say where versions do not name the remote themselves, as a clone of them needs."""
    without = [r for r in revisions if not git.names_remote(r)]
    if not without:
        return []
    return [
        f"{', '.join(without)}: .dvc/config of then names no remote, so a clone needs `dvc remote "
        f"add --local --default store {integrity.shell(url)}` before `dvc pull`"
    ]


def default_remote() -> str:
    """The name of the remote that the project pushes to.

    Raises:
        UserError: where none is set.
    """
    name = configuration.setting(ROOT, "core", "remote")
    if not name:
        raise UserError(
            "no remote is set: `dvc remote add --default store ../store`, a folder on another "
            "disk, or see docs/remotes.md"
        )
    return name
