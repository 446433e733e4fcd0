"""An encoder that ``relsym train`` retrained, read as its run read it."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import Any, ClassVar, final

import torch
from jaxtyping import Float
from torch import Tensor

from relsym.data.pairs import Row
from relsym.data.relations import CONTRADICTION, ENTAILMENT, NEUTRAL
from relsym.encoders.encoder import Encoder
from relsym.evaluation.represent import VectorSource, distinct_texts, represent
from relsym.metrics.base import JOINT, Metric
from relsym.models.base import Advance, Columns, Examples, Judged, Model, Reading
from relsym.models.three_way import STRICT, ThreeWay
from relsym.probes.base import Probe
from relsym.visible import visible

# Columns beside those of the labels: how far what lies closest is, and the training pairs that voted.
CLOSEST_DISTANCE, CLOSEST_PAIRS = "closest:distance", "closest:neighbours"


@final
class RunModel(Model):
    """The encoder, metric and probe of a finished run; nothing is fitted anew.

    A run with two labels has the reading ``own`` (its probe's answer), one with three (MNLI) those of
    ``ThreeWay``; both have ``threshold`` where validation rows can set it.

    Args:
        encoder: the run's; is moved to device and dtype.
        metric, probe: the run's, the probe restored.
        reads: "sentences" or "joint".
        labels: the run's classes, in their order.
        name, source: of the run, for the report and the record.
        memory_ids: of the training pairs that the probe compares with; None where they are not known.
    """

    kind: ClassVar[str] = "run"
    shard_rows: ClassVar[int] = 8192

    def __init__(
        self,
        encoder: Encoder,
        metric: Metric,
        probe: Probe,
        reads: str,
        labels: Sequence[str],
        name: str,
        source: dict[str, Any],
        device: torch.device,
        dtype: torch.dtype,
        memory_ids: Sequence[str] | None = None,
    ) -> None:
        self.hash = encoder.fingerprint()  # of the weights as they were trained, so before they are moved
        self.encoder = encoder.to(device, dtype)
        self.vector_source: VectorSource = self.encoder  # or a cache before it
        self.metric = metric
        self.probe = probe
        self.reads = reads
        self.labels = tuple(labels)
        self.name, self.source = name, source
        self.memory_ids = memory_ids
        self.added: tuple[str, ...] = ()  # labels that were added after training, the last of ``labels``
        self.tells_closest = (
            False  # whether ``measure`` gives CLOSEST_DISTANCE and CLOSEST_PAIRS too, as far as there are
        )

    def add_label(self, label: str, implied: Float[Tensor, "m dim"]) -> None:
        """Answer with a further label from now on.

        Args:
            label: its name.
            implied: the label embedding that each pair of it implies.
        """
        self.probe.add_class(self.metric, implied, len(self.labels))
        self.labels = (*self.labels, label)
        self.added = (*self.added, label)
        self.source = {**self.source, "added_labels": ", ".join(self.added)}
        if self.memory_ids is not None:
            ids = [f"{label}/{number}" for number in range(1, len(implied) + 1)]
            self.memory_ids = (*self.memory_ids, *ids)

    def prepare(self, examples: Examples) -> None:
        """Fit the rules to the run's labels and the benchmark's.

        Raises:
            ValueError: the run does not know both entailment and contradiction.
        """
        if not {ENTAILMENT, CONTRADICTION} <= set(self.labels):
            names = ", ".join(self.labels)
            raise ValueError(
                f"{self.name}: knows the labels {names}; needed are {ENTAILMENT} and {CONTRADICTION}."
            )
        # A run that never answers neutral is read as if rows were never neutral: it gets those wrong.
        answerable = list(examples.labels)
        if NEUTRAL not in self.labels:
            answerable = [label for label in answerable if label != NEUTRAL]
        self.probe.answer_among(answerable)
        self.rules = ThreeWay(self.labels, answerable, self.probe.probability)

    def fingerprint(self) -> str:
        """SHA-256 of weights, vocabulary, a pooling's options, what the probe keeps, and added labels."""
        hasher = sha256(self.hash.encode())
        if self.encoder.pooling.options:  # few have some: the hash of other runs is what it was before
            hasher.update(self.encoder.pooling.described().encode())
        for name, tensor in sorted(self.probe.tensors().items()):
            # As raw bytes: NumPy has no bfloat16.
            raw = tensor.contiguous().flatten().view(torch.uint8).numpy().tobytes()
            hasher.update(name.encode() + raw)
        if self.added:  # few have some, whose names are not among the tensors
            hasher.update(repr(self.added).encode())
        return hasher.hexdigest()

    def measure(self, rows: Sequence[Row], advance: Advance = lambda count: None) -> Columns:
        """The probe's answer, and its score of each class."""
        # Each distinct text is encoded once, so progress counts texts: a text is worth this many rows.
        texts = distinct_texts(rows, self.reads)
        share = len(rows) / max(1, texts)
        representation = represent(self.vector_source, rows, self.reads, lambda count: advance(count * share))
        predicted, scores, closest = self.probe.read_off(representation, len(self.labels))
        columns: Columns = {}
        columns["answer"] = [self.labels[index] for index in predicted.tolist()]
        columns |= zip(self.labels, scores.T.tolist(), strict=True)
        if self.tells_closest and closest is not None:
            columns[CLOSEST_DISTANCE] = closest.distance.tolist()
            if closest.rows is not None and self.memory_ids is not None:
                columns[CLOSEST_PAIRS] = [_listed(self.memory_ids, rows) for rows in closest.rows.tolist()]
        return columns

    def vectors(self, texts: Sequence[str], advance: Advance = lambda count: None) -> Float[Tensor, "n dim"]:
        """The vector of each text, as the run's metric compares them; one that comes again is encoded once.

        Raises:
            ValueError: the run reads a pair as one input, or a vector is not finite.
        """
        if self.reads == JOINT:
            raise ValueError(
                f"{self.name}: this run reads premise and hypothesis as one input, so that a sentence alone "
                "has no vector. Load a run of objective=fixed_label, random_label or knn."
            )
        if not texts:
            return torch.zeros(0, self.encoder.dim)
        # A text stands for both of a row: there each different one is encoded once.
        rows = [Row("", "", "", text, text, "") for text in texts]
        return represent(self.encoder, rows, self.reads, advance)[:, 0]

    def account(self, row: Row) -> str:
        """What the answer to one pair is read off, in words for a person."""
        return self.probe.account(represent(self.vector_source, [row], self.reads), self.labels)

    def calibrate(self, form: str, labels: Sequence[str], measured: Columns) -> None:
        """Choose the threshold of ``ThreeWay``."""
        self.rules.calibrate(form, labels, measured)

    def readings(self) -> tuple[Reading, ...]:
        """The rules of ``ThreeWay``; the class says which readings there are."""
        return self.rules.readings(self.probe.ignores_order(self.metric))

    def read(self, reading: str, form: str, measured: Columns) -> Judged:
        """The probe's own answer where the highest score is asked for, else the answer by rule."""
        # The votes of k-NN may tie: the probe decides then, not the order of the classes.
        if reading == STRICT:
            return Judged(measured["answer"], measured[ENTAILMENT])
        return self.rules.read(reading, form, measured)


def _listed(ids: Sequence[str], rows: Sequence[int]) -> str:
    """The ids of training pairs, parted by spaces; a space in one is written as %20."""
    return " ".join(visible(ids[row]).replace(" ", "%20") for row in rows)
