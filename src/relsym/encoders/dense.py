"""The linear layers that some sentence encoders have after their pooling."""

from __future__ import annotations

from typing import NamedTuple, final

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import linear

# By the last part of the name that a file gives. Nothing that a file names is imported.
ACTIVATIONS: dict[str, type[nn.Module]] = {
    kind.__name__: kind
    for kind in (nn.Tanh, nn.Identity, nn.ReLU, nn.GELU, nn.Sigmoid, nn.SiLU, nn.LeakyReLU, nn.ELU, nn.Mish)
}


class DenseShape(NamedTuple):
    """What a file says of a dense layer, beside its weights.

    inputs, outputs: lengths of the vectors before and after.
    bias: whether it adds one.
    activation: a key of ``ACTIVATIONS``.
    """

    inputs: int
    outputs: int
    bias: bool
    activation: str


@final
class Dense(nn.Module):
    """A linear layer and an activation on the vector of a text.

        v' = f(W v + b),   W [outputs inputs]

    It is trained with the encoder. Source: Reimers & Gurevych 2020, arXiv:2004.09813 (the distilled
    multilingual encoders have one).

    Args:
        shape: with random weights until others are loaded.
    """

    def __init__(self, shape: DenseShape) -> None:
        super().__init__()
        self.shape = shape
        self.linear = nn.Linear(shape.inputs, shape.outputs, bias=shape.bias)
        self.activation = ACTIVATIONS[shape.activation]()

    def forward(self, vectors: Float[Tensor, "n inputs"]) -> Float[Tensor, "n outputs"]:
        """The new vectors, computed in the precision of the ones that come in."""
        weight = self.linear.weight.to(vectors.dtype)
        bias = None if self.linear.bias is None else self.linear.bias.to(vectors.dtype)
        return self.activation(linear(vectors, weight, bias))
