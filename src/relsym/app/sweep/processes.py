"""The default engine: processes of this machine, forked from a server that has done the imports once."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkServerProcess
from typing import Any, Literal

from relsym.app.sweep.engine import Ended, Engine, FrozenJob
from relsym.ranges import PositiveInt

# What the fork server imports before any thread or CUDA context exists, so that no job has to.
PRELOAD = ["relsym.app.train.steps", "relsym.app.sweep.job", "relsym.app.sweep.inspect"]
# What wandb.init imports besides; best before torch.
WANDB = ["wandb", "wandb.sdk.launch.inputs.internal"]
GRACE_S = 20.0
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS")


def start_server(with_wandb: bool) -> None:
    """Start the fork server; it imports while this process goes on."""
    from multiprocessing import forkserver

    context().set_forkserver_preload([*(WANDB if with_wandb else []), *PRELOAD])
    forkserver.ensure_running()


def context() -> multiprocessing.context.ForkServerContext:
    """The context in which every job is forked."""
    return multiprocessing.get_context("forkserver")


class ProcessEngine(Engine):
    """Runs each job in a process of its own: threads are divided among the jobs, GPUs are handed out.

    Args:
        jobs: how many at a time; "auto": one for each GPU (a job of several devices takes as many), one on
        the CPU. gpus: how many this machine has.
    """

    def __init__(self, jobs: PositiveInt | Literal["auto"] = "auto", gpus: int = 0) -> None:
        self.jobs = jobs
        visible = os.environ.get("CUDA_VISIBLE_DEVICES")
        self.gpus = visible.split(",") if visible and gpus else [str(number) for number in range(gpus)]
        self._load: Counter[str] = Counter(dict.fromkeys(self.gpus, 0))
        self._running: dict[int, tuple[FrozenJob, ForkServerProcess, list[str]]] = {}

    def has_room(self, job: FrozenJob) -> bool:
        """See ``Engine``."""
        if not self._running:
            return True
        if self.jobs != "auto":
            return len(self._running) < self.jobs
        return (
            job.accelerator == "gpu"
            and bool(self.gpus)
            and all(not self._load[gpu] for gpu in self._freest(job))
        )

    def start(self, job: FrozenJob) -> None:
        """See ``Engine``."""
        gpus = self._freest(job)
        environment = {"CUDA_VISIBLE_DEVICES": ",".join(gpus)} if gpus else {}
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        ranks = job.devices if job.accelerator != "gpu" else max(len(gpus), 1)
        at_once = (
            self.jobs if self.jobs != "auto" else max(len(self.gpus), 1) if job.accelerator == "gpu" else 1
        )
        threads = max(cores // (at_once * ranks), 1)
        environment |= {name: os.environ.get(name, str(threads)) for name in THREADS}
        process = context().Process(target=run_child, args=(str(job.frozen), job.devices != 1, environment))
        process.start()
        self._load.update(gpus)
        self._running[process.sentinel] = (job, process, gpus)

    def wait(self) -> list[Ended]:
        """See ``Engine``."""
        ended = []
        for sentinel in wait(list(self._running)):
            job, process, gpus = self._running.pop(sentinel)
            process.join()
            self._load.subtract(gpus)
            code = process.exitcode or 0
            ended.append(Ended(job, code, f"killed by {signal.Signals(-code).name}" if code < 0 else None))
            process.close()
        return ended

    def stop(self) -> None:
        """Interrupt the jobs, so that trackers are told, and kill those that do not end within ``GRACE_S``
        seconds.
        """
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
        return sorted(self.gpus, key=lambda gpu: self._load[gpu])[: job.devices if job.devices > 0 else None]


def call_in_fork(target: Callable[..., None], *arguments: Any) -> Any:
    """Call a function that sends one answer, in a forked process.

    Raises:
        RuntimeError: the process died without an answer.
    """
    here, there = context().Pipe(duplex=False)
    process = context().Process(target=_answering, args=(target, arguments, there))
    process.start()
    there.close()
    try:
        return here.recv()
    except EOFError as error:
        process.join()
        raise RuntimeError(
            f"the process that looks at the jobs died with exit code {process.exitcode}; its message stands "
            "above."
        ) from error
    finally:
        process.join()


def _answering(target: Callable[..., None], arguments: tuple[Any, ...], answer: Connection) -> None:
    end_with_parent()
    target(*arguments, answer)


def run_child(frozen: str, several_ranks: bool, environment: dict[str, str]) -> None:
    """The body of a forked process: one job, in a process group of its own."""
    os.environ.update(environment)
    end_with_parent()
    import torch

    from relsym.app.sweep.job import run_frozen

    torch.set_num_threads(int(environment["OMP_NUM_THREADS"]))
    sys.exit(run_frozen(frozen, several_ranks))


def end_with_parent() -> None:
    """Become the head of a process group, and end it as soon as the process that started the sweep is gone,
    however it went.
    """
    os.setpgid(0, 0)
    parent = multiprocessing.parent_process()

    def watch() -> None:
        if parent is not None:
            wait([parent.sentinel])
            os.killpg(0, signal.SIGKILL)

    threading.Thread(target=watch, daemon=True).start()


def _signal_group(pid: int | None, number: signal.Signals) -> None:
    if pid is not None:
        try:
            os.killpg(pid, number)
        except ProcessLookupError:
            return
