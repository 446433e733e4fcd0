"""What retraining cost on the rows that the encoder learnt before, by objective, recipe and read-out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import mean, stdev

from relsym.report.tables import paper_figures
from relsym.report.tables.cells import (
    Cell,
    Table,
    TableRow,
    count,
    followed_columns,
    missing,
    number_columns,
    percent_cell,
    text_cells,
    text_columns,
)
from relsym.report.tables.ladders import Ladder
from relsym.report.tables.paper_cells import published_cell
from relsym.report.wording import percent
from relsym.runs.results import Drop, TrainResults

# Read-out, as the keys of metrics name it -> its name in the table.
READ_OUTS = {
    "kept": "kept",
    "refit": "refit",
    "linear": "linear probe",
    "own": "own, as retrained",
    "control": "kept, against the control",
}
# Measure of drift, as the keys of metrics name it -> its name in the table.
DRIFT = {"cka": "CKA", "overlap": "neighbours kept"}
FORGETTING_NOTES = (
    "Accuracy in % on NLI rows before and after retraining on symmetry, the same rows and read-out; drop in "
    "points. kept: label embeddings, memory vectors or head exactly as they were; refit: the same kind of "
    "read-out learnt anew from NLI rows, encoder frozen; linear probe: logistic regression; own: the head as "
    "retraining left it (before: kept); against the control: the drop from a run that saw the same replayed "
    "NLI rows and no symmetry rows. Retention: (after - 1/3) / (before - 1/3).",
    "In brackets the 95 % interval of a bootstrap that draws premises (one seed), or the standard deviation "
    "over seeds. Drift, of everyday sentences, kept read-out's line: linear CKA and share of the 10 nearest "
    "neighbours that stay. Paper: drop on MNLI, protocol not told.",
)


def forgetting_table(ladders: Sequence[Ladder]) -> Table | None:
    """A line for each setting, number of samples and read-out; None where no run measured forgetting."""
    rows: list[TableRow] = []
    for ladder in ladders:
        for samples in ladder.rungs:
            rows += _forgetting_rows(ladder, samples)
    if not rows:
        return None
    numbers = number_columns(
        "paper's drop",
        "accuracy on symmetry, worst form",
        *DRIFT.values(),
        "replayed rows",
        "samples",
        "seeds",
    )
    measured = followed_columns("before", "after", "drop", "retention")
    columns = (*text_columns("objective", "model", "read-out"), *measured, *numbers)
    title = "Forgetting: what retraining cost on NLI"
    return Table("forgetting", title, columns, tuple(rows), FORGETTING_NOTES)


def _forgetting_rows(ladder: Ladder, samples: int) -> Iterator[TableRow]:
    """One row for each read-out of a ladder's runs with this number of samples."""
    runs = [run for run in ladder.run_at(samples) if run.drop is not None]
    if not runs:
        return
    for key, name in READ_OUTS.items():
        # A line needs the read-out in every seed: its figures are means over all of them.
        if not all(f"forgetting/{key}/drop" in run.metrics for run in runs):
            continue
        cells = (
            *text_cells(ladder.label, ladder.model, name),
            *_read_out_cells(runs, key),
            *_run_cells(runs, key),
            count(samples),
            count(len(runs)),
        )
        yield TableRow(cells, ladder.model, ladder.label, strong=key == "kept")


def _read_out_cells(runs: Sequence[TrainResults], key: str) -> Iterator[Cell]:
    """Accuracy before and after, drop and retention of one read-out: means over runs, with their spread."""
    paths = tuple(run.path for run in runs)
    for figure in ("before", "after", "drop", "retention"):
        values = [run.metrics.get(f"forgetting/{key}/{figure}") for run in runs]
        # Retention divides by how far the accuracy before was above chance, and that may be 0.
        if None in values:
            yield missing("-")
            continue
        text = percent(mean(values))
        if len(values) > 1:
            text += f" ± {percent(stdev(values))}"
        elif figure == "drop":
            drop = _recorded_drop(runs[0], key)
            text += f" [{percent(drop.low)}, {percent(drop.high)}]"
        yield Cell(text, mean(values), paths)


def _recorded_drop(run: TrainResults, key: str) -> Drop:
    """The drop of one read-out with its interval, as the run's results hold it."""
    if key == "control":
        return run.forgetting.control
    return run.forgetting.read_outs[key]


def _run_cells(runs: Sequence[TrainResults], key: str) -> Iterator[Cell]:
    """What belongs to the runs rather than to a read-out; it stands on the first line alone."""
    if key != "kept":
        yield from [missing("-")] * (3 + len(DRIFT))
        return
    papers_drops = {row.objective: row.forgetting for row in paper_figures.TABLE2}
    yield published_cell(papers_drops.get(runs[0].choices["objective"]))
    worst = mean(run.lowest_accuracy for run in runs)
    paths = tuple(run.path for run in runs)
    yield percent_cell(worst, paths)
    for name in DRIFT:
        values = [run.metrics.get(f"drift/{name}/sentences") for run in runs]
        yield percent_cell(None if None in values else mean(values))
    replayed = mean(run.replayed_rows for run in runs)
    yield count(round(replayed))
