"""Buckets: what is behind a URL, and the network's faults in one line.

By fsspec's memory://; of a real S3 server: test_bucket_run.py.
"""

import hashlib
from collections.abc import Iterator
from typing import Any

import fsspec
import pytest

from stages.common import buckets, contents, credits, forecast, sources
from stages.common.entry import Entry
from stages.common.errors import UserError
from stages.common.pixels import png
from stages.common.pixels.images import ImageError
from stages.common.rows import Folder
from tests.conftest import noise

IMAGE = png.encode(noise(40, 50))
SHA256 = hashlib.sha256(IMAGE).hexdigest()
URL = "memory://photos/mine"
ROOT = (Folder("", URL, "data/frames"), Folder("land", "memory://other", "data/frames"))


@pytest.fixture(autouse=True)
def there(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The files of two URLs."""
    files = fsspec.filesystem("memory")
    monkeypatch.setattr(buckets, "PAUSES", (0, 0, 0))
    for path in ("photos/mine/faces/a.png", "photos/mine/b.png", "other/c.png"):
        files.pipe_file(path, IMAGE)
    files.pipe_file("photos/mine/faces/day.mp4", b"film")
    files.pipe_file("photos/mine/faces/x.zip", b"packed")
    files.pipe_file("photos/mine2/no.png", IMAGE)
    yield files
    files.rm("/", recursive=True)
    files.store.clear()


def test_a_url_is_told_from_a_folder() -> None:
    for folder in ("s3://bucket", "gs://b/c", "memory://x"):
        assert buckets.is_url(folder)
    for folder in ("data/samples", "/mnt/s3:/x", "C:/x", "", "../a//b"):
        assert not buckets.is_url(folder)


def test_its_files_are_photographs_like_others() -> None:
    found = sources.entries(sources.listed(ROOT))
    size = len(IMAGE)
    assert found == [
        Entry("b.png", ".", size),
        Entry("faces/a.png", "faces", size),
        Entry(
            "faces/day.mp4",
            "faces",
            4,
            "no still is taken of it behind a URL: copy it into a folder",
            "a video",
        ),
        Entry("faces/x.zip", "faces", 6, "an archive behind a URL: unpack it there"),
        Entry("land/c.png", "land", size),
    ]
    for entry in (found[0], found[1], found[4]):
        assert sources.is_there(ROOT, entry.path)
        assert sources.read_image(entry, ROOT, 1) == sources.read(ROOT, entry.path) == IMAGE
        assert sources.read(ROOT, entry.path, 20) == IMAGE[:20]
        assert sources.read_checked(ROOT, entry.path, SHA256) == IMAGE
        assert sources.sha256_of(ROOT, entry.path) == SHA256
        assert sources.size_of(ROOT, entry.path) == (50, 40)
    for entry in found[2:4]:
        with pytest.raises(ImageError, match=entry.fault):
            sources.read_image(entry, ROOT, 1)
    assert sources.videos(sources.listed(ROOT)) == []
    assert forecast.some_sizes(ROOT, found, 0).sizes == [(50, 40)] * 3


def test_what_is_not_there_is_no_photograph() -> None:
    assert not sources.is_there(ROOT, "faces")  # a folder
    assert not sources.is_there(ROOT, "none.png")
    assert sources.sha256_of(ROOT, "none.png") is None
    with pytest.raises(FileNotFoundError, match=f"{URL}/none.png"):
        sources.read(ROOT, "none.png")


def test_names_are_as_of_folders(there: Any) -> None:
    assert sources.named(ROOT) == f"{URL} and 1 more folder"
    assert sources.shown(ROOT, "faces/a.png") == f"{URL}/faces/a.png"
    assert credits.read(ROOT, [])[""].name == "mine"
    sources.check(ROOT)
    sources.own(ROOT)
    there.pipe_file("photos/mine/land/d.png", IMAGE)
    with pytest.raises(UserError, match=r"gather\.more: land is also a name in memory://photos"):
        sources.check(ROOT)


def test_source_yaml_counts(there: Any) -> None:
    text = 'name: ours\nlicence: my own\nredistribute: "yes"\n'
    there.pipe_file("photos/mine/faces/source.yaml", text.encode())
    found = credits.read(ROOT, sources.entries(sources.listed(ROOT)))
    assert {folder: source.name for folder, source in found.items()} == {
        "": "mine",
        "land": "land",
        "faces": "ours",
    }
    assert found["faces"].licence == "my own"


def test_the_state_changes_with_the_listing_alone(there: Any) -> None:
    before, listed = contents.md5_of(URL), sources.listed(ROOT)
    there.pipe_file("photos/mine2/new.png", IMAGE)
    assert contents.md5_of(URL) == before
    sources.check_unchanged(listed)
    there.pipe_file("photos/mine/new.png", IMAGE)
    assert contents.md5_of(URL) != before
    with pytest.raises(UserError, match=f"^{URL} changed while it was read: 1 new"):
        sources.check_unchanged(listed)


def test_a_file_that_is_not_as_listed_is_told(there: Any) -> None:
    (entry, *_) = sources.entries(sources.listed(ROOT))
    there.pipe_file("photos/mine/b.png", IMAGE[:-1])
    with pytest.raises(UserError, match=f"^{URL}/b.png changed while it was read"):
        sources.read_image(entry, ROOT, 1)
    with pytest.raises(UserError, match=f"^{URL}/b.png has changed since it was listed"):
        sources.read_checked(ROOT, "b.png", SHA256)


def test_an_empty_file_has_no_beginning(there: Any) -> None:
    there.pipe_file("photos/mine/empty.png", b"")
    assert buckets.read(URL, "empty.png", 100) == b""


class Broken:
    """A file system that fails so many times."""

    def __init__(self, error: Exception, times: int) -> None:
        self.error, self.left = error, times

    def cat_file(self, path: str) -> bytes:
        self.left -= 1
        if self.left >= 0:
            raise self.error
        return IMAGE


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (TimeoutError("too\nslow"), "no answer (too slow): check the network and AWS_ENDPOINT_URL"),
        (ConnectionResetError(), "no answer (ConnectionResetError): check the network"),
        (PermissionError("Forbidden"), "not allowed (Forbidden): check AWS_ACCESS_KEY_ID and"),
        (
            FileNotFoundError("The specified bucket does not exist"),
            "there is no such bucket: check its name",
        ),
        (type("NoCredentialsError", (Exception,), {})(), "no keys: set AWS_ACCESS_KEY_ID and"),
    ],
)
def test_faults_are_one_line_and_those_of_the_moment_pass(
    error: Exception, line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for times in (3, 4):
        monkeypatch.setattr(buckets, "_opened", lambda _, n=times: (Broken(error, n), "top"))
        if times == 3 and "no answer" in line:
            assert buckets.read(URL, "a") == IMAGE
            continue
        with pytest.raises(UserError) as raised:
            buckets.read(URL, "a")
        assert str(raised.value).startswith(f"{URL}: {line}")
        assert "\n" not in str(raised.value)


def test_a_url_that_holds_nothing_or_is_none_is_told() -> None:
    for url, line in (
        ("memory://nothing", "memory://nothing holds no file: check the bucket and the path"),
        ("s4://x", "s4://x: Protocol not known: s4: expected one as s3://bucket/path"),
    ):
        with pytest.raises(UserError) as raised:
            buckets.check(url)
        assert str(raised.value) == line


def test_a_package_that_is_missing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fsspec, "url_to_fs", lambda *_, **__: exec("import no_such_package"))
    with pytest.raises(UserError, match=r"^s3://b/c needs more packages: run `make remotes`$"):
        buckets.check("s3://b/c")
