"""Which model options make an encoder."""

from __future__ import annotations

from typing import get_args, get_type_hints

from hydra.utils import get_object
from omegaconf import DictConfig

from relsym.encoders.encoder import Encoder
from relsym.models.base import Model


def is_encoder(model: DictConfig) -> bool:
    """Whether a model option makes an encoder, which can be trained; the others are scored as they are.

    The ``_target_`` of the option is a class, or a function whose annotation says what it returns. A function
    without one counts as the loader of an encoder; one that may return a ``Model`` (``Model | Encoder``) does
    not.
    """
    target = get_object(model._target_)
    returned = target
    if not isinstance(target, type):
        returned = get_type_hints(target).get("return", Encoder)
    kinds = [returned, *get_args(returned)]  # of a union also its members
    return not any(isinstance(kind, type) and issubclass(kind, Model) for kind in kinds)
