"""Whether a run's results have every figure that the tables read; each value by itself is right already."""

from __future__ import annotations

from collections.abc import Iterator

from relsym.runs.results import RUN_AGAIN, AnyResults, EvaluateResults

CONSTANT = "reference/constant"  # the best constant answer, beside which every model stands


def check_complete(run: AnyResults) -> None:
    """Refuse results that name a reader, or a reading, whose figures they do not have.

    Raises:
        ValueError: with the file and the first key that is missing.
    """
    if isinstance(run, EvaluateResults):
        _check_readings(run)
    elif "objective" not in run.choices:
        raise ValueError(f"{run.path}: choices have no objective. {RUN_AGAIN}")
    for key in _metrics_named(run):
        if key not in run.metrics:
            raise ValueError(f"{run.path}: metrics have no {key}. {RUN_AGAIN}")


def _metrics_named(run: AnyResults) -> Iterator[str]:
    """The keys of the accuracies that are to be there."""
    names = {**dict.fromkeys(run.readers), CONSTANT: None}
    if isinstance(run, EvaluateResults):
        for reading in run.readings:
            if reading.alone:
                names[run.key_of(reading.name)] = None
            if reading.family:
                family = f"family/{reading.family}"
                names |= dict.fromkeys([family, f"{family}_min", f"{family}_max"])
    for name in names:
        for form in run.forms:
            yield f"{name}/{form}"


def _check_readings(run: EvaluateResults) -> None:
    """Refuse a first reading that is none of the readings, and one without its intervals."""
    alone = [reading.name for reading in run.readings if reading.alone]
    if run.reading not in alone:
        raise ValueError(f"{run.path}: reading: there is no reading {run.reading!r}. {RUN_AGAIN}")
    for name in alone:
        for form in run.forms:
            key = f"{run.key_of(name)}/{form}"
            if key not in run.intervals:
                raise ValueError(f"{run.path}: intervals have no {key}. {RUN_AGAIN}")
            if form not in run.clusters.get(name, {}):
                raise ValueError(f"{run.path}: clusters.{name} has no {form}. {RUN_AGAIN}")
