"""Where a model computes, and in what precision."""

from __future__ import annotations

import torch

from relsym.encoders.encoder import PRECISIONS

ACCELERATORS = ("cpu", "gpu", "auto")


def device_of(accelerator: str) -> torch.device:
    """The device that an accelerator of the hardware group stands for; auto is a GPU where there is one.

    Raises:
        ValueError: an unknown accelerator, or a GPU where there is none.
    """
    if accelerator not in ACCELERATORS:
        raise ValueError(f"hardware.accelerator={accelerator}: expected cpu, gpu or auto.")
    if accelerator == "gpu" and not torch.cuda.is_available():
        raise ValueError("this hardware option needs a CUDA GPU, and torch finds none. Use hardware=cpu.")
    wants_gpu = accelerator in ("gpu", "auto")
    return torch.device("cuda" if wants_gpu and torch.cuda.is_available() else "cpu")


def dtype_of(precision: str) -> torch.dtype:
    """The type of weights and activations.

    Raises:
        ValueError: an unknown precision.
    """
    if precision not in PRECISIONS:
        raise ValueError(f"precision={precision}: expected {' or '.join(PRECISIONS)}.")
    return PRECISIONS[precision]
