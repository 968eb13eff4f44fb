"""Prepare what hosts take of a released set: a folder for Hugging Face, assets for GitHub.

Takes data/release as `make run` leaves it, and leaves dist/NAME-VERSION:

    huggingface/    the set, at most 10,000 files in a folder; a set of 100,000 files as its archive
    github/         the archive in files of 2 GB at most, SHA256SUMS, the card
    notes.md        what the release on GitHub says

Every byte is compared with SHA256SUMS of the archive. Tiles and volumes are links or clones: no
second copy, so never write into them. Nothing is uploaded: the commands are printed, since the keys
are yours. Where a remote of DVC's is read over HTTP, or URL names where a remote's folder is, the
cards tell how to get the archive from there without DVC.

    make publish        make publish ARCHIVE=1        make publish URL=https://example.org/store
"""

import argparse
import hashlib
import re
import shlex
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from stages.common import cli, files, git, links, params, workers
from stages.common.archive import hosting
from stages.common.archive.description import ReleaseParams
from stages.common.archive.hosting import Download
from stages.common.errors import UserError
from stages.common.sets import packed_set, sums, volumes
from stages.common.sets.packed_set import Contents
from stages.common.versions import changelog, configuration, numbers, records

ROOT = Path()
RELEASE = Path("data/release")
TILES, VALIDATION = Path("data/dataset"), Path("data/validation")  # where images lie, too
DIST = Path("dist")
CARD, BESIDE = "README.md", ("sheet.png", "photographs.csv")  # and what the card leads to
REPOSITORY = re.compile(r"https://huggingface\.co/datasets/([\w.-]+/[\w.-]+)")


class Part(NamedTuple):
    """A file of the archive: itself, or a volume."""

    path: Path
    sha256: str


class Release(NamedTuple):
    """A set that is to be published."""

    name: str
    about: ReleaseParams
    parts: list[Part]
    sha256: str  # of the archive, joined

    @property
    def folder(self) -> Path:
        return DIST / f"{self.name}-{self.about.version}"


def find() -> Release:
    """The archive that the last run has made, every byte of it as SHA256SUMS has it.

    Raises:
        UserError: where there is none, or another one.
    """
    about = params.load(ReleaseParams, "release", Path("params.yaml"))
    name = str(params.read(Path("params.yaml"))["dataset"]["name"])
    archive = RELEASE / f"{name}.7z"
    if not archive.is_file():
        archive = RELEASE / f"{name}.7z.001"
    if not archive.is_file():
        raise UserError(f"{RELEASE} has no {name}.7z: `make run` makes it, `make checkout` gets it")
    paths = volumes.of(archive)
    listed = sums.read(RELEASE / sums.NAME)
    whole, each = volumes.sha256_of(paths)
    for path, got in zip(paths, each, strict=True):
        expected = listed.sha256.get(path.name) if listed else None
        if got != expected:
            raise UserError(
                f"{path}: got SHA-256 {got}, expected {expected} as in {sums.NAME} beside it: run "
                "`make verify`, which says how to mend it"
            )
    parts = [Part(path, sha256) for path, sha256 in zip(paths, each, strict=True)]
    return Release(name, about, parts, whole)


def addresses(release: Release, base: str | None) -> list[Download]:
    """Where anyone can fetch the archive; empty where no remote is read over HTTP.

    Args:
        base: the address of a remote's folder; None for that of a remote whose url is one.

    Raises:
        UserError: where DVC has recorded another archive.
    """
    urls = [
        url
        for url in configuration.remotes(ROOT).values()
        if url.startswith(("http://", "https://"))
    ]
    base = base or next(iter(urls), None)
    if base is None:
        return []
    listed: dict[str, str] = {}
    for out in records.read(ROOT):
        if out.path == RELEASE.as_posix():
            content = records.object_path(records.cache_folder(ROOT), out.md5).read_bytes()
            listed = records.tree(content)
    found = []
    for path, sha256 in release.parts:
        if path.name not in listed:
            raise UserError(f"dvc.lock does not record {path}: `make run`, then `make release`")
        url = records.object_at(f"{base.rstrip('/')}/files/md5", listed[path.name])
        found.append(Download(path.name, url, sha256))
    return found


def share(source: Path, target: Path) -> None:
    """Give a file a second name, or clone it; copy it only where neither can be."""
    if not links.clone(source, target):
        links.link(source, target)


def write_set(folder: Path, inside: Contents, name: str, card: Callable[[bytes], bytes]) -> int:
    """Write a set for Hugging Face; gives the number of its files.

    Raises:
        UserError: where a file is not as SHA256SUMS has it.
    """
    listed = sums.parse(inside.read(f"{name}/{sums.NAME}")).sha256
    place = hosting.places(list(listed), name, hosting.PER_FOLDER)
    if hosting.most_validating(list(listed)) > hosting.PER_FOLDER:
        raise UserError(
            f"more than {hosting.PER_FOLDER:,} validation images in a folder: `make publish "
            "ARCHIVE=1`"
        )
    texts: dict[str, bytes] = {}
    for path in workers.bar(list(listed), len(listed), "publish", " files"):
        target = folder / place[path]
        if path.endswith(".png") and "/" in path:
            _put_image(target, path, listed[path], inside, name)
            continue
        texts[path] = inside.read(f"{name}/{path}")
        _compare(path, hashlib.sha256(texts[path]).hexdigest(), listed[path])
    texts = hosting.moved(texts, name, place)
    texts[CARD] = card(texts[CARD])
    for path, content in texts.items():
        files.write(folder / path, content)
        listed[path] = hashlib.sha256(content).hexdigest()
    files.write(folder / sums.NAME, sums.content({place[p]: each for p, each in listed.items()}))
    return len(listed) + 1


def _put_image(target: Path, path: str, sha256: str, inside: Contents, name: str) -> None:
    """An image: shared with data/, if it is the same there; else out of the archive."""
    top, _, rest = path.partition("/")
    there = VALIDATION / rest if top == "validation" else TILES / path
    if there.is_file():
        share(there, target)
        if files.sha256_of(target) == sha256:
            return
        target.unlink()
    content = inside.read(f"{name}/{path}")
    _compare(path, hashlib.sha256(content).hexdigest(), sha256)
    files.write(target, content)


def _compare(path: str, got: str, expected: str) -> None:
    if got != expected:
        raise UserError(
            f"{path} in the archive: got SHA-256 {got}, expected {expected} as in {sums.NAME} "
            "there: `make verify`, which says how to mend it"
        )


def write_archive(folder: Path, release: Release, most: int | None) -> list[tuple[str, str]]:
    """Write the archive, in files of at most `most` bytes each, and SHA256SUMS; name and SHA-256 of
    each of its files."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [part.path for part in release.parts]
    name = f"{release.name}.7z"
    if most is None or all(path.stat().st_size <= most for path in paths):
        for path in paths:
            share(path, folder / path.name)
        named = {part.path.name: part.sha256 for part in release.parts}
    else:
        named = volumes.split(paths, folder / name, most)
        if volumes.sha256_of([folder / file for file in named])[0] != release.sha256:
            raise UserError(f"{folder}: not the bytes of {paths[0]}: check the disk, then again")
    files.write(folder / sums.NAME, sums.beside(name, release.sha256, named))
    return list(named.items())


def build(part: Path, release: Release, downloads: Sequence[Download], as_archive: bool) -> str:
    """Fill a folder for all hosts; a line that says what is in there.

    Raises:
        UserError: where the archive is not of this version, or a file of it is damaged.
    """
    commands = hosting.download(downloads)
    with packed_set.opened(release.parts[0].path) as inside:
        card = inside.read(f"{release.name}/{CARD}")
        if f"\n| Version | {release.about.version} of " not in card.decode():
            raise UserError(
                f"{release.parts[0].path} is not of version {release.about.version}: `make run`"
            )
        hub = part / "huggingface"
        if as_archive or len(inside.files) >= hosting.PER_REPOSITORY:
            named = write_archive(hub, release, None)
            for name in BESIDE:
                files.write(hub / name, inside.read(f"{release.name}/{name}"))
            own = hosting.archive_card(card, [name for name, _ in named])
            files.write(hub / CARD, hosting.with_download(own, commands))
            count = len(named) + len(BESIDE) + 2
        else:
            count = write_set(
                hub, inside, release.name, lambda own: hosting.with_download(own, commands)
            )
    assets = write_archive(part / "github", release, hosting.ASSET_BYTES)
    files.write(part / "github" / CARD, hosting.with_download(card, commands))
    entry = None
    if changelog.FILE.is_file():
        version = numbers.given(release.about.version)
        entry = changelog.section(changelog.FILE.read_text(encoding="utf-8"), version)
    files.write(part / "notes.md", hosting.notes(entry, assets, commands).encode())
    return f"{count:,} files for Hugging Face, {len(assets) + 2:,} assets for GitHub"


def next_commands(release: Release) -> str:
    """What is left for whoever has the keys."""
    folder, about = release.folder, release.about
    tag = numbers.tag(release.name, numbers.given(about.version))
    url = REPOSITORY.match(about.url)
    there = url[1] if url else f"OWNER/{release.name}"
    title = shlex.quote(f"{about.title} {about.version}")
    return "\n".join(
        [
            f"    hf upload {there} {folder}/huggingface . --repo-type dataset --delete '*' "
            f"--commit-message 'Version {about.version}'",
            f"    hf repos tag create {there} {about.tag} --repo-type dataset",
            f"    gh release create {tag} {folder}/github/* --verify-tag --title {title} "
            f"--notes-file {folder}/notes.md",
        ]
    )


def main() -> None:
    """Publish."""
    parser = argparse.ArgumentParser(
        prog="python -m stages.tools.publish",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--archive", action="store_true", help="no single tiles, the archive alone")
    parser.add_argument("--url", metavar="URL", help="where the folder of a remote is on the web")
    arguments = parser.parse_args()
    if arguments.url and not re.fullmatch(r"https?://[^\s'\"]+", arguments.url):
        raise UserError(f"URL: got {arguments.url!r}, expected one as https://example.org/store")
    release = find()
    downloads = addresses(release, arguments.url)
    part = DIST / f".{release.folder.name}.part"
    shutil.rmtree(part, ignore_errors=True)
    said = build(part, release, downloads, arguments.archive)
    shutil.rmtree(release.folder, ignore_errors=True)
    part.rename(release.folder)
    print(f"{release.folder}: {said}. Next, with your own keys:\n{next_commands(release)}")
    if downloads:
        print(f"For everyone, without DVC:\n{_indented(hosting.download(downloads))}")
    if not git.output(ROOT, "tag", "--list", f"{release.name}@{release.about.tag}"):
        print(f"no tag is set yet: `make release VERSION={release.about.version}` first")


def _indented(lines: str) -> str:
    return "\n".join(f"    {line}" for line in lines.splitlines())


if __name__ == "__main__":
    cli.shell("publish", main, again="make publish")
