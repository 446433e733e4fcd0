"""Where every figure comes from."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import mean
from urllib.parse import quote

from relsym.report.tables.cells import Cell, Column, Table, TableRow, count, text_columns
from relsym.report.wording import percent
from relsym.runs.results import AnyResults, EvaluateResults, forms_of
from relsym.runs.sweeps import LEFT_OUT, ListedJob

# Runs by the path of their results.
Runs = Mapping[str, AnyResults]
MIXED = "†"


def commit_text(run: AnyResults) -> str:
    """Head of the commit; ``-dirty`` says that files differed from it."""
    if run.git_commit is None:
        return "none"
    return run.git_commit[:8] + "-dirty" * run.git_commit.endswith("-dirty")


def link_to(run: AnyResults, out: Path) -> str:
    """The run's folder as seen from the report's, percent-encoded."""
    return quote(Path(os.path.relpath(run.folder, out.resolve())).as_posix())


def label_of(run: AnyResults) -> str:
    """How the model was made, or read: the objective's label, or the reading that stands for an evaluated
    model.
    """
    return f"evaluation: {run.reading}" if isinstance(run, EvaluateResults) else run.objective.label


def mixture(runs: Iterable[AnyResults]) -> str:
    """``relsym 0.1.0 and 0.2.0; commits 1a2b and 3c4d`` where runs are not all of one; empty if they are."""
    versions, commits = set(), set()
    for run in runs:
        versions.add(run.relsym)
        commits.add(commit_text(run))
    parts = {"relsym": sorted(versions), "commits": sorted(commits)}
    return "; ".join(f"{name} {' and '.join(values)}" for name, values in parts.items() if len(values) > 1)


def marked(table: Table, by_path: Runs) -> Table:
    """The table with a mark on every cell whose runs are of several versions or commits, and a note if the
    table's are.
    """
    runs = [by_path[path] for path in table.runs]
    mixed = mixture(runs)
    dirty = sum(commit_text(run).endswith("-dirty") for run in runs)
    notes, rows = list(table.notes), table.rows
    if mixed:
        notes.append(f"Mixed: {mixed}. {MIXED} marks a cell that mixes them.")
        rows = tuple(
            replace(row, cells=tuple(_marked(cell, by_path) for cell in row.cells)) for row in table.rows
        )
    if dirty:
        notes.append(
            f"{dirty} of its {len(runs)} runs come from a source tree with changes that no commit holds."
        )
    return replace(table, rows=rows, notes=tuple(notes))


def _marked(cell: Cell, by_path: Runs) -> Cell:
    return (
        replace(cell, text=f"{cell.text} {MIXED}") if mixture(by_path[path] for path in cell.runs) else cell
    )


def runs_table(runs: Sequence[AnyResults], out: Path) -> Table:
    """Every run with its figures and its hashes."""
    forms = forms_of(runs)
    columns = (
        *text_columns("run", "objective", "model"),
        *map(Column, ("samples", "seed", "draw")),
        *(Column(form, form) for form in forms),
        *map(Column, ("seconds", "GiB")),
        *text_columns(
            "benchmark", "rows", "configuration", "commit", "relsym", "precision", "probe", "hardware"
        ),
    )
    return Table("runs", f"All runs ({len(runs)})", columns, tuple(_run_row(run, forms, out) for run in runs))


def _run_row(run: AnyResults, forms: Sequence[str], out: Path) -> TableRow:
    label, benchmark = label_of(run), run.benchmark
    options = [run.choices.get(group) or "-" for group in ("probe", "hardware")]
    figures = []
    for form in forms:
        value = run.metrics.get(f"{run.accuracy_key}/{form}")
        figures.append(Cell("-") if value is None else Cell(percent(value), value))
    costs = []
    for value in (run.seconds.get("train"), run.peak_gib):
        costs.append(Cell("-") if value is None else Cell(f"{value:.1f}", value))
    origin = (
        f"{benchmark.title} {benchmark.content_hash[:8]}",
        benchmark.rows_hash[:8],
        run.config_hash[:8],
        commit_text(run),
        run.relsym,
        run.precision,
    )
    names = [Cell(label), Cell(run.model)]
    counts = [count(number) for number in (run.train_rows, *run.seeds)]
    cells = (
        Cell(run.folder.name, href=link_to(run, out)),
        *names,
        *counts,
        *figures,
        *costs,
        *map(Cell, (*origin, *options)),
    )
    return TableRow(cells, run.model, label)


def cells_table(tables: Iterable[Table], by_path: Runs, out: Path) -> Table:
    """Every cell that was made from runs, with what they can be traced back by."""
    columns = text_columns(
        "table", "row", "column", "value", "runs", "configurations", "benchmark", "commits", "relsym"
    )
    rows = []
    for table in tables:
        for row in table.rows:
            for column, cell in zip(table.columns, row.cells, strict=True):
                if cell.runs:
                    runs = [by_path[path] for path in cell.runs]
                    rows.append(_cell_row(table, row, column, cell, runs, out))
    return Table("provenance", "Where each cell comes from", columns, tuple(rows))


def _cell_row(
    table: Table, row: TableRow, column: Column, cell: Cell, runs: Sequence[AnyResults], out: Path
) -> TableRow:
    names = []
    for other, heading in zip(row.cells, table.columns, strict=True):
        if not heading.number and not other.runs and not other.muted:
            names.append(other.text)
    cells = (
        Cell(table.title),
        Cell(", ".join(names)),
        Cell(column.heading),
        Cell(cell.text),
        _each(link_to(run, out) for run in runs),
        _each(run.config_hash for run in runs),
        _each(run.benchmark.content_hash for run in runs),
        _each(str(run.git_commit) for run in runs),
        _each(run.relsym for run in runs),
    )
    return TableRow(cells)


def _each(values: Iterable[str]) -> Cell:
    """Every value once."""
    return Cell(" ".join(dict.fromkeys(values)))


def missing_table(jobs: Iterable[ListedJob], known: set[str | None]) -> Table | None:
    """Jobs that a sweep lists and that have no results, unless the same job was finished elsewhere; None if
    there is none.

    Args:
        known: job hashes of finished runs.
    """
    rows = []
    for job in jobs:
        entry = job.entry
        if entry.verdict != LEFT_OUT and not job.results.exists() and entry.identity.job not in known:
            rows.append(
                TableRow((Cell(job.sweep), Cell(entry.name), Cell(entry.verdict), Cell(entry.error or "-")))
            )
    if not rows:
        return None
    title = f"{len(rows)} job{'s' * (len(rows) > 1)} without results"
    return Table("missing", title, text_columns("sweep", "job", "verdict", "error"), tuple(rows))


def cost_rows(runs: Sequence[AnyResults]) -> dict[str, float]:
    """Mean seconds and peak memory over runs, of those that recorded them."""
    seconds = [run.seconds["train"] for run in runs if "train" in run.seconds]
    memory = [run.peak_gib for run in runs if run.peak_gib is not None]
    costs = {"seconds": seconds, "memory": memory}
    return {name: mean(values) for name, values in costs.items() if values}
