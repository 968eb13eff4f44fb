"""Names that are not UTF-8, for programs that take nothing else.

Python keeps a byte that is not UTF-8 as a lone surrogate, U+DC80 to U+DCFF, which sorts after
U+D7FF and before U+E000. Here such a byte becomes U+E000 to U+E07F, and a character that means one
of these, or U+E080, gets U+E080 before it: valid, reversible, and sorted as before.
"""

import codecs
import re
from pathlib import Path

AT_ONCE = 1 << 20  # characters, or bytes
BYTE, PRIVATE, MARK = 0xDC80, 0xE000, "\ue080"
ESCAPED = re.compile("[\udc80-\udcff\ue000-\ue080]")
RESTORED = re.compile("\ue080(.)|[\ue000-\ue07f]", re.DOTALL)


def escaped(text: str) -> str:
    """A text that UTF-8 can hold."""
    return ESCAPED.sub(lambda found: _escaped(found[0]), text)


def _escaped(character: str) -> str:
    if character < "\ue000":
        return chr(ord(character) - BYTE + PRIVATE)
    return MARK + character


def restored(text: str) -> str:
    """A text as it was before it was `escaped`."""
    return RESTORED.sub(lambda found: found[1] or chr(ord(found[0]) - PRIVATE + BYTE), text)


def is_valid(text: str) -> bool:
    """Whether UTF-8 can hold a text."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def is_utf8(path: Path) -> bool:
    """Whether a file is UTF-8."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        with path.open("rb") as file:
            while content := file.read(AT_ONCE):
                decoder.decode(content)
            decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def copy(source: Path, target: Path) -> None:
    """Copy a text file, `escaped`."""
    with (
        source.open(encoding="utf-8", errors="surrogateescape", newline="") as read,
        target.open("w", encoding="utf-8", newline="") as write,
    ):
        while text := read.read(AT_ONCE):
            write.write(escaped(text))
