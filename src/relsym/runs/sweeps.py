"""``sweep.json``: the jobs of a sweep and what became of them.

The sweep writes it and reads it again when it resumes; the report reads it.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec

from relsym.runs.decoding import decode, encode
from relsym.runs.finding import is_there
from relsym.runs.identity import Identity
from relsym.runs.layout import RESULTS

SWEEP_FORMAT = 2
SWEEP_AGAIN = "Give the sweep's command again, or leave it out."
# Verdicts: what became of a job.
WAITING = "waiting"
RUNNING = "running"
DONE = "done"
REUSED = "reused"  # it has the results of an earlier job
FAILED = "failed"
LEFT_OUT = "left_out"  # it lies above two numbers of samples that were solved
REPEATED = "repeated"  # it is another job of the list once more
Verdict = Literal["waiting", "running", "done", "reused", "failed", "left_out", "repeated"]
HAS_RESULTS = (DONE, REUSED)
FINISHED = (DONE, REUSED, REPEATED)


class Entry(msgspec.Struct, forbid_unknown_fields=True):
    """One job, as the sweep lists it; its verdict changes while the sweep runs.

    number, name: its place in the list, and what a person calls it.
    overrides: the words it was composed from.
    choices: group -> option.
    published: the hub id of the encoder's published weights, if they are known to have one.
    folder: of its results, relative to the sweep's folder; of another sweep where they are reused.
    error: the message that it ended with, where it failed.
    seconds: of wall time, where it ran.
    solved: its results have no wrong answer.
    """

    number: int
    name: str
    overrides: list[str]
    choices: dict[str, str]
    published: str | None
    samples: int | None
    seed: int
    score_on: str
    identity: Identity
    accelerator: str
    devices: int | str | list[int]
    folder: str
    verdict: Verdict = WAITING
    error: str | None = None
    seconds: float | None = None
    solved: bool = False


class SweepFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole file.

    name: of the sweep's configuration.
    relsym: the version that wrote it.
    folder: what the sweep's folder is called.
    """

    name: str
    relsym: str
    folder: str
    jobs: list[Entry]
    format: int = SWEEP_FORMAT


def read_sweep(path: Path) -> SweepFile:
    """The list of jobs in a file.

    Raises:
        OSError: it cannot be read.
        ValueError: damaged, or of another format; the message names file and key.
    """
    return decode(path, SweepFile, SWEEP_FORMAT, SWEEP_AGAIN)


def sweep_json(sweep: SweepFile) -> str:
    """The content of the file."""
    return encode(sweep)


@dataclass(frozen=True)
class ListedJob:
    """One job that a sweep lists, and where its results lie.

    sweep: the sweep's name.
    folder: the sweep's.
    results: the path of its ``results.json``, whether it is there or not.
    """

    sweep: str
    folder: Path
    entry: Entry
    results: Path

    @property
    def has_results(self) -> bool:
        """Whether the file of its results is there, be it sound or not."""
        return is_there(self.results)

    @property
    def setting(self) -> tuple[str, ...]:
        """The words of the job without samples and seed, sorted: those of one ladder share them."""
        varied = ("data.samples=", "seed=")
        words = [word for word in self.entry.overrides if not word.startswith(varied)]
        return tuple(sorted(words))


def jobs_in(path: Path) -> list[ListedJob]:
    """The jobs that a ``sweep.json`` lists. Raises as ``read_sweep``."""
    sweep = read_sweep(path)
    jobs = []
    for entry in sweep.jobs:
        # The folder of a reused job leads out of this sweep: ../first/000.
        results = Path(os.path.realpath(path.parent / entry.folder), RESULTS)
        jobs.append(ListedJob(sweep.name, path.parent, entry, results))
    return jobs


def unfinished(jobs: Iterable[ListedJob]) -> str:
    """``1 failed, 3 waiting``: the jobs that should have results and have none, counted by verdict.

    Empty if there are none.
    """
    verdicts: Counter[str] = Counter()
    for job in jobs:
        verdict = job.entry.verdict
        if verdict != LEFT_OUT and not job.has_results:
            verdicts[verdict] += 1
    counts = [f"{count} {verdict}" for verdict, count in sorted(verdicts.items())]
    return ", ".join(counts)
