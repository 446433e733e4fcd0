"""What was measured, on disk in shards, so that a run that was killed goes on from its last one."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from relsym.data.pairs import Row
from relsym.models.base import Advance, Columns, Model
from relsym.runs.files import remove, write_atomically
from relsym.runs.layout import PLAN, SHARDS


class Shards:
    """The folder ``shards`` of one evaluation.

    Args:
        folder: of the run.  plan: hash of all that the measuring depends on.  rows: of a shard.

    Raises:
        FileExistsError: the folder holds shards of another plan.
    """

    def __init__(self, folder: Path, plan: str, rows: int) -> None:
        if rows < 1:
            raise ValueError(f"shard_rows={rows}: at least 1.")
        self.folder, self.rows = folder / SHARDS, rows
        self.folder.mkdir(exist_ok=True)
        if (self.folder / PLAN).exists():
            if json.loads((self.folder / PLAN).read_text(encoding="utf-8")) != {"plan": plan, "rows": rows}:
                raise FileExistsError(
                    f"{self.folder} holds what a run with another model, rows or settings measured before it "
                    "was "
                    "stopped. Give that run's command again, choose another hydra.run.dir, or delete the "
                    "folder."
                )
        else:
            text = json.dumps({"plan": plan, "rows": rows})
            write_atomically(self.folder / PLAN, lambda target: target.write_text(text, encoding="utf-8"))

    def left(self, name: str, rows: Sequence[Row]) -> int:
        """How many of the rows of a block are still to be measured."""
        return sum(len(part) for path, part in self._parts(name, rows) if not path.exists())

    def measure(self, name: str, rows: Sequence[Row], model: Model, advance: Advance) -> Columns:
        """The columns of a block, each shard measured once."""
        found: Columns = {}
        for path, part in self._parts(name, rows):
            if not path.exists():
                columns = model.measure(part, advance)
                write_atomically(
                    path, lambda target, columns=columns: pq.write_table(pa.table(columns), target)
                )
            for column, values in pq.read_table(path, partitioning=None).to_pydict().items():
                found.setdefault(column, []).extend(values)
        return found

    def remove(self) -> None:
        """All is recorded elsewhere."""
        remove(self.folder)

    def _parts(self, name: str, rows: Sequence[Row]) -> list[tuple[Path, Sequence[Row]]]:
        return [
            (self.folder / f"{name}-{number:05}.parquet", rows[start : start + self.rows])
            for number, start in enumerate(range(0, len(rows), self.rows))
        ]
