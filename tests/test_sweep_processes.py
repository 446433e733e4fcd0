"""Sweeps against the real world: killed, interrupted, jobs of several ranks, jobs that die."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from omegaconf import OmegaConf

pytestmark = pytest.mark.slow
QUICK = ("model=tiny", "tracking=csv", "training.max_steps=1", "data.test_pairs=8")
KILLS = 20


def start(folder: Path, *words: str, **environment: str) -> subprocess.Popen:
    command = [sys.executable, "-m", "relsym", "train", "-m", *QUICK, *words]
    # What runs the tests may ignore SIGINT, as a shell's background jobs do.
    return subprocess.Popen(
        command,
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        env={**os.environ, **environment},
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def run(folder: Path, *words: str, code: int = 0, **environment: str) -> str:
    """A sweep from start to end: what it printed."""
    sweep = start(folder, *words, **environment)
    out, _ = sweep.communicate(timeout=300)
    assert sweep.returncode == code, out
    return out


def sweep_folder(folder: Path) -> Path:
    (found,) = (folder / "outputs" / "sweeps").iterdir()
    return found


def finished(folder: Path) -> dict[str, tuple[int, str]]:
    """Results by job, with the time they were written; each must be whole."""
    return {
        path.parent.name: (path.stat().st_mtime_ns, json.loads(path.read_text())["job_hash"])
        for path in folder.rglob("results.json")
    }


def alive(folder: Path) -> list[int]:
    """Processes that work in a folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "cwd").resolve() == folder and (process / "stat").read_text().rsplit(")", 1)[
                1
            ].split()[0] != "Z":
                found.append(int(process.name))
        except OSError:
            continue
    return found


def wait_until(condition, seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def test_a_sweep_killed_at_any_moment_goes_on_without_losing_or_repeating_a_job(tmp_path):
    draw = random.Random(0)
    words = (
        "data.samples=8",
        "objective=knn,random_label,finetune",
        "seed=range(0,10)",
        "hydra.launcher.jobs=2",
    )
    before: dict[str, tuple[int, str]] = {}
    first_job_after = 0.0
    for kill in range(KILLS):
        began = time.monotonic()
        sweep = start(tmp_path, *words)
        if kill == 0:  # how long it takes until jobs run: the moments are drawn around it
            wait_until(lambda: finished(tmp_path))
            first_job_after = time.monotonic() - began
        time.sleep(draw.uniform(0.0, 1.3 * first_job_after))
        os.kill(sweep.pid, signal.SIGKILL) if kill % 2 else os.killpg(sweep.pid, signal.SIGKILL)
        sweep.communicate()
        wait_until(lambda: not alive(tmp_path), 30)  # the jobs end with the process that started them
        now = finished(tmp_path)
        assert before.items() <= now.items(), f"kill {kill}: finished jobs were run again or lost"
        before = now
    out = run(tmp_path, *words)
    assert f"30 jobs, {30 - len(before)} to run" in out
    after = finished(tmp_path)
    assert before.items() <= after.items()
    jobs = json.loads((sweep_folder(tmp_path) / "sweep.json").read_text())["jobs"]
    assert {job["folder"]: job["identity"]["job"] for job in jobs} == {
        name: job_hash for name, (_, job_hash) in after.items()
    }
    assert not list(sweep_folder(tmp_path).rglob("partial.*"))
    print(f"{KILLS} kills; finished after them: {len(before)} of 30")


def test_an_interrupt_ends_the_jobs_and_tells_their_tracker(tmp_path):
    sweep = start(
        tmp_path,
        "tracking=wandb",
        "training.max_steps=-1",
        "training.epochs=100000",
        "training.patience=100000",
        "data.samples=8",
        "seed=0,1",
    )
    wait_until(lambda: list(tmp_path.rglob("offline-run-*/run-*.wandb")))
    time.sleep(3)
    os.kill(sweep.pid, signal.SIGINT)
    out, _ = sweep.communicate(timeout=60)
    assert sweep.returncode == 130, out
    assert "interrupted" in out
    wait_until(lambda: not alive(tmp_path), 30)
    (folder,) = tmp_path.rglob("offline-run-*")
    shown = subprocess.run(
        [sys.executable, "-m", "wandb", "leet", "inspect", "--summary", "--json", str(folder)],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert json.loads(shown)["exit_code"] == 130, shown
    assert not list(tmp_path.rglob("results.json"))


def test_jobs_of_two_ranks_run_in_a_sweep_each_once_and_give_what_one_process_gives(tmp_path):
    words = ("data.samples=16", "seed=0,1", "precision=fp32", "model.dropout=0.0", "training.max_steps=3")
    run(tmp_path, *words, "hardware=ddp_cpu", "sweep.name=two")
    run(tmp_path, *words, "sweep.name=one", "sweep.reuse=false")
    (ranks,), (alone,) = (
        list((tmp_path / "outputs" / "sweeps").glob(f"{name}-*")) for name in ("two", "one")
    )
    for name in ("000-seed0", "001-seed1"):
        got, wanted = (json.loads((folder / name / "results.json").read_text()) for folder in (ranks, alone))
        assert got["job_hash"] == wanted["job_hash"]
        assert (ranks / name / "job.log").read_text().count("Run folder:") == 1
        assert losses(ranks / name) == pytest.approx(losses(alone / name), abs=1e-3)


def losses(folder: Path) -> list[float]:
    (name, *rows) = (line.split(",") for line in (folder / "csv" / "metrics.csv").read_text().splitlines())
    column = next(place for place, key in enumerate(name) if key.startswith("train/loss"))
    found = [float(row[column]) for row in rows if row[column]]
    assert found
    return found


def test_a_job_that_dies_without_a_word_is_named_and_the_others_finish(tmp_path):
    """As when memory runs out: the kernel kills the process, nothing is raised."""
    (tmp_path / "dying.py").write_text(
        "import os, signal\nfrom relsym.metrics.hadamard import Hadamard\n\n\nclass Dying(Hadamard):\n"
        "    def __init__(self):\n        super().__init__()\n"
        "        if 'DIE' in os.environ:\n            os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    words = ("data.samples=8", "metric._target_=relsym.metrics.hadamard.Hadamard,dying.Dying")
    out = run(tmp_path, *words, code=1, PYTHONPATH=str(tmp_path), DIE="1")
    assert "1 of 2 jobs failed" in out
    assert "killed by SIGKILL" in out
    assert len(finished(tmp_path)) == 1
    assert "2 jobs, 1 to run, 1 finished here before" in run(tmp_path, *words, PYTHONPATH=str(tmp_path))
    assert len(finished(tmp_path)) == 2


def test_a_full_disk_fails_the_jobs_and_the_same_command_runs_them_when_there_is_room(tmp_path):
    words = ("data.samples=8", "seed=0,1")
    # No file may grow beyond 40,000 bytes: the weights do not fit. (The kernel's way to say so differs from a
    # full disk's by its number alone.)
    limited = (
        "import resource, runpy, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (40000, 40000)); sys.argv "
        f"= ['relsym', *{['train', '-m', *QUICK, *words]!r}]"
    )
    full = subprocess.run(
        [sys.executable, "-c", f"{limited}; runpy.run_module('relsym', run_name='__main__')"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
    )
    assert full.returncode == 1, full.stdout
    assert "2 of 2 jobs failed" in full.stderr
    assert "no room for it" in full.stderr
    assert "a file may have 40,000 bytes at most (ulimit -f)" in full.stderr
    assert not list(tmp_path.rglob("results.json"))
    assert not list(tmp_path.rglob("partial.*"))
    assert "2 jobs, 2 to run" in run(tmp_path, *words)
    assert len(finished(tmp_path)) == 2


def test_optuna_tunes_on_validation_rows_and_a_broken_search_goes_on(tmp_path):
    words = ("sweep=tune", "data.samples=8", "objective=random_label")
    run(tmp_path, *words, "hydra.sweeper.n_trials=2")
    folder = sweep_folder(tmp_path)
    before = finished(folder)
    assert run(tmp_path, *words, "hydra.sweeper.n_trials=3").count("1 finished here before") == 2
    after = finished(folder)
    assert (before.items() < after.items(), len(after)) == (True, 3)
    best = OmegaConf.load(folder / "optimization_results.yaml")
    assert set(best.best_params) == {"objective.learning_rate", "objective.margin", "training.epochs"}
    scores = []
    for path in folder.glob("*/results.json"):
        results = json.loads(path.read_text())
        assert results["score_on"] == "validation"
        scores.append(
            sum(
                results["metrics"][f"validation/accuracy/{form}"] for form in ("lexicalised", "delexicalised")
            )
            / 2
        )
    assert best.best_value == max(scores)


def test_a_head_has_no_margin_to_tune_and_objectives_are_tuned_one_by_one(tmp_path):
    words = ("sweep=tune", "data.samples=8", "hydra.sweeper.n_trials=1")
    run(tmp_path, *words, "objective=finetune")
    assert (
        "objective.margin"
        not in OmegaConf.load(sweep_folder(tmp_path) / "optimization_results.yaml").best_params
    )
    assert "one objective a call" in run(tmp_path, *words, "objective=finetune,knn", code=1)


def test_a_trial_that_fails_does_not_end_the_search(tmp_path):
    run(
        tmp_path,
        "sweep=tune",
        "data.samples=8",
        "training.max_steps=6",
        "training.gradient_clip=null",
        "objective.learning_rate=choice(1e-4,1e30,1e-5)",
        "hydra.sweeper.n_trials=4",
    )
    assert {
        job["verdict"] for job in json.loads((sweep_folder(tmp_path) / "sweep.json").read_text())["jobs"]
    } == {"done", "failed"}
