"""Released: the archive, its volumes and the unpacked folder say the same; damage is told."""

from pathlib import Path

import pytest

from stages.common.errors import UserError
from stages.common.exports import released
from stages.common.exports.released import Image
from tests.common.archive.sets import SIDE, digest, small_set
from tests.test_release import NAME, contents, pack, parts
from tests.test_release import unpacked as unpack

__all__ = ["parts"]  # a fixture
SET = small_set()


def test_a_set_is_the_same_in_each_form(parts: Path) -> None:
    whole, split = pack(parts), pack(parts, "split", volume_size="1MB")
    unpack(whole / f"{NAME}.7z", parts / "unpacked")
    places = [whole / f"{NAME}.7z", split / f"{NAME}.7z.001", parts / "unpacked"]
    if not places[1].exists():
        places[1] = places[0]  # so small a set is one volume
    found = []
    for place in places:
        with released.opened(place) as of:
            images = [i for s in (*of.tiles, *of.validation) for i in s.images.values()]
            found.append((of._replace(place=Path(), content=len), [of.read(i) for i in images]))
    assert found[0] == found[1] == found[2]

    of, read = found[0]
    assert [(s.key, s.images["image"].sha256) for s in of.tiles] == [
        (row.name.removesuffix(".png"), row.sha256) for row in SET.tiles
    ]
    assert of.tiles[0].row == {
        "hyperiqa": 0.9,
        "section": "s",
        "scale": "1",
        "photograph_sha256": digest(SET.tiles[0].photograph),
    }
    assert of.tiles[11].whose == {
        "photograph": "not UTF-8 \\udcff\\udcfe.jpg",
        "licence": "not stated",
        "author": "",
        "source": "not stated",
        "url": "",
    }
    assert [(s.key, list(s.images)) for s in of.validation] == [
        ("v", ["hr", "x2", "x4"]),
        ("w", ["hr", "x2", "x4"]),
    ]
    assert read[0] == (parts / "dataset" / NAME / "0.png").read_bytes()
    assert read[-1] == (parts / "validation/x4/w.png").read_bytes()
    assert SIDE == 32 and of.name == NAME


def told(place: Path) -> str:
    with pytest.raises(UserError) as raised, released.opened(place) as of:
        for sample in of.tiles:
            of.read(sample.images["image"])
    return str(raised.value)


def test_what_is_not_as_it_was_released_is_told(parts: Path) -> None:
    unpack(pack(parts) / f"{NAME}.7z", parts / "unpacked")
    folder = parts / "unpacked" / NAME
    tile = folder / NAME / "3.png"
    content = tile.read_bytes()
    tile.write_bytes(content[:-1] + b"x")
    row = SET.tiles[3]
    assert f": {NAME}/3.png: got SHA-256 " in told(folder)
    assert f"expected {row.sha256} as its lists have it: unpack it again" in told(folder)

    tile.unlink()
    assert told(folder) == (f"{folder} has no {NAME}/3.png, which its lists name: unpack it again")
    tile.write_bytes(content)
    with (folder / "metadata.jsonl").open("a") as file:
        file.write("{}\n")
    assert f"{folder}: metadata.jsonl: got SHA-256" in told(folder)
    (folder / "SHA256SUMS").unlink()
    assert told(folder).startswith(f"{folder} has no SHA256SUMS: name the archive that `make run`")
    assert contents(folder)


def test_a_wrong_hash_is_no_image(parts: Path) -> None:
    with released.opened(pack(parts) / f"{NAME}.7z") as of:
        image = of.tiles[0].images["image"]
        with pytest.raises(UserError, match="expected 0000"):
            of.read(Image(image.path, "0" * 64, image.bytes))
