"""Many requests at a time, each asked once."""

from __future__ import annotations

import json
import logging
import threading
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from http import HTTPStatus
from queue import Empty, SimpleQueue
from typing import Any, NamedTuple

from relsym.models.server.answers import Answer, Body
from relsym.models.server.cache import AnswerCache, key_of
from relsym.models.server.client import Client
from relsym.models.server.errors import Declined, Exhausted, Stopped, Unfit

LOG = logging.getLogger(__name__)
Trim = Callable[[Answer], Answer]
ALERT = 0.2  # seconds


class Outcome(NamedTuple):
    """An answer, or the problem with this question; whether the answer was at hand."""

    answer: Answer | None
    problem: str | None = None
    cached: bool = False


class Asker:
    """Asks an endpoint what the cache does not hold, several requests at a time.

    identity: what the model is, so that answers of another one are not taken for its own.
    """

    def __init__(self, client: Client, cache: AnswerCache, identity: str, concurrency: int) -> None:
        self.client, self.cache, self.identity, self.concurrency = client, cache, identity, concurrency
        self.probe: Body | None = None

    def ask(self, body: Body) -> Answer:
        """One answer, kept whole. What it raises is the client's."""
        key = self._key(body)
        if (answer := self.cache.get([key]).get(key)) is None:
            self.cache.put(key, answer := self.client.ask(body))
        self.probe = body
        return answer

    def ask_all(
        self, groups: Sequence[Sequence[Body]], trim: Trim, advance: Callable[[int], None]
    ) -> list[list[Outcome]]:
        """Outcomes in the order of the requests; ``advance`` is told of every group that is done.

        Raises:
            What the client raises, once requests under way have ended. Questions that are no good by
            themselves do not end the run.
        """
        keys = [[self._key(body) for body in group] for group in groups]
        bodies = {
            key: body
            for named, group in zip(keys, groups, strict=True)
            for key, body in zip(named, group, strict=True)
        }
        done = {key: Outcome(answer, cached=True) for key, answer in self.cache.get(bodies).items()}
        progress = _Progress(keys, advance)
        for key in done:
            progress.tell(key)
        fresh = set(bodies) - done.keys()
        if fresh:
            self._ask_new({key: body for key, body in bodies.items() if key in fresh}, trim, done, progress)
        return [[_first_use(fresh, key, done[key]) for key in named] for named in keys]

    def _ask_new(
        self, bodies: Mapping[bytes, Body], trim: Trim, done: dict[bytes, Outcome], progress: _Progress
    ) -> None:
        todo, results = SimpleQueue[tuple[bytes, Body]](), SimpleQueue[tuple[bytes, Outcome | Exception]]()
        for item in bodies.items():
            todo.put(item)
        count = min(self.concurrency, len(bodies))
        arguments = (todo, results, trim)
        threads = [threading.Thread(target=self._work, args=arguments, daemon=True) for _ in range(count)]
        for thread in threads:
            thread.start()
        try:
            for _ in bodies:
                key, outcome = _next(results)
                if isinstance(outcome, Exception):
                    self._wind_up(threads)
                    raise outcome
                done[key] = outcome
                progress.tell(key)
        except BaseException:
            self.client.stop()
            raise

    def _wind_up(self, threads: Sequence[threading.Thread]) -> None:
        """Answers under way are still kept."""
        self.client.stop()
        for thread in threads:
            thread.join(self.client.timeout_s)

    def _work(self, todo: SimpleQueue, results: SimpleQueue, trim: Trim) -> None:
        with suppress(Empty, Stopped):
            while True:
                key, body = todo.get_nowait()
                try:
                    results.put((key, self._outcome(key, body, trim)))
                except Stopped:
                    raise
                except Exception as error:
                    results.put((key, error))
                    return

    def _outcome(self, key: bytes, body: Body, trim: Trim) -> Outcome:
        try:
            answer = trim(self.client.ask(body))
        except Unfit as problem:
            return Outcome(None, str(problem))
        except Exhausted as error:
            if error.status != HTTPStatus.INTERNAL_SERVER_ERROR or not self._answers_others():
                raise
            LOG.warning("A question is left unanswered: %s", error)
            return Outcome(None, "server error")
        self.cache.put(key, answer)
        return Outcome(answer)

    def _answers_others(self) -> bool:
        """Whether the server is well, so that a failure that stays is the question's."""
        try:
            return self.probe is not None and self.client.ask(self.probe) is not None
        except (Exhausted, Declined):
            return False

    def _key(self, body: Body) -> bytes:
        return key_of(json.dumps([self.identity, body], sort_keys=True, ensure_ascii=False))


def _next(results: SimpleQueue) -> Any:
    """The next item.

    A thread that waits without end may not hear an interrupt that the system gave to another one.
    """
    while True:
        with suppress(Empty):
            return results.get(timeout=ALERT)


class _Progress:
    """Tells of a group once the last of its requests is done."""

    def __init__(self, keys: Sequence[Sequence[bytes]], advance: Callable[[int], None]) -> None:
        self.advance, self.open = advance, [len(set(group)) for group in keys]
        self.groups: dict[bytes, list[int]] = defaultdict(list)
        for number, group in enumerate(keys):
            for key in set(group):
                self.groups[key].append(number)

    def tell(self, key: bytes) -> None:
        for number in self.groups[key]:
            self.open[number] -= 1
        if complete := sum(self.open[number] == 0 for number in self.groups[key]):
            self.advance(complete)


def _first_use(fresh: set[bytes], key: bytes, outcome: Outcome) -> Outcome:
    """A request that stands twice among the questions was paid for once."""
    if key in fresh:
        fresh.discard(key)
        return outcome
    return outcome._replace(cached=True)
