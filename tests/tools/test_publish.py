"""Publish: what hosts get is the archive to the byte, and anyone can fetch it without DVC."""

import functools
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml

from stages.common.archive import hosting
from stages.common.errors import UserError
from stages.common.sets import volumes
from stages.tools import check_set, publish
from tests.common.archive.test_seven_zip import seven_zip_program
from tests.test_release import NAME, contents, pack, parts, unpacked
from tests.tools.project import flip, replace, truncate
from tests.tools.released import Released

__all__ = ["parts"]  # a fixture
FOLDER = f"dist/{NAME}-1.2.0"
NEXT = f"""\
    hf upload OWNER/{NAME} {FOLDER}/huggingface . --repo-type dataset --delete '*' \
--commit-message 'Version 1.2.0'
    hf repos tag create OWNER/{NAME} v1.2.0 --repo-type dataset
    gh release create {NAME}@v1.2.0 {FOLDER}/github/* --verify-tag --title 'A set | of *tiles* <b> \
1.2.0' --notes-file {FOLDER}/notes.md
"""
Publish = Callable[..., str]


@pytest.fixture
def project(parts: Path, monkeypatch: pytest.MonkeyPatch) -> Released:
    """A set that was packed, where `make run` has it, in git."""
    pack(parts)
    project = Released(parts / "project")
    for name in ("dataset", "validation", "release"):
        shutil.move(parts / name, project.folder / "data" / name)
    params = yaml.safe_load((parts / "params.yaml").read_text())
    params["dataset"]["name"] = NAME
    (project.folder / "params.yaml").write_text(yaml.safe_dump(params))
    (project.folder / ".gitignore").write_text("/dist\n")
    project.run("git", "init", "-q", "--initial-branch=main")
    monkeypatch.chdir(project.folder)
    return project


@pytest.fixture
def run(
    project: Released, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Publish:
    def run(*arguments: str) -> str:
        monkeypatch.setattr(sys, "argv", ["publish", *arguments])
        publish.main()
        return capsys.readouterr().out

    return run


def archive(project: Released) -> Path:
    return project.folder / f"data/release/{NAME}.7z"


def inside(project: Released) -> dict[str, bytes]:
    """The files of the set, by path below its folder."""
    found = unpacked(archive(project), project.folder.parent / "unpacked")
    return {name.removeprefix(f"{NAME}/"): content for name, content in found.items()}


def test_hosts_get_the_bytes_of_the_archive_and_no_second_copy(
    project: Released, run: Publish
) -> None:
    (project.folder / "data/CHANGELOG.md").write_text(
        "# V\n\n## 1.2.0 of 2026-11-25\n\nPATCH since 1.1.0: documents only.\n"
        "\n## 1.1.0 of 2026-11-24\n\nx\n"
    )
    said = run()
    expected = inside(project)
    assert said == (
        f"{FOLDER}: {len(expected)} files for Hugging Face, 3 assets for GitHub. Next, with your "
        f"own keys:\n{NEXT}no tag is set yet: `make release VERSION=1.2.0` first\n"
    )
    there = project.folder / FOLDER
    assert contents(there / "huggingface") == expected
    for path in (f"{NAME}/0.png", f"{NAME}/11.png"):
        tile, source = there / "huggingface" / path, project.folder / "data/dataset" / path
        assert tile.stat().st_ino == source.stat().st_ino or tile.stat().st_nlink == 1  # a clone
    assert contents(there / "github") == contents(project.folder / "data/release") | {
        "README.md": expected["README.md"]
    }
    notes = (there / "notes.md").read_text()
    assert notes.startswith("PATCH since 1.1.0: documents only.\n\nSHA-256:\n\n```\n")
    assert "\nx\n" not in notes
    (project.folder / "dist" / f".{NAME}-1.2.0.part").mkdir()  # of a run that was killed
    (project.folder / "dist" / f".{NAME}-1.2.0.part" / "junk").touch()
    (there / "huggingface" / "old.png").touch()
    project.run("git", "-c", "user.name=n", "-c", "user.email=e", "commit", "-q", "--allow-empty",
                "-m", "x")  # fmt: skip
    project.run("git", "tag", f"{NAME}@v1.2.0")
    assert run().endswith(NEXT)
    assert contents(there / "huggingface") == expected
    assert [path.name for path in there.parent.iterdir()] == [there.name]


def test_damage_is_told_or_left_out(project: Released, run: Publish) -> None:
    expected = inside(project)
    flip(project.folder / f"data/dataset/{NAME}/3.png")
    truncate(project.folder / f"data/dataset/{NAME}/4.png")
    (project.folder / f"data/dataset/{NAME}/5.png").unlink()
    run()
    assert contents(project.folder / FOLDER / "huggingface") == expected
    before = contents(project.folder / "dist")
    replace(archive(project), archive(project).read_bytes())  # dist/ has the other name of it
    flip(archive(project), at=2000)
    with pytest.raises(UserError, match="as in SHA256SUMS beside it: run `make verify`, which"):
        run()
    assert contents(project.folder / "dist") == before
    archive(project).unlink()
    with pytest.raises(UserError) as raised:
        run()
    assert str(raised.value) == (
        f"data/release has no {NAME}.7z: `make run` makes it, `make checkout` gets it"
    )


def test_an_archive_of_another_version_is_refused(project: Released, run: Publish) -> None:
    path = project.folder / "params.yaml"
    path.write_text(path.read_text().replace("version: 1.2.0", "version: 1.3.0"))
    with pytest.raises(UserError) as raised:
        run()
    assert str(raised.value) == f"data/release/{NAME}.7z is not of version 1.3.0: `make run`"


def test_a_set_of_many_tiles_is_split_into_folders_that_hold_together(
    project: Released, run: Publish, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hosting, "PER_FOLDER", 5)
    run()
    there = project.folder / FOLDER / "huggingface"
    tiles = {path.relative_to(there).as_posix() for path in (there / NAME).rglob("*.png")}
    assert tiles == {f"{NAME}/{i // 5:02d}/{i}.png" for i in range(12)}
    done = subprocess.run(
        ["sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS"], cwd=there, text=True
    )
    assert done.returncode == 0
    (there / "hyperiqa_score.txt").unlink()  # that of the fixture is no list of this set
    with (there / "SHA256SUMS").open("r+") as file:
        lines = [line for line in file if "hyperiqa_score" not in line]
        file.seek(0)
        file.truncate()
        file.writelines(lines)
    found = check_set.check(there, None, None)
    assert [fault for fault in found.faults if "validation" not in fault.path] == []
    assert found.images == 12


def test_large_archives_are_split_for_github_and_alone_are_a_set(
    project: Released, run: Publish, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hosting, "ASSET_BYTES", 20_000)
    said = run("--archive")
    there = project.folder / FOLDER
    found = volumes.of(there / "github" / f"{NAME}.7z.001")
    assert len(found) > 2
    assert f"{len(found) + 2} assets for GitHub" in said
    assert b"".join(path.read_bytes() for path in found) == archive(project).read_bytes()
    done = subprocess.run(["sha256sum", "--check", "--strict", "SHA256SUMS"], cwd=there / "github")
    assert done.returncode == 0
    alone = contents(there / "huggingface")
    assert sorted(alone) == [
        "README.md", "SHA256SUMS", "photographs.csv", "sheet.png", f"{NAME}.7z",
    ]  # fmt: skip
    assert alone[f"{NAME}.7z"] == archive(project).read_bytes()
    assert b"configs:" not in alone["README.md"]


@pytest.fixture
def store(project: Released) -> Iterator[str]:
    """A remote that has the release, and the address of its folder on the web."""
    project.run("dvc", "init", "-q")
    folder = project.folder.parent / "store"
    project.run("dvc", "remote", "add", "-q", "--default", "store", str(folder))
    project.run("dvc", "add", "-q", "data/release")
    project.run("dvc", "push", "-q")
    handler = functools.partial(SimpleHTTPRequestHandler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_anyone_can_fetch_and_unpack_it_without_dvc(
    project: Released, run: Publish, store: str, tmp_path: Path
) -> None:
    assert "without DVC" not in run()
    by_option = run("--url", f"{store}/")
    project.run("dvc", "remote", "add", "-q", "public", store)
    said = run()
    assert said == by_option
    commands = said[said.index("without DVC:\n") :].splitlines()[1:4]
    path = f"data/release/{NAME}.7z"
    shown = project.run("dvc", "get", "--show-url", ".", path, "--remote", "public").strip()
    assert commands[0].split()[-1] == shown
    for document in ("huggingface/README.md", "github/README.md", "notes.md"):
        text = (project.folder / FOLDER / document).read_text()
        assert "".join(f"{line.strip()}\n" for line in commands) in text
    here = tmp_path / "stranger"
    here.mkdir()
    lines = "\n".join(commands).replace("7zz", seven_zip_program())
    environment = os.environ | {"no_proxy": "127.0.0.1"}
    subprocess.run(["bash", "-ec", lines], cwd=here, check=True, env=environment)
    assert contents(here / NAME) == inside(project)
    with pytest.raises(UserError, match=r"^URL: got 'store', expected one as https://"):
        run("--url", "store")
