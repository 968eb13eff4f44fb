"""Say in which folders the photographs lie, and when one of them has changed.

Takes:  gather.source; what the stages `more` have left of the folders of gather.more.
Leaves: folders.csv (`Folder`), from which later stages know where a path leads; contents.csv
        (`Content`), the same with the hash of each folder's content: `gather` runs again when it
        changes.
Rule:   common/sources.py. What is left of a folder that is no longer named is deleted.
"""

from pathlib import Path

from stages.common import contents, sources, tables
from stages.common.cli import run
from stages.common.gather_params import GatherParams
from stages.common.rows import Content, Folder

SUFFIX = ".txt"


def forget(more: Path, names: set[str]) -> None:
    """Delete what was left of other folders: DVC takes it for a part of `more` as it stands, and
    a clone would not have it."""
    for path in sorted(more.rglob(f"*{SUFFIX}")):
        if path.relative_to(more).as_posix().removesuffix(SUFFIX) not in names:
            path.unlink()


def main(
    source: str, more: Path, folders: Path, contents_table: Path, gather: GatherParams
) -> None:
    found = sources.of_params(gather.model_dump())
    sources.check(found)
    forget(more, set(gather.more))
    rows = [
        Content(
            folder.name,
            folder.folder,
            (more / f"{folder.name}{SUFFIX}").read_text().strip()
            if folder.name
            else contents.md5_of(source),
            folder.stills,
        )
        for folder in found
    ]
    tables.write(folders, Folder, found)
    tables.write(contents_table, Content, rows)
    print(f"photographs lie in {sources.named(found)}")


if __name__ == "__main__":
    run(main)
