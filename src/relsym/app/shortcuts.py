"""Shortcuts that a user adds beside relsym's own."""

from __future__ import annotations

from hydra.utils import instantiate
from omegaconf import DictConfig

from relsym.evaluation.shortcuts import SHORTCUTS, Shortcut


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
