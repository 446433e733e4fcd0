"""``config.yaml`` of a finished run, decoded into names and plain values.

A run may come from anybody, so the file is not trusted: nothing that it names is imported or called here, and
whatever relsym does not write itself is refused.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any

import msgspec
import yaml
from yaml.constructor import ConstructorError

from relsym.runs.decoding import convert
from relsym.runs.disk import check_regular
from relsym.runs.plain_yaml import UNREADABLE, yaml_problem
from relsym.visible import LONGEST_SHOWN, printable

ADVICE = "Pass a run with the files that relsym train wrote, unchanged."
LARGEST = 2**18  # bytes; those of relsym have some 5,000
TARGET = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+", re.ASCII)
LONGEST_TARGET = 200
# Which arguments of a component may be components themselves, by its place in the file.
NESTED = {"data.module": ("benchmark", "source"), "data.module.benchmark": ("reader",)}
# The one component that a configuration may name to be called later: a benchmark is read when it is needed.
PARTIAL_KEY = "data.module.benchmark"
# How Hydra hands lists and mappings over. relsym makes what is stored by a plain call, so it means nothing
# here.
CONVERSIONS = ("none", "partial", "object", "all")


class StoredComponent(msgspec.Struct, frozen=True):
    """A class or function that the file names, and the arguments that the file gives it.

    place: its dotted key in the file.
    target: its dotted name.
    values: the plain arguments: text, numbers, booleans, null, and lists and mappings of these.
    parts: the arguments that are components themselves.
    """

    place: str
    target: str
    values: dict[str, Any]
    parts: dict[str, StoredComponent]


class ModelSettings(msgspec.Struct, frozen=True):
    """How the encoder was read.

    pooling: how token vectors become one, by relsym's name of it; never null.
    max_length: in tokens; never null.
    pooling_options: arguments of the pooling's class; null for a pooling that has none.
    trust_remote_code: whether that run could run the encoder's own code; it allows nothing in this one.
    """

    pooling: str
    max_length: Annotated[int, msgspec.Meta(ge=1)]
    trust_remote_code: bool = False
    pooling_options: dict[str, Any] | None = None


class StoredConfig(msgspec.Struct, frozen=True):
    """What a later command needs of a run's configuration.

    labels: the classes, in their order.
    model: how the encoder was read.
    loader: what made the encoder.
    data: the data module.
    reader: the source of triples, where the data has one.
    """

    labels: list[str]
    model: ModelSettings
    loader: StoredComponent
    metric: StoredComponent
    probe: StoredComponent
    objective: StoredComponent
    data: StoredComponent
    reader: StoredComponent | None

    @property
    def components(self) -> list[StoredComponent]:
        """Every component that the file names, those in other ones too."""
        named = [self.loader, self.metric, self.probe, self.objective, self.data]
        if self.reader is not None:
            named.append(self.reader)
        for component in named:  # the list grows while it is read, so parts of parts come too
            named.extend(component.parts.values())
        return named


class _Data(msgspec.Struct, frozen=True):
    """The part ``data`` of the file."""

    module: dict[str, Any]
    reader: dict[str, Any] | None = None


class _File(msgspec.Struct, frozen=True):
    """The keys that are read; the file has more."""

    labels: Annotated[list[str], msgspec.Meta(min_length=2)]
    model: ModelSettings
    metric: dict[str, Any]
    probe: dict[str, Any]
    objective: dict[str, Any]
    data: _Data


class _PlainLoader(yaml.SafeLoader):
    """YAML without what relsym never writes: tags of Python, keys given twice, aliases.

    Aliases of aliases can make a small file huge.
    """

    def compose_node(self, parent: Any, index: Any) -> Any:
        """Read a node; an alias is refused."""
        if self.check_event(yaml.AliasEvent):
            raise ConstructorError(problem="an alias", problem_mark=self.peek_event().start_mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        """Refuse a key that is given twice: programs differ in which of the values they take."""
        if not isinstance(node, yaml.MappingNode):
            raise ConstructorError(problem="a tag that does not fit", problem_mark=node.start_mark)
        keys = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):  # the safe loader refuses such a key itself
                continue
            if key.value in keys:
                raise ConstructorError(problem=f"the key {key.value} twice", problem_mark=key.start_mark)
            keys.add(key.value)
        return super().construct_mapping(node, deep)


def read_config(path: Path) -> StoredConfig:
    """The configuration of a run.

    Args:
        path: of its ``config.yaml``.

    Raises:
        OSError: it cannot be read.
        ValueError: no plain YAML, too large, a key is missing or of another type, or a component has an
            argument that is not plain; the message names file and key.
    """
    content = _parse(path)
    if not isinstance(content, dict):
        raise ValueError(f"{path}: expected a mapping of keys, got a {type(content).__name__}. {ADVICE}")
    file = convert(path, content, _File, ADVICE)
    if len(set(file.labels)) < len(file.labels):
        raise ValueError(f"{path}: labels: {shown_text(file.labels)} holds one twice. {ADVICE}")
    reader = None
    if file.data.reader is not None:
        reader = _component(path, "data.reader", file.data.reader)
    return StoredConfig(
        labels=file.labels,
        model=file.model,
        # The model once more, with the arguments of its loader that ModelSettings does not have.
        loader=_component(path, "model", content["model"]),
        metric=_component(path, "metric", file.metric),
        probe=_component(path, "probe", file.probe),
        objective=_component(path, "objective", file.objective),
        data=_component(path, "data.module", file.data.module),
        reader=reader,
    )


def shown_text(value: object) -> str:
    """A stored value for a message: on one line, without control characters, and not longer than a line."""
    try:
        text = repr(value)
    except ValueError:  # Python does not print a whole number of thousands of digits
        text = f"a {type(value).__name__}"
    return text if len(text) <= LONGEST_SHOWN else f"{text[: LONGEST_SHOWN - 3]}..."


def _parse(path: Path) -> Any:
    """The plain values of the file. Raises as ``read_config``."""
    check_regular(path)
    with path.open("rb") as stream:
        content = stream.read(LARGEST + 1)  # not all of it: the file may fill the memory
    if len(content) > LARGEST:
        raise ValueError(
            f"{path}: larger than {LARGEST} bytes, which no configuration of relsym is. {ADVICE}"
        )
    try:
        return yaml.load(content.decode("utf-8"), _PlainLoader)  # a subclass of the safe loader
    except yaml.YAMLError as error:
        raise ValueError(
            f"{path}: not the YAML that relsym writes ({yaml_problem(error)}). {ADVICE}"
        ) from error
    except UNREADABLE as error:
        reason = printable(str(error))
        raise ValueError(f"{path}: not the YAML that relsym writes ({reason}). {ADVICE}") from error


def _component(path: Path, place: str, node: dict[str, Any]) -> StoredComponent:
    """The component at a place of the file. Raises as ``read_config``."""
    target = node.get("_target_")
    if not isinstance(target, str) or len(target) > LONGEST_TARGET or not TARGET.fullmatch(target):
        raise ValueError(
            f"{path}: {place}._target_: expected the dotted name of a class, got "
            f"{shown_text(target)}. {ADVICE}"
        )
    values = {}
    parts = {}
    for key, value in node.items():
        if _is_for_hydra(place, key, value):
            continue
        _check_key(path, place, key)
        is_component = isinstance(value, dict) and "_target_" in value
        if is_component and key in NESTED.get(place, ()):
            parts[key] = _component(path, f"{place}.{key}", value)
        else:
            _check_plain(path, f"{place}.{printable(key)}", value)
            values[key] = value
    return StoredComponent(place, target, values, parts)


def _is_for_hydra(place: str, key: object, value: object) -> bool:
    """Whether a key of a component is one that relsym writes for Hydra: it is no argument."""
    if key == "_partial_":
        return place == PARTIAL_KEY and value is True
    if key == "_convert_":
        return value in CONVERSIONS
    return key == "_target_"


def _check_key(path: Path, place: str, key: object) -> None:
    """Refuse keys that are no text, and those with an underscore in front, which tell Hydra what to call."""
    if not isinstance(key, str):
        raise ValueError(f"{path}: {place}: the key {shown_text(key)} is no text. {ADVICE}")
    if key.startswith("_"):
        raise ValueError(
            f"{path}: {place}: the key {shown_text(key)} has no place there: a stored configuration "
            f"holds plain values, and calls nothing. {ADVICE}"
        )


def _check_plain(path: Path, place: str, value: object) -> None:
    """Refuse anything but text, numbers, booleans, null, and lists and mappings of these."""
    if isinstance(value, dict):
        for key, inner in value.items():
            _check_key(path, place, key)
            _check_plain(path, f"{place}.{printable(key)}", inner)
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            _check_plain(path, f"{place}.{number}", inner)
    elif value is not None and not isinstance(value, str | int | float | bool):
        raise ValueError(f"{path}: {place}: expected a plain value, got a {type(value).__name__}. {ADVICE}")
