"""Jobs on SLURM and on Ray: what runs, what dies, what is asked of the cluster.

Those marked cluster submit real jobs.
"""

from __future__ import annotations

import inspect
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from subprocess import CompletedProcess

import pytest
import torch
from hydra import compose, initialize_config_module
from omegaconf import OmegaConf

import relsym.conf
from frozen_jobs import SMALL, drive, finished, frozen_job
from relsym.app.sweep import slurm, slurm_queue
from relsym.app.sweep.engine import FrozenJob
from relsym.app.sweep.ray_engine import RayEngine
from relsym.app.sweep.slurm import SlurmEngine
from relsym.app.sweep.slurm_queue import NoAnswer, Said

CONF = Path(relsym.conf.__file__).parent
on_a_cluster = [pytest.mark.slow, pytest.mark.cluster, pytest.mark.filterwarnings("ignore::ResourceWarning")]


# What an engine is told, and what it refuses.


def preset(name: str) -> dict:
    return OmegaConf.to_container(OmegaConf.load(CONF / "hydra" / "launcher" / f"{name}.yaml"))


@pytest.mark.parametrize(("name", "engine"), [("submitit_slurm", SlurmEngine), ("ray", RayEngine)])
def test_the_keys_of_a_preset_fit_its_engine_and_stand_at_its_defaults(name, engine):
    parameters = inspect.signature(engine).parameters
    keys = preset(name)
    assert keys.pop("_target_") == f"hydra_plugins.relsym_sweeps.{engine.__name__.removesuffix('Engine')}"
    named = {key for key, parameter in parameters.items() if parameter.kind is not parameter.VAR_KEYWORD}
    assert named <= keys.keys()
    for key in named - {"init"}:
        assert keys[key] == parameters[key].default, key
    if engine is SlurmEngine:
        submitit = pytest.importorskip("submitit")
        others = {slurm.RENAMED.get(key, key) for key in keys.keys() - named - {"mem_gb"}}
        assert others <= submitit.SlurmExecutor._valid_parameters()
    else:
        assert keys.keys() == named


@pytest.mark.parametrize("name", ["submitit_slurm", "ray"])
def test_a_preset_is_chosen_by_its_name(name):
    with initialize_config_module("relsym.conf", version_base="1.3"):
        config = compose("train", [f"hydra/launcher={name}"], return_hydra_config=True)
    assert OmegaConf.to_container(config.hydra.launcher) == preset(name)


def test_without_the_package_the_error_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "submitit", None)
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ImportError, match=re.escape('pip install ".[slurm]"')):
        SlurmEngine()
    with pytest.raises(ImportError, match=re.escape('pip install ".[ray]"')):
        RayEngine()


def test_without_slurms_commands_the_error_says_where_to_start(monkeypatch, tmp_path):
    pytest.importorskip("submitit")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ValueError, match=r"no sbatch, srun, squeue, scancel .* login node"):
        SlurmEngine()


@pytest.mark.slow
def test_jobs_for_gpus_elsewhere_are_not_refused_for_want_of_one_here(tmp_path, shell):
    pytest.importorskip("submitit")
    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    for command in slurm.COMMANDS:  # a login node of a made-up cluster that refuses every job
        (tmp_path / command).write_text("#!/bin/sh\necho no such cluster >&2\nexit 1\n")
        (tmp_path / command).chmod(0o755)
    gpu = [
        "train",
        "-m",
        "seed=0,1",
        "hardware=gpu",
        *SMALL,
        "sweep.reuse=false",
        f"hydra.sweep.dir={tmp_path / 'sweep'}",
    ]
    ended = shell(sys.executable, "-m", "relsym", *gpu)
    assert "needs a CUDA GPU" in ended.err
    ended = shell(
        sys.executable,
        "-m",
        "relsym",
        *gpu,
        "hydra/launcher=submitit_slurm",
        PATH=f"{tmp_path}:{os.environ['PATH']}",
    )
    assert ended.code == 1
    assert ended.err.count("SLURM refused it: no such cluster") == 2


# What SLURM says, by a made-up controller.


class Controller:
    """Answers of SLURM's commands, by the command's first word."""

    def __init__(self) -> None:
        self.says: dict[str, CompletedProcess[str]] = {}
        self.asked: list[tuple[str, ...]] = []

    def answer(self, command: str, out: str = "", code: int = 0, error: str = "") -> None:
        self.says[command] = CompletedProcess([command], code, out, error)

    def call(self, *command: str) -> CompletedProcess[str]:
        self.asked.append(command)
        return self.says.get(command[0], CompletedProcess(command, 0, "", ""))


@pytest.fixture
def controller(monkeypatch: pytest.MonkeyPatch, sleeps: list[float]) -> Controller:
    made_up = Controller()
    monkeypatch.setattr(slurm_queue, "slurm_command", made_up.call)
    return made_up


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch, controller: Controller, tmp_path: Path) -> SlurmEngine:
    """An engine with one job in the queue, number 12."""
    pytest.importorskip("submitit")
    monkeypatch.setattr(slurm.shutil, "which", lambda command: command)
    made = SlurmEngine(submitit_folder=str(tmp_path / "%j"))
    made.running = {"12": FrozenJob(0, "first", tmp_path / "0", tmp_path / "0.yaml", "cpu", 1)}
    return made


def row(state: str, status: int = 0, reason: str = "None") -> str:
    return f"{'12':32}{state:32}{status:<32}{reason:128}\n"


def test_one_call_to_squeue_tells_all_jobs(controller):
    controller.answer(
        "squeue",
        row("FAILED", 7 << 8, "NonZeroExitCode")
        + row("PENDING", 0, "launch failed requeued held").replace("12", "13", 1),
    )
    assert slurm_queue.ask({"13", "12"}) == {
        "12": Said("FAILED", 7, "NonZeroExitCode"),
        "13": Said("PENDING", 0, "launch failed requeued held"),
    }
    assert [words[0] for words in controller.asked] == ["squeue"]
    assert "--jobs=12,13" in controller.asked[0]


@pytest.mark.parametrize(
    ("state", "status", "code"), [("OUT_OF_MEMORY", 0, 1), ("CANCELLED", 15, 143), ("NODE_FAIL", 0, 1)]
)
def test_a_job_that_slurm_ends_is_told_with_slurms_word_and_its_log(
    engine, controller, tmp_path, state, status, code
):
    controller.answer("squeue", row(state, status))
    (ended,) = engine.wait()
    assert (ended.code, ended.problem) == (
        code,
        f"SLURM says {state}; its log: {tmp_path / '12' / '12_0_log.err'}",
    )
    assert engine.wait() == []


def test_a_job_that_slurm_ends_at_its_time_limit_is_told_with_advice(engine, controller):
    controller.answer("squeue", row("TIMEOUT", 0))
    (ended,) = engine.wait()
    assert ended.code == 1
    assert re.fullmatch(
        r"SLURM says TIMEOUT; its log: .*12_0_log\.err\. Raise hydra\.launcher\.timeout_min\.", ended.problem
    )


def test_a_job_that_ran_and_failed_tells_its_own_story_and_one_that_never_ran_is_told_by_slurm(
    engine, controller, tmp_path
):
    job = engine.running["12"]
    controller.answer("squeue", row("FAILED", 1 << 8))
    assert "SLURM says FAILED" in engine.wait()[0].problem
    (tmp_path / "0").mkdir()
    (tmp_path / "0" / "job.log").touch()
    engine.running = {"12": job}
    assert engine.wait() == [(job, 1, None)]


def test_a_job_that_the_controller_has_forgotten_is_told_by_accounting_else_by_its_record_else_it_is_lost(
    engine, controller, tmp_path
):
    job = engine.running["12"]
    controller.answer("squeue", code=1, error="slurm_load_jobs error: Invalid job id specified")
    controller.answer("sacct", "CANCELLED by 1000|0:15\n")
    assert engine.wait()[0].code == 143
    controller.answer("sacct", code=1, error="Slurm accounting storage is disabled")
    engine.running = {"12": job}
    assert "SLURM says nothing" in engine.wait()[0].problem
    (tmp_path / "12").mkdir()
    (tmp_path / "12" / "12_0_result.pkl").touch()
    engine.running = {"12": job}
    assert engine.wait() == [(job, 0, None)]


def test_a_job_that_slurm_will_never_start_is_cancelled_and_told(engine, controller):
    controller.answer("squeue", row("PENDING", 0, "PartitionConfig"))
    assert "PENDING, and will not start it (PartitionConfig)" in engine.wait()[0].problem
    assert ("scancel", "12") in controller.asked


def test_a_silent_controller_is_waited_for_ten_minutes_and_no_longer(engine, controller, sleeps, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(slurm.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(slurm.time, "sleep", lambda seconds: now.__setitem__(0, now[0] + seconds))
    controller.answer("squeue", code=1, error="Unable to contact slurm controller")
    with pytest.raises(NoAnswer, match=r"10 minutes.*Unable to contact slurm controller.*same command"):
        engine.wait()
    assert 600 < now[0] < 620
    assert len(controller.asked) < 100


def test_ranks_that_slurm_would_not_start_are_refused_before_submission(engine, controller):
    with pytest.raises(ValueError, match=r"devices=2.*1 tasks.*hydra\.launcher\.tasks_per_node=2"):
        engine.start(FrozenJob(1, "both", Path("1"), Path("1.yaml"), "cpu", 2))
    assert not controller.asked


def test_a_time_limit_within_the_warning_time_is_refused(engine):
    with pytest.raises(ValueError, match=r"timeout_min=2.*hydra\.launcher\.signal_delay_s"):
        SlurmEngine(timeout_min=2)
    with pytest.raises(ValueError, match=r"timeout_min=1: .*signal_delay_s=35 .* up to 60 seconds earlier"):
        SlurmEngine(timeout_min=1, signal_delay_s=35)
    with pytest.raises(ValueError, match=r"at once\. Raise hydra\.launcher\.timeout_min\.$"):
        SlurmEngine(timeout_min=1, signal_delay_s=0)  # no shorter delay would do


def test_an_option_that_neither_knows_is_refused(engine):
    with pytest.raises(ValueError, match="mem_per_task"):
        SlurmEngine(mem_per_task=3)


def test_jobs_beyond_the_parallelism_have_no_room(engine):
    engine.parallelism = 1
    assert not engine.has_room(engine.running["12"])
    engine.parallelism = 2
    assert engine.has_room(engine.running["12"])


# SLURM for real.


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict:
    """Options for engines on the cluster of this machine."""
    configuration = Path(os.environ.get("SLURM_CONF", "absent"))
    if not configuration.is_file() or "ClusterName=local" not in configuration.read_text():
        pytest.skip(
            'no SLURM for tests here: eval "$(scripts/slurm_here.sh start)" starts one (as root, with '
            "slurm-wlm)"
        )
    pytest.importorskip("submitit", reason="the extra slurm is not installed")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))  # where the module of frozen_job's act lies
    return {"timeout_min": 4, "cpus_per_task": 1, "mem_gb": 1.5}


def in_the_queue() -> list[str]:
    """Numbers of the jobs that are queued or run."""
    return subprocess.run(
        ["squeue", "--noheader", "--format=%A"], capture_output=True, text=True, check=True
    ).stdout.split()


class TestSlurm:
    pytestmark = on_a_cluster

    def test_a_sweep_of_four_jobs_goes_through_sbatch_and_again_runs_only_what_is_missing(
        self, here, tmp_path, shell
    ):
        command = [
            sys.executable,
            "-m",
            "relsym",
            "train",
            "-m",
            "hydra/launcher=submitit_slurm",
            "hydra.launcher.timeout_min=4",
            "hydra.launcher.cpus_per_task=1",
            "hydra.launcher.mem_gb=1.5",
            "seed=0,1,2,3",
            *SMALL,
            "sweep.reuse=false",
            f"hydra.sweep.dir={tmp_path / 'sweep'}",
        ]
        ended = shell(*command)
        assert ended.code == 0, ended.err
        results = sorted((tmp_path / "sweep").glob("*/results.json"))
        assert len(results) == 4
        before = {path: path.stat().st_mtime_ns for path in results}
        shutil.rmtree(results[1].parent)
        ended = shell(*command)
        assert ended.code == 0, ended.err
        assert [path for path, stamp in before.items() if path.stat().st_mtime_ns != stamp] == [results[1]]
        assert len([path for path in (tmp_path / "sweep" / ".submitit").iterdir() if path.is_dir()]) == 5

    def test_a_job_of_two_tasks_joins_its_ranks(self, here, tmp_path):
        job = frozen_job(tmp_path, 0, "hardware=ddp_cpu")
        assert job.devices == 2
        ended = drive(SlurmEngine(**here, tasks_per_node=2), [job])
        assert ended == {0: (job, 0, None)}
        assert "MEMBER: 1/2" in (job.folder / "job.log").read_text()
        assert "MEMBER: 2/2" in (job.folder / "rank1.log").read_text()
        assert finished([job]) == [0]

    def test_a_rank_that_dies_ends_the_other_and_the_job(self, here, tmp_path):
        job = frozen_job(
            tmp_path,
            0,
            "hardware=ddp_cpu",
            act="os._exit(9) if os.environ['SLURM_PROCID'] == '1' else time.sleep(600)",
        )
        began = time.monotonic()
        ended = drive(SlurmEngine(**here, tasks_per_node=2), [job])
        assert ended[0].code != 0
        assert time.monotonic() - began < 60

    def test_jobs_that_die_are_told_and_the_others_finish(self, here, tmp_path):
        jobs = [
            frozen_job(tmp_path, 0, act="os._exit(7)"),
            frozen_job(
                tmp_path,
                1,
                act=(
                    "os.system('scancel --signal=KILL --full ' + os.environ['SLURM_JOB_ID']) or "
                    "time.sleep(600)"
                ),
            ),
            frozen_job(tmp_path, 2),
            frozen_job(tmp_path, 3, "seed=3"),
        ]
        ended = drive(SlurmEngine(**here), jobs)
        assert ended[0].code == 7
        assert ended[1].code != 0
        assert "CANCELLED" in ended[1].problem or "FAILED" in ended[1].problem
        assert [ended[2].code, ended[3].code] == [0, 0]
        assert finished(jobs) == [2, 3]

    def test_stopping_interrupts_what_runs_and_leaves_nothing_in_the_queue(self, here, tmp_path):
        job = frozen_job(tmp_path, 0, act="print('sleeps', flush=True) or time.sleep(600)")
        engine = SlurmEngine(**here)
        engine.start(job)
        log = job.folder / "job.log"
        while not (log.exists() and "sleeps" in log.read_text()):
            time.sleep(0.5)
        engine.stop()
        assert "relsym: interrupted" in log.read_text()
        assert in_the_queue() == []

    def test_a_sweep_that_was_killed_finds_its_jobs_in_the_queue(self, here, tmp_path):
        job = frozen_job(tmp_path, 0, act="time.sleep(8) or csv(folder)")
        SlurmEngine(**here).start(job)
        engine = SlurmEngine(**here)
        engine.start(job)
        assert len(in_the_queue()) == 1
        assert list(engine.running) == in_the_queue()
        assert engine.wait() == [(job, 0, None)]
        assert finished([job]) == [0]

    def test_a_job_near_its_time_limit_ends_with_advice(self, here, tmp_path):
        job = frozen_job(tmp_path, 0, act="time.sleep(600)")
        # SLURM's warning comes 20 to 80 seconds after the start: it may be a minute early.
        ended = drive(SlurmEngine(**{**here, "timeout_min": 2}, signal_delay_s=40), [job])
        assert ended == {0: (job, 1, None)}
        assert (
            "relsym: error: SLURM's time limit of this job is near. Raise hydra.launcher.timeout_min."
            in (job.folder / "job.log").read_text()
        )

    def test_what_sbatch_refuses_is_told_in_its_words(self, here, tmp_path):
        job = frozen_job(tmp_path, 0)
        ended = drive(SlurmEngine(**here, partition="none_such"), [job])
        assert ended[0].code == 1
        assert "SLURM refused it" in ended[0].problem
        assert "invalid partition" in ended[0].problem


# Ray for real.


@pytest.fixture
def ray_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict:
    """Options for a Ray of two CPUs on this machine."""
    pytest.importorskip("ray", reason="the extra ray is not installed")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    return {"init": {**preset("ray")["init"], "num_cpus": 2, "num_gpus": 0}}


class TestRay:
    pytestmark = on_a_cluster

    def test_each_job_has_a_process_of_its_own_and_one_that_dies_takes_none_with_it(self, ray_here, tmp_path):
        tell = "print('pid', os.getpid()) or csv(folder)"
        jobs = [
            frozen_job(tmp_path, 0, act="os._exit(7)"),
            *(frozen_job(tmp_path, number, f"seed={number}", act=tell) for number in (1, 2)),
            frozen_job(tmp_path, 3, "hardware=ddp_cpu"),
        ]
        engine = RayEngine(**ray_here)
        try:
            ended = drive(engine, jobs)
        finally:
            engine.stop()
        assert ended[0].code != 0
        assert "Ray says WorkerCrashedError" in ended[0].problem
        assert [ended[number] for number in (1, 2, 3)] == [(job, 0, None) for job in jobs[1:]]
        assert finished(jobs) == [1, 2, 3]
        pids = {re.search(r"pid (\d+)", (job.folder / "job.log").read_text())[1] for job in jobs[1:3]}
        assert len(pids) == 2
        assert "MEMBER: 2/2" in (jobs[3].folder / "job.log").read_text()

    def test_what_ray_could_never_run_is_refused_and_stopping_interrupts_the_rest(self, ray_here, tmp_path):
        # Ray interrupts Python's steps, so many short sleeps in place of a long one.
        job = frozen_job(
            tmp_path, 0, act="print('sleeps', flush=True) or [time.sleep(0.1) for _ in range(6000)]"
        )
        engine = RayEngine(**ray_here)
        try:
            with pytest.raises(
                ValueError, match=r"needs 1 GPUs of 0 that Ray has.*hydra\.launcher\.num_cpus"
            ):
                engine.start(job._replace(accelerator="gpu"))
            engine.start(job)
            assert engine.has_room(job)
            assert not engine.has_room(job._replace(devices=2))
            log = job.folder / "job.log"
            while not (log.exists() and "sleeps" in log.read_text()):
                time.sleep(0.5)
        finally:
            engine.stop()
        assert "relsym: interrupted" in log.read_text()
