"""A shortcut as a model of its own: what can be had without understanding."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import ClassVar, final

from relsym.data.pairs import Row
from relsym.evaluation.shortcuts import SHORTCUTS
from relsym.models.base import Advance, Columns, Examples, Judged, Model, Reading


@final
class ShortcutModel(Model):
    """One of ``relsym.evaluation.shortcuts``, fitted on the labelled rows.

    Args:
        name: majority, template_lookup, hypothesis_only, bag_of_words, word_order or entity_pair.
    """

    kind: ClassVar[str] = "shortcut"
    # Answers cost next to nothing, so there is little to lose between two writes.
    shard_rows: ClassVar[int] = 1_000_000

    def __init__(self, name: str) -> None:
        if name not in SHORTCUTS:
            raise ValueError(f"model.name={name}: expected one of {', '.join(SHORTCUTS)}.")
        self.name, self.source = name, {"name": name}

    def prepare(self, examples: Examples) -> None:
        """Keep the labelled rows."""
        self.train = examples.train

    def fingerprint(self) -> str:
        """SHA-256 of the shortcut's name: its code is relsym's own."""
        return sha256(self.name.encode()).hexdigest()

    def measure(self, rows: Sequence[Row], advance: Advance = lambda count: None) -> Columns:
        """The shortcut's answer to each row."""
        answers = SHORTCUTS[self.name].answer(self.train, rows)
        advance(len(rows))
        return {"answer": answers}

    def readings(self) -> tuple[Reading, ...]:
        """One reading: the shortcut's answer."""
        return (Reading("answer"),)

    def read(self, reading: str, form: str, measured: Columns) -> Judged:
        """The answers as they were measured; there are no scores."""
        return Judged(measured["answer"])
