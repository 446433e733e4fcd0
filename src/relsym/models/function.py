"""A Python function as a model."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Sequence
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
    """Asks ``function(premises: list[str], hypotheses: list[str])`` for one answer to each pair.

    An answer is a label, a probability of entailment, or None where the function has none.

    Args:
        function: ``package.module:name`` of something that can be called, importable from where relsym runs.
        batch: pairs in one call.

    Raises:
        ValueError: no such function; in ``measure``, an answer of another kind, or one too many or too few.
    """

    kind: ClassVar[str] = "callable"

    def __init__(self, function: str, batch: PositiveInt) -> None:
        if batch < 1:
            raise ValueError(f"model.batch={batch}: at least 1.")
        self.function = _find(function)
        self.batch = batch
        self.name, self.source = function, {"name": function}

    def fingerprint(self) -> str:
        """SHA-256 of its name and source text, where there is one; what it calls in turn is not seen."""
        try:
            text = inspect.getsource(self.function)
        except (OSError, TypeError):  # compiled, typed into a shell, or an object with __call__
            text = ""
        return sha256(f"{self.name}\n{text}".encode()).hexdigest()

    def measure(self, rows: Sequence[Row], advance: Advance = lambda count: None) -> Columns:
        """Label and probability, as the function gave them; the other one of the two is None."""
        answers: list[Any] = []
        for start in range(0, len(rows), self.batch):
            part = rows[start : start + self.batch]
            premises = [row.premise for row in part]
            hypotheses = [row.hypothesis for row in part]
            result = self.function(premises, hypotheses)
            # A text is a sequence too, of letters.
            if isinstance(result, str) or not isinstance(result, Iterable):
                raise ValueError(f"model.function={self.name}: gave {result!r}; expected {CONTRACT}.")
            part_answers = list(result)
            if len(part_answers) != len(part):
                raise ValueError(
                    f"model.function={self.name}: gave {len(part_answers)} answers to {len(part)} pairs; "
                    f"expected {CONTRACT}."
                )
            answers += map(self._checked, part_answers)
            advance(len(part))
        # Parquet columns hold one type each: a row has its answer in one of the two.
        labels = [answer if isinstance(answer, str) else None for answer in answers]
        probabilities = [float(answer) if isinstance(answer, Real) else None for answer in answers]
        return {"label": labels, "entailment": probabilities}

    def readings(self) -> tuple[Reading, ...]:
        """One reading: a probability of one half or more is entailment."""
        return (Reading("answer", probability=True),)

    def read(self, reading: str, form: str, measured: Columns) -> Judged:
        """Labels as the function gave them, or what its probabilities say; see ``judge``."""
        return judge(measured["label"], measured["entailment"])

    def _checked(self, answer: Any) -> Any:
        is_label = isinstance(answer, str) and answer in NLI_LABELS
        # True and False are numbers to Python, but hardly meant as probabilities.
        is_probability = isinstance(answer, Real) and not isinstance(answer, bool) and 0 <= answer <= 1
        if not (answer is None or is_label or is_probability):
            raise ValueError(f"model.function={self.name}: gave {answer!r}; expected {CONTRACT}.")
        return answer


def judge(labels: Sequence[str | None], probabilities: Sequence[float | None]) -> Judged:
    """The answers of a function that gives labels, probabilities of entailment, or both.

    A row without a label gets entailment if its probability is one half or more, else contradiction. The
    probabilities are the scores, if any row has one.
    """
    answers: list[str | None] = []
    for label, probability in zip(labels, probabilities, strict=True):
        if label is not None or probability is None:
            answers.append(label)
        else:
            answers.append(ENTAILMENT if probability >= HALF else CONTRADICTION)
    has_scores = any(probability is not None for probability in probabilities)
    return Judged(answers, list(probabilities) if has_scores else None)


def _find(function: str) -> Callable[[list[str], list[str]], Sequence[Any]]:
    """The object with this name, which has to be callable."""
    module, _, name = str(function).partition(":")
    try:
        target = getattr(import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise ValueError(
            f"model.function={function}: {error}. Pass package.module:name of a function that can be "
            "imported from here (PYTHONPATH=. adds this folder)."
        ) from error
    if not callable(target):
        raise ValueError(
            f"model.function={function}: cannot be called. It takes two lists of texts and gives {CONTRACT}."
        )
    return target
