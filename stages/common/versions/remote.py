"""What a remote of DVC's has, asked of the remote itself.

`dvc status --cloud` and `dvc push` believe what DVC has noted of a remote: a folder counts as
there if its list is. So this lists the remote, and takes from the listing what it proves: names,
sizes, and on S3 the ETag, which is the MD5 of whatever was sent in one part. Objects in a folder,
and on a server that gives a shell, are hashed where they lie.

It stands on parts of DVC that are not documented: `Repo.cloud.get_remote`, the `odb` and `fs` of
what that gives. No other module uses them; tests/common/versions/test_remote.py pins them.
"""

import hashlib
import logging
import os
import re
import shlex
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from stages.common.daemons import Daemons, HungError
from stages.common.errors import UserError
from stages.common.versions import records
from stages.common.versions.checksums import UNREADABLE, Checksums
from stages.common.versions.watch import GoneError

NAME = re.compile(r"([0-9a-f]{2})/([0-9a-f]{30}(?:\.dir)?)")
ETAG = re.compile(r'"?([0-9a-f]{32})"?')
CHUNK = 2**22  # bytes read at once
AT_ONCE = 8  # objects read back
READ_SECONDS, READ_RATE = 25.0, 100_000  # s, and bytes/s, before an object counts as unreadable
QUICK = {  # settings of a remote, unless the project has its own: no server is waited for long
    "s3": {"connect_timeout": 10, "read_timeout": 20},
    "ssh": {"timeout": 20},
}


class Object(NamedTuple):
    """An object as the remote lists it."""

    size: int | None  # bytes
    md5: str | None  # of what it holds, if the remote tells


class Listing(NamedTuple):
    """All that a remote has."""

    objects: dict[str, Object]  # by the MD5 that is its name
    stale: dict[str, int]  # temporary files that pushes have left, path to bytes


class Remote:
    """A remote that the project of the working folder names.

    Every method but the first may take for ever or raise anything: it is for `Watch.call`.
    """

    def __init__(self, name: str) -> None:
        """Find a remote's settings; nothing is asked of it yet.

        Raises:
            UserError: where there is no such remote, or it is of a kind that can't be proven.
        """
        os.environ.setdefault("AWS_MAX_ATTEMPTS", "1")
        os.environ.setdefault("AWS_EC2_METADATA_DISABLED", "true")  # no keys from there, no wait
        logging.getLogger("asyncssh").setLevel(logging.CRITICAL)
        from dvc.repo import Repo  # takes half a second

        self.name = name
        self._repo = Repo(os.curdir)
        settings = self._repo.config["remote"].get(name)
        if settings is None:
            known = ", ".join(self._repo.config["remote"]) or "none"
            raise UserError(f"there is no remote {name!r}; there are: {known}: `dvc remote add`")
        self.url = str(settings.get("url", ""))
        kind, colon, _ = self.url.partition("://")
        self.kind = kind if colon else "local"
        if self.kind in ("http", "https"):
            raise UserError(
                f"remote {name} ({self.url}) is read over HTTP, which lists no objects: push to "
                "the same folder as SSH, S3 or a path, see docs/remotes.md"
            )
        if settings.get("version_aware") or settings.get("worktree"):
            raise UserError(
                f"remote {name} ({self.url}) is `version_aware`: it has no objects under their "
                "hashes, use `dvc push`"
            )
        for key, value in QUICK.get(self.kind, {}).items():
            settings.setdefault(key, value)
        self._opened: Any = None
        self._asked: Any = None
        self._sums = Checksums()

    def _open(self) -> Any:
        """DVC's remote; a new connection."""
        from dvc.exceptions import DvcException

        try:
            return self._repo.cloud.get_remote(self.name)
        except DvcException as error:
            if "missing dependencies" in str(error) or "requires" in str(error):
                raise UserError(
                    f"remote {self.name} ({self.url}) needs more packages: run `make remotes`"
                ) from None
            raise

    @property
    def _remote(self) -> Any:
        if self._opened is None:
            self._opened = self._open()
        return self._opened

    @property
    def root(self) -> str:
        """The folder of objects, as the remote's file system has it."""
        return str(self._remote.odb.path)

    def ask(self) -> None:
        """Ask something small, over a connection of its own; raises where there is no answer."""
        if self._asked is None:
            self._asked = self._open()
        if self.kind == "local":
            os.path.lexists(self._asked.odb.path)  # hangs with its disk
            return
        files = self._asked.fs.fs
        files.invalidate_cache()
        with suppress(FileNotFoundError):
            files.info(f"{self._asked.odb.path}/00/{'0' * 30}")

    def listing(self) -> Listing:
        """All that is there."""
        found = self._found()
        if not found:
            self.ask()  # nothing was ever pushed; or it fails, which SSH lists the same way
        objects, stale = {}, {}
        for path, about in found.items():
            name = NAME.fullmatch("/".join(path.rsplit("/", 2)[-2:]))
            if name:
                tag = ETAG.fullmatch(str(about.get("ETag", "")))
                objects[name[1] + name[2]] = Object(about.get("size"), tag[1] if tag else None)
            elif path.endswith(".tmp"):
                stale[path] = int(about.get("size") or 0)
        return Listing(objects, stale)

    def _found(self) -> dict[str, dict[str, Any]]:
        """Every file's path and what the file system says of it."""
        if self.kind == "local":
            return dict(_files_in(self.root))
        files = self._remote.fs.fs
        files.invalidate_cache()
        try:
            found: dict[str, dict[str, Any]] = files.find(self.root, detail=True)
        except FileNotFoundError:
            return {}
        return found

    def hashed_there(self, names: Collection[str]) -> dict[str, str | None] | None:
        """MD5 of objects, hashed where they lie: `UNREADABLE`, None where there is none. None for
        all, where the remote has no way to do it."""
        if self.kind == "local":
            paths = {name: records.object_at(self.root, name) for name in names}
            found = self._sums.of(paths.values())
            return {name: found[path] for name, path in paths.items()}
        if self.kind == "ssh" and names:
            return self._hashed_by_shell(names)
        return None

    def _hashed_by_shell(self, names: Collection[str]) -> dict[str, str | None] | None:
        from fsspec.asyn import sync

        files = self._remote.fs.fs
        paths = "".join(f"{name[:2]}/{name[2:]}\n" for name in sorted(names))
        command = f"cd {shlex.quote(self.root)} && exec xargs md5sum"
        try:
            done = sync(files.loop, lambda: files.client.run(command, input=paths, check=False))
        except BrokenPipeError:  # what stands for a shell has ended before it read anything
            return None
        lines = re.findall(r"^([0-9a-f]{32})  ([0-9a-f]{2})/(\S+)$", str(done.stdout), re.MULTILINE)
        if not lines:
            return None  # no shell, or no md5sum
        found: dict[str, str | None] = {first + rest: md5 for md5, first, rest in lines}
        return {name: found.get(name, UNREADABLE) for name in names}

    def read_back(self, sizes: Mapping[str, int | None]) -> dict[str, str]:
        """MD5 of objects that are there, read over the network; `UNREADABLE` of one that does not
        come. `sizes` are their names, with bytes."""

        broken: tuple[type[Exception], ...] = (HungError, *faults())

        def hashed(name: str) -> str:
            seconds = READ_SECONDS + (sizes[name] or 0) / READ_RATE
            try:
                return Daemons(1).call(seconds, self._read, name)
            except broken:  # S3 clients compare what they read with checksums, too
                return UNREADABLE

        with ThreadPoolExecutor(AT_ONCE) as executor:
            return dict(zip(sizes, executor.map(hashed, sizes), strict=True))

    def _read(self, name: str) -> str:
        digest = hashlib.md5(usedforsecurity=False)
        with self._remote.fs.open(records.object_at(self.root, name), "rb") as file:
            while chunk := file.read(CHUNK):
                digest.update(chunk)
        return digest.hexdigest()

    def content(self, name: str) -> bytes:
        """What an object holds; for lists of folders, which are small."""
        with self._remote.fs.open(records.object_at(self.root, name), "rb") as file:
            return bytes(file.read())

    def put(
        self,
        names: Iterable[str],
        cache: Path,
        replaced: Collection[str],
        failed: Callable[[str, BaseException], None],
    ) -> None:
        """Send objects from the cache, with DVC's own code; those in `replaced` are removed first,
        and `failed` hears of each that could not be sent."""
        from dvc.fs import localfs

        remote = self._remote
        todo = list(names)
        for name in todo:
            if name in replaced:
                try:
                    remote.odb.delete(name)
                except FileNotFoundError:
                    continue
                except Exception as error:
                    failed(name, error)
        if todo:
            paths = [str(records.object_path(cache, name)) for name in todo]
            remote.odb.add(paths, localfs, todo, check_exists=False, on_error=failed, verify=False)


def _files_in(folder: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every file in the folders of a folder, with its size."""
    with suppress(FileNotFoundError), os.scandir(folder) as folders:
        for each in folders:
            if each.is_dir():
                with os.scandir(each) as entries:
                    for entry in entries:
                        if entry.is_file():
                            yield entry.path, {"size": entry.stat().st_size}


def faults() -> tuple[type[Exception], ...]:
    """What a remote may raise: that is no bug of ours."""
    from dvc.exceptions import DvcException

    found: list[type[Exception]] = [OSError, GoneError, DvcException]
    with suppress(ImportError):
        import asyncssh

        found.append(asyncssh.Error)
    with suppress(ImportError):
        from botocore.exceptions import BotoCoreError, ClientError

        found += [BotoCoreError, ClientError]
    return tuple(found)


def reason(error: BaseException) -> str:
    """What went wrong with a remote, in one line, with what to do."""
    if isinstance(error, GoneError):
        return str(error)
    text = " ".join(f"{error}".split()) or type(error).__name__
    cause: BaseException | None = error
    kinds = []
    while cause is not None:
        kinds.append(f"{type(cause).__name__} {cause}")
        cause = cause.__cause__ or cause.__context__
    every = " ".join(kinds)
    for pattern, remedy in REMEDIES:
        if re.search(pattern, every, re.IGNORECASE):
            return f"{text}: {remedy}"
    return f"{text}: see that it runs, can be reached, and has room"


REMEDIES = (
    (r"no space|ENOSPC|quota|storage ?full|507|insufficient", "free some space there"),
    (
        r"permission|denied|forbidden|\b40[13]\b|credential|InvalidAccessKey|SignatureDoesNotMatch",
        "check the key, the user and their rights there, see docs/remotes.md",
    ),
    (r"NoSuchBucket|bucket does not exist", "make the bucket, or mend the remote's url"),
)
