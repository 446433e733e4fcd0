"""Which precision this machine computes fastest in; nothing heavy is imported to tell."""

from __future__ import annotations

import logging
from pathlib import Path

from omegaconf import OmegaConf

log = logging.getLogger(__name__)
# Where Linux says what a processor can do, in a line of words that begins as one of these.
PROCESSOR = Path("/proc/cpuinfo")
FEATURES = ("flags", "Features")
# Its words for matrix products in bf16 on x86 (AVX-512, AMX) and on ARM.
BF16_INSTRUCTIONS = {"avx512_bf16", "amx_bf16", "bf16"}


def has_bf16(processor: Path = PROCESSOR) -> bool:
    """Whether the processor multiplies in bf16; False where the system does not say.

    Without such instructions torch computes bf16 all the same, several times slower than fp32.
    """
    try:
        lines = processor.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:  # not Linux
        return False
    words: set[str] = set()
    for line in lines:
        if line.startswith(FEATURES):
            words.update(line.partition(":")[2].split())
    return bool(words & BF16_INSTRUCTIONS)


def fastest_precision(accelerator: str) -> str:
    """``bf16`` where what computes multiplies in it, else ``fp32``.

    Args:
        accelerator: ``cpu``, or another name of Lightning's; ``auto`` is a GPU where this machine has one. A
            GPU of another machine, on which a job will run, is taken to have it.
    """
    if accelerator == "cpu":
        return "bf16" if has_bf16() else "fp32"
    import torch

    if torch.cuda.is_available():
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp32"
    return fastest_precision("cpu") if accelerator == "auto" else "bf16"


def warn_of_slow_bf16(precision: str, device: str) -> None:
    """Tell whoever asked for bf16 on a processor without instructions for it.

    Args:
        precision: fp32 or bf16.
        device: the type of what computes, as torch names it.
    """
    if precision == "bf16" and device == "cpu" and not has_bf16():
        log.warning(
            "precision=bf16: as far as the system says, this processor has no instructions for it (%s), and "
            "takes several times as long as with precision=fp32.",
            ", ".join(sorted(BF16_INSTRUCTIONS)),
        )


def register_resolvers() -> None:
    """Let a configuration say ``${relsym.precision:${hardware.accelerator}}``.

    What it gives is what is recorded and hashed: a job that was composed here computes the same elsewhere,
    and a sweep that is started again on another type of machine is another sweep.
    """
    OmegaConf.register_new_resolver("relsym.precision", fastest_precision, replace=True)
