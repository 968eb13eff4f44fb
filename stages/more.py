"""Notice that a folder of `gather.more` has changed.

Takes:  one of the folders.
Leaves: a file with the hash of its content, as DVC has it.
Rule:   DVC can't make one stage depend on a list of folders, but make a stage for each of them:
        this one. The stage `folders` depends on what all of these leave.
"""

from pathlib import Path

from stages.common import contents, files
from stages.common.cli import run


def main(folder: str, known: Path) -> None:
    md5 = contents.md5_of(folder)
    files.write(known, f"{md5}\n".encode())
    print(f"{folder} is {md5}")


if __name__ == "__main__":
    run(main)
