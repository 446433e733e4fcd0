"""YAML files as plain values, from anybody: none of them can fill the memory or take for ever.

A YAML file may name a part of itself (an anchor) and repeat it elsewhere (an alias). Aliases of parts that
hold aliases make a file of a few lines stand for billions of values. So the file's events are counted first,
as if every alias were written out, before anything is made of them.
"""

from __future__ import annotations

import re
from collections.abc import Hashable
from dataclasses import dataclass, field
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, ClassVar

import yaml
from yaml.constructor import SafeConstructor

from relsym.text_encoding import UNSAID, encoding_advice, text_of
from relsym.visible import printable

LARGEST_YAML = 2**22  # bytes
DEEPEST = 50  # mappings and lists in one another
MOST_REPEATED = 10_000  # values that aliases stand for, all together
LARGEST_OPTIONS = (
    2**18
)  # bytes of a file of options, which Hydra reads slowly; those of relsym have some 5,000
LONGEST_NUMBER = 100  # characters
# 1:59:59 is 7199 in YAML, and the time that reading takes grows with the square of its length.
_BASE_60 = re.compile(r"[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?")
_NUMBERS = ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float")
_PLAIN_NUMBER = re.compile(r"0|-?[1-9][0-9]*")
# The one in C reads a file in a fraction of the time; not every build of PyYAML has it.
_SAFE_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_DATE = "tag:yaml.org,2002:timestamp"
# What reading texts, tags and numbers that fit nowhere can end in.
UNREADABLE = (ValueError, TypeError, AttributeError, LookupError, OverflowError, RecursionError)


def _without_dates() -> dict[str, list[tuple[str, Any]]]:
    """What the safe loader takes an unquoted text for, by its first letter: all but a date."""
    without_dates = {}
    for letter, resolvers in _SAFE_LOADER.yaml_implicit_resolvers.items():
        without_dates[letter] = [resolver for resolver in resolvers if resolver[0] != _DATE]
    return without_dates


class _Loader(_SAFE_LOADER):
    """YAML without dates, which nothing here has: 2001-02-03 is a text, as it is for Hydra."""

    yaml_implicit_resolvers: ClassVar = _without_dates()


class RefusedYaml(ValueError):
    """A YAML file that a program could read, and that may not be meant as it would read it."""


class YamlTooLarge(RefusedYaml):
    """A YAML file that stands for more than it may: too many repeated values, too deep, or too long."""


@dataclass
class _Open:
    """A mapping or list whose end has not been read.

    anchor: the name under which aliases may repeat it.
    before: how many values came before it.
    children: keys and values of a mapping, or items of a list, so far.
    """

    is_mapping: bool
    anchor: str | None
    before: int
    children: int = 0
    keys: set[Hashable] = field(default_factory=set)

    def key_comes(self) -> bool:
        """Whether what comes next is a key."""
        return self.is_mapping and self.children % 2 == 0


@dataclass
class _Counter:
    """Counts the values of a file, those behind aliases too.

    origin: the file, for messages.
    plain_keys: every key has to be a text or a plain whole number.
    values: how many there are, every alias written out.
    repeated: how many of them stand behind an alias.
    sizes: how many values each anchor stands for.
    """

    origin: str
    plain_keys: bool = False
    values: int = 0
    repeated: int = 0
    open: list[_Open] = field(default_factory=list)
    sizes: dict[str, int] = field(default_factory=dict)

    def count(self, event: yaml.Event) -> None:
        """Take the next event of the file.

        Raises:
            YamlTooLarge: the file stands for more than it may.
            RefusedYaml: a key is given twice, a key is neither text nor plain number though it must be, a
                number is too long, or an alias has no anchor before it.
        """
        if isinstance(event, yaml.CollectionStartEvent):
            self._begin(event)
        elif isinstance(event, yaml.CollectionEndEvent):
            self._end()
        elif isinstance(event, yaml.ScalarEvent):
            self._scalar(event)
        elif isinstance(event, yaml.AliasEvent):
            self._alias(event)

    def _begin(self, event: yaml.CollectionStartEvent) -> None:
        self._child()
        if len(self.open) >= DEEPEST:
            raise YamlTooLarge(
                f"{self._place(event)}: more than {DEEPEST} mappings and lists in one another."
            )
        is_mapping = isinstance(event, yaml.MappingStartEvent)
        self.open.append(_Open(is_mapping, event.anchor, self.values))
        self.values += 1

    def _end(self) -> None:
        ended = self.open.pop()
        if ended.anchor is not None:
            self.sizes[ended.anchor] = self.values - ended.before

    def _scalar(self, event: yaml.ScalarEvent) -> None:
        if _is_long_number(event):
            raise RefusedYaml(
                f"{self._place(event)}: a number of more than {LONGEST_NUMBER} characters: "
                f"{printable(event.value)}. Write it in quotes if it is a text."
            )
        if self.open and self.open[-1].key_comes():
            self._key(event)
        self._child()
        self.values += 1
        if event.anchor is not None:
            self.sizes[event.anchor] = 1

    def _key(self, event: yaml.ScalarEvent) -> None:
        """Note a key, which may be given once: as it is written, and as it is read (1 and 0x1 are one)."""
        keys = self.open[-1].keys
        key = printable(event.value)
        read = _read_scalar(event)
        if event.value in keys or read in keys:
            raise RefusedYaml(f"{self._place(event)}: the key {key} a second time. Take one of them out.")
        keys.update((event.value, read))
        is_plain = isinstance(read, str) or _PLAIN_NUMBER.fullmatch(event.value) is not None
        if self.plain_keys and not is_plain:
            raise RefusedYaml(
                f"{self._place(event)}: the key {key} is neither text nor a plain whole number for YAML. "
                f'Write it in quotes: "{key}".'
            )

    def _alias(self, event: yaml.AliasEvent) -> None:
        if self.open and self.open[-1].key_comes():
            raise RefusedYaml(f"{self._place(event)}: the alias *{event.anchor} as a key. Write the key out.")
        self._child()
        size = self.sizes.get(event.anchor)
        if size is None:
            raise RefusedYaml(
                f"{self._place(event)}: the alias *{event.anchor} has no whole anchor before it."
            )
        self.values += size
        self.repeated += size
        if self.repeated > MOST_REPEATED:
            raise YamlTooLarge(
                f"{self._place(event)}: its aliases stand for more than {MOST_REPEATED:,} values. Write out "
                "what you need of them."
            )

    def _child(self) -> None:
        """Count one more child of what is open."""
        if self.open:
            self.open[-1].children += 1

    def _place(self, event: yaml.Event) -> str:
        """File and line."""
        return f"{self.origin}, line {event.start_mark.line + 1}"


def _is_long_number(event: yaml.ScalarEvent) -> bool:
    """Whether an unquoted text is a number so long that nobody means it, and that it may take for ever."""
    if len(event.value) <= LONGEST_NUMBER:
        return False
    return event.tag in _NUMBERS or (event.implicit[0] and _BASE_60.fullmatch(event.value) is not None)


def _read_scalar(event: yaml.ScalarEvent) -> Hashable:
    """What a key is read as: a text, a number, a boolean or None; its text where it cannot be read."""
    tag = event.tag
    if event.implicit[0]:  # neither quotes nor a tag
        resolvers = _Loader.yaml_implicit_resolvers.get(event.value[:1], ())
        tags = [tag for tag, pattern in resolvers if pattern.match(event.value)]
        tag = tags[0] if tags else None
    if tag is None:
        return event.value
    try:
        return SafeConstructor().construct_object(yaml.ScalarNode(tag, event.value))
    except (yaml.YAMLError, *UNREADABLE):
        return event.value


def read_yaml(path: Path | Traversable, plain_keys: bool = False) -> Any:
    """The plain values of a YAML file; None for one that is empty.

    Args:
        path: of the file.
        plain_keys: as in ``load_yaml``.

    Raises:
        OSError: it cannot be read.
        ValueError: as ``load_yaml``, too long, or not UTF-8.
    """
    text = text_of(_yaml_bytes(path), str(path))
    return load_yaml(text, str(path), plain_keys)


def yaml_text(path: Path | Traversable, most: int | None = None) -> str:
    """The text of a YAML file that Hydra reads too, which takes nothing but UTF-8.

    Args:
        path: of the file.
        most: bytes that it may have; None: ``LARGEST_YAML``.

    Raises:
        OSError: it cannot be read.
        ValueError: too long, or not UTF-8.
    """
    content = _yaml_bytes(path, most)
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        byte = content[error.start]
        advice = encoding_advice(content, error.start, str(path), UNSAID)
        raise ValueError(f"{path}, line {line}: not UTF-8 (byte {byte:#04x}). {advice}") from error


def _yaml_bytes(path: Path | Traversable, most: int | None = None) -> bytes:
    """What stands in a YAML file. Raises as ``yaml_text``, whatever the encoding."""
    most = LARGEST_YAML if most is None else most
    with path.open("rb") as stream:
        content = stream.read(most + 1)  # not all of it: the file may fill the memory
    if len(content) > most:
        raise YamlTooLarge(f"{path}: longer than {most:,} bytes.")
    return content


def load_yaml(text: str, origin: str, plain_keys: bool = False) -> Any:
    """The plain values in a text of YAML, without tags of Python.

    Args:
        text: of a file.
        origin: the file's name, for messages.
        plain_keys: every key has to be a text or a plain whole number, as ids are: ``true:`` would become
            the id True, ``~:`` None, ``010:`` 8.

    Raises:
        ValueError: no YAML, a key that is given twice, aliases that stand for too much, too deep; the message
            names file and line.
    """
    counter = _Counter(origin, plain_keys)
    try:
        _count(text, counter, _SAFE_LOADER)
        return yaml.load(text, Loader=_Loader)  # a subclass of the safe loader
    except RefusedYaml:
        raise
    except yaml.YAMLError as error:
        raise ValueError(f"{origin}: not YAML ({yaml_problem(error)}).") from error
    except UNREADABLE as error:
        raise ValueError(f"{origin}: not YAML ({printable(str(error))}).") from error


def check_expansion(text: str, origin: str) -> None:
    """Refuse a text of YAML before Hydra reads it; what Hydra's parser refuses itself is left to it.

    Args:
        text: of a file.
        origin: the file's name, for the message.

    Raises:
        RefusedYaml: with file and line.
    """
    try:
        # The parser that Hydra has: where another one gives up, this one may go on to what fills the memory.
        _count(text, _Counter(origin), yaml.SafeLoader)
    except RefusedYaml:
        raise
    except (yaml.YAMLError, *UNREADABLE):
        return


def _count(text: str, counter: _Counter, loader: Any) -> None:
    """Count every value of a text of YAML. Raises as ``_Counter.count``, and what PyYAML raises."""
    for event in yaml.parse(text, Loader=loader):
        counter.count(event)


def yaml_problem(error: yaml.YAMLError) -> str:
    """What is wrong, and where, without the lines of the file that PyYAML quotes."""
    # Errors of syntax have a problem, those of single characters a reason.
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "damaged"
    mark = getattr(error, "problem_mark", None)
    text = printable(str(problem))
    return text if mark is None else f"{text}, line {mark.line + 1}"
