"""Weights: one network from every layout, one clear line for every bad file, downloads that end."""

import dataclasses
import hashlib
import http.server
import os
import pickle
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import safetensors.torch
import torch
from torch import Tensor

from stages.common.errors import UserError
from stages.common.hyperiqa import models
from stages.common.hyperiqa.models import MODELS, Model, fetch
from stages.common.hyperiqa.network import HyperIQA
from stages.common.hyperiqa.weights import Weights, load, names_in

ROOT = Path(__file__).parents[1]
GOLDEN = [
    line.split()
    for line in (ROOT / "tests/data/hyperiqa_layouts.txt").read_text().splitlines()
    if not line.startswith("#")
]


def random_state(backbone: str) -> dict[str, Tensor]:
    """Weights as a training run might leave them: no BatchNorm without effect."""
    torch.manual_seed(7)
    network = HyperIQA(backbone)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.normal_(module.get_buffer("running_mean"), std=0.1)
            torch.nn.init.uniform_(module.get_buffer("running_var"), 0.5, 1.5)
            module.get_buffer("num_batches_tracked").fill_(3)
    return network.state_dict()


def scores(loaded: Weights) -> Tensor:
    """Of two fixed crops of noise, on the scale of all models."""
    crops = torch.randint(0, 256, (2, 224, 224, 3), generator=torch.Generator().manual_seed(1))
    found: Tensor = loaded.network(crops.to(torch.uint8))
    return found * loaded.scale


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """Threads that wait for each other take minutes where other programs use the cores too."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def resnet() -> dict[str, Tensor]:
    return random_state("resnet50")


@pytest.fixture(scope="module")
def layouts(resnet: dict[str, Tensor]) -> Iterator[Path]:
    """One random checkpoint in every layout that is met; a folder of 550 MB, gone afterwards."""
    ours = {pyiqa: ours for ours, pyiqa in names_in("pyiqa", resnet).items()}
    original = {name: resnet[ours[pyiqa]] for name, pyiqa, _ in GOLDEN}
    pyiqa = {pyiqa: resnet[ours[pyiqa]] for _, pyiqa, _ in GOLDEN}
    with TemporaryDirectory() as name:
        folder = Path(name)
        torch.save(original, folder / "original.pkl", _use_new_zipfile_serialization=False)
        torch.save({"params": pyiqa}, folder / "pyiqa.pth")
        torch.save({f"module.{k}": v for k, v in pyiqa.items()}, folder / "module.pth")
        old = {k: v for k, v in original.items() if not k.endswith("num_batches_tracked")}
        torch.save(old, folder / "old.pt")
        safetensors.torch.save_file(resnet, folder / "own.safetensors")
        yield folder


def test_the_table_of_names_is_the_listing_of_both_real_networks(
    resnet: dict[str, Tensor],
) -> None:
    original, pyiqa = names_in("original", resnet), names_in("pyiqa", resnet)
    shapes = {name: "x".join(map(str, tensor.shape)) or "-" for name, tensor in resnet.items()}
    assert sorted([original[k], pyiqa[k], shapes[k]] for k in resnet) == sorted(GOLDEN)
    assert names_in("own", resnet) == {name: name for name in resnet}


def test_every_layout_gives_the_same_network(layouts: Path, resnet: dict[str, Tensor]) -> None:
    loaded = {path.name: load(str(path), Path()) for path in layouts.iterdir()}
    for name, each in loaded.items():
        state = each.network.state_dict()
        assert all(
            torch.equal(state[key], resnet[key])
            for key in resnet
            if not (name == "old.pt" and key.endswith("num_batches_tracked"))
        )
        assert each.scale == (0.01 if name in {"original.pkl", "old.pt"} else 1)
        assert each.sha256 == hashlib.sha256((layouts / name).read_bytes()).hexdigest()
        assert not each.network.training
        assert {p.dtype for p in each.network.parameters()} == {torch.float32}
        assert not any(p.requires_grad for p in each.network.parameters())
    a, b = scores(loaded["original.pkl"]), scores(loaded["pyiqa.pth"])
    assert a.isfinite().all()
    assert a[0] != a[1]
    assert torch.equal(a, b * 0.01)


def test_a_small_model_and_half_precision(tmp_path: Path) -> None:
    state = random_state("efficientnet_lite0")
    halves = {k: v.half() if v.is_floating_point() else v for k, v in state.items()}
    safetensors.torch.save_file(state, tmp_path / "small.safetensors")
    torch.save(halves, tmp_path / "half.pt")
    small = load(str(tmp_path / "small.safetensors"), tmp_path)
    half = load(str(tmp_path / "half.pt"), tmp_path)
    assert small.scale == half.scale == 1
    for loaded, expected in ((small, state), (half, halves)):
        found = loaded.network.state_dict()
        assert all(torch.equal(found[name], expected[name].to(found[name].dtype)) for name in found)
    assert {p.dtype for p in half.network.parameters()} == {torch.float32}


# Checkpoints that are refused. Their tensors are views of one number: a whole one has a few kB.


def golden_state() -> dict[str, Any]:
    return {
        name: torch.zeros(()).expand([int(n) for n in shape.split("x")] if shape != "-" else [])
        for name, _, shape in GOLDEN
    }


def refused(state: object, path: Path) -> str:
    torch.save(state, path)
    return refusal(path)


def refusal(path: Path) -> str:
    with pytest.raises(UserError) as caught:
        load(str(path), path.parent)
    message = str(caught.value)
    assert message.startswith(str(path))
    assert "\n" not in message
    return message.removeprefix(str(path))


def test_the_checkpoint_of_views_is_itself_accepted(tmp_path: Path) -> None:
    torch.save(golden_state(), tmp_path / "zeros.pth")
    assert load(str(tmp_path / "zeros.pth"), tmp_path).scale == 0.01


def test_missing_and_unexpected_tensors_are_named_and_counted(tmp_path: Path) -> None:
    state = golden_state()
    for name in [name for name in state if name.startswith("fc")][:5]:
        del state[name]
    state["fc9.weight"] = torch.zeros(3)
    assert refused(state, tmp_path / "a.pth") == (
        " (original names): 5 tensors missing (fc1w_conv.weight, fc1w_conv.bias, fc2w_conv.weight "
        "and 2 more), 1 tensors unexpected (fc9.weight), expected the 355 of HyperIQA; get the "
        "checkpoint again, or save the whole state_dict"
    )


@pytest.mark.parametrize(
    ("tensor", "message"),
    [
        (
            torch.zeros(3, 14),
            "has shape (3, 14), expected (14,); this is a network of another size",
        ),
        (torch.zeros(14, dtype=torch.int8), "holds torch.int8, expected floating-point numbers"),
        (
            torch.zeros(14).to_sparse(),
            "is sparse or empty, expected a plain tensor; save it as one",
        ),
        (
            torch.full((14,), float("nan"), dtype=torch.float8_e4m3fn),
            "holds 14 of 14 values that are NaN or infinite, expected none; the training failed or "
            "the file is damaged: use another checkpoint",
        ),
        (
            torch.tensor([0.0] * 12 + [float("nan"), float("-inf")]),
            "holds 2 of 14 values that are NaN or infinite, expected none; the training failed or "
            "the file is damaged: use another checkpoint",
        ),
    ],
)
def test_a_tensor_that_does_not_fit_is_named(tmp_path: Path, tensor: Tensor, message: str) -> None:
    state = golden_state() | {"fc5w_fc.bias": tensor}
    assert refused(state, tmp_path / "a.pth") == f": fc5w_fc.bias {message}"


def test_other_checkpoints(tmp_path: Path) -> None:
    other = {f"features.{i}.weight": torch.zeros(1) for i in range(5)}
    begin = "res., base_model., backbone.stages., backbone.blocks."
    assert refused(other, tmp_path / "a.pth") == (
        ": not a checkpoint of HyperIQA: it holds features.0.weight, features.1.weight, "
        f"features.2.weight and 2 more, and none whose name begins with {begin}"
    )
    assert "it holds nothing, and" in refused({}, tmp_path / "b.pth")
    assert refused([torch.zeros(1)], tmp_path / "c.pth") == (
        ": holds a list, must hold tensors by name: a state_dict"
    )
    assert refused({"params": {"epoch": 3}}, tmp_path / "d.pth") == (
        ": `epoch` is a int, must be a tensor; save the network's state_dict alone, or under "
        "`params`"
    )


class Evil:
    """Runs a command when it is unpickled by a reader that lets it."""

    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        return os.system, ("touch harmed",)


def test_a_pickle_that_asks_for_code_is_refused_and_does_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert refused({"res.conv1.weight": Evil()}, tmp_path / "a.pth") == (
        ": refused: it asks for the Python object posix.system, and a checkpoint needs tensors "
        "alone; save the network's state_dict"
    )
    (tmp_path / "b.pkl").write_bytes(pickle.dumps(Evil(), protocol=2))
    assert "posix.system" in refusal(tmp_path / "b.pkl")
    assert "torch.nn.modules.linear.Linear" in refused(torch.nn.Linear(1, 1), tmp_path / "c.pth")
    assert not (tmp_path / "harmed").exists()


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
@pytest.mark.parametrize("name", ["a.pth", "a.pkl", "a.safetensors"])
@pytest.mark.parametrize(
    "content", [b"", b"hello", b"<!DOCTYPE html><html>", bytes(range(256)) * 9, b"\x80\x02\xff"]
)
def test_bytes_that_are_no_checkpoint(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    assert refusal(tmp_path / name).startswith(": can't be read (")


@pytest.mark.parametrize("new_format", [True, False])
@pytest.mark.parametrize("part", [0.1, 0.5, 0.99])
def test_a_checkpoint_cut_short(tmp_path: Path, new_format: bool, part: float) -> None:
    path = tmp_path / "a.pth"
    torch.save({"w": torch.ones(5000)}, path, _use_new_zipfile_serialization=new_format)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * part)])
    assert "it is damaged, cut short or something else" in refusal(path)


def test_damage_inside_a_checkpoint(tmp_path: Path) -> None:
    """PyTorch would read it: it does not look at the checksums that it wrote."""
    path = tmp_path / "a.pth"
    torch.save({"w": torch.ones(5000)}, path)
    content = bytearray(path.read_bytes())
    content[10_000:12_000] = bytes(2000)
    path.write_bytes(content)
    assert torch.load(path)["w"].sum() < 5000
    assert "has another checksum than was written with it" in refusal(path)


def test_a_missing_pinned_file_says_everything_that_is_needed_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        load("koniq10k", tmp_path)
    assert str(caught.value) == (
        f"{tmp_path}/koniq_pretrained.pkl: no such file; run `make weights MODEL=koniq10k`, or get "
        "koniq_pretrained.pkl (109,768,650 bytes, SHA-256 "
        "ff9277bcc68ecc10e77d88b6d0a32825ec3c85562095542734ec6212eaaf6d81) from "
        "https://huggingface.co/ByteDance/LatentSync-1.6/resolve/main/auxiliary/"
        "koniq_pretrained.pkl "
        f"and put it in {tmp_path}"
    )


def test_a_missing_builtin_file_is_restored_by_git(tmp_path: Path) -> None:
    restore = f"run `git checkout -- {tmp_path}/builtin.safetensors`: it is part of this repository"
    with pytest.raises(UserError, match=f"builtin.safetensors: no such file; {restore}"):
        load("builtin", tmp_path)
    content = (ROOT / "data/weights/builtin.safetensors").read_bytes()
    (tmp_path / "builtin.safetensors").write_bytes(content[:-1])
    with pytest.raises(UserError, match=f"cut short: 15,.* bytes; delete it, then {restore}"):
        load("builtin", tmp_path)
    (tmp_path / "builtin.safetensors").write_bytes(content[:-1] + b"x")
    with pytest.raises(UserError, match=f"another file: .*; delete it, then {restore}"):
        load("builtin", tmp_path)


def test_a_pinned_file_is_used_and_one_with_another_content_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.save(golden_state(), tmp_path / "a.pth")
    content = (tmp_path / "a.pth").read_bytes()
    size, sha256 = len(content), hashlib.sha256(content).hexdigest()
    pinned = Model(file="a.pth", licence="", sha256=sha256, size=size, urls=("http://x/a",))
    monkeypatch.setitem(MODELS, "toy", pinned)
    assert load("toy", tmp_path).sha256 == sha256
    another = dataclasses.replace(pinned, sha256="0" * 64, size=1_000_000)
    monkeypatch.setitem(MODELS, "toy", another)
    with pytest.raises(UserError) as caught:
        load("toy", tmp_path)
    assert str(caught.value).startswith(
        f"{tmp_path}/a.pth: cut short: {size:,} of 1,000,000 bytes; delete it, then run `make "
        "weights MODEL=toy`, or get a.pth"
    )
    (tmp_path / "a.pth").write_bytes(bytes(1_000_000))
    with pytest.raises(UserError, match="another file: 1,000,000 bytes with SHA-256 d29751f2649b"):
        load("toy", tmp_path)


def test_an_unknown_model_is_told_the_known_ones_and_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        load("koniq-10k", tmp_path)
    assert str(caught.value) == (
        "model: got `koniq-10k`; did you mean `koniq10k`? expected one of builtin, koniq10k, "
        "koniq10k-pyiqa, or the path of a checkpoint"
    )
    with pytest.raises(UserError, match="no such file; check the path, or use one of builtin"):
        load(str(tmp_path / "mine.pth"), tmp_path)


# Downloads, from a real server on this machine.

CONTENT = bytes(range(256)) * 4000
STOP = 300_000  # bytes after which the breaking routes hang up


class Server(http.server.ThreadingHTTPServer):
    """Serves CONTENT in the way that the path names, and notes every request."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.seen: list[tuple[str, str | None]] = []
        self.released = threading.Event()

    def url(self, way: str) -> str:
        return f"http://127.0.0.1:{self.server_port}/{way}"


class Handler(http.server.BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        way, span = self.path[1:], self.headers["Range"]
        self.server.seen.append((way, span))
        if way == "missing":
            self.send_error(404)
            return
        if way == "silent":
            self.server.released.wait(20)
            return
        if way == "moved":
            self.send_response(302)
            self.send_header("Location", "/good")
            self.end_headers()
            return
        content = {"wrong": CONTENT[::-1], "page": b"<html>sign in</html>"}.get(way, CONTENT)
        start = int(span.removeprefix("bytes=").removesuffix("-")) if span else 0
        if way in {"whole", "whole-breaking"}:
            start = 0
        if start >= len(content):
            self.send_error(416)
            return
        self.send_response(206 if span and way not in {"whole", "whole-breaking"} else 200)
        if way != "unannounced":
            self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        end = start + STOP if way in {"breaking", "whole-breaking"} else None
        self.wfile.write(content[start:end])

    def log_message(self, format: str, *args: object) -> None:
        """Keep quiet: the tests look at `Server.seen`."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.released.set()
        server.shutdown()
        thread.join()


def toy(*urls: str) -> Model:
    return Model(
        file="toy.pth",
        licence="free",
        sha256=hashlib.sha256(CONTENT).hexdigest(),
        size=len(CONTENT),
        urls=urls,
    )


@pytest.mark.parametrize("way", ["good", "moved", "whole", "unannounced"])
def test_download(server: Server, tmp_path: Path, way: str) -> None:
    path = fetch(toy(server.url(way)), tmp_path / "new")
    assert path == tmp_path / "new/toy.pth"
    assert path.read_bytes() == CONTENT
    assert list(path.parent.iterdir()) == [path]


def test_a_file_that_is_there_is_not_fetched_again(server: Server, tmp_path: Path) -> None:
    (tmp_path / "toy.pth").write_bytes(CONTENT)
    fetch(toy(server.url("good")), tmp_path)
    assert server.seen == []


def test_a_damaged_file_is_replaced(server: Server, tmp_path: Path) -> None:
    (tmp_path / "toy.pth").write_bytes(CONTENT[:-1])
    assert fetch(toy(server.url("good")), tmp_path).read_bytes() == CONTENT


def test_a_broken_connection_is_taken_up_where_it_ended(server: Server, tmp_path: Path) -> None:
    assert fetch(toy(server.url("breaking")), tmp_path).read_bytes() == CONTENT
    spans = [None, "bytes=300000-", "bytes=600000-", "bytes=900000-"]
    assert server.seen == [("breaking", span) for span in spans]


def test_a_later_run_goes_on_from_the_part(server: Server, tmp_path: Path) -> None:
    (tmp_path / "toy.pth.part").write_bytes(CONTENT[:1000])
    assert fetch(toy(server.url("good")), tmp_path).read_bytes() == CONTENT
    assert server.seen == [("good", "bytes=1000-")]


def test_a_complete_part_is_only_checked(server: Server, tmp_path: Path) -> None:
    (tmp_path / "toy.pth.part").write_bytes(CONTENT)
    assert fetch(toy(server.url("good")), tmp_path).read_bytes() == CONTENT
    assert server.seen == []


def test_a_server_that_ignores_ranges_starts_anew(server: Server, tmp_path: Path) -> None:
    (tmp_path / "toy.pth.part").write_bytes(b"?" * 1000)
    assert fetch(toy(server.url("whole")), tmp_path).read_bytes() == CONTENT


def test_a_server_that_never_gets_further_is_given_up(server: Server, tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        fetch(toy(server.url("whole-breaking")), tmp_path)
    assert (
        f"the connection ended (300,000 of 1,024,000 bytes here); run it again to go on from "
        f"{tmp_path}/toy.pth.part; or get toy.pth" in str(caught.value)
    )
    assert (tmp_path / "toy.pth.part").read_bytes() == CONTENT[:STOP]


def test_wrong_bytes_are_deleted_and_the_next_server_asked(server: Server, tmp_path: Path) -> None:
    model = toy(server.url("wrong"), server.url("missing"), server.url("good"))
    assert fetch(model, tmp_path).read_bytes() == CONTENT
    assert server.seen == [("wrong", None), ("missing", None), ("good", None)]


def test_wrong_bytes_alone_leave_nothing(server: Server, tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        fetch(toy(server.url("wrong")), tmp_path)
    wrong = hashlib.sha256(CONTENT[::-1]).hexdigest()
    right = hashlib.sha256(CONTENT).hexdigest()
    assert str(caught.value) == (
        f"{tmp_path}/toy.pth: could not be downloaded: {server.url('wrong')}: another file: "
        f"1,024,000 bytes with SHA-256 {wrong}, expected 1,024,000 bytes with {right}, so deleted "
        f"again; or get toy.pth (1,024,000 bytes, SHA-256 {right}) from {server.url('wrong')} and "
        f"put it in {tmp_path}"
    )
    assert list(tmp_path.iterdir()) == []


def test_a_page_instead_of_the_file_does_not_touch_the_part(server: Server, tmp_path: Path) -> None:
    (tmp_path / "toy.pth.part").write_bytes(CONTENT[:3])
    with pytest.raises(UserError, match="the server has another file, of 20 bytes"):
        fetch(toy(server.url("page")), tmp_path)
    assert (tmp_path / "toy.pth.part").read_bytes() == CONTENT[:3]


def test_a_server_that_says_nothing_is_given_up(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(models, "TIMEOUT", 0.2)
    with pytest.raises(UserError, match="timed out"):
        fetch(toy(server.url("silent")), tmp_path)


def test_offline(tmp_path: Path) -> None:
    with socket.socket() as closed:  # bound, but not listening
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/toy.pth"
        with pytest.raises(UserError) as caught:
            fetch(toy(url), tmp_path / "weights")
    assert str(caught.value).startswith(
        f"{tmp_path}/weights/toy.pth: could not be downloaded: {url}: <urlopen error [Errno 111] "
        "Connection refused> (0 of 1,024,000 bytes here); or get toy.pth"
    )


def test_every_pin_is_whole() -> None:
    for model in MODELS.values():
        assert all(url.startswith("https://") and url.endswith(model.file) for url in model.urls)
        assert len(bytes.fromhex(model.sha256)) == 32
        assert model.licence
