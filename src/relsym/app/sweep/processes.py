"""The default engine: processes of this machine, forked from a server that has done the imports once."""

from __future__ import annotations

import _thread
import multiprocessing
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable
from multiprocessing.connection import Connection, wait
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from relsym.app.entry import describe
from relsym.app.streams import secure_output
from relsym.app.sweep.engine import Ended, Engine, FrozenJob
from relsym.ranges import PositiveInt

if TYPE_CHECKING:  # Windows has no such class
    from multiprocessing.context import ForkServerProcess

# What the fork server imports before any thread or CUDA context exists, so that no job has to.
PRELOAD = ["relsym.app.sweep.preload"]
WANDB = ["relsym.app.sweep.preload_wandb"]
# Seconds from an interrupt to a kill.
GRACE_S = 20.0
# Signals by which a process ends that got no more memory: the system kills it, or a library gives up.
_WITHOUT_MEMORY = ("SIGKILL", "SIGABRT", "SIGSEGV")
OFTEN_MEMORY = (
    "often there was no memory left for it. Let fewer jobs run at once (hydra.launcher.jobs), take smaller "
    "batches or a smaller model, or raise the limit of the shell (ulimit -v), container or cluster job."
)
# Variables that say how many threads a library may use: whatever the user has set is kept.
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS")


def check_fork_server() -> None:
    """Refuse a sweep on a system without fork servers, from which it starts whatever it runs.

    Raises:
        ValueError: there is none.
    """
    if "forkserver" not in multiprocessing.get_all_start_methods():
        raise ValueError(
            "relsym train -m starts its jobs from a fork server, which this system "
            f"({sys.platform}) does not have: run the sweep on Linux, macOS or WSL, or start each job as a "
            "relsym train of its own."
        )


def start_server(with_wandb: bool) -> None:
    """Start the fork server; it imports while this process goes on."""
    from multiprocessing import forkserver

    preload = [*WANDB, *PRELOAD] if with_wandb else PRELOAD
    context().set_forkserver_preload(preload)
    forkserver.ensure_running()


def context() -> multiprocessing.context.ForkServerContext:
    """The context in which every job is forked."""
    return multiprocessing.get_context("forkserver")


class ProcessEngine(Engine):
    """Runs each job in a process of its own: threads are divided among the jobs, GPUs are handed out.

    Args:
        jobs: how many at a time; "auto": one for each GPU (a job of several devices takes as many), one on
            the CPU.
        gpus: how many this machine has.
    """

    def __init__(self, jobs: PositiveInt | Literal["auto"] = "auto", gpus: int = 0) -> None:
        self.jobs = jobs
        visible = os.environ.get("CUDA_VISIBLE_DEVICES")
        if visible and gpus:
            self.gpus = visible.split(",")  # the user has chosen some
        else:
            self.gpus = [str(number) for number in range(gpus)]
        # GPU -> number of jobs on it.
        self._load: Counter[str] = Counter(dict.fromkeys(self.gpus, 0))
        # Sentinel of a process -> the job, its process and its GPUs.
        self._running: dict[int, tuple[FrozenJob, ForkServerProcess, list[str]]] = {}

    def has_room(self, job: FrozenJob) -> bool:
        """See ``Engine``."""
        if not self._running:
            return True
        if self.jobs != "auto":
            return len(self._running) < self.jobs
        if job.accelerator != "gpu" or not self.gpus:
            return False
        return all(self._load[gpu] == 0 for gpu in self._freest(job))

    def start(self, job: FrozenJob) -> None:
        """See ``Engine``."""
        gpus = self._freest(job)
        environment = {"CUDA_VISIBLE_DEVICES": ",".join(gpus)} if gpus else {}
        threads = str(self._threads(job, gpus))
        for name in THREADS:
            environment[name] = os.environ.get(name, threads)
        several_ranks = job.devices != 1
        arguments = (str(job.frozen), several_ranks, environment)
        process = context().Process(target=run_child, args=arguments)
        _start(process)
        self._load.update(gpus)
        self._running[process.sentinel] = (job, process, gpus)

    def _threads(self, job: FrozenJob, gpus: list[str]) -> int:
        """Threads for each rank of a job, so that all jobs at a time have one for each core together."""
        on_gpus = job.accelerator == "gpu"
        ranks = max(len(gpus), 1) if on_gpus else job.devices
        if self.jobs != "auto":
            at_once = self.jobs
        elif on_gpus:
            at_once = max(len(self.gpus), 1)
        else:
            at_once = 1
        return max(_usable_cores() // (at_once * ranks), 1)

    def wait(self) -> list[Ended]:
        """See ``Engine``."""
        ended = []
        for sentinel in wait(list(self._running)):
            job, process, gpus = self._running.pop(sentinel)
            process.join()
            self._load.subtract(gpus)
            code = process.exitcode or 0
            problem = None
            if code < 0:  # the number of a signal
                name = signal.Signals(-code).name
                problem = f"killed by {name}"
                if name in _WITHOUT_MEMORY:
                    problem += f"; {OFTEN_MEMORY}"
            ended.append(Ended(job, code, problem))
            process.close()
        return ended

    def stop(self) -> None:
        """Interrupt the jobs, so that trackers are told; kill those that go on for ``GRACE_S`` seconds."""
        for _, process, _ in self._running.values():
            _signal_group(process.pid, signal.SIGINT)
        deadline = time.monotonic() + GRACE_S
        while self._running and time.monotonic() < deadline:
            for sentinel in wait(list(self._running), timeout=0.2):
                self._running.pop(sentinel)
        for _, process, _ in self._running.values():
            _signal_group(process.pid, signal.SIGKILL)
        self._running.clear()

    def _freest(self, job: FrozenJob) -> list[str]:
        """The GPUs that a job would take: those with the fewest jobs; all where it says devices=auto."""
        if job.accelerator != "gpu":
            return []
        by_load = sorted(self.gpus, key=lambda gpu: self._load[gpu])
        if job.devices > 0:
            return by_load[: job.devices]
        return by_load


def _usable_cores() -> int:
    """The number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1  # where the system does not say, as on macOS


def call_in_fork(target: Callable[..., None], *arguments: Any) -> Any:
    """Call a function in a forked process, and return the one answer that it sends.

    Args:
        target: takes the arguments, then the connection to which it sends its answer.

    Raises:
        ValueError: the function failed, or the process died without an answer.
    """
    receiver, sender = context().Pipe(duplex=False)
    process = context().Process(target=_answering, args=(target, arguments, sender))
    _start(process)
    # The child has its own copy; with this one open its death would not end the waiting below.
    sender.close()
    try:
        received = receiver.recv()
    except (EOFError, OSError) as error:
        process.join()
        raise ValueError(
            f"the process that looks at the jobs died with exit code {process.exitcode}; {OFTEN_MEMORY}"
        ) from error
    finally:
        process.join()
    if isinstance(received, _Failure):
        raise ValueError(received.reason)
    return received


class _Failure(NamedTuple):
    """Why a forked process has no answer."""

    reason: str


def _start(process: ForkServerProcess) -> None:
    """Start a process from the fork server.

    Raises:
        ValueError: the server is gone.
    """
    try:
        process.start()
    except (EOFError, OSError) as error:
        raise ValueError(
            f"the process from which jobs are started has died ({type(error).__name__}: {error}); "
            f"{OFTEN_MEMORY}"
        ) from error


def _answering(target: Callable[..., None], arguments: tuple[Any, ...], answer: Connection) -> None:
    """The body of the forked process of ``call_in_fork``."""
    secure_output()
    try:
        end_with_parent()
        target(*arguments, answer)
    except (Exception, SystemExit) as error:
        answer.send(_Failure(describe(error)))


def run_child(frozen: str, several_ranks: bool, environment: dict[str, str]) -> None:
    """The body of a forked process: one job, in a process group of its own."""
    # First of all: libraries read these variables once, when they are loaded or first used.
    os.environ.update(environment)
    from relsym.app.sweep.job import run_frozen

    def prepare() -> None:
        end_with_parent()
        import torch

        torch.set_num_threads(int(environment["OMP_NUM_THREADS"]))

    sys.exit(run_frozen(frozen, several_ranks, prepare))


def end_with_parent() -> None:
    """Become the head of a process group, and kill the group as soon as the sweep's own process is gone.

    However that went: a sweep that was killed cannot end its jobs itself.
    """
    os.setpgid(0, 0)
    parent = multiprocessing.parent_process()

    def watch() -> None:
        if parent is not None:
            wait([parent.sentinel])
            os.killpg(0, signal.SIGKILL)

    # A thread can wait while the job computes, and this kind does not keep a finished job alive. One of
    # ``threading`` would be waited for until it runs: for ever, where there is no memory left for it.
    _thread.start_new_thread(watch, ())


def _signal_group(pid: int | None, number: signal.Signals) -> None:
    """Send a signal to a process group; one that is gone is no error."""
    if pid is not None:
        try:
            os.killpg(pid, number)
        except ProcessLookupError:
            return
