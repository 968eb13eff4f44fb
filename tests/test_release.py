"""Release: one archive with all that describes it, the same bytes each time; nothing half done."""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import py7zr
import pytest
import yaml

from stages import release
from stages.common import tables
from stages.common.archive import seven_zip
from stages.common.archive.description import ReleaseParams
from stages.common.archive.licences import Licence
from stages.common.archive.seven_zip import Member
from stages.common.errors import UserError
from stages.common.files import changed
from stages.common.params import Recipe
from stages.common.rows import Decision, Lineage, Rejected, Source, Unreadable, Validation
from stages.release import check_apart
from tests.common.archive.sets import (
    BYTES,
    CC,
    HERE,
    ODD,
    RELEASE,
    lineage,
    small_set,
    write_images,
)
from tests.common.archive.test_seven_zip import seven_zip_program
from tests.conftest import REPOSITORY, Stage, environment, named

SET = small_set()
NAME = SET.name
OPTIONS: dict[str, str] = {
    "dataset": "dataset",
    "made": "dataset.json",
    "validation": "validation",
    "validation_table": "validation.csv",
    "images": "images.csv",
    "subimages": "subimages.csv",
    "unreadable": "unreadable.csv",
    "rejected": "rejected.csv",
    "sources_table": "sources.csv",
    "licence_table": "licences.csv",
    "name": NAME,
    "folder": "release",
    "numbers": "release.json",
}


@pytest.fixture
def parts(tmp_path: Path) -> Path:
    """All inputs of the stage, for a set of 12 tiles and two photographs to validate with."""
    write_images(SET, tmp_path / "dataset", tmp_path / "validation")
    dataset = tmp_path / "dataset"
    tables.write(dataset / "lineage.csv", Lineage, SET.tiles)
    (dataset / "meta_info.txt").write_text("".join(f"{i}.png (32,32,3)\n" for i in range(12)))
    (dataset / "hyperiqa_score.txt").write_text("0.png\t0.9\n")
    tables.write_numbers(dataset / "scorer.json", SET.scorer)
    record(tmp_path)
    tables.write(tmp_path / "validation.csv", Validation, SET.validation)
    tables.write(tmp_path / "images.csv", Decision, SET.images)
    tables.write(tmp_path / "subimages.csv", Decision, SET.cut)
    tables.write(tmp_path / "unreadable.csv", Unreadable, SET.unreadable)
    tables.write(tmp_path / "rejected.csv", Rejected, SET.rejected)
    tables.write(tmp_path / "sources.csv", Source, [HERE])
    others = CC._replace(photographs="[!n]*")  # none for the name that is not UTF-8
    tables.write(tmp_path / "licences.csv", Licence, [others])
    params = SET.recipe | {"release": RELEASE.model_dump()}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(params, allow_unicode=True))
    return tmp_path


def record(parts: Path) -> None:
    """What `dataset` says of the texts that it has written."""
    texts = sorted(path for path in (parts / "dataset").iterdir() if path.is_file())
    sha256 = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in texts}
    tables.write_numbers(parts / "dataset.json", {"tiles": 12, "sha256": sha256})


def pack(parts: Path, out: str = "release", **params: Any) -> Path:
    """Run the stage; gives the folder it leaves."""
    options: dict[str, Any] = {key: parts / value for key, value in OPTIONS.items()}
    options |= {"name": NAME, "folder": parts / out}
    release.main(
        **options,
        params=ReleaseParams(**(RELEASE.model_dump() | params)),
        recipe=Recipe(sections=dict(SET.recipe)),
    )
    return parts / out


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def unpacked(archive: Path, folder: Path) -> dict[str, bytes]:
    with py7zr.SevenZipFile(archive) as file:
        file.extractall(folder)
    return contents(folder)


def test_another_program_reads_all_of_it(parts: Path) -> None:
    found = unpacked(pack(parts) / f"{NAME}.7z", parts / "unpacked")
    assert {name.split("/")[0] for name in found} == {NAME}
    inside = {name.removeprefix(f"{NAME}/"): content for name, content in found.items()}
    expected = contents(parts / "dataset")
    expected |= {f"validation/{n}": c for n, c in contents(parts / "validation").items()}
    expected["validation.csv"] = (parts / "validation.csv").read_bytes()
    assert {name: inside[name] for name in expected} == expected
    documents = sorted(n for n in inside.keys() - expected.keys() if not n.startswith("configs/"))
    assert documents == [
        "README.md",
        "SHA256SUMS",
        "croissant.json",
        "metadata.jsonl",
        "photographs.csv",
        "sheet.png",
        "validation/metadata.jsonl",
    ]
    assert sum(name.startswith("configs/") for name in inside) == 1 + 3 * 2 * 2


def test_every_file_in_it_is_in_its_sums(parts: Path) -> None:
    found = unpacked(pack(parts) / f"{NAME}.7z", parts / "unpacked")
    sums = found[f"{NAME}/SHA256SUMS"].decode().splitlines()
    assert sorted(line[66:] for line in sums) == sorted(
        name.removeprefix(f"{NAME}/") for name in found if name != f"{NAME}/SHA256SUMS"
    )
    command = ["sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS"]
    subprocess.run(command, cwd=parts / "unpacked" / NAME, check=True)


def test_members_follow_their_folders_and_names(parts: Path) -> None:
    with py7zr.SevenZipFile(pack(parts) / f"{NAME}.7z") as archive:
        names = archive.getnames()
    assert names == sorted(names, key=lambda name: name.split("/"))


def test_images_are_stored_as_they_are(parts: Path) -> None:
    raw = (pack(parts) / f"{NAME}.7z").read_bytes()
    files = contents(parts / "dataset") | contents(parts / "validation")
    assert [name for name, content in files.items() if raw.count(content) == 0] == []


def test_other_clocks_times_rights_and_places_make_the_same_bytes(
    parts: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """As two processes run it, one of them in another year."""
    first = staged(parts)
    other = tmp_path_factory.mktemp("elsewhere") / "a copy"
    for path in sorted(contents(parts), reverse=True):  # another order of the folders' entries
        (other / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(parts / path, other / path)
    shutil.rmtree(other / "release")
    for i, path in enumerate(sorted(other.rglob("*"))):
        os.utime(path, (10**9 + 7 * i, 10**9 + 7 * i))
        path.chmod(0o700 if path.is_dir() else (0o444, 0o600, 0o755)[i % 3])
    late = "import time, datetime, sys\nreal = time.time\ntime.time = lambda: real() + 4e8\n"
    (tmp_path_factory.getbasetemp() / "late").mkdir(exist_ok=True)
    (tmp_path_factory.getbasetemp() / "late" / "sitecustomize.py").write_text(late)
    second = staged(other, before=str(tmp_path_factory.getbasetemp() / "late"), TZ="Asia/Tokyo")
    assert second == first


def options_of(parts: Path) -> list[str]:
    """The values of the command line's options."""
    return [value if key == "name" else str(parts / value) for key, value in OPTIONS.items()]


def staged(parts: Path, before: str = "", **variables: str) -> dict[str, bytes]:
    """Run the stage as DVC does; gives what it leaves."""
    command = [sys.executable, "-m", "stages.release", *named("release", options_of(parts))]
    variables |= {"PYTHONPATH": os.pathsep.join(filter(None, (before, str(REPOSITORY))))}
    variables |= {"PYTHONHASHSEED": str(len(before))}
    done = subprocess.run(
        [*command, "--params", parts / "params.yaml"],
        cwd=parts,
        env=environment(**variables),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return contents(parts / "release")


def test_other_inputs_make_other_bytes(parts: Path) -> None:
    first = contents(pack(parts, "one"))
    assert contents(pack(parts, "two", date="2026-11-26")) != first
    tables.write(parts / "rejected.csv", Rejected, [])
    assert contents(pack(parts, "three")) != first


def test_the_sums_can_be_checked(parts: Path) -> None:
    folder = pack(parts)
    path = folder / f"{NAME}.7z"
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert (folder / "SHA256SUMS").read_text() == f"{digest}  {NAME}.7z\n"
    assert checked(folder) == f"{NAME}.7z: OK\n"
    assert sorted(p.name for p in folder.iterdir()) == ["SHA256SUMS", f"{NAME}.7z"]
    assert json.loads((parts / "release.json").read_text()) == {
        "files": 12 + 6 + 4 + 8 + 13,
        "bytes": path.stat().st_size,
        "volumes": 1,
        "sha256": digest,
        "no_licence": 1,
    }


def checked(folder: Path) -> str:
    command = ["sha256sum", "--check", "--strict", "SHA256SUMS"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout


def test_volumes_join_to_the_one_archive(parts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = (pack(parts, "one") / f"{NAME}.7z").read_bytes()
    single = pack(parts, "single", volume_size="1MB")
    assert (single / f"{NAME}.7z.001").read_bytes() == whole
    monkeypatch.setattr(ReleaseParams, "volume_bytes", 40_000)  # the least in params.yaml is 1MB
    folder = pack(parts, "many")
    volumes = sorted(folder.glob(f"{NAME}.7z.*"))
    assert len(volumes) == -(-len(whole) // 40_000) > 2
    assert b"".join(path.read_bytes() for path in volumes) == whole
    names = [*(path.name for path in volumes)]
    assert checked(folder) == "".join(f"{name}: OK\n" for name in names)
    command = f"cat {NAME}.7z.* > {NAME}.7z && sed -n 's/^# //p' SHA256SUMS | sha256sum --check -"
    done = subprocess.run(["sh", "-c", command], cwd=folder, capture_output=True, text=True)
    assert done.stdout == f"{NAME}.7z: OK\n", done.stderr
    tested = subprocess.run([seven_zip_program(), "t", volumes[0]], capture_output=True, text=True)
    assert "Everything is Ok" in tested.stdout


def test_a_linked_image_is_packed_with_its_content(parts: Path) -> None:
    """DVC links files where its cache is on another disk and cache.type allows it."""
    target = parts / "dataset" / NAME / "0.png"
    plain = contents(pack(parts, "plain"))
    shutil.move(target, parts / "elsewhere.png")
    target.symlink_to(parts / "elsewhere.png")
    assert contents(pack(parts, "linked")) == plain


def test_a_set_without_validation_is_packed(parts: Path) -> None:
    tables.write(parts / "validation.csv", Validation, [])
    with py7zr.SevenZipFile(pack(parts) / f"{NAME}.7z") as archive:
        names = [name for name in archive.getnames() if "validation" in name]
    assert names == [f"{NAME}/validation.csv"]


def test_what_no_table_lists_is_not_packed(parts: Path) -> None:
    plain = contents(pack(parts, "plain"))
    (parts / "dataset" / NAME / "99.png").write_bytes(b"mine")
    (parts / "dataset" / "notes.txt").write_text("mine")
    assert contents(pack(parts, "more")) == plain


def test_what_is_not_as_its_table_lists_it_ends_the_stage_with_its_name(parts: Path) -> None:
    tile, image = parts / "dataset" / NAME / "7.png", parts / "validation" / "x2" / "v.png"
    text = parts / "dataset" / "meta_info.txt"
    for path in (image, text):
        content = bytearray(path.read_bytes())
        content[10] ^= 1
        path.write_bytes(content)
    with pytest.raises(UserError) as raised:
        pack(parts)
    assert str(raised.value) == changed([text, image])
    tile.write_bytes(b"another")
    with pytest.raises(UserError) as raised:
        pack(parts)
    assert str(raised.value) == changed([tile])
    assert list((parts / "release").iterdir()) == []


def test_a_missing_tile_is_named(parts: Path) -> None:
    tile = parts / "dataset" / NAME / "7.png"
    tile.unlink()
    with pytest.raises(FileNotFoundError) as raised:
        pack(parts)
    assert raised.value.filename == str(tile)
    assert not (parts / "release").exists()


def test_a_byte_that_flips_after_writing_ends_the_stage(
    parts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a disk does that forgets: the archive is touched between writing and reading."""
    settle = seven_zip._settle

    def forget(path: Path) -> None:
        settle(path)
        content = bytearray(path.read_bytes())
        content[content.index((parts / "dataset" / NAME / "5.png").read_bytes()) + 99] ^= 1
        path.write_bytes(content)

    monkeypatch.setattr(seven_zip, "_settle", forget)
    with pytest.raises(UserError, match=f"not the bytes that were written: {NAME}/{NAME}/5.png"):
        pack(parts)
    assert list((parts / "release").iterdir()) == []


def test_a_full_disk_is_foreseen(parts: Path, tiny_disk: Callable[[str], Path]) -> None:
    folder = tiny_disk("size=40k") / "release"
    with pytest.raises(UserError, match="this stage needs"):
        pack(parts, str(folder))
    assert not folder.exists()


@pytest.mark.parametrize(("size", "name"), [("60k", "[^/]*"), ("160k", f"{NAME}.7z")])
def test_a_disk_that_fills_up_leaves_nothing(
    parts: Path, tiny_disk: Callable[[str], Path], size: str, name: str
) -> None:
    """While documents are written, or the archive."""
    folder = tiny_disk(f"size={size}") / "release"
    with pytest.raises(OSError, match=f"No space left on device: '.*/{name}'"):
        pack(parts, str(folder))
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("kind", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_killed_stage_leaves_nothing_that_looks_whole(parts: Path, kind: signal.Signals) -> None:
    command = [sys.executable, "-m", "stages.release", *named("release", options_of(parts))]
    command += ["--params", str(parts / "params.yaml")]
    part = parts / "release" / ".part"
    process = subprocess.Popen(command, cwd=parts, env=environment(), stderr=subprocess.PIPE)
    deadline = time.monotonic() + 60
    while not part.exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.001)
    process.send_signal(kind)
    process.communicate(timeout=60)
    assert process.returncode != 0
    left = {path.name for path in (parts / "release").iterdir()}
    assert left <= {".part"}


def test_the_last_volume_gets_its_name_first(parts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the first one nobody opens the others, and sums come last."""
    monkeypatch.setattr(ReleaseParams, "volume_bytes", 40_000)
    names = []
    replace = Path.replace

    def watched(self: Path, target: Path) -> Path:
        names.append(Path(target).name)
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", watched)
    folder = pack(parts)
    volumes = sorted(path.name for path in folder.iterdir() if path.name != "SHA256SUMS")
    moved = [name for name in names if name.startswith(f"{NAME}.7z") or name == "SHA256SUMS"]
    assert moved == ["SHA256SUMS", *reversed(volumes), "SHA256SUMS"]  # the first one is inside


def test_photographs_without_a_licence_are_told(parts: Path, run_stage: Stage) -> None:
    done = run_stage("release", *options_of(parts))
    *_, last = done.stdout.splitlines()
    name = BYTES.encode("utf-8", "backslashreplace").decode()
    assert last == (
        f"1 photographs have neither a line in {parts / 'licences.csv'} nor a source.yaml, as "
        f"{name}: the card says so"
    )


def test_a_photograph_in_training_and_validation_ends_the_stage(parts: Path) -> None:
    rows = [
        *SET.validation,
        SET.validation[0]._replace(
            photograph=ODD, photograph_sha256=SET.tiles[0].photograph_sha256
        ),
    ]
    tables.write(parts / "validation.csv", Validation, rows)
    with pytest.raises(UserError) as raised:
        pack(parts)
    message = f"{ODD} would be trained on and validated with: run `dvc repro validation`"
    assert str(raised.value) == message
    assert not (parts / "release").exists()


def test_a_source_that_may_not_be_redistributed_ends_the_stage_unless_the_set_is_private(
    parts: Path,
) -> None:
    tables.write(
        parts / "sources.csv", Source, [HERE._replace(licence="theirs", redistribute="no")]
    )
    with pytest.raises(UserError) as raised:
        pack(parts)
    assert str(raised.value) == (
        "here (12 tiles, 2 validation photographs) may not be redistributed: leave them out by "
        "screen.exclude, or set release.private: true"
    )
    assert not (parts / "release").exists()
    packed = pack(parts, "private", private=True) / f"{NAME}.7z"
    card = unpacked(packed, parts / "unpacked")[f"{NAME}/README.md"].decode()
    assert "**not for redistribution**" in card


def test_a_source_that_no_table_has_ends_the_stage(parts: Path) -> None:
    tables.write(parts / "sources.csv", Source, [])
    with pytest.raises(UserError, match=r"sources\.csv lacks the source here: run `dvc repro`$"):
        pack(parts)


def test_a_photograph_is_known_by_its_content_and_not_by_its_name() -> None:
    tiles = [lineage(0, "a.jpg")]
    same_name = SET.validation[0]._replace(photograph="a.jpg")
    assert check_apart(tiles, [same_name]) is None
    other_name = SET.validation[0]._replace(
        photograph="copy.jpg", photograph_sha256=tiles[0].photograph_sha256
    )
    with pytest.raises(UserError, match=r"^copy\.jpg would be"):
        check_apart(tiles, [other_name])


def test_a_fault_is_one_line(parts: Path, run_stage: Stage) -> None:
    (parts / "licences.csv").write_text("photographs,licence\n")
    done = run_stage("release", *options_of(parts))
    assert (done.returncode, done.stderr) == (
        1,
        f"error: release: {parts / 'licences.csv'}: the first line must be "
        "`photographs,licence,author,source,url`, got `photographs,licence`\n",
    )


def test_a_member_has_the_hash_of_its_table() -> None:
    member = Member(Path("a"), "a", "0" * 64)
    assert release.listing([member]) == f"{'0' * 64}  a\n".encode()
