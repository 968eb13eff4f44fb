"""Weights: shown, fetched, tracked by DVC, so that an experiment has them."""

import hashlib
import http.server
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
import torch

from stages.common.errors import UserError
from stages.common.hyperiqa.models import MODELS, Model
from stages.common.versions import mending
from stages.tools import weights
from tests.conftest import REPOSITORY, SAMPLES, save_small
from tests.project import Project, copy_code
from tests.test_weights import random_state

WHO = {
    f"GIT_{role}_{key}": value
    for role in ("AUTHOR", "COMMITTER")
    for key, value in (("NAME", "t"), ("EMAIL", "t@example.org"))
}


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def offer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], bytes]]:
    """Makes a checkpoint of random weights the model `toy`, served by this machine; as a file of a
    name."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    folder = tmp_path / "served"
    folder.mkdir()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=folder))

    def put(name: str) -> bytes:
        torch.save(random_state("efficientnet_lite0"), folder / name)
        content = (folder / name).read_bytes()
        sha256 = hashlib.sha256(content).hexdigest()
        url = f"http://127.0.0.1:{server.server_port}/{name}"
        monkeypatch.setitem(MODELS, "toy", Model(name, "free", sha256, len(content), (url,)))
        return content

    with server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield put
        server.shutdown()
        thread.join()


def call(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> None:
    monkeypatch.setattr(sys, "argv", ["weights", *arguments])
    weights.main()


def test_the_licence_is_told_before_the_file_is_fetched(
    offer: Callable[[str], bytes], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = offer("toy.pth")
    path = weights.fetch("toy", tmp_path / "weights")
    assert path.read_bytes() == content
    assert capsys.readouterr().out == (
        f"toy: free\n{path}: {len(content):,} bytes, SHA-256 as pinned\n"
    )


def test_what_git_keeps_is_not_fetched(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"^builtin is not downloaded; run `git checkout -- "):
        weights.fetch("builtin", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_dvc_can_not_track_is_told_with_the_command(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(mending, "dvc", lambda *_: False)
    with pytest.raises(UserError) as raised:
        weights.track(tmp_path / "toy.pth")
    assert str(raised.value) == (
        f"{tmp_path}/toy.pth is fetched, but DVC does not track it, for the reason above, so "
        f"experiments will lack it: mend that, then run `dvc add {tmp_path}/toy.pth`"
    )


def run_tool(*arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "stages.tools.weights", *arguments]
    return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)


def test_help_names_the_command_its_argument_and_every_licence() -> None:
    text = " ".join(run_tool("--help").stdout.split())
    assert text.startswith("usage: python -m stages.tools.weights [-h] MODEL ")
    assert "MODEL which to fetch: a name of the list below" in text
    for name, model in MODELS.items():
        assert f" {name} {model.licence}" in text


def test_an_unknown_name_ends_with_one_line() -> None:
    run = run_tool("koniq")
    assert (run.returncode, run.stdout) == (1, "")
    assert run.stderr == (
        "error: weights: model: got `koniq`; did you mean `koniq10k`? expected one of builtin, "
        "koniq10k, koniq10k-pyiqa\n"
    )


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """With two photographs, that asks for `toy`'s file and is all committed."""
    code, project = tmp_path / "code", Project(tmp_path / "project", workers="0")
    copy_code(code)
    code.rename(project.folder)
    for name in ("bridge", "life"):
        target = project.folder / "data" / "source" / f"{name}.jpg"
        save_small(SAMPLES / "landscape" / f"{name}.jpg", target)
    project.params["score"]["model"] = "data/weights/toy.pth"
    project.params["cutoff"]["images"]["per_section"] = {}  # there is no section here
    project.write_params()
    shell(project, "git init --quiet && dvc add --quiet data/source && git add --all")
    shell(project, "git commit --quiet -m code")
    return project


def shell(project: Project, command: str) -> str:
    """Run a command in the project; gives what it said."""
    done = subprocess.run(
        ["bash", "-ec", command],
        cwd=project.folder,
        env=project.environment | WHO,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.mark.long
def test_dvc_gives_the_file_to_experiments_and_is_content(
    project: Project,
    offer: Callable[[str], bytes],
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    content = offer("toy.pth")
    monkeypatch.chdir(project.folder)
    for name, value in project.environment.items():
        monkeypatch.setenv(name, value)
    call(monkeypatch, "toy")
    out = capfd.readouterr().out
    (commit,) = re.findall(r"after `(git add .* && git commit -m '.*')`$", out, re.MULTILINE)
    shell(project, commit)
    assert shell(project, "git status --porcelain --untracked-files=all") == ""
    call(monkeypatch, "toy")  # again: nothing is left to commit
    assert shell(project, "git status --porcelain --untracked-files=all") == ""

    assert "Running stage 'check'" in shell(project, "dvc repro check")
    assert "didn't change, skipping" in shell(project, "dvc repro check")
    assert "up to date" in shell(project, "dvc status check data/weights/toy.pth.dvc")
    shell(project, "git add --all && git commit --quiet -m checked")

    trial = shell(project, "dvc exp run --temp --set-param dataset.name=other score@images")
    assert "2 scored, 0 known" in trial  # with the checkpoint
    assert "Ran experiment" in trial

    (project.folder / "data/weights/toy.pth").unlink()  # as in a clone
    shell(project, "dvc checkout data/weights/toy.pth.dvc")
    assert (project.folder / "data/weights/toy.pth").read_bytes() == content
