"""Which data options have rows to train on; of the others ``relsym evaluate`` alone makes something."""

from __future__ import annotations

from hydra.core.hydra_config import HydraConfig
from hydra.utils import get_object
from omegaconf import DictConfig


def can_train(data: DictConfig) -> bool:
    """Whether a data option has rows to train on, as the class of its module says."""
    return getattr(get_object(data.module._target_), "trains", True)


def check_trains(data: DictConfig, command: str) -> None:
    """Refuse a data option that has no rows to train on.

    Args:
        data: the option.
        command: that was given, such as train.

    Raises:
        ValueError: with what it is for.
    """
    if not can_train(data):
        # The jobs of a sweep are looked at in a process that has their configurations alone.
        named = HydraConfig.initialized()
        option = f"data={HydraConfig.get().runtime.choices['data']}" if named else "this data option"
        raise ValueError(
            f"{option} is for relsym evaluate alone: its pairs are rated, and none trains. Choose another "
            f"one for relsym {command}."
        )
