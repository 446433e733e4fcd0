"""A model behind an endpoint: read exactly, asked once, and plain about what goes wrong."""

from __future__ import annotations

import json
import logging
import math
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopback import Loopback
from openai_server import NAME, FaultProxy, MadeUpServer, chance, loopback_only, tokens, without_waits
from relsym.data.pairs import Row
from relsym.data.relations import CONTRADICTION, ENTAILMENT
from relsym.models.base import Examples
from relsym.models.server.answers import MOST_TOKENS, Answer, Garbled, Step, pack, read_answer, unpack
from relsym.models.server.openai import OpenAiCompatible, judged_row
from relsym.models.server.parsing import ending_logprob, ends_alike, most_unlisted, parse, word_mass
from relsym.models.server.ways import NextToken, Request

LABELS = (ENTAILMENT, CONTRADICTION)
YES_NO, TRUE_FALSE = {ENTAILMENT: "yes", CONTRADICTION: "no"}, {ENTAILMENT: "true", CONTRADICTION: "false"}
TESTS = Path(__file__).parent
# Seconds that a client waits, and by which an answer is late: far more than a busy machine takes for one that
# is not held back, which would be given up and asked again.
PATIENCE, LATE = 10.0, 12.0


def rows_of(count: int) -> list[Row]:
    return [
        Row(f"P1:{n}:swap", "P1", "lexicalised", f"{n} is near b.", f"b is near {n}.", LABELS[n % 2])
        for n in range(count)
    ]


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What was waited between attempts, in no time."""
    return without_waits(monkeypatch)


@pytest.fixture(autouse=True)
def _loopback_only(monkeypatch: pytest.MonkeyPatch) -> None:
    loopback_only(monkeypatch)


@pytest.fixture
def serve() -> Iterator[Callable[..., MadeUpServer]]:
    running: list[Loopback] = []

    def start(**knobs: object) -> MadeUpServer:
        running.append(MadeUpServer(**knobs))
        return running[-1]

    yield start
    for server in running:
        server.close()


@pytest.fixture
def ask(tmp_path: Path) -> Callable[..., OpenAiCompatible]:
    """A model that is ready to measure."""

    def prepared(url: str, train: list[Row] | None = None, **settings: object) -> OpenAiCompatible:
        model = OpenAiCompatible(
            url, **{"name": NAME, "cache_dir": str(tmp_path / "answers"), "timeout_s": 10, **settings}
        )
        model.prepare(Examples(LABELS, train or []))
        return model

    return prepared


@pytest.mark.parametrize(
    ("answer", "words", "label"),
    [
        ("Yes.", YES_NO, ENTAILMENT),
        (" no\nbecause", YES_NO, CONTRADICTION),
        ("**TRUE**", TRUE_FALSE, ENTAILMENT),
        ("The answer is false, of course", TRUE_FALSE, CONTRADICTION),
        ("Yes or no?", YES_NO, None),
        ("untrue", TRUE_FALSE, None),
        ("It is not true", TRUE_FALSE, None),
        ("That isn't necessarily true", TRUE_FALSE, None),
        ("That isn\u2019t true", TRUE_FALSE, None),
        ('It can never be "true"', TRUE_FALSE, None),
        ("non-entailment", {ENTAILMENT: "entailment", CONTRADICTION: "contradiction"}, None),
        ("no entailment", {ENTAILMENT: "entailment", CONTRADICTION: "contradiction"}, None),
        ("impossible", {ENTAILMENT: "possible", CONTRADICTION: "impossible"}, CONTRADICTION),
        ("certainly true", {ENTAILMENT: "certainly true", CONTRADICTION: "certainly false"}, ENTAILMENT),
        ("I cannot help with that.", YES_NO, None),
        ("<think>no, no</think> Yes", YES_NO, ENTAILMENT),
        ("<think>yes", YES_NO, None),
        ("", YES_NO, None),
    ],
)
def test_an_answer_counts_only_if_it_names_one_label_and_does_not_deny_it(answer, words, label):
    assert parse(answer, words) == label


def test_tokens_speak_for_the_one_label_whose_word_they_are_or_begin():
    top = [
        (" Yes", math.log(0.4)),
        ("ye", math.log(0.2)),
        ("N", math.log(0.1)),
        ("maybe", math.log(0.2)),
        (" ", math.log(0.1)),
    ]
    assert word_mass(top, YES_NO) == pytest.approx({ENTAILMENT: math.log(0.6), CONTRADICTION: math.log(0.1)})
    three = {ENTAILMENT: "no", CONTRADICTION: "not", "neutral": "other"}
    assert word_mass([("n", -1.0)], three) == dict.fromkeys(three), "it may begin either"
    assert word_mass([("no", -1.0)], three)[ENTAILMENT] == pytest.approx(-1.0)


def test_an_unlisted_token_is_no_likelier_than_the_least_listed_one_and_than_what_is_left():
    nine_tenths, one_twentieth = math.log(0.9), math.log(0.05)
    # 0.05 are left, and no token that is not listed can be likelier than the least listed one.
    assert most_unlisted([("a", nine_tenths), ("b", one_twentieth)]) == pytest.approx(one_twentieth)
    assert most_unlisted([("a", nine_tenths)]) == pytest.approx(math.log(0.1))
    assert most_unlisted([("a", math.log(0.3)), ("b", math.log(0.2))]) == pytest.approx(math.log(0.2))
    assert most_unlisted([("a", 0.0)]) == pytest.approx(math.log(1e-6)), "servers round"
    assert most_unlisted([("a", nine_tenths)], one_twentieth) == pytest.approx(one_twentieth)
    assert most_unlisted([], nine_tenths) == pytest.approx(math.log(0.1))
    assert most_unlisted([]) is None


def chat_payload(token: str, logprob: object, **top: object) -> dict:
    listed = [{"token": likely, "logprob": value} for likely, value in top.items()]
    steps = [{"token": token, "logprob": logprob, "top_logprobs": listed}]
    return {"choices": [{"message": {"content": token}, "logprobs": {"content": steps}}]}


def test_log_probabilities_that_are_not_told_are_left_out_and_rounding_is_no_fault():
    payload = chat_payload("Yes", None, Yes=-0.5, b=-9999.0, c=-9998.0, No=None, a=-math.inf)
    (step,) = read_answer("chat", payload).steps
    assert step == Step("Yes", None, (("Yes", -0.5), ("c", -9998.0)))
    (step,) = read_answer("chat", chat_payload("Yes", 1e-4, Yes=1e-4)).steps
    assert step == Step("Yes", 0.0, (("Yes", 0.0),))
    assert word_mass([("Yes", -800.0)], YES_NO)[ENTAILMENT] == -800.0, "it would round to 0"


@pytest.mark.parametrize(
    ("payload", "problem"),
    [
        (chat_payload("Yes", 0.7), "0.7 is no log-probability, which is at most 0"),
        (chat_payload("Yes", -0.5, Yes=-0.5, No=1e6), "1000000.0 is no log-probability"),
        (chat_payload("Yes", -0.5, Yes=math.nan), "nan is no log-probability"),
        (chat_payload("Yes", math.inf), "inf is no log-probability"),
        (chat_payload("Yes", -0.5, Yes="high"), "could not convert"),
        # Probabilities in place of their logarithms, and shares that come to more than 1.
        (chat_payload("Yes", 0.9, Yes=0.9, No=0.1), "0.9 is no log-probability"),
        (chat_payload("Yes", -0.1, Yes=-0.1, No=-0.2), "come to a probability of 1.72"),
    ],
)
def test_numbers_that_no_log_probabilities_can_be_are_no_answer(payload, problem):
    with pytest.raises(Garbled, match=problem):
        read_answer("chat", payload)
    (step,) = payload["choices"][0]["logprobs"]["content"]
    top = tuple((each["token"], each["logprob"]) for each in step["top_logprobs"])
    kept = Answer("Yes", (Step("Yes", step["logprob"], top),))
    assert unpack(pack(kept)) is None, "nor where an earlier version kept them"


@pytest.mark.parametrize(
    ("tokens", "prompt", "alike"),
    [
        ("<s>|\u2581Is|\u2581it|<0x0A>|Answer|:| yes|made", "Is it\nAnswer: yes", True),
        ("caf|\ufffd|\ufffd| so| yes|made", "caf\u00e9 so yes", True),
        (" yes", "Is it so? yes", False),
        ("x| yes", "Is it so? yes", False),
        ("Is|\u2581IT|\u2581so|?| yes|made", "Is it so? yes", False),
        ("Is| it| so|?| no|made", "Is it so? yes", False),
        ("b|" * 31 + " yes|made", "b" * 90 + " yes", True),
        ("c|" * 31 + " yes|made", "b" * 90 + " yes", False),
    ],
)
def test_an_echo_is_known_by_the_end_of_its_prompt(tokens, prompt, alike):
    steps = tuple(Step(token, -1.0) for token in tokens.split("|")[-32:])
    assert ends_alike(Answer("", steps), prompt, 32) == alike


def test_the_token_that_was_taken_is_told_even_where_it_is_not_listed():
    way = NextToken(Request("chat", {}, {}), 1)
    logs = {"Yes": math.log(0.6), "Perhaps": math.log(0.3), "No": math.log(0.05)}
    steps = (Step(" ", -0.1), Step("No", logs["No"], (("Yes", logs["Yes"]), ("Perhaps", logs["Perhaps"]))))
    columns = way.likelihoods([Answer("No", steps)], YES_NO)
    assert list(columns) == way.columns(YES_NO) == [ENTAILMENT, CONTRADICTION, "unlisted"]
    # 0.05 are left.
    assert columns == pytest.approx(
        {ENTAILMENT: logs["Yes"], CONTRADICTION: logs["No"], "unlisted": math.log(0.05)}
    )
    assert way.likelihoods([Answer("")], YES_NO) == dict.fromkeys(way.columns(YES_NO))


def test_the_ending_of_an_echo_is_summed_without_what_was_made_after_it():
    steps = (
        Step("é", None),
        Step(" is", -1.0),
        Step(" cert", -0.5),
        Step("ain", -0.25),
        Step(" certain", -9.0),
    )
    assert ending_logprob(Answer("", steps, 3, 1), " certain") == -0.75
    assert ending_logprob(Answer("", steps[:-1], 3, 0), " certain") == -0.75
    assert ending_logprob(Answer("", steps[:-1], None, None), " certain") == -0.75
    assert ending_logprob(Answer("", steps, 3, 1), " impossible") is None
    assert ending_logprob(Answer("", steps[:2], 3, 0), "é is") is None, (
        "the first token has no log-probability"
    )


@given(
    text=st.text(),
    token=st.text(),
    logprobs=st.lists(st.floats(-50, 0), max_size=3),
    counts=st.tuples(*[st.none() | st.integers(0, MOST_TOKENS)] * 2),
)
def test_every_answer_comes_back_from_its_bytes_as_it_was(text, token, logprobs, counts):
    answer = Answer(text, tuple(Step(token, value, ((token, value),)) for value in logprobs), *counts)
    assert unpack(pack(answer)) == answer


@given(
    text=st.lists(st.sampled_from(["yes", "No", "not", "isn't", "maybe", ".", "so", "yesterday"]), max_size=6)
)
def test_case_and_what_is_no_word_of_a_label_change_nothing(text):
    answer = " ".join(text)
    label = parse(answer, YES_NO)
    assert label == parse(answer.upper(), YES_NO)
    assert label == parse(answer.replace("so", "then"), YES_NO)
    if label is not None:
        assert {ENTAILMENT: "yes", CONTRADICTION: "No"}[label] in text


def test_bytes_that_were_damaged_are_no_answer():
    answer = Answer("é", (Step("é", -0.5, ((" a", -0.1), ("b", -3.0))), Step("", None)), 3, None)
    assert unpack(pack(answer)[:-3]) is None
    assert unpack(b"") is None


PLAIN = ["yes_no", "true_false"]


@pytest.mark.parametrize(
    ("api", "settings", "knobs", "way"),
    [
        ("chat", {}, {}, "top_logprobs"),
        ("completions", {"prompts": PLAIN}, {}, "echo"),
        ("completions", {"prompts": PLAIN}, {"echo": "shifted"}, "top_logprobs"),
        ("completions", {"prompts": PLAIN}, {"echo": "ignored"}, "top_logprobs"),
        ("completions", {"prompts": PLAIN}, {"echo": "refused"}, "top_logprobs"),
        (
            "completions",
            {"prompts": PLAIN, "read": "logprobs", "top_logprobs": 3},
            {"echo": "refused"},
            "top_logprobs",
        ),
    ],
)
def test_scores_are_the_models_own_probabilities_over_the_label_words(serve, ask, api, settings, knobs, way):
    server, rows = serve(**knobs), rows_of(6)
    model = ask(server.url, api=api, **settings)
    assert model.source["read"] == way
    columns = model.measure(rows)
    assert [reading.name for reading in model.readings() if reading.probability] == [
        prompt.name for prompt in model.prompts
    ]
    for prompt in model.prompts:
        expected = [chance(prompt.fill(row.premise, row.hypothesis)) for row in rows]
        judged = model.read(prompt.name, "lexicalised", columns)
        assert judged.scores == pytest.approx(expected)
        assert judged.labels == [ENTAILMENT if share > 0.5 else CONTRADICTION for share in expected]


def test_a_label_that_is_not_among_the_likely_tokens_counts_as_the_most_that_it_can_be(serve, ask):
    server = serve(special=lambda prompt: None)
    model = ask(server.url, prompts="chat_yes_no")
    columns = {
        "chat_yes_no:entailment": [math.log(0.6), None, None, math.log(0.1), math.log(0.2), math.log(0.2)],
        "chat_yes_no:contradiction": [None, math.log(0.3), None, None, None, math.log(0.6)],
        "chat_yes_no:unlisted": [math.log(0.1), math.log(0.1), -1.0, math.log(0.2), None, -9.0],
        "chat_yes_no:answer": ["Yes", "No", "Well", "Yes", "Yes", "No"],
    }
    labels, scores = model.read("chat_yes_no", "lexicalised", columns)
    # The fourth could be either, and nothing bounds the fifth's other label.
    assert labels == [ENTAILMENT, CONTRADICTION, None, None, None, CONTRADICTION]
    # 0.6 / (0.6 + 0.1), 0.1 / (0.1 + 0.3), 0.2 / (0.2 + 0.6)
    assert scores == [pytest.approx(6 / 7), pytest.approx(1 / 4), None, None, None, pytest.approx(1 / 4)]
    said = [ENTAILMENT, CONTRADICTION, None, ENTAILMENT, ENTAILMENT, CONTRADICTION]
    assert model.read("chat_yes_no-text", "lexicalised", columns) == (said, None)


def test_of_three_labels_all_that_are_not_listed_count_as_the_most_that_they_can_be():
    told = {ENTAILMENT: None, CONTRADICTION: math.log(0.5), "neutral": None}
    answer, score = judged_row(told, math.log(0.25))
    assert (answer, score) == (CONTRADICTION, pytest.approx(1 / 4))
    assert judged_row(told, None) == (None, None)


def test_an_echo_that_tells_one_labels_word_and_not_the_others_is_no_answer(serve, ask):
    model = ask(serve().url, api="completions", prompts=["yes_no"])
    assert model.source["read"] == "echo"
    columns = {"yes_no:entailment": [-1.0, None, -2.0], "yes_no:contradiction": [None, -2.0, -1.0]}
    labels, scores = model.read("yes_no", "lexicalised", columns)
    assert labels == [None, None, CONTRADICTION]
    assert scores == [None, None, pytest.approx(math.exp(-1) / (1 + math.exp(-1)))]


def test_answers_that_tell_too_little_are_counted_in_the_log(serve, ask, caplog):
    caplog.set_level(logging.INFO)
    server = serve()
    model = ask(server.url, prompts="chat_yes_no", top_logprobs=1)
    columns = model.measure(rows_of(4))
    told = [columns["chat_yes_no:entailment"], columns["chat_yes_no:contradiction"]]
    assert [sum(value is not None for value in row) for row in zip(*told, strict=True)] == [1, 1, 1, 1]
    assert "chat_yes_no: 4 of 4 answers tell no log-probability of some label word" in caplog.text
    judged = model.read("chat_yes_no", "lexicalised", columns)
    for row, label, score in zip(rows_of(4), judged.labels, judged.scores, strict=True):
        (prompt,) = model.prompts
        share = chance(prompt.fill(row.premise, row.hypothesis))
        assert label == (ENTAILMENT if share > 0.5 else CONTRADICTION)
        likeliest = 0.9 * max(share, 1 - share)
        unlisted = min(likeliest, 1 - likeliest)
        listed_share = likeliest / (likeliest + unlisted)
        assert score == pytest.approx(listed_share if label == ENTAILMENT else 1 - listed_share)


def test_a_server_whose_log_probabilities_are_none_stops_the_run_with_what_to_do(serve, ask, waits):
    server = serve(special=lambda prompt: (200, chat_payload("Yes", 0.9, Yes=0.9, No=0.1)))
    with pytest.raises(ConnectionError, match=r"0\.9 is no log-probability.*pass model\.read=text"):
        ask(server.url, prompts="chat_yes_no", retries=1)


@pytest.mark.parametrize("logprobs", [False, "refused"])
@pytest.mark.parametrize("api", ["chat", "completions"])
def test_without_log_probabilities_answers_are_read_as_text_and_the_record_says_why(
    serve, ask, caplog, api, logprobs
):
    caplog.set_level(logging.INFO)
    server = serve(
        logprobs=logprobs,
        said=lambda prompt: " Yes.\nNo, no." if "0 is" in prompt else " I would rather not say",
    )
    model, rows = ask(server.url, api=api), rows_of(2)
    assert model.source["read"] == "text"
    assert "read by text" in caplog.text
    assert any("logprob" in reason or "log-prob" in reason for reason in model.source["not_read"])
    (first, *_) = model.readings()
    assert not first.probability
    judged = model.read(first.name, "lexicalised", model.measure(rows))
    # A chat is read whole, where both words stand; a completion up to the end of its first line.
    assert judged == ([None if api == "chat" else ENTAILMENT, None], None)
    with pytest.raises(ValueError, match=r"model\.read=text"):
        ask(server.url, api=api, read="logprobs")


def test_how_answers_are_read_is_decided_once_and_kept(serve, ask, tmp_path):
    server = serve()
    ask(server.url)
    asked = server.asked.total()
    assert asked == 1
    server.logprobs = False
    assert ask(server.url).source["read"] == "top_logprobs"
    assert ask(server.url, read="text").source["read"] == "text"
    assert server.asked.total() == asked + 1


def test_the_second_run_asks_nothing_on_whatever_port_and_for_another_model_everything(serve, ask):
    server, rows = serve(), rows_of(5)
    first, advanced = ask(server.url), []
    columns = first.measure(rows, advanced.append)
    assert sum(advanced) == len(rows)
    assert set(server.completed.values()) == {1}
    moved, advanced = serve(), []
    again = ask(moved.url).measure(rows, advanced.append)
    assert sum(advanced) == len(rows)
    assert not moved.asked
    assert {name: values for name, values in again.items() if not name.endswith(("requests", "tokens"))} == {
        name: values for name, values in columns.items() if not name.endswith(("requests", "tokens"))
    }
    other = serve(listed=[{"id": NAME, "owned_by": "somebody else"}])
    ask(other.url).measure(rows)
    assert other.completed.total() == server.completed.total()


def test_where_an_endpoint_says_nothing_of_its_models_its_address_tells_them_apart(serve, ask):
    first, second, rows = serve(listed=[]), serve(listed=[]), rows_of(2)
    for server in (first, second, second):
        ask(server.url).measure(rows)
    assert first.completed == second.completed


def test_a_question_that_comes_twice_is_asked_once_and_costs_once(serve, ask):
    server, rows = serve(), rows_of(3)
    model = ask(server.url, prompts="chat_yes_no", price={"prompt": 2, "completion": 8})
    columns = model.measure([*rows, *rows])
    assert server.completed.total() == 1 + len(rows)
    prompt = model.prompts[0]
    counted = sum(len(tokens(prompt.fill(row.premise, row.hypothesis))) for row in rows)
    assert model.costs(columns) == {
        "requests": 3,
        "prompt_tokens": counted,
        "completion_tokens": 3,
        "cached_requests": 3,
        "cached_prompt_tokens": counted,
        "cached_completion_tokens": 3,
        "usd": pytest.approx((2 * counted + 8 * 3) / 1e6),
    }
    again = model.costs(model.measure(rows))
    assert again["usd"] == 0
    assert again["cached_requests"] == 3


def test_there_is_no_price_without_prices_or_without_counts(serve, ask, monkeypatch):
    server = serve()
    assert "usd" not in ask(server.url).costs(ask(server.url).measure(rows_of(1)))
    monkeypatch.setattr(server, "usage", lambda *_: None)
    model = ask(server.url, price={"prompt": 1, "completion": 1}, prompts="chat_yes_no", seed=7)
    costs = model.costs(model.measure(rows_of(2)))
    assert costs["untold"] == 4
    assert "usd" not in costs


def test_every_setting_of_a_request_arrives_and_null_leaves_a_field_out(serve, ask):
    server = serve()
    train = [row._replace(premise="An example.") for row in rows_of(2)]
    model = ask(
        server.url,
        train,
        shots=2,
        seed=3,
        max_tokens=7,
        top_logprobs=4,
        body={"temperature": None, "reasoning_effort": "low"},
        prompts="chat_yes_no",
    )
    model.measure(rows_of(1))
    body = json.loads(list(server.asked)[-1])
    assert "temperature" not in body
    assert {
        key: body[key] for key in ("seed", "max_tokens", "top_logprobs", "reasoning_effort", "model")
    } == {"seed": 3, "max_tokens": 7, "top_logprobs": 4, "reasoning_effort": "low", "model": NAME}
    assert [turn["role"] for turn in body["messages"]] == ["user", "assistant"] * 2 + ["user"]
    assert "An example." in body["messages"][0]["content"]
    plain = ask(server.url, seed=None)
    plain.measure(rows_of(1))
    assert "seed" not in json.loads(list(server.asked)[-1])
    assert json.loads(list(server.asked)[-1])["temperature"] == 0


def test_no_more_requests_are_under_way_than_concurrency_says(serve, ask):
    now, most, lock = [0], [0], threading.Lock()

    def special(prompt: str) -> None:
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        time.sleep(0.02)
        with lock:
            now[0] -= 1

    server = serve(special=special)
    for limit in (1, 4):
        most[0] = 0
        ask(server.url, concurrency=limit, seed=limit).measure(rows_of(8))
        assert most[0] <= limit
    assert most[0] > 1


@pytest.mark.slow
@pytest.mark.parametrize(("api", "prompts", "count"), [("chat", None, 60), ("completions", "yes_no", 40)])
def test_with_a_tenth_of_the_answers_lost_figures_are_the_same_and_only_lost_ones_are_asked_again(
    serve, ask, tmp_path, waits, api, prompts, count
):
    server, rows, settings = serve(), rows_of(count), {"api": api, "prompts": prompts}
    plain = ask(server.url, cache_dir=str(tmp_path / "plain"), **settings).measure(rows)
    server.completed.clear()
    proxy = FaultProxy(server.url, late=LATE)
    try:
        faulty = ask(proxy.url, timeout_s=PATIENCE, concurrency=16, **settings).measure(rows)
        assert len(proxy.faults) == len(FaultProxy.KINDS), "every kind of fault struck"
        assert {name: values for name, values in faulty.items() if "cached" not in name} == {
            name: values for name, values in plain.items() if "cached" not in name
        }
        assert server.completed == proxy.passed
        assert all(times == 1 + proxy.lost[request] for request, times in server.completed.items())
        completed = server.completed.total()
        assert ask(proxy.url, timeout_s=PATIENCE, **settings).measure(rows).keys() == faulty.keys()
        assert server.completed.total() == completed
    finally:
        proxy.close()


RUN = """
import signal
import sys
from relsym.data.pairs import Row
from relsym.models.base import Examples
from relsym.models.server.openai import OpenAiCompatible

# A shell that started the tests in the background ignores interrupts, and so would this process.
signal.signal(signal.SIGINT, signal.default_int_handler)
url, cache = sys.argv[1:]
model = OpenAiCompatible(url, "made-up", prompts="chat_yes_no", cache_dir=cache, concurrency=4, timeout_s=60)
model.prepare(Examples(("entailment", "contradiction"), []))
rows = [
    Row(f"P1:{n}:swap", "P1", "lexicalised", f"{n} is near b.", f"b is near {n}.", "entailment")
    for n in range(60)
]
print("measuring", flush=True)
columns = model.measure(rows)
print(int(model.costs(columns)["requests"]))
"""


def test_a_killed_run_goes_on_without_asking_again_what_was_answered(serve, tmp_path):
    server = serve(takes=0.02)
    command = [sys.executable, "-c", RUN, server.url, str(tmp_path)]
    running = subprocess.Popen(command)
    while server.completed.total() < 20:
        time.sleep(0.005)
    running.kill()
    running.wait()
    with sqlite3.connect(tmp_path / "answers.sqlite") as table:
        kept = table.execute("SELECT count(*) FROM answers").fetchone()[0]
    assert 20 - 4 <= kept < 61
    ended = subprocess.run(command, capture_output=True, text=True, check=True)
    assert int(ended.stdout.split()[-1]) == 61 - kept
    # Beyond one answer each: at most those under way when the kill came.
    assert len(server.completed) == 61
    assert server.completed.total() <= 61 + 4


def test_an_interrupt_ends_a_run_at_once_while_the_server_hangs(serve, tmp_path):
    server = serve(special=lambda prompt: server.released.wait() and None if "near" in prompt else None)
    running = subprocess.Popen(
        [sys.executable, "-c", RUN, server.url, str(tmp_path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    running.stdout.readline()
    while server.asked.total() < 3:
        time.sleep(0.005)
    begun = time.monotonic()
    running.send_signal(signal.SIGINT)
    try:
        _, error = running.communicate(timeout=20)
    finally:
        running.kill()
    assert time.monotonic() - begun < 5
    assert running.returncode != 0
    assert b"KeyboardInterrupt" in error


def test_a_damaged_answer_is_asked_again_and_a_file_that_is_no_cache_is_refused(serve, ask, tmp_path):
    server, rows = serve(), rows_of(2)
    columns = ask(server.url).measure(rows)
    with sqlite3.connect(tmp_path / "answers" / "answers.sqlite") as table:
        table.execute("UPDATE answers SET answer = substr(answer, 1, 20)")
    server.completed.clear()
    again = ask(server.url).measure(rows)
    assert again == columns
    assert server.completed.total() == 5
    (tmp_path / "answers" / "answers.sqlite").write_bytes(b"x" * 5000)
    for beside in ("-wal", "-shm"):
        (tmp_path / "answers" / f"answers.sqlite{beside}").unlink(missing_ok=True)
    with pytest.raises(ValueError, match=r"no cache of answers"):
        ask(server.url)
    with pytest.raises(OSError, match=r"answers"):
        ask(server.url, cache_dir=str(tmp_path / "answers" / "answers.sqlite"))


def test_a_cache_that_is_damaged_within_or_of_another_shape_is_refused_by_its_name(serve, ask, tmp_path):
    path = tmp_path / "answers" / "answers.sqlite"
    ask(serve().url).measure(rows_of(20))
    with sqlite3.connect(path) as table:
        table.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    head = path.read_bytes()[:4096]
    path.write_bytes(head + b"\xff" * (path.stat().st_size - 4096))
    with pytest.raises(ValueError, match=r"answers\.sqlite is no cache of answers.*Move it away"):
        ask(serve().url)
    for other in tmp_path.glob("answers/*"):
        other.unlink()
    with sqlite3.connect(path) as table:
        table.execute("CREATE TABLE answers (id INTEGER, text TEXT)")
    with pytest.raises(ValueError, match=r"answers\.sqlite is no cache of answers.*no such column"):
        ask(serve().url)


def test_a_question_that_the_server_cannot_take_is_left_out_and_counted_and_not_kept(serve, ask, waits):
    troubles = {
        "0 is": (400, {"error": {"message": "too many", "code": "context_length_exceeded"}}),
        "1 is": (400, {"error": {"code": "content_filter", "message": "no"}}),
        "2 is": (200, {"choices": [], "usage": None}),
        "3 is": (500, {"error": {"message": "assertion failed"}}),
    }
    server = serve(
        special=lambda prompt: next((reply for part, reply in troubles.items() if part in prompt), None)
    )
    model, rows, advanced = ask(server.url, prompts="chat_yes_no", retries=2), rows_of(6), []
    columns = model.measure(rows, advanced.append)
    assert sum(advanced) == 6
    assert columns["chat_yes_no:problem"] == ["too long", "filtered", "no choices", "server error", "", ""]
    judged = model.read("chat_yes_no", "lexicalised", columns)
    assert judged.labels[:4] == judged.scores[:4] == [None] * 4
    assert None not in judged.labels[4:]
    assert model.read("chat_yes_no-text", "lexicalised", columns).labels[:4] == [None] * 4
    troubles.clear()
    assert (
        ask(server.url, prompts="chat_yes_no").costs(ask(server.url, prompts="chat_yes_no").measure(rows))[
            "requests"
        ]
        == 4
    )


@pytest.mark.parametrize("api", ["chat", "completions"])
def test_a_refusal_in_words_is_an_answer_without_a_label(serve, ask, api):
    server = serve(logprobs=False, said=lambda prompt: " I am sorry, but I cannot help with that.")
    model = ask(server.url, api=api)
    columns = model.measure(rows_of(2))
    for reading in model.readings():
        assert model.read(reading.name, "lexicalised", columns).labels == [None, None]
        assert columns[f"{reading.name}:answer"][0].strip().startswith("I am sorry")


@pytest.mark.parametrize(
    ("reply", "kind", "message"),
    [
        ((401, {"error": {"message": "no"}}), ValueError, "OPENAI_API_KEY is not set: export"),
        ((403, {"error": "no"}), ValueError, "model.key_env"),
        ((404, {"detail": "Not Found"}), ValueError, r"mostly ends in /v1.*model\.name"),
        (
            (400, {"error": {"message": "max_tokens is not supported"}}),
            ValueError,
            "max_tokens is not supported.*model.body",
        ),
        ((429, {"error": {"code": "insufficient_quota"}}), ValueError, "no quota left"),
        (
            (429, {"error": {"message": "slow down"}}),
            ConnectionError,
            r"lower model\.concurrency, raise model\.retries.*are kept",
        ),
        ((500, {"error": {"message": "boom"}}), ConnectionError, r"out of order.*are kept"),
        ((503, "busy"), ConnectionError, "within 2 retries"),
        ((200, "<html>Welcome</html>"), ConnectionError, r"no whole answer.*<html>Welcome.*model\.url"),
        ((200, {"error": {"message": "upstream"}}), ConnectionError, "no whole answer.*upstream"),
        ((302, {"moved": True}), ValueError, "status 302"),
    ],
)
@pytest.mark.parametrize("later", [False, True])
def test_trouble_of_the_whole_server_ends_the_run_with_what_to_do(
    serve, ask, waits, reply, kind, message, later
):
    """Whether it is there from the start or comes in the middle; what was answered is not asked again."""
    served = []
    server = serve(
        special=lambda prompt: served.append(prompt) or (reply if not later or len(served) > 6 else None)
    )

    def run() -> dict[str, list]:
        return ask(server.url, retries=2, read="text", prompts="chat_yes_no", concurrency=2).measure(
            rows_of(20)
        )

    with pytest.raises(kind, match=message):
        run()
    server.special, answered = lambda prompt: None, set(server.completed)
    server.asked.clear()
    assert len(run()["chat_yes_no:answer"]) == 20
    assert not answered & set(server.asked)


def test_a_server_that_hangs_one_that_is_not_there_and_one_without_the_model_are_told_apart(
    serve, ask, waits
):
    server = serve(special=lambda prompt: server.released.wait(5) and None)
    with pytest.raises(ConnectionError, match=r"no answer within 0\.2 s.*model\.timeout_s"):
        ask(server.url, timeout_s=0.2, retries=1)
    with pytest.raises(ConnectionError, match=r"Is the server running"):
        ask("http://127.0.0.1:9/v1", retries=1)
    with pytest.raises(ValueError, match=r"model\.name='other'.*It lists made-up\."):
        ask(server.url, name="other")


def test_an_endpoint_may_say_nothing_of_its_models_or_fail_as_it_does(serve, ask, waits, caplog):
    assert ask(serve(listed=[]).url, name="other").source["offered"] is None
    assert "fails on /models" not in caplog.text
    assert ask(serve(listed="broken").url, name="other").source["offered"] is None
    assert "fails on /models" in caplog.text


def test_names_may_be_listed_with_ollamas_tag_or_as_a_pattern(serve, ask):
    assert ask(serve(listed=[{"id": f"{NAME}:latest"}]).url).source["offered"] == {"id": f"{NAME}:latest"}
    assert ask(serve(listed=[{"id": "made-*", "created": 5}]).url).source["offered"] == {"id": "made-*"}
    beside = [{"id": "*"}, {"id": f"{NAME}:latest"}, {"id": NAME, "root": "own"}]
    assert ask(serve(listed=beside).url).source["offered"] == {"id": NAME, "root": "own"}


def test_what_passes_is_waited_for_as_long_as_the_server_asks_or_ever_longer(serve, ask, waits):
    troubles = [(503, "busy"), (503, "busy"), (503, "busy")]
    server = serve(special=lambda prompt: troubles.pop() if troubles else None)
    ask(server.url)
    assert waits[0] == 0
    assert 2 <= waits[1] < 3 < 4 <= waits[2] < 5
    server.retry_after, troubles[:] = {"Retry_After": "7"}, [(429, "slow down")]
    ask(server.url, seed=1)
    assert waits[3:] == [7.0]


SECRET = "sk-test-0123456789"


def test_the_key_goes_to_the_server_and_nowhere_else(serve, ask, tmp_path, monkeypatch, caplog, waits):
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("MY_KEY", f"{SECRET}\n")
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login a password b\n")
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    server = serve(key=SECRET, said=lambda prompt: f" yes, {SECRET}")
    model = ask(server.url, key_env="MY_KEY", prompts="chat_yes_no")
    columns = model.measure(rows_of(3))
    assert columns["chat_yes_no:answer"] == ["yes, [key]"] * 3
    server.special = lambda prompt: (503, f"busy with {SECRET}")
    with pytest.raises(ConnectionError) as trouble:
        ask(server.url, key_env="MY_KEY", seed=5, retries=1)
    server.key = "another"
    with pytest.raises(ValueError, match=r"The key in MY_KEY is not accepted") as refusal:
        ask(server.url, key_env="MY_KEY", seed=6)
    written = b"".join(path.read_bytes() for path in (tmp_path / "answers").iterdir())
    assert SECRET.encode() not in written
    shown = (
        f"{columns} {model.source} {model.fingerprint()} {caplog.text} {trouble.value!r} {refusal.value!r}"
    )
    assert SECRET not in shown
    assert "busy with [key]" in shown


def test_without_its_variable_no_key_is_sent_and_an_unencrypted_stranger_is_warned_of(
    serve, ask, monkeypatch, caplog
):
    server = serve()
    ask(server.url)
    assert not any("Authorization" in headers for headers in server.headers_seen)
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    OpenAiCompatible(server.url, NAME)
    assert "in the clear" not in caplog.text
    OpenAiCompatible("http://models.example.org/v1", NAME)
    assert "in the clear" in caplog.text


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"url": "localhost:8000"}, r"model\.url='localhost:8000'"),
        ({"url": "http://me:sk-test@localhost/v1"}, r"^model\.url holds a user name"),
        ({"url": "http://localhost/v1/chat/completions"}, "give the base alone"),
        ({"url": None}, r"model\.url=http"),
        ({"name": None}, r"model\.name=NAME"),
        ({"api": "responses"}, r"model\.api=responses: expected chat, completions"),
        ({"read": "guess"}, r"model\.read=guess"),
        ({"api": "completions", "prompts": "chat_yes_no"}, r"chat_yes_no is a chat.*model\.api=chat"),
        ({"price": {"input": 1}}, r"model\.price"),
        ({"concurrency": 0}, r"model\.concurrency=0"),
        ({"retries": -1}, r"model\.retries=-1"),
        ({"shots": -1}, r"model\.shots=-1"),
        ({"key_env": "sk-test-0123"}, "never the key itself"),
    ],
)
def test_settings_that_cannot_be_are_refused_by_name_before_anything_is_asked(settings, message):
    with pytest.raises(ValueError, match=message) as refusal:
        OpenAiCompatible(**{"url": "http://localhost:1/v1", "name": NAME, **settings})
    assert "sk-test" not in str(refusal.value)


def test_a_key_with_blanks_within_is_refused_unseen(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test 0123")
    with pytest.raises(ValueError, match="OPENAI_API_KEY holds something that is no key") as refusal:
        OpenAiCompatible("http://localhost:1/v1", NAME)
    assert "sk-test" not in str(refusal.value)
