"""Remedies against forgetting: what each does to a training, alone and with others."""

from __future__ import annotations

import json
import sys
from collections import Counter
from itertools import chain, islice
from pathlib import Path
from unittest.mock import patch

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from omegaconf import OmegaConf
from pytorch_lightning import Callback, Trainer
from safetensors.torch import load_file
from transformers import AutoModel, MPNetConfig, MPNetModel, RobertaConfig, RobertaModel

from parameters import first_fast
from relsym.app.sweep.plan import _part
from relsym.app.train.recipe import most_steps
from relsym.data.batches import PADDING, GlobalBatchSampler
from relsym.data.module import PairData
from relsym.data.pairs import Row
from relsym.data.relations import CONTRADICTION, ENTAILMENT, NEUTRAL
from relsym.data.replay import Replay, replay_order
from relsym.encoders.dense import Dense, DenseShape
from relsym.encoders.encoder import Encoder
from relsym.encoders.load import load_encoder, tiny_encoder
from relsym.objectives.finetune import FineTuning
from relsym.objectives.knn import KnnRetraining
from relsym.objectives.random_label import RandomLabelRetraining
from relsym.objectives.remedies.base import Remedy
from relsym.objectives.remedies.distill import Distill
from relsym.objectives.remedies.freeze import Freeze, embeddings_of, top_layers
from relsym.objectives.remedies.l2sp import L2SP
from relsym.objectives.remedies.lora import Lora
from relsym.objectives.remedies.replay import ReplayRows
from relsym.objectives.remedies.solved import Solved
from relsym.objectives.remedies.wise_ft import WiseFt
from relsym.runs.identity import identity
from test_app import refused
from test_configs import resolved
from test_objectives import OBJECTIVES, build, rows

LABELS = (ENTAILMENT, NEUTRAL, CONTRADICTION)
TEXTS = ["a1 is a sibling of b1.", "a2 is part of b2."]
REMEDIES = {
    "replay": lambda rows_per_batch=3, only=False: ReplayRows(rows_per_batch, only),
    "l2sp": lambda weight=0.1: L2SP(weight),
    "distill": lambda weight=1.0, rows="all": Distill(weight, rows),
    "lora": lambda rank=2, alpha=4, dropout=0.0, target_modules="all-linear": Lora(
        rank, alpha, dropout, target_modules
    ),
    "freeze": lambda layers=1, embeddings=True: Freeze(layers, embeddings),
    "solved": lambda epochs=1: Solved(epochs),
    "wise_ft": lambda alpha=0.5: WiseFt(alpha),
}
pytestmark = [
    pytest.mark.filterwarnings("ignore:.*does not have many workers.*"),
    pytest.mark.filterwarnings("ignore:.*LeafSpec.*"),
]


def nli_rows(count: int = 30) -> list[Row]:
    return [
        Row(f"nli{i}", "mnli", "mnli", f"premise {i}", f"hypothesis {i}", LABELS[i % 3]) for i in range(count)
    ]


class Sample(PairData):
    labels = LABELS

    def read(self) -> None:
        self.train_rows = rows(12)


class Seen(Callback):
    """The batches as they came: how many symmetry rows, and the labels and first tokens of the
    replayed ones.
    """

    def __init__(self) -> None:
        self.sizes, self.replayed = [], []

    def on_train_batch_start(self, trainer, module, batch, index) -> None:
        self.sizes.append(int((~batch.replayed & batch.mask).sum()))
        texts = [part["input_ids"][batch.replayed].tolist() for part in batch.inputs]
        self.replayed.append(
            [
                tuple(tuple(token for token in tokens if token) for tokens in row)
                for row in zip(*texts, strict=True)
            ]
        )


def train(
    objective,
    *remedies,
    epochs: int = 2,
    seed: int = 0,
    max_steps: int = -1,
    callbacks=(),
    batch_size: int = 6,
):
    """The objective, trained under the remedies as the app does it."""
    data = Sample(batch_size=batch_size, score_on="test", seed=seed)
    data.read()
    for remedy in remedies:
        remedy.feed(
            data,
            nli_rows(),
            most_steps(OmegaConf.create({"epochs": epochs, "max_steps": max_steps}), data.steps_per_epoch()),
        )
    data.tokenize_with(
        objective.tokenize, objective.encoder.collate, objective.labels, objective.encodes_once
    )
    objective.begin_with(remedies)
    trainer = Trainer(
        max_epochs=epochs,
        max_steps=max_steps,
        accelerator="cpu",
        devices=1,
        logger=False,
        enable_checkpointing=False,
        enable_model_summary=False,
        enable_progress_bar=False,
        use_distributed_sampler=False,
        callbacks=[*callbacks, *(callback for remedy in remedies for callback in remedy.callbacks())],
    )
    objective.train()
    trainer.fit(objective, datamodule=data)
    objective.finish_remedies()
    return objective


def three_way(objective=KnnRetraining, **changes):
    return build(objective, labels=LABELS, **changes)


def weights(objective) -> dict[str, torch.Tensor]:
    return {name: weight.detach().clone() for name, weight in objective.named_parameters()}


def same(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> bool:
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


def batch_of(objective, count: int = 6):
    data = Sample(batch_size=count, score_on="test", seed=0)
    data.read()
    data.tokenize_with(objective.tokenize, objective.encoder.collate, objective.labels)
    return data.batch(range(count))


def shake(objective) -> None:
    with torch.no_grad():
        for weight in objective.parameters():
            weight.add_(0.1 * torch.randn(weight.shape, generator=torch.Generator().manual_seed(0)))


# --- replay


@given(
    st.lists(st.sampled_from("abc"), min_size=3, max_size=40).filter(lambda labels: len(set(labels)) == 3),
    st.integers(0, 9),
)
def test_a_pass_of_replayed_rows_is_balanced_and_repeats_none(labels, seed):
    length = 3 * min(Counter(labels).values())
    drawn = list(islice(replay_order(labels, seed), 2 * length))
    for one in (drawn[:length], drawn[length:]):
        assert len(set(one)) == length
        assert set(Counter(labels[row] for row in one).values()) == {length // 3}


def test_replay_adds_its_rows_to_every_batch_and_the_control_sees_the_same_ones_alone():
    replay, control = Seen(), Seen()
    train(three_way(), ReplayRows(4, only=False), epochs=3, callbacks=[replay])
    train(three_way(), ReplayRows(4, only=True), epochs=3, callbacks=[control])
    assert replay.sizes == [6] * 6
    assert control.sizes == [0] * 6
    assert replay.replayed == control.replayed
    assert [len(step) for step in replay.replayed] == [4] * 6


def test_the_same_rows_are_replayed_whatever_stands_beside_them_and_another_seed_replays_others():
    def drawn(seed: int, per_batch: int = 4):
        replay = Replay(nli_rows(), per_batch, False, seed, steps=5)
        return [[replay.rows[row].pair_id for row in replay.of_step(step)] for step in range(5)]

    assert drawn(0) == drawn(0) != drawn(1)
    assert list(chain(*drawn(0, 2))) == list(chain(*drawn(0, 4)))[:10]


@pytest.mark.parametrize("only", [False, True])
@pytest.mark.parametrize("world", [2, 3])
def test_ranks_share_out_what_one_process_has_and_every_batch_holds_two_classes(world, only):
    replay = Replay(nli_rows(), 5, only, 0, steps=6)
    targets = [row.label for row in (*rows(28), *replay.rows)]
    ranks = [
        GlobalBatchSampler(targets[:28], 10, 0, rank, count, replay)
        for rank, count in [(0, 1), *((rank, world) for rank in range(world))]
    ]
    for _ in range(2):
        alone, *shares = (list(ranks) for ranks in ranks)
        assert len(alone) == 3
        for batch, *parts in zip(alone, *shares, strict=True):
            assert len({len(part) for part in parts}) == 1
            assert sorted(row for part in parts for row in part if row != PADDING) == sorted(batch)
            assert sum(row >= 28 for row in batch) == 5
            assert len({targets[row] for row in batch}) >= 2


@pytest.mark.parametrize(
    ("remedies", "grouped"),
    [
        ((ReplayRows(4, only=False),), True),
        ((ReplayRows(4, only=True),), True),
        ((L2SP(0.1),), False),
        ((), False),
    ],
)
def test_texts_of_mixed_lengths_are_encoded_by_length_and_others_as_ever(remedies, grouped):
    with patch.object(Encoder, "by_length", autospec=True, side_effect=Encoder.by_length) as by_length:
        train(three_way(), *remedies, max_steps=2)
    assert bool(by_length.call_count) == grouped


def test_replayed_rows_are_counted_and_only_drawn_ones_are_kept():
    replay = Replay(nli_rows(9), 4, False, 0, steps=5)
    assert replay.counts(2) == {"replayed_rows": 8, "replayed_distinct": 8}
    assert replay.counts(5) == {"replayed_rows": 20, "replayed_distinct": 9}
    assert len(Replay(nli_rows(300), 4, False, 0, steps=5).rows) == 20


def test_the_training_accuracy_speaks_of_symmetry_rows_alone():
    objective = three_way(learning_rate=0.0)
    objective.predict_batch = lambda representation, targets: torch.where(
        torch.arange(len(targets)) < 6, targets, (targets + 1) % 3
    )
    train(objective, ReplayRows(4, only=False), epochs=1)
    metrics = objective.trainer.callback_metrics
    assert (float(metrics["train/accuracy"]), float(metrics["train/accuracy/replayed"])) == (1.0, 0.0)
    control = train(three_way(), ReplayRows(4, only=True), epochs=1)
    assert "train/accuracy" not in control.trainer.callback_metrics


def test_rows_that_the_model_has_no_class_for_are_refused():
    with pytest.raises(ValueError, match=r"label neutral too. Go on from a run that knows it \(init=RUN\)"):
        train(build(KnnRetraining), ReplayRows(4, only=False))
    with pytest.raises(ValueError, match="at least 2, to hold two classes"):
        Replay(nli_rows(), 1, True, 0, 1)
    with pytest.raises(ValueError, match="Pass init=RUN"):
        ReplayRows(4, only=False).feed(Sample(4, "test", 0), [], 1)


# --- penalties


@pytest.mark.parametrize("objective", OBJECTIVES, ids=lambda o: o.__name__)
def test_the_gradient_of_l2sp_is_the_distance_from_the_start(objective):
    trained, remedy = build(objective), L2SP(0.3)
    trained.begin_with([remedy])
    start = weights(trained)
    assert remedy.weight_penalty(trained).item() == 0
    shake(trained)
    remedy.weight_penalty(trained).backward()
    for name, weight in trained.named_parameters():
        if weight.requires_grad:
            torch.testing.assert_close(weight.grad, 0.3 * (weight.detach() - start[name]))
        else:
            assert weight.grad is None


@pytest.mark.parametrize("objective", OBJECTIVES, ids=lambda o: o.__name__)
def test_distillation_costs_nothing_at_the_start_and_something_once_the_encoder_has_moved(objective):
    trained, remedy = build(objective, encoder=tiny_encoder(dropout=0.5)).eval(), Distill(2.0, "all")
    trained.begin_with([remedy])
    batch = batch_of(trained)
    first = trained.represent(batch)
    assert remedy.row_penalty(batch, first).abs().max() < 1e-6
    shake(trained)
    moved = trained.represent(batch)
    slow = [
        sum(2.0 * (1 - a @ b / (a.norm() * b.norm())) for a, b in zip(*row, strict=True)) / len(row[0])
        for row in zip(moved, first, strict=True)
    ]
    torch.testing.assert_close(remedy.row_penalty(batch, moved), torch.stack(slow))
    assert min(slow) > 1e-3


def test_penalties_are_part_of_the_loss_and_have_curves():
    objective = train(
        three_way(learning_rate=1e-2), ReplayRows(4, only=False), L2SP(0.1), Distill(1.0, "replayed")
    )
    metrics = objective.trainer.callback_metrics
    assert metrics["train/l2sp"] > 0
    assert metrics["train/distill"] > 0
    assert metrics["train/loss"] > metrics["train/l2sp"] + metrics["train/distill"]


def test_a_penalty_on_rows_is_a_mean_over_those_that_count_and_one_on_weights_is_added_to_it():
    class Both(Remedy):
        name = "both"

        def row_penalty(self, batch, vectors):
            return torch.where(batch.replayed, 1.0, 100.0)

        def counts_row(self, batch):
            return batch.replayed

        def weight_penalty(self, objective):
            return torch.tensor(2.0)

    plain, both = (
        train(three_way(learning_rate=0.0), ReplayRows(4, only=False), *others, epochs=1)
        for others in ((), (Both(),))
    )
    metrics = both.trainer.callback_metrics
    assert metrics["train/both"].item() == pytest.approx(3.0)
    assert metrics["train/loss"].item() == pytest.approx(
        plain.trainer.callback_metrics["train/loss"].item() + 3.0, rel=1e-5
    )


def test_nothing_of_a_remedy_is_saved_or_read_out(tmp_path):
    objective = train(
        three_way(RandomLabelRetraining),
        ReplayRows(4, only=False),
        Distill(1.0, "all"),
        L2SP(0.1),
        WiseFt(0.5),
    )
    plain = three_way(RandomLabelRetraining)
    assert objective.state_dict().keys() == plain.state_dict().keys()
    assert objective.read_out().keys() == plain.read_out().keys()
    for name, trained in (("plain", plain), ("remedied", objective)):
        trained.encoder.save(tmp_path / name)
    assert (
        load_file(tmp_path / "plain/model.safetensors").keys()
        == load_file(tmp_path / "remedied/model.safetensors").keys()
    )


# --- which weights move


@pytest.mark.parametrize(
    ("settings", "frozen"),
    [
        ({"layers": 1, "embeddings": True}, ("embeddings", "layer.0")),
        ({"layers": 1, "embeddings": False}, ("layer.0",)),
        ({"layers": None, "embeddings": True}, ("embeddings",)),
        ({"layers": 2, "embeddings": True}, ("embeddings",)),
    ],
    ids=str,
)
def test_frozen_weights_keep_every_bit_and_the_others_change(settings, frozen):
    objective = three_way(FineTuning, learning_rate=1e-2)
    before = weights(objective)
    after = weights(train(objective, Freeze(**settings)))
    for name, weight in after.items():
        is_frozen = "pooler" in name or any(part in name for part in frozen)
        assert torch.equal(weight, before[name]) == is_frozen, name


def shaped(kind: str):
    sizes = {
        "vocab_size": 300,
        "hidden_size": 32,
        "num_hidden_layers": 3,
        "num_attention_heads": 2,
        "intermediate_size": 64,
        "max_position_embeddings": 70,
    }
    return {
        "RoBERTa": lambda: RobertaModel(RobertaConfig(**sizes)),
        "MPNet": lambda: MPNetModel(MPNetConfig(**sizes)),
        "BERT": lambda: tiny_encoder(layers=3).model,
    }[kind]()


@pytest.mark.parametrize("kind", ["BERT", "RoBERTa", "MPNet"])
def test_layers_and_embeddings_are_found_in_every_shape_of_encoder(kind):
    model = shaped(kind)
    encoder = Encoder(model, tiny_encoder().tokenizer, max_length=64)
    assert [id(layer) for layer in top_layers(model, 2)] == [id(layer) for layer in model.encoder.layer[1:]]
    assert embeddings_of(model) is model.embeddings
    Freeze(2, embeddings=True).begin(build(KnnRetraining, encoder=encoder))
    trained = {name.split(".")[2] for name, weight in model.named_parameters() if weight.requires_grad}
    assert trained == {"1", "2"}
    with pytest.raises(ValueError, match=r"layers=4: \w+Model has 3 layers \(encoder.layer\)"):
        top_layers(model, 4)


def test_a_model_without_a_list_of_layers_and_a_freeze_of_nothing_are_refused():
    with pytest.raises(ValueError, match="Linear has no list of layers"):
        top_layers(torch.nn.Linear(2, 2), 1)
    with pytest.raises(ValueError, match="freeze nothing"):
        Freeze(None, embeddings=False)
    with pytest.raises(ValueError, match="layers=0: at least 1"):
        Freeze(0, embeddings=True)


def test_merged_adapters_give_the_vectors_they_gave_before_and_an_ordinary_folder(tmp_path):
    class Before(Callback):
        def on_train_end(self, trainer, module) -> None:
            self.vectors = module.encoder.encode(TEXTS)

    before, plain = Before(), tiny_encoder()
    objective = train(
        three_way(FineTuning, learning_rate=1e-2), Lora(2, 4, 0.1, "all-linear"), callbacks=[before]
    )
    torch.testing.assert_close(objective.encoder.encode(TEXTS), before.vectors, atol=1e-5, rtol=0)
    assert not torch.allclose(before.vectors, plain.encode(TEXTS), atol=1e-3)
    assert objective.encoder.model.state_dict().keys() == plain.model.state_dict().keys()
    objective.encoder.save(tmp_path / "encoder")
    plain.save(tmp_path / "plain")
    assert sorted(path.name for path in (tmp_path / "encoder").iterdir()) == sorted(
        path.name for path in (tmp_path / "plain").iterdir()
    )
    loaded = Encoder(AutoModel.from_pretrained(tmp_path / "encoder"), plain.tokenizer, max_length=64)
    torch.testing.assert_close(loaded.encode(TEXTS), before.vectors, atol=1e-5, rtol=0)


@pytest.mark.parametrize("name", ["l2sp", "distill", "lora", "freeze", "wise_ft"])
def test_dense_layers_are_trained_and_saved_under_every_remedy(name, tmp_path):
    plain = tiny_encoder()
    torch.manual_seed(0)
    dense = Dense(DenseShape(32, 8, bias=True, activation="Tanh"))
    first = dense.linear.weight.detach().clone()
    encoder = Encoder(plain.model, plain.tokenizer, "cls", 64, dense=[dense], normalize=True)
    train(three_way(learning_rate=1e-2, encoder=encoder), REMEDIES[name]())
    assert not torch.equal(dense.linear.weight, first)
    encoder.save(tmp_path)
    loaded = load_encoder(str(tmp_path), None)
    assert loaded.dim == 8
    torch.testing.assert_close(loaded.encode(TEXTS), encoder.encode(TEXTS), atol=1e-5, rtol=0)


def test_adapters_leave_embeddings_and_pooler_alone_and_the_head_is_trained():
    objective = three_way(FineTuning, learning_rate=1e-2)
    before = weights(objective)
    after = weights(train(objective, Lora(2, 4, 0.0, "all-linear")))
    changed = {name for name in after if not torch.equal(after[name], before[name])}
    assert {"head.weight", "head.bias"} <= changed
    assert all(name.startswith("head") or (".layer." in name and name.endswith("weight")) for name in changed)


def test_adapters_are_drawn_by_the_seed_alone():
    vectors = []
    for _ in range(2):
        torch.rand(7)
        vectors.append(
            train(three_way(learning_rate=1e-2), Lora(2, 4, 0.0, "all-linear")).encoder.encode(TEXTS)
        )
    assert torch.equal(*vectors)


def test_without_peft_the_error_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "peft", None)
    with pytest.raises(ImportError, match=r'pip install "\.\[lora\]"'):
        Lora(2, 4, 0.0, "all-linear")


@pytest.mark.parametrize("others", [(), (Lora(2, 4, 0.0, "all-linear"),)], ids=["alone", "with lora"])
def test_the_average_is_the_start_at_0_the_plain_run_at_1_and_half_way_between(others):
    start = weights(three_way(FineTuning))
    plain = weights(train(three_way(FineTuning, learning_rate=1e-2), *others))
    averaged = {
        alpha: weights(train(three_way(FineTuning, learning_rate=1e-2), *others, WiseFt(alpha)))
        for alpha in (0, 0.5, 1)
    }
    assert same(averaged[0], start)
    assert same(averaged[1], plain)
    for name, weight in averaged[0.5].items():
        torch.testing.assert_close(weight, (start[name] + plain[name]) / 2)


def test_a_solved_training_stops_after_so_many_epochs_in_a_row():
    epochs = [
        train(three_way(learning_rate=3e-3), Solved(count), epochs=40, batch_size=12).trainer.current_epoch
        for count in (1, 3)
    ]
    assert epochs[0] + 2 <= epochs[1] < 40


# --- together


@pytest.mark.parametrize("remedy", REMEDIES)
@pytest.mark.parametrize("objective", OBJECTIVES, ids=lambda o: o.__name__)
def test_every_remedy_goes_with_every_objective(objective, remedy):
    trained = train(three_way(objective, learning_rate=1e-2), REMEDIES[remedy](), max_steps=2)
    assert trained.trainer.global_step == 2
    assert not torch.equal(trained.encoder.encode(TEXTS), tiny_encoder().encode(TEXTS))


@pytest.mark.parametrize("objective", OBJECTIVES, ids=lambda o: o.__name__)
@pytest.mark.parametrize(
    "names",
    [
        ("replay", "distill", "l2sp", "freeze", "solved", "wise_ft"),
        ("wise_ft", "replay", "distill", "lora", "solved"),
    ],
)
def test_remedies_go_together(objective, names):
    trained = train(
        three_way(objective, learning_rate=1e-2), *(REMEDIES[name]() for name in names), max_steps=2
    )
    assert trained.encoder.model.state_dict().keys() == tiny_encoder().model.state_dict().keys()


@pytest.mark.parametrize(
    ("remedy", "change"),
    [
        ("replay", {"rows_per_batch": 5}),
        ("replay", {"only": True}),
        ("l2sp", {"weight": 10.0}),
        ("distill", {"weight": 10.0}),
        ("distill", {"rows": "replayed"}),
        ("lora", {"rank": 1}),
        ("lora", {"alpha": 16}),
        ("lora", {"dropout": 0.5}),
        ("lora", {"target_modules": ["query"]}),
        ("freeze", {"layers": 2}),
        ("freeze", {"embeddings": False}),
        ("wise_ft", {"alpha": 0.25}),
    ],
    ids=lambda value: str(value),
)
def test_every_knob_has_an_effect(remedy, change):
    vectors = [
        train(
            three_way(learning_rate=1e-2),
            *([ReplayRows(3, False)] if remedy == "distill" else []),
            REMEDIES[remedy](**settings),
            epochs=3,
        ).encoder.encode(TEXTS)
        for settings in ({}, change)
    ]
    assert not torch.allclose(*vectors, atol=1e-6)


# --- the group, through Hydra and the command line


def test_remedies_are_chosen_alone_in_a_list_or_not_at_all():
    assert resolved().recipe == {}
    assert set(resolved("recipe=replay").recipe) == {"replay"}
    chosen = resolved("recipe=[replay,solved,wise_ft]", "recipe.replay.rows_per_batch=8").recipe
    assert list(chosen) == ["replay", "solved", "wise_ft"]
    assert chosen.replay.rows_per_batch == 8
    control = resolved("recipe=control", "recipe.replay.rows_per_batch=8").recipe
    assert control.replay.only
    assert set(control.replay) == set(chosen.replay)


@pytest.mark.parametrize("objective", ["random_label", "knn", "knn_learnt", "finetune", "fixed_label"])
def test_keep_is_replay_at_a_low_rate_whatever_the_objectives_own(objective):
    own, kept = resolved(f"objective={objective}"), resolved(f"objective={objective}", "recipe=keep")
    assert own.objective.learning_rate > kept.objective.learning_rate == 5e-5
    assert kept.recipe == {"replay": {**resolved("recipe=replay").recipe.replay, "rows_per_batch": 64}}
    assert {
        **kept,
        "objective": {**kept.objective, "learning_rate": own.objective.learning_rate},
        "recipe": {},
    } == own
    changed = resolved("recipe=[keep,solved]", "objective.learning_rate=1e-3", "recipe.replay.only=true")
    assert (changed.objective.learning_rate, changed.recipe.replay.only, list(changed.recipe)) == (
        1e-3,
        True,
        ["replay", "solved"],
    )


def test_a_recipe_is_part_of_what_a_job_is_and_none_is_as_before():
    def cell(*words: str, **changes) -> str:
        config = OmegaConf.to_container(resolved(*words))
        return identity(
            {key: value for key, value in {**config, **changes}.items() if value is not None},
            "w",
            "b",
            None,
            None,
        ).cell

    assert cell() == cell(recipe=None)
    assert (
        len(
            {
                cell(),
                cell("recipe=l2sp"),
                cell("recipe=l2sp", "recipe.l2sp.weight=1"),
                cell("recipe=[l2sp,solved]"),
            }
        )
        == 4
    )
    assert _part("recipe", "[replay,solved]") == "replay+solved"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["recipe=[lora,freeze]"], "recipe=lora does not go with freeze: lora freezes every weight"),
        (["recipe=[l2sp,lora]"], "recipe=lora does not go with l2sp"),
        (["recipe=[control,solved]"], "recipe=control does not go with solved"),
        (["recipe=distill", "recipe.distill.rows=replayed"], "nothing is replayed"),
        (["recipe=replay"], "Pass init=RUN"),
        (["recipe=control"], "recipe=control replays NLI rows"),
        (["recipe=distill", "recipe.distill.rows=none"], "expected all or replayed"),
        (["recipe=wise_ft", "recipe.wise_ft.alpha=2"], "alpha=2: expected a number from 0 to 1"),
        (["recipe=l2sp", "recipe.l2sp.weight=0"], "leave the remedy out of recipe"),
        (["recipe=l2sp", "recipe.l2sp.weight=much"], "weight=much: expected a number"),
        (["recipe=lora", "recipe.lora.dropout=1"], "dropout=1: expected a number from 0 to below 1"),
        (["recipe=solved", "recipe.solved.epochs=0"], "epochs=0: expected a whole number, 1 or more"),
        (["recipe=solved", "recipe.solved.epochs=x"], "expected a whole number"),
        (["recipe=solvd"], "Did you mean recipe=solved"),
        (["recipe=freeze", "recipe.freeze.layers=7"], "BertModel has 2 layers"),
    ],
)
def test_what_cannot_work_is_refused_with_the_reason(relsym, quick, tmp_path, words, message):
    refused(relsym("train", *quick, *words), message, tmp_path / "run")


@pytest.mark.parametrize(
    ("epochs", "steps", "most"), [(20, -1, 80), (20, 10, 10), (2, 10, 8), (None, 10, 10), (-1, 10, 10)]
)
def test_replayed_rows_are_drawn_for_as_many_steps_as_there_can_be(epochs, steps, most):
    assert most_steps(OmegaConf.create({"epochs": epochs, "max_steps": steps}), 4) == most


def test_a_training_without_an_end_cannot_plan_what_it_replays():
    with pytest.raises(ValueError, match=r"both unlimited.*Set one of them"):
        most_steps(OmegaConf.create({"epochs": None, "max_steps": -1}), 4)


@pytest.mark.parametrize("names", ["[distill,l2sp,wise_ft]", "[distill,lora]"])
def test_a_recipe_trains_in_bf16(relsym, quick, tmp_path, names):
    ended = relsym("train", *quick, "precision=bf16", f"recipe={names}", "training.max_steps=2")
    assert ended.code == 0, ended.err
    assert results(tmp_path / "run")["attention"] == "eager"


def results(run: Path) -> dict:
    return json.loads((run / "results.json").read_text())


def test_a_recipe_in_fp32_keeps_the_fused_attention(relsym, quick, tmp_path):
    assert relsym("train", *quick, "recipe=l2sp", "training.max_steps=1").code == 0
    assert results(tmp_path / "run")["attention"] == "fused"


@pytest.mark.slow
@pytest.mark.parametrize(
    "objective", first_fast(["random_label", "knn", "knn_learnt", "finetune", "fixed_label"])
)
def test_a_run_goes_on_from_nli_with_a_recipe_and_its_control(
    relsym, quick, tmp_path, mnli_folder, objective
):
    quick = (*quick, f"objective={objective}", "training.max_steps=2")
    assert (
        relsym(
            "train", *quick, "data=mnli", f"data.folder={mnli_folder}", "data.samples=12", "data.test_pairs=9"
        ).code
        == 0
    )
    on = (*quick, f"init={tmp_path / 'run'}", "recipe.replay.rows_per_batch=5")
    ended = relsym(
        "train", *on, "recipe=[replay,distill,solved,wise_ft,lora]", f"hydra.run.dir={tmp_path / 'recipe'}"
    )
    assert ended.code == 0, ended.err
    found = results(tmp_path / "recipe")
    assert found["recipe"] == ["replay", "distill", "solved", "wise_ft", "lora"]
    assert (found["replayed_rows"], found["replayed_distinct"]) == (10, 10)
    assert (
        load_file(tmp_path / "recipe/encoder/model.safetensors").keys()
        == load_file(tmp_path / "run/encoder/model.safetensors").keys()
    )
    assert relsym("train", *on, "recipe=control", f"hydra.run.dir={tmp_path / 'control'}").code == 0
    assert results(tmp_path / "control")["recipe"] == ["control"]
    assert results(tmp_path / "control")["replayed_rows"] == 10
    assert "train/distill" in (tmp_path / "recipe/csv/metrics.csv").read_text()


@pytest.mark.slow
def test_alpha_0_through_the_command_line_saves_the_weights_it_began_with(relsym, quick, tmp_path):
    assert relsym("train", *quick, "objective=finetune").code == 0
    again = relsym(
        "train",
        *quick,
        "objective=finetune",
        f"init={tmp_path / 'run'}",
        "recipe=wise_ft",
        "recipe.wise_ft.alpha=0",
        f"hydra.run.dir={tmp_path / 'again'}",
    )
    assert again.code == 0, again.err
    for name in ("encoder/model.safetensors", "probe.safetensors"):
        assert same(load_file(tmp_path / "run" / name), load_file(tmp_path / "again" / name))
    assert results(tmp_path / "again")["replayed_rows"] == 0


def test_a_run_on_other_data_than_nli_has_nothing_to_replay(relsym, quick, tmp_path):
    assert relsym("train", *quick).code == 0
    refused(
        relsym(
            "train", *quick, f"init={tmp_path / 'run'}", "recipe=replay", f"hydra.run.dir={tmp_path / 'on'}"
        ),
        "Pass init=RUN",
        tmp_path / "on",
    )


@pytest.mark.slow
def test_recipes_are_swept_one_by_one_and_in_lists(relsym, quick, tmp_path):
    words = [word for word in quick if "hydra.run" not in word]
    ended = relsym(
        "train",
        "-m",
        *words,
        "recipe=[l2sp,solved],[lora],distill,[]",
        f"hydra.sweep.dir={tmp_path / 'sweep'}",
    )
    assert ended.code == 0, ended.err
    found = {
        path.parent.name: results(path.parent)["recipe"]
        for path in (tmp_path / "sweep").glob("*/results.json")
    }
    assert found == {
        "000-l2sp+solved": ["l2sp", "solved"],
        "001-lora": ["lora"],
        "002-distill": ["distill"],
        "003-": [],
    }
