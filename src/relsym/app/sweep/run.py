"""A sweep from its list of overrides to its verdicts: compose, inspect, resume, reuse, run, tell."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from hydra.types import HydraContext
from omegaconf import DictConfig, read_write

from relsym.app.sweep import climb, plan, terminal
from relsym.app.sweep.engine import Ended, Engine, FrozenJob
from relsym.app.sweep.folder import SweepFolder
from relsym.app.sweep.inspect import Inspected, inspect
from relsym.app.sweep.job import JOB_LOG
from relsym.app.sweep.processes import call_in_fork, start_server
from relsym.app.sweep.reuse import ANY, reuse
from relsym.app.sweep.terminal import say
from relsym.runs.identity import digest
from relsym.runs.layout import FROZEN, RESULTS
from relsym.runs.results import TrainResults, results_or_none
from relsym.runs.sweeps import DONE, FAILED, HAS_RESULTS, REPEATED, REUSED, RUNNING, WAITING, Entry


class JobFailed(ValueError):
    """Why a job of a sweep has no results, and where its log is; the others have theirs."""


class Sweep:
    """One call of ``relsym train -m``.

    Args:
        context, master: of Hydra.  make_engine: from the number of GPUs to what runs the jobs.
        here: whether they run on this machine.
    """

    def __init__(
        self,
        context: HydraContext,
        master: DictConfig,
        make_engine: Callable[[int], Engine],
        here: bool = True,
    ) -> None:
        self.context, self.master, self.make_engine, self.here = context, master, make_engine, here
        self.entries: list[Entry] = []
        self.folder: SweepFolder | None = None

    def run(self, overrides: Sequence[Sequence[str]], first: int) -> list[TrainResults | JobFailed | None]:
        """Run these jobs, numbered from ``first``; their results, in order: None for a job that was left out.

        Raises:
            ValueError: a job cannot run; none has been started.
        """
        start_server(with_wandb=self._tracked_by_wandb(overrides))
        jobs = plan.compose_all(self.context, self.master, overrides)
        inspected: Inspected = call_in_fork(inspect, [job.config for job in jobs], self.here)
        if inspected.refused is not None:
            words = " ".join(jobs[inspected.refused].overrides)
            raise ValueError(f"no job was started, for this one cannot run: {words}\n{inspected.reason}")
        entries = plan.entries_of(jobs, inspected.jobs, first, list(self.master.hydra.overrides.task))
        options = jobs[0].config["sweep"]
        engine = self.make_engine(inspected.gpus)
        self.entries = [*self.entries[:first], *entries]
        with self._folder(options["name"], inspected) as folder:
            self._look_back(entries, options)
            for job, entry in zip(jobs, entries, strict=True):
                if entry.verdict == WAITING:
                    engine.check(self._job(entry))
                    plan.freeze(job, entry, folder.path)
            self._work(engine, entries, options["stop_when_solved"])
            return self._conclude(entries)

    def _folder(self, name: str, inspected: Inspected) -> SweepFolder:
        """The folder, by the hash of the first list of jobs unless the user named it."""
        if self.folder is None:
            given = any(word.startswith("hydra.sweep.dir=") for word in self.master.hydra.overrides.hydra)
            path = Path(self.master.hydra.sweep.dir).expanduser().absolute()
            path = (
                path
                if given
                else path.with_name(
                    f"{path.name}-{digest([known.identity.job for known in inspected.jobs])[:8]}"
                )
            )
            self.folder, self.name = SweepFolder(path, [known.identity for known in inspected.jobs]), name
        return self.folder

    def _look_back(self, entries: Sequence[Entry], options: dict[str, Any]) -> None:
        """What need not run: finished here, finished in another sweep, or in the list twice."""
        seen: set[str] = set()
        for entry in entries:
            if entry.identity.job in seen:
                entry.verdict = REPEATED
            elif (results := self.folder.results(entry)) is not None:
                entry.verdict, entry.solved = DONE, results.is_solved
            seen.add(entry.identity.job)
        here = sum(entry.verdict == DONE for entry in entries)
        elsewhere = reuse(entries, self.folder.path, options["reuse"])
        for entry in entries:
            if entry.verdict == REUSED:
                entry.solved = self._results(entry).is_solved
        say(
            f"Sweep {self.folder.path}: {len(entries)} jobs, "
            f"{sum(entry.verdict == WAITING for entry in entries)} to run"
            f"{f', {here} finished here before' if here else ''}"
            + "".join(f", {count} taken from {name}" for name, count in elsewhere.items())
        )
        if elsewhere and options["reuse"] == ANY:
            say(
                "sweep.reuse=any: results of other versions and of trees with changes count too; a report "
                "marks what it mixes."
            )
        self._write()

    def _work(self, engine: Engine, entries: Sequence[Entry], stop_when_solved: bool) -> None:
        watch = terminal.Watch(entries, 1)
        running: dict[int, Entry] = {}
        logs: dict[int, int] = {}
        try:
            while True:
                if stop_when_solved and climb.leave_out(entries):
                    self._write()
                waiting = [entry for entry in entries if entry.verdict == WAITING]
                for entry in waiting:
                    job = self._job(entry)
                    if engine.has_room(job) and not (
                        stop_when_solved and not climb.may_start(entry, entries)
                    ):
                        logs[entry.number] = size_of(job.folder / JOB_LOG)
                        engine.start(job)
                        entry.verdict, running[entry.number] = RUNNING, entry
                        watch.slots = max(watch.slots, len(running))
                        watch.started(entry, self._told(entry))
                if not running:
                    return
                for ended in engine.wait():
                    self._judge(running.pop(ended.job.number), ended, logs[ended.job.number], watch)
                self._write()
        finally:
            engine.stop()

    def _judge(self, entry: Entry, ended: Ended, before: int, watch: terminal.Watch) -> None:
        """Results say that a job is done; whatever else its process says, it has failed.

        Its log had ``before`` bytes when it began.
        """
        entry.verdict = FAILED
        try:
            results = self.folder.results(entry)
        except FileExistsError as error:
            results, entry.error = None, f"its results are no use: {error}"
        if results is not None:
            entry.verdict, entry.error, entry.solved = DONE, None, results.is_solved
        elif entry.error is None:
            entry.error = (
                ended.problem
                or last_error(self.folder.path / entry.folder / JOB_LOG, before)
                or f"exit code {ended.code}"
            )
        watch.ended(entry, results)

    def _conclude(self, entries: Sequence[Entry]) -> list[TrainResults | JobFailed | None]:
        terminal.print_summary(entries, os.path.relpath(self.folder.path))
        with read_write(self.master.hydra):  # where a sweeper may put what it makes of the jobs
            self.master.hydra.sweep.dir = str(self.folder.path)
        by_job: dict[str, TrainResults | JobFailed] = {}
        for entry in entries:
            if entry.verdict == FAILED:
                by_job[entry.identity.job] = JobFailed(
                    f"{entry.name}: {entry.error}\n    log: {self._told(entry)}/{JOB_LOG}"
                )
            elif entry.verdict in HAS_RESULTS:
                by_job[entry.identity.job] = self._results(entry)
        return [by_job.get(entry.identity.job) for entry in entries]

    def _job(self, entry: Entry) -> FrozenJob:
        devices = entry.devices if isinstance(entry.devices, int) else -1
        return FrozenJob(
            entry.number,
            entry.name,
            self.folder.path / entry.folder,
            self.folder.path / FROZEN / f"{entry.number:03d}.yaml",
            entry.accelerator,
            devices,
        )

    def _results(self, entry: Entry) -> TrainResults:
        path = self.folder.path / entry.folder / RESULTS
        results = results_or_none(path)
        if results is None:
            raise FileNotFoundError(
                f"{path} was there when the sweep began and is gone. Run the same command again."
            )
        return results

    def _write(self) -> None:
        self.folder.write(self.name, self.entries)

    def _told(self, entry: Entry) -> str:
        return os.path.relpath(self.folder.path / entry.folder)

    @staticmethod
    def _tracked_by_wandb(overrides: Sequence[Sequence[str]]) -> bool:
        return not any(
            word.startswith("tracking=") and word != "tracking=wandb" for words in overrides for word in words
        )


def size_of(path: Path) -> int:
    """Bytes in a file; 0 where there is none."""
    return path.stat().st_size if path.exists() else 0


def last_error(log: Path, start: int = 0) -> str | None:
    """The message with which a job ended, from its log; an earlier attempt may have written to it before
    ``start``.
    """
    try:
        text = log.read_bytes()[start:].decode("utf-8", errors="replace")
    except OSError:
        return None
    _, found, message = text.rpartition("relsym: error: ")
    return message.strip().splitlines()[0] if found else None
