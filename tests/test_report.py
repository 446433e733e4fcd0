"""Stage 7: every reader beside the others, by benchmark."""

from __future__ import annotations

from pathlib import Path

import pytest

from relsym.report.collect import collect
from relsym.report.figures.readers import accuracy_figure
from relsym.report.page.page import nav
from relsym.report.sections import Section, sections
from relsym.report.tables.cells import Table
from relsym.report.tables.readers import file_name
from relsym.runs.results import BenchmarkRecord, Earlier, Interval, Settings, read_results
from runs_of import FORMS, change, readers_of, train_results, write_results


def run(
    folder: Path,
    seed: int = 0,
    accuracy: float = 1.0,
    objective: str = "knn",
    benchmark: str = "b" * 64,
    setting: str = "s",
    metric: str = "hadamard",
    score_on: str = "test",
    sample_seed: int | None = None,
    init: Earlier | None = None,
):
    interval = Interval(correct=9, rows=10, value=accuracy, low=0.6, high=1.0)
    names = {f"{score_on}/accuracy": accuracy, "shortcut/template_lookup": 0.9, "shortcut/knn_untrained": 0.6}
    metrics = {
        f"{score_on}/accuracy/lexicalised/P131": 0.5,
        "untrained/random_label/lexicalised": 0.5,
        "untrained/random_label/delexicalised": 0.4,
    }
    intervals = {}
    for form in FORMS:
        metrics[f"reference/constant/{form}"] = 0.5
        for name, value in names.items():
            metrics[f"{name}/{form}"] = value
            intervals[f"{name}/{form}"] = interval
    write_results(
        folder,
        train_results(
            objective,
            metric,
            "bundled" if init is None else f"run a ({init.model})",
            seed=seed,
            metrics=metrics,
            intervals=intervals,
            readers=readers_of(metric, "untrained" if init is None else "before retraining"),
            rows=dict.fromkeys(FORMS, 10),
            benchmark=BenchmarkRecord(
                "mini",
                content_hash=benchmark,
                rows_hash="r" * 64,
                sides="grouped, seed 0",
                fold=None,
                kinds={"P131": "antisymmetric"},
            ),
            score_on=score_on,
            config_hash="f" * 64,
            git_commit=None,
            init=init,
            sample_seed=seed if sample_seed is None else sample_seed,
            settings=Settings(data="d", encoder=f"e{metric}", all=f"{setting}{objective}", ladder=None),
        ),
    )


def tables_of(folder: Path):
    """Every table of readers below a folder, by title."""
    return {title: lines for section in sections(collect([folder])) for title, lines in section.lines.items()}


def lines_of(folder: Path):
    (lines,) = tables_of(folder).values()
    return {line.reader: line for line in lines}


def test_seeds_are_averaged_and_shortcuts_stand_before_the_models(tmp_path):
    for seed, accuracy in ((0, 1.0), (1, 0.9)):
        run(tmp_path / f"knn{seed}", seed, accuracy)
        run(tmp_path / f"ft{seed}", seed, 0.8, "finetune", metric="none")
    lines = lines_of(tmp_path)
    assert lines["k-NN (hadamard)"].cell("lexicalised") == "95.00 ± 7.07"
    assert len(lines["fine-tuning"].seeds) == 2
    names = list(lines)
    assert (
        names.index("template look-up")
        < names.index("untrained, k-NN (hadamard)")
        < names.index("k-NN (hadamard)")
        < names.index("fine-tuning")
    )
    assert [line.retrained for line in lines.values()].count(True) == 2


def test_one_seed_shows_the_interval_of_its_rows(tmp_path):
    run(tmp_path / "a", 0, 0.9)
    assert lines_of(tmp_path)["k-NN (hadamard)"].cell("lexicalised") == "90.00 [60.00, 100.00]"
    assert (
        lines_of(tmp_path)["untrained, random label embeddings (hadamard)"].cell("delexicalised") == "40.00"
    )


def test_runs_with_other_settings_are_not_averaged_but_told_apart(tmp_path):
    run(tmp_path / "a", 0, 1.0, setting="aaa")
    run(tmp_path / "b", 0, 0.5, setting="bbb")
    lines = lines_of(tmp_path)
    assert {name for name in lines if name.startswith("k-NN")} == {
        "k-NN (hadamard) #aaaknn",
        "k-NN (hadamard) #bbbknn",
    }


def test_each_benchmark_has_a_table_of_its_own(tmp_path):
    run(tmp_path / "a", benchmark="a" * 64)
    run(tmp_path / "b", benchmark="b" * 64)
    assert len(tables_of(tmp_path)) == 2


def test_one_wrong_row_in_2000_does_not_read_100(tmp_path):
    run(tmp_path / "a", 0, 1999 / 2000)
    assert lines_of(tmp_path)["k-NN (hadamard)"].cell("lexicalised").startswith("99.95")


def test_validation_scores_never_stand_in_a_table_of_test_scores(tmp_path):
    run(tmp_path / "a")
    run(tmp_path / "b", score_on="validation")
    titles = list(tables_of(tmp_path))
    assert len(titles) == 2
    assert any("validation rows" in title for title in titles)


def test_another_draw_under_one_seed_is_another_run_and_a_contradiction_is_an_error(tmp_path):
    run(tmp_path / "a", 0, 1.0)
    run(tmp_path / "b", 0, 0.5, sample_seed=7)
    assert lines_of(tmp_path)["k-NN (hadamard)"].cell("lexicalised").startswith("75.00")
    run(tmp_path / "c", 0, 0.9)
    with pytest.raises(
        ValueError, match=r"a/results\.json and .*c/results\.json are the same run with different results"
    ):
        lines_of(tmp_path)


def test_a_run_that_goes_on_from_another_says_so(tmp_path):
    run(
        tmp_path / "a",
        init=Earlier("bundled", config_hash="1" * 64, cell_hash="2" * 64, benchmark_hash="b" * 64),
    )
    lines = lines_of(tmp_path)
    assert lines["k-NN (hadamard)"].model == "run a (bundled)"
    assert "before retraining, k-NN (hadamard)" in lines


def test_groups_have_a_table_of_their_own_with_the_kind_that_the_model_knows_worse_first(tmp_path):
    run(tmp_path / "a")
    metrics = read_results(tmp_path / "a" / "results.json").metrics
    for reader, (low, high) in {
        "test/groups": (0.1, 0.7),
        "shortcut/template_lookup_groups": (0.3, 0.0),
    }.items():
        for form in ("lexicalised", "delexicalised"):
            metrics |= {
                f"{reader}/{form}": low,
                f"{reader}/{form}/symmetric": low,
                f"{reader}/{form}/antisymmetric": high,
            }
    change(tmp_path / "a", metrics=metrics)
    found = tables_of(tmp_path)
    (groups,) = [lines for title, lines in found.items() if title.startswith("Group accuracy")]
    assert [line.reader for line in groups] == ["template look-up", "k-NN (hadamard)"]
    assert list(groups[1].values) == [
        "lexicalised, symmetric",
        "lexicalised, antisymmetric",
        "delexicalised, symmetric",
        "delexicalised, antisymmetric",
    ]
    assert groups[1].cell("lexicalised, antisymmetric") == "70.00"
    assert list(groups[0].values) == list(groups[1].values)


def test_roles_have_tables_of_their_own_with_a_column_for_each_form_and_kind(tmp_path):
    run(tmp_path / "a")
    metrics = read_results(tmp_path / "a" / "results.json").metrics
    for measure, low in (("roles", 0.5), ("converse_roles", 0.25)):
        for form in ("lexicalised", "delexicalised"):
            key = f"test/{measure}/{form}"
            metrics |= {key: low, f"{key}/symmetric": 1.0, f"{key}/antisymmetric": low}
    change(tmp_path / "a", metrics=metrics)
    found = tables_of(tmp_path)
    by_file = {file_name(title): lines for title, lines in found.items()}
    assert by_file["roles"][0].cell("lexicalised, antisymmetric") == "50.00"
    assert by_file["converse_roles"][0].cell("delexicalised, antisymmetric") == "25.00"
    assert by_file["converse_roles"][0].cell("delexicalised, symmetric") == "100.00"
    for title, lines in found.items():
        accuracy_figure(title, lines)


def test_the_mean_over_kinds_is_shown_where_relations_are_held_out(tmp_path):
    for name, sides in (("a", "grouped, seed 0"), ("b", "grouped, seed 0, held out P22 P3373")):
        run(tmp_path / name)
        metrics = read_results(tmp_path / name / "results.json").metrics
        metrics |= {f"test/macro/{form}": 0.5 for form in FORMS}
        change(tmp_path / name, metrics=metrics, **{"benchmark.sides": sides})
    titles = [title for title in tables_of(tmp_path) if title.startswith("Mean over kinds")]
    assert len(titles) == 1
    assert "held out P22 P3373" in titles[0]


def test_runs_on_other_rows_are_another_table(tmp_path):
    run(tmp_path / "a")
    run(tmp_path / "b", setting="t")
    change(tmp_path / "b", **{"benchmark.rows_hash": "q" * 64})
    assert sorted(title[-12:] for title in tables_of(tmp_path)) == ["rows #qqqqqq", "rows #rrrrrr"]


def test_the_headline_over_folds_is_the_mean_over_kinds_of_the_mean_over_relations(tmp_path):
    for property, kind, accuracy in (
        ("P131", "antisymmetric", 0.0),
        ("P22", "antisymmetric", 0.5),
        ("P25", "antisymmetric", 0.1),
        ("P3373", "symmetric", 0.8),
    ):
        run(tmp_path / property, 0, accuracy)
        sides = f"grouped, seed 0, held out {property}"
        change(
            tmp_path / property,
            benchmark=BenchmarkRecord(
                "mini", "b" * 64, property, sides, fold=f"loo-{property}", kinds={property: kind}
            ),
        )
    found = tables_of(tmp_path)
    (headline,) = [lines for title, lines in found.items() if title.startswith("Every relation held out")]
    assert {line.reader: line.cell("lexicalised") for line in headline}["k-NN (hadamard), 4 folds"] == "50.00"
    assert len(found) == 5


def test_a_table_of_ones_own_stands_in_the_contents_under_its_name():
    tables = [Table(name, "title", (), ()) for name in ("forgetting", "every_relation", "my_measure")]
    section = Section("title", [], tables=tables)
    contents = dict(nav(section, 1))
    assert contents == {
        "Forgetting": "forgetting-1",
        "Folds": "every_relation-1",
        "My measure": "my_measure-1",
        "Runs": "runs",
    }
