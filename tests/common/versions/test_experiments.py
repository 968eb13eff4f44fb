"""Experiments as refs of git, in a repository made for each test."""

import subprocess
from pathlib import Path

import pytest

from stages.common.errors import UserError
from stages.common.versions import experiments
from stages.common.versions.experiments import Experiment

WHO = ["-c", "user.name=t", "-c", "user.email=t@example.org"]


class Repository:
    """A new repository."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.git("init", "--quiet")

    def git(self, *arguments: str) -> str:
        done = subprocess.run(
            ["git", *WHO, *arguments], cwd=self.folder, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    def write(self, files: dict[str, str]) -> None:
        for name, content in files.items():
            (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / name).write_text(content)

    def commit(self, files: dict[str, str]) -> str:
        """Commit files to the branch; gives the commit."""
        self.write(files)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", "m")
        return self.git("rev-parse", "HEAD")

    def experiment(self, baseline: str, name: str, files: dict[str, str]) -> str:
        """An experiment with these files alone; gives its commit."""
        self.git("checkout", "--quiet", "--detach", baseline)
        self.git("rm", "--quiet", "-r", ".")
        commit = self.commit(files)
        self.git("update-ref", experiments.ref_of(baseline, name), commit)
        self.git("checkout", "--quiet", "-")
        return commit


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path)


def test_all_refs_of_experiments_are_listed_and_no_others(repository: Repository) -> None:
    root = repository.folder
    one = repository.commit({"a": "1"})
    two = repository.commit({"a": "2"})
    first = repository.experiment(one, "tiles-5", {"a": "3"})
    second = repository.experiment(two, "tiles-5", {"a": "4"})
    third = repository.experiment(two, "min-score-0.5", {"a": "5"})
    for ref in ("refs/exps/exec/EXEC_HEAD", "refs/exps/stash", "refs/exps/celery/stash"):
        repository.git("update-ref", ref, one)
    expected = [
        Experiment("tiles-5", one, first),
        Experiment("tiles-5", two, second),
        Experiment("min-score-0.5", two, third),
    ]
    assert sorted(experiments.listed(root)) == sorted(expected)
    assert experiments.of_baseline(root, one) == {"tiles-5": expected[0]}
    assert experiments.find(root, "tiles-5", two) == expected[1]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("tiles-5", "tiles-5 is an experiment of another commit, {one}, and not of this one, "
         "{two}: `git checkout` that commit, or run the experiment again here"),
        ("tile-66", "there is no experiment 'tile-66': did you mean `tiles-6`? `make experiments` "
         "lists them"),
    ],
)  # fmt: skip
def test_a_name_that_is_not_there_is_told(repository: Repository, name: str, message: str) -> None:
    one = repository.commit({"a": "1"})
    two = repository.commit({"a": "2"})
    repository.experiment(one, "tiles-5", {"a": "3"})
    repository.experiment(two, "tiles-6", {"a": "4"})
    repository.experiment(two, "min-score-0.5", {"a": "4"})
    with pytest.raises(UserError) as error:
        experiments.find(repository.folder, name, two)
    assert str(error.value) == message.format(one=one[:7], two=two[:7])


def test_where_there_are_none_no_name_is_near(repository: Repository) -> None:
    head = repository.commit({"a": "1"})
    with pytest.raises(UserError, match=r"^there is no experiment 'b': `make experiments` lists"):
        experiments.find(repository.folder, "b", head)


def test_only_files_that_git_knows_count_as_changes(repository: Repository) -> None:
    repository.commit({"a b": "1", "ü": "2", "c": "3", "d": "4"})
    assert experiments.changes(repository.folder) == []
    repository.write({"a b": "5", "ü": "5", "new": "6"})
    repository.git("rm", "--quiet", "c")
    repository.git("mv", "d", "e")
    assert experiments.changes(repository.folder) == ["a b", "c", "e", "ü"]


def test_of_a_commit_its_table_is_found_in_the_cache(repository: Repository) -> None:
    md5 = "0123456789abcdef0123456789abcdef"
    path = repository.folder / ".dvc/cache/files/md5/01" / md5[2:]
    out = f"{{path: {experiments.DECISIONS}, hash: md5, md5: {md5}}}"
    files = {
        "params.yaml": "{a: 1}",
        experiments.METRICS: '{"tiles": 5}',
        "dvc.yaml": f"stages: {{cutoff: {{do: {{outs: [{experiments.DECISIONS}]}}}}}}",
        "dvc.lock": f"stages: {{cutoff@subimages: {{outs: [{out}]}}}}",
        ".gitignore": "/.dvc",
    }
    commit = repository.commit(files)
    assert experiments.of_commit(repository.folder, commit) == ({"a": 1}, {"tiles": 5}, None, None)
    path.parent.mkdir(parents=True)
    path.touch()
    found = experiments.of_commit(repository.folder, commit).decisions
    assert found is not None and found.samefile(path)
    bare = repository.commit({"params.yaml": "{a: 2}"})
    repository.git("rm", "--quiet", experiments.METRICS)
    assert experiments.of_commit(repository.folder, bare).params == {"a": 2}


@pytest.mark.parametrize(
    ("printed", "why"),
    [
        ("Running stage\nerror: cutoff: too few\nERROR: failed to reproduce", "cutoff: too few"),
        ("x\rERROR: Unable to acquire lock.\nHaving any troubles?", "Unable to acquire lock."),
        ("Traceback\n  ValueError: 5\n", "ValueError: 5"),
        ("", "it was killed"),
    ],
)
def test_the_reason_is_what_the_stage_says_or_else_dvc(printed: str, why: str) -> None:
    assert experiments.reason(printed) == why
