"""Versions: what DVC has recorded is read as DVC itself reads it."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.common.errors import UserError
from stages.common.versions import configuration, records
from stages.common.versions.records import Recorded
from tests.strategies import file_names

A, B, C = "a" * 32, "b" * 32, "c" * 32
Write = Callable[[str, str], None]


@pytest.fixture(autouse=True)
def no_config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DVC_GLOBAL_CONFIG_DIR", "DVC_SYSTEM_CONFIG_DIR"):
        monkeypatch.setenv(name, str(tmp_path / name))


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(name: str, text: str) -> None:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)

    return write


def out(path: str, md5: str = A) -> str:
    return f"{{path: '{path}', md5: {md5}, hash: md5, size: 1}}"


def lock(**stages: str) -> str:
    lines = [f"  {name}: {{cmd: x, outs: [{outs}]}}\n" for name, outs in stages.items()]
    return "schema: '2.0'\nstages:\n" + "".join(lines)


def test_a_files_object_is_found_if_it_is_there(
    tmp_path: Path, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    table = Path("data/t.csv")
    assert records.recorded_file(table) is None
    write("dvc.yaml", "stages: {make: {cmd: x, outs: [data/t.csv]}}")
    write("dvc.lock", lock(make=out("data/t.csv", A)))
    assert records.recorded_file(table) is None
    write(f".dvc/cache/files/md5/aa/{A[2:]}", "path")
    found = records.recorded_file(table)
    assert found is not None
    assert found.read_text() == "path"
    assert records.recorded_file(Path("data/other.csv")) is None


def test_a_last_run_is_what_its_stage_has_read_and_left(
    tmp_path: Path, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert records.last_run(Path("b.csv")) == {}
    names = {name: records.md5_of(name.encode()) for name in ("a.csv", "b.csv", "n.json", "x")}
    read = f"deps: [{out('a.csv', names['a.csv'])}, {out('code', A + '.dir')}, {out('gone', C)}]"
    left = f"outs: [{out('b.csv', names['b.csv'])}, {out('n.json', names['n.json'])}]"
    other = f"other: {{cmd: x, outs: [{out('x', names['x'])}]}}"
    write("dvc.lock", f"schema: '2.0'\nstages:\n  make: {{cmd: x, {read}, {left}}}\n  {other}\n")
    for name, md5 in names.items():
        write(f".dvc/cache/files/md5/{md5[:2]}/{md5[2:]}", name)
    found = records.last_run(Path("b.csv"))
    assert {path: file.read_text() for path, file in found.items()} == {
        name: name for name in ("a.csv", "b.csv", "n.json")
    }
    found["a.csv"].write_text("damaged")
    assert records.last_run(Path("b.csv")).keys() == {"b.csv", "n.json"}
    assert records.last_run(Path("c.csv")) == {}


def test_a_files_object_of_the_last_commit_is_found_whatever_the_lock_says_now(
    tmp_path: Path, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    table = Path("data/t.csv")
    assert records.committed_file(table) is None  # no git
    write("dvc.yaml", "stages: {make: {cmd: x, outs: [data/t.csv]}}")
    write("dvc.lock", lock(make=out("data/t.csv", A)))
    subprocess.run(["git", "init", "--quiet"], check=True)
    assert records.committed_file(table) is None  # no commit
    subprocess.run(["git", "add", "--all"], check=True)
    who = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    subprocess.run(["git", *who, "commit", "--quiet", "--message", "first"], check=True)
    assert records.committed_file(table) is None  # no object
    write(f".dvc/cache/files/md5/aa/{A[2:]}", "path")
    write("dvc.lock", lock(make=out("data/t.csv", B)))
    found = records.committed_file(table)
    assert found is not None
    assert found.read_text() == "path"
    assert records.committed_file(Path("data/other.csv")) is None


def test_outs_of_stages_and_of_sources_are_found(tmp_path: Path, write: Write) -> None:
    write("dvc.yaml", "stages: {make: {cmd: x, outs: [data/hr]}}")
    write("dvc.lock", lock(make=out("data/hr", f"{B}.dir")))
    write("data/source.dvc", f"outs:\n- {out('source', f'{A}.dir')}\n")
    write("other/x.dvc", f"wdir: ../data\nouts:\n- {out('photo.jpg', C)}\n")
    assert records.read(tmp_path) == [
        Recorded("data/hr", f"{B}.dir", "make", source=False, cached=True),
        Recorded("data/photo.jpg", C, "other/x.dvc", source=True, cached=True),
        Recorded("data/source", f"{A}.dir", "data/source.dvc", source=True, cached=True),
    ]


def test_folders_of_data_and_of_other_projects_are_not_entered(
    tmp_path: Path, write: Write
) -> None:
    write("dvc.yaml", "stages: {make: {cmd: x, outs: [data/hr]}}")
    write("dvc.lock", lock(make=out("data/hr")))
    for folder in ("data/hr", ".dvc/tmp", ".git", ".venv", "training"):
        write(f"{folder}/x.dvc", f"outs:\n- {out('x')}\n")
    write("training/.dvc/config", "")
    assert [found.path for found in records.read(tmp_path)] == ["data/hr"]


def test_a_pipeline_in_a_folder_has_its_own_paths_and_name(tmp_path: Path, write: Write) -> None:
    write("sub/dvc.yaml", "stages: {make: {cmd: x, wdir: in, outs: [../b]}}")
    write("sub/dvc.lock", lock(make=out("../b")))
    assert records.read(tmp_path) == [
        Recorded("sub/b", A, "sub/dvc.yaml:make", source=False, cached=True)
    ]


def test_what_git_keeps_is_told_by_dvc_yaml_though_its_names_are_templates(
    tmp_path: Path, write: Write
) -> None:
    write(
        "dvc.yaml",
        """
stages:
  score:
    foreach: {images: {}, tiles: {}}
    do:
      cmd: x
      outs: ["out/${key}.csv", "reports/${key}.json"]
      metrics: ["reports/score_${key}.json": {cache: false}]
      plots: [{"plot ${key}.csv": {cache: false, x: rank}}, "./kept.csv"]
""",
    )
    paths = {
        "out/images.csv": True,
        "reports/images.json": True,
        "reports/score_images.json": False,
        "plot images.csv": False,
        "kept.csv": True,
        "left over": True,
    }
    write("dvc.lock", lock(**{"score@images": ", ".join(map(out, paths))}))
    assert {found.path: found.cached for found in records.read(tmp_path)} == paths


def test_a_stage_that_dvc_yaml_has_no_more_counts_no_more(tmp_path: Path, write: Write) -> None:
    write("dvc.yaml", "stages: {new: {cmd: x, outs: [a]}}")
    write("dvc.lock", lock(new=out("a"), old=out("b")))
    assert [found.path for found in records.read(tmp_path)] == ["a"]


def test_what_has_no_bytes_here_is_left_out(tmp_path: Path, write: Write) -> None:
    write("a.dvc", "outs:\n- {path: later, hash: md5}\n")
    write("b.dvc", f"outs:\n- {out('../outside')}\n- {out('/mnt/outside')}\n")
    assert records.read(tmp_path) == []


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.dvc", f"outs:\n- {{path: a, md5: {A}}}\n", "a.dvc: a was recorded by DVC 2: run `dvc"),
        ("a.dvc", "outs: [", "a.dvc is no YAML ("),
        ("dvc.lock", "text", "dvc.lock is no file of DVC's: `git checkout -- dvc.lock`"),
    ],
)
def test_what_cannot_be_read_is_refused(
    tmp_path: Path, write: Write, name: str, text: str, message: str
) -> None:
    write(name, text)
    with pytest.raises(UserError) as raised:
        records.read(tmp_path)
    assert str(raised.value).startswith(message)


def test_a_revision_is_read_as_the_working_tree_was(tmp_path: Path, write: Write) -> None:
    def git(*arguments: str) -> None:
        subprocess.run(
            ["git", "-c", "user.name=n", "-c", "user.email=e", *arguments],
            cwd=tmp_path,
            check=True,
            capture_output=True,
        )

    write("dvc.yaml", "stages: {make: {cmd: x, metrics: [{b: {cache: false}}]}}")
    write("dvc.lock", lock(make=out("b")))
    write("dätä/s.dvc", f"outs:\n- {out('s')}\n")
    write("training/.dvc/config", "")
    write("training/x.dvc", f"outs:\n- {out('x')}\n")
    git("init", "-q")
    git("add", "-A", "-f")
    git("commit", "-qm", "first")
    git("tag", "v1")
    before = records.read(tmp_path)
    write("dvc.lock", lock(make=out("b", B)))
    assert [(found.path, found.cached) for found in before] == [("b", False), ("dätä/s", True)]
    assert records.tags(tmp_path) == ["v1"]
    assert records.read_revision(tmp_path, "v1") == before != records.read(tmp_path)
    with pytest.raises(UserError, match=r"git ls-tree in .*v2"):
        records.read_revision(tmp_path, "v2")


def test_the_cache_is_where_the_first_config_says(
    tmp_path: Path, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert records.cache_folder(tmp_path) == tmp_path / ".dvc" / "cache"
    write("DVC_GLOBAL_CONFIG_DIR/config", "[cache]\n    dir = /mnt/shared\n")
    assert records.cache_folder(tmp_path) == Path("/mnt/shared")
    write(
        ".dvc/config",
        '[core]\n    remote = store\n[cache]\n    type = "hardlink,copy"\n'
        "    dir = '../its cache'  # here\n['remote \"store\"']\n    url = /mnt\n",
    )
    assert records.cache_folder(tmp_path) == tmp_path / "its cache"
    assert configuration.setting(tmp_path, "cache", "type") == "hardlink,copy"
    assert configuration.setting(tmp_path, "core", "remote") == "store"
    write(".dvc/config.local", "[cache]\n    dir = ~/cache\n")
    monkeypatch.setenv("HOME", "/home/me")
    assert records.cache_folder(tmp_path) == Path("/home/me/cache")
    write(".dvc/config.local", "dir = 1\n")
    with pytest.raises(UserError, match="can't be read as DVC's settings"):
        records.cache_folder(tmp_path)


def test_every_remote_is_named_as_the_closest_settings_have_it(
    tmp_path: Path, write: Write
) -> None:
    write(
        ".dvc/config",
        "[core]\n    remote = store\n['remote \"store\"']\n    url = ../store\n"
        "['remote \"a b\"']\n    url = https://example.org/store\n['remote \"none\"']\n",
    )
    write(".dvc/config.local", "['remote \"store\"']\n    url = /mnt/store\n")
    assert configuration.remotes(tmp_path) == {
        "store": "/mnt/store",
        "a b": "https://example.org/store",
    }


def test_an_object_lies_below_its_hash(tmp_path: Path) -> None:
    path = records.object_path(tmp_path, f"{A}.dir")
    assert path == tmp_path / "files" / "md5" / "aa" / f"{A[2:]}.dir"
    path.parent.mkdir(parents=True)
    for name in (path.name, A[2:], f".{A[2:]}.x1", f"{A[2:]}.damaged"):
        path.with_name(name).touch()
    assert records.objects(tmp_path) == [A, f"{A}.dir"]


@given(st.dictionaries(file_names, st.sampled_from([A, B])))
def test_a_list_is_what_it_was_made_of(files: dict[str, str]) -> None:
    assert records.tree(records.tree_content(files)) == files


def test_a_list_is_to_the_byte_that_of_dvc() -> None:
    content = records.tree_content({"ü.png": A, "b/a.png": B, "b.png": C})
    assert (
        content
        == (
            f'[{{"md5": "{C}", "relpath": "b.png"}}, {{"md5": "{B}", "relpath": "b/a.png"}}, '
            f'{{"md5": "{A}", "relpath": "\\u00fc.png"}}]'
        ).encode()
    )


@pytest.mark.parametrize("content", [b"", b"[", b"{}x", b"[1]", b"\xff", b'[{"md5": "a"}]'])
def test_what_is_no_list_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match="no list of a folder"):
        records.tree(content)
    assert json.loads(records.tree_content({})) == []
