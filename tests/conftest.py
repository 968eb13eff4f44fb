"""What every test works with: small sample photographs, a score store of its own, no workers."""

import hashlib
import importlib
import inspect
import io
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import configuration, settings
from PIL import Image

from stages.common import daemons, listing
from stages.common.hyperiqa import backends, weights
from stages.common.hyperiqa.backends import Network
from stages.common.hyperiqa.checkpoints import Checkpoint
from stages.common.near import alike, embedder
from stages.common.params import Params
from stages.common.pixels import png
from stages.common.pixels.images import Pixels, decode, pixels_sha256
from stages.common.rows import Embedded, Item, Photograph

pytest_plugins = ["tests.browser"]
REPOSITORY = Path(__file__).parents[1]
SAMPLES = REPOSITORY / "data" / "samples"
SIDE = 600  # px, of the longer side of the photographs below

# Same examples at each run, and nothing written into the repository.
configuration.set_hypothesis_home_dir(tempfile.mkdtemp(prefix="hypothesis-"))
settings.register_profile("suite", derandomize=True, deadline=None, database=None, max_examples=60)
settings.load_profile("suite")

# A shell ignores Ctrl-C for what it starts in the background, and so would every process of a test.
signal.signal(signal.SIGINT, signal.default_int_handler)

Stage = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(autouse=True)
def surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads or writes the user's scores; all work in one process unless a test says so."""
    monkeypatch.setenv("SRSET_STORE", str(tmp_path / "store" / "scores.sqlite"))
    monkeypatch.setenv("SRSET_WORKERS", "0")
    for name in ("DVC_STAGE", "SRSET_ENGINE", "RAY_ADDRESS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(listing, "QUIET_SECONDS", 0.0)
    daemons.GIVEN_UP.clear()


@pytest.fixture(scope="session")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six of the sample photographs in two sections, `SIDE` px wide; read only."""
    folder = tmp_path_factory.mktemp("photographs")
    for name in ("bridge", "life", "picosdeeuropa"):
        save_small(SAMPLES / "landscape" / f"{name}.jpg", folder / "landscape" / f"{name}.jpg")
    for name in ("kleiber", "wine", "free"):
        save_small(SAMPLES / "objects" / f"{name}.jpg", folder / "objects" / f"{name}.jpg")
    return folder


@pytest.fixture(scope="session")
def sample_pixels(photographs: Path) -> list[Pixels]:
    """The photographs' pixels, (400..500, 600, 3)."""
    return [
        np.asarray(Image.open(path).convert("RGB")) for path in sorted(photographs.glob("*/*.jpg"))
    ]


@pytest.fixture(scope="session")
def builtin() -> weights.Weights:
    """The built-in scorer's weights."""
    return weights.load("builtin", REPOSITORY / "data" / "weights")


@pytest.fixture(scope="session")
def network(builtin: weights.Weights) -> Network:
    """The built-in scorer on this machine's CPU."""
    return backends.openvino_network(builtin.network)


@pytest.fixture(scope="session")
def compiled_embedder() -> embedder.Embedder:
    """What makes embeddings, on this machine's CPU."""
    return embedder.load(REPOSITORY / "data" / "weights")


@pytest.fixture
def compiled_once(
    builtin: weights.Weights, network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To read and compile the network takes seconds: give the one there is to all who ask."""

    def load(model: str, folder: Path) -> weights.Weights:
        assert (model, folder) == ("builtin", REPOSITORY / "data" / "weights")
        return builtin

    def network_on(device: str, precision: str, given: Checkpoint) -> Network:
        assert (device, precision, given.model) == ("cpu", "fp32", "builtin")
        return network

    monkeypatch.setattr(weights, "load", load)
    monkeypatch.setattr(backends, "network_on", network_on)


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """Mounts file systems of the given options at new folders, as root only."""
    mounted: list[Path] = []

    def mount(options: str) -> Path:
        folder = tmp_path / f"disk{len(mounted)}"
        folder.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
        try:
            subprocess.run(command, check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError) as error:
            pytest.skip(f"no right to mount a small disk: {error}")
        mounted.append(folder)
        return folder

    yield mount
    for folder in mounted:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.fixture
def loop_disk(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """Mounts new file systems of a kind, `btrfs` or `xfs`, each in a file of 400 MB; as root."""
    mounted: list[Path] = []

    def mount(kind: str) -> Path:
        image, folder = tmp_path / f"{kind}.image", tmp_path / kind
        folder.mkdir()
        with image.open("wb") as file:
            file.truncate(400 << 20)
        try:
            subprocess.run([f"mkfs.{kind}", "-q", image], check=True, capture_output=True)
            command = ["mount", "-o", "loop", image, folder]
            subprocess.run(command, check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError) as error:
            pytest.skip(f"no {kind} can be made and mounted here: {error}")
        mounted.append(folder)
        return folder

    yield mount
    for folder in mounted:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.fixture
def run_stage(tmp_path: Path) -> Stage:
    """Runs `python -m stages.<name>` as DVC does, in a folder of its own; takes the values of all
    options in the order of `main`."""

    def run(name: str, *arguments: object, **options: object) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", f"stages.{name}", *named(name, arguments)],
            **{"cwd": tmp_path, "env": environment(), "capture_output": True} | options,
            text=True,
        )

    return run


def named(stage: str, arguments: Sequence[object]) -> list[str]:
    """A stage's command line, of the values of all its options or of some flags."""
    if any(str(argument).startswith("-") for argument in arguments):
        return list(map(str, arguments))
    main = importlib.import_module(f"stages.{stage}").main
    parameters = inspect.signature(main).parameters.values()
    names = [p.name for p in parameters if not issubclass(p.annotation, Params)]
    pairs = zip(names, arguments, strict=True)
    return [text for name, a in pairs for text in (f"--{name.replace('_', '-')}", str(a))]


def environment(**more: str) -> dict[str, str]:
    """Of a process that finds the stages from any folder."""
    return os.environ | {"PYTHONPATH": str(REPOSITORY), "PYTHONDONTWRITEBYTECODE": "1"} | more


def save_small(source: Path, target: Path, side: int = SIDE) -> None:
    """Shrink a photograph to a longer side of `side` px, as JPEG quality 95."""
    image = Image.open(source).convert("RGB")
    image.thumbnail((side, side), Image.Resampling.LANCZOS)
    target.parent.mkdir(parents=True, exist_ok=True)
    image.save(target, quality=95, subsampling=0)


def item(folder: Path, path: str) -> Item:
    """The row of an image file."""
    content = (folder / path).read_bytes()
    pixels = decode(content)
    height, width, _ = pixels.shape
    return Item(path, hashlib.sha256(content).hexdigest(), width, height, pixels_sha256(pixels))


def sha256_of_png(pixels: Pixels) -> str:
    """Of the file that `png.write` writes."""
    return hashlib.sha256(png.encode(pixels)).hexdigest()


def unembedded(photographs: Iterable[Photograph]) -> list[Embedded]:
    """Embeddings that are far from each other, so that only hashes tell of likeness."""
    return [Embedded(row.path, row.sha256, alike.UNKNOWN) for row in photographs]


def noise(height: int, width: int, seed: int = 0) -> Pixels:
    """A picture of which no two are alike, not even for a difference hash."""
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def blobs(height: int, width: int, seed: int = 0) -> Pixels:
    """A picture of soft blobs: its difference hash survives scaling and compression."""
    small = np.random.default_rng(seed).integers(0, 256, (12, 12, 3), dtype=np.uint8)
    image = Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC)
    return np.asarray(image)


def encoded(picture: Image.Image | Pixels, kind: str, **options: object) -> bytes:
    """A picture as a file of Pillow's format `kind`."""
    image = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()
