"""How many samples each objective needs to reach 95, 99 and 100 %."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from relsym.evaluation.statistics import error_bound
from relsym.evaluation.survival import median_interval, median_samples
from relsym.report.scopes import Scope
from relsym.report.tables.cells import Cell, Table, TableRow, count, number_columns, text_cells, text_columns
from relsym.report.tables.ladders import Event, Ladder, Seeds
from relsym.runs.results import TrainResults

# Accuracies in [0, 1] that the form known worst has to reach.
THRESHOLDS = (0.95, 0.99, 1.0)
# With fewer seeds every seed's number says more than a bootstrap over them.
SEEDS_FOR_INTERVAL = 5
# Added to the value that a cell is sorted by, so that what was never reached stands behind all that was.
_CENSORED = 1e9


def solved_table(scope: Scope, ladders: Sequence[Ladder]) -> Table:
    """One line for each ladder, one column for each threshold."""
    columns = (
        *text_columns("objective", "model"),
        *number_columns(*map(heading, THRESHOLDS)),
        *text_columns("samples run"),
        *number_columns("seeds"),
        *text_columns("every property drawn from"),
    )
    rows = []
    for ladder in ladders:
        solved = [solved_cell(ladder, threshold) for threshold in THRESHOLDS]
        cells = (
            *text_cells(ladder.label, ladder.model),
            *solved,
            Cell(rungs_text(ladder)),
            count(len(ladder.runs)),
            Cell(coverage_text(ladder)),
        )
        rows.append(TableRow(cells, ladder.model, ladder.label, strong=True))
    title = f"Samples to 95, 99 and 100 % on every form; {bound_text(scope)}"
    return Table("samples_to_solved", title, columns, tuple(rows), notes(ladders))


def solved_cell(ladder: Ladder, threshold: float, seeds: bool = True) -> Cell:
    """The median number of samples over the seeds, with the rung below: ``28 (16, 28]``.

    Args:
        seeds: whether the spread over the seeds follows, see ``spread_text``.
    """
    events = [ladder.event(seed, threshold) for seed in sorted(ladder.runs)]
    # Seeds that never got there are censored at their highest rung, not left out: that would flatter.
    samples = np.array([float(event.samples) for event in events])
    reached = np.array([event.reached for event in events])
    median = median_samples(samples, reached)
    text = median_text(events, median)
    if seeds:
        text += spread_text(events, samples, reached)
    paths = tuple(run.path for run in ladder.all_runs)
    if math.isfinite(median):
        return Cell(text, median, paths)
    return Cell(text, _CENSORED + samples.max(), paths, muted=True)


def spread_text(events: Sequence[Event], samples: np.ndarray, reached: np.ndarray) -> str:
    """The bootstrap interval of the median, with few seeds every seed's number; empty with one seed.

    Args:
        events: of each seed.  samples, reached: theirs as arrays, [seeds].
    """
    if len(events) >= SEEDS_FOR_INTERVAL:
        bounds = []
        for bound in median_interval(samples, reached):
            if math.isfinite(bound):
                bounds.append(f"{bound:.0f}")
            else:
                bounds.append(f"> {samples.max():.0f}")
        low, high = bounds
        return f", 95 % [{low}, {high}]"
    if len(events) <= 1:
        return ""
    # Seeds that never got there stand last.
    ordered = sorted(events, key=lambda event: (not event.reached, event.samples))
    numbers = ", ".join(event.short for event in ordered)
    return f"; seeds: {numbers}"


def by_seed_table(ladders: Sequence[Ladder]) -> Table:
    """Every seed's own numbers of samples to each threshold, one line for each ladder and seed."""
    numbers = number_columns("seed", "draw", *map(heading, THRESHOLDS), "highest run")
    columns = (*text_columns("objective", "model"), *numbers)
    rows = []
    for ladder in ladders:
        for seeds, rungs in sorted(ladder.runs.items()):
            seed, draw = seeds
            events = [event_cell(ladder, seeds, threshold) for threshold in THRESHOLDS]
            cells = (
                *text_cells(ladder.label, ladder.model),
                count(seed),
                count(draw),
                *events,
                count(max(rungs)),
            )
            rows.append(TableRow(cells, ladder.model, ladder.label))
    return Table("samples_by_seed", "Samples to 95, 99 and 100 % by seed", columns, tuple(rows))


def event_cell(ladder: Ladder, seeds: Seeds, threshold: float) -> Cell:
    """One seed's number of samples to a threshold, with the rung below; what was never reached sorts last."""
    event = ladder.event(seeds, threshold)
    paths = tuple(run.path for run in ladder.runs[seeds].values())
    if event.reached:
        return Cell(str(event), event.samples, paths)
    return Cell(str(event), event.samples + _CENSORED, paths, muted=True)


def heading(threshold: float) -> str:
    """The heading of a threshold's column: ``to 95 %``."""
    return f"to {round(100 * threshold)} %"


def median_text(events: Sequence[Event], median: float) -> str:
    """The median with the rung below: ``28 (16, 28]`` is solved with 28 samples, not yet with 16.

    Of several seeds that end at the median, the narrowest interval; ``> 336`` where most never got there.

    Args:
        events: of each seed.  median: infinity if there is none.
    """
    if math.isinf(median):
        highest = max(event.samples for event in events)
        return f"> {highest}"
    at_median = [event for event in events if event.reached and event.samples == median]
    below = max(event.below for event in at_median)
    return str(Event(below, int(median), reached=True))


def bound_text(scope: Scope) -> str:
    """How many rows each form has, and how large the error may be, see ``error_bound``, if none is wrong."""
    texts = []
    for form, rows in scope.rows.items():
        bound = 100 * error_bound(rows)
        texts.append(f"{rows:,} {form} rows (none wrong: error < {bound:.2g} %)")
    return ", ".join(texts)


def rungs_text(ladder: Ladder) -> str:
    """The numbers of samples that were run, and those that were not: ``16, 28; solved below: 48``."""
    text = ", ".join(map(str, ladder.rungs))
    left_out: set[int] = set()
    for samples in ladder.left_out.values():
        left_out |= samples
    # What one seed left out another may have run: it stands among the numbers that were.
    solved_below = sorted(left_out - set(ladder.rungs))
    if solved_below:
        text += f"; solved below: {', '.join(map(str, solved_below))}"
    if ladder.unfinished:
        # A job without a number of samples takes all rows; it is shown as 0.
        jobs = {(samples or 0, verdict) for samples, verdict in ladder.unfinished}
        verdicts = [f"{samples} ({verdict})" for samples, verdict in sorted(jobs)]
        text += f"; missing: {', '.join(verdicts)}"
    return text


def coverage_text(ladder: Ladder) -> str:
    """From how many samples on the draw has a row of every scored property, as a range over the seeds."""
    by_seed = [covered_from(rungs) for rungs in ladder.runs.values()]
    if -1 in by_seed:
        return "not recorded"
    # The others are seeds of which no draw has all properties.
    covered = [samples for samples in by_seed if samples]
    if not covered:
        return f"none up to {max(ladder.rungs)}"
    low, high = min(covered), max(covered)
    text = str(low) if low == high else f"{low} to {high}"
    if len(covered) < len(by_seed):
        text += f", in {len(covered)} of {len(by_seed)} seeds"
    return text


def covered_from(rungs: Mapping[int, TrainResults]) -> int | None:
    """From how many samples on one seed's draw has a row of every scored property.

    None if no draw has all properties, -1 if a run does not say what it drew.
    """
    for samples in sorted(rungs):
        run = rungs[samples]
        if run.train_properties is None:
            return -1
        if all(run.train_properties.get(property) for property in run.benchmark.kinds):
            return samples
    return None


def notes(ladders: Sequence[Ladder]) -> tuple[str, ...]:
    """How to read the table of samples to each threshold."""
    texts = [
        "28 (16, 28]: from 28 samples on, every form stays at or above the threshold on all higher numbers "
        "of samples that were run; with 16 it was not there yet. Over seeds: Kaplan-Meier median; > 336 was "
        "never reached up to 336 and counts as censored there."
    ]
    if any(len(ladder.runs) >= SEEDS_FOR_INTERVAL for ladder in ladders):
        texts.append(
            "95 %: bootstrap interval of the median over the seeds; it ends on numbers of samples that were "
            "tried."
        )
    if any(ladder.left_out for ladder in ladders):
        texts.append(
            "Solved below: the sweep stopped above two solved numbers of samples in a row; what lies higher "
            "was not run and counts as solved."
        )
    alone = 0  # runs
    for ladder in ladders:
        alone += sum(run.settings.ladder is None for run in ladder.all_runs)
    if alone:
        texts.append(
            f"{alone} runs were written before a run recorded what it shares with runs on other numbers of "
            "samples: each setting of theirs stands on a line of its own."
        )
    return tuple(texts)
