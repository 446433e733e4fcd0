"""Finished runs -> lines of one table, in the shape of the paper's Table 2: every reader of the same rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import mean, stdev
from typing import NamedTuple

from relsym.report.tables.ladders import Seeds
from relsym.report.wording import percent
from relsym.runs.metric_keys import ROLE_MEASURES, measure_of
from relsym.runs.results import TrainResults

# Measure -> title of its table.
TITLES = {
    "accuracy": "Accuracy in %",
    "groups": "Group accuracy in % (facts with every item right)",
    "roles": "Roles in % (facts with paraphrase and swapped paraphrase right)",
    "converse_roles": "Converse roles in % (facts with converse and swapped converse right)",
    "macro": "Mean over kinds of the mean over their properties in %",
}
BY_KIND = ("groups", *ROLE_MEASURES)  # shares of facts, with a column for each form and kind
# How the names of folds begin -> title of the table over them.
FOLD_TITLES = {
    "loo-": "Every relation held out in its turn: mean over kinds of the mean over their relations in %",
    "pair-": "Pairs of relations held out: mean over kinds in %",
}
# First word of a title -> name of its files.
TABLE_FILES = {
    "Accuracy": "accuracy",
    "Group": "groups",
    "Roles": "roles",
    "Converse": "converse_roles",
    "Mean": "macro",
    "Every": "every_relation",
    "Pairs": "pairs",
}


class _LineKey(NamedTuple):
    """What the runs behind one line share; lines are sorted by it, field after field.

    retrained: whether it is a retrained model: these stand below all others.
    place: of the reader, in the order of the table.
    reader: its title.
    setting: hash of all that may not differ between the runs but their seeds.
    name: of the metric that holds its accuracy, without the form.
    objective: label of the objective; "" for what is not retrained.
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
    """One reader: its figures, and what its runs have in common.

    values: by column, one for each seed, in [0, 1].
    intervals: by column, the 95 % interval (low, high) of the first seed's figure, where it has one.
    objective: label of the objective that retrained it; "" for all others.
    runs: paths of the results behind it.
    """

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
        """The mean of one column in per cent, with the standard deviation over several seeds.

        With one seed the 95 % interval of the rows follows instead. Two decimals: one wrong row in 2,000 must
        not read 100.
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
    """The lines of every measure that the runs of one scope have, by the title of its table.

    Args:
        title: of the scope, see ``Scope``.
    """
    by_title = {}
    for measure, beginning in TITLES.items():
        # Where nothing is held out it says what the accuracy says.
        if measure == "macro" and "held out" not in title:
            continue
        lines = _lines(runs, measure)
        if lines:
            by_title[f"{beginning}, {title}"] = lines
    return by_title


def file_name(title: str) -> str:
    """What the files of a table are called, by its title."""
    first_word = title.split()[0]
    return TABLE_FILES[first_word]


def headlines(runs: Sequence[TrainResults]) -> dict[str, list[Line]]:
    """Over runs that hold out relations in turn (folds): every reader's mean over the kinds, by table title.

    Each fold holds out one relation, or one of each kind; a kind's figure is the mean over its relations.
    """
    families: dict[str, list[TrainResults]] = {}
    for run in runs:
        for prefix, beginning in FOLD_TITLES.items():
            if (run.benchmark.fold or "").startswith(prefix):
                benchmark = f"{run.benchmark.title} {run.benchmark.content_hash[:8]}"
                title = f"{beginning}, {benchmark}, {run.score_on} rows"
                families.setdefault(title, []).append(run)
    return {title: _headline_lines(folds) for title, folds in families.items()}


def _headline_lines(runs: Sequence[TrainResults]) -> list[Line]:
    """The lines of one table over folds, in the order of their keys."""
    # The folds of each line and seed.
    groups: dict[_LineKey, dict[Seeds, list[TrainResults]]] = {}
    for run in runs:
        for name in _reader_names(run):
            if not _has_figures(run, fold_measure(name, run)):
                continue
            by_seed = groups.setdefault(_line_key(name, run), {})
            by_seed.setdefault(run.seeds, []).append(run)
    forms = runs[0].forms
    lines = []
    for key, by_seed in sorted(groups.items()):
        lines.append(_headline_line(key, by_seed, forms))
    return lines


def _headline_line(key: _LineKey, by_seed: dict[Seeds, list[TrainResults]], forms: Sequence[str]) -> Line:
    """One reader over the folds of each seed."""
    seeds = sorted(by_seed)
    values = {}
    for form in forms:
        values[form] = tuple(headline(key.name, form, by_seed[seed]) for seed in seeds)
    paths: list[str] = []
    # How many folds there are: not every seed may have run all of them.
    numbers = set()
    for seed in seeds:
        folds = by_seed[seed]
        paths += [run.path for run in folds]
        names = {run.benchmark.fold for run in folds}
        numbers.add(len(names))
    numbers_text = " or ".join(str(number) for number in sorted(numbers))
    return Line(
        reader=f"{key.reader}, {numbers_text} folds",
        model=key.model,
        samples=key.samples,
        seeds=tuple(seeds),
        values=values,
        intervals={},
        objective=key.objective,
        runs=tuple(paths),
    )


def headline(name: str, form: str, runs: Sequence[TrainResults]) -> float:
    """The mean over the kinds of relations of the mean over the runs that hold out one of that kind.

    Runs that hold out a relation of each kind are a group of their own.

    Args:
        name: of a reader's accuracy: ``test/accuracy``, ``shortcut/majority``.
        runs: the folds of one seed.
    """
    of_kinds: dict[str, list[float]] = {}
    for run in runs:
        kinds = " ".join(sorted(set(run.benchmark.kinds.values())))
        value = run.metrics[f"{fold_measure(name, run)}/{form}"]
        of_kinds.setdefault(kinds, []).append(value)
    return mean(mean(values) for values in of_kinds.values())


def fold_measure(name: str, run: TrainResults) -> str:
    """The name of the metric that is one fold's figure.

    Where a fold holds out relations of both kinds, these count alike whatever their numbers of rows.
    """
    if len(run.benchmark.kinds) > 1:
        return measure_of(name, "macro")
    return name


def _reader_names(run: TrainResults) -> Iterator[str]:
    """Every reader of a run's rows: those without retraining, then the model itself."""
    yield from run.readers
    yield run.accuracy_key


def _has_figures(run: TrainResults, name: str) -> bool:
    """Whether a run has a metric in some form."""
    return any(key.startswith(f"{name}/") for key in run.metrics)


def _lines(runs: Sequence[TrainResults], measure: str) -> list[Line]:
    """The lines of one measure, in the order of their keys; none if no run has it.

    Raises:
        ValueError: two runs of one setting and seed have different figures.
    """
    groups: dict[_LineKey, dict[Seeds, TrainResults]] = {}
    for run in runs:
        for name in _reader_names(run):
            if not _has_figures(run, measure_of(name, measure)):
                continue
            by_seed = groups.setdefault(_line_key(name, run), {})
            first = by_seed.setdefault(run.seeds, run)
            # Only of the model itself: other readers are shared by runs whose other figures differ.
            if name == run.accuracy_key and first.metrics != run.metrics:
                raise ValueError(
                    f"{first.path} and {run.path} are the same run with different results (another "
                    "version?). Leave one of them out."
                )
    # Lines of different settings that a reader could not tell apart.
    times = Counter((key.reader, key.model, key.samples) for key in groups)
    lines = []
    for key, by_seed in sorted(groups.items()):
        ambiguous = times[key.reader, key.model, key.samples] > 1
        lines.append(_line(key, by_seed, ambiguous, measure))
    if lines and measure in BY_KIND:
        return lower_first(lines)
    return lines


def lower_first(lines: Sequence[Line]) -> list[Line]:
    """The lines with their columns in another order: of each form, the kind that models know worse first.

    Models are the retrained ones, or all readers where none was retrained.

    Args:
        lines: with columns named ``form, kind``.
    """
    models = [line for line in lines if line.retrained] or lines
    columns = list(lines[0].values)
    level = {}
    for column in columns:
        level[column] = mean(mean(line.values[column]) for line in models)
    form_of = {column: column.split(", ")[0] for column in columns}
    # The forms themselves stay in their order.
    forms = list(dict.fromkeys(form_of.values()))
    order = sorted(columns, key=lambda column: (forms.index(form_of[column]), level[column]))
    reordered = []
    for line in lines:
        values = {column: line.values[column] for column in order}
        reordered.append(replace(line, values=values))
    return reordered


def _line_key(name: str, run: TrainResults) -> _LineKey:
    """What says that two runs have the same reader, of which ``name`` is the metric.

    Shortcuts depend on the drawn rows alone, the untrained encoder on its read-out too, and a retrained one
    on everything.
    """
    samples = run.train_rows
    if name == run.accuracy_key:
        objective = run.objective
        return _LineKey(
            retrained=True,
            place=objective.place,
            samples=samples,
            reader=objective.label,
            model=run.model,
            setting=run.settings.all,
            name=name,
            objective=objective.label,
        )
    reader = run.readers[name]
    if reader.encoder:
        model = run.model
        setting = run.settings.encoder
    else:
        # relsym's own shortcuts differ by the drawn rows alone; one of the user's may have options too.
        model = ""
        setting = reader.setting or run.settings.data
    return _LineKey(False, reader.place, samples, reader.title, model, setting, name)


def _line(key: _LineKey, by_seed: dict[Seeds, TrainResults], ambiguous: bool, measure: str) -> Line:
    """One reader's line.

    Args:
        ambiguous: another line would read the same: this one is told by the head of its setting's hash.
    """
    seeds = sorted(by_seed)
    runs = [by_seed[seed] for seed in seeds]
    name = measure_of(key.name, measure)
    values, intervals = {}, {}
    for column, slice_name in _columns(runs[0], name, measure).items():
        metric = f"{name}/{slice_name}"
        values[column] = tuple(run.metrics[metric] for run in runs)
        # That of the first seed will do: an interval is shown only where there is one seed.
        interval = runs[0].intervals.get(metric)
        if interval is not None:
            intervals[column] = (interval.low, interval.high)
    title = f"{key.reader} #{key.setting[:6]}" if ambiguous else key.reader
    return Line(
        reader=title,
        model=key.model,
        samples=key.samples,
        seeds=tuple(seeds),
        values=values,
        intervals=intervals,
        objective=key.objective,
        runs=tuple(run.path for run in runs),
    )


def _columns(run: TrainResults, name: str, measure: str) -> dict[str, str]:
    """Heading of a column -> the end of its metric's key: one for each form.

    Shares of facts have one for each form and kind of relation: ``lexicalised, symmetric``.

    Args:
        name: of the metric, without its slice.
    """
    if measure not in BY_KIND:
        return {form: form for form in run.forms}
    # The kinds are those that have figures in the first form; every form has the same.
    beginning = f"{name}/{run.forms[0]}/"
    of_first_form = [key for key in run.metrics if key.startswith(beginning)]
    kinds = sorted(key.removeprefix(beginning) for key in of_first_form)
    columns = {}
    for form in run.forms:
        for kind in kinds:
            columns[f"{form}, {kind}"] = f"{form}/{kind}"
    return columns
