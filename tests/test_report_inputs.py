"""What a report reads, and what it refuses."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import pytest

from damaged import replaced, values, without
from evaluations_of import write_evaluation
from relsym.app.report.__main__ import listed
from relsym.report.collect import collect
from relsym.report.sections import sections
from relsym.report.write import missing_of
from relsym.runs.results import read_results
from runs_of import change, job, write_run, write_sweep


def write_alpha(folder: Path) -> Path:
    """An evaluation of several readings."""
    return write_evaluation(folder, "alpha", {"strict": 12})


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


def test_predictions_that_are_not_those_of_the_run_leave_it_out(tmp_path):
    write_run(tmp_path / "a", "knn")
    write_run(tmp_path / "b", "finetune", wrong=3)
    change(tmp_path / "b", metrics=read_results(tmp_path / "a" / "results.json").metrics)
    other_answers = "not the answers behind results.json (lexicalised). Run that job again, or leave it out."
    damaged = "cannot be read with the columns form, pair_id, fact_id, correct (parquet: "
    for reason in (other_answers, damaged):
        found = collect([tmp_path])
        assert [run.folder.name for run in found.runs] == ["a"]
        ((path, told),) = found.broken
        assert path == tmp_path / "b" / "predictions.parquet"
        assert told.startswith(reason)
        (tmp_path / "b" / "predictions.parquet").write_bytes(b"PAR1")
    (tmp_path / "b" / "predictions.parquet").unlink()
    assert len(collect([tmp_path]).runs) == 2, "a run whose predictions are gone has its figures all the same"


def test_a_run_needs_no_configuration_to_be_reported(tmp_path):
    folder = write_run(tmp_path / "a")
    (folder / "config.yaml").unlink(missing_ok=True)
    found = collect([tmp_path])
    assert len(found.runs) == 1
    assert not found.broken


# What can be wrong with a results.json, and how it is told.
DAMAGE = {
    "cut": ('{"task": "train", ', "not JSON"),
    "empty": ("", "not JSON"),
    "of another program": ("[]", "not the results of relsym train or evaluate"),
    "newer": ('{"task": "train", "format": 9}', "format 9, written by a later version"),
    "older": ('{"task": "train"}', "format 1, written by an earlier version"),
    "a key missing": ('{"task": "evaluate", "format": 2}', "Object missing required field"),
    "deep": ("[" * 100_000, "not JSON"),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_a_broken_run_is_listed_with_its_reason_and_the_others_are_reported(tmp_path, relsym, name):
    text, reason = DAMAGE[name]
    write_run(tmp_path / "runs" / "good")
    broken = write_run(tmp_path / "runs" / "broken", seed=1) / "results.json"
    broken.write_text(text)
    out = tmp_path / "out"
    words = ("report", f"inputs={tmp_path / 'runs'}", f"hydra.run.dir={out}")
    ended = relsym(*words, "strict=true")
    assert ended.code == 1
    assert f"{broken}: {reason}" in ended.err
    assert not (out / "report.html").exists()
    if name != "cut":  # the files of a report take a second
        assert [run.folder.name for run in collect([tmp_path / "runs"]).runs] == ["good"]
        return
    ended = relsym(*words)
    assert ended.code == 0, ended.err
    assert "1 file that cannot be read, left out" in ended.out
    assert "1 finished run" in ended.out
    (left_out,) = json.loads((out / "report.json").read_text())["left_out"]
    assert left_out["path"] == str(broken)
    assert left_out["reason"].startswith(reason)
    for file in ("report.html", "report.md", "tables/broken.csv"):
        written = (out / file).read_text()
        assert str(broken) in written
        assert reason in written


def test_a_report_of_nothing_that_can_be_read_is_refused_with_every_reason(tmp_path):
    for name, text in (("a", "{"), ("b", "[]")):
        (write_run(tmp_path / name) / "results.json").write_text(text)
    with pytest.raises(ValueError, match=r"a/results\.json: not JSON.*\n.*b/results\.json: not the results"):
        collect([tmp_path])


def test_the_one_run_or_sweep_that_is_named_is_not_left_out(tmp_path):
    """What lies below it is no substitute for what was asked for."""
    write_sweep(tmp_path / "s", [job(0, "knn", 64, 0, "done", "a")])
    write_run(tmp_path / "s" / "a")
    (tmp_path / "s" / "sweep.json").write_text("{")
    with pytest.raises(ValueError, match=r"s/sweep\.json: not JSON"):
        collect([tmp_path / "s"])
    for inputs in ([tmp_path], [tmp_path / "s", tmp_path / "s" / "a"]):
        found = collect(inputs)
        assert len(found.runs) == 1
        assert [path.name for path, _ in found.broken] == ["sweep.json"]


def test_results_that_are_a_folder_or_may_not_be_read_are_broken_too(tmp_path):
    write_run(tmp_path / "good")
    (tmp_path / "folder" / "results.json").mkdir(parents=True)
    ((path, reason),) = collect([tmp_path]).broken
    assert path == tmp_path / "folder" / "results.json"
    assert reason == "Is a directory"


@pytest.mark.parametrize(
    ("write", "key", "value", "reason"),
    [
        (write_run, "choices", {}, "choices have no objective"),
        (
            write_run,
            "readers",
            {"shortcut/x": {"title": "x", "place": 1}},
            "metrics have no shortcut/x/lexical",
        ),
        (write_alpha, "reading", "nope", "reading: there is no reading 'nope'"),
        (write_alpha, "clusters", {}, "clusters.strict has no lexicalised"),
    ],
)
def test_results_without_a_figure_that_a_table_reads_are_broken(tmp_path, write, key, value, reason):
    write_run(tmp_path / "good", seed=5)
    change(write(tmp_path / "run"), **{key: value})
    ((path, told),) = collect([tmp_path]).broken
    assert path == tmp_path / "run" / "results.json"
    assert told.startswith(reason)


@pytest.mark.slow  # every value of a file, three times
@pytest.mark.parametrize("write", [write_run, write_alpha])
def test_whatever_one_key_of_a_results_file_holds_a_report_ends_in_figures_or_in_a_reason(tmp_path, write):
    """Each value in turn taken away, emptied and made null: none may end in an error of Python's."""
    path = write(tmp_path / "run") / "results.json"
    whole = json.loads(path.read_text())
    messages: list[str] = []
    for keys, value in values(whole):
        empty = type(value)() if isinstance(value, dict | list | str) else None
        for damaged in (replaced(whole, keys, empty), replaced(whole, keys, None), without(whole, keys)):
            path.write_text(json.dumps(damaged))
            try:
                sections(collect([tmp_path]))
            except ValueError as refused:
                messages.append(str(refused))
    assert len(messages) > 50
    assert all(str(tmp_path) in message for message in messages)


def test_a_folder_that_may_not_be_listed_is_told_and_refused_if_strict(tmp_path, monkeypatch):
    """As another user's folder is; a test that runs as root may list every folder."""
    write_run(tmp_path / "good")
    locked = write_run(tmp_path / "locked", seed=1)
    scandir = os.scandir

    def refusing(place):
        if os.fspath(place) == str(locked):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(place))
        return scandir(place)

    monkeypatch.setattr(os, "scandir", refusing)
    found = collect([tmp_path])
    assert [run.folder.name for run in found.runs] == ["good"]
    assert found.broken == ((locked, "Permission denied"),)
    with pytest.raises(ValueError, match=rf"^{locked}: Permission denied$"):
        collect([tmp_path], strict=True)
    for inputs in ([locked], [locked, tmp_path / "good"]):
        if len(inputs) == 1:
            with pytest.raises(ValueError, match=rf"^{locked}: Permission denied$"):
                collect(inputs)
        else:
            assert len(collect(inputs).runs) == 1


def test_links_to_runs_are_followed_and_a_run_counts_once(tmp_path):
    elsewhere = write_run(tmp_path / "elsewhere" / "a")
    below = tmp_path / "D"
    write_run(below / "b", seed=1)
    (below / "linked").symlink_to(elsewhere)
    (below / "linked-again").symlink_to(elsewhere.parent)
    (below / "b" / "above").symlink_to(below)
    found = collect([below])
    assert [run.folder for run in found.runs] == [below / "b", elsewhere]
    assert found.broken == ()
    assert len(collect([below, tmp_path, below / "b"]).runs) == 2


def test_links_that_lead_nowhere_are_broken(tmp_path):
    write_run(tmp_path / "good")
    for name, target in (("dangling", "gone.json"), ("loop", "results.json")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "results.json").symlink_to(target)
    found = collect([tmp_path])
    assert found.broken == (
        (tmp_path / "dangling" / "results.json", "a link to gone.json: No such file or directory"),
        (tmp_path / "loop" / "results.json", "a link to results.json: Too many levels of symbolic links"),
    )
    with pytest.raises(ValueError, match=r"dangling/results\.json: a link to gone\.json"):
        collect([tmp_path], strict=True)


@pytest.mark.parametrize("name", ["results.json", "predictions.parquet", "sweep.json"])
def test_a_pipe_in_the_place_of_a_file_is_told_and_not_waited_for(tmp_path, name):
    write_run(tmp_path / "good")
    pipe = write_run(tmp_path / "piped", seed=1) / name
    pipe.unlink(missing_ok=True)
    os.mkfifo(pipe)
    found = collect([tmp_path])
    assert found.broken == ((pipe, "not a regular file, but a pipe, socket or device"),)
    assert len(found.runs) == (2 if name == "sweep.json" else 1)


def test_answers_that_may_not_be_read_are_not_called_damaged(tmp_path, monkeypatch):
    write_run(tmp_path / "good")
    write_run(tmp_path / "locked", seed=1)
    locked = tmp_path / "locked" / "predictions.parquet"
    opened = Path.open

    def refusing(path, *values, **more):
        if path == locked:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return opened(path, *values, **more)

    monkeypatch.setattr(Path, "open", refusing)
    assert collect([tmp_path]).broken == ((locked, "Permission denied"),)


def test_no_folder_at_all_is_told_as_such():
    assert listed("inputs=,a") == "inputs=['','a']"
    with pytest.raises(ValueError, match=r"^inputs is an empty list\. Pass inputs=FOLDER"):
        collect([])
