"""Fingerprints: what a stage's result depends on besides its inputs, its code and its packages.

A stage's fingerprint is a text. It names every module that the stage imports, by way of others
too, anywhere in a function as well, with a hash of its tokens; the files in a folder `templates`
beside one that imports jinja2; and the version of every installed package that these modules
import.

A hash is of tokens, and not of the tree that Python makes of them, which differs between versions
of Python. Comments, docstrings, blank lines and where lines are broken are no part of it. What is
imported by a name that is made at run time is not seen.
"""

import ast
import functools
import hashlib
import io
import re
import sys
import tokenize
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from importlib import metadata, util
from pathlib import Path
from typing import NamedTuple

from stages.common.errors import UserError

# What changes no image, score or table: command line, messages, folders, parallel work. A change
# there runs no stage, and what only these modules import is left out, too. The list is here, beside
# the code that reads it, since the contract (tests/test_wiring.py) must mean the same modules.
COMMON = ("buckets", "cli", "disk", "errors", "git", "links", "listing", "params", "workers")
ENGINE = ("cluster", "nodes", "raylets")
STORE = (  # what is known already, and by which key
    "embeddings",
    "facts",
    "measured",
    "scores",
    "store",
    "fingerprints",
)
SHELL = frozenset({"stages", "stages.common.versions.records"}) | {
    f"stages.common.{name}" for name in COMMON + ENGINE + STORE
}
SHELL_PACKAGES = {"pydantic", "tqdm"}  # check params.yaml, show how far a run is
# An extra that reads more kinds of files. It can change pixels, whose hash `gather` lists, and all
# that reads pixels depends on that table: so it is named there alone, and whoever takes over a
# project without it, or with it, needs to score nothing again.
EXTRA, WHERE = "pillow_heif", "gather"
ABSENT = "absent"  # instead of a version
TEMPLATES = "templates"
LAYOUT = {"COMMENT", "NL", "ENCODING", "ENDMARKER"}
STRUCTURE = {"NEWLINE": "\n", "INDENT": "\n>", "DEDENT": "\n<"}

Place = tuple[int, int]  # line and column, as tokens have them


class Module(NamedTuple):
    """What a fingerprint says of a file of code, and where to look further."""

    path: Path
    sha256: str | None  # None where there is no code in it
    imports: frozenset[str]  # full names of modules, and of what is taken from them


def all_of(code: Path) -> dict[str, str]:
    """Every stage's fingerprint, by the stage's name.

    Args:
        code: the folder of the stages, each a script; it is a package of this name.

    Raises:
        UserError: where a file can't be read as Python.
    """
    return _texts(code, sorted(code.glob("[a-z]*.py")))


def of(script: Path) -> str:
    """The fingerprint of one stage, without reading what only others import.

    Raises:
        UserError: as `all_of`.
    """
    return _texts(script.parent, [script])[script.stem]


def _texts(code: Path, scripts: Sequence[Path]) -> dict[str, str]:
    packages = metadata.packages_distributions()

    @functools.cache
    def module(name: str) -> Module | None:
        path = file_of(name, code)
        return read(path, name) if path else None

    @functools.cache
    def versions(package: str) -> list[str]:
        names = sorted(set(map(canonical, packages.get(package, [package]))))
        return [f"{name} {version_of(name)}" for name in names]

    texts = {}
    for script in scripts:
        modules = closure(f"{code.name}.{script.stem}", module)
        lines = {line for found in modules for line in lines_of(found, code)}
        foreign = {name.partition(".")[0] for found in modules for name in found.imports}
        left_out = SHELL_PACKAGES | {code.name} | ({EXTRA} if script.stem != WHERE else set())
        for package in foreign - sys.stdlib_module_names - left_out:
            lines.update(versions(package))
        texts[script.stem] = "".join(f"{line}\n" for line in sorted(lines))
    return texts


def packages_in(texts: Iterable[str]) -> dict[str, str]:
    """The packages that fingerprints name, and their versions."""
    lines = (line.rpartition(" ") for text in texts for line in text.splitlines())
    return {name: version for name, _, version in lines if "/" not in name}


def closure(name: str, module: Callable[[str], Module | None]) -> list[Module]:
    """A module and all of ours that it imports, by way of others too, but for the shell."""
    found: dict[str, Module | None] = {}
    waiting = {name}
    while waiting:
        name = waiting.pop()
        found[name] = here = module(name)
        wanted = set(here.imports) if here else set()
        wanted |= {name.rpartition(".")[0]} - {""}  # a package's own code runs first
        waiting |= wanted - found.keys() - SHELL
    return [here for here in found.values() if here]


def file_of(name: str, code: Path) -> Path | None:
    """A module's file; None for what is not ours, or no module."""
    path = code.parent / name.replace(".", "/")
    files = (path.with_name(f"{path.name}.py"), path / "__init__.py")
    ours = name.partition(".")[0] == code.name
    return next((file for file in files if ours and file.is_file()), None)


def lines_of(module: Module, code: Path) -> Iterator[str]:
    """What a fingerprint says of a module and of the templates beside it, if it fills in any."""
    if module.sha256:
        yield f"{module.path.relative_to(code.parent).as_posix()} {module.sha256}"
    if "jinja2" not in module.imports:
        return
    for path in module.path.parent.joinpath(TEMPLATES).rglob("*"):
        if path.is_file() and path.parent.name != "__pycache__":
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            yield f"{path.relative_to(code.parent).as_posix()} {digest}"


def canonical(name: str) -> str:
    """A package's name as pip writes it: PyYAML is pyyaml."""
    return re.sub(r"[-_.]+", "-", name).lower()


def version_of(package: str) -> str:
    """The installed version, without what a build adds to it: torch 2.13.0+cpu and 2.13.0+cu128 are
    the same here, since two machines with one version of the data need not have one GPU."""
    try:
        return metadata.version(package).partition("+")[0]
    except metadata.PackageNotFoundError:
        return ABSENT


def read(path: Path, name: str) -> Module:
    """Read a module that is called `name`.

    Raises:
        UserError: where it is not Python.
    """
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    try:
        source = path.read_text(encoding="utf-8-sig")
        tree = ast.parse(source)
        return Module(path, hash_of(source, tree), frozenset(imported(tree, package)))
    except (SyntaxError, ValueError, tokenize.TokenError) as error:
        fault = f"line {error.lineno}: {error.msg}" if isinstance(error, SyntaxError) else error
        raise UserError(f"{path}: {fault}: no Python: correct it") from error


def imported(tree: ast.AST, package: str) -> Iterator[str]:
    """Full names of what a module of a package imports, anywhere in it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = util.resolve_name("." * node.level + (node.module or ""), package)
            yield from (module, *(f"{module}.{alias.name}" for alias in node.names))


def hash_of(source: str, tree: ast.AST | None = None) -> str | None:
    """SHA-256 of a source's tokens; None where it has none."""
    found = list(tokens(source, tree or ast.parse(source)))
    return hashlib.sha256("\0".join(found).encode()).hexdigest() if found else None


def tokens(source: str, tree: ast.AST) -> Iterator[str]:
    """A source without layout and docstrings; an f-string is one token, as before Python 3.12."""
    lines = source.split("\n")
    docstrings = docstrings_in(tree, lines)
    last, depth, start, end = "\n", 0, (0, 0), (0, 0)  # a docstring ends at `end`
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        kind, text = tokenize.tok_name[token.type], token.string
        end = docstrings.get(token.start, end)
        if token.start < end or kind in LAYOUT:
            continue
        if kind.endswith("STRING_START"):
            depth, start = depth + 1, start if depth else token.start
        if kind.endswith("STRING_END"):
            depth, text = depth - 1, between(lines, start, token.end)
        if depth or (kind == "NEWLINE" and last in STRUCTURE.values()):
            continue  # inside an f-string; or nothing stood on the line but a docstring
        last = STRUCTURE.get(kind, text)
        yield last


def docstrings_in(tree: ast.AST, lines: list[str]) -> Mapping[Place, Place]:
    """Where docstrings start, and where each ends."""
    places = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            match node.body:
                case [ast.Expr(ast.Constant(str()) as text), *_]:
                    first, last = text.lineno, text.end_lineno or text.lineno
                    start = characters(lines[first - 1], text.col_offset)
                    end = characters(lines[last - 1], text.end_col_offset or 0)
                    places[first, start] = last, end
    return places


def characters(line: str, size: int) -> int:
    """How many characters the first bytes of a line are."""
    return len(line.encode()[:size].decode())


def between(lines: list[str], start: Place, end: Place) -> str:
    """The text from one place to another."""
    rows = lines[start[0] - 1 : end[0]]
    rows[-1] = rows[-1][: end[1]]
    rows[0] = rows[0][start[1] :]
    return "\n".join(rows)
