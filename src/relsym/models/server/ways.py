"""The ways to get a label out of an endpoint: from exact likelihoods, from the likeliest tokens, from what it
says.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple, final

from relsym.data.pairs import Row
from relsym.models.prompts import DELIMITER, Prompt
from relsym.models.server.answers import CHAT, COMPLETIONS, Answer, Body
from relsym.models.server.errors import OF_FIELDS, Declined, Unfit
from relsym.models.server.parsing import ending_logprob, parse, word_mass

Ask = Callable[[Body], Answer]
AUTO, LOGPROBS, TEXT = "auto", "logprobs", "text"
READS = (AUTO, LOGPROBS, TEXT)
TRIAL_TEXT = "The capital of France is"
# OpenAI's own completions API takes no more than five.
FEW = 5
TAIL = 32  # tokens kept of an echoed prompt: more than a label word has
# Prompts read in one pass and tokens decoded one by one differ by rounding, in bfloat16 by some hundredths of
# a nat.
TOLERANCE = 0.1


class Request(NamedTuple):
    """What every request of a run holds: the model's name, temperature 0, seed; ``body`` changes and adds
    fields, null drops them.
    """

    api: str
    fields: Mapping[str, Any]
    body: Mapping[str, Any]

    def filled(self, question: Body, **fields: Any) -> Body:
        """The body of a request."""
        return {
            key: value
            for key, value in {**self.fields, **question, **fields, **self.body}.items()
            if value is not None
        }


class Way(ABC):
    """One way to ask and to read. reads_logprobs: it yields log-probabilities of label words."""

    name: ClassVar[str]
    reads_logprobs: ClassVar[bool] = True

    def __init__(self, request: Request) -> None:
        self.request = request

    @abstractmethod
    def bodies(
        self, prompt: Prompt, words: Mapping[str, str], shots: Sequence[Row], premise: str, hypothesis: str
    ) -> list[Body]:
        """The requests about one pair."""

    @abstractmethod
    def likelihoods(self, answers: Sequence[Answer], words: Mapping[str, str]) -> dict[str, float | None]:
        """Log-probability of each label's word, None where the answers tell none."""

    @abstractmethod
    def trial(self, ask: Ask) -> str:
        """What keeps the endpoint from being asked so; "" if nothing does."""

    def trimmed(self, answer: Answer) -> Answer:
        """What is worth keeping of an answer."""
        return answer

    def said(self, text: str, words: Mapping[str, str]) -> str | None:
        """The label in the text of an answer."""
        return parse(text if self.request.api == CHAT else _first_line(text), words)

    def _question(self, prompt: Prompt, shots: Sequence[Row], premise: str, hypothesis: str) -> Body:
        if self.request.api == CHAT:
            return {"messages": prompt.messages_of(shots, premise, hypothesis)}
        return {"prompt": prompt.text_of(shots, premise, hypothesis)}

    def _probe(self) -> Body:
        if self.request.api == CHAT:
            return {"messages": [{"role": "user", "content": TRIAL_TEXT}]}
        return {"prompt": TRIAL_TEXT}


@final
class Echo(Way):
    """Exact log-likelihood of each label word after the prompt: the completions API gives it for the prompt
    that it repeats.

        log p(word | prompt) = sum of token_logprobs over the tokens of blank + word

    One request for each label. A token is asked for after them and left out: some servers take max_tokens=0
    for "no limit".
    """

    name = "echo"

    def bodies(
        self, prompt: Prompt, words: Mapping[str, str], shots: Sequence[Row], premise: str, hypothesis: str
    ) -> list[Body]:
        """A request for each label."""
        text = prompt.text_of(shots, premise, hypothesis)
        return [self._body(f"{text}{DELIMITER}{word}") for word in words.values()]

    def likelihoods(self, answers: Sequence[Answer], words: Mapping[str, str]) -> dict[str, float | None]:
        """See the class."""
        return {
            label: ending_logprob(answer, f"{DELIMITER}{word}")
            for answer, (label, word) in zip(answers, words.items(), strict=True)
        }

    def trimmed(self, answer: Answer) -> Answer:
        """The end of the echo; its text is known."""
        return answer._replace(text="", steps=tuple(step._replace(top=()) for step in answer.steps[-TAIL:]))

    def trial(self, ask: Ask) -> str:
        """Servers differ in what they put beside an echoed token: it has to be what they gave as they made
        that token.
        """
        made = ask(self.request.filled({"prompt": TRIAL_TEXT}, max_tokens=1, logprobs=1))
        if not made.steps or made.steps[0].logprob is None or not made.steps[0].token.strip():
            return "its answers hold no log-probabilities"
        token, expected = made.steps[0].token, made.steps[0].logprob
        echoed = ending_logprob(ask(self._body(TRIAL_TEXT + token)), token)
        if echoed is None:
            return "it does not repeat the prompt with log-probabilities"
        return (
            ""
            if abs(echoed - expected) <= TOLERANCE
            else (
                f"it gives {token!r} log-probability {expected:.2f} as it makes it and "
                f"{echoed:.2f} as it repeats it"
            )
        )

    def _body(self, prompt: str) -> Body:
        return self.request.filled({"prompt": prompt}, max_tokens=1, logprobs=1, echo=True)


@final
class NextToken(Way):
    """The likeliest first tokens of the answer: see ``word_mass``.

    Blank tokens before the first word are passed over.
    """

    name = "top_logprobs"

    def __init__(self, request: Request, top: int) -> None:
        super().__init__(request)
        self.top = top

    def bodies(
        self, prompt: Prompt, words: Mapping[str, str], shots: Sequence[Row], premise: str, hypothesis: str
    ) -> list[Body]:
        """One request."""
        return [self._body(self._question(prompt, shots, premise, hypothesis))]

    def likelihoods(self, answers: Sequence[Answer], words: Mapping[str, str]) -> dict[str, float | None]:
        """From the first token that is not blank."""
        first = next((step for step in answers[0].steps if step.token.strip()), None)
        return word_mass(first.top if first else (), words)

    def trimmed(self, answer: Answer) -> Answer:
        """Tokens up to the first that is not blank."""
        blank = next(
            (number for number, step in enumerate(answer.steps) if step.token.strip()), len(answer.steps)
        )
        return answer._replace(steps=answer.steps[: blank + 1])

    def trial(self, ask: Ask) -> str:
        """Whether likely tokens come with an answer."""
        return (
            ""
            if any(step.top for step in ask(self._body(self._probe())).steps)
            else "its answers hold no log-probabilities"
        )

    def _body(self, question: Body) -> Body:
        fields = (
            {"logprobs": True, "top_logprobs": self.top}
            if self.request.api == CHAT
            else {"logprobs": self.top}
        )
        return self.request.filled(question, **fields)


@final
class PlainText(Way):
    """What the model says: see ``parse``. Of a completion, the first line that is not empty."""

    name, reads_logprobs = "text", False

    def bodies(
        self, prompt: Prompt, words: Mapping[str, str], shots: Sequence[Row], premise: str, hypothesis: str
    ) -> list[Body]:
        """One request."""
        return [self.request.filled(self._question(prompt, shots, premise, hypothesis))]

    def likelihoods(self, answers: Sequence[Answer], words: Mapping[str, str]) -> dict[str, float | None]:
        """None."""
        return {}

    def trimmed(self, answer: Answer) -> Answer:
        """The text alone."""
        return answer._replace(steps=())

    def trial(self, ask: Ask) -> str:
        """An endpoint that answers at all can be asked so."""
        ask(self.request.filled(self._probe()))
        return ""


def choose_way(request: Request, read: str, top: int, ask: Ask) -> tuple[Way, list[str]]:
    """The first way that the endpoint offers, exact ones first, and why not those before it.

    Args:
        read: auto, logprobs (refuses an endpoint without) or text.  top: likeliest tokens to ask for.
    """
    exact = [
        *([Echo(request)] if request.api == COMPLETIONS else []),
        NextToken(request, top),
        *([NextToken(request, FEW)] if top > FEW else []),
    ]
    ways = {AUTO: [*exact, PlainText(request)], LOGPROBS: exact, TEXT: [PlainText(request)]}[read]
    reasons: list[str] = []
    for way in ways:
        if not (reason := _tried(way, ask)):
            return way, reasons
        reasons = list(dict.fromkeys([*reasons, f"{way.name}: {reason}"]))
    raise ValueError(
        f"model.read={read}: the endpoint cannot be asked so. {'; '.join(reasons)}. "
        + ("Pass model.read=text." if read == LOGPROBS else "See its own documentation for what it takes.")
    )


def _tried(way: Way, ask: Ask) -> str:
    try:
        return way.trial(ask)
    except Declined as error:
        if error.status not in OF_FIELDS:
            raise
        return str(error)
    except Unfit as problem:
        return str(problem)


def _first_line(text: str) -> str:
    return next((line for line in text.splitlines() if line.strip()), "")
