"""The ways to ask a frozen encoder what it knows of an NLI set, with and without learning from it again."""

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
    """How a run reads its encoder.

    reads: "sentences" or "joint".  metric: that the probe measures with.  probe: as it was stored.  labels:
    the classes, in the run's order.
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
    """Answers to the rows by each read-out, in the order of the rows.

    - kept: label embeddings, memory vectors or head exactly as they are stored;
    - refit: the same kind of read-out, learnt anew from the fitted rows' representations by this encoder;
    - linear: logistic regression on the fitted rows' representations;
    - own: a probe that retraining changed (the head of fine-tuning), if there is one.

    Args:
        encoder: that reads the rows.
        rows: whose answers are wanted; their labels are not read.
        fitted: labelled rows for "refit" and "linear", all labels among them.
        how: the run reads its encoder.
        own: the probe of that name.
        advance: is called with the number of texts done.
    """
    # In one pass, so that a text of both is encoded once.
    both = represent(encoder, [*fitted, *rows], how.reads, advance)
    memory = both[: len(fitted)]
    representation = both[len(fitted) :]
    targets = targets_of(fitted, how.labels)
    # A copy, for learning anew must not change the stored probe.
    refit = copy.copy(how.probe)
    refit.refit(how.metric, memory, targets)
    linear = Linear()
    linear.refit(how.metric, memory, targets)
    probes = {KEPT: how.probe, REFIT: refit, LINEAR: linear}
    if own is not None:
        probes[OWN] = own
    answers = {}
    for name, probe in probes.items():
        answers[name] = label_names(probe.predict(representation), how.labels)
    return answers


def texts_of(rows: Sequence[Row], fitted: Sequence[Row], how: ReadOut) -> int:
    """How many texts ``answers_of`` encodes."""
    return distinct_texts([*fitted, *rows], how.reads)
