"""Control characters of names reach no terminal and no log, and letters of every script stay."""

from __future__ import annotations

import io
import logging
import subprocess
import sys
import warnings

import pytest
from omegaconf import OmegaConf
from rich.table import Table

from relsym.app.entry import guarded, run
from relsym.app.sweep.terminal import say
from relsym.app.visible_output import VisibleRecord, make_output_visible
from relsym.data.progress import progress
from relsym.visible import printable, visible, visible_values
from relsym.visible_console import VisibleConsole

TITLE = "\x1b]0;mine\x07 \x1b[2J\u202e"  # sets a window's title, clears the screen, turns letters round
SHOWN = r"\x1b]0;mine\x07 \x1b[2J\u202e"


@pytest.fixture
def own_output(monkeypatch):
    """The process's own ways to write logs, warnings and tracebacks are back after the test."""
    factory = logging.getLogRecordFactory()
    monkeypatch.setattr(warnings, "formatwarning", warnings.formatwarning)
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    make_output_visible()
    yield
    logging.setLogRecordFactory(factory)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (TITLE, SHOWN),
        ("\x00\x7f\x85\x9b", r"\x00\x7f\x85\x9b"),
        ("\u061c\u200e\u200f\u202a\u2066\u2069", r"\u061c\u200e\u200f\u202a\u2066\u2069"),
        ("\u2028\u2029\ufeff\ud800", r"\u2028\u2029\ufeff\ud800"),
        ("a\rb", r"a\rb"),
        ("a\n\tb", r"a\n\tb"),
    ],
)
def test_what_is_not_for_showing_is_escaped(text, shown):
    assert visible(text) == shown
    assert visible(shown) == shown


NAMES = [
    "\u0639\u0645\u0631 \u0627\u0644\u062e\u064a\u0651\u0627\u0645",  # Arabic, with a mark above a letter
    "ירושלים",
    "क्\u200dष",  # Devanagari, with a joiner
    "می\u200cخو",  # Persian, with a sign that keeps letters apart
    "\U0001f469\u200d\U0001f467",  # a family of two signs
    "\U0001f3f4\U000e0067\U000e0062\U000e007f",  # a flag, spelt in signs of its own
    "e\u0301 \xa0 日本語 🎉",
]


@pytest.mark.parametrize("name", NAMES)
def test_names_in_every_script_stay_as_they_are(name):
    assert visible(name) == name
    assert printable(name) == name


def test_a_text_of_several_lines_keeps_them():
    assert visible("a\n\tb\r\x1b", lines=True) == "a\n\tb\\r\\x1b"
    assert visible_values({"a\x1b": ["b\x1b", 1, None, ("c\n",)]}) == {"a\\x1b": ["b\\x1b", 1, None, ["c\n"]]}


def test_a_console_prints_names_in_titles_cells_and_lines_as_text():
    stream = io.StringIO()
    console = VisibleConsole(file=stream, width=200, force_terminal=True, color_system=None)
    table = Table(title=f"title {TITLE}")
    table.add_column(f"heading {TITLE}")
    table.add_row(f"cell {TITLE} [red]x[/red] :smile:")
    console.print(table, f"line {TITLE} [link=http://x.example]y[/link]")
    printed = stream.getvalue()
    for word in ("title", "heading", "cell", "line"):
        assert f"{word} {SHOWN}" in printed
    assert "[red]x[/red] :smile:" in printed
    assert "[link=http://x.example]y[/link]" in printed
    assert TITLE[0] not in printed


def test_a_progress_bar_names_a_file_as_text(capfd):
    with progress(f"reading [red]{TITLE}", 1):
        pass
    printed = capfd.readouterr().err
    assert f"[red]{SHOWN}" in printed.replace("\n", "")
    assert "\x07" not in printed


def test_log_lines_warnings_and_tracebacks_are_text(own_output, caplog, capsys):
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    log = logging.getLogger("test of visible records")
    log.addHandler(handler)
    try:
        raise ValueError(TITLE)
    except ValueError as error:
        log.exception("the server said %s", TITLE)
        capsys.readouterr()  # what handlers of earlier tests say, whose streams are closed
        sys.excepthook(type(error), error, error.__traceback__)
    log.removeHandler(handler)
    told = warnings.formatwarning(UserWarning(TITLE), UserWarning, "f.py", 1)
    for text in (stream.getvalue(), capsys.readouterr().err, told):
        assert SHOWN in text
        assert not {"\x1b", "\x07", "\u202e"} & set(text)
    assert f"the server said {SHOWN}" in stream.getvalue()
    assert isinstance(caplog.records[-1], VisibleRecord)


def test_an_error_that_quotes_data_is_told_as_text(own_output, capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["relsym"])

    @guarded
    def task(cfg):
        raise OSError(f"the server answered {TITLE}")

    with pytest.raises(SystemExit):
        run(lambda: task(OmegaConf.create({})))
    printed = capsys.readouterr().err
    assert f"the server answered {SHOWN}\n" in printed
    say(f"[1/1] FAILED {TITLE}")
    assert capsys.readouterr().out == f"[1/1] FAILED {SHOWN}\n"


def test_a_traceback_that_was_asked_for_is_text_too():
    code = "from relsym.app.entry import run\ndef task(): raise ValueError('\\x1b[2J')\nrun(task)"
    ended = subprocess.run(
        [sys.executable, "-c", code],
        env={"HYDRA_FULL_ERROR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 1
    assert "Traceback" in ended.stderr
    assert r"ValueError: \x1b[2J" in ended.stderr
    assert "\x1b" not in ended.stderr
