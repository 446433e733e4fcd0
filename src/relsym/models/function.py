"""A Python function as a model."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from hashlib import sha256
from importlib import import_module
from numbers import Real
from typing import Any, ClassVar, final

from relsym.data.pairs import Row
from relsym.data.relations import CONTRADICTION, ENTAILMENT
from relsym.data.sources.nli_labels import NLI_LABELS
from relsym.models.base import Advance, Columns, Judged, Model, Reading
from relsym.ranges import PositiveInt

CONTRACT = (
    "one answer for each pair: a label (entailment, neutral, contradiction), a probability of entailment "
    "in [0, 1], or None"
)
HALF = 0.5


@final
class FunctionModel(Model):
    """``function(premises: list[str], hypotheses: list[str]) -> answers``: labels, probabilities of
    entailment, or None where it has none.

    Args:
        function: ``package.module:name`` of something that can be called, importable from where relsym runs.
        batch: pairs in one call.
    """

    kind: ClassVar[str] = "callable"

    def __init__(self, function: str, batch: PositiveInt) -> None:
        if batch < 1:
            raise ValueError(f"model.batch={batch}: at least 1.")
        self.function, self.batch = _find(function), batch
        self.name, self.source = function, {"name": function}

    def fingerprint(self) -> str:
        """Of its name and source text, where there is one: what it calls is not seen."""
        try:
            text = inspect.getsource(self.function)
        except (OSError, TypeError):
            text = ""
        return sha256(f"{self.name}\n{text}".encode()).hexdigest()

    def measure(self, rows: Sequence[Row], advance: Advance = lambda count: None) -> Columns:
        """Label and probability, as the function gave them; the other one of the two is None."""
        answers: list[Any] = []
        for start in range(0, len(rows), self.batch):
            part = rows[start : start + self.batch]
            given = list(self.function([row.premise for row in part], [row.hypothesis for row in part]))
            if len(given) != len(part):
                raise ValueError(
                    f"model.function={self.name}: gave {len(given)} answers to {len(part)} pairs; expected "
                    f"{CONTRACT}."
                )
            answers += map(self._checked, given)
            advance(len(part))
        return {
            "label": [answer if isinstance(answer, str) else None for answer in answers],
            "entailment": [float(answer) if isinstance(answer, Real) else None for answer in answers],
        }

    def readings(self) -> tuple[Reading, ...]:
        """Its answers; a probability from one half on is entailment."""
        return (Reading("answer", probability=True),)

    def read(self, reading: str, form: str, measured: Columns) -> Judged:
        """Labels as given; of probabilities, entailment from one half on."""
        return judge(measured["label"], measured["entailment"])

    def _checked(self, answer: Any) -> Any:
        is_label = isinstance(answer, str) and answer in NLI_LABELS
        is_probability = isinstance(answer, Real) and not isinstance(answer, bool) and 0 <= answer <= 1
        if not (answer is None or is_label or is_probability):
            raise ValueError(f"model.function={self.name}: gave {answer!r}; expected {CONTRACT}.")
        return answer


def judge(labels: Sequence[str | None], probabilities: Sequence[float | None]) -> Judged:
    """Labels where they are given, else entailment from a probability of one half on."""
    found = [
        label if label is not None or p is None else ENTAILMENT if p >= HALF else CONTRADICTION
        for label, p in zip(labels, probabilities, strict=True)
    ]
    return Judged(found, list(probabilities) if any(p is not None for p in probabilities) else None)


def _find(function: str) -> Callable[[list[str], list[str]], Sequence[Any]]:
    module, _, name = str(function).partition(":")
    try:
        found = getattr(import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise ValueError(
            f"model.function={function}: {error}. Pass package.module:name of a function that can be "
            "imported from here "
            "(PYTHONPATH=. adds this folder)."
        ) from error
    if not callable(found):
        raise ValueError(
            f"model.function={function}: cannot be called. It takes two lists of texts and gives {CONTRACT}."
        )
    return found
