"""Tables 2 and 4 in the paper's shape, its figures beside ours."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import mean

from relsym.data.pairs import DELEXICALISED, LEXICALISED
from relsym.report.scopes import Scope
from relsym.report.tables import paper_figures
from relsym.report.tables.cells import Cell, Column, Table, TableRow, accuracy_cell, missing, text_columns
from relsym.report.tables.ladders import Ladder
from relsym.report.tables.paper_cells import (
    Ours,
    candidates,
    highest,
    name_of_encoder,
    other_settings,
    verdict_text,
)
from relsym.report.tables.paper_figures import PRETRAINED, Published
from relsym.report.tables.samples import solved_cell
from relsym.report.wording import percent
from relsym.runs.sweeps import ListedJob

PAPERS_FORMS = (LEXICALISED, DELEXICALISED)
NOTE = (
    f"Paper: {paper_figures.SOURCE}. Ours: the metric that the paper uses, at the highest number of samples "
    "n that was run; mean over "
    "seeds. Data, training settings and, in Table 2, the encoder differ from the paper's."
)
NOTE_4 = (
    "In brackets: training samples; seeds. ≤ : some seeds were solved with fewer. all-MiniLM-L6 is "
    "model=bundled or "
    "model=all_minilm_l6."
)


def table2(scope: Scope, found: Sequence[Ladder], jobs: Sequence[ListedJob]) -> Table:
    """One row of the paper's for each of our encoders."""
    columns = list(text_columns("model (method)", "our encoder"))
    for form in PAPERS_FORMS:
        columns += _ours_and_papers(form, form)
    columns += [
        *_ours_and_papers("samples to 100 %"),
        *_ours_and_papers("forgetting"),
        Column("n and seeds", number=False),
    ]
    rows = []
    for published in paper_figures.TABLE2:
        rows += _rows2(scope, found, jobs, published)
    title = (
        "Table 2: accuracy in %, training samples and forgetting in points; the paper's with RoBERTa-large"
    )
    return Table("table2", title, tuple(columns), tuple(rows), (NOTE, *other_settings(found)))


def _ours_and_papers(heading: str, form: str = "", model: str = "") -> tuple[Column, Column]:
    return Column(heading, form, model), Column(f"{heading}, paper", form, model, short="paper")


def _rows2(
    scope: Scope, found: Sequence[Ladder], jobs: Sequence[ListedJob], published: Published
) -> list[TableRow]:
    if not published.objective:
        ours = [accuracy_cell(scope.runs[:1], f"reference/constant/{form}") for form in PAPERS_FORMS]
        return [_row2(published, "-", ours, [missing("-"), missing("-"), Cell("constant")], "", "")]
    if published.objective == PRETRAINED:
        return [_untrained_row(found, published)]
    encoders = dict.fromkeys(name_of_encoder(ladder) for ladder in candidates(found, published.objective))
    if not encoders:
        text = verdict_text(jobs, published.objective, None)
        return [
            _row2(published, "-", [missing(text)] * 2, [missing(text), missing(text), missing("-")], "", "")
        ]
    rows = []
    for encoder in encoders:
        ladder = candidates(found, published.objective, encoder)[0]
        ours = highest(ladder)
        cells = [accuracy_cell(ours.runs, f"test/accuracy/{form}") for form in PAPERS_FORMS]
        rest = [solved_cell(ladder, 1.0, seeds=False), _forgetting(ours), Cell(ours.told, ours.samples)]
        rows.append(_row2(published, ladder.model, cells, rest, ladder.model, ladder.label))
    return rows


def _untrained_row(found: Sequence[Ladder], published: Published) -> TableRow:
    ladders = candidates(found, PRETRAINED, published.model)
    rest = [missing("-"), missing("-"), Cell("untrained")]
    if not ladders:
        return _row2(published, "-", [missing()] * 2, rest, published.model, "")
    ours = [_untrained(ladders[0], form) for form in PAPERS_FORMS]
    return _row2(published, ladders[0].model, ours, rest, ladders[0].model, "")


def _row2(
    published: Published, encoder: str, ours: list[Cell], rest: list[Cell], model: str, objective: str
) -> TableRow:
    papers = [Cell(f"{value:.1f}", value / 100) for value in (published.lexicalised, published.delexicalised)]
    samples = missing("-") if published.samples is None else Cell(str(published.samples), published.samples)
    drop = (
        missing("-")
        if published.forgetting is None
        else Cell(f"{published.forgetting:.1f}", published.forgetting / 100)
    )
    cells = (
        Cell(published.name),
        Cell(encoder),
        ours[0],
        papers[0],
        ours[1],
        papers[1],
        rest[0],
        samples,
        rest[1],
        drop,
        rest[2],
    )
    return TableRow(cells, model, objective, strong=bool(objective))


def _untrained(ladder: Ladder, form: str) -> Cell:
    return accuracy_cell(highest(ladder).runs, f"untrained/random_label/{form}")


def _forgetting(ours: Ours) -> Cell:
    drops = [run.drop for run in ours.runs]
    if None in drops:
        return missing("not measured")
    return Cell(percent(mean(drops)), mean(drops), tuple(run.path for run in ours.runs))


def table4(found: Sequence[Ladder], jobs: Sequence[ListedJob]) -> Table:
    """Methods by model sizes, a block for each form."""
    columns = list(text_columns("accuracy", "method"))
    shown_as = {encoder: _shown_as(found, encoder) for encoder in paper_figures.ENCODERS}
    for encoder, name in paper_figures.ENCODERS.items():
        columns += _ours_and_papers(name, model=shown_as[encoder])
    rows = []
    for form, methods in paper_figures.TABLE4.items():
        for method, figures in methods.items():
            cells = [Cell(form), Cell(paper_figures.METHODS[method])]
            for encoder, figure in zip(paper_figures.ENCODERS, figures, strict=True):
                cells += [_cell4(found, jobs, form, method, encoder), Cell(f"{figure:.1f}", figure / 100)]
            ladders = candidates(found, method) if method != PRETRAINED else []
            label = ladders[0].label if ladders else ""
            rows.append(TableRow(tuple(cells), "", label, form, strong=bool(label)))
    notes = (NOTE, NOTE_4, *other_settings(found))
    return Table(
        "table4", "Table 4: accuracy in % by method and model size", tuple(columns), tuple(rows), notes
    )


def _shown_as(found: Sequence[Ladder], encoder: str) -> str:
    """The name that our runs of a published encoder have in a report's filter; the encoder itself where there
    are none.
    """
    names = [ladder.model for ladder in found if ladder.published == encoder]
    return names[0] if names else encoder


def _cell4(found: Sequence[Ladder], jobs: Sequence[ListedJob], form: str, method: str, encoder: str) -> Cell:
    ladders = candidates(found, method, encoder)
    if not ladders:
        return missing(verdict_text(jobs, "random_label" if method == PRETRAINED else method, encoder))
    if method == PRETRAINED:
        return _untrained(ladders[0], form)
    ours = highest(ladders[0])
    return accuracy_cell(ours.runs, f"test/accuracy/{form}", f" ({ours.short})")
