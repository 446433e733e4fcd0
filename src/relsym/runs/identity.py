"""Hashes of a job: where they are equal, so are the results, wherever and however it runs.

Loads no torch: a launcher reads it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

import msgspec

import relsym

# Groups that say where a run computes, how it is watched and what may be opened, and not what it computes.
NOT_WHAT = ("hardware", "tracking", "sweep", "trust")
# Where data lies and how it is read; the content hash says what it is.
PLACES = ("benchmark", "source")
# The settings of a model that count. Where it lies does not; the hash of its weights says what it is.
MODEL_SETTINGS = ("pooling", "max_length", "dropout")
# Those that came later, with null for a model that has nothing to set there, as all had before.
LATER_MODEL_SETTINGS = ("pooling_options",)
# Findings of the audit that came later.
LATER_FINDINGS = ("padded_label", "invisible_label", "missing_label", "cleaned_alike")
# What becomes of NLI rows that cannot be read, and what that setting is called: whether they end a run or are
# left out, all other rows are read alike, so that a run which ends computes the same.
BAD_ROW_SETTINGS = ("on_bad_row", "on_bad_row_key")
# Settings of data that came later, with null for how it was read before: null says nothing, so that a run has
# the hash that it had before there was the setting.
LATER_DATA_SETTINGS = (
    "language",
    "encoding",
    "clean_labels",
    "whole_facts",
    "delexicalised",
    *LATER_FINDINGS,
)
# Those of a table of statements. Of other data, some of these names are older.
TABLE_SETTINGS = (
    "format",
    "delimiter",
    "order",
    "entity_format",
    "entity_delimiter",
    "entity_ids",
    "relation_ids",
)
TABLE_READER = "relsym.data.sources.table.TripleTable"
# Parts that a run need not have.
WITHOUT_MEANING_IF_EMPTY = ("recipe", "shortcuts", "forms")


class Identity(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Hashes of one job.

    cell: of model (SHA-256 of its weights), objective, metric, probe, optimiser, precision, global batch,
    seeds and benchmark (content hash).
    job: of the same, and relsym's version.
    ladder: as ``cell``, but for the number of samples.
    """

    cell: str
    job: str
    ladder: str


def identity(
    config: Mapping[str, Any], weights: str, benchmark_hash: str, sides: str | None, init: str | None
) -> Identity:
    """The hashes of a resolved configuration; ``hydra``, tracking, hardware and paths have no part in them.

    Args:
        config: as plain values.
        weights: ``Encoder.fingerprint`` of the encoder before training.
        benchmark_hash: SHA-256 of the benchmark's content.
        sides: the rule that says which rows of the benchmark may train and which are scored.
        init: what identifies the run it goes on from.
    """
    model = {key: config["model"].get(key) for key in MODEL_SETTINGS}
    for key in LATER_MODEL_SETTINGS:
        if config["model"].get(key) is not None:
            model[key] = config["model"][key]
    model["weights"] = weights
    data = {}
    for key, value in config["data"]["module"].items():
        says_nothing = value is None and key in LATER_DATA_SETTINGS
        if key not in PLACES and not says_nothing:
            data[key] = value
    data["content"] = benchmark_hash
    data["sides"] = sides
    parts = computed(config) | {"model": model, "data": data, "init": init}
    cell = digest(parts)
    job = digest([cell, relsym.__version__])
    ladder = digest(parts | {"data": data | {"samples": None}})
    return Identity(cell, job, ladder)


def computed(config: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a configuration that says what is computed.

    What is empty is left out: a run without a recipe, shortcuts of its own, forms to leave out, or further
    arguments of the Trainer has the hash that it had before there were such keys, and so has one whose
    attention is left to the machine. So is what becomes of bad
    NLI rows, and how data or a model is read otherwise than it was before there was the setting.
    """
    parts = {key: value for key, value in config.items() if key not in (*NOT_WHAT, "hydra")}
    for key in WITHOUT_MEANING_IF_EMPTY:
        if not parts.get(key):
            parts.pop(key, None)
    training = parts.get("training", {})
    if training:
        parts["training"] = {key: value for key, value in training.items() if not _is_unsaid(key, value)}
    if "model" in parts:
        parts["model"] = model_as_before(parts["model"])
    for key in ("data", "forgetting"):
        if parts.get(key):
            read_alike = _without_unsaid_of_tables(_without_bad_row_settings(parts[key]))
            parts[key] = _without_later_settings(read_alike)
    return parts


def _is_unsaid(key: str, value: Any) -> bool:
    """Whether a setting of a training says nothing: the hash was the same before there was its key."""
    return (key == "trainer" and not value) or (key == "attention" and value == "auto")


def model_as_before(model: Mapping[str, Any]) -> dict[str, Any]:
    """A model's settings without those of ``LATER_MODEL_SETTINGS`` that are null."""
    return {
        key: value for key, value in model.items() if value is not None or key not in LATER_MODEL_SETTINGS
    }


def _without_later_settings(node: Mapping[str, Any]) -> dict[str, Any]:
    """The settings without those of ``LATER_DATA_SETTINGS`` that are null, at any depth."""
    kept = {}
    for key, value in node.items():
        if isinstance(value, Mapping):
            kept[key] = _without_later_settings(value)
        elif value is not None or key not in LATER_DATA_SETTINGS:
            kept[key] = value
    return kept


def _without_unsaid_of_tables(rows: Mapping[str, Any]) -> Mapping[str, Any]:
    """The settings of rows from a table of statements, less what is null of ``TABLE_SETTINGS``."""
    reader = rows.get("reader")
    if not isinstance(reader, Mapping) or reader.get("_target_") != TABLE_READER:
        return rows
    unsaid = [key for key in TABLE_SETTINGS if reader.get(key) is None]
    shorter = _without(rows, unsaid) | {"reader": _without(reader, unsaid)}
    module = rows.get("module", {})
    benchmark = module.get("benchmark", {})
    if "reader" in benchmark:
        benchmark = {**benchmark, "reader": _without(benchmark["reader"], unsaid)}
        shorter["module"] = {**module, "benchmark": benchmark}
    return shorter


def _without_bad_row_settings(rows: Mapping[str, Any]) -> Mapping[str, Any]:
    """The settings of NLI rows without those of bad ones; the settings of other rows as they are."""
    module = rows.get("module", {})
    if "source" not in module:
        return rows
    source = _without(module["source"], BAD_ROW_SETTINGS)
    return _without(rows, BAD_ROW_SETTINGS) | {"module": {**module, "source": source}}


def _without(settings: Mapping[str, Any], keys: Sequence[str]) -> dict[str, Any]:
    return {key: value for key, value in settings.items() if key not in keys}


def digest(node: Any) -> str:
    """SHA-256 of plain values, in hex, whatever the order of their keys."""
    text = json.dumps(node, sort_keys=True)
    return sha256(text.encode()).hexdigest()
