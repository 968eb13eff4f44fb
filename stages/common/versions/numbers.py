"""Numbers of versions, MAJOR.MINOR.PATCH, and what they promise of a set whose tiles are numbered.

Source: Semantic Versioning 2.0.0, https://semver.org, of which this is a reading for sets.
"""

import re
from collections.abc import Iterable
from typing import NamedTuple

from stages.common.errors import UserError

PATCH, MINOR, MAJOR = range(3)
NAMES = ("PATCH", "MINOR", "MAJOR")
MEANING = {
    "MAJOR": "begin training anew: a number that both versions have is another tile, or the size "
    "of tiles, a scale to validate at, or a licence is another one",
    "MINOR": "tiles were added or taken away at the end of the numbers, or validation images or "
    "scores are others",
    "PATCH": "documents and archive only: every tile is the same, under the same number",
}
PART = r"(0|[1-9]\d*)"


class Version(NamedTuple):
    """A version's number."""

    major: int
    minor: int
    patch: int

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}"


def parse(text: str) -> Version | None:
    """Read a number; None where it is none."""
    found = re.fullmatch(rf"{PART}\.{PART}\.{PART}", text, re.ASCII)
    return Version(*map(int, found.groups())) if found else None


def given(text: str) -> Version:
    """Read a number from the command line.

    Raises:
        UserError: where it is none.
    """
    version = parse(text)
    if version is None:
        raise UserError(f"VERSION: got {text!r}, expected MAJOR.MINOR.PATCH, as `VERSION=1.2.0`")
    return version


def tag(name: str, version: Version) -> str:
    """The tag of a version of the set `name`, as DVC's own artifacts have it."""
    return f"{name}@v{version}"


def tagged(tags: Iterable[str], name: str) -> list[Version]:
    """The versions of a set that tags name, in their order."""
    found = (parse(each.removeprefix(f"{name}@v")) for each in tags if each.startswith(f"{name}@v"))
    return sorted(version for version in found if version)


def step(old: Version, new: Version) -> int:
    """What a later version promises to be. While MAJOR is 0, MINOR may change anything."""
    if new.major != old.major or (not new.major and new.minor != old.minor):
        return MAJOR
    return MINOR if new.minor != old.minor else PATCH


def least(old: Version, level: int) -> Version:
    """The first version after `old` that may change so much."""
    if level == MAJOR and old.major:
        return Version(old.major + 1, 0, 0)
    if level == PATCH:
        return old._replace(patch=old.patch + 1)
    return Version(old.major, old.minor + 1, 0)
