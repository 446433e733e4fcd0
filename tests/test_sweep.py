"""Sweeps: each job in a process of its own, resumable, told apart by what it computes."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from hydra import compose, initialize_config_module
from hydra.core.global_hydra import GlobalHydra
from omegaconf import OmegaConf

from relsym.app.sweep import climb
from relsym.app.sweep.engine import FrozenJob
from relsym.app.sweep.plan import Composed, job_names
from relsym.app.sweep.processes import ProcessEngine
from relsym.app.sweep.run import last_error, size_of
from relsym.app.values.suggest import with_near_matches
from relsym.extras import install_line
from relsym.runs.identity import Identity, identity
from relsym.runs.results import read_results
from relsym.runs.sweeps import DONE, FAILED, LEFT_OUT, REUSED, WAITING, Entry
from runs_of import write_run

QUICK = ("model=tiny", "tracking=csv", "training.max_steps=1", "data.test_pairs=8")


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def jobs_of(folder: Path) -> list[dict]:
    return json.loads((folder / "sweep.json").read_text())["jobs"]


def only_sweep(tmp_path: Path) -> Path:
    (folder,) = (tmp_path / "outputs" / "sweeps").iterdir()
    return folder


def written(folder: Path) -> dict[str, int]:
    return {path.parent.name: path.stat().st_mtime_ns for path in folder.glob("*/results.json")}


def composed(*words: str) -> dict:
    GlobalHydra.instance().clear()
    with initialize_config_module("relsym.conf", version_base="1.3"):
        return OmegaConf.to_container(compose("train", [*QUICK, *words]), resolve=True)


def job_hash(*words: str, weights: str = "w", content: str = "c") -> str:
    return identity(composed(*words), weights, content, "grouped", None).job


@pytest.mark.parametrize(
    "word", ["tracking=tensorboard", "hardware=ddp_cpu", "sweep.reuse=any", "sweep=sample_efficiency"]
)
def test_where_and_how_a_job_runs_is_no_part_of_what_it_is(word):
    assert job_hash(word) == job_hash()


def test_where_the_data_lies_is_no_part_of_what_a_job_is():
    assert job_hash("data=wikidata5m", "data.folder=/a") == job_hash(
        "data=wikidata5m", "data.folder=/b", "data.triples=t.tsv"
    )
    assert job_hash("data=mnli", "data.folder=/a") == job_hash("data=mnli", "data.folder=/b")


@pytest.mark.parametrize(
    "word",
    [
        "seed=1",
        "objective=finetune",
        "metric=rotate",
        "probe=nearest_label",
        "objective.learning_rate=1",
        "precision=bf16",
        "data.batch_size=8",
        "data.samples=8",
        "data.sample_seed=3",
        "data.form=lexicalised",
        "training.epochs=3",
        "data.score_on=validation",
        "model.pooling=cls",
    ],
)
def test_what_a_job_computes_is_what_it_is(word):
    assert job_hash(word) != job_hash()


def test_other_weights_other_data_and_another_version_are_other_jobs(monkeypatch):
    same = identity(composed(), "w", "c", "grouped", None)
    assert len({same.job, job_hash(weights="v"), job_hash(content="d")}) == 3
    monkeypatch.setattr("relsym.__version__", "99")
    newer = identity(composed(), "w", "c", "grouped", None)
    assert (newer.cell, newer.job == same.job) == (same.cell, False)


def test_rungs_of_a_ladder_share_a_hash():
    ladders = {
        identity(composed(word), "w", "c", "grouped", None).ladder
        for word in ("data.samples=8", "data.samples=16")
    }
    assert len(ladders) == 1


def rung(samples: int, verdict: str = WAITING, solved: bool = False, of: str = "l") -> Entry:
    return Entry(
        samples,
        f"{samples}",
        [],
        {},
        None,
        samples,
        0,
        "test",
        Identity("c", f"j{of}{samples}", of),
        "cpu",
        1,
        f"{samples}",
        verdict,
        solved=solved,
    )


def test_what_lies_above_two_solved_rungs_in_a_row_is_left_out():
    rungs = [
        rung(16, DONE, solved=True),
        rung(28, DONE),
        rung(36, DONE, solved=True),
        rung(48, DONE, solved=True),
        rung(64),
        rung(128),
    ]
    assert [entry.samples for entry in climb.leave_out(rungs)] == [64, 128]


@pytest.mark.parametrize(
    "second", [rung(28, FAILED), rung(28, DONE), rung(28, WAITING), rung(28, DONE, solved=True, of="another")]
)
def test_one_solved_rung_leaves_nothing_out(second):
    assert climb.leave_out([rung(16, DONE, solved=True), second, rung(36)]) == []


def test_a_rung_waits_for_those_below_it_alone():
    rungs = [rung(16, DONE), rung(36), rung(28), rung(16, of="another")]
    assert [
        entry.samples for entry in rungs if entry.verdict == WAITING and climb.may_start(entry, rungs)
    ] == [28, 16]


def test_a_run_is_solved_if_no_form_has_an_error(tmp_path):
    assert read_results(write_run(tmp_path / "all") / "results.json").is_solved
    assert not read_results(
        write_run(tmp_path / "some", wrong={"lexicalised": 0, "delexicalised": 1}) / "results.json"
    ).is_solved


@pytest.mark.slow  # many processes
def test_a_sweep_runs_each_job_in_a_process_of_its_own_and_again_runs_nothing(relsym, tmp_path):
    words = ("train", "-m", *QUICK, "data.samples=8", "objective=knn,finetune", "seed=0,1")
    first = relsym(*words)
    assert (first.code, "4 jobs, 4 to run" in first.out) == (0, True)
    folder = only_sweep(tmp_path)
    assert folder.name.startswith("train-")
    assert [job["name"] for job in jobs_of(folder)] == [
        "000-knn-seed0",
        "001-knn-seed1",
        "002-finetune-seed0",
        "003-finetune-seed1",
    ]
    assert {job["verdict"] for job in jobs_of(folder)} == {DONE}
    results = json.loads((folder / "002-finetune-seed0" / "results.json").read_text())
    assert (results["sweep"], results["job"], results["choices"]["objective"]) == (
        folder.name,
        "002-finetune-seed0",
        "finetune",
    )
    assert results["job_hash"] == jobs_of(folder)[2]["identity"]["job"]
    before = written(folder)
    again = relsym(*words)
    assert (again.code, "0 to run, 4 finished here before" in again.out) == (0, True)
    assert written(folder) == before


@pytest.mark.slow  # many processes
def test_a_job_of_a_sweep_gives_the_numbers_of_a_run_by_hand(relsym, tmp_path):
    words = (*QUICK, "data.samples=8", "objective=random_label")
    assert relsym("train", "-m", *words, "seed=3,4").code == 0
    assert relsym("train", *words, "seed=3", f"hydra.run.dir={tmp_path / 'alone'}").code == 0
    alone, swept = (
        json.loads(path.read_text())
        for path in (tmp_path / "alone" / "results.json", only_sweep(tmp_path) / "000-seed3" / "results.json")
    )
    assert swept["metrics"] == alone["metrics"]
    assert (swept["job_hash"], swept["config_hash"], swept["model"]) == (
        alone["job_hash"],
        alone["config_hash"],
        alone["model"],
    )


@pytest.mark.slow  # many processes
def test_a_failed_job_is_named_the_others_finish_and_only_it_runs_again(relsym, tmp_path):
    words = (
        "train",
        "-m",
        *QUICK,
        "training.max_steps=6",
        "training.gradient_clip=null",
        "objective.learning_rate=1e-4,1e30,1e-5",
        "data.samples=8",
    )
    ended = relsym(*words)
    folder = only_sweep(tmp_path)
    assert ended.code == 1
    assert "1 of 3 jobs failed" in ended.err
    assert "001-learning_rate1e+30: training diverged" in ended.err
    assert "001-learning_rate1e+30/job.log" in ended.err
    assert [job["verdict"] for job in jobs_of(folder)] == [DONE, FAILED, DONE]
    before = written(folder)
    assert "3 jobs, 1 to run, 2 finished here before" in relsym(*words).out
    assert written(folder) == before


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("objective=knn,kn",), "Did you mean objective=knn?"),
        (("data.sampels=8,16",), "Did you mean data.samples?"),
        (("sweep=tabel4",), "Did you mean sweep=table4"),
        (("metric=hadamard,pair",), "no job was started, for this one cannot run: .*metric=pair"),
        (("seed=0,x",), "seed=x: expected a whole number"),
        (("data.samples=8,100000",), "data.samples=100000: the training part has"),
        (("hydra.launcher.jobs=0", "seed=0,1"), "hydra.launcher.jobs=0: expected a whole number"),
    ],
)
def test_a_wrong_word_anywhere_refuses_all_jobs_before_the_first_starts(relsym, tmp_path, words, message):
    ended = relsym("train", "-m", *QUICK, "data.samples=8", *words)
    assert ended.code == 1
    assert (
        subprocess.run(
            ["grep", "-Eq", message], input=ended.err.replace("\n", " "), text=True, check=False
        ).returncode
        == 0
    ), ended.err
    assert not list(tmp_path.rglob("results.json"))
    assert "started" not in ended.out


def test_tuning_without_its_extra_says_which_pip_line_mends_it():
    told = with_near_matches(
        "In 'sweep/tune': Could not find 'hydra/sweeper/optuna'\n\nAvailable options in "
        "'hydra/sweeper':\n\tbasic\n\tgrid\nConfig search path:\n\tx"
    )
    assert told.endswith(f"Optuna's sweeper: {install_line('optuna')}")
    assert "search path" not in told


def test_tuning_with_the_sweeper_alone_says_it_too(relsym, monkeypatch, tmp_path):
    pytest.importorskip("hydra_plugins.hydra_optuna_sweeper")
    for name in [*sys.modules, "optuna"]:
        if name.partition(".")[0] == "optuna":
            monkeypatch.setitem(sys.modules, name, None)
    ended = relsym("train", "-m", "sweep=tune", "model=tiny", f"hydra.sweep.dir={tmp_path}")
    assert ended.code == 1
    assert f"Optuna's sweeper: {install_line('optuna')}" in ended.err
    assert "unexpected" not in ended.err


@pytest.mark.slow  # many processes
def test_finished_jobs_are_taken_from_other_sweeps_of_a_clean_tree_or_if_told(relsym, tmp_path):
    words = ("train", "-m", *QUICK, "data.samples=8")
    assert relsym(*words, "seed=0,1").code == 0
    first = only_sweep(tmp_path)
    for path in first.glob("*/results.json"):
        path.write_text(json.dumps({**json.loads(path.read_text()), "git_commit": "abc-dirty"}))
    assert "1 jobs, 1 to run" in relsym(*words, "seed=0", "sweep.name=b").out
    shutil.rmtree(next(first.parent.glob("b-*")))
    told = relsym(*words, "seed=0,1", "sweep.name=b", "sweep.reuse=any")
    assert f"2 jobs, 0 to run, 2 taken from {first.name}" in told.out
    shutil.rmtree(next(first.parent.glob("b-*")))
    for path in first.glob("*/results.json"):
        path.write_text(json.dumps({**json.loads(path.read_text()), "git_commit": "abc"}))
    assert "1 jobs, 1 to run" in relsym(*words, "seed=0", "sweep.name=c", "sweep.reuse=false").out
    shutil.rmtree(next(first.parent.glob("c-*")))
    assert f"2 taken from {first.name}" in relsym(*words, "seed=0,1,2", "sweep.name=b").out
    jobs = jobs_of(next(first.parent.glob("b-*")))
    assert [job["verdict"] for job in jobs] == [REUSED, REUSED, DONE]
    assert jobs[0]["folder"] == f"../{first.name}/000-seed0"


@pytest.mark.slow  # many processes
def test_results_of_another_version_are_taken_only_if_told(relsym, tmp_path, monkeypatch):
    words = ("train", "-m", *QUICK, "data.samples=8")
    assert relsym(*words, "seed=0,1").code == 0
    for path in only_sweep(tmp_path).glob("*/results.json"):
        path.write_text(
            json.dumps(
                {**json.loads(path.read_text()), "git_commit": "abc", "job_hash": "of another version"}
            )
        )
    (tmp_path / "outputs" / "sweeps" / only_sweep(tmp_path).name).rename(
        tmp_path / "outputs" / "sweeps" / "older"
    )
    assert "2 jobs, 2 to run" in relsym(*words, "seed=0,1").out
    assert (
        "3 jobs, 1 to run, 2 taken from older"
        in relsym(
            *words, "seed=0,1,5", "sweep.reuse=any", f"hydra.sweep.dir={tmp_path / 'outputs/sweeps/x'}"
        ).out
    )


@pytest.mark.slow
def test_solved_rungs_end_a_ladder(relsym, tmp_path, monkeypatch):
    rungs = ("data.samples=8,16,24,32", "sweep.stop_when_solved=true")
    assert (
        "2 jobs, 2 to run"
        in relsym(
            "train", "-m", *QUICK, "data.samples=8,16", f"hydra.sweep.dir={tmp_path / 'outputs/sweeps/first'}"
        ).out
    )
    words = (
        "train",
        "-m",
        *QUICK,
        *rungs,
        f"hydra.sweep.dir={tmp_path / 'outputs/sweeps/ladder'}",
        "sweep.reuse=any",
    )
    for name in ("000-samples8", "001-samples16"):
        path = tmp_path / "outputs" / "sweeps" / "first" / name / "results.json"
        results = json.loads(path.read_text())
        results["metrics"] |= {f"test/accuracy/{form}": 1.0 for form in ("lexicalised", "delexicalised")}
        path.write_text(json.dumps(results))
    assert "2 left out" in relsym(*words).out
    assert [job["verdict"] for job in jobs_of(tmp_path / "outputs" / "sweeps" / "ladder")] == [
        REUSED,
        REUSED,
        LEFT_OUT,
        LEFT_OUT,
    ]


@pytest.mark.slow  # many processes
def test_a_folder_that_holds_something_else_is_refused(relsym, tmp_path):
    words = ("train", "-m", *QUICK, "data.samples=8")
    assert relsym(*words, "seed=0,1", f"hydra.sweep.dir={tmp_path / 'mine'}").code == 0
    assert (
        "holds another sweep (2 jobs)"
        in relsym(*words, "seed=0,2", f"hydra.sweep.dir={tmp_path / 'mine'}").err
    )
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.tex").write_text("x")
    assert (
        "no sweep's folder, it holds thesis.tex"
        in relsym(*words, "seed=0,1", f"hydra.sweep.dir={tmp_path / 'full'}").err
    )


@pytest.mark.slow  # many processes
def test_results_of_another_version_in_the_folder_are_refused(relsym, tmp_path):
    words = ("train", "-m", *QUICK, "data.samples=8", "seed=0,1")
    assert relsym(*words).code == 0
    path = only_sweep(tmp_path) / "001-seed1" / "results.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "job_hash": "of another version"}))
    ended = relsym(*words)
    assert (
        ended.code,
        "is not what job 001-seed1 gives (another version, model or benchmark)" in ended.err,
    ) == (1, True)


def test_a_folder_that_another_process_runs_is_refused(relsym, occupied, tmp_path):
    with occupied(tmp_path / "held"):
        ended = relsym("train", "-m", *QUICK, "seed=0,1", f"hydra.sweep.dir={tmp_path / 'held'}")
    assert f"{tmp_path / 'held'}: another process writes there" in ended.err
    assert "choose another hydra.sweep.dir" in ended.err
    assert [path.name for path in (tmp_path / "held").iterdir()] == ["relsym.lock"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_to_is_refused(relsym, tmp_path):
    (tmp_path / "closed").mkdir(mode=stat.S_IRUSR | stat.S_IXUSR)
    assert (
        "cannot write there"
        in relsym("train", "-m", *QUICK, "seed=0,1", f"hydra.sweep.dir={tmp_path / 'closed' / 's'}").err
    )


def test_a_file_where_the_folder_should_be_is_refused(relsym, tmp_path):
    (tmp_path / "file").write_text("")
    ended = relsym("train", "-m", *QUICK, "seed=0,1", f"hydra.sweep.dir={tmp_path / 'file' / 's'}")
    assert (
        ended.code,
        str(tmp_path / "file") in ended.err,
        "Choose another hydra.sweep.dir" in ended.err,
    ) == (1, True, True)


def test_the_error_of_a_job_is_that_of_its_last_attempt(tmp_path):
    log = tmp_path / "job.log"
    log.write_text("a\nrelsym: error: the first\nmore of it\n")
    before = size_of(log)
    assert (before, size_of(tmp_path / "none"), last_error(tmp_path / "none")) == (
        len(log.read_bytes()),
        0,
        None,
    )
    assert (last_error(log), last_error(log, before)) == ("the first", None)
    log.write_text(log.read_text() + "b\nrelsym: error: the second\n")
    assert last_error(log, before) == "the second"
    log.write_text("relsym: error: ")
    assert last_error(log) is None


@pytest.mark.slow  # many processes
def test_damaged_results_are_no_results(relsym, tmp_path):
    words = ("train", "-m", *QUICK, "data.samples=8", "seed=0,1")
    assert relsym(*words).code == 0
    path = only_sweep(tmp_path) / "001-seed1" / "results.json"
    whole = path.read_text()
    path.write_text(whole.replace('"format": 2', '"format": 99'))
    assert "written by a later version" in relsym(*words).err
    assert '"format": 99' in path.read_text()  # what this version cannot read is not lost
    path.write_text('{"task": "tr')
    assert "2 jobs, 1 to run, 1 finished here before" in relsym(*words).out
    assert len(written(only_sweep(tmp_path))) == 2


@pytest.mark.slow
def test_the_frozen_configuration_is_what_runs_whatever_happens_to_the_files(relsym, tmp_path):
    assert relsym("train", "-m", *QUICK, "data.samples=8", "seed=0,1").code == 0
    frozen = OmegaConf.load(only_sweep(tmp_path) / "frozen" / "001.yaml")
    ran = OmegaConf.load(only_sweep(tmp_path) / "001-seed1" / "config.yaml")
    labels = ran.pop("labels")
    frozen.pop("hydra")
    assert labels == ["entailment", "contradiction"]
    # What the option leaves to the encoder is known once it is loaded.
    assert (frozen.model.pooling, frozen.model.max_length) == (None, None)
    frozen.model.pooling, frozen.model.max_length = "mean", 64
    assert frozen == ran


def job(number: int, accelerator: str = "cpu", devices: int = 1) -> FrozenJob:
    return FrozenJob(number, f"{number}", Path(), Path(), accelerator, devices)


def test_gpus_are_handed_out_one_a_job_and_all_to_a_job_that_asks_for_all(monkeypatch):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    started = []
    monkeypatch.setattr("relsym.app.sweep.processes.context", lambda: _Recorder(started))
    engine = ProcessEngine("auto", 4)
    for number in range(3):
        assert engine.has_room(job(number, "gpu"))
        engine.start(job(number, "gpu"))
    assert [environment["CUDA_VISIBLE_DEVICES"] for environment in started] == ["0", "1", "2"]
    assert not engine.has_room(job(3, "gpu", 2))
    assert engine.has_room(job(3, "gpu"))
    engine.start(job(3, "gpu"))
    assert not engine.has_room(job(4, "gpu"))
    alone = ProcessEngine("auto", 4)
    alone.start(job(0, "gpu", -1))
    assert started[-1]["CUDA_VISIBLE_DEVICES"] == "0,1,2,3"
    assert not alone.has_room(job(1, "gpu"))


def test_the_gpus_that_the_user_has_chosen_are_the_ones_handed_out(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,5")
    assert ProcessEngine("auto", 2).gpus == ["3", "5"]


def test_threads_are_divided_among_the_jobs_of_a_cpu(monkeypatch):
    started = []
    monkeypatch.setattr("relsym.app.sweep.processes.context", lambda: _Recorder(started))
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)))
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    for jobs, threads in (("auto", "8"), (2, "4"), (16, "1")):
        engine = ProcessEngine(jobs)
        engine.start(job(0))
        assert started[-1]["OMP_NUM_THREADS"] == threads
        assert engine.has_room(job(1)) == (jobs != "auto")


class _Recorder:
    """Stands for the fork server: keeps the environment that a job was to get."""

    def __init__(self, started: list) -> None:
        self.started = started

    def Process(self, target, args):
        self.started.append(args[2])
        self.sentinel = len(self.started)
        return self

    def start(self) -> None:
        self.pid = None


@pytest.mark.slow
def test_a_sweep_from_the_command_line_loads_no_torch_in_its_own_process(tmp_path):
    code = (
        "import sys; sys.argv[1:] = ['train', '-m', *sys.argv[1:]]\nfrom relsym.app.cli import main\nmain()\n"
        "sys.exit('torch' in sys.modules)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code, *QUICK, "data.samples=8", "seed=0,1"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert "2 done" in ran.stdout


def test_the_name_of_a_job_fits_a_folder_in_any_script():
    hydra = OmegaConf.create({"runtime": {"choices": {}}})
    jobs = [Composed([f"model.name={letter * 200}/../x"], {}, hydra) for letter in "字語"]
    names = job_names(jobs, range(len(jobs)))
    assert [name[:9] for name in names] == ["000-name字", "001-name語"]
    assert all(len(name.encode()) <= 80 and "/" not in name for name in names)
