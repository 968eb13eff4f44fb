"""Configurations of trainers that read a set as it is unpacked, with paths from its folder.

For each scale that the validation images have: low resolution made on the fly, and pairs, whose low
resolution `configs/downscale.py` makes.

Source: the options that each trainer's newest commit reads: BasicSR 8d56e3a, neosr 31c7022,
        traiNNer-redux 6862931.
"""

from collections.abc import Sequence
from pathlib import Path

import jinja2

from stages.common.rows import Lineage, Validation

TRAINERS = {"basicsr": "yml", "neosr": "toml", "trainner-redux": "yml"}
LR, HR = 64, 256  # px, sides of the pieces that are trained on, at most
TEMPLATES = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).with_name("templates")),
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)


def configurations(
    name: str, tiles: Sequence[Lineage], validation: Sequence[Validation], scales: Sequence[int]
) -> dict[str, str]:
    """Every configuration by its path below the set's folder.

    Args:
        name: of the set: ASCII letters, digits, `_` and `-`.
        scales: of the validation images; pairs are left out where a tile's side is no multiple.
    """
    sides = [side for row in tiles for side in (row.width, row.height)]
    found = {"configs/downscale.py": _render("configs/downscale.py.txt", name=name)}
    for trainer, suffix in TRAINERS.items():
        for scale in scales:
            for kind in ("otf", "paired"):
                if kind == "paired" and any(side % scale for side in sides):
                    continue
                lr = max(4, min(LR, HR // scale, min(sides) // scale) // 4 * 4)
                found[f"configs/{trainer}/{kind}_x{scale}.{suffix}"] = _render(
                    f"configs/{trainer}/{kind}.{suffix}",
                    name=name,
                    scale=scale,
                    lr=lr,
                    hr=lr * scale,
                    validation=bool(validation),
                )
    return found


def _render(template: str, **values: str | int) -> str:
    return TEMPLATES.get_template(template).render(values)
