"""Scoring here and as a task of a cluster gives the same bits."""

from concurrent.futures import Future
from pathlib import Path

import pytest

from stages.common.hyperiqa import backends, spread, trust
from stages.common.hyperiqa.backends import Network
from stages.common.hyperiqa.checkpoints import Checkpoint
from stages.common.hyperiqa.sizes import looked_at
from stages.common.hyperiqa.weights import Weights
from stages.common.pixels.pictures import whole
from tests.conftest import item


def given(network: Network) -> "Future[Network]":
    future: Future[Network] = Future()
    future.set_result(network)
    return future


def test_a_task_gives_each_image_the_score_that_it_has_here(
    photographs: Path, network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoint = Checkpoint("builtin", Path("weights"), "ab12")
    asked = []

    def compiled(*what: object) -> Network:
        asked.append(what)
        return network

    monkeypatch.setattr(trust, "compiled", compiled)
    spread.compiled.cache_clear()
    paths = [str(p.relative_to(photographs)) for p in sorted(photographs.rglob("*.jpg"))]
    items = [looked_at(whole(item(photographs, path)), 240) for path in paths]
    how = {"policy": "cover", "checkpoint": checkpoint, "kind": backends.EXACT}
    here = dict(spread.score(items, photographs, **how, network=lambda: given(network)))
    assert asked == []
    there = [
        pair
        for i in (0, 2, 3)
        for pair in spread.score_there(items[i : i + 2], root=photographs, **how)
    ]
    assert [key for key, _ in there] == [items[i].pixels for i in (0, 1, 2, 3, 3, 4)]
    assert all(score == here[key] for key, score in there)
    assert asked == [(checkpoint, *backends.EXACT)]  # once a process
    spread.compiled.cache_clear()


@pytest.mark.slow
def test_fewer_threads_change_no_bit(
    photographs: Path, network: Network, builtin: Weights, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A task has a network of as many threads as it has cores."""
    monkeypatch.setenv("SRSET_CORES", "1")
    alone = backends.openvino_network(builtin.network)
    assert alone.threads == 1
    monkeypatch.delenv("SRSET_CORES")
    paths = [str(p.relative_to(photographs)) for p in photographs.rglob("*.jpg")]
    items = [looked_at(whole(item(photographs, path)), 240) for path in paths]
    how = {"policy": "cover", "checkpoint": Checkpoint("", Path(), ""), "kind": backends.EXACT}
    scores = [
        sorted(spread.score(items[:3], photographs, **how, network=lambda n=n: given(n)))
        for n in (alone, network)
    ]
    assert scores[0] == scores[1]
