"""What a configuration may not hold, since it is stored with every run: passwords, keys and signed addresses.

They come from the environment. An address that names its variable, ``${oc.env:NAME}``, is stored as it is
written, and every process that runs it asks its own environment.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any

from hydra.experimental.callback import Callback
from omegaconf import DictConfig, OmegaConf

from relsym.app.entry import past_hydra
from relsym.app.values.interpolations import texts_in
from relsym.runs.credentials import SHORTEST, holds_secret, is_secret_name, is_secret_variable

# The variable that an interpolation asks for, quoted or not, and every interpolation that asks for one.
ENVIRONMENT = re.compile(r"oc\.env\s*:\s*[\"']?([A-Za-z_]\w*)[\"']?\s*[,}]")
ASKS_ENVIRONMENT = re.compile(r"oc\.env")
# A variable, and the text that stands in for it where it is not set.
DEFAULT = re.compile(r"oc\.env\s*:\s*[\"']?(\w+)[\"']?\s*,([^${}]*)\}")
# Values that are no secret under any name.
NO_SECRET_VALUES = ("", "null", "none", "true", "false")
VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]*")
NO_SECRETS = (
    "A configuration is stored with every run, so it holds no passwords, keys or signed addresses. Put the "
    "whole address into an environment variable, and pass '{key}=${{oc.env:NAME}}', which is stored as it is "
    "written. A user name and password may also stand in ~/.netrc."
)
NAME_ONLY = (
    "it takes the name of an environment variable (OPENAI_API_KEY), never the key itself, for it is stored "
    "with every run"
)


class RefuseSecrets(Callback):
    """Hydra's callback that refuses such values before Hydra writes its own files, ``.hydra`` and logs."""

    def on_run_start(self, config: DictConfig, **further: Any) -> None:
        """Look at the configuration of a single run."""
        with past_hydra():
            check_secrets(config)

    def on_multirun_start(self, config: DictConfig, **further: Any) -> None:
        """Look at what all runs share, and at the words in which they differ."""
        with past_hydra():
            check_secrets(config)


def check_secrets(cfg: DictConfig) -> None:
    """Refuse values that hold a password, a key or a signature in an address.

    Args:
        cfg: as composed, with or without the node ``hydra``, whose words of the command line count too.

    Raises:
        ValueError: naming the keys, not the values.
    """
    written = OmegaConf.to_container(cfg, resolve=False)
    keys: dict[str, None] = {}  # each once, in order
    for place, text in texts_in(written, ()):
        # All words of the command line once more, in one text.
        if place == ("hydra", "job", "override_dirname"):
            continue
        key, value = _setting(place, text)
        if _is_key_itself(key, value):
            raise ValueError(f"{key}: {NAME_ONLY}.")
        if holds_secret(text) or _is_named_secret(key, value):
            keys[key] = None
    if keys:
        advice = NO_SECRETS.format(key=next(iter(keys)))
        raise ValueError(f"{', '.join(keys)}: holds a user name, password, key or signature. {advice}")


def storable(cfg: DictConfig) -> dict[str, Any]:
    """A configuration as plain values, resolved, but for what a secret of the environment has gone into.

    Such a value is as it was written, ``${oc.env:NAME}``: read as a configuration, it is the same again.
    """
    written = OmegaConf.to_container(cfg, resolve=False)
    resolved = OmegaConf.to_container(cfg, resolve=True)
    return _kept(written, resolved, _variables(written))


def _variables(written: Any) -> dict[str, str]:
    """The variables of the environment that a configuration asks for, with those values that they have.

    All of them, where a name is itself filled in: ``${oc.env:${oc.env:NAME}}``.
    """
    names: set[str] = set()
    for _, text in texts_in(written, ()):
        named = ENVIRONMENT.findall(text)
        if len(named) < len(ASKS_ENVIRONMENT.findall(text)):
            names.update(os.environ)
        names.update(named)
    return {name: os.environ[name] for name in names if os.environ.get(name)}


def _kept(written: Any, resolved: Any, variables: Mapping[str, str]) -> Any:
    """The resolved value, or what was written where it holds a secret.

    Args:
        variables: of the environment that the configuration asks for, with their values.
    """
    if isinstance(written, str) and "${" in written:
        for _, text in texts_in(resolved, ()):
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


def _setting(place: tuple[str, ...], text: str) -> tuple[str, str]:
    """What a user calls a value, its key, and the value; of a word of the command line what the word sets."""
    if place[0] == "hydra" and "overrides" in place:
        key, _, value = text.partition("=")
        return key.lstrip("+~"), value
    return ".".join(place), text


def _is_named_secret(key: str, value: str) -> bool:
    """Whether a value is written out that is called as secrets are: by its key, ``model.body.api_key``, or by
    the variable whose default it is, ``${oc.env:HF_TOKEN,default}``.
    """
    for name, default in DEFAULT.findall(value):
        if is_secret_variable(name) and default.strip(" '\"").lower() not in NO_SECRET_VALUES:
            return True
    # Numbers are counts and sizes, of a word of the command line too.
    if "${" in value or value.lower() in NO_SECRET_VALUES or value.isdecimal():
        return False
    _, _, last = key.rpartition(".")
    return is_secret_name(last)


def _is_key_itself(key: str, value: str) -> bool:
    """Whether a key stands where the name of its environment variable belongs."""
    _, _, last = key.rpartition(".")
    if last != "key_env" or "${" in value or value.lower() in NO_SECRET_VALUES:
        return False
    for name in value.split(","):  # a word of a sweep has several
        plain = name.strip(" '\"")
        if VARIABLE.fullmatch(plain) is None and plain not in os.environ:
            return True
    return False
