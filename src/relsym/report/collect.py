"""Finished runs -> lines of one table, in the shape of the paper's Table 2."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import mean, stdev
from typing import Any, NamedTuple

from relsym.evaluation.measures import measure_of

# Reader -> what a person calls it, in the order of the table.
OBJECTIVES = {"random_label": "random label embeddings", "knn": "k-NN", "knn_learnt": "k-NN with learnt metric", "finetune": "fine-tuning"}
READERS = {"reference/constant": "best constant answer", "shortcut/majority": "majority label",
           "shortcut/template_lookup": "template look-up",
           "shortcut/hypothesis_only": "hypothesis only", "shortcut/bag_of_words": "bag of words", "shortcut/word_order": "word order",
           "shortcut/entity_pair": "entity pair only",
           "untrained/random_label": "untrained, random label embeddings", "shortcut/knn_untrained": "untrained, k-NN"}
ENCODER_READERS = ("untrained/random_label", "shortcut/knn_untrained")
MEASURES = {"accuracy": "Accuracy in %", "groups": "Group accuracy in % (facts with every item right)",
            "macro": "Mean over kinds of the mean over their properties in %"}
FOLDS = {"loo-": "Every relation held out in its turn: mean over kinds of the mean over their relations in %",
         "pair-": "Pairs of relations held out: mean over kinds in %"}
MODEL_READERS = ("test/accuracy", "validation/accuracy")


class _Key(NamedTuple):
    """What the runs behind one line share, in the order in which lines are sorted."""

    place: int
    samples: int
    reader: str
    model: str
    setting: str
    name: str


@dataclass(frozen=True)
class Line:
    """One reader: its accuracies by form, one per seed, and the runs' common facts."""

    reader: str
    model: str
    samples: int
    seeds: tuple[tuple[int, int], ...]
    values: dict[str, tuple[float, ...]]
    intervals: dict[str, tuple[float, float]]
    retrained: bool

    def cell(self, form: str) -> str:
        """Mean in per cent; with several seeds the standard deviation, with one the 95 % interval of the rows.

        Two decimals: one wrong row in 2,000 must not read 100.
        """
        values = self.values[form]
        text = f"{100 * mean(values):.2f}"
        if len(values) > 1:
            return f"{text} ± {100 * stdev(values):.2f}"
        low, high = self.intervals.get(form, (None, None))
        return text if low is None else f"{text} [{100 * low:.2f}, {100 * high:.2f}]"


def read_runs(folders: Iterable[str | Path]) -> list[dict[str, Any]]:
    """Every ``results.json`` below the folders.

    Raises:
        FileNotFoundError: there is none.  ValueError: one is not JSON.
    """
    paths = sorted({path for folder in folders for path in Path(folder).expanduser().rglob("results.json")})
    if not paths:
        raise FileNotFoundError(f"runs={', '.join(map(str, folders))}: no results.json below. Pass runs=FOLDER of finished runs.")
    return [_read(path) for path in paths]


def tables(runs: list[dict[str, Any]]) -> dict[str, list[Line]]:
    """One list of lines per benchmark (by content hash), sides, scored rows and measure, shortcuts first."""
    by_rows: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for run in runs:
        rows = ", ".join(f"{count} {form}" for form, count in run["rows"].items() if form != "train")
        sides = f", split {run['sides']}" if run["sides"] else ""
        title = f"{run['benchmark']} {run['benchmark_hash'][:8]}{sides}, {run['score_on']} rows: {rows}"
        by_rows.setdefault((title, run["rows_hash"]), []).append(run)
    twice = Counter(title for title, _ in by_rows)
    by_benchmark = {f"{title}, rows #{rows[:6]}" if twice[title] > 1 else title: group for (title, rows), group in by_rows.items()}
    found = {f"{what}, {title}": _lines(group, measure) for measure, what in MEASURES.items() for title, group in by_benchmark.items()
             if measure != "macro" or "held out" in title}  # elsewhere it says what the accuracy says
    return {title: lines for title, lines in {**found, **headlines(runs)}.items() if lines}


def headlines(runs: list[dict[str, Any]]) -> dict[str, list[Line]]:
    """Over runs that hold out one relation each, or one of each kind: the mean over the kinds of the mean over their relations."""
    families: dict[str, list[dict[str, Any]]] = {}
    for run in runs:
        if family := next((text for prefix, text in FOLDS.items() if (run["fold"] or "").startswith(prefix)), None):
            families.setdefault(f"{family}, {run['benchmark']} {run['benchmark_hash'][:8]}, {run['score_on']} rows", []).append(run)
    return {title: _headline_lines(group) for title, group in families.items()}


def _headline_lines(runs: list[dict[str, Any]]) -> list[Line]:
    groups: dict[_Key, dict[tuple[int, int], list[dict[str, Any]]]] = {}
    for run in runs:
        for name in (*READERS, *MODEL_READERS):
            if any(key.startswith(f"{_of_fold(name, run)}/") for key in run["metrics"]):
                groups.setdefault(_key(name, run), {}).setdefault((run["seed"], run["sample_seed"]), []).append(run)
    lines = []
    for key, by_seed in sorted(groups.items()):
        forms = [form for form in runs[0]["rows"] if form != "train"]
        values = {form: tuple(headline(key.name, form, folds) for _, folds in sorted(by_seed.items())) for form in forms}
        numbers = sorted({len({run["fold"] for run in folds}) for folds in by_seed.values()})
        told = f"{key.reader}, {' or '.join(map(str, numbers))} folds"
        lines.append(Line(told, key.model, key.samples, tuple(sorted(by_seed)), values, {}, key.name in MODEL_READERS))
    return lines


def headline(name: str, form: str, runs: list[dict[str, Any]]) -> float:
    """The mean over the kinds of the mean over runs: each holds out one relation of a kind, or one of both."""
    of_kind: dict[str, list[float]] = {}
    for run in runs:
        of_kind.setdefault(" ".join(sorted(set(run["kinds"].values()))), []).append(run["metrics"][f"{_of_fold(name, run)}/{form}"])
    return mean(map(mean, of_kind.values()))


def _of_fold(name: str, run: dict[str, Any]) -> str:
    """The measure of one fold: where it holds out both kinds, they count alike whatever their numbers of rows."""
    return measure_of(name, "macro") if len(run["kinds"]) > 1 else name


def _lines(runs: list[dict[str, Any]], measure: str) -> list[Line]:
    """The lines of one measure; none if no run has it."""
    groups: dict[_Key, dict[tuple[int, int], dict[str, Any]]] = {}
    for run in runs:
        for name in (*READERS, *MODEL_READERS):
            if not any(key.startswith(f"{measure_of(name, measure)}/") for key in run["metrics"]):
                continue
            by_seed = groups.setdefault(_key(name, run), {})
            if (other := by_seed.setdefault((run["seed"], run["sample_seed"]), run))["metrics"] != run["metrics"] and name in MODEL_READERS:
                raise ValueError(f"{other['path']} and {run['path']} are the same run with different results (another version?). "
                                 "Leave one of them out.")
    shown = Counter((key.reader, key.model, key.samples) for key in groups)
    lines = [_line(key, by_seed, shown[key.reader, key.model, key.samples] > 1, measure) for key, by_seed in sorted(groups.items())]
    return lower_first(lines) if lines and measure == "groups" else lines


def lower_first(lines: list[Line]) -> list[Line]:
    """Of each form, the kind that the retrained models know worse stands first."""
    models = [line for line in lines if line.retrained] or lines
    level = {column: mean(mean(line.values[column]) for line in models) for column in lines[0].values}
    forms = list(dict.fromkeys(column.split(", ")[0] for column in level))
    order = sorted(level, key=lambda column: (forms.index(column.split(", ")[0]), level[column]))
    return [replace(line, values={column: line.values[column] for column in order}) for line in lines]


def _key(name: str, run: dict[str, Any]) -> _Key:
    """Shortcuts depend on the drawn rows alone, the untrained encoder on its read-out too, a retrained one on everything."""
    choices, samples = run["choices"], run["rows"]["train"]
    metric = {"none": "pair"}.get(choices["metric"], choices["metric"])
    if name in MODEL_READERS:
        place = list(OBJECTIVES).index(choices["objective"]) if choices["objective"] in OBJECTIVES else len(OBJECTIVES)
        reader = OBJECTIVES.get(choices["objective"], choices["objective"]) + ("" if metric == "pair" else f" ({metric})")
        return _Key(len(READERS) + place, samples, reader, run["model"], run["setting_hashes"]["all"], name)
    if name in ENCODER_READERS:
        reader = f"{READERS[name].replace('untrained', 'before retraining') if run['init'] else READERS[name]} ({metric})"
        return _Key(list(READERS).index(name), samples, reader, run["model"], run["setting_hashes"]["encoder"], name)
    return _Key(list(READERS).index(name), samples, READERS[name], "-", run["setting_hashes"]["data"], name)


def _line(key: _Key, by_seed: dict[tuple[int, int], dict[str, Any]], ambiguous: bool, measure: str) -> Line:
    """Two settings that would read the same are told apart by the head of their hash."""
    runs = [by_seed[seed] for seed in sorted(by_seed)]
    name = measure_of(key.name, measure)
    forms = [form for form in runs[0]["rows"] if form != "train"]
    kinds = sorted(metric.rsplit("/", 1)[1] for metric in runs[0]["metrics"] if metric.startswith(f"{name}/{forms[0]}/"))
    columns = {form: form for form in forms}
    if measure == "groups":
        columns = {f"{form}, {kind}": f"{form}/{kind}" for form in forms for kind in kinds}
    found = {column: runs[0]["intervals"].get(f"{name}/{place}") for column, place in columns.items()}
    return Line(f"{key.reader} #{key.setting[:6]}" if ambiguous else key.reader, key.model, key.samples, tuple(sorted(by_seed)),
                {column: tuple(run["metrics"][f"{name}/{place}"] for run in runs) for column, place in columns.items()},
                {column: (interval["low"], interval["high"]) for column, interval in found.items() if interval}, key.name in MODEL_READERS)


def _read(path: Path) -> dict[str, Any]:
    try:
        results = json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise ValueError(f"{path}: not JSON ({error}). Delete it and run that job again.") from error
    if not isinstance(results, dict) or results.get("task") != "train":
        raise ValueError(f"{path}: not the results of relsym train. Pass runs=FOLDER of its runs alone.")
    if missing := [key for key in ("benchmark", "sides", "fold", "rows_hash", "kinds") if key not in results]:
        raise ValueError(f"{path}: no {', '.join(missing)}: written by another version. Run that job again, or leave it out.")
    return {**results, "path": str(path)}
