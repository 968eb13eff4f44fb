"""Changes to DVC's cache, each of them safe to be killed in: an object is checked before it gets
its name, and what is damaged is kept. All paths are relative to the project's root, where the
process must be.
"""

import errno
import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from stages.common import links
from stages.common.errors import UserError
from stages.common.versions import records

CHUNK = 2**20  # bytes copied at once
ASIDE = Path(".dvc/damaged")
MODE = 0o444  # of DVC's objects; one of this mode it takes for right without a look


@contextmanager
def locked() -> Iterator[None]:
    """Keep DVC out meanwhile; what it is writing would look damaged.

    Raises:
        UserError: where this is no DVC project, or DVC is at work.
    """
    folder = Path(".dvc/tmp")
    if not folder.parent.is_dir():
        raise UserError(f"{Path.cwd()} is no DVC project: run this in the folder that has .dvc")
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("a") as lock:  # as zc.lockfile does, which DVC uses
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise UserError("DVC is at work here: wait for its end, then run this again") from None
        for process, command in _at_work(folder / "rwlock"):
            raise UserError(
                f"DVC is at work here, process {process}, `{command}`: wait for its end, then run "
                "this again"
            )
        yield


def _at_work(path: Path) -> Iterator[tuple[int, str]]:
    """Processes that run a stage. DVC gives its lock back meanwhile, but lists what they use; what
    has been killed stays on the list."""
    try:
        listed = json.loads(path.read_bytes() or b"{}")
        users = [*listed.get("write", {}).values()]
        users += [user for readers in listed.get("read", {}).values() for user in readers]
        found = {(int(user["pid"]), str(user["cmd"])) for user in users}
    except (FileNotFoundError, ValueError, TypeError, KeyError, AttributeError):
        return  # DVC tells of a damaged one itself
    for process, command in sorted(found):
        with suppress(OSError):
            if b"dvc" in Path(f"/proc/{process}/cmdline").read_bytes():  # the number may be reused
                yield process, command


def dvc(*arguments: str) -> bool:
    """Run DVC; whether it went well. What it says goes where the errors go."""
    sys.stdout.flush()
    done = subprocess.run(
        [sys.executable, "-m", "dvc", *arguments],
        stdout=sys.stderr.fileno(),
        env=os.environ | {"PYTHONUTF8": "1"},  # names that are not UTF-8 pass through
        check=False,
    )
    return done.returncode == 0


def ignored(paths: Sequence[str]) -> set[str]:
    """Which of these paths .dvcignore leaves out. One with a line end in it can't be asked for."""
    asked = [path for path in paths if "\n" not in path]
    folders = {parent for path in asked for parent in Path(path).parents}
    if not any((folder / ".dvcignore").exists() for folder in folders):
        return set()
    done = subprocess.run(
        [sys.executable, "-m", "dvc", "check-ignore", "--stdin"],
        input="\n".join(asked).encode(errors="surrogateescape"),
        capture_output=True,
        env=os.environ | {"PYTHONUTF8": "1"},
        check=False,
    )
    return set(done.stdout.decode(errors="surrogateescape").split("\n")) & set(asked)


def touch(paths: Iterable[str]) -> None:
    """Give files that differ the time of now: DVC remembers hashes by inode, time and size, which
    damage may leave as they were."""
    for path in paths:
        with suppress(FileNotFoundError):
            os.utime(path)


def move_aside(cache: Path, md5: str) -> str:
    """Take a damaged object out of the cache, and say where it is now. Files that are hard links to
    it keep their content."""
    ASIDE.mkdir(parents=True, exist_ok=True)
    target, number = ASIDE / md5, 1
    while target.exists():
        number += 1
        target = ASIDE / f"{md5}.{number}"
    source = records.object_path(cache, md5)
    try:
        source.rename(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        target = source.with_name(f"{source.name}.damaged")  # another disk: stay on it, unread
        source.rename(target)
    return str(target)


def put_object(cache: Path, md5: str, content: BinaryIO) -> bool:
    """Give the cache an object, if the content has its hash; whether it has."""
    path = records.object_path(cache, md5)
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    temporary = Path(name)
    try:
        digest = hashlib.md5(usedforsecurity=False)
        with os.fdopen(descriptor, "wb") as file:
            while chunk := content.read(CHUNK):
                digest.update(chunk)
                file.write(chunk)
            file.flush()
            os.fsync(file.fileno())
        if digest.hexdigest() == md5.removesuffix(records.DIR):
            temporary.chmod(MODE)
            temporary.replace(path)
            return True
    finally:
        temporary.unlink(missing_ok=True)
    return False


def put_file(cache: Path, md5: str, path: str, *, link: bool) -> None:
    """Put a file back from its object, which must be intact: as a hard link where that is asked for
    and can be, else as a copy.

    Not by `dvc checkout`: it takes no target with a `:` or a line end in its name, and removes the
    whole out where one object lacks.
    """
    target, source = Path(path), records.object_path(cache, md5)
    if target.is_dir() and not target.is_symlink():
        raise UserError(f"{path} is a folder, but a file is recorded: move it elsewhere")
    target.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{md5}.")
    os.close(descriptor)
    temporary = Path(name)
    try:
        if link:
            temporary.unlink()
            links.link(source, temporary)
        else:
            shutil.copyfile(source, temporary)
        if not temporary.samefile(source):
            temporary.chmod(0o644)  # mkstemp gives 0600
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
