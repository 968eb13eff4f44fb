"""What BasicSR's own datasets read by a configuration; run by tests/test_release_readers.py.

    python basicsr_reads.py CHECKOUT CONFIGURATION train|val

In the folder of a set. Prints the dataset's class, its length, and paths and shapes of its first
item as JSON. BasicSR's packages import every network and loss, so they are entered as bare modules;
torchvision, of which these datasets use one function, is a stand-in.
"""

import importlib
import json
import sys
import types
from pathlib import Path

import yaml

MODULES = {
    "RealESRGANDataset": "realesrgan_dataset",
    "PairedImageDataset": "paired_image_dataset",
}


def stand_in(name: str, **content: object) -> None:
    """Enter a module of that name."""
    module = types.ModuleType(name)
    vars(module).update(content)
    sys.modules[name] = module


def not_used(*_: object, **__: object) -> None:
    raise NotImplementedError


def main(checkout: Path, configuration: Path, phase: str) -> None:
    for name in ("basicsr", "basicsr.data"):
        stand_in(name, __path__=[str(checkout / name.replace(".", "/"))])
    for name in ("torchvision", "torchvision.transforms"):
        stand_in(name, __path__=[])
    stand_in("torchvision.utils", make_grid=not_used)
    functional = {"normalize": not_used, "rgb_to_grayscale": not_used}
    stand_in("torchvision.transforms.functional", **functional)
    stand_in("torchvision.transforms.functional_tensor", **functional)
    options = yaml.safe_load(configuration.read_text())
    data = options["datasets"][phase] | {"phase": phase, "scale": options["scale"]}
    module = importlib.import_module(f"basicsr.data.{MODULES[data['type']]}")
    dataset = getattr(module, data["type"])(data)
    first = dataset[0]
    found = {key: list(getattr(value, "shape", ())) or value for key, value in first.items()}
    print(json.dumps({"class": data["type"], "length": len(dataset)} | found))


main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
