"""Folders of runs -> finished runs, each read once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from relsym.runs.layout import RESULTS
from relsym.runs.results import AnyResults, EvaluateResults, TrainResults, read_results
from relsym.runs.sweeps import ListedJob, listed_jobs, unfinished


class Collected(NamedTuple):
    """Finished trainings and evaluations, and the jobs that sweeps below the same folders list."""

    runs: list[TrainResults]
    jobs: list[ListedJob]
    evaluations: list[EvaluateResults]

    @property
    def all(self) -> list[AnyResults]:
        """Every run: the trainings, then the evaluations."""
        return [*self.runs, *self.evaluations]


def collect(inputs: Iterable[str | Path]) -> Collected:
    """Every run below the folders, and those in other sweeps that a sweep below them reused.

    Raises:
        FileNotFoundError: a folder is not there, or no run has finished.
        ValueError: a result is damaged or of another version, or two runs are one job with different results.
    """
    folders = [Path(folder).expanduser() for folder in inputs]
    absent = [str(folder) for folder in folders if not folder.is_dir()]
    if absent:
        raise FileNotFoundError(
            f"inputs: {', '.join(absent)}: no such folder. Pass inputs=FOLDER[,FOLDER] of finished runs."
        )
    jobs = listed_jobs(folders)
    paths = _result_paths(folders, jobs)
    if not paths:
        raise FileNotFoundError(_nothing_finished(inputs, jobs))
    runs = [read_results(path) for path in paths]
    check_jobs(runs)
    trainings = [run for run in runs if isinstance(run, TrainResults)]
    evaluations = [run for run in runs if isinstance(run, EvaluateResults)]
    return Collected(trainings, jobs, once(evaluations))


def _result_paths(folders: Iterable[Path], jobs: Iterable[ListedJob]) -> list[Path]:
    """The results below the folders and those that jobs point at, each once, sorted."""
    paths = {job.results for job in jobs if job.results.exists()}
    for folder in folders:
        # Resolved, as those of jobs are: a run that is found both ways counts once.
        paths |= {path.resolve() for path in folder.rglob(RESULTS)}
    return sorted(paths)


def _nothing_finished(inputs: Iterable[str | Path], jobs: Iterable[ListedJob]) -> str:
    """The message where no folder holds results, with the unfinished jobs of sweeps below them."""
    names = ",".join(str(folder) for folder in inputs)
    verdicts = unfinished(jobs)
    listed = ""
    if verdicts:
        listed = f"; a sweep there lists unfinished jobs: {verdicts}. Give its command again to run them"
    return (
        f"inputs={names}: no {RESULTS} below, so no run has finished{listed}. "
        "Pass inputs=FOLDER[,FOLDER] of finished runs."
    )


def once(runs: Sequence[EvaluateResults]) -> list[EvaluateResults]:
    """Each evaluation once, wherever it was run: the first of those that are the same job."""
    first: dict[str, EvaluateResults] = {}
    for run in runs:
        # An evaluation without the hash of its job cannot be told to be another's repetition.
        first.setdefault(run.job_hash or run.path, run)
    return list(first.values())


def check_jobs(runs: Sequence[AnyResults]) -> None:
    """Check that runs of one job came to the same results.

    Raises:
        ValueError: two of them did not; the message names both.
    """
    first: dict[str, AnyResults] = {}
    for run in runs:
        if run.job_hash is None:
            continue
        other = first.setdefault(run.job_hash, run)
        if other.metrics != run.metrics:
            raise ValueError(
                f"{other.path} and {run.path} are the same job ({run.job_hash[:8]}) with different results. "
                "Leave one of them out."
            )
