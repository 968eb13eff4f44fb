"""DVC's settings, read without DVC."""

import configparser
import os
import re
from collections.abc import Iterator
from pathlib import Path

from stages.common.errors import UserError


def setting(root: Path, section: str, key: str) -> str | None:
    """A setting of DVC's: the project's own and local ones, then the user's, then the machine's.
    `dir` is a path, relative to the folder of the file that sets it."""
    for path, config in _configs(root):
        value = _plain(config.get(section, key, fallback=""))
        if value:
            if key != "dir":
                return value
            return os.path.abspath(path.parent / Path(value).expanduser())  # noqa: PTH100
    return None


def remotes(root: Path) -> dict[str, str]:
    """The url of every remote that DVC's settings name, by its name."""
    found: dict[str, str] = {}
    for _, config in _configs(root):
        for section in config.sections():
            name = re.fullmatch(r"'?remote \"(.*)\"'?", section)
            if name and _plain(config.get(section, "url", fallback="")):
                found.setdefault(name[1], _plain(config.get(section, "url")))
    return found


def _plain(value: str) -> str:
    return value.strip().strip("\"'")


def _configs(root: Path) -> Iterator[tuple[Path, configparser.ConfigParser]]:
    """Every file of DVC's settings, the one that counts most first."""
    user = os.environ.get("XDG_CONFIG_HOME") or "~/.config"
    machine = (os.environ.get("XDG_CONFIG_DIRS") or "/etc/xdg").split(":")[0]
    for path in (
        root / ".dvc" / "config.local",
        root / ".dvc" / "config",
        Path(os.environ.get("DVC_GLOBAL_CONFIG_DIR") or f"{user}/dvc").expanduser() / "config",
        Path(os.environ.get("DVC_SYSTEM_CONFIG_DIR") or f"{machine}/dvc") / "config",
    ):
        config = configparser.ConfigParser(
            interpolation=None, inline_comment_prefixes=("#",), strict=False
        )
        try:
            config.read(path, encoding="utf-8")
        except configparser.Error as error:
            raise UserError(
                f"{path} can't be read as DVC's settings ({str(error).splitlines()[0]}): mend it"
            ) from None
        yield path, config
