"""The shell around every stage.

It makes a command line from the signature of `main`, and tells the user's faults in one line.
"""

import argparse
import errno
import inspect
import os
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from stages.common import daemons
from stages.common.errors import UserError

GONE = (errno.ESTALE, errno.ETIMEDOUT, errno.ENOTCONN, errno.ENODEV, errno.EHOSTDOWN)
REMEDIES = {
    errno.ENOSPC: "free some space, or move the project to a larger disk",
    errno.EDQUOT: "free some space, or ask for a larger quota",
    errno.EROFS: "mount the disk for writing, or move the project",
    errno.EACCES: "give yourself the right to read and write there",
    errno.EPERM: "give yourself the right to read and write there",
    errno.ENOENT: "check the path, or let `dvc repro` make it by the stage before",
    errno.ENOTDIR: "check the path",
    errno.EMFILE: "raise `ulimit -n`",
    errno.ENFILE: "raise `sysctl fs.file-max`",
    errno.ENAMETOOLONG: "shorten the name of the file or of its folder",
    errno.EIO: "check the disk",
    errno.ENOMEM: "run with fewer workers, as in `SRSET_WORKERS=1 dvc repro`",
    **dict.fromkeys(GONE, "look at the disk or the network, mount it again, run `dvc repro`"),
}
PASSING = {*GONE, errno.EMFILE, errno.ENFILE, errno.ENOMEM}  # they say nothing of the file itself


def run(main: Callable[..., None]) -> None:
    """Run `main` with the arguments of the command line, and end the process with 1 on a fault.

    `main`'s parameters are the command line: each one annotated `str` or `Path` is an option of its
    name that must be given, as `--hr data/hr`, so that two paths are not swapped unseen. `params`,
    annotated with a model, is the section of params.yaml that is named like the stage; any other
    name that is annotated with one is the section of that name, and a `Recipe` has all of them.
    """
    stage = Path(inspect.getfile(main)).stem
    shell(stage, lambda: main(**_arguments(main, stage)))


def shell(stage: str, call: Callable[[], None], again: str = "dvc repro") -> None:
    """Call a function, and end the process with 1 on a fault; `again` is the command that goes on
    after Ctrl-C."""
    for stream in (sys.stdout, sys.stderr):  # a name that is not valid Unicode must not end a run
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    if "DVC_STAGE" in os.environ:
        threading.Thread(target=_end_with_parent, args=(os.getppid(),), daemon=True).start()
    try:
        call()
        sys.stdout.flush()
        if daemons.GIVEN_UP.is_set():
            _end_at_once(0)
    except UserError as error:
        _fail(stage, str(error))
    except OSError as error:
        if error.errno not in REMEDIES:
            raise
        _fail(stage, f"{error.filename or 'output'}: {error.strerror}: {REMEDIES[error.errno]}")
    except MemoryError:
        _fail(stage, "out of memory: run with fewer workers, as in `SRSET_WORKERS=1 dvc repro`")
    except BrokenProcessPool:
        _fail(
            stage,
            "a worker process was killed, most often for want of memory: run with fewer workers, "
            "as in `SRSET_WORKERS=1 dvc repro`",
        )
    except KeyboardInterrupt:
        print(f"error: {stage}: interrupted: run `{again}` to go on", file=sys.stderr, flush=True)
        _end_at_once(130)  # after a second Ctrl-C a thread may be in OpenVINO, which would abort


def _arguments(main: Callable[..., None], stage: str) -> dict[str, object]:
    # Here, since it brings pydantic, a quarter of a second that tools need not wait.
    from stages.common.params import Params, Recipe, load, read

    module = inspect.getmodule(main)
    parser = argparse.ArgumentParser(
        prog=f"python -m stages.{stage}",
        description=module.__doc__ if module else None,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    options, sections = {}, {}
    for name, parameter in inspect.signature(main).parameters.items():
        kind = parameter.annotation
        if isinstance(kind, type) and issubclass(kind, Params):
            sections[name] = kind
        else:
            options[name] = kind
    for name, kind in options.items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=kind, required=True)
    if sections:
        default = Path("params.yaml")
        parser.add_argument("--params", type=Path, default=default, metavar="FILE", dest="file")
    arguments = vars(parser.parse_args())
    file = arguments.pop("file", None)
    for name, model in sections.items():
        if model is Recipe:
            arguments[name] = Recipe(sections=read(file))
        else:
            arguments[name] = load(model, stage if name == "params" else name, file)
    return arguments


def _end_with_parent(parent: int) -> None:
    """End when DVC is killed: else this stage would write on beside that of the next run."""
    while os.getppid() == parent:
        time.sleep(0.2)
    os._exit(1)


def _fail(stage: str, message: str) -> NoReturn:
    print(f"error: {stage}: {message}", file=sys.stderr, flush=True)
    if daemons.GIVEN_UP.is_set():
        _end_at_once(1)
    sys.exit(1)


def _end_at_once(code: int) -> NoReturn:
    """End without waiting for threads, or for what libraries do at the end."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):  # of a pipe whose reader Ctrl-C has ended, too
            stream.flush()
    os._exit(code)
