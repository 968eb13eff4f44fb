"""The recipe of a small network: the same twice, on shared slots, and it learns."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from stages.common import tables
from stages.common.measures.luma import luma
from stages.common.pixels import images
from stages.common.rows import Lineage
from tests.training.pictures import FEW, folder, picture
from training.showcase import (
    compare,
    evaluate,
    export,
    fitting,
    measured,
    models,
    network,
    quality,
    sets,
    slots,
    train,
    upscale,
)
from training.showcase.measured import EvaluateParams, Measured

CPU = torch.device("cpu")
KEYS = st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=20, unique=True)


@given(KEYS, KEYS, st.integers(0, 2**32))
def test_two_sets_share_a_slot_wherever_both_have_what_one_takes(
    ours: list[int], theirs: list[int], seed: int
) -> None:
    numbers = slots.numbers(seed, 50)
    taken = [[keys[i] for i in slots.taken(numbers, keys)] for keys in (ours, theirs)]
    either = list(dict.fromkeys(ours + theirs))
    best = [either[i] for i in slots.taken(numbers, either)]
    for one, other, of_both in zip(*taken, best, strict=True):
        assert of_both in (one, other)
        if of_both in ours and of_both in theirs:
            assert one == other


def test_every_image_is_taken_as_often_as_any_other() -> None:
    counts = np.bincount(
        slots.taken(slots.numbers(0, 20_000), [slots.key(str(i)) for i in range(10)])
    )
    assert counts.min() > 1850 and counts.max() < 2150  # 3.5 standard deviations of 2,000


def test_a_slot_cuts_everywhere_and_turns_all_eight_ways() -> None:
    cuts = slots.cuts(slots.numbers(0, 4000))
    assert {cut.turn for cut in cuts} == set(range(8))
    for places in ([cut.down for cut in cuts], [cut.right for cut in cuts]):
        assert 0 <= min(places) < 0.01 and 0.99 < max(places) < 1


def test_patches_are_pairs_of_the_same_place(tmp_path: Path) -> None:
    identified = sets.find(folder(tmp_path / "set", [0, 1]))
    found = sets.patches(identified, scale=2, patch=16, seed=0, count=24)
    assert found.low.shape == (24, 16, 16) and found.high.shape == (24, 32, 32)
    again = np.array([sets.pair(high, 2)[0] for high in found.high])
    inner = np.s_[:, 3:-3, 3:-3]  # what a patch's edge does not reach
    np.testing.assert_allclose(found.low[inner], again[inner], atol=1)


def test_patches_do_not_depend_on_the_number_of_workers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    identified = sets.find(folder(tmp_path / "set", [0, 1, 2]))
    found = []
    for workers in ("0", "2"):
        monkeypatch.setenv("SRSET_WORKERS", workers)
        found.append(sets.patches(identified, scale=4, patch=16, seed=0, count=9))
    for one, other in zip(*found, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_tile_is_known_again_under_another_number(tmp_path: Path) -> None:
    def released(name: str, seeds: list[int]) -> Path:
        tiles = folder(tmp_path / name / "tiles", list(range(len(seeds))))
        rows = [
            Lineage(f"{i}.png", "", 0.5, "", "1", 0, 0, 96, 96, ".", "", f"hash of {seed}")
            for i, seed in enumerate(seeds)
        ]
        tables.write(tiles.parent / "lineage.csv", Lineage, rows)
        return tiles

    one, other = released("one", [7, 8]), released("other", [8, 9])
    seven, eight, nine = (f"hash of {seed} 1 0 0 96" for seed in (7, 8, 9))
    assert sets.find(one) == {seven: one / "0.png", eight: one / "1.png"}
    assert sets.find(other.parent) == {eight: other / "0.png", nine: other / "1.png"}


def test_the_same_set_gives_the_same_bytes_twice(tmp_path: Path) -> None:
    tiles = folder(tmp_path / "set", range(3))
    for name in ("once", "twice"):
        train.main(tiles, "2", tmp_path / name, tmp_path / f"{name}.csv", FEW)
    assert (tmp_path / "once").read_bytes() == (tmp_path / "twice").read_bytes()
    assert (tmp_path / "once.csv").read_bytes() == (tmp_path / "twice.csv").read_bytes()
    assert torch.get_num_threads() == 1


@pytest.mark.parametrize("scale", network.SCALES)
def test_a_few_steps_lower_the_loss(tmp_path: Path, scale: int) -> None:
    identified = sets.find(folder(tmp_path / "set", range(3)))
    losses = fitting.trained(identified, scale, FEW, CPU).losses
    assert len(losses) == FEW.steps
    assert np.mean(losses[-10:]) < 0.8 * np.mean(losses[:5])


def test_the_network_is_that_of_the_notes() -> None:
    sizes = [sum(p.numel() for p in network.Network(scale).parameters()) for scale in (2, 4)]
    assert sizes == [10_020, 11_760]
    one, other = network.initial(2), network.initial(2)
    for a, b in zip(one.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=0)


@pytest.mark.parametrize("scale", network.SCALES)
def test_the_network_begins_near_bicubic(scale: int) -> None:
    low, high = sets.pair(luma(picture(0)), scale)
    started = quality.psnr(network.enlarged(network.initial(scale), low), high, scale)
    plain = quality.psnr(measured.bicubic(low, scale), high, scale)
    assert abs(started - plain) < 6  # dB; 16 with He's values in the last layer, too


def test_the_rate_rises_in_a_line_and_falls_to_nothing() -> None:
    rates = [fitting.share(step, 100, 0.1) for step in range(100)]
    np.testing.assert_allclose(rates[:10], np.arange(1, 11) / 10)
    assert rates[54] == pytest.approx(0.5) and rates[99] == pytest.approx(0)


@pytest.mark.parametrize("scale", network.SCALES)
def test_onnx_enlarges_as_torch_does(tmp_path: Path, scale: int) -> None:
    pytest.importorskip("onnx")
    made = network.initial(scale).eval()
    weights, model = tmp_path / "w.safetensors", tmp_path / "m.onnx"
    models.write(weights, made, {"scale": str(scale)})
    export.main(weights, folder(tmp_path / "pictures", [0]), model)
    luma = sets.read(tmp_path / "pictures" / "0.png")[:50, :70]
    assert export.apart(made, model.read_bytes(), luma) < 1e-5
    assert model.read_bytes() == export.onnx_of(made)


def test_pictures_are_enlarged_to_png_with_their_colours(tmp_path: Path) -> None:
    weights = tmp_path / "w.safetensors"
    made = network.initial(2)
    torch.nn.init.zeros_(made.layers[-1].weight)  # so it is bicubic alone
    models.write(weights, made, {"scale": "2"})
    upscale.main(weights, folder(tmp_path / "low", [3]), tmp_path / "large")
    large, low = images.read(tmp_path / "large" / "3.png"), picture(3)
    assert large.shape == (192, 192, 3)
    back = images.resize(large, 96, 96, images.Image.Resampling.BOX)
    assert np.abs(back.astype(int) - low).mean() < 8


def test_held_photographs_are_compared_with_bicubic(tmp_path: Path) -> None:
    weights, held = tmp_path / "w.safetensors", folder(tmp_path / "held", range(4))
    models.write(weights, network.initial(2), {"scale": "2"})
    evaluate.main(
        weights, held, tmp_path / "t.csv", tmp_path / "m.json", EvaluateParams(least=4, side=64)
    )
    rows = tables.read(tmp_path / "t.csv", Measured)
    assert [row.photograph for row in rows] == ["0.png", "1.png", "2.png", "3.png"]
    numbers = tables.read_numbers(tmp_path / "m.json")
    apart = np.mean([row.psnr - row.bicubic_psnr for row in rows])
    assert numbers["photographs"] == 4
    assert numbers["gained_mean"] == pytest.approx(apart, abs=1e-4)
    assert numbers["gained_low"] < numbers["gained_mean"] < numbers["gained_high"]


def test_sets_are_compared_by_one_command_and_trained_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = tmp_path / "params.yaml"
    settings.write_text(f"train: {FEW.model_dump_json()}\nevaluate: {{least: 4, side: 64}}\n")
    ours, theirs = folder(tmp_path / "ours", range(3)), folder(tmp_path / "theirs", range(2, 5))
    held, out = folder(tmp_path / "held", range(10, 14)), tmp_path / "out"
    rows = compare.compared([ours, theirs], held, 2, out, settings)
    assert [(row.set, row.tiles) for row in rows] == [(str(ours), 3), (str(theirs), 3)]
    assert rows[0][4:] == (0, 0, 0)
    assert rows[1].low <= rows[1].minus_first <= rows[1].high
    assert rows[1].minus_first == pytest.approx(rows[1].psnr - rows[0].psnr)
    assert len(tables.read(out / "x2_photographs.csv", compare.Photograph)) == 8
    assert len(compare.lines(rows)) == 3

    monkeypatch.setattr(compare, "trained", None)
    assert compare.compared([ours, theirs], held, 2, out, settings) == rows
