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
        layers: how many transformer layers are trained, counted from the top; whatever else stands between
        the embeddings and them is
            frozen. None: all of it is trained.
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
        low = embeddings_of(model)
        if self.layers is not None:
            top = top_layers(model, self.layers)
            trained = {id(weight) for module in (low, *top) for weight in module.parameters()}
            for weight in model.parameters():
                weight.requires_grad_(weight.requires_grad and id(weight) in trained)
        if self.embeddings:
            low.requires_grad_(False)


def top_layers(model: nn.Module, count: int) -> list[nn.Module]:
    """The last so many transformer layers: of the list of modules that holds the most weights."""
    lists = [
        (name, module)
        for name, module in model.named_modules()
        if isinstance(module, nn.ModuleList) and len(module)
    ]
    if not lists:
        raise ValueError(
            f"recipe.freeze.layers={count}: {type(model).__name__} has no list of layers. "
            "Set recipe.freeze.layers=null to freeze its embeddings alone, or leave freeze out of recipe."
        )
    name, layers = max(lists, key=lambda named: sum(weight.numel() for weight in named[1].parameters()))
    if count > len(layers):
        raise ValueError(
            f"recipe.freeze.layers={count}: {type(model).__name__} has {len(layers)} layers ({name}). Ask "
            "for no more."
        )
    return list(layers[-count:])


def embeddings_of(model: nn.Module) -> nn.Module:
    """The part of the model that holds the token embeddings and no layers: with positions and norm, where
    they stand together.
    """
    tokens = model.get_input_embeddings()
    parts = (part for part in model.children() if tokens in part.modules())
    return next(
        (part for part in parts if not any(isinstance(module, nn.ModuleList) for module in part.modules())),
        tokens,
    )
