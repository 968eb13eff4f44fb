"""What git knows of a folder: images must not get into it unseen."""

import os
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path

from stages.common.errors import UserError

IMAGES = (
    ".jpg",
    ".jpeg",
    ".png",
    ".tif",
    ".tiff",
    ".webp",
    ".avif",
    ".jp2",
    ".bmp",
    ".ppm",
    ".gif",
)


def output(folder: Path, *arguments: str, variables: Mapping[str, str] | None = None) -> bytes:
    """What a git command prints in a folder.

    Raises:
        UserError: with what git says, where it fails.
    """
    done = subprocess.run(
        ["git", *arguments],
        cwd=folder,
        env=os.environ | (variables or {}),
        capture_output=True,
        check=False,
    )
    if done.returncode:
        message = " ".join(done.stderr.decode(errors="replace").split())
        command = next((word for word in arguments if word[0] != "-" and "=" not in word), "")
        raise UserError(f"git {command} in {folder.resolve()}: {message}")
    return done.stdout


def fault(folder: Path) -> str | None:
    """How the images in a folder are about to get into git, and the command against it.

    None where git keeps some of them on purpose, since they are in its last commit; where it
    ignores them or DVC keeps them; for a folder outside the repository; before a first commit.
    """
    committed = _lines("ls-tree", "-r", "--name-only", "HEAD", "--", f"{folder}/")
    if committed is None or committed or not is_inside(folder):
        return None
    staged = [p for p in _lines("ls-files", "--", f"{folder}/") or [] if is_image(p)]
    if staged:
        return (
            f"{len(staged):,} images in {folder} are staged in git, as {staged[0]}: run `git rm -r "
            f"--cached --quiet '{folder}'`, then `dvc add '{folder}'`"
        )
    found = _lines("ls-files", "--others", "--exclude-standard", "--", f"{folder}/") or []
    loose = [path for path in found if is_image(path)]
    if loose:
        return (
            f"{len(loose):,} images in {folder} are neither ignored by git nor kept by DVC, as "
            f"{loose[0]}, so `git add` would commit them: run `dvc add '{folder}'`"
        )
    return None


def is_versioned(folder: Path) -> bool:
    """Whether git or DVC keeps what is in a folder, so that a version of it can be had again."""
    kept = any(
        path.with_name(f"{path.name}.dvc").is_file()
        for path in (folder, *folder.parents)
        if path.name
    )
    return kept or any(folder.glob("*.dvc")) or bool(_lines("ls-files", "--", f"{folder}/"))


def is_image(path: str) -> bool:
    """By its name, as git gives it: quoted where it holds anything unusual."""
    return path.rstrip('"').lower().endswith(IMAGES)


def is_inside(folder: Path) -> bool:
    """Whether a folder is below the project's, where git and DVC can keep it."""
    return Path.cwd() in folder.resolve().parents


def _lines(*arguments: str) -> list[str] | None:
    """What git prints; None where it fails, as outside a repository."""
    try:
        done = subprocess.run(["git", *arguments], capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.decode(errors="backslashreplace").splitlines()


def tags_without_remote() -> list[str]:
    """Tags that `dvc push --all-tags` passes over without a word, since DVC reads the remote from a
    tag's own .dvc/config. None where this clone's own configuration names one, which goes first."""
    if "remote" in _core(_read(Path(".dvc/config.local"))):
        return []
    if "remote" not in _core(_read(Path(".dvc/config"))):
        return []
    tags = _lines("tag", "--list") or []
    return [
        tag for tag in tags if "remote" not in _core(_lines("show", f"{tag}:.dvc/config") or [])
    ]


def branch() -> str | None:
    """The branch that is checked out; None where a commit or a tag is."""
    return next(iter(_lines("symbolic-ref", "--short", "--quiet", "HEAD") or []), None)


def names_remote(revision: str) -> bool:
    """Whether a revision's own .dvc/config names a remote that clones of it pull from."""
    return "remote" in _core(_lines("show", f"{revision}:./.dvc/config") or [])


def _read(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines() if path.is_file() else []


def _core(lines: Iterable[str]) -> set[str]:
    """The keys of the section [core] of DVC's configuration."""
    keys, section = set(), ""
    for line in map(str.strip, lines):
        if line.startswith("["):
            section = line
        elif section == "[core]" and "=" in line:
            keys.add(line.partition("=")[0].strip())
    return keys
