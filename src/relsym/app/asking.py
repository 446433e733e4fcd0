"""What the commands that ask a finished run do alike: predict, index and labels."""

from __future__ import annotations

import os
from pathlib import Path

from omegaconf import DictConfig

from relsym.app.earlier_run import load_run
from relsym.app.stored_components import check_trust
from relsym.app.values.checks import check_values
from relsym.models.device import device_of, dtype_of
from relsym.models.run import RunModel


def check_run_options(cfg: DictConfig, command: str) -> None:
    """Refuse options about the run that do not work.

    Args:
        command: predict, index or labels.

    Raises:
        ValueError: a value out of range, packages that cannot be trusted, code that is trusted where no run
            is named, no such device or precision.
    """
    check_values(cfg, command)
    check_trust(cfg.trust)
    trusts = cfg.model.trust_remote_code or len(cfg.trust) > 0
    if trusts and cfg.model.folder is None:
        raise ValueError("code is trusted only in a run that is named: pass model.folder=RUN.")
    device_of(cfg.hardware.accelerator)
    if cfg.precision is not None:
        dtype_of(cfg.precision)


def load_asked(cfg: DictConfig, folder: str, precision: str | None) -> RunModel:
    """The finished run in a folder, as the options about it say; raises as ``load_run``.

    Args:
        folder: of the run.
        precision: fp32 or bf16; None takes what the run itself was scored in.
    """
    trusts_code = cfg.model.trust_remote_code
    return load_run(folder, precision, cfg.hardware.accelerator, trusts_code, list(cfg.trust))


def check_output_free(cfg: DictConfig) -> None:
    """Refuse an output that is there.

    Raises:
        FileExistsError: something has this name.
    """
    if os.path.lexists(Path(str(cfg.output)).expanduser()):
        raise FileExistsError(
            f"output={cfg.output}: is there already, and nothing is overwritten. Delete it, or pass another "
            "name."
        )


def check_output_folder_there(cfg: DictConfig) -> None:
    """Refuse an output in a folder that is not there.

    Raises:
        FileNotFoundError: naming the folder.
    """
    parent = Path(str(cfg.output)).expanduser().parent
    if not parent.is_dir():
        raise FileNotFoundError(f"output={cfg.output}: there is no folder {parent}. Make it first.")
