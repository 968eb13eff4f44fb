"""Photographs behind a URL, as `s3://bucket/photos`: what is there, and the bytes of one.

Any file system that fsspec knows can be named; tried is S3. Keys, endpoint and region are found as
AWS's own tools find them: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_ENDPOINT_URL,
AWS_DEFAULT_REGION, or the files in ~/.aws. Each process opens a connection of its own.

Whatever a network does wrong ends a stage with one line: a photograph that did not come whole must
never count as one that can't be read.
"""

import errno
import functools
import hashlib
import os
import re
import time
from collections.abc import Callable
from typing import Any, TypeVar

from stages.common.errors import UserError
from stages.common.listing import Status

T = TypeVar("T")
EMPTY = "holds no file: check the bucket and the path"
PAUSES = (0.5, 1, 3)  # s, before each further attempt of a call
AT_ONCE = 16  # reads, where the network is waited for and not the processor
QUICK: dict[str, dict[str, Any]] = {  # settings of a file system: no server is waited for long
    "s3": {
        "config_kwargs": {"connect_timeout": 10, "read_timeout": 30, "retries": {"max_attempts": 1}}
    },
}


def is_url(folder: str) -> bool:
    """Whether a folder is named by a URL."""
    return re.match(r"[a-z][a-z0-9+.-]*://", folder) is not None


def listing(url: str) -> dict[str, Status]:
    """Every file below a URL, by path, sorted.

    Raises:
        UserError: where there is none, or no answer.
    """
    files, top = _opened(url)
    nothing: dict[str, Any] = {}
    found = _asked(url, lambda: files.find(top, detail=True), missing=nothing)
    below = f"{top.rstrip('/')}/"
    listed = {
        path.removeprefix(below): _status(about)
        for path, about in found.items()
        if path.startswith(below) and not path.endswith("/")  # that is how some keep a folder
    }
    if not listed:
        raise UserError(f"{url} {EMPTY}")
    return dict(sorted(listed.items()))


def state(url: str) -> str:
    """What changes with the listing of a URL, and with nothing else."""
    lines = "".join(f"{path}\0{status}\n" for path, status in listing(url).items())
    return hashlib.sha256(lines.encode("utf-8", "surrogateescape")).hexdigest()


def kind(url: str, path: str = "") -> str:
    """What a path below a URL is: `file`, `directory`, or empty where it is not there."""
    files, top = _opened(url)
    found = _asked(url, lambda: files.info(_joined(top, path)), missing={"type": ""})
    return str(found["type"])


def check(url: str) -> None:
    """There must be an answer, and a folder; not all of a large one is listed for that.

    Raises:
        UserError: which says what is wrong: the name of the bucket, the keys, the network.
    """
    if kind(url) != "directory":
        raise UserError(f"{url} {EMPTY}")


def read(url: str, path: str, size: int = -1) -> bytes:
    """A file's content, or its first `size` bytes.

    Raises:
        FileNotFoundError: where it is not there.
        UserError: where there is no answer.
    """
    files, top = _opened(url)
    name = _joined(top, path)

    def content() -> Any:
        try:
            return files.cat_file(name) if size < 0 else files.cat_file(name, start=0, end=size)
        except OSError as error:
            if size >= 0 and error.errno == errno.EINVAL:  # no part of an empty file can be had
                return files.cat_file(name)[:size]
            raise

    found = _asked(url, content, missing=None)
    if found is None:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), f"{url}/{path}")
    return bytes(found)


def _joined(top: str, path: str) -> str:
    return f"{top.rstrip('/')}/{path}" if path else top


def _status(about: dict[str, Any]) -> Status:
    """A file's size, and a number that stands for its ETag, or else for its time."""
    names = ("ETag", "etag", "LastModified", "mtime", "created")
    tag = next((str(about[name]) for name in names if about.get(name)), "")
    number = int(hashlib.sha256(tag.encode()).hexdigest()[:15], 16)
    return Status(int(about["size"] or 0), 0, number)


@functools.lru_cache(maxsize=8)
def _opened(url: str) -> tuple[Any, str]:
    """The file system of a URL, and the URL's path there."""
    protocol = url.partition("://")[0]
    try:
        import fsspec

        return fsspec.url_to_fs(url, use_listings_cache=False, **QUICK.get(protocol, {}))  # type: ignore[no-any-return]
    except ImportError:
        raise UserError(f"{url} needs more packages: run `make remotes`") from None
    except ValueError as error:
        raise UserError(f"{url}: {_words(error)}: expected one as s3://bucket/path") from None


def _asked(url: str, call: Callable[[], T], missing: T) -> T:
    """What a call over the network gives, tried several times; `missing` of what is not there."""
    for pause in (*PAUSES, None):
        try:
            return call()
        except FileNotFoundError as error:
            if "bucket" in str(error) and "not exist" in str(error):
                raise UserError(f"{url}: there is no such bucket: check its name") from None
            return missing
        except PermissionError as error:
            raise UserError(
                f"{url}: not allowed ({_words(error)}): check AWS_ACCESS_KEY_ID and "
                "AWS_SECRET_ACCESS_KEY, or ~/.aws/credentials"
            ) from None
        except Exception as error:  # each library below fsspec has its own
            if type(error).__name__ in ("NoCredentialsError", "PartialCredentialsError"):
                raise UserError(
                    f"{url}: no keys: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or write "
                    "~/.aws/credentials"
                ) from None
            if pause is None:
                raise UserError(
                    f"{url}: no answer ({_words(error)}): check the network and AWS_ENDPOINT_URL, "
                    "then run `dvc repro`, which goes on"
                ) from None
        time.sleep(pause)
    raise AssertionError


def _words(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
