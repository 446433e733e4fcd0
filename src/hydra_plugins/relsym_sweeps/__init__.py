"""Hydra's side: what configurations may ask, and for ``-m`` a sweeper and the launchers.

Every job of ``relsym train`` runs in a process of its own; evaluations run in this one. Hydra imports
whatever lies in this namespace whenever it starts, so nothing heavy is imported before a sweep begins.
"""

from __future__ import annotations

import logging
from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hydra._internal.core_plugins.basic_launcher import BasicLauncher
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.utils import JobReturn, JobStatus, configure_log, filter_overrides, run_job, setup_globals
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from hydra.utils import get_class
from omegaconf import DictConfig, OmegaConf, open_dict

from relsym.processor import register_resolvers

log = logging.getLogger(__name__)
register_resolvers()


class OneByOne(BasicLauncher):
    """Evaluations, one after the other in this process.

    Hydra's own launcher lets a job's log and ``.hydra`` be written before anybody is asked. Here the job's
    folder is held and looked at first.
    """

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """Run the jobs; the first that is refused or fails ends the call.

        Raises:
            OSError: a job may not write to its folder.
            ValueError: a job's options do not compose.
        """
        from relsym.app.hydra_options import check_subdirs, no_jobs
        from relsym.app.output_folder import claim_job, job_folder_name

        if not job_overrides:
            raise no_jobs(self.config)
        setup_globals()
        logging_config, verbose = self.config.hydra.hydra_logging, self.config.hydra.verbose
        configure_log(logging_config, verbose)
        log.info("Launching %d jobs locally", len(job_overrides))
        # All of them first: what cannot be is refused before anything is written.
        configs = []
        for number, words in enumerate(job_overrides, start=initial_job_idx):
            config = self.hydra_context.config_loader.load_sweep_config(self.config, list(words))
            with open_dict(config):
                config.hydra.job.id = config.hydra.job.num = number
            configs.append(config)
        names = [job_folder_name(config) for config in configs]
        folder = Path(str(self.config.hydra.sweep.dir))
        check_subdirs(folder, names)
        OmegaConf.save(self.config, folder / "multirun.yaml")
        ended = []
        for words, config in zip(job_overrides, configs, strict=True):
            log.info("\t#%d : %s", config.hydra.job.num, " ".join(filter_overrides(words)))
            claim_job(config)
            job = run_job(
                task_function=self.task_function,
                config=config,
                job_dir_key="hydra.sweep.dir",
                job_subdir_key="hydra.sweep.subdir",
                hydra_context=self.hydra_context,
            )
            ended.append(job)
            configure_log(logging_config, verbose)
        return ended


class Grid(BasicSweeper):
    """Every combination of the values given, as Hydra's own sweeper lists them.

    Of two words for the same key the later one counts. The launcher composes all jobs before the first one
    starts, and writes to the sweep's folder, so this does neither.
    """

    def sweep(self, arguments: list[str]) -> Any:
        """List the jobs and hand them all over at once.

        Raises:
            ValueError: jobs failed; the others have run.
        """
        parser = OverridesParser.create(config_loader=self.hydra_context.config_loader)
        # What the configuration sweeps over stands before what the command line does, which may replace it.
        overrides = parser.parse_overrides([*self._parse_config(), *arguments])
        # Without a limit on the size of a batch there is one batch.
        (jobs,) = self.split_arguments(overrides, None)
        ended = self.launcher.launch(jobs, initial_job_idx=0)
        # Not by return_value, which raises the error of a failed job: all of them are to be told.
        failed = [str(job._return_value) for job in ended if job.status == JobStatus.FAILED]
        if failed:
            reasons = "\n  ".join(failed)
            raise ValueError(
                f"{len(failed)} of {len(jobs)} jobs failed; the same command runs these again, and only "
                f"these:\n  {reasons}"
            )
        return [ended]


class SweepLauncher(Launcher):
    """Runs jobs by an engine; subclasses say which, and whether it runs them on this machine.

    here: whether the jobs run on this machine.
    engine_class: dotted name of the class that is made with the launcher's options.
    """

    here = True
    engine_class: str

    def __init__(self, **options: Any) -> None:
        self.options = options

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Keep what a sweep needs; the task itself is run by ``relsym.app.sweep.job``."""
        from relsym.app.sweep.processes import check_fork_server
        from relsym.app.sweep.run import Sweep
        from relsym.app.values.checks import check_call

        check_call(config.hydra.launcher, "hydra.launcher", self.engine_class)
        check_fork_server()
        get_class(self.engine_class).check_machine()
        self.sweep = Sweep(hydra_context, config, self.engine, self.here)

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """Run the jobs, and say of each how it ended.

        What a job returns is what a sweeper may maximise, the mean accuracy over the forms. It is the reason
        where the job failed, and None where it was left out.
        """
        from relsym.app.hydra_options import no_jobs
        from relsym.app.sweep.run import JobFailed
        from relsym.runs.results import TrainResults

        if not job_overrides:
            raise no_jobs(self.sweep.master)
        ended = []
        outcomes = self.sweep.run(job_overrides)
        for words, outcome in zip(job_overrides, outcomes, strict=True):
            status = JobStatus.FAILED if isinstance(outcome, JobFailed) else JobStatus.COMPLETED
            value = outcome.mean_accuracy if isinstance(outcome, TrainResults) else outcome
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
