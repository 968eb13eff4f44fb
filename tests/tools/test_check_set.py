"""Check a set: a good one has no fault, and of each of many planted faults just that is told."""

import dataclasses
import hashlib
import json
import math
import os
import subprocess
import sys
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from stages.common import tables
from stages.common.errors import UserError
from stages.common.pixels import images, png
from stages.common.pixels.images import Pixels
from stages.common.rows import Lineage
from stages.common.sets.faults import Fault, first_of_each, line
from stages.tools import check_set
from tests.conftest import blobs, encoded, environment, noise

SIDE, TILES = 64, 8
PHOTOGRAPH = hashlib.sha256(b"of validation").hexdigest()
HR = f"hr/v-{PHOTOGRAPH[:8]}.png"
LISTS = ("SHA256SUMS", "hyperiqa_score.txt", "lineage.csv", "meta_info.txt", "metadata.jsonl")
Edit = Callable[[str], str]


def box(pixels: Pixels, scale: int) -> Pixels:
    height, width, _ = pixels.shape
    return images.resize(pixels, width // scale, height // scale, Image.Resampling.BOX)


def validation_files(hr: Pixels) -> dict[str, bytes]:
    """A validation photograph and its small ones, by path."""
    sizes = {"hr": hr, "x2": box(hr, 2), "x4": box(hr, 4)}
    return {HR.replace("hr", name): png.encode(pixels) for name, pixels in sizes.items()}


@dataclass
class Made:
    """A set to be written, as this project makes it; `edits` change a list before its hash is
    taken, `late` changes the folder after that."""

    tiles: dict[str, bytes]
    validation: dict[str, bytes]
    benchmark: bytes
    photographs: dict[str, str] = field(default_factory=dict)  # SHA-256 of some tiles' photographs
    edits: dict[str, Edit] = field(default_factory=dict)
    late: Callable[[Path], None] | None = None

    def rows(self) -> list[Lineage]:
        found = []
        for number, (name, content) in enumerate(self.tiles.items()):
            sha256 = hashlib.sha256(content).hexdigest()
            of = self.photographs.get(name, hashlib.sha256(os.fsencode(name)).hexdigest())
            score = round(0.9 - number / 100, 6)
            box = ("1", 0, 0, SIDE, SIDE)
            found.append(Lineage(name, sha256, score, "t.png", *box, "faces", "p.jpg", of))
        return found

    def lists(self) -> dict[str, str]:
        rows = self.rows()
        mean = math.fsum(row.hyperiqa for row in rows) / len(rows)
        metadata = [
            json.dumps({"file_name": f"set/{r.name}", "hyperiqa": r.hyperiqa}) for r in rows
        ]
        named: dict[str, dict[str, str]] = {}
        for path in self.validation:
            row = named.setdefault(path[3:], {"photograph_sha256": ""})
            row |= {f"{path[:2]}_file_name": path}
            if path[3:] == HR[3:]:
                row["photograph_sha256"] = PHOTOGRAPH
        return {
            "hyperiqa_score.txt": "".join(f"{r.name}\t{r.hyperiqa:.6f}\n" for r in rows)
            + f"Average hyperiqa score of set with {len(rows)} images is: {mean:.6f}\n",
            "meta_info.txt": "".join(f"{r.name} ({SIDE},{SIDE},3)\n" for r in rows),
            "metadata.jsonl": "".join(f"{row}\n" for row in metadata),
            "validation/metadata.jsonl": "".join(f"{json.dumps(row)}\n" for row in named.values()),
            "README.md": "# A set\n",
        }

    def write(self, folder: Path) -> None:
        files = {f"set/{name}": content for name, content in self.tiles.items()}
        files |= {f"validation/{path}": content for path, content in self.validation.items()}
        for path, content in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(content)
        tables.write(folder / "lineage.csv", Lineage, self.rows())
        for name, text in self.lists().items():
            (folder / name).write_text(text, errors="surrogateescape")
        for name, edit in self.edits.items():
            if name != "SHA256SUMS":
                change(folder / name, edit)
        paths = sorted(p for p in folder.rglob("*") if p.is_file())
        lines = [
            f"{hashlib.sha256(p.read_bytes()).hexdigest()}  {p.relative_to(folder)}\n"
            for p in paths
        ]
        sums = self.edits.get("SHA256SUMS", lambda text: text)("".join(lines))
        (folder / "SHA256SUMS").write_text(sums, errors="surrogateescape")
        evaluation = folder.with_name("evaluation") / "b.png"
        evaluation.parent.mkdir()
        evaluation.write_bytes(self.benchmark)
        if self.late:
            self.late(folder)

    def with_tile(self, name: str, content: bytes, old: str | None = None) -> "Made":
        """One tile replaced, or renamed from `old`."""
        old = old or name
        tiles = {name if n == old else n: content if n == old else c for n, c in self.tiles.items()}
        return dataclasses.replace(self, tiles=tiles)


def change(path: Path, edit: Edit) -> None:
    path.write_text(edit(path.read_text(errors="surrogateescape")), errors="surrogateescape")


def good() -> Made:
    tiles = {f"{i}.png": png.encode(noise(SIDE, SIDE, i)) for i in range(TILES)}
    hr, benchmark = noise(96, 128, 50), blobs(200, 260, 60)
    return Made(tiles, validation_files(hr), png.encode(benchmark))


def check(folder: Path) -> list[Fault]:
    return check_set.check(folder, None, folder.with_name("evaluation")).faults


def test_a_good_set_has_no_fault(tmp_path: Path) -> None:
    good().write(tmp_path / "a")
    done = check_set.check(tmp_path / "a", None, tmp_path / "evaluation")
    counts = (done.images, done.validation, done.benchmark, done.lists, done.notes)
    assert done.faults == []
    assert counts == (TILES, 3, 1, list(LISTS), [])


def replaced(old: str, new: str) -> Edit:
    def edit(text: str) -> str:
        assert text.count(old) == 1
        return text.replace(old, new)

    return edit


def without(part: str) -> Edit:
    """Without the one line that has this part."""

    def edit(text: str) -> str:
        left = [row for row in text.splitlines(keepends=True) if part not in row]
        assert len(left) == len(text.splitlines()) - 1
        return "".join(left)

    return edit


def edited(name: str, edit: Edit) -> Made:
    return dataclasses.replace(good(), edits={name: edit})


def later(late: Callable[[Path], object]) -> Made:
    return dataclasses.replace(good(), late=late)


def tile(content: bytes, name: str = "3.png", old: str | None = None) -> Made:
    return good().with_tile(name, content, old)


def validating(change: Callable[[dict[str, bytes]], None]) -> Made:
    """With other validation files, which its metadata names."""
    made = good()
    change(made.validation)
    return made


def png_with(content: bytes, name: bytes, body: bytes) -> bytes:
    """A PNG with one more chunk after its header."""
    checksum = zlib.crc32(name + body).to_bytes(4, "big")
    return content[:33] + len(body).to_bytes(4, "big") + name + body + checksum + content[33:]


def as_png(image: Image.Image, **options: object) -> bytes:
    return encoded(image, "PNG", **options)


def deep() -> bytes:
    """A PNG with 16 bits a channel."""
    rows = b"".join(b"\0" + noise(1, SIDE * 2, row).tobytes() for row in range(SIDE))
    header = SIDE.to_bytes(4, "big") * 2 + b"\x10\x02\0\0\0"
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return images.PNG_SIGNATURE + b"".join(
        len(body).to_bytes(4, "big") + name + body + zlib.crc32(name + body).to_bytes(4, "big")
        for name, body in chunks
    )


def sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


ONE = good().tiles["3.png"]
PICTURE = Image.fromarray(noise(SIDE, SIDE, 3))
OTHER = png.encode(noise(SIDE, SIDE, 99))
VALIDATION = noise(96, 128, 50)
BENCHMARK = blobs(200, 260, 60)
RAW = os.fsdecode(b"caf\xe9.png")
EXIF = Image.Exif()
EXIF[0x0112] = 6
SECOND = {path[:2]: content for path, content in validation_files(noise(96, 128, 51)).items()}
TWO = [Image.fromarray(noise(SIDE, SIDE, 8))]

PLANTED: dict[str, tuple[Made, Fault]] = {
    "a tile is gone": (
        later(lambda f: (f / "set/3.png").unlink()),
        Fault("set/3.png", "missing", "no file", f"one, named in {', '.join(LISTS)}"),
    ),
    "a tile that no list names": (
        later(lambda f: (f / "set/9.png").write_bytes(OTHER)),
        Fault("set/9.png", "extra", "an image that no list names", "only listed ones"),
    ),
    "a file of Windows among tiles": (
        later(lambda f: (f / "set/Thumbs.db").touch()),
        Fault("set/Thumbs.db", "extra", "a file that is no image", "images alone in this folder"),
    ),
    "a file beside the lists": (
        later(lambda f: (f / "notes.txt").touch()),
        Fault("notes.txt", "extra", "a file that SHA256SUMS does not name", "only named ones"),
    ),
    "a line of meta_info is gone": (
        edited("meta_info.txt", without("2.png")),
        Fault("set/2.png", "unlisted", "no line", "one in meta_info.txt"),
    ),
    "a line of the scores is gone": (
        edited(
            "hyperiqa_score.txt",
            lambda t: without("7.png")(t).replace("th 8", "th 7").replace("0.865000", "0.87"),
        ),
        Fault("set/7.png", "unlisted", "no line", "one in hyperiqa_score.txt"),
    ),
    "the last row of the lineage is gone": (
        edited("lineage.csv", without("7.png")),
        Fault("set/7.png", "unlisted", "no line", "one in lineage.csv"),
    ),
    "a row of the metadata is gone": (
        edited("metadata.jsonl", without("0.png")),
        Fault("set/0.png", "unlisted", "no line", "one in metadata.jsonl"),
    ),
    "a tile has no sum": (
        edited("SHA256SUMS", without("set/5.png")),
        Fault("set/5.png", "unlisted", "no line", "one in SHA256SUMS"),
    ),
    "a list has no sum": (
        edited("SHA256SUMS", without("lineage.csv")),
        Fault("lineage.csv", "extra", "a file that SHA256SUMS does not name", "only named ones"),
    ),
    "a validation image has no sum": (
        edited("SHA256SUMS", without("validation/x4")),
        Fault(
            f"validation/{HR.replace('hr', 'x4')}",
            "extra",
            "a file that SHA256SUMS does not name",
            "only named ones",
        ),
    ),
    "meta_info has another size": (
        edited("meta_info.txt", replaced("4.png (64,64,3)", "4.png (64,63,3)")),
        Fault("meta_info.txt", "size of 4.png", "(64,63,3)", "(64,64,3), as the image has"),
    ),
    "meta_info has other channels": (
        edited("meta_info.txt", replaced("4.png (64,64,3)", "4.png (64,64,4)")),
        Fault("meta_info.txt", "size of 4.png", "(64,64,4)", "(64,64,3), as the image has"),
    ),
    "a line of meta_info without a size": (
        edited("meta_info.txt", lambda t: t + "8.png\n"),
        Fault("meta_info.txt", "line 9", "`8.png`", "`name (height,width,channels)`"),
    ),
    "meta_info has a line twice": (
        edited("meta_info.txt", lambda t: t + "1.png (64,64,3)\n"),
        Fault("meta_info.txt", "1.png twice", "two lines", "one line an image"),
    ),
    "plain names, one of them missing": (
        edited("meta_info.txt", lambda t: without("6.png")(t).replace(" (64,64,3)", "")),
        Fault("set/6.png", "unlisted", "no line", "one in meta_info.txt"),
    ),
    "plain paths, one line empty": (
        edited(
            "meta_info.txt",
            lambda t: "".join(f"set/{x.split()[0]}\n" for x in t.splitlines()) + "\n",
        ),
        Fault("meta_info.txt", "line 9", "``", "the name of an image"),
    ),
    "a score differs, and the average with it": (
        edited(
            "hyperiqa_score.txt",
            lambda t: t.replace("0.png\t0.900000", "0.png\t0.980000").replace("0.865", "0.875"),
        ),
        Fault("hyperiqa_score.txt", "score of 0.png", "0.980000", "0.900000 as in lineage.csv"),
    ),
    "a score that is no number": (
        edited("hyperiqa_score.txt", lambda t: "8.png\tnan\n" + t),
        Fault("hyperiqa_score.txt", "line 1", "`8.png\tnan`", "`name<TAB>score`"),
    ),
    "a wrong average": (
        edited("hyperiqa_score.txt", replaced("0.865000", "0.865100")),
        Fault("hyperiqa_score.txt", "last line", "the average 0.865100", "0.865000"),
    ),
    "a wrong number of scores": (
        edited("hyperiqa_score.txt", replaced("with 8 images", "with 9 images")),
        Fault("hyperiqa_score.txt", "last line", "9 images", "8, as lines above"),
    ),
    "a score of the metadata differs": (
        edited("metadata.jsonl", replaced("0.87}", "0.871}")),
        Fault("metadata.jsonl", "score of set/3.png", "0.871000", "0.870000 as in lineage.csv"),
    ),
    "a line of the metadata is no JSON": (
        edited("metadata.jsonl", lambda t: t + "{file_name: 8.png}\n"),
        Fault("metadata.jsonl", "line 9", "`{file_name: 8.png}`", "a JSON object with file_name"),
    ),
    "a hash of the lineage differs": (
        edited("lineage.csv", replaced(sha(ONE), "0" * 64)),
        Fault("lineage.csv", "hash of 3.png", "0" * 64, f"{sha(ONE)}, as the file has"),
    ),
    "a size of the lineage differs": (
        edited("lineage.csv", lambda t: t.replace("0,0,64,64", "0,0,64,32", 1)),
        Fault("lineage.csv", "size of 0.png", "(32,64,3)", "(64,64,3), as the image has"),
    ),
    "a column of the lineage is gone": (
        edited("lineage.csv", replaced("hyperiqa", "iqa")),
        Fault(
            "lineage.csv",
            "unreadable",
            "a table that lacks the columns hyperiqa",
            "a row of lineage.csv for each image",
        ),
    ),
    "a tile was taken out everywhere": (
        dataclasses.replace(good(), tiles={n: c for n, c in good().tiles.items() if n != "5.png"}),
        Fault("lineage.csv", "numbering", "no number 5", "all of 0 to 6"),
    ),
    "a line of the sums says nothing": (
        edited("SHA256SUMS", lambda t: "sums of this set\n" + t),
        Fault("SHA256SUMS", "line 1", "no hash and path", "`<SHA-256>  <path>`"),
    ),
    "a file twice in the sums": (
        edited("SHA256SUMS", lambda t: t + t.splitlines()[0] + "\n"),
        Fault("SHA256SUMS", "README.md twice", "two lines", "one line a file"),
    ),
    "another picture in a tile": (
        later(lambda f: (f / "set/3.png").write_bytes(OTHER)),
        Fault(
            "set/3.png",
            "changed",
            f"SHA-256 {sha(OTHER)}",
            f"{sha(ONE)} as in SHA256SUMS, lineage.csv",
        ),
    ),
    "a changed text": (
        later(lambda f: (f / "README.md").write_text("# Another\n")),
        Fault(
            "README.md",
            "changed",
            f"SHA-256 {sha(b'# Another' + bytes([10]))}",
            f"{sha(b'# A set' + bytes([10]))} as in SHA256SUMS",
        ),
    ),
    "a truncated tile": (
        later(lambda f: (f / "set/3.png").write_bytes(ONE[: len(ONE) // 2])),
        Fault("set/3.png", "corrupt", "truncated: image file is truncated", "a whole image"),
    ),
    "a flipped bit that no hash knows": (
        tile(
            png_with(ONE, b"tIME", bytes(7)).replace(b"tIME" + bytes(7), b"tIME" + bytes(6) + b"1")
        ),
        Fault("set/3.png", "corrupt", "wrong CRC-32 of chunk tIME", "a whole PNG"),
    ),
    "bytes after the end of a tile": (
        tile(ONE + b"more"),
        Fault("set/3.png", "corrupt", "4 bytes after its end", "a whole PNG"),
    ),
    "a page instead of a tile": (
        tile(b"<html>not found</html>"),
        Fault("set/3.png", "corrupt", "not an image: looks like text", "a whole image"),
    ),
    "an empty tile": (
        tile(b""),
        Fault("set/3.png", "corrupt", "not an image: the file is empty", "a whole image"),
    ),
    "a tile of another size": (
        tile(png.encode(noise(48, SIDE, 3))),
        Fault("set/3.png", "size", "64x48 px", "64x64 px, as most"),
    ),
    "a tile of 16 bits": (
        tile(deep()),
        Fault("set/3.png", "bit depth", "16 bits", "8 bits"),
    ),
    "a tile of 1 bit": (
        tile(as_png(PICTURE.convert("1"))),
        Fault("set/3.png", "bit depth", "1 bits", "8 bits"),
    ),
    "a tile with alpha": (
        tile(as_png(PICTURE.convert("RGBA"))),
        Fault("set/3.png", "alpha", "RGBA with transparency", "no alpha"),
    ),
    "a tile with a transparent colour": (
        tile(png_with(ONE, b"tRNS", bytes(6))),
        Fault("set/3.png", "alpha", "RGB with transparency", "no alpha"),
    ),
    "a tile with a palette": (
        tile(as_png(PICTURE.quantize(256))),
        Fault("set/3.png", "mode", "palette", "RGB"),
    ),
    "a grey tile": (
        tile(as_png(PICTURE.convert("L"))),
        Fault("set/3.png", "mode", "grey", "RGB, as most"),
    ),
    "a JPEG that is called PNG": (
        tile(encoded(PICTURE, "JPEG", quality=95)),
        Fault("set/3.png", "format", "JPEG", "PNG, as its name says"),
    ),
    "a tile that lies on its side": (
        tile(as_png(PICTURE, exif=EXIF)),
        Fault("set/3.png", "orientation", "EXIF orientation 6", "none: some readers ignore it"),
    ),
    "an animated tile": (
        tile(as_png(PICTURE, save_all=True, append_images=TWO)),
        Fault("set/3.png", "frames", "2 frames", "one"),
    ),
    "a blank in a name": (
        tile(ONE, "3 b.png", "3.png"),
        Fault(
            "set/3 b.png",
            "name",
            "a blank",
            "none: readers cut a line of meta_info.txt at the first",
        ),
    ),
    "a dot in a name": (
        tile(ONE, "3.b.png", "3.png"),
        Fault(
            "set/3.b.png",
            "name",
            "a dot before its suffix",
            "none: readers of LMDB cut a name at the first",
        ),
    ),
    "a name that is no UTF-8": (
        tile(ONE, RAW, "3.png"),
        Fault(f"set/{RAW}", "name", "bytes that are no UTF-8", "UTF-8"),
    ),
    "two names that differ in case": (
        good().with_tile("a.png", ONE, "3.png").with_tile("A.png", OTHER, "4.png"),
        Fault(
            "set/a.png",
            "name",
            "nearly the name of set/A.png",
            "names that differ in more than case or accents' encoding",
        ),
    ),
    "a small validation image is gone": (
        later(lambda f: (f / "validation" / HR.replace("hr", "x2")).unlink()),
        Fault(
            f"validation/{HR.replace('hr', 'x2')}", "missing", "no file", "one, named in SHA256SUMS"
        ),
    ),
    "a small validation image was never there": (
        validating(lambda v: v.update({"hr/w.png": SECOND["hr"], "x2/w.png": SECOND["x2"]})),
        Fault("validation/x4/w.png", "missing", "no file", "one, since there is hr/w.png"),
    ),
    "a validation image without its other sizes": (
        validating(lambda v: v.update({"x2/w.png": png.encode(noise(48, 64, 77))})),
        Fault(
            "validation/x2/w.png",
            "extra",
            "an image without its other sizes",
            "one in hr, x4, too",
        ),
    ),
    "a small validation image of another size": (
        validating(lambda v: v.update({HR.replace("hr", "x2"): png.encode(noise(48, 63, 7))})),
        Fault(f"validation/{HR.replace('hr', 'x2')}", "size", "63x48 px", f"64x48 px, {HR} by 2"),
    ),
    "a validation image that is no multiple": (
        validating(lambda v: v.update({HR: png.encode(noise(97, 128, 7))})),
        Fault(f"validation/{HR}", "size", "128x97 px", "a multiple of 4"),
    ),
    "a small validation image by another filter": (
        validating(lambda v: v.update({HR.replace("hr", "x2"): png.encode(VALIDATION[::2, ::2])})),
        Fault(
            f"validation/{HR.replace('hr', 'x2')}",
            "downscale",
            f"up to {np.abs(box(VALIDATION, 2).astype(int) - VALIDATION[::2, ::2]).max()} of 255 "
            "from the mean of each 2x2 block",
            "at most 1",
        ),
    ),
    "a damaged validation image": (
        validating(lambda v: v.update({HR: b"no image"})),
        Fault(
            f"validation/{HR}",
            "corrupt",
            "not an image: looks like text",
            "a whole image",
        ),
    ),
    "a file beside validation images": (
        validating(lambda v: v.update({"x2/list.txt": b""})),
        Fault(
            "validation/x2/list.txt",
            "extra",
            "a file that is no image",
            "images alone in this folder",
        ),
    ),
    "a validation image that its metadata lacks": (
        edited("validation/metadata.jsonl", lambda t: t.replace("x4_file_name", "x4")),
        Fault(
            f"validation/{HR.replace('hr', 'x4')}", "unlisted", "no line", "one in metadata.jsonl"
        ),
    ),
    "a tile of the validation photograph, by the lineage": (
        dataclasses.replace(good(), photographs={"5.png": PHOTOGRAPH}),
        Fault(
            f"validation/{HR}",
            "trained on",
            "set/5.png in training (by lineage.csv)",
            "none of its images",
        ),
    ),
    "a tile of the validation photograph, by its pixels": (
        tile(png.encode(VALIDATION[20 : 20 + SIDE, 37 : 37 + SIDE])),
        Fault(
            f"validation/{HR}",
            "trained on",
            "set/3.png in training (a crop at 37,20)",
            "none of its images",
        ),
    ),
    "a crop of a benchmark image": (
        tile(png.encode(BENCHMARK[100 : 100 + SIDE, 11 : 11 + SIDE])),
        Fault(
            "set/3.png",
            "benchmark image",
            "evaluation/b.png (a crop at 11,100)",
            "no image of a benchmark",
        ),
    ),
    "a scaled benchmark image": (
        tile(png.encode(images.resize(BENCHMARK, SIDE, SIDE, Image.Resampling.LANCZOS))),
        Fault(
            "set/3.png",
            "benchmark image",
            "evaluation/b.png (8 of 256 bits)",
            "no image of a benchmark",
        ),
    ),
    "a benchmark image": (
        dataclasses.replace(good(), benchmark=ONE),
        Fault(
            "set/3.png",
            "benchmark image",
            "evaluation/b.png (the pixels)",
            "no image of a benchmark",
        ),
    ),
}


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_fault_is_told_and_nothing_else(name: str, tmp_path: Path) -> None:
    made, expected = PLANTED[name]
    made.write(tmp_path / "a")
    found = [f._replace(got=f.got.replace(f"{tmp_path}/", "")) for f in check(tmp_path / "a")]
    assert found == [expected]


def test_forty_different_faults_are_planted() -> None:
    assert len({(fault.path, fault.what, fault.got) for _, fault in PLANTED.values()}) >= 40


def test_an_empty_list_is_told(tmp_path: Path) -> None:
    """And no image is called unlisted for it."""
    made = edited("lineage.csv", lambda text: text.splitlines()[0] + "\n")
    made.write(tmp_path / "a")
    assert check(tmp_path / "a") == [Fault("lineage.csv", "empty", "no line", "one for each image")]


def write(folder: Path, files: dict[str, bytes]) -> Path:
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    return folder


def told(folder: Path, **more: Path | None) -> list[str]:
    """The faults of a set of someone else's, as lines."""
    done = check_set.check(folder, more.get("validation"), more.get("evaluation"))
    return [line(fault) for fault in done.faults]


def photographs() -> dict[str, bytes]:
    return {
        "a/one.jpg": encoded(blobs(90, 120, 1), "JPEG", quality=90),
        "a/two.webp": encoded(blobs(120, 90, 2), "WEBP", lossless=True),
        "b/three.png": png.encode(blobs(100, 77, 3)),
        "b/it's&<so>.jpeg": encoded(blobs(100, 77, 4), "JPEG"),
    }


def test_folders_of_images_of_any_size_without_lists_are_a_set(tmp_path: Path) -> None:
    folder = write(tmp_path / "b", photographs() | {"README.md": b"", "validation/x.jpg": b""})
    (folder / "validation/x.jpg").write_bytes(encoded(blobs(50, 60, 9), "JPEG"))
    done = check_set.check(folder, None, None)
    assert (done.faults, done.images, done.validation, done.lists) == ([], 4, 1, [])


@pytest.mark.parametrize(("before", "top"), [("", ""), ("", "set/"), ("set/", "set/"), ("b/", "")])
def test_names_in_meta_info_may_begin_anywhere(tmp_path: Path, before: str, top: str) -> None:
    files = {f"{top}{path}": content for path, content in photographs().items()}
    meta = "\n".join(f"{before}{path}" for path in photographs())
    assert told(write(tmp_path / "b", files | {"meta_info.txt": meta.encode()})) == []


def test_names_of_another_machine_are_missing(tmp_path: Path) -> None:
    meta = "\n".join(f"/home/me/{path}" for path in photographs())
    found = told(write(tmp_path / "b", photographs() | {"meta_info.txt": meta.encode()}))
    missing = "missing: got no file, expected one, named in meta_info.txt"
    assert found[0] == f"/home/me/a/one.jpg: {missing}"
    assert len(found) == 2 * len(photographs())


def test_grey_images_are_no_fault_where_most_are_grey(tmp_path: Path) -> None:
    grey = {f"{i}.png": encoded(Image.fromarray(noise(40, 40, i)[..., 0]), "PNG") for i in range(4)}
    meta = b"".join(b"%d.png (40,40,1)\n" % i for i in range(4)) + b"4.png (40,40,3)\n"
    files = grey | {"4.png": png.encode(noise(40, 40, 4)), "meta_info.txt": meta}
    assert told(write(tmp_path / "a", files)) == ["4.png: mode: got RGB, expected grey, as most"]


def test_names_of_small_images_may_end_with_their_scale(tmp_path: Path) -> None:
    files = photographs() | {
        "validation/HR/0801.png": png.encode(noise(60, 80, 7)),
        "validation/LR_X2/0801x2.png": png.encode(noise(30, 40, 8)),
        "validation/LR_X3/0801x3.png": png.encode(noise(20, 26, 8)),
    }
    assert told(write(tmp_path / "a", files)) == [
        "validation/HR/0801.png: size: got 80x60 px, expected a multiple of 3"
    ]


def test_a_whole_validation_photograph_is_found_though_compressed(tmp_path: Path) -> None:
    compressed = encoded(blobs(60, 90, 7), "JPEG", quality=40)
    files = photographs() | {"c.jpg": compressed, "valid/hr/v.png": png.encode(blobs(120, 180, 7))}
    write(tmp_path / "valid", {"hr/v.png": files.pop("valid/hr/v.png")})
    (found,) = told(write(tmp_path / "a", files), validation=tmp_path / "valid")
    assert found.startswith("../valid/hr/v.png: trained on: got c.jpg in training (")
    assert found.endswith(" of 256 bits), expected none of its images")


def test_what_lies_beside_the_set_is_found_like_data_validation(tmp_path: Path) -> None:
    made = good()
    made.write(tmp_path / "dataset")
    (tmp_path / "dataset/SHA256SUMS").unlink()
    (tmp_path / "dataset/validation").rename(tmp_path / "validation")
    done = check_set.check(tmp_path / "dataset", None, None)
    assert (done.faults, done.validation) == ([], 3)
    (tmp_path / "validation" / HR.replace("hr", "x2")).unlink()
    missing = f"../validation/{HR.replace('hr', 'x2')}: missing: got no file, expected one, "
    assert told(tmp_path / "dataset") == [f"{missing}named in metadata.jsonl"]


def test_the_folder_that_a_set_was_unpacked_to_will_do(tmp_path: Path) -> None:
    good().write(tmp_path / "samples")
    (tmp_path / "unpacked").mkdir()
    (tmp_path / "samples").rename(tmp_path / "unpacked" / "samples")
    done = check_set.check(tmp_path / "unpacked", None, None)
    assert (done.faults, done.folder) == ([], str(tmp_path / "unpacked" / "samples"))


def test_a_benchmark_image_that_cannot_be_decoded_is_told(tmp_path: Path) -> None:
    write(tmp_path / "evaluation", {"x.png": b"", "y.png": png.encode(noise(40, 40))})
    folder = write(tmp_path / "a", photographs())
    done = check_set.check(folder, None, tmp_path / "evaluation")
    assert (done.faults, done.benchmark) == ([], 1)
    assert done.notes == [f"{tmp_path}/evaluation/x.png can't be decoded"]


def test_no_set_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="a is no folder: name the folder that a set was unpacked"):
        check_set.check(tmp_path / "a", None, None)
    write(tmp_path / "a", {"README.md": b""})
    with pytest.raises(UserError, match="holds no image"):
        check_set.check(tmp_path / "a", None, None)
    with pytest.raises(UserError, match="is no folder: check the path"):
        check_set.check(tmp_path / "a", tmp_path / "b", None)


def run(folder: Path, *more: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "stages.tools.check_set", "--folder", str(folder), *more]
    return subprocess.run(
        command, cwd=folder.parent, env=environment(), capture_output=True, text=True
    )


def test_faults_are_lines_and_the_end_is_a_summary(tmp_path: Path) -> None:
    odd = os.fsdecode(b"line\nbreak \xff.png")
    made = good()
    made.late = lambda folder: (folder / "set" / odd).write_bytes(b"")
    made.write(tmp_path / "a")
    done = run(tmp_path / "a")
    extra = "extra: got an image that no list names, expected only listed ones"
    corrupt = "corrupt: got not an image: the file is empty, expected a whole image"
    name = "name: got bytes that are no UTF-8, expected UTF-8"
    assert done.stdout.splitlines() == [
        *(f"set/line\\nbreak \\udcff.png: {what}" for what in (corrupt, extra, name)),
        f"{tmp_path}/a: 3 faults; 9 images, {', '.join(LISTS)}, 3 validation images; "
        "benchmark images looked for: 0",
    ]
    assert (done.returncode, done.stderr) == (1, "")
    found = json.loads(run(tmp_path / "a", "--json").stdout)
    assert [fault["what"] for fault in found["faults"]] == ["corrupt", "extra", "name"]
    (tmp_path / "a/set" / odd).unlink()
    done = run(tmp_path / "a")
    assert (done.returncode, done.stdout.count("\n"), done.stderr) == (0, 1, "")


@pytest.mark.parametrize("workers", ["0", "2"])
def test_workers_change_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workers: str
) -> None:
    monkeypatch.setenv("SRSET_WORKERS", workers)
    made, expected = PLANTED["a tile of the validation photograph, by its pixels"]
    made.write(tmp_path / "a")
    assert check(tmp_path / "a") == [expected]


def test_the_help_says_a_word_about_every_argument(tmp_path: Path) -> None:
    said = run(tmp_path, "--help").stdout
    for word in ("the unpacked set", "validation images", "benchmark images", "JSON"):
        assert word in said


def test_a_fault_that_two_looks_find_is_told_once() -> None:
    one, two = Fault("b", "missing", "no file", "one"), Fault("b", "missing", "no file", "another")
    other = Fault("a", "missing", "", "")
    assert first_of_each([one, two, other]) == [other, one]
