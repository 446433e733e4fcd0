"""training.keep=best: the weights of the epoch that knows most of the validation rows."""

from __future__ import annotations

import json

import polars as pl
import pytest
from safetensors.torch import load_file

pytestmark = pytest.mark.filterwarnings("ignore:.*does not have many workers.*", "ignore:.*LeafSpec.*")
CONSTANT = (
    "model=tiny",
    "tracking=csv",
    "objective.schedule=constant",
    "objective.warmup=0.0",
    "training.patience=20",
    "data.test_pairs=12",
)


def trained(relsym, folder, *overrides) -> dict:
    ended = relsym("train", *CONSTANT, *overrides, f"hydra.run.dir={folder}")
    assert ended.code == 0, ended.err
    return json.loads((folder / "results.json").read_text())


@pytest.mark.slow
@pytest.mark.parametrize("objective", ["finetune", "knn"])
def test_the_weights_are_those_of_a_run_that_ends_with_the_best_epoch(relsym, tmp_path, objective):
    what = (f"objective={objective}", "objective.learning_rate=1e-2", "data.samples=16", "seed=1")
    found = trained(relsym, tmp_path / "best", *what, "training.epochs=4", "training.keep=best")
    curve = (
        pl.read_csv(tmp_path / "best" / "csv" / "metrics.csv")["validation/accuracy"].drop_nulls().to_list()
    )
    assert len(curve) == 4
    assert found["validation_accuracy"] == pytest.approx(max(curve), abs=1e-6)
    assert found["epoch_kept"] == curve.index(max(curve)) + 1
    assert found["epochs"] == 4
    trained(relsym, tmp_path / "short", *what, f"training.epochs={found['epoch_kept']}")
    best, short = (load_file(tmp_path / name / "encoder" / "model.safetensors") for name in ("best", "short"))
    assert all(best[name].equal(short[name]) for name in best)
    best, short = (load_file(tmp_path / name / "probe.safetensors") for name in ("best", "short"))
    assert all(best[name].equal(short[name]) for name in best)


def test_a_training_that_ends_within_its_first_epoch_keeps_what_it_has(relsym, tmp_path):
    found = trained(relsym, tmp_path / "run", "data.samples=64", "training.max_steps=1", "training.keep=best")
    assert found["epoch_kept"] == 1


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (("training.keep=first",), "expected last or best"),
        (("training.keep=best", "data.score_on=validation"), "Pass training.keep=last"),
    ],
)
def test_what_cannot_be_kept_is_refused(relsym, tmp_path, overrides, message):
    ended = relsym("train", *CONSTANT, *overrides, f"hydra.run.dir={tmp_path / 'run'}")
    assert ended.code != 0
    assert message in ended.err
