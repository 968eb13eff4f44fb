"""Layout: the images of a set are found, whatever lies beside them."""

from pathlib import Path

import pytest

from stages.common.sets import layout


def made(folder: Path, *paths: str) -> Path:
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).touch()
    return folder


@pytest.mark.parametrize(
    ("paths", "named", "top", "images"),
    [
        (["0.png", "1.jpg", "README.md"], [], "", ["0.png", "1.jpg"]),
        (["0.png", "sheet.png", "meta_info.txt"], ["0.png"], "", ["0.png", "sheet.png"]),
        (["s/0.png", "sheet.png", "meta_info.txt"], ["0.png"], "s/", ["s/0.png"]),
        (["s/0.png", "t/0.png", "t/1.png"], ["0.png", "1.png"], "t/", ["t/0.png", "t/1.png"]),
        (["s/0.png", "lineage.csv"], [], "s/", ["s/0.png"]),
        (["s/0.png", "sheet.png", "metadata.jsonl"], ["s/0.png"], "s/", ["s/0.png"]),
        (["s/0.png", "t/1.png"], ["s/0.png", "t/1.png"], "", ["s/0.png", "t/1.png"]),
        (["s/0.png", "validation/hr/v.png"], [], "", ["s/0.png"]),
    ],
)
def test_the_images_are_those_that_lists_name(
    tmp_path: Path, paths: list[str], named: list[str], top: str, images: list[str]
) -> None:
    found = layout.find(made(tmp_path, *paths), None, named)
    assert (found.top, found.images, found.files) == (top, images, sorted(paths))


def test_the_validation_images_are_inside_or_beside(tmp_path: Path) -> None:
    folder = made(tmp_path, "a/0.png", "validation/hr/v.png", "b/0.png", "b/validation/x.png")
    beside, inside = (layout.find(folder / name, None, []) for name in "ab")
    assert (beside.prefix, beside.validating) == ("../validation/", ["hr/v.png"])
    assert (inside.prefix, inside.validating) == ("validation/", ["x.png"])
    given = layout.find(folder / "b", folder / "validation", [])
    assert (given.prefix, given.images) == ("../validation/", ["0.png"])
    made(folder, "a/valid/x.png")
    given = layout.find(folder / "a", folder / "a" / "valid", [])
    assert (given.prefix, given.images) == ("valid/", ["0.png"])


@pytest.mark.parametrize(
    ("paths", "below"),
    [
        (["s/s/0.png", "s/lineage.csv"], "s"),
        (["s/0.png", "s/README.md"], "s"),
        (["s/0.png"], ""),
        (["s/0.png", "t/README.md"], ""),
        (["0.png"], ""),
    ],
)
def test_the_only_folder_is_the_set_where_it_has_more_than_images(
    tmp_path: Path, paths: list[str], below: str
) -> None:
    assert layout.set_folder(made(tmp_path, *paths)) == tmp_path / below
