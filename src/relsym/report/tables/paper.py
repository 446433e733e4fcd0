"""Tables 2 and 4 in the paper's shape, its figures beside ours."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import mean
from typing import NamedTuple

from relsym.data.pairs import DELEXICALISED, LEXICALISED
from relsym.report.scopes import Scope
from relsym.report.tables import paper_figures
from relsym.report.tables.cells import (
    Cell,
    Column,
    Table,
    TableRow,
    accuracy_cell,
    count,
    missing,
    percent_cell,
    text_columns,
    word_cell,
)
from relsym.report.tables.ladders import Ladder
from relsym.report.tables.paper_cells import (
    Ours,
    candidates,
    highest,
    name_of_encoder,
    other_settings,
    published_cell,
    verdict_text,
)
from relsym.report.tables.paper_figures import PRETRAINED, Published
from relsym.report.tables.samples import solved_cell
from relsym.runs.sweeps import ListedJob

PAPERS_FORMS = (LEXICALISED, DELEXICALISED)
NOTE = (
    f"Paper: {paper_figures.SOURCE}. Ours: the metric that the paper uses, at the highest number of samples "
    "n that was run; mean over seeds. Data, training settings and, in Table 2, the encoder differ from the "
    "paper's."
)
NOTE_4 = (
    "In brackets: training samples; seeds. ≤ : some seeds were solved with fewer. all-MiniLM-L6 is "
    "model=bundled or model=all_minilm_l6."
)


class _OurCells(NamedTuple):
    """Our side of one row of Table 2.

    encoder: its name; empty where there is none.
    accuracies: one cell for each of ``PAPERS_FORMS``.
    model, objective: what the row belongs to in the filters of a report; empty if to nothing of ours.
    """

    encoder: str
    accuracies: list[Cell]
    solved: Cell
    forgetting: Cell
    runs: Cell
    model: str = ""
    objective: str = ""


def table2(scope: Scope, ladders: Sequence[Ladder], jobs: Sequence[ListedJob]) -> Table:
    """The rows of the paper's Table 2, each once for every encoder of ours that was retrained that way."""
    columns = list(text_columns("model (method)", "our encoder"))
    for form in PAPERS_FORMS:
        columns += _ours_and_papers(form, form)
    columns += _ours_and_papers("samples to 100 %")
    columns += _ours_and_papers("forgetting")
    columns += text_columns("n and seeds")
    rows = []
    for published in paper_figures.TABLE2:
        for ours in _our_cells(scope, ladders, jobs, published):
            rows.append(_row2(published, ours))
    title = (
        "Table 2: accuracy in %, training samples and forgetting in points; the paper's with RoBERTa-large"
    )
    return Table("table2", title, tuple(columns), tuple(rows), (NOTE, *other_settings(ladders)))


def _ours_and_papers(heading: str, form: str = "", model: str = "") -> tuple[Column, Column]:
    """A column of our figures, and the paper's beside it."""
    papers = Column(f"{heading}, paper", form, model, short="paper")
    return Column(heading, form, model), papers


def _our_cells(
    scope: Scope, ladders: Sequence[Ladder], jobs: Sequence[ListedJob], published: Published
) -> list[_OurCells]:
    """Our side of one row of the paper's: the constant, an untrained encoder, or each encoder retrained."""
    none = missing("-")
    if not published.objective:
        # Any run will do: all of them answered the same rows, and so have the same constant.
        accuracies = [accuracy_cell(scope.runs[:1], f"reference/constant/{form}") for form in PAPERS_FORMS]
        return [_OurCells("", accuracies, none, none, Cell("constant"))]
    if published.objective == PRETRAINED:
        return [_untrained_cells(ladders, published)]
    # The first ladder of an encoder is the one with most runs; candidates come in this order.
    of_encoder: dict[str, Ladder] = {}
    for ladder in candidates(ladders, published.objective):
        of_encoder.setdefault(name_of_encoder(ladder), ladder)
    if not of_encoder:
        reason = missing(verdict_text(jobs, published.objective, None))
        return [_OurCells("", [reason, reason], reason, reason, none)]
    return [_retrained_cells(ladder) for ladder in of_encoder.values()]


def _untrained_cells(ladders: Sequence[Ladder], published: Published) -> _OurCells:
    """The untrained encoder of a row, as our runs with that encoder read it before they retrain it."""
    none = missing("-")
    of_encoder = candidates(ladders, PRETRAINED, published.model)
    if not of_encoder:
        return _OurCells("", [missing(), missing()], none, none, Cell("untrained"), published.model)
    ladder = of_encoder[0]
    accuracies = [_untrained(ladder, form) for form in PAPERS_FORMS]
    return _OurCells(ladder.model, accuracies, none, none, Cell("untrained"), ladder.model)


def _retrained_cells(ladder: Ladder) -> _OurCells:
    """One retrained encoder, at its highest number of samples."""
    ours = highest(ladder)
    accuracies = [accuracy_cell(ours.runs, f"test/accuracy/{form}") for form in PAPERS_FORMS]
    solved = solved_cell(ladder, 1.0, seeds=False)
    runs = Cell(ours.told, ours.samples)
    return _OurCells(ladder.model, accuracies, solved, _forgetting(ours), runs, ladder.model, ladder.label)


def _row2(published: Published, ours: _OurCells) -> TableRow:
    """One row of the paper's: our figures, each with the paper's on its right."""
    lexicalised, delexicalised = ours.accuracies
    samples = missing("-") if published.samples is None else count(published.samples)
    cells = (
        Cell(published.name),
        word_cell(ours.encoder),
        lexicalised,
        published_cell(published.lexicalised),
        delexicalised,
        published_cell(published.delexicalised),
        ours.solved,
        samples,
        ours.forgetting,
        published_cell(published.forgetting),
        ours.runs,
    )
    return TableRow(cells, ours.model, ours.objective, strong=bool(ours.objective))


def _untrained(ladder: Ladder, form: str) -> Cell:
    """The accuracy of an encoder before it was retrained."""
    return accuracy_cell(highest(ladder).runs, f"untrained/random_label/{form}")


def _forgetting(ours: Ours) -> Cell:
    """Mean drop on NLI in points; "not measured" where a run did not measure it."""
    drops = [run.drop for run in ours.runs]
    if None in drops:
        return missing("not measured")
    paths = tuple(run.path for run in ours.runs)
    return percent_cell(mean(drops), paths)


def table4(ladders: Sequence[Ladder], jobs: Sequence[ListedJob]) -> Table:
    """The paper's Table 4, our figures beside: methods by model sizes, a block of rows for each form."""
    columns = list(text_columns("accuracy", "method"))
    for encoder, name in paper_figures.ENCODERS.items():
        columns += _ours_and_papers(name, model=_shown_as(ladders, encoder))
    rows = []
    for form, methods in paper_figures.TABLE4.items():
        for method, figures in methods.items():
            cells = [Cell(form), Cell(paper_figures.METHODS[method])]
            for encoder, figure in zip(paper_figures.ENCODERS, figures, strict=True):
                cells.append(_cell4(ladders, jobs, form, method, encoder))
                cells.append(published_cell(figure))
            label = _label4(ladders, method)
            rows.append(TableRow(tuple(cells), "", label, form, strong=bool(label)))
    title = "Table 4: accuracy in % by method and model size"
    notes = (NOTE, NOTE_4, *other_settings(ladders))
    return Table("table4", title, tuple(columns), tuple(rows), notes)


def _shown_as(ladders: Sequence[Ladder], encoder: str) -> str:
    """The name that our runs of a published encoder have in a report's filter, or its hub id without any.

    Args:
        encoder: hub id.
    """
    for ladder in ladders:
        if ladder.published == encoder:
            return ladder.model
    return encoder


def _label4(ladders: Sequence[Ladder], method: str) -> str:
    """The label of our objective for a method; empty for the untrained encoder, and where we have no runs."""
    if method == PRETRAINED:
        return ""
    of_method = candidates(ladders, method)
    return of_method[0].label if of_method else ""


def _cell4(
    ladders: Sequence[Ladder], jobs: Sequence[ListedJob], form: str, method: str, encoder: str
) -> Cell:
    """Our accuracy with one method and encoder, or why there is none."""
    # The first of the candidates has most runs.
    fitting = candidates(ladders, method, encoder)
    if not fitting:
        # No job is for the untrained encoder alone: every job that retrains it reads it too. Those of one
        # objective say why there is no figure.
        objective = "random_label" if method == PRETRAINED else method
        return missing(verdict_text(jobs, objective, encoder))
    if method == PRETRAINED:
        return _untrained(fitting[0], form)
    ours = highest(fitting[0])
    return accuracy_cell(ours.runs, f"test/accuracy/{form}", f" ({ours.short})")
