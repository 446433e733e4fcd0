"""An encoder that was not retrained, read by what its vectors tell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, final

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from torch import Tensor

from relsym.data.pairs import Row
from relsym.data.relations import ENTAILMENT
from relsym.encoders.encoder import Encoder
from relsym.evaluation.represent import distinct_texts, represent
from relsym.evaluation.score import UNTRAINED_DRAWS, label_names, targets_of
from relsym.metrics.base import NONE, Metric, parts
from relsym.models.base import Advance, Columns, Examples, Judged, Model, Reading
from relsym.probes.knn import Knn
from relsym.probes.nearest_label import NearestLabel

KNN, LOGISTIC, RANDOM = "knn", "logistic", "random_label"


@final
class EncoderModel(Model):
    """Untrained read-outs of one encoder, on labelled rows that no weight has seen.

    - ``knn``: majority of the k nearest of the n labelled pairs, by the metric's implied label embeddings;
    - ``logistic``: logistic regression on those embeddings (scikit-learn, C = 1);
    - ``random_label``: the nearest of random label embeddings, mean over draws: what no labelled pair has
      informed.

    Args:
        encoder: as loaded; is moved to device and dtype.
        metric: of sentences, or ``pair`` to read both texts as one input.
        k: neighbours.
        draws: of random label embeddings.
        seed: of the draws.

    Raises:
        ValueError: a metric that measures no distance.
    """

    kind: ClassVar[str] = "encoder"
    learns: bool = True
    shard_rows: ClassVar[int] = 8192

    def __init__(
        self,
        encoder: Encoder,
        metric: Metric,
        k: int,
        seed: int,
        device: torch.device,
        dtype: torch.dtype,
        draws: int = UNTRAINED_DRAWS,
    ) -> None:
        if metric.reads == NONE:
            raise ValueError(
                "metric=none measures no distance, and an untrained encoder is read by distance. Choose "
                "another metric."
            )
        metric.check_dim(encoder.dim)
        # Before it is moved and rounded: the hash tells weights apart, not settings.
        self.hash = encoder.fingerprint()
        self.encoder = encoder.to(device, dtype)
        self.metric = metric
        self.k = k
        self.seed = seed
        self.draws = draws
        self.name, self.source = "", encoder.source

    def prepare(self, examples: Examples) -> None:
        """Encode the labelled rows and fit the read-outs."""
        self.labels = examples.labels
        memory = represent(self.encoder, examples.train, self.metric.reads)
        targets = targets_of(examples.train, self.labels)
        self.knn = Knn(self.k)
        self.knn.fit(self.metric, {}, memory, targets)
        labels = [row.label for row in examples.train]
        self.logistic = LogisticRegression(max_iter=1000)
        self.logistic.fit(self._embed(memory), labels)
        # One generator for all draws: the first draws stay the same however many there are.
        generator = torch.Generator().manual_seed(self.seed)
        self.random: list[NearestLabel] = []
        for _ in range(self.draws):
            embeddings = self.metric.random_labels(len(self.labels), self.encoder.dim, generator)
            probe = NearestLabel()
            probe.restore(self.metric, {"label_embeddings": embeddings})
            self.random.append(probe)

    def fingerprint(self) -> str:
        """SHA-256 of weights and vocabulary, as they were loaded."""
        return self.hash

    def measure(self, rows: Sequence[Row], advance: Advance = lambda count: None) -> Columns:
        """Answer and score of every read-out; the vectors themselves are not kept."""
        # Each distinct text is encoded once, so progress counts texts: a text is worth this many rows.
        reads = self.metric.reads
        texts = distinct_texts(rows, reads)
        share = len(rows) / max(1, texts)
        representation = represent(self.encoder, rows, reads, lambda count: advance(count * share))

        columns: Columns = {}
        scores = self.knn.scores(representation, len(self.labels))
        entailment = self.labels.index(ENTAILMENT)
        predicted = self.knn.predict(representation)
        columns[KNN] = label_names(predicted, self.labels)
        columns[f"{KNN}:{ENTAILMENT}"] = scores[:, entailment].tolist()

        # scikit-learn has sorted the labels.
        classes = [str(label) for label in self.logistic.classes_]
        column = classes.index(ENTAILMENT)
        probabilities = self.logistic.predict_proba(self._embed(representation))
        columns[LOGISTIC] = [classes[place] for place in probabilities.argmax(axis=1)]
        columns[f"{LOGISTIC}:{ENTAILMENT}"] = probabilities[:, column].tolist()

        for draw, probe in enumerate(self.random):
            predicted = probe.predict(representation)
            columns[f"{RANDOM}.{draw}"] = label_names(predicted, self.labels)
        return columns

    def readings(self) -> tuple[Reading, ...]:
        """k-NN, logistic regression, and one for each draw of random label embeddings."""
        symmetric = self.metric.label_ignores_order
        readings = [
            Reading(KNN, probability=True, symmetric=symmetric),
            Reading(LOGISTIC, probability=True, symmetric=symmetric),
        ]
        for draw in range(self.draws):
            # One draw says little: only the mean over all of them is reported.
            readings.append(Reading(f"{RANDOM}.{draw}", family=RANDOM, alone=False))
        return tuple(readings)

    def read(self, reading: str, form: str, measured: Columns) -> Judged:
        """The answers as they were measured, and their scores, which random label embeddings do not have."""
        return Judged(measured[reading], measured.get(f"{reading}:{ENTAILMENT}"))

    def _embed(self, representation: Tensor) -> np.ndarray:
        """The label embedding that each pair implies, [n dim]."""
        premises, hypotheses = parts(representation)
        return self.metric.label_of(premises, hypotheses).numpy()
