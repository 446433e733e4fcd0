"""A report takes the place of the report before as a whole, or not at all."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from relsym.report import folder
from relsym.report.collect import collect
from relsym.report.folder import put_in_place, write_report
from relsym.report.sections import sections
from relsym.report.write import report_files
from runs_of import write_run

OLD = ("report.html", "report.md", "tables/old.csv", "tables/same.csv", "figures/old.png")
NEW = ("report.html", "report.md", "tables/new.csv", "tables/same.csv")
MINE = ("notes.txt", "tables/mine.csv")


def writers(names, text: str):
    return {name: lambda path: path.write_text(text) for name in names}


def contents(out: Path) -> dict[str, str]:
    """Every file by its path, but for those of a report that is on its way."""
    paths = [path for path in out.rglob("*") if path.is_file()]
    texts = {path.relative_to(out).as_posix(): path.read_text() for path in paths}
    return {name: text for name, text in texts.items() if not name.startswith("partial.")}


@pytest.fixture
def out(tmp_path) -> Path:
    """A folder with a report, and files of the user's beside it."""
    write_report(writers(OLD, "old"), tmp_path)
    for name in MINE:
        (tmp_path / name).write_text("mine")
    return tmp_path


def test_files_of_the_report_before_go_and_ones_own_stay(out):
    write_report(writers(NEW, "new"), out)
    assert contents(out) == {
        **dict.fromkeys(NEW, "new"),
        **dict.fromkeys(MINE, "mine"),
        "report.json": (out / "report.json").read_text(),
    }
    assert json.loads((out / "report.json").read_text())["files"] == sorted(NEW)
    assert sorted(path.name for path in out.iterdir()) == [
        "notes.txt",
        "report.html",
        "report.json",
        "report.md",
        "tables",
    ]


def test_a_report_that_fails_half_way_leaves_the_one_before_as_it_was(out):
    before = contents(out)

    def full(path: Path) -> None:
        raise OSError(28, "No space left on device", str(path))

    with pytest.raises(OSError, match="No space left"):
        write_report({**writers(NEW, "new"), "tables/last.csv": full}, out)
    assert contents(out) == before
    assert not list(out.glob("partial.*"))


@pytest.mark.parametrize("stop", range(14))
def test_wherever_it_is_stopped_a_page_stands_for_one_whole_report_and_the_next_call_mends_it(
    out, monkeypatch, stop
):
    """Every step that changes the folder counts; before the one with the number ``stop`` the power goes."""
    done = 0

    def step(change):
        def counted(*arguments):
            nonlocal done
            if done == stop:
                raise SystemExit("killed")
            done += 1
            return change(*arguments)

        return counted

    with monkeypatch.context() as patch:
        patch.setattr(folder.os, "replace", step(folder.os.replace))
        patch.setattr(folder, "remove", step(folder.remove))
        try:
            write_report(writers(NEW, "new"), out)
            was_stopped = False
        except SystemExit:
            was_stopped = True
    assert was_stopped is (stop < 13), done
    found = contents(out)
    if "report.html" in found:
        names = {"old": OLD, "new": NEW}[found["report.html"]]
        for name in names:
            assert found[name] == found["report.html"], name
        assert (set(OLD) | set(NEW)) & set(found) == set(names)
    put_in_place(out)
    found = contents(out)
    del found["report.json"]
    of_report = dict.fromkeys(NEW, "new") if stop > 2 else dict.fromkeys(OLD, "old")
    assert found == {**of_report, **dict.fromkeys(MINE, "mine")}
    write_report(writers(NEW, "newer"), out)
    assert contents(out)["report.html"] == "newer"
    assert not list(out.glob("partial.*"))


def test_what_is_in_the_way_is_named_and_nothing_is_written(tmp_path):
    (tmp_path / "tables").write_text("mine")
    with pytest.raises(FileExistsError, match="tables is a file, and a report has a folder there"):
        write_report(writers(NEW, "new"), tmp_path)
    (tmp_path / "tables").unlink()
    (tmp_path / "report.md").mkdir()
    with pytest.raises(FileExistsError, match=r"report\.md is a folder, and a report has a file there"):
        write_report(writers(NEW, "new"), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["report.md"]


@pytest.mark.parametrize("name", ["../secret", "tables/../../x.csv", "/etc/passwd", "notes.txt", "tables/x"])
def test_a_record_that_lists_what_no_report_writes_deletes_nothing(tmp_path, name):
    (tmp_path / "report.json").write_text(json.dumps({"relsym": "1", "files": [name], "format": 1}))
    with pytest.raises(ValueError, match="is no file of a report"):
        write_report(writers(NEW, "new"), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["report.json"]


def test_a_record_of_something_else_is_not_written_over(tmp_path):
    (tmp_path / "report.json").write_text('{"title": "mine"}')
    with pytest.raises(ValueError, match="move it away"):
        write_report(writers(NEW, "new"), tmp_path)
    assert (tmp_path / "report.json").read_text() == '{"title": "mine"}'


PAGES = {
    "report.html": '<!doctype html>\n<html lang="en">\n<title>relsym report</title>',
    "report.md": "# relsym report\n\n2 runs\n",
}


@pytest.mark.parametrize("name", ["report.html", "report.md", "tables/new.csv"])
@pytest.mark.parametrize("kind", ["file", "link"])
def test_a_file_that_no_report_left_is_not_written_over(tmp_path, name, kind):
    (tmp_path / name).parent.mkdir(exist_ok=True)
    if kind == "file":
        (tmp_path / name).write_text("mine")
    else:
        (tmp_path / name).symlink_to(tmp_path / "nowhere")
    with pytest.raises(FileExistsError, match=f"{name} is not of an earlier report"):
        write_report(writers(NEW, "new"), tmp_path)
    left = [path for path in tmp_path.rglob("*") if not path.is_dir()]
    assert left == [tmp_path / name]
    assert kind == "link" or left[0].read_text() == "mine"


def test_beside_a_report_too_a_file_of_ones_own_stays(out):
    (out / "tables" / "new.csv").write_text("mine")
    before = contents(out)
    with pytest.raises(FileExistsError, match=r"tables/new\.csv is not of an earlier report"):
        write_report(writers(NEW, "new"), out)
    assert contents(out) == before


def test_a_report_of_an_earlier_version_is_replaced_by_what_its_pages_say(tmp_path):
    """It has no record."""
    (tmp_path / "tables").mkdir()
    for name, text in {**PAGES, "tables/new.csv": "old"}.items():
        (tmp_path / name).write_text(text)
    write_report(writers(NEW, "new"), tmp_path)
    assert {name: contents(tmp_path)[name] for name in NEW} == dict.fromkeys(NEW, "new")


def test_a_page_of_ones_own_beside_one_of_a_report_stays(tmp_path):
    (tmp_path / "report.md").write_text(PAGES["report.md"])
    (tmp_path / "report.html").write_text("<!doctype html>\n<title>mine</title>")
    with pytest.raises(FileExistsError, match=r"report\.html is not of an earlier report"):
        write_report(writers(NEW, "new"), tmp_path)


def test_a_folder_that_leads_nowhere_leaves_the_report_before_whole(out):
    (out / "figures" / "old.png").unlink()
    (out / "figures").rmdir()
    (out / "figures").symlink_to(out / "nowhere")
    before = contents(out)
    with pytest.raises(FileExistsError, match="figures is a link that leads nowhere"):
        write_report(writers((*NEW, "figures/new.png"), "new"), out)
    assert contents(out) == before
    assert not list(out.glob("partial.*"))


# The first is written to; of the second the report before has a file, which would have to go.
@pytest.mark.parametrize("name", ["tables", "figures"])
def test_a_folder_that_may_not_be_changed_leaves_the_report_before_whole(out, monkeypatch, name):
    """Whoever runs the tests may be allowed everything."""
    monkeypatch.setattr(folder.os, "access", lambda path, mode: path.name != name)
    before = contents(out)
    with pytest.raises(PermissionError, match=rf"{name}: you may not write there.*another hydra\.run\.dir"):
        write_report(writers(NEW, "new"), out)
    assert contents(out) == before
    assert not list(out.glob("partial.*"))


@pytest.mark.skipif(not os.path.isdir("/dev/shm"), reason="no second file system is known here")
def test_a_folder_on_another_file_system_leaves_the_report_before_whole(out):
    if os.stat("/dev/shm").st_dev == out.stat().st_dev:
        pytest.skip("the tests' folder is on the same one")
    (out / "figures" / "old.png").unlink()
    (out / "figures").rmdir()
    (out / "figures").symlink_to("/dev/shm")
    before = (out / "report.html").read_text()
    with pytest.raises(OSError, match="is on another file system"):
        write_report(writers(NEW, "new"), out)
    assert (out / "report.html").read_text() == before


@pytest.mark.parametrize("name", PAGES)
def test_what_a_report_begins_with_is_what_it_is_known_by(tmp_path, name):
    """The product's own writers, not the texts above."""
    collected = collect([str(write_run(tmp_path / "run", "knn", 16))])
    files = report_files(collected, sections(collected), tmp_path / "out")
    files[name](tmp_path / name)
    assert folder._begins_as_a_page(tmp_path / name)
