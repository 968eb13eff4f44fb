"""Push what DVC keeps to the remote, and prove that it is there.

The remote itself is listed and compared with every object that dvc.lock, the *.dvc files and the
last commit name, folders opened up: names, sizes, and hashes where the remote gives them. What
lacks or is wrong is sent, lists of folders last, and the remote is listed again. Ends with 0 only
where a clone elsewhere can pull all of it.

    make push                              make push TAGS=1        make push REV=v1
    make push ONLY='data/dataset data/validation'    make push DEEP=1       make push LIMIT=90
"""

import argparse

from stages.common import cli
from stages.common.errors import UserError
from stages.common.versions import mending, pushing
from stages.common.versions.pushing import Push
from stages.common.versions.remote import Remote


def main() -> None:
    """Push and prove."""
    parser = argparse.ArgumentParser(
        prog="python -m stages.tools.push",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--remote", help="its name; the project's default if not given")
    parser.add_argument("--only", nargs="*", default=[], metavar="PATH", help="these outs alone")
    parser.add_argument("--tags", action="store_true", help="what git's tags record, too")
    parser.add_argument("--revision", metavar="REV", help="what this revision records, alone")
    parser.add_argument("--deep", action="store_true", help="read all back and hash it")
    parser.add_argument("--limit", type=float, metavar="MINUTES", help="for all of it")
    arguments = parser.parse_args()
    with mending.locked():
        name = arguments.remote or pushing.default_remote()
        recorded = pushing.needed(arguments.revision, arguments.tags)
        if not recorded:
            raise UserError(
                "nothing is recorded yet: `dvc repro` makes dvc.lock, `dvc add` *.dvc files"
            )
        push = Push(Remote(name), arguments.only, arguments.deep)
        said = push.all_of(recorded, arguments.limit)
    print(*said, sep="\n")


if __name__ == "__main__":
    cli.shell("push", main, again="make push")
