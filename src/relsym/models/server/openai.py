"""``model=openai_compatible``: a language model behind an endpoint, asked in several wordings."""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from hashlib import sha256
from typing import Any, ClassVar, final

from relsym.data.caches import cache_folder
from relsym.data.pairs import Row
from relsym.data.relations import ENTAILMENT
from relsym.models.base import Advance, Columns, Examples, Judged, Model, Reading
from relsym.models.prompts import Prompt, choose_shots, read_prompts
from relsym.models.server.answers import APIS, CHAT
from relsym.models.server.asking import Asker
from relsym.models.server.cache import AnswerCache
from relsym.models.server.client import Client
from relsym.models.server.records import columns_of, costs_of, record_of
from relsym.models.server.ways import READS, Request, Way, choose_way
from relsym.ranges import NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt

LOG = logging.getLogger(__name__)
# What tells one model from another among the things that /models says. Not created: some servers give the
# time of the request.
IDENTITY = ("id", "owned_by", "root", "meta")
FAMILY, FAMILY_TEXT, SAID = "prompts", "prompts_text", "-text"


@final
class OpenAiCompatible(Model):
    """Asks any endpoint that speaks OpenAI's chat or completions API (vLLM, llama.cpp, Ollama, commercial
    ones) about every row.

    A reading for each wording. With log-probabilities its score is p(word of entailment) over the sum of p
    over all label words; without, labels are read off the answer's text (``parse``), and an answer that names
    none counts as none. Which of the two is decided once, by a question of no consequence, and told in the
    log and in ``source``.

    Answers are kept under the SHA-256 of name, API, what /models says of the model, and the whole request.
    The URL is no part of it: a server that comes back on another port goes on for free, and one that offers
    another model under the same name mostly says so. Where /models says nothing, the URL takes its place.

    Args:
        url: the base, such as http://localhost:8000/v1.  name: the model's, as the endpoint lists it.  api:
        chat or completions. prompts: wordings (``read_prompts``); default: those that are chats for the chat
        API, the others for completions. shots: labelled examples before each question.  read: auto, logprobs
        or text. seed: sent along (null: not sent).  max_tokens: of an answer.  top_logprobs: likeliest tokens
        asked for. concurrency: requests at a time.  timeout_s, retries, key_env: see ``Client``. price: USD
        per million tokens, {prompt: ..., completion: ...}; null where unknown. cache_dir: default
        XDG_CACHE_HOME/relsym/answers.  body: fields to add to every request, or (null) to leave out.

    Raises:
        ValueError: settings that cannot be; in ``prepare`` and ``measure``, what the endpoint will never take
        (``Client``). ConnectionError: in ``prepare`` and ``measure``, all attempts failed. What was answered
        is kept.
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
        concurrency: PositiveInt = 8,
        timeout_s: PositiveFloat = 60,
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
        _check(
            api,
            read,
            price or {},
            max_tokens=max_tokens,
            top_logprobs=top_logprobs,
            concurrency=concurrency,
            timeout_s=timeout_s,
        )
        _check_counts(shots=shots, retries=retries)
        self.name, self.api, self.shots, self.how, self.top = name, api, shots, read, top_logprobs
        self.price = {part: (price or {}).get(part) for part in ("prompt", "completion")}
        self.prompts = _prompts(prompts, api)
        self.client = Client(url, api, key_env, timeout_s, retries)
        self.request = Request(
            api, {"model": name, "temperature": 0, "seed": seed, "max_tokens": max_tokens}, dict(body or {})
        )
        self.folder, self.concurrency = cache_folder("answers", cache_dir), concurrency
        self.source: dict[str, Any] = {"url": self.client.url, "name": name, "api": api}
        self._described: str | None = None
        self._way: Way | None = None
        self._examples: list[Row] = []
        self._words: dict[str, dict[str, str]] = {}

    def prepare(self, examples: Examples) -> None:
        """Choose the examples, and find out how the endpoint can be asked."""
        self._examples = choose_shots(examples.train, self.shots, self.prompts)
        self._words = {prompt.name: prompt.words(examples.labels) for prompt in self.prompts}
        self.asker = Asker(self.client, AnswerCache(self.folder), self._identity(), self.concurrency)
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
        """SHA-256 of name, API and what /models says of the model."""
        if self._described is None:
            offered = _entry(self.client.models(), self.name, self.client.url)
            self.source["offered"] = offered
            self._described = json.dumps([self.name, self.api, offered], sort_keys=True)
        return sha256(self._described.encode()).hexdigest()

    def _identity(self) -> str:
        """What answers are kept under: where an endpoint says nothing of its models, its address has to tell
        them apart.
        """
        fingerprint = self.fingerprint()
        return fingerprint if self.source["offered"] else f"{fingerprint} {self.client.url}"

    def measure(self, rows: Sequence[Row], advance: Advance = lambda count: None) -> Columns:
        """For each wording: the answer, what kept it from being one, log-probabilities of label words, and
        what it took.
        """
        way, words = self._way, self._words
        bodies = [
            [
                way.bodies(prompt, words[prompt.name], self._examples, row.premise, row.hypothesis)
                for prompt in self.prompts
            ]
            for row in rows
        ]
        groups = [[body for each in row for body in each] for row in bodies]
        outcomes = self.asker.ask_all(groups, way.trimmed, advance)
        columns = {
            column: []
            for prompt in self.prompts
            for column in columns_of(prompt.name, words[prompt.name], way)
        }
        for asked, told in zip(bodies, outcomes, strict=True):
            waiting = iter(told)
            for prompt, each in zip(self.prompts, asked, strict=True):
                record = record_of(prompt.name, words[prompt.name], way, [next(waiting) for _ in each])
                for column, value in record.items():
                    columns[column].append(value)
        return columns

    def readings(self) -> tuple[Reading, ...]:
        """One a wording; where likely tokens are read, the text of the same answers as well."""
        exact = self._way.reads_logprobs
        plain = tuple(Reading(prompt.name, FAMILY, probability=exact) for prompt in self.prompts)
        return plain + (
            tuple(Reading(f"{prompt.name}{SAID}", FAMILY_TEXT) for prompt in self.prompts)
            if self._reads_both()
            else ()
        )

    def read(self, reading: str, form: str, measured: Columns) -> Judged:
        """The likelier label, or the one that was said."""
        name = reading.removesuffix(SAID)
        if reading != name or not self._way.reads_logprobs:
            return Judged(
                [
                    None if said is None else self._way.said(said, self._words[name])
                    for said in measured[f"{name}:answer"]
                ]
            )
        labels = list(self._words[name])
        rows = zip(*(measured[f"{name}:{label}"] for label in labels), strict=True)
        shares = [_shares(dict(zip(labels, row, strict=True))) for row in rows]
        return Judged(
            [max(share, key=share.get) if share else None for share in shares],
            [share.get(ENTAILMENT) if share else None for share in shares],
        )

    def costs(self, measured: Columns) -> dict[str, float]:
        """Requests that were answered and their tokens, those of the cache apart, and USD where prices are
        known. Trials are not in it.
        """
        return costs_of(measured, self.price)

    def _reads_both(self) -> bool:
        return self._way.name == "top_logprobs"


def _shares(logprobs: Mapping[str, float | None]) -> dict[str, float]:
    """Probabilities over the label words; those that were not told have none. Nothing where none was told."""
    told = {label: value for label, value in logprobs.items() if value is not None}
    if not told:
        return {}
    highest = max(told.values())
    mass = {label: math.exp(told[label] - highest) if label in told else 0.0 for label in logprobs}
    return {label: value / sum(mass.values()) for label, value in mass.items()}


def _prompts(chosen: str | Sequence[str] | None, api: str) -> list[Prompt]:
    prompts = read_prompts(chosen)
    if chosen is None:
        return [prompt for prompt in prompts if prompt.chat == (api == CHAT)]
    if api != CHAT and (chats := [prompt.name for prompt in prompts if prompt.chat]):
        raise ValueError(
            f"model.prompts: {', '.join(chats)} is a chat, which model.api={api} has no place for. Choose "
            "others, or pass "
            "model.api=chat."
        )
    return prompts


def _entry(entries: list[dict[str, Any]] | None, name: str, url: str) -> dict[str, Any] | None:
    """What the endpoint says of the model.

    Some servers answer to any name with the model they have: such a name is refused.
    """
    if not entries:
        return None
    for entry in entries:
        if entry["id"] in (name, f"{name}:latest") or fnmatchcase(name, str(entry["id"])):
            return {key: entry[key] for key in IDENTITY if entry.get(key) is not None}
    raise ValueError(
        f"model.name={name!r}: {url} has no such model. It lists "
        f"{', '.join(str(entry['id']) for entry in entries[:20])}"
        f"{' ...' if len(entries) > 20 else ''}."
    )


def _check(api: str, read: str, price: Mapping[str, Any], **positive: float | int) -> None:
    for key, value, choices in (("api", api, APIS), ("read", read, READS)):
        if value not in choices:
            raise ValueError(f"model.{key}={value}: expected {', '.join(choices)}.")
    if not price.keys() <= {"prompt", "completion"} or any(
        value is not None and value < 0 for value in price.values()
    ):
        raise ValueError(
            f"model.price={dict(price)}: expected USD per million tokens as {{prompt: NUMBER, completion: "
            f"NUMBER}}, or null."
        )
    for key, value in positive.items():
        if value <= 0:
            raise ValueError(f"model.{key}={value}: expected more than 0.")


def _check_counts(**counts: int) -> None:
    for key, value in counts.items():
        if value < 0:
            raise ValueError(f"model.{key}={value}: expected 0 or more.")
