"""The report as one self-contained page: tables, figures that answer to the pointer, no address
outside it.
"""

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
from relsym.report.tables.origins import commit_text, link_to, runs_table
from relsym.report.wording import CAUTION

FIRST = ("samples_to_solved", "table2", "table4", "models")
PAGE_FIGURES = {
    "accuracy": "Accuracy against samples",
    "heat": "Accuracy by property and samples",
    "cost": "Time and memory",
    "forgetting": "Accuracy against forgetting",
    "models": "Accuracy of every reading",
    "reliability": "Calibration",
}
TABLE_NAMES = {
    "samples_to_solved": "Samples to solve it",
    "table2": "Table 2",
    "table4": "Table 4",
    "comparisons": "Differences",
    "properties": "By property",
    "samples_by_seed": "By seed",
    "accuracy": "Every reader",
    "groups": "Groups",
    "macro": "Mean over kinds",
    "models": "Models",
    "beyond_accuracy": "Beyond accuracy",
    "models_by_property": "By property",
    "model_differences": "Differences",
}
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
    """The page's text."""
    runs = collected.all
    places = {run.path: number for number, run in enumerate(runs)}
    known = [
        {
            "name": run.folder.name,
            "href": link_to(run, out),
            "seed": str(run.seed),
            "samples": str(run.train_rows),
            "configuration": run.config_hash[:12],
            "benchmark": run.benchmark.content_hash[:12],
            "commit": commit_text(run),
            "relsym": run.relsym,
        }
        for run in runs
    ]
    # The same published weights under several names are one model to the filter.
    aliases = {run.model: run.published for run in runs if run.published}
    content = {
        "points": [section.points for section in sections],
        "runs": known,
        "colours": COLOURS,
        "scale": SCALE,
        "aliases": aliases,
    }
    environment = Environment(autoescape=True, undefined=StrictUndefined)
    return environment.from_string(_file("page.html.j2")).render(
        css=Markup(_file("page.css")),
        js=Markup(_file("page.js")),
        plotly=Markup(get_plotlyjs()),
        data=Markup(script_json(content)),
        numbers=lambda paths: " ".join(str(places[path]) for path in paths),
        sections=sections,
        missing=missing,
        runs=runs_table(runs, out),
        filters=filter_values(sections),
        first=FIRST,
        figures=figures,
        nav=nav,
        captions=CAPTIONS,
        caution=CAUTION,
        lead=lead(collected),
        version=relsym.__version__,
    )


def figures(section: Section) -> list[tuple[str, str, bool]]:
    """Name and title of each figure of a section, and whether there is anything to draw;
    forgetting is named in any case.
    """
    points = section.points
    accuracy = points.get("accuracy", [])
    named = []
    for name, title in PAGE_FIGURES.items():
        drawn = any(point["property"] for point in accuracy) if name == "heat" else bool(points.get(name))
        if drawn or (name == "forgetting" and "accuracy" in points):
            named.append((name, title, drawn))
    return named


def nav(section: Section, number: int) -> list[tuple[str, str]]:
    """What a section's list of contents says, and where it leads; in the order of the page."""
    tables = [(TABLE_NAMES.get(table.name, "Folds"), f"{table.name}-{number}") for table in section.tables]
    ahead = [entry for entry, table in zip(tables, section.tables, strict=True) if table.name in FIRST]
    best = [("Best results", f"best-{number}")] if section.best else []
    drawn = [(title, f"{name}-figure-{number}") for name, title, _ in figures(section)]
    return [*best, *ahead, *drawn, *(entry for entry in tables if entry not in ahead), ("Runs", "runs")]


def script_json(content: Any) -> str:
    """JSON that no tag inside it can end: it stands in a script element."""
    text = json.dumps(content, allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def filter_values(sections: Sequence[Section]) -> dict[str, list[str]]:
    """What each filter offers."""
    points = [
        point
        for section in sections
        for name in ("accuracy", "models")
        for point in section.points.get(name, [])
    ]
    return {
        name: list(dict.fromkeys(point[name] for point in points if point.get(name)))
        for name in ("model", "objective", "form", "property")
    }


def _file(name: str) -> str:
    return files("relsym.report.page").joinpath(name).read_text(encoding="utf-8")
