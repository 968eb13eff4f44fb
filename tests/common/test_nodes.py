"""What machines of a cluster must have in common, and what a worker takes over."""

import multiprocessing.spawn
import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from stages.common import nodes
from stages.common.nodes import Entry, Machine, Seen, Surroundings
from tests.conftest import environment


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with photographs beside it; the working folder."""
    folder = tmp_path / "project"
    folder.mkdir()
    (tmp_path / "faces").mkdir()
    (tmp_path / "faces" / "1.png").write_bytes(b"abc")
    more = f'{{a: "{tmp_path}/faces", b: "s3://bucket/b"}}'
    text = f"gather: {{source: data/source, more: {more}}}\n"
    (folder / "params.yaml").write_text(text)
    (folder / "data" / "source").mkdir(parents=True)
    monkeypatch.chdir(folder)
    return folder


def test_a_machine_differs_in_nothing_from_itself(project: Path) -> None:
    here = nodes.here()
    assert nodes.differences(here) == []
    assert [it.folder for it in here.seen] == [
        str(project),
        str(project / "data" / "source"),
        str(project.parent / "faces"),
    ]


def test_a_folder_is_told_by_some_of_its_files(project: Path) -> None:
    seen = nodes.seen(str(project))
    size, seconds = Path("params.yaml").stat().st_size, int(Path("params.yaml").stat().st_mtime)
    assert seen == Seen(str(project), (Entry("params.yaml", size, seconds),))
    for i in range(20):
        Path(f"{i:02}.txt").touch()
    assert len(nodes.seen(str(project)).entries) == nodes.PROBES


def test_a_source_with_sections_alone_is_told_by_their_files(project: Path) -> None:
    source = project / "data" / "source"
    for section in ("a", "b"):
        (source / section).mkdir()
    assert nodes.seen(str(source)).entries == (Entry("a", -1, 0), Entry("b", -1, 0))
    (source / "b" / "1.png").write_bytes(b"abc")
    before = nodes.seen(str(source))
    assert [(entry.name, entry.bytes) for entry in before.entries] == [("b/1.png", 3)]
    assert nodes.is_seen(before)
    (source / "b" / "1.png").write_bytes(b"another")
    assert not nodes.is_seen(before)


def test_no_copy_of_the_project_has_the_mark(project: Path) -> None:
    here = nodes.here()
    for place in (project, project / ".dvc" / "tmp"):
        place.mkdir(parents=True, exist_ok=True)
        before = sorted(project.rglob("*"))
        with nodes.marked(here) as around:
            *others, mark = around.seen
            (entry,) = mark.entries
            assert tuple(others) == here.seen
            assert (mark.folder, (project / entry.name).parent) == (str(project), place)
            assert nodes.differences(around) == []
        assert sorted(project.rglob("*")) == before
        assert nodes.differences(around) == [f"does not see {project}"]
    with nodes.marked(here._replace(folder="/proc")) as around:  # where nobody can write
        assert around.seen == here.seen


def test_one_file_that_is_the_same_suffices(project: Path) -> None:
    (project / "notes.txt").touch()
    before = nodes.seen(str(project))
    (project / "params.yaml").write_text("changed while a stage runs")
    assert nodes.is_seen(before)
    (project / "notes.txt").unlink()
    assert not nodes.is_seen(before)
    assert not nodes.is_seen(Seen(str(project / "nowhere"), ()))
    assert nodes.is_seen(Seen(str(project), ()))


def test_a_clone_at_the_same_place_is_another_folder(project: Path) -> None:
    before = Seen(str(project), nodes.seen(str(project)).entries[:1])
    os.utime(project / "params.yaml", (1, 1))
    assert not nodes.is_seen(before)


def test_every_difference_is_told(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = nodes.here()
    packages = tuple((n, "0.1" if n == "pillow" else v) for n, v in here.machine.packages)
    own = dict(here.machine.packages)["pillow"]
    other = here.machine.instructions - {"fma"} | {"amx_bf16", "avx_of_tomorrow"}
    machine = Machine(packages, here.machine.architecture, other, "NVIDIA H200")
    gone = Seen("/nowhere/photographs", ())
    theirs = here._replace(machine=machine, seen=(*here.seen, gone))
    monkeypatch.setattr(nodes, "gpu", lambda: "NVIDIA L4")
    monkeypatch.setattr(nodes, "instructions", lambda: frozenset({"fma"}) | other - {"amx_bf16"})
    assert nodes.differences(theirs) == [
        f"pillow {own}, here 0.1",
        "a CPU without amx_bf16 and with fma",
        "a GPU NVIDIA L4, here NVIDIA H200",
        "does not see /nowhere/photographs",
    ]
    machine = machine._replace(architecture="riscv64", gpu="", packages=here.machine.packages)
    found = nodes.differences(here._replace(machine=machine))
    assert found == [f"a CPU of {here.machine.architecture}, here riscv64"]


def test_gpus_are_named_by_their_driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nodes, "GPUS", tmp_path)
    assert nodes.gpu() == ""
    (tmp_path / "0000:01:00.0").mkdir()
    text = "Model: \t\t NVIDIA H200\nIRQ:   \t\t 100\n"
    (tmp_path / "0000:01:00.0" / "information").write_text(text)
    assert nodes.gpu() == "NVIDIA H200"


@pytest.mark.parametrize(
    "text", ["", "gather: 5", "gather: {source: a, more: [b]}", "gather: {", "\xff: \x00"]
)
def test_parameters_with_a_fault_name_no_folder(tmp_path: Path, text: str) -> None:
    (tmp_path / "params.yaml").write_text(text, encoding="latin-1")
    assert list(nodes.sources(tmp_path / "params.yaml")) == []
    assert list(nodes.sources(tmp_path / "missing.yaml")) == []


SETTLED = """
import os, pickle, sys
from stages.common import nodes
around = pickle.load(sys.stdin.buffer)
boot = nodes.boot
nodes.boot = lambda: sys.argv[1] or boot()
found, elsewhere = nodes.settle(around), os.environ.get("SRSET_ELSEWHERE")
print(found, os.getcwd(), elsewhere, sys.modules["__main__"].__name__)
"""


@pytest.mark.parametrize(("boot", "elsewhere"), [("", "None"), ("another", "1")])
def test_a_worker_takes_over_folder_and_program(project: Path, boot: str, elsewhere: str) -> None:
    around = nodes.here()._replace(main=(("init_main_from_name", "stages.fingerprint"),))
    done = subprocess.run(
        [sys.executable, "-c", SETTLED, boot],
        input=pickle.dumps(around),
        cwd=project.parent,
        env=environment(),
        capture_output=True,
        check=True,
    )
    assert done.stdout.decode() == f"() {project} {elsewhere} __mp_main__\n"


def test_a_program_is_found_as_processes_of_multiprocessing_find_it() -> None:
    told = multiprocessing.spawn.get_preparation_data("")
    assert dict(nodes.program()).items() <= told.items()
    assert Surroundings._fields == ("folder", "main", "boot", "machine", "seen")
