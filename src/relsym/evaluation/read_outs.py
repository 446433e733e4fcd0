"""The ways to ask a frozen encoder what it knows of an NLI set: as it was trained to answer, refit, and by a
linear probe.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import NamedTuple

from relsym.data.pairs import Row
from relsym.encoders.encoder import Encoder
from relsym.evaluation.forgetting import KEPT, LINEAR, REFIT
from relsym.evaluation.represent import distinct_texts, represent
from relsym.evaluation.score import label_names, targets_of
from relsym.metrics.base import Metric
from relsym.probes.base import Probe
from relsym.probes.linear import Linear

OWN = "own"


class ReadOut(NamedTuple):
    """How a run reads its encoder. reads: sentences or joint.  probe: as it was stored.  labels: classes, in
    the run's order.
    """

    reads: str
    metric: Metric
    probe: Probe
    labels: tuple[str, ...]


def answers_of(
    encoder: Encoder,
    rows: Sequence[Row],
    fitted: Sequence[Row],
    how: ReadOut,
    own: Probe | None = None,
    advance: Callable[[int], None] = lambda count: None,
) -> dict[str, list[str]]:
    """Answers to the rows by each read-out.

    - kept: label embeddings, memory vectors or head exactly as they are stored;
    - refit: the same kind of read-out, learnt anew from the fitted rows' representations by this encoder;
    - linear: logistic regression on the fitted rows' representations;
    - own: a probe that retraining changed (the head of fine-tuning), if there is one.

    Args:
        fitted: labelled rows for the last two, all labels among them.  advance: told the number of texts
        done.
    """
    both = represent(encoder, [*fitted, *rows], how.reads, advance)
    memory, asked = both[: len(fitted)], both[len(fitted) :]
    targets = targets_of(fitted, how.labels)
    probes = {KEPT: how.probe, REFIT: copy.copy(how.probe), LINEAR: Linear()}
    for name in (REFIT, LINEAR):
        probes[name].refit(how.metric, memory, targets)
    if own is not None:
        probes[OWN] = own
    return {name: label_names(probe.predict(asked), how.labels) for name, probe in probes.items()}


def texts_of(rows: Sequence[Row], fitted: Sequence[Row], how: ReadOut) -> int:
    """How many texts ``answers_of`` encodes."""
    return distinct_texts([*fitted, *rows], how.reads)
