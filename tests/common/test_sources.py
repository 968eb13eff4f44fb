"""Sources: a path is one file, wherever its folder lies; archives count as if unpacked."""

import hashlib
import tracemalloc
from pathlib import Path

import pytest
from pydantic import ValidationError

from stages.common import listing, sources, tables
from stages.common.entry import Entry
from stages.common.errors import UserError
from stages.common.gather_params import GatherParams
from stages.common.pixels import formats, images, png
from stages.common.rows import Folder, Photograph
from stages.common.sources import Located
from tests.archives import KINDS, pack
from tests.conftest import encoded, noise

IMAGE = png.encode(noise(40, 50))
SHA256 = hashlib.sha256(IMAGE).hexdigest()


@pytest.fixture
def root(tmp_path: Path) -> sources.Folders:
    """Two folders and archives in each of them."""
    first, more = tmp_path / "first", tmp_path / "elsewhere" / "photos"
    (first / "faces").mkdir(parents=True)
    more.mkdir(parents=True)
    (first / "faces" / "a.png").write_bytes(IMAGE)
    (first / "faces" / "not.zip").mkdir()  # a folder is none by its name
    (first / "faces" / "not.zip" / "b.png").write_bytes(IMAGE)
    (more / "1.png").write_bytes(IMAGE)
    pack(first / "top.zip", {"faces/c.png": IMAGE, "d.png": IMAGE})
    pack(more / "deep" / "x.tar.gz", {"e/f.png": IMAGE})
    return (Folder("", str(first)), Folder("faces/more", str(more)))


def test_every_file_has_one_path_and_the_section_it_would_have_unpacked(
    root: sources.Folders,
) -> None:
    found = sources.entries(sources.listed(root))
    assert [(entry.path, entry.section) for entry in found] == [
        ("faces/a.png", "faces"),
        ("faces/more/1.png", "faces"),
        ("faces/more/deep/x.tar.gz/e/f.png", "faces"),
        ("faces/not.zip/b.png", "faces"),
        ("top.zip/d.png", "."),
        ("top.zip/faces/c.png", "faces"),
    ]
    for entry in found:
        assert (entry.bytes, entry.fault) == (len(IMAGE), "")
        assert sources.is_there(root, entry.path)
        assert sources.read_image(entry, root, 1) == sources.read(root, entry.path) == IMAGE
        assert sources.read_checked(root, entry.path, SHA256) == IMAGE
        assert (sources.pixels(root, entry.path, SHA256) == images.decode(IMAGE)).all()
        assert sources.sha256_of(root, entry.path) == SHA256
        assert sources.size_of(root, entry.path) == (50, 40)


def test_a_table_of_folders_is_those_folders(tmp_path: Path, root: sources.Folders) -> None:
    table = tmp_path / "folders.csv"
    tables.write(table, Folder, root)
    assert sources.folders(table) == root
    assert sources.read(table, "faces/more/1.png") == IMAGE
    assert sources.named(table) == f"{tmp_path}/first and 1 more folder"
    assert sources.named(tmp_path) == str(tmp_path)
    assert sources.folders(tmp_path) == (Folder("", str(tmp_path)),)


def test_a_path_leads_to_its_file(tmp_path: Path, root: sources.Folders) -> None:
    first, more = tmp_path / "first", tmp_path / "elsewhere" / "photos"
    assert sources.locate(root, "top.zip/a/b.png") == Located(first / "top.zip", "a/b.png")
    assert sources.locate(root, "top.zip") == Located(first / "top.zip", "")
    assert sources.locate(root, "faces/more/1.png") == Located(more / "1.png", "")
    assert sources.locate(root, "faces/moreover.png") == Located(first / "faces/moreover.png", "")
    assert sources.shown(root, "top.zip/a/b.png") == first / "top.zip/a/b.png"
    for nowhere in ("faces/b.png", "top.zip/e.png", "faces/more/a.png", "no.zip/a.png"):
        assert not sources.is_there(root, nowhere)
        assert sources.sha256_of(root, nowhere) is None


def test_what_is_not_what_its_table_lists_is_told(root: sources.Folders, tmp_path: Path) -> None:
    path = "top.zip/d.png"
    pack(tmp_path / "first" / "top.zip", {"d.png": IMAGE + b"more"})
    with pytest.raises(UserError) as raised:
        sources.pixels(root, path, SHA256)
    assert str(raised.value).startswith(f"{tmp_path}/first/top.zip/d.png has changed since it was ")
    pack(tmp_path / "first" / "top.zip", {"other.png": IMAGE})
    with pytest.raises(UserError) as raised:
        sources.pixels(root, path, SHA256)
    assert str(raised.value) == (
        f"{tmp_path}/first/top.zip/d.png can't be read any more (unreadable: top.zip has no member "
        "d.png): run `dvc repro`"
    )
    with pytest.raises(UserError) as raised:
        sources.read_checked(root, "faces/more/gone.png", SHA256)
    assert str(raised.value) == (
        f"{tmp_path}/elsewhere/photos/gone.png can't be read any more (No such file or directory): "
        "run `dvc repro`"
    )


@pytest.mark.parametrize("kind", KINDS)
def test_a_member_is_an_image_by_its_content_and_of_a_sensible_size(
    tmp_path: Path, kind: str
) -> None:
    inside = pack(tmp_path / "b.zip", {"a.png": IMAGE}).read_bytes()
    large = IMAGE[:40] + bytes(1_100_000)
    name = pack(
        tmp_path / "in" / f"a.{kind}",
        {"a.png": IMAGE, "b.zip": inside, "big.png": large, "text.png": b"text", "empty.png": b""},
    ).name
    why = {}
    for entry in sources.entries(sources.listed(tmp_path / "in")):
        try:
            sources.read_image(entry, tmp_path / "in", 0.1)
        except images.ImageError as error:
            why[entry.path.removeprefix(f"{name}/")] = str(error)
    assert why == {
        "b.zip": "not an image: no known image format, begins with 50 4b 03 04 14 00 00 00",
        "big.png": "too large: unpacks to 1,100,040 bytes, more than 1,062,144",
        "empty.png": "not an image: the file is empty",
        "text.png": "not an image: looks like text",
    }


def test_a_file_that_no_image_is_as_large_as_is_not_read(tmp_path: Path) -> None:
    """A slide of a microscope, say, which is a TIFF of some gigabytes: memory is for images."""
    with (tmp_path / "slide.tif").open("wb") as file:
        file.write(encoded(noise(8, 8), "TIFF"))
        file.truncate(3_000_000_000)
    (entry,) = sources.entries(sources.listed(tmp_path))
    tracemalloc.start()
    with pytest.raises(images.ImageError) as raised:
        sources.read_image(entry, tmp_path, 0.1)
    assert tracemalloc.get_traced_memory()[1] < 10_000_000
    tracemalloc.stop()
    assert str(raised.value) == "too large: has 3,000,000,000 bytes, more than 2,000,262,144"


def test_an_archive_that_can_not_be_read_is_one_file_with_a_reason(tmp_path: Path) -> None:
    (tmp_path / "in" / "s").mkdir(parents=True)
    (tmp_path / "in" / "s" / "broken.zip").write_bytes(b"PK broken")
    pack(tmp_path / "in" / "s" / "empty.tar", {})
    whole = pack(tmp_path / "whole.tar", {"a.png": IMAGE, "b.png": IMAGE}).read_bytes()
    (tmp_path / "in" / "cut.tar").write_bytes(whole[:1600])
    assert sources.entries(sources.listed(tmp_path / "in")) == [
        Entry("cut.tar", ".", 1600, "truncated, at a.png"),
        Entry("s/broken.zip", "s", 9, "no zip archive, or a damaged one: File is not a zip file"),
        Entry("s/empty.tar", "s", 10240, "an archive without files"),
    ]


def test_an_archive_that_changes_is_told(tmp_path: Path) -> None:
    pack(tmp_path / "in" / "a.zip", {"a.png": IMAGE})
    before = sources.listed(tmp_path / "in", listing.listing)
    sources.check_unchanged(before)
    pack(tmp_path / "in" / "a.zip", {"a.png": IMAGE, "b.png": IMAGE})
    with pytest.raises(UserError, match=r"in changed while it was read: 1 replaced \(as a\.zip\)"):
        sources.check_unchanged(before)


def test_folders_must_be_there_and_apart(root: sources.Folders, tmp_path: Path) -> None:
    sources.check(root)
    with pytest.raises(UserError, match="gone is no folder: put images there, or name another"):
        sources.check((*root, Folder("x", str(tmp_path / "gone"))))
    for name in ("faces", "top.zip"):
        with pytest.raises(UserError) as raised:
            sources.check((root[0], Folder(name, str(tmp_path))))
        assert str(raised.value) == (
            f"gather.more: {name} is also a name in {tmp_path}/first: give one of the two another "
            "name"
        )


@pytest.mark.parametrize("name", ["", "/a", "a/", "a//b", "..", "a/../b", "a b", "a.zip", "a'b"])
def test_a_name_of_a_folder_is_plain(name: str) -> None:
    with pytest.raises(ValidationError):
        GatherParams(source="in", more={name: "x"}, max_megapixels=1)


def test_no_name_of_a_folder_lies_inside_another() -> None:
    more = {"faces": "x", "faces-too": "y", "faces/ffhq": "z"}
    with pytest.raises(ValidationError, match="inside another's, as faces/ffhq"):
        GatherParams(source="in", more=more, max_megapixels=1)
    del more["faces"]
    params = GatherParams(source="in", more=more, max_megapixels=1)
    assert sources.of_params(params.model_dump()) == (
        Folder("", "in", "data/frames"),
        Folder("faces-too", "y", "data/frames"),
        Folder("faces/ffhq", "z", "data/frames"),
    )


def test_a_column_that_is_newer_than_a_table_has_its_default(tmp_path: Path) -> None:
    row = Photograph("a.png", ".", SHA256, 50, 40, 9, "PNG RGB", SHA256, SHA256, "mine")
    tables.write(tmp_path / "t.csv", Photograph, [row])
    assert tables.read(tmp_path / "t.csv", Photograph) == [row]
    text = (tmp_path / "t.csv").read_text()
    (tmp_path / "t.csv").write_text(text.replace(",source\n", "\n").replace(",mine\n", "\n"))
    assert tables.read(tmp_path / "t.csv", Photograph) == [row._replace(source="")]


MP4 = b"\0\0\0\x20ftypisom\0\0\2\0isomiso2avc1mp41"


@pytest.fixture
def films(tmp_path: Path, root: sources.Folders) -> sources.Folders:
    """The same folders, with a video in each, of which there are stills, and one in an archive."""
    first, more, stills = tmp_path / "first", tmp_path / "elsewhere" / "photos", tmp_path / "stills"
    for path in (first / "faces" / "day.mp4", more / "night.mkv"):
        path.write_bytes(MP4)
    (first / "faces" / "clips.mp4").mkdir()  # a folder is none by its name
    (first / "faces" / "clips.mp4" / "g.png").write_bytes(IMAGE)
    pack(first / "films.zip", {"old.mp4": MP4})
    for path in ("faces/day.mp4/000007.png", "faces/more/night.mkv/000001.png", "no.mp4/1.png"):
        png.write(stills / path, noise(40, 50))
    return tuple(folder._replace(stills=str(stills)) for folder in root)


def test_a_video_counts_as_a_folder_of_its_stills(films: sources.Folders, tmp_path: Path) -> None:
    found = {entry.path: entry for entry in sources.entries(sources.listed(films))}
    plain = sources.entries(sources.listed(tuple(f._replace(stills="") for f in films)))
    stills = ["faces/day.mp4/000007.png", "faces/more/night.mkv/000001.png"]
    assert sorted(found.keys() - {entry.path for entry in plain}) == stills
    for path in stills:
        assert found[path] == Entry(path, "faces", len(IMAGE))
        assert sources.locate(films, path) == Located(tmp_path / "stills" / path, "")
        assert sources.read_image(found[path], films, 1) == IMAGE
        assert sources.sha256_of(films, path) == SHA256
        assert sources.size_of(films, path) == (50, 40)
    assert not sources.is_there(films, "faces/day.mp4/000008.png")
    assert sources.shown(films, "faces/clips.mp4/g.png") == tmp_path / "first/faces/clips.mp4/g.png"
    assert [entry.path for entry in sources.videos(sources.listed(films))] == [
        "faces/day.mp4",
        "faces/more/night.mkv",
    ]


def test_a_video_itself_is_no_photograph_wherever_it_lies(
    films: sources.Folders, tmp_path: Path
) -> None:
    why = {}
    for entry in sources.entries(sources.listed(films)):
        if entry.path.endswith((".mp4", ".mkv")):
            with pytest.raises(images.ImageError) as raised:
                sources.read_image(entry, films, 1)
            why[entry.path] = str(raised.value)
    assert why == {
        "faces/day.mp4": "a video: stills taken of it: 1; see data/tables/videos.csv",
        "faces/more/night.mkv": "a video: stills taken of it: 1; see data/tables/videos.csv",
        "films.zip/old.mp4": f"a video: {formats.STILLS_OF}",
    }
    (elsewhere,) = sources.entries(
        sources.listed(
            tmp_path / "elsewhere",
            lambda folder: {"photos/night.mkv": listing.status(folder / "photos/night.mkv")},
        )
    )
    with pytest.raises(images.ImageError, match="a video: stills are taken of"):
        sources.read_image(elsewhere, tmp_path / "elsewhere", 1)
