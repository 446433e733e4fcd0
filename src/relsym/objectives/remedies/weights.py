"""Copies of weights that outlive a training."""

from __future__ import annotations

import torch
from pytorch_lightning import LightningModule
from torch import Tensor


def copy_of(objective: LightningModule) -> dict[str, Tensor]:
    """Every weight of encoder and head by name, in fp32, untouched by what comes."""
    return {
        name: weight.detach().to(torch.float32, copy=True) for name, weight in objective.named_parameters()
    }
