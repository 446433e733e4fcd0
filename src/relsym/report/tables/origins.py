"""Where every figure comes from."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import mean
from typing import Any
from urllib.parse import quote

from relsym.report.labels import forms_of, name_of, objective_of, percent, seeds_of
from relsym.report.tables.cells import Cell, Column, Row, Table, count, text_columns
from relsym.runs.sweeps import LEFT_OUT, Job

Runs = dict[str, dict[str, Any]]
MIXED = "†"


def commit_of(run: dict[str, Any]) -> str:
    """Head of the commit; ``-dirty`` says that files differed from it."""
    commit = run["git_commit"]
    return "none" if commit is None else commit[:8] + "-dirty" * commit.endswith("-dirty")


def link_to(run: dict[str, Any], out: Path) -> str:
    """The run's folder as seen from the report's, percent-encoded."""
    return quote(Path(os.path.relpath(Path(run["path"]).parent, out.resolve())).as_posix())


def mixture(runs: Iterable[dict[str, Any]]) -> str:
    """``relsym 0.1.0 and 0.2.0; commits 1a2b and 3c4d`` where runs are not all of one; empty if they are."""
    found = list(runs)
    versions = sorted({run["versions"].get("relsym", "unknown") for run in found})
    commits = sorted({commit_of(run) for run in found})
    parts = {"relsym": versions, "commits": commits}
    return "; ".join(f"{name} {' and '.join(values)}" for name, values in parts.items() if len(values) > 1)


def marked(table: Table, by_path: Runs) -> Table:
    """The table with a mark on every cell whose runs are of several versions or commits, and a note if the table's are."""
    told = mixture(by_path[path] for path in table.runs)
    dirty = sum(commit_of(by_path[path]).endswith("-dirty") for path in table.runs)
    notes = ([f"Mixed: {told}. {MIXED} marks a cell that mixes them."] if told else []) + (
        [f"{dirty} of its {len(table.runs)} runs come from a source tree with changes that no commit holds."] if dirty else [])
    rows = tuple(replace(row, cells=tuple(_marked(cell, by_path) for cell in row.cells)) for row in table.rows) if told else table.rows
    return replace(table, rows=rows, notes=(*table.notes, *notes))


def _marked(cell: Cell, by_path: Runs) -> Cell:
    return replace(cell, text=f"{cell.text} {MIXED}") if mixture(by_path[path] for path in cell.runs) else cell


def runs_table(runs: Sequence[dict[str, Any]], out: Path) -> Table:
    """Every run with its figures and its hashes."""
    forms = list(dict.fromkeys(form for run in runs for form in forms_of(run)))
    columns = (*text_columns("run", "objective", "model"), *map(Column, ("samples", "seed", "draw")),
               *(Column(form, form) for form in forms), *map(Column, ("seconds", "GiB")),
               *text_columns("benchmark", "rows", "configuration", "commit", "relsym", "precision"))
    return Table("runs", f"All runs ({len(runs)})", columns, tuple(_run_row(run, forms, out) for run in runs))


def _run_row(run: dict[str, Any], forms: list[str], out: Path) -> Row:
    seconds, memory = run.get("seconds/train"), memory_of(run)
    figures = [run["metrics"].get(f"{run['score_on']}/accuracy/{form}") for form in forms]
    cells = (Cell(name_of(run), href=link_to(run, out)), Cell(objective_of(run)), Cell(run["model"]),
             *map(count, (run["rows"]["train"], *seeds_of(run))),
             *(Cell("-") if value is None else Cell(percent(value), value) for value in figures),
             *(Cell("-") if value is None else Cell(f"{value:.1f}", value) for value in (seconds, memory)),
             *map(Cell, (f"{run['benchmark']} {run['benchmark_hash'][:8]}", run["rows_hash"][:8], run["config_hash"][:8], commit_of(run),
                         run["versions"].get("relsym", "unknown"), run["precision"])))
    return Row(cells, run["model"], objective_of(run))


def memory_of(run: dict[str, Any]) -> float | None:
    """Peak memory in GiB: the GPU's if one was used."""
    return run.get("memory/peak_gpu_gib", run.get("memory/peak_gib"))


def cells_table(tables: Iterable[Table], by_path: Runs, out: Path) -> Table:
    """Every cell that was made from runs, with what they can be traced back by."""
    columns = text_columns("table", "row", "column", "value", "runs", "configurations", "benchmark", "commits", "relsym")
    return Table("provenance", "Where each cell comes from", columns,
                 tuple(_cell_row(table, row, column, cell, [by_path[path] for path in cell.runs], out) for table in tables
                       for row in table.rows for column, cell in zip(table.columns, row.cells, strict=True) if cell.runs))


def _cell_row(table: Table, row: Row, column: Column, cell: Cell, runs: list[dict[str, Any]], out: Path) -> Row:
    def each(values: Iterable[str]) -> Cell:
        return Cell(" ".join(dict.fromkeys(values)))

    names = (one.text for one, of in zip(row.cells, table.columns, strict=True) if not of.number and not one.runs and not one.muted)
    return Row((Cell(table.title), Cell(", ".join(names)), Cell(column.heading), Cell(cell.text), each(link_to(run, out) for run in runs),
                *(each(str(run[key]) for run in runs) for key in ("config_hash", "benchmark_hash", "git_commit")),
                each(run["versions"].get("relsym", "unknown") for run in runs)))


def missing_table(jobs: Iterable[Job], known: set[str]) -> Table | None:
    """Jobs that a sweep lists and that have no results, unless the same job was finished elsewhere; None if there is none."""
    left = [job for job in jobs if job.verdict != LEFT_OUT and not job.results.exists() and job.job_hash not in known]
    rows = tuple(Row((Cell(job.sweep), Cell(job.name), Cell(job.verdict), Cell(job.error or "-"))) for job in left)
    title = f"{len(left)} job{'s' * (len(left) > 1)} without results"
    return Table("missing", title, text_columns("sweep", "job", "verdict", "error"), rows) if rows else None


def cost_rows(runs: Sequence[dict[str, Any]]) -> dict[str, float]:
    """Mean seconds and peak memory over runs, of those that recorded them."""
    seconds = [run["seconds/train"] for run in runs if "seconds/train" in run]
    memory = [peak for run in runs if (peak := memory_of(run)) is not None]
    return {name: mean(values) for name, values in (("seconds", seconds), ("memory", memory)) if values}
