"""What relsym wrote up to commit 6c27182: the structs of format 1, and what components were called then.

This file is frozen. It repeats parts of ``relsym.runs.results`` and ``relsym.runs.sweeps`` on purpose, so
that it does not follow what those become, and it is the one place that knows that version.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from relsym.runs.decoding import Amount, Count, Proportion
from relsym.runs.results import LAST, Bin, Earlier, ForgettingRecord, Interval, Reader, Reading
from relsym.runs.sweeps import Verdict

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


class FormerResults(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a training and an evaluation had in common.

    A field with a default was added while files were of format 1 already: earlier files do not have it.
    """

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


class FormerSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What ``relsym.runs.results.Settings`` was; ``ladder`` was added with sweeps."""

    data: str
    encoder: str
    all: str
    ladder: str | None = None


class FormerTrainResults(FormerResults, frozen=True, kw_only=True, tag_field="task", tag="train"):
    """``results.json`` of a training."""

    labels: list[str]
    encoder: dict[str, str | None]
    setting_hashes: FormerSettings
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


class FormerEvaluateResults(FormerResults, frozen=True, kw_only=True, tag_field="task", tag="evaluate"):
    """``results.json`` of an evaluation."""

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


class FormerIdentity(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What ``relsym.runs.identity.Identity`` was."""

    cell: str
    job: str
    ladder: str


class FormerEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One job of a sweep."""

    number: int
    name: str
    overrides: list[str]
    choices: dict[str, str]
    samples: int | None
    seed: int
    score_on: str
    identity: FormerIdentity
    accelerator: str
    devices: int | str | list[int]
    folder: str
    verdict: Verdict
    error: str | None
    seconds: float | None
    solved: bool
    job_hash: str


class FormerSweepFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``sweep.json``: a whole list of jobs."""

    format: int
    name: str
    relsym: str
    folder: str
    jobs: list[FormerEntry]
