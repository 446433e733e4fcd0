"""What the labels of an NLI set mean.

Numbers mean something else in each set, so that only names count that the set or the user declares.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from relsym.data.relations import CONTRADICTION, ENTAILMENT, NEUTRAL

NLI_LABELS = (ENTAILMENT, NEUTRAL, CONTRADICTION)
NO_CONSENSUS = "-"
WORDS = {
    **{label: label for label in NLI_LABELS},
    # As in ANLI's files.
    "e": ENTAILMENT,
    "n": NEUTRAL,
    "c": CONTRADICTION,
    NO_CONSENSUS: NO_CONSENSUS,
}
# A column of numbers with gaps is often stored as floats.
NUMBER = re.compile(r"(-?\d+)(\.0)?")
BINARY = re.compile(r"(not?|non)[ _-]?entail(ment|ed)?")
# What stands in the columns of annotators' labels, as patterns: a file has labels of one kind. The last one
# says that there are none.
ANNOTATIONS = (
    "|".join([*NLI_LABELS, BINARY.pattern, NO_CONSENSUS]),
    f"e|n|c|{NO_CONSENSUS}",
    rf"-?\d(\.0)?|{NO_CONSENSUS}",
    f"hidden|nan|none|null|{NO_CONSENSUS}",
)
NAMES_ADVICE = (
    f"Pass data.label_names=[...], the {', '.join(NLI_LABELS)} "
    "in the order in which the set numbers them from 0"
)


def checked_label_names(names: Sequence[str] | None) -> tuple[str, ...] | None:
    """``data.label_names``: the three labels once each, and "-" for numbers that stand for no consensus.

    Raises:
        ValueError: they are anything else.
    """
    if names is None:
        return None
    _refuse_binary(names, f"data.label_names={list(names)}")
    labels = []
    for name in names:
        label = WORDS.get(str(name).strip().lower(), str(name))
        labels.append(label)
    with_consensus = [label for label in labels if label != NO_CONSENSUS]
    if sorted(with_consensus) != sorted(NLI_LABELS):
        raise ValueError(
            f"data.label_names={list(names)}: expected {', '.join(NLI_LABELS)}, once each, "
            "in the order in which the set numbers them from 0 "
            f'("{NO_CONSENSUS}" for a number that says no consensus).'
        )
    return tuple(labels)


class Meanings:
    """A set's labels -> entailment, neutral, contradiction, or "-" where its annotators did not agree.

    An empty label says that they did not, too.

    Args:
        names: of the numbers 0, 1 ..., as ``checked_label_names`` returns them; -1 means no consensus.
        declared: their names by the set itself, if it has any.
        origin: the set, for errors.

    Raises:
        ValueError: the set is binary, declares names that say nothing, or others than ``names``.
    """

    def __init__(self, names: tuple[str, ...] | None, declared: Sequence[str] | None, origin: str) -> None:
        declared = declared or ()
        declared_labels = tuple(WORDS.get(name.strip().lower()) for name in declared)
        says_nothing = None in declared_labels
        listed = ", ".join(declared)
        _refuse_binary(declared, origin)
        if says_nothing and not names:
            raise ValueError(f"{origin}: its labels are called {listed}. {NAMES_ADVICE}.")
        is_declared = bool(declared_labels) and not says_nothing
        if names and is_declared and tuple(names) != declared_labels:
            raise ValueError(
                f"data.label_names=[{','.join(names)}], but {origin} declares {listed}. Leave it out."
            )
        self._label_of_number = names or declared_labels
        # A set has a handful of labels for hundreds of thousands of rows: each is looked up once.
        self._meanings: dict[str, str] = {}

    def of(self, label: str) -> str:
        """The meaning of one row's label.

        Raises:
            ValueError: it has none; the message lacks the row's place.
        """
        if label not in self._meanings:
            self._meanings[label] = self._look_up(label.strip())
        return self._meanings[label]

    def _look_up(self, label: str) -> str:
        """The meaning of a label without white space around it."""
        if not label:
            return NO_CONSENSUS
        if label.lower() in WORDS:
            return WORDS[label.lower()]
        _refuse_binary([label], f"label {label!r}")
        number = NUMBER.fullmatch(label)
        if not number:
            raise ValueError(
                f"label {label!r}; expected {', '.join(NLI_LABELS)} "
                f"(or e, n, c; {NO_CONSENSUS} or nothing for no consensus). "
                "Correct it, or name another column in data.columns.label."
            )
        if not self._label_of_number:
            raise ValueError(
                f"label {label!r} is a number, whose meaning differs from set to set. {NAMES_ADVICE}."
            )
        place = int(number[1])
        last = len(self._label_of_number) - 1
        if not -1 <= place <= last:
            listed = ", ".join(self._label_of_number)
            raise ValueError(
                f"label {label!r}, but there are names for 0 to {last} only: {listed}. {NAMES_ADVICE}."
            )
        return NO_CONSENSUS if place < 0 else self._label_of_number[place]


def _refuse_binary(names: Sequence[str], origin: str) -> None:
    """Refuse a set that tells entailment from the rest only."""
    for name in names:
        if BINARY.fullmatch(str(name).strip().lower()):
            raise ValueError(
                f"{origin}: a binary set ({name}): "
                "it does not say which of these rows are neutral and which contradictions. "
                "Choose a set with all three labels, such as data=mnli, snli or anli."
            )
