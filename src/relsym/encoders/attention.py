"""How attention is computed while training: by torch's fused kernel, or step by step."""

from __future__ import annotations

import torch

EAGER, FUSED = "eager", "fused"
# transformers' names of them.
IMPLEMENTATIONS = {EAGER: "eager", FUSED: "sdpa"}


def best_attention(device: torch.device, precision: str) -> str:
    """The way that ``training.attention=auto`` takes: step by step in bf16 on a CPU, else fused.

    By benchmarks/attention.py, on a processor with AMX, where a step in bf16 took 2.2 times as long with the
    fused kernel without dropout, whose backward pass is slow, and 1.1 times as long with the model's. With
    the instructions for matrices switched off the two came out within noise of each other, so the choice does
    not look at the processor: the benchmark tells on another one.

    Args:
        device: that trains.
        precision: fp32 or bf16.
    """
    return EAGER if device.type == "cpu" and precision == "bf16" else FUSED
