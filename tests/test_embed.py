"""Embed: each image once, whatever the table, the workers or the store."""

from pathlib import Path

import numpy as np
import pytest

from stages import embed
from stages.common import tables
from stages.common.errors import UserError
from stages.common.near import embedder
from stages.common.near.embedder import Embedder
from stages.common.pixels.images import decode
from stages.common.rows import Embedded, Item
from tests.conftest import REPOSITORY, encoded, item

WEIGHTS = REPOSITORY / "data" / "weights"


@pytest.fixture
def loads(compiled_embedder: Embedder, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """To compile the network takes seconds: give the one there is, and list who asks."""
    asked: list[Path] = []

    def load(folder: Path) -> Embedder:
        asked.append(folder)
        return compiled_embedder

    monkeypatch.setattr(embedder, "load", load)
    return asked


def names(folder: Path) -> list[str]:
    return sorted(p.relative_to(folder).as_posix() for p in folder.glob("*/*.*"))


def run(folder: Path, out: Path, paths: list[str]) -> list[Embedded]:
    tables.write(out / "gathered.csv", Item, [item(folder, path) for path in paths])
    embed.main(out / "gathered.csv", folder, WEIGHTS, out / "embeddings.csv")
    return tables.read(out / "embeddings.csv", Embedded)


def test_every_image_gets_its_embedding_and_none_is_embedded_twice(
    photographs: Path, tmp_path: Path, loads: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    paths = names(photographs)
    rows = run(photographs, tmp_path, paths)
    assert [(row.path, row.sha256) for row in rows] == [
        (path, item(photographs, path).sha256) for path in paths
    ]
    assert len({row.embedding for row in rows}) == 6
    said = f"6 images of {photographs} · 6 embedded, 0 known"
    assert capsys.readouterr().out.splitlines()[-1] == said
    assert run(photographs, tmp_path, paths[::-1]) == rows
    assert run(photographs, tmp_path, paths[:2]) == rows[:2]
    assert loads == [WEIGHTS]
    said = f"2 images of {photographs} · 0 embedded, 2 known"
    assert capsys.readouterr().out.splitlines()[-1] == said


def test_it_is_of_the_pixels_whatever_the_file(
    photographs: Path, tmp_path: Path, loads: list[Path]
) -> None:
    pixels = decode((photographs / "landscape" / "bridge.jpg").read_bytes())
    for name in ("a.png", "b.bmp"):
        path = tmp_path / "in" / "s" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encoded(pixels, path.suffix[1:].upper()))
    one, other = run(tmp_path / "in", tmp_path, ["s/a.png", "s/b.bmp"])
    assert (one.embedding, one.sha256 == other.sha256) == (other.embedding, False)


def test_the_same_bytes_with_any_number_of_workers_and_alone(
    photographs: Path, tmp_path: Path, loads: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = names(photographs)
    found = []
    for workers in ("0", "1", "2"):
        monkeypatch.setenv("SRSET_WORKERS", workers)
        monkeypatch.setenv("SRSET_STORE", str(tmp_path / f"{workers}.sqlite"))
        found.append(run(photographs, tmp_path, paths))
    monkeypatch.setenv("SRSET_STORE", str(tmp_path / "alone.sqlite"))
    found.append([run(photographs, tmp_path, [path])[0] for path in paths])
    assert found == [found[0]] * 4
    assert len(loads) == 3 + len(paths)


def test_another_whitening_is_another_embedding(
    photographs: Path, tmp_path: Path, loads: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = names(photographs)[:1]
    run(photographs, tmp_path, paths)
    monkeypatch.setattr(embedder, "fingerprint", lambda folder: "embedding other")
    run(photographs, tmp_path, paths)
    assert len(loads) == 2


def test_a_file_that_has_changed_since_it_was_listed_is_told(
    photographs: Path, tmp_path: Path, loads: list[Path]
) -> None:
    content = (photographs / "landscape" / "bridge.jpg").read_bytes()
    path = tmp_path / "in" / "s" / "a.jpg"
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    listed = item(tmp_path / "in", "s/a.jpg")
    tables.write(tmp_path / "gathered.csv", Item, [listed])
    path.write_bytes(encoded(np.zeros((9, 9, 3), np.uint8), "JPEG"))
    with pytest.raises(UserError, match=r"a\.jpg has changed since it was listed: run `dvc repro`"):
        embed.main(tmp_path / "gathered.csv", tmp_path / "in", WEIGHTS, tmp_path / "e.csv")
    assert not (tmp_path / "e.csv").exists()


def test_no_image_gives_an_empty_table(tmp_path: Path, loads: list[Path]) -> None:
    (tmp_path / "in").mkdir()
    assert run(tmp_path / "in", tmp_path, []) == []
    assert loads == []
