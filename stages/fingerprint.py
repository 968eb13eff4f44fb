"""Say what every stage depends on besides its inputs: the code it runs, and its packages.

Takes:  the folder of code; what is installed in this Python.
Leaves: a text for each stage, lines `stages/common/tables.py <hash>` and `pillow 13.0.0`.
Rule:   all modules that a stage imports, by way of others too, and the packages that these import
        (common/fingerprints.py, which also lists what changes no result and is left out). Every
        other stage depends on its own text: a comment, a docstring or a blank line makes it run no
        more, a changed constant makes exactly those run whose code imports its module. DVC runs
        this when the code or the pinned versions change; a package that pip alone has changed is
        seen by `make run` (tools/packages.py).
"""

from pathlib import Path

from stages.common import files, fingerprints
from stages.common.cli import run


def main(code: Path, folder: Path) -> None:
    texts = fingerprints.all_of(code)
    for path in folder.glob("*"):  # of stages that are no more: DVC leaves what was written before
        if path.stem not in texts:
            path.unlink()
    for name, text in texts.items():
        files.write(folder / f"{name}.txt", text.encode())
    packages = fingerprints.packages_in(texts.values())
    versions = ", ".join(f"{name} {version}" for name, version in sorted(packages.items()))
    print(f"fingerprints of {len(texts)} stages, which use {versions}")


if __name__ == "__main__":
    run(main)
