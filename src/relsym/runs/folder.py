"""A run's folder: refused if it holds another run, written atomically, results last."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from relsym.runs.disk import check_room
from relsym.runs.files import remove, write_atomically, write_text_atomically
from relsym.runs.layout import PARTIAL, RESULTS
from relsym.runs.lock import option_of
from relsym.runs.results import AnyResults, results_json
from relsym.runs.unfinished import check_run_folder


class RunFolder:
    """``hydra.run.dir`` of one run.

    Args:
        path: a folder that exists; what a killed run left of its curves and half-written files is deleted.

    Raises:
        FileExistsError: the folder holds a finished run, or files that no run writes.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        check_run_folder(self.path)
        # Curves of a run that was killed would stand beside, or among, those of this one.
        for curves in ("csv", "tensorboard"):
            remove(self.path / curves)
        for partial in list(self.path.glob(f"{PARTIAL}*")):
            remove(partial)

    def check_room(self, name: str, needed: int) -> None:
        """Refuse to begin what takes long if there is no room for what it comes to.

        Args:
            name: of a file, or of a folder that holds hardly more than one file.
            needed: its bytes.

        Raises:
            NoRoom: with both numbers.
        """
        check_room(self.path / name, needed, option_of(self.path))

    def write(self, name: str, writer: Callable[[Path], Any]) -> Path:
        """Write a file or folder: it is whole or it is not there."""
        return write_atomically(self.path / name, writer)

    def write_text(self, name: str, text: str) -> Path:
        """Write a text file."""
        return write_text_atomically(self.path / name, text)

    def write_tensors(self, name: str, tensors: Mapping[str, np.ndarray]) -> Path:
        """Write arrays as safetensors."""
        # save_file takes the bytes as they lie in memory, so each array has to lie row by row.
        arrays = {key: np.asarray(array, order="C") for key, array in tensors.items()}
        return self.write(name, lambda path: save_file(arrays, path))

    def write_table(self, name: str, columns: Mapping[str, Sequence]) -> Path:
        """Write columns as Parquet."""
        table = pa.table(dict(columns))
        return self.write(name, lambda path: pq.write_table(table, path))

    def finish(self, results: AnyResults) -> Path:
        """Write the results: their presence says that the run is whole."""
        return self.write_text(RESULTS, results_json(results))


def read_tensors(path: Path) -> dict[str, np.ndarray]:
    """The arrays of a safetensors file, by name.

    Raises:
        FileNotFoundError: there is none.
        ValueError: it is damaged, or a number in it is not finite; the message names file and key.
    """
    try:
        tensors = load_file(path)
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f"{path}: no such file, though a finished run has it. Run that job again."
        ) from error
    # TypeError and KeyError: a kind of number that numpy does not have.
    except (SafetensorError, TypeError, KeyError) as error:
        message = f"{path}: not a safetensors file of relsym ({error}). Run that job again."
        raise ValueError(message) from error
    for name, array in tensors.items():
        is_float = np.issubdtype(array.dtype, np.floating)
        if is_float and not np.isfinite(array).all():
            raise ValueError(f"{path}: {name} holds numbers that are not finite. Run that job again.")
    return tensors
