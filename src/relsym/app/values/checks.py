"""Refuse what Hydra lets through: values that no part of a command can use, and keys that nothing reads.

Types and ranges are those that the parts declare: the signature of what a ``_target_`` calls, and
``relsym.app.values.schema`` for the keys that a command reads itself. Loads no torch.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple, get_args, get_origin, get_type_hints, is_typeddict

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from relsym.app.values.empty_text import empty_names
from relsym.app.values.hints import expected, fits, is_too_long, shown
from relsym.app.values.interpolations import Path, is_read, origin, references
from relsym.app.values.known import dotted
from relsym.app.values.schema import SCHEMAS, Component, TrainerArguments
from relsym.app.values.signatures import Signature, imported_signature, read_signature
from relsym.app.values.source_code import Unread
from relsym.app.values.suggest import unread, without_option
from relsym.app.values.trainer import TRAINER, refusal

TARGET_KEY, MISSING = "_target_", "???"


class Declared(NamedTuple):
    """A value, its path in the configuration, and the type that is declared for it."""

    path: Path
    value: Any
    hint: Any


def check_composed(cfg: DictConfig, command: str, hydra: DictConfig | None = None) -> None:
    """Refuse keys that nothing reads and values out of range, before anything heavy is imported.

    Args:
        cfg: as composed, its interpolations not resolved: they say which keys are read.
        command: train, evaluate ...
        hydra: the configuration's node ``hydra``, whose interpolations read keys too; None: that of this
            process, if it has one.

    Raises:
        ValueError: every such key with its value, and what may have been meant or is expected.
    """
    config = OmegaConf.to_container(cfg, resolve=False)
    if hydra is None and HydraConfig.initialized():
        hydra = HydraConfig.instance().cfg.hydra
    read = references(config)
    if hydra is not None:
        hydra_config = OmegaConf.to_container(hydra, resolve=False)
        read |= references(hydra_config, ("hydra",))
    keys = set(dotted(config))
    problems = _missing_groups(config, SCHEMAS[command])
    for path, value in _unread_leaves(config, SCHEMAS[command], (), read):
        key = ".".join(path)
        # The key itself is among those of the configuration: it would be its own nearest match.
        problems.append(unread(key, _word(path, value), keys - {key}))
    _refuse(problems)
    check_values(cfg, command, importing=False)


def _missing_groups(config: Mapping[str, Any], schema: type) -> list[str]:
    """What to do about each group of components that ``~GROUP`` has taken away."""
    problems = []
    for key, hint in get_type_hints(schema, include_extras=True).items():
        if hint is Component and key not in config:
            problems.append(f"~{key}: no run is without an option of {key}. {without_option(key)}")
    return problems


def check_values(cfg: DictConfig, command: str, importing: bool = True) -> None:
    """Refuse values of other types than declared or out of range, and arguments that a ``_target_`` lacks.

    Args:
        cfg: composed, or resolved already as a frozen job's is.
        command: train, evaluate ...
        importing: import what cannot be read from source alone; else such arguments are not checked.

    Raises:
        ValueError: every such key with its value and its range.
    """
    config = OmegaConf.to_container(cfg, resolve=True)
    problems = _Problems(OmegaConf.to_container(cfg, resolve=False), importing)
    problems.messages |= empty_names(config, problems.written)
    for path, value, hint in _declared(config, SCHEMAS[command], ()):
        if hint is TrainerArguments and isinstance(value, dict):
            problems.judge_trainer(path, value)
        elif hint is TrainerArguments and value is not None:
            problems.judge(path, value, dict)
        else:
            problems.judge(path, value, hint)
    for path, node in calls(config, ()):
        problems.judge_call(path, node)
    _refuse(problems.messages.values())


def check_call(node: DictConfig, path: str, target: str) -> None:
    """Refuse arguments that a class or function does not take, or that are out of range.

    Args:
        node: the arguments.
        path: of the node, dotted.
        target: the dotted name of what is called with them.

    Raises:
        ValueError: every such key with its value and its range.
    """
    arguments = OmegaConf.to_container(node, resolve=True)
    place = tuple(path.split("."))
    # The arguments again, below the keys of the path, as a whole configuration would hold them.
    written: Any = arguments
    for part in reversed(place):
        written = {part: written}
    problems = _Problems(written, importing=True)
    problems.judge_call(place, {**arguments, TARGET_KEY: target})
    _refuse(problems.messages.values())


def _refuse(problems: Iterable[str]) -> None:
    """Raise a ValueError with one problem a line, if there are any."""
    text = "\n".join(problems)
    if text:
        raise ValueError(text)


class _Problems:
    """What is wrong with the values of a configuration.

    Args:
        written: the configuration as it was written, its interpolations not resolved.
        importing: import what cannot be read from source alone.

    ``messages`` has one for each key that a user sets: a value that other keys copy is told once.
    """

    def __init__(self, written: Any, importing: bool) -> None:
        self.written = written
        self.importing = importing
        self.messages: dict[Path, str] = {}

    def judge(self, path: Path, value: Any, hint: Any) -> None:
        """Add a value that does not fit its type."""
        # One that is missing is refused by OmegaConf, where it is read.
        if value == MISSING or fits(value, hint):
            return
        set_at = origin(self.written, path)
        word = _word(set_at, value)
        too_long = " Whole numbers have 64 bits." if is_too_long(value) else ""
        self.messages.setdefault(set_at, f"{word}: expected {expected(hint)}.{too_long}")

    def judge_call(self, path: Path, node: Mapping[str, Any]) -> None:
        """Add what is wrong with the arguments of a ``_target_``."""
        arguments = {}
        for key, value in node.items():
            if not str(key).startswith("_"):  # those are Hydra's: _target_, _partial_
                arguments[key] = value
        signature = _signature(node[TARGET_KEY], arguments, self.importing)
        if signature is not None:
            self._judge_arguments(path, arguments, signature)

    def judge_trainer(self, path: Path, arguments: Mapping[str, Any]) -> None:
        """Add arguments of Lightning's Trainer that relsym sets itself, and what is wrong with the others."""
        others = {}
        for argument, value in arguments.items():
            reason = refusal(argument)
            if reason:
                place = (*path, argument)
                self.messages[place] = f"{_word(place, value)}: {reason}."
            else:
                others[argument] = value
        signature = _signature(TRAINER, others, self.importing)
        if signature is not None:
            # Without relsym's own, which no suggestion may name.
            users = {}
            for name, hint in signature.hints.items():
                if not refusal(name):
                    users[name] = hint
            self._judge_arguments(path, others, Signature(users, signature.open))

    def _judge_arguments(self, path: Path, arguments: Mapping[str, Any], signature: Signature) -> None:
        """Add arguments that do not fit their types, and those that the signature does not have."""
        for key, value in arguments.items():
            place = (*path, str(key))
            if key in signature.hints:
                hint = signature.hints[key]
                # The arguments of a component are looked at by themselves.
                if hint is not Unread and not _is_component(value):
                    self.judge(place, value, hint)
            elif not signature.open:
                parameters = [".".join((*path, name)) for name in signature.hints]
                message = unread(".".join(place), _word(place, value), parameters)
                self.messages.setdefault(place, message)


def _signature(target: str, arguments: Mapping[str, Any], importing: bool) -> Signature | None:
    """The parameters of what a ``_target_`` names; None where they are not known.

    It is imported only if its source does not say the type of an argument that is given as a plain value.
    """
    signature = read_signature(target)
    if not importing:
        return signature
    if signature is None:
        return imported_signature(target)
    plain = [key for key, value in arguments.items() if not _is_component(value)]
    if any(signature.hints.get(key) is Unread for key in plain):
        return imported_signature(target)
    return signature


def _declared(node: Mapping[str, Any], schema: type, path: Path) -> Iterator[Declared]:
    """The values that a command reads itself, with the types of its schema."""
    for key, hint in get_type_hints(schema, include_extras=True).items():
        if key not in node:
            continue
        value, place = node[key], (*path, key)
        nested = _nested(hint)
        if nested is None:
            yield Declared(place, value, dict if hint is Component else hint)
        elif isinstance(value, dict):
            yield from _declared(value, nested, place)
        else:  # null, or no mapping where there has to be one
            yield Declared(place, value, dict if hint is nested else dict | None)


def _nested(hint: Any) -> type | None:
    """The schema of a mapping's own keys, by itself or in a union with null; None where there is none."""
    for choice in (hint, *get_args(hint)):
        if is_typeddict(choice):
            return choice
    return None


def calls(node: Any, path: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Every mapping with a ``_target_``, with its path; the outer ones first."""
    if _is_component(node):
        yield path, node
    if isinstance(node, list):
        for number, item in enumerate(node):
            yield from calls(item, (*path, str(number)))
    elif isinstance(node, dict):
        for key, value in node.items():
            yield from calls(value, (*path, str(key)))


def _is_component(value: Any) -> bool:
    """Whether a value is a mapping that names what to call."""
    return isinstance(value, dict) and isinstance(value.get(TARGET_KEY), str)


def _unread_leaves(
    node: Mapping[str, Any], schema: type, path: Path, read: set[Path]
) -> Iterator[tuple[Path, Any]]:
    """The values outside of components that neither the command reads nor an interpolation."""
    hints = get_type_hints(schema, include_extras=True)
    for key, value in node.items():
        place, hint = (*path, str(key)), hints.get(key)
        nested = _nested(hint)
        if nested is not None and isinstance(value, dict):
            yield from _unread_leaves(value, nested, place, read)
        elif hint is None:
            yield from _leaves(value, place, read)
        elif hint is Component:
            yield from _unless_component(value, place, read)
        elif get_origin(hint) is dict and isinstance(value, dict):  # components by name: recipe, shortcuts
            for name, component in value.items():
                yield from _unless_component(component, (*place, str(name)), read)


def _unless_component(node: Any, path: Path, read: set[Path]) -> Iterator[tuple[Path, Any]]:
    """The unread values of a mapping that should be a component and is none.

    The keys of a component are its arguments, which are checked against what it calls.
    """
    if isinstance(node, dict) and not _is_component(node):
        yield from _leaves(node, path, read)


def _leaves(node: Any, path: Path, read: set[Path]) -> Iterator[tuple[Path, Any]]:
    """The values at or below a path that no interpolation reads; {} is a value too."""
    if isinstance(node, dict) and node:
        for key, value in node.items():
            yield from _leaves(value, (*path, str(key)), read)
    elif not is_read(path, read):
        yield path, node


def _word(path: Path, value: Any) -> str:
    """``training.epochs=0``: a key and its value as on the command line."""
    return f"{'.'.join(path)}={shown(value)}"
