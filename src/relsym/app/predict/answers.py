"""The columns that ``relsym predict`` adds to a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from relsym.app.predict.abstention import Abstention, scores_of
from relsym.app.predict.pair_table import Answers
from relsym.app.predict.text_table import cell_text
from relsym.models.base import Columns
from relsym.models.run import CLOSEST_DISTANCE, CLOSEST_PAIRS, RunModel
from relsym.visible import visible

LABEL, ABSTAINED = "label", "abstained"


@dataclass(frozen=True)
class AnswerColumns:
    """What is told of each pair, and under which names.

    In this order: the label; a number for each label, its probability where the scores are some; how far what
    is closest lies, and which training pairs voted, as far as the run has either; whether it abstains.

    model: that answers.
    prefix: of all names.
    abstains: whether the last column is wanted.
    """

    model: RunModel
    prefix: str
    abstains: bool

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns."""
        number = "p" if self.model.probe.probability else "score"
        names = [LABEL, *(f"{number}_{visible(label)}" for label in self.model.labels)]
        names += [column.removeprefix("closest:") for column in self._closest]
        if self.abstains:
            names.append(ABSTAINED)
        return tuple(f"{self.prefix}{name}" for name in names)

    def of(self, measured: Columns, abstention: Abstention | None) -> Answers:
        """The columns of some rows.

        Args:
            measured: by the model.
            abstention: None where none is wanted.
        """
        columns: list[Sequence[str | float | bool]] = [[visible(label) for label in measured["answer"]]]
        for column in (*self.model.labels, *self._closest):
            columns.append([_as_written(value) for value in measured[column]])
        if abstention is not None:
            columns.append(abstention.of(scores_of(measured, self.model.labels)))
        return dict(zip(self.names, columns, strict=True))

    @property
    def _closest(self) -> list[str]:
        """What the model measures of what is closest to a pair."""
        if not self.model.probe.has_closest:
            return []
        return [CLOSEST_DISTANCE] if self.model.memory_ids is None else [CLOSEST_DISTANCE, CLOSEST_PAIRS]


def _as_written(value: str | float) -> str | float:
    """A number with the digits that a cell has of it, so that all kinds of tables tell the same."""
    return float(cell_text(value)) if isinstance(value, float) else value
