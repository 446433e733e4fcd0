"""What a configuration may not hold, since it is stored with every run: passwords, keys and signed addresses.

They come from the environment. An address that names its variable, ``${oc.env:NAME}``, is stored as it is
written, and every process that runs it asks its own environment.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from typing import Any

from hydra.experimental.callback import Callback
from omegaconf import DictConfig, OmegaConf

from relsym.app.entry import TaskFailed
from relsym.runs.credentials import SHORTEST, holds_secret, is_secret_variable

ENVIRONMENT = re.compile(r"oc\.env:\s*([A-Za-z_]\w*)")
NO_SECRETS = (
    "A configuration is stored with every run, so it holds no passwords, keys or signed addresses. Put the "
    "whole address into an environment variable, and pass '{key}=${{oc.env:NAME}}', which is stored as it is "
    "written. A user name and password may also stand in ~/.netrc."
)


class RefuseSecrets(Callback):
    """Hydra's callback that refuses such values before Hydra writes its own files, ``.hydra`` and logs."""

    def on_run_start(self, config: DictConfig, **further: Any) -> None:
        """Look at the configuration of a single run."""
        self._check(config)

    def on_multirun_start(self, config: DictConfig, **further: Any) -> None:
        """Look at what all runs share, and at the words in which they differ."""
        self._check(config)

    def _check(self, config: DictConfig) -> None:
        try:
            check_secrets(config)
        except ValueError as error:
            # Hydra would make a warning of any Exception.
            raise TaskFailed from error


def check_secrets(cfg: DictConfig) -> None:
    """Refuse values that hold a password, a key or a signature in an address.

    Args:
        cfg: as composed, with or without the node ``hydra``, whose words of the command line count too.

    Raises:
        ValueError: naming the keys, not the values.
    """
    written = OmegaConf.to_container(cfg, resolve=False)
    keys: dict[str, None] = {}  # each once, in order
    for place, text in _texts(written, ()):
        # All words of the command line once more, in one text.
        if place != ("hydra", "job", "override_dirname") and holds_secret(text):
            keys[_key(place, text)] = None
    if keys:
        advice = NO_SECRETS.format(key=next(iter(keys)))
        raise ValueError(f"{', '.join(keys)}: holds a user name, password, key or signature. {advice}")


def storable(cfg: DictConfig) -> dict[str, Any]:
    """A configuration as plain values, resolved, but for what a secret of the environment has gone into.

    Such a value is as it was written, ``${oc.env:NAME}``: read as a configuration, it is the same again.
    """
    written = OmegaConf.to_container(cfg, resolve=False)
    resolved = OmegaConf.to_container(cfg, resolve=True)
    names = set()
    for _, text in _texts(written, ()):
        names.update(ENVIRONMENT.findall(text))
    variables = {name: os.environ[name] for name in names if os.environ.get(name)}
    return _kept(written, resolved, variables)


def _kept(written: Any, resolved: Any, variables: Mapping[str, str]) -> Any:
    """The resolved value, or what was written where it holds a secret.

    Args:
        variables: of the environment that the configuration asks for, with their values.
    """
    if isinstance(written, str) and "${" in written:
        for _, text in _texts(resolved, ()):
            if _is_secret(text, variables):
                return written
        return resolved
    if isinstance(written, dict):
        kept = {}
        for key, value in resolved.items():
            kept[key] = _kept(written[key], value, variables)
        return kept
    if isinstance(written, list):
        items = []
        for item, value in zip(written, resolved, strict=True):
            items.append(_kept(item, value, variables))
        return items
    return resolved


def _is_secret(text: str, variables: Mapping[str, str]) -> bool:
    """Whether a resolved text holds a secret: of an address, or a variable that is called as secrets are."""
    if holds_secret(text):
        return True
    _, _, query = text.partition("?")
    in_query = query if "://" in text else ""
    for name, value in variables.items():
        if is_secret_variable(name) and len(value) >= SHORTEST and value in text:
            return True
        # Whatever the environment puts into a query may be a secret, whatever it is called there.
        if in_query and (value in in_query or "?" in value):
            return True
    return False


def _texts(node: Any, place: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    """Every text in nested lists and mappings, with its place."""
    if isinstance(node, str):
        yield place, node
    elif isinstance(node, list):
        for number, item in enumerate(node):
            yield from _texts(item, (*place, str(number)))
    elif isinstance(node, dict):
        for key, value in node.items():
            yield from _texts(value, (*place, str(key)))


def _key(place: tuple[str, ...], text: str) -> str:
    """What a user calls a value: its key; of a word of the command line the part before the equals sign."""
    if place[0] == "hydra" and "overrides" in place:
        key, _, _ = text.partition("=")
        return key.lstrip("+~")
    return ".".join(place)
