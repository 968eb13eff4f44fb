"""Git: photographs on their way into it are seen in time."""

import subprocess
from pathlib import Path

import pytest

from stages.common.git import branch, fault, is_image, is_versioned, tags_without_remote

SOURCE = Path("photos")


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    git("init", "--quiet")
    git("commit", "--quiet", "--allow-empty", "--message", "first")
    (SOURCE / "film").mkdir(parents=True)
    (SOURCE / "film" / "ä.JPG").touch()
    (SOURCE / "notes.txt").touch()
    return tmp_path


def git(*arguments: str) -> None:
    who = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    subprocess.run(["git", *who, *arguments], check=True, capture_output=True)


def test_photographs_that_nobody_keeps_are_told(repository: Path) -> None:
    message = fault(SOURCE)
    assert message is not None
    assert message.startswith("1 images in photos are neither ignored by git nor kept by DVC, as ")
    assert message.endswith("JPG\", so `git add` would commit them: run `dvc add 'photos'`")
    assert not is_versioned(SOURCE)
    (repository / ".gitignore").write_text("/photos\n")
    assert fault(SOURCE) is None
    assert not is_versioned(SOURCE)
    Path("photos.dvc").touch()
    assert is_versioned(SOURCE)
    assert is_versioned(SOURCE / "film")


def test_photographs_that_are_staged_are_told(repository: Path) -> None:
    git("add", "photos")
    (repository / ".gitignore").write_text("/photos\n")
    message = fault(SOURCE)
    assert message is not None
    assert message.startswith("1 images in photos are staged in git, as ")
    assert message.endswith(": run `git rm -r --cached --quiet 'photos'`, then `dvc add 'photos'`")


def test_photographs_that_were_committed_are_meant_to_be_there(repository: Path) -> None:
    git("add", "photos")
    git("commit", "--quiet", "--message", "samples")
    (SOURCE / "another.png").touch()
    assert fault(SOURCE) is None
    assert is_versioned(SOURCE)


def test_a_folder_elsewhere_and_a_project_without_git_are_passed_over(
    repository: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "a.jpg").touch()
    assert fault(elsewhere) is None
    monkeypatch.chdir(elsewhere)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(elsewhere.parent))
    assert fault(Path("photos")) is None


def test_tags_that_know_no_remote_are_found(repository: Path) -> None:
    config = Path(".dvc/config")
    config.parent.mkdir()
    config.write_text("[core]\n    analytics = false\n")
    git("add", ".dvc")
    git("commit", "--quiet", "--message", "no remote yet")
    git("tag", "v1")
    assert tags_without_remote() == []  # nor is there one now
    config.write_text("[core]\n    remote = store\n['remote \"store\"']\n    url = /store\n")
    git("commit", "--quiet", "--all", "--message", "remote")
    git("tag", "v2")
    assert tags_without_remote() == ["v1"]
    Path(".dvc/config.local").write_text("[cache]\n    remote = no\n[core]\n  remote = store\n")
    assert tags_without_remote() == []


def test_images_are_known_by_their_names() -> None:
    assert [is_image(name) for name in ("a/b.JPG", '"\\303.png"', "b.txt", "png")] == [
        True,
        True,
        False,
        False,
    ]


def test_a_branch_has_a_name_and_a_commit_has_none(repository: Path) -> None:
    git("switch", "--quiet", "--create", "a/b")
    assert branch() == "a/b"
    git("switch", "--quiet", "--detach")
    assert branch() is None
