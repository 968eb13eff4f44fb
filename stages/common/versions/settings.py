"""What an experiment sets in params.yaml: from words, into a name, into the file.

Settings are values by the place of their parameter, as `{"cutoff.subimages.count": 150}`.
"""

import difflib
import hashlib
import json
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import yaml

from stages.common.errors import UserError

Settings = dict[str, Any]
COUNT, MIN_SCORE = "cutoff.subimages.count", "cutoff.subimages.min_score"
VALUES = (
    "per_section",
    "per_source",
    "min_score",
    "limits",
    "near_duplicates",
)  # that may be mappings
FLOOR = "min-score"  # what a floor in place of the count is called
CALLED = {COUNT: "tiles", "cutoff.images.count": "photographs"}
LONGEST = 60  # characters of a name; a longer one is cut
PLAIN = re.compile(r"[A-Za-z0-9]+|[0-9]+\.[0-9]+")  # a value that can stand in a name as it is


def by_counts(words: str) -> list[Settings]:
    """One experiment for each number of tiles, as `100 150`.

    Raises:
        UserError: for what is no number of tiles.
    """
    return [{COUNT: _number(word, int, "COUNTS", "150")} for word in words.split()]


def by_min_scores(words: str) -> list[Settings]:
    """One experiment for each lowest score, as `0.6 0.65`; no count limits it.

    Raises:
        UserError: for what is no number.
    """
    return [
        {COUNT: None, MIN_SCORE: _number(word, float, "MIN_SCORES", "0.65")}
        for word in words.split()
    ]


def _number(word: str, kind: type[int] | type[float], option: str, example: str) -> int | float:
    try:
        return kind(word)
    except ValueError:
        raise UserError(
            f"{option}: got {word!r}, expected numbers with spaces between, as `{example}`"
        ) from None


def by_words(text: str, params: Mapping[str, Any]) -> list[Settings]:
    """Experiments of any parameters, as `cutoff.images.count=8 validation.count=1`; a `;` begins
    the next one. Values are YAML; one with spaces stands in single quotes. Inside a mapping new
    keys may be set, as `cutoff.images.limits.noise.max=3`.

    Raises:
        UserError: for what is no setting, or no parameter of `params`.
    """
    found = []
    for part in filter(str.strip, text.split(";")):
        try:
            words = shlex.split(part)
        except ValueError as error:
            raise UserError(f"SET: {part.strip()}: {error}: close the quote") from None
        known = dict(leaves(params))
        settings: Settings = {}
        for word in words:
            settings |= _setting(word, known | settings)
        found.append(settings)
    return found


def _setting(word: str, known: Settings) -> Settings:
    key, equals, value = word.partition("=")
    if not equals:
        raise UserError(f"SET: got {word!r}, expected KEY=VALUE, as `{COUNT}=150`")
    outer = next(
        (k for k, v in known.items() if key.startswith(f"{k}.") and isinstance(v, dict)), None
    )
    if key not in known and outer is None:
        close = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
        hint = f"did you mean `{close[0]}`?" if close else "params.yaml has them all"
        raise UserError(f"SET: {key} is no parameter: {hint}")
    try:
        loaded = yaml.safe_load(value)
    except yaml.YAMLError:
        raise UserError(f"SET: {key}: {value!r} is no YAML: correct it") from None
    if key in known or outer is None:
        return {key: loaded}
    return {outer: _with(known[outer], key.removeprefix(f"{outer}.").split("."), loaded)}


def _with(mapping: Mapping[str, Any], place: Sequence[str], value: Any) -> dict[str, Any]:
    """The same mapping but for a value inside it."""
    first, *rest = place
    inner = mapping.get(first)
    held = _with(inner if isinstance(inner, dict) else {}, rest, value) if rest else value
    return dict(mapping) | {first: held}


def leaves(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Every parameter by its place."""
    for key, value in values.items():
        if isinstance(value, dict) and value and key.rpartition(".")[2] not in VALUES:
            yield from leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def differences(params: Mapping[str, Any], baseline: Mapping[str, Any]) -> Settings:
    """What is set otherwise than in a baseline. None for a parameter that is gone."""
    new, old = dict(leaves(params)), dict(leaves(baseline))
    return {
        key: new.get(key)
        for key in [*old, *(key for key in new if key not in old)]
        if key not in new or key not in old or new[key] != old[key]
    }


def name_of(settings: Settings) -> str:
    """What an experiment is called: its parameters and their values, in ASCII that git takes for a
    name, as `tiles-150`, `min-score-0.65` or `photographs-8_subimages-step-120`. Where characters
    had to be left out, a hash keeps names apart."""
    named = dict(settings)
    parts = []
    if MIN_SCORE in named and named.get(COUNT, "") is None:
        parts.append((FLOOR, yaml_of(named.pop(MIN_SCORE))))
        del named[COUNT]
    parts += [(CALLED.get(key, _dashed(key)), yaml_of(value)) for key, value in named.items()]
    name = "_".join(sorted(f"{called}-{_dashed(value)}" for called, value in parts))
    if len(name) <= LONGEST and all(PLAIN.fullmatch(value) for _, value in parts):
        return name
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True, default=str).encode()).hexdigest()
    return f"{name[:LONGEST].rstrip('-._')}-{digest[:6]}"


def _dashed(text: str) -> str:
    return text if PLAIN.fullmatch(text) else re.sub(r"[^A-Za-z0-9]+", "-", text).strip("-")


def yaml_of(value: Any) -> str:
    """A value as YAML on one line."""
    text = yaml.safe_dump(value, default_flow_style=True, width=float("inf"), allow_unicode=True)
    return text.removesuffix("...\n").strip()


def changed(text: str, settings: Settings) -> str:
    """A parameter file's text with other values; comments, order and all else stay as they are.

    Raises:
        UserError: where a value can't be set in the text alone, as one behind a YAML anchor.
    """
    others = {k: value for k, value in leaves(yaml.safe_load(text)) if k not in settings}
    for key, value in settings.items():
        text = _replaced(text, key, yaml_of(value))
    if dict(leaves(yaml.safe_load(text))) != others | dict(leaves(settings)):
        raise UserError(f"params.yaml: {', '.join(settings)}: can't be set: write it plainly there")
    return text


def _replaced(text: str, key: str, value: str) -> str:
    """Put a value in the place of another; a comment behind it stays in its column."""
    node: Any = yaml.compose(text, yaml.SafeLoader)
    for part in key.split("."):
        node = next(held for name, held in node.value if name.value == part)
    start, end = node.start_mark.index, _last(node).end_mark.index
    before, after = text[:start], text[end:]
    if before.endswith(":"):
        value = f" {value}"  # there was none
    gap = len(after) - len(after.lstrip(" "))
    if after[gap : gap + 1] == "#":
        after = " " * max(1, gap + (end - start) - len(value)) + after[gap:]
    return before + value + after


def _last(node: yaml.Node) -> yaml.Node:
    """The node that a value ends with. A block's own end lies behind the comments that follow."""
    while isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        node = node.value[-1][1] if isinstance(node, yaml.MappingNode) else node.value[-1]
    return node
