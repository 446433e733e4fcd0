"""Standard fine-tuning."""

from __future__ import annotations

from typing import Any, ClassVar, final

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from relsym.metrics.base import JOINT, NONE
from relsym.objectives.base import Objective


@final
class FineTuning(Objective):
    """Cross entropy of a linear head over the vector of the joint input; encoder and head are trained.

    loss = mean over pairs of -log softmax(W e + b)[label]
    """

    title: ClassVar[str] = "fine-tuning"
    place: ClassVar[int] = 3
    reads: ClassVar[str] = JOINT
    reads_metric: ClassVar[str] = NONE
    read_out_names: ClassVar[frozenset[str]] = frozenset({"head.weight", "head.bias"})

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        with torch.random.fork_rng():  # the head depends on the seed alone, and disturbs no other draw
            torch.manual_seed(self.seed)
            self.head = nn.Linear(self.encoder.dim, len(self.labels))

    def project(self, vectors: Float[Tensor, "n parts dim"]) -> Float[Tensor, "n parts channels"]:
        """Logits [n 1 classes].

        The head is applied before ranks exchange, so that its gradients on a rank are those of its own rows.
        """
        return self.head(vectors)

    def loss(
        self, representation: Float[Tensor, "n parts dim"], targets: Int[Tensor, " n"]
    ) -> Float[Tensor, ""]:
        """Mean cross entropy."""
        return cross_entropy(representation[:, 0], targets)

    def predict_batch(
        self, representation: Float[Tensor, "n parts dim"], targets: Int[Tensor, " n"]
    ) -> Int[Tensor, " n"]:
        """The class with the highest logit."""
        return representation[:, 0].argmax(-1)

    def read_out(self) -> dict[str, Tensor]:
        """Weight [classes dim] and bias [classes] of the head."""
        return {"head.weight": self.head.weight.detach(), "head.bias": self.head.bias.detach()}

    def restore(self, read_out: dict[str, Tensor]) -> None:
        """Keep the head of the earlier run."""
        super().restore(read_out)
        self.head.load_state_dict({"weight": read_out["head.weight"], "bias": read_out["head.bias"]})
