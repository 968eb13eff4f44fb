"""Hash again what DVC keeps, and name every file that is not as recorded.

Checked are the objects of DVC's cache that dvc.lock and the *.dvc files name, and the files of the
workspace. DVC itself trusts both unread. A damaged object is moved to .dvc/damaged, and a file that
differs gets the time of now: DVC looks at both again. Ends with 1 where something differs.

    make verify            make verify ALL=1            make mend
"""

import argparse
import io
import sys
from pathlib import Path

from stages.common import cli
from stages.common.errors import UserError
from stages.common.versions import configuration, integrity, mending, records
from stages.common.versions.checksums import Checksums
from stages.common.versions.integrity import ABSENT, CHANGED, DAMAGED, KINDS, MISSING
from stages.common.versions.survey import Survey, survey

ROOT = Path()


def make_seen(seen: Survey, cache: Path) -> dict[str, str]:
    """See to it that DVC trusts nothing that differs; gives where damaged objects are now."""
    for finding in seen.findings:
        if finding.kind == CHANGED:
            below = finding.path if finding.path.endswith("/") else None
            mending.touch(
                [path for path in seen.files if path.startswith(below)] if below else [finding.path]
            )
    return {f.md5: mending.move_aside(cache, f.md5) for f in seen.findings if f.kind == DAMAGED}


def put_objects(seen: Survey, cache: Path) -> int:
    """Give the cache back what the workspace has intact; how many objects that are."""
    have = {md5: path for path, md5 in seen.files.items() if md5}
    done = 0
    for md5 in {f.md5 for f in seen.findings if f.kind in (DAMAGED, ABSENT)}:
        if md5 in seen.lists:
            content = records.tree_content(seen.lists[md5])
            done += mending.put_object(cache, md5, io.BytesIO(content))
        elif md5 in have:
            with Path(have[md5]).open("rb") as file:
                done += mending.put_object(cache, md5, file)
    return done


def to_put(seen: Survey) -> tuple[dict[str, str], list[str]]:
    """What stages have made and is changed or missing: the files that the cache can give back, with
    their objects, and those that no one has intact."""
    lost = seen.lost
    made = [
        f
        for f in seen.findings
        if f.kind in (CHANGED, MISSING) and f.out.cached and not f.out.source
    ]
    back: dict[str, str] = {}
    for f in made:
        if f.path.endswith("/"):
            names = seen.lists.get(f.md5, {})
            back |= {f.path + name: md5 for name, md5 in names.items() if md5 not in lost}
        elif f.md5 not in lost:
            back[f.path] = f.md5
    gone = [f.path for f in made if f.md5 in lost and f.kind == CHANGED and f.path[-1] != "/"]
    return back, gone


def summary(seen: Survey, sums: Checksums) -> str:
    """One line: how much was verified, and how it is."""
    there = [sum(got is not None for got in part.values()) for part in (seen.objects, seen.files)]
    size = f"{sums.bytes / 1e9:,.1f} GB" if sums.bytes >= 1e8 else f"{sums.bytes / 1e6:,.1f} MB"
    counts = [
        f"{sum(f.kind == kind for f in seen.findings):,} {kind}"
        for kind in KINDS
        if any(f.kind == kind for f in seen.findings)
    ]
    how = ", ".join(counts) or "all as recorded"
    return f"verified {there[0]:,} objects and {there[1]:,} files, {size}: {how}"


class Project:
    """A project's recorded, cache and hashes, for one run."""

    def __init__(self, all_tags: bool) -> None:
        self.all_tags = all_tags
        self.looked = False
        self.sums = Checksums()
        self.cache = records.cache_folder(ROOT)
        self.recorded = [("", out) for out in records.read(ROOT)]
        for tag in records.tags(ROOT) if all_tags else ():
            self.recorded += [(tag, out) for out in records.read_revision(ROOT, tag)]
        if not self.recorded:
            raise UserError(
                "nothing is recorded yet: `dvc repro` makes dvc.lock, `dvc add` *.dvc files"
            )

    def look(self) -> Survey:
        """Hash all, print what is damaged or not yet steps, and let DVC see it."""
        seen = survey(self.recorded, self.cache, self.sums)
        aside = make_seen(seen, self.cache)
        for finding in seen.findings:
            line = integrity.describe(finding, aside)
            if finding.kind == DAMAGED or not self.looked:
                print(line)
        self.looked = True
        return seen


def mended(project: Project, seen: Survey) -> Survey:
    """Put back what can be put back: objects from the workspace, then from the remote; then what
    stages have made from the cache. Sources of the workspace are left as they are."""
    with mending.locked():
        put = put_objects(seen, project.cache)
        seen = project.look()
    missing, fetched = seen.lost, 0
    if any(f.kind == ABSENT for f in seen.findings) and configuration.setting(
        ROOT, "core", "remote"
    ):
        mending.dvc("fetch", *["--all-tags"] * project.all_tags)
        with mending.locked():
            project.look()
            seen = project.look()  # what came damaged is aside now
            fetched = len(missing - seen.lost)
            put += put_objects(seen, project.cache)
            seen = project.look()
    back, gone = to_put(seen)
    link = (configuration.setting(ROOT, "cache", "type") or "").startswith("hardlink")
    with mending.locked():
        for path, md5 in back.items():
            mending.put_file(project.cache, md5, path, link=link)
        for path in gone:
            Path(path).unlink()
        seen = project.look()
    print(
        f"put back {put:,} objects from the workspace, {fetched:,} from the remote, and "
        f"{len(back):,} files from the cache; removed {len(gone):,} damaged files"
    )
    return seen


def main() -> None:
    """Verify, and mend where that is asked for."""
    parser = argparse.ArgumentParser(
        prog="python -m stages.tools.verify",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--all", action="store_true", help="the objects that git's tags record, too"
    )
    parser.add_argument(
        "--mend",
        action="store_true",
        help="put back what can be: from the workspace, the remote and the cache",
    )
    arguments = parser.parse_args()
    with mending.locked():
        project = Project(arguments.all)
        seen = project.look()
    if arguments.mend and seen.findings:
        seen = mended(project, seen)
        print(*[f"left: {integrity.describe(f, {})}" for f in seen.findings], sep="\n")
    remote = configuration.setting(ROOT, "core", "remote") is not None
    steps = integrity.remedies(
        seen.findings, seen.lost, cache=project.cache, remote=remote, mended=arguments.mend
    )
    if steps:
        print("", *steps, "", sep="\n")
    print(summary(seen, project.sums))
    if seen.findings:
        sys.exit(1)


if __name__ == "__main__":
    cli.shell("verify", main, again="make verify")
