"""Which of our runs stand in a cell of the paper's tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

from relsym.report.labels import MODELS, metric_of
from relsym.report.tables.ladders import Ladder
from relsym.report.tables.paper_figures import METHODS, PRETRAINED
from relsym.runs.sweeps import LEFT_OUT, Job

DROP = "forgetting/drop"
PAPERS_METRICS = ("hadamard", "pair")


class Ours(NamedTuple):
    """The runs behind a cell: those of all seeds at the highest number of samples."""

    ladder: Ladder
    samples: int
    runs: list[dict[str, Any]]

    @property
    def carried(self) -> bool:
        """Whether a seed was solved with fewer samples, so that the sweep left the rest out."""
        return any(run["rows"]["train"] != self.samples for run in self.runs)

    @property
    def told(self) -> str:
        """Number of samples and of seeds."""
        return f"n {'≤' if self.carried else '='} {self.samples}, {len(self.runs)} seed{'s' * (len(self.runs) > 1)}"

    @property
    def short(self) -> str:
        """The same for a narrow cell."""
        return f"{'≤ ' * self.carried}{self.samples}; {len(self.runs)}"


def candidates(found: Sequence[Ladder], objective: str, model: str | None = None) -> list[Ladder]:
    """Ladders of a method with the paper's metric (pretrained: of any that reads sentences one by one) and no recipe, most runs first."""
    kept = []
    for ladder in found:
        run = next(iter(next(iter(ladder.runs.values())).values()))
        methods = ("random_label", "knn") if objective == PRETRAINED else (objective,)
        same_model = model is None or MODELS.get(ladder.model, ladder.model) == model
        as_in_paper = metric_of(run) in PAPERS_METRICS and not run.get("recipe")
        if same_model and as_in_paper and run["choices"]["objective"] in methods:
            kept.append(ladder)
    return sorted(kept, key=lambda ladder: -sum(map(len, ladder.runs.values())))


def highest(ladder: Ladder) -> Ours:
    """A ladder's runs at its highest number of samples."""
    samples = ladder.rungs[-1]
    return Ours(ladder, samples, list(ladder.at(samples).values()))


def verdict_text(jobs: Sequence[Job], objective: str, model: str | None) -> str:
    """Why a cell is empty: no sweep lists it, or its jobs wait or failed."""
    counts = Counter(job.verdict for job in jobs if job.choices.get("objective") == objective and job.verdict != LEFT_OUT
                     and model in (None, MODELS.get(job.choices.get("model"), job.choices.get("model"))) and not job.results.exists())
    return ", ".join(f"{count} {verdict}" for verdict, count in sorted(counts.items())) or "not run"


def other_settings(found: Sequence[Ladder]) -> tuple[str, ...]:
    """Settings beside the ones shown, where a method and model has several."""
    counts = Counter((ladder.place, MODELS.get(ladder.model, ladder.model)) for ladder in candidates_of_all(found))
    several = sum(count - 1 for count in counts.values())
    return (f"{several} further settings of the same method and encoder are not in this table, but in that of samples to 95, 99 and 100 %; "
            "shown is the one with most runs.",) if several else ()


def candidates_of_all(found: Sequence[Ladder]) -> list[Ladder]:
    """Every ladder that could stand in the paper's tables."""
    return [ladder for method in METHODS if method != PRETRAINED for ladder in candidates(found, method)]
