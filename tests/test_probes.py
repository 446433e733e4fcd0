"""Stage 5: probes and exact search."""

from __future__ import annotations

from collections import Counter
from importlib.metadata import PackageNotFoundError

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.functional import normalize

from relsym.metrics.controls import Cosine
from relsym.metrics.hadamard import Hadamard
from relsym.metrics.none import NoMetric
from relsym.metrics.pair import Pair
from relsym.probes import search
from relsym.probes.head import Head
from relsym.probes.knn import Knn, vote
from relsym.probes.nearest_label import NearestLabel


def slow_vote(neighbours: list[int]) -> int:
    counts = Counter(neighbours)
    return next(label for label in neighbours if counts[label] == max(counts.values()))


@given(st.lists(st.lists(st.integers(0, 2), min_size=5, max_size=5), min_size=1, max_size=6))
def test_the_majority_wins_and_of_tied_labels_the_one_with_the_nearest_neighbour(neighbours):
    assert vote(torch.tensor(neighbours)).tolist() == [slow_vote(row) for row in neighbours]


@pytest.mark.parametrize("path", [search._search_faiss, search._search_torch], ids=["faiss", "torch"])
def test_the_neighbours_are_those_of_brute_force(path, monkeypatch):
    pytest.importorskip("faiss")
    monkeypatch.setattr(search, "_search_faiss", path)
    generator = torch.Generator().manual_seed(0)
    memory, queries = (normalize(torch.randn(n, 16, generator=generator), dim=-1) for n in (200, 70))
    brute = (queries @ memory.T).argsort(dim=-1, descending=True)[:, :7]
    assert torch.equal(search.nearest(queries, memory, 7), brute)


@pytest.mark.parametrize("path", [search._search_faiss, search._search_torch], ids=["faiss", "torch"])
def test_equal_similarities_come_in_memory_order(path, monkeypatch):
    pytest.importorskip("faiss")
    monkeypatch.setattr(search, "_search_faiss", path)
    memory = torch.tensor([[0.0, 1.0], *[[1.0, 0.0]] * 64, [0.0, 1.0]])
    assert search.nearest(torch.tensor([[1.0, 0.0], [0.0, 1.0]]), memory, 5).tolist() == [
        [1, 2, 3, 4, 5],
        [0, 65, 1, 2, 3],
    ]


def test_vectors_that_are_not_finite_are_refused():
    with pytest.raises(ValueError, match=r"not finite.*Lower objective\.learning_rate"):
        search.nearest(torch.tensor([[torch.nan, 0.0]]), torch.eye(2), 1)


def test_without_faiss_torch_searches(monkeypatch):
    monkeypatch.setattr(search, "faiss_version", lambda: None)
    monkeypatch.setattr(search, "_search_faiss", None)
    assert search.nearest(torch.eye(3), torch.eye(3), 1).tolist() == [[0], [1], [2]]


def test_both_faiss_packages_at_once_are_refused(monkeypatch):
    monkeypatch.setattr(search, "version", lambda name: "1.15.1")
    with pytest.raises(ImportError, match=r"both installed.*pip uninstall -y faiss-cpu faiss-gpu.*\.\[cpu\]"):
        search.faiss_version()


def test_no_faiss_package_is_no_error(monkeypatch):
    def absent(name):
        raise PackageNotFoundError(name)

    monkeypatch.setattr(search, "version", absent)
    monkeypatch.setattr(search, "find_spec", lambda name: None)
    assert search.faiss_version() is None
    monkeypatch.setattr(search, "find_spec", lambda name: name)  # conda's build
    assert search.faiss_version() == "faiss"


def test_k_beyond_the_memory_is_refused_and_k_changes_the_answer():
    with pytest.raises(
        ValueError, match=r"probe\.k=5: the memory has only 4 rows\. Lower probe\.k or raise data\.samples"
    ):
        Knn(5).fit(Cosine(), {}, torch.randn(4, 2, 8), torch.zeros(4, dtype=torch.long))
    with pytest.raises(ValueError, match=r"probe\.k=0"):
        Knn(0)
    memory = torch.tensor([[[1.0, 0.0]], [[0.9, 0.1]], [[0.9, -0.1]]])
    answers = []
    for k in (1, 3):
        probe = Knn(k)
        probe.fit(Pair(), {}, memory, torch.tensor([0, 1, 1]))
        answers.append(probe.predict(torch.tensor([[[1.0, 0.0]]])).item())
    assert answers == [0, 1]


def test_knn_compares_the_labels_that_pairs_imply():
    memory = torch.tensor([[[1.0, 2.0], [3.0, 1.0]], [[1.0, 1.0], [1.0, -1.0]]])
    probe = Knn(1)
    probe.fit(Hadamard(), {}, memory, torch.tensor([0, 1]))
    assert probe.predict(memory.flip(1)).tolist() == [0, 1]
    assert probe.tensors()["memory"].shape == (2, 2)


def test_nearest_label_takes_the_nearest_label_embedding():
    probe = NearestLabel()
    probe.fit(
        Pair(), {"label_embeddings": torch.eye(3)}, torch.zeros(0, 1, 3), torch.zeros(0, dtype=torch.long)
    )
    assert probe.predict(torch.tensor([[[0.1, 0.9, 0.0]], [[0.0, 0.1, 5.0]]])).tolist() == [1, 2]


def test_the_head_is_the_argmax_of_its_logits():
    probe = Head()
    probe.fit(
        NoMetric(),
        {"head.weight": torch.tensor([[1.0, 0.0], [0.0, 1.0]]), "head.bias": torch.tensor([0.0, 0.5])},
        torch.zeros(0, 1, 2),
        torch.zeros(0, dtype=torch.long),
    )
    assert probe.predict(torch.tensor([[[1.0, 0.4]], [[1.0, 0.6]]])).tolist() == [0, 1]
