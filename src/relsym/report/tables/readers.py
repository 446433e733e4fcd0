"""Finished runs -> lines of one table, in the shape of the paper's Table 2."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from statistics import mean, stdev
from typing import Any, NamedTuple

from relsym.report.labels import ENCODER_READERS, READERS, forms_of, metric_of, objective_of, percent, place_of, seeds_of
from relsym.runs.metric_keys import measure_of

MEASURES = {"accuracy": "Accuracy in %", "groups": "Group accuracy in % (facts with every item right)",
            "macro": "Mean over kinds of the mean over their properties in %"}
FOLDS = {"loo-": "Every relation held out in its turn: mean over kinds of the mean over their relations in %",
         "pair-": "Pairs of relations held out: mean over kinds in %"}
# First word of a title -> name of its files.
FILES = {"Accuracy": "accuracy", "Group": "groups", "Mean": "macro", "Every": "every_relation", "Pairs": "pairs"}
MODEL_READERS = ("test/accuracy", "validation/accuracy")


class _Key(NamedTuple):
    """What the runs behind one line share, in the order in which lines are sorted."""

    place: int
    samples: int
    reader: str
    model: str
    setting: str
    name: str
    objective: str = ""


@dataclass(frozen=True)
class Line:
    """One reader: its accuracies by form, one per seed, and the runs' common facts."""

    reader: str
    model: str
    samples: int
    seeds: tuple[tuple[int, int], ...]
    values: dict[str, tuple[float, ...]]
    intervals: dict[str, tuple[float, float]]
    objective: str
    runs: tuple[str, ...]

    @property
    def retrained(self) -> bool:
        """Whether an objective has had a part in it; else it is a shortcut or the encoder as it came."""
        return bool(self.objective)

    def cell(self, form: str) -> str:
        """Mean in per cent; with several seeds the standard deviation, with one the 95 % interval of the rows.

        Two decimals: one wrong row in 2,000 must not read 100.
        """
        values = self.values[form]
        text = percent(mean(values))
        if len(values) > 1:
            return f"{text} ± {percent(stdev(values))}"
        low, high = self.intervals.get(form, (None, None))
        return text if low is None else f"{text} [{percent(low)}, {percent(high)}]"


def tables(title: str, runs: list[dict[str, Any]]) -> dict[str, list[Line]]:
    """The lines of every measure that the runs of one scope have, shortcuts first."""
    found = {f"{what}, {title}": _lines(runs, measure) for measure, what in MEASURES.items()
             if measure != "macro" or "held out" in title}  # elsewhere it says what the accuracy says
    return {name: lines for name, lines in found.items() if lines}


def file_name(title: str) -> str:
    """What the files of a table are called."""
    return FILES[title.split()[0]]


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
                groups.setdefault(_key(name, run), {}).setdefault(seeds_of(run), []).append(run)
    lines = []
    for key, by_seed in sorted(groups.items()):
        forms = forms_of(runs[0])
        values = {form: tuple(headline(key.name, form, folds) for _, folds in sorted(by_seed.items())) for form in forms}
        numbers = sorted({len({run["fold"] for run in folds}) for folds in by_seed.values()})
        told = f"{key.reader}, {' or '.join(map(str, numbers))} folds"
        runs_of = tuple(run["path"] for _, folds in sorted(by_seed.items()) for run in folds)
        lines.append(Line(told, key.model, key.samples, tuple(sorted(by_seed)), values, {}, key.objective, runs_of))
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
            if (other := by_seed.setdefault(seeds_of(run), run))["metrics"] != run["metrics"] and name in MODEL_READERS:
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
    samples = run["rows"]["train"]
    if name in MODEL_READERS:
        reader = objective_of(run)
        return _Key(len(READERS) + place_of(run), samples, reader, run["model"], run["setting_hashes"]["all"], name, reader)
    if name in ENCODER_READERS:
        reader = f"{READERS[name].replace('untrained', 'before retraining') if run['init'] else READERS[name]} ({metric_of(run)})"
        return _Key(list(READERS).index(name), samples, reader, run["model"], run["setting_hashes"]["encoder"], name)
    return _Key(list(READERS).index(name), samples, READERS[name], "-", run["setting_hashes"]["data"], name)


def _line(key: _Key, by_seed: dict[tuple[int, int], dict[str, Any]], ambiguous: bool, measure: str) -> Line:
    """Two settings that would read the same are told apart by the head of their hash."""
    runs = [by_seed[seed] for seed in sorted(by_seed)]
    name = measure_of(key.name, measure)
    forms = forms_of(runs[0])
    kinds = sorted(metric.rsplit("/", 1)[1] for metric in runs[0]["metrics"] if metric.startswith(f"{name}/{forms[0]}/"))
    columns = {form: form for form in forms}
    if measure == "groups":
        columns = {f"{form}, {kind}": f"{form}/{kind}" for form in forms for kind in kinds}
    found = {column: runs[0]["intervals"].get(f"{name}/{place}") for column, place in columns.items()}
    return Line(f"{key.reader} #{key.setting[:6]}" if ambiguous else key.reader, key.model, key.samples, tuple(sorted(by_seed)),
                {column: tuple(run["metrics"][f"{name}/{place}"] for run in runs) for column, place in columns.items()},
                {column: (interval["low"], interval["high"]) for column, interval in found.items() if interval}, key.objective,
                tuple(run["path"] for run in runs))
