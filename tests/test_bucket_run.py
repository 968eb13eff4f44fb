"""Photographs on a real S3 server: the same tables as of a folder, and what a server that dies
leaves."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from stages.common import tables
from stages.common.pixels import png
from stages.common.rows import Folder, Photograph
from tests.archives import files_of
from tests.conftest import environment, named, noise
from tests.tools.relay import Relay
from tests.tools.servers import KEY, SECRET, Server, served

pytestmark = pytest.mark.servers
URL = "s3://photos/of mine/ü"
TABLES = ("gathered", "unreadable", "sources_table", "thumbnails", "numbers", "changes")
MINE = 'name: mine\nlicence: my own\nredistribute: "yes"\n'


def variables(port: int, **more: str) -> dict[str, str]:
    """What AWS's tools, DVC and the stages find a server by."""
    return {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_ACCESS_KEY_ID": KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": f"{os.devnull}/none",  # no keys of whoever runs the test
        "AWS_SHARED_CREDENTIALS_FILE": f"{os.devnull}/none",
    } | more


def upload(port: int, folder: Path, url: str) -> None:
    """Put a folder's files there, and a marker as some programs leave it for a folder."""
    script = """
import sys, s3fs
files = s3fs.S3FileSystem(use_listings_cache=False)
bucket = sys.argv[2].split("/")[0]
if not files.exists(bucket):
    files.mkdir(bucket)
files.put(sys.argv[1] + "/", sys.argv[2] + "/", recursive=True)
"""
    command = [sys.executable, "-c", script, str(folder), url.removeprefix("s3://")]
    subprocess.run(command, env=environment(**variables(port)), check=True)


@pytest.fixture(params=["s3", "seaweedfs"])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Server]:
    with served(request.param, tmp_path / "server") as running:
        yield running


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """30 photographs of 0.4 MB in sections with odd names, and what is none."""
    folder = tmp_path / "ü"
    for number in range(30):
        section = ("faces", "places 'ü' %41+ &")[number % 2]
        png.write(folder / section / f"{number}.png", noise(400, 340, number))
    (folder / "faces" / "cut.png").write_bytes((folder / "faces/0.png").read_bytes()[:9000])
    (folder / "faces" / "empty.png").write_bytes(b"")
    (folder / "faces" / "source.yaml").write_text(MINE)
    (folder / "notes.txt").write_text("ask before publishing\n")
    for path in folder.rglob("*"):
        os.utime(path, (10**9, 10**9))  # nothing is being written
    return folder


def gather(place: str, out: Path, **more: str) -> "subprocess.Popen[str]":
    """Start the stage on a folder or a URL."""
    out.mkdir(exist_ok=True)
    tables.write(out / "folders.csv", Folder, [Folder("", place)])
    (out / "params.yaml").write_text("gather: {source: x, more: {}, max_megapixels: 1}\n")
    options = named("gather", [out / "folders.csv", *(out / name for name in TABLES)])
    shutil.rmtree(out / "thumbnails", ignore_errors=True)
    return subprocess.Popen(
        [sys.executable, "-m", "stages.gather", *options],
        cwd=out,
        env=environment(SRSET_STORE=str(out / "store.sqlite"), **more),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(process: "subprocess.Popen[str]") -> tuple[int, str, str]:
    out, err = process.communicate(timeout=100)
    return process.returncode, out, err


def left(out: Path) -> dict[str, bytes]:
    """What the stage has left."""
    skipped = ("folders.csv", "params.yaml", "store")
    return {k: v for k, v in files_of(out).items() if not k.startswith(skipped)}


@pytest.mark.parametrize("workers", ["0", "2"])
def test_a_url_gives_the_tables_of_the_folder(
    server: Server, photos: Path, tmp_path: Path, workers: str
) -> None:
    upload(server.port, photos, URL)
    code, said, err = ended(gather(str(photos), tmp_path / "a", SRSET_WORKERS=workers))
    assert (code, err) == (0, "")
    there = variables(server.port, SRSET_WORKERS=workers)
    assert ended(gather(URL, tmp_path / "b", **there)) == (0, said.replace(str(photos), URL), "")
    assert left(tmp_path / "b") == left(tmp_path / "a")
    rows = tables.read(tmp_path / "b" / "gathered", Photograph)
    assert {row.source for row in rows} == {"mine", "ü"}
    assert len(rows) == 30


def test_a_server_that_dies_ends_it_with_a_line_and_the_next_run_goes_on(
    server: Server, photos: Path, tmp_path: Path
) -> None:
    upload(server.port, photos, URL)
    assert ended(gather(str(photos), tmp_path / "a", SRSET_WORKERS="2"))[0] == 0
    relay = Relay(server.port)
    relay.hold_answers_after = 4_000_000  # in the middle of a photograph
    there = variables(relay.port, SRSET_WORKERS="2")
    process = gather(URL, tmp_path / "b", **there)
    assert relay.held.wait(60)
    server.stop()
    relay.close()
    code, said, err = ended(process)
    assert (code, said) == (1, "")
    (line,) = err.splitlines()
    assert line.startswith(f"error: gather: {URL}: no answer (")
    assert line.endswith(
        "): check the network and AWS_ENDPOINT_URL, then run `dvc repro`, which goes on"
    )
    assert set(left(tmp_path / "b")) <= {"thumbnails/0.png"}  # no table

    server.start()
    code, said, err = ended(gather(URL, tmp_path / "b", **variables(server.port)))
    assert (code, err) == (0, "")
    known = int(said.split(" decoded, ")[1].split(" known")[0])
    assert 0 < known < 30
    assert {k: v for k, v in left(tmp_path / "b").items() if k != "numbers"} == {
        k: v for k, v in left(tmp_path / "a").items() if k != "numbers"
    }
