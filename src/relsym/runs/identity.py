"""What makes a job the job it is: equal hashes, equal results, wherever and however it runs. Loads no torch: a launcher reads it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, NamedTuple

import relsym

# Where and how a run is watched, never what it computes.
NOT_WHAT = ("hardware", "tracking", "sweep")
# Where data lies and how it is read; the content hash says what it is.
PLACES = ("benchmark", "source")
# Where a model lies; the hash of its weights says what it is.
MODEL_SETTINGS = ("pooling", "max_length", "dropout")


class Identity(NamedTuple):
    """Hashes of one job.

    cell: model (SHA-256 of its weights), objective, metric, probe, optimiser, precision, global batch, seeds and benchmark (content hash).
    job: the same, and relsym's version.  ladder: as ``cell``, but for the number of samples.
    """

    cell: str
    job: str
    ladder: str


def identity(config: Mapping[str, Any], weights: str, benchmark_hash: str, sides: str | None, init: str | None) -> Identity:
    """The hashes of a resolved configuration; ``hydra``, tracking, hardware and paths have no part in them.

    Args:
        weights: ``Encoder.fingerprint`` of the encoder before training.  init: what identifies the run it goes on from.
        benchmark_hash, sides: of its data.
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
    """The part of a configuration that says what is computed. Without a recipe a run is what it was before there were any."""
    return {key: value for key, value in config.items() if key not in (*NOT_WHAT, "hydra") and not (key == "recipe" and not value)}


def digest(node: Any) -> str:
    """SHA-256 of plain values, whatever the order of their keys."""
    return sha256(json.dumps(node, sort_keys=True).encode()).hexdigest()
