"""Where the network runs: OpenVINO or PyTorch on the CPU, PyTorch on a CUDA GPU.

| device | precision | what runs |
|---|---|---|
| cpu | fp32 | OpenVINO in several streams, with a backbone rewritten for CPUs (`cpu.py`) |
| cpu | bf16 | OpenVINO in bfloat16, fast where the CPU has instructions for it |
| cuda | fp32 | PyTorch, without TF32 |
| cuda | fp16, bf16 | PyTorch, backbone in half precision, the small rest in float32 |

The scores of cpu with fp32 count as exact. Every other combination is compared with them before it
is used, and watched while it runs (`trust.py`).

On CUDA a batch is one recorded graph that is replayed with new pixels, since it would take long to
start its many small kernels one by one:
https://pytorch.org/blog/accelerating-pytorch-with-cuda-graphs/
"""

import ctypes
import queue
import threading
from collections.abc import Callable
from functools import partial
from importlib import metadata
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from stages.common import workers
from stages.common.errors import UserError
from stages.common.hyperiqa import graphs
from stages.common.hyperiqa.checkpoints import Checkpoint
from stages.common.hyperiqa.crops import CROP
from stages.common.hyperiqa.graphs import Graph

EXACT = ("cpu", "fp32")  # the device and precision that all others are compared with
PRECISIONS = {"cpu": ("fp32", "bf16"), "cuda": ("fp16", "fp32", "bf16")}  # the first for `auto`
# Crops at once: few on a CPU, whose caches then hold the maps; many on a GPU, to keep it busy.
BATCH = {"cpu": 4, "cuda": 1024}
CPU_SHAPE = (BATCH["cpu"], CROP, CROP, 3)
CUDA_CROP_BYTES = 32 << 20  # of a GPU's memory for each crop of a batch; two networks need 24 MiB
CUDA_THREADS = 2  # one copies pixels to the GPU while the GPU works on the other's
RECORDING = threading.Lock()  # PyTorch can record only one CUDA graph at a time
OPENVINO_TYPES = {"fp32": "f32", "bf16": "bf16"}


class Network(NamedTuple):
    """Something that scores batches of crops.

    Attributes:
        run: (batch, 224, 224, 3), RGB in 0..255, uint8 or float32, to (batch,) float32. Each crop's
            score depends on this crop alone.
        batch: crops it takes at once.
        threads: how many threads may call it at once.
        precision: `fp32`, `fp16` or `bf16`.
        scale: what its scores are multiplied by to lie on about 0..1.
    """

    run: Callable[[NDArray[Any]], NDArray[np.float32]]
    batch: int
    threads: int
    precision: str
    scale: float = 1.0


def resolve(device: str, precision: str) -> tuple[str, str]:
    """Replace `auto` by what this machine has, and refuse what it can't do.

    Raises:
        UserError: for `cuda` without a usable GPU, or a precision that the device lacks.
    """
    if device == "auto" and not _has_driver():
        device = "cpu"
    if device != "cpu":
        import torch  # slow to import, and not needed to read scores that are known

        if torch.cuda.is_available():
            device = "cuda"
        elif device == "cuda":
            build = torch.version.cuda or "none, this is the CPU build of PyTorch"
            raise UserError(
                f"score.device: cuda, but PyTorch {torch.__version__} finds no GPU (its CUDA: "
                f"{build}): set it to auto or cpu, or install a CUDA build and a driver"
            )
        else:
            device = "cpu"
    if precision == "auto":
        precision = PRECISIONS[device][0]
    if precision not in PRECISIONS[device]:
        raise UserError(
            f"score.precision: {precision} is not for {device}: use one of "
            f"{', '.join(PRECISIONS[device])}, or auto"
        )
    return device, precision


def engine(device: str) -> str:
    """The package that computes on a device, and its version: another may round another way."""
    package = "openvino" if device == "cpu" else "torch"
    return f"{package} {metadata.version(package).partition('+')[0]}"  # less the build, as cu128


def _has_driver() -> bool:
    """Whether the library of NVIDIA's driver is there, without which PyTorch finds no GPU."""
    try:
        ctypes.CDLL("libcuda.so.1")
    except OSError:
        return False
    return True


def network_on(device: str, precision: str, checkpoint: Checkpoint) -> Network:
    """Compile a checkpoint's network for a device and precision as `resolve` gives them.

    Raises:
        UserError: where the file can't be read, or is another one by now.
    """
    if device == "cpu":
        return kept_network(checkpoint, precision)
    weights = checkpoint.load()
    return cuda_network(weights.network, precision)._replace(scale=weights.scale)


def kept_network(checkpoint: Checkpoint, precision: str) -> Network:
    """A checkpoint's network on the CPU, without PyTorch where its graph is kept."""
    name = f"scorer {checkpoint.model} {checkpoint.sha256} {precision}"

    def graph(dtype: str) -> Graph:
        return graphs.kept(f"{name} {dtype}", partial(convert, dtype))

    def convert(dtype: str) -> Graph:
        weights = checkpoint.load()
        module = for_cpu(weights.network, precision)
        return Graph(graphs.converted(module, CPU_SHAPE, dtype), weights.scale)

    return openvino_compiled(graph, precision)


def openvino_network(network: Any, precision: str = "fp32") -> Network:
    """Compile a scorer for the CPU."""
    module = for_cpu(network, precision)

    def graph(dtype: str) -> Graph:
        return Graph(graphs.converted(module, CPU_SHAPE, dtype))

    return openvino_compiled(graph, precision)


def for_cpu(network: Any, precision: str) -> Any:
    """A scorer as the CPU is to compute it."""
    from stages.common.hyperiqa.cpu import CpuBackbone
    from stages.common.hyperiqa.network import fold

    folded = fold(network)
    if precision == "fp32":  # bfloat16 has too few digits for Winograd's sums
        folded.backbone = CpuBackbone(folded.backbone)
    return folded


def openvino_compiled(graph: Callable[[str], Graph], precision: str = "fp32") -> Network:
    """Compile a graph of crops for the CPU: a few streams, each called by a thread of its own.

    Args:
        graph: gives that which takes pixels of a type, `uint8` or `float32`, of `CPU_SHAPE`.
    """
    config = {
        "PERFORMANCE_HINT": "THROUGHPUT",
        "ENABLE_CPU_PINNING": False,  # the decoders want the same cores
        "INFERENCE_PRECISION_HINT": OPENVINO_TYPES[precision],
    }
    if cores := workers.cores():  # others work on the rest of this machine
        config["INFERENCE_NUM_THREADS"] = cores

    def requests(model: Any, dtype: str) -> "queue.SimpleQueue[Any]":
        compiled = graphs.library().Core().compile_model(model, "CPU", config)
        free: queue.SimpleQueue[Any] = queue.SimpleQueue()
        for _ in range(compiled.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS")):
            free.put(compiled.create_infer_request())
        # At its first run OpenVINO sets up tables of Python's types, and two threads at once would
        # wait for each other for ever: one for the GIL, the other for what the first sets up.
        request = free.get()
        request.infer({0: np.zeros(CPU_SHAPE, dtype)})
        free.put(request)
        return free

    first = graph("uint8")
    free = {"uint8": requests(first.model, "uint8")}
    threads = free["uint8"].qsize()
    lock = threading.Lock()

    def run(pixels: NDArray[Any]) -> NDArray[np.float32]:
        name = pixels.dtype.name
        with lock:
            if name not in free:
                free[name] = requests(graph(name).model, name)
        request = free[name].get()
        try:
            return request.infer({0: pixels})[0].copy()
        finally:
            free[name].put(request)

    return Network(run, BATCH["cpu"], threads, precision, first.scale)


def cuda_network(network: Any, precision: str) -> Network:
    """Compile for the GPU: while it works on a batch, the next is copied into its memory.

    PyTorch may raise any exception, here and with each batch; `trust.guarded` makes a
    `NetworkError` of it.
    """
    import torch

    from stages.common.hyperiqa.network import fold

    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.benchmark = False  # the same kernels, and so the same scores, each run
    torch.backends.cudnn.deterministic = True
    dtype = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}[precision]
    graphs: dict[str, tuple[Any, Any, Any, queue.SimpleQueue[Any]]] = {}
    lock = threading.Lock()

    def recorded(kind: str) -> tuple[Any, Any, Any, "queue.SimpleQueue[Any]"]:
        crops = {"size": (batch, CROP, CROP, 3), "dtype": getattr(torch, kind)}
        graph_input = torch.zeros(**crops, device="cuda")
        free: queue.SimpleQueue[Any] = queue.SimpleQueue()
        for _ in range(CUDA_THREADS):
            free.put((torch.zeros(**crops, pin_memory=True), torch.zeros(**crops, device="cuda")))
        graph = torch.cuda.CUDAGraph()
        with RECORDING:
            side = torch.cuda.Stream()
            side.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(side):  # a graph can be recorded only after a few runs
                for _ in range(3):
                    folded(graph_input)
            torch.cuda.current_stream().wait_stream(side)
            # Recording first waits for all work above: `copying` must not start before its end.
            # `thread_local`: another thread may copy another network's weights meanwhile.
            with torch.cuda.graph(graph, pool=pool, capture_error_mode="thread_local"):
                scores = folded(graph_input)
        return graph, graph_input, scores, free

    def run(pixels: NDArray[Any]) -> NDArray[np.float32]:
        name = pixels.dtype.name
        with torch.inference_mode():
            with lock:
                if name not in graphs:
                    graphs[name] = recorded(name)
            graph, graph_input, scores, free = graphs[name]
            pinned, on_gpu = free.get()
            try:
                pinned.copy_(torch.from_numpy(pixels))
                with torch.cuda.stream(copying):  # while the other thread's graph runs
                    on_gpu.copy_(pinned, non_blocking=True)
                copying.synchronize()
                with lock:
                    graph_input.copy_(on_gpu)
                    graph.replay()
                    result: NDArray[np.float32] = scores.cpu().numpy()  # waits for the GPU
            finally:
                free.put((pinned, on_gpu))
        return result

    with torch.inference_mode():
        memory = torch.cuda.get_device_properties("cuda").total_memory
        batch = min(BATCH["cuda"], 1 << (memory // CUDA_CROP_BYTES).bit_length() - 1)
        copying = torch.cuda.Stream()
        pool = torch.cuda.graph_pool_handle()  # its graphs share memory, since no two run at once
        folded: Any = fold(network)
        folded.backbone.to(dtype)  # the heads, 2% of the work, stay in float32
        folded.to("cuda", memory_format=torch.channels_last)
        graphs["uint8"] = recorded("uint8")
    return Network(run, batch, CUDA_THREADS, precision)
