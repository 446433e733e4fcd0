"""What makes a job the job it is: equal hashes, equal results, wherever and however it runs.

Loads no torch: a launcher reads it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

import msgspec

import relsym

# Where and how a run is watched, and what may be opened, never what it computes.
NOT_WHAT = ("hardware", "tracking", "sweep", "trust")
# Where data lies and how it is read; the content hash says what it is.
PLACES = ("benchmark", "source")
# Where a model lies; the hash of its weights says what it is.
MODEL_SETTINGS = ("pooling", "max_length", "dropout")
# Parts that a run need not have.
WITHOUT_MEANING_IF_EMPTY = ("recipe", "shortcuts")


class Identity(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Hashes of one job.

    cell: model (SHA-256 of its weights), objective, metric, probe, optimiser, precision, global batch, seeds
    and benchmark (content hash). job: the same, and relsym's version.  ladder: as ``cell``, but for the
    number of samples.
    """

    cell: str
    job: str
    ladder: str


def identity(
    config: Mapping[str, Any], weights: str, benchmark_hash: str, sides: str | None, init: str | None
) -> Identity:
    """The hashes of a resolved configuration; ``hydra``, tracking, hardware and paths have no part in them.

    Args:
        weights: ``Encoder.fingerprint`` of the encoder before training.  init: what identifies the run it
        goes on from. benchmark_hash, sides: of its data.
    """
    what = computed(config)
    what["model"] = {key: config["model"].get(key) for key in MODEL_SETTINGS} | {"weights": weights}
    what["data"] = {key: value for key, value in config["data"]["module"].items() if key not in PLACES}
    what["data"] |= {"content": benchmark_hash, "sides": sides}
    what["init"] = init
    cell = digest(what)
    what["data"] = {**what["data"], "samples": None}
    return Identity(cell, digest([cell, relsym.__version__]), digest(what))


def computed(config: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a configuration that says what is computed.

    What is empty says nothing: a run without a recipe, shortcuts of its own, or further arguments of the
    Trainer is what it always was.
    """
    what = {key: value for key, value in config.items() if key not in (*NOT_WHAT, "hydra")}
    for key in WITHOUT_MEANING_IF_EMPTY:
        if not what.get(key):
            what.pop(key, None)
    training = what.get("training", {})
    if "trainer" in training and not training["trainer"]:
        what["training"] = {key: value for key, value in training.items() if key != "trainer"}
    return what


def digest(node: Any) -> str:
    """SHA-256 of plain values, whatever the order of their keys."""
    return sha256(json.dumps(node, sort_keys=True).encode()).hexdigest()
