"""Many requests at a time, each asked once."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Any, NamedTuple

from relsym.models.server.answers import Answer, Body
from relsym.models.server.cache import AnswerCache, key_of
from relsym.models.server.client import Client, Lacks
from relsym.models.server.errors import BUSY, LATE, OF_QUESTION, Declined, Exhausted, Stopped, Unfit

LOG = logging.getLogger(__name__)
Trim = Callable[[Answer], Answer]
ALERT = 0.2  # seconds between two looks for an interrupt


class Outcome(NamedTuple):
    """What came of one request.

    answer: None if there is none.
    problem: why there is none, in a word or two.
    cached: whether the answer was in the cache already, and so costs nothing.
    """

    answer: Answer | None
    problem: str | None = None
    cached: bool = False


class Asker:
    """Asks an endpoint what the cache does not hold, several requests at a time.

    identity: what tells the model from others, so that answers of another model are not taken for its own.
    concurrency: how many requests are under way at a time.
    """

    def __init__(self, client: Client, cache: AnswerCache, identity: str, concurrency: int) -> None:
        self.client = client
        self.cache = cache
        self.identity = identity
        self.concurrency = concurrency
        # The last request that ``ask`` got an answer to: it shows whether the server is well.
        self.probe: Body | None = None
        self._answered = 0
        self._late = 0

    def ask(self, body: Body, fresh: bool = False) -> Answer:
        """The answer to one request, from the cache or the endpoint, kept untrimmed.

        Args:
            fresh: ask the endpoint whatever the cache holds.

        Raises:
            What the client raises.
        """
        key = self._key(body)
        answer = None if fresh else self.cache.get([key]).get(key)
        if answer is None:
            answer = self.client.ask(body)
            self.cache.put(key, answer)
        self.probe = body
        return answer

    def ask_all(
        self, groups: Sequence[Sequence[Body]], trim: Trim, lacks: Lacks, advance: Callable[[int], None]
    ) -> list[list[Outcome]]:
        """Outcomes in the order of the requests, group by group.

        Args:
            groups: requests that belong together, such as those about one row.
            trim: what to keep of a new answer.
            lacks: what the answer to a request, trimmed or not, lacks that others have, "" for nothing. One
                that lacks something is asked for again, though it may be in the cache.
            advance: is called with the number of groups that have just been completed.

        Raises:
            What the client raises, once requests under way have ended. A question that gets no answer does
            not end the run as long as the server answers others.
        """
        keys: list[list[bytes]] = []
        bodies: dict[bytes, Body] = {}  # equal requests once
        for group in groups:
            group_keys = [self._key(body) for body in group]
            keys.append(group_keys)
            bodies.update(zip(group_keys, group, strict=True))

        progress = _Progress(keys, advance)
        outcomes: dict[bytes, Outcome] = {}
        for key, answer in self.cache.get(bodies).items():
            if not lacks(answer, bodies[key]):
                outcomes[key] = Outcome(answer, cached=True)
                progress.tell(key)

        new_bodies = {key: body for key, body in bodies.items() if key not in outcomes}
        if new_bodies:
            self._ask_new(new_bodies, _Reading(trim, lacks), outcomes, progress)

        # Whether an outcome is counted as paid depends on which question uses it first.
        uncounted = set(new_bodies)
        outcomes_of_groups = []
        for group_keys in keys:
            group_outcomes = [_first_use(uncounted, key, outcomes[key]) for key in group_keys]
            outcomes_of_groups.append(group_outcomes)
        return outcomes_of_groups

    def _ask_new(
        self,
        bodies: Mapping[bytes, Body],
        reading: _Reading,
        outcomes: dict[bytes, Outcome],
        progress: _Progress,
    ) -> None:
        """Ask the endpoint, and add what comes of it to ``outcomes``."""
        todo = SimpleQueue[tuple[bytes, Body]]()
        for item in bodies.items():
            todo.put(item)
        results = SimpleQueue[tuple[bytes, Outcome | Exception]]()

        threads = []
        for _ in range(min(self.concurrency, len(bodies))):
            # Daemons: after an interrupt, a thread that waits for a slow server must not hold up the exit.
            thread = threading.Thread(target=self._work, args=(todo, results, reading), daemon=True)
            threads.append(thread)
        for thread in threads:
            thread.start()

        try:
            for _ in bodies:
                key, outcome = _next(results)
                # An error that no other question would escape ends the run; see ``_outcome``.
                if isinstance(outcome, Exception):
                    self._wind_up(threads)
                    raise outcome
                outcomes[key] = outcome
                progress.tell(key)
        except BaseException:  # an interrupt from the keyboard as well
            self.client.stop()
            raise

    def _wind_up(self, threads: Sequence[threading.Thread]) -> None:
        """Ask nothing more, and wait for the requests under way: their answers are still kept."""
        self.client.stop()
        until = time.monotonic() + self.client.timeout_s
        for thread in threads:
            thread.join(max(until - time.monotonic(), 0))

    def _work(self, todo: SimpleQueue, results: SimpleQueue, reading: _Reading) -> None:
        """Ask and pass on outcomes, in one thread.

        Ends when there is nothing left to ask, the client is stopped, or an error ends the run.
        """
        with suppress(Empty, Stopped):
            while True:
                key, body = todo.get_nowait()
                try:
                    outcome = self._outcome(key, body, reading)
                except Stopped:
                    raise
                except Exception as error:
                    results.put((key, error))
                    return
                results.put((key, outcome))

    def _outcome(self, key: bytes, body: Body, reading: _Reading) -> Outcome:
        try:
            answer = reading.trim(self.client.ask(body, reading.lacks))
        except Unfit as problem:
            return Outcome(None, str(problem))
        except Exhausted as error:
            if self._is_everywhere(error) or not self._answers_others(reading.lacks):
                raise
            LOG.warning("A question is left unanswered: %s", error)
            return Outcome(None, error.reason)
        except Declined as error:
            # Filters refuse a question in as many ways as there are servers.
            if error.status not in OF_QUESTION or not self._answers_others(reading.lacks):
                raise
            LOG.warning("A question is left unanswered: %s", error)
            return Outcome(None, f"refused with status {error.status}")
        self.cache.put(key, answer)
        self._answered += 1
        return Outcome(answer)

    def _is_everywhere(self, error: Exhausted) -> bool:
        """Whether the failure is no single question's, although the server may answer the trial question.

        One that is asked too much will be again; and rows may take longer than a trial question does.
        """
        if error.reason == LATE:
            self._late += 1
            return self._late > self._answered + self.concurrency
        return error.reason == BUSY

    def _answers_others(self, lacks: Lacks) -> bool:
        """Whether the server is well, so that a failure that stays is the question's."""
        if self.probe is None:
            return False
        try:
            self.client.ask(self.probe, lacks)
        except (Exhausted, Declined, Unfit):
            return False
        return True

    def _key(self, body: Body) -> bytes:
        text = json.dumps([self.identity, body], sort_keys=True, ensure_ascii=False)
        return key_of(text)


class _Reading(NamedTuple):
    """How answers are read: what to keep of one, and what it lacks."""

    trim: Trim
    lacks: Lacks


def _next(results: SimpleQueue) -> Any:
    """The next item, once there is one.

    It is waited for in short turns: a thread that waits without end may not hear an interrupt that the system
    gave to another one.
    """
    while True:
        with suppress(Empty):
            return results.get(timeout=ALERT)


class _Progress:
    """Counts a group as complete once the last of its requests is done."""

    def __init__(self, keys: Sequence[Sequence[bytes]], advance: Callable[[int], None]) -> None:
        self.advance = advance
        # A request that stands twice in a group is done once.
        self.open = [len(set(group_keys)) for group_keys in keys]
        self.groups: dict[bytes, list[int]] = defaultdict(list)
        for number, group_keys in enumerate(keys):
            for key in set(group_keys):
                self.groups[key].append(number)

    def tell(self, key: bytes) -> None:
        """Note that the request with this key is done, in all groups that hold it."""
        completed = 0
        for number in self.groups[key]:
            self.open[number] -= 1
            if self.open[number] == 0:
                completed += 1
        if completed:
            self.advance(completed)


def _first_use(uncounted: set[bytes], key: bytes, outcome: Outcome) -> Outcome:
    """The outcome, marked as cached from its second use on: a request that stands twice was paid for once."""
    if key in uncounted:
        uncounted.discard(key)
        return outcome
    return outcome._replace(cached=True)
