"""A working tree of the last commit beside the user's, `.dvc/tmp/compare`, to run experiments in.

It is a git worktree that stays, and `dvc repro` runs there; git commits the result under a name
DVC knows as an experiment's. Only the tables that the last stages read are there, as copies out of
the cache, unless a parameter reaches further up, or photographs are held: the probe reads tiles.
Tried, and why not:

- `dvc exp run` in the user's tree leaves it changed when it is killed.
- `dvc exp run --temp` and `--queue` list every tile again in a new folder: 50 s at 50,000 tiles.
- `dvc exp run` in a worktree puts all that is upstream there, even with `--single-item`. And
  worktrees share what it keeps on its way, `refs/exps/exec` and `refs/exps/stash`: killed, it
  leaves a lock there that stops the user's own `dvc exp run`.

Here a kill leaves a half-run folder that nobody looks into, and the next run starts from the commit
again. DVC is told to leave git alone there (`core.no_scm`), so that no hook and no ref that both
trees share is in play.
"""

import configparser
import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import yaml

from stages.common import git, store
from stages.common.errors import UserError
from stages.common.versions import experiments, records, settings
from stages.common.versions.records import Recorded
from stages.common.versions.settings import Settings

FOLDER = Path(".dvc/tmp/compare")
TABLES_ONLY = ("cutoff@subimages", experiments.LAST)  # stages that read no image
CHECKS = "check"  # depends on all parameters, and changes no result
NO_HOOKS = ("-c", "core.hooksPath=/dev/null")  # DVC's would check out all data
PERSON = ("GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL")
COPIED = ("core", "cache")  # sections of DVC's local settings that matter here


class Worktree:
    """The worktree at a baseline; `opened` makes one."""

    def __init__(self, root: Path, baseline: str, lock: IO[str]) -> None:
        self._root = root
        self._baseline = baseline
        self._lock = lock  # DVC's processes have it, too: it is free when the last one has ended
        self._top = (root / FOLDER).absolute()
        prefix = git.output(root, "rev-parse", "--show-prefix").decode().strip()
        self._project = self._top / prefix
        self._tables_there = False

    def run(
        self, name: str, wanted: Settings, allowed: Callable[[], None], *, show: bool = False
    ) -> str:
        """Run one experiment and keep it under its name; gives its commit.

        Where it is of tables alone, it starts from what dvc.lock and the cache have, whatever the
        user's tree holds, and takes seconds: so `allowed` is asked before it is kept. Any other one
        starts only then.

        Args:
            allowed: raises where nothing may start from this baseline.

        Raises:
            UserError: where a stage, DVC or git fails, with what that says.
        """
        self.reset()
        path = self._project / "params.yaml"
        text = path.read_text(encoding="utf-8")
        lock = yaml.safe_load((self._project / "dvc.lock").read_text(encoding="utf-8"))["stages"]
        changed = settings.changed(text, wanted)
        last = experiments.last_of(yaml.safe_load(changed))
        reached = reaches(wanted, lock) & before(experiments.LAST, lock)
        if reached <= {*TABLES_ONLY, CHECKS} and last == [experiments.LAST]:
            if not self._tables_there and not self._copied(self._tables(lock)):
                self._dvc("checkout", "--force", *(out.path for out in self._tables(lock)))
            self._tables_there = True
            targets = ["--single-item", *TABLES_ONLY]
        else:
            allowed()
            self._dvc("checkout", "--force", "--with-deps", *last)
            self._tables_there = False
            targets = last
        path.write_text(changed, encoding="utf-8")
        self._dvc("repro", *targets, show=show)
        allowed()
        return self._commit(name)

    def reset(self) -> None:
        """Be as the baseline is; make the worktree where it is not there, or not whole."""
        try:
            if not self._is_ours():
                raise UserError("no worktree of this repository")
            self._git("reset", "--quiet", "--hard", self._baseline)
        except UserError:
            self._tables_there = False
            shutil.rmtree(self._top, ignore_errors=True)
            git.output(self._root, "worktree", "prune")
            add = ("worktree", "add", "--quiet", "--force", "--detach")
            git.output(self._root, *NO_HOOKS, *add, str(self._top), self._baseline)
        self._configure()

    def _is_ours(self) -> bool:
        """Whether it belongs to this repository, and not to one that this was copied from."""
        pointer = self._top / ".git"
        if not pointer.is_file():
            return False
        target = pointer.read_text(encoding="utf-8", errors="surrogateescape")
        place = self._top / target.removeprefix("gitdir: ").rstrip("\n")
        common = git.output(self._root, "rev-parse", "--git-common-dir")
        ours = self._root / os.fsdecode(common).rstrip("\n")
        back = place / "gitdir"
        return (
            ours.resolve() in place.resolve().parents
            and back.is_file()
            and (place / back.read_text().rstrip("\n")).resolve() == pointer.resolve()
        )

    def _configure(self) -> None:
        """DVC's settings of this clone, with the user's cache and without git."""
        config = configparser.ConfigParser(interpolation=None, strict=False)
        config.optionxform = str  # type: ignore[assignment, method-assign]
        config.read(self._root / ".dvc" / "config.local", encoding="utf-8")
        for section in config.sections():
            if section.strip("'\"") not in COPIED:
                config.remove_section(section)
        for section in COPIED:
            if not config.has_section(section):
                config.add_section(section)
        cache = str(records.cache_folder(self._root).absolute())
        quote = '"' if '"' not in cache else "'"
        config["core"]["no_scm"] = "true"
        config["cache"]["dir"] = f"{quote}{cache}{quote}"
        with (self._project / ".dvc" / "config.local").open("w", encoding="utf-8") as file:
            config.write(file)

    def _tables(self, lock: dict[str, Any]) -> list[Recorded]:
        """The outs that the stages of tables read."""
        read = [path for stage in TABLES_ONLY for path in _paths(lock[stage], "deps")]
        outs = [out for out in records.read(self._project) if out.cached]
        return [out for out in outs if any(_overlap(out.path, path) for path in read)]

    def _copied(self, outs: Sequence[Recorded]) -> bool:
        """Put outs there from the cache, without DVC, whose start takes two seconds; False where it
        must do so. DVC compares them with dvc.lock before it runs a stage on them."""
        cache = records.cache_folder(self._root)
        try:
            objects = {path: file for out in outs for path, file in _objects(cache, out)}
        except (OSError, ValueError):
            return False
        if not all(file.is_file() for file in objects.values()):
            return False
        for out in outs:
            if out.md5.endswith(records.DIR):  # so that no file of another version is left there
                shutil.rmtree(self._project / out.path, ignore_errors=True)
        for path, file in objects.items():
            target = self._project / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.unlink(missing_ok=True)
            shutil.copyfile(file, target)
        return True

    def _commit(self, name: str) -> str:
        """Commit what the stages have made of git's files, and give the commit its name."""
        self._git("add", "--update")
        self._git("add", "--force", "--", experiments.METRICS)
        tree = self._git("write-tree")
        message = f"experiment {name}"
        commit = self._git("commit-tree", tree, "-p", self._baseline, "-m", message)
        self._git("update-ref", experiments.ref_of(self._baseline, name), commit)
        return commit

    def _git(self, *arguments: str) -> str:
        output = git.output(self._project, *NO_HOOKS, *arguments, variables=self._person())
        return output.decode(errors="surrogateescape").strip()

    def _person(self) -> dict[str, str]:
        """Who commits: the one whom git knows here, else who made the baseline."""
        try:
            git.output(self._root, "var", "GIT_COMMITTER_IDENT")
            return {}
        except UserError:
            form = "--format=%an%n%ae"
            shown = git.output(self._root, "show", "--no-patch", form, self._baseline).decode()
            name, email = shown.split("\n")[:2]
            return dict(zip(PERSON, (name, email) * 2, strict=True))

    def _dvc(self, *arguments: str, show: bool = False) -> None:
        """Run DVC in the worktree; what it prints is shown, or only kept for an error."""
        sys.stdout.flush()
        process = subprocess.Popen(
            [sys.executable, "-m", "dvc", *arguments],
            cwd=self._project,
            env=os.environ | {"SRSET_STORE": str(store.default_path()), "PYTHONUTF8": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=[self._lock.fileno()],
        )
        printed = bytearray()
        with process:
            assert process.stdout
            while chunk := process.stdout.read1():  # type: ignore[attr-defined]
                printed += chunk
                if show:
                    sys.stdout.write(chunk.decode(errors="replace"))
                    sys.stdout.flush()
        if process.returncode:
            raise UserError(experiments.reason(printed.decode(errors="replace")))


def _objects(cache: Path, out: Recorded) -> Iterator[tuple[str, Path]]:
    """The files of an out, each with its object."""
    whole = records.object_path(cache, out.md5)
    if not out.md5.endswith(records.DIR):
        yield out.path, whole
        return
    for path, md5 in records.tree(whole.read_bytes()).items():
        yield f"{out.path}/{path}", records.object_path(cache, md5)


def reaches(wanted: Settings, lock: dict[str, Any]) -> set[str]:
    """The stages that have read one of the parameters, as dvc.lock has it."""

    return {
        name
        for name, stage in lock.items()
        for values in stage.get("params", {}).values()
        if any(_overlap(read, key, ".") for read in values for key in wanted)
    }


def before(last: str, lock: dict[str, Any]) -> set[str]:
    """A stage, and all whose outs it reads, by way of others too, as dvc.lock has it."""
    outs = [(name, path) for name, stage in lock.items() for path in _paths(stage, "outs")]
    found: set[str] = set()
    waiting = {last}
    while waiting:
        name = waiting.pop()
        found.add(name)
        read = _paths(lock[name], "deps")
        waiting |= {maker for maker, out in outs if any(_overlap(out, path) for path in read)}
        waiting -= found
    return found


def _paths(stage: dict[str, Any], kind: str) -> list[str]:
    return [entry["path"] for entry in stage.get(kind, ())]


def _overlap(one: str, other: str, between: str = "/") -> bool:
    """Whether one of two places is in the other."""
    one, other = f"{one}{between}", f"{other}{between}"
    return one.startswith(other) or other.startswith(one)


@contextmanager
def opened(root: Path, baseline: str) -> Iterator[Worktree]:
    """The worktree, for this process alone.

    Raises:
        UserError: where another process has it, and which.
    """
    path = (root / FOLDER).with_suffix(".lock")
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.seek(0)
            raise UserError(
                f"experiments are being run here already, by process {lock.read().strip()} or what "
                "it has started: wait for their end, then run this again"
            ) from None
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        yield Worktree(root, baseline, lock)
