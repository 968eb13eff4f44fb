"""Names of files as others read them: YAML, the overrides of `dvc exp run --set-param`, bash.

A name is any text but `\\0`, as Python has it: bytes that are no UTF-8 stand in it as surrogates.
"""

import re

# What no line of text should hold as it is: controls, other line ends, a byte order mark, and
# surrogates.
ODD = re.compile("[\\x00-\\x1f\\x7f-\\x9f\\u2028\\u2029\\ufeff\\ud800-\\udfff\\ufffe\\uffff]")
NO_OVERRIDE = "\x85"  # DVC writes this line end into params.yaml in a way that it can't read


def as_yaml(name: str) -> str:
    """A name as a scalar of YAML, in double quotes, on one line: the same in YAML 1.1 and 1.2."""
    plain = re.sub(r'["\\]', r"\\\g<0>", name)
    return '"' + ODD.sub(lambda odd: f"\\u{ord(odd[0]):04x}", plain) + '"'


def as_override(name: str) -> str | None:
    """A name as an element of a list in an override; None where no override can hold it.

    Hydra reads the override: within quotes, backslashes count only before a quote, and before the
    `${` of an interpolation, which OmegaConf would fill in.
    """
    if NO_OVERRIDE in name or name == "???":  # this stands for a value that is missing
        return None
    text = re.sub(r'(\\*)"', r'\1\1\\"', name)
    text = re.sub(r"(\\*)\$\{", r"\1\1\\${", text)
    return '"' + re.sub(r"(\\+)$", r"\1\1", text) + '"'


def in_quotes(text: str) -> str:
    """A text as a part of what stands between single quotes in bash, on one line and with nothing
    that a terminal would take for a key."""

    def odd(match: re.Match[str]) -> str:
        content = match[0].encode("utf-8", errors="surrogateescape")
        return "'$'" + "".join(f"\\x{byte:02x}" for byte in content) + "''"

    return ODD.sub(odd, text.replace("'", r"'\''"))
