"""A sweep from its list of overrides to its verdicts: compose, inspect, resume, reuse, run, tell."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from hydra.types import HydraContext
from omegaconf import DictConfig, read_write

from relsym.app.hydra_options import is_set, words_about_hydra
from relsym.app.sweep import climb, extend, plan, terminal
from relsym.app.sweep.engine import Ended, Engine, FrozenJob
from relsym.app.sweep.folder import SweepFolder
from relsym.app.sweep.inspect import Inspected, inspect
from relsym.app.sweep.job import JOB_LOG
from relsym.app.sweep.processes import call_in_fork, start_server
from relsym.app.sweep.reuse import ANY, reuse
from relsym.app.sweep.terminal import say
from relsym.runs.files import size_of
from relsym.runs.identity import digest
from relsym.runs.layout import FROZEN, RESULTS
from relsym.runs.results import TrainResults, results_or_none
from relsym.runs.sweeps import DONE, FAILED, HAS_RESULTS, REPEATED, REUSED, RUNNING, WAITING, Entry


class JobFailed(ValueError):
    """Why a job of a sweep has no results, and where its log is; the others have theirs."""


class Sweep:
    """One call of ``relsym train -m``.

    Args:
        context: Hydra's, by which jobs are composed.
        master: the configuration of the call itself, without the words of any job.
        make_engine: from the number of this machine's GPUs to what runs the jobs.
        here: whether they run on this machine.
    """

    def __init__(
        self,
        context: HydraContext,
        master: DictConfig,
        make_engine: Callable[[int], Engine],
        here: bool = True,
    ) -> None:
        self.context, self.master = context, master
        self.make_engine, self.here = make_engine, here
        # Of all calls of ``run``, since a sweeper that searches makes several, and of the sweep that the
        # folder held before; the numbers are those that this process has asked for.
        self.entries: list[Entry] = []
        self.listed: set[int] = set()
        self.folder: SweepFolder | None = None

    def run(self, overrides: Sequence[Sequence[str]]) -> list[TrainResults | JobFailed | None]:
        """Run these jobs.

        Returns:
            Their results in order; None for a job that was left out.

        Raises:
            ValueError: a job cannot run; none has been started.
        """
        start_server(with_wandb=self._tracked_by_wandb(overrides))
        jobs = plan.compose_all(self.context, self.master, overrides)
        configs = [job.config for job in jobs]
        inspected: Inspected = call_in_fork(inspect, configs, self.here)
        if inspected.refused is not None:
            words = " ".join(jobs[inspected.refused].overrides)
            raise ValueError(f"no job was started, for this one cannot run: {words}\n{inspected.reason}")
        options = jobs[0].config["sweep"]
        engine = self.make_engine(inspected.gpus)
        with self._folder(options["name"], inspected) as folder:
            entries = self._placed(jobs, inspected)
            self._look_back(entries, options)
            # All of them before the first one starts: whatever is edited while they run changes none.
            for job, entry in zip(jobs, entries, strict=True):
                if entry.verdict == WAITING:
                    engine.check(self._job(entry))
                    plan.freeze(job, entry, folder.path)
            self._work(engine, entries, options["stop_when_solved"])
            return self._conclude(entries)

    def _folder(self, name: str, inspected: Inspected) -> SweepFolder:
        """The sweep's folder: where the user says, else named by the hash of the first list of jobs."""
        if self.folder is None:
            path = Path(self.master.hydra.sweep.dir).expanduser().absolute()
            if not is_set(words_about_hydra(self.master), "hydra.sweep.dir"):
                hashes = [known.identity.job for known in inspected.jobs]
                path = path.with_name(f"{path.name}-{digest(hashes)[:8]}")
            self.folder = SweepFolder(path)
            self.name = name
        return self.folder

    def _placed(self, jobs: Sequence[plan.Composed], inspected: Inspected) -> list[Entry]:
        """The jobs as the folder lists them: those that it has in their places, the others after them.

        Raises:
            FileExistsError: the folder holds a sweep that this list does not go on with.
        """
        earlier = self.folder.earlier
        hashes = [known.identity.job for known in inspected.jobs]
        if not self.listed and earlier is not None:
            extend.check_same_sweep(self.folder.path, earlier, jobs, hashes)
            self.entries = [_at_rest(entry) for entry in earlier.jobs]
        free = [entry for entry in self.entries if entry.number not in self.listed]
        taken = extend.places(hashes, free)
        next_number = max((entry.number for entry in self.entries), default=-1) + 1
        numbers = extend.numbers(taken, next_number)
        command_line = list(self.master.hydra.overrides.task)
        entries = plan.entries_of(jobs, inspected.jobs, numbers, command_line)
        for entry, place in zip(entries, taken, strict=True):
            if place is not None:
                entry.name = entry.folder = place.name
        self.listed.update(numbers)
        others = [entry for entry in self.entries if entry.number not in numbers]
        self.entries = sorted([*others, *entries], key=lambda entry: entry.number)
        return entries

    def _look_back(self, entries: Sequence[Entry], options: dict[str, Any]) -> None:
        """Mark the jobs that need not run: finished here, finished in another sweep, or in the list twice."""
        seen: set[str] = set()
        finished_here = 0
        for entry in entries:
            if entry.identity.job in seen:
                entry.verdict = REPEATED
                continue
            seen.add(entry.identity.job)
            results = self.folder.results(entry)
            if results is not None:
                entry.verdict, entry.solved = DONE, results.is_solved
                finished_here += 1
        taken_from = reuse(entries, self.folder.path, options["reuse"])
        for entry in entries:
            if entry.verdict == REUSED:
                entry.solved = self._results(entry).is_solved
        to_run = sum(entry.verdict == WAITING for entry in entries)
        parts = [f"{len(entries)} jobs", f"{to_run} to run"]
        if finished_here:
            parts.append(f"{finished_here} finished here before")
        for sweep, count in taken_from.items():
            parts.append(f"{count} taken from {sweep}")
        say(f"Sweep {self.folder.path}: {', '.join(parts)}")
        if taken_from and options["reuse"] == ANY:
            say(
                "sweep.reuse=any: results of other versions and of trees with changes count too; a report "
                "marks what it mixes."
            )
        self._write()

    def _work(self, engine: Engine, entries: Sequence[Entry], stop_when_solved: bool) -> None:
        """Start jobs as there is room, and judge each when it has ended, until there are none left."""
        watch = terminal.Watch(entries, 1)
        running: dict[int, Entry] = {}
        # What a job's log held before it began, in bytes: an earlier attempt may have written to it.
        log_sizes: dict[int, int] = {}
        try:
            while True:
                if stop_when_solved and climb.leave_out(entries):
                    self._write()
                waiting = [entry for entry in entries if entry.verdict == WAITING]
                for entry in waiting:
                    job = self._job(entry)
                    # Room is asked for first: it is quickly said, and mostly there is none.
                    if not engine.has_room(job):
                        continue
                    if stop_when_solved and not climb.may_start(entry, entries):
                        continue
                    log_sizes[entry.number] = size_of(job.folder / JOB_LOG)
                    engine.start(job)
                    entry.verdict = RUNNING
                    running[entry.number] = entry
                    watch.slots = max(watch.slots, len(running))
                    watch.started(entry, self._shown_folder(entry))
                if not running:
                    return
                for ended in engine.wait():
                    number = ended.job.number
                    self._judge(running.pop(number), ended, log_sizes[number], watch)
                self._write()
        finally:
            engine.stop()

    def _judge(self, entry: Entry, ended: Ended, before: int, watch: terminal.Watch) -> None:
        """Set the verdict of a job that has ended.

        Results say that a job is done; whatever else its process says, it has failed.

        Args:
            before: how many bytes its log had when it began.
        """
        entry.verdict = FAILED
        try:
            results = self.folder.results(entry)
        except FileExistsError as error:
            results = None
            entry.error = f"its results are no use: {error}"
        if results is not None:
            entry.verdict = DONE
            entry.error = None
            entry.solved = results.is_solved
        elif entry.error is None:
            log = self.folder.path / entry.folder / JOB_LOG
            entry.error = ended.problem or last_error(log, before) or f"exit code {ended.code}"
        watch.ended(entry, results)

    def _conclude(self, entries: Sequence[Entry]) -> list[TrainResults | JobFailed | None]:
        """Say how the sweep went, and return what each job came to, in order."""
        terminal.print_summary(entries, os.path.relpath(self.folder.path))
        with read_write(self.master.hydra):  # where a sweeper may put what it makes of the jobs
            self.master.hydra.sweep.dir = str(self.folder.path)
        # By hash: a job that is in the list twice has run once, and its results count for both.
        by_job: dict[str, TrainResults | JobFailed] = {}
        for entry in entries:
            job_hash = entry.identity.job
            if entry.verdict == FAILED:
                log = f"{self._shown_folder(entry)}/{JOB_LOG}"
                by_job[job_hash] = JobFailed(f"{entry.name}: {entry.error}\n    log: {log}")
            elif entry.verdict in HAS_RESULTS:
                by_job[job_hash] = self._results(entry)
        return [by_job.get(entry.identity.job) for entry in entries]

    def _job(self, entry: Entry) -> FrozenJob:
        """What an engine has to know about a job."""
        return FrozenJob(
            number=entry.number,
            name=entry.name,
            folder=self.folder.path / entry.folder,
            frozen=self.folder.path / FROZEN / f"{entry.number:03d}.yaml",
            accelerator=entry.accelerator,
            devices=entry.devices if isinstance(entry.devices, int) else -1,
        )

    def _results(self, entry: Entry) -> TrainResults:
        """The results of a job that has some."""
        path = self.folder.path / entry.folder / RESULTS
        results = results_or_none(path)
        if results is None:
            raise FileNotFoundError(
                f"{path} was there when the sweep began and is gone. Run the same command again."
            )
        return results

    def _write(self) -> None:
        """Write the list of jobs with their verdicts, so that a sweep that is killed can go on."""
        self.folder.write(self.name, self.entries)

    def _shown_folder(self, entry: Entry) -> str:
        """A job's folder as one would type it here."""
        return os.path.relpath(self.folder.path / entry.folder)

    @staticmethod
    def _tracked_by_wandb(overrides: Sequence[Sequence[str]]) -> bool:
        """Whether no job says otherwise: W&B is the default, and its import is worth preloading."""
        for words in overrides:
            for word in words:
                if word.startswith("tracking=") and word != "tracking=wandb":
                    return False
        return True


def _at_rest(entry: Entry) -> Entry:
    """A job of an earlier sweep, whose process is gone whatever was written last."""
    if entry.verdict == RUNNING:
        entry.verdict = WAITING
    return entry


def last_error(log: Path, start: int = 0) -> str | None:
    """The message with which a job ended, from its log; None if there is none.

    Args:
        start: what stands before this byte is an earlier attempt's.
    """
    try:
        text = log.read_bytes()[start:].decode("utf-8", errors="replace")
    except OSError:
        return None
    _, separator, message = text.rpartition("relsym: error: ")
    lines = message.strip().splitlines()
    # A job that was killed while it wrote may have left the beginning of its message alone.
    return lines[0] if separator and lines else None
