"""Refuse options that need a package which is not installed, before rows are read or a model is loaded."""

from __future__ import annotations

from collections.abc import Collection

from hydra.utils import get_object
from omegaconf import DictConfig, OmegaConf

from relsym.app.values.checks import TARGET_KEY, calls
from relsym.extras import refuse_missing_packages


def check_packages(cfg: DictConfig, unused: Collection[str] = ()) -> None:
    """Ask every component of a configuration for the packages that it needs (``relsym.extras.needs``).

    Args:
        cfg: composed, or a part of it.
        unused: first words of the keys whose components the command will not make.

    Raises:
        ImportError: one is not installed; with the option that asks for it and what installs it.
    """
    config = OmegaConf.to_container(cfg, resolve=True)
    for path, node in calls(config, ()):
        if path and path[0] in unused:
            continue
        try:
            component = get_object(node[TARGET_KEY])
        # Whoever calls it says what is wrong with it.
        except (ImportError, AttributeError, ValueError, TypeError):
            continue
        refuse_missing_packages(component, node)
