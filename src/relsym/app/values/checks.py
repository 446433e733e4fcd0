"""What Hydra lets through: values that no part of a command can use, and keys that nothing reads.

Types and ranges are those that the parts declare: the signature of what a ``_target_`` calls, and
``relsym.app.values.schema`` for the keys that a command reads itself. Loads no torch.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple, get_args, get_origin, get_type_hints, is_typeddict

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from relsym.app.values.hints import expected, fits, shown
from relsym.app.values.interpolations import Path, is_read, origin, references
from relsym.app.values.known import dotted
from relsym.app.values.schema import SCHEMAS, Component, TrainerArguments
from relsym.app.values.signatures import Signature, Unread, imported_signature, read_signature
from relsym.app.values.suggest import unread
from relsym.app.values.trainer import TRAINER, refusal

TARGET_KEY, MISSING = "_target_", "???"


class Declared(NamedTuple):
    """A value, where it stands, and the type that is declared for it."""

    path: Path
    value: Any
    hint: Any


def check_composed(cfg: DictConfig, command: str, hydra: DictConfig | None = None) -> None:
    """Refuse keys that nothing reads and values out of range, before anything heavy is imported.

    Args:
        cfg: as composed, its interpolations not resolved: they say which keys are read.
        command: train, evaluate ...
        hydra: the configuration's node ``hydra``, whose interpolations read keys too; None: that of this
        process,
            if it has one.

    Raises:
        ValueError: every such key with its value, and what may have been meant or is expected.
    """
    config = OmegaConf.to_container(cfg, resolve=False)
    if hydra is None and HydraConfig.initialized():
        hydra = HydraConfig.instance().cfg.hydra
    read = references(config)
    if hydra is not None:
        read |= references(OmegaConf.to_container(hydra, resolve=False), ("hydra",))
    here = set(dotted(config))
    leaves = _unread_leaves(config, SCHEMAS[command], (), read)
    _refuse([unread(".".join(path), _word(path, value), here - {".".join(path)}) for path, value in leaves])
    check_values(cfg, command, importing=False)


def check_values(cfg: DictConfig, command: str, importing: bool = True) -> None:
    """Refuse values of other types than declared, or out of range, and arguments that a ``_target_`` does not
    take.

    Args:
        cfg: composed, or resolved already as a frozen job's is.  command: train, evaluate ...
        importing: import what cannot be read from source alone; else it is left for later.

    Raises:
        ValueError: every such key with its value and its range.
    """
    written = OmegaConf.to_container(cfg, resolve=False)
    config = OmegaConf.to_container(cfg, resolve=True)
    problems: dict[Path, str] = {}
    for declared in _declared(config, SCHEMAS[command], ()):
        if declared.hint is TrainerArguments and isinstance(declared.value, dict):
            _judge_trainer(problems, written, declared, importing)
        else:
            _judge(problems, written, declared)
    for path, node in _calls(config, ()):
        _judge_call(problems, written, path, node, importing)
    _refuse(problems.values())


def check_call(node: DictConfig, path: str, target: str) -> None:
    """Refuse arguments that a class or function does not take, or that are out of range.

    Args:
        node: the arguments.  path: of the node, dotted.  target: what is called with them.

    Raises:
        ValueError: every such key with its value and its range.
    """
    arguments = OmegaConf.to_container(node, resolve=True)
    problems: dict[Path, str] = {}
    place = tuple(path.split("."))
    written: Any = arguments
    for part in reversed(place):
        written = {part: written}
    _judge_call(problems, written, place, {**arguments, TARGET_KEY: target}, importing=True)
    _refuse(problems.values())


def _refuse(problems: Iterable[str]) -> None:
    if text := "\n".join(problems):
        raise ValueError(text)


def _judge(problems: dict[Path, str], written: Any, declared: Declared) -> None:
    """Add what is wrong with a value, under the key that a user sets it by."""
    if declared.value == MISSING or fits(declared.value, declared.hint):
        return
    path = origin(written, declared.path)
    problems.setdefault(path, f"{_word(path, declared.value)}: expected {expected(declared.hint)}.")


def _judge_call(
    problems: dict[Path, str], written: Any, path: Path, node: Mapping[str, Any], importing: bool
) -> None:
    """Add what is wrong with the arguments of a ``_target_``."""
    arguments = {key: value for key, value in node.items() if not str(key).startswith("_")}
    signature = _signature(node[TARGET_KEY], arguments, importing)
    if signature is not None:
        _judge_arguments(problems, written, path, arguments, signature)


def _judge_trainer(problems: dict[Path, str], written: Any, declared: Declared, importing: bool) -> None:
    """Add what is wrong with further arguments of Lightning's Trainer; those that relsym sets are
    no user's.
    """
    for argument, value in declared.value.items():
        if reason := refusal(argument):
            problems[(*declared.path, argument)] = f"{_word((*declared.path, argument), value)}: {reason}."
    others = {argument: value for argument, value in declared.value.items() if not refusal(argument)}
    signature = _signature(TRAINER, others, importing)
    if signature is not None:
        free = {name: hint for name, hint in signature.hints.items() if not refusal(name)}
        _judge_arguments(problems, written, declared.path, others, Signature(free, signature.open))


def _judge_arguments(
    problems: dict[Path, str], written: Any, path: Path, arguments: Mapping[str, Any], signature: Signature
) -> None:
    for key, value in arguments.items():
        place = (*path, str(key))
        if key in signature.hints:
            hint = signature.hints[key]
            if hint is not Unread and not _is_component(value):
                _judge(problems, written, Declared(place, value, hint))
        elif not signature.open:
            taken = [".".join((*path, name)) for name in signature.hints]
            problems.setdefault(place, unread(".".join(place), _word(place, value), taken))


def _signature(target: str, arguments: Mapping[str, Any], importing: bool) -> Signature | None:
    """What a ``_target_`` takes.

    It is imported only where its source does not tell of an argument that is given as a plain value.
    """
    signature = read_signature(target)
    if importing:
        plain = [key for key, value in arguments.items() if not _is_component(value)]
        if signature is None or any(signature.hints.get(key) is Unread for key in plain):
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
        else:
            yield Declared(place, value, dict if hint is nested else dict | None)


def _nested(hint: Any) -> type | None:
    """The schema of a mapping's own keys, if it has one."""
    return next((choice for choice in (hint, *get_args(hint)) if is_typeddict(choice)), None)


def _calls(node: Any, path: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Every mapping with a ``_target_``, with its path."""
    if _is_component(node):
        yield path, node
    items = enumerate(node) if isinstance(node, list) else node.items() if isinstance(node, dict) else ()
    for key, value in items:
        yield from _calls(value, (*path, str(key)))


def _is_component(value: Any) -> bool:
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
        elif get_origin(hint) is dict and isinstance(value, dict):
            for name, component in value.items():
                yield from _unless_component(component, (*place, str(name)), read)


def _unless_component(node: Any, path: Path, read: set[Path]) -> Iterator[tuple[Path, Any]]:
    """A component's keys are looked at as the arguments that they are."""
    if isinstance(node, dict) and not _is_component(node):
        yield from _leaves(node, path, read)


def _leaves(node: Any, path: Path, read: set[Path]) -> Iterator[tuple[Path, Any]]:
    if isinstance(node, dict) and node:
        for key, value in node.items():
            yield from _leaves(value, (*path, str(key)), read)
    elif not is_read(path, read):
        yield path, node


def _word(path: Path, value: Any) -> str:
    return f"{'.'.join(path)}={shown(value)}"
