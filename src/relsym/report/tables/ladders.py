"""Runs that differ in the number of training samples alone, seed by seed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import NamedTuple

from relsym.report.scopes import Scope
from relsym.runs.results import TrainResults
from relsym.runs.sweeps import FINISHED, LEFT_OUT, ListedJob

Seeds = tuple[int, int]
SOLVED_RUNGS = 2  # so many in a row, and a sweep that stops when solved leaves out what lies above


class Event(NamedTuple):
    """Where one seed's ladder gets to a threshold: in (below, samples]; never up to ``samples`` if not
    ``reached``.
    """

    below: int
    samples: int
    reached: bool

    def __str__(self) -> str:
        return f"{self.samples} ({self.below}, {self.samples}]" if self.reached else self.short

    @property
    def short(self) -> str:
        """Without the rung below."""
        return str(self.samples) if self.reached else f"> {self.samples}"


@dataclass
class Ladder:
    """One setting's runs by seeds and number of samples.

    published: hub id of the encoder's published weights, if it has one.
    left_out: numbers of samples that a sweep did not run because this seed was solved below.
    unfinished: (samples, verdict) of jobs that the sweep lists and that have no results.
    """

    label: str
    model: str
    published: str | None
    key: str
    place: int
    runs: dict[Seeds, dict[int, TrainResults]] = field(default_factory=dict)
    left_out: dict[Seeds, set[int]] = field(default_factory=dict)
    unfinished: list[tuple[int | None, str]] = field(default_factory=list)

    @property
    def all_runs(self) -> list[TrainResults]:
        """Every run, seed by seed."""
        return [run for rungs in self.runs.values() for run in rungs.values()]

    @property
    def rungs(self) -> list[int]:
        """Every number of samples that some seed has run."""
        return sorted({samples for rungs in self.runs.values() for samples in rungs})

    def run_at(self, samples: int) -> list[TrainResults]:
        """The runs with exactly this number of samples, one a seed that has it."""
        return [rungs[samples] for rungs in self.runs.values() if samples in rungs]

    def solved_below(self, seeds: Seeds, samples: int) -> bool:
        """Whether this rung was left out above two solved rungs: it counts as solved."""
        below = sorted(rung for rung in self.runs[seeds] if rung < samples)[-SOLVED_RUNGS:]
        if samples not in self.left_out.get(seeds, ()) or len(below) < SOLVED_RUNGS:
            return False
        return all(self.runs[seeds][rung].is_solved for rung in below)

    def at(self, samples: int) -> dict[Seeds, TrainResults]:
        """The run of every seed at a number of samples; where it was left out as solved, the highest run
        below it.
        """
        runs = {}
        for seeds, rungs in sorted(self.runs.items()):
            if samples in rungs:
                runs[seeds] = rungs[samples]
            elif self.solved_below(seeds, samples):
                runs[seeds] = rungs[max(rung for rung in rungs if rung < samples)]
        return runs

    def event(self, seeds: Seeds, threshold: float) -> Event:
        """The smallest rung from which all forms stay at or above the threshold on all higher rungs that were
        run.
        """
        rungs = self.runs[seeds]
        below, reached = 0, None
        for samples in sorted(rungs):
            if rungs[samples].lowest_accuracy < threshold:
                below, reached = samples, None
            elif reached is None:
                reached = samples
        return Event(below, reached, True) if reached is not None else Event(below, max(rungs), False)


def ladders(scope: Scope, jobs: Iterable[ListedJob] = ()) -> list[Ladder]:
    """The ladders of a scope in the order of the tables; two settings that would read the same are told apart
    by their hash.
    """
    by_key: dict[str, Ladder] = {}
    for run in scope.runs:
        key = ladder_key(run)
        new = Ladder(run.objective.label, run.model, run.published, key, run.objective.place)
        ladder = by_key.setdefault(key, new)
        ladder.runs.setdefault(run.seeds, {}).setdefault(run.train_rows, run)
    names = [(ladder.label, ladder.model) for ladder in by_key.values()]
    for ladder in by_key.values():
        if names.count((ladder.label, ladder.model)) > 1:
            ladder.label += f" #{ladder.key[:6]}"
    _place_jobs(list(by_key.values()), list(jobs))
    return sorted(by_key.values(), key=lambda ladder: (ladder.place, ladder.label, ladder.model))


def ladder_key(run: TrainResults) -> str:
    """What the runs of one ladder share: the setting without seeds and samples.

    A run from before this hash was recorded is told by its whole setting, so that it stands on a ladder of
    one rung.
    """
    return run.settings.ladder or sha256(f"one rung {run.settings.all}".encode()).hexdigest()


def _place_jobs(found: Sequence[Ladder], jobs: Sequence[ListedJob]) -> None:
    """Tell each ladder which of its rungs a sweep left out, and which have no results yet."""
    by_path = {run.path: (ladder, run.seeds) for ladder in found for run in ladder.all_runs}
    ladder_of, seeds_of = {}, {}
    for job in jobs:
        if str(job.results) in by_path:
            ladder, seeds = by_path[str(job.results)]
            ladder_of[job.folder, job.setting] = ladder
            seeds_of[job.folder, job.setting, job.entry.seed] = seeds
    for job in jobs:
        entry = job.entry
        ladder = ladder_of.get((job.folder, job.setting))
        seeds = seeds_of.get((job.folder, job.setting, entry.seed))
        if ladder is None:
            continue
        if entry.verdict == LEFT_OUT:
            if entry.samples is not None and seeds is not None:
                ladder.left_out.setdefault(seeds, set()).add(entry.samples)
        elif not job.results.exists():
            ladder.unfinished.append((entry.samples, "gone" if entry.verdict in FINISHED else entry.verdict))
