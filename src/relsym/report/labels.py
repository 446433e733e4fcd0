"""What a person calls the parts of a run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

# Objective -> its name, in the order of the tables.
OBJECTIVES = {"random_label": "random label embeddings", "knn": "k-NN", "knn_learnt": "k-NN with learnt metric", "finetune": "fine-tuning"}
# Metric key -> reader, in the order of the tables.
READERS = {"reference/constant": "best constant answer", "shortcut/majority": "majority label",
           "shortcut/template_lookup": "template look-up",
           "shortcut/hypothesis_only": "hypothesis only", "shortcut/bag_of_words": "bag of words", "shortcut/word_order": "word order",
           "shortcut/entity_pair": "entity pair only",
           "untrained/random_label": "untrained, random label embeddings", "shortcut/knn_untrained": "untrained, k-NN"}
ENCODER_READERS = ("untrained/random_label", "shortcut/knn_untrained")
# The same encoder under two options.
MODELS = {"bundled": "all_minilm_l6"}


def metric_of(run: dict[str, Any]) -> str:
    """The metric by which pairs are compared; fine-tuning has none and reads pairs."""
    return {"none": "pair"}.get(run["choices"]["metric"], run["choices"]["metric"])


def objective_of(run: dict[str, Any]) -> str:
    """The objective, with the metric where it has a choice and the remedies against forgetting: ``k-NN (rotate) + replay, wise_ft``."""
    if run["task"] == "evaluate":
        return f"evaluation: {run['reading']}"
    objective, metric = run["choices"]["objective"], metric_of(run)
    name = OBJECTIVES.get(objective, objective) + ("" if metric == "pair" else f" ({metric})")
    return f"{name} + {', '.join(run['recipe'])}" if run.get("recipe") else name


def place_of(run: dict[str, Any]) -> int:
    """The objective's place in a table."""
    objective = run["choices"]["objective"]
    return list(OBJECTIVES).index(objective) if objective in OBJECTIVES else len(OBJECTIVES)


def forms_of(run: dict[str, Any]) -> list[str]:
    """The forms that were scored, in order."""
    return [form for form in run["rows"] if form != "train"]


def seeds_of(run: dict[str, Any]) -> tuple[int, int]:
    """What tells runs of one setting apart: the seed of the training and that of the draw."""
    return run["seed"], run["sample_seed"]


def name_of(run: dict[str, Any]) -> str:
    """A run's folder, short."""
    return Path(run["path"]).parent.name


def percent(value: float) -> str:
    """In per cent with two decimals: one wrong row in 2,000 must not read 100."""
    return f"{100 * value:.2f}"
