"""A shortcut as a model of its own: what can be had without understanding."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import ClassVar, final

from relsym.data.pairs import Row
from relsym.evaluation.relation_shortcuts import RELATION_SHORTCUTS, made_shortcuts
from relsym.evaluation.shortcuts import SHORTCUTS, shortcuts_for
from relsym.models.base import Advance, Columns, Examples, Judged, Model, Reading


@final
class ShortcutModel(Model):
    """One of ``relsym.evaluation.shortcuts``, fitted on the labelled rows.

    Args:
        name: majority, template_lookup, hypothesis_only, bag_of_words, word_order or entity_pair; those for
            banks of relations, which can be asked about any facts: order_and_negation, slot_types,
            nearest_relation or pipeline.
    """

    kind: ClassVar[str] = "shortcut"
    learns: bool = True
    # Answers cost next to nothing, so there is little to lose between two writes.
    shard_rows: ClassVar[int] = 1_000_000

    def __init__(self, name: str) -> None:
        names = (*SHORTCUTS, *RELATION_SHORTCUTS)
        if name not in names:
            raise ValueError(f"model.name={name}: expected one of {', '.join(names)}.")
        self.name, self.source = name, {"name": name}

    def prepare(self, examples: Examples) -> None:
        """Keep the labelled rows.

        Raises:
            ValueError: the shortcut needs the types of slots, and the relations have none, or names of
                entities, and the rows have none.
        """
        self.train = examples.train
        shortcuts = shortcuts_for(self.train, made_shortcuts(examples.relations))
        if self.name not in shortcuts:
            raise ValueError(
                f"model=shortcut/{self.name} needs rows about named entities, and slot_types the types of "
                "their slots, which a bank of relations has (data=relations). Choose other data."
            )
        self.shortcut = shortcuts[self.name]

    def fingerprint(self) -> str:
        """SHA-256 of the shortcut's name: its code is relsym's own."""
        return sha256(self.name.encode()).hexdigest()

    def measure(self, rows: Sequence[Row], advance: Advance = lambda count: None) -> Columns:
        """The shortcut's answer to each row."""
        answers = self.shortcut.answer(self.train, rows)
        advance(len(rows))
        return {"answer": answers}

    def readings(self) -> tuple[Reading, ...]:
        """One reading: the shortcut's answer."""
        return (Reading("answer"),)

    def read(self, reading: str, form: str, measured: Columns) -> Judged:
        """The answers as they were measured; there are no scores."""
        return Judged(measured["answer"])
