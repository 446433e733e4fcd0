"""Replay of rows that the encoder was trained on before."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, final

from relsym.data.module import PairData
from relsym.data.pairs import Row
from relsym.objectives.remedies.base import Remedy
from relsym.ranges import PositiveInt


@final
class ReplayRows(Remedy):
    """Add NLI rows to every batch; they are rows like the others and go through the same loss.

    Balanced over the classes, no row twice in a pass over them, the same rows whatever stands beside them and
    under any number of ranks. With ``only`` the other rows are left out: as many steps with the same replayed
    rows, the control that tells what going on with the earlier task does alone. Source: rehearsal, Robins
    1995, Connection Science 7(2).

    Args:
        rows_per_batch: rows that are added to each global batch (``data.batch_size`` counts the others).
        only: the control.
    """

    name: ClassVar[str] = "replay"
    needs_nli: ClassVar[bool] = True

    def __init__(self, rows_per_batch: PositiveInt, only: bool) -> None:
        self.rows_per_batch, self.only = rows_per_batch, only
        if only:
            self.apart_from = {"solved": "control trains on no symmetry rows that could be solved"}

    def feed(self, data: PairData, nli: Sequence[Row], steps: int) -> None:
        """Hand the rows to the data module.

        Raises:
            ValueError: there are none.
        """
        if not nli:
            raise ValueError(
                "recipe=replay and recipe=control replay NLI rows, and the run goes on from none that was "
                "trained on any. Pass init=RUN, the folder of a finished relsym train data=mnli."
            )
        data.replay_with(nli, self.rows_per_batch, self.only, steps)
