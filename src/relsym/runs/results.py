"""``results.json``: what a finished training or evaluation came to, typed.

This is the one place that knows the keys of the file: whatever reads a run reads these attributes.
``docs/run-folder.md`` says what each of them means.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import mean
from typing import Any, Literal

import msgspec

from relsym.runs.decoding import (
    Amount,
    Count,
    Difference,
    Proportion,
    check_format,
    convert,
    encode,
    parse_json,
)
from relsym.runs.layout import RESULTS
from relsym.runs.metric_keys import SPEARMAN, measure_of, range_of

RESULTS_FORMAT = 2
RUN_AGAIN = "Run that job again, or leave it out."
# Where a component that says nothing of its place stands in a table: behind relsym's own.
LAST = 1000


class Interval(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A share of rows (``value`` = correct / rows) with its 95 % Wilson interval, each in [0, 1]."""

    correct: Count
    rows: Count
    value: Proportion
    low: Proportion
    high: Proportion


class Reader(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Something without retraining that answered the same rows.

    It is a shortcut, the untrained encoder or the best constant answer.

    title: its name in a table.
    place: order in a table.
    encoder: whether its answers depend on the encoder and the metric; those of the others depend on the drawn
        rows alone.
    setting: SHA-256 of how a shortcut of one's own is configured; None of relsym's.
    """

    title: str
    place: int = LAST
    encoder: bool = False
    setting: str | None = None


class BenchmarkRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What was scored.

    title: its name in a report.
    content_hash: SHA-256 of the whole benchmark.
    rows_hash: SHA-256 of which rows were scored, in which forms.
    sides: the rule that says which rows may train and which are scored; None where files say so.
    fold: the name of what is held out.
    kinds: property -> kind of relation, of the scored rows.
    """

    title: str
    content_hash: str
    rows_hash: str
    sides: str | None
    fold: str | None
    kinds: dict[str, str]

    @property
    def holds_out(self) -> bool:
        """Whether relations, entities or wordings were held out of training."""
        return self.sides is not None and "held out" in self.sides


class ObjectiveRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the encoder was retrained, in the words of a report.

    label: the objective's name, with the metric where it has a choice, and the remedies: ``k-NN (rotate) +
        replay``.
    name: the name alone.
    place: order in a table.
    metric: by which pairs are compared, as its option is called.
    """

    label: str
    name: str
    place: int
    metric: str


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """SHA-256 of what runs share that differ in nothing but the seed.

    data: how rows were drawn.
    encoder: how the untrained encoder was read.
    all: everything.
    ladder: everything but the number of samples; None in runs upgraded from before it was recorded.
    """

    data: str
    encoder: str
    all: str
    ladder: str | None


class Earlier(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The run that this one went on from (``init``).

    began_with: the hub id of the published weights that it, or the first run before it, began with.
    """

    model: str
    config_hash: str
    cell_hash: str
    benchmark_hash: str
    began_with: str | None = None


class Drop(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One read-out of earlier NLI rows before and after retraining, on the same rows; accuracies in [0, 1].

    drop: before - after in [-1, 1], with the 95 % interval (low, high) of a bootstrap that draws the groups
        of rows (MNLI asks three hypotheses about a premise); backward transfer (Lopez-Paz & Ranzato 2017,
        arXiv:1706.08840) is its negative.
    retention: (after - chance) / (before - chance), chance = 1 / labels; None where it was exactly at chance
        before.
    lost, gained: rows that were right before alone, and after alone.
    p_bootstrap, p_mcnemar: p-values of no difference.
    rows: that were scored.
    """

    before: Proportion
    after: Proportion
    drop: Difference
    low: Difference
    high: Difference
    retention: float | None
    lost: Count
    gained: Count
    p_bootstrap: Proportion
    p_mcnemar: Proportion
    rows: Count


class ControlDrop(Drop, frozen=True, kw_only=True):
    """The drop against a run that saw the same replayed rows and no symmetry rows.

    folder: of that run.
    """

    folder: str


class ForgettingRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What retraining cost on the NLI rows that the encoder knew before.

    rows: that were scored.
    score_on: test or validation.
    refit_rows: that read-outs were fitted on.
    read_outs: kept, refit, linear, own.
    control: the drop of ``kept`` against the control run, where one was given.
    counts: what the set held, and what was left out of it, by reason.
    """

    rows: Count
    score_on: str
    refit_rows: Count
    benchmark_hash: str
    read_outs: dict[str, Drop]
    control: ControlDrop | None = None
    counts: dict[str, Count] = {}


class Reading(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One rule that turns what was measured of a row into an answer: ``strict``, ``knn``, a prompt.

    name: without a slash, as it becomes part of metric keys.
    family: readings that differ in one arbitrary choice only (the wording of a prompt, a random draw) share a
        family, of which mean and spread are reported; "" for a reading that stands for itself.
    alone: whether it is also reported by itself; a random draw is not.
    probability: its scores are probabilities, so that calibration can be asked of them.
    symmetric: the answers to (premise, hypothesis) and (hypothesis, premise) are the same by construction.
    """

    name: str
    family: str = ""
    alone: bool = True
    probability: bool = False
    symmetric: bool = False


class Bin(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One bar of a calibration figure: the rows whose probability of entailment is in [low, high).

    rows: how many there are.
    probability: the mean of their probabilities.
    entailment: the share of them whose label is entailment.
    """

    low: Proportion
    high: Proportion
    rows: Count
    probability: Proportion
    entailment: Proportion


class TrackedRun(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a run is found in Weights & Biases.

    entity: the user or team; None where W&B has not been asked, as offline.
    url: without any credentials; None for a run that was kept offline.
    """

    project: str
    entity: str | None
    run_id: str
    url: str | None


class Results(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="task"):
    """What a training and an evaluation have in common.

    Accuracies and the other shares are in [0, 1], hashes are SHA-256 in hex, times are seconds, memory is
    GiB.
    """

    format: int = RESULTS_FORMAT
    model: str
    published: str | None
    # How the keys of these two are built, and which ranges they have: relsym.runs.metric_keys.
    metrics: dict[str, float]
    intervals: dict[str, Interval]
    readers: dict[str, Reader]
    train_rows: Count
    rows: dict[str, Count]
    benchmark: BenchmarkRecord
    score_on: Literal["test", "validation"]
    precision: str
    train_properties: dict[str, Count] | None
    counts: dict[str, Count]
    choices: dict[str, str | None]
    seed: int
    sample_seed: int
    job_hash: str | None
    cell_hash: str | None
    config_hash: str
    git_commit: str | None
    versions: dict[str, str]
    seconds: dict[str, Amount]
    memory: dict[str, Amount]
    tracked: TrackedRun | None = None
    # Where the results were read from. It is not stored: a run may be moved.
    path: str = ""

    @property
    def forms(self) -> list[str]:
        """The forms that were scored, in order."""
        return list(self.rows)

    @property
    def accuracy_key(self) -> str:
        """``test/accuracy``: where the model's own figures stand."""
        return f"{self.score_on}/accuracy"

    def accuracy(self, form: str) -> float:
        """The model's accuracy on all scored rows of a form, in [0, 1]."""
        return self.metrics[f"{self.accuracy_key}/{form}"]

    def accuracies(self) -> list[float]:
        """The model's accuracy in every form."""
        return [self.accuracy(form) for form in self.forms]

    @property
    def lowest_accuracy(self) -> float:
        """The accuracy of the form that the model knows worst, in [0, 1]."""
        return min(self.accuracies())

    @property
    def mean_accuracy(self) -> float:
        """The mean accuracy over the forms, in [0, 1]: what a search maximises."""
        return mean(self.accuracies())

    @property
    def is_solved(self) -> bool:
        """Whether no row of any form was answered wrong."""
        # A share is exactly 1.0 if all rows are right: no rounding is involved.
        return all(accuracy == 1.0 for accuracy in self.accuracies())

    def of_property(self, form: str, name: str) -> float | None:
        """The model's accuracy on the rows of one property; None where none of its rows were scored."""
        return self.metrics.get(f"{self.accuracy_key}/{form}/{name}")

    @property
    def seeds(self) -> tuple[int, int]:
        """What tells runs of one setting apart: the seed of the training and that of the draw."""
        return self.seed, self.sample_seed

    @property
    def shortcuts(self) -> dict[str, Reader]:
        """The readers that a model has to be better than, by the key of their figures."""
        return {key: reader for key, reader in self.readers.items() if key.startswith("shortcut/")}

    @property
    def folder(self) -> Path:
        """The folder of the run."""
        return Path(self.path).parent

    @property
    def relsym(self) -> str:
        """The version of relsym that wrote it."""
        return self.versions.get("relsym", "unknown")

    @property
    def peak_gib(self) -> float | None:
        """Peak memory in GiB: the GPU's if one was used; None where it was not recorded."""
        of_process = self.memory.get("peak_gib")
        return self.memory.get("peak_gpu_gib", of_process)

    @property
    def measured(self) -> dict[str, float]:
        """Seconds and memory as a tracker shows them: ``seconds/train``, ``memory/peak_gib``."""
        seconds = {f"seconds/{name}": value for name, value in self.seconds.items()}
        memory = {f"memory/{name}": value for name, value in self.memory.items()}
        return seconds | memory


# How attention was computed while training: step by step, or by one of torch's kernels.
Attention = Literal["eager", "fused"]


class TrainResults(Results, frozen=True, kw_only=True, tag="train"):
    """What ``relsym train`` came to."""

    objective: ObjectiveRecord
    labels: list[str]
    recipe: list[str]
    encoder: dict[str, str | None]
    model_sha256: str | None
    settings: Settings
    init: Earlier | None
    sweep: str | None
    job: str | None
    epochs: Count | None
    epoch_kept: Count | None = None
    validation_accuracy: Proportion | None = None
    replayed_rows: Count = 0
    replayed_distinct: Count = 0
    forgetting: ForgettingRecord | None = None
    attention: Attention | None = None

    @property
    def began_with(self) -> str | None:
        """The hub id of the published weights that it began with, or the first run that it goes on from."""
        if self.init is not None:
            return self.init.began_with
        return self.published

    @property
    def drop(self) -> float | None:
        """The accuracy on earlier NLI rows that retraining cost, in [-1, 1]; None where none was scored."""
        return self.metrics.get("forgetting/drop")

    @property
    def measured(self) -> dict[str, float]:
        """Seconds, memory and epochs, as a tracker shows them."""
        epochs = {} if self.epochs is None else {"epochs": self.epochs}
        return super().measured | epochs


class EvaluateResults(Results, frozen=True, kw_only=True, tag="evaluate"):
    """What ``relsym evaluate`` came to."""

    kind: str
    source: dict[str, Any]
    readings: list[Reading]
    reading: str
    histograms: dict[str, dict[str, dict[str, Count]]]
    reliability: dict[str, dict[str, list[Bin]]]
    clusters: dict[str, dict[str, dict[str, tuple[Proportion, Proportion]]]]
    unscored: dict[str, dict[str, Count]]
    costs: dict[str, Amount]
    measured_rows: dict[str, dict[str, Count]]
    measured_before: Count
    model_fingerprint: str

    def key_of(self, reading: str) -> str:
        """The key of a reading's figures in ``metrics``, without the form.

        It is ``test/accuracy`` for the reading that stands for the model, ``reading/NAME`` for the others.
        """
        return self.accuracy_key if reading == self.reading else f"reading/{reading}"

    def measure(self, reading: str, measure: str, form: str) -> float | None:
        """A measure of one reading (accuracy, bias, auroc ...); None where it has none."""
        key = measure_of(self.key_of(reading), measure)
        return self.metrics.get(f"{key}/{form}")

    @property
    def is_rated(self) -> bool:
        """Whether some reading was compared with what people said of the rows."""
        for reading in self.readings:
            if any(self.measure(reading.name, SPEARMAN, form) is not None for form in self.forms):
                return True
        return False


AnyResults = TrainResults | EvaluateResults


def read_results(path: Path) -> AnyResults:
    """The results in a file, with their ``path`` set to it.

    Raises:
        OSError: there is no such file, or it cannot be read.
        ValueError: damaged, of another format, or a value out of range; the message names file and key.
    """
    content = parse_json(path, RUN_AGAIN)
    if not isinstance(content, dict) or content.get("task") not in ("train", "evaluate"):
        raise ValueError(
            f"{path}: not the results of relsym train or evaluate. Pass folders of their runs alone."
        )
    check_format(path, content, RESULTS_FORMAT, RUN_AGAIN)
    content["path"] = str(path)
    results = convert(path, content, AnyResults, RUN_AGAIN)
    check_results(results)
    return results


def results_or_none(path: Path) -> AnyResults | None:
    """The results in a file; None where there is none, or it cannot be used: then the job has to run."""
    try:
        return read_results(path)
    except (FileNotFoundError, ValueError):  # other errors of the disk are no reason to run it again
        return None


def results_json(results: AnyResults) -> str:
    """The content of the file.

    Raises:
        ValueError: a value is out of its range, so that nothing is written that could not be read.
    """
    check_results(results)
    return encode(results, leave_out=["path"])


def check_results(results: AnyResults) -> None:
    """Refuse metrics out of range, and forms without an accuracy.

    Raises:
        ValueError: with file, key and what to do.
    """
    file = results.path or RESULTS  # results that are about to be written have no path yet
    for key, value in results.metrics.items():
        low, high = range_of(key)
        too_low = low is not None and value < low
        too_high = high is not None and value > high
        if too_low or too_high:
            raise ValueError(f"{file}: metrics.{key} is {value}, outside [{low:g}, {high:g}]. {RUN_AGAIN}")
    if not results.rows:
        raise ValueError(f"{file}: rows: no form was scored. {RUN_AGAIN}")
    for form in results.forms:
        key = f"{results.accuracy_key}/{form}"
        if key not in results.metrics or key not in results.intervals:
            raise ValueError(
                f"{file}: metrics and intervals have no {key}, but rows has the form {form}. {RUN_AGAIN}"
            )


def forms_of(runs: Sequence[AnyResults]) -> list[str]:
    """Every form that some run scored, each once, in the order of the runs."""
    forms: dict[str, None] = {}  # a set that keeps the order
    for run in runs:
        forms.update(dict.fromkeys(run.forms))
    return list(forms)
