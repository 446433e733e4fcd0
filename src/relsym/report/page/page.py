"""The report as one self-contained page: tables and interactive figures, nothing loaded from elsewhere."""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup
from plotly.offline import get_plotlyjs

import relsym
from relsym.report.collect import Collected
from relsym.report.figures.curves import COLOURS, SCALE
from relsym.report.sections import Section
from relsym.report.summary import lead
from relsym.report.tables.cells import Table
from relsym.report.tables.origins import broken_table, commit_text, link_to, runs_table
from relsym.report.wording import CAUTION
from relsym.runs.results import AnyResults
from relsym.visible import visible, visible_values

# The tables that stand before the figures, by name.
FIRST = ("samples_to_solved", "table2", "table4", "models")
# Name of a figure -> its title, in the order of the page.
PAGE_FIGURES = {
    "accuracy": "Accuracy against samples",
    "heat": "Accuracy by property and samples",
    "cost": "Time and memory",
    "forgetting": "Accuracy against forgetting",
    "models": "Accuracy of every reading",
    "reliability": "Calibration",
}
# Name of a table -> what the list of contents calls it; one that is not here is called by its name.
TABLE_NAMES = {
    "samples_to_solved": "Samples to solve it",
    "table2": "Table 2",
    "table4": "Table 4",
    "comparisons": "Differences",
    "properties": "By property",
    "samples_by_seed": "By seed",
    "accuracy": "Every reader",
    "groups": "Groups",
    "roles": "Roles",
    "converse_roles": "Converse roles",
    "macro": "Mean over kinds",
    "models": "Models",
    "beyond_accuracy": "Beyond accuracy",
    "models_by_property": "By property",
    "model_differences": "Differences",
    "every_relation": "Folds",
    "pairs": "Folds",
}
# Name of a figure -> what is said below it.
CAPTIONS = {
    "accuracy": (
        "Mean over the seeds; the band goes from the lowest to the highest seed. A seed that was solved with "
        "fewer samples, so that the sweep left the rest out, keeps its last value. Dashed: the best shortcut "
        "on the same rows. Choose a property above to see its curves."
    ),
    "heat": "Mean over the seeds, and over the forms unless one is chosen above.",
    "cost": "Mean over the seeds. Memory is that of the GPU where one was used.",
    "forgetting": (
        "One marker a run; the line joins the settings (means over seeds) that no other one beats in both."
    ),
    "models": "95 % Wilson interval; dashed: the best constant answer.",
    "reliability": (
        "Share of entailment against its mean probability in 15 bins, of the reading that stands for each "
        "model; on the dashed line a model is calibrated. The size of a marker says how many rows are in a "
        "bin."
    ),
}


def page(sections: Sequence[Section], missing: Table | None, collected: Collected, out: Path) -> str:
    """The text of the page.

    Args:
        sections: what to show, the first one at first.
        missing: the jobs without results, if there are any.
        collected: every run that a section may name.
        out: the folder that the page will stand in; links to run folders are relative to it.
    """
    runs = collected.all
    # A cell names the runs behind it by their places in the list of runs that the script holds.
    places = {run.path: number for number, run in enumerate(runs)}

    def numbers(paths: Sequence[str]) -> str:
        return " ".join(str(places[path]) for path in paths)

    data = script_json(_script_data(sections, runs, out))
    scripts = {
        "css": _trusted_file("page.css"),
        "js": _trusted_file("page.js"),
        "plotly": Markup(get_plotlyjs()),
        "data": Markup(data),
    }
    content = {
        "sections": sections,
        "warnings": [table for table in (broken_table(collected.broken), missing) if table is not None],
        "runs": runs_table(runs, out),
        "filters": filter_values(sections),
    }
    texts = {"lead": lead(collected), "caution": CAUTION, "captions": CAPTIONS, "version": relsym.__version__}
    helpers = {"numbers": numbers, "figures": figures, "nav": nav, "first": FIRST}
    # Undefined is an error: a misspelt name would leave an empty place in the page.
    environment = Environment(autoescape=True, undefined=StrictUndefined, finalize=shown_value)
    template = environment.from_string(_file("page.html.j2"))
    return template.render(scripts | content | texts | helpers)


def _script_data(sections: Sequence[Section], runs: Sequence[AnyResults], out: Path) -> dict[str, Any]:
    """What the page's script reads: the points of every section, the runs behind cells, and how to draw."""
    # The same published weights under several names are one model to the filter.
    aliases = {run.model: run.published for run in runs if run.published}
    points = [section.points for section in sections]
    shown_runs = [_script_run(run, out) for run in runs]
    return {"points": points, "runs": shown_runs, "colours": COLOURS, "scale": SCALE, "aliases": aliases}


def _script_run(run: AnyResults, out: Path) -> dict[str, str]:
    """One run as the list behind a cell shows it."""
    return {
        "name": run.folder.name,
        "href": link_to(run, out),
        "seed": str(run.seed),
        "samples": str(run.train_rows),
        "configuration": run.config_hash[:12],
        "benchmark": run.benchmark.content_hash[:12],
        "commit": commit_text(run),
        "relsym": run.relsym,
    }


def figures(section: Section) -> list[tuple[str, str, bool]]:
    """Name and title of each figure of a section, and whether there is anything to draw.

    A section of trainings names forgetting even without points, so that the page can say it was not measured.
    """
    trainings = "accuracy" in section.points
    named = []
    for name, title in PAGE_FIGURES.items():
        drawn = _has_points(section, name)
        if drawn or (name == "forgetting" and trainings):
            named.append((name, title, drawn))
    return named


def _has_points(section: Section, name: str) -> bool:
    """Whether a section has what a figure draws; that by property draws points of the accuracy."""
    if name != "heat":
        return bool(section.points.get(name))
    accuracy = section.points.get("accuracy", [])
    return any(point["property"] for point in accuracy)


def nav(section: Section, number: int) -> list[tuple[str, str]]:
    """The entries of a section's list of contents, each with its anchor, in the order of the page."""
    best = [("Best results", f"best-{number}")] if section.best else []
    first, others = [], []
    for table in section.tables:
        text = TABLE_NAMES.get(table.name, table.name.replace("_", " ").capitalize())
        entry = (text, f"{table.name}-{number}")
        if table.name in FIRST:
            first.append(entry)
        else:
            others.append(entry)
    drawn = []
    for name, title, _ in figures(section):
        drawn.append((title, f"{name}-figure-{number}"))
    return [*best, *first, *drawn, *others, ("Runs", "runs")]


def script_json(content: Any) -> str:
    """JSON for a script element, its texts ``visible``.

    No text in it can end the element, for it holds no ``<``, ``>`` or ``&``.
    """
    text = json.dumps(visible_values(content), allow_nan=False)
    text = text.replace("<", "\\u003c")
    text = text.replace(">", "\\u003e")
    return text.replace("&", "\\u0026")


def filter_values(sections: Sequence[Section]) -> dict[str, list[str]]:
    """What each filter of the page offers, by its name, in the order of the points."""
    points = []
    for section in sections:
        points += section.points.get("accuracy", [])
        points += section.points.get("models", [])
    filters = {}
    for name in ("model", "objective", "form", "property"):
        # Evaluated models have no objective; "" is the property of all rows together.
        values = [point[name] for point in points if point.get(name)]
        filters[name] = list(dict.fromkeys(values))
    return filters


def shown_value(value: Any) -> Any:
    """A value as a page shows it: a text is ``visible``, but for files of relsym's own."""
    if isinstance(value, str) and not isinstance(value, Markup):
        return visible(value, lines=True)
    return value


def _file(name: str) -> str:
    """The text of a file in this folder."""
    return files("relsym.report.page").joinpath(name).read_text(encoding="utf-8")


def _trusted_file(name: str) -> Markup:
    """A file in this folder as text that the template does not escape."""
    return Markup(_file(name))
