"""Labels that are added to a finished run, and taken away again: no weight changes.

A metric says which label a pair implies. A probe that compares pairs with label embeddings, or with the pairs
that trained, can therefore be given a further label from a few pairs of it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from hashlib import file_digest, sha256
from pathlib import Path

import torch
from jaxtyping import Float

from relsym.data.pairs import Row
from relsym.data.sources.text_columns import text_problem
from relsym.evaluation.represent import represent
from relsym.metrics.base import parts
from relsym.models.run import RunModel
from relsym.probes.base import Probe
from relsym.runs.added_labels import ADD_AGAIN, LABEL_PATTERN, AddedLabel, newest_version, write_version
from relsym.runs.layout import PROBE
from relsym.runs.lock import holding
from relsym.visible import printable

# Names of columns beside those of the labels, where answers are kept.
OTHER_COLUMNS = ("answer", "unscored")


def take_added(model: RunModel, folder: Path) -> None:
    """Give a run the labels that were added to it.

    Raises:
        ValueError: the file of the labels is damaged or of another run, or holds a label that the run has.
    """
    newest = newest_version(folder)
    if newest is None:
        return
    path, version = newest
    if version.run != _hash_of(model, folder):
        raise ValueError(
            f"{path}: its labels were added to another run than the one in {folder}. {ADD_AGAIN}"
        )
    dim = model.encoder.dim
    for added in version.labels:
        if any(len(vector) != dim for vector in added.implied):
            raise ValueError(f"{path}: {added.label} has vectors of another length than {dim}. {ADD_AGAIN}")
        if added.label in (*model.labels, *OTHER_COLUMNS):
            raise ValueError(f"{path}: the run has the label {added.label} already. {ADD_AGAIN}")
        model.add_label(added.label, torch.tensor(added.implied))


def add_label(
    model: RunModel, label: str, pairs: Sequence[tuple[str, str]], write: bool = True
) -> Path | None:
    """Give a run a further label.

    Args:
        model: of the run; it answers with the label from then on.
        label: its name.
        pairs: (premise, hypothesis) of the label; one that comes again counts once.
        write: a new version in the run's folder.

    Returns:
        The file of the new version; None where none was written.

    Raises:
        ValueError: the label is there already, there is no pair, a text is none, the run has no place for a
            further label, or it lies in the cache of the hub.
    """
    check_new_label(label, model.labels)
    distinct = list(dict.fromkeys(pairs))
    _check_pairs(label, distinct)
    implied = model.metric.label_of(*parts(representation_of(model, distinct))).float()
    path = None
    if write:
        path = _write(model, AddedLabel(label, distinct, implied.tolist()))
    model.add_label(label, implied)
    return path


def remove_label(folder: Path, label: str) -> Path:
    """Write a new version of a run's added labels, with one less.

    Returns:
        Its file.

    Raises:
        ValueError: no such label was added.
    """
    with holding(folder, "model.folder"):
        newest = newest_version(folder)
        names = newest[1].names() if newest else []
        if newest is None or label not in names:
            there = f"these were: {', '.join(names)}" if names else "none was"
            raise ValueError(
                f"label={printable(label)}: was not added to {folder}; {there}. What was trained stays."
            )
        version = newest[1]
        rest = [added for added in version.labels if added.label != label]
        return write_version(folder, version.run, rest)


def check_new_label(label: str, known: Sequence[str]) -> None:
    """Refuse a label that is there already, or that is no name.

    Raises:
        ValueError: with the labels there are.
    """
    if not isinstance(label, str) or not re.fullmatch(LABEL_PATTERN, label) or label in OTHER_COLUMNS:
        raise ValueError(
            f"label={printable(str(label))!r}: expected at most 40 letters from a to z, digits, underscores, "
            f"inside also blanks, dots and hyphens, and none of {', '.join(OTHER_COLUMNS)}."
        )
    if label in known:
        raise ValueError(f"label={label}: the run has it already; its labels are {', '.join(known)}.")


def representation_of(
    model: RunModel, pairs: Sequence[tuple[str, str]]
) -> Float[torch.Tensor, "n parts dim"]:
    """What the run's probe reads of each pair.

    Raises:
        ValueError: the probe has no place for a further label.
    """
    if type(model.probe).add_class is Probe.add_class:
        model.probe.add_class(model.metric, torch.zeros(0, 1), len(model.labels))  # says why not
    rows = [Row("", "", "", premise, hypothesis, "") for premise, hypothesis in pairs]
    return represent(model.encoder, rows, model.reads)


def _check_pairs(label: str, pairs: Sequence[tuple[str, str]]) -> None:
    """Refuse no pairs, and texts that are none."""
    if not pairs:
        raise ValueError(f"label={label}: no pair of it was given.")
    for number, pair in enumerate(pairs, 1):
        for text in pair:
            problem = text_problem(text)
            if problem:
                raise ValueError(f"pair {number} of {label}: {problem}")


def _write(model: RunModel, added: AddedLabel) -> Path:
    """Write a new version with one label more."""
    folder = Path(model.name).expanduser()
    if folder.resolve().parent.name == "snapshots":
        raise ValueError(
            f"{folder}: lies in the cache of the hub, which other programs read too. Copy the folder, and "
            "load that, or pass write=False."
        )
    with holding(folder, "model.folder"):
        newest = newest_version(folder)
        labels = newest[1].labels if newest else []
        # Another process may have added it since this one read the run.
        check_new_label(added.label, [one.label for one in labels])
        return write_version(folder, _hash_of(model, folder), [*labels, added])


def _hash_of(model: RunModel, folder: Path) -> str:
    """SHA-256 of a run's encoder and of what its probe keeps."""
    with (folder / PROBE).open("rb") as stream:
        probe = file_digest(stream, "sha256").hexdigest()
    return sha256(f"{model.hash} {probe}".encode()).hexdigest()
