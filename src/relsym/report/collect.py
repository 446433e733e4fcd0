"""Folders of runs -> finished runs, each read once."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from relsym.report.complete import check_complete
from relsym.runs.disk import told
from relsym.runs.finding import files_below
from relsym.runs.layout import PREDICTIONS, RESULTS, SWEEP
from relsym.runs.predictions import read_answers
from relsym.runs.results import AnyResults, EvaluateResults, TrainResults, read_results
from relsym.runs.sweeps import ListedJob, jobs_in, unfinished


class BrokenFile(NamedTuple):
    """A file that a report has to do without.

    path: of the ``results.json`` or ``predictions.parquet`` of a run, which is left out, of a ``sweep.json``,
        whose runs count all the same, or of a folder that cannot be listed.
    reason: why it cannot be read, and what to do, in a few sentences.
    """

    path: Path
    reason: str


class Collected(NamedTuple):
    """What was found below the folders of a report.

    runs, evaluations: that have finished.
    jobs: that sweeps list.
    broken: the files that could not be read; what they say is in nothing else here.
    """

    runs: list[TrainResults]
    jobs: list[ListedJob]
    evaluations: list[EvaluateResults]
    broken: Sequence[BrokenFile] = ()

    @property
    def all(self) -> list[AnyResults]:
        """Every run: the trainings, then the evaluations."""
        return [*self.runs, *self.evaluations]


def collect(inputs: Iterable[str | Path], strict: bool = False) -> Collected:
    """Every run below the folders, and those in other sweeps that a sweep below them reused.

    A run that is damaged or of another version is left out and listed, and so is a sweep's list of jobs.

    Args:
        inputs: folders of runs and sweeps.
        strict: refuse what would be left out.

    Raises:
        FileNotFoundError: a folder is not there, or no run has finished.
        ValueError: nothing can be read, or not the one run or sweep that ``inputs`` names, or with
            ``strict`` not everything; or two runs are one job with different results.
    """
    folders = [Path(folder).expanduser() for folder in inputs]
    if not folders:
        raise ValueError("inputs is an empty list. Pass inputs=FOLDER[,FOLDER] of finished runs.")
    absent = [str(folder) for folder in folders if not folder.is_dir()]
    if absent:
        raise FileNotFoundError(
            f"inputs: {', '.join(absent)}: no such folder. Pass inputs=FOLDER[,FOLDER] of finished runs."
        )
    below, unreachable = files_below(folders, (RESULTS, SWEEP))
    broken = [BrokenFile(path, _why_unreachable(path, error)) for path, error in unreachable]
    jobs = _jobs_of_sweeps(below[SWEEP], broken)
    paths = _with_those_of_jobs(below[RESULTS], jobs)
    if not paths and not broken:
        raise FileNotFoundError(_nothing_finished(inputs, jobs))
    runs = _finished_runs(paths, broken)
    if broken and (strict or not runs or _is_named_alone(folders, broken)):
        raise ValueError("\n".join(f"{path}: {reason}" for path, reason in broken))
    check_jobs(runs)
    trainings = [run for run in runs if isinstance(run, TrainResults)]
    evaluations = [run for run in runs if isinstance(run, EvaluateResults)]
    return Collected(trainings, jobs, once(evaluations), tuple(broken))


def _why_unreachable(path: Path, error: OSError) -> str:
    """Why a folder could not be listed, or where a link that cannot be followed leads."""
    reason = error.strerror or str(error)
    return f"a link to {os.readlink(path)}: {reason}" if path.is_symlink() else reason


def _jobs_of_sweeps(paths: Iterable[Path], broken: list[BrokenFile]) -> list[ListedJob]:
    """The jobs that the files list; those that cannot be read are added to ``broken``."""
    jobs: list[ListedJob] = []
    for path in paths:
        try:
            jobs += jobs_in(path)
        except (ValueError, OSError) as error:
            broken.append(_broken_file(path, error))
    return jobs


def _finished_runs(paths: Iterable[Path], broken: list[BrokenFile]) -> list[AnyResults]:
    """The runs of these results; what cannot be read of a run goes to ``broken``, and the run is none."""
    runs = []
    for path in paths:
        try:
            run = read_results(path)
            check_complete(run)
        except (ValueError, OSError) as error:
            broken.append(_broken_file(path, error))
            continue
        try:
            # Read here only to refuse them: the tables that compare rows read them again, so that not all of
            # them are held at a time.
            read_answers(run)
        except (ValueError, OSError) as error:
            broken.append(_broken_file(run.folder / PREDICTIONS, error))
        else:
            runs.append(run)
    return runs


def _broken_file(path: Path, error: ValueError | OSError) -> BrokenFile:
    """A file with the reason why it cannot be read, without its name, which most messages begin with."""
    reason = told(error) if isinstance(error, OSError) else str(error)
    return BrokenFile(path, reason.removeprefix(f"{path}: "))


def _is_named_alone(folders: Sequence[Path], broken: Iterable[BrokenFile]) -> bool:
    """Whether the one input is itself the run, or sweep, that cannot be read: it was asked for by name."""
    if len(folders) != 1:
        return False
    folder = folders[0].resolve()
    own = {folder, *(folder / name for name in (RESULTS, PREDICTIONS, SWEEP))}
    return any(path in own for path, _ in broken)


def _with_those_of_jobs(paths: Iterable[Path], jobs: Iterable[ListedJob]) -> list[Path]:
    """The results that were found and those that jobs point at, each once, sorted."""
    # Resolved, as those that were found are: a run that is found both ways counts once.
    of_jobs = [Path(os.path.realpath(job.results)) for job in jobs if job.has_results]
    return sorted({*paths, *of_jobs})


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
