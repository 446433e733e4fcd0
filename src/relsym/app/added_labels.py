"""Labels that are added to a finished run, and taken away again: no weight changes.

A metric says which label a pair implies. A probe that compares pairs with label embeddings, or with the pairs
that trained, can therefore be given a further label from a few pairs of it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import torch
from jaxtyping import Float

from relsym.data.pairs import Row
from relsym.evaluation.represent import represent
from relsym.metrics.base import parts
from relsym.models.run import RunModel
from relsym.probes.base import Probe
from relsym.runs.added_labels import AddedLabel, read_added, write_added
from relsym.runs.stored_config import ADVICE, shown_text
from relsym.visible import printable

LABEL_NAME = re.compile(r"[\w][\w .-]{0,39}")


def take_added(
    folder: Path, probe: Probe, known: list[str], memory_ids: tuple[str, ...] | None
) -> tuple[str, ...] | None:
    """Give a run's probe the labels that were added to the run.

    Args:
        folder: of the run.
        probe: restored.
        known: the run's labels; the others are added to it.
        memory_ids: of the run's training pairs, where they are known.

    Returns:
        The ids, with those of the pairs that brought a label: ``LABEL/1`` and so on.

    Raises:
        ValueError: the file of the labels is damaged or of another run, or holds a label that the run has.
    """
    for label, added in read_added(folder).labels.items():
        if label in known:
            raise ValueError(f"{folder}: the label {shown_text(label)} was added, and it has one. {ADVICE}")
        probe.add_class(torch.from_numpy(added.implied), len(known))
        known.append(label)
        if memory_ids is not None:
            memory_ids += tuple(f"{label}/{number}" for number in range(1, len(added.pairs) + 1))
    return memory_ids


def representation_of(
    model: RunModel, pairs: Sequence[tuple[str, str]]
) -> Float[torch.Tensor, "n parts dim"]:
    """What the run's probe reads of each pair.

    Raises:
        ValueError: the run has no place for a further label.
    """
    if type(model.probe).add_class is Probe.add_class:
        model.probe.add_class(torch.zeros(0, 1), len(model.labels))  # says why not
    rows = [Row("", "", "", premise, hypothesis, "") for premise, hypothesis in pairs]
    return represent(model.encoder, rows, model.reads)


def check_new_label(label: str, known: Sequence[str]) -> None:
    """Refuse a label that is there already, or that is no name.

    Raises:
        ValueError: with the labels there are.
    """
    if not isinstance(label, str) or not LABEL_NAME.fullmatch(label):
        raise ValueError(
            f"label={printable(str(label))!r}: expected at most 40 letters, digits, blanks, dots, hyphens."
        )
    if label in known:
        raise ValueError(f"label={label}: the run has it already; its labels are {', '.join(known)}.")


def added_to(model: RunModel, label: str, pairs: Sequence[tuple[str, str]]) -> AddedLabel:
    """Give a model a further label in memory.

    Args:
        model: its probe and labels change.
        label: its name.
        pairs: (premise, hypothesis) of the label.

    Raises:
        ValueError: the label is there already, there is no pair, or the run has no place for a further label.
    """
    check_new_label(label, model.labels)
    if not pairs:
        raise ValueError(f"label={label}: no pair of it was given.")
    implied = model.metric.label_of(*parts(representation_of(model, pairs)))
    model.probe.add_class(implied, len(model.labels))
    model.labels = (*model.labels, label)
    if model.memory_ids is not None:
        added = [f"{label}/{number}" for number in range(1, len(pairs) + 1)]
        model.memory_ids = (*model.memory_ids, *added)
    return AddedLabel(tuple(pairs), implied.numpy())


def write_label(model: RunModel, label: str, added: AddedLabel) -> Path:
    """Write a new version of a run's added labels, with one more.

    Returns:
        Its file.
    """
    folder = Path(model.name).expanduser()
    return write_added(folder, {**read_added(folder).labels, label: added})


def remove_label(folder: Path, label: str) -> Path:
    """Write a new version of a run's added labels, with one less.

    Returns:
        Its file.

    Raises:
        ValueError: no such label was added.
    """
    labels = dict(read_added(folder).labels)
    if label not in labels:
        there = f"these were: {', '.join(labels)}" if labels else "none was"
        raise ValueError(
            f"label={printable(label)}: was not added to {folder}; {there}. What was trained stays."
        )
    del labels[label]
    return write_added(folder, labels)
