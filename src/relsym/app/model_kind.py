"""Which model options make an encoder."""

from __future__ import annotations

from typing import get_args, get_type_hints

from hydra.utils import get_object
from omegaconf import DictConfig

from relsym.encoders.encoder import Encoder
from relsym.models.base import Model


def is_encoder(model: DictConfig) -> bool:
    """Whether a model option makes an encoder, which can be trained; the others are scored as they are."""
    target = get_object(model._target_)
    told = target if isinstance(target, type) else get_type_hints(target).get("return", Encoder)
    return not any(isinstance(kind, type) and issubclass(kind, Model) for kind in (told, *get_args(told)))
