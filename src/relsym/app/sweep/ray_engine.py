"""Jobs of a sweep on Ray: for each a task in a process of its own."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Mapping
from typing import Any

from omegaconf import OmegaConf

from relsym.app.sweep.engine import Ended, Engine, FrozenJob
from relsym.app.sweep.job import JOB_LOG, run_frozen
from relsym.extras import install_line, needs
from relsym.ranges import NonNegativeFloat, PositiveInt

STOP_S = 10.0


@needs("hydra/launcher=ray", "ray", install_line("ray"))
class RayEngine(Engine):
    """One Ray task a job, in a worker process that ends with it; Ray never runs one twice.

    Args:
        init: arguments of ``ray.init``; with ``address`` it joins a cluster, else it starts Ray on this
            machine.
        num_cpus, num_gpus: what Ray reserves for each device of a job (num_gpus None: one for a job on GPUs,
            none for others).
        parallelism: jobs at once (None: as many as Ray's CPUs and GPUs hold at that moment).

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
        self.check_machine()
        import ray

        self.ray = ray
        self.init = OmegaConf.to_container(OmegaConf.create(dict(init or {})), resolve=True)
        self.num_cpus, self.num_gpus = num_cpus, num_gpus
        self.parallelism = parallelism
        # The worker ends with its one job, and a job that died is not run again behind the sweep's back.
        self.task = ray.remote(max_calls=1, max_retries=0)(run_on_worker)
        self.running: dict[Any, FrozenJob] = {}

    def resources(self) -> dict[str, float]:
        """What Ray has in all; it is started, or joined, when this is asked first.

        Raises:
            ConnectionError: there is no cluster at the address.
        """
        if not self.ray.is_initialized():
            arguments = {key: value for key, value in self.init.items() if value is not None}
            self.ray.init(**arguments)
        return self.ray.cluster_resources()

    def needs(self, job: FrozenJob) -> dict[str, float]:
        """What Ray reserves for a job: numbers of "CPU" and "GPU"."""
        devices = max(job.devices, 1)  # -1 ("auto") is what Ray then lets it see
        gpus_of_device = self.num_gpus
        if gpus_of_device is None:
            gpus_of_device = 1 if job.accelerator == "gpu" else 0
        cpus = float(self.num_cpus * devices)
        gpus = float(gpus_of_device * devices)
        return {"CPU": cpus, "GPU": gpus}

    def check(self, job: FrozenJob) -> None:
        """Refuse a job that Ray would keep waiting for ever.

        Raises:
            ValueError: it needs more CPUs or GPUs than Ray has, and no ``parallelism`` says that more will
                come.
            ConnectionError: there is no cluster at the address.
        """
        available = self.resources()
        if self.parallelism is not None:
            return
        shortages = []
        for name, number in self.needs(job).items():
            limit = available.get(name, 0)
            if number > limit:
                shortages.append(f"{number:g} {name}s of {limit:g} that Ray has")
        if shortages:
            raise ValueError(
                f"job {job.number} ({job.name}) needs {', '.join(shortages)}. "
                "Lower hydra.launcher.num_cpus or num_gpus, join a larger cluster "
                "(hydra.launcher.init.address), or set hydra.launcher.parallelism if the cluster grows by "
                "itself."
            )

    def has_room(self, job: FrozenJob) -> bool:
        """Whether Ray could run it beside the others, each of which holds what it needs."""
        if not self.running:
            return True
        if self.parallelism is not None:
            return len(self.running) < self.parallelism
        available = self.resources()
        held = [self.needs(other) for other in (*self.running.values(), job)]
        for name in ("CPU", "GPU"):
            needed = sum(needs[name] for needs in held)
            if needed > available.get(name, 0):
                return False
        return True

    def start(self, job: FrozenJob) -> None:
        """Hand it to Ray."""
        self.check(job)
        needs = self.needs(job)
        task = self.task.options(num_cpus=needs["CPU"], num_gpus=needs["GPU"], name=f"relsym {job.name}")
        reference = task.remote(str(job.frozen))
        self.running[reference] = job

    def wait(self) -> list[Ended]:
        """Wait for the next job to end, and take with it those that have ended by then."""
        if not self.running:
            return []
        references = list(self.running)
        self.ray.wait(references, num_returns=1)
        done, _ = self.ray.wait(references, num_returns=len(references), timeout=0)
        return [self.verdict(reference) for reference in done]

    def verdict(self, reference: Any) -> Ended:
        """How the task of a reference ended: the job's exit code, or why Ray has none."""
        job = self.running.pop(reference)
        try:
            return Ended(job, self.ray.get(reference))
        except self.ray.exceptions.RayError as death:
            # The first line says what happened, the rest is a trace of Ray's own processes.
            message = str(death).strip().splitlines()[0]
            problem = f"Ray says {type(death).__name__}: {message}; log: {job.folder / JOB_LOG}"
            return Ended(job, 1, problem)

    def stop(self) -> None:
        """Interrupt what runs as Ctrl-C would, wait for it a little, then end Ray, or leave the cluster."""
        references = list(self.running)
        for reference in references:
            self.ray.cancel(reference, force=False)
        if references:
            self.ray.wait(references, num_returns=len(references), timeout=STOP_S)
        self.running = {}
        self.ray.shutdown()


def run_on_worker(frozen: str) -> int:
    """Run a frozen job in this worker process and return its exit code."""
    # Lightning starts further ranks by repeating the command of this process, so that has to be the job's.
    sys.modules["__main__"].__spec__ = importlib.util.find_spec("relsym.app.sweep.job")
    sys.argv = ["relsym.app.sweep.job", frozen]
    return run_frozen(frozen)
