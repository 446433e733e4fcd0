"""What the benchmarks of the direction encoder compute, on cases that can be checked by hand."""

from __future__ import annotations

import json
import math
import random
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch
from torch.nn.functional import cosine_similarity

from relsym.data.relations import CONTRADICTION, ENTAILMENT, NEUTRAL
from relsym.encoders.load import tiny_encoder
from relsym.metrics.hadamard import Hadamard

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT / "benchmarks"), str(ROOT / "scripts")]

import ship  # noqa: E402

import direction_controls  # noqa: E402
import direction_sis  # noqa: E402
import retrieval  # noqa: E402

LABELS = (ENTAILMENT, CONTRADICTION, NEUTRAL)


# --- the search


def said(property: str, subject: str, object: str, texts: dict[str, tuple[str, str]]) -> list[dict]:
    """The rows of one antisymmetric fact: by variant, the hypothesis and its label."""
    fact = {
        "fact_id": f"{property}:{subject}:{object}",
        "property": property,
        "kind": "antisymmetric",
        "subject": subject,
        "object": object,
        "premise": texts["identity"][0],
    }
    return [
        {**fact, "variant": name, "hypothesis": text, "label": label} for name, (text, label) in texts.items()
    ]


def fact(property: str, subject: str, verb: str, object: str) -> list[dict]:
    texts = {
        "identity": (f"{subject} {verb} {object}.", ENTAILMENT),
        "paraphrase": (f"It is {subject} who {verb} {object}.", ENTAILMENT),
        "converse": (f"{object}, {subject} {verb}.", ENTAILMENT),
        "swap": (f"{object} {verb} {subject}.", CONTRADICTION),
        "negated_identity": (f"Never {subject} {verb} {object}.", CONTRADICTION),
    }
    return said(property, subject, object, texts)


@pytest.fixture
def queries() -> list[retrieval.Query]:
    rows = [
        *fact("P22", "Ann", "fathers", "Bo"),  # of one meaning with P40, and about the same two
        *fact("P40", "Ann", "bears", "Bo"),
        *fact("P279", "cat", "is an", "animal"),
    ]
    return retrieval.queries_of(pl.DataFrame(rows), "", random.Random(0))


def test_a_query_has_what_follows_what_cannot_hold_and_what_only_looks_alike(queries):
    [query] = [query for query in queries if query.text == "Ann fathers Bo."]
    assert sorted(query.implied) == ["Bo, Ann fathers.", "It is Ann who fathers Bo."]
    assert sorted(query.excluded) == ["Bo fathers Ann.", "Never Ann fathers Bo."]
    # "bears" may follow from "fathers": the other relation is one of another meaning.
    assert "Ann is an Bo." in query.hard
    assert not any("bears" in text for text in query.hard)


def test_what_another_relation_says_of_the_pair_counts_neither_way(queries):
    search = retrieval.Search(queries, asked=10, wanted=100)
    [query] = [query for query in search.queries if query.text == "Ann fathers Bo."]
    left_out = search.left_out(query)
    assert "Bo, Ann bears." in left_out
    assert not left_out & {*query.implied, *query.excluded, *query.hard}

    def judged(**raised: float) -> list[bool]:
        scores = np.full(len(search.sentences), 0.1)
        for text, score in {
            **dict.fromkeys(left_out, 1.0),  # nearer than anything
            **dict.fromkeys(query.implied, 0.9),
            **dict.fromkeys(query.excluded, -0.9),
            **raised,
        }.items():
            scores[search.place_of[text]] = score
        return retrieval.judged(query, scores, search.place_of, left_out)

    assert judged() == [True, True, True, True]
    assert judged(**{query.hard[0]: 0.95}) == [False, True, True, False]
    assert judged(**{query.excluded[0]: 0.2}) == [True, False, False, True]


# --- SIS


@pytest.mark.parametrize(
    ("sentence", "exchanged", "expected"),
    [
        ("Ann and Bo met.", "Bo and Ann met.", True),
        ("My ex and I met in May.", "Me and my ex met in May.", True),
        ("The caller and subscriber talked.", "The subscriber and the caller talked.", True),
        ("Ann met Bo and Cy.", "Bo and Cy met Ann.", False),
        ("Ann met Bo.", "Bo met Ann.", False),
        ("Ann and Bo met.", "Ann and Bo met.", False),
    ],
)
def test_an_exchange_around_and_is_seen(sentence, exchanged, expected):
    assert direction_sis.exchanges_around_and(sentence, exchanged) is expected


def test_regular_forms_of_a_verb_are_told():
    assert {"marry", "marries", "married", "marrying"} <= direction_sis.forms_of("marry")
    assert {"collide", "collides", "collided", "colliding"} <= direction_sis.forms_of("collide")


# --- other losses


@pytest.fixture
def batch() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Vectors of five pairs [5 2 dim], their labels, and the fact that each is about."""
    vectors = torch.randn(5, 2, 32, generator=torch.Generator().manual_seed(0))
    return vectors, torch.tensor([0, 1, 0, 2, 0]), torch.tensor([0, 0, 0, 1, 1])


def objective(kind):
    options = {"learning_rate": 1e-3, "weight_decay": 0.0, "schedule": "linear", "warmup": 0.1, "seed": 0}
    return kind(tiny_encoder(dropout=0.0), Hadamard(), LABELS, **options)


def test_the_cosine_loss_of_others_wants_one_for_entailment_and_zero_for_all_else(batch):
    vectors, targets, _ = batch
    cosines = cosine_similarity(vectors[:, 0], vectors[:, 1]).tolist()
    wanted = [1.0, 0.0, 1.0, 0.0, 1.0]
    expected = sum((cosine - one) ** 2 for cosine, one in zip(cosines, wanted, strict=True)) / 5
    assert objective(direction_controls.OneZero).loss(vectors, targets).item() == pytest.approx(
        expected, abs=1e-5
    )


def test_cosent_compares_every_pair_of_rows_of_different_labels(batch):
    vectors, targets, _ = batch
    cosines = cosine_similarity(vectors[:, 0], vectors[:, 1]).tolist()
    signs = [1, -1, 1, 0, 1]
    total = 1.0
    for i in range(5):
        for j in range(5):
            if signs[i] > signs[j]:
                total += math.exp(20 * (cosines[j] - cosines[i]))
    loss = objective(direction_controls.CoSent).loss(vectors, targets).item()
    assert loss == pytest.approx(math.log(total), abs=1e-4)


def test_ranking_has_all_as_rivals_but_what_else_follows_from_the_fact(batch):
    vectors, targets, about = batch
    ranking = objective(direction_controls.Ranking)
    total = 0.0
    rivals_of = {0: [0, 1, 3, 4], 2: [1, 2, 3, 4], 4: [0, 1, 2, 3, 4]}
    for i, rivals in rivals_of.items():
        logits = [20 * float(cosine_similarity(vectors[i, 0], vectors[j, 1], dim=0)) for j in rivals]
        own = logits[rivals.index(i)]
        total += math.log(sum(math.exp(logit - own) for logit in logits)) / 3
    assert ranking.loss(vectors, targets).item() == 0
    assert ranking.unrelated_loss(vectors, about).item() == pytest.approx(total, abs=1e-4)


# --- what ships


def test_the_commands_of_a_run_begin_with_those_of_the_run_that_it_goes_on_from(tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    for folder, words in (
        (first, ["tracking=csv", "experiment=direction", "seed=1"]),
        (second, [f"init={first}", "hydra.job.num=1", "training.epochs=1"]),
    ):
        (folder / ".hydra").mkdir(parents=True)
        (folder / ".hydra" / "overrides.yaml").write_text(json.dumps(words))
    assert ship.commands_of(second) == [
        "relsym train experiment=direction seed=1 hydra.run.dir=RUN_BEFORE",
        "relsym train init=RUN_BEFORE training.epochs=1 hydra.run.dir=RUN",
    ]


def test_the_path_of_the_run_before_leaves_the_record_and_nothing_else_changes(tmp_path):
    (tmp_path / "config.yaml").write_text("init: run\nmodel: {name: run}\n")
    (tmp_path / "results.json").write_text('{"encoder": {"name": "run/encoder"}, "model": "run first"}')
    ship.without_places(tmp_path)
    assert (tmp_path / "config.yaml").read_text() == "init: RUN_BEFORE\nmodel:\n  name: run\n"
    assert json.loads((tmp_path / "results.json").read_text()) == {
        "encoder": {"name": "RUN_BEFORE/encoder"},
        "model": "run first",
    }
