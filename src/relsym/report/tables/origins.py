"""Where every figure comes from."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import mean
from urllib.parse import quote

from relsym.report.tables.cells import (
    Cell,
    Column,
    Table,
    TableRow,
    count,
    form_columns,
    missing,
    number_columns,
    text_cells,
    text_columns,
    word_cell,
)
from relsym.report.wording import percent
from relsym.runs.results import AnyResults, EvaluateResults, forms_of
from relsym.runs.sweeps import LEFT_OUT, ListedJob

# Runs by the path of their results.
Runs = Mapping[str, AnyResults]
# Marks a cell whose runs are of several versions or commits.
MIXED_MARK = "†"


def commit_text(run: AnyResults) -> str:
    """The first eight digits of the run's commit, with ``-dirty`` where files differed from it.

    ``none`` where the run knew no commit.
    """
    if run.git_commit is None:
        return "none"
    head = run.git_commit[:8]
    return f"{head}-dirty" if _is_dirty(run.git_commit) else head


def _is_dirty(commit: str) -> bool:
    """Whether a commit, or the text of one, says that the source tree differed from it."""
    return commit.endswith("-dirty")


def link_to(run: AnyResults, out: Path) -> str:
    """The run's folder as seen from the report's, percent-encoded."""
    # As an address: with / on Windows too.
    relative = Path(os.path.relpath(run.folder, out.resolve()))
    # As bytes: a name need not be UTF-8.
    return quote(os.fsencode(relative.as_posix()))


def label_of(run: AnyResults) -> str:
    """How the model came about: the objective's label, or which reading stands for an evaluated model."""
    if isinstance(run, EvaluateResults):
        return f"evaluation: {run.reading}"
    return run.objective.label


def mixture(runs: Iterable[AnyResults]) -> str:
    """``relsym 0.1.0 and 0.2.0; commits 1a2b and 3c4d`` where runs are not all of one; empty if they are."""
    versions, commits = set(), set()
    for run in runs:
        versions.add(run.relsym)
        commits.add(commit_text(run))
    parts = []
    for name, values in (("relsym", versions), ("commits", commits)):
        if len(values) > 1:
            parts.append(f"{name} {' and '.join(sorted(values))}")
    return "; ".join(parts)


def marked(table: Table, by_path: Runs) -> Table:
    """The table with ``MIXED_MARK`` on every cell whose runs are of several versions or commits.

    Notes say what the table's runs mix, and how many of them come from uncommitted code.
    """
    runs = [by_path[path] for path in table.runs]
    notes = list(table.notes)
    rows, shown_rows = table.rows, table.shown_rows
    mixed = mixture(runs)
    if mixed:
        notes.append(f"Mixed: {mixed}. {MIXED_MARK} marks a cell that mixes them.")
        rows = tuple(_marked_row(row, by_path) for row in table.rows)
        if shown_rows is not None:
            shown_rows = tuple(_marked_row(row, by_path) for row in shown_rows)
    dirty = sum(_is_dirty(commit_text(run)) for run in runs)
    if dirty:
        notes.append(
            f"{dirty} of its {len(runs)} runs come from a source tree with changes that no commit holds."
        )
    return replace(table, rows=rows, notes=tuple(notes), shown_rows=shown_rows)


def _marked_row(row: TableRow, by_path: Runs) -> TableRow:
    """The row with ``MIXED_MARK`` on its cells that mix versions or commits."""
    cells = []
    for cell in row.cells:
        text = cell.text
        if mixture(by_path[path] for path in cell.runs):
            text += f" {MIXED_MARK}"
        cells.append(replace(cell, text=text))
    return replace(row, cells=tuple(cells))


def runs_table(runs: Sequence[AnyResults], out: Path) -> Table:
    """Every run with its figures and its hashes.

    Args:
        out: the report's folder, from which the runs are linked.
    """
    forms = forms_of(runs)
    columns = (
        *text_columns("run", "objective", "model"),
        *number_columns("samples", "seed", "draw"),
        *form_columns(forms),
        *number_columns("seconds", "GiB"),
        *text_columns("benchmark", "rows", "configuration", "commit", "relsym", "precision"),
        *text_columns("probe", "hardware"),
    )
    rows = tuple(_run_row(run, forms, out) for run in runs)
    return Table("runs", f"All runs ({len(runs)})", columns, rows)


def _run_row(run: AnyResults, forms: Sequence[str], out: Path) -> TableRow:
    """One run: its names, its accuracy in each form, what it cost and where it comes from."""
    label = label_of(run)
    name = Cell(run.folder.name, href=link_to(run, out))
    counts = [count(number) for number in (run.train_rows, *run.seeds)]
    figures = []
    for form in forms:
        accuracy = run.metrics.get(f"{run.accuracy_key}/{form}")
        # Runs of other benchmarks may have other forms.
        if accuracy is None:
            figures.append(missing("-"))
        else:
            figures.append(Cell(percent(accuracy), accuracy))
    costs = []
    for cost in (run.seconds.get("train"), run.peak_gib):
        if cost is None:
            costs.append(missing("-"))
        else:
            costs.append(Cell(f"{cost:.1f}", cost))
    benchmark = run.benchmark
    origin = text_cells(
        f"{benchmark.title} {benchmark.content_hash[:8]}",
        benchmark.rows_hash[:8],
        run.config_hash[:8],
        commit_text(run),
        run.relsym,
        run.precision,
    )
    options = [word_cell(run.choices.get(group)) for group in ("probe", "hardware")]
    models = text_cells(label, run.model)
    cells = (name, *models, *counts, *figures, *costs, *origin, *options)
    return TableRow(cells, run.model, label)


def cells_table(tables: Iterable[Table], by_path: Runs, out: Path) -> Table:
    """Every cell that was made from runs, with what they can be traced back by.

    Args:
        out: the report's folder, from which the runs are named.
    """
    columns = (
        *text_columns("table", "row", "column"),
        Column("value", followed=True),
        *text_columns("runs", "configurations", "benchmark", "commits", "relsym"),
    )
    links = {path: link_to(run, out) for path, run in by_path.items()}
    rows = []
    for table in tables:
        for row in table.rows:
            name = _row_name(table, row)
            for column, cell in zip(table.columns, row.cells, strict=True):
                if not cell.runs:
                    continue
                folders = _each(links[path] for path in cell.runs)
                names = text_cells(table.title, name, column.heading, cell.text)
                origins = _origin_cells([by_path[path] for path in cell.runs])
                rows.append(TableRow((*names, folders, *origins)))
    return Table("provenance", "Where each cell comes from", columns, tuple(rows))


def _row_name(table: Table, row: TableRow) -> str:
    """What a row is about: its words, without figures and without cells that say why there is none."""
    words = []
    for column, cell in zip(table.columns, row.cells, strict=True):
        if not column.number and not cell.runs and not cell.muted:
            words.append(cell.text)
    return ", ".join(words)


def _origin_cells(runs: Sequence[AnyResults]) -> list[Cell]:
    """Configurations, benchmarks, commits and versions of the runs behind one cell."""
    return [
        _each(run.config_hash for run in runs),
        _each(run.benchmark.content_hash for run in runs),
        _each(str(run.git_commit) for run in runs),
        _each(run.relsym for run in runs),
    ]


def _each(values: Iterable[str]) -> Cell:
    """A cell that names every value once, in order."""
    return Cell(" ".join(dict.fromkeys(values)))


def missing_table(jobs: Iterable[ListedJob], known: set[str | None]) -> Table | None:
    """Jobs that a sweep lists and that have no results; None if there is none.

    Left out are those that a sweep left out itself, and those whose job was finished elsewhere.

    Args:
        known: job hashes of finished runs.
    """
    rows = []
    for job in jobs:
        entry = job.entry
        # The hash of a job says what it computes, not where: it is the same in whichever sweep it ran.
        if entry.verdict == LEFT_OUT or job.has_results or entry.identity.job in known:
            continue
        cells = text_cells(job.sweep, entry.name, entry.verdict)
        rows.append(TableRow((*cells, word_cell(entry.error))))
    if not rows:
        return None
    plural = "s" if len(rows) > 1 else ""
    title = f"{len(rows)} job{plural} without results"
    return Table("missing", title, text_columns("sweep", "job", "verdict", "error"), tuple(rows))


def broken_table(files: Sequence[tuple[Path, str]]) -> Table | None:
    """The files that could not be read, with their reasons; None if there is none.

    Args:
        files: path and reason of each.
    """
    if not files:
        return None
    rows = [TableRow(text_cells(str(path), reason)) for path, reason in files]
    plural = "s" if len(rows) > 1 else ""
    title = f"{len(rows)} file{plural} that cannot be read, left out"
    note = "Pass strict=true to refuse the report instead."
    return Table("broken", title, text_columns("file", "reason"), tuple(rows), (note,))


def cost_rows(runs: Sequence[AnyResults]) -> dict[str, float]:
    """Mean ``seconds`` of training and mean peak ``memory`` in GiB, each over the runs that recorded it.

    What no run recorded is not in the dictionary.
    """
    costs = {}
    seconds = [run.seconds["train"] for run in runs if "train" in run.seconds]
    if seconds:
        costs["seconds"] = mean(seconds)
    memory = [run.peak_gib for run in runs if run.peak_gib is not None]
    if memory:
        costs["memory"] = mean(memory)
    return costs
