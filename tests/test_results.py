"""What runs leave on disk: what was written is read, all else is refused with file, key and what to do."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from safetensors.numpy import save_file

from damaged import Keys, another_type, refusal, replaced, values
from evaluations_of import write_evaluation
from relsym.runs.folder import RunFolder, read_tensors
from relsym.runs.results import (
    ControlDrop,
    Drop,
    Earlier,
    ForgettingRecord,
    read_results,
    results_json,
    results_or_none,
)
from relsym.runs.sweeps import read_sweep, sweep_json
from runs_of import change, changed, digest, job, write_run, write_sweep

ADVICE = "Run that job again, or leave it out."
SWEEP_ADVICE = "Give the sweep's command again, or leave it out."
DROP = {
    "before": 0.8,
    "after": 0.7,
    "drop": 0.1,
    "low": -0.1,
    "high": 0.3,
    "retention": 0.8,
    "lost": 5,
    "gained": 1,
    "p_bootstrap": 0.03,
    "p_mcnemar": 0.2,
    "rows": 40,
}


def train(folder: Path) -> Path:
    """Results of a training in which every part has a value."""
    control = ControlDrop(**DROP, folder="outputs/control")
    forgetting = ForgettingRecord(
        rows=40,
        score_on="test",
        refit_rows=100,
        benchmark_hash=digest("nli"),
        read_outs={"kept": Drop(**DROP)},
        control=control,
    )
    init = Earlier("bundled", config_hash=digest(1), cell_hash=digest(2), benchmark_hash=digest(3))
    write_run(
        folder,
        init=init,
        forgetting=forgetting,
        recipe=["replay"],
        sweep="sweep",
        job="000",
        epoch_kept=3,
        validation_accuracy=0.9,
    )
    return folder / "results.json"


def evaluation(folder: Path) -> Path:
    """Results of an evaluation."""
    write_evaluation(folder, "alpha", {"strict": 12, "two_way": 20})
    change(folder, train_properties={"P131": 4}, costs={"tokens": 12.0})
    return folder / "results.json"


WRITERS = {"train": train, "evaluate": evaluation}


@pytest.fixture(params=WRITERS)
def results(request, tmp_path) -> Path:
    """``results.json`` of either task."""
    return WRITERS[request.param](tmp_path / "run")


def refused(path: Path, content: Any) -> str:
    """What is said about these results."""
    return refusal(path, content, read_results)


def is_free(keys: Keys) -> bool:
    """Whether another value is refused in other words, or, of where a model is from, not at all."""
    return keys in (("task",), ("format",)) or (keys[0] == "source" and len(keys) > 1)


def test_what_is_read_is_what_was_written(results):
    read = read_results(results)
    assert read.path == str(results)
    assert read.folder == results.parent
    assert results_json(read) == results.read_text()
    assert results_or_none(results) == read
    assert "path" not in json.loads(results.read_text())


def test_a_value_of_another_type_is_refused_with_file_key_and_what_to_do(results):
    content = json.loads(results.read_text())
    places = [(keys, value) for keys, value in values(content) if not is_free(keys)]
    assert len(places) > 150
    for keys, value in places:
        message = refused(results, replaced(content, keys, another_type(value)))
        assert message.startswith(f"{results}: {'.'.join(map(str, keys))}: Expected "), message
        assert message.endswith(ADVICE), message
    assert results_or_none(results) is None


def test_a_missing_key_is_refused_by_name(results):
    content = json.loads(results.read_text())
    optional = {"epoch_kept", "validation_accuracy", "replayed_rows", "replayed_distinct", "forgetting"}
    optional |= {"attention"}
    optional |= {"tracked"}
    for key in content.keys() - optional - {"task", "format"}:
        message = refused(results, {name: value for name, value in content.items() if name != key})
        assert message == f"{results}: Object missing required field `{key}`. {ADVICE}"
    for key in content["benchmark"]:
        benchmark = {name: value for name, value in content["benchmark"].items() if name != key}
        message = refused(results, {**content, "benchmark": benchmark})
        assert message == f"{results}: benchmark: Object missing required field `{key}`. {ADVICE}"


def test_an_unknown_key_is_refused_by_name(results):
    content = json.loads(results.read_text())
    message = refused(results, {**content, "accuracy": 1.0})
    assert message == f"{results}: Object contains unknown field `accuracy`. {ADVICE}"
    interval = next(iter(content["intervals"]))
    message = refused(results, replaced(content, ("intervals", interval, "middle"), 0.5))
    assert message == f"{results}: intervals.{interval}: Object contains unknown field `middle`. {ADVICE}"


def below(keys: Keys, *names: str) -> list[Keys]:
    """Several values of one struct."""
    return [(*keys, name) for name in names]


INTERVAL = ("intervals", "test/accuracy/lexicalised")
KEPT = ("forgetting", "read_outs", "kept")
CLUSTER = ("clusters", "strict", "lexicalised", "fact")
BAR = ("reliability", "two_way", "lexicalised", 0)
# Task -> what has to lie in [0, 1], in [-1, 1], and from 0 on.
SHARES = {
    "train": [
        ("validation_accuracy",),
        ("forgetting", "control", "after"),
        *below(INTERVAL, "value", "low", "high"),
        *below(KEPT, "before", "after", "p_bootstrap", "p_mcnemar"),
    ],
    "evaluate": [
        (*INTERVAL, "low"),
        (*CLUSTER, 0),
        (*CLUSTER, 1),
        *below(BAR, "low", "high", "probability", "entailment"),
    ],
}
DIFFERENCES = {"train": below(KEPT, "drop", "low", "high"), "evaluate": []}
AMOUNTS = {
    "train": [
        ("train_rows",),
        ("epochs",),
        ("epoch_kept",),
        ("replayed_rows",),
        ("replayed_distinct",),
        ("rows", "lexicalised"),
        ("counts", "facts"),
        ("train_properties", "P131"),
        ("seconds", "train"),
        ("memory", "peak_gib"),
        ("forgetting", "rows"),
        ("forgetting", "refit_rows"),
        *below(INTERVAL, "correct", "rows"),
        *below(KEPT, "lost", "gained", "rows"),
    ],
    "evaluate": [
        ("measured_before",),
        ("costs", "tokens"),
        ("measured_rows", "score", "lexicalised"),
        ("unscored", "two_way", "lexicalised"),
        ("histograms", "strict", "lexicalised", "entailment"),
        (*BAR, "rows"),
    ],
}


@pytest.mark.parametrize("task", WRITERS)
def test_a_value_out_of_its_range_is_refused_with_file_key_and_what_to_do(task, tmp_path):
    path = WRITERS[task](tmp_path / "run")
    content = json.loads(path.read_text())
    out_of_range: list[tuple[Keys, float]] = [(keys, -1) for keys in AMOUNTS[task]]
    for keys in SHARES[task]:
        out_of_range += [(keys, -0.001), (keys, 1.001)]
    for keys in DIFFERENCES[task]:
        out_of_range += [(keys, -1.001), (keys, 1.001)]
    for keys, value in out_of_range:
        message = refused(path, replaced(content, keys, value))
        assert message.startswith(f"{path}: {'.'.join(map(str, keys))}: Expected "), message
        assert message.endswith(ADVICE), message
    path.write_text(json.dumps(content))
    assert read_results(path)


@pytest.mark.parametrize(
    ("key", "low", "high"),
    [
        ("test/accuracy/lexicalised", 0, 1),
        ("shortcut/majority_groups/lexicalised", 0, 1),
        ("drift/cka/sentences", 0, 1),
        ("test/bias/lexicalised", -1, 1),
        ("reading/strict_bias/lexicalised", -1, 1),
        ("forgetting/drop", -1, 1),
        ("forgetting/kept/drop", -1, 1),
        ("forgetting/kept/before", 0, 1),
        ("forgetting/kept/retention", None, None),
    ],
)
def test_a_metric_has_the_range_of_its_measure(key, low, high, tmp_path):
    path = train(tmp_path / "run")
    content = json.loads(path.read_text())
    allowed = (-7.5, 7.5) if low is None else (low, high)
    for value in allowed:
        path.write_text(json.dumps(replaced(content, ("metrics", key), value)))
        assert read_results(path).metrics[key] == value
    if low is not None:
        for value in (low - 0.001, high + 0.001):
            message = refused(path, replaced(content, ("metrics", key), value))
            assert message == f"{path}: metrics.{key} is {value}, outside [{low}, {high}]. {ADVICE}"


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_a_number_that_is_not_finite_is_refused(number, results):
    key = '"test/accuracy/lexicalised": '
    text = results.read_text().replace(key, f'{key}{number}, "other": ', 1)
    message = refused(results, text)
    assert message.startswith(f"{results}: not JSON ("), message
    assert message.endswith(ADVICE)


DEEP = 100_000


@pytest.mark.parametrize("text", ["", "{", "results", "{'task': 'train'}", "[" * DEEP, '{"task":' * DEEP])
def test_what_is_not_json_is_refused(text, tmp_path):
    message = refused(tmp_path / "results.json", text)
    assert message.startswith(f"{tmp_path / 'results.json'}: not JSON ("), message
    assert message.endswith(ADVICE)


def test_text_that_is_not_utf8_is_refused(results):
    results.write_bytes(results.read_bytes().replace(b"mini", b"m\xefni"))
    with pytest.raises(ValueError, match=r"results\.json: not JSON \(.*\)\. Run that job again"):
        read_results(results)


@pytest.mark.parametrize(
    "content", [[], {}, "text", None, {"task": "build"}, {"task": ["train"]}, [{"task": "train"}]]
)
def test_what_is_not_of_a_run_is_refused(content, tmp_path):
    path = tmp_path / "results.json"
    message = refused(path, json.dumps(content))
    assert (
        message == f"{path}: not the results of relsym train or evaluate. Pass folders of their runs alone."
    )


def test_another_format_is_refused_with_the_way_to_read_it(results):
    content = json.loads(results.read_text())
    earlier = (
        f"{results}: format 1, written by an earlier version; this one reads format 2. "
        f"relsym upgrade {results.parent} writes a copy that it can read."
    )
    assert refused(results, {**content, "format": 1}) == earlier
    del content["format"]  # files did not say so at first
    assert refused(results, content) == earlier
    later = f"{results}: format 3, written by a later version; this one reads format 2. Use that version."
    assert refused(results, {**content, "format": 3}) == later
    message = refused(results, {**content, "format": "2"})
    assert message == f"{results}: format: Expected `int`, got `str`. {ADVICE}"


def test_every_form_has_an_accuracy_and_there_is_at_least_one_form(results):
    content = json.loads(results.read_text())
    key = "test/accuracy/delexicalised"
    for part in ("metrics", "intervals"):
        without = {name: value for name, value in content[part].items() if name != key}
        expected = (
            f"{results}: metrics and intervals have no {key}, but rows has the form delexicalised. {ADVICE}"
        )
        assert refused(results, {**content, part: without}) == expected
    assert refused(results, {**content, "rows": {}}) == f"{results}: rows: no form was scored. {ADVICE}"


def test_results_that_are_not_there_are_none_and_no_results(tmp_path):
    assert results_or_none(tmp_path / "results.json") is None
    with pytest.raises(FileNotFoundError):
        read_results(tmp_path / "results.json")


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_a_number_that_is_not_finite_is_refused_before_anything_is_written(number, tmp_path):
    read = read_results(train(tmp_path / "run"))
    bad = msgspec.structs.replace(read, metrics={**read.metrics, "forgetting/kept/retention": number})
    empty = tmp_path / "empty"
    empty.mkdir()
    folder = RunFolder(empty)
    message = (
        r"metrics\.forgetting/kept/retention: -?(nan|inf) is not a finite number\. This is an error of relsym"
    )
    with pytest.raises(ValueError, match=message):
        folder.finish(bad)
    bad = msgspec.structs.replace(read, seconds={"train": number})
    with pytest.raises(ValueError, match=r"seconds\.train: -?(nan|inf) is not a finite number"):
        folder.finish(bad)
    assert not list(empty.iterdir())


def test_what_would_be_refused_on_reading_is_refused_on_writing(tmp_path):
    read = read_results(train(tmp_path / "run"))
    with pytest.raises(ValueError, match=r"what is to be written: epochs: Expected `int \| null`, got `str`"):
        results_json(msgspec.structs.replace(read, epochs="ten"))
    with pytest.raises(ValueError, match=r"metrics\.test/accuracy/lexicalised is 1\.5, outside \[0, 1\]"):
        results_json(msgspec.structs.replace(read, metrics=read.metrics | {"test/accuracy/lexicalised": 1.5}))
    with pytest.raises(msgspec.ValidationError, match="Expected `int`"):
        changed(read, {"seed": "0"})


@pytest.fixture
def sweep(tmp_path) -> Path:
    """``sweep.json`` of two jobs, one of which failed."""
    failed = job(1, "knn", 28, 0, "failed", error="out of memory")
    folder = write_sweep(tmp_path / "sweep", [job(0, "knn", 16, 0), failed])
    return folder / "sweep.json"


def test_a_list_of_jobs_that_is_read_is_what_was_written(sweep):
    read = read_sweep(sweep)
    assert sweep_json(read) == sweep.read_text()
    assert [entry.error for entry in read.jobs] == [None, "out of memory"]
    assert read.jobs[0].identity.job == digest(0)


def test_a_value_of_another_type_in_a_list_of_jobs_is_refused_with_file_key_and_what_to_do(sweep):
    content = json.loads(sweep.read_text())
    for keys, value in values(content):
        if keys != ("format",):
            other = {"a": 1} if "devices" in keys else another_type(value)  # a number or a word
            message = refusal(sweep, replaced(content, keys, other), read_sweep)
            assert message.startswith(f"{sweep}: {'.'.join(map(str, keys))}: Expected "), message
            assert message.endswith(SWEEP_ADVICE), message


def test_a_list_of_jobs_with_missing_and_unknown_keys_another_format_or_damage_is_refused(sweep):
    content = json.loads(sweep.read_text())
    message = refusal(sweep, {**content, "x": 1}, read_sweep)
    assert message == f"{sweep}: Object contains unknown field `x`. {SWEEP_ADVICE}"
    without = {key: value for key, value in content["jobs"][1].items() if key != "overrides"}
    message = refusal(sweep, replaced(content, ("jobs", 1), without), read_sweep)
    assert message == f"{sweep}: jobs.1: Object missing required field `overrides`. {SWEEP_ADVICE}"
    message = refusal(sweep, replaced(content, ("jobs", 1, "verdict"), "lost"), read_sweep)
    assert message == f"{sweep}: jobs.1.verdict: Invalid enum value 'lost'. {SWEEP_ADVICE}"
    other_formats = {
        1: "written by an earlier version.* relsym upgrade",
        3: "written by a later version.* Use that version",
    }
    for number, expected in other_formats.items():
        sweep.write_text(json.dumps({**content, "format": number}))
        with pytest.raises(ValueError, match=f"format {number}, {expected}"):
            read_sweep(sweep)
    assert refusal(sweep, [], read_sweep) == f"{sweep}: expected a JSON object, got a list. {SWEEP_ADVICE}"
    for text in ("", "{", "[" * 100_000, '{"format": NaN}'):
        assert refusal(sweep, text, read_sweep).startswith(f"{sweep}: not JSON (")


def test_seconds_of_a_job_that_are_not_finite_are_refused_before_anything_is_written(sweep):
    read = read_sweep(sweep)
    read.jobs[1].seconds = math.inf
    with pytest.raises(ValueError, match=r"jobs\.1\.seconds: inf is not a finite number"):
        sweep_json(read)


def test_tensors_that_are_read_are_those_that_were_written(tmp_path):
    written = {"label_embeddings": np.arange(6, dtype=np.float32).reshape(2, 3), "classes": np.array([0, 1])}
    save_file(written, tmp_path / "probe.safetensors")
    read = read_tensors(tmp_path / "probe.safetensors")
    assert read.keys() == written.keys()
    for name, array in written.items():
        np.testing.assert_array_equal(read[name], array)
        assert read[name].dtype == array.dtype


def test_tensors_that_are_not_there_are_named_with_what_to_do(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"probe\.safetensors: no such file, .* Run that job again\."):
        read_tensors(tmp_path / "probe.safetensors")


def test_damaged_tensors_and_those_that_are_not_finite_are_refused_with_file_and_key(tmp_path):
    path = tmp_path / "probe.safetensors"
    for number in (np.nan, np.inf):
        save_file({"whole": np.ones(2, np.float32), "weight": np.array([1, number], np.float32)}, path)
        message = r"probe\.safetensors: weight holds numbers that are not finite\. Run that job again\."
        with pytest.raises(ValueError, match=message):
            read_tensors(path)
    whole = path.read_bytes()
    for damaged in (b"", b"text", whole[:-1], whole[:20]):
        path.write_bytes(damaged)
        message = r"probe\.safetensors: not a safetensors file of relsym .* Run that job again\."
        with pytest.raises(ValueError, match=message):
            read_tensors(path)
    with pytest.raises(FileNotFoundError):
        read_tensors(tmp_path / "none.safetensors")
