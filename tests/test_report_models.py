"""Evaluated models in a report: every reading, what accuracy does not say, and which differences are more
than chance.
"""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from evaluations_of import write_evaluation
from relsym.report.collect import collect
from relsym.report.sections import sections
from relsym.report.tables.models import verdict
from relsym.runs.results import read_results
from runs_of import change

pytestmark = pytest.mark.filterwarnings("ignore:.*LeafSpec.*")


def table(folder: Path, name: str) -> list[dict[str, str]]:
    (section,) = sections(collect([folder]))
    (found,) = [one for one in section.tables if one.name == name]
    return [
        dict(
            zip((column.heading for column in found.columns), (cell.text for cell in row.cells), strict=True)
        )
        for row in found.rows
    ]


@pytest.fixture
def two(tmp_path):
    write_evaluation(tmp_path / "a", "alpha", {"strict": 12, "two_way": 20})
    write_evaluation(tmp_path / "b", "beta", {"strict": 32, "two_way": 36})
    return tmp_path


def test_every_reading_of_every_model_is_a_line_beside_the_shortcuts_and_the_constant(two):
    rows = table(two, "models")
    named = {(row["model"], row["reading"]): row for row in rows}
    assert named["alpha", "strict"]["lexicalised"].startswith("30.00 [")
    assert named["beta", "two_way"]["lexicalised"].startswith("90.00 [")
    assert named["alpha", "strict"]["lexicalised, against constant"] == "below"
    assert named["alpha", "two_way"]["lexicalised, against constant"] == "chance"
    assert named["beta", "two_way"]["lexicalised, against constant"] == "above"
    assert [row["reading"] for row in rows].count("best constant answer") == 1
    assert any(row["reading"].startswith("prompts: mean of 2") for row in rows)


def test_above_chance_on_these_properties_alone_is_said(tmp_path):
    folder = write_evaluation(tmp_path / "a", "alpha", {"a": 12})
    change(folder, clusters={"a": {"lexicalised": {"fact": (0.6, 0.7), "property": (0.4, 0.9)}}})
    run = read_results(folder / "results.json")
    assert verdict(run, "a", "lexicalised") == "above (chance)"


def test_differences_between_models_are_those_of_the_readings_that_stand_for_them(two):
    rows = {row["form"]: row for row in table(two, "model_differences")}
    assert rows["lexicalised"]["first"] == "alpha (two_way)"
    assert rows["lexicalised"]["first - second, points"] == "-40.00"
    assert rows["lexicalised"]["only second right"] == "16"
    assert rows["lexicalised"]["only first right"] == "0"
    assert rows["all forms"]["beyond chance"] == "yes"
    assert float(rows["lexicalised"]["p, McNemar"]) == pytest.approx(2 / 2**16, abs=1e-4)


def test_measures_beyond_accuracy_stand_beside_each_reading(two):
    rows = {(row["model"], row["reading"], row["form"]): row for row in table(two, "beyond_accuracy")}
    row = rows["alpha", "two_way", "lexicalised"]
    assert row["entailment bias"] == "+10.00"
    assert row["same if swapped"] == "100.00 by construction"
    assert row["ECE"] == "-"
    assert row["rows without answer"] == "3"


def test_the_same_evaluation_twice_is_one_line_and_another_result_is_refused(tmp_path):
    write_evaluation(tmp_path / "a", "alpha", {"strict": 12})
    write_evaluation(tmp_path / "b", "alpha", {"strict": 12})
    assert len(collect([tmp_path]).evaluations) == 1
    write_evaluation(tmp_path / "c", "alpha", {"strict": 13})
    with pytest.raises(ValueError, match="the same job"):
        collect([tmp_path])


def test_a_report_takes_trainings_and_evaluations_together(two, relsym, tmp_path):
    from runs_of import write_run

    write_run(two / "trained")
    ended = relsym("report", f"inputs={two}", f"hydra.run.dir={tmp_path / 'report'}")
    assert ended.code == 0, ended.err
    assert "1 finished run" in ended.out
    assert "2 evaluations: 2 models" in ended.out
    with open(tmp_path / "report" / "tables" / "models_2.csv", encoding="utf-8") as lines:
        assert {row["model"] for row in csv.DictReader(lines)} >= {"alpha", "beta"}
    for name in ("models_2.png", "reliability_2.svg"):
        assert (tmp_path / "report" / "figures" / name).stat().st_size > 1000
    page = (tmp_path / "report" / "report.html").read_text()
    assert 'data-figure="reliability"' in page
    assert "Models on mini" in page


def test_an_evaluation_written_by_another_version_is_refused(tmp_path):
    folder = write_evaluation(tmp_path / "a", "alpha", {"strict": 12})
    content = json.loads((folder / "results.json").read_text())
    (folder / "results.json").write_text(json.dumps({**content, "format": 3}))
    with pytest.raises(
        ValueError, match=r"format 3, written by a later version; this one reads format 2\. Use that version"
    ):
        collect([tmp_path])
    del content["clusters"]
    (folder / "results.json").write_text(json.dumps(content))
    with pytest.raises(
        ValueError, match=r"a/results\.json: .*`clusters`.* Run that job again, or leave it out\."
    ):
        collect([tmp_path])
