"""A set as hosts take it: in folders of so many files at most, with all that its documents say of
paths.

Nothing here reads or writes a file.

Source: Hugging Face takes 10,000 files in a folder and advises less than 100,000 in a repository,
        https://huggingface.co/docs/hub/storage-limits; GitHub takes assets of less than 2 GiB,
        https://docs.github.com/repositories/releasing-projects-on-github/about-releases.
"""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import yaml

PER_FOLDER, PER_REPOSITORY = 10_000, 100_000  # files, on Hugging Face
ASSET_BYTES = 2 * 10**9  # of a file on GitHub
LISTS = {  # documents whose lines begin with the name of a tile, and what ends it there
    "meta_info.txt": " ",
    "hyperiqa_score.txt": "\t",
    "lineage.csv": ",",
}


class Download(NamedTuple):
    """A file of the archive that anyone can fetch, without DVC and without a key."""

    name: str
    url: str
    sha256: str


def places(paths: Sequence[str], name: str, most: int) -> dict[str, str]:
    """Where each file of a set is put, by its path below the set's folder. The tiles of more than
    `most` go to folders of their own, `<name>/00/0.png`, ...; all else stays."""
    tiles = [path for path in paths if re.fullmatch(rf"{re.escape(name)}/\d+\.png", path)]
    if len(tiles) <= most:
        return {path: path for path in paths}
    width = max(2, len(str((len(tiles) - 1) // most)))
    moved = {}
    for path in tiles:
        file = path.rpartition("/")[2]
        moved[path] = f"{name}/{int(file.removesuffix('.png')) // most:0{width}}/{file}"
    return {path: moved.get(path, path) for path in paths}


def most_validating(paths: Sequence[str]) -> int:
    """Validation images of the fullest folder; these stay where they are."""
    folders = Counter(p.rpartition("/")[0] for p in paths if p.startswith("validation/"))
    return max(folders.values(), default=0)


def moved(documents: Mapping[str, bytes], name: str, to: Mapping[str, str]) -> dict[str, bytes]:
    """The documents of a set whose tiles are in other places; what names none as it is.

    Args:
        documents: by path; SHA256SUMS, which is made anew, is not among them.
        to: the place of each file, as `places` gives it.
    """
    if all(path == place for path, place in to.items()):
        return dict(documents)
    tile = {
        path.removeprefix(f"{name}/"): place.removeprefix(f"{name}/")
        for path, place in to.items()
        if path != place
    }
    changes: dict[str, Callable[[str], str]] = {
        "metadata.jsonl": lambda text: _rows(text, to),
        "README.md": lambda text: _card(text, name, to[f"{name}/0.png"]),
    }
    for path, end in LISTS.items():
        changes[path] = lambda text, end=end: _listed(text, tile, end)  # type: ignore[misc]
    found = dict(documents)
    for path, change in changes.items():
        if path in found:
            shown = found[path].decode("utf-8", "surrogateescape")
            found[path] = change(shown).encode("utf-8", "surrogateescape")
    rows = hashlib.sha256(found["metadata.jsonl"]).hexdigest()
    found["croissant.json"] = _croissant(found["croissant.json"], name, rows)
    return found


def _listed(content: str, tile: Mapping[str, str], end: str) -> str:
    """Lines that begin with the name of a tile, and a character that ends it."""
    lines = []
    for line in content.split("\n"):
        name, found, rest = line.partition(end)
        lines.append(f"{tile.get(name, name)}{found}{rest}")
    return "\n".join(lines)


def _rows(content: str, to: Mapping[str, str]) -> str:
    """metadata.jsonl."""
    rows = [json.loads(line) for line in content.splitlines()]
    return "".join(f"{json.dumps(row | {'file_name': to[row['file_name']]})}\n" for row in rows)


def _card(content: str, name: str, first: str) -> str:
    """README.md: its head, and where the tiles are."""
    front, body = parted(content)
    front["configs"][0]["data_files"][0]["path"] = [f"{name}/*/*.png", "metadata.jsonl"]
    return joined(front, body.replace(f"| `{name}/0.png`, …", f"| `{first}`, …", 1))


def parted(card: str) -> tuple[dict[str, Any], str]:
    """The head of a card, and what follows. The line `---` ends a head; a title may end so, too."""
    head, _, body = card.removeprefix("---\n").partition("\n---\n")
    return yaml.safe_load(head), body


def joined(front: Mapping[str, Any], body: str) -> str:
    """A card by its head and what follows."""
    shown = yaml.safe_dump(dict(front), sort_keys=False, allow_unicode=True)
    return f"---\n{shown}---\n{body}"


def noted(front: Mapping[str, Any], body: str, note: str) -> bytes:
    """A card with a line below its title, which says what lies here instead of the set's files."""
    title, _, rest = body.lstrip("\n").partition("\n\n")
    return joined(front, f"\n{title}\n\n{note}\n\n{rest}").encode()


def _croissant(content: bytes, name: str, rows_sha256: str) -> bytes:
    """croissant.json: the files that it includes, how their rows are joined, the rows' hash."""
    about: dict[str, Any] = json.loads(content)
    for each in about["distribution"]:
        if each["@type"] == "cr:FileObject":
            each["sha256"] = rows_sha256
        elif each.get("includes") == f"{name}/*.png":
            each["includes"] = f"{name}/*/*.png"
    for field in about["recordSet"][0]["field"]:
        transform = field["source"].get("transform")
        if transform:
            transform["regex"] = f"(?:{name}/\\d+/)?(.+)"
    return (json.dumps(about, indent=2) + "\n").encode()


def download(files: Sequence[Download]) -> str:
    """Commands that fetch an archive, or its volumes, and unpack it; empty where nobody can."""
    lines = [f"curl --fail --location --output {it.name} {it.url}" for it in files]
    lines += [f'echo "{it.sha256}  {it.name}" | sha256sum --check' for it in files]
    lines += [f"7zz x {files[0].name}"] if files else []
    return "".join(f"{line}\n" for line in lines)


def with_download(card: bytes, commands: str) -> bytes:
    """A card with a chapter on how to get the archive, before that on its use."""
    if not commands:
        return card
    chapter = f"## Get the archive\n\nWith 7-Zip, and nothing else:\n\n```sh\n{commands}```\n\n"
    before, found, after = card.decode().partition("## Use it\n")
    return f"{before}{chapter}{found}{after}".encode()


def archive_card(card: bytes, files: Sequence[str]) -> bytes:
    """The card of a set that is hosted as its archive alone, of which no rows can be loaded."""
    front, body = parted(card.decode())
    front.pop("configs", None)
    names = ", ".join(f"`{name}`" for name in files)
    note = f"Here lies the set's archive, {names}; what follows tells of the folder inside."
    return noted(front, body, note)


def notes(entry: str | None, archive: Sequence[tuple[str, str]], commands: str) -> str:
    """What a release on GitHub says: what is new, the hashes, and how to unpack it.

    Args:
        entry: of data/CHANGELOG.md.
        archive: name and SHA-256 of each file of it.
        commands: that get it from elsewhere, too.
    """
    new = "" if entry is None else entry.partition("\n")[2].strip() + "\n\n"
    hashes = "".join(f"{sha256}  {name}\n" for name, sha256 in archive)
    unpack = f"sha256sum --check SHA256SUMS\n7zz x {archive[0][0]}\n"
    elsewhere = f"\nFrom elsewhere:\n\n```sh\n{commands}```\n" if commands else ""
    return (
        f"{new}SHA-256:\n\n```\n{hashes}```\n\nOnce all files are here, with 7-Zip:\n\n"
        f"```sh\n{unpack}```\n{elsewhere}"
    )
