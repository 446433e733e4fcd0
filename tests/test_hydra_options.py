"""Options of Hydra's own: honoured, or refused before anything is written; and lists of jobs that grow."""

import os
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from relsym.app.hydra_options import check_subdirs
from relsym.app.sweep.extend import check_same_sweep, numbers, places
from relsym.app.sweep.job import go_to_start
from relsym.app.sweep.plan import Composed, _to_the_console
from relsym.app.values.schema import SCHEMAS
from relsym.runs.identity import Identity
from relsym.runs.sweeps import Entry, SweepFile

QUICK = ("model=tiny", "tracking=csv", "training.max_steps=1", "data.test_pairs=8")
# The first thing that each command does when its options are in order.
FIRST_STEPS = {
    "train": "relsym.app.train.steps.check",
    "evaluate": "relsym.app.evaluate.steps.check",
    "build": "relsym.app.build.steps.build_benchmark",
    "check": "relsym.app.check.steps.check",
    "labels": "relsym.app.labels.steps.check",
    "predict": "relsym.app.predict.steps.check",
    "index": "relsym.app.index.steps.check",
    "export": "relsym.app.export.steps.export_benchmark",
    "report": "relsym.report.collect.collect",
}


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


# --- hydra.job.chdir


# Over all commands that have a configuration. None lists its options that are paths: all of them are read in
# the folder that the command stands in.
@pytest.mark.parametrize("command", list(SCHEMAS))
def test_every_command_reads_every_path_from_where_it_was_started(relsym, tmp_path, monkeypatch, command):
    stood = []

    def stop(*values):
        stood.append(os.getcwd())
        raise ValueError("far enough")

    monkeypatch.setattr(FIRST_STEPS[command], stop)
    fills_folder = command not in ("predict", "index", "labels")
    folder = ("hydra.run.dir=out/run",) if fills_folder else ()
    first = {"index": ("query",), "labels": ("list",)}.get(command, ())
    ended = relsym(command, *first, "hydra.job.chdir=true", *folder)
    assert "far enough" in ended.err
    assert stood == [str(tmp_path)]
    assert (tmp_path / "out" / "run").is_dir() is fills_folder


def test_a_relative_folder_of_data_is_found_under_chdir(relsym, triples_folder, tmp_path):
    words = ("data=wikidata5m", f"data.folder={triples_folder.name}", "hydra.job.chdir=true")
    ended = relsym("build", *words, "hydra.run.dir=out")
    assert ended.code == 0
    assert (tmp_path / "out" / "manifest.json").exists()
    assert f"relative paths are read from {tmp_path}" in ended.out


def test_a_job_of_a_sweep_goes_to_where_the_sweep_was_started_if_its_machine_has_that(tmp_path, monkeypatch):
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir("elsewhere")
    go_to_start(OmegaConf.create({"hydra": {"runtime": {"cwd": "/no/such/folder"}}}))
    assert Path.cwd() == tmp_path / "elsewhere"
    go_to_start(OmegaConf.create({"hydra": {"runtime": {"cwd": str(tmp_path)}}}))
    assert Path.cwd() == tmp_path


# --- refused


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("train", "hydra.sweep.dir=out"), "hydra.sweep.dir is the folder of several runs"),
        (("evaluate", "hydra.sweep.subdir=x"), "hydra.sweep.subdir is the folder of several runs"),
        (("build", "hydra.run.dir="), "hydra.run.dir is empty"),
        (("train", "-m", "seed=0,1", "hydra.run.dir=out"), "hydra.run.dir is the folder of one run"),
        (("evaluate", "-m", "seed=0,1", "hydra.run.dir=out"), "hydra.run.dir is the folder of one run"),
        (("train", "-m", "seed=0,1", "hydra.sweep.subdir=x"), "names the folders of its jobs itself"),
        (("train", "-m", "seed=0,1", "hydra.output_subdir=x"), "hydra.output_subdir=x"),
        (("train", "-m", "seed=0,1", "+hydra.job.env_set.A=b"), "Export the variables in the shell"),
        (
            (
                "train",
                "-m",
                "seed=0,1",
                "+hydra.callbacks.mine._target_=hydra.experimental.callbacks.LogJobReturnCallback",
            ),
            "hydra.callbacks.mine: the jobs of a sweep",
        ),
        (("train", "hydra.verbose=5"), "hydra.verbose=5: expected true, false, the name of a logger"),
        (("report", "hydra.verbose=null"), "hydra.verbose=null: expected true, false"),
        (("train", "-m", "seed=range(0,0)"), "there is no job to run"),
        (("evaluate", "-m", "seed=range(0,0)"), "there is no job to run"),
        (("evaluate", "-m", "seed=0,1", "hydra.sweep.subdir=x"), "jobs 0 and 1 would both write to x"),
    ],
)
def test_what_would_be_passed_over_is_refused_before_anything_is_written(relsym, tmp_path, words, message):
    ended = relsym(*words, *(() if words[0] == "build" else ("tracking=csv",)))
    assert ended.code == 1
    assert message in ended.err
    assert [path for path in tmp_path.rglob("*") if path.is_file() and path.name != "relsym.lock"] == []


@pytest.mark.parametrize("name", ["../x", "/elsewhere", ".", "a/../.."])
def test_the_folder_of_a_job_lies_in_that_of_its_sweep(tmp_path, name):
    with pytest.raises(ValueError, match="leads out of"):
        check_subdirs(tmp_path, [name])


def test_a_sweep_without_a_root_logger_is_one_without_logs():
    assert _to_the_console({"version": 1, "root": None}) == {"version": 1, "root": None, "handlers": {}}


# --- lists of jobs that grow


def entry(number: int, *overrides: str, job: str) -> Entry:
    name = f"{number:03d}-x"
    identity = Identity(f"c{job}", job, "l")
    return Entry(number, name, list(overrides), {}, None, 8, 0, "test", identity, "cpu", 1, name)


def test_jobs_that_the_folder_has_keep_their_numbers_and_new_ones_follow():
    earlier = [entry(0, job="a"), entry(1, job="b"), entry(2, job="a")]
    taken = places(["b", "new", "a", "a", "a"], earlier)
    assert [place and place.number for place in taken] == [1, None, 0, 2, None]
    assert numbers(taken, 3) == [1, 3, 0, 2, 4]


def test_a_list_with_all_jobs_or_only_such_goes_on_and_any_other_is_told_what_differs(tmp_path):
    stored = [entry(0, "seed=0", job="a"), entry(1, "seed=1", job="b")]
    earlier = SweepFile("train", "0", "s", stored)

    def job(*words: str) -> Composed:
        return Composed(list(words), {"training": {"epochs": 2}}, OmegaConf.create({}))

    def check(**jobs: Composed) -> None:
        check_same_sweep(tmp_path, earlier, list(jobs.values()), list(jobs))

    check(a=job("seed=0"), b=job("seed=1"), c=job("seed=2"))
    check(b=job("seed=1"))
    with pytest.raises(FileExistsError, match=r"has seed=0 where this list has seed=2"):
        check(b=job("seed=1"), c=job("seed=2"))
    with pytest.raises(FileExistsError, match=r"It is of relsym 0, and this is"):
        check(x=job("seed=0"), y=job("seed=1"))
    (tmp_path / "frozen").mkdir()
    (tmp_path / "frozen" / "000.yaml").write_text("training: {epochs: 1}\nsweep: {name: other}\n")
    with pytest.raises(FileExistsError, match=r"What differs: training.epochs is 1 there, 2 here\. A list"):
        check(x=job("seed=0"), y=job("seed=1"))


@pytest.mark.slow  # many processes
def test_a_sweep_is_extended_by_a_seed_and_runs_that_alone(relsym, tmp_path):
    words = ("train", "-m", *QUICK, "data.samples=8", f"hydra.sweep.dir={tmp_path / 's'}")
    assert relsym(*words, "seed=0,1").code == 0
    before = (tmp_path / "s" / "000-seed0" / "results.json").stat().st_mtime_ns
    ended = relsym(*words, "seed=0,1,2")
    assert "3 jobs, 1 to run, 2 finished here before" in ended.out
    assert (tmp_path / "s" / "000-seed0" / "results.json").stat().st_mtime_ns == before
    assert len(list((tmp_path / "s").glob("*/results.json"))) == 3
    changed = relsym(*words, "seed=0,1,2", "training.max_steps=2")
    assert "has training.max_steps=1 where this list has training.max_steps=2" in changed.err


def test_evaluations_do_not_lie_among_the_jobs_of_a_sweep(relsym, tmp_path):
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / "sweep.json").write_text("{}")
    words = ("model=shortcut/majority", "tracking=csv", "seed=0,1", f"hydra.sweep.dir={tmp_path / 's'}")
    ended = relsym("evaluate", "-m", *words)
    assert ended.code == 1
    assert f"hydra.sweep.dir={tmp_path / 's'}: a sweep of trainings lies there (sweep.json)" in ended.err
    assert not (tmp_path / "s" / "0").exists()
