"""Archives for tests, good and bad."""

import io
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

KINDS = ("zip", "tar", "tar.gz", "tgz")


def pack(path: Path, files: Mapping[str, bytes]) -> Path:
    """An archive of the kind that its name says, with files by name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in files.items():
                archive.writestr(name, content)
        return path
    with tarfile.open(path, "w:gz" if path.suffix in (".gz", ".tgz") else "w") as tar:
        for name, content in files.items():
            add(tar, name, content)
    return path


def add(tar: tarfile.TarFile, name: str, content: bytes = b"", kind: bytes = b"0") -> None:
    """Add a member of a type of tar's, as `tarfile.SYMTYPE`."""
    info = tarfile.TarInfo(name)
    info.size, info.type, info.linkname = len(content), kind, "a.png"
    tar.addfile(info, io.BytesIO(content))


def files_of(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, by path."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}
