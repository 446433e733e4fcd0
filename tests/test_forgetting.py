"""What retraining costs: the measurement tells a loss from none, and refuses where there is
nothing to lose.
"""

from __future__ import annotations

import json
import random
import shutil

import polars as pl
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from omegaconf import OmegaConf
from safetensors.torch import load_file, save_file

from parameters import first_fast
from relsym.evaluation.drift import EVERYDAY_SENTENCES, drift, linear_cka, neighbour_overlap
from relsym.evaluation.forgetting import check_before, drop_of
from relsym.metrics.hadamard import Hadamard
from relsym.metrics.none import NoMetric
from relsym.metrics.pair import Pair
from relsym.probes.head import Head
from relsym.probes.knn import Knn
from relsym.probes.linear import Linear, features_of
from relsym.probes.nearest_label import NearestLabel
from relsym.report.figures.points import front_line, on_front

pytestmark = pytest.mark.filterwarnings("ignore:.*does not have many workers.*", "ignore:.*LeafSpec.*")
LABELS = ("entailment", "neutral", "contradiction")
WORDS = {"entailment": "indeed", "neutral": "perhaps", "contradiction": "never"}
RATES = {"finetune": 3e-3, "knn_learnt": 3e-3, "knn": 3e-3, "random_label": 3e-3, "fixed_label": 3e-3}
SYMMETRY = ("model=tiny", "tracking=csv", "data.samples=16", "data.test_pairs=8", "forgetting.refit_rows=60")


# --- figures


def test_a_drop_from_exactly_chance_has_no_retention():
    labels = list(LABELS)
    found = drop_of(labels, ["entailment"] * 3, labels, ["1", "2", "3"], 3)
    assert (found.before, found.drop, found.retention) == (pytest.approx(1 / 3), pytest.approx(-2 / 3), None)


def test_a_drop_is_the_share_of_rows_lost_less_the_share_gained():
    labels = ["entailment"] * 10
    before, after = ["entailment"] * 8 + ["neutral"] * 2, ["neutral"] * 3 + ["entailment"] * 6 + ["neutral"]
    found = drop_of(labels, before, after, [str(i) for i in range(10)], 3)
    assert (found.before, found.after, found.lost, found.gained, found.rows) == (0.8, 0.6, 3, 1, 10)
    assert found.drop == pytest.approx(0.2)
    assert found.retention == pytest.approx((0.6 - 1 / 3) / (0.8 - 1 / 3))
    assert found.p_mcnemar == pytest.approx(10 / 16)  # 2 P(X >= 3), X ~ Binomial(4, 1/2)
    assert found.low < found.drop < found.high


@given(st.lists(st.sampled_from(LABELS), min_size=2, max_size=30))
def test_the_same_answers_drop_by_nothing(labels):
    found = drop_of(labels, labels, labels, [str(i) for i in range(len(labels))], 3)
    assert (found.drop, found.low, found.high, found.retention, found.p_mcnemar, found.p_bootstrap) == (
        0,
        0,
        0,
        1,
        1,
        1,
    )


def test_rows_of_one_premise_stand_or_fall_together():
    labels, before = ["entailment"] * 90, ["entailment"] * 90
    after = ["neutral"] * 30 + ["entailment"] * 60
    alone = drop_of(labels, before, after, [str(i) for i in range(90)], 3)
    grouped = drop_of(labels, before, after, [str(i // 30) for i in range(90)], 3)
    assert grouped.high - grouped.low > 2 * (alone.high - alone.low)


def test_chance_and_another_order_of_the_labels_are_refused():
    generator = random.Random(0)
    labels = [LABELS[i % 3] for i in range(300)]
    check_before(
        labels, [label if i % 5 else "neutral" for i, label in enumerate(labels)], LABELS, "init=RUN"
    )
    with pytest.raises(ValueError, match=r"init=RUN.*nothing to forget"):
        check_before(labels, ["neutral"] * 300, LABELS, "init=RUN")
    with pytest.raises(ValueError, match=r"nothing to forget|label order"):
        check_before(labels, [generator.choice(LABELS) for _ in labels], LABELS, "init=RUN")
    turned = dict(zip(LABELS, (LABELS[2], LABELS[1], LABELS[0]), strict=True))
    with pytest.raises(
        ValueError, match=r"order contradiction, neutral, entailment in 100.0%.*correct `labels` in both"
    ):
        check_before(labels, [turned[label] for label in labels], LABELS, "init=RUN")


def test_cka_does_not_see_rotation_and_scale_and_sees_noise():
    generator = torch.Generator().manual_seed(0)
    vectors = torch.randn(100, 12, generator=generator)
    turn = torch.linalg.qr(torch.randn(12, 12, generator=generator)).Q
    assert linear_cka(vectors, 3 * vectors @ turn + 1) == pytest.approx(1)
    assert drift(vectors, vectors) == {"cka": pytest.approx(1), "overlap": 1.0}
    noise = torch.randn(100, 12, generator=generator)
    assert linear_cka(vectors, noise) < 0.3
    assert neighbour_overlap(vectors, noise) < 0.3
    assert linear_cka(vectors, torch.ones(100, 12)) == 0


def test_cka_and_overlap_are_those_of_a_double_loop():
    generator = torch.Generator().manual_seed(1)
    before, after = torch.randn(20, 5, generator=generator), torch.randn(20, 7, generator=generator)
    kernels = [(v - v.mean(0)) @ (v - v.mean(0)).T for v in (before.double(), after.double())]
    expected = (kernels[0] * kernels[1]).sum() / (kernels[0].norm() * kernels[1].norm())
    assert linear_cka(before, after) == pytest.approx(float(expected))
    shared = 0
    for i in range(20):
        sets = []
        for vectors in (before, after):
            cosines = {
                j: torch.cosine_similarity(vectors[i], vectors[j], dim=0).item() for j in range(20) if j != i
            }
            sets.append(set(sorted(cosines, key=cosines.get)[-3:]))
        shared += len(sets[0] & sets[1])
    assert neighbour_overlap(before, after, k=3) == pytest.approx(shared / 60)
    with pytest.raises(ValueError, match="more than 10"):
        neighbour_overlap(before[:10], after[:10])


def test_the_sample_of_sentences_is_fixed_and_holds_each_once():
    assert len(set(EVERYDAY_SENTENCES)) == len(EVERYDAY_SENTENCES) == 256
    assert EVERYDAY_SENTENCES[0] == "The old baker arrived long before anyone expected it."


# --- read-outs that are learnt anew


@pytest.mark.parametrize(
    ("probe", "metric", "texts"),
    [
        (Knn(3), Hadamard(), 2),
        (NearestLabel(), Hadamard(), 2),
        (Head(), NoMetric(), 1),
        (Knn(3), Pair(), 1),
        (Linear(), Hadamard(), 2),
        (Linear(), Pair(), 1),
    ],
)
def test_a_probe_that_is_refit_learns_the_rows_it_is_given(probe, metric, texts):
    generator = torch.Generator().manual_seed(0)
    targets = torch.arange(60) % 3
    centres = torch.randn(3, texts, 8, generator=generator)
    rows = centres[targets] + 0.1 * torch.randn(60, texts, 8, generator=generator)
    probe.refit(metric, rows, targets)
    assert (probe.predict(rows) == targets).float().mean() > 0.9
    again = type(probe)(**({"k": 3} if isinstance(probe, Knn) else {}))
    again.restore(metric, probe.tensors())
    assert again.predict(rows).equal(probe.predict(rows))


def test_a_refit_label_embedding_is_the_direction_of_the_mean_of_its_rows():
    rows, metric, probe = (
        torch.randn(6, 2, 4, generator=torch.Generator().manual_seed(0)),
        Hadamard(),
        NearestLabel(),
    )
    probe.refit(metric, rows, torch.tensor([0, 1, 2, 0, 1, 2]))
    mean = (metric.label_of(rows[:, 0], rows[:, 1])[[1, 4]]).mean(0)
    torch.testing.assert_close(probe.label_embeddings[1], mean / mean.norm())


def test_features_of_sentences_hold_both_their_difference_and_their_product():
    rows = torch.tensor([[[1.0, 2.0], [3.0, -4.0]]])
    assert features_of(rows).tolist() == [[1, 2, 3, -4, 2, 6, 3, -8]]
    assert features_of(rows[:, :1]).tolist() == [[1, 2]]


# --- the front


def test_the_front_holds_what_nothing_beats_in_both():
    assert on_front([(1, 0.9), (2, 0.95), (3, 0.94), (1, 0.8)]) == [True, True, False, False]
    assert on_front([(1, 0.9), (1, 0.9)]) == [True, True]
    point = {"objective": "k-NN", "model": "m", "samples": 8, "front": True}
    assert front_line(
        [
            {**point, "drop": 1, "accuracy": 0.5},
            {**point, "drop": 3, "accuracy": 1.0},
            {**point, "samples": 9, "drop": 0, "accuracy": 0, "front": False},
        ]
    ) == [(2, 0.75)]


# --- whole runs


@pytest.fixture(scope="module")
def nli_rows(tmp_path_factory):
    """NLI rows that a tiny encoder can learn: the hypothesis begins with a word that tells the label."""
    folder = tmp_path_factory.mktemp("nli")
    for name, count in (("train.jsonl", 240), ("dev_matched.jsonl", 120)):
        rows = [
            {
                "premise": f"premise {name[0]} {i // 3}",
                "hypothesis": f"{WORDS[LABELS[i % 3]]} {i}",
                "label": LABELS[i % 3],
            }
            for i in range(count)
        ]
        (folder / name).write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


@pytest.fixture(scope="module")
def learnt(tmp_path_factory, nli_rows):
    """By objective, a run that learnt these rows, made once."""
    folder, made = tmp_path_factory.mktemp("learnt"), {}

    def make(relsym, objective: str):
        if objective not in made:
            made[objective] = folder / objective
            ended = relsym(
                "train",
                "model=tiny",
                "tracking=csv",
                "data=mnli",
                f"data.folder={nli_rows}",
                f"objective={objective}",
                "training.epochs=8",
                f"objective.learning_rate={RATES[objective]}",
                f"hydra.run.dir={made[objective]}",
            )
            assert ended.code == 0, ended.err
        return made[objective]

    return make


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def retrained(relsym, folder, run, objective, *overrides) -> dict:
    ended = relsym(
        "train",
        *SYMMETRY,
        f"init={run}",
        f"objective={objective}",
        "forgetting=mnli",
        f"hydra.run.dir={folder}",
        *overrides,
    )
    assert ended.code == 0, ended.err
    return json.loads((folder / "results.json").read_text())


@pytest.mark.slow
@pytest.mark.parametrize("objective", first_fast(RATES))
def test_every_objective_tells_what_it_forgot_by_every_read_out(relsym, learnt, tmp_path, objective):
    found = retrained(relsym, tmp_path / "run", learnt(relsym, objective), objective, "training.epochs=1")
    outs = found["forgetting"]["read_outs"]
    assert set(outs) == {"kept", "refit", "linear", *(["own"] if objective == "finetune" else [])}
    for name, drop in outs.items():
        assert (
            found["metrics"][f"forgetting/{name}/drop"]
            == drop["drop"]
            == pytest.approx(drop["before"] - drop["after"])
        )
        assert drop["rows"] == 120
    assert found["metrics"]["forgetting/drop"] == outs["kept"]["drop"]
    earlier = json.loads((learnt(relsym, objective) / "results.json").read_text())
    assert outs["kept"]["before"] == earlier["metrics"]["test/accuracy/mnli"]
    table = pl.read_parquet(tmp_path / "run" / "forgetting.parquet")
    assert (table["after:kept"] == table["label"]).mean() == pytest.approx(outs["kept"]["after"])
    assert 0 < found["metrics"]["drift/cka/sentences"] < 1


def test_an_encoder_that_was_not_touched_forgets_exactly_nothing(relsym, learnt, tmp_path):
    found = retrained(
        relsym, tmp_path / "run", learnt(relsym, "finetune"), "finetune", "objective.learning_rate=0.0"
    )
    assert {drop["drop"] for drop in found["forgetting"]["read_outs"].values()} == {0}
    assert set(found["forgetting"]["read_outs"]) == {"kept", "refit", "linear"}
    assert found["metrics"]["drift/cka/sentences"] == pytest.approx(1)
    assert found["metrics"]["drift/overlap/nli"] == 1


@pytest.mark.slow
def test_retraining_that_shuffles_the_weights_is_at_chance_when_the_read_out_is_kept(
    relsym, learnt, tmp_path, monkeypatch
):
    from relsym.app.train import steps as training

    def shuffle(trainer, objective, data):
        fitted(trainer, objective, data)
        generator = torch.Generator().manual_seed(0)
        with torch.no_grad():
            for weights in objective.encoder.parameters():
                weights.copy_(
                    weights.flatten()[torch.randperm(weights.numel(), generator=generator)].view_as(weights)
                )

    fitted = training.run_trainer
    monkeypatch.setattr(training, "run_trainer", shuffle)
    kept = retrained(relsym, tmp_path / "run", learnt(relsym, "knn"), "knn", "training.max_steps=1")[
        "forgetting"
    ]["read_outs"]["kept"]
    assert kept["before"] > 0.9
    assert kept["after"] == pytest.approx(1 / 3, abs=0.13)


@pytest.mark.slow
def test_measuring_does_not_change_what_is_trained(relsym, learnt, tmp_path):
    retrained(relsym, tmp_path / "measured", learnt(relsym, "knn"), "knn", "training.epochs=1")
    assert (
        relsym(
            "train",
            *SYMMETRY[:4],
            f"init={learnt(relsym, 'knn')}",
            "objective=knn",
            "training.epochs=1",
            f"hydra.run.dir={tmp_path / 'plain'}",
        ).code
        == 0
    )
    one, other = (
        load_file(tmp_path / name / "encoder" / "model.safetensors") for name in ("measured", "plain")
    )
    assert all(one[name].equal(other[name]) for name in one)


@pytest.mark.slow  # four trainings
def test_answers_before_retraining_are_asked_once_for_all_runs(relsym, learnt, tmp_path, monkeypatch):
    from relsym.app.train.forgetting import Forgetting

    asked, answers = [], Forgetting._answers
    monkeypatch.setattr(
        Forgetting,
        "_answers",
        lambda self, encoder, description, own=None: (
            asked.append(description) or answers(self, encoder, description, own)
        ),
    )
    first, second = (
        retrained(
            relsym,
            tmp_path / name,
            learnt(relsym, "finetune"),
            "finetune",
            "training.max_steps=1",
            f"seed={seed}",
        )
        for seed, name in enumerate(("one", "two"))
    )
    assert asked == [
        "scoring NLI, before retraining",
        "scoring NLI, after retraining",
        "scoring NLI, after retraining",
    ]
    assert (
        first["forgetting"]["read_outs"]["refit"]["before"]
        == second["forgetting"]["read_outs"]["refit"]["before"]
    )
    (path,) = (tmp_path / "cache" / "relsym" / "forgetting").iterdir()
    path.write_bytes(path.read_bytes()[:-2])  # a damaged one is asked again
    retrained(relsym, tmp_path / "three", learnt(relsym, "finetune"), "finetune", "training.max_steps=1")
    assert asked[3:] == asked[:2]


@pytest.mark.slow
@pytest.mark.parametrize("score_on", ["test", "validation"])
def test_rows_to_score_and_to_refit_on_are_chosen(relsym, learnt, tmp_path, score_on):
    found = retrained(
        relsym,
        tmp_path / "run",
        learnt(relsym, "finetune"),
        "finetune",
        "training.max_steps=1",
        f"forgetting.score_on={score_on}",
        "forgetting.pairs=30",
        "forgetting.refit_rows=33",
    )["forgetting"]
    assert (found["rows"], found["score_on"], found["refit_rows"]) == (30, score_on, 33)
    names = pl.read_parquet(tmp_path / "run" / "forgetting.parquet")["pair_id"]
    assert names.str.starts_with("train.jsonl" if score_on == "validation" else "dev_matched.jsonl").all()


@pytest.mark.slow
def test_the_drop_is_taken_against_the_better_of_before_and_control(relsym, learnt, tmp_path):
    run = learnt(relsym, "finetune")
    retrained(relsym, tmp_path / "control", run, "finetune", "objective.learning_rate=0.0")
    table = pl.read_parquet(tmp_path / "control" / "forgetting.parquet")
    better = table.with_columns(pl.col("label").alias("after:kept"))
    better.write_parquet(tmp_path / "control" / "forgetting.parquet")
    found = retrained(relsym, tmp_path / "run", run, "finetune", f"forgetting.control={tmp_path / 'control'}")
    control = found["forgetting"]["control"]
    assert control["before"] == 1.0
    assert control["drop"] == pytest.approx(1 - found["forgetting"]["read_outs"]["kept"]["after"])
    assert found["metrics"]["forgetting/drop"] == max(
        control["drop"], found["forgetting"]["read_outs"]["kept"]["drop"]
    )
    assert control["folder"] == str(tmp_path / "control")
    better.head(5).write_parquet(tmp_path / "control" / "forgetting.parquet")
    ended = relsym(
        "train",
        *SYMMETRY,
        f"init={run}",
        "objective=finetune",
        "forgetting=mnli",
        f"forgetting.control={tmp_path / 'control'}",
        f"hydra.run.dir={tmp_path / 'other'}",
    )
    assert "scored other NLI rows" in ended.err
    assert not (tmp_path / "other" / "encoder").exists()


@pytest.mark.slow
def test_keep_is_measured_against_its_control_as_the_readme_does(relsym, learnt, tmp_path):
    words = ("recipe=keep", "recipe.replay.rows_per_batch=3", "training.epochs=2")
    run = learnt(relsym, "finetune")
    control = retrained(relsym, tmp_path / "control", run, "finetune", *words, "recipe.replay.only=true")
    kept = retrained(
        relsym, tmp_path / "keep", run, "finetune", *words, f"forgetting.control={tmp_path / 'control'}"
    )
    assert (control["recipe"], kept["recipe"]) == (["control"], ["replay"])
    assert control["replayed_rows"] == kept["replayed_rows"] > 0
    assert kept["forgetting"]["control"]["before"] == control["forgetting"]["read_outs"]["kept"]["after"]


def copied(run, folder, change):
    shutil.copytree(run, folder)
    change(folder)
    return folder


def turn_labels(folder):
    config = OmegaConf.load(folder / "config.yaml")
    config.labels = [config.labels[i] for i in (2, 1, 0)]
    OmegaConf.save(config, folder / "config.yaml")
    path = folder / "results.json"  # both say so: what only one says is refused before anything is measured
    path.write_text(json.dumps({**json.loads(path.read_text()), "labels": list(config.labels)}))


def forget_all(folder):
    tensors = load_file(folder / "probe.safetensors")
    save_file(
        {name: torch.zeros_like(tensor) for name, tensor in tensors.items()}, folder / "probe.safetensors"
    )


@pytest.mark.parametrize(
    ("change", "message"), [(turn_labels, "label order differs"), (forget_all, "nothing to forget")]
)
def test_a_run_with_another_label_order_or_without_knowledge_is_refused_before_training(
    relsym, learnt, tmp_path, change, message
):
    run = copied(learnt(relsym, "finetune"), tmp_path / "broken", change)
    ended = relsym(
        "train",
        *SYMMETRY,
        f"init={run}",
        "objective=finetune",
        "forgetting=mnli",
        f"hydra.run.dir={tmp_path / 'run'}",
    )
    assert ended.code != 0
    assert message in ended.err
    assert not (tmp_path / "run" / "encoder").exists()


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (("init=null",), "pass init=RUN"),
        (("forgetting.score_on=train",), "expected test or validation"),
        (("forgetting.pairs=20",), "forgetting.pairs=20: expected a whole number, 30 or more, or null"),
        (("forgetting.refit_rows=3",), "expected a whole number, 30 or more, or null"),
        (("forgetting.control=nowhere",), "forgetting.parquet is missing"),
        (("forgetting.folder=nowhere",), "no such folder"),
    ],
)
def test_what_cannot_be_measured_is_refused_with_what_to_do(relsym, learnt, tmp_path, overrides, message):
    ended = relsym(
        "train",
        *SYMMETRY,
        f"init={learnt(relsym, 'finetune')}",
        "objective=finetune",
        "forgetting=mnli",
        f"hydra.run.dir={tmp_path / 'run'}",
        *overrides,
    )
    assert ended.code != 0
    assert message in ended.err


def test_a_run_that_learnt_something_else_has_nothing_to_forget(relsym, tmp_path):
    assert (
        relsym(
            "train",
            "model=tiny",
            "tracking=csv",
            "training.max_steps=1",
            "data.samples=8",
            "data.test_pairs=8",
            f"hydra.run.dir={tmp_path / 'symmetry'}",
        ).code
        == 0
    )
    ended = relsym(
        "train",
        *SYMMETRY,
        f"init={tmp_path / 'symmetry'}",
        "objective=knn",
        "forgetting=mnli",
        f"hydra.run.dir={tmp_path / 'run'}",
    )
    assert "learnt no NLI" in ended.err


def test_a_folder_of_ones_own_can_be_asked(relsym, learnt, tmp_path, nli_rows):
    found = retrained(
        relsym,
        tmp_path / "run",
        learnt(relsym, "finetune"),
        "finetune",
        "training.max_steps=1",
        f"forgetting.folder={nli_rows}",
    )
    assert found["forgetting"]["rows"] == 120
    assert found["forgetting"]["counts"]["test rows"] == 120


@pytest.mark.slow
def test_the_report_tells_forgetting_in_a_table_and_a_figure(relsym, learnt, tmp_path):
    for seed in (0, 1):
        retrained(
            relsym,
            tmp_path / f"run{seed}",
            learnt(relsym, "finetune"),
            "finetune",
            "training.epochs=1",
            f"seed={seed}",
        )
    ended = relsym(
        "report", f"inputs={tmp_path / 'run0'},{tmp_path / 'run1'}", f"hydra.run.dir={tmp_path / 'report'}"
    )
    assert ended.code == 0, ended.err
    table = pl.read_csv(tmp_path / "report" / "tables" / "forgetting.csv")
    assert table["read-out"].to_list() == ["kept", "refit", "linear probe", "own, as retrained"]
    assert table["seeds"].to_list() == [2] * 4
    assert table["drop"].dtype == pl.Float64
    assert table["drop, note"][0].startswith("± ")
    assert (tmp_path / "report" / "figures" / "forgetting.svg").stat().st_size > 0
    assert (
        "not measured"
        not in (tmp_path / "report" / "report.md").read_text().partition("Forgetting")[2][:2000]
    )
