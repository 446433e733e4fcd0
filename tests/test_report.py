"""Stage 7: tables and figures from run folders."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from relsym.report.collect import read_runs, tables


def run(folder: Path, seed: int = 0, accuracy: float = 1.0, objective: str = "knn", benchmark: str = "b" * 64, setting: str = "s", metric: str = "hadamard"):
    interval = {"correct": 9, "rows": 10, "value": accuracy, "low": 0.6, "high": 1.0}
    names = {"test/accuracy": accuracy, "shortcut/template_lookup": 0.9, "shortcut/knn_untrained": 0.6}
    results = {"metrics": {f"{name}/{form}": value for name, value in names.items() for form in ("lexicalised", "delexicalised")}
               | {"test/accuracy/lexicalised/P131": 0.5, "untrained/random_label/lexicalised": 0.5, "untrained/random_label/delexicalised": 0.4},
               "intervals": {f"{name}/{form}": interval for name in names for form in ("lexicalised", "delexicalised")},
               "rows": {"train": 64, "lexicalised": 10, "delexicalised": 10}, "seed": seed, "benchmark_hash": benchmark,
               "choices": {"objective": objective, "metric": metric, "model": "bundled", "data": "mini"},
               "setting_hashes": {"data": "d", "encoder": f"e{metric}", "all": f"{setting}{objective}"}}
    folder.mkdir(parents=True)
    (folder / "results.json").write_text(json.dumps(results))


def lines_of(folder: Path):
    (lines,) = tables(read_runs([folder])).values()
    return {line.reader: line for line in lines}


def test_seeds_are_averaged_and_shortcuts_stand_before_the_models(tmp_path):
    for seed, accuracy in ((0, 1.0), (1, 0.9)):
        run(tmp_path / f"knn{seed}", seed, accuracy)
        run(tmp_path / f"ft{seed}", seed, 0.8, "finetune", metric="none")
    lines = lines_of(tmp_path)
    assert lines["k-NN (hadamard)"].cell("lexicalised") == "95.0 ± 7.1"
    assert lines["fine-tuning"].seeds == (0, 1)
    names = list(lines)
    assert names.index("template look-up") < names.index("untrained, k-NN (hadamard)") < names.index("k-NN (hadamard)") < names.index("fine-tuning")
    assert [line.retrained for line in lines.values()].count(True) == 2


def test_one_seed_shows_the_interval_of_its_rows(tmp_path):
    run(tmp_path / "a", 0, 0.9)
    assert lines_of(tmp_path)["k-NN (hadamard)"].cell("lexicalised") == "90.0 [60.0, 100.0]"
    assert lines_of(tmp_path)["untrained, random label embeddings (hadamard)"].cell("delexicalised") == "40.0"


def test_runs_with_other_settings_are_not_averaged_but_told_apart(tmp_path):
    run(tmp_path / "a", 0, 1.0, setting="aaa")
    run(tmp_path / "b", 0, 0.5, setting="bbb")
    lines = lines_of(tmp_path)
    assert {name for name in lines if name.startswith("k-NN")} == {"k-NN (hadamard) #aaaknn", "k-NN (hadamard) #bbbknn"}


def test_each_benchmark_has_a_table_of_its_own(tmp_path):
    run(tmp_path / "a", benchmark="a" * 64)
    run(tmp_path / "b", benchmark="b" * 64)
    assert len(tables(read_runs([tmp_path]))) == 2


def test_no_runs_and_damaged_ones_are_named(tmp_path, relsym):
    ended = relsym("report", f"runs={tmp_path}", f"hydra.run.dir={tmp_path / 'out'}")
    assert ended.code == 1
    assert "no results.json below" in ended.err
    run(tmp_path / "a")
    (tmp_path / "a" / "results.json").write_text("{")
    with pytest.raises(ValueError, match=r"results\.json: not JSON"):
        read_runs([tmp_path])


def test_the_command_writes_markdown_json_and_a_figure(tmp_path, relsym):
    run(tmp_path / "runs" / "a")
    ended = relsym("report", f"runs={tmp_path / 'runs'}", f"hydra.run.dir={tmp_path / 'out'}")
    assert ended.code == 0, ended.err
    assert "k-NN (hadamard)" in ended.out
    markdown = (tmp_path / "out" / "table.md").read_text()
    assert "| k-NN (hadamard) | bundled |" in markdown
    assert "look-up of templates can score 100 %" in markdown
    content = json.loads((tmp_path / "out" / "table.json").read_text())
    assert len(content) == 1
    assert (tmp_path / "out" / "accuracy.png").read_bytes().startswith(b"\x89PNG")
