"""Shortcuts that a user adds beside relsym's own."""

from __future__ import annotations

import msgspec
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from relsym.data.module import PairData
from relsym.evaluation.readers import score_shortcuts
from relsym.evaluation.relation_shortcuts import RELATION_SHORTCUTS
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
        if name in SHORTCUTS or name in RELATION_SHORTCUTS:
            raise ValueError(f"shortcuts.{name}: relsym has a shortcut of this name. Choose another.")
        shortcut = instantiate(node, _convert_="all")
        if not isinstance(shortcut, Shortcut):
            raise ValueError(f"shortcuts.{name}: {node._target_} is no relsym.evaluation.shortcuts.Shortcut.")
        shortcuts[name] = shortcut
    return shortcuts


def score_all_shortcuts(cfg: DictConfig, scores: Scores, data: PairData) -> None:
    """Score relsym's shortcuts and the user's on every form; none where there are no rows to fit them on.

    Of the user's it is also recorded, as a hash, how they and the rows are configured: a name says too little
    to compare them between runs.
    """
    if not data.trains:
        return
    score_shortcuts(scores, data, own_shortcuts(cfg))
    data_config = OmegaConf.to_container(cfg.data.module, resolve=True)
    shortcut_configs = OmegaConf.to_container(cfg.shortcuts, resolve=True)
    for name, shortcut_config in shortcut_configs.items():
        key = f"shortcut/{name}"
        setting = digest([shortcut_config, data_config])
        scores.readers[key] = msgspec.structs.replace(scores.readers[key], setting=setting)
