"""What runs the frozen jobs of a sweep: processes of this machine, a SLURM cluster, Ray."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import NamedTuple

from relsym.extras import refuse_missing_packages


class FrozenJob(NamedTuple):
    """One job of a sweep.

    number, name: its place in the sweep's list and what a person calls it.
    folder: its run folder (absolute).
    frozen: its configuration (absolute), composed before any job started.
    accelerator, devices: what it computes on; with several devices it starts that many ranks, with -1
    ("auto") as many as there are.
    """

    number: int
    name: str
    folder: Path
    frozen: Path
    accelerator: str
    devices: int


class Ended(NamedTuple):
    """A job that has ended.

    code: of its process, 0 if all went well.  problem: what the engine knows about its death, if anything.
    """

    job: FrozenJob
    code: int
    problem: str | None = None


class Engine(ABC):
    """Runs frozen jobs, each in a process of its own.

    An engine is no judge: whether a job is finished is said by its ``results.json``.
    """

    @classmethod
    def check_machine(cls) -> None:
        """Refuse to start where something is missing that the engine needs, before any job is looked at.

        Raises:
            ImportError: a package.
            ValueError: anything else.
        """
        refuse_missing_packages(cls)

    def check(self, job: FrozenJob) -> None:  # noqa: B027  (most engines run every job)
        """Refuse a job that this engine can never run.

        Raises:
            ValueError: what is wrong, and what to change.
        """

    @abstractmethod
    def has_room(self, job: FrozenJob) -> bool:
        """Whether this job may be started now beside those that run; True for every job while none runs."""

    @abstractmethod
    def start(self, job: FrozenJob) -> None:
        """Start a job, without waiting for its end."""

    @abstractmethod
    def wait(self) -> list[Ended]:
        """Wait until at least one of the started jobs has ended; each is returned once."""

    @abstractmethod
    def stop(self) -> None:
        """End every job that still runs, and whatever the engine has started."""
