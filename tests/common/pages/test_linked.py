"""Linked: where a photograph's file is, or words."""

from stages.common.pages.linked import Place, places

GATHER = {
    "source": "data/source",
    "more": {"faces/ffhq": "/far/ffhq", "cloud": "s3://bucket/photos"},
}


def test_each_photograph_has_the_place_of_its_folder() -> None:
    paths = [
        "a.png",
        "faces/b.png",
        "faces/ffhq/1.png",
        "faces/ffhq/a.zip/1.png",
        "cloud/c.png",
        "films/day.mp4/000123.png",
        "films/a folder.mov/1.png",
    ]
    found, own = places(paths, GATHER)
    assert [found[i] for i in own] == [
        Place("", "data/source", ""),
        Place("", "data/source", ""),
        Place("faces/ffhq/", "/far/ffhq", ""),
        Place("", "", "in the archive faces/ffhq/a.zip"),
        Place("", "", "at s3://bucket/photos"),
        Place("", "data/frames", ""),
        Place("", "data/source", ""),
    ]
    assert places(["a.png"], {"source": "data/source"}) == ([Place("", "data/source", "")], [0])
