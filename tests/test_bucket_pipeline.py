"""The whole pipeline on photographs on an S3 server: the same set, and each change is seen."""

import hashlib
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import py7zr
import pytest

from stages.common import tables
from stages.common.rows import Photograph
from tests.archives import files_of
from tests.conftest import SAMPLES, save_small
from tests.project import LATER, Project, copy_code
from tests.test_bucket_run import upload, variables
from tests.tools.relay import Relay
from tests.tools.servers import Server, served

pytestmark = pytest.mark.servers
URL, MORE = "s3://photos/source", "s3://photos/more of them"


class Bucketed(Project):
    """A project whose photographs are on a server."""

    port = 0

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, workers="2")
        self.wrong: dict[str, str] = {}

    @property
    def environment(self) -> dict[str, str]:
        return super().environment | variables(self.port) | self.wrong

    def dvc(self, *arguments: str) -> str:
        command = [sys.executable, "-m", "dvc", *arguments]
        done = subprocess.run(
            command, cwd=self.folder, env=self.environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def check(self) -> str:
        """What `make check` says of a fault."""
        self.write_params()
        weights = ["--weights-folder", "data/weights"]
        command = [sys.executable, "-m", "stages.check", *weights, "--checked", "checked.txt"]
        done = subprocess.run(
            command, cwd=self.folder, env=self.environment, capture_output=True, text=True
        )
        assert (done.returncode, done.stdout) == (1, "")
        (line,) = done.stderr.splitlines()
        return line.removeprefix("error: check: ")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with served("s3", tmp_path / "server") as running:
        yield running


def new(folder: Path, port: int) -> Bucketed:
    project = Bucketed(folder)
    project.port = port
    copy_code(folder)
    subprocess.run(["git", "init", "--quiet"], cwd=folder, check=True)
    project.add_photographs()
    return project


def archive(project: Project, folder: Path) -> dict[str, bytes]:
    """The files of the set; of its card all but the line that names where photographs lie."""
    with py7zr.SevenZipFile(project.folder / "data/release/tiny.7z") as file:
        file.extractall(folder)
    found = files_of(folder)
    place = project.params["gather"]["source"].encode()
    card = found["tiny/README.md"].replace(b"  source: " + place, b"")
    found["tiny/README.md"] = card
    listed = found["tiny/SHA256SUMS"].decode().splitlines()
    rest = [line for line in listed if not line.endswith("  README.md")]
    found["tiny/SHA256SUMS"] = "\n".join(rest).encode()
    return found


@pytest.mark.proof
def test_a_bucket_makes_the_set_of_the_folder_also_when_the_server_dies(
    server: Server, tmp_path: Path
) -> None:
    plain, project = new(tmp_path / "plain", 0), new(tmp_path / "bucketed", server.port)
    plain.repro()
    upload(server.port, project.folder / "data/source", URL)
    shutil.rmtree(project.folder / "data/source")
    project.params["gather"]["source"] = URL
    died = []
    for size in (400_000, 1_300_000, 2_500_000):  # bytes: in check, in gather, later
        relay = Relay(server.port)
        relay.hold_answers_after = size
        project.port = relay.port
        process = project.start()
        while process.poll() is None and not relay.held.wait(0.2):
            pass
        server.stop()
        relay.close()
        output, _ = process.communicate(timeout=600)
        assert process.returncode != 0
        assert "Traceback" not in output
        lines = [line for line in output.splitlines() if line.startswith("error: ")]
        if lines:
            (line,) = lines
            assert f": {URL}: no answer (" in line
            died.append(line.split(": ")[1])
        else:  # DVC was looking
            (line,) = [line for line in output.splitlines() if line.startswith("ERROR: ")]
            assert re.match("ERROR: failed to reproduce '.*(onnect|endpoint)", line), line
            died.append("DVC")
        server.start()
    assert died[0] == "check"

    project.port = server.port
    project.repro()
    assert archive(project, tmp_path / "b") == archive(plain, tmp_path / "a")
    skipped = ("contents.csv", "folders.csv")
    for folder in ("data/tables", "data/scores", "data/measures", "data/embeddings"):
        expected = files_of(plain.folder / folder)
        found = files_of(project.folder / folder)
        for name in skipped:
            assert (found.pop(name, b"") == expected.pop(name, b"")) == (folder != "data/tables")
        assert found == expected
    assert project.repro().stages == []

    before = hashlib.sha256((project.folder / "data/release/tiny.7z").read_bytes()).hexdigest()
    (tmp_path / "late").mkdir()
    save_small(SAMPLES / f"{LATER}.jpg", tmp_path / "late" / "seeding.jpg")
    upload(server.port, tmp_path / "late", MORE)
    project.params["gather"]["more"] = {"landscape/late": MORE}
    assert {"more@landscape/late", "folders", "gather@images"} <= set(project.repro().stages)
    rows = tables.read(project.folder / "data/tables/gathered_images.csv", Photograph)
    assert "landscape/late/seeding.jpg" in {row.path for row in rows}
    assert project.repro().stages == []

    save_small(SAMPLES / f"{LATER}.jpg", tmp_path / "late" / "seeding.jpg", side=500)
    upload(server.port, tmp_path / "late", MORE)
    assert "more@landscape/late" in project.dvc("status")
    project.params["gather"]["more"] = {}
    project.repro()
    after = hashlib.sha256((project.folder / "data/release/tiny.7z").read_bytes()).hexdigest()
    assert after == before


def test_check_says_what_is_wrong_in_a_line(server: Server, tmp_path: Path) -> None:
    project = new(tmp_path / "project", server.port)
    upload(server.port, project.folder / "data/source", URL)
    for url, line in (
        ("s3://none/source", "s3://none/source: there is no such bucket: check its name"),
        ("s3://photos/none", "s3://photos/none holds no file: check the bucket and the path"),
    ):
        project.params["gather"]["source"] = url
        assert project.check() == line
    project.params["gather"]["source"] = URL
    for wrong in ({"AWS_SECRET_ACCESS_KEY": "wrong"}, {"AWS_ACCESS_KEY_ID": "wrong"}):
        project.wrong = wrong
        line = project.check()
        assert line.startswith(f"{URL}: not allowed (")
        assert line.endswith(
            "): check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or ~/.aws/credentials"
        )
    project.wrong = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}
    assert project.check() == (
        f"{URL}: no keys: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or write "
        "~/.aws/credentials"
    )
    project.wrong = {}
    server.stop()
    assert project.check().startswith(f"{URL}: no answer (Could not connect to the endpoint URL")
