"""Jobs of a sweep on a SLURM cluster: submitit submits the scripts, SLURM itself says how they ended."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from omegaconf import OmegaConf

from relsym.app.sweep.engine import Ended, Engine, FrozenJob
from relsym.app.sweep.insist import insisting
from relsym.app.sweep.job import JOB_LOG, run_frozen
from relsym.app.sweep.slurm_queue import ENDED, HOPELESS, NoAnswer, Said, ask, cancel, queued, recall
from relsym.extras import install_line, needs
from relsym.ranges import NonNegativeInt, PositiveInt

try:
    import submitit
    from submitit.core.utils import (
        FailedJobError,
        FailedSubmissionError,
        JobPaths,
        UncompletedJobError,
        environment_variables,
    )
except ModuleNotFoundError as absent:
    if absent.name != "submitit":
        raise
    submitit = None

COMMANDS = ("sbatch", "srun", "squeue", "scancel")
# sbatch's names for what the preset calls otherwise.
RENAMED = {"timeout_min": "time", "tasks_per_node": "ntasks_per_node"}
# In place of a state, of a job that SLURM no longer knows.
LOST = "nothing"
# Variables of SLURM that say where the cluster is, not in which job one is.
KEPT_VARIABLES = ("SLURM_CONF",)
# Seconds between two questions to the controller.
SHORTEST_LOOK_S, LONGEST_LOOK_S = 1.0, 10.0
# Seconds without an answer after which the sweep gives up.
SILENCE_S = 600.0
STOP_S = 45.0
# Seconds by which SLURM may send its warning of the time limit too early.
EARLY_S = 60


@needs("hydra/launcher=submitit_slurm", "submitit", install_line("slurm"))
class SlurmEngine(Engine):
    """One submission a job; at most ``array_parallelism`` of them in the queue or running.

    Args:
        submitit_folder: SLURM's scripts and logs, on a disk that the nodes share (None: ``.submitit`` beside
            the jobs' folders).
        array_parallelism: submitted jobs at once.
        timeout_min, signal_delay_s: the time limit of a job in minutes, and how many seconds before it the
            job is told to end.
        nodes, tasks_per_node: a job with several devices needs as many tasks on each node.
        name: of the jobs in SLURM, before their number and a hash.
        sbatch: every other option that submitit passes to SLURM (None: the cluster's default).

    Raises:
        ImportError: submitit is not installed.
        ValueError: this machine has no SLURM; options that contradict each other, or that submitit does not
            know.
    """

    def __init__(
        self,
        submitit_folder: str | None = None,
        array_parallelism: PositiveInt = 256,
        timeout_min: PositiveInt = 60,
        signal_delay_s: NonNegativeInt = 120,
        nodes: PositiveInt = 1,
        tasks_per_node: PositiveInt = 1,
        name: str = "relsym",
        **sbatch: Any,
    ) -> None:
        self.check_machine()
        # SLURM loses a warning that comes before the job has begun.
        if timeout_min * 60 <= signal_delay_s + EARLY_S:
            advice = "Raise hydra.launcher.timeout_min"
            if timeout_min * 60 > EARLY_S:  # else no shorter delay would do
                advice += " or lower hydra.launcher.signal_delay_s"
            raise ValueError(
                f"timeout_min={timeout_min}: a job is told to end signal_delay_s={signal_delay_s} seconds "
                f"before its limit, or up to {EARLY_S} seconds earlier: at once. {advice}."
            )
        self.folder, self.name = submitit_folder, name
        self.parallelism = array_parallelism
        self.tasks_per_node = tasks_per_node
        # Number in SLURM -> job.
        self.running: dict[str, FrozenJob] = {}
        # Jobs that SLURM did not accept: the next ``wait`` tells of them.
        self.refused: list[Ended] = []
        # Name -> number of the jobs that an earlier sweep has left in the queue; None until asked.
        self.left: dict[str, str] | None = None
        self.executor = submitit.SlurmExecutor(submitit_folder or ".")
        # A rank that dies ends the others, which would wait for it until the time limit.
        srun_args = ["--kill-on-bad-exit=1", *(sbatch.get("srun_args") or [])]
        options = {
            "timeout_min": timeout_min,
            "signal_delay_s": signal_delay_s,
            "nodes": nodes,
            "tasks_per_node": tasks_per_node,
            "wckey": "",  # submitit would send one of its own, which a cluster may refuse
            **sbatch,
            "srun_args": srun_args,
        }
        self.executor.update_parameters(**sbatch_options(options))

    @classmethod
    def check_machine(cls) -> None:
        """See ``Engine``: submitit, and the commands of SLURM."""
        super().check_machine()
        check_commands()

    def check(self, job: FrozenJob) -> None:
        """Refuse a job whose ranks SLURM would not start.

        Raises:
            ValueError: it has another number of devices than SLURM starts tasks on a node.
        """
        # How many devices "auto" (-1) means is known on the node alone.
        if job.devices > 0 and job.devices != self.tasks_per_node:
            raise ValueError(
                f"job {job.number} ({job.name}): devices={job.devices}, but SLURM would start "
                f"{self.tasks_per_node} tasks on a node; each device needs one. Set "
                f"hydra.launcher.tasks_per_node={job.devices}, or change hardware."
            )

    def has_room(self, job: FrozenJob) -> bool:
        """Whether fewer than ``array_parallelism`` jobs are submitted."""
        return not self.running or len(self.running) < self.parallelism

    def start(self, job: FrozenJob) -> None:
        """Submit it, unless a sweep that was killed has left it in the queue.

        What SLURM refuses is told by the next ``wait``.
        """
        self.check(job)
        if self.folder is None:
            self.executor.folder = job.folder.parent / ".submitit" / "%j"
        # By this hash a sweep that is started again knows its jobs from those of other sweeps.
        path_hash = hashlib.sha256(os.fsencode(job.frozen)).hexdigest()[:8]
        name = f"{self.name}-{job.number}-{path_hash}"
        if self.left is None:
            self.left = queued()
        try:
            number = self.left.pop(name, None) or self.submit(name, job)
        except (FailedJobError, FailedSubmissionError) as error:
            message = " ".join(str(error).split())  # on one line
            self.refused.append(Ended(job, 1, f"SLURM refused it: {message}"))
        else:
            self.running[number] = job

    def submit(self, name: str, job: FrozenJob) -> str:
        """Hand a job to sbatch, and return the number that SLURM gives it."""
        self.executor.update_parameters(job_name=name)
        with outside_of_any_job():
            return self.executor.submit(run_on_node, str(job.frozen)).job_id

    def wait(self) -> list[Ended]:
        """Ask SLURM until a job has ended: at first every second, later less often.

        Raises:
            NoAnswer: the controller has been silent for ten minutes; the jobs may go on.
        """
        began = heard = time.monotonic()
        while True:
            ended, self.refused = self.refused, []
            try:
                ended += self.look()
                heard = time.monotonic()
            except NoAnswer as silence:
                if time.monotonic() - heard > SILENCE_S:
                    raise NoAnswer(
                        f"SLURM has not answered for {SILENCE_S / 60:.0f} minutes ({silence}). Its jobs may "
                        "go on; when it is back, the same command goes on with what is missing."
                    ) from silence
            if ended or not self.running:
                return ended
            pause = SHORTEST_LOOK_S + (time.monotonic() - began) / 20
            time.sleep(min(LONGEST_LOOK_S, pause))

    def look(self) -> list[Ended]:
        """Take the jobs that have ended out of the running ones, and return how they did.

        Raises:
            NoAnswer: the controller did not answer; every job still counts as running.
        """
        answers = ask(self.running) if self.running else {}
        ended = []
        still_running = {}
        for number, job in self.running.items():
            verdict = self.verdict(number, answers.get(number))
            if verdict is None:
                still_running[number] = job
            else:
                ended.append(verdict)
        # Only now: an answer that fails to come for one job must not lose the verdicts on those before it.
        self.running = still_running
        return ended

    def verdict(self, number: str, said: Said | None) -> Ended | None:
        """How a job ended; None if it has not.

        Args:
            said: what the controller says about it; None if it has forgotten the job.
        """
        said = said or recall(number) or self.forgotten(number)
        if said.state not in (*ENDED, LOST):
            if said.reason not in HOPELESS:
                return None
            cancel([number])
            said = Said(f"{said.state}, and will not start it ({said.reason})", 1)
        job = self.running[number]
        if said.state == "COMPLETED":
            return Ended(job, said.code)
        code = said.code or 1  # SLURM gives 0 to some jobs that it ended
        if said.state == "FAILED" and (job.folder / JOB_LOG).exists():
            return Ended(job, code)  # the job's own log says why
        log = self.paths(number).stderr
        # A job whose warning was lost has not told it itself.
        advice = ". Raise hydra.launcher.timeout_min." if said.state == "TIMEOUT" else ""
        return Ended(job, code, f"SLURM says {said.state}; its log: {log}{advice}")

    def forgotten(self, number: str) -> Said:
        """What became of a job that neither the controller nor the database knows.

        It went well if submitit's record, which is written last, is there.
        """
        if self.paths(number).result_pickle.exists():
            return Said("COMPLETED", 0)
        return Said(LOST, 1)

    def paths(self, number: str) -> JobPaths:
        """Where submitit keeps the files of a job."""
        return JobPaths(self.executor.folder, number)

    def stop(self) -> None:
        """Cancel the jobs, and wait until they have ended, ``STOP_S`` seconds at most.

        Without the wait the same command, given again at once, would find them in the queue.
        """
        deadline = time.monotonic() + STOP_S
        numbers = set(self.running)
        cancel(numbers)
        while numbers and time.monotonic() < deadline:
            answers = ask(numbers)
            numbers = {number for number, said in answers.items() if said.state not in ENDED}
            time.sleep(SHORTEST_LOOK_S if numbers else 0)
        self.running, self.refused = {}, []


def check_commands() -> None:
    """Refuse to start where a command of SLURM is not on this machine.

    Raises:
        ValueError: one is not.
    """
    absent_commands = [command for command in COMMANDS if shutil.which(command) is None]
    if absent_commands:
        raise ValueError(
            f"hydra/launcher=submitit_slurm: no {', '.join(absent_commands)} on this machine. "
            "Start the sweep where jobs are submitted (a login node), or leave hydra/launcher unset to run "
            "it here."
        )


def sbatch_options(options: dict[str, Any]) -> dict[str, Any]:
    """The options that are set, as plain values, under sbatch's names."""
    plain = OmegaConf.to_container(OmegaConf.create(options), resolve=True)
    memory = plain.pop("mem_gb", None)
    if memory is not None:
        plain["mem"] = f"{int(memory * 1024)}MB"  # sbatch takes whole numbers alone
    named = {}
    for key, value in plain.items():
        if value is not None:
            named[RENAMED.get(key, key)] = value
    return named


@contextmanager
def outside_of_any_job() -> Iterator[None]:
    """Hide the variables of the SLURM job that the sweep itself may run in.

    Its jobs would inherit that one's tasks and memory.
    """
    cluster = {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}
    with submitit.helpers.clean_env(), environment_variables(**cluster):
        yield


def time_is_up(requeue: Any) -> Callable[[int, Any], None]:
    """The handler of SLURM's warning that a job has to end.

    A job that has to make room is requeued; one that is near its time limit ends with advice.

    Args:
        requeue: submitit's own handler.
    """

    def warned(number: int, frame: Any) -> None:
        try:
            requeue(number, frame)
        except UncompletedJobError as end:
            # submitit does not requeue a job that is out of time.
            raise TimeoutError(
                "SLURM's time limit of this job is near. Raise hydra.launcher.timeout_min."
            ) from end

    return warned


def run_on_node(frozen: str) -> None:
    """Run one task of a job, on its node.

    Leaves with the job's exit code, which SLURM then knows; scancel ends it as Ctrl-C would.
    """
    signal.signal(signal.SIGTERM, insisting(signal.default_int_handler))
    submitits_handler = signal.getsignal(signal.SIGUSR2)
    signal.signal(signal.SIGUSR2, insisting(time_is_up(submitits_handler)))
    cores = os.environ.get("SLURM_CPUS_PER_TASK", "1")
    os.environ.setdefault("OMP_NUM_THREADS", cores)
    code = run_frozen(frozen)
    if code:  # after 0 submitit writes its record, which says that all went well
        sys.exit(code)
