"""What the labels of an NLI set mean.

Numbers mean something else in each set, so that only names the set or the user declares count.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from relsym.data.relations import CONTRADICTION, ENTAILMENT, NEUTRAL

NLI_LABELS = (ENTAILMENT, NEUTRAL, CONTRADICTION)
NO_CONSENSUS = "-"
WORDS = {
    **{label: label for label in NLI_LABELS},
    "e": ENTAILMENT,
    "n": NEUTRAL,
    "c": CONTRADICTION,
    NO_CONSENSUS: NO_CONSENSUS,
}
NUMBER = re.compile(r"(-?\d+)(\.0)?")
BINARY = re.compile(r"(not?|non)[ _-]?entail(ment|ed)?")
NAMES_ADVICE = (
    f"Pass data.label_names=[...], the {', '.join(NLI_LABELS)} in the order in which the set numbers them "
    "from 0"
)


def checked_label_names(names: Sequence[str] | None) -> tuple[str, ...] | None:
    """``data.label_names``: the three labels once each, and "-" for numbers that stand for no consensus.

    Raises:
        ValueError: they are anything else.
    """
    if names is None:
        return None
    _refuse_binary(names, f"data.label_names={list(names)}")
    found = tuple(WORDS.get(str(name).strip().lower(), str(name)) for name in names)
    if sorted(name for name in found if name != NO_CONSENSUS) != sorted(NLI_LABELS):
        raise ValueError(
            f"data.label_names={list(names)}: expected {', '.join(NLI_LABELS)}, once each, in the order in "
            "which the set "
            f'numbers them from 0 ("{NO_CONSENSUS}" for a number that says no consensus).'
        )
    return found


class Meanings:
    """A set's labels -> entailment, neutral, contradiction, or "-" where its annotators did not agree.

    Args:
        names: of the numbers 0, 1 ..., as ``checked`` returns them; -1 means no consensus.
        declared: their names by the set itself, if it has any.  origin: the set, for errors.

    Raises:
        ValueError: the set is binary, declares names that say nothing, or others than ``names``.
    """

    def __init__(self, names: tuple[str, ...] | None, declared: Sequence[str] | None, origin: str) -> None:
        told = [WORDS.get(name.strip().lower()) for name in declared] if declared else None
        _refuse_binary(declared or (), origin)
        if told and None in told and not names:
            raise ValueError(f"{origin}: its labels are called {', '.join(declared)}. {NAMES_ADVICE}.")
        if told and None not in told and names and list(names) != told:
            raise ValueError(
                f"data.label_names=[{','.join(names)}], but {origin} declares {', '.join(declared)}. Leave "
                "it out."
            )
        self._named = names or tuple(told or ())
        self._known: dict[str, str] = {}

    def of(self, label: str) -> str:
        """The meaning of one row's label.

        Raises:
            ValueError: it has none; the message lacks the row's place.
        """
        if label not in self._known:
            self._known[label] = self._look_up(label.strip().lower())
        return self._known[label]

    def _look_up(self, label: str) -> str:
        if label in WORDS:
            return WORDS[label]
        _refuse_binary([label], f"label {label!r}")
        if not (number := NUMBER.fullmatch(label)):
            raise ValueError(
                f"label {label!r}; expected {', '.join(NLI_LABELS)} (or e, n, c; {NO_CONSENSUS} for no "
                "consensus). "
                "Correct it, or name another column in data.columns.label."
            )
        if not self._named:
            raise ValueError(
                f"label {label!r} is a number, whose meaning differs from set to set. {NAMES_ADVICE}."
            )
        place = int(number[1])
        if not -1 <= place < len(self._named):
            raise ValueError(
                f"label {label!r}, but there are names for 0 to {len(self._named) - 1} only: "
                f"{', '.join(self._named)}. "
                f"{NAMES_ADVICE}."
            )
        return NO_CONSENSUS if place < 0 else self._named[place]


def _refuse_binary(names: Sequence[str], origin: str) -> None:
    if name := next((name for name in names if BINARY.fullmatch(str(name).strip().lower())), None):
        raise ValueError(
            f"{origin}: a binary set ({name}): it does not say which of these rows are neutral and which "
            "contradictions. "
            "Choose a set with all three labels, such as data=mnli, snli or anli."
        )
