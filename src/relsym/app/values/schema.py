"""What each command reads of its configuration by itself, with types and ranges.

Whatever has a ``_target_`` (``Component``) is described by the signature of what it calls; the keys of
``data`` that are not here are read by interpolations of its parts.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypedDict

from msgspec import Meta

from relsym.ranges import (
    FolderName,
    NonNegativeFloat,
    NonNegativeInt,
    Number,
    PositiveInt,
    Probability,
    Seed,
    Share,
    Unlimited,
)

# On fewer rows, hardly any accuracy can be told from chance.
ScoredRows = Annotated[int, Meta(ge=30)]

# The description stands behind the type in a message: it shows how a list is written.
Packages = Annotated[list[str], Meta(description="trust=[PACKAGE]")]


class Component:
    """A mapping with ``_target_``: its keys are the arguments of what it calls."""


class TrainerArguments:
    """A mapping of further arguments of Lightning's ``Trainer``."""


class HardwareKeys(TypedDict):
    """Where a run computes.

    A key is null where a launcher's environment variable should say it and is not set; the command then says
    what to do about it.
    """

    accelerator: str
    devices: PositiveInt | Literal["auto", -1] | list[int] | None
    strategy: str
    num_nodes: PositiveInt | None


class DataKeys(TypedDict):
    """The rows that a model is trained on and scored on."""

    samples: PositiveInt | None
    sample_seed: Seed
    test_pairs: PositiveInt | None
    score_on: str
    module: Component


class TriplesKeys(TypedDict):
    """What a benchmark is built from."""

    reader: Component
    module: Component


class TrainingKeys(TypedDict):
    """How long is trained, and what is kept."""

    epochs: PositiveInt | Unlimited | None
    max_steps: PositiveInt | Unlimited
    gradient_clip: NonNegativeFloat | None
    patience: NonNegativeInt
    stop_loss: Number | None
    keep: Literal["last", "best"]
    attention: Literal["auto", "eager", "fused"]
    trainer: TrainerArguments


class ForgettingKeys(TypedDict):
    """How the NLI rows of an earlier run are scored."""

    folder: str | None
    score_on: Literal["test", "validation"]
    pairs: ScoredRows | None
    on_bad_row: Literal["error", "skip"]
    encoding: str | None
    refit_rows: ScoredRows | None
    control: str | None
    module: Component


class SweepKeys(TypedDict):
    """A list of jobs, and which of them this is."""

    name: FolderName
    reuse: Literal["any"] | bool
    stop_when_solved: bool
    folder: str | None
    job: str | None


class TrainKeys(TypedDict):
    """The configuration of ``relsym train``."""

    hardware: HardwareKeys
    tracking: Component
    data: DataKeys
    model: Component
    metric: Component
    probe: Component
    objective: Component
    forgetting: ForgettingKeys | None
    recipe: dict[str, Component]
    shortcuts: dict[str, Component]
    trust: Packages
    seed: Seed
    precision: str
    init: str | int | None
    training: TrainingKeys
    sweep: SweepKeys


class ReadOutKeys(TypedDict):
    """How an encoder is read that was not retrained."""

    k: PositiveInt


class EvaluationKeys(TypedDict):
    """The place of an evaluation in a list of them."""

    name: str
    folder: str | None
    job: str | None


class EvaluateKeys(TypedDict):
    """The configuration of ``relsym evaluate``."""

    hardware: HardwareKeys
    tracking: Component
    data: DataKeys
    model: Component
    metric: Component
    seed: Seed
    precision: str
    probe: ReadOutKeys
    reading: str | None
    shortcuts: dict[str, Component]
    trust: Packages
    validation_pairs: Annotated[int, Meta(ge=0, description="0: none; null: all")] | None
    swapped_pairs: Annotated[int, Meta(ge=0, description="0: none; null: all")] | None
    shard_rows: PositiveInt | None
    forms: list[str] | str | None
    sweep: EvaluationKeys


class BuildKeys(TypedDict):
    """The configuration of ``relsym build``."""

    data: TriplesKeys
    benchmark: Component
    audit: str
    seed: Seed


class RulesKeys(TypedDict):
    """What ``relsym check`` looks for and writes."""

    rules: list[str] | None
    constraints: str | None
    output: list[str] | str
    memory: str | int | None
    wording: bool


class CheckKeys(TypedDict):
    """The configuration of ``relsym check``; a file may be called by a number."""

    data: TriplesKeys
    check: RulesKeys
    properties: str | int | None
    seed: Seed


class ExportKeys(TypedDict):
    """The configuration of ``relsym export``."""

    data: DataKeys
    task: str
    forms: list[str] | str | None
    prompts: list[str] | str | None
    shots: NonNegativeInt
    seed: Seed


class ReportKeys(TypedDict):
    """The configuration of ``relsym report``; a folder may be called by a number."""

    inputs: str | int | list[Any]
    strict: bool


class PredictModelKeys(TypedDict):
    """The finished run that answers; a folder may be called by a number."""

    folder: str | int | None
    trust_remote_code: bool


class PredictKeys(TypedDict):
    """How the tables of ``relsym predict`` are read and written."""

    premise: str
    hypothesis: str
    prefix: str
    format: Literal["csv", "tsv", "jsonl", "parquet"] | None
    cache: str | None
    safe_csv: bool
    coverage: Probability | None


class PredictionKeys(TypedDict):
    """The configuration of ``relsym predict``; a file may be called by a number."""

    hardware: HardwareKeys
    input: str | int | None
    output: str | int | None
    model: PredictModelKeys
    predict: PredictKeys
    precision: Literal["fp32", "bf16"] | None
    trust: Packages
    shard_rows: PositiveInt | None


class IndexKeys(TypedDict):
    """How an index is searched, and where its statements stand."""

    column: str | None
    kind: Literal["flat", "ivf", "hnsw"] | None
    recall: Share | None


class StatementsKeys(TypedDict):
    """The configuration of ``relsym index``; a file may be called by a number."""

    action: Literal["build", "add", "query"] | None
    hardware: HardwareKeys
    texts: str | int | None
    output: str | int | None
    folder: str | int | None
    model: PredictModelKeys
    index: IndexKeys
    k: PositiveInt | None
    precision: Literal["fp32", "bf16"] | None
    trust: Packages


class ExamplesKeys(TypedDict):
    """Where the pairs of a label stand."""

    premise: str
    hypothesis: str


class LabelsKeys(TypedDict):
    """The configuration of ``relsym labels``; a file may be called by a number, and so may a label."""

    action: Literal["add", "list", "remove"] | None
    hardware: HardwareKeys
    model: PredictModelKeys
    label: str | int | None
    examples: str | int | None
    labels: ExamplesKeys
    check: bool
    write: bool
    precision: Literal["fp32", "bf16"] | None
    trust: Packages


SCHEMAS = {
    "train": TrainKeys,
    "evaluate": EvaluateKeys,
    "build": BuildKeys,
    "check": CheckKeys,
    "predict": PredictionKeys,
    "index": StatementsKeys,
    "labels": LabelsKeys,
    "export": ExportKeys,
    "report": ReportKeys,
}
