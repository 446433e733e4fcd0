"""Copies of weights that outlive a training."""

from __future__ import annotations

import torch
from pytorch_lightning import LightningModule
from torch import Tensor


def copy_of(objective: LightningModule) -> dict[str, Tensor]:
    """A copy of every weight of encoder and head by name, in fp32, which training leaves alone."""
    copies = {}
    for name, weight in objective.named_parameters():
        copies[name] = weight.detach().to(torch.float32, copy=True)
    return copies
