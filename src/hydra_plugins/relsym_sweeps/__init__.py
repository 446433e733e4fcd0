"""Hydra's side of ``relsym train -m``: a sweeper that lists the jobs, and launchers that run them, each in a
process of its own.

Hydra imports whatever lies in this namespace whenever it starts, so nothing heavy is imported before a sweep
begins.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.utils import JobReturn, JobStatus
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig


class Grid(BasicSweeper):
    """Every combination of the values given, as Hydra's own sweeper lists them; what was given later replaces
    what was given before.

    The launcher composes all jobs before the first one starts, and gives the sweep its folder, so this does
    neither.
    """

    def sweep(self, arguments: list[str]) -> Any:
        """List the jobs and hand them over at once."""
        parser = OverridesParser.create(config_loader=self.hydra_context.config_loader)
        (jobs,) = self.split_arguments(parser.parse_overrides([*self._parse_config(), *arguments]), None)
        ended = self.launcher.launch(jobs, initial_job_idx=0)
        if failed := [str(job._return_value) for job in ended if job.status == JobStatus.FAILED]:
            raise ValueError(
                f"{len(failed)} of {len(jobs)} jobs failed; the same command runs these again, and only "
                "these:\n  " + "\n  ".join(failed)
            )
        return [ended]


class SweepLauncher(Launcher):
    """Runs jobs by an engine; subclasses say which, and whether it runs them on this machine.

    engine_class: what is made with the launcher's options, as a dotted name.
    """

    here = True
    engine_class: str

    def __init__(self, **options: Any) -> None:
        self.options = options

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Keep what a sweep needs; the task itself is run by ``relsym.app.sweep.job``."""
        from relsym.app.sweep.run import Sweep
        from relsym.app.values.checks import check_call

        check_call(config.hydra.launcher, "hydra.launcher", self.engine_class)
        self.sweep = Sweep(hydra_context, config, self.engine, self.here)

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """Run the jobs.

        What each returns is what a sweeper may maximise: the mean accuracy over the forms.
        """
        from relsym.app.sweep.run import JobFailed
        from relsym.runs.results import TrainResults

        ended = []
        for words, found in zip(job_overrides, self.sweep.run(job_overrides, initial_job_idx), strict=True):
            status = JobStatus.FAILED if isinstance(found, JobFailed) else JobStatus.COMPLETED
            value = found.mean_accuracy if isinstance(found, TrainResults) else found
            ended.append(JobReturn(overrides=list(words), status=status, _return_value=value))
        return ended

    @abstractmethod
    def engine(self, gpus: int) -> Any:
        """What runs the jobs, on a machine with so many GPUs."""


class Processes(SweepLauncher):
    """Processes of this machine."""

    engine_class = "relsym.app.sweep.processes.ProcessEngine"

    def engine(self, gpus: int) -> Any:
        """See ``SweepLauncher``."""
        from relsym.app.sweep.processes import ProcessEngine

        return ProcessEngine(**self.options, gpus=gpus)


class Slurm(SweepLauncher):
    """A SLURM cluster, by submitit."""

    here = False
    engine_class = "relsym.app.sweep.slurm.SlurmEngine"

    def engine(self, gpus: int) -> Any:
        """See ``SweepLauncher``."""
        from relsym.app.sweep.slurm import SlurmEngine

        return SlurmEngine(**self.options)


class Ray(SweepLauncher):
    """Ray, on this machine or a cluster."""

    here = False
    engine_class = "relsym.app.sweep.ray_engine.RayEngine"

    def engine(self, gpus: int) -> Any:
        """See ``SweepLauncher``."""
        from relsym.app.sweep.ray_engine import RayEngine

        return RayEngine(**self.options)
