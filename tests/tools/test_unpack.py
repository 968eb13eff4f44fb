"""Unpack: all of an archive or nothing, whatever is in it, and nothing outside of its folder."""

import functools
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import py7zr
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.common.errors import UserError
from stages.common.sets import members, names, unpacking, whole
from stages.tools import unpack
from tests.conftest import REPOSITORY, environment, noise
from tests.test_release import contents

COPY = [{"id": py7zr.FILTER_COPY}]
LZMA = [{"id": py7zr.FILTER_LZMA2, "preset": 1}]
FILES = {
    "set/set/0.png": noise(40, 50).tobytes(),
    "set/set/naïve 'tile' & co 🌄.png": b"one",
    "set/empty.txt": b"",
    "set/README.md": b"two\n" * 400_000,
}
Run = Callable[..., str]


def pack(path: Path, files: dict[str, bytes], filters: list[dict[str, int]] = COPY) -> Path:
    """An archive of any names, also of those that py7zr refuses to write."""
    with py7zr.SevenZipFile(path, "w", filters=filters) as archive:
        for name, content in files.items():
            archive._writestr(content, name)
            archive.files.files_list[-1]["filename"] = name
    return path


def with_sums(files: dict[str, bytes], top: str = "set") -> dict[str, bytes]:
    lines = [
        f"{hashlib.sha256(content).hexdigest()}  {name.removeprefix(f'{top}/')}\n"
        for name, content in files.items()
    ]
    return files | {f"{top}/SHA256SUMS": "".join(lines).encode()}


def split(archive: Path, size: int) -> Path:
    """Split an archive as 7-Zip does it; gives the first volume."""
    content = archive.read_bytes()
    archive.unlink()
    for number, start in enumerate(range(0, len(content), size), start=1):
        archive.with_name(f"{archive.name}.{number:03d}").write_bytes(content[start : start + size])
    return archive.with_name(f"{archive.name}.001")


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs the tool; gives what it prints."""

    def call(archive: Path, folder: Path, *more: str) -> str:
        arguments = ["unpack", "--archive", str(archive), "--folder", str(folder), *more]
        monkeypatch.setattr("sys.argv", arguments)
        unpack.main()
        return capsys.readouterr().out

    return call


def refused(run: Run, archive: Path, *more: str) -> str:
    """Unpack what must be refused; gives the one line that says why. All stays as it is."""
    around = archive.parent.parent
    before = sorted(around.rglob("*"))
    with pytest.raises(UserError) as raised:
        run(archive, archive.parent / "new", *more)
    assert sorted(around.rglob("*")) == before
    assert "\n" not in str(raised.value)
    return str(raised.value)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder within another, so that what gets out of it is seen."""
    (tmp_path / "around" / "place").mkdir(parents=True)
    return tmp_path / "around" / "place"


@pytest.mark.parametrize("filters", [COPY, LZMA])
def test_all_files_come_out_as_they_went_in(place: Path, run: Run, filters: list) -> None:
    archive = pack(place / "a.7z", with_sums(FILES), filters)
    said = run(archive, place / "new")
    assert contents(place / "new") == with_sums(FILES)
    assert said == (
        f"{place}/new: 5 files, 2 MB, 4 as in SHA256SUMS inside; archive no SHA256SUMS beside it; "
        "look at it with `make check-set`\n"
    )
    assert sorted(p.name for p in place.iterdir()) == ["a.7z", "new"]
    assert (place / "new").stat().st_mode & 0o777 == 0o777 & ~whole._umask()


@pytest.mark.parametrize("flags", [["-mx0"], ["-mx1"], ["-mx1", "-ms=off"], ["-m0=PPMd"]])
def test_an_archive_of_7_zip_comes_out_as_it_went_in(
    place: Path, run: Run, flags: list[str]
) -> None:
    if not shutil.which("7zz"):
        pytest.skip("7zz is not installed")
    for name, content in FILES.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_bytes(content)
    (place / "set" / "empty folder").mkdir()
    subprocess.run(["7zz", "a", "-bso0", *flags, "a.7z", "set"], cwd=place, check=True)
    run(place / "a.7z", place / "new")
    assert contents(place / "new") == FILES
    assert (place / "new" / "set" / "empty folder").is_dir()


@pytest.mark.parametrize("size", [1_000, 100_000, 10_000_000])
def test_volumes_are_read_as_one(place: Path, run: Run, size: int) -> None:
    whole = pack(place / "a.7z", FILES)
    sha256 = hashlib.sha256(whole.read_bytes()).hexdigest()
    (place / "SHA256SUMS").write_text(f"{sha256}  a.7z\n")
    said = run(split(whole, size), place / "new")
    assert contents(place / "new") == FILES
    assert "CRC-32 is right; archive as in SHA256SUMS beside it" in said


def test_a_missing_volume_is_named(place: Path, run: Run) -> None:
    first = split(pack(place / "a.7z", FILES), 100_000)
    (place / "a.7z.004").unlink()
    assert refused(run, first) == f"{place}/a.7z.004 is missing, one of 17 volumes: fetch it"
    assert refused(run, place / "a.7z.003").endswith("not the first volume: name a.7z.001")
    assert refused(run, place / "a.7z").endswith(f"name its first volume, {first}")


def test_the_last_volume_is_missed_too(place: Path, run: Run) -> None:
    first = split(pack(place / "a.7z", FILES), 1_000_000)
    (place / "a.7z.002").unlink()
    assert "is damaged, cut off, or no 7z archive" in refused(run, first)


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("set/../../evil.txt", "has a name that leads out of the folder"),
        ("..", "has a name that leads out of the folder"),
        ("..\\evil.txt", "has a name that leads out of the folder"),
        ("/tmp/evil.txt", "has an absolute name"),
        ("C:\\evil.txt", "has an absolute name"),
        ("set//evil.txt", "has an empty part in its name"),
        ("set/./evil.txt", "has an empty part in its name"),
        ("set/evil\n.txt", "has control characters in its name"),
        ("set/evil\x1b[2J.txt", "has control characters in its name"),
        ("set/evil\u202egnp.exe", "has control characters in its name"),
        ("set/" + "ü" * 130, "has a name of more than 255 bytes"),
    ],
)
@pytest.mark.parametrize("filters", [COPY, LZMA])
def test_a_hostile_name_is_refused(
    place: Path, run: Run, name: str, fault: str, filters: list
) -> None:
    archive = pack(place / "a.7z", {"set/0.png": b"good", name: b"evil"}, filters)
    shown = names.shown(name.replace("\\", "/"))
    assert refused(run, archive) == f"{shown} in the archive {fault}: nothing was unpacked"


@pytest.mark.parametrize("to", ["/etc/passwd", "../../outside", "0.png"])
def test_a_link_is_refused_wherever_it_leads(place: Path, run: Run, to: str) -> None:
    (place / "0.png").touch()
    (place / "../../outside").touch()
    (place / "link").symlink_to(to)
    with py7zr.SevenZipFile(place / "a.7z", "w", filters=COPY) as archive:
        archive.write(place / "link", "set/link")
        archive._writestr(b"through the link", "set/link/x")
    expected = "set/link in the archive is a link: nothing was unpacked"
    assert refused(run, place / "a.7z") == expected


def test_two_of_one_name_are_refused(place: Path, run: Run) -> None:
    archive = place / "a.7z"
    with py7zr.SevenZipFile(archive, "w", filters=COPY) as writer:
        writer._writestr(b"one", "set/0.png")
        writer._writestr(b"two", "set/0.png")
    assert refused(run, archive) == "set/0.png in the archive is there twice: nothing was unpacked"
    archive.unlink()
    pack(archive, {"set/0.png/x": b"one", "set/0.png": b"two"})
    assert refused(run, archive) == (
        "set/0.png in the archive is a file, and the folder of set/0.png/x: nothing was unpacked"
    )


def test_a_bomb_is_refused_by_what_it_announces(place: Path, run: Run) -> None:
    archive = pack(place / "a.7z", {"set/zeros": bytes(60 << 20)}, LZMA)
    assert archive.stat().st_size < 20_000
    assert refused(run, archive, "--limit", "0.05") == (
        f"{archive} would unpack to 63 MB, more than the limit of 50 MB: raise it by --limit if "
        "you trust the archive"
    )
    run(archive, place / "new", "--limit", "0.07")
    assert (place / "new" / "set" / "zeros").stat().st_size == 60 << 20


def test_a_limit_follows_from_the_size_of_the_archive(
    place: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unpacking, "LEAST_LIMIT", 10**6)
    archive = pack(place / "a.7z", {"set/zeros": bytes(2 << 20)}, LZMA)
    assert "would unpack to 2 MB, more than the limit of 1 MB" in refused(run, archive)


def test_a_flipped_byte_is_found_wherever_it_is(place: Path, run: Run) -> None:
    content = pack(place / "good.7z", {"set/0.png": bytes(500), "set/1.png": b"1" * 500})
    whole = content.read_bytes()
    for position in range(0, len(whole), 7):
        if 8 + 4 <= position < 32 or position < 8:  # the signature's version says nothing
            continue
        flipped = bytearray(whole)
        flipped[position] ^= 0x55
        (place / "a.7z").write_bytes(flipped)
        assert "damaged" in refused(run, place / "a.7z")


@functools.cache
def small_archive(stored: bool) -> bytes:
    """The same each time, though py7zr writes the time into it."""
    files = with_sums(FILES | {"set/README.md": b"x"})
    with tempfile.TemporaryDirectory() as folder:
        return pack(Path(folder) / "a.7z", files, COPY if stored else LZMA).read_bytes()


@given(data=st.data())
def test_a_damaged_archive_ends_in_one_line(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("damaged")
    whole = bytearray(small_archive(data.draw(st.booleans())))
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    whole = whole[: data.draw(st.integers(0, len(whole)))]
    (folder / "a.7z").write_bytes(whole)
    try:
        unpacking.unpack(folder / "a.7z", folder / "new", None)
    except UserError as error:
        assert "\n" not in str(error)
        assert [p.name for p in folder.iterdir()] == ["a.7z"]
    else:
        assert contents(folder / "new").keys() == with_sums(FILES).keys()


def test_another_archive_than_in_the_sums_is_refused(place: Path, run: Run) -> None:
    archive = pack(place / "a.7z", FILES)
    got = hashlib.sha256(archive.read_bytes()).hexdigest()
    (place / "SHA256SUMS").write_text(f"{0:064x}  a.7z\n")
    assert refused(run, archive) == (
        f"{archive}: got SHA-256 {got}, expected {0:064x} as in SHA256SUMS beside it: fetch it "
        "again"
    )
    (place / "SHA256SUMS").write_text(f"{0:064x}  b.7z\n")
    assert "archive not named in SHA256SUMS beside it" in run(archive, place / "new")


def test_each_volume_is_compared_with_the_sums(place: Path, run: Run) -> None:
    first = split(pack(place / "a.7z", FILES), 1_000_000)
    second = place / "a.7z.002"
    lines = [f"{hashlib.sha256(p.read_bytes()).hexdigest()}  {p.name}\n" for p in (first, second)]
    (place / "SHA256SUMS").write_text("".join(lines))
    run(first, place / "new")
    second.write_bytes(second.read_bytes()[::-1])
    shutil.rmtree(place / "new")
    assert refused(run, first).startswith(f"{second}: got SHA-256 ")


@pytest.mark.parametrize("filters", [COPY, LZMA])
def test_files_are_compared_with_the_sums_inside(place: Path, run: Run, filters: list) -> None:
    whole = with_sums(FILES)
    pack(place / "a.7z", whole | {"set/empty.txt": b"not empty"}, filters)
    got, empty = hashlib.sha256(b"not empty").hexdigest(), hashlib.sha256().hexdigest()
    assert refused(run, place / "a.7z") == (
        f"set/empty.txt: got SHA-256 {got}, expected {empty} as in set/SHA256SUMS: fetch the "
        "archive again"
    )
    pack(place / "a.7z", {n: c for n, c in whole.items() if n != "set/empty.txt"}, filters)
    expected = "set/empty.txt is in set/SHA256SUMS, but not in the archive"
    assert refused(run, place / "a.7z") == expected
    pack(place / "a.7z", whole | {"set/more.png": b""}, filters)
    expected = "set/more.png is in the archive, but not in its set/SHA256SUMS"
    assert refused(run, place / "a.7z") == expected


@pytest.mark.parametrize("made", ["folder", "file", "link"])
def test_a_folder_that_exists_is_refused(place: Path, run: Run, made: str) -> None:
    archive, target = pack(place / "a.7z", FILES), place / "new"
    if made == "folder":
        target.mkdir()
    elif made == "file":
        target.touch()
    else:
        target.symlink_to("nowhere")
    expected = f"{target} exists: name a new folder, or move that one away"
    assert refused(run, archive) == expected
    with pytest.raises(UserError, match="is no folder: make it first"):
        run(archive, place / "missing" / "new")


@pytest.mark.parametrize("filters", [COPY, LZMA])
def test_a_disk_that_is_too_small_is_told_before(
    tiny_disk: Callable[[str], Path], tmp_path: Path, filters: list
) -> None:
    disk = tiny_disk("size=1m")
    archive = pack(tmp_path / "a.7z", FILES, filters)
    with pytest.raises(UserError, match="unpacks to 2 MB, and 1 MB is free: free some space"):
        unpacking.unpack(archive, disk / "new", None)
    few = tiny_disk("size=8m,nr_inodes=4")
    with pytest.raises(UserError, match="holds 4 files, and the disk takes 3 more"):
        unpacking.unpack(archive, few / "new", None)
    assert [*disk.iterdir(), *few.iterdir()] == []


@pytest.mark.parametrize("filters", [COPY, LZMA])
def test_a_disk_that_gets_full_keeps_nothing(
    tiny_disk: Callable[[str], Path],
    tmp_path: Path,
    filters: list,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As if another program had filled it meanwhile."""
    disk = tiny_disk("size=1m")
    archive = pack(tmp_path / "a.7z", FILES, filters)
    monkeypatch.setattr(unpacking, "_check_room", lambda *_: None)
    with pytest.raises(OSError, match="No space left") as raised:
        unpacking.unpack(archive, disk / "new", None)
    assert str(raised.value.filename).endswith("set/README.md")
    assert list(disk.iterdir()) == []


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_a_run_that_is_ended_leaves_nothing_that_looks_whole(place: Path, how: int) -> None:
    pack(place / "a.7z", {f"set/{i}.png": b"%d" % i for i in range(30_000)})
    command = [sys.executable, "-m", "stages.tools.unpack", "--archive", "a.7z", "--folder", "new"]
    process = subprocess.Popen(
        command, cwd=place, env=environment(), stderr=subprocess.PIPE, text=True
    )
    while not list(place.glob(".new.*.part/set/9.png")):
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(how)
    _, said = process.communicate(timeout=60)
    left = sorted(path.name for path in place.iterdir())
    if how == signal.SIGINT:
        assert (process.returncode, left) == (130, ["a.7z"])
        assert said == "error: unpack: interrupted: run `make unpack` to go on\n"
    else:
        part, archive = left
        assert (part.endswith(".part"), archive) == (True, "a.7z")
    subprocess.run(command, cwd=place, env=environment(), check=True, capture_output=True)
    assert len(list((place / "new" / "set").iterdir())) == 30_000


def test_an_encrypted_archive_is_told(place: Path, run: Run) -> None:
    with py7zr.SevenZipFile(place / "a.7z", "w", password="x") as archive:
        archive._writestr(b"secret", "set/0.png")
    assert refused(run, place / "a.7z") == f"{place}/a.7z is encrypted: unpack it with 7zz"


def test_a_stored_member_that_claims_more_than_its_stream_is_refused(place: Path) -> None:
    pack(place / "a.7z", {"set/0.png": b"12345678"})
    with py7zr.SevenZipFile(place / "a.7z") as archive:
        archive.files.files_list[0]["uncompressed"] = 9
        with pytest.raises(UserError, match=r"set/0\.png in the archive is announced as longer"):
            members.members(archive)


def make(*arguments: str) -> "subprocess.CompletedProcess[str]":
    """`make`, with the environment of these tests for the project's own."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    command = ["make", "--assume-old", ".venv/ready", "--silent", *arguments]
    return subprocess.run(
        command, cwd=REPOSITORY, env=environment(PATH=path), capture_output=True, text=True
    )


def test_what_is_not_said_is_asked_for() -> None:
    done = make("unpack", "DIR=there")
    assert done.stderr.splitlines()[0] == (
        "error: unpack: say what and where to, as `make unpack ARCHIVE=samples.7z DIR=../unpacked`"
    )


def test_make_takes_names_as_they_are(place: Path) -> None:
    archive = pack(place / 'it\'s "a" & b.7z', FILES)
    done = make("unpack", f"ARCHIVE={archive}", f"DIR={place / 'new one'}")
    assert (done.returncode, done.stderr) == (0, "")
    assert contents(place / "new one") == FILES
    again = make("unpack", f"ARCHIVE={archive}", f"DIR={place / 'new one'}", "LIMIT=0.001")
    message = f"error: unpack: {place}/new one exists: name a new folder, or move that one away\n"
    assert (again.returncode, again.stderr.startswith(message)) == (2, True)
    help_ = subprocess.run(
        [sys.executable, "-m", "stages.tools.unpack", "--help"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
    )
    for word in ("the 7z file", "the new folder", "the most that it may unpack to"):
        assert word in help_.stdout
