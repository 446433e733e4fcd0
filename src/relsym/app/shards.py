"""What was measured, on disk in shards, so that a run that was killed goes on from its last one."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from relsym.data.pairs import Row
from relsym.models.base import Advance, Columns, Model
from relsym.runs.files import remove, write_atomically, write_text_atomically
from relsym.runs.layout import PLAN, SHARDS
from relsym.visible import printable


class Shards:
    """The folder ``shards`` of what is measured once.

    Args:
        folder: above it.
        plan: hash of all that the measuring depends on.
        rows: how many a shard holds; the last one of a block may hold fewer.
        option: what a user sets to choose another place, for messages.

    Raises:
        ValueError: shards of less than one row, or the file that names the plan is damaged.
        FileExistsError: the folder holds shards of another plan.
    """

    def __init__(self, folder: Path, plan: str, rows: int, option: str = "hydra.run.dir") -> None:
        if rows < 1:
            raise ValueError(f"shard_rows={rows}: at least 1.")
        self.folder = folder / SHARDS
        self.rows = rows
        self.folder.mkdir(exist_ok=True)
        # The number of rows counts too: with another one, the same file name would mean other rows.
        content = {"plan": plan, "rows": rows}
        plan_file = self.folder / PLAN
        if not plan_file.exists():
            write_text_atomically(plan_file, json.dumps(content))
        elif _plan_in(plan_file) != content:
            raise FileExistsError(
                f"{self.folder} holds what a run with another model, rows or settings measured before it was "
                f"stopped. Give that run's command again, choose another {option}, or delete the folder."
            )

    def drop_unanswered(self, model: Model) -> None:
        """Delete the shards of an earlier process in which the model lacks answers that it may now get."""
        for path in sorted(self.folder.glob("*.parquet")):
            if model.lacks_answers(_columns_in(path)):
                remove(path)

    def left(self, name: str, rows: Sequence[Row]) -> int:
        """How many of the rows of a block are still to be measured."""
        count = 0
        for path, part in self._parts(name, rows):
            if not path.exists():
                count += len(part)
        return count

    def measure(self, name: str, rows: Sequence[Row], model: Model, advance: Advance) -> Columns:
        """The columns of a block, one value for each row; shards that are on disk are not measured again.

        Args:
            name: of the block, the first part of its file names.
            advance: called by the model with the number of rows done.

        Raises:
            ValueError: the model gave NaN.
        """
        measured: Columns = {}
        for path, part in self._parts(name, rows):
            if not path.exists():
                columns = model.measure(part, advance)
                check_numbers(model, part, columns)
                table = pa.table(columns)
                write_atomically(path, lambda target, table=table: pq.write_table(table, target))
            # Read back even when just measured: a run that goes on and one that was never stopped see the
            # same values.
            for column, values in _columns_in(path).items():
                measured.setdefault(column, []).extend(values)
        return measured

    def remove(self) -> None:
        """Delete the shards, once all that they hold is recorded elsewhere."""
        remove(self.folder)

    def _parts(self, name: str, rows: Sequence[Row]) -> list[tuple[Path, Sequence[Row]]]:
        """The file of each shard of a block, with the rows that belong in it."""
        parts = []
        for number, start in enumerate(range(0, len(rows), self.rows)):
            path = self.folder / f"{name}-{number:05}.parquet"
            parts.append((path, rows[start : start + self.rows]))
        return parts


def _columns_in(path: Path) -> Columns:
    """The columns of one shard."""
    # No partitioning, or pyarrow would make columns of names like a=b in the path.
    return pq.read_table(path, partitioning=None).to_pydict()


def _plan_in(path: Path) -> object:
    """What the file that names a plan holds.

    Raises:
        ValueError: it is damaged.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(
            f"{path}: damaged ({printable(str(error))}), so that nothing says what the shards beside it are. "
            f"Delete the folder {path.parent} to measure again."
        ) from error


def check_numbers(model: Model, rows: Sequence[Row], columns: Columns) -> None:
    """Refuse NaN and plus infinity, which any comparison would turn into some answer.

    Minus infinity is the log-likelihood of what is impossible.

    Raises:
        ValueError: with the column, how many rows it is about, and the first of them.
    """
    for name, values in columns.items():
        broken = []
        for row, value in zip(rows, values, strict=True):
            if isinstance(value, float) and (math.isnan(value) or value == math.inf):
                broken.append(row.pair_id)
        if broken:
            raise ValueError(
                f"{model.name or model.kind}: {name} is no number (NaN or infinite) for {len(broken)} of "
                f"{len(rows)} rows, such as {broken[0]}, so that they have no answer that means anything. In "
                "low precision numbers can overflow: pass precision=fp32; otherwise the model is broken."
            )
