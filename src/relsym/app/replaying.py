"""What has to be read before a training that replays earlier rows."""

from __future__ import annotations

from collections.abc import Sequence

from omegaconf import DictConfig

from relsym.app.nli import nli_data
from relsym.data.module import PairData
from relsym.objectives.remedies.base import Remedy


def feed(cfg: DictConfig, remedies: Sequence[Remedy], data: PairData) -> None:
    """Give the NLI rows of the run in ``init`` to the remedies that need them."""
    hungry = [remedy for remedy in remedies if remedy.needs_nli]
    nli = nli_data(cfg) if hungry else None
    for remedy in hungry:
        remedy.feed(data, nli.train_rows if nli else [], most_steps(cfg.training, data.steps_per_epoch()))


def most_steps(training: DictConfig, steps_per_epoch: int) -> int:
    """Steps after which the training ends, whatever it learns.

    Raises:
        ValueError: neither epochs nor steps are limited.
    """
    limits = [count * steps for count, steps in ((training.epochs, steps_per_epoch), (training.max_steps, 1)) if count not in (None, -1)]
    if not limits:
        raise ValueError("training.epochs and training.max_steps are both unlimited: replayed rows are drawn for every step before the "
                         "first. Set one of them.")
    return min(limits)
