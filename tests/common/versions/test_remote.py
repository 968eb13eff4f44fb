"""Remote: the parts of DVC that no document promises are as this reads them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from stages.common.versions import remote
from stages.common.versions.remote import reason

LOOK = """
import sys
from pathlib import Path
from stages.common.versions.remote import Remote
there = Remote("store")
print(there.kind, Path(there.root).name)
print(sorted(there.listing().objects.items()), sorted(there.listing().stale.values()))
names = list(there.listing().objects)
back = there.read_back(dict.fromkeys(names))
print(sorted(there.hashed_there(names).items()), sorted(back.items()))
"""


def dvc(folder: Path, *arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "dvc", *arguments], cwd=folder, check=True)


def test_a_folder_is_listed_hashed_and_read(tmp_path: Path) -> None:
    project = tmp_path / "project"
    project.mkdir()
    dvc(project, "init", "--no-scm", "--quiet")
    dvc(project, "remote", "add", "--default", "--quiet", "store", str(tmp_path / "store"))
    (project / "a").write_bytes(b"content")
    dvc(project, "add", "--quiet", "a")
    dvc(project, "push", "--quiet")
    (tmp_path / "store/files/md5/9a/.x.tmp").write_bytes(b"123")
    done = subprocess.run(
        [sys.executable, "-c", LOOK],
        cwd=project,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[3])},
        capture_output=True,
        text=True,
    )
    md5 = "9a0364b9e99bb480dd25e1f0284c8555"
    assert done.stdout.splitlines() == [
        "local md5",
        f"[('{md5}', Object(size=7, md5=None))] [3]",
        f"[('{md5}', '{md5}')] [('{md5}', '{md5}')]",
    ], done.stderr


@pytest.mark.parametrize(
    ("error", "end"),
    [
        (OSError(28, "No space left on device"), ": free some space there"),
        (PermissionError("Forbidden"), "rights there, see docs/remotes.md"),
        (
            OSError("The specified bucket does not exist"),
            "make the bucket, or mend the remote's url",
        ),
        (OSError("boom\nbang"), "boom bang: see that it runs, can be reached, and has room"),
        (remote.GoneError("it is silent"), "it is silent"),
    ],
)
def test_what_went_wrong_is_one_line_with_what_to_do(error: Exception, end: str) -> None:
    text = reason(error)
    assert text.endswith(end)
    assert "\n" not in text
