"""Stage 4: losses, steps, read-outs."""

from __future__ import annotations

from itertools import combinations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pytorch_lightning import Trainer
from torch.nn import functional

from relsym.data.module import PairData
from relsym.data.pairs import Row
from relsym.data.relations import CONTRADICTION, ENTAILMENT, NEUTRAL
from relsym.encoders.load import tiny_encoder
from relsym.metrics.hadamard import Hadamard
from relsym.metrics.none import NoMetric
from relsym.metrics.pair import Pair
from relsym.metrics.rotate import Rotate
from relsym.objectives.finetune import FineTuning
from relsym.objectives.fixed_label import FixedLabelRetraining
from relsym.objectives.knn import KnnRetraining, LearntMetricRetraining
from relsym.objectives.losses import contrastive
from relsym.objectives.random_label import RandomLabelRetraining

OBJECTIVES = {
    RandomLabelRetraining: Hadamard,
    KnnRetraining: Hadamard,
    LearntMetricRetraining: Pair,
    FineTuning: NoMetric,
    FixedLabelRetraining: Hadamard,
}
OWN = {FineTuning: {}, FixedLabelRetraining: {"unrelated_weight": 0.1}}
OPTIONS = {"learning_rate": 1e-3, "weight_decay": 0.01, "schedule": "linear", "warmup": 0.1, "seed": 0}


def build(objective, metric=None, labels=(ENTAILMENT, CONTRADICTION), encoder=None, **changes):
    options = {**OPTIONS, **OWN.get(objective, {"margin": 0.5}), **changes}
    return objective(
        encoder or tiny_encoder(dropout=0.0), metric or OBJECTIVES[objective](), labels, **options
    )


def rows(count: int, labels=(ENTAILMENT, CONTRADICTION)) -> list[Row]:
    verbs = {ENTAILMENT: "is a sibling of", CONTRADICTION: "is the mother of", NEUTRAL: "is part of"}
    return [
        Row(str(i), "P1", "lexicalised", f"a{i} {verbs[label]} b{i}.", f"b{i} {verbs[label]} a{i}.", label)
        for i, label in ((i, labels[i % len(labels)]) for i in range(count))
    ]


def steps(
    objective, sample: list[Row], epochs: int, batch_size: int = 4, encodes_once: bool | None = None
) -> list[float]:
    class Rows(PairData):
        labels = objective.labels

        def read(self) -> None:
            self.train_rows = sample

    data, losses = Rows(batch_size=batch_size, score_on="test", seed=0), []
    data.read()
    encodes_once = objective.encodes_once if encodes_once is None else encodes_once
    data.tokenize_with(objective.tokenize, objective.encoder.collate, objective.labels, encodes_once)
    trainer = Trainer(
        max_epochs=epochs,
        accelerator="cpu",
        devices=1,
        logger=False,
        enable_checkpointing=False,
        enable_model_summary=False,
        enable_progress_bar=False,
        use_distributed_sampler=False,
    )
    original = objective.loss
    objective.loss = lambda *a: losses.append(loss := original(*a)) or loss
    objective.train()
    trainer.fit(objective, datamodule=data)
    return [float(loss.detach()) for loss in losses]


pytestmark = [
    pytest.mark.filterwarnings("ignore:.*does not have many workers.*"),
    pytest.mark.filterwarnings("ignore:.*LeafSpec.*"),
]


@pytest.mark.parametrize("objective", OBJECTIVES, ids=lambda objective: objective.__name__)
def test_without_dropout_a_text_of_several_rows_can_be_encoded_once(objective):
    # Each premise stands in three rows, once as the hypothesis of another.
    sample = [row._replace(premise=f"a{i % 4} is near b.") for i, row in enumerate(rows(12))]
    sample[0] = sample[0]._replace(hypothesis=sample[1].premise)
    once, apart = (steps(build(objective), sample, 2, 6, encodes_once) for encodes_once in (True, False))
    assert once == pytest.approx(apart, abs=1e-5)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("objective=random_label", "data.whole_facts=true", "model.dropout=0"), True),
        (("objective=random_label", "data.whole_facts=false", "model.dropout=0"), False),
        (("objective=random_label", "data.whole_facts=true", "model.dropout=null"), False),
        (
            (
                "objective=random_label",
                "data.whole_facts=true",
                "model.dropout=0",
                "recipe=lora",
                "recipe.lora.dropout=0.1",
            ),
            False,
        ),
        (("objective=fixed_label", "data.whole_facts=false", "model.dropout=null"), True),
    ],
)
def test_texts_are_encoded_once_where_nothing_is_dropped_or_the_objective_says_so(
    relsym, quick, monkeypatch, words, expected
):
    made = []
    batch = PairData.batch
    monkeypatch.setattr(PairData, "batch", lambda *given: made.append(batch(*given)) or made[-1])
    ended = relsym("train", *quick, *words)
    assert ended.code == 0, ended.err
    assert [one.places is not None for one in made] == [expected]


def test_dropout_is_found_in_whatever_form_and_draws_nothing_of_the_training():
    encoder = tiny_encoder(dropout=0.0)
    state = torch.get_rng_state()
    assert not encoder.drops_out()
    # A function, as some models have it, and no module.
    forward = encoder.model.embeddings.forward
    encoder.model.embeddings.forward = lambda *given, **named: functional.dropout(forward(*given, **named))
    assert encoder.drops_out()
    assert torch.equal(torch.get_rng_state(), state)


@given(st.floats(0, 2), st.booleans(), st.sampled_from([0.5, 1.0]))
def test_the_contrastive_loss_is_the_formula(distance, positive, margin):
    expected = 0.5 * (distance**2 if positive else max(0.0, margin - distance) ** 2)
    assert contrastive(torch.tensor([distance]), torch.tensor([positive]), margin).item() == pytest.approx(
        expected, abs=1e-5
    )


def test_the_knn_loss_is_a_double_loop_over_pairs_of_samples():
    objective, targets = build(KnnRetraining), torch.tensor([0, 1, 0, 1, 1])
    representation = torch.randn(5, 2, 32, generator=torch.Generator().manual_seed(0))
    labels = Hadamard().label_of(representation[:, 0], representation[:, 1])
    slow = []
    for i, j in combinations(range(5), 2):
        d = 1 - labels[i] @ labels[j]
        slow.append(0.5 * (d**2 if targets[i] == targets[j] else (0.5 - d).clamp_min(0) ** 2))
    torch.testing.assert_close(objective.loss(representation, targets), torch.stack(slow).mean())


def test_a_batch_of_one_has_no_pair_and_no_loss():
    representation = torch.randn(1, 2, 32, requires_grad=True)
    loss = build(KnnRetraining).loss(representation, torch.tensor([0]))
    loss.backward()
    assert loss.item() == 0
    assert representation.grad.abs().max() == 0


def test_the_random_label_loss_is_a_double_loop_over_pairs_and_labels():
    objective, targets = (
        build(RandomLabelRetraining, labels=(ENTAILMENT, NEUTRAL, CONTRADICTION)),
        torch.tensor([0, 2, 1]),
    )
    representation = torch.randn(3, 2, 32, generator=torch.Generator().manual_seed(0))
    slow = []
    for i in range(3):
        for label in range(3):
            d = Hadamard().distance(
                representation[i : i + 1, 0],
                representation[i : i + 1, 1],
                objective.label_embeddings[label : label + 1],
            )[0, 0]
            slow.append(0.5 * (d**2 if targets[i] == label else (0.5 - d).clamp_min(0) ** 2))
    torch.testing.assert_close(objective.loss(representation, targets), torch.stack(slow).mean())


@pytest.mark.parametrize(
    "labels",
    [(ENTAILMENT, CONTRADICTION), (ENTAILMENT, NEUTRAL, CONTRADICTION)],
    ids=["two labels", "three labels"],
)
@pytest.mark.parametrize("objective", OBJECTIVES, ids=lambda o: o.__name__)
def test_every_objective_learns_its_training_rows(objective, labels):
    trained = build(objective, labels=labels, learning_rate=3e-3)
    losses = steps(trained, rows(12, labels), epochs=40, batch_size=12)
    assert sum(losses[-3:]) < 0.5 * sum(losses[:3])
    assert float(trained.trainer.callback_metrics["train/accuracy"]) == 1.0


@pytest.mark.parametrize("objective", OBJECTIVES, ids=lambda o: o.__name__)
def test_training_changes_the_encoder_but_not_the_label_embeddings(objective):
    trained, untouched = build(objective), tiny_encoder()
    before = {name: tensor.clone() for name, tensor in trained.read_out().items()}
    steps(trained, rows(8), epochs=2)
    assert not torch.equal(trained.encoder.encode(["a is b."]), untouched.encode(["a is b."]))
    if objective is RandomLabelRetraining:
        assert torch.equal(trained.read_out()["label_embeddings"], before["label_embeddings"])
    if objective is FineTuning:
        assert not torch.equal(trained.read_out()["head.weight"], before["head.weight"])


def test_read_outs_go_from_one_objective_to_the_next():
    for objective in (RandomLabelRetraining, FineTuning):
        first, second = build(objective, seed=0), build(objective, seed=1)
        name = sorted(first.read_out())[-1]
        assert not torch.equal(first.read_out()[name], second.read_out()[name])
        second.restore({key: tensor.clone() for key, tensor in first.read_out().items()})
        assert all(torch.equal(first.read_out()[key], second.read_out()[key]) for key in first.read_out())
        assert set(first.read_out()) == objective.read_out_names
    with pytest.raises(ValueError, match=r"holds no label_embeddings.*Go on with the objective of that run"):
        build(RandomLabelRetraining).restore({})
    # One row would be copied for all labels.
    for objective, name in ((RandomLabelRetraining, "label_embeddings"), (FineTuning, "head.weight")):
        stored = {key: tensor.clone() for key, tensor in build(objective).read_out().items()}
        with pytest.raises(ValueError, match=rf"{name} of the earlier run has the shape \[1, 32\]"):
            build(objective).restore({**stored, name: stored[name][:1]})


@pytest.mark.parametrize(
    ("change", "value"),
    [
        ("learning_rate", 1e-4),
        ("weight_decay", 5.0),
        ("schedule", "constant"),
        ("warmup", 0.9),
        ("margin", 1.0),
        ("seed", 1),
    ],
)
def test_every_knob_of_the_random_label_objective_has_an_effect(change, value):
    texts = ["a1 is a sibling of b1."]
    vectors = []
    for options in ({}, {change: value}):
        objective = build(RandomLabelRetraining, **options)
        steps(objective, rows(8), epochs=3)
        vectors.append(objective.encoder.encode(texts))
    assert not torch.allclose(*vectors, atol=1e-7)


def test_the_metric_and_the_dimension_are_checked_when_the_objective_is_built():
    with pytest.raises(ValueError, match="33 is odd"):
        build(RandomLabelRetraining, metric=Rotate(), encoder=tiny_encoder(hidden_size=33, heads=3))


def test_joint_objectives_read_the_pair_as_one_input_and_the_others_read_two():
    sample = rows(3)
    assert [len(build(objective).tokenize(sample)) for objective in OBJECTIVES] == [2, 2, 1, 1, 2]
    (joint,) = build(FineTuning).tokenize(sample)
    assert len(set(joint[0]["token_type_ids"])) == 2


def test_knn_accuracy_does_not_count_a_sample_as_its_own_neighbour():
    objective = build(KnnRetraining)
    representation = torch.eye(4).repeat_interleave(1, 0)[:, None, :].expand(4, 2, 4).clone()
    representation[1] = representation[0]
    assert objective.predict_batch(representation, torch.tensor([0, 1, 0, 1]))[:2].tolist() == [1, 0]
