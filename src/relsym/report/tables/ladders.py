"""Runs that differ in the number of training samples alone, seed by seed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, NamedTuple

from relsym.report.labels import objective_of, place_of, seeds_of
from relsym.report.scopes import Scope
from relsym.runs.sweeps import FINISHED, LEFT_OUT, Job

Seeds = tuple[int, int]
SOLVED_RUNGS = 2  # so many in a row, and a sweep that stops when solved leaves out what lies above


class Event(NamedTuple):
    """Where one seed's ladder gets to a threshold: in (below, samples]; never up to ``samples`` if not ``reached``."""

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

    left_out: numbers of samples that a sweep did not run because this seed was solved below.
    unfinished: (samples, verdict) of jobs that the sweep lists and that have no results.
    """

    label: str
    model: str
    key: str
    place: int
    runs: dict[Seeds, dict[int, dict[str, Any]]] = field(default_factory=dict)
    left_out: dict[Seeds, set[int]] = field(default_factory=dict)
    unfinished: list[tuple[int | None, str]] = field(default_factory=list)

    @property
    def rungs(self) -> list[int]:
        """Every number of samples that some seed has run."""
        return sorted({samples for rungs in self.runs.values() for samples in rungs})

    def solved_below(self, seeds: Seeds, samples: int) -> bool:
        """Whether this rung was left out above two solved rungs: it counts as solved."""
        below = sorted(rung for rung in self.runs[seeds] if rung < samples)[-SOLVED_RUNGS:]
        return (samples in self.left_out.get(seeds, ()) and len(below) == SOLVED_RUNGS
                and all(lowest(self.runs[seeds][rung]) >= 1 for rung in below))

    def at(self, samples: int) -> dict[Seeds, dict[str, Any]]:
        """The run of every seed at a number of samples; where it was left out as solved, the highest run below it."""
        found = {}
        for seeds, rungs in sorted(self.runs.items()):
            if samples in rungs:
                found[seeds] = rungs[samples]
            elif self.solved_below(seeds, samples):
                found[seeds] = rungs[max(rung for rung in rungs if rung < samples)]
        return found

    def event(self, seeds: Seeds, threshold: float) -> Event:
        """The smallest rung from which all forms stay at or above the threshold on all higher rungs that were run."""
        rungs = self.runs[seeds]
        below, reached = 0, None
        for samples in sorted(rungs):
            if lowest(rungs[samples]) < threshold:
                below, reached = samples, None
            elif reached is None:
                reached = samples
        return Event(below, reached, True) if reached is not None else Event(below, max(rungs), False)


def lowest(run: dict[str, Any]) -> float:
    """The accuracy in the form that the model knows worst, in [0, 1]."""
    model = f"{run['score_on']}/accuracy"
    return min(run["metrics"][f"{model}/{form}"] for form in run["rows"] if form != "train")


def ladders(scope: Scope, jobs: Iterable[Job] = ()) -> list[Ladder]:
    """The ladders of a scope in the order of the tables; two settings that would read the same are told apart by their hash."""
    found: dict[str, Ladder] = {}
    for run in scope.runs:
        key = ladder_key(run)
        ladder = found.setdefault(key, Ladder(objective_of(run), run["model"], key, place_of(run)))
        ladder.runs.setdefault(seeds_of(run), {}).setdefault(run["rows"]["train"], run)
    names = [(ladder.label, ladder.model) for ladder in found.values()]
    for ladder in found.values():
        if names.count((ladder.label, ladder.model)) > 1:
            ladder.label += f" #{ladder.key[:6]}"
    _place_jobs(found, list(jobs))
    return sorted(found.values(), key=lambda ladder: (ladder.place, ladder.label, ladder.model))


def ladder_key(run: dict[str, Any]) -> str:
    """What the runs of one ladder share: the setting without seeds and samples.

    A run from before this hash was recorded is told by its whole setting, so that it stands on a ladder of one rung.
    """
    hashes = run["setting_hashes"]
    return hashes.get("ladder") or sha256(f"one rung {hashes['all']}".encode()).hexdigest()


def _place_jobs(found: dict[str, Ladder], jobs: list[Job]) -> None:
    """Tell each ladder which of its rungs a sweep left out, and which have no results yet."""
    by_path = {run["path"]: (ladder, seeds) for ladder in found.values() for seeds, rungs in ladder.runs.items() for run in rungs.values()}
    finished = [(job, *by_path[str(job.results)]) for job in jobs if str(job.results) in by_path]
    places = {(job.folder, job.setting): ladder for job, ladder, _ in finished}
    seeds = {(job.folder, job.setting, job.seed): seeds for job, _, seeds in finished}
    for job in jobs:
        ladder, place = places.get((job.folder, job.setting)), (job.folder, job.setting, job.seed)
        if ladder is not None and job.samples is not None and job.verdict == LEFT_OUT and place in seeds:
            ladder.left_out.setdefault(seeds[place], set()).add(job.samples)
        elif ladder is not None and job.verdict != LEFT_OUT and not job.results.exists():
            ladder.unfinished.append((job.samples, "gone" if job.verdict in FINISHED else job.verdict))
