"""The tables and the figure of docs/results/direction.md, from what direction_results.py has measured.

    python benchmarks/direction_page.py

Each table of the page stands between two marks, ``<!-- table: NAME -->`` and ``<!-- end -->``; what lies
between is written anew, and the words around them are kept. ``--check`` writes nothing, and fails where a
table would change.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from direction_record import Record, Share, share
from relsym.data.relation_bank import BANK, read_property_table
from relsym.data.relations import ANTISYMMETRIC, SYMMETRIC, read_relations
from relsym.data.splits import TRAIN
from relsym.report.figures.readers import save_figure
from retrieval import COLUMNS
from runs import markdown as table_of

RESULTS = Path(__file__).parent.parent / "docs" / "results"
MARKED = re.compile(r"(<!-- table: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
FORMS = {"lexicalised": "names", "delexicalised": "ids"}
KINDS = (SYMMETRIC, ANTISYMMETRIC)
PARTS = {
    "real": "real triples, words that trained",
    "real_paraphrases": "real triples, a paraphrase that never trained",
    "real_kept": "real triples, no words that trained",
    "kept_wordings": "relations of the bank, no words that trained",
    "near": "relations that never trained, near",
    "far": "relations that never trained, far",
    "left_out": "Wikidata properties left out, and their like",
}
MEASURES = {"groups": "whole groups", "roles": "roles", "converse_roles": "converse roles", "swap": "swap"}
OBJECTIVES = {
    "random_label": "random labels",
    "knn": "k-NN",
    "knn_learnt": "k-NN, learnt",
    "fixed_label": "fixed labels",
    "finetune": "fine-tuning",
}
CONTROLS = {
    "recipe-0": "the recipe, seed 0",
    "first-0": "its first stage alone",
    "control-recipe": "the first stage, one epoch",
    "control-mean": "mean pooling",
    "control-unrelated": "no term for unrelated facts",
    "control-negations": "no negations",
    "control-converses": "no converses",
    "control-one_zero": "cosine loss, targets 1 and 0",
    "control-cosent": "CoSENT",
    "control-ranking": "ranking, hard negatives",
    "control-finetune": "cross-encoder",
}
RELATIONS = {f"relations-{number}": str(number) for number in (25, 50, 100, 200)}
CURVE = (
    ("groups", SYMMETRIC),
    ("groups", ANTISYMMETRIC),
    ("roles", ANTISYMMETRIC),
    ("swap", SYMMETRIC),
    ("swap", ANTISYMMETRIC),
)


class Page:
    """The tables of one record."""

    def __init__(self, record: Record) -> None:
        self.record = record
        self.tables: dict[str, Callable[[], str]] = {
            "headline": self.headline,
            "properties": self.properties,
            "properties_kept": self.properties_kept,
            "search": self.search,
            "sis": self.sis,
            "nli": self.nli,
            "limits": self.limits,
            "few_rows": self.few_rows,
            "controls": self.controls,
            "costs": self.costs,
            "shipped": self.shipped,
            "similarity": self.similarity,
            "number": self.number,
        }

    def shares(self, part: str, measure: str, form: str, kind: str, runs: str = "recipe-") -> Share | None:
        """Of all seeds together; None where it was not measured, or cannot be asked of these rows."""
        found = [
            figure[measure][form][kind]
            for figure in self.record.named(runs, f"/{part}")
            if kind in figure[measure].get(form, {})
        ]
        return share(found) if found else None

    def shortcut(self, part: str, measure: str, form: str, kind: str) -> tuple[str, float] | None:
        """The best one, and its share."""
        of_part = self.record.figures.get(f"shortcuts/{part}", {})
        return of_part.get(measure, {}).get(form, {}).get(kind)

    def headline(self) -> str:
        """Every part and measure, by kind; both forms, and the best shortcut."""
        rows = []
        for part, title in PARTS.items():
            for measure, name in MEASURES.items():
                for kind in KINDS:
                    shares = [self.shares(part, measure, form, kind) for form in FORMS]
                    # Of symmetric relations whoever knows the kind has the roles.
                    if None in shares or ("roles" in measure and kind == SYMMETRIC):
                        continue
                    best = [self.shortcut(part, measure, form, kind) for form in FORMS]
                    beside = " / ".join("-" if one is None else f"{100 * one[1]:.1f}" for one in best)
                    rows.append((title, f"{name}, {kind}", *shares, beside))
            rows += self.swaps(part, title)
        return table(("asked about", "right", *FORMS.values(), "best shortcut"), rows)

    def swaps(self, part: str, title: str) -> list[tuple[Any, ...]]:
        """Swaps of both kinds, the mean over the kinds, for which alone shortcuts were asked apart."""
        best = self.record.figures.get(f"shortcuts/{part}_swap")
        if best is None:
            return []
        cells = []
        for form in FORMS:
            shares = [self.shares(part, "swap", form, kind) for kind in KINDS]
            cells.append(f"{100 * mean(one.value for one in shares if one is not None):.1f}")
        beside = " / ".join(f"{100 * best[form][1]:.1f}" for form in FORMS)
        return [(title, "swap, both kinds", *cells, beside)]

    def properties(self) -> str:
        """Whole groups on real triples by property, in words that trained."""
        return self.by_property("real")

    def properties_kept(self) -> str:
        """The same in words that never trained."""
        return self.by_property("real_kept")

    def by_property(self, part: str) -> str:
        """Whole groups on real triples by property."""
        names = read_relations()
        rows = []
        for kind in KINDS:
            figures = self.record.named("recipe-", f"/{part}")
            properties = dict.fromkeys(
                property for figure in figures for property in figure["groups"]["lexicalised"][kind]
            )
            for property in properties:
                cells = []
                for form in FORMS:
                    counts = [figure["groups"][form][kind][property] for figure in figures]
                    right, facts = (sum(column) for column in zip(*counts, strict=True))
                    cells.append(f"{100 * right / facts:.1f}")
                rows.append((property, names[property].name, kind, facts // len(figures), *cells))
        return table(("property", "name", "kind", "facts", *FORMS.values()), rows)

    def search(self) -> str:
        """The columns of retrieval.py, mean over seeds."""
        rows = []
        for prefix, title in (
            ("recipe-", "**fixed labels**"),
            ("untrained", "untrained encoder"),
            ("bm25_sign", "BM25 x sign"),
        ):
            figures = self.record.named(prefix, "/search")
            for form in FORMS.values():
                for kind in KINDS if figures else ():
                    cells = [mean(figure[form][kind][column] for figure in figures) for column in COLUMNS]
                    rows.append((title, form, kind, *(f"{100 * cell:.1f}" for cell in cells)))
        return table(("reader", "form", "kind", *COLUMNS), rows)

    def sis(self) -> str:
        """Spearman and AUROC by the part of the sentences."""
        parts = dict.fromkeys(part for figure in self.record.named("", "/sis") for part in figure)
        rows = []
        for prefix, title in (
            ("recipe-", "**fixed labels**"),
            ("untrained", "untrained encoder"),
            ("contains_and", 'the rule "contains and"'),
        ):
            figures = self.record.named(prefix, "/sis")
            for part in parts if figures else ():
                found = [figure[part] for figure in figures]
                cells = [f"{mean(of[name] for of in found):.2f}" for name in ("spearman", "auroc")]
                counts = [found[0][name] for name in ("sentences", "entailment", "contradiction")]
                rows.append((title, part, *counts, *cells))
        return table(
            ("reader", "sentences", "number", "the same", "something else", "Spearman", "AUROC"), rows
        )

    def nli(self) -> str:
        """MNLI and cosines, before and after."""
        rows = []
        for prefix, title in (("untrained", "untrained encoder"), ("recipe-", "**fixed labels**")):
            figures = self.record.named(prefix, "/nli")
            if figures:
                cells = [
                    mean(figure[name] for figure in figures)
                    for name in ("linear", "refit", "own_hypothesis_nearest", "rank_correlation")
                ]
                rows.append((title, *(f"{100 * cell:.1f}" for cell in cells[:3]), f"{cells[3]:.2f}"))
        columns = ("linear probe", "cut points", "own hypothesis nearest", "rank correlation of cosines")
        return table(("encoder", *columns), rows)

    def limits(self) -> str:
        """What is answered where a sign cannot say it."""
        rows = []
        for figure in self.record.named("recipe-", "/negated_premise"):
            for form, shown in FORMS.items():
                for kind, said in figure[form].items():
                    total = sum(said.values())
                    cells = [f"{100 * said.get(label, 0) / total:.1f}" for label in LABELS]
                    rows.append((shown, kind, total, *cells))
        return table(("form", "kind", "rows", *LABELS), rows)

    def few_rows(self) -> str:
        """Whole groups by objective, metric and pooling."""
        rows = []
        for objective, title in OBJECTIVES.items():
            for metric in ("hadamard", "rotate", "none"):
                for pooling in ("mean", "moment"):
                    name = f"few-{objective}-{metric}-{pooling}"
                    cells = self.groups(name, "real")
                    if cells:
                        rows.append((title, metric, pooling, *cells))
        return table(("objective", "metric", "pooling", *KINDS), rows)

    def controls(self) -> str:
        """Whole groups on real triples and on relations that never trained."""
        rows = []
        for name, title in CONTROLS.items():
            cells = [cell for part in ("real", "near", "far") for cell in self.groups(name, part)]
            if cells:
                rows.append((title, *cells))
        parts = ("real", "near", "far")
        return table(("trained", *(f"{part}, {kind}" for part in parts for kind in KINDS)), rows)

    def similarity(self) -> str:
        """Relations that never trained, in four parts by how near the nearest one that trained is."""
        nearest = self.record.figures.get("similarity", {})
        rows = []
        for kind in KINDS:
            by_relation: dict[str, list[tuple[int, int]]] = {}
            for part in ("near", "far"):
                for figure in self.record.named("recipe-", f"/{part}"):
                    for relation, count in figure["groups"]["lexicalised"][kind].items():
                        by_relation.setdefault(relation, []).append(tuple(count))
            ordered = sorted(by_relation, key=nearest.__getitem__) if nearest else []
            for number in range(4):
                quarter = ordered[number * len(ordered) // 4 : (number + 1) * len(ordered) // 4]
                if quarter:
                    one = share(
                        [{relation: count} for relation in quarter for count in by_relation[relation]]
                    )
                    span = f"{nearest[quarter[0]]:.2f} to {nearest[quarter[-1]]:.2f}"
                    rows.append((kind, span, len(quarter), one))
        return table(("kind", "cosine to the nearest", "relations", "whole groups, names"), rows)

    def number(self) -> str:
        """Whole groups, roles and swaps by how many relations trained."""
        rows = []
        for name, title in {**RELATIONS, "control-recipe": "all"}.items():
            for part in ("near", "far"):
                cells = []
                for measure, kind in CURVE:
                    one = self.shares(part, measure, "lexicalised", kind, name)
                    cells.append("-" if one is None else f"{100 * one.value:.1f}")
                if set(cells) != {"-"}:
                    rows.append((title, part, *cells))
        return table(("relations", "part", *(f"{measure}, {kind}" for measure, kind in CURVE)), rows)

    def groups(self, run: str, part: str) -> list[str]:
        """Whole groups of one run, names / ids, by kind; empty where it was not measured."""
        cells = []
        for kind in KINDS:
            shares = [self.shares(part, "groups", form, kind, run) for form in FORMS]
            if None in shares:
                return []
            cells.append(" / ".join(f"{100 * one.value:.1f}" for one in shares if one is not None))
        return cells

    def shipped(self) -> str:
        """Whole groups of the encoder that relsym comes with, beside the run that it was made of."""
        rows = []
        for part, title in PARTS.items():
            cells = [self.groups(run, part) for run in ("recipe-0", "shipped")]
            if all(cells):
                rows.append((title, *(cell for of_run in cells for cell in of_run)))
        whose = ("the run", "as it comes with relsym")
        return table(("asked about", *(f"{run}, {kind}" for run in whose for kind in KINDS)), rows)

    def costs(self) -> str:
        """What the runs took."""
        rows = []
        for name, figure in self.record.figures.items():
            if name.endswith("/costs"):
                shown = (figure["minutes"], figure["gib"], figure["precision"])
                rows.append((name.removesuffix("/costs"), *shown))
        return table(("run", "minutes of training", "GiB", "precision"), rows)

    def draw(self, path: Path) -> None:
        """Whole groups of the worse kind by part, with the best shortcut beside."""
        parts = [part for part in PARTS if self.shares(part, "groups", "lexicalised", SYMMETRIC)]
        figure = Figure(figsize=(8.5, 1.2 + 0.55 * len(parts)), layout="constrained")
        axes = figure.subplots()
        colours = {SYMMETRIC: "#1b6ca8", ANTISYMMETRIC: "#d9822b"}
        for kind, offset in ((SYMMETRIC, -0.14), (ANTISYMMETRIC, 0.14)):
            shares = [self.shares(part, "groups", "lexicalised", kind) for part in parts]
            places = [place + offset for place in range(len(parts))]
            for place, one in zip(places, shares, strict=True):
                if one and one.low is not None and one.high is not None:
                    axes.plot([100 * one.low, 100 * one.high], [place, place], color=colours[kind], lw=2)
            values = [100 * one.value for one in shares if one]
            axes.plot(values, places, "o", color=colours[kind], label=kind)
            best = [self.shortcut(part, "groups", "lexicalised", kind) for part in parts]
            marks = [(100 * one[1], place) for one, place in zip(best, places, strict=True) if one]
            axes.plot(*zip(*marks, strict=True), "|", color=colours[kind], ms=13, mew=2)
        axes.plot([], [], "|", color="grey", ms=13, mew=2, label="best shortcut")
        axes.set_yticks(range(len(parts)), [PARTS[part] for part in parts])
        axes.invert_yaxis()
        axes.set_xlim(-2, 102)
        axes.set_xlabel("facts with all seven items right, with names, in % (95 % interval by relation)")
        axes.grid(axis="x", alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
        figure.legend(loc="outside upper right", ncols=3, frameon=False)
        save_figure(figure, path)

    def draw_number(self, path: Path) -> None:
        """Whole groups and swaps of relations that never trained, by how many did."""
        numbers = numbers_of_relations()
        figure = Figure(figsize=(8.5, 3.6), layout="constrained")
        left, right = figure.subplots(1, 2, sharey=True)
        colours = {SYMMETRIC: "#1b6ca8", ANTISYMMETRIC: "#d9822b"}
        for axes, measure in ((left, "groups"), (right, "swap")):
            for kind in KINDS:
                for part, style in (("near", "o-"), ("far", "s--")):
                    shares = {
                        number: self.shares(part, measure, "lexicalised", kind, name)
                        for name, number in numbers.items()
                    }
                    measured = {number: 100 * one.value for number, one in shares.items() if one}
                    label = f"{kind}, {part}" if measure == "groups" else None
                    axes.plot(
                        list(measured), list(measured.values()), style, color=colours[kind], label=label
                    )
            axes.set_xscale("log", base=2)
            axes.set_xticks(list(numbers.values()), [str(number) for number in numbers.values()])
            axes.set_xlabel("relations that trained")
            axes.set_title("whole groups" if measure == "groups" else "swap alone", fontsize=11)
            axes.set_ylim(0, 102)
            axes.grid(alpha=0.3)
            axes.spines[["top", "right"]].set_visible(False)
        left.set_ylabel("right, with names, in %")
        figure.legend(loc="outside lower center", ncols=4, frameon=False)
        save_figure(figure, path)

    def expected(self, wanted: int) -> dict[str, float]:
        """Whole groups in %, on the line through the logarithm of the number of relations."""
        numbers = numbers_of_relations()
        lines = {}
        for part in ("near", "far"):
            for kind in KINDS:
                shares = [self.shares(part, "groups", "lexicalised", kind, name) for name in numbers]
                values = [100 * one.value for one in shares if one]
                slope, start = np.polyfit(np.log2(list(numbers.values())), values, 1)
                lines[f"{part}, {kind}"] = float(start + slope * np.log2(wanted))
        return lines


LABELS = ("entailment", "neutral", "contradiction")


def numbers_of_relations() -> dict[str, int]:
    """How many relations each run trained on."""
    trained = [one for one in read_property_table(BANK).values() if one.side == TRAIN]
    return {name: int(title) for name, title in RELATIONS.items()} | {"control-recipe": len(trained)}


def table(header: tuple[str, ...], rows: list[tuple[Any, ...]]) -> str:
    """A Markdown table; nothing where nothing was measured."""
    return table_of(header, rows) if rows else ""


def filled(text: str, page: Page) -> str:
    """The page with its tables written anew.

    Raises:
        KeyError: a mark names no table.
    """

    def anew(match: re.Match[str]) -> str:
        return match[1] + page.tables[match[2]]() + match[3]

    return MARKED.sub(anew, text)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    path = RESULTS / "direction.md"
    page = Page(Record(RESULTS / "direction.json"))
    old = path.read_text(encoding="utf-8")
    new = filled(old, page)
    if arguments.check:
        sys.exit(0 if new == old else f"{path} is not what the record says: run {parser.prog}.")
    path.write_text(new, encoding="utf-8")
    page.draw(path.with_suffix(".png"))
    page.draw_number(RESULTS / "direction_number.png")
    for rows, value in page.expected(1000).items():
        print(f"whole groups at 1,000 relations, {rows}: {value:.0f}")


if __name__ == "__main__":
    main()
