"""Export: each reader gets every pixel, the same set gives the same bytes, whole or not at all."""

import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stages.common.exports import lmdbs, parquets, shards
from stages.common.pixels.images import decode
from stages.tools import export
from tests.common.archive.sets import SIDE, noise, small_set
from tests.conftest import environment
from tests.test_release import NAME, contents, pack, parts
from tests.test_release import unpacked as unpack

__all__ = ["parts"]  # a fixture
SET = small_set()
FORMATS = ("webdataset", "lmdb", "parquet")
SCALES = {"hr": SIDE, "x2": SIDE // 2, "x4": SIDE // 4}
Run = Callable[..., str]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs the tool; gives what it prints."""

    def call(*arguments: object) -> str:
        monkeypatch.setattr("sys.argv", ["export", *map(str, arguments)])
        with redirect_stdout(io.StringIO()) as out:
            export.main()
        return out.getvalue()

    return call


@pytest.fixture
def archive(parts: Path) -> Path:
    return pack(parts) / f"{NAME}.7z"


def tile(number: int) -> Any:
    return noise(SIDE, SIDE, number)


def same(found: Any, expected: Any) -> bool:
    return bool(np.array_equal(np.asarray(found), expected))


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # leaves files open
def test_webdataset_reads_every_tile_and_pair(archive: Path, tmp_path: Path, run: Run) -> None:
    from webdataset import WebDataset

    folder = tmp_path / "out"
    said = run("--format", "webdataset", "--set", archive, "--folder", folder)
    assert said.startswith(f"{folder}: 12 tiles, 2 validation photographs, ")
    assert sorted(p.name for p in folder.iterdir()) == [
        "README.md",
        "SHA256SUMS",
        "photographs.csv",
        "train-000000.tar",
        "validation-000000.tar",
    ]

    def read(name: str) -> list[dict[str, Any]]:
        return list(WebDataset(str(folder / name), shardshuffle=False).decode("rgb8"))

    found = read("train-000000.tar")
    assert [(s["__key__"], s["json"]["hyperiqa"]) for s in found] == [
        (row.name.removesuffix(".png"), row.hyperiqa) for row in SET.tiles
    ]
    assert all(same(s["png"], tile(n)) for n, s in enumerate(found))
    about = found[0]["json"]
    assert (about["section"], about["licence"], about["author"]) == ("s", "CC-BY-4.0", "Ann")
    pairs = read("validation-000000.tar")
    assert [pair["__key__"] for pair in pairs] == ["v", "w"]
    for pair in pairs:
        for scale, side in SCALES.items():
            assert same(pair[f"{scale}.png"], noise(side, side, 50))


def test_lmdb_has_every_image_by_its_name(archive: Path, tmp_path: Path, run: Run) -> None:
    import lmdb

    folder = tmp_path / "out"
    run("--format", "lmdb", "--set", archive, "--folder", folder)
    assert sorted(p.name for p in (folder / f"{NAME}.lmdb").iterdir()) == [
        "data.mdb",
        "lock.mdb",
        "meta_info.txt",
    ]
    lines = (folder / f"{NAME}.lmdb/meta_info.txt").read_text().splitlines()
    assert lines == [f"{n}.png ({SIDE},{SIDE},3) 1" for n in range(12)]
    place = str(folder / f"{NAME}.lmdb")
    with lmdb.open(place, readonly=True, lock=False) as there, there.begin() as transaction:
        found = {bytes(key).decode(): bytes(value) for key, value in transaction.cursor()}
    assert found == {
        row.name.removesuffix(".png"): (
            archive.parents[1] / "dataset" / NAME / row.name
        ).read_bytes()
        for row in SET.tiles
    }
    for scale, side in SCALES.items():
        lines = (folder / f"validation/{scale}.lmdb/meta_info.txt").read_text().splitlines()
        assert lines == [f"{name}.png ({side},{side},3) 1" for name in "vw"]


def test_parquet_has_images_and_columns(archive: Path, tmp_path: Path, run: Run) -> None:
    from pyarrow import parquet

    folder = tmp_path / "out"
    run("--format", "parquet", "--set", archive, "--folder", folder)
    table = parquet.read_table(folder / "train-00000-of-00001.parquet")
    assert table.column_names == ["image", "hyperiqa", "section", "scale", "photograph_sha256"]
    described = json.loads(table.schema.metadata[b"huggingface"])["info"]["features"]
    assert described["image"] == {"_type": "Image"}
    assert described["hyperiqa"] == {"dtype": "float64", "_type": "Value"}
    rows = table.to_pylist()
    assert [(row["image"]["path"], row["hyperiqa"]) for row in rows] == [
        (row.name, row.hyperiqa) for row in SET.tiles
    ]
    assert all(same(decode(row["image"]["bytes"]), tile(n)) for n, row in enumerate(rows))
    pairs = parquet.read_table(folder / "validation-00000-of-00001.parquet").to_pylist()
    for pair in pairs:
        for scale, side in SCALES.items():
            assert same(decode(pair[scale]["bytes"]), noise(side, side, 50))


@pytest.mark.parametrize("kind", FORMATS)
def test_the_same_set_gives_the_same_bytes_in_each_form(
    kind: str, archive: Path, tmp_path: Path, run: Run
) -> None:
    unpack(archive, tmp_path / "unpacked")
    for name, place in (("a", archive), ("b", tmp_path / "unpacked")):
        run("--format", kind, "--set", place, "--folder", tmp_path / name)
        check = ["sha256sum", "--check", "--quiet", "SHA256SUMS"]
        subprocess.run(check, cwd=tmp_path / name, check=True)
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


def test_small_shards_hold_what_a_large_one_does(
    archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Run
) -> None:
    monkeypatch.setitem(shards.UNITS, "MB", 7000)  # bytes; a tile has about 3,100
    monkeypatch.setattr(parquets, "GROUP_ROWS", 1)
    monkeypatch.setattr(lmdbs, "COMMIT_BYTES", 7000)
    for kind in FORMATS:
        run("--format", kind, "--set", archive, "--folder", tmp_path / kind, "--shard", "1MB")
    names = [f"train-{n:06d}.tar" for n in range(6)]
    assert sorted(p.name for p in (tmp_path / "webdataset").glob("train-*")) == names
    members = []
    for name in names:
        with tarfile.open(tmp_path / "webdataset" / name) as tar:
            members += [(m.name, m.mtime, m.uid, m.mode) for m in tar.getmembers()]
    assert members == [
        (f"{n}.{ending}", 0, 0, 0o644) for n in range(12) for ending in ("png", "json")
    ]
    from pyarrow import parquet

    files = [tmp_path / f"parquet/train-{n:05d}-of-00006.parquet" for n in range(6)]
    assert sum(parquet.ParquetFile(path).num_row_groups for path in files) == 12


def test_a_changed_tile_leaves_nothing(archive: Path, tmp_path: Path) -> None:
    unpack(archive, tmp_path / "unpacked")
    (tmp_path / "unpacked" / NAME / NAME / "7.png").write_bytes(b"other")
    (tmp_path / "around").mkdir()
    for kind in FORMATS:
        arguments = ["--format", kind, "--set", tmp_path / "unpacked"]
        said = failed(*arguments, "--folder", tmp_path / "around" / "new")
        assert f"{NAME}/7.png: got SHA-256" in said
        assert list((tmp_path / "around").iterdir()) == []


def failed(*arguments: object, **more: str) -> str:
    """The one line that it ends with."""
    command = [sys.executable, "-m", "stages.tools.export", *map(str, arguments)]
    done = subprocess.run(command, env=environment(**more), capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    return line


def test_what_is_wrong_is_one_line(archive: Path, tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    assert failed("--format", "zip", "--set", archive) == (
        "error: export: FORMAT: got 'zip', expected webdataset or lmdb or parquet"
    )
    assert failed("--format", "lmdb", "--set", archive, "--shard", "9") == (
        "error: export: SHARD: got '9', expected a size as 500MB or 2GB"
    )
    assert failed("--format", "lmdb", "--set", archive, "--folder", tmp_path / "here") == (
        f"error: export: {tmp_path}/here exists: name a new folder, or move that one away"
    )
    for kind, package in (("lmdb", "lmdb"), ("parquet", "pyarrow")):
        (tmp_path / f"{package}.py").write_text("raise ImportError\n")
        path = os.pathsep.join([str(tmp_path), environment()["PYTHONPATH"]])
        arguments = ("--format", kind, "--set", archive, "--folder", tmp_path / "new")
        assert failed(*arguments, PYTHONPATH=path) == (
            f"error: export: {package} is not installed: run `make export-packages`"
        )
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("kind", FORMATS)
def test_a_full_disk_is_one_line_and_leaves_nothing(
    kind: str,
    archive: Path,
    tiny_disk: Callable[[str], Path],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    disk = tiny_disk("size=24k")
    arguments = ["--format", kind, "--set", str(archive), "--folder", str(disk / "new")]
    assert f"error: export: {disk}/new: needs " in failed(*arguments)
    # Another fills the disk meanwhile: there was room at the start
    monkeypatch.setattr(export.disk, "has_room", lambda _, needed: needed < lmdbs.COMMIT_BYTES)
    monkeypatch.setattr("sys.argv", ["export", *arguments])
    with pytest.raises(SystemExit):
        export.cli.shell("export", export.main)
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"error: export: {disk}/.new.")
    assert line.endswith(
        ": No space left on device: free some space, or move the project to a larger disk"
    )
    assert list(disk.iterdir()) == []


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_stopped_in_the_middle_nothing_looks_whole(
    how: signal.Signals, archive: Path, tmp_path: Path
) -> None:
    pipe = tmp_path / "unpacked" / NAME / NAME / "7.png"
    unpack(archive, tmp_path / "unpacked")
    pipe.unlink()
    os.mkfifo(pipe)  # of which it waits for bytes
    (tmp_path / "around").mkdir()
    arguments = ["--set", tmp_path / "unpacked", "--folder", tmp_path / "around" / "new"]
    command = [sys.executable, "-m", "stages.tools.export", "--format", "webdataset", *arguments]
    process = subprocess.Popen(command, env=environment(), stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while not list((tmp_path / "around").glob(".new.*/*.tar")) and time.monotonic() < deadline:
        time.sleep(0.02)
    time.sleep(0.3)
    process.send_signal(how)
    _, said = process.communicate(timeout=30)
    left = [path.name for path in (tmp_path / "around").iterdir()]
    if how == signal.SIGINT:
        assert (said, left) == ("error: export: interrupted: run `make export` to go on\n", [])
    assert all(name.startswith(".new.") and name.endswith(".part") for name in left)
    shutil.rmtree(tmp_path / "around")


def test_the_last_run_s_archive_is_taken_where_none_is_named(
    parts: Path, monkeypatch: pytest.MonkeyPatch, run: Run
) -> None:
    pack(parts, "data/release")
    params = parts / "params.yaml"
    params.write_text(params.read_text().replace("name: samples", f"name: {NAME}"))
    monkeypatch.chdir(parts)
    assert run("--format", "webdataset").startswith(f"dist/{NAME}-webdataset: 12 tiles")
    shutil.rmtree(parts / "data")
    assert failed_here(run) == (
        f"data/release has no {NAME}.7z: `make run` makes it, `make checkout` gets it"
    )


def failed_here(run: Run) -> str:
    with pytest.raises(export.UserError) as raised:
        run("--format", "webdataset")
    return str(raised.value)
