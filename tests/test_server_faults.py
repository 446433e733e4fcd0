"""A misbehaving server changes no figure: what fails is asked again, or is no answer, with a reason."""

from __future__ import annotations

import json
import math
import threading
import tracemalloc
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
import requests

import faults
from loopback import Loopback
from openai_server import NAME, MadeUpServer, Quick, Reply, chance, loopback_only, without_waits, words_of
from relsym.app.shards import Shards
from relsym.data.pairs import Row
from relsym.data.relations import CONTRADICTION, ENTAILMENT
from relsym.data.sources.bounded import bounded_session, exchange, read_json
from relsym.models.base import Examples
from relsym.models.server import errors
from relsym.models.server.answers import Answer
from relsym.models.server.openai import OpenAiCompatible
from relsym.models.server.ways import TRIAL_TEXTS

LABELS = (ENTAILMENT, CONTRADICTION)
ROWS = [
    Row(f"P1:{n}", "P1", "lexicalised", f"{n} is near b.", f"b is near {n}.", LABELS[n % 2]) for n in range(6)
]
WORDING = "chat_yes_no"
STRUCK = ("1 is", "4 is")
SHORT = 0.15  # seconds


def payload(prompt: str, with_logprobs: bool) -> dict:
    """A whole answer: the likelier of two words, with both and a third one listed."""
    first, second = words_of(prompt)
    shares = {first: 0.9 * chance(prompt), second: 0.9 * (1 - chance(prompt)), "perhaps": 0.1}
    token = max((first, second), key=shares.get)
    top = [{"token": word, "logprob": math.log(share)} for word, share in shares.items()]
    entry = {"token": token, "logprob": math.log(shares[token]), "top_logprobs": top}
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": token},
        "finish_reason": "stop",
        "logprobs": {"content": [entry]} if with_logprobs else None,
    }
    return {"choices": [choice], "usage": {"prompt_tokens": 9, "completion_tokens": 1}}


class FaultyServer(Loopback):
    """Strikes questions that hold one of ``struck`` as they come for the first ``times`` times."""

    def __init__(self, fault: faults.Fault | None, struck: tuple[str, ...], times: int | float = 1) -> None:
        self.fault = fault
        self.struck = struck
        self.times = times
        self.listing: faults.Fault = faults.sends()
        self.came: Counter[str] = Counter()
        self.lock = threading.Lock()
        server = self

        class Handler(Quick):
            def do_GET(self) -> None:
                body = json.dumps({"data": [{"id": NAME, "owned_by": "nobody"}]}).encode()
                with server.lock:
                    server.came["models"] += 1
                    fault = server.listing if server.came["models"] <= server.times else faults.sends()
                fault(self, body)

            def do_POST(self) -> None:
                asked = json.loads(self.read_body())
                prompt = asked["messages"][-1]["content"]
                body = json.dumps(payload(prompt, bool(asked.get("logprobs")))).encode()
                with server.lock:
                    server.came[prompt] += 1
                    count = server.came[prompt]
                is_struck = any(part in prompt for part in server.struck) and count <= server.times
                fault = server.fault if is_struck and server.fault else faults.sends()
                fault(self, body)

        super().__init__(Handler)
        self.url = f"{self.root}/v1"


@pytest.fixture(autouse=True)
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What was waited between attempts, in no time."""
    loopback_only(monkeypatch)
    return without_waits(monkeypatch)


@pytest.fixture
def serve() -> Iterator[Callable[..., FaultyServer]]:
    running: list[FaultyServer] = []

    def start(fault: faults.Fault | None = None, struck: tuple[str, ...] = STRUCK, **knobs) -> FaultyServer:
        running.append(FaultyServer(fault, struck, **knobs))
        return running[-1]

    yield start
    for server in running:
        server.close()


@pytest.fixture
def ask(tmp_path: Path) -> Callable[..., OpenAiCompatible]:
    """A model that is ready to measure."""

    def prepared(server: FaultyServer, largest: int = 2**17, **settings: object) -> OpenAiCompatible:
        chosen = {"timeout_s": 5, "retries": 3, "cache_dir": str(tmp_path), "prompts": WORDING, **settings}
        model = OpenAiCompatible(server.url, NAME, **chosen)
        model.client.largest_answer = largest
        model.prepare(Examples(LABELS, []))
        return model

    return prepared


def judged(model: OpenAiCompatible) -> dict[str, object]:
    """What is read off the answers about all rows, by the name of the reading, and the problems."""
    columns = model.measure(ROWS)
    read: dict[str, object] = {}
    for reading in model.readings():
        read[reading.name] = model.read(reading.name, "lexicalised", columns)
    read["problems"] = columns[f"{WORDING}:problem"]
    return read


@pytest.fixture(scope="module")
def healthy(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    server = FaultyServer(None, ())
    model = OpenAiCompatible(
        server.url, NAME, prompts=WORDING, cache_dir=str(tmp_path_factory.mktemp("well"))
    )
    model.prepare(Examples(LABELS, []))
    try:
        return judged(model)
    finally:
        server.close()


def changed(change: Callable[[dict, dict, list[dict]], object]) -> faults.Fault:
    """The right answer, after ``change(answer, choice, top)`` changed something in it."""

    def fault(handler: object, body: bytes) -> None:
        answer = json.loads(body)
        choice = answer["choices"][0]
        listed = choice["logprobs"]["content"][0]["top_logprobs"] if choice["logprobs"] else []
        change(answer, choice, listed)
        faults.send(handler, json.dumps(answer).encode())

    return fault


def usage(**counts: object) -> faults.Fault:
    return changed(lambda answer, choice, top: answer.update(usage=counts))


def further_text(text: str) -> faults.Fault:
    def lengthen(answer: dict, choice: dict, top: list[dict]) -> None:
        choice["message"]["content"] += text

    return changed(lengthen)


def replaced(part: bytes, other: bytes) -> faults.Fault:
    return lambda handler, body: faults.send(handler, body.replace(part, other))


# Odd answers, and the reason that stands in the problem column of a question that gets no other.
ODD: dict[str, tuple[faults.Fault, str]] = {
    "choices_empty": (changed(lambda a, c, top: a.update(choices=[])), "no choices"),
    "choices_null": (changed(lambda a, c, top: a.update(choices=None)), "no choices"),
    "choices_words": (changed(lambda a, c, top: a.update(choices=["yes"])), "no whole answer"),
    "error": (changed(lambda a, c, top: (a.clear(), a.update(error={"message": "full"}))), "server error"),
    "error_beside": (changed(lambda a, c, top: c.update(error={"code": 502})), "server error"),
    "finish_error": (changed(lambda a, c, top: c.update(finish_reason="error")), "server error"),
    "content_null": (changed(lambda a, c, top: c["message"].update(content=None)), "no text"),
    "content_number": (changed(lambda a, c, top: c["message"].update(content=7)), "no text"),
    "message_null": (changed(lambda a, c, top: c.update(message=None)), "no whole answer"),
    "logprobs_missing": (changed(lambda a, c, top: c.pop("logprobs")), "no log-probabilities"),
    "logprobs_null": (changed(lambda a, c, top: c.update(logprobs=None)), "no log-probabilities"),
    "logprobs_empty": (changed(lambda a, c, top: c["logprobs"].update(content=[])), "no log-probabilities"),
    "top_null": (
        changed(lambda a, c, top: c["logprobs"]["content"][0].update(top_logprobs=None)),
        "no log-probabilities of likely tokens",
    ),
    "top_unlikely": (
        changed(lambda a, c, top: [each.update(logprob=-9999.0) for each in top]),
        "no log-probabilities of likely tokens",
    ),
    "taken_null": (
        changed(lambda a, c, top: c["logprobs"]["content"][0].update(logprob=None)),
        "a log-probability is missing",
    ),
    "first_null": (changed(lambda a, c, top: top[0].update(logprob=None)), "no log-probabilities"),
    "first_minus": (changed(lambda a, c, top: top[0].update(logprob=-math.inf)), "no log-probabilities"),
    "nan": (changed(lambda a, c, top: top[1].update(logprob=math.nan)), "no log-probabilities"),
    "infinite": (changed(lambda a, c, top: top[1].update(logprob=math.inf)), "no log-probabilities"),
    "huge": (changed(lambda a, c, top: top[1].update(logprob=10**400)), "no log-probabilities"),
    "words": (changed(lambda a, c, top: top[1].update(logprob="high")), "no log-probabilities"),
}
ODD["token_blank"] = (
    changed(lambda a, c, top: c["logprobs"]["content"][0].update(token=" ")),
    "no log-probabilities",
)
for place, value in {"null": None, "number": 7, "object": {"text": "yes"}}.items():
    ODD[f"token_{place}"] = (
        changed(lambda a, c, top, value=value: top[0].update(token=value)),
        "no log-probabilities",
    )
# What is not the answer's fault, and leaves it as it is.
HARMLESS: dict[str, faults.Fault] = {
    **faults.ODD_BUT_RIGHT,
    "surrogates": further_text(" \ud800"),
    "surrogate_token": changed(lambda a, c, top: top.append({"token": "\ud83d", "logprob": -20.0})),
    "bad_utf8": lambda handler, body: faults.send(
        handler, body.replace(b'"content": "', b'"content": "\xff\xc3 ')
    ),
    "control": changed(
        lambda a, c, top: c["message"].update(content=c["message"]["content"] + " \x00\x1b[31m")
    ),
    "reordered": changed(
        lambda a, c, top: a["choices"].insert(0, {**c, "index": 1, "message": {"content": "Maybe"}})
    ),
    "repeated": changed(lambda a, c, top: a["choices"].append(c)),
    "last_null": changed(lambda a, c, top: top[2].update(logprob=None)),
    "last_minus": changed(lambda a, c, top: top[2].update(logprob=-math.inf)),
    "usage_words": usage(prompt_tokens="many", completion_tokens="few"),
    "usage_negative": usage(prompt_tokens=-10, completion_tokens=10**25),
    "usage_dict": usage(prompt_tokens={"all": 1}, completion_tokens=[1]),
    "usage_null": usage(prompt_tokens=None, completion_tokens=True),
    "usage_infinite": usage(prompt_tokens=math.inf, completion_tokens=math.nan),
    "usage_list": changed(lambda a, c, top: a.update(usage=[1, 2])),
    "usage_digits": replaced(b": 9", b": " + b"9" * 6000),
}
ONCE = {**faults.BROKEN, **{name: fault for name, (fault, _) in ODD.items()}, **HARMLESS}


@pytest.mark.parametrize("name", ONCE)
def test_a_fault_that_passes_changes_no_figure(name, serve, ask, healthy):
    server = serve(ONCE[name])
    assert judged(ask(server)) == healthy
    assert all(count > 0 for prompt, count in server.came.items() if any(part in prompt for part in STRUCK))


@pytest.mark.parametrize("name", faults.SLOW)
def test_an_answer_that_comes_byte_by_byte_is_given_up_and_asked_again(name, serve, ask, healthy):
    server = serve(faults.SLOW[name])
    assert judged(ask(server, timeout_s=SHORT, retries=9)) == healthy
    asked_again = [count for prompt, count in server.came.items() if any(part in prompt for part in STRUCK)]
    assert min(asked_again) > 1


@pytest.mark.parametrize("name", ODD)
def test_a_question_whose_answers_stay_odd_is_left_out_with_the_reason_until_the_server_is_well(
    name, serve, ask, healthy
):
    fault, reason = ODD[name]
    server = serve(fault, times=math.inf)
    read = judged(ask(server, retries=1))
    struck = [any(part in row.premise for part in STRUCK) for row in ROWS]
    assert read["problems"] == [reason if is_struck else "" for is_struck in struck]
    for reading in (WORDING, f"{WORDING}-text"):
        labels = healthy[reading].labels
        expected = [None if is_struck else label for is_struck, label in zip(struck, labels, strict=True)]
        assert read[reading].labels == expected
    server.fault = None
    server.came.clear()
    assert judged(ask(server)) == healthy
    assert sum(server.came.values()) == 1 + len(STRUCK), "the list of models, and what had no answer"


def test_a_run_that_goes_on_asks_again_what_was_left_unanswered(tmp_path, serve, ask, healthy):
    server = serve(faults.BROKEN["page"], struck=("4 is",), times=math.inf)
    shards = Shards(tmp_path, "plan", 2)
    model = ask(server, retries=0)
    shards.measure("scored", ROWS, model, lambda count: None)
    server.fault = None
    server.came.clear()
    going_on = Shards(tmp_path, "plan", 2)
    going_on.drop_unanswered(model)
    assert going_on.left("scored", ROWS) == 2, "the shard with the row that has no answer, and no other"
    columns = going_on.measure("scored", ROWS, model, lambda count: None)
    assert model.read(WORDING, "lexicalised", columns) == healthy[WORDING]
    assert sum(server.came.values()) == 1


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (faults.hang_up, "broken connection"),
        (faults.endless, "too large"),
        (faults.BROKEN["boom"], "server error"),
        (faults.BROKEN["page"], "no whole answer"),
        (faults.sends(403, b'{"error": "flagged"}'), "refused with status 403"),
        (faults.sends(400, b'{"error": "no such words"}'), "refused with status 400"),
    ],
)
def test_a_question_that_always_fails_is_left_out_while_others_are_answered(
    fault, reason, serve, ask, healthy
):
    server = serve(fault, struck=("4 is",), times=math.inf)
    read = judged(ask(server, retries=1))
    assert read["problems"] == ["", "", "", "", reason, ""]
    server.fault = None
    assert judged(ask(server)) == healthy


def test_questions_that_are_never_answered_in_time_are_left_out_unless_they_are_most(serve, ask, healthy):
    server = serve(faults.drip, struck=("4 is",), times=math.inf)
    read = judged(ask(server, retries=0, timeout_s=SHORT))
    assert read["problems"][4] == "no answer in time"
    server.struck = ("near",)
    with pytest.raises(ConnectionError, match=r"timed out.*Raise model\.timeout_s"):
        judged(ask(server, retries=0, timeout_s=SHORT, seed=1, concurrency=2))
    server.fault = None
    assert judged(ask(server)) == healthy


@pytest.mark.parametrize("name", ["logprobs_null", "choices_empty", "top_null"])
def test_a_server_that_turns_odd_altogether_ends_the_run_with_what_to_do(name, serve, ask, healthy):
    server = serve(ODD[name][0], struck=("near",), times=math.inf)
    model = ask(server, retries=1)
    server.struck = ("",)
    with pytest.raises(ConnectionError, match=r"no whole answer.*Answers so far are kept"):
        judged(model)
    server.fault = None
    assert judged(ask(server)) == healthy


@pytest.mark.parametrize("name", ["choices_empty", "logprobs_null", "top_null", "first_null", "page", "boom"])
@pytest.mark.parametrize("times", [2, math.inf])
def test_one_trial_answer_that_went_wrong_does_not_decide_how_answers_are_read(
    name, times, serve, ask, healthy
):
    fault = ODD[name][0] if name in ODD else faults.BROKEN[name]
    server = serve(fault, struck=TRIAL_TEXTS[:1], times=times)
    model = ask(server, retries=1)
    assert model.source["read"] == "top_logprobs"
    assert judged(model) == healthy


@pytest.mark.parametrize("status", [400, 422, 500])
@pytest.mark.parametrize("text", TRIAL_TEXTS[:2])
def test_one_refusal_of_a_trial_does_not_decide_how_answers_are_read(status, text, serve, ask, healthy):
    refusal = faults.sends(status, b'{"error": "no logprobs on this machine"}')
    server = serve(refusal, struck=(text,), times=math.inf)
    model = ask(server, retries=1)
    assert model.source["read"] == "top_logprobs"
    assert judged(model) == healthy


def test_a_failure_of_every_first_trial_that_speaks_of_fields_passes(serve, ask, healthy):
    server = serve(faults.sends(500, b'{"error": "no logprobs on this machine"}'), struck=TRIAL_TEXTS)
    model = ask(server, retries=0)
    assert model.source["read"] == "top_logprobs"
    assert judged(model) == healthy


def test_a_failure_of_a_text_trial_that_speaks_of_fields_is_waited_out(serve, ask):
    server = serve(faults.sends(500, b'{"error": "logprobs"}'), struck=TRIAL_TEXTS, times=5)
    assert ask(server, read="text", retries=5).source["read"] == "text"


def test_a_failure_that_speaks_of_fields_passes_like_any_other(serve, ask, healthy):
    server = serve(faults.sends(500, b'{"error": "logprobs kernel failed"}'))
    assert judged(ask(server)) == healthy
    assert sum(server.came.values()) == 2 + len(ROWS) + len(STRUCK)


def test_trials_without_log_probabilities_are_asked_again_once_the_server_is_well(serve, ask, healthy):
    server = serve(ODD["logprobs_null"][0], struck=("",), times=math.inf)
    assert ask(server).source["read"] == "text"
    server.fault = None
    assert ask(server).source["read"] == "top_logprobs"
    assert judged(ask(server)) == healthy


def test_an_answer_in_the_cache_that_lacks_what_others_have_is_asked_again(serve, ask, healthy):
    server = serve()
    model = ask(server)
    (prompt,) = model.prompts
    words = model._words[WORDING]
    for row in ROWS[:2]:
        (body,) = model._way.bodies(prompt, words, [], row.premise, row.hypothesis)
        model.asker.cache.put(model.asker._key(body), Answer("yes"))
    assert judged(model) == healthy
    assert len(server.came) == 2 + len(ROWS), "the list of models, a trial, and every row"


@pytest.mark.parametrize("value", faults.PATIENT)
def test_a_pause_that_a_server_asks_for_is_bounded_whatever_it_says(value, serve, ask, healthy, waits):
    server = serve(faults.sends(429, b'{"error": "slow down"}', Retry_After=value))
    assert judged(ask(server)) == healthy
    assert len(waits) == len(STRUCK)
    assert max(waits) < 2


@pytest.mark.parametrize("value", faults.ENDLESS)
def test_a_pause_of_years_ends_the_run_with_what_the_server_said(value, serve, ask, healthy):
    server = serve(faults.sends(429, b'{"error": "slow down"}', Retry_After=value))
    with pytest.raises(
        ConnectionError, match=rf"status 429.*slow down.*Retry-After: {value[:40]}.*600 s"
    ) as end:
        judged(ask(server))
    assert len(str(end.value)) < 1000
    assert judged(ask(server)) == healthy


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (faults.sends(401, b'{"error": "bad key"}'), "status 401.*bad key"),
        (
            faults.sends(302, b"", Location="file:///etc/passwd"),
            "status 302.*It has moved.*file:///etc/passwd",
        ),
        (faults.sends(307, b"", Location="http://127.0.0.1:9/v1"), "status 307.*It has moved"),
        (faults.bomb_that_moved, "status 302.*It has moved.*/elsewhere"),
    ],
)
def test_a_refusal_of_the_whole_server_ends_the_run_and_once_it_is_well_the_rest_comes(
    fault, message, serve, ask, healthy
):
    server = serve(fault)
    with pytest.raises(ValueError, match=message):
        judged(ask(server))
    server.fault = None
    assert judged(ask(server)) == healthy


def listing(**fields: object) -> faults.Fault:
    entry = {"id": NAME, "owned_by": "nobody", **fields}
    return faults.sends(body=json.dumps({"data": [entry]}).encode())


@pytest.mark.parametrize("name", ["cut", "endless", "bomb", "page", "deep", "list", "undefined", "cloud"])
def test_a_list_of_models_that_comes_broken_is_asked_for_again(name, serve, ask, healthy):
    server = serve()
    server.listing = {**faults.BROKEN, **faults.ODD_BUT_RIGHT}[name]
    assert judged(ask(server)) == healthy


@pytest.mark.parametrize("name", faults.SLOW)
def test_a_list_of_models_that_comes_byte_by_byte_is_given_up(name, serve, ask):
    server = serve(times=math.inf)
    server.listing = faults.SLOW[name]
    with pytest.raises(ConnectionError, match=r"timed out.*model\.timeout_s"):
        ask(server, timeout_s=SHORT, retries=0)


@pytest.mark.parametrize(
    "fields",
    [
        {"owned_by": "me \ud800"},
        {"meta": {"size": math.nan, "n": 10**30, "\udfff": [math.inf, -math.inf]}},
        {"created": {"when": ["now"]}, "root": ["a"] * 3},
    ],
)
def test_whatever_a_server_says_of_its_model_can_be_stored(fields, serve, ask):
    server = serve(times=math.inf)
    server.listing = listing(**fields)
    model = ask(server)
    assert NAME.encode() in msgspec.json.encode(model.source)
    assert NAME in json.dumps(model.source, allow_nan=False)
    assert len(model.fingerprint()) == 64


def test_of_a_refusal_only_the_beginning_is_looked_at(serve, ask, monkeypatch):
    longest: list[int] = []

    def read(text: str) -> object:
        longest.append(len(text))
        return read_json(text)

    monkeypatch.setattr(errors, "read_json", read)
    body = b'{"error": "no such words", "more": [' + b"{}," * 200_000 + b"{}]}"
    server = serve(faults.sends(400, body), struck=("4 is",), times=math.inf)
    read_off = judged(ask(server, largest=2**21, retries=0))
    assert read_off["problems"][4] == "refused with status 400"
    assert max(longest) <= 2**16


@pytest.mark.parametrize("name", ["bomb", "endless", "endless_line"])
def test_no_more_than_the_largest_answer_is_held_in_memory(name, serve):
    server = serve(faults.BROKEN[name], struck=("",), times=math.inf)
    largest = 2**20
    faults.bomb_body()
    question = {"messages": [{"role": "user", "content": "yes?"}]}
    with bounded_session({}) as session:
        tracemalloc.start()
        try:
            with pytest.raises(requests.ConnectionError, match=r"larger than 1 MiB|chunk size line"):
                exchange(session, "POST", f"{server.url}/chat/completions", 5, largest, json=question)
            _, most = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert most < 8 * largest


def test_an_answer_may_be_larger_the_more_tokens_it_may_have():
    small = OpenAiCompatible("http://localhost:1/v1", NAME)
    large = OpenAiCompatible("http://localhost:1/v1", NAME, max_tokens=1016)
    assert large.client.largest_answer - small.client.largest_answer == 1000 * 4096


# --- echoes of the prompt


class EchoServer(MadeUpServer):
    """Changes those of its echoes by ``fault(log-probabilities)`` that ``is_struck(prompt, count)`` picks."""

    fault: Callable[[dict], object] | None = None
    is_struck: Callable[[str, int], bool] = staticmethod(lambda prompt, count: True)

    def reply(self, body: dict, signed: str | None) -> Reply:
        status, reply = super().reply(body, signed)
        with self.lock:
            count = self.asked[json.dumps(body, sort_keys=True)]
        if status == 200 and body.get("echo") and self.fault and self.is_struck(body["prompt"], count):
            self.fault(reply["choices"][0]["logprobs"])
        return status, reply


def no_echo(logprobs: dict) -> None:
    for name, values in logprobs.items():
        logprobs[name] = values[-1:]


def other_case(logprobs: dict) -> None:
    logprobs["tokens"] = [token.upper() for token in logprobs["tokens"]]


def other_prompt(logprobs: dict) -> None:
    logprobs["tokens"] = [token.replace("near", "far") for token in logprobs["tokens"]]


def gap(logprobs: dict) -> None:
    logprobs["token_logprobs"][2] = None


def nothing(logprobs: dict) -> None:
    logprobs["token_logprobs"] = [None] * len(logprobs["tokens"])


ECHO_FAULTS = {
    "no_echo": (no_echo, "no echo of the prompt"),
    "other_case": (other_case, "no echo of the prompt"),
    "other_prompt": (other_prompt, "no echo of the prompt"),
    "gap": (gap, "a log-probability is missing"),
    "nothing": (nothing, "a log-probability is missing"),
}


@pytest.fixture
def echo() -> Iterator[EchoServer]:
    server = EchoServer()
    yield server
    server.close()


@pytest.fixture
def echoed(echo: EchoServer, tmp_path: Path) -> Callable[..., tuple[str, dict[str, object], list[str]]]:
    """How answers of a run are read, what is read off them, and the problems of the rows."""

    def run(folder: str = "answers", **settings: object) -> tuple[str, dict[str, object], list[str]]:
        chosen = {"prompts": "question", "retries": 1, "cache_dir": str(tmp_path / folder), **settings}
        model = OpenAiCompatible(echo.url, NAME, api="completions", **chosen)
        model.prepare(Examples(LABELS, []))
        columns = model.measure(ROWS)
        read = {}
        for reading in model.readings():
            read[reading.name] = model.read(reading.name, "lexicalised", columns)
        return model.source["read"], read, columns["question:problem"]

    return run


@pytest.mark.parametrize("name", ECHO_FAULTS)
def test_an_echo_that_is_none_is_asked_again_and_left_out_with_the_reason_if_it_stays(name, echo, echoed):
    well = echoed("well")
    assert well[0] == "echo"
    echo.fault, reason = ECHO_FAULTS[name]
    echo.is_struck = lambda prompt, count: prompt[0] in "14" and " is near" in prompt
    way, read, problems = echoed()
    assert (way, problems) == ("echo", ["", reason, "", "", reason, ""])
    assert [label is None for label in read["question"].labels] == [bool(problem) for problem in problems]
    echo.fault = None
    assert echoed() == well


@pytest.mark.parametrize("name", ECHO_FAULTS)
def test_one_trial_echo_that_went_wrong_decides_nothing(name, echo, echoed):
    well = echoed("well")
    echo.asked.clear()
    echo.fault, reason = ECHO_FAULTS[name]
    first = TRIAL_TEXTS[0]
    echo.is_struck = lambda prompt, count: (prompt.startswith(first) and count == 1) or prompt.startswith("4")
    way, _, problems = echoed()
    assert (way, problems) == ("echo", ["", "", "", "", reason, ""]), "the check of the others is still on"
    echo.fault = None
    assert echoed() == well


def test_echoes_in_tokens_of_the_servers_own_are_read_as_far_as_they_tell(echo, echoed):
    echo.fault = other_case
    echo.is_struck = lambda prompt, count: True
    assert echoed()[0] == "top_logprobs", "its own token cannot be found in the echo"
