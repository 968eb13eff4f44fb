"""The weights that a run works with, named before they are read.

What is known of them, such as scores and graphs, has their SHA-256 in its key; they themselves,
and PyTorch, are needed only where something is not known.
"""

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from stages.common.errors import UserError
from stages.common.files import sha256_of
from stages.common.hyperiqa.models import locate

if TYPE_CHECKING:
    from stages.common.hyperiqa.weights import Weights


class Checkpoint(NamedTuple):
    """The file of weights that a run works with.

    Attributes:
        model: a key of `MODELS`, or a path.
        folder: where those of `MODELS` lie.
        sha256: of the file.
    """

    model: str
    folder: Path
    sha256: str

    def load(self) -> "Weights":
        """Read it.

        Raises:
            UserError: where it is no checkpoint, or the file has another hash by now.
        """
        from stages.common.hyperiqa import weights  # brings torch: some runs need not load it

        loaded = weights.load(self.model, self.folder)
        if loaded.sha256 != self.sha256:  # its scores would get the other's key
            raise UserError(
                f"the weights of {self.model} were replaced just now: run `dvc repro` again"
            )
        return loaded


def find(model: str, folder: Path) -> Checkpoint:
    """The file that is there now.

    Raises:
        UserError: where it is missing.
    """
    return Checkpoint(model, folder, sha256_of(locate(model, folder)))
