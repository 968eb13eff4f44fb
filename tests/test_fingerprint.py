"""Fingerprint: stages are stale exactly when their code or their packages have changed."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from stages import fingerprint
from stages.common import fingerprints
from tests.conftest import REPOSITORY, Stage
from tests.project import Project, Run, copy_code

CODE = REPOSITORY / "stages"


def test_every_stage_has_a_text_and_old_ones_go(tmp_path: Path) -> None:
    (tmp_path / "sieve.txt").write_text("of a stage that is no more")
    fingerprint.main(CODE, tmp_path)
    found = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert found == {f"{name}.txt": text for name, text in fingerprints.all_of(CODE).items()}
    for text in found.values():
        assert text.splitlines() == sorted(text.splitlines())


def test_as_dvc_runs_it(run_stage: Stage, tmp_path: Path) -> None:
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "one.py").write_text("import code.two\n")
    (tmp_path / "code" / "two.py").write_text("(")
    done = run_stage("fingerprint", "code", "out")
    assert done.returncode == 1
    assert done.stderr == (
        "error: fingerprint: code/two.py: line 1: '(' was never closed: no Python: correct it\n"
    )


class Life:
    """A project's code and packages change; the runs after each change."""

    def __init__(self, project: Project) -> None:
        self.folder = project.folder
        self.first = project.repro()
        for path in self.folder.joinpath("stages").rglob("*.py"):
            add_words(path)
        (self.folder / "data/weights/builtin.md").write_text("A card.\n")
        self.words = project.repro()
        page = self.folder / "stages/common/pages/html.py"
        before = page.read_text()
        page.write_text(f"{before}\nUNUSED = 1\n")
        self.constant = project.repro()
        project.packages = self.folder.with_name("packages")
        fake = project.packages / "pillow-99.0.dist-info" / "METADATA"
        fake.parent.mkdir(parents=True)
        fake.write_text("Metadata-Version: 2.1\nName: pillow\nVersion: 99.0\n")
        self.package = self.make_run(project)
        self.again = self.make_run(project)
        page.write_text(before)
        self.back = project.repro()
        lock = yaml.safe_load((self.folder / "dvc.lock").read_text())["stages"]
        self.stages = list(lock)

    def make_run(self, project: Project) -> Run:
        done = subprocess.run(
            ["make", "--assume-old", ".venv/ready", "run"],
            cwd=self.folder,
            env=project.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert done.returncode == 0, done.stdout
        return Run(done.stdout, (self.folder / "dvc.lock").read_text())

    def using(self, package: str) -> list[str]:
        """The stages whose fingerprint names a package."""
        folder = self.folder / "data/fingerprints"
        texts = {p.stem: p.read_text() for p in folder.iterdir()}
        return [
            name
            for name in self.stages
            if package in fingerprints.packages_in([texts[name.partition("@")[0]]])
        ]


def add_words(path: Path) -> None:
    """A docstring, or more of one, a comment and blank lines; no line of code."""
    source = path.read_text()
    head = source.replace('"""', '"""Told otherwise. ', 1) if source else '"""Told."""\n'
    path.write_text(f"# first\n\n{head}\n\n    # last\n\n")


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Life]:
    root = tmp_path_factory.mktemp("fingerprint")
    copy_code(root / "code")
    project = Project(root / "project", workers="0")
    project.prepare(root / "code")
    yield Life(project)


@pytest.mark.slow
def test_the_first_stage_of_all_is_the_fingerprint(life: Life) -> None:
    assert life.first.stages[:2] == ["fingerprint", "check"]
    assert life.first.stages[2:4] == ["folders", "frames"]


@pytest.mark.slow
def test_words_in_every_file_and_a_card_run_nothing_else(life: Life) -> None:
    assert life.words.stages == ["fingerprint"]


@pytest.mark.slow
def test_a_constant_of_the_pages_runs_the_stages_that_make_them(life: Life) -> None:
    assert sorted(life.constant.stages) == ["fingerprint", "pick", "report"]


@pytest.mark.slow
def test_another_pillow_runs_what_reads_or_writes_pixels(life: Life) -> None:
    assert "is now 99.0: the stages that use it run again" in life.package.output
    assert sorted(life.package.stages) == sorted(life.using("pillow"))
    assert {"gather@images", "multiscale", "dataset", "release", "report"} < set(
        life.package.stages
    )
    assert {"cutoff@images", "summary"} & set(life.package.stages) == set()


@pytest.mark.slow
def test_that_is_done_once(life: Life) -> None:
    assert life.again.stages == []
    assert "is now" not in life.again.output


@pytest.mark.slow
def test_code_as_it_was_does_not_bring_back_the_packages_of_then(life: Life) -> None:
    """DVC keeps past runs, by the code alone, and must not take this stage's from there."""
    assert sorted(life.back.stages) == ["fingerprint", "pick", "report"]
    assert "pillow 99.0\n" in (life.folder / "data/fingerprints/report.txt").read_text()
