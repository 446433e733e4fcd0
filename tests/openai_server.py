"""A made-up language model behind OpenAI's two APIs, and a proxy that loses answers on the way."""

from __future__ import annotations

import http.client
import json
import math
import random
import re
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable
from hashlib import sha256
from urllib.parse import urlsplit

import pytest

from loopback import Loopback, QuietHandler
from relsym.models.server.client import Client
from relsym.models.server.errors import Stopped

Reply = tuple[int, dict | str]
NAME = "made-up"


def without_waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Let clients wait in no time between attempts; what they would have waited is added to the list."""
    waited: list[float] = []

    def pause(client: Client, error: Exception, wait: float) -> None:
        waited.append(wait)
        if client.stopped.is_set():
            raise Stopped

    monkeypatch.setattr(Client, "_pause", pause)
    return waited


def loopback_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let clients reach this machine without a proxy, and have no key."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)


def chance(text: str) -> float:
    """A number in (0.01, 0.99) that depends on the text alone."""
    return 0.01 + 0.98 * int(sha256(text.encode()).hexdigest()[:8], 16) / 2**32


def words_of(prompt: str) -> tuple[str, str]:
    return ("true", "false") if "rue or false" in prompt else ("yes", "no")


def likely(prompt: str) -> dict[str, float]:
    """Probability of the next token: nine tenths for the two label words, the rest for a third one."""
    first, second = words_of(prompt)
    return {f" {first}": 0.9 * chance(prompt), f" {second}": 0.9 * (1 - chance(prompt)), " perhaps": 0.1}


def tokens(text: str) -> list[str]:
    return re.findall(r"\s*\S+", text)


def logprob(prefix: str, token: str) -> float:
    return math.log(likely(prefix).get(token, 0.01))


class Quick(QuietHandler):
    def answer(self, status: int, body: bytes, kind: str = "application/json", **headers: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def read_body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))


class MadeUpServer(Loopback):
    """completed: how often each request was answered; asked: how often each came.  key: needed, if set.

    logprobs, echo: whether it offers them (echo: "right", "shifted", "ignored" or "refused").  said: another
    text than the likeliest token. special: another reply to some prompts.  listed: what /models says; [] for
    an endpoint without, "broken" for one that fails.
    """

    def __init__(
        self,
        key: str = "",
        logprobs: bool = True,
        echo: str = "right",
        said: Callable[[str], str] | None = None,
        special: Callable[[str], Reply | None] = lambda prompt: None,
        listed: list[dict] | str | None = None,
        takes: float = 0.0,
    ) -> None:
        self.completed, self.asked, self.lock = Counter[str](), Counter[str](), threading.Lock()
        self.key, self.logprobs, self.echo, self.said, self.special, self.takes = (
            key,
            logprobs,
            echo,
            said,
            special,
            takes,
        )
        self.listed = [{"id": NAME, "owned_by": "nobody"}] if listed is None else listed
        self.headers_seen, self.retry_after = [], {}
        server = self

        class Handler(Quick):
            def do_GET(self) -> None:
                if server.key and self.headers.get("Authorization") != f"Bearer {server.key}":
                    return self.answer(
                        401,
                        json.dumps(
                            {"error": {"message": f"Bad key {self.headers.get('Authorization')}"}}
                        ).encode(),
                    )
                if server.listed == "broken":
                    return self.answer(500, b"Internal Server Error", "text/plain")
                if not server.listed:
                    return self.answer(404, b'{"error": "no such path"}')
                return self.answer(200, json.dumps({"object": "list", "data": server.listed}).encode())

            def do_POST(self) -> None:
                body = json.loads(self.read_body())
                server.headers_seen.append(dict(self.headers))
                named = json.dumps(body, sort_keys=True)
                with server.lock:
                    server.asked[named] += 1
                time.sleep(server.takes)
                status, reply = server.reply(body, self.headers.get("Authorization"))
                raw = reply if isinstance(reply, str) else json.dumps(reply)
                if status == 200 and isinstance(reply, dict) and reply.get("choices"):
                    with server.lock:
                        server.completed[named] += 1
                self.answer(
                    status,
                    raw.encode(),
                    "application/json" if isinstance(reply, dict) else "text/html",
                    **server.retry_after,
                )

        super().__init__(Handler)
        self.url = f"{self.root}/v1"

    def reply(self, body: dict, signed: str | None) -> Reply:
        chat = "messages" in body
        prompt = body["messages"][-1]["content"] if chat else body["prompt"]
        if self.key and signed != f"Bearer {self.key}":
            return 401, {"error": {"message": f"Incorrect API key provided: {signed}"}}
        if (special := self.special(prompt)) is not None:
            return special
        if body.get("logprobs") and self.logprobs == "refused":
            return 422, {"detail": "Unexpected fields: logprobs"}
        if body.get("echo") and self.echo == "refused":
            return 400, {"error": {"message": "Only no echo is supported"}}
        return 200, self.chat(body, prompt) if chat else self.completion(body, prompt)

    def text(self, prompt: str) -> str:
        token = max(likely(prompt), key=likely(prompt).get)
        return token if self.said is None else self.said(prompt)

    def usage(self, prompt: str, made: int = 1) -> dict:
        return {
            "prompt_tokens": len(tokens(prompt)),
            "completion_tokens": made,
            "total_tokens": len(tokens(prompt)) + made,
        }

    def chat(self, body: dict, prompt: str) -> dict:
        text, top = (
            self.text(prompt),
            sorted(likely(prompt).items(), key=lambda pair: -pair[1])[: body.get("top_logprobs") or 1],
        )
        entry = {
            "token": text,
            "logprob": math.log(likely(prompt).get(text, 0.01)),
            "top_logprobs": [{"token": token, "logprob": math.log(p)} for token, p in top],
        }
        logprobs = {"content": [entry]} if body.get("logprobs") and self.logprobs else None
        return {
            "choices": [{"message": {"role": "assistant", "content": text.strip()}, "logprobs": logprobs}],
            "usage": self.usage(prompt),
        }

    def completion(self, body: dict, prompt: str) -> dict:
        text = self.text(prompt)
        shown = [*tokens(prompt), text] if body.get("echo") and self.echo != "ignored" else [text]
        before = "" if len(shown) > 1 else prompt
        values = [logprob(before + "".join(shown[:place]), token) for place, token in enumerate(shown)]
        if len(shown) > 1 and self.echo == "shifted":
            values = [*values[1:], values[-1]]
        tops = [
            dict(
                sorted(
                    ((t, math.log(p)) for t, p in likely(before + "".join(shown[:place])).items()),
                    key=lambda pair: -pair[1],
                )[: body.get("logprobs") or 1]
            )
            for place in range(len(shown))
        ]
        logprobs = {
            "tokens": shown,
            "token_logprobs": [
                None if len(shown) > 1 and not place else value for place, value in enumerate(values)
            ],
            "top_logprobs": [None if len(shown) > 1 and not place else top for place, top in enumerate(tops)],
        }
        return {
            "choices": [
                {
                    "text": "".join(shown) if len(shown) > 1 else text,
                    "logprobs": logprobs if body.get("logprobs") is not None and self.logprobs else None,
                }
            ],
            "usage": self.usage(prompt),
        }


class FaultProxy(Loopback):
    """Passes requests on, but for a share of them that it loses: before they arrive, or their answers on the
    way back.

    Which ones is drawn from the seed, the request, and how often it came, so it is the same whatever comes
    first. passed: answers that the server gave to each request; lost: those of them that the client never saw
    whole; faults: how often each kind struck. late: seconds by which a delayed answer comes.
    """

    KINDS = ("drop the question", "drop the answer", "delay", "cut", "page")

    def __init__(self, behind: str, share: float = 0.1, seed: int = 0, late: float = 1.0) -> None:
        self.passed, self.lost, self.faults, self.came = (
            Counter[str](),
            Counter[str](),
            Counter[str](),
            Counter[bytes](),
        )
        self.lock = threading.Lock()
        self.late, self.share, self.seed = late, share, seed
        target, proxy = urlsplit(behind), self

        class Handler(Quick):
            def do_GET(self) -> None:
                self.pass_on(b"")

            def do_POST(self) -> None:
                self.pass_on(self.read_body())

            def pass_on(self, body: bytes) -> None:
                fault = proxy.draw(self.path.encode() + body)
                if fault == "drop the question":
                    return self.hang_up()
                connection = http.client.HTTPConnection(target.hostname, target.port, timeout=60)
                connection.request(self.command, self.path, body, {"Content-Type": "application/json"})
                response = connection.getresponse()
                status, whole = response.status, response.read()
                connection.close()
                if body:
                    with proxy.lock:
                        named = json.dumps(json.loads(body), sort_keys=True)
                        proxy.passed[named] += status == 200
                        proxy.lost[named] += fault is not None
                if fault == "drop the answer":
                    return self.hang_up()
                if fault == "delay":
                    proxy.released.wait(proxy.late)
                if fault == "page":
                    return self.answer(200, b"<html><body>Please wait</body></html>", "text/html")
                return self.answer(status, whole[: len(whole) // 2] if fault == "cut" else whole)

            def hang_up(self) -> None:
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_RDWR)

        super().__init__(Handler)
        self.url = f"{self.root}{target.path}"

    def draw(self, request: bytes) -> str | None:
        with self.lock:
            self.came[request] += 1
            source = random.Random(sha256(request + f"{self.seed} {self.came[request]}".encode()).digest())
            fault = source.choice(self.KINDS) if source.random() < self.share else None
            if fault:
                self.faults[fault] += 1
        return fault
