"""Files of format 1, as relsym wrote them up to commit 6c27182, read as format 2.

What format 1 does not say is filled in from what was true then. The tables below record that version: they
are the one place that knows it, and do not follow what components are called today.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import msgspec

from relsym.runs import results, sweeps
from relsym.runs.decoding import Amount, Count, Proportion, convert, parse_json
from relsym.runs.identity import Identity
from relsym.runs.results import (
    LAST,
    AnyResults,
    BenchmarkRecord,
    Bin,
    Earlier,
    EvaluateResults,
    ForgettingRecord,
    Interval,
    ObjectiveRecord,
    Reader,
    Reading,
    Settings,
    TrainResults,
    check_results,
    read_results,
)
from relsym.runs.sweeps import Entry, SweepFile, Verdict, read_sweep

# Option of an objective -> its name in a report, in the order of the tables.
OBJECTIVES = {
    "random_label": "random label embeddings",
    "knn": "k-NN",
    "knn_learnt": "k-NN with learnt metric",
    "finetune": "fine-tuning",
}
# Every reader without retraining, by the key of its figures and in the order of the tables. Titles of the two
# that read the encoder have room for when it was read, and by which metric.
READERS = {
    "reference/constant": Reader("best constant answer", 0),
    "shortcut/majority": Reader("majority label", 1),
    "shortcut/template_lookup": Reader("template look-up", 2),
    "shortcut/hypothesis_only": Reader("hypothesis only", 3),
    "shortcut/bag_of_words": Reader("bag of words", 4),
    "shortcut/word_order": Reader("word order", 5),
    "shortcut/entity_pair": Reader("entity pair only", 6),
    "untrained/random_label": Reader("{}, random label embeddings ({})", LAST - 2, encoder=True),
    "shortcut/knn_untrained": Reader("{}, k-NN ({})", LAST - 1, encoder=True),
}
# Option of a model -> the hub id of its published weights.
PUBLISHED = {
    "bundled": "sentence-transformers/all-MiniLM-L6-v2",
    "all_minilm_l6": "sentence-transformers/all-MiniLM-L6-v2",
    "all_minilm_l12": "sentence-transformers/all-MiniLM-L12-v2",
    "minilm_l6": "nreimers/MiniLM-L6-H384-uncased",
    "minilm_l12": "microsoft/MiniLM-L12-H384-uncased",
    "roberta_large": "FacebookAI/roberta-large",
    "roberta_large_mnli": "FacebookAI/roberta-large-mnli",
    "all_mpnet_base": "sentence-transformers/all-mpnet-base-v2",
}
# Beginnings of keys that became mappings of their own: ``seconds/train`` -> ``seconds: {train: ...}``.
GROUPS = ("seconds", "memory")


class _Results(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a training and an evaluation had in common. What has a default was not there from the start."""

    model: str
    metrics: dict[str, float]
    intervals: dict[str, Interval]
    rows: dict[str, Count]
    benchmark: str
    benchmark_hash: str
    rows_hash: str
    sides: str | None
    fold: str | None
    kinds: dict[str, str]
    score_on: Literal["test", "validation"]
    precision: str
    choices: dict[str, Any]
    seed: int
    sample_seed: int
    init: Earlier | None
    config_hash: str
    git_commit: str | None
    versions: dict[str, str]
    train_properties: dict[str, Count] | None = None
    counts: dict[str, int] = {}
    job_hash: str | None = None
    cell_hash: str | None = None
    seconds: dict[str, Amount] = {}
    memory: dict[str, Amount] = {}


class _SettingHashes(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``ladder`` was added with sweeps."""

    data: str
    encoder: str
    all: str
    ladder: str | None = None


class _TrainResults(_Results, frozen=True, kw_only=True, tag_field="task", tag="train"):
    """Of a training."""

    labels: list[str]
    encoder: dict[str, str | None]
    setting_hashes: _SettingHashes
    recipe: list[str] = []
    model_sha256: str | None = None
    sweep: str | None = None
    job: str | None = None
    epochs: Count | None = None
    epoch_kept: Count | None = None
    validation_accuracy: Proportion | None = None
    replayed_rows: Count = 0
    replayed_distinct: Count = 0
    forgetting: ForgettingRecord | None = None


class _EvaluateResults(_Results, frozen=True, kw_only=True, tag_field="task", tag="evaluate"):
    """Of an evaluation."""

    kind: str
    source: dict[str, Any]
    readings: list[Reading]
    reading: str
    histograms: dict[str, dict[str, dict[str, Count]]]
    reliability: dict[str, dict[str, list[Bin]]]
    clusters: dict[str, dict[str, dict[str, tuple[float, float]]]]
    unscored: dict[str, dict[str, Count]]
    costs: dict[str, float]
    measured_rows: dict[str, dict[str, Count]]
    model_fingerprint: str
    measured_before: Count = msgspec.field(name="rows/measured_before", default=0)


class _Hashes(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``relsym.runs.identity.Identity``, by name."""

    cell: str
    job: str
    ladder: str


class _Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One job of a sweep."""

    number: int
    name: str
    overrides: list[str]
    choices: dict[str, str]
    samples: int | None
    seed: int
    score_on: str
    identity: _Hashes
    accelerator: str
    devices: int | str | list[int]
    folder: str
    verdict: Verdict
    error: str | None
    seconds: float | None
    solved: bool
    job_hash: str


class _SweepFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A whole list of jobs."""

    format: int
    name: str
    relsym: str
    folder: str
    jobs: list[_Entry]


def upgraded_results(path: Path) -> AnyResults | None:
    """The results in a file of format 1; None where the file is of today's format, and sound.

    Raises:
        OSError: it cannot be read.
        ValueError: damaged, not the results of a training or an evaluation, or without something that cannot
            be filled in; the message names file and keys.
    """
    content = parse_json(path, results.RUN_AGAIN)
    tasks = ("train", "evaluate")
    if not isinstance(content, dict) or "format" in content or content.get("task") not in tasks:
        read_results(path)  # says what is wrong with it, if anything is
        return None
    kind = _TrainResults if content["task"] == "train" else _EvaluateResults
    former = _decode(path, _nested(path, content), kind)
    if "train" not in former.rows:
        raise ValueError(lacking(path, ["rows.train"]))
    upgraded = _training(former) if isinstance(former, _TrainResults) else _evaluation(former)
    # What came to be checked only since then, such as figures out of their range.
    check_results(msgspec.structs.replace(upgraded, path=str(path)))
    return upgraded


def upgraded_sweep(path: Path) -> SweepFile | None:
    """The list of jobs in a file of format 1; None where the file is of today's format, and sound.

    Raises as ``upgraded_results``.
    """
    content = parse_json(path, sweeps.SWEEP_AGAIN)
    if not isinstance(content, dict) or content.get("format", 1) != 1:
        read_sweep(path)
        return None
    former = _decode(path, content, _SweepFile)
    return SweepFile(former.name, former.relsym, former.folder, [_entry(job) for job in former.jobs])


def lacking(path: Path, keys: list[str]) -> str:
    """What is said of a file that lacks what cannot be filled in."""
    return f"{path}: cannot be upgraded: {path.name} lacks {', '.join(keys)}: run that job again."


def _decode(path: Path, content: dict[str, Any], kind: type[msgspec.Struct]) -> Any:
    """A file of format 1 as a struct; all keys that are missing are named at once."""
    fields = msgspec.structs.fields(kind)
    missing = [field.encode_name for field in fields if field.required and field.encode_name not in content]
    if missing:
        raise ValueError(lacking(path, missing))
    return convert(path, content, kind, results.RUN_AGAIN)


def _nested(path: Path, content: Mapping[str, Any]) -> dict[str, Any]:
    """Results with the keys of each group below the group's name."""
    nested: dict[str, Any] = {group: {} for group in GROUPS}
    for key, value in content.items():
        group, _, name = key.partition("/")
        if group in GROUPS and name:
            nested[group][name] = value
        elif key in GROUPS:
            raise ValueError(f"{path}: {key}: format 1 has no such key. {results.RUN_AGAIN}")
        else:
            nested[key] = value
    return nested


def _training(former: _TrainResults) -> TrainResults:
    hashes = former.setting_hashes
    return TrainResults(
        **_common(former),
        published=None if former.init else published_of(former.encoder),
        objective=_objective(former),
        labels=former.labels,
        recipe=former.recipe,
        encoder=former.encoder,
        model_sha256=former.model_sha256,
        settings=Settings(hashes.data, hashes.encoder, hashes.all, hashes.ladder),
        init=former.init,
        sweep=former.sweep,
        job=former.job,
        epochs=former.epochs,
        epoch_kept=former.epoch_kept,
        validation_accuracy=former.validation_accuracy,
        replayed_rows=former.replayed_rows,
        replayed_distinct=former.replayed_distinct,
        forgetting=former.forgetting,
    )


def _evaluation(former: _EvaluateResults) -> EvaluateResults:
    return EvaluateResults(
        **_common(former),
        published=published_of(former.source) if former.kind == "encoder" else None,
        kind=former.kind,
        source=former.source,
        readings=former.readings,
        reading=former.reading,
        histograms=former.histograms,
        reliability=former.reliability,
        clusters=former.clusters,
        unscored=former.unscored,
        costs=former.costs,
        measured_rows=former.measured_rows,
        measured_before=former.measured_before,
        model_fingerprint=former.model_fingerprint,
    )


def _common(former: _Results) -> dict[str, Any]:
    """The fields that both tasks have."""
    return {
        "model": former.model,
        "metrics": former.metrics,
        "intervals": former.intervals,
        "readers": _readers(former),
        "train_rows": former.rows["train"],
        "rows": {form: count for form, count in former.rows.items() if form != "train"},
        "benchmark": BenchmarkRecord(
            title=former.benchmark,
            content_hash=former.benchmark_hash,
            rows_hash=former.rows_hash,
            sides=former.sides,
            fold=former.fold,
            kinds=former.kinds,
        ),
        "score_on": former.score_on,
        "precision": former.precision,
        "train_properties": former.train_properties,
        "counts": former.counts,
        "choices": _choices(former),
        "seed": former.seed,
        "sample_seed": former.sample_seed,
        "job_hash": former.job_hash,
        "cell_hash": former.cell_hash,
        "config_hash": former.config_hash,
        "git_commit": former.git_commit,
        "versions": former.versions,
        "seconds": former.seconds,
        "memory": former.memory,
    }


def _choices(former: _Results) -> dict[str, str | None]:
    """The options by group; what was no text, such as a list of options, as text."""
    choices = {}
    for group, option in former.choices.items():
        choices[group] = None if option is None else str(option)
    return choices


def _readers(former: _Results) -> dict[str, Reader]:
    """The readers that have figures."""
    when = "untrained" if former.init is None else "before retraining"
    readers = {}
    for key, reader in READERS.items():
        if any(f"{key}/{form}" in former.metrics for form in former.rows):
            readers[key] = msgspec.structs.replace(reader, title=reader.title.format(when, _metric(former)))
    return readers


def _metric(former: _Results) -> str:
    """By which pairs are compared: without a metric they are read as one input."""
    option = str(former.choices.get("metric"))
    return "pair" if option == "none" else option


def _objective(former: _TrainResults) -> ObjectiveRecord:
    """The objective in the words of a report; one of the user's own is called by its option."""
    option = str(former.choices.get("objective"))
    name, metric = OBJECTIVES.get(option, option), _metric(former)
    label = name if metric == "pair" else f"{name} ({metric})"
    if former.recipe:
        label += f" + {', '.join(former.recipe)}"
    place = list(OBJECTIVES).index(option) if option in OBJECTIVES else LAST
    return ObjectiveRecord(label, name, place, metric)


def published_of(source: Mapping[str, Any]) -> str | None:
    """The hub id of an encoder's published weights, from what was recorded of their origin; None for others.

    The commit tells: it was recorded of what came from the hub, and of that alone.
    """
    name = str(source.get("name"))
    if name.endswith(f"({PUBLISHED['bundled']})"):
        return PUBLISHED["bundled"]
    if source.get("commit") is not None or name in PUBLISHED.values():
        return name
    return None


def _published_by_option(job: _Entry) -> str | None:
    """Of a job that may not have run yet, from its words; None if they name a run or a model of one's own."""
    words = dict(word.lstrip("+").split("=", 1) for word in job.overrides if "=" in word)
    if words.get("init", "null") != "null":
        return None
    if "model.name" in words:
        return words["model.name"] if words["model.name"] in PUBLISHED.values() else None
    return PUBLISHED.get(job.choices.get("model", ""))


def _entry(job: _Entry) -> Entry:
    return Entry(
        number=job.number,
        name=job.name,
        overrides=job.overrides,
        choices=job.choices,
        published=_published_by_option(job),
        samples=job.samples,
        seed=job.seed,
        score_on=job.score_on,
        identity=Identity(job.identity.cell, job.identity.job, job.identity.ladder),
        accelerator=job.accelerator,
        devices=job.devices,
        folder=job.folder,
        verdict=job.verdict,
        error=job.error,
        seconds=job.seconds,
        solved=job.solved,
    )
