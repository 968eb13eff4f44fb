"""Make the troubles that real folders have, from the sample photographs.

    python data/make_troubles.py            # writes data/samples/troubles and data/evaluation/demo

Recorded so that anyone can see what is wrong with each file; the files themselves are kept in git.
"""

import shutil
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter, PngImagePlugin

DATA = Path(__file__).parent
SAMPLES = DATA / "samples"
SIDE = 640


def part(name: str, left: float, top: float, width: int = SIDE, height: int = SIDE) -> Image.Image:
    """A piece of a sample photograph; `left` and `top` are shares of the room there is."""
    image = Image.open(SAMPLES / name).convert("RGB")
    x, y = int(left * (image.width - width)), int(top * (image.height - height))
    return image.crop((x, y, x + width, y + height))


def main() -> None:
    out = SAMPLES / "troubles"
    out.mkdir(exist_ok=True)

    # Worse than they need be
    part("landscape/aitzgorri.jpg", 0.2, 0.9).filter(ImageFilter.GaussianBlur(3)).save(
        out / "blurred.jpg", quality=95
    )
    pixels = np.asarray(part("landscape/bridge.jpg", 0.9, 0.5)).astype(np.float64)
    noise = np.random.default_rng(0).normal(0, 30, pixels.shape)
    Image.fromarray((pixels + noise).clip(0, 255).astype(np.uint8)).save(
        out / "noisy.jpg", quality=95
    )
    part("objects/friends.jpg", 0.5, 0.5).save(out / "over-compressed.jpg", quality=6)
    part("objects/wine.jpg", 0.5, 0.5).resize((160, 160), Image.Resampling.LANCZOS).resize(
        (SIDE, SIDE), Image.Resampling.BICUBIC
    ).save(out / "enlarged.jpg", quality=95)

    # Not to be used
    shutil.copyfile(SAMPLES / "objects/greentock.jpg", out / "copy of greentock.jpg")
    whole = (SAMPLES / "landscape/sunset.jpg").read_bytes()
    (out / "truncated.jpg").write_bytes(whole[: len(whole) // 3])
    (out / "notes.txt").write_text("Shot on a cloudy day; ask before publishing.\n")
    part("objects/kleiber.jpg", 0.5, 0.5, 400, 300).save(out / "thumbnail.jpg", quality=95)

    # Good photographs in odd files
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned a quarter clockwise
    part("landscape/life.jpg", 0.1, 0.5, 720, 600).save(out / "rotated.jpg", quality=95, exif=exif)
    grey = part("objects/analogpattern.jpg", 0.1, 0.1).convert("L")
    grey.save(out / "grey.png")
    deep = np.asarray(part("objects/picture-0b.jpg", 0.5, 0.9).convert("L")).astype(np.uint16) * 257
    Image.fromarray(deep).save(out / "sixteen-bit.png")
    palette = part("objects/free.jpg", 0.9, 0.1).quantize(200)
    palette.save(out / "palette.png", transparency=0)
    part("landscape/seeding.jpg", 0.1, 0.9).convert("CMYK").save(out / "cmyk.jpg", quality=95)
    part("landscape/picosdeeuropa.jpg", 0.0, 0.6).save(out / "twin.jpg", quality=95)
    text = PngImagePlugin.PngInfo()
    text.add_text("Comment", "another picture than twin.jpg")
    part("objects/kleiber.jpg", 0.0, 0.0).save(out / "twin.png", pnginfo=text)
    part("landscape/dragonfly.jpg", 0.1, 0.1).save(out / "with two  spaces.jpg", quality=95)
    part("objects/picture-1a.jpg", 0.9, 0.9).save(out / "Bärenhöhle – 山.jpg", quality=95)

    # A test image of somebody's evaluation set, which is also among the photographs: smaller, as
    # PNG
    demo = DATA / "evaluation" / "demo"
    demo.mkdir(parents=True, exist_ok=True)
    umang = Image.open(SAMPLES / "objects/umang.jpg")
    umang.resize((umang.width // 4, umang.height // 4), Image.Resampling.LANCZOS).save(
        demo / "portrait.png"
    )


if __name__ == "__main__":
    main()
