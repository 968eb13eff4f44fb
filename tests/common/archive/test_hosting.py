"""Hosting: folders that hosts take, and documents that follow."""

import hashlib
import json
import re
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from stages.common import tables
from stages.common.archive import hosting
from stages.common.archive.hosting import Download
from stages.common.rows import Lineage
from tests.common.archive.sets import small_set

NAME = "tiny-set"
SET = small_set()
CARD = "---\nconfigs:\n- data_files:\n  - path: [x]\n---\n| `tiny-set/0.png`, … |\n"


@given(st.integers(1, 3000), st.integers(1, 400))
def test_no_folder_has_more_than_a_host_takes_and_no_two_files_one_place(
    tiles: int, most: int
) -> None:
    others = ["README.md", "validation/hr/0.png", "sheet.png"]
    paths = [*others, *(f"{NAME}/{i}.png" for i in range(tiles))]
    place = hosting.places(paths, NAME, most)
    assert list(place) == paths
    assert len(set(place.values())) == len(paths)
    assert [place[path] for path in others] == others
    folders = Counter(
        each.rpartition("/")[0] for each in place.values() if each.startswith(f"{NAME}/")
    )
    assert max(folders.values()) == min(most, tiles)
    if tiles <= most:
        assert place == {path: path for path in paths}
    else:
        assert list(folders) == sorted(folders)  # in the order of the numbers
        assert len(folders) == -(-tiles // most)


def test_every_document_names_the_tiles_where_they_are() -> None:
    lines = [f"{row.name} ({row.height},{row.width},3)\n" for row in SET.tiles]
    lineage = tables.content(Lineage, SET.tiles)
    of = {
        "README.md": CARD.encode(),
        "metadata.jsonl": b'{"file_name": "tiny-set/11.png", "n": 1}\n',
        "croissant.json": json.dumps(
            {
                "distribution": [
                    {"@type": "cr:FileObject", "sha256": "0"},
                    {"@type": "cr:FileSet", "includes": "tiny-set/*.png"},
                    {"@type": "cr:FileSet", "includes": "validation/*/*.png"},
                ],
                "recordSet": [
                    {
                        "field": [
                            {"source": {"transform": {"regex": "(?:tiny-set/)?(.+)"}}},
                            {"source": {"extract": "content"}},
                        ]
                    }
                ],
            }
        ).encode(),
        "meta_info.txt": "".join(lines).encode(),
        "hyperiqa_score.txt": b"0.png\t0.9\n11.png\t0.8\nAverage hyperiqa score of 0.png is: 1\n",
        "lineage.csv": lineage,
        "configs/a.yml": b"dataroot_gt: tiny-set\n",
    }
    paths = [*of, *(f"{NAME}/{i}.png" for i in range(12))]
    place = hosting.places(paths, NAME, 5)
    found = hosting.moved(of, NAME, place)
    assert found["metadata.jsonl"] == b'{"file_name": "tiny-set/02/11.png", "n": 1}\n'
    assert found["meta_info.txt"].decode().splitlines()[::5] == [
        "00/0.png (32,32,3)",
        "01/5.png (32,32,3)",
        "02/10.png (32,32,3)",
    ]
    assert found["hyperiqa_score.txt"] == (
        b"00/0.png\t0.9\n02/11.png\t0.8\nAverage hyperiqa score of 0.png is: 1\n"
    )
    moved = [row._replace(name=f"{int(row.name[:-4]) // 5:02d}/{row.name}") for row in SET.tiles]
    assert found["lineage.csv"] == tables.content(Lineage, moved)
    about = json.loads(found["croissant.json"])
    assert about["distribution"][0]["sha256"] == hashlib.sha256(found["metadata.jsonl"]).hexdigest()
    assert [each.get("includes") for each in about["distribution"]] == [
        None,
        "tiny-set/*/*.png",
        "validation/*/*.png",
    ]
    (field, _) = about["recordSet"][0]["field"]
    assert re.fullmatch(field["source"]["transform"]["regex"], "tiny-set/02/11.png")[1] == "11.png"
    assert "| `tiny-set/00/0.png`, …" in found["README.md"].decode()
    assert found["configs/a.yml"] == of["configs/a.yml"]
    assert hosting.moved(of, NAME, {path: path for path in paths}) == of


DOWNLOADS = [Download(f"a.7z.00{n}", f"https://h/{n}", str(n) * 64) for n in (1, 2)]
COMMANDS = f"""\
curl --fail --location --output a.7z.001 https://h/1
curl --fail --location --output a.7z.002 https://h/2
echo "{"1" * 64}  a.7z.001" | sha256sum --check
echo "{"2" * 64}  a.7z.002" | sha256sum --check
7zz x a.7z.001
"""


def test_an_archive_is_fetched_compared_and_unpacked() -> None:
    assert hosting.download(DOWNLOADS) == COMMANDS
    assert hosting.download([]) == ""


def test_a_card_tells_how_to_get_the_archive_before_how_to_use_it() -> None:
    card = b"---\na: 1\n---\n\n# T\n\n## Files\n\nx\n\n## Use it\n\ny\n"
    found = hosting.with_download(card, COMMANDS).decode()
    assert found == (
        "---\na: 1\n---\n\n# T\n\n## Files\n\nx\n\n## Get the archive\n\nWith 7-Zip, and nothing "
        f"else:\n\n```sh\n{COMMANDS}```\n\n## Use it\n\ny\n"
    )
    assert hosting.with_download(card, "") == card


def test_the_card_of_an_archive_promises_no_rows() -> None:
    card = b"---\npretty_name: T\nconfigs:\n- config_name: default\n---\n\n# T\n\n12 tiles.\n"
    found = hosting.archive_card(card, ["a.7z.001", "a.7z.002"]).decode()
    assert found == (
        "---\npretty_name: T\n---\n\n# T\n\nHere lies the set's archive, `a.7z.001`, `a.7z.002`; "
        "what follows tells of the folder inside.\n\n12 tiles.\n"
    )


def test_a_title_that_ends_like_a_head_does_not_end_it() -> None:
    card = "---\npretty_name: T ---\nlicense: other\n---\n\n# T ---\n\n12 tiles.\n"
    note = "Here lies the set's archive, `a.7z`; what follows tells of the folder inside."
    found = hosting.archive_card(card.encode(), ["a.7z"]).decode()
    assert found == card.replace("12 tiles.", f"{note}\n\n12 tiles.")


def test_a_release_says_what_is_new_and_how_to_unpack() -> None:
    entry = "## 1.1.0 of 2026-12-01\n\nMINOR since 1.0.0: 1 tile added.\n\n"
    assert hosting.notes(entry, [("a.7z", "0" * 64)], "") == (
        f"MINOR since 1.0.0: 1 tile added.\n\nSHA-256:\n\n```\n{'0' * 64}  a.7z\n```\n\nOnce all "
        "files are here, with 7-Zip:\n\n```sh\nsha256sum --check SHA256SUMS\n7zz x a.7z\n```\n"
    )
    assert hosting.notes(None, [("a.7z", "0" * 64)], COMMANDS).endswith(
        f"From elsewhere:\n\n```sh\n{COMMANDS}```\n"
    )
