"""Gradients of every step of every objective, for the DDP test; run alone or under torchrun.

python ddp_gradients.py OUT.pt          torchrun --nproc_per_node 2 ddp_gradients.py OUT.pt
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Sequence
from itertools import product

import torch
from pytorch_lightning import Callback, Trainer

from relsym.data.module import PairData
from relsym.data.pairs import Row
from relsym.data.relations import CONTRADICTION, ENTAILMENT
from relsym.encoders.load import tiny_encoder
from relsym.metrics.hadamard import Hadamard
from relsym.metrics.none import NoMetric
from relsym.metrics.pair import Pair
from relsym.metrics.rotate import Rotate
from relsym.objectives.finetune import FineTuning
from relsym.objectives.fixed_label import FixedLabelRetraining
from relsym.objectives.knn import KnnRetraining, LearntMetricRetraining
from relsym.objectives.random_label import RandomLabelRetraining
from relsym.objectives.remedies.distill import Distill
from relsym.objectives.remedies.l2sp import L2SP

SIZES = (8, 28, 36)
CASES = (
    (RandomLabelRetraining, Hadamard),
    (RandomLabelRetraining, Rotate),
    (KnnRetraining, Hadamard),
    (LearntMetricRetraining, Pair),
    (FineTuning, NoMetric),
    (FixedLabelRetraining, Hadamard),
    (FixedLabelRetraining, Rotate),
)
OWN = {FineTuning: {}, FixedLabelRetraining: {"unrelated_weight": 2.0}}
ROWS_OF_FACT = 3  # an odd number, so that ranks share out a batch of whole facts unevenly
# Strong enough that a wrong mean would show; an odd number of replayed rows, so that shares are padded.
REPLAYED = 5
REMEDIES = {
    "all": lambda: (Distill(5.0, "all"), L2SP(3.0)),
    "replayed": lambda: (Distill(5.0, "replayed"), L2SP(3.0)),
}


class Rows(PairData):
    labels = (ENTAILMENT, CONTRADICTION)

    def __init__(self, count: int, whole_facts: bool = False) -> None:
        super().__init__(batch_size=16, score_on="test", seed=0)
        self.whole_facts = whole_facts
        verbs = ("is a sibling of", "is the mother of")
        self.train_rows = [
            Row(
                str(i),
                "P1",
                "lexicalised",
                f"a{i} {verbs[i % 2]} b{i * i}.",
                f"b{i * i} {verbs[i % 2]} a{i}.",
                self.labels[i % 2],
            )
            for i in range(count)
        ]

    def read(self) -> None:
        raise AssertionError("rows are made in the constructor")

    def units(self) -> list[list[int]] | None:
        if not self.whole_facts:
            return None
        rows = list(range(len(self.train_rows)))
        return [rows[start : start + ROWS_OF_FACT] for start in rows[::ROWS_OF_FACT]]

    def about(self, rows: Sequence[Row]) -> list[str]:
        return [str(place // ROWS_OF_FACT) for place in range(len(rows))]


class Gradients(Callback):
    def __init__(self) -> None:
        self.steps = []

    def on_before_optimizer_step(self, trainer, module, optimizer) -> None:
        self.steps.append(
            torch.cat([p.grad.flatten().clone() for p in module.parameters() if p.grad is not None])
        )


def freeze_key_biases(module: torch.nn.Module) -> None:
    """A softmax does not see a bias on the keys: its gradient is round-off, which Adam's tiny denominator and
    L2-SP blow up to the size of a step.
    """
    for name, weight in module.named_parameters():
        weight.requires_grad_(weight.requires_grad and not name.endswith("key.bias"))


def main(target: str) -> None:
    warnings.filterwarnings("ignore")
    found = {}
    for count, (objective_class, metric), remedies in product(SIZES, CASES, (None, *REMEDIES)):
        options = OWN.get(objective_class, {"margin": 0.5})
        data, gradients = Rows(count, objective_class is FixedLabelRetraining), Gradients()
        if remedies:
            data.replay_with(Rows(50).train_rows, REPLAYED, False, steps=10)
        objective = (
            objective_class(
                tiny_encoder(dropout=0.0),
                metric(),
                data.labels,
                learning_rate=1e-3,
                weight_decay=0.01,
                schedule="linear",
                warmup=0.1,
                seed=0,
                **options,
            )
            .double()
            .train()
        )
        # In double precision, so that what is left to differ is the exchange itself.
        data.tokenize_with(
            objective.tokenize, objective.encoder.collate, objective.labels, objective.encodes_once
        )
        if remedies:
            freeze_key_biases(objective)
            objective.begin_with(REMEDIES[remedies]())
        world = int(__import__("os").environ.get("WORLD_SIZE", 1))
        trainer = Trainer(
            accelerator="cpu",
            devices=world,
            strategy="ddp" if world > 1 else "auto",
            max_epochs=2,
            logger=False,
            enable_checkpointing=False,
            enable_model_summary=False,
            enable_progress_bar=False,
            callbacks=[gradients],
            use_distributed_sampler=False,
            precision="64-true",
        )
        trainer.fit(objective, datamodule=data)
        found[f"{objective_class.__name__} {metric.__name__} {remedies} {count}"] = torch.stack(
            gradients.steps
        )
    if trainer.is_global_zero:
        torch.save(found, target)


if __name__ == "__main__":
    main(sys.argv[1])
