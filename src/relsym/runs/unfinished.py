"""What a run's folder may hold before the run begins."""

from __future__ import annotations

from pathlib import Path

from relsym.runs.layout import (
    CONFIG,
    ENCODER,
    FORGETTING,
    LOCK,
    MEMORY,
    PARTIAL,
    PREDICTIONS,
    PROBE,
    RATED,
    RESULTS,
    SHARDS,
)

# What a killed run of the same command may have left: written over, or from the loggers and Hydra.
LEFTOVERS = {
    RESULTS,
    CONFIG,
    ENCODER,
    PROBE,
    MEMORY,
    PREDICTIONS,
    RATED,
    FORGETTING,
    SHARDS,
    LOCK,
    ".hydra",
    "wandb",
    "csv",
    "tensorboard",
}


def check_run_folder(folder: Path) -> None:
    """Refuse a folder with a finished run in it, or with files that no run writes.

    Args:
        folder: to be filled; it exists.

    Raises:
        FileExistsError: naming what is in the folder.
    """
    if (folder / RESULTS).exists():
        raise FileExistsError(
            f"{folder} holds a finished run ({RESULTS}). Choose another hydra.run.dir, or delete the folder."
        )
    foreign = []
    for entry in folder.iterdir():
        is_ours = entry.name.removeprefix(PARTIAL) in LEFTOVERS or entry.name.endswith(".log")
        if not is_ours:
            foreign.append(entry.name)
    if foreign:
        names = ", ".join(sorted(foreign)[:5])
        raise FileExistsError(
            f"{folder} holds files that are not a run's: {names}. Choose another hydra.run.dir."
        )
