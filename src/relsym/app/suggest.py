"""Near matches for a word on the command line that the configuration does not know."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches
from importlib.resources import files

from hydra import compose, initialize_config_module
from hydra.core.global_hydra import GlobalHydra
from omegaconf import DictConfig, OmegaConf

KEY = re.compile(r"Could not override '([^']+)'")
OPTION = re.compile(r"Could not find '([^']+)/([^'/]+)'\s+Available options in '[^']+':\n((?:\t.+\n?)+)")
SEARCH_PATH = re.compile(r"\nConfig search path:.*", re.DOTALL)
SEARCHED_TASKS = ("train", "build", "report")


def with_near_matches(message: str) -> str:
    """Hydra's message about a wrong word, with what may have been meant."""
    if "'hydra/sweeper/optuna'" in message:
        return f"{SEARCH_PATH.sub('', message)}\nsweep=tune needs Optuna's sweeper: pip install \"relsym[optuna]\""
    if found := KEY.search(message):
        return f"{message}{_meant(found[1], known_words())}"
    if found := OPTION.search(message):
        return f"{SEARCH_PATH.sub('', message)}{_meant(f'{found[1]}={found[2]}', (f'{found[1]}={name}' for name in found[3].split()))}"
    return message


def known_words() -> set[str]:
    """The dotted keys of every task's configuration, and the groups."""
    words = {folder.name for folder in files("relsym.conf").iterdir() if folder.is_dir()}
    GlobalHydra.instance().clear()
    with initialize_config_module("relsym.conf", version_base="1.3"):
        for task in SEARCHED_TASKS:
            words |= set(_keys(compose(task)))
    return words


def _keys(node: DictConfig, prefix: str = "") -> Iterable[str]:
    for key, value in OmegaConf.to_container(node, resolve=False).items():
        yield f"{prefix}{key}"
        if isinstance(value, dict):
            yield from _keys(OmegaConf.create(value), f"{prefix}{key}.")


def _meant(word: str, known: Iterable[str]) -> str:
    near = get_close_matches(word, sorted(known), n=3, cutoff=0.6)
    return f"\nDid you mean {', '.join(near[:-1])}{' or ' if len(near) > 1 else ''}{near[-1]}?" if near else ""
