"""Small projects of git and DVC, to be damaged."""

import configparser
import hashlib
import os
import random
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml

from tests.conftest import REPOSITORY

PIPELINE = """
stages:
  tiles:
    cmd: python make.py tiles
    deps: [make.py, data/source]
    outs: [data/tiles]
    metrics:
      - reports/tiles.json: {cache: false}
  tables:
    foreach: {one: {n: 1}, two: {n: 2}}
    do:
      cmd: python make.py table ${key}
      deps: [make.py, data/tiles]
      outs: ["data/tables/${key}.csv"]
      metrics:
        - "reports/${key}.json": {cache: false}
  plots:
    cmd: python make.py plots
    deps: [make.py]
    outs: [data/plots]
  archive:
    cmd: python make.py archive
    deps: [make.py, data/tiles, data/tables/one.csv]
    outs: [data/archive.7z]
"""
MAKE = """
import sys
from pathlib import Path

def write(path, content):
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)

what, *key = sys.argv[1:]
tiles = sorted(Path("data/tiles").rglob("*.png"))
if what == "tiles":
    for path in sorted(Path("data/source").rglob("*.jpg")):
        for n in range(2):
            target = f"data/tiles/{path.parent.name}/{path.stem}-{n}.png"
            write(target, f"tile {n} of {path.name}".encode() + path.read_bytes()[::-1])
    write("reports/tiles.json", b'{"tiles": 1}\\n')
elif what == "table":
    write(f"data/tables/{key[0]}.csv", "\\n".join([key[0], *map(str, tiles)]).encode())
    write(f"reports/{key[0]}.json", f'{{"rows": {len(tiles)}}}\\n'.encode())
elif what == "plots":
    for n in range(4):
        write(f"data/plots/{n}.svg", f"plot {n}".encode())
else:
    write("data/archive.7z", b"".join(path.read_bytes() for path in tiles))
"""
FINDING = re.compile(r"^(\w+ in the (?:cache|workspace)): (.*?)(?: \([0-9a-f]{32}.*\))?$", re.M)
COMMAND = re.compile(r"^(?:dvc|git|cp) .*$", re.M)


class Project:
    """A project in a folder; its DVC keeps what it remembers beside it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = os.environ | {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(REPOSITORY),
            "PYTHONDONTWRITEBYTECODE": "1",
            "SRSET_WORKERS": "2",
            "DVC_NO_ANALYTICS": "1",
            "DVC_SITE_CACHE_DIR": str(folder.parent / f"{folder.name} site"),
            "DVC_GLOBAL_CONFIG_DIR": str(folder.parent / "no config"),
            "DVC_SYSTEM_CONFIG_DIR": str(folder.parent / "no config"),
            "GIT_CONFIG_GLOBAL": "/dev/null",
        }

    def run(self, *command: str) -> str:
        """Run a command that must go well; what it prints."""
        done = subprocess.run(
            command, cwd=self.folder, env=self.environment, capture_output=True, text=True
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        return done.stdout

    def shell(self, line: str) -> str:
        return self.run("bash", "-c", line)

    def commit(self, message: str) -> None:
        self.run("git", "add", "-A")
        self.run("git", "-c", "user.name=n", "-c", "user.email=e", "commit", "-qm", message)

    def make(self, photographs: int) -> None:
        """Fill the folder, run the pipeline and commit."""
        self.folder.mkdir()
        self.run("git", "init", "-q")
        self.run("dvc", "init", "-q")
        (self.folder / ".dvc" / "config").write_text(
            '[core]\n    autostage = false\n[cache]\n    type = "hardlink,copy"\n'
        )
        (self.folder / ".dvc" / ".gitignore").write_text("/config.local\n/tmp\n/cache\n/damaged\n")
        (self.folder / ".dvcignore").write_text("*.pyc\n")
        (self.folder / "dvc.yaml").write_text(PIPELINE)
        (self.folder / "make.py").write_text(MAKE)
        names = ["with space", "ü", "a'b", *(f"{n:03d}" for n in range(photographs - 3))]
        for n, name in enumerate(names):
            path = self.folder / "data" / "source" / ("faces", "places")[n % 2] / f"{name}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(random.Random(name).randbytes(2000 + n))
        self.run("dvc", "add", "-q", "data/source")
        self.run("dvc", "repro", "-q")
        self.commit("first")

    def verify(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "stages.tools.verify", *arguments],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
        )

    def found(self, *arguments: str) -> set[tuple[str, str]]:
        """What `verify` finds, kind and path; with its exit status to match."""
        done = self.verify(*arguments)
        findings = set(FINDING.findall(done.stdout))
        assert done.returncode == bool(findings), done.stdout + done.stderr
        return findings

    def object(self, path: str) -> Path:
        """The object of a file as it is now."""
        return self.cached(md5(self.folder / path))

    def cached(self, name: str) -> Path:
        return self.folder / ".dvc/cache/files/md5" / name[:2] / name[2:]

    def list_of(self, path: str) -> Path:
        """The object that lists a folder."""
        stages = yaml.safe_load((self.folder / "dvc.lock").read_text())["stages"]
        recorded = {out["path"]: out["md5"] for stage in stages.values() for out in stage["outs"]}
        (source,) = yaml.safe_load((self.folder / "data/source.dvc").read_text())["outs"]
        return self.cached((recorded | {"data/source": source["md5"]})[path])

    def files(self) -> dict[str, bytes]:
        """Content of every file of the outs."""
        folders = (self.folder / "data", self.folder / "reports")
        return {
            str(path.relative_to(self.folder)): path.read_bytes()
            for folder in folders
            for path in folder.rglob("*")
            if path.is_file() and path.name != ".gitignore" and path.suffix != ".dvc"
        }

    def objects(self) -> dict[str, bytes]:
        """Content of every object, by its name."""
        folder = self.folder / ".dvc/cache/files/md5"
        return {
            "".join(path.relative_to(folder).parts): path.read_bytes()
            for path in folder.rglob("*")
            if path.is_file()
        }


def write_settings(path: Path, sections: dict[str, dict[str, str]]) -> None:
    """Change DVC's settings in a file; by `dvc remote modify`, each takes half a second."""
    config = configparser.ConfigParser(interpolation=None)
    config.read(path)
    for name, values in sections.items():
        config[name] = (dict(config[name]) if name in config else {}) | values
    with path.open("w") as file:
        config.write(file)


def md5(path: Path) -> str:
    return hashlib.md5(path.read_bytes()).hexdigest()


@contextmanager
def written_to(path: Path, *, keep_time: bool) -> Iterator[None]:
    """Make a file writable meanwhile; with its mode and, where asked for, its time as before."""
    before = path.stat()
    path.chmod(0o644)
    yield
    path.chmod(before.st_mode)
    if keep_time:
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def flip(path: Path, *, at: int = 0, keep_time: bool = True) -> None:
    """Change one byte in place."""
    with written_to(path, keep_time=keep_time), path.open("r+b") as file:
        file.seek(at)
        byte = file.read(1)[0]
        file.seek(at)
        file.write(bytes([byte ^ 1]))


def truncate(path: Path, *, keep_time: bool = True) -> None:
    with written_to(path, keep_time=keep_time):
        os.truncate(path, path.stat().st_size // 2)


def replace(path: Path, content: bytes) -> None:
    """Edit a file as programs do that write a new one: the cache's object stays as it is."""
    path.unlink()
    path.write_bytes(content)
