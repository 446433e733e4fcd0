"""Finished runs -> lines of one table, in the shape of the paper's Table 2: every reader of the same rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import mean, stdev
from typing import NamedTuple

from relsym.report.tables.ladders import Seeds
from relsym.report.wording import percent
from relsym.runs.metric_keys import measure_of
from relsym.runs.results import TrainResults

# Measure -> title of its table.
TITLES = {
    "accuracy": "Accuracy in %",
    "groups": "Group accuracy in % (facts with every item right)",
    "macro": "Mean over kinds of the mean over their properties in %",
}
# How the names of folds begin -> title of the table over them.
FOLD_TITLES = {
    "loo-": "Every relation held out in its turn: mean over kinds of the mean over their relations in %",
    "pair-": "Pairs of relations held out: mean over kinds in %",
}
# First word of a title -> name of its files.
TABLE_FILES = {
    "Accuracy": "accuracy",
    "Group": "groups",
    "Mean": "macro",
    "Every": "every_relation",
    "Pairs": "pairs",
}


class _LineKey(NamedTuple):
    """What the runs behind one line share, in the order in which lines are sorted: retrained models stand
    below all others.
    """

    retrained: bool
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
    seeds: tuple[Seeds, ...]
    values: dict[str, tuple[float, ...]]
    intervals: dict[str, tuple[float, float]]
    objective: str
    runs: tuple[str, ...]

    @property
    def retrained(self) -> bool:
        """Whether an objective has had a part in it; else it is a shortcut or the encoder as it came."""
        return bool(self.objective)

    def cell(self, form: str) -> str:
        """Mean in per cent; with several seeds the standard deviation, with one the 95 % interval of the
        rows.

        Two decimals: one wrong row in 2,000 must not read 100.
        """
        values = self.values[form]
        text = percent(mean(values))
        if len(values) > 1:
            return f"{text} ± {percent(stdev(values))}"
        if form not in self.intervals:
            return text
        low, high = self.intervals[form]
        return f"{text} [{percent(low)}, {percent(high)}]"


def tables(title: str, runs: Sequence[TrainResults]) -> dict[str, list[Line]]:
    """The lines of every measure that the runs of one scope have, shortcuts first."""
    by_title = {}
    for measure, what in TITLES.items():
        if measure == "macro" and "held out" not in title:
            continue  # it says what the accuracy says
        lines = _lines(runs, measure)
        if lines:
            by_title[f"{what}, {title}"] = lines
    return by_title


def file_name(title: str) -> str:
    """What the files of a table are called."""
    return TABLE_FILES[title.split()[0]]


def headlines(runs: Sequence[TrainResults]) -> dict[str, list[Line]]:
    """Over runs that hold out one relation each, or one of each kind: the mean over the kinds of the mean
    over their relations.
    """
    families: dict[str, list[TrainResults]] = {}
    for run in runs:
        for prefix, text in FOLD_TITLES.items():
            if (run.benchmark.fold or "").startswith(prefix):
                benchmark = f"{run.benchmark.title} {run.benchmark.content_hash[:8]}"
                families.setdefault(f"{text}, {benchmark}, {run.score_on} rows", []).append(run)
    return {title: _headline_lines(group) for title, group in families.items()}


def _headline_lines(runs: Sequence[TrainResults]) -> list[Line]:
    groups: dict[_LineKey, dict[Seeds, list[TrainResults]]] = {}
    for run in runs:
        for name in _reader_names(run):
            if _has_figures(run, fold_measure(name, run)):
                groups.setdefault(_line_key(name, run), {}).setdefault(run.seeds, []).append(run)
    forms = runs[0].forms
    lines = []
    for key, folds_by_seed in sorted(groups.items()):
        by_seed = sorted(folds_by_seed.items())
        values = {form: tuple(headline(key.name, form, folds) for _, folds in by_seed) for form in forms}
        numbers = sorted({len({run.benchmark.fold for run in folds}) for _, folds in by_seed})
        title = f"{key.reader}, {' or '.join(map(str, numbers))} folds"
        paths = []
        for _, folds in by_seed:
            paths += [run.path for run in folds]
        seeds = tuple(seed for seed, _ in by_seed)
        lines.append(Line(title, key.model, key.samples, seeds, values, {}, key.objective, tuple(paths)))
    return lines


def headline(name: str, form: str, runs: Sequence[TrainResults]) -> float:
    """The mean over the kinds of the mean over runs: each holds out one relation of a kind, or
    one of both.
    """
    of_kind: dict[str, list[float]] = {}
    for run in runs:
        kinds = " ".join(sorted(set(run.benchmark.kinds.values())))
        of_kind.setdefault(kinds, []).append(run.metrics[f"{fold_measure(name, run)}/{form}"])
    return mean(mean(values) for values in of_kind.values())


def fold_measure(name: str, run: TrainResults) -> str:
    """The measure of one fold: where it holds out both kinds, they count alike whatever their numbers of
    rows.
    """
    return measure_of(name, "macro") if len(run.benchmark.kinds) > 1 else name


def _reader_names(run: TrainResults) -> Iterator[str]:
    """Every reader of a run's rows: those without retraining, then the model itself."""
    yield from run.readers
    yield run.accuracy_key


def _has_figures(run: TrainResults, name: str) -> bool:
    return any(key.startswith(f"{name}/") for key in run.metrics)


def _lines(runs: Sequence[TrainResults], measure: str) -> list[Line]:
    """The lines of one measure; none if no run has it."""
    groups: dict[_LineKey, dict[Seeds, TrainResults]] = {}
    for run in runs:
        for name in _reader_names(run):
            if not _has_figures(run, measure_of(name, measure)):
                continue
            by_seed = groups.setdefault(_line_key(name, run), {})
            other = by_seed.setdefault(run.seeds, run)
            if name == run.accuracy_key and other.metrics != run.metrics:
                raise ValueError(
                    f"{other.path} and {run.path} are the same run with different results (another "
                    "version?). "
                    "Leave one of them out."
                )
    shown = Counter((key.reader, key.model, key.samples) for key in groups)
    lines = []
    for key, by_seed in sorted(groups.items()):
        ambiguous = shown[key.reader, key.model, key.samples] > 1
        lines.append(_line(key, by_seed, ambiguous, measure))
    return lower_first(lines) if lines and measure == "groups" else lines


def lower_first(lines: Sequence[Line]) -> list[Line]:
    """Of each form, the kind that the retrained models know worse stands first."""
    models = [line for line in lines if line.retrained] or lines
    level = {}
    for column in lines[0].values:
        level[column] = mean(mean(line.values[column]) for line in models)
    forms = list(dict.fromkeys(column.split(", ")[0] for column in level))
    order = sorted(level, key=lambda column: (forms.index(column.split(", ")[0]), level[column]))
    return [replace(line, values={column: line.values[column] for column in order}) for line in lines]


def _line_key(name: str, run: TrainResults) -> _LineKey:
    """Shortcuts depend on the drawn rows alone, the untrained encoder on its read-out too, a retrained one on
    everything.
    """
    if name == run.accuracy_key:
        label = run.objective.label
        return _LineKey(
            True, run.objective.place, run.train_rows, label, run.model, run.settings.all, name, label
        )
    reader = run.readers[name]
    if reader.encoder:
        return _LineKey(
            False, reader.place, run.train_rows, reader.title, run.model, run.settings.encoder, name
        )
    setting = reader.setting or run.settings.data
    return _LineKey(False, reader.place, run.train_rows, reader.title, "-", setting, name)


def _line(key: _LineKey, by_seed: dict[Seeds, TrainResults], ambiguous: bool, measure: str) -> Line:
    """Two settings that would read the same are told apart by the head of their hash."""
    seeds = sorted(by_seed)
    runs = [by_seed[seed] for seed in seeds]
    name = measure_of(key.name, measure)
    values, intervals = {}, {}
    for column, place in _columns(runs[0], name, measure).items():
        metric = f"{name}/{place}"
        values[column] = tuple(run.metrics[metric] for run in runs)
        interval = runs[0].intervals.get(metric)
        if interval is not None:
            intervals[column] = (interval.low, interval.high)
    title = f"{key.reader} #{key.setting[:6]}" if ambiguous else key.reader
    paths = tuple(run.path for run in runs)
    return Line(title, key.model, key.samples, tuple(seeds), values, intervals, key.objective, paths)


def _columns(run: TrainResults, name: str, measure: str) -> dict[str, str]:
    """Heading -> the end of the metric's key: one for each form; of group accuracy one for each form and
    kind.
    """
    if measure != "groups":
        return {form: form for form in run.forms}
    beginning = f"{name}/{run.forms[0]}/"
    kinds = sorted(key.removeprefix(beginning) for key in run.metrics if key.startswith(beginning))
    columns = {}
    for form in run.forms:
        for kind in kinds:
            columns[f"{form}, {kind}"] = f"{form}/{kind}"
    return columns
