"""The benchmark of the recipe: which sets it makes, and when two judges contradict each other."""

from pathlib import Path

import numpy as np

from bench import bench_showcase
from stages.common.pixels import images
from tests.training.pictures import folder


def test_the_six_sets_are_parts_of_the_images() -> None:
    names = [f"{i}.jpg" for i in range(40)]
    found = bench_showcase.chosen(names)
    assert {name: len(own) for name, own in found.items()} == {
        "random": 10,
        "top": 10,
        "bottom": 10,
        "drop-worst": 32,
        "jpeg": 10,
        "blur": 10,
    }
    assert found["top"] == names[:10] and found["bottom"] == names[30:]
    assert found["random"] == found["jpeg"] == found["blur"]


def test_a_harmed_set_has_the_same_names(tmp_path: Path) -> None:
    source = folder(tmp_path / "source", [0, 1])
    for name in ("random", "jpeg", "blur"):
        bench_showcase.make(tmp_path / name, source, ["0.png", "1.png"])
    found = {n: images.read(tmp_path / n / "1.png").astype(int) for n in ("random", "jpeg", "blur")}
    np.testing.assert_array_equal(found["random"], images.read(source / "1.png"))
    assert 0 < np.abs(found["jpeg"] - found["random"]).mean() < 20
    assert (
        np.abs(np.diff(found["blur"], axis=0)).max()
        < np.abs(np.diff(found["random"], axis=0)).max()
    )


def test_only_two_clear_and_opposite_differences_are_a_contradiction() -> None:
    noise = np.random.default_rng(0).normal(0, 0.01, 30)
    ours = np.array([noise, noise[::-1] + 1, noise])
    clear, same = np.array([noise, noise[::-1] - 1, noise - 2]), ours * 2
    assert bench_showcase.contradictions(["a", "b", "c"], ours, same) == []
    against = bench_showcase.contradictions(["a", "b", "c"], ours, clear)
    assert [line.partition(":")[0] for line in against] == ["a minus b"]
