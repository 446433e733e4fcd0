"""Which of our runs stand in a cell of the paper's tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from relsym.report.tables.ladders import Ladder
from relsym.report.tables.paper_figures import METHODS, PRETRAINED
from relsym.runs.results import TrainResults
from relsym.runs.sweeps import LEFT_OUT, ListedJob

PAPERS_METRICS = ("hadamard", "pair")
# Objectives that encode premise and hypothesis apart, as the paper reads a pretrained encoder.
READ_APART = ("random_label", "knn")


class Ours(NamedTuple):
    """The runs behind a cell: those of all seeds at the highest number of samples."""

    ladder: Ladder
    samples: int
    runs: list[TrainResults]

    @property
    def carried(self) -> bool:
        """Whether a seed was solved with fewer samples, so that the sweep left the rest out."""
        return any(run.train_rows != self.samples for run in self.runs)

    @property
    def told(self) -> str:
        """Number of samples and of seeds."""
        return (
            f"n {'≤' if self.carried else '='} {self.samples}, {len(self.runs)} "
            f"seed{'s' * (len(self.runs) > 1)}"
        )

    @property
    def short(self) -> str:
        """The same for a narrow cell."""
        return f"{'≤ ' * self.carried}{self.samples}; {len(self.runs)}"


def candidates(found: Sequence[Ladder], objective: str, encoder: str | None = None) -> list[Ladder]:
    """Ladders of a method with the paper's metric (pretrained: of any that reads sentences one by one) and no
    recipe, most runs first.

    Args:
        encoder: name of one encoder, see ``name_of_encoder``; None takes all.
    """
    methods = READ_APART if objective == PRETRAINED else (objective,)
    kept = []
    for ladder in found:
        run = ladder.all_runs[0]
        is_encoder = encoder is None or name_of_encoder(ladder) == encoder
        as_in_paper = run.objective.metric in PAPERS_METRICS and not run.recipe
        if is_encoder and as_in_paper and run.choices["objective"] in methods:
            kept.append(ladder)
    return sorted(kept, key=lambda ladder: -len(ladder.all_runs))


def name_of_encoder(ladder: Ladder) -> str:
    """The hub id of its published weights, whichever way they came; its name in a report where it
    has none.
    """
    return ladder.published or ladder.model


def highest(ladder: Ladder) -> Ours:
    """A ladder's runs at its highest number of samples."""
    samples = ladder.rungs[-1]
    return Ours(ladder, samples, list(ladder.at(samples).values()))


def verdict_text(jobs: Sequence[ListedJob], objective: str, encoder: str | None) -> str:
    """Why a cell is empty: no sweep lists it, or its jobs wait or failed."""
    counts: Counter[str] = Counter()
    for job in jobs:
        entry = job.entry
        is_method = entry.choices.get("objective") == objective
        is_encoder = encoder is None or encoder == (entry.published or entry.choices.get("model"))
        if is_method and is_encoder and entry.verdict != LEFT_OUT and not job.results.exists():
            counts[entry.verdict] += 1
    return ", ".join(f"{count} {verdict}" for verdict, count in sorted(counts.items())) or "not run"


def other_settings(found: Sequence[Ladder]) -> tuple[str, ...]:
    """Settings beside the ones shown, where a method and encoder has several."""
    shown = [ladder for method in METHODS if method != PRETRAINED for ladder in candidates(found, method)]
    counts = Counter((ladder.place, name_of_encoder(ladder)) for ladder in shown)
    several = sum(count - 1 for count in counts.values())
    if not several:
        return ()
    return (
        f"{several} further settings of the same method and encoder are not in this table, but in that of "
        "samples to 95, 99 and "
        "100 %; shown is the one with most runs.",
    )
