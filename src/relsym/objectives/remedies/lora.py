"""Low-rank adapters in place of the encoder's weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import ClassVar, final

import torch
from pytorch_lightning import LightningModule

from relsym.extras import install_line, needs, refuse_missing_packages
from relsym.objectives.remedies.base import Remedy, check_positive
from relsym.ranges import Dropout, PositiveFloat, PositiveInt


@final
@needs("recipe=lora", "peft", install_line("lora"))
class Lora(Remedy):
    """Freeze the encoder and train a low-rank change of its linear layers.

        W = W0 + alpha / rank * B A,   A [rank in],  B [out rank], zero at the start

    After the training W takes the place of W0: the saved encoder has no trace of the adapters. A head is
    trained as ever, and so are dense layers after the pooling (``Encoder.dense``). The adapters' learning
    rate is ``objective.learning_rate``; they usually take a larger one than the weights. Source: Hu et al.
    2021, arXiv:2106.09685; that they forget less: Biderman et al. 2024, arXiv:2405.09673.

    Args:
        rank: of the change.
        alpha: its strength, divided by the rank.
        dropout: on the adapters' input.
        target_modules: "all-linear", or names of linear layers; never the pooler, which takes no part in the
            vectors.

    Raises:
        ImportError: peft is not installed.
    """

    name: ClassVar[str] = "lora"
    rebuilds_encoder: ClassVar[bool] = True
    apart_from: Mapping[str, str] = MappingProxyType(
        {
            "freeze": "lora freezes every weight and trains adapters in all layers",
            "l2sp": (
                "lora leaves the weights where they are, and its adapters start from nothing to pull back to"
            ),
        }
    )

    def __init__(
        self, rank: PositiveInt, alpha: PositiveFloat, dropout: Dropout, target_modules: str | Sequence[str]
    ) -> None:
        refuse_missing_packages(type(self))
        check_positive("recipe.lora.rank", rank)
        check_positive("recipe.lora.alpha", alpha)
        if not 0 <= dropout < 1:
            raise ValueError(f"recipe.lora.dropout={dropout}: must be from 0 to below 1.")
        self.rank, self.alpha, self.dropout = rank, alpha, dropout
        # peft refuses a list of another type, such as omegaconf's.
        self.target_modules = target_modules if isinstance(target_modules, str) else list(target_modules)

    def begin(self, objective: LightningModule) -> None:
        """Put the adapters in; the same ones on every rank, whatever was drawn before."""
        from peft import LoraConfig, LoraModel  # slow to import, and for this remedy alone

        config = LoraConfig(
            r=self.rank,
            lora_alpha=self.alpha,
            lora_dropout=self.dropout,
            target_modules=self.target_modules,
            exclude_modules=r"(.*\.)?pooler\..*",
        )
        with torch.random.fork_rng():
            torch.manual_seed(objective.seed)
            self._adapted = LoraModel(objective.encoder.model, config, "default")

    def end(self, objective: LightningModule) -> None:
        """Add the change to the weights and take the adapters out."""
        objective.encoder.model = self._adapted.merge_and_unload()
