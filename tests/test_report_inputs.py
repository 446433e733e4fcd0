"""What a report reads, and what it refuses."""

from __future__ import annotations

import json

import pytest

from relsym.app.report.__main__ import listed
from relsym.report.collect import collect
from relsym.report.write import missing_of
from relsym.runs.results import read_results
from runs_of import change, job, write_run, write_sweep


def test_runs_below_all_inputs_are_read_each_once(tmp_path):
    write_run(tmp_path / "a" / "one")
    write_run(tmp_path / "b" / "two", seed=1)
    (tmp_path / "link").symlink_to(tmp_path / "a")
    found = collect([tmp_path / "a", tmp_path / "b", tmp_path / "link", tmp_path / "a" / "one"]).runs
    assert [run.seed for run in found] == [0, 1]


def test_a_run_that_a_sweep_took_from_another_sweep_is_read_too(tmp_path):
    write_run(tmp_path / "old" / "004")
    write_sweep(
        tmp_path / "new", [job(0, "knn", 64, 0, "reused", "../old/004"), job(1, "knn", 64, 1, "waiting")]
    )
    found = collect([tmp_path / "new"])
    assert [run.path for run in found.runs] == [str(tmp_path / "old" / "004" / "results.json")]
    assert [job.entry.verdict for job in found.jobs] == ["reused", "waiting"]
    assert len(collect([tmp_path]).runs) == 1


def test_a_job_that_was_finished_elsewhere_is_not_missing(tmp_path):
    write_run(tmp_path / "elsewhere", job_hash="h" * 64)
    write_sweep(
        tmp_path / "sweep",
        [
            job(0, "knn", 64, 0, "waiting", job_hash="h" * 64),
            job(1, "knn", 64, 1, "failed", error="out of memory"),
            job(2, "knn", 336, 1, "left_out"),
        ],
    )
    missing = missing_of(collect([tmp_path]))
    assert missing.title == "1 job without results"
    assert [[cell.text for cell in row.cells] for row in missing.rows] == [
        ["table4", "001-knn-samples64-seed1", "failed", "out of memory"]
    ]


def test_no_finished_run_is_an_error_that_names_folders_and_unfinished_jobs(tmp_path, relsym):
    write_sweep(
        tmp_path,
        [
            job(0, "knn", 16, 0, "waiting"),
            job(1, "knn", 28, 0, "waiting"),
            job(2, "knn", 36, 0, "failed"),
            job(3, "knn", 48, 0, "left_out"),
        ],
    )
    ended = relsym("report", f"inputs={tmp_path}", f"hydra.run.dir={tmp_path / 'out'}")
    assert ended.code == 1
    assert f"inputs={tmp_path}: no results.json below" in ended.err
    assert "unfinished jobs: 1 failed, 2 waiting" in ended.err
    with pytest.raises(FileNotFoundError, match=r"nowhere: no such folder\. Pass inputs="):
        collect([tmp_path, tmp_path / "nowhere"])


def test_damaged_results_and_those_of_another_version_are_named(tmp_path):
    path = write_run(tmp_path / "a") / "results.json"
    for text, told in (
        ("{", r"results\.json: not JSON"),
        ("[]", "not the results of relsym train"),
        ("{}", "not the results of relsym train"),
        (
            '{"task": "train"}',
            r"format 1, written by an earlier version; this one reads format 2\. relsym upgrade .*/a writes "
            r"a copy",
        ),
        (
            '{"task": "train", "format": 2}',
            "missing required field `model`. Run that job again, or leave it out",
        ),
    ):
        path.write_text(text)
        with pytest.raises(ValueError, match=told):
            collect([tmp_path])


def test_a_job_list_of_another_format_is_refused(tmp_path):
    write_run(tmp_path / "a")
    whole = {"format": 2, "name": "n", "relsym": "0.1.0", "folder": "f", "jobs": []}
    for content, told in (
        ({**whole, "format": 3}, "format 3, written by a later version"),
        ({**whole, "format": 1}, "format 1, written by an earlier version.* relsym upgrade"),
        (
            {**whole, "jobs": [{}]},
            r"sweep\.json: jobs\.0: .*missing required field `number`.* Give the sweep's command again, or "
            r"leave it out",
        ),
        ([], "expected a JSON object, got a list"),
    ):
        (tmp_path / "sweep.json").write_text(json.dumps(content))
        with pytest.raises(ValueError, match=told):
            collect([tmp_path])
    (tmp_path / "sweep.json").write_text("")
    with pytest.raises(ValueError, match=r"sweep\.json: not JSON"):
        collect([tmp_path])


def test_one_job_with_two_results_is_an_error_and_with_the_same_result_twice_it_is_not(tmp_path):
    write_run(tmp_path / "a", job_hash="j" * 64)
    write_run(tmp_path / "b", job_hash="j" * 64)
    assert len(collect([tmp_path]).runs) == 2
    write_run(tmp_path / "c", wrong=1, job_hash="j" * 64)
    with pytest.raises(
        ValueError,
        match=r"a/results\.json and .*c/results\.json are the same job \(jjjjjjjj\) with different results",
    ):
        collect([tmp_path])


def test_folders_may_be_separated_by_commas_and_hold_what_hydra_would_read_otherwise(tmp_path, relsym):
    assert listed("inputs=a,b c") == "inputs=['a','b c']"
    assert listed("inputs=it's,b\\c") == r"inputs=['it\'s','b\\c']"
    assert [listed(word) for word in ("inputs=[a,b]", "inputs=a", "x=a,b", "--help")] == [
        "inputs=[a,b]",
        "inputs=a",
        "x=a,b",
        "--help",
    ]
    assert (
        "inputs: 2026: no such folder"
        in relsym("report", "inputs=2026", f"hydra.run.dir={tmp_path / 'out'}").err
    )
    odd = tmp_path / "it's (1) = {odd}"
    write_run(odd)
    write_run(tmp_path / "b", seed=1)
    ended = relsym("report", f"inputs={odd},{tmp_path / 'b'}", f"hydra.run.dir={tmp_path / 'out'}")
    assert ended.code == 0, ended.err
    assert "2 finished runs" in ended.out


def test_outputs_is_what_is_read_if_nothing_is_said(tmp_path, relsym, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_run(tmp_path / "outputs" / "train" / "a")
    ended = relsym("report")
    assert ended.code == 0, ended.err
    assert len(list((tmp_path / "outputs" / "report").glob("*/*/report.html"))) == 1
    assert relsym("report", f"hydra.run.dir={tmp_path / 'again'}").code == 0, (
        "a report below the inputs is no run"
    )


def test_predictions_that_are_not_those_of_the_run_are_refused(tmp_path, relsym):
    write_run(tmp_path / "a", "knn")
    write_run(tmp_path / "b", "finetune", wrong=3)
    change(tmp_path / "b", metrics=read_results(tmp_path / "a" / "results.json").metrics)
    ended = relsym("report", f"inputs={tmp_path}", f"hydra.run.dir={tmp_path / 'out'}")
    assert "b/predictions.parquet: not the answers behind results.json (lexicalised)" in ended.err
    (tmp_path / "b" / "predictions.parquet").write_bytes(b"PAR1")
    ended = relsym("report", f"inputs={tmp_path}", f"hydra.run.dir={tmp_path / 'out'}")
    assert (
        "b/predictions.parquet: cannot be read with the columns form, pair_id, fact_id, correct" in ended.err
    )
