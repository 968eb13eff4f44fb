"""Gather: facts about every image, a reason for every other file, and nothing between the two."""

import errno
import hashlib
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from stages import gather
from stages.common import cli, listing, sources, tables
from stages.common.entry import Entry
from stages.common.errors import UserError
from stages.common.files import files_below
from stages.common.gather_params import GatherParams
from stages.common.pages import thumbnails
from stages.common.pixels import images, png
from stages.common.pixels.images import decode, pixels_sha256
from stages.common.pixels.likeness import dhash
from stages.common.rows import Photograph, Unreadable
from stages.common.store import default_path
from stages.common.versions import records
from tests.conftest import Stage, blobs, encoded, environment, noise
from tests.strategies import file_names, with_changes

PARAMS = GatherParams(source="source", more={}, max_megapixels=0.1)
REASONS = {"not an image", "unreadable", "truncated", "too large"}


def gathered(
    source: Path, params: GatherParams = PARAMS
) -> tuple[dict[str, Photograph], dict[str, Unreadable]]:
    """Run the stage; both tables by path, after a check that every file is in exactly one."""
    out = source.with_name(source.name + " out")
    shutil.rmtree(out / "thumbnails", ignore_errors=True)  # as DVC does before a run
    names = ("gathered.csv", "unreadable.csv", "sources.csv", "thumbnails", "m.json", "changes.csv")
    gather.main(source, *(out / name for name in names), params)
    kept = tables.read(out / "gathered.csv", Photograph)
    refused = tables.read(out / "unreadable.csv", Unreadable)
    listed = [row.path for row in kept] + [row.path for row in refused]
    assert sorted(listed) == files_below(source)
    assert [kept, refused] == [sorted(kept), sorted(refused)]
    assert {row.reason for row in refused} <= REASONS
    metrics = json.loads((out / "m.json").read_text())
    assert (metrics["files"], metrics["images"]) == (len(listed), len(kept))
    assert sum(metrics["unreadable"].values()) == len(refused)
    return {row.path: row for row in kept}, {row.path: row for row in refused}


def written(folder: Path) -> dict[str, bytes]:
    """What is in every file below a folder."""
    return {name: (folder / name).read_bytes() for name in files_below(folder)}


def counts(output: str) -> tuple[int, int]:
    """How many images the summary says were decoded, and how many known."""
    ((decoded, known),) = re.findall(r" · ([\d,]+) decoded, ([\d,]+) known", output)
    return int(decoded.replace(",", "")), int(known.replace(",", ""))


def put(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def test_a_row_says_what_the_file_holds(tmp_path: Path) -> None:
    pixels = blobs(40, 50)
    exif = Image.Exif()
    exif[0x0112] = 6
    content = encoded(pixels, "JPEG", exif=exif, quality=95)
    put(tmp_path / "in" / "faces" / "deeper" / "a.jpg", content)
    kept, refused = gathered(tmp_path / "in")
    upright = decode(content)
    assert refused == {}
    assert list(kept.values()) == [
        Photograph(
            path="faces/deeper/a.jpg",
            section="faces",
            sha256=hashlib.sha256(content).hexdigest(),
            width=40,
            height=50,
            bytes=len(content),
            mode="JPEG RGB",
            pixels=pixels_sha256(upright),
            dhash=dhash(upright),
            source="in",
        )
    ]


def test_a_folder_as_people_have_it(tmp_path: Path) -> None:
    source = tmp_path / "my photographs"
    good = {
        "rooted.png": ".",
        ".hidden.png": ".",
        "faces/with two  spaces.png": "faces",
        "faces/Bärenhöhle – 山.png": "faces",
        "a section/x.png": "a section",
        "new\nline/and\rreturn.png": "new\nline",
        os.fsdecode(b"latin/caf\xe9.png"): "latin",
    }
    for seed, name in enumerate(good):
        put(source / name, png.encode(noise(40, 40, seed)))
    content = png.encode(noise(40, 40, 100))
    put(source / "empty.jpg", b"")
    put(source / "notes.txt", b"ask before publishing\n")
    put(source / "cut.png", content[: len(content) // 2])
    put(source / "huge.png", png.encode(noise(400, 300)))
    (source / "nowhere.png").symlink_to("not/there.png")
    (source / "loop.png").symlink_to("loop.png")
    os.mkfifo(source / "pipe.png")
    (source / "empty folder").mkdir()
    kept, refused = gathered(source)
    assert {path: row.section for path, row in kept.items()} == good
    assert {path: (row.reason, row.detail) for path, row in refused.items()} == {
        "empty.jpg": ("not an image", "the file is empty"),
        "notes.txt": ("not an image", "looks like text"),
        "cut.png": ("truncated", refused["cut.png"].detail),
        "huge.png": ("too large", "300x400 px, more than 0.1 megapixels"),
        "nowhere.png": ("unreadable", "not a file, or a link that leads nowhere"),
        "loop.png": ("unreadable", "not a file, or a link that leads nowhere"),
        "pipe.png": ("unreadable", "not a file, or a link that leads nowhere"),
    }


@pytest.mark.parametrize("number", [errno.ESTALE, errno.ENOTCONN, errno.EMFILE])
def test_a_fault_that_says_nothing_of_the_file_ends_the_stage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """Else all photographs of a disk that is gone would be listed as unreadable, and left out."""
    put(tmp_path / "in" / "a.png", png.encode(noise(40, 40)))
    read = sources.read

    def gone(*arguments: Any) -> bytes:
        read(*arguments)
        raise OSError(number, os.strerror(number), "a.png")

    monkeypatch.setattr(sources, "read", gone)
    with pytest.raises(OSError, match=r"a\.png"):
        gathered(tmp_path / "in")
    assert number in cli.REMEDIES


def test_a_link_to_a_file_is_a_file(tmp_path: Path) -> None:
    put(tmp_path / "elsewhere.png", png.encode(noise(40, 40)))
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "link.png").symlink_to(tmp_path / "elsewhere.png")
    kept, refused = gathered(tmp_path / "in")
    assert (list(kept), refused) == (["link.png"], {})


def test_a_section_that_is_a_link_is_refused(tmp_path: Path) -> None:
    put(tmp_path / "elsewhere" / "a.png", png.encode(noise(40, 40)))
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "film").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UserError, match=r"in/film is a link to the folder .*: move that folder"):
        gathered(tmp_path / "in")


UNREADABLE = """
import os, sys
from pathlib import Path
from typing import Any
from stages.common.errors import UserError
from stages.common.files import files_below
from stages.common.files import files_below
os.setuid(65534)
try:
    print(files_below(Path(sys.argv[1])))
except (OSError, UserError) as error:
    print(type(error).__name__)
"""


def test_a_folder_that_can_not_be_listed_is_not_passed_over() -> None:
    if os.getuid() != 0:
        pytest.skip("only root can become another user")
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        Path(name).chmod(0o755)
        put(Path(name) / "a.png", b"")
        put(Path(name) / "private" / "b.png", b"")
        (Path(name) / "private").chmod(0o700)
        command = [sys.executable, "-c", UNREADABLE, name]
        done = subprocess.run(command, env=environment(), capture_output=True, text=True)
    assert done.stdout in ("PermissionError\n", "UserError\n")


@given(st.sets(file_names, min_size=1, max_size=6), st.data())
def test_every_file_is_in_exactly_one_table(
    tmp_path_factory: pytest.TempPathFactory, names: set[str], data: st.DataObject
) -> None:
    source = tmp_path_factory.mktemp("gather") / "in"
    image = png.encode(noise(40, 40))
    contents = [b"", b"text", image, image[:-40], png.encode(noise(8, 8))]
    for name in names:
        put(source / name, data.draw(st.sampled_from(contents) | st.binary(max_size=60)))
    kept, refused = gathered(source)
    assert kept.keys() | refused.keys() == names
    whole = {name for name in names if (source / name).read_bytes() == image}
    assert whole <= kept.keys()


def test_workers_change_nothing(
    photographs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "in"
    shutil.copytree(photographs, source)
    put(source / "notes.txt", b"text")
    params = with_changes(PARAMS, max_megapixels=1)
    alone = gathered(source, params)
    before = written(tmp_path / "in out")
    monkeypatch.setenv("SRSET_WORKERS", "2")
    for known in (True, False):
        if not known:
            default_path().unlink()
        assert gathered(source, params) == alone
        assert written(tmp_path / "in out") == before
    assert len(alone[0]) == 6
    assert "thumbnails/photographs_0.jpg" in before


def test_the_last_line_sums_up(tmp_path: Path, run_stage: Stage) -> None:
    for seed in range(2):
        put(tmp_path / "in" / f"{seed}.png", png.encode(noise(40, 40, seed)))
    put(tmp_path / "in" / "a.txt", b"text")
    (tmp_path / "params.yaml").write_text("gather: {source: in, more: {}, max_megapixels: 1}")
    done = run_stage("gather", "in", "g.csv", "r.csv", "s.csv", "thumbnails", "m.json", "c.csv")
    first = "gathered 2 images of 3 files in in · 2 decoded, 0 known · 1 not an image\n"
    assert done.stdout == first
    (message,) = done.stderr.splitlines()  # they were written just now
    assert message == "in is being written to, as 0.png: waiting"


def test_nothing_in_the_source_changes(tmp_path: Path) -> None:
    source = tmp_path / "in"
    put(source / "a.png", png.encode(noise(40, 40)))
    put(source / "b.txt", b"text")
    before = {p: (p.read_bytes(), p.stat().st_mtime_ns) for p in source.iterdir()}
    gathered(source)
    assert {p: (p.read_bytes(), p.stat().st_mtime_ns) for p in source.iterdir()} == before


def test_a_file_that_comes_while_others_are_read_ends_the_stage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DVC hashes the folder after the stage, and would count the file as read."""
    source = tmp_path / "in"
    put(source / "a.png", png.encode(noise(40, 40)))
    put(source / "b.png", png.encode(noise(40, 40, 1))[:-300])

    def late(entry: Entry, **more: object) -> object:
        if entry.path == "b.png":
            looked = gather_look(entry, **more)
            put(source / "b.png", png.encode(noise(40, 40, 1)))  # the rest of it
            put(source / "c.png", png.encode(noise(40, 40, 2)))
            return looked
        return gather_look(entry, **more)

    gather_look = gather.look
    monkeypatch.setattr(gather, "look", late)
    with pytest.raises(UserError) as raised:
        gathered(source)
    assert str(raised.value) == (
        f"{source} changed while it was read: 1 new, 1 replaced (as b.png, c.png): run `dvc repro` "
        "again when nothing writes there any more"
    )
    assert not (tmp_path / "in out" / "gathered.csv").exists()


def test_a_file_that_is_being_written_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "QUIET_SECONDS", 1.0)
    content = png.encode(noise(40, 40))
    path = put(tmp_path / "in" / "slow.png", content[:100])

    def copy() -> None:
        for start in range(100, len(content), len(content) // 5):
            time.sleep(0.3)
            with path.open("ab") as file:
                file.write(content[start : start + len(content) // 5])

    writer = threading.Thread(target=copy)
    writer.start()
    kept, _ = gathered(tmp_path / "in")
    writer.join()
    assert list(kept) == ["slow.png"]


def test_what_changed_since_the_last_run_is_told_and_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for i, name in enumerate(("a", "b", "c", "d", "e")):
        put(Path("in") / f"{name}.png", png.encode(noise(40, 40, i)))
    put(Path("in/notes.txt"), b"text")
    first = gathered(Path("in"))
    assert "since" not in capsys.readouterr().out
    assert not Path("in out/changes.csv").exists()
    outs = [Path("in out/gathered.csv"), Path("in out/unreadable.csv")]
    cached = [Path(name).rename(f"before-{name.name}") for name in outs]
    monkeypatch.setattr(records, "recorded_file", dict(zip(outs, cached, strict=True)).get)
    assert gathered(Path("in")) == first
    assert capsys.readouterr().out.endswith("since the last run: no change\n")
    Path("in/a.png").unlink()
    Path("in/b.png").rename("in/moved.png")
    put(Path("in/c.png"), png.encode(noise(40, 40, 9)))
    put(Path("in/f.png"), png.encode(noise(40, 40, 10)))
    put(Path("in/notes.txt"), b"more text")
    gathered(Path("in"))
    message = "since the last run: 1 new, 1 gone, 1 renamed, 2 replaced\n"
    assert capsys.readouterr().out.endswith(message)
    assert tables.read(Path("in out/changes.csv"), listing.Change) == [
        listing.Change("a.png", "gone", ""),
        listing.Change("c.png", "replaced", ""),
        listing.Change("f.png", "new", ""),
        listing.Change("moved.png", "renamed", "b.png"),
        listing.Change("notes.txt", "replaced", ""),
    ]


KINDS = ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF")


@given(
    st.dictionaries(
        file_names,
        st.tuples(st.integers(1, 300), st.integers(1, 300), st.integers(0, 3)),
        min_size=1,
        max_size=5,
    ),
    st.data(),
)
def test_what_the_store_knows_is_what_decoding_gives(
    tmp_path_factory: pytest.TempPathFactory,
    pictures: dict[str, tuple[int, int, int]],
    data: st.DataObject,
) -> None:
    """Tables and sheets are the same bytes, whatever the names and the formats."""
    source = tmp_path_factory.mktemp("gather") / "in"
    for name, (height, width, seed) in pictures.items():
        kind = data.draw(st.sampled_from(KINDS))
        put(source / name, encoded(blobs(height, width, seed), kind))
    default_path().unlink(missing_ok=True)
    gathered(source)
    decoded = written(source.with_name("in out"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gather, "facts_of", refuse)
        gathered(source)
    assert written(source.with_name("in out")) == decoded
    assert "thumbnails/photographs_0.jpg" in decoded


def refuse(content: bytes, max_megapixels: float) -> None:
    raise AssertionError("a known image was decoded")


def test_only_what_is_new_is_decoded(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for i in range(3):
        put(tmp_path / "in" / f"{i}.png", png.encode(noise(40, 40, i)))
    put(tmp_path / "in" / "cut.png", png.encode(noise(40, 40, 9))[:-100])
    gathered(tmp_path / "in")
    assert counts(capsys.readouterr().out) == (3, 0)
    (tmp_path / "in" / "1.png").rename(tmp_path / "in" / "moved.png")
    put(tmp_path / "in" / "a copy" / "0.png", png.encode(noise(40, 40, 0)))
    put(tmp_path / "in" / "2.png", png.encode(noise(40, 40, 22)))
    kept, _ = gathered(tmp_path / "in")
    assert counts(capsys.readouterr().out) == (1, 3)
    put(tmp_path / "other" / "x.png", png.encode(noise(40, 40, 22)))
    other, _ = gathered(tmp_path / "other")
    assert counts(capsys.readouterr().out) == (0, 1)
    assert other["x.png"] == kept["2.png"]._replace(path="x.png", source="other")


def test_another_limit_or_other_code_knows_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    put(tmp_path / "in" / "a.png", png.encode(noise(40, 40)))
    gathered(tmp_path / "in")
    gathered(tmp_path / "in", with_changes(PARAMS, max_megapixels=0.2))
    assert counts(capsys.readouterr().out.splitlines()[-1]) == (1, 0)
    kept, refused = gathered(tmp_path / "in", with_changes(PARAMS, max_megapixels=0.001))
    assert (list(kept), refused["a.png"].reason) == ([], "too large")
    gathered(tmp_path / "in")
    monkeypatch.setattr(gather, "code_fingerprint", lambda: "pillow 99.0\n")
    capsys.readouterr()
    gathered(tmp_path / "in")
    assert counts(capsys.readouterr().out) == (1, 0)


def test_a_fingerprint_is_of_the_code_and_packages_that_run() -> None:
    text = gather.fingerprint(0.1)
    assert text.startswith("max_megapixels 0.1\n")
    for part in ("pillow ", "stages/gather.py ", "stages/common/pages/thumbnails.py "):
        assert f"\n{part}" in text
    assert gather.fingerprint(0.1 + 1e-12) != text == gather.fingerprint(0.1)


@pytest.mark.parametrize("column", ["columns", "thumbnail", "digest"])
def test_a_damaged_row_of_the_store_is_decoded_again(
    tmp_path: Path, column: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for i in range(3):
        put(tmp_path / "in" / f"{i}.png", png.encode(noise(40, 40, i)))
    gathered(tmp_path / "in")
    expected = written(tmp_path / "in out")
    sha256 = hashlib.sha256((tmp_path / "in" / "1.png").read_bytes()).digest()
    with closing(sqlite3.connect(default_path(), isolation_level=None)) as database:
        cut = f"UPDATE fact SET {column} = substr({column}, 1, 20) WHERE sha256 = ?"
        assert database.execute(cut, (sha256,)).rowcount == 1
    capsys.readouterr()
    for expected_counts in ((1, 2), (0, 3)):  # and then it is whole again
        gathered(tmp_path / "in")
        assert counts(capsys.readouterr().out) == expected_counts
        assert written(tmp_path / "in out") == expected


def test_photographs_stand_on_sheets_in_the_order_of_their_rows(tmp_path: Path) -> None:
    """More than a sheet, with files between them that are no images."""
    for i in range(70):
        put(tmp_path / "in" / f"{i % 3}" / f"{i:02}.png", png.encode(blobs(60 + i, 170 - i, i)))
        put(tmp_path / "in" / f"{i % 3}" / f"{i:02}.txt", b"text")
    gathered(tmp_path / "in")
    sheets = thumbnails.Sheets(tmp_path / "expected", "photographs")
    rows = tables.read(tmp_path / "in out" / "gathered.csv", Photograph)
    assert len(rows) == 70
    for row in rows:
        small = thumbnails.thumbnail(images.read(tmp_path / "in" / row.path))
        sheets.add(thumbnails.decode(thumbnails.encode(small)))
    sheets.finish()
    assert list(written(tmp_path / "expected")) == ["photographs_0.jpg", "photographs_1.jpg"]
    assert written(tmp_path / "in out" / "thumbnails") == written(tmp_path / "expected")


def test_a_folder_without_images_has_no_thumbnails_and_says_so(tmp_path: Path) -> None:
    """Of an empty folder DVC would warn, in each project without `data/reference`."""
    put(tmp_path / "in" / "a.txt", b"text")
    gathered(tmp_path / "in")
    assert written(tmp_path / "in out" / "thumbnails") == {
        "about.txt": b"No image was found, and so there is no thumbnail.\n"
    }


@pytest.mark.parametrize("stage", [None, "gather@images"])
def test_a_folder_that_is_only_looked_at_keeps_its_links_to_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stage: str | None
) -> None:
    """As by `make inspect DIR=data/subimages`: bytes of their own would be a second copy of all."""
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    monkeypatch.chdir(tmp_path)
    if stage is not None:  # DVC runs it, on a folder that people write to
        monkeypatch.setenv("DVC_STAGE", stage)
    cached = put(tmp_path / "cached", png.encode(noise(9, 9)))
    cached.chmod(0o444)
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.png").hardlink_to(cached)
    gathered(tmp_path / "in")
    assert cached.samefile(tmp_path / "in" / "a.png") == (stage is None)


def test_old_thumbnails_are_not_mixed_with_new_ones(tmp_path: Path) -> None:
    put(tmp_path / "in" / "a.png", png.encode(noise(40, 40)))
    out = [tmp_path / name for name in ("g.csv", "u.csv", "s.csv", "thumbnails", "m.json", "c.csv")]
    gather.main(tmp_path / "in", *out, PARAMS)
    with pytest.raises(UserError, match="thumbnails must be empty, but holds files"):
        gather.main(tmp_path / "in", *out, PARAMS)


SAVING_OFTEN = """
import runpy
from stages.common import store
store.SAVE_SECONDS = 0.0
runpy.run_module("stages.gather", run_name="__main__")
"""


def start(folder: Path, out: str) -> "subprocess.Popen[str]":
    """A run of the stage on `in`, which puts each image into the store at once."""
    names = ("gathered", "unreadable", "sources", "thumbnails", "numbers", "changes")
    options = [text for name in names for text in (f"--{name}", f"{out}/{name}")]
    return subprocess.Popen(
        [sys.executable, "-c", SAVING_OFTEN, "--folder", "in", *options],
        cwd=folder,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_killed_run_has_kept_what_it_decoded_and_two_go_on_at_once(tmp_path: Path) -> None:
    count, old = 150, 10**9
    for i in range(count):
        path = put(tmp_path / "in" / f"{i:03}.png", png.encode(noise(400, 400, i)))
        os.utime(path, (old, old))  # so that none is waited for
    (tmp_path / "params.yaml").write_text("gather: {source: in, more: {}, max_megapixels: 250}")
    with start(tmp_path, "killed") as process:
        while stored() < 3 and process.poll() is None:
            time.sleep(0.01)
        process.kill()
        output = process.communicate()
    kept = stored()
    assert 3 <= kept < count, output
    runs = [start(tmp_path, out) for out in ("one", "two")]
    outputs = [process.communicate() for process in runs]
    assert [process.returncode for process in runs] == [0, 0], outputs
    assert [error for _, error in outputs] == ["", ""]
    for output, _ in outputs:
        decoded, known = counts(output)
        assert decoded + known == count
        assert known >= kept
    default_path().unlink()
    with start(tmp_path, "anew") as process:
        assert counts(process.communicate()[0]) == (count, 0)
    expected = written(tmp_path / "anew")
    assert written(tmp_path / "one") == written(tmp_path / "two") == expected


def stored() -> int:
    """How many rows of facts the store has."""
    if not default_path().exists():
        return 0
    with closing(sqlite3.connect(default_path(), timeout=20)) as database:
        tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master")}
        if "fact" not in tables:
            return 0
        (rows,) = database.execute("SELECT count(*) FROM fact").fetchone()
    return int(rows)
