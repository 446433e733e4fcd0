"""Loggers, and the exit code that an experiment tracker records."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pytorch_lightning.loggers import CSVLogger, Logger, TensorBoardLogger, WandbLogger
from pytorch_lightning.utilities import rank_zero_only


def csv(folder: str) -> Logger:
    """Curves in ``csv/metrics.csv``."""
    return CSVLogger(folder, name="", version="csv")


def tensorboard(folder: str) -> Logger:
    """Curves for TensorBoard, in ``tensorboard/``."""
    try:
        return TensorBoardLogger(folder, name="", version="tensorboard", default_hp_metric=False)
    except ModuleNotFoundError as error:
        raise ImportError('tracking=tensorboard needs the package tensorboard: pip install "relsym[tensorboard]"') from error


def wandb(folder: str, project: str, name: str | None, group: str | None, tags: list[str]) -> Logger:
    """A Weights & Biases run, offline unless WANDB_MODE says otherwise, so that it never asks for a login."""
    os.environ.setdefault("WANDB_MODE", "offline")
    os.environ.setdefault("WANDB_SILENT", "true")
    return WandbLogger(project=project, name=name, group=group, tags=list(tags), save_dir=folder)


@contextmanager
def tracked(logger: Logger, config: dict[str, Any]) -> Iterator[Logger]:
    """Log the configuration, and close the run with the exit code that the body earned, after a crash or Ctrl-C too."""
    code = 1
    try:
        logger.log_hyperparams(config)
        yield logger
        code = 0
    finally:
        if isinstance(logger, WandbLogger) and rank_zero_only.rank == 0:
            _finish_wandb(logger, code)


def _finish_wandb(logger: WandbLogger, code: int) -> None:
    if logger._experiment is None:  # W&B itself failed to start; asking for the run would start it again
        return
    run = logger.experiment
    offline, folder = run.settings.mode == "offline" or run.offline, Path(run.dir).parent
    run.finish(exit_code=code)
    if offline:
        sys.stderr.write(f"W&B run kept offline; to upload it: wandb sync {os.path.relpath(folder)}\n")
