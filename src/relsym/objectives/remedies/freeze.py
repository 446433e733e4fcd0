"""Weights that are left as they were."""

from __future__ import annotations

from typing import ClassVar, final

from pytorch_lightning import LightningModule
from torch import nn

from relsym.objectives.remedies.base import Remedy
from relsym.ranges import PositiveInt


@final
class Freeze(Remedy):
    """Train the top layers of the encoder alone, leave its embeddings alone, or both.

    Args:
        layers: how many transformer layers are trained, counted from the top; whatever stands between the
            embeddings and them is frozen. None: all of it is trained. Dense layers after the pooling stand on
            top of these and are always trained.
        embeddings: True freezes the embeddings.

    Raises:
        ValueError: nothing would be frozen; the encoder has fewer layers, or no list of layers.
    """

    name: ClassVar[str] = "freeze"

    def __init__(self, layers: PositiveInt | None, embeddings: bool) -> None:
        if layers is None and not embeddings:
            raise ValueError(
                "recipe.freeze: layers=null and embeddings=false freeze nothing. Set one, or leave freeze "
                "out of recipe."
            )
        if layers is not None and layers < 1:
            raise ValueError(f"recipe.freeze.layers={layers}: at least 1, or null to train all.")
        self.layers, self.embeddings = layers, embeddings

    def begin(self, objective: LightningModule) -> None:
        """Take the weights out of the training; a head stays in it."""
        model = objective.encoder.model
        embeddings = embeddings_of(model)
        if self.layers is not None:
            trained = set(embeddings.parameters())
            for layer in top_layers(model, self.layers):
                trained.update(layer.parameters())
            for weight in model.parameters():
                if weight not in trained:
                    weight.requires_grad_(False)
        if self.embeddings:
            embeddings.requires_grad_(False)


def top_layers(model: nn.Module, count: int) -> list[nn.Module]:
    """The last ``count`` transformer layers.

    Architectures name their list of layers differently; it is the list of modules with the most weights.

    Raises:
        ValueError: the model has no such list, or fewer layers.
    """
    lists = {}
    for name, module in model.named_modules():
        if isinstance(module, nn.ModuleList) and len(module):
            lists[name] = module
    if not lists:
        raise ValueError(
            f"recipe.freeze.layers={count}: {type(model).__name__} has no list of layers. "
            "Set recipe.freeze.layers=null to freeze its embeddings alone, or leave freeze out of recipe."
        )
    name = max(lists, key=lambda name: _weights_in(lists[name]))
    layers = lists[name]
    if count > len(layers):
        raise ValueError(
            f"recipe.freeze.layers={count}: {type(model).__name__} has {len(layers)} layers ({name}). Ask "
            "for no more."
        )
    return list(layers[-count:])


def embeddings_of(model: nn.Module) -> nn.Module:
    """The part of the model that holds the token embeddings and no layers.

    With positions and norm where they stand together with the tokens, else the token embeddings alone.
    """
    tokens = model.get_input_embeddings()
    for part in model.children():
        modules = list(part.modules())
        has_layers = any(isinstance(module, nn.ModuleList) for module in modules)
        if tokens in modules and not has_layers:
            return part
    return tokens


def _weights_in(module: nn.Module) -> int:
    """How many numbers the module's parameters hold."""
    return sum(weight.numel() for weight in module.parameters())
