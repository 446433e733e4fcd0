"""The remedies of a training: which were chosen, and what cannot go together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from relsym.objectives.remedies.base import Remedy

# Names of options -> why not together.
APART = {
    ("lora", "freeze"): "lora freezes every weight and trains adapters in all layers",
    ("lora", "l2sp"): "lora leaves the weights where they are, and its adapters start from nothing to pull back to",
    ("control", "solved"): "control trains on no symmetry rows that could be solved",
}


def recipe_names(recipe: Mapping[str, Any]) -> list[str]:
    """The remedies of ``cfg.recipe`` as their options are called; replay without other rows is ``control``."""
    return ["control" if name == "replay" and node["only"] else name for name, node in recipe.items()]


def check_recipe(cfg: DictConfig) -> None:
    """Refuse remedies that cannot work, alone or together, with the reason."""
    build_remedies(cfg)  # refuses settings that make no sense and packages that are missing
    names = recipe_names(cfg.recipe)
    for (one, other), reason in APART.items():
        if one in names and other in names:
            raise ValueError(f"recipe={one} does not go with {other}: {reason}. Leave one of them out.")
    if "distill" in names and cfg.recipe.distill.rows == "replayed" and "replay" not in cfg.recipe:
        raise ValueError("recipe.distill.rows=replayed: nothing is replayed. Use recipe=[replay,distill], or recipe.distill.rows=all.")
    if "replay" in cfg.recipe and cfg.init is None and OmegaConf.select(cfg, "forgetting.folder") is None:
        raise ValueError(f"recipe={'control' if 'control' in names else 'replay'} replays NLI rows that the encoder was trained on before. "
                         "Pass init=RUN, the folder of a finished relsym train data=mnli.")


def build_remedies(cfg: DictConfig) -> tuple[Remedy, ...]:
    """The chosen remedies, in their order."""
    return tuple(instantiate(node, _convert_="all") for node in cfg.recipe.values())
