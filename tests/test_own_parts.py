"""A component of a user's own is one Python file and one option file; nothing else is edited, and it is found
everywhere.
"""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path

import pytest

from own_parts import PACKAGE, write_parts

CHOSEN = (
    "objective=together",
    "metric=strong",
    "probe=closest",
    "recipe=small",
    "data=made_up",
    "shortcut=oracle",
    "hardware=toaster",
    "tracking=noted",
    "model=tiny",
)
QUICK = ("training.max_steps=1", "data.samples=8", "data.test_pairs=28")


@pytest.fixture
def parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The word that names the options; the package is on Python's path."""
    site, options = write_parts(tmp_path)
    monkeypatch.syspath_prepend(str(site))
    for name in [name for name in sys.modules if name.startswith(PACKAGE)]:
        monkeypatch.delitem(sys.modules, name)
    return f"--config-dir={options}"


@pytest.mark.slow
def test_every_own_option_stands_in_help(parts, relsym):
    ended = relsym("train", parts, "--help")
    assert ended.code == 0
    for word in (
        "strong",
        "together",
        "closest",
        "small",
        "optimist",
        "made_up",
        "oracle",
        "toaster",
        "noted",
    ):
        assert word in ended.out, word
    for task in ("build", "evaluate", "export"):
        assert "made_up" in relsym(task, parts, "--help").out


def test_own_parts_are_found_on_the_terminal_in_the_report_and_in_every_table_that_speaks_of_them(
    parts, relsym, tmp_path
):
    trained = relsym("train", parts, *CHOSEN, *QUICK, f"hydra.run.dir={tmp_path / 'runs' / 'train'}")
    assert trained.code == 0, trained.err
    assert "shortcut/oracle" in trained.out
    told = (
        "model=optimist",
        "data=made_up",
        "data.test_pairs=28",
        "shortcut=oracle",
        "tracking=noted",
        "hardware=toaster",
    )
    evaluated = relsym("evaluate", parts, *told, f"hydra.run.dir={tmp_path / 'runs' / 'evaluate'}")
    assert evaluated.code == 0, evaluated.err
    assert "shortcut/oracle" in evaluated.out
    assert "optimist" in evaluated.out
    reported = relsym("report", f"inputs={tmp_path / 'runs'}", f"hydra.run.dir={tmp_path / 'report'}")
    assert reported.code == 0, reported.err
    check_run(tmp_path / "runs" / "train")
    check_report(tmp_path / "report")


def check_run(run: Path) -> None:
    """The tracker was told how the run ended, the remedy has a curve, and the record names what was used."""
    assert (run / "csv" / "note.txt").read_text() == "ended with 0"
    assert "train/small" in (run / "csv" / "metrics.csv").read_text().splitlines()[0]
    results = json.loads((run / "results.json").read_text())
    assert results["readers"]["shortcut/oracle"]["title"] == "the oracle"
    assert results["recipe"] == ["small"]


def check_report(report: Path) -> None:
    """Every part is named in the Markdown, in the tables that speak of its kind, and the oracle is the best
    shortcut.
    """
    text = (report / "report.md").read_text()
    label = "pulled together (strong) + small"
    for words in (label, "the oracle", "made_up", "always yes", "optimist"):
        assert words in text, words
    tables = {path.name: path.read_text() for path in (report / "tables").glob("*.csv")}
    for name in (
        "accuracy.csv",
        "runs.csv",
        "properties.csv",
        "samples_to_solved.csv",
        "samples_by_seed.csv",
        "provenance.csv",
    ):
        assert label in tables[name], name
    for name in (
        "models_2.csv",
        "beyond_accuracy_2.csv",
        "models_by_property_2.csv",
    ):  # of the second section
        assert "always yes" in tables[name], name
    assert "the oracle, 64 labelled rows" in tables["models_2.csv"]
    (run,) = [row for row in csv.DictReader(tables["runs.csv"].splitlines()) if row["run"] == "train"]
    assert (run["probe"], run["hardware"]) == ("closest", "toaster")
    assert "best shortcut, the oracle: 100.00 %" in (report / "report.html").read_text()


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("metric.strength=-1", "metric.strength=-1"),
        ("metric.strength=nan", "metric.strength=nan"),
        ("metric.strength=abc", "metric.strength=abc"),
        ("recipe.small.weight=0", "recipe.small.weight=0"),
        ("probe.k=abc", "probe.k=abc"),
        ("objective.margin=-1", "objective.margin=-1"),
        ("data.reader.facts=abc", "data.reader.facts=abc"),
    ],
)
def test_values_of_own_parts_are_checked_as_they_declare_them(parts, relsym, word, message, tmp_path):
    ended = relsym("train", parts, *CHOSEN, *QUICK, word, f"hydra.run.dir={tmp_path / 'run'}")
    assert ended.code == 1
    assert message in ended.err
    assert "expected" in ended.err


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("metric.strenght=1", "metric.strength"),
        ("shortcut=orakle", "shortcut=oracle"),
        ("+objective.margn=1", "objective.margin"),
        ("recipe=smal", "recipe=small"),
        ("hardware=toster", "hardware=toaster"),
        ("tracking=notd", "tracking=noted"),
    ],
)
def test_near_matches_know_own_parts(parts, relsym, word, meant, tmp_path):
    words = [chosen for chosen in CHOSEN if chosen.split("=")[0] != word.split("=")[0]]
    ended = relsym("train", parts, *words, *QUICK, word, f"hydra.run.dir={tmp_path / 'run'}")
    assert ended.code == 1
    assert meant in ended.err.partition("Did you mean")[2], ended.err
