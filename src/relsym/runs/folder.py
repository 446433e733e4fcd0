"""A run's folder: refused if it holds another run, written atomically, results last."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from safetensors.torch import save_file
from torch import Tensor

from relsym.runs.files import remove, write_atomically

RESULTS, CONFIG, ENCODER, PROBE, PREDICTIONS = "results.json", "config.yaml", "encoder", "probe.safetensors", "predictions.parquet"
FORGETTING = "forgetting.parquet"
# What a killed run of the same command may have left: written over, or from the loggers and Hydra.
LEFTOVERS = {RESULTS, CONFIG, ENCODER, PROBE, PREDICTIONS, FORGETTING, ".hydra", "wandb", "csv", "tensorboard", "shards"}


class RunFolder:
    """``hydra.run.dir`` of one run.

    Raises:
        FileExistsError: the folder holds a finished run, or files that no run writes.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        if (self.path / RESULTS).exists():
            raise FileExistsError(f"{self.path} holds a finished run ({RESULTS}). Choose another hydra.run.dir, or delete the folder.")
        foreign = sorted(entry.name for entry in self.path.iterdir()
                         if entry.name.removeprefix("partial.") not in LEFTOVERS and not entry.name.endswith(".log"))
        if foreign:
            raise FileExistsError(f"{self.path} holds files that are not a run's: {', '.join(foreign[:5])}. Choose another hydra.run.dir.")
        for left in ("csv", "tensorboard", *(path.name for path in self.path.glob("partial.*"))):  # curves of a run that was killed
            remove(self.path / left)

    def write(self, name: str, writer: Callable[[Path], Any]) -> Path:
        """Write a file or folder: it is whole or it is not there."""
        return write_atomically(self.path / name, writer)

    def write_text(self, name: str, text: str) -> Path:
        """Write a text file."""
        return self.write(name, lambda path: path.write_text(text, encoding="utf-8"))

    def write_tensors(self, name: str, tensors: Mapping[str, Tensor]) -> Path:
        """Write tensors as safetensors."""
        return self.write(name, lambda path: save_file({key: value.contiguous().cpu() for key, value in tensors.items()}, path))

    def write_table(self, name: str, columns: Mapping[str, Sequence]) -> Path:
        """Write columns as Parquet."""
        return self.write(name, lambda path: pq.write_table(pa.table(dict(columns)), path))

    def finish(self, results: Mapping[str, Any]) -> Path:
        """Write the results: their presence says that the run is whole."""
        return self.write_text(RESULTS, json.dumps(results, indent=2, allow_nan=False) + "\n")
