"""Which stages a parameter reaches; tests/tools/test_compare.py has the tree itself."""

import shutil
import textwrap

import pytest

from stages.common.errors import UserError
from stages.common.versions import records, worktree
from tests.common.versions.test_experiments import Repository, repository

__all__ = ["repository"]

LOCK = {
    "check": {"params": {"params.yaml": {"cutoff": {}, "dataset": {}}}},
    "cutoff@images": {"params": {"params.yaml": {"cutoff.images": {}, "validation.picks": []}}},
    "cutoff@subimages": {"params": {"params.yaml": {"cutoff.subimages": {}}}},
    "summary": {"params": {"params.yaml": {"cutoff": {}}}},
    "dataset": {"params": {"params.yaml": {"dataset": {}}}},
    "release": {},
}


@pytest.mark.parametrize(
    ("key", "stages"),
    [
        ("cutoff.subimages.count", {"check", "cutoff@subimages", "summary"}),
        ("cutoff.images.count", {"check", "cutoff@images", "summary"}),
        ("cutoff", {"check", "cutoff@images", "cutoff@subimages", "summary"}),
        ("validation.picks", {"cutoff@images"}),
        ("validation", {"cutoff@images"}),
        ("dataset.name", {"check", "dataset"}),
        ("cutoffs", set()),
    ],
)
def test_a_parameter_reaches_the_stages_that_have_read_it(key: str, stages: set[str]) -> None:
    assert worktree.reaches({key: 1}, LOCK) == stages


def test_what_comes_before_a_stage_is_what_it_reads_by_way_of_others_too() -> None:
    def stage(deps: list[str], outs: list[str]) -> dict[str, list[dict[str, str]]]:
        return {"deps": [{"path": p} for p in deps], "outs": [{"path": p} for p in outs]}

    lock = {
        "cut": stage(["data/source"], ["data/tiles", "tables/tiles.csv"]),
        "score": stage(["tables/tiles.csv", "data/tiles"], ["scores/tiles.csv"]),
        "summary": stage(["scores"], ["metrics.json"]),
        "report": stage(["metrics.json", "scores/tiles.csv"], ["report.html"]),
        "other": stage([], ["score"]),
    }
    assert worktree.before("summary", lock) == {"cut", "score", "summary"}
    assert worktree.before("cut", lock) == {"cut"}


def test_one_process_has_it_at_a_time(repository: Repository) -> None:
    head = repository.commit({"a": "1"})
    second = worktree.opened(repository.folder, head)
    with (
        worktree.opened(repository.folder, head),
        pytest.raises(UserError, match=r"^experiments are being run here already, by process"),
    ):
        second.__enter__()
    with worktree.opened(repository.folder, head):
        pass


def test_it_is_made_again_where_it_is_not_whole(repository: Repository) -> None:
    head = repository.commit({"a": "1", ".dvc/config": "", ".gitignore": "/.dvc/tmp"})
    pointer = repository.folder / worktree.FOLDER / ".git"
    place = repository.folder / worktree.FOLDER / "a"
    for damage in (
        lambda: place.write_text("2"),
        lambda: pointer.write_text("gitdir: elsewhere"),
        pointer.unlink,
        lambda: (repository.folder / ".git/worktrees/compare/index.lock").touch(),
        lambda: shutil.rmtree(repository.folder / worktree.FOLDER),
        lambda: shutil.rmtree(repository.folder / ".git/worktrees"),
        lambda: None,
    ):
        with worktree.opened(repository.folder, head) as tree:
            tree.reset()
        assert place.read_text() == "1"
        assert repository.git("status", "--short") == ""
        damage()


def test_dvc_is_told_where_the_cache_is_and_to_leave_git_alone(repository: Repository) -> None:
    head = repository.commit({"a": "1", ".dvc/config": "", ".gitignore": "/.dvc/tmp"})
    local = """
        [core]
            remote = near
        ['remote "near"']
            url = ../near
        [cache]
            type = "reflink,copy"
            dir = "../../the cache"
    """
    repository.write({".dvc/config.local": textwrap.dedent(local)})
    with worktree.opened(repository.folder, head) as tree:
        tree.reset()
    copy = repository.folder / worktree.FOLDER
    written = (copy / ".dvc/config.local").read_text()
    assert "near\"'" not in written
    assert 'type = "reflink,copy"' in written
    assert "no_scm = true" in written
    assert records.cache_folder(copy) == repository.folder.parent / "the cache"
