"""The commands of a document, so that a test runs all of them or says why not."""

import re
from pathlib import Path

PROGRAMS = "7zz|cat|curl|dvc|git|head|make|python3?|sed|sha256sum"


def blocks(path: Path) -> list[list[str]]:
    """The indented blocks, a line each, without their comments."""
    found = re.findall(r"(?:^    .*\n)+", path.read_text(), re.MULTILINE)
    return [[re.sub(r"  +#.*", "", line).strip() for line in b.splitlines()] for b in found]


def spans(path: Path) -> list[str]:
    """What stands within the text as code and is a command with arguments, but for one word that a
    Makefile or DVC knows, as in `make push`."""
    text = re.sub(r"^    .*$", "", path.read_text(), flags=re.MULTILINE)
    code = [" ".join(span.split()) for span in re.findall(r"`([^`]+)`", text)]
    found = [span for span in code if re.match(rf"(?:{PROGRAMS}) ", span)]
    return [span for span in found if not re.fullmatch(r"(?:make|dvc) [\w-]+", span)]
