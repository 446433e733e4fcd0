"""Runs that differ in the number of training samples alone, seed by seed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import NamedTuple

from relsym.report.scopes import Scope
from relsym.runs.results import TrainResults
from relsym.runs.sweeps import FINISHED, LEFT_OUT, ListedJob

# The seed of the training and that of the draw.
Seeds = tuple[int, int]
# A sweep that stops when solved leaves out what lies above so many solved numbers of samples in a row.
SOLVED_RUNGS = 2


class Event(NamedTuple):
    """Where one seed's ladder gets to a threshold.

    below: the highest rung that is not there yet, 0 if none.
    samples: the rung that gets there; where ``reached`` is false, the highest rung that was tried in vain.
    """

    below: int
    samples: int
    reached: bool

    def __str__(self) -> str:
        if not self.reached:
            return self.short
        return f"{self.samples} ({self.below}, {self.samples}]"

    @property
    def short(self) -> str:
        """The number of samples without the rung below: ``28``, or ``> 336`` if it was never reached."""
        return str(self.samples) if self.reached else f"> {self.samples}"


@dataclass
class Ladder:
    """One setting's runs, by seeds and by number of samples; each number of samples is a rung.

    label, model: the setting's names in the tables.
    published: hub id of the encoder's published weights, if it has one.
    key: what all its runs share, see ``ladder_key``.
    place: of the objective in the order of the tables.
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
        runs = []
        for rungs in self.runs.values():
            runs += rungs.values()
        return runs

    @property
    def rungs(self) -> list[int]:
        """Every number of samples that some seed has run, in rising order."""
        samples: set[int] = set()
        for rungs in self.runs.values():
            samples.update(rungs)
        return sorted(samples)

    def run_at(self, samples: int) -> list[TrainResults]:
        """The runs with exactly this number of samples, one for each seed that has it."""
        return [rungs[samples] for rungs in self.runs.values() if samples in rungs]

    def solved_below(self, seeds: Seeds, samples: int) -> bool:
        """Whether this rung was left out above two solved rungs: it counts as solved."""
        rungs = self.runs[seeds]
        lower = sorted(rung for rung in rungs if rung < samples)
        nearest = lower[-SOLVED_RUNGS:]
        if samples not in self.left_out.get(seeds, ()) or len(nearest) < SOLVED_RUNGS:
            return False
        return all(rungs[rung].is_solved for rung in nearest)

    def at(self, samples: int) -> dict[Seeds, TrainResults]:
        """The run of every seed at a number of samples, in the order of the seeds.

        Where it was left out as solved, the highest run below it stands for it; a seed with neither is not
        there.
        """
        runs = {}
        for seeds, rungs in sorted(self.runs.items()):
            if samples in rungs:
                runs[seeds] = rungs[samples]
            elif self.solved_below(seeds, samples):
                highest = max(rung for rung in rungs if rung < samples)
                runs[seeds] = rungs[highest]
        return runs

    def event(self, seeds: Seeds, threshold: float) -> Event:
        """The smallest rung from which on all rungs that were run have every form at or above the threshold.

        Args:
            threshold: an accuracy in [0, 1].
        """
        rungs = self.runs[seeds]
        below = 0
        reached = None
        for samples in sorted(rungs):
            if rungs[samples].lowest_accuracy < threshold:
                below = samples
                reached = None  # what a lower rung had reached was luck: it did not last
            elif reached is None:
                reached = samples
        if reached is None:
            return Event(below, max(rungs), reached=False)
        return Event(below, reached, reached=True)


def ladders(scope: Scope, jobs: Iterable[ListedJob] = ()) -> list[Ladder]:
    """The ladders of a scope in the order of the tables.

    Two settings that would read the same get the head of their hash into their label.

    Args:
        jobs: what sweeps list: it says which rungs were left out, and which have no results yet.
    """
    by_key: dict[str, Ladder] = {}
    for run in scope.runs:
        key = ladder_key(run)
        if key not in by_key:
            objective = run.objective
            by_key[key] = Ladder(objective.label, run.model, run.published, key, objective.place)
        rungs = by_key[key].runs.setdefault(run.seeds, {})
        # Of several copies of one run the first stands for all.
        rungs.setdefault(run.train_rows, run)
    # Counted before the first label changes: the last of two would else read as the only one.
    times = Counter((ladder.label, ladder.model) for ladder in by_key.values())
    for ladder in by_key.values():
        if times[ladder.label, ladder.model] > 1:
            ladder.label += f" #{ladder.key[:6]}"
    _place_jobs(list(by_key.values()), list(jobs))
    return sorted(by_key.values(), key=lambda ladder: (ladder.place, ladder.label, ladder.model))


def ladder_key(run: TrainResults) -> str:
    """What the runs of one ladder share: the hash of the setting without seeds and samples.

    A run from before this hash was recorded is told by its whole setting, so that it stands on a ladder of
    one rung.
    """
    if run.settings.ladder:
        return run.settings.ladder
    return sha256(f"one rung {run.settings.all}".encode()).hexdigest()


def _place_jobs(all_ladders: Sequence[Ladder], jobs: Sequence[ListedJob]) -> None:
    """Tell each ladder which of its rungs a sweep left out, and which have no results yet."""
    by_path = {}
    for ladder in all_ladders:
        for run in ladder.all_runs:
            by_path[run.path] = (ladder, run.seeds)
    # A job without results does not say on which ladder it belongs. It is that of the jobs of the same sweep
    # and setting that have results; and the seeds are those of its job with the same seed, which drew alike.
    ladder_of, seeds_of = {}, {}
    for job in jobs:
        path = str(job.results)
        if path in by_path:
            ladder, seeds = by_path[path]
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
        elif not job.has_results:
            # Finished once, but its folder was deleted since.
            verdict = "gone" if entry.verdict in FINISHED else entry.verdict
            ladder.unfinished.append((entry.samples, verdict))
