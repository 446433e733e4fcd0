"""Jobs of a sweep on Ray: a task of its own process for each."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Mapping
from typing import Any

from omegaconf import OmegaConf

from relsym.app.sweep.engine import Ended, Engine, FrozenJob
from relsym.app.sweep.job import JOB_LOG, run_frozen
from relsym.ranges import NonNegativeFloat, PositiveInt

STOP_S = 10.0


class RayEngine(Engine):
    """One Ray task a job, in a worker process that ends with it; Ray never runs one twice.

    init: arguments of ``ray.init``; with ``address`` it joins a cluster, else it starts Ray on this machine.
    num_cpus, num_gpus: what Ray reserves for each device of a job (num_gpus None: one for a job on GPUs, none
    for others). parallelism: jobs at once (None: as many as Ray's CPUs and GPUs hold at that moment).

    Raises:
        ImportError: Ray is not installed.
    """

    def __init__(
        self,
        init: Mapping[str, Any] | None = None,
        num_cpus: NonNegativeFloat = 1,
        num_gpus: NonNegativeFloat | None = None,
        parallelism: PositiveInt | None = None,
    ) -> None:
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is sent unless the user says so
        try:
            import ray
        except ModuleNotFoundError as error:
            raise ImportError(
                'hydra/launcher=ray needs the package ray: pip install "relsym[ray]"'
            ) from error
        self.ray, self.init = ray, OmegaConf.to_container(OmegaConf.create(dict(init or {})), resolve=True)
        self.num_cpus, self.num_gpus, self.parallelism = num_cpus, num_gpus, parallelism
        self.task = ray.remote(max_calls=1, max_retries=0)(run_on_worker)
        self.running: dict[Any, FrozenJob] = {}

    def resources(self) -> dict[str, float]:
        """What Ray has in all; it is started, or joined, when this is asked first.

        Raises:
            ConnectionError: there is no cluster at the address.
        """
        if not self.ray.is_initialized():
            self.ray.init(**{key: value for key, value in self.init.items() if value is not None})
        return self.ray.cluster_resources()

    def needs(self, job: FrozenJob) -> dict[str, float]:
        """What Ray reserves for a job."""
        gpus = int(job.accelerator == "gpu") if self.num_gpus is None else self.num_gpus
        devices = max(job.devices, 1)  # "auto" is what Ray then lets it see
        return {"CPU": float(self.num_cpus * devices), "GPU": float(gpus * devices)}

    def check(self, job: FrozenJob) -> None:
        """Refuse a job that Ray would keep waiting for ever: too few CPUs or GPUs, and no ``parallelism``
        that says more will come.
        """
        there = self.resources()
        if self.parallelism is None and (
            lacking := {name: n for name, n in self.needs(job).items() if n > there.get(name, 0)}
        ):
            lack = ", ".join(
                f"{n:g} {name}s of {there.get(name, 0):g} that Ray has" for name, n in lacking.items()
            )
            raise ValueError(
                f"job {job.number} ({job.name}) needs {lack}. Lower hydra.launcher.num_cpus or num_gpus, "
                "join a larger "
                "cluster (hydra.launcher.init.address), or set hydra.launcher.parallelism if the cluster "
                "grows by itself."
            )

    def has_room(self, job: FrozenJob) -> bool:
        """Whether Ray could run it beside the others, each of which holds what it needs."""
        if not self.running:
            return True
        if self.parallelism is not None:
            return len(self.running) < self.parallelism
        there = self.resources()
        held = [self.needs(other) for other in (*self.running.values(), job)]
        return all(sum(need[name] for need in held) <= there.get(name, 0) for name in ("CPU", "GPU"))

    def start(self, job: FrozenJob) -> None:
        """Hand it to Ray."""
        self.check(job)
        needs = self.needs(job)
        task = self.task.options(num_cpus=needs["CPU"], num_gpus=needs["GPU"], name=f"relsym {job.name}")
        self.running[task.remote(str(job.frozen))] = job

    def wait(self) -> list[Ended]:
        """Wait for the next one, and take with it what else has ended."""
        if not self.running:
            return []
        self.ray.wait(list(self.running), num_returns=1)
        done, _ = self.ray.wait(list(self.running), num_returns=len(self.running), timeout=0)
        return [self.verdict(reference) for reference in done]

    def verdict(self, reference: Any) -> Ended:
        """The job's exit code, or why there is none."""
        job = self.running.pop(reference)
        try:
            return Ended(job, self.ray.get(reference))
        except self.ray.exceptions.RayError as death:
            problem = f"Ray says {type(death).__name__}: {str(death).strip().splitlines()[0]}"
            return Ended(job, 1, f"{problem}; log: {job.folder / JOB_LOG}")

    def stop(self) -> None:
        """Interrupt what runs as Ctrl-C would, wait for it a little, then end Ray, or leave the cluster."""
        for reference in self.running:
            self.ray.cancel(reference, force=False)
        if self.running:
            self.ray.wait(list(self.running), num_returns=len(self.running), timeout=STOP_S)
        self.running = {}
        self.ray.shutdown()


def run_on_worker(frozen: str) -> int:
    """Run a frozen job in this worker; further ranks are started by repeating this process's command, so it
    has to be the job's.
    """
    sys.modules["__main__"].__spec__ = importlib.util.find_spec("relsym.app.sweep.job")
    sys.argv = ["relsym.app.sweep.job", frozen]
    return run_frozen(frozen)
