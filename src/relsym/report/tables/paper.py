"""Tables 2 and 4 in the paper's shape, its figures beside ours."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import mean

from relsym.data.pairs import DELEXICALISED, LEXICALISED
from relsym.report.labels import MODELS, percent
from relsym.report.scopes import Scope
from relsym.report.tables import paper_figures as paper
from relsym.report.tables.cells import Cell, Column, Row, Table, accuracy_cell, missing, text_columns
from relsym.report.tables.ladders import Ladder
from relsym.report.tables.paper_cells import DROP, Ours, candidates, highest, other_settings, verdict_text
from relsym.report.tables.paper_figures import PRETRAINED
from relsym.report.tables.samples import solved_cell
from relsym.runs.sweeps import Job

FORMS = (LEXICALISED, DELEXICALISED)
NOTE = (f"Paper: {paper.SOURCE}. Ours: the metric that the paper uses, at the highest number of samples n that was run; mean over seeds. "
        "Data, training settings and, in Table 2, the encoder differ from the paper's.")


def table2(scope: Scope, found: Sequence[Ladder], jobs: Sequence[Job]) -> Table:
    """One row of the paper's for each of our encoders."""
    columns = (*text_columns("model (method)", "our encoder"), *(column for form in FORMS for column in _beside(form, form)),
               *_beside("samples to 100 %"), *_beside("forgetting"), Column("n and seeds", number=False))
    rows = [row for published in paper.TABLE2 for row in _rows2(scope, found, jobs, published)]
    title = "Table 2: accuracy in %, training samples and forgetting in points; the paper's with RoBERTa-large"
    return Table("table2", title, columns, tuple(rows), (NOTE, *other_settings(found)))


def _beside(heading: str, form: str = "", model: str = "") -> tuple[Column, Column]:
    """Ours, and the paper's."""
    return Column(heading, form, model), Column(f"{heading}, paper", form, model, short="paper")


def _rows2(scope: Scope, found: Sequence[Ladder], jobs: Sequence[Job], published: paper.Published) -> list[Row]:
    if not published.objective:
        ours = [accuracy_cell(scope.runs[:1], f"reference/constant/{form}") for form in FORMS]
        return [_row2(published, "-", ours, [missing("-"), missing("-"), Cell("constant")], "", "")]
    if published.objective == PRETRAINED:
        ladder = next(iter(candidates(found, PRETRAINED, published.model)), None)
        ours = [_untrained(ladder, form) for form in FORMS] if ladder else [missing()] * 2
        rest = [missing("-"), missing("-"), Cell("untrained")]
        return [_row2(published, ladder.model if ladder else "-", ours, rest, published.model, "")]
    models = dict.fromkeys(MODELS.get(ladder.model, ladder.model) for ladder in candidates(found, published.objective))
    rows = []
    for model in models or [""]:
        ladder = next(iter(candidates(found, published.objective, model)), None) if model else None
        if ladder is None:
            text = verdict_text(jobs, published.objective, None)
            rows.append(_row2(published, "-", [missing(text)] * 2, [missing(text), missing(text), missing("-")], "", ""))
            continue
        ours = highest(ladder)
        cells = [accuracy_cell(ours.runs, f"test/accuracy/{form}") for form in FORMS]
        rest = [solved_cell(ladder, 1.0, seeds=False), _forgetting(ours), Cell(ours.told, ours.samples)]
        rows.append(_row2(published, ladder.model, cells, rest, ladder.model, ladder.label))
    return rows


def _row2(published: paper.Published, encoder: str, ours: list[Cell], rest: list[Cell], model: str, objective: str) -> Row:
    papers = [Cell(f"{value:.1f}", value / 100) for value in (published.lexicalised, published.delexicalised)]
    samples = missing("-") if published.samples is None else Cell(str(published.samples), published.samples)
    drop = missing("-") if published.forgetting is None else Cell(f"{published.forgetting:.1f}", published.forgetting / 100)
    cells = (Cell(published.name), Cell(encoder), ours[0], papers[0], ours[1], papers[1], rest[0], samples, rest[1], drop, rest[2])
    return Row(cells, model, objective, strong=bool(objective))


def _untrained(ladder: Ladder, form: str) -> Cell:
    return accuracy_cell(highest(ladder).runs, f"untrained/random_label/{form}")


def _forgetting(ours: Ours) -> Cell:
    if not all(DROP in run["metrics"] for run in ours.runs):
        return missing("not measured")
    value = mean(run["metrics"][DROP] for run in ours.runs)
    return Cell(percent(value), value, tuple(run["path"] for run in ours.runs))


def table4(found: Sequence[Ladder], jobs: Sequence[Job]) -> Table:
    """Methods by model sizes, a block for each form."""
    columns = (*text_columns("accuracy", "method"),
               *(column for model, name in paper.MODELS.items() for column in _beside(name, model=model)))
    rows = []
    for form, methods in paper.TABLE4.items():
        for method, figures in methods.items():
            pairs = [(_cell4(found, jobs, form, method, model), Cell(f"{figure:.1f}", figure / 100))
                     for model, figure in zip(paper.MODELS, figures, strict=True)]
            label = next((ladder.label for ladder in candidates(found, method)), "") if method != PRETRAINED else ""
            cells = (Cell(form), Cell(paper.METHODS[method]), *(cell for pair in pairs for cell in pair))
            rows.append(Row(cells, "", label, form, strong=bool(label)))
    return Table("table4", "Table 4: accuracy in % by method and model size", columns, tuple(rows),
                 (NOTE, "In brackets: training samples; seeds. ≤ : some seeds were solved with fewer. all-MiniLM-L6 is model=bundled or "
                         "model=all_minilm_l6.", *other_settings(found)))


def _cell4(found: Sequence[Ladder], jobs: Sequence[Job], form: str, method: str, model: str) -> Cell:
    ladder = next(iter(candidates(found, method, model)), None)
    if ladder is None:
        return missing(verdict_text(jobs, "random_label" if method == PRETRAINED else method, model))
    ours = highest(ladder)
    if method == PRETRAINED:
        return _untrained(ladder, form)
    return accuracy_cell(ours.runs, f"test/accuracy/{form}", f" ({ours.short})")
