"""Release a version of the set: check, push and prove; an entry in data/CHANGELOG.md, and a tag.

Checked are that all is committed and reproduced, that every byte is whole, here and on the remote,
and that VERSION follows the last one and promises no more than is true. The tag is set when all of
that has gone well, so whoever sees it can have its data. Whatever ends it before, `make release`
goes on. Nothing is pushed to git: the command for that is printed.

    make release VERSION=1.2.0        DEEP=1 and LIMIT=minutes as for `make push`
"""

import argparse
import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from stages.common import cli, files, git, params
from stages.common.archive.description import ReleaseParams
from stages.common.errors import UserError
from stages.common.versions import (
    changelog,
    changes,
    mending,
    numbers,
    pushing,
    records,
    remote,
    snapshots,
)
from stages.common.versions.checksums import Checksums
from stages.common.versions.numbers import MAJOR, NAMES, Version
from stages.common.versions.pushing import Push
from stages.common.versions.remote import Remote
from stages.common.versions.snapshots import Snapshot
from stages.common.versions.survey import survey

ROOT = Path()
NAMED = 3  # of what differs, before it is only counted


class Release(NamedTuple):
    """What is to be released, by params.yaml and git."""

    name: str
    version: Version
    last: Version | None
    tagged: bool  # the tag is here already, at this commit
    head: str  # this commit

    @property
    def tag(self) -> str:
        return numbers.tag(self.name, self.version)

    @property
    def again(self) -> str:
        """The command that goes on."""
        return f"make release VERSION={self.version}"


def find(version: Version) -> Release:
    """See to it that params.yaml and git are ready for a version.

    Raises:
        UserError: where they are not, and what to do.
    """
    again = f"make release VERSION={version}"
    section = params.load(ReleaseParams, "release", Path(snapshots.PARAMS))
    if section.version != str(version):
        raise UserError(
            f"{snapshots.PARAMS}: release.version: got {section.version}, expected {version} as in "
            f"VERSION: write `version: {version}` there, and its date; then `make run`, commit, "
            f"and `{again}`"
        )
    head = _git("rev-parse", "--verify", "HEAD^{commit}")
    _git("var", "GIT_COMMITTER_IDENT")  # a commit and a tag are made at the end
    but = f":(exclude){changelog.FILE}"  # which a run that was ended may have written
    changed = _git("status", "--porcelain", "--", ".", but).splitlines()
    if changed:
        raise UserError(
            f"{_named([line[3:] for line in changed])} not committed: commit, or let git ignore "
            f"it, then `{again}`"
        )
    name = str(params.read(Path(snapshots.PARAMS))["dataset"]["name"])
    known = numbers.tagged(records.tags(ROOT), name)
    tag = numbers.tag(name, version)
    if version in known and _git("rev-parse", f"{tag}^{{commit}}") != head:
        raise UserError(
            f"{tag} exists, at another commit: a tag stays where it is; give the next version a "
            "number of its own, in params.yaml and VERSION"
        )
    later = [each for each in known if each > version]
    if later and version not in known:
        raise UserError(f"VERSION: got {version}, expected one after the last, {later[-1]}")
    last = next((each for each in reversed(known) if each < version), None)
    return Release(name, version, last, version in known, head)


def check_reproduced(again: str) -> None:
    """Let DVC say whether what is there was made from what is there.

    Raises:
        UserError: where something has changed since.
    """
    done = subprocess.run(
        [sys.executable, "-m", "dvc", "status", "--json"],
        capture_output=True,
        check=False,
        env=os.environ | {"PYTHONUTF8": "1"},
    )
    if done.returncode != 0:
        said = " ".join(done.stderr.decode(errors="replace").split())
        raise UserError(f"`dvc status` failed: {said}")
    stale = sorted(json.loads(done.stdout or b"{}"))
    if stale:
        raise UserError(
            f"not as DVC has recorded it: {_named(stale)}: `make run`, or `dvc add` for "
            f"photographs; then commit, and `{again}`"
        )


def check_whole() -> str:
    """Hash all that is recorded; a line that says so.

    Raises:
        UserError: where anything is not as it was recorded.
    """
    sums = Checksums()
    recorded = [("", out) for out in records.read(ROOT)]
    seen = survey(recorded, records.cache_folder(ROOT), sums)
    if seen.findings:
        told = [f"{finding.path} is {finding.kind}" for finding in seen.findings]
        raise UserError(f"{_named(told)}: run `make verify`, which says how to mend it")
    return f"whole here: {len(seen.objects):,} objects and {len(seen.files):,} files as recorded"


def former(release: Release, push: Push) -> changelog.Old | None:
    """The version before, None for the first.

    Raises:
        UserError: where it can't be compared with a version that must be.
    """
    if release.last is None:
        return None
    tag = numbers.tag(release.name, release.last)
    try:
        return release.last, snapshots.read_revision(ROOT, tag, push.read)
    except remote.faults() as error:
        raise UserError(f"{push.name}: {remote.reason(error)}; then `{push.again}` again") from None
    except UserError as error:
        if numbers.step(release.last, release.version) == MAJOR:
            return release.last, None
        raise UserError(
            f"{error}, so nobody knows what has changed: `make push REV={tag}` from where it is "
            f"whole, or release a MAJOR version, {numbers.least(release.last, MAJOR)}"
        ) from None


def check_step(old: changelog.Old | None, version: Version, new: Snapshot) -> None:
    """A version must not promise more than is true.

    Raises:
        UserError: with what has changed, and which version that is.
    """
    if old is None or old[1] is None:
        return
    found = changes.reasons(old[1], new)
    level = changes.level(found)
    if numbers.step(old[0], version) < level:
        least = numbers.least(old[0], level)
        raise UserError(
            f"VERSION: got {version}, expected {least} or later: since {old[0]} "
            f"{'; '.join(why for _, why in found)}, which makes it a {NAMES[level]} version: write "
            f"`version: {least}` in {snapshots.PARAMS}, `make run`, commit, and `make release "
            f"VERSION={least}`"
        )


def changelog_text(release: Release, old: changelog.Old | None, new: Snapshot) -> bytes | None:
    """What data/CHANGELOG.md is to hold, None where the commit has it already.

    Raises:
        UserError: where people have changed it and not committed that, or it knows other versions.
    """
    path = changelog.FILE
    there = _git("ls-tree", "--name-only", "HEAD", f"./{path}")
    committed = git.output(ROOT, "show", f"HEAD:./{path}") if there else None
    text = None if committed is None else committed.decode()
    newest = next(iter(changelog.versions(text or "")), None)
    if newest not in (None, release.version, release.last):
        raise UserError(
            f"{path} tells of {newest}, which has no tag here: `git fetch --tags`; or delete that "
            f"entry and commit, then `{release.again}`"
        )
    entry = changelog.entry(old, release.version, new)
    wanted = changelog.with_entry(text, release.name, release.version, entry).encode()
    present = path.read_bytes() if path.is_file() else None
    if present not in (committed, wanted):
        raise UserError(f"{path} is changed and not committed: commit it, then `{release.again}`")
    return None if wanted == committed else wanted


def commit(release: Release, text: bytes) -> None:
    """Write and commit data/CHANGELOG.md, and nothing else."""
    files.write(changelog.FILE, text)
    path = str(changelog.FILE)
    _git("add", "--force", "--", path)
    _git("commit", "--quiet", "--message", f"Release {release.tag}", "--only", "--", path)


def _git(*arguments: str) -> str:
    return git.output(ROOT, *arguments).decode(errors="backslashreplace").rstrip("\n")


def _named(names: list[str]) -> str:
    more = f" and {len(names) - NAMED:,} more" if len(names) > NAMED else ""
    return f"{', '.join(names[:NAMED])}{more}"


def next_commands(release: Release) -> str:
    """What is left for a person who has the keys."""
    branch = git.branch()
    names = [name for name in (branch, release.tag) if name]
    return f"    git push origin {shlex.join(names)}\n    make publish"


def main() -> None:
    """Release."""
    parser = argparse.ArgumentParser(
        prog="python -m stages.tools.release_version",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", required=True, help="its number, as 1.2.0")
    parser.add_argument("--deep", action="store_true", help="read all back and hash it")
    parser.add_argument("--limit", type=float, metavar="MINUTES", help="for the push")
    arguments = parser.parse_args()
    release = find(numbers.given(arguments.version))
    check_reproduced(release.again)
    with mending.locked():
        there = Remote(pushing.default_remote())
        push = Push(there, [], arguments.deep, again=release.again)
        new = snapshots.read(ROOT)
        old = former(release, push)
        check_step(old, release.version, new)
        text = changelog_text(release, old, new)
        if old and old[1] and old[1].params["release"]["date"] == new.params["release"]["date"]:
            print(f"note: release.date in {snapshots.PARAMS} is still that of {old[0]}")
        print(check_whole(), flush=True)
        print(*push.all_of(pushing.needed(None, tags=False), arguments.limit), sep="\n", flush=True)
    if _git("rev-parse", "HEAD") != release.head:
        raise UserError(f"git has a new commit since this began: `{release.again}` again")
    if text is not None:
        commit(release, text)
    if not release.tagged:
        _git("tag", "--annotate", "--message", f"{release.name} {release.version}", release.tag)
    print(f"{release.tag} is here, and its data on {there.name}. Next:\n{next_commands(release)}")


if __name__ == "__main__":
    cli.shell("release", main, again="make release VERSION=…")
