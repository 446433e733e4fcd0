"""The remedies of a training: which were chosen, what cannot go together, and the rows that they replay."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from relsym.app.earlier_nli import check_nli_packages, nli_data
from relsym.data.module import PairData
from relsym.objectives.remedies.base import Remedy


def recipe_names(recipe: Mapping[str, Any]) -> list[str]:
    """The remedies of ``cfg.recipe`` as their options are called, in their order.

    Replay without the rows of the training itself is called ``control``, though both stand under ``replay``.
    """
    names = []
    for name, node in recipe.items():
        is_control = name == "replay" and node["only"]
        names.append("control" if is_control else name)
    return names


def check_recipe(cfg: DictConfig) -> None:
    """Refuse remedies that cannot work, alone or together, with the reason."""
    remedies = build_remedies(cfg)  # refuses settings that make no sense and packages that are missing
    names = recipe_names(cfg.recipe)
    for name, remedy in zip(names, remedies, strict=True):
        for other, reason in remedy.apart_from.items():
            if other in names:
                raise ValueError(f"recipe={name} does not go with {other}: {reason}. Leave one of them out.")
    has_replay = "replay" in cfg.recipe
    if "distill" in names and cfg.recipe.distill.rows == "replayed" and not has_replay:
        raise ValueError(
            "recipe.distill.rows=replayed: nothing is replayed. Use recipe=[replay,distill], or "
            "recipe.distill.rows=all."
        )
    names_nli_rows = cfg.init is not None or OmegaConf.select(cfg, "forgetting.folder") is not None
    if has_replay and not names_nli_rows:
        option = "control" if "control" in names else "replay"
        raise ValueError(
            f"recipe={option} replays NLI rows that the encoder was trained on before. Pass init=RUN, the "
            "folder of a finished relsym train data=mnli."
        )
    if has_replay:
        check_nli_packages(cfg)


def build_remedies(cfg: DictConfig) -> tuple[Remedy, ...]:
    """The chosen remedies, in their order."""
    return tuple(instantiate(node, _convert_="all") for node in cfg.recipe.values())


def feed(cfg: DictConfig, remedies: Sequence[Remedy], data: PairData) -> None:
    """Give the NLI rows of the run in ``init`` to the remedies that need them."""
    hungry = [remedy for remedy in remedies if remedy.needs_nli]
    if not hungry:
        return  # reading an NLI set takes a while
    nli = nli_data(cfg)
    nli_rows = [] if nli is None else nli.train_rows
    for remedy in hungry:
        remedy.feed(data, nli_rows, most_steps(cfg.training, data.steps_per_epoch()))


def most_steps(training: DictConfig, steps_per_epoch: int) -> int:
    """Steps after which the training ends, whatever it learns.

    Raises:
        ValueError: neither epochs nor steps are limited.
    """
    limits = []
    if training.epochs not in (None, -1):
        limits.append(training.epochs * steps_per_epoch)
    if training.max_steps not in (None, -1):
        limits.append(training.max_steps)
    if not limits:
        raise ValueError(
            "training.epochs and training.max_steps are both unlimited: replayed rows are drawn for every "
            "step before the first. Set one of them."
        )
    return min(limits)
