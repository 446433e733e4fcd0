"""Shortcuts that a user adds beside relsym's own."""

from __future__ import annotations

import msgspec
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from relsym.data.module import PairData
from relsym.evaluation.readers import score_shortcuts
from relsym.evaluation.score import Scores
from relsym.evaluation.shortcuts import SHORTCUTS, Shortcut
from relsym.runs.identity import digest


def own_shortcuts(cfg: DictConfig) -> dict[str, Shortcut]:
    """The shortcuts of ``shortcut=NAME``, by name.

    Raises:
        ValueError: one has the name of relsym's own, or is no ``Shortcut``.
    """
    shortcuts: dict[str, Shortcut] = {}
    for name, node in cfg.shortcuts.items():
        if name in SHORTCUTS:
            raise ValueError(f"shortcuts.{name}: relsym has a shortcut of this name. Choose another.")
        shortcut = instantiate(node, _convert_="all")
        if not isinstance(shortcut, Shortcut):
            raise ValueError(f"shortcuts.{name}: {node._target_} is no relsym.evaluation.shortcuts.Shortcut.")
        shortcuts[name] = shortcut
    return shortcuts


def score_all_shortcuts(cfg: DictConfig, scores: Scores, data: PairData) -> None:
    """relsym's shortcuts and the user's, on every form; of the latter it is recorded how they are
    configured.
    """
    score_shortcuts(scores, data, own_shortcuts(cfg))
    drawn = OmegaConf.to_container(cfg.data.module, resolve=True)
    for name, node in OmegaConf.to_container(cfg.shortcuts, resolve=True).items():
        reader = scores.readers[f"shortcut/{name}"]
        scores.readers[f"shortcut/{name}"] = msgspec.structs.replace(reader, setting=digest([node, drawn]))
