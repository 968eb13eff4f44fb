"""temporary"""

from pathlib import Path

import yaml


def recorded_file(path: Path) -> Path | None:
    lock = Path("dvc.lock")
    if not lock.is_file():
        return None
    for stage in yaml.safe_load(lock.read_text())["stages"].values():
        for out in stage.get("outs", []):
            if out["path"] == str(path):
                found = Path(".dvc/cache/files/md5", out["md5"][:2], out["md5"][2:])
                return found if found.is_file() else None
    return None
