"""What the machines of a cluster must have in common, and how a worker on one of them settles in.

Two machines give the same bytes where they have the same packages and the same kind of processor,
and where both see the same files. Each machine is asked when a stage connects, and each worker
again before its first work, since machines may join later. It knows nothing of Ray (cluster.py).
"""

import functools
import itertools
import multiprocessing.spawn
import os
import platform
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from stages.common import fingerprints

PACKAGES = (  # whose versions pixels and scores depend on
    "pillow",
    "imagecodecs",
    "numpy",
    "openvino",
    "torch",
    "safetensors",
    "av",
    "pillow-heif",
)
# Of the CPU's instructions those by which libraries choose how they compute.
INSTRUCTIONS = ("sse4", "fma", "f16c", "avx", "amx", "asimd", "sve", "bf16", "i8mm")
GPUS = Path("/proc/driver/nvidia/gpus")
CPU = Path("/proc/cpuinfo")
BOOT = Path("/proc/sys/kernel/random/boot_id")
SOME = 64  # entries of a folder that are looked at
FOLDERS = 8  # that are looked into, below a folder whose own files are few
PROBES = 8  # entries that are told of it


class Machine(NamedTuple):
    """What pixels and scores may depend on, besides code and parameters."""

    packages: tuple[tuple[str, str], ...]  # names and versions; `absent` is one
    architecture: str  # x86_64
    instructions: frozenset[str]
    gpu: str  # the name of the first; empty where there is none


class Entry(NamedTuple):
    """Something below a folder, as all machines that share it see it."""

    name: str  # its path in there
    bytes: int  # -1 of a folder
    seconds: int  # when a file was last changed; 0 of a folder


class Seen(NamedTuple):
    """A folder, and a few entries below it: files, where there are any."""

    folder: str
    entries: tuple[Entry, ...]


class Surroundings(NamedTuple):
    """What a worker takes over from the process that gives it work."""

    folder: str  # the project's, in which it works
    main: tuple[tuple[str, str], ...]  # the program: as multiprocessing tells its own processes
    boot: str  # of the machine
    machine: Machine
    seen: tuple[Seen, ...]


def here() -> Surroundings:
    """This process's own."""
    folder = os.getcwd()  # noqa: PTH109, as it is, with its links
    folders = [folder, *(str(Path(folder, source)) for source in sources(Path("params.yaml")))]
    there = tuple(seen(folder) for folder in folders if Path(folder).is_dir())
    return Surroundings(folder, program(), boot(), machine(), there)


def machine() -> Machine:
    """This one."""
    packages = tuple((name, fingerprints.version_of(name)) for name in PACKAGES)
    return Machine(packages, platform.machine(), instructions(), gpu())


def instructions() -> frozenset[str]:
    """Sets of instructions that the CPU has, by Linux's names."""
    text = CPU.read_text(errors="replace") if CPU.is_file() else ""
    lines = [line for line in text.splitlines() if line.startswith(("flags", "Features"))]
    names = lines[0].partition(":")[2].split() if lines else []
    return frozenset(name for name in names if name.startswith(INSTRUCTIONS))


def gpu() -> str:
    """The name of the first NVIDIA GPU, as its driver tells it; empty where there is none."""
    for path in sorted(GPUS.glob("*/information")):
        for line in path.read_text(errors="replace").splitlines():
            if line.startswith("Model:"):
                return line.partition(":")[2].strip()
    return ""


def boot() -> str:
    """What two processes have in common exactly where they run on one machine."""
    return BOOT.read_text().strip() if BOOT.is_file() else platform.node()


def sources(params: Path) -> Iterator[str]:
    """The folders of photographs that a parameter file names; none where there is no such file, or
    where they are no folders but addresses."""
    try:
        gather = yaml.safe_load(params.read_bytes())["gather"]
        named = [gather["source"], *dict(gather["more"]).values()]
    except (OSError, ValueError, KeyError, TypeError, yaml.YAMLError):
        return  # a stage that needs them tells what is wrong
    yield from (name for name in map(str, named) if "://" not in name)


def seen(folder: str) -> Seen:
    """A folder as this process sees it; without entries where it is none. Folders of the same names
    tell little: another source may have them, too."""
    files: list[str] = []
    folders = [""]
    for at in itertools.islice(folders, FOLDERS):  # which grows meanwhile
        with suppress(OSError), os.scandir(Path(folder, at)) as found:
            for entry in itertools.islice(found, SOME):
                (folders if entry.is_dir() else files).append(str(Path(at, entry.name)))
        if len(files) >= PROBES:
            break
    entries = [there for name in files or folders[1:] if (there := entry_of(folder, name))]
    return Seen(folder, tuple(sorted(entries)[:PROBES]))


@contextmanager
def marked(around: Surroundings) -> Iterator[Surroundings]:
    """With a file in the project's folder that is there for this moment, so that no copy of the
    folder has it, not even one with the same times."""
    folder = Path(around.folder)
    place = folder / ".dvc" / "tmp"  # which neither git nor DVC looks at
    with ExitStack() as stack:
        try:
            where = place if place.is_dir() else folder
            file = stack.enter_context(tempfile.NamedTemporaryFile(dir=where, prefix=".seen-"))
        except OSError:  # a folder to read only
            yield around
            return
        entry = entry_of(around.folder, str(Path(file.name).relative_to(folder)))
        mark = Seen(around.folder, (entry,) if entry else ())
        yield around._replace(seen=(*around.seen, mark))


def entry_of(folder: str, name: str) -> Entry | None:
    """What is called so in a folder; None where nothing is."""
    path = Path(folder, name)
    try:
        status = path.stat()
    except OSError:
        return None
    return (
        Entry(name, -1, 0) if path.is_dir() else Entry(name, status.st_size, int(status.st_mtime))
    )


def program() -> tuple[tuple[str, str], ...]:
    """How another process finds the program that runs here, so that what is defined in it can
    travel by its name."""
    data: dict[str, Any] = multiprocessing.spawn.get_preparation_data("")
    names = ("init_main_from_name", "init_main_from_path")
    return tuple((name, str(data[name])) for name in names if name in data)


def differences(theirs: Surroundings) -> list[str]:
    """In what this machine differs from that of `theirs`, each in a few words."""
    own, other = machine(), theirs.machine
    found = [
        f"{name} {version}, here {here_}"
        for (name, here_), (_, version) in zip(other.packages, own.packages, strict=True)
        if here_ != version
    ]
    if own.architecture != other.architecture:
        found.append(f"a CPU of {own.architecture}, here {other.architecture}")
    elif own.instructions != other.instructions:
        less, more = other.instructions - own.instructions, own.instructions - other.instructions
        parts = [("without", less), ("with", more)]
        found.append(f"a CPU {' and '.join(f'{w} {_list(s)}' for w, s in parts if s)}")
    if own.gpu and other.gpu and own.gpu != other.gpu:  # one without gets no work for it
        found.append(f"a GPU {own.gpu}, here {other.gpu}")
    unseen = [f"does not see {it.folder}" for it in theirs.seen if not is_seen(it)]
    return found + list(dict.fromkeys(unseen))


def is_seen(there: Seen) -> bool:
    """Whether this machine sees a folder. One of its entries suffices: others may be changed, or
    go, while a stage runs."""
    if not Path(there.folder).is_dir():
        return False
    found = (entry_of(there.folder, entry.name) == entry for entry in there.entries)
    return not there.entries or any(found)


@functools.lru_cache(maxsize=1)
def settle(theirs: Surroundings) -> tuple[str, ...]:
    """Make this process a worker of another one's; it gives what keeps it from being one."""
    found = differences(theirs)
    if found:
        return tuple(found)
    os.chdir(theirs.folder)
    if boot() != theirs.boot:  # stores are the driver's alone (store.py)
        os.environ["SRSET_ELSEWHERE"] = "1"
    multiprocessing.spawn.prepare(dict(theirs.main))
    return ()


def _list(names: frozenset[str]) -> str:
    return ", ".join(sorted(names))
