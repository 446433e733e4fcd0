"""Samples to a threshold, the paper's tables, and differences between objectives."""

from __future__ import annotations

import time

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from relsym.evaluation.statistics import accuracy
from relsym.report.collect import collect
from relsym.report.one_run.terminal import interval_text
from relsym.report.scopes import Scope, scopes
from relsym.report.sections import sections
from relsym.report.tables.ladders import Event, Ladder, ladders
from relsym.report.tables.samples import bound_text
from relsym.report.write import static_figures
from relsym.runs.results import Interval, Settings, read_results
from runs_of import change, job, train_results, write_run, write_sweep


def section_of(folder):
    (section,) = sections(collect([folder]))
    return section


def table_of(folder, name):
    """A table's rows as dictionaries of texts."""
    (table,) = [table for table in section_of(folder).tables if table.name == name]
    return [
        dict(
            zip([column.heading for column in table.columns], [cell.text for cell in row.cells], strict=True)
        )
        for row in table.rows
    ]


def ladder_of(wrong: dict[int, int], left_out=()) -> Ladder:
    """One seed's ladder: wrong rows of a hundred by number of samples."""
    runs = {
        samples: train_results(
            samples=samples,
            rows={"lexicalised": 100},
            metrics={"test/accuracy/lexicalised": 1 - rows / 100},
            intervals={},
        )
        for samples, rows in wrong.items()
    }
    return Ladder("k-NN", "bundled", None, "key", 0, {(0, 0): runs}, {(0, 0): set(left_out)})


def test_a_ladder_is_solved_where_it_stays_solved_and_lies_above_the_rung_below():
    assert ladder_of({16: 9, 28: 0, 36: 0}).event((0, 0), 1.0) == Event(16, 28, True)
    assert str(ladder_of({16: 9, 28: 0, 36: 1, 48: 0}).event((0, 0), 1.0)) == "48 (36, 48]", (
        "28 was solved by chance"
    )
    assert str(ladder_of({16: 0, 28: 0}).event((0, 0), 1.0)) == "16 (0, 16]"
    assert str(ladder_of({16: 9, 28: 1}).event((0, 0), 1.0)) == "> 28"
    assert str(ladder_of({16: 9, 28: 1}).event((0, 0), 0.99)) == "28 (16, 28]", (
        "a threshold that is met is reached"
    )


@given(
    st.dictionaries(st.integers(1, 400), st.integers(0, 10), min_size=1), st.sampled_from([0.95, 0.99, 1.0])
)
def test_every_rung_from_the_event_on_is_solved_and_the_one_below_is_not(wrong, threshold):
    event, solved = (
        ladder_of(wrong).event((0, 0), threshold),
        {samples: 1 - rows / 100 >= threshold for samples, rows in wrong.items()},
    )
    if event.reached:
        assert all(solved[samples] for samples in wrong if samples >= event.samples)
        assert event.below == max((samples for samples in wrong if samples < event.samples), default=0)
        assert event.below == 0 or not solved[event.below]
    else:
        assert event.samples == max(wrong)
        assert not solved[event.samples]


def test_the_form_that_the_model_knows_worse_decides(tmp_path):
    write_run(tmp_path / "a", samples=16, wrong={"lexicalised": 0, "delexicalised": 1})
    write_run(tmp_path / "b", samples=28)
    (row,) = table_of(tmp_path, "samples_to_solved")
    assert (row["to 95 %"], row["to 100 %"]) == ("16 (0, 16]", "28 (16, 28]"), "39 of 40 are 97.5 %"


def test_a_rung_left_out_counts_as_solved_only_above_two_solved_ones():
    solved = ladder_of({16: 9, 28: 0, 36: 0}, left_out=(48, 64))
    assert solved.solved_below((0, 0), 48)
    assert solved.solved_below((0, 0), 64)
    assert solved.at(64)[(0, 0)].train_rows == 36
    assert not solved.solved_below((0, 0), 128), "which the sweep did not leave out"
    assert not ladder_of({16: 9, 28: 0}, left_out=(48,)).at(48)


def test_a_solved_seed_keeps_its_place_in_the_mean_of_what_was_left_out(tmp_path):
    jobs = [
        job(0, "knn", 16, 0),
        job(1, "knn", 28, 0),
        job(2, "knn", 36, 0, "left_out"),
        job(3, "knn", 16, 1),
        job(4, "knn", 28, 1),
        job(5, "knn", 36, 1),
    ]
    for of, wrong in zip(jobs, (0, 0, None, 20, 20, 20), strict=True):
        if wrong is not None:
            write_run(tmp_path / of.folder, "knn", of.samples, of.seed, wrong)
    write_sweep(tmp_path, jobs)
    points = [
        point
        for point in section_of(tmp_path).points["accuracy"]
        if point["samples"] == 36 and not point["property"]
    ]
    assert all((point["values"], point["stopped"]) == ([1.0, 0.5], 1) for point in points)
    (row,) = table_of(tmp_path, "samples_to_solved")
    assert row["to 100 %"] == "16 (0, 16]; seeds: 16, > 36"
    knn = next(row for row in table_of(tmp_path, "table4") if row["method"] == "k-NN")
    assert knn["all-MiniLM-L6"] == "75.00 (≤ 36; 2)"


def test_runs_of_other_settings_stand_on_other_ladders_and_seeds_on_one(tmp_path):
    for number, (samples, seed, setting) in enumerate(
        ((16, 0, "a"), (28, 0, "a"), (16, 1, "a"), (16, 0, "b"))
    ):
        write_run(tmp_path / str(number), samples=samples, seed=seed)
        change(
            tmp_path / str(number),
            settings=Settings(data="d", encoder="e", all=f"{setting}{samples}", ladder=setting),
        )
    (scope,) = scopes(collect([tmp_path]).runs)
    assert [(ladder.label, ladder.rungs, len(ladder.runs)) for ladder in ladders(scope)] == [
        ("k-NN (hadamard) #a", [16, 28], 2),
        ("k-NN (hadamard) #b", [16], 1),
    ]


def test_runs_that_do_not_say_what_they_share_are_never_put_on_one_ladder(tmp_path):
    for samples in (16, 28):
        write_run(
            tmp_path / str(samples),
            samples=samples,
            settings=Settings(data="d", encoder="e", all=str(samples), ladder=None),
        )
    (table, *_) = section_of(tmp_path).tables
    assert len(table.rows) == 2
    assert any("2 runs were written before" in note for note in table.notes)


def test_five_seeds_have_an_interval_and_fewer_are_listed(tmp_path):
    for seed in range(5):
        for samples in (16, 28):
            write_run(
                tmp_path / f"{seed}-{samples}",
                samples=samples,
                seed=seed,
                wrong=5 if samples == 16 or seed == 4 else 0,
            )
    (row,) = table_of(tmp_path, "samples_to_solved")
    assert row["to 100 %"] == "28 (16, 28], 95 % [28, > 28]"
    assert row["every property drawn from"] == "none up to 28"
    assert [row["to 100 %"] for row in table_of(tmp_path, "samples_by_seed")] == [
        *["28 (16, 28]"] * 4,
        "> 28",
    ]


def test_the_draw_is_told_from_which_number_of_samples_on_it_holds_every_property(tmp_path):
    write_run(tmp_path / "a", samples=28)
    write_run(tmp_path / "b", samples=32)
    (row,) = table_of(tmp_path, "samples_to_solved")
    assert row["every property drawn from"] == "32"
    change(tmp_path / "a", train_properties=None)
    (row,) = table_of(tmp_path, "samples_to_solved")
    assert row["every property drawn from"] == "not recorded"


def test_the_papers_tables_stand_beside_ours_and_say_what_is_missing(tmp_path):
    write_run(tmp_path / "000-knn-samples16-seed0", "knn", 16, wrong=4)
    write_run(tmp_path / "001-knn-samples64-seed0", "knn", 64)
    write_sweep(
        tmp_path,
        [
            job(0, "knn", 16, 0),
            job(1, "knn", 64, 0),
            job(2, "finetune", 64, 0, "failed", error="training diverged"),
            job(3, "random_label", 64, 0, "waiting"),
            job(4, "knn", 336, 0, "left_out"),
        ],
    )
    two = {row["model (method)"]: row for row in table_of(tmp_path, "table2")}
    assert (two["k-NN"]["lexicalised"], two["k-NN"]["lexicalised, paper"]) == ("100.00", "100.0")
    assert (two["k-NN"]["samples to 100 %"], two["k-NN"]["samples to 100 %, paper"]) == ("64 (16, 64]", "64")
    assert (two["k-NN"]["forgetting"], two["k-NN"]["forgetting, paper"]) == ("not measured", "7.7")
    assert two["fine-tuning"]["lexicalised"] == "1 failed"
    assert two["RoBERTa-large-MNLI"]["delexicalised, paper"] == "56.7"
    four = {(row["accuracy"], row["method"]): row for row in table_of(tmp_path, "table4")}
    assert len(four) == 10
    assert four["lexicalised", "k-NN"]["all-MiniLM-L6"] == "100.00 (64; 1)"
    assert four["lexicalised", "k-NN"]["MiniLM-L6, paper"] == "99.1"
    assert four["lexicalised", "k-NN"]["MiniLM-L6"] == "not run"
    assert four["delexicalised", "random label embeddings"]["all-MiniLM-L6"] == "1 waiting"
    assert four["delexicalised", "pretrained"]["all-MiniLM-L6"] == "50.00"


def test_a_measured_drop_fills_the_column_and_the_figure_of_forgetting(tmp_path):
    folder = write_run(tmp_path / "a")
    (run,) = collect([tmp_path]).runs
    change(folder, metrics={**run.metrics, "forgetting/drop": 0.058})
    assert (
        next(row for row in table_of(tmp_path, "table2") if row["model (method)"] == "k-NN")["forgetting"]
        == "5.80"
    )
    assert section_of(tmp_path).points["forgetting"] == [
        {
            "objective": "k-NN (hadamard)",
            "model": "bundled",
            "samples": 64,
            "seed": 0,
            "drop": 0.058,
            "accuracy": 1.0,
            "front": True,
        }
    ]
    drawn = static_figures(sections(collect([tmp_path])))
    assert [text.get_text() for text in drawn["forgetting"].legends[0].get_texts()] == [
        "k-NN (hadamard)",
        "Pareto front (means over seeds)",
    ]


def test_objectives_are_compared_on_the_same_seeds_and_samples_alone(tmp_path):
    for objective, samples, seed, wrong in (
        ("knn", 16, 0, 0),
        ("knn", 16, 1, 4),
        ("knn", 28, 0, 0),
        ("finetune", 16, 0, 20),
        ("finetune", 16, 1, 20),
        ("finetune", 16, 2, 0),
    ):
        write_run(tmp_path / f"{objective}{samples}{seed}", objective, samples, seed, wrong)
    rows = table_of(tmp_path, "comparisons")
    assert [(row["form"], row["samples"], row["seeds"]) for row in rows] == [
        ("all forms", "16", "2"),
        ("lexicalised", "16", "2"),
        ("delexicalised", "16", "2"),
    ]
    assert {row["first - second, points"] for row in rows} == {"+45.00"}
    assert {row["sd over seeds"] for row in rows} == {"7.07"}, "50 and 40 points"
    assert {row["beyond chance"] for row in rows} == {"yes"}
    low, high = map(float, rows[0]["95 % interval"].strip("[]").split(","))
    assert 25 < low < 45 < high < 65


def test_objectives_of_two_encoders_are_not_compared(tmp_path):
    for model in ("bundled", "minilm_l6"):
        for objective in ("knn", "finetune"):
            write_run(tmp_path / f"{model}-{objective}", objective, model=model)
    assert [
        (row["first"], row["second"], row["encoder"])
        for row in table_of(tmp_path, "comparisons")
        if row["form"] == "all forms"
    ] == [("k-NN (hadamard)", "fine-tuning", "bundled"), ("k-NN (hadamard)", "fine-tuning", "minilm_l6")]


def test_equal_objectives_differ_by_chance_and_without_predictions_there_is_nothing_to_compare(tmp_path):
    write_run(tmp_path / "a", "knn", wrong=2)
    write_run(tmp_path / "b", "finetune", wrong=2)
    assert {(row["p"], row["beyond chance"]) for row in table_of(tmp_path, "comparisons")} == {("1.00", "no")}
    (tmp_path / "a" / "predictions.parquet").unlink()
    assert not [table for table in section_of(tmp_path).tables if table.name == "comparisons"]


def test_mixed_versions_are_marked_cell_by_cell(tmp_path):
    write_run(tmp_path / "a", seed=0)
    write_run(tmp_path / "b", seed=1, version="0.2.0", git_commit="d" * 40 + "-dirty")
    write_run(tmp_path / "c", "finetune", seed=0)
    found = {table.name: table for table in section_of(tmp_path).tables}
    rows = {row.cells[0].text: row for row in found["table2"].rows}
    assert rows["k-NN"].cells[2].text == "100.00 †"
    assert rows["fine-tuning"].cells[2].text == "100.00"
    assert (
        "Mixed: relsym 0.1.0 and 0.2.0; commits cccccccc and dddddddd-dirty. † marks a cell that mixes them."
        in found["table2"].notes
    )
    assert (
        "1 of its 3 runs come from a source tree with changes that no commit holds." in found["table2"].notes
    )


def test_one_setting_and_seed_with_two_results_is_refused(tmp_path):
    write_run(tmp_path / "a")
    write_run(tmp_path / "b", wrong=1, version="0.2.0")
    with pytest.raises(
        ValueError, match=r"a/results\.json and .*b/results\.json are the same run with different results"
    ):
        section_of(tmp_path)


def test_a_sweep_of_the_papers_size_is_read_in_seconds(tmp_path):
    for number in range(112):
        write_run(
            tmp_path / str(number),
            ("knn", "finetune", "random_label", "knn_learnt")[number // 28],
            16 * (1 + number % 7),
            number % 28 // 7,
            rows=200,
        )
    started = time.perf_counter()
    section_of(tmp_path)
    assert time.perf_counter() - started < 20


@pytest.mark.parametrize(
    ("rows", "bound", "short"),
    [(1, "95.00", "95"), (2, "77.64", "78"), (3, "63.16", "63"), (40, "7.22", "7.2"), (2000, "0.15", "0.15")],
)
def test_a_bound_of_the_error_is_exact_and_never_above_100(tmp_path, rows, bound, short):
    interval = Interval(*accuracy([True] * rows))
    assert interval_text(interval).endswith(f", 100.00], 0 errors: < {bound} %")
    write_run(tmp_path / "a", rows=40)
    (scope,) = scopes([read_results(tmp_path / "a" / "results.json")])
    run = msgspec.structs.replace(scope.runs[0], rows={"lexicalised": rows})
    assert bound_text(Scope("t", [run])) == f"{rows:,} lexicalised rows (none wrong: error < {short} %)"
