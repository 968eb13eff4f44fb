"""What DVC knows of a folder's content: the hash that it tells changes by.

It is found with DVC's own code and from DVC's own notes: a file that has not changed since DVC last
looked is not read again.
"""

from pathlib import Path

from stages.common import buckets


def md5_of(folder: Path | str) -> str:
    """The hash of a folder, which ends with `.dir`: of the list of all files and their MD5s. Of a
    URL it is one of all sizes and ETags, by which DVC tells changes there."""
    if buckets.is_url(str(folder)):
        return buckets.state(str(folder))
    from dvc.fs import localfs  # takes a quarter of a second
    from dvc.repo import Repo
    from dvc_data.hashfile.build import build

    with Repo() as repo:
        # `dry_run`: nothing gets into the cache.
        _, _, found = build(
            repo.cache.local,
            str(Path(folder).absolute()),
            localfs,
            "md5",
            dry_run=True,
            ignore=repo.dvcignore,
        )
    return str(found.hash_info.value)
