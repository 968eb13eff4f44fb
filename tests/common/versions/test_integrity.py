"""Integrity: what differs, and the words and commands for it."""

import subprocess
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from stages.common.versions import integrity
from stages.common.versions.integrity import ABSENT, CHANGED, DAMAGED, MISSING, NEW, Finding
from stages.common.versions.records import Recorded

A, B, C, LIST = "a" * 32, "b" * 32, "c" * 32, f"{'d' * 32}.dir"
TILES = Recorded("data/hr", LIST, "collect", source=False, cached=True)
SOURCE = Recorded("data/source", LIST, "data/source.dvc", source=True, cached=True)
METRIC = Recorded("m.json", C, "collect", source=False, cached=False)
LISTS = {LIST: {"a.png": A, "b.png": B}}
CACHE = Path("cache")


def of_files(
    out: Recorded, there: list[str] | None, measured: dict[str, str | None], lost: set[str]
) -> list[tuple[str, str]]:
    found = integrity.of_files([out], LISTS, {out.path: there}, measured, lost)
    return [(finding.kind, finding.path) for finding in found]


def remedies(*findings: Finding, lost: tuple[str, ...] = (), mended: bool = True) -> list[str]:
    return integrity.remedies(findings, lost, cache=CACHE, remote=False, mended=mended)


def test_an_object_stands_for_all_paths_that_have_its_content() -> None:
    found = integrity.stands([("", TILES), ("v1", TILES), ("v1", SOURCE), ("", METRIC)], LISTS)
    assert {md5: [(s.path, s.tag) for s in stands] for md5, stands in found.items()} == {
        LIST: [("data/hr/", ""), ("data/source/", "v1")],
        A: [("data/hr/a.png", ""), ("data/source/a.png", "v1")],
        B: [("data/hr/b.png", ""), ("data/source/b.png", "v1")],
        C: [("m.json", "")],
    }


def test_objects_are_damaged_or_missing_and_those_that_git_keeps_need_not_be_there() -> None:
    named = integrity.stands([("", TILES), ("", METRIC)], LISTS)
    good = {LIST: LIST.removesuffix(".dir"), A: A, B: B, C: C}
    assert list(integrity.of_objects(named, good)) == []
    assert list(integrity.of_objects(named, good | {C: None})) == []
    bad = {LIST: "x", A: None, B: "unreadable", C: "x"}
    assert [(f.kind, f.path) for f in integrity.of_objects(named, bad)] == [
        (DAMAGED, "data/hr/"),
        (ABSENT, "data/hr/a.png"),
        (DAMAGED, "data/hr/b.png"),
        (DAMAGED, "m.json"),
    ]


def test_files_are_changed_missing_or_new() -> None:
    measured = {"data/hr/a.png": A, "data/hr/b.png": B}
    assert of_files(TILES, ["a.png", "b.png"], measured, set()) == []
    assert of_files(TILES, ["b.png", "c.png"], {"data/hr/b.png": A}, set()) == [
        (MISSING, "data/hr/a.png"),
        (CHANGED, "data/hr/b.png"),
        (NEW, "data/hr/c.png"),
    ]
    assert of_files(METRIC, None, {"m.json": A}, set()) == [(CHANGED, "m.json")]


def test_a_folder_is_told_as_one_only_where_that_says_all() -> None:
    assert of_files(TILES, None, {}, set()) == [(MISSING, "data/hr/")]
    assert of_files(TILES, None, {}, {A}) == [
        (MISSING, "data/hr/a.png"),
        (MISSING, "data/hr/b.png"),
    ]
    unlisted = TILES._replace(md5="e" * 32 + ".dir")
    assert of_files(unlisted, ["a.png"], {}, set()) == [(CHANGED, "data/hr/")]


def test_an_object_is_told_by_some_of_its_paths() -> None:
    outs = [("", SOURCE._replace(path=f"s{n}")) for n in range(5)]
    (finding,) = integrity.of_objects({A: integrity.stands(outs, LISTS)[A]}, {A: "x"})
    assert integrity.describe(finding, {A: ".dvc/damaged/a"}) == (
        f"damaged in the cache: s0/a.png, s1/a.png, s2/a.png and 2 more ({A}, now .dvc/damaged/a)"
    )


def test_no_command_gives_back_what_is_lost_or_takes_a_source_away() -> None:
    changed = Finding(CHANGED, "data/source/a b.png", A, SOURCE)
    assert remedies(changed) == [
        "dvc checkout --force 'data/source/a b.png'  # the recorded bytes",
        "dvc add data/source  # or take what is there now",
    ]
    lost, add = remedies(changed, lost=(A,))
    assert lost.startswith("# the recorded bytes are lost here: copy in from elsewhere")
    assert add == "dvc add data/source  # or take what is there now"
    new = Finding(NEW, "data/source/c.png", "", SOURCE)
    assert remedies(new) == ["dvc add data/source  # takes what is there now"]


def test_sources_come_before_the_stages_that_read_them() -> None:
    message = remedies(
        Finding(MISSING, "data/hr/a.png", A, TILES),
        Finding(MISSING, "sub/x", A, TILES._replace(path="sub/x", by="sub/dvc.yaml:make")),
        Finding(CHANGED, "m.json", C, METRIC),
        Finding(CHANGED, "data/source/b.png", B, SOURCE),
        lost=(A,),
    )
    assert [line.partition("  #")[0] for line in message] == [
        "dvc checkout --force data/source/b.png",
        "dvc add data/source",
        "git checkout -- m.json",
        "dvc repro",
        "dvc repro sub/dvc.yaml",
    ]


def test_before_mending_its_command_is_the_first() -> None:
    message = remedies(Finding(MISSING, "data/hr/a.png", A, TILES), mended=False)
    assert message == ["make mend  # puts back what can be put back"]


TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1)


@given(TEXTS | st.just("\udcff\n'\\ \x1b"))
def test_a_path_is_one_word_of_a_shell_on_one_line(path: str) -> None:
    word = integrity.shell(path)
    assert word.isprintable()
    done = subprocess.run(["bash", "-c", f"printf %s {word}"], capture_output=True, check=True)
    assert done.stdout == path.encode(errors="surrogateescape")
