"""What retraining cost on the rows that the encoder learnt before, by objective, recipe and read-out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import mean, stdev

from relsym.report.tables import paper_figures
from relsym.report.tables.cells import Cell, Column, Table, TableRow, count, missing, text_columns
from relsym.report.tables.ladders import Ladder
from relsym.report.wording import percent
from relsym.runs.results import TrainResults

READ_OUTS = {
    "kept": "kept",
    "refit": "refit",
    "linear": "linear probe",
    "own": "own, as retrained",
    "control": "kept, against the control",
}
DRIFT = {"cka": "CKA", "overlap": "neighbours kept"}
FORGETTING_NOTES = (
    "Accuracy in % on NLI rows before and after retraining on symmetry, the same rows and read-out; drop in "
    "points. kept: label "
    "embeddings, memory vectors or head exactly as they were; refit: the same kind of read-out learnt anew "
    "from NLI rows, encoder "
    "frozen; linear probe: logistic regression; own: the head as retraining left it (before: kept); against "
    "the control: the drop from "
    "a run that saw the same replayed NLI rows and no symmetry rows. Retention: (after - 1/3) / (before - "
    "1/3).",
    "In brackets the 95 % interval of a bootstrap that draws premises (one seed), or the standard deviation "
    "over seeds. Drift, of everyday "
    "sentences, kept read-out's line: linear CKA and share of the 10 nearest neighbours that stay. Paper: "
    "drop on MNLI, protocol not told.",
)


def forgetting_table(found: Sequence[Ladder]) -> Table | None:
    """A line for each setting, number of samples and read-out; None where nothing was measured."""
    rows: list[TableRow] = []
    for ladder in found:
        for samples in ladder.rungs:
            rows += _forgetting_rows(ladder, samples)
    if not rows:
        return None
    numbers = (
        "before",
        "after",
        "drop",
        "retention",
        "paper's drop",
        "accuracy on symmetry, worst form",
        *DRIFT.values(),
        "replayed rows",
        "samples",
        "seeds",
    )
    columns = (*text_columns("objective", "model", "read-out"), *map(Column, numbers))
    return Table(
        "forgetting", "Forgetting: what retraining cost on NLI", columns, tuple(rows), FORGETTING_NOTES
    )


def _forgetting_rows(ladder: Ladder, samples: int) -> Iterator[TableRow]:
    runs = [run for run in ladder.run_at(samples) if run.drop is not None]
    for key, name in READ_OUTS.items():
        if runs and all(f"forgetting/{key}/drop" in run.metrics for run in runs):
            names = (Cell(ladder.label), Cell(ladder.model), Cell(name))
            cells = (*names, *_measured(runs, key), *_beside(runs, key), count(samples), count(len(runs)))
            yield TableRow(cells, ladder.model, ladder.label, strong=key == "kept")


def _measured(runs: Sequence[TrainResults], key: str) -> Iterator[Cell]:
    paths = tuple(run.path for run in runs)
    for what in ("before", "after", "drop", "retention"):
        values = [run.metrics.get(f"forgetting/{key}/{what}") for run in runs]
        if None in values:  # a retention from exactly chance
            yield missing("-")
            continue
        text = percent(mean(values))
        if len(values) > 1:
            text += f" ± {percent(stdev(values))}"
        elif what == "drop":
            forgetting = runs[0].forgetting
            drop = forgetting.control if key == "control" else forgetting.read_outs[key]
            text += f" [{percent(drop.low)}, {percent(drop.high)}]"
        yield Cell(text, mean(values), paths)


def _beside(runs: Sequence[TrainResults], key: str) -> Iterator[Cell]:
    """What belongs to the run rather than to a read-out stands on the first line alone."""
    if key != "kept":
        yield from [missing("-")] * (3 + len(DRIFT))
        return
    published = {row.objective: row.forgetting for row in paper_figures.TABLE2}.get(
        runs[0].choices["objective"]
    )
    yield missing("-") if published is None else Cell(f"{published:.1f}", published / 100)
    worst = mean(run.lowest_accuracy for run in runs)
    yield Cell(percent(worst), worst, tuple(run.path for run in runs))
    for name in DRIFT:
        values = [run.metrics.get(f"drift/{name}/sentences") for run in runs]
        yield missing("-") if None in values else Cell(percent(mean(values)), mean(values))
    yield count(round(mean(run.replayed_rows for run in runs)))
