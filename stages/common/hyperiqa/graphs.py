"""A network as a graph for OpenVINO: converted from PyTorch once, and kept beside the store.

To import PyTorch and to trace a network takes 1.5 s, to read a graph 0.02 s, and a run has four
stages with a network. A graph is compiled from its file's content, whether that was read or written
just now. It is never trusted beyond its checksum: a damaged one is made again.
"""

import contextlib
import hashlib
import io
import os
import sys
import warnings
import zipfile
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from stages.common import files, store

if TYPE_CHECKING:
    import openvino

# The most that are kept, the last used: a scorer's on both types of pixels, the embedding's, and
# those of one more scorer. One of the built-in scorer has 15 MB, one of ResNet-50 110 MB.
KEPT = 5
PARTS = ("graph.xml", "graph.bin", "scale")
PACKAGES = ("openvino", "torch")
CODE = (Path(__file__).parent, Path(__file__).parents[1] / "near")


class Graph(NamedTuple):
    """A network as OpenVINO takes it.

    Attributes:
        model: of one input, a batch of crops, and one output.
        scale: see `backends.Network`.
    """

    model: "openvino.Model"
    scale: float = 1.0


def kept(name: str, convert: Callable[[], Graph]) -> Graph:
    """The graph that is kept under a name; where none is, convert one and keep it.

    Args:
        name: all that it depends on, but for code and packages.
        convert: called at most once.
    """
    digest = hashlib.sha256("\n".join([name, *versions()]).encode()).hexdigest()
    path = folder() / f"{digest[:32]}.zip"
    with contextlib.suppress(OSError, zipfile.BadZipFile, KeyError):
        graph = opened(path.read_bytes())
        os.utime(path)  # the last used stay
        return graph
    content = packed(convert())
    with contextlib.suppress(OSError):  # a full disk, or none to write to: it is not needed
        path.parent.mkdir(parents=True, exist_ok=True)
        files.write(path, content)
        forget(path.parent)
    return opened(content)


def folder() -> Path:
    """Where graphs are kept: beside the store, `scores.networks` for `scores.sqlite`."""
    return store.default_path().with_suffix(".networks")


def versions() -> list[str]:
    """The packages and the code that make graphs. Any change of a file counts: it costs one
    conversion."""
    own = sorted(path for place in CODE for path in place.glob("*.py"))
    hashes = [f"{path.name} {files.sha256_of(path)}" for path in own]
    return [f"{package} {metadata.version(package)}" for package in PACKAGES] + hashes


def forget(where: Path) -> None:
    """Remove all graphs but the last used."""
    ages = []
    for path in where.glob("*.zip"):
        with contextlib.suppress(FileNotFoundError):  # another run does the same
            ages.append((path.stat().st_mtime_ns, path))
    for _, path in sorted(ages)[:-KEPT]:
        path.unlink(missing_ok=True)


def packed(graph: Graph) -> bytes:
    """A graph as a zip file, which has a checksum of each part."""
    with TemporaryDirectory(prefix="srset-graph-") as name:
        xml, weights = (Path(name, part) for part in PARTS[:2])
        library().serialize(graph.model, xml, weights)
        parts = (xml.read_bytes(), weights.read_bytes(), repr(graph.scale).encode())
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for part, content in zip(PARTS, parts, strict=True):
            archive.writestr(part, content)
    return buffer.getvalue()


def opened(content: bytes) -> Graph:
    """A graph of a zip file's content.

    Raises:
        zipfile.BadZipFile: where it is damaged.
        KeyError: where a part is missing.
    """
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        xml, weights, scale = map(archive.read, PARTS)
    return Graph(library().Core().read_model(model=xml, weights=weights), float(scale))


def converted(module: Any, shape: tuple[int, ...], dtype: str) -> "openvino.Model":
    """Convert a PyTorch module that takes pixels of this shape and type."""
    import torch

    openvino = library()
    with warnings.catch_warnings(), torch.no_grad(), _one_thread():
        # The tracer warns of conditions in the code; none depends on the pixels.
        warnings.simplefilter("ignore")
        example = torch.zeros(shape, dtype=getattr(torch, dtype))
        # Traced here, because the converter would trace twice, to check the first trace.
        trace: Any = torch.jit.trace
        traced = torch.jit.freeze(trace(module, example, check_trace=False))
        return openvino.convert_model(traced, input=[(shape, openvino.Type(np.dtype(dtype)))])


def library() -> Any:
    """OpenVINO, told not to report to anybody."""
    # Without this, it forks this process to report every conversion to Google Analytics.
    modules: dict[str, Any] = sys.modules
    modules.setdefault("openvino_telemetry", None)
    import openvino

    return openvino


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """Let PyTorch work in one thread: several, on four crops, mostly wait for each other, and burn
    three times the time."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
