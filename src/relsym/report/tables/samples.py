"""How many samples each objective needs to reach 95, 99 and 100 %."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from relsym.evaluation.survival import median_interval, median_samples
from relsym.report.scopes import Scope
from relsym.report.tables.cells import Cell, Column, Table, TableRow, count, text_columns
from relsym.report.tables.ladders import Event, Ladder
from relsym.runs.results import TrainResults

THRESHOLDS = (0.95, 0.99, 1.0)
SEEDS_FOR_INTERVAL = 5


def solved_table(scope: Scope, found: Sequence[Ladder]) -> Table:
    """One line a ladder, one column a threshold."""
    columns = (
        *text_columns("objective", "model"),
        *map(Column, map(heading, THRESHOLDS)),
        Column("samples run", number=False),
        Column("seeds"),
        Column("every property drawn from", number=False),
    )
    rows = tuple(
        TableRow(
            (
                Cell(ladder.label),
                Cell(ladder.model),
                *(solved_cell(ladder, threshold) for threshold in THRESHOLDS),
                Cell(rungs_text(ladder)),
                count(len(ladder.runs)),
                Cell(coverage_text(ladder)),
            ),
            ladder.model,
            ladder.label,
            strong=True,
        )
        for ladder in found
    )
    return Table(
        "samples_to_solved",
        f"Samples to 95, 99 and 100 % on every form; {bound_text(scope)}",
        columns,
        rows,
        notes(found),
    )


def solved_cell(ladder: Ladder, threshold: float, seeds: bool = True) -> Cell:
    """The median over the seeds with the rungs between which it lies; below it, with few seeds each of them,
    else the median's interval.
    """
    events = [ladder.event(seed, threshold) for seed in sorted(ladder.runs)]
    paths = tuple(run.path for run in ladder.all_runs)
    samples, reached = (
        np.array([float(event.samples) for event in events]),
        np.array([event.reached for event in events]),
    )
    median = median_samples(samples, reached)
    told = median_text(events, median) + (spread_text(events, samples, reached) if seeds else "")
    return Cell(
        told, median if math.isfinite(median) else 1e9 + samples.max(), paths, muted=not math.isfinite(median)
    )


def spread_text(events: Sequence[Event], samples: np.ndarray, reached: np.ndarray) -> str:
    """From 5 seeds on the bootstrap interval of the median, below that every seed's number."""
    if len(events) >= SEEDS_FOR_INTERVAL:
        low, high = (
            f"{bound:.0f}" if math.isfinite(bound) else f"> {samples.max():.0f}"
            for bound in median_interval(samples, reached)
        )
        return f", 95 % [{low}, {high}]"
    ordered = sorted(events, key=lambda event: (not event.reached, event.samples))
    return f"; seeds: {', '.join(event.short for event in ordered)}" if len(events) > 1 else ""


def by_seed_table(found: Sequence[Ladder]) -> Table:
    """Every seed's own numbers of samples."""
    columns = (
        *text_columns("objective", "model"),
        *map(Column, ("seed", "draw", *map(heading, THRESHOLDS), "highest run")),
    )
    rows = tuple(
        TableRow(
            (
                Cell(ladder.label),
                Cell(ladder.model),
                *map(count, seeds),
                *(event_cell(ladder, seeds, threshold) for threshold in THRESHOLDS),
                count(max(rungs)),
            ),
            ladder.model,
            ladder.label,
        )
        for ladder in found
        for seeds, rungs in sorted(ladder.runs.items())
    )
    return Table("samples_by_seed", "Samples to 95, 99 and 100 % by seed", columns, rows)


def event_cell(ladder: Ladder, seeds: tuple[int, int], threshold: float) -> Cell:
    """One seed's: the number of samples and the one below; censored ones sort last."""
    event, paths = ladder.event(seeds, threshold), tuple(run.path for run in ladder.runs[seeds].values())
    return Cell(str(event), event.samples + (0 if event.reached else 1e9), paths, not event.reached)


def heading(threshold: float) -> str:
    """Of a threshold's column."""
    return f"to {round(100 * threshold)} %"


def median_text(events: Sequence[Event], median: float) -> str:
    """``28 (16, 28]``: solved with 28 samples, not yet with 16; of several seeds the narrowest that ends at
    the median.
    """
    if math.isinf(median):
        return f"> {max(event.samples for event in events)}"
    return str(
        Event(
            max(event.below for event in events if event.reached and event.samples == median),
            int(median),
            True,
        )
    )


def bound_text(scope: Scope) -> str:
    """What no error in n rows means."""
    return ", ".join(
        f"{rows:,} {form} rows (none wrong: error < {300 / rows:.2g} %)" for form, rows in scope.rows.items()
    )


def rungs_text(ladder: Ladder) -> str:
    """The numbers of samples that were run, and those that were not."""
    text = ", ".join(map(str, ladder.rungs))
    above = sorted({samples for rungs in ladder.left_out.values() for samples in rungs} - set(ladder.rungs))
    text += f"; solved below: {', '.join(map(str, above))}" if above else ""
    unfinished = sorted({(samples or 0, verdict) for samples, verdict in ladder.unfinished})
    return text + (
        f"; missing: {', '.join(f'{samples} ({verdict})' for samples, verdict in unfinished)}"
        if unfinished
        else ""
    )


def coverage_text(ladder: Ladder) -> str:
    """The number of samples from which every scored property has a row in the draw, over the seeds."""
    found = [covered_from(rungs) for rungs in ladder.runs.values()]
    if any(samples == -1 for samples in found):
        return "not recorded"
    known = sorted({samples for samples in found if samples})
    if not known:
        return f"none up to {max(ladder.rungs)}"
    text = str(known[0]) if len(known) == 1 else f"{known[0]} to {known[-1]}"
    return text if all(found) else f"{text}, in {sum(map(bool, found))} of {len(found)} seeds"


def covered_from(rungs: Mapping[int, TrainResults]) -> int | None:
    """One seed's; None if no draw has all properties, -1 if a run does not say what it drew."""
    for samples in sorted(rungs):
        run = rungs[samples]
        if run.train_properties is None:
            return -1
        if all(run.train_properties.get(property) for property in run.benchmark.kinds):
            return samples
    return None


def notes(found: Sequence[Ladder]) -> tuple[str, ...]:
    """How to read the table."""
    told = [
        "28 (16, 28]: from 28 samples on, every form stays at or above the threshold on all higher numbers "
        "of samples that were "
        "run; with 16 it was not there yet. Over seeds: Kaplan-Meier median; > 336 was never reached up to "
        "336 and counts as censored "
        "there."
    ]
    if any(len(ladder.runs) >= SEEDS_FOR_INTERVAL for ladder in found):
        told.append(
            "95 %: bootstrap interval of the median over the seeds; it ends on numbers of samples that were "
            "tried."
        )
    if any(ladder.left_out for ladder in found):
        told.append(
            "Solved below: the sweep stopped above two solved numbers of samples in a row; what lies higher "
            "was not run and "
            "counts as solved."
        )
    alone = sum(run.settings.ladder is None for ladder in found for run in ladder.all_runs)
    if alone:
        told.append(
            f"{alone} runs were written before a run recorded what it shares with runs on other numbers of "
            "samples: "
            "each setting of theirs stands on a line of its own."
        )
    return tuple(told)
