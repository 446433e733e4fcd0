"""Evaluated models in a report: every reading, what accuracy does not say, and which differences are more
than chance.
"""

from __future__ import annotations

import csv
import json
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from evaluations_of import write_evaluation
from relsym.evaluation.paired import interval_and_p, mcnemar, resampled_means
from relsym.report.collect import collect
from relsym.report.figures.models import reliability_figure
from relsym.report.figures.readers import MOST_DOTS, save_figure
from relsym.report.scopes import scopes
from relsym.report.sections import sections
from relsym.report.tables import model_differences
from relsym.report.tables.differences import POOLED, points_text
from relsym.report.tables.models import verdict
from relsym.runs.predictions import read_answers
from relsym.runs.results import read_results
from runs_of import FORMS, change, write_predictions

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


def write_many(folder: Path, models: int, rows: int = 40) -> None:
    """Models with made-up answers, each with others and as many right in each form."""
    generator = np.random.default_rng(0)
    for model in range(models):
        right = 10 + 2 * (model % 7)
        run = write_evaluation(folder / f"m{model:02d}", f"model {model}", {"strict": right})
        correct = {form: (generator.permutation(rows) < right).tolist() for form in FORMS}
        write_predictions(run, ["P131"] * rows, correct)


def test_differences_are_those_of_a_bootstrap_of_every_pair_by_itself_with_the_same_draws(tmp_path):
    write_many(tmp_path, 5)
    (scope,) = scopes(collect([tmp_path]).evaluations)
    answers = [read_answers(run) for run in scope.runs]
    pairs, sums, sizes = [], [], []
    for one, two in combinations(answers, 2):
        for form in (POOLED, *FORMS):
            of_form = (one.forms == form) | (form == POOLED)
            difference = (one.correct - two.correct) * of_form
            pairs.append((difference, of_form.sum()))
            sums.append(np.bincount(one.facts, weights=difference))
            sizes.append(np.bincount(one.facts, weights=of_form))
    (lows, highs), p_values = interval_and_p(resampled_means(np.column_stack(sums), np.column_stack(sizes)))
    rows = table(tmp_path, "model_differences")
    assert len(rows) == len(pairs) == 10 * 3
    for row, (difference, number), low, high, p in zip(rows, pairs, lows, highs, p_values, strict=True):
        only = (int((difference > 0).sum()), int((difference < 0).sum()))
        assert row["first - second, points"] == points_text(difference.sum() / number)
        assert (int(row["only first right"]), int(row["only second right"])) == only
        assert row["95 % interval"] == f"[{points_text(low)}, {points_text(high)}]"
        assert float(row["p, bootstrap"]) == pytest.approx(p, abs=0.005 if p > 0.1 else 0.00005)
        assert float(row["p, McNemar"]) == pytest.approx(mcnemar(*only), abs=0.005)


def test_what_is_resampled_at_a_time_grows_with_the_models_not_with_their_pairs(tmp_path, monkeypatch):
    write_many(tmp_path, 8)
    held = []

    def recorded(means):
        held.append(means.size)
        return interval_and_p(means)

    monkeypatch.setattr(model_differences, "interval_and_p", recorded)
    assert len(table(tmp_path, "model_differences")) == 28 * 3
    assert sum(held) == 28 * 3 * 10_000, "every pair in every form was compared"
    assert max(held) == 7 * 10_000


@pytest.mark.slow
def test_of_many_models_people_are_shown_the_differences_to_the_best_and_programs_all(
    tmp_path, monkeypatch, relsym
):
    write_many(tmp_path / "runs", 6)
    monkeypatch.setattr(model_differences, "MODELS_IN_PAIRS", 6)
    (section,) = sections(collect([tmp_path / "runs"]))
    whole = next(one for one in section.tables if one.name == "model_differences")
    assert whole.shown() is whole, "so few are shown as they are"
    monkeypatch.setattr(model_differences, "MODELS_IN_PAIRS", 5)
    ended = relsym("report", f"inputs={tmp_path / 'runs'}", f"hydra.run.dir={tmp_path / 'report'}")
    assert ended.code == 0, ended.err
    (section,) = sections(collect([tmp_path / "runs"]))
    found = next(one for one in section.tables if one.name == "model_differences")
    assert found.rows == whole.rows
    shown = found.shown().rows
    assert [row.cells[0].text for row in shown] == ["model 5 (strict)"] * 5 * 3
    assert {row.cells[1].text for row in shown} == {f"model {model} (strict)" for model in range(5)}
    turned = {row.cells[0].text: row.cells for row in whole.rows if row.cells[2].text == "lexicalised"}
    for row in shown[1::3]:
        pair = turned[row.cells[1].text]
        assert row.cells[3].value == -pair[3].value > 0
        assert [cell.text for cell in row.cells[5:7]] == [pair[6].text, pair[5].text]
        assert [cell.text for cell in row.cells[7:]] == [cell.text for cell in pair[7:]]
    with open(tmp_path / "report" / "tables" / "model_differences.csv", encoding="utf-8") as lines:
        assert len(list(csv.DictReader(lines))) == 15 * 3
    for name in ("report.md", "report.html", "tables/model_differences.tex"):
        text = (tmp_path / "report" / name).read_text()
        assert text.count("model 5 (strict)") >= 5
        assert "model 0 (strict)" in text
        assert "Of 6 models, each against the one with the most right answers" in text


def test_a_figure_of_so_many_lines_that_no_image_holds_them_is_drawn_smaller(tmp_path):
    figure = Figure(figsize=(1, 700))
    figure.add_subplot().set_axis_off()
    save_figure(figure, tmp_path / "tall.png")
    with Image.open(tmp_path / "tall.png") as image:
        assert image.size[1] == pytest.approx(MOST_DOTS, abs=1)


def test_names_of_many_models_leave_the_panels_of_calibration_their_place():
    bins = [{"probability": 0.2, "entailment": 0.3, "rows": 9}]
    for models in (20, 100):
        points = [
            {"name": f"model {number}", "form": "lexicalised", "bins": bins} for number in range(models)
        ]
        figure = reliability_figure(points)
        figure.draw_without_rendering()
        panel = figure.axes[0].get_window_extent()
        (legend,) = figure.legends
        assert panel.height > 0.25 * 4.6 * figure.dpi
        assert legend.get_window_extent().y1 <= panel.y0


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
