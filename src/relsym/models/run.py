"""An encoder that ``relsym train`` retrained, read as its run read it."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import Any, ClassVar, final

import torch
from torch import Tensor

from relsym.data.pairs import Row
from relsym.data.relations import CONTRADICTION, ENTAILMENT, NEUTRAL
from relsym.encoders.encoder import Encoder
from relsym.evaluation.represent import distinct_texts, represent
from relsym.metrics.base import Metric
from relsym.models.base import Advance, Columns, Examples, Judged, Model, Reading
from relsym.models.three_way import STRICT, ThreeWay
from relsym.probes.base import Probe


@final
class RunModel(Model):
    """The encoder, metric and probe of a finished run; nothing is fitted anew.

    A run with two labels has the reading ``own`` (its probe's answer), one with three (MNLI) those of
    ``ThreeWay``; both have ``threshold`` where validation rows can set it.

    Args:
        encoder: the run's.  metric, probe: the run's, the probe restored.  reads: "sentences" or "joint".
        labels: the run's classes, in their order.  name, source: of the run.  sides: which rows trained it.
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
    ) -> None:
        self.hash = encoder.fingerprint()
        self.encoder, self.metric, self.probe, self.reads = encoder.to(device, dtype), metric, probe, reads
        self.labels, self.name, self.source = tuple(labels), name, source

    def prepare(self, examples: Examples) -> None:
        """The run's labels have to be among those that rows can have, or the other way round."""
        if not {ENTAILMENT, CONTRADICTION} <= set(self.labels):
            raise ValueError(
                f"{self.name}: knows the labels {', '.join(self.labels)}; needed are {ENTAILMENT} and "
                f"{CONTRADICTION}."
            )
        asked = (
            examples.labels
            if NEUTRAL in self.labels
            else tuple(label for label in examples.labels if label != NEUTRAL)
        )
        self.rules = ThreeWay(self.labels, asked, self.probe.probability)

    def fingerprint(self) -> str:
        """Of weights and vocabulary, and of what the probe keeps."""
        hasher = sha256(self.hash.encode())
        for name, tensor in sorted(self.probe.tensors().items()):
            hasher.update(name.encode() + tensor.contiguous().flatten().view(torch.uint8).numpy().tobytes())
        return hasher.hexdigest()

    def measure(self, rows: Sequence[Row], advance: Advance = lambda count: None) -> Columns:
        """The probe's answer, and its score of each class."""
        share = len(rows) / max(1, distinct_texts(rows, self.reads))
        representation = represent(self.encoder, rows, self.reads, lambda count: advance(count * share))
        scores: Tensor = self.probe.scores(representation, len(self.labels))
        answers = [self.labels[index] for index in self.probe.predict(representation).tolist()]
        return {"answer": answers, **dict(zip(self.labels, scores.T.tolist(), strict=True))}

    def calibrate(self, form: str, labels: Sequence[str], measured: Columns) -> None:
        """The threshold."""
        self.rules.calibrate(form, labels, measured)

    def readings(self) -> tuple[Reading, ...]:
        """See the class."""
        return self.rules.readings(self.metric.label_ignores_order and self.probe.needs_memory)

    def read(self, reading: str, form: str, measured: Columns) -> Judged:
        """The probe's own answer where the highest score is asked for (votes may tie), else by rule."""
        if reading == STRICT:
            return Judged(measured["answer"], measured[ENTAILMENT])
        return self.rules.read(reading, form, measured)
