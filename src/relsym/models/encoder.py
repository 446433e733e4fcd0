"""An encoder that was not retrained, read by what can be had from its vectors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, final

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
        encoder: as loaded; is moved to device and dtype.  metric: of sentences, or ``pair`` to read both
        texts as one input. k: neighbours.  draws: of random label embeddings.  seed: of the draws.

    Raises:
        ValueError: a metric that measures no distance.
    """

    kind: ClassVar[str] = "encoder"
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
        self.hash = encoder.fingerprint()
        self.encoder, self.metric, self.k, self.seed, self.draws = (
            encoder.to(device, dtype),
            metric,
            k,
            seed,
            draws,
        )
        self.name, self.source = "", encoder.source

    def prepare(self, examples: Examples) -> None:
        """Encode the labelled rows and fit the read-outs."""
        self.labels = examples.labels
        memory = represent(self.encoder, examples.train, self.metric.reads)
        targets = targets_of(examples.train, self.labels)
        self.knn = Knn(self.k)
        self.knn.fit(self.metric, {}, memory, targets)
        self.logistic = LogisticRegression(max_iter=1000).fit(
            self._embed(memory), [row.label for row in examples.train]
        )
        generator = torch.Generator().manual_seed(self.seed)
        self.random = [NearestLabel() for _ in range(self.draws)]
        for probe in self.random:
            probe.restore(
                self.metric,
                {
                    "label_embeddings": self.metric.random_labels(
                        len(self.labels), self.encoder.dim, generator
                    )
                },
            )

    def fingerprint(self) -> str:
        """Of weights and vocabulary."""
        return self.hash

    def measure(self, rows: Sequence[Row], advance: Advance = lambda count: None) -> Columns:
        """Answer and score of every read-out; the vectors themselves are not kept."""
        share = len(rows) / max(1, distinct_texts(rows, self.metric.reads))
        representation = represent(
            self.encoder, rows, self.metric.reads, lambda count: advance(count * share)
        )
        entailment = self.labels.index(ENTAILMENT)
        neighbours = self.knn.scores(representation, len(self.labels))
        probabilities = self.logistic.predict_proba(self._embed(representation))
        columns: Columns = {
            KNN: label_names(self.knn.predict(representation), self.labels),
            f"{KNN}:{ENTAILMENT}": neighbours[:, entailment].tolist(),
            LOGISTIC: [str(self.logistic.classes_[place]) for place in probabilities.argmax(axis=1)],
            f"{LOGISTIC}:{ENTAILMENT}": probabilities[
                :, list(self.logistic.classes_).index(ENTAILMENT)
            ].tolist(),
        }
        for draw, probe in enumerate(self.random):
            columns[f"{RANDOM}.{draw}"] = label_names(probe.predict(representation), self.labels)
        return columns

    def readings(self) -> tuple[Reading, ...]:
        """k-NN, logistic regression, and one for each draw of random label embeddings."""
        symmetric = self.metric.label_ignores_order
        return (
            Reading(KNN, probability=True, symmetric=symmetric),
            Reading(LOGISTIC, probability=True, symmetric=symmetric),
            *(Reading(f"{RANDOM}.{draw}", family=RANDOM, alone=False) for draw in range(self.draws)),
        )

    def read(self, reading: str, form: str, measured: Columns) -> Judged:
        """As measured."""
        return Judged(measured[reading], measured.get(f"{reading}:{ENTAILMENT}"))

    def _embed(self, representation: Tensor):
        return self.metric.label_of(*parts(representation)).numpy()
