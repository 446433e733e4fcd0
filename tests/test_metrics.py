"""Stage 3: the laws of the metrics."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.functional import cosine_similarity, normalize

from relsym.metrics.controls import Cosine, Euclidean
from relsym.metrics.hadamard import Hadamard
from relsym.metrics.none import NoMetric
from relsym.metrics.pair import Pair
from relsym.metrics.rotate import Rotate

SENTENCE_METRICS = [Hadamard(), Rotate(), Cosine(), Euclidean()]
seeds = st.integers(0, 1000)


def vectors(seed: int, *rows: int, dim: int = 8) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(n, dim, generator=generator) for n in rows]


def as_complex(x: torch.Tensor) -> torch.Tensor:
    return torch.complex(*x.chunk(2, dim=-1))


def conjugate(x: torch.Tensor) -> torch.Tensor:
    real, imaginary = x.chunk(2, dim=-1)
    return torch.cat((real, -imaginary), dim=-1)


def slow_distance(metric, p, h, label):
    """One pair, one label, straight from the formula."""
    if isinstance(metric, Hadamard):
        return 1 - cosine_similarity(h * label, p, dim=0)
    if isinstance(metric, Rotate):
        form = sum(
            a * b * c.conj() for a, b, c in zip(as_complex(h), as_complex(label), as_complex(p), strict=True)
        ).real
        return 1 - form / (h.norm() * p.norm())
    unit = normalize(p, dim=0) + normalize(h, dim=0)
    return (
        1 - cosine_similarity(unit, label, dim=0)
        if isinstance(metric, Cosine)
        else (normalize(unit, dim=0) - normalize(label, dim=0)).norm()
    )


@pytest.mark.parametrize("metric", SENTENCE_METRICS, ids=lambda m: type(m).__name__)
@given(seed=seeds)
def test_distances_are_those_of_a_double_loop_and_lie_in_0_to_2(metric, seed):
    p, h = vectors(seed, 5, 5)
    labels = metric.random_labels(3, 8, torch.Generator().manual_seed(seed))
    fast = metric.distance(p, h, labels)
    slow = torch.stack(
        [torch.stack([slow_distance(metric, p[i], h[i], labels[j]) for j in range(3)]) for i in range(5)]
    )
    torch.testing.assert_close(fast, slow, atol=1e-5, rtol=1e-4)
    assert fast.min() >= -1e-5
    assert fast.max() <= 2 + 1e-5


@pytest.mark.parametrize("metric", SENTENCE_METRICS, ids=lambda m: type(m).__name__)
@given(seed=seeds)
def test_the_implied_label_is_a_unit_vector(metric, seed):
    p, h = vectors(seed, 4, 4)
    torch.testing.assert_close(metric.label_of(p, h).norm(dim=-1), torch.ones(4))


@given(seed=seeds)
def test_over_the_reals_swapping_does_not_change_the_form(seed):
    p, h, label = vectors(seed, 3, 3, 1)
    torch.testing.assert_close((h * label * p).sum(-1), (p * label * h).sum(-1))
    torch.testing.assert_close(Hadamard().label_of(p, h), Hadamard().label_of(h, p))


@given(seed=seeds)
def test_over_the_complex_numbers_swapping_conjugates_the_label(seed):
    p, h, label = vectors(seed, 3, 3, 3)
    form = (as_complex(h) * as_complex(label) * as_complex(p).conj()).sum(-1).real
    swapped = (as_complex(p) * as_complex(conjugate(label)) * as_complex(h).conj()).sum(-1).real
    torch.testing.assert_close(form, swapped, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(Rotate().label_of(h, p), conjugate(Rotate().label_of(p, h)))


@given(seed=seeds)
def test_rotates_distance_after_a_swap_is_that_to_the_conjugate_label(seed):
    p, h = vectors(seed, 3, 3)
    labels = Rotate().random_labels(2, 8, torch.Generator().manual_seed(seed))
    torch.testing.assert_close(
        Rotate().distance(h, p, labels), Rotate().distance(p, h, conjugate(labels)), atol=1e-5, rtol=1e-4
    )


@given(seed=seeds)
def test_the_hadamard_distance_sees_the_order_through_the_norms_and_rotate_sees_it_plainly(seed):
    p, h = vectors(seed, 6, 6)
    for metric in (Hadamard(), Rotate()):
        labels = metric.random_labels(2, 8, torch.Generator().manual_seed(seed))
        assert not torch.allclose(metric.distance(p, h, labels), metric.distance(h, p, labels), atol=1e-6)
    for metric in (Cosine(), Euclidean()):
        torch.testing.assert_close(metric.distance(p, h, labels), metric.distance(h, p, labels))


@given(seed=seeds)
def test_the_implied_label_maximises_the_real_form_and_p_over_h_minimises_the_distance(seed):
    p, h, others = vectors(seed, 1, 1, 50)
    best = Hadamard().label_of(p, h)
    forms = (h * normalize(others, dim=-1) * p).sum(-1)
    assert (h * best * p).sum() >= forms.max() - 1e-5
    h = torch.where(h.abs() < 0.1, 0.1 * torch.ones_like(h), h)
    assert Hadamard().distance(p, h, p / h).item() == pytest.approx(0, abs=1e-4)


@given(seed=seeds)
def test_the_implied_label_maximises_the_complex_form(seed):
    p, h, others = vectors(seed, 1, 1, 50)

    def form(label):
        return (as_complex(h) * as_complex(label) * as_complex(p).conj()).sum(-1).real

    assert form(Rotate().label_of(p, h)).item() >= form(normalize(others, dim=-1)).max() - 1e-5


def test_a_pair_that_can_be_done_by_hand():
    p, h, label = torch.tensor([[1.0, 1.0]]), torch.tensor([[1.0, 0.0]]), torch.tensor([[2.0, 5.0]])
    assert Hadamard().distance(p, h, label).item() == pytest.approx(1 - 1 / math.sqrt(2), abs=1e-6)
    # one complex channel: p = 1 + i, h = 1, l = i: h * l = i, Re(i * conj(p)) = 1
    turned = Rotate().distance(p, h, torch.tensor([[0.0, 1.0]]))
    assert turned.item() == pytest.approx(1 - 1 / math.sqrt(2), abs=1e-6)
    assert Cosine().distance(h, h, torch.tensor([[1.0, 0.0]])).item() == pytest.approx(0, abs=1e-6)
    assert Euclidean().distance(h, h, torch.tensor([[-1.0, 0.0]])).item() == pytest.approx(2, abs=1e-6)


def test_random_labels_are_units_or_phases_and_follow_their_generator():
    for metric in (Hadamard(), Cosine(), Euclidean(), Pair()):
        torch.testing.assert_close(
            metric.random_labels(3, 8, torch.Generator().manual_seed(0)).norm(dim=-1), torch.ones(3)
        )
    phases = as_complex(Rotate().random_labels(3, 8, torch.Generator().manual_seed(0)))
    torch.testing.assert_close(phases.abs(), torch.ones(3, 4))
    draws = [Hadamard().random_labels(2, 8, torch.Generator().manual_seed(seed)) for seed in (0, 0, 1)]
    assert torch.equal(draws[0], draws[1])
    assert not torch.equal(draws[0], draws[2])


def test_rotate_refuses_an_odd_dimension_and_names_the_way_out():
    with pytest.raises(ValueError, match=r"33 channels.*33 is odd.*metric=hadamard"):
        Rotate().check_dim(33)
    Rotate().check_dim(32)
    Hadamard().check_dim(33)


def test_the_pair_metric_reads_one_vector():
    (e,) = vectors(0, 4)
    torch.testing.assert_close(Pair().label_of(e, None), normalize(e, dim=-1))
    torch.testing.assert_close(Pair().distance(e, None, e).diagonal(), torch.zeros(4), atol=1e-5, rtol=0)


def test_euclidean_ranks_neighbours_as_the_cosine_does():
    a, b = vectors(1, 5, 9)
    assert torch.equal(Euclidean().between(a, b).argsort(-1), Hadamard().between(a, b).argsort(-1))


def test_no_metric_measures_nothing():
    (e,) = vectors(0, 2)
    for call in (lambda: NoMetric().distance(e, None, e), lambda: NoMetric().label_of(e, None)):
        with pytest.raises(ValueError, match="metric=none"):
            call()
