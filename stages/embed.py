"""The embedding of every image in a table, by which near-duplicates are found.

Takes:  gathered_images.csv or gathered_evaluation.csv; the folder of the paths; the weights.
Leaves: embeddings/*.csv (`Embedded`), by path.
Rule:   128 signed bytes made of what the backbone of the built-in scorer sees in the whole picture,
        squeezed to 224x224 (common/near/embedder.py), on the CPU in fp32 on every machine. What the
        store knows is not computed again.
"""

import functools
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

from stages.common import fingerprints, sources, store, tables, workers
from stages.common.cli import run
from stages.common.embeddings import EmbeddingStore
from stages.common.near import embedder
from stages.common.near.embedder import Squeezed
from stages.common.rows import Embedded, Item
from stages.common.sources import Root


@functools.cache
def code_fingerprint() -> str:
    """The code and the packages that run here: see `gather`."""
    return fingerprints.of(Path(__file__))


def read(item: Item, *, folder: Root) -> Squeezed:
    """One image, as the network takes it.

    Raises:
        UserError: where the file is not the one its table lists.
    """
    return embedder.squeezed(sources.pixels(folder, item.path, item.sha256))


def new_embeddings(
    items: list[Item], folder: Root, weights_folder: Path
) -> Iterator[tuple[str, bytes]]:
    """Embeddings by hash of the pixels, of images no two of which have the same."""
    network = embedder.load(weights_folder)
    pictures = workers.ordered_map(partial(read, folder=folder), items)
    with closing(pictures):  # so that a fault ends the workers at once
        keys = (item.pixels for item in items)
        yield from embedder.embedded(zip(keys, pictures, strict=True), network)


def main(table: Path, folder: Path, weights_folder: Path, embeddings: Path) -> None:
    items = tables.read(table, Item)
    made_by = f"{embedder.fingerprint(weights_folder)}\n{code_fingerprint()}"
    with closing(EmbeddingStore(store.default_path(), made_by)) as embedding_store:
        known = embedding_store.get([item.pixels for item in items])
        missing = list({i.pixels: i for i in items if i.pixels not in known}.values())
        if missing:
            new = new_embeddings(missing, folder, weights_folder)
            passed = store.saved(new, embedding_store.put)
            known.update(workers.bar(passed, len(missing), "embed", " images"))
    rows = [Embedded(item.path, item.sha256, known[item.pixels].hex()) for item in items]
    tables.write(embeddings, Embedded, sorted(rows))
    number, named = len(missing), sources.named(folder)
    print(f"{len(rows):,} images of {named} · {number:,} embedded, {len(rows) - number:,} known")


if __name__ == "__main__":
    run(main)
