"""Vectors of texts in a file: what is looked up, what is kept, and what is refused."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import torch
from torch import Tensor

from relsym.encoders.vector_cache import VectorCache

TEXTS = ["a", "b", "ab", "é", "", "a" * 100_000]


class Counting:
    """Stands for an encoder: a vector tells the lengths of texts, and ``encoded`` which were asked for."""

    dim, max_length = 3, 256

    def __init__(self, pooling: str = "mean", dtype: torch.dtype = torch.float32) -> None:
        self.encoded: list = []
        self.pooling = type("Pooling", (), {"described": lambda self: pooling})()
        self.model = type("Model", (), {"dtype": dtype})()

    def raw_vectors(self, texts, seconds=None, *, advance=lambda count: None) -> Tensor:
        pairs = [(text, "") for text in texts] if seconds is None else list(zip(texts, seconds, strict=True))
        self.encoded += texts if seconds is None else pairs
        advance(len(pairs))
        return torch.tensor([[len(one), len(other), 0.1] for one, other in pairs])


@pytest.fixture(autouse=True)
def counting_stands_for_an_encoder(monkeypatch):
    """Annotations are checked in tests, and these encode nothing."""
    monkeypatch.setattr(VectorCache, "__init__", VectorCache.__init__.__wrapped__)


def test_what_was_encoded_is_looked_up_in_any_order_by_any_call(tmp_path):
    encoder = Counting()
    done: list[int] = []
    with VectorCache(tmp_path / "cache", encoder, "x") as cache:
        first = cache.raw_vectors(TEXTS, advance=done.append)
    assert encoder.encoded == TEXTS
    with VectorCache(tmp_path / "cache", encoder, "x") as cache:
        again = cache.raw_vectors(["new", *TEXTS[::-1]], advance=done.append)
    assert encoder.encoded == [*TEXTS, "new"]
    assert torch.equal(again[1:].flip(0), first)
    assert torch.equal(again[0], torch.tensor([3, 0, 0.1]))
    assert sum(done) == 2 * len(TEXTS) + 1


def test_more_texts_than_one_question_takes(tmp_path):
    encoder = Counting()
    texts = [str(number) for number in range(1201)]
    with VectorCache(tmp_path / "cache", encoder, "x") as cache:
        first = cache.raw_vectors(texts)
        assert torch.equal(cache.raw_vectors(texts), first)
    assert len(encoder.encoded) == len(texts)


def test_pairs_are_parted_where_they_were_parted(tmp_path):
    encoder = Counting()
    with VectorCache(tmp_path / "cache", encoder, "x") as cache:
        vectors = cache.raw_vectors(["a", "ab", "abc"], ["bc", "c", ""])
        assert cache.raw_vectors(["abc"]).tolist() == vectors[2:].tolist()
        assert encoder.encoded == [("a", "bc"), ("ab", "c"), ("abc", ""), "abc"]
    assert vectors[:, :2].tolist() == [[1, 2], [2, 1], [3, 0]]


@pytest.mark.parametrize(
    ("encoder", "fingerprint"),
    [(Counting("moment"), "x"), (Counting(dtype=torch.bfloat16), "x"), (Counting(), "y")],
    ids=["pooling", "precision", "weights"],
)
def test_vectors_of_another_encoder_are_refused(tmp_path, encoder, fingerprint):
    with VectorCache(tmp_path / "cache", Counting(), "x") as cache:
        cache.raw_vectors(TEXTS)
    with pytest.raises(ValueError, match="holds the vectors of another encoder, pooling or precision"):
        VectorCache(tmp_path / "cache", encoder, fingerprint)


def changed(path: Path, *statements: str) -> None:
    with sqlite3.connect(path) as file:
        for statement in statements:
            file.execute(statement)
    file.close()


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("UPDATE vectors SET vector = x'00'", "damaged: a vector of another length"),
        ("CREATE TABLE more (a)", "a database, but no cache of vectors"),
        ("CREATE TRIGGER t AFTER INSERT ON vectors BEGIN DELETE FROM made_by; END", "no cache of vectors"),
        ("DROP TABLE vectors", "no cache of vectors"),
        ("DELETE FROM made_by", "of another encoder"),
    ],
)
def test_what_is_no_cache_is_refused(tmp_path, statement, message):
    with VectorCache(tmp_path / "cache", Counting(), "x") as cache:
        cache.raw_vectors(TEXTS)
    changed(tmp_path / "cache", statement)
    with pytest.raises(ValueError, match=message), VectorCache(tmp_path / "cache", Counting(), "x") as cache:
        cache.raw_vectors(TEXTS)


def test_other_files_are_refused_and_left_as_they_are(tmp_path):
    path = tmp_path / "cache"
    path.write_bytes(b"premise,hypothesis" * 100)
    with pytest.raises(ValueError, match="cannot be used as a cache of vectors"):
        VectorCache(path, Counting(), "x")
    assert path.read_bytes() == b"premise,hypothesis" * 100
    with pytest.raises(ValueError, match="cannot be used as a cache of vectors"):
        VectorCache(tmp_path, Counting(), "x")


def test_what_was_not_encoded_is_not_kept(tmp_path):
    encoder = Counting()

    def fail(*texts, **more):
        raise RuntimeError("out of memory")

    with VectorCache(tmp_path / "cache", encoder, "x") as cache:
        cache.raw_vectors(["a"])
        encoder.raw_vectors = fail
        with pytest.raises(RuntimeError):
            cache.raw_vectors(["a", "b"])
        assert cache.raw_vectors(["a"]).tolist() == [[1, 0, pytest.approx(0.1)]]


def test_two_may_use_one_cache(tmp_path):
    texts = [[f"{number} {who}" for number in range(200)] for who in ("one", "one", "other")]
    encoders = [Counting() for _ in texts]

    def use(number: int) -> None:
        with VectorCache(tmp_path / "cache", encoders[number], "x") as cache:
            for start in range(0, 200, 10):
                cache.raw_vectors(texts[number][start : start + 10])

    threads = [threading.Thread(target=use, args=(number,)) for number in range(len(texts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    nothing = Counting()
    with VectorCache(tmp_path / "cache", nothing, "x") as cache:
        assert len(cache.raw_vectors(texts[0] + texts[2])) == 400
    assert nothing.encoded == []


KILLED = """
import sys, time
sys.path.insert(0, {tests!r})
from pathlib import Path
from test_vector_cache import Counting
from relsym.encoders.vector_cache import VectorCache
with VectorCache(Path({path!r}), Counting(), "x") as cache:
    cache.raw_vectors(["a"])
    cache._file.execute("BEGIN IMMEDIATE")
    cache._file.execute("DELETE FROM vectors")
    print("ready", flush=True)
    time.sleep(60)
"""


@pytest.mark.slow
def test_a_process_that_was_killed_leaves_what_it_had_kept(tmp_path):
    path = tmp_path / "cache"
    code = KILLED.format(tests=os.path.dirname(__file__), path=str(path))
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "ready\n"
        time.sleep(0.2)
        process.send_signal(signal.SIGKILL)
    encoder = Counting()
    with VectorCache(path, encoder, "x") as cache:
        cache.raw_vectors(["a"])
    assert encoder.encoded == []
