"""``model=openai_compatible``: a language model behind an endpoint, asked in several wordings."""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from hashlib import sha256
from itertools import islice
from typing import Any, ClassVar, final

from relsym.data.caches import cache_folder
from relsym.data.pairs import Row
from relsym.data.relations import ENTAILMENT
from relsym.models.base import Advance, Columns, Examples, Judged, Model, Reading
from relsym.models.prompts import Prompt, choose_shots, read_prompts
from relsym.models.server.answers import APIS, CHAT, Body
from relsym.models.server.asking import Asker
from relsym.models.server.cache import AnswerCache
from relsym.models.server.client import Client
from relsym.models.server.records import columns_of, costs_of, has_problems, record_of
from relsym.models.server.ways import READS, UNLISTED, Request, Way, choose_way
from relsym.ranges import NonNegativeFloat, NonNegativeInt, PositiveInt, Requests, Seconds

LOG = logging.getLogger(__name__)
# What tells one model from another among the things that /models says. Not created: some servers give the
# time of the request.
IDENTITY = ("id", "owned_by", "root", "meta")
# Families of readings: by log-probabilities or text, and by the text of answers that have log-probabilities.
FAMILY, FAMILY_TEXT = "prompts", "prompts_text"
SAID = "-text"  # ends the name of a reading of the second family
_LISTED = 20  # models in a message


@final
class OpenAiCompatible(Model):
    """Asks an endpoint that speaks OpenAI's chat or completions API about every row.

    vLLM, llama.cpp, Ollama and commercial services do. Each wording has a reading. With log-probabilities its
    score is p(word of entailment) over the sum of p over all label words; without, labels are read off the
    answer's text (``parse``), and an answer that names none counts as none. Which of the two it is, a trial
    question decides before the first row; the log and ``source`` say so.

    Servers list a few likely tokens. A label whose word is not among them is not impossible: in the score its
    probability is the most that it can be (``most_unlisted``). The answer is the likeliest label that is
    listed, and none where an unlisted one could be likelier, or where nothing bounds it.

    Answers are kept under the SHA-256 of name, API, what /models says of the model, and the whole request.
    The URL is no part of it: a server that comes back on another port goes on for free, and one that offers
    another model under the same name mostly says so. Where /models says nothing, the URL takes its place.

    Args:
        url: the base, such as http://localhost:8000/v1.
        name: the model's, as the endpoint lists it.
        api: chat or completions.
        prompts: wordings (``read_prompts``); default: those that are chats for the chat API, the others for
            completions.
        shots: labelled examples before each question.
        read: auto, logprobs or text.
        seed: sent along; None: not sent.
        max_tokens: of an answer.
        top_logprobs: how many of the likeliest tokens to ask for.
        concurrency: requests at a time.
        timeout_s, retries, key_env: see ``Client``.
        price: USD per million tokens, {prompt: ..., completion: ...}; None where unknown.
        cache_dir: where answers are kept; default: XDG_CACHE_HOME/relsym/answers.
        body: fields to add to every request, or (None) to leave out of it.

    Raises:
        ValueError: settings that cannot be; in ``prepare`` and ``measure``, what the endpoint will never take
            (``Client``).
        ConnectionError: in ``prepare`` and ``measure``, all attempts failed. What was answered is kept.
    """

    kind: ClassVar[str] = "server"

    def __init__(
        self,
        url: str | None,
        name: str | None,
        api: str = CHAT,
        prompts: str | Sequence[str] | None = None,
        shots: NonNegativeInt = 0,
        read: str = "auto",
        seed: NonNegativeInt | None = 0,
        max_tokens: PositiveInt = 16,
        top_logprobs: PositiveInt = 20,
        concurrency: Requests = 8,
        timeout_s: Seconds = 60,
        retries: NonNegativeInt = 5,
        key_env: str = "OPENAI_API_KEY",
        price: Mapping[str, NonNegativeFloat | None] | None = None,
        cache_dir: str | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> None:
        if not url or not name:
            raise ValueError(
                "model=openai_compatible: say which endpoint and model, model.url=http://localhost:8000/v1 "
                "model.name=NAME."
            )
        price = price or {}
        _check(
            api,
            read,
            price,
            max_tokens=max_tokens,
            top_logprobs=top_logprobs,
            concurrency=concurrency,
            timeout_s=timeout_s,
        )
        _check_counts(shots=shots, retries=retries)
        self.name = name
        self.api = api
        self.shots = shots
        self.learns = shots > 0
        self.how = read
        self.top = top_logprobs
        self.concurrency = concurrency
        self.price = {"prompt": price.get("prompt"), "completion": price.get("completion")}
        self.prompts = _prompts(prompts, api)
        self.client = Client(url, api, key_env, timeout_s, retries, max_tokens)
        # Temperature 0 and a seed: answers can be had again, as far as the server is able to.
        fields = {"model": name, "temperature": 0, "seed": seed, "max_tokens": max_tokens}
        self.request = Request(api, fields, dict(body or {}))
        self.folder = cache_folder("answers", cache_dir)
        self.source: dict[str, Any] = {"url": self.client.url, "name": name, "api": api}
        self._described: str | None = None
        self._way: Way | None = None
        self._examples: list[Row] = []
        self._words: dict[str, dict[str, str]] = {}  # of each wording: label -> label word

    def prepare(self, examples: Examples) -> None:
        """Choose the examples, and find out how the endpoint can be asked."""
        self._examples = choose_shots(examples.train, self.shots, self.prompts)
        for prompt in self.prompts:
            self._words[prompt.name] = prompt.words(examples.labels)
        cache = AnswerCache(self.folder)
        self.asker = Asker(self.client, cache, self._identity(), self.concurrency)
        self._way, reasons = choose_way(self.request, self.how, self.top, self.asker.ask)
        self.source |= {"read": self._way.name, "not_read": reasons}
        LOG.info(
            "%s: answers of %s are read by %s. %s",
            self.client.url,
            self.name,
            self._way.name,
            "; ".join(reasons),
        )

    def fingerprint(self) -> str:
        """SHA-256 of name, API and what /models says of the model, which is asked for on the first call."""
        if self._described is None:
            offered = _entry(self.client.models(), self.name, self.client.url)
            # For the record, and because ``_identity`` depends on whether there is anything.
            self.source["offered"] = offered
            self._described = json.dumps([self.name, self.api, offered], sort_keys=True)
        return sha256(self._described.encode()).hexdigest()

    def _identity(self) -> str:
        """What tells this model's answers from others' in the cache.

        Where an endpoint says nothing of its models, its address has to tell them apart.
        """
        fingerprint = self.fingerprint()
        return fingerprint if self.source["offered"] else f"{fingerprint} {self.client.url}"

    def measure(self, rows: Sequence[Row], advance: Advance = lambda count: None) -> Columns:
        """The columns of each wording, one entry for each row.

        They hold the answer, what kept it from being one, the log-probabilities of the label words, and how
        many requests and tokens it took.
        """
        way = self._way
        columns: Columns = {}
        for prompt in self.prompts:
            for column in columns_of(prompt.name, self._words[prompt.name], way):
                columns[column] = []

        # The requests about a row, over all wordings, are one group: a row is done once all are answered.
        groups: list[list[Body]] = []
        counts: list[list[int]] = []  # of each row: how many requests each wording takes
        for row in rows:
            group: list[Body] = []
            group_counts = []
            for prompt in self.prompts:
                words = self._words[prompt.name]
                bodies = way.bodies(prompt, words, self._examples, row.premise, row.hypothesis)
                group += bodies
                group_counts.append(len(bodies))
            groups.append(group)
            counts.append(group_counts)

        outcomes = self.asker.ask_all(groups, way.trimmed, way.lacks, advance)
        for group_outcomes, group_counts in zip(outcomes, counts, strict=True):
            rest = iter(group_outcomes)
            for prompt, count in zip(self.prompts, group_counts, strict=True):
                prompt_outcomes = list(islice(rest, count))
                record = record_of(prompt.name, self._words[prompt.name], way, prompt_outcomes)
                for column, value in record.items():
                    columns[column].append(value)
        self._tell_unlisted(columns)
        return columns

    def _tell_unlisted(self, columns: Columns) -> None:
        """Log how many answers tell the log-probability of some label words and not of all."""
        for name, words in self._words.items():
            if not self._way.reads_logprobs:
                continue
            of_labels = [columns[f"{name}:{label}"] for label in words]
            partly_listed = 0
            for logprobs in zip(*of_labels, strict=True):
                missing = logprobs.count(None)
                partly_listed += 0 < missing < len(logprobs)
            if partly_listed:
                LOG.info(
                    "%s: %d of %d answers tell no log-probability of some label word; its probability counts "
                    "as the most that it can be",
                    name,
                    partly_listed,
                    len(of_labels[0]),
                )

    def lacks_answers(self, columns: Columns) -> bool:
        """Whether a question was left unanswered: the server may be well again by now."""
        return has_problems(columns)

    def readings(self) -> tuple[Reading, ...]:
        """One for each wording; where likely tokens are read, another by the text of the same answers."""
        exact = self._way.reads_logprobs
        readings = []
        for prompt in self.prompts:
            readings.append(Reading(prompt.name, FAMILY, probability=exact))
        # Answers that come with likely tokens have a text as well; an echo has none of its own.
        if self._reads_both():
            for prompt in self.prompts:
                readings.append(Reading(f"{prompt.name}{SAID}", FAMILY_TEXT))
        return tuple(readings)

    def read(self, reading: str, form: str, measured: Columns) -> Judged:
        """The likeliest label, or the one that was said."""
        name = reading.removesuffix(SAID)
        if reading != name or not self._way.reads_logprobs:
            return self._read_texts(name, measured)
        return self._read_logprobs(name, measured)

    def _read_texts(self, name: str, measured: Columns) -> Judged:
        """The labels that answers name."""
        words = self._words[name]
        labels: list[str | None] = []
        for text in measured[f"{name}:answer"]:
            label = None if text is None else self._way.said(text, words)
            labels.append(label)
        return Judged(labels)

    def _read_logprobs(self, name: str, measured: Columns) -> Judged:
        """The likeliest labels, and the share of entailment in what all label words have."""
        labels = list(self._words[name])
        columns = [measured[f"{name}:{label}"] for label in labels]
        # An echo tells each label's word by itself, so that nothing bounds one that it does not tell.
        bounds = measured.get(f"{name}:{UNLISTED}", [None] * len(columns[0]))
        answers: list[str | None] = []
        scores: list[float | None] = []
        for *logprobs, bound in zip(*columns, bounds, strict=True):
            answer, score = judged_row(dict(zip(labels, logprobs, strict=True)), bound)
            answers.append(answer)
            scores.append(score)
        return Judged(answers, scores)

    def costs(self, measured: Columns) -> dict[str, float]:
        """Requests that were answered and their tokens, and USD where prices are known.

        Those from the cache are counted apart, trial questions not at all.
        """
        return costs_of(measured, self.price)

    def _reads_both(self) -> bool:
        return self._way.name == "top_logprobs"


def judged_row(logprobs: Mapping[str, float | None], bound: float | None) -> tuple[str | None, float | None]:
    """The answer to one row, and the share of entailment in what all label words have.

    Both are None where the server tells too little: no label's log-probability, one that is missing without a
    bound, or one that could be likelier than all that are told.

    Args:
        logprobs: of every label's word, in nats; None where it is not told.
        bound: the most that one can be which is not told; None if that is unknown.
    """
    listed = {label: logprob for label, logprob in logprobs.items() if logprob is not None}
    if not listed:
        return None, None
    answer = max(listed, key=listed.__getitem__)
    highest = listed[answer]
    all_listed = len(listed) == len(logprobs)
    if not all_listed and (bound is None or bound > highest):
        return None, None
    masses: dict[str, float] = {}
    for label in logprobs:
        # The highest is taken off first, so that no exponential becomes 0 or infinite.
        masses[label] = math.exp(listed.get(label, bound) - highest)
    return answer, masses[ENTAILMENT] / sum(masses.values())


def _prompts(chosen: str | Sequence[str] | None, api: str) -> list[Prompt]:
    """The wordings that were chosen; without a choice, all that the API is made for."""
    prompts = read_prompts(chosen)
    wants_chats = api == CHAT
    if chosen is None:
        return [prompt for prompt in prompts if prompt.chat == wants_chats]
    chats = [prompt.name for prompt in prompts if prompt.chat]
    if chats and not wants_chats:
        raise ValueError(
            f"model.prompts: {', '.join(chats)} is a chat, which model.api={api} has no place for. Choose "
            "others, or pass model.api=chat."
        )
    return prompts


def _entry(entries: list[dict[str, Any]] | None, name: str, url: str) -> dict[str, Any] | None:
    """What the endpoint says of the model; None where it says nothing of any.

    Some servers answer to any name with the model they have: a name that is not listed is refused.

    Raises:
        ValueError: the endpoint does not list the model.
    """
    if not entries:
        return None
    # Ollama adds a tag that may be left out; some proxies list patterns such as "openai/*" beside names.
    tests: list[Callable[[str], bool]] = [
        lambda listed: listed == name,
        lambda listed: listed == f"{name}:latest",
        lambda listed: fnmatchcase(name, listed),
    ]
    for is_meant in tests:
        for entry in entries:
            if is_meant(str(entry["id"])):
                return {key: entry[key] for key in IDENTITY if entry.get(key) is not None}
    names = [str(entry["id"]) for entry in entries[:_LISTED]]
    offered = ", ".join(names)
    more = " ..." if len(entries) > _LISTED else ""
    raise ValueError(f"model.name={name!r}: {url} has no such model. It lists {offered}{more}.")


def _check(api: str, read: str, price: Mapping[str, Any], **positive: float | int) -> None:
    """Refuse settings that cannot be, before the endpoint is asked."""
    for key, value, choices in (("api", api, APIS), ("read", read, READS)):
        if value not in choices:
            raise ValueError(f"model.{key}={value}: expected {', '.join(choices)}.")
    named = price.keys() <= {"prompt", "completion"}
    if not named or any(value is not None and value < 0 for value in price.values()):
        raise ValueError(
            f"model.price={dict(price)}: expected USD per million tokens as {{prompt: NUMBER, completion: "
            "NUMBER}, or null."
        )
    for key, value in positive.items():
        if value <= 0:
            raise ValueError(f"model.{key}={value}: expected more than 0.")


def _check_counts(**counts: int) -> None:
    for key, value in counts.items():
        if value < 0:
            raise ValueError(f"model.{key}={value}: expected 0 or more.")
