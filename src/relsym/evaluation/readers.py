"""Scores of a finished training: by one process, from the encoder on disk."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from relsym.data.module import PairData
from relsym.data.pairs import Row
from relsym.data.progress import progress
from relsym.encoders.encoder import Encoder
from relsym.evaluation.represent import distinct_texts, represent
from relsym.evaluation.score import UNTRAINED_DRAWS, Scores, label_names, targets_of
from relsym.evaluation.shortcuts import Shortcut, shortcuts_for
from relsym.metrics.base import Metric
from relsym.probes.base import Probe
from relsym.probes.knn import Knn
from relsym.probes.nearest_label import NearestLabel
from relsym.runs.results import LAST, Reader

UNTRAINED_K = 5
RANDOM_LABEL, UNTRAINED_KNN = "untrained/random_label", "shortcut/knn_untrained"


class Frozen:
    """Representations of the training rows and of the score rows of every form, from one encoder, in one
    pass.
    """

    def __init__(
        self, encoder: Encoder, data: PairData, reads: str, description: str, memory: bool = True
    ) -> None:
        blocks: dict[str, list[Row]] = {"": data.train_rows if memory else [], **data.score_rows}
        rows = [row for block in blocks.values() for row in block]
        with progress(description, distinct_texts(rows, reads)) as advance:
            representation = represent(encoder, rows, reads, advance)
        split = dict(
            zip(blocks, representation.split([len(block) for block in blocks.values()]), strict=True)
        )
        self.memory: Tensor = split.pop("")
        self.forms: dict[str, Tensor] = split


def score_model(scores: Scores, name: str, probe: Probe, frozen: Frozen, labels: tuple[str, ...]) -> None:
    """The probe's answers on every form."""
    for form, representation in frozen.forms.items():
        scores.add(name, form, label_names(probe.predict(representation), labels))


def score_untrained(
    scores: Scores, frozen: Frozen, data: PairData, metric: Metric, seed: int, title: str
) -> None:
    """The encoder before retraining: k-NN over the same training rows, and random label embeddings (mean over
    draws).

    Args:
        title: of the two readers in a table, with ``{}`` for the read-out: ``untrained, {} (hadamard)``.
    """
    scores.readers[RANDOM_LABEL] = Reader(title.format("random label embeddings"), LAST - 2, encoder=True)
    scores.readers[UNTRAINED_KNN] = Reader(title.format("k-NN"), LAST - 1, encoder=True)
    knn = Knn(min(UNTRAINED_K, len(data.train_rows)))
    knn.fit(metric, {}, frozen.memory, targets_of(data.train_rows, data.labels))
    score_model(scores, UNTRAINED_KNN, knn, frozen, data.labels)
    generator = torch.Generator().manual_seed(seed)
    draws = [
        metric.random_labels(len(data.labels), frozen.memory.shape[-1], generator)
        for _ in range(UNTRAINED_DRAWS)
    ]
    for form, representation in frozen.forms.items():
        scores.average(
            RANDOM_LABEL, form, [_nearest(metric, draw, representation, data.labels) for draw in draws]
        )


def score_shortcuts(scores: Scores, data: PairData, more: Mapping[str, Shortcut] | None = None) -> None:
    """Every shortcut's answers on every form. more: shortcuts beside relsym's own, by name."""
    for form, rows in data.score_rows.items():
        for name, shortcut in shortcuts_for(rows, more).items():
            key = f"shortcut/{name}"
            scores.add(key, form, shortcut.answer(data.train_rows, rows))
            scores.readers[key] = Reader(shortcut.title or name, shortcut.place)


def _nearest(
    metric: Metric, label_embeddings: Tensor, representation: Tensor, labels: tuple[str, ...]
) -> list[str]:
    probe = NearestLabel()
    probe.fit(
        metric, {"label_embeddings": label_embeddings}, representation[:0], torch.empty(0, dtype=torch.long)
    )
    return label_names(probe.predict(representation), labels)
