"""Scores of a finished training: by one process, from the encoder on disk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice

import torch
from torch import Tensor

from relsym.data.module import PairData
from relsym.data.pairs import Row
from relsym.data.progress import progress
from relsym.data.sampling import shuffled
from relsym.encoders.encoder import Encoder
from relsym.evaluation.relation_shortcuts import relation_shortcuts
from relsym.evaluation.represent import distinct_texts, represent
from relsym.evaluation.score import UNTRAINED_DRAWS, Scores, label_names, targets_of
from relsym.evaluation.shortcuts import Shortcut, shortcuts_for
from relsym.metrics.base import Metric
from relsym.probes.base import Probe
from relsym.probes.knn import Knn
from relsym.probes.nearest_label import NearestLabel
from relsym.runs.results import LAST, Reader

UNTRAINED_K = 5
# Of more training rows k-NN on the untrained encoder takes so many, drawn at random: with 200,000 rows,
# encoding and comparing them took longer than all else that is scored.
UNTRAINED_ROWS = 20_000
RANDOM_LABEL, UNTRAINED_KNN = "untrained/random_label", "shortcut/knn_untrained"


class Frozen:
    """Representations of training rows and of the score rows, made by one encoder in one pass.

    memory: of the training rows that a read-out remembers [n parts dim].
    forms: of the score rows of every form [n parts dim].
    """

    def __init__(
        self, encoder: Encoder, data: PairData, reads: str, description: str, memory_rows: Sequence[Row]
    ) -> None:
        # Training rows first, then the forms one after the other: a text of several is encoded once.
        rows = list(memory_rows)
        for form_rows in data.score_rows.values():
            rows += form_rows
        with progress(description, distinct_texts(rows, reads)) as advance:
            representation = represent(encoder, rows, reads, advance)

        start = len(memory_rows)
        self.memory: Tensor = representation[:start]
        self.forms: dict[str, Tensor] = {}
        for form, form_rows in data.score_rows.items():
            end = start + len(form_rows)
            self.forms[form] = representation[start:end]
            start = end


def score_model(scores: Scores, name: str, probe: Probe, frozen: Frozen, labels: tuple[str, ...]) -> None:
    """Record the probe's answers on every form under the name of this reader."""
    for form, representation in frozen.forms.items():
        scores.add(name, form, label_names(probe.predict(representation), labels))


def score_untrained(
    scores: Scores, encoder: Encoder, data: PairData, reads: str, metric: Metric, seed: int, title: str
) -> None:
    """Record how the encoder before retraining answers, read in two ways.

    These are k-NN over the same training rows (``UNTRAINED_ROWS`` of them, if there are more, which its title
    tells), and random label embeddings, whose accuracy is the mean over several draws.

    Args:
        scores: where they are recorded.
        encoder: before retraining.
        data: the rows.
        reads: how the objective has rows encoded.
        metric: of both read-outs.
        seed: of the random label embeddings, and of the rows that are drawn.
        title: of the two readers in a table, with ``{}`` for the read-out: ``untrained, {} (hadamard)``.
    """
    scores.readers[RANDOM_LABEL] = Reader(title.format("random label embeddings"), LAST - 2, encoder=True)
    labels, remembered = data.asked_labels, data.rows_to_fit_on()
    cut = len(remembered) > UNTRAINED_ROWS
    if cut:  # some files hold one label after the other
        remembered = shuffled(remembered, seed, "memory of the untrained encoder")[:UNTRAINED_ROWS]
    knn_title = f"k-NN over {len(remembered):,} rows" if cut else "k-NN"
    scores.readers[UNTRAINED_KNN] = Reader(title.format(knn_title), LAST - 1, encoder=True)
    frozen = Frozen(encoder, data, reads, "scoring, before retraining", remembered)
    knn = Knn(min(UNTRAINED_K, len(remembered)))
    targets = targets_of(remembered, labels)
    knn.fit(metric, {}, frozen.memory, targets)
    score_model(scores, UNTRAINED_KNN, knn, frozen, labels)

    generator = torch.Generator().manual_seed(seed)
    dim = frozen.memory.shape[-1]
    # All are drawn before the first form is read: every form is answered by the same label embeddings.
    probes = [_random_label_probe(metric, len(labels), dim, generator) for _ in range(UNTRAINED_DRAWS)]
    for form, representation in frozen.forms.items():
        answers = [label_names(probe.predict(representation), labels) for probe in probes]
        scores.average(RANDOM_LABEL, form, answers)


def score_shortcuts(scores: Scores, data: PairData, more: Mapping[str, Shortcut] | None = None) -> None:
    """Record every shortcut's answers on every form; of a bank of relations also those for such banks.

    Args:
        scores: where they are recorded.
        data: the rows; the shortcuts are fitted on the training rows.
        more: shortcuts beside relsym's own, by name.
    """
    beside = {**relation_shortcuts(data.relations), **(more or {})}
    # Those of each form, since a form may name no entities; each is fitted once and asked all its forms.
    forms_of: dict[str, list[str]] = {}
    shortcuts: dict[str, Shortcut] = {}
    for form, rows in data.score_rows.items():
        for name, shortcut in shortcuts_for(rows, beside).items():
            shortcuts[name] = shortcut
            forms_of.setdefault(name, []).append(form)
    fitted_on = data.rows_to_fit_on()  # one list: shortcuts that share what they fit know it by that
    for name, shortcut in shortcuts.items():
        key = f"shortcut/{name}"
        asked = [row for form in forms_of[name] for row in data.score_rows[form]]
        answers = shortcut.answer(fitted_on, asked)
        if len(answers) != len(asked):
            raise ValueError(f"{key}: {len(answers)} answers for {len(asked)} rows.")
        in_turn = iter(answers)
        for form in forms_of[name]:
            scores.add(key, form, list(islice(in_turn, len(data.score_rows[form]))))
        scores.readers[key] = Reader(shortcut.title or name, shortcut.place)


def _random_label_probe(metric: Metric, labels: int, dim: int, generator: torch.Generator) -> NearestLabel:
    """A probe that answers with the nearest of so many random label embeddings."""
    label_embeddings = metric.random_labels(labels, dim, generator)
    probe = NearestLabel()
    probe.restore(metric, {"label_embeddings": label_embeddings})
    return probe
