"""The ways to get a label out of an endpoint.

From exact likelihoods, from the likeliest tokens, or from what it says.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from http import HTTPStatus
from typing import Any, ClassVar, NamedTuple, final

from relsym.data.pairs import Row
from relsym.models.prompts import DELIMITER, Prompt
from relsym.models.server.answers import CHAT, COMPLETIONS, Answer, Body, Step
from relsym.models.server.errors import BUSY, LATE, OF_FIELDS, Declined, Exhausted, Unfit
from relsym.models.server.parsing import ending_logprob, ends_alike, most_unlisted, parse, word_mass

Ask = Callable[..., Answer]  # ask(body, fresh=False)
AUTO, LOGPROBS, TEXT = "auto", "logprobs", "text"
READS = (AUTO, LOGPROBS, TEXT)
UNLISTED = "unlisted"
# Asked in turn until one shows that the endpoint can be asked in a way: an answer that went wrong, as one
# now and then does, must not decide how all others are read.
TRIAL_TEXTS = ("The capital of France is", "The opposite of hot is", "Two and two make")
# OpenAI's own completions API takes no more than five.
FEW = 5
ENOUGH = 2  # trial questions that have to show what keeps from a way
TAIL = 32  # tokens kept of an echoed prompt: more than a label word has
# Prompts read in one pass and tokens decoded one by one differ by rounding, in bfloat16 by some hundredths of
# a nat.
TOLERANCE = 0.1
SAME = 1e-4  # nats, between two prints of one log-probability


class Request(NamedTuple):
    """What the requests of a run have in common.

    api: chat or completions.
    fields: what every request holds (the model's name, temperature 0, seed).
    body: the user's own fields, which add to all others or replace them; None drops a field.
    """

    api: str
    fields: Mapping[str, Any]
    body: Mapping[str, Any]

    def filled(self, question: Body, **fields: Any) -> Body:
        """The body of a request with this question and these further fields."""
        entries = {**self.fields, **question, **fields, **self.body}
        return {key: value for key, value in entries.items() if value is not None}


class Trial(NamedTuple):
    """What a trial question showed.

    problem: what keeps the endpoint from being asked in this way, "" if nothing does.
    is_final: another question would show the same; else this answer alone may have gone wrong.
    """

    problem: str
    is_final: bool = False


class Way(ABC):
    """One way to ask and to read.

    reads_logprobs: it yields log-probabilities of label words.
    """

    name: ClassVar[str]
    reads_logprobs: ClassVar[bool] = True

    def __init__(self, request: Request) -> None:
        self.request = request

    @abstractmethod
    def bodies(
        self, prompt: Prompt, words: Mapping[str, str], shots: Sequence[Row], premise: str, hypothesis: str
    ) -> list[Body]:
        """The requests about one pair."""

    def columns(self, words: Mapping[str, str]) -> list[str]:
        """The names of what ``likelihoods`` gives."""
        return list(words)

    @abstractmethod
    def likelihoods(self, answers: Sequence[Answer], words: Mapping[str, str]) -> dict[str, float | None]:
        """Log-probability of each label's word, None where the answers tell none; see ``columns``."""

    @abstractmethod
    def trial(self, ask: Ask, text: str) -> Trial:
        """Ask a trial question."""

    def lacks(self, answer: Answer, body: Body) -> str:
        """What the answer to a body lacks that the trial question's had, in a word or two; "" for nothing."""
        return ""

    def trimmed(self, answer: Answer) -> Answer:
        """What is worth keeping of an answer."""
        return answer

    def said(self, text: str, words: Mapping[str, str]) -> str | None:
        """The label in the text of an answer; None where it names none."""
        if self.request.api != CHAT:
            text = _first_line(text)  # a completion goes on with further questions of its own
        return parse(text, words)

    def _question(self, prompt: Prompt, shots: Sequence[Row], premise: str, hypothesis: str) -> Body:
        if self.request.api == CHAT:
            return {"messages": prompt.messages_of(shots, premise, hypothesis)}
        return {"prompt": prompt.text_of(shots, premise, hypothesis)}

    def _probe(self, text: str) -> Body:
        if self.request.api == CHAT:
            return {"messages": [{"role": "user", "content": text}]}
        return {"prompt": text}


@final
class Echo(Way):
    """Exact log-likelihood of each label word after the prompt, by a completions API.

    Such an API gives log-probabilities of the prompt that it repeats (``echo``).

        log p(word | prompt) = sum of token_logprobs over the tokens of blank + word

    One request for each label. A token is asked for after them and left out: some servers take max_tokens=0
    for "no limit".
    """

    name = "echo"

    def __init__(self, request: Request) -> None:
        super().__init__(request)
        self._tells_all = False
        self._repeats = False

    def bodies(
        self, prompt: Prompt, words: Mapping[str, str], shots: Sequence[Row], premise: str, hypothesis: str
    ) -> list[Body]:
        """A request for each label."""
        # The delimiter belongs to the answer, as in ``CausalLm``: tokenizers join a blank with the word.
        text = prompt.text_of(shots, premise, hypothesis)
        return [self._body(f"{text}{DELIMITER}{word}") for word in words.values()]

    def likelihoods(self, answers: Sequence[Answer], words: Mapping[str, str]) -> dict[str, float | None]:
        """From the end of each echo; see the class."""
        logprobs = {}
        for answer, (label, word) in zip(answers, words.items(), strict=True):
            logprobs[label] = ending_logprob(answer, f"{DELIMITER}{word}")
        return logprobs

    def trimmed(self, answer: Answer) -> Answer:
        """The last tokens of the echo; its text is known."""
        steps = tuple(step._replace(top=()) for step in answer.steps[-TAIL:])
        return answer._replace(text="", steps=steps)

    def lacks(self, answer: Answer, body: Body) -> str:
        """All log-probabilities, the prompt, or one of those behind the first token, which has none."""
        if not answer.steps:
            return "no log-probabilities"
        if self._repeats and not ends_alike(self.trimmed(answer), body["prompt"], TAIL):
            return "no echo of the prompt"
        return "a log-probability is missing" if self._tells_all and _has_gap(answer) else ""

    def trial(self, ask: Ask, text: str) -> Trial:
        """Whether an echoed token has the log-probability that the server gave as it made that token.

        Servers differ in what they put beside an echoed token, so the number itself is compared.
        """
        generated = ask(self.request.filled({"prompt": text}, max_tokens=1, logprobs=1))
        first = generated.steps[0] if generated.steps else None
        if first is None or first.logprob is None or not first.token.strip():
            return Trial("its answers hold no log-probabilities")
        prompt = text + first.token
        echo = ask(self._body(prompt))
        if _has_gap(echo):  # as one now and then has, among answers without
            echo = ask(self._body(prompt), fresh=True)
        self._tells_all = not _has_gap(echo)
        # Some servers write tokens in a way of their own: their echoes cannot be held against the prompt.
        self._repeats = ends_alike(self.trimmed(echo), prompt, TAIL)
        echoed = ending_logprob(echo, first.token)
        if echoed is None:
            problem = "it does not repeat the prompt with log-probabilities"
            return Trial(problem, is_final=bool(echo.steps))
        if abs(echoed - first.logprob) <= TOLERANCE:
            return Trial("")
        problem = (
            f"it gives {first.token!r} log-probability {first.logprob:.2f} as it makes it and "
            f"{echoed:.2f} as it repeats it"
        )
        return Trial(problem, is_final=True)

    def _body(self, prompt: str) -> Body:
        return self.request.filled({"prompt": prompt}, max_tokens=1, logprobs=1, echo=True)


@final
class NextToken(Way):
    """The likeliest first tokens of the answer: see ``word_mass``.

    Blank tokens before the first word are passed over. ``UNLISTED`` is the most that the log-probability of a
    word can be that is not among them: see ``most_unlisted``.
    """

    name = "top_logprobs"

    def __init__(self, request: Request, top: int) -> None:
        super().__init__(request)
        self.top = top
        self._tells_taken = False

    def bodies(
        self, prompt: Prompt, words: Mapping[str, str], shots: Sequence[Row], premise: str, hypothesis: str
    ) -> list[Body]:
        """One request, which asks for the answer."""
        return [self._body(self._question(prompt, shots, premise, hypothesis))]

    def columns(self, words: Mapping[str, str]) -> list[str]:
        """Every label, and ``UNLISTED``."""
        return [*words, UNLISTED]

    def likelihoods(self, answers: Sequence[Answer], words: Mapping[str, str]) -> dict[str, float | None]:
        """From the first token that is not blank."""
        steps = answers[0].steps
        number = _first_word(steps)
        if number == len(steps):
            return dict.fromkeys(self.columns(words))
        first = steps[number]
        if first.logprob is None or _is_listed(first):
            return {**word_mass(first.top, words), UNLISTED: most_unlisted(first.top)}
        # The token that was taken is mostly the likeliest; if it is not listed, it is told beside the list.
        known_tokens = [*first.top, (first.token, first.logprob)]
        return {**word_mass(known_tokens, words), UNLISTED: most_unlisted(first.top, first.logprob)}

    def trimmed(self, answer: Answer) -> Answer:
        """Tokens up to the first that is not blank."""
        first = _first_word(answer.steps)
        return answer._replace(steps=answer.steps[: first + 1])

    def lacks(self, answer: Answer, body: Body) -> str:
        """Log-probabilities: all of them, those of the likely first words, or that of the one taken."""
        number = _first_word(answer.steps)
        if number == len(answer.steps):
            # An answer without a word has none to tell of.
            return "no log-probabilities" if answer.text.strip() else ""
        first = answer.steps[number]
        if not first.top:
            return "no log-probabilities of likely tokens"
        return "a log-probability is missing" if self._tells_taken and first.logprob is None else ""

    def trial(self, ask: Ask, text: str) -> Trial:
        """Whether likely tokens come with an answer."""
        body = self._body(self._probe(text))
        answer = ask(body)
        is_listed = any(step.top for step in answer.steps)
        if is_listed and not _tells_taken(answer):  # as one now and then does not, among answers that do
            answer = ask(body, fresh=True)
            is_listed = any(step.top for step in answer.steps)
        self._tells_taken = _tells_taken(answer)
        return Trial("" if is_listed else "its answers hold no log-probabilities")

    def _body(self, question: Body) -> Body:
        # The two APIs mean different things by "logprobs": a switch, or the number of likely tokens.
        if self.request.api == CHAT:
            return self.request.filled(question, logprobs=True, top_logprobs=self.top)
        return self.request.filled(question, logprobs=self.top)


@final
class PlainText(Way):
    """What the model says: see ``parse``. Of a completion, only the first line that is not blank counts."""

    name, reads_logprobs = "text", False

    def bodies(
        self, prompt: Prompt, words: Mapping[str, str], shots: Sequence[Row], premise: str, hypothesis: str
    ) -> list[Body]:
        """One request, which asks for the answer."""
        return [self.request.filled(self._question(prompt, shots, premise, hypothesis))]

    def columns(self, words: Mapping[str, str]) -> list[str]:
        """None."""
        return []

    def likelihoods(self, answers: Sequence[Answer], words: Mapping[str, str]) -> dict[str, float | None]:
        """No label has any: the text is all that is read."""
        return {}

    def trimmed(self, answer: Answer) -> Answer:
        """The answer without its log-probabilities, which this way does not read."""
        return answer._replace(steps=())

    def trial(self, ask: Ask, text: str) -> Trial:
        """An endpoint that answers at all can be asked so."""
        ask(self.request.filled(self._probe(text)))
        return Trial("")


def choose_way(request: Request, read: str, top: int, ask: Ask) -> tuple[Way, list[str]]:
    """The first way that the endpoint offers, exact ones first, and why it offers none of those before it.

    Args:
        read: auto, logprobs (refuses an endpoint without them) or text.
        top: how many of the likeliest tokens to ask for.

    Raises:
        ValueError: the endpoint offers none of the ways.
    """
    reasons: list[str] = []
    for way in _ways(request, read, top):
        problem = _tried(way, ask)
        if not problem:
            return way, reasons
        reason = f"{way.name}: {problem}"
        if reason not in reasons:  # the likeliest tokens are tried twice, and mostly fail alike
            reasons.append(reason)
    problems = "; ".join(reasons)
    advice = "Pass model.read=text." if read == LOGPROBS else "See its own documentation for what it takes."
    raise ValueError(f"model.read={read}: the endpoint cannot be asked so. {problems}. {advice}")


def _ways(request: Request, read: str, top: int) -> list[Way]:
    """The ways that may be taken, the most exact first."""
    text = PlainText(request)
    if read == TEXT:
        return [text]
    exact: list[Way] = []
    if request.api == COMPLETIONS:
        exact.append(Echo(request))
    exact.append(NextToken(request, top))
    # An endpoint may refuse the number rather than the field.
    if top > FEW:
        exact.append(NextToken(request, FEW))
    return exact if read == LOGPROBS else [*exact, text]


def _tried(way: Way, ask: Ask) -> str:
    """What keeps the endpoint from being asked in this way, a refusal included; "" if nothing does.

    Two answers have to show it: one alone may have gone wrong, or come from the one machine that differs.
    """
    problem = ""
    shown = 0
    for text in TRIAL_TEXTS:
        # Only an answer that shows the way is taken from the cache: what kept from it may have passed.
        fresh = text != TRIAL_TEXTS[0]
        try:
            trial = _trial(way, ask, text, fresh)
        except Declined as error:
            if error.status not in OF_FIELDS:  # a wrong key or URL: no other way would help
                raise
            trial = Trial(str(error), is_final=True)
        except Unfit as unfit:
            trial = Trial(str(unfit), is_final=True)
        except Exhausted as error:
            # A server that is overloaded or hangs would be waited for again.
            if text == TRIAL_TEXTS[-1] or error.reason in (BUSY, LATE):
                raise
            continue
        problem = trial.problem
        shown += trial.is_final
        if not problem or shown == ENOUGH:
            break
    return problem


def _trial(way: Way, ask: Ask, text: str, fresh: bool) -> Trial:
    """What a trial question shows; a server's own failure, though it speaks of fields, may pass at once."""
    try:
        return way.trial(partial(ask, fresh=fresh), text)
    except Declined as error:
        if error.status != HTTPStatus.INTERNAL_SERVER_ERROR:
            raise
        return way.trial(partial(ask, fresh=True), text)


def _first_line(text: str) -> str:
    """The first line that is not blank; "" if there is none."""
    for line in text.splitlines():
        if line.strip():
            return line
    return ""


def _has_gap(answer: Answer) -> bool:
    """Whether a token behind the first has no log-probability."""
    return any(step.logprob is None for step in answer.steps[1:])


def _tells_taken(answer: Answer) -> bool:
    """Whether a token that was taken has a log-probability beside its list of likely ones."""
    return any(step.top and step.logprob is not None for step in answer.steps)


def _is_listed(step: Step) -> bool:
    """Whether the token that was taken is among the likeliest ones listed."""
    for token, logprob in step.top:
        # Some servers write a token in two ways; the number is the same then.
        if token == step.token or math.isclose(logprob, step.logprob, abs_tol=SAME):
            return True
    return False


def _first_word(steps: Sequence[Step]) -> int:
    """The number of the first token that is not blank; that of all tokens if there is none."""
    for number, step in enumerate(steps):
        if step.token.strip():
            return number
    return len(steps)
