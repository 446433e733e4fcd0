"""YAML of anybody is read in seconds or refused, with file and line."""

from __future__ import annotations

import time

import pytest

from relsym.app.sweep.job import frozen_config
from relsym.app.values.own_options import check_own_options, named_folders
from relsym.data.relations import read_relations
from relsym.models.prompts import read_prompts
from relsym.runs import plain_yaml
from relsym.runs.plain_yaml import check_expansion, load_yaml, read_yaml


def bomb(merged: bool) -> str:
    """Nine times nine times ... values in nine lines; merged: as mappings that take one another in."""
    lines = ["a: &a {k: 1}"]
    for name, before in zip("bcdefghi", "abcdefgh", strict=True):
        aliases = ", ".join([f"*{before}"] * 9)
        content = f"{{<<: [{aliases}]}}" if merged else f"{{x: [{aliases}]}}"
        lines.append(f"{name}: &{name} {content}")
    return "\n".join(lines)


BOMBS = {"lists": bomb(merged=False), "merged": bomb(merged=True), "deep": "a: " + "[" * 100_000}


@pytest.fixture(params=BOMBS)
def hostile(request, tmp_path):
    """A file that stands for billions of values, or is nested without end."""
    path = tmp_path / "mine.yaml"
    path.write_text(BOMBS[request.param])
    return path


@pytest.mark.parametrize(
    "reader",
    [read_yaml, read_relations, lambda path: read_prompts(str(path)), lambda path: frozen_config(str(path))],
    ids=["plain", "property table", "wordings", "frozen job"],
)
def test_a_file_that_stands_for_too_much_is_refused_at_once(hostile, reader):
    started = time.monotonic()
    with pytest.raises(ValueError, match=r"mine\.yaml, line \d: (its aliases stand for more|more than 50)"):
        reader(hostile)
    assert time.monotonic() - started < 2


def test_a_folder_of_options_is_looked_at_before_hydra_reads_it(hostile, tmp_path, relsym):
    group = tmp_path / "mine" / "probe"
    group.mkdir(parents=True)
    hostile.rename(group / "huge.yaml")
    ended = relsym("train", "--config-dir", str(tmp_path / "mine"), "probe=huge", "model=tiny")
    assert ended.code == 1
    assert "huge.yaml, line" in ended.err
    assert "unexpected" not in ended.err


@pytest.mark.parametrize("front", ["1: a\n1: b\n", "<<: {k: 1}\n<<: {l: 1}\n", "x: &x [*x]\n"])
def test_nothing_in_front_of_it_hides_what_stands_for_too_much(tmp_path, front):
    (tmp_path / "probe").mkdir()
    (tmp_path / "probe" / "huge.yaml").write_text(front + BOMBS["lists"])
    with pytest.raises(ValueError, match=r"huge\.yaml, line \d: (the key|the alias)"):
        check_own_options([f"--config-dir={tmp_path}"])


def test_files_of_options_and_frozen_jobs_are_short(tmp_path):
    (tmp_path / "probe").mkdir()
    path = tmp_path / "probe" / "long.yaml"
    path.write_text("".join(f"k{number}: v\n" for number in range(30_000)))
    with pytest.raises(ValueError, match=r"long\.yaml: longer than 262,144 bytes"):
        check_own_options([f"--config-dir={tmp_path}"])
    with pytest.raises(ValueError, match=r"long\.yaml: longer than 262,144 bytes"):
        frozen_config(str(path))


def test_the_options_of_a_package_are_looked_at_and_the_package_not_imported(tmp_path, monkeypatch):
    group = tmp_path / "mine_of_options" / "inner" / "probe"
    group.mkdir(parents=True)
    for package in group.parents[:2]:
        (package / "__init__.py").write_text("raise AssertionError")
    (group / "huge.yaml").write_text(BOMBS["lists"])
    monkeypatch.syspath_prepend(str(tmp_path))
    for path in ("mine_of_options.inner", "mine_of_options/inner/"):
        with pytest.raises(ValueError, match=r"huge\.yaml, line"):
            check_own_options([f"hydra.searchpath=[pkg://{path}]"])
    check_own_options(["hydra.searchpath=[pkg://hydra.conf,pkg://no_such_package,pkg://]"])


def test_groups_of_ones_own_are_looked_at_where_something_names_them(tmp_path):
    for name in ("named", "inner", "unrelated"):
        (tmp_path / name).mkdir()
    (tmp_path / "named" / "first.yaml").write_text("defaults:\n  - /inner: second\n")
    for unrelated in ("unrelated/huge.yaml", "other.yaml"):
        (tmp_path / unrelated).write_text(BOMBS["lists"])
    check_own_options([f"--config-dir={tmp_path}", "+named=first"])
    (tmp_path / "inner" / "second.yaml").write_text(BOMBS["lists"])
    with pytest.raises(ValueError, match=r"second\.yaml, line"):
        check_own_options([f"--config-dir={tmp_path}", "+named=first"])
    with pytest.raises(ValueError, match=r"other\.yaml, line"):
        check_own_options([f"--config-dir={tmp_path}", "--config-name", "other"])


def test_every_way_to_name_a_folder_of_options_is_known():
    words = ["--config-dir", "a", "-cd", "b", "--config-dir=c", "-cp=d", "hydra.searchpath=[file://e,f]"]
    assert [str(folder) for folder in named_folders(words)] == ["a", "b", "c", "d", "e", "f"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb: {c: 2, c: 3}", r"f\.yaml, line 2: the key c a second time"),
        ("'1': 1\n1: 2", r"line 2: the key 1 a second time"),
        ("1: 1\n0x1: 2", r"line 2: the key 0x1 a second time"),
        ("true: 1\nTrue: 2", r"line 2: the key True a second time"),
        ("&a b: 1\n*a : 2", r"line 2: the alias \*a as a key"),
        ("<<: {a: 1}\n<<: {b: 1}", r"line 2: the key << a second time"),
        ("a: &x [*x]", r"line 1: the alias \*x has no whole anchor before it"),
        (f"a: 1{':59' * 100_000}", r"line 1: a number of more than 100 characters: 1:59.*quotes"),
        (f"a: !!int '1{':59' * 100_000}'", r"line 1: a number of more than 100 characters"),
        ("a: *x", r"line 1: the alias \*x has no whole anchor before it"),
        ("a: [", r"f\.yaml: not YAML \(.*line"),
        ("a: \x00", r"f\.yaml: not YAML \(.*control characters"),
        ("a: !!python/name:os.system", r"not YAML \(could not determine a constructor"),
        ("a: !!int x", "not YAML"),
        ("a: \x1b[31m", "not YAML"),
        ("a: 1\n---\nb: 2", "another document"),
    ],
)
def test_what_programs_read_differently_is_refused_with_its_line(text, message):
    with pytest.raises(ValueError, match=message):
        load_yaml(text, "f.yaml")


def test_what_people_write_by_hand_is_read():
    text = "base: &base {k: 1, day: 2001-02-03}\nmine: {<<: *base, k: 2}\nname: ירושלים 🎉\nyes: 0x1f"
    assert load_yaml(text, "f.yaml") == {
        "base": {"k": 1, "day": "2001-02-03"},
        "mine": {"k": 2, "day": "2001-02-03"},
        "name": "ירושלים 🎉",
        True: 31,
    }
    assert load_yaml("", "f.yaml") is None
    check_expansion(text, "f.yaml")
    check_expansion("a: [", "f.yaml")  # Hydra says what is wrong with it


@pytest.mark.parametrize("key", ["true", "~", "010", "0x1", "1:30", "1.5"])
def test_an_id_that_would_be_read_as_something_else_is_refused(tmp_path, key):
    path = tmp_path / "mine.yaml"
    entry = "{name: n, kind: symmetric, template: '[X] meets [Y]'}"
    for reader in (read_relations, lambda path: read_prompts(str(path))):
        path.write_text(f"{key}: {entry}\n")
        with pytest.raises(ValueError, match=rf'the key {key} is neither .* quotes: "{key}"'):
            reader(path)
    path.write_text(f'"{key}": {entry}\n31: {entry}\n')
    assert list(read_relations(path)) == [key, "31"]


def test_a_file_that_is_too_long_or_not_utf_8_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "mine.yaml"
    path.write_bytes(b"a: 1\nb: \xff\n")
    with pytest.raises(ValueError, match=r"mine\.yaml, line 2: not UTF-8 \(byte 0xff\)"):
        read_yaml(path)
    monkeypatch.setattr(plain_yaml, "LARGEST_YAML", 5)
    with pytest.raises(ValueError, match=r"mine\.yaml: longer than 5 bytes"):
        read_yaml(path)
