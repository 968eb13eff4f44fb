"""Compare what a set's lists say with what is there, and its images with each other.

A file gets one fault, the first that explains the others: one that is truncated is not also of
another hash, and one of a wrong size is not also unlike its line in meta_info.txt.
"""

import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from stages.common.sets import sums
from stages.common.sets.faults import Fault
from stages.common.sets.layout import Layout
from stages.common.sets.listings import Listing
from stages.common.sets.looking import Image8, is_image

LITTER = {"Thumbs.db", ".DS_Store", "desktop.ini"}
CHANNELS = {"grey": (1, 3), "RGB": (3,)}  # as meta_info may have them: readers make grey RGB


def presence(layout: Layout, lists: Sequence[Listing]) -> Iterator[Fault]:
    """Files that lists name and that are not there, and files that no list names."""
    present = set(layout.files)
    lists = [listing for listing in lists if listing.entries]  # others can't be read
    named_by: dict[str, list[str]] = {}
    for listing in lists:
        for path in listing.entries:
            named_by.setdefault(path, []).append(listing.path)
    for path in sorted(named_by.keys() - present):
        yield Fault(path, "missing", "no file", f"one, named in {', '.join(named_by[path])}")
    for path in layout.images:
        lacking = [listing.path for listing in lists if path not in listing.entries]
        if lacking and len(lacking) == len(lists):
            yield Fault(path, "extra", "an image that no list names", "only listed ones")
        elif lacking:
            yield Fault(path, "unlisted", "no line", f"one in {', '.join(lacking)}")
    summed = next((listing.entries for listing in lists if listing.path == sums.NAME), None)
    for path in sorted(present - set(layout.images)):
        if layout.top and path.startswith(layout.top):
            yield Fault(path, "extra", "a file that is no image", "images alone in this folder")
        elif Path(path).name in LITTER:
            yield Fault(path, "extra", "a file of the operating system", "no such file")
        elif summed is not None and path != sums.NAME and path not in summed:
            yield Fault(path, "extra", f"a file that {sums.NAME} does not name", "only named ones")


def names(paths: Iterable[str]) -> Iterator[Fault]:
    """Names of images that some readers cut, or some file systems can't keep apart."""
    by_folded: dict[str, str] = {}
    for path in paths:
        fault = _name_fault(path)
        if fault:
            yield Fault(path, "name", *fault)
        folded = unicodedata.normalize("NFC", path).casefold()
        other = by_folded.setdefault(folded, path)
        if other != path:
            expected = "names that differ in more than case or accents' encoding"
            yield Fault(path, "name", f"nearly the name of {other}", expected)


def _name_fault(path: str) -> tuple[str, str] | None:
    stem = path.removesuffix(Path(path).suffix)
    if any(unicodedata.category(c) == "Cs" for c in path):
        return "bytes that are no UTF-8", "UTF-8"
    if any(unicodedata.category(c) == "Cc" for c in path):
        return "control characters", "none"
    if any(c.isspace() for c in path):
        return "a blank", "none: readers cut a line of meta_info.txt at the first"
    if "." in stem:
        return "a dot before its suffix", "none: readers of LMDB cut a name at the first"
    return None


def own_faults(images: Iterable[Image8]) -> dict[str, Fault]:
    """What is wrong with images taken alone, by path."""
    found = (Fault(image.path, *image.wrong) for image in images if image.wrong)
    return {fault.path: fault for fault in found}


def unlike_the_others(images: Sequence[Image8], faulty: Mapping[str, Fault]) -> dict[str, Fault]:
    """Images of another size than more than half of the set, or of other colours, by path."""
    whole = [image for image in images if image.width and image.path not in faulty]
    if not whole:
        return {}
    size, of_size = Counter((i.width, i.height) for i in whole).most_common(1)[0]
    colour, _ = Counter(i.colour for i in whole).most_common(1)[0]
    common = size if 2 * of_size > len(whole) else None
    found = {}
    for image in whole:
        got = f"{image.width}x{image.height} px"
        if common and (image.width, image.height) != common:
            expected = f"{common[0]}x{common[1]} px, as most"
            found[image.path] = Fault(image.path, "size", got, expected)
        elif image.colour != colour:
            found[image.path] = Fault(image.path, "mode", image.colour, f"{colour}, as most")
    return found


def sizes(
    images: Sequence[Image8], lists: Sequence[Listing], faulty: Mapping[str, Fault]
) -> Iterator[Fault]:
    """Lines that give an image a size that it has not."""
    by_path = {i.path: i for i in images if i.width and i.path not in faulty}
    for listing in lists:
        for path, entry in listing.entries.items():
            image = by_path.get(path)
            if image is None or entry.size is None:
                continue
            height, width, channels = entry.size
            if (height, width) != (image.height, image.width) or channels not in CHANNELS.get(
                image.colour, (channels,)
            ):
                real = f"({image.height},{image.width},{CHANNELS.get(image.colour, (3,))[0]})"
                got = f"({height},{width},{channels})"
                yield Fault(listing.path, f"size of {entry.name}", got, f"{real}, as the image has")


def hashes(
    sha256: Mapping[str, str], lists: Sequence[Listing], faulty: Mapping[str, Fault]
) -> Iterator[Fault]:
    """Files that differ from all hashes that lists give them; and, where they agree with one list,
    the lines of the others.

    Args:
        sha256: of the files that are there, by path below the set's folder.
    """
    for path in sorted(sha256.keys() - faulty.keys()):
        listed = [
            (listing, listing.entries[path])
            for listing in lists
            if path in listing.entries and listing.entries[path].sha256
        ]
        wrong = [(listing, entry) for listing, entry in listed if entry.sha256 != sha256[path]]
        if wrong and len(wrong) == len(listed):
            tables = ", ".join(listing.path for listing, _ in wrong)
            expected = f"{wrong[0][1].sha256} as in {tables}"
            yield Fault(path, "changed", f"SHA-256 {sha256[path]}", expected)
        elif wrong:
            for listing, entry in wrong:
                expected = f"{sha256[path]}, as the file has"
                yield Fault(listing.path, f"hash of {entry.name}", str(entry.sha256), expected)


def scores(lists: Sequence[Listing]) -> Iterator[Fault]:
    """Scores that differ between lists; the first by name is right, which is lineage.csv."""
    known: dict[str, tuple[str, float]] = {}
    scored = [x for x in lists if any(e.score is not None for e in x.entries.values())]
    for listing in sorted(scored, key=lambda x: (x.path != "lineage.csv", x.path)):
        for path, entry in listing.entries.items():
            if entry.score is None:
                continue
            first, score = known.setdefault(path, (listing.path, entry.score))
            if f"{score:.6f}" != f"{entry.score:.6f}":
                expected = f"{score:.6f} as in {first}"
                yield Fault(listing.path, f"score of {entry.name}", f"{entry.score:.6f}", expected)


def all_of(
    layout: Layout,
    lists: Sequence[Listing],
    images: Sequence[Image8],
    sha256: Mapping[str, str],
    known: Mapping[str, Fault],
) -> list[Fault]:
    """All faults of a set's training images and lists.

    Args:
        images: what was seen of the training images.
        sha256: of files of the set, by path.
        known: faults of other files that also explain another hash, by path.
    """
    faulty = own_faults(images)
    faulty |= unlike_the_others(images, faulty)
    return [
        *(fault for listing in lists for fault in listing.faults),
        *presence(layout, lists),
        *names(path for path in layout.files if is_image(path)),
        *faulty.values(),
        *sizes(images, lists, faulty),
        *hashes(sha256, lists, {**faulty, **known}),
        *scores(lists),
    ]
