"""Which of our runs stand in a cell of the paper's tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from relsym.report.tables.cells import Cell, missing
from relsym.report.tables.ladders import Ladder
from relsym.report.tables.paper_figures import METHODS, PRETRAINED
from relsym.runs.results import TrainResults
from relsym.runs.sweeps import LEFT_OUT, ListedJob

# How the paper compares two sentences: by their element-wise product, or by reading both as one input.
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
        """Number of samples and of seeds: ``n = 64, 3 seeds``, with ``≤`` if a seed needed fewer samples."""
        sign = "≤" if self.carried else "="
        seeds = len(self.runs)
        plural = "s" if seeds > 1 else ""
        return f"n {sign} {self.samples}, {seeds} seed{plural}"

    @property
    def short(self) -> str:
        """``told`` for a narrow cell: ``64; 3``."""
        sign = "≤ " if self.carried else ""
        return f"{sign}{self.samples}; {len(self.runs)}"


def candidates(ladders: Sequence[Ladder], objective: str, encoder: str | None = None) -> list[Ladder]:
    """The ladders of a method in the paper's setting, with its metric and no recipe; most runs first.

    Args:
        objective: the option of the method; ``PRETRAINED`` takes any that reads sentences one by one.
        encoder: name of one encoder, see ``name_of_encoder``; None takes all.
    """
    methods = READ_APART if objective == PRETRAINED else (objective,)
    fitting = []
    for ladder in ladders:
        run = ladder.all_runs[0]
        is_encoder = encoder is None or name_of_encoder(ladder) == encoder
        as_in_paper = run.objective.metric in PAPERS_METRICS and not run.recipe
        if is_encoder and as_in_paper and run.choices["objective"] in methods:
            fitting.append(ladder)
    return sorted(fitting, key=lambda ladder: -len(ladder.all_runs))


def name_of_encoder(ladder: Ladder) -> str:
    """The hub id of the encoder's published weights, or its name in a report where it has none.

    Whichever way the weights came here, the hub id is the same, and it is what the paper's tables go by.
    """
    return ladder.published or ladder.model


def highest(ladder: Ladder) -> Ours:
    """A ladder's runs at its highest number of samples."""
    samples = ladder.rungs[-1]
    return Ours(ladder, samples, list(ladder.at(samples).values()))


def verdict_text(jobs: Sequence[ListedJob], objective: str, encoder: str | None) -> str:
    """Why a cell is empty: ``not run`` if no sweep lists it, else how many of its jobs wait or failed.

    Args:
        encoder: name of one encoder, see ``name_of_encoder``; None takes all.
    """
    counts: Counter[str] = Counter()
    for job in jobs:
        entry = job.entry
        is_method = entry.choices.get("objective") == objective
        is_encoder = encoder is None or encoder == (entry.published or entry.choices.get("model"))
        if is_method and is_encoder and entry.verdict != LEFT_OUT and not job.has_results:
            counts[entry.verdict] += 1
    if not counts:
        return "not run"
    return ", ".join(f"{count} {verdict}" for verdict, count in sorted(counts.items()))


def other_settings(ladders: Sequence[Ladder]) -> tuple[str, ...]:
    """A note on the settings beside the ones shown, where a method and encoder has several; else none."""
    settings: Counter[tuple[int, str]] = Counter()
    for method in METHODS:
        if method == PRETRAINED:  # its candidates are those of other methods, untrained
            continue
        for ladder in candidates(ladders, method):
            settings[ladder.place, name_of_encoder(ladder)] += 1
    several = sum(count - 1 for count in settings.values())
    if not several:
        return ()
    return (
        f"{several} further settings of the same method and encoder are not in this table, but in that of "
        "samples to 95, 99 and 100 %; shown is the one with most runs.",
    )


def published_cell(value: float | None) -> Cell:
    """A figure of the paper's in per cent or points, as it prints it; ``-`` where it gives none."""
    if value is None:
        return missing("-")
    return Cell(f"{value:.1f}", value / 100)  # our own figures, beside which it is sorted, are in [0, 1]
