"""Where the report finds the file of a photograph; a page has no link where there is no file.

A photograph inside an archive or behind a URL is no file that a browser could open: there, words
say where it is.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from stages.common import buckets, packed
from stages.common.video import among


class Place(NamedTuple):
    """A folder of photographs: a path less `name` is that of a file below `folder`."""

    name: str  # as of gather.more, with `/` at its end; empty where paths stand as they are
    folder: str  # absolute, or from the project's; empty where there is no file
    where: str  # in words, where there is none


def place_of(path: str, gather: Mapping[str, Any]) -> Place:
    """The place of a photograph, by its path alone; `gather` is the section of params.yaml.

    A folder that is called like an archive counts as one: a link less, and none that is dead. One
    that is called like a video is told by the names of stills.
    """
    more: Mapping[str, str] = gather.get("more", {})
    name = next((name for name in more if path.startswith(f"{name}/")), "")
    folder = more[name] if name else gather["source"]
    if buckets.is_url(folder):
        return Place("", "", f"at {folder}")
    parts = path.split("/")
    for depth, part in enumerate(parts[:-1], start=1):
        if packed.is_packed(part):
            return Place("", "", f"in the archive {'/'.join(parts[:depth])}")
        if among.is_called_so(part) and among.is_still("/".join(parts[depth:])):
            return Place("", str(among.STILLS), "")
    return Place(f"{name}/" if name else "", folder, "")


def places(paths: Sequence[str], gather: Mapping[str, Any]) -> tuple[list[Place], list[int]]:
    """The different places, sorted, and for each path the number of its own."""
    own = [place_of(path, gather) for path in paths]
    different = sorted(set(own))
    number = {place: i for i, place in enumerate(different)}
    return different, [number[place] for place in own]
