"""Where a run computes: processes that others start (torchrun, srun), and the device that scores."""

from __future__ import annotations

import os

import torch
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

TIMESTAMP = "${now"


def check_hardware(hardware: DictConfig) -> None:
    """Refuse processes that nobody has started, and several that would each compute a folder of their own.

    Raises:
        ValueError: the number of devices is not known; the run folder differs from process to process; a
        SLURM job without srun.
    """
    if hardware.devices is None or hardware.num_nodes is None:
        raise ValueError(
            "the number of devices is not known: hardware=slurm reads it from SLURM (sbatch "
            "--ntasks-per-node=N, then srun), "
            "hardware=ddp_multinode from torchrun, and this process was not started so. Start it so, or in a "
            "sweep that "
            "submits jobs set hardware.devices=N, or use hardware=cpu, gpu or ddp."
        )
    if not HydraConfig.initialized():  # a sweep looks at its jobs before they are started
        return
    if hardware.devices not in (1, "auto") and waits_for_srun():
        raise ValueError(
            f"this SLURM job has {os.environ['SLURM_NTASKS']} tasks, and this process was not started by "
            "srun: it would wait "
            "for the others for ever. Put srun before the command."
        )
    if started_from_outside() > 1 and TIMESTAMP in _run_dir():
        raise ValueError(
            "several processes were started for this run, and each computes the default hydra.run.dir, which "
            "holds the time, "
            "for itself. Set hydra.run.dir=FOLDER, the same for all of them."
        )


def started_from_outside() -> int:
    """How many processes torchrun or srun started for this run; 1 if neither did."""
    if torch.distributed.is_torchelastic_launched():
        return int(os.environ["WORLD_SIZE"])
    return int(os.environ.get("SLURM_NTASKS", "1")) if "SLURM_STEP_ID" in os.environ else 1


def waits_for_srun() -> bool:
    """Whether Lightning would take this process for one of a SLURM job's tasks, and nobody has started the
    others.
    """
    batch_job = "SLURM_JOB_ID" in os.environ and os.environ.get("SLURM_JOB_NAME") not in (
        "bash",
        "interactive",
    )
    started = "SLURM_STEP_ID" in os.environ or torch.distributed.is_torchelastic_launched()
    return batch_job and not started and int(os.environ.get("SLURM_NTASKS", "1")) > 1


def scoring_device(hardware: DictConfig) -> torch.device:
    """The GPU if the training had one."""
    on_gpu = hardware.accelerator == "gpu" or (hardware.accelerator == "auto" and torch.cuda.is_available())
    return torch.device("cuda" if on_gpu else "cpu")


def _run_dir() -> str:
    """``hydra.run.dir`` as it was written."""
    return str(OmegaConf.to_container(HydraConfig.instance().cfg.hydra.run, resolve=False)["dir"])
