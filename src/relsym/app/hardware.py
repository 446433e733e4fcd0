"""Where a run computes: processes that others start (torchrun, srun), and the device that scores."""

from __future__ import annotations

import os

import torch
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

# Part of the default run folder, before it is resolved: each process would put in a time of its own.
TIMESTAMP = "${now"


def check_hardware(hardware: DictConfig) -> None:
    """Refuse processes that nobody has started, and several that would each compute a folder of their own.

    Raises:
        ValueError: the number of devices is not known, or none that a CPU has; the run folder differs from
            process to process; a SLURM job without srun.
    """
    if hardware.devices is None or hardware.num_nodes is None:
        raise ValueError(
            "the number of devices is not known: hardware=slurm reads it from SLURM (sbatch "
            "--ntasks-per-node=N, then srun), hardware=ddp_multinode from torchrun, and this process was not "
            "started so. Start it so, or in a sweep that submits jobs set hardware.devices=N, or use "
            "hardware=cpu, gpu or ddp."
        )
    if not HydraConfig.initialized():  # a sweep looks at its jobs before they are started
        return
    on_cpu = hardware.accelerator in ("cpu", "auto") and scoring_device(hardware).type == "cpu"
    counts_processes = isinstance(hardware.devices, int) and hardware.devices > 0
    if on_cpu and not (counts_processes or hardware.devices == "auto"):
        raise ValueError(
            f"hardware.devices={hardware.devices}: on the CPU this is a number of processes, 1 or more."
        )
    if hardware.devices not in (1, "auto") and waits_for_srun():
        raise ValueError(
            f"this SLURM job has {os.environ['SLURM_NTASKS']} tasks, and this process was not started by "
            "srun: it would wait for the others for ever. Put srun before the command."
        )
    if started_from_outside() > 1 and TIMESTAMP in _run_dir():
        raise ValueError(
            "several processes were started for this run, and each computes the default hydra.run.dir, which "
            "holds the time, for itself. Set hydra.run.dir=FOLDER, the same for all of them."
        )


def started_from_outside() -> int:
    """How many processes torchrun or srun started for this run; 1 if neither did."""
    if torch.distributed.is_torchelastic_launched():
        return int(os.environ["WORLD_SIZE"])
    # sbatch sets SLURM_NTASKS too, but only srun starts that many processes, and gives them a step.
    if "SLURM_STEP_ID" in os.environ:
        return int(os.environ.get("SLURM_NTASKS", "1"))
    return 1


def waits_for_srun() -> bool:
    """Whether this process would wait for other tasks of its SLURM job that nobody has started.

    Lightning takes any process of a batch job for one of the job's tasks.
    """
    # Lightning tells interactive shells on a compute node by these two names of jobs.
    is_interactive = os.environ.get("SLURM_JOB_NAME") in ("bash", "interactive")
    batch_job = "SLURM_JOB_ID" in os.environ and not is_interactive
    started = "SLURM_STEP_ID" in os.environ or torch.distributed.is_torchelastic_launched()
    return batch_job and not started and int(os.environ.get("SLURM_NTASKS", "1")) > 1


def scoring_device(hardware: DictConfig) -> torch.device:
    """Where one process scores a training: the GPU if the training had one, else the CPU."""
    on_gpu = hardware.accelerator == "gpu"
    if hardware.accelerator == "auto":
        on_gpu = torch.cuda.is_available()
    return torch.device("cuda" if on_gpu else "cpu")


def _run_dir() -> str:
    """``hydra.run.dir`` as it was written, with ``${now:...}`` unresolved."""
    unresolved = OmegaConf.to_container(HydraConfig.instance().cfg.hydra.run, resolve=False)
    return str(unresolved["dir"])
