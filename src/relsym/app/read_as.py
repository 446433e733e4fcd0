"""What a configuration leaves to an encoder's own files, filled in once the encoder is loaded."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from relsym.encoders.encoder import Encoder
from relsym.runs.layout import CONFIG
from relsym.runs.plain_yaml import read_yaml

# How every encoder was read by a model option without these settings, before folders were asked.
FORMER_READING = {"pooling": "mean", "max_length": 256}
# The settings that an encoder's own files may say where they are null.
LEFT_TO_FILES = (*FORMER_READING, "pooling_options")


def reading_of(encoder: Encoder) -> dict[str, Any]:
    """How an encoder is read, by the keys of its model option; no options of a pooling that has none."""
    reading = {"pooling": encoder.pooling.name, "max_length": encoder.max_length}
    options = encoder.pooling.options
    return reading | {"pooling_options": options} if options else reading


def read_as(config: Mapping[str, Any], encoder: Encoder) -> dict[str, Any]:
    """A configuration whose model says how its encoder was read.

    Hashes are computed from it, so that a run that names the model's own pooling is the same job as one that
    leaves it null. Settings that a run in ``init`` overrules stay as they were given; where they were not,
    that run's stand there.

    Args:
        config: resolved, as plain values; it is not changed.
        encoder: as the configuration makes it.
    """
    model = dict(config["model"])
    for key, value in reading_of(encoder).items():
        # A loader of one's own may have no such argument.
        if key in model and (model[key] is None or config.get("init") is None):
            model[key] = value
    return {**config, "model": model}


def read_as_in(config: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """A configuration, its open settings filled in as the run in a folder stored them; as it is if none did.

    Args:
        config: resolved, as plain values; it is not changed.
        folder: of a finished run of the same model.

    Raises:
        ValueError: what that run stored is damaged.
    """
    model = dict(config["model"])
    open_keys = [key for key in LEFT_TO_FILES if key in model and model[key] is None]
    if not open_keys or not (folder / CONFIG).is_file():
        return dict(config)
    stored = read_yaml(folder / CONFIG)
    stored_model = stored.get("model", {}) if isinstance(stored, dict) else None
    if not isinstance(stored_model, dict):
        raise ValueError(
            f"{folder / CONFIG}: expected a mapping with a mapping model. Choose another folder, "
            "or delete it."
        )
    for key in open_keys:
        model[key] = stored_model.get(key)
    return {**config, "model": model}
