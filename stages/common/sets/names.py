"""Names of files in sets and archives: which are unsafe, and how to show them."""

import re
import unicodedata

LONGEST = 255  # bytes of a name, in most file systems
# Beside the control characters, what turns the direction of text or ends a line.
MISLEADING = set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u2028\u2029")


def fault(path: str) -> str | None:
    """Why a name can't be unpacked; None where it can."""
    parts = path.split("/")
    if path.startswith("/") or re.match("[A-Za-z]:", path):
        return "has an absolute name"
    if ".." in parts:
        return "has a name that leads out of the folder"
    if "" in parts or "." in parts:
        return "has an empty part in its name"
    if any(unicodedata.category(c) == "Cc" or c in MISLEADING for c in path):
        return "has control characters in its name"
    if any(len(part.encode("utf-8", "surrogatepass")) > LONGEST for part in parts):
        return f"has a name of more than {LONGEST} bytes"
    return None


def shown(name: str) -> str:
    """A name for a line of text: control characters and bytes that are no UTF-8 are escaped."""
    return "".join(
        c.encode("unicode_escape").decode()
        if unicodedata.category(c) in ("Cc", "Cs") or c in MISLEADING
        else c
        for c in name
    )
