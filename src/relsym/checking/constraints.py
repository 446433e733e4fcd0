"""What properties say about each other: inverses, properties that exclude each other, and circles."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from relsym.runs.plain_yaml import read_yaml
from relsym.runs.stored_config import shown_text

WIKIDATA_TABLE = "wikidata"  # the table that comes with relsym
CONSTRAINT_KEYS = ("inverses", "incomplete", "exclusive", "cyclic")
EXCLUSION_KEYS = ("one", "other", "because")


@dataclass(frozen=True)
class Exclusion:
    """Of two entities, in whichever order, no statement of one group is expected beside one of the other.

    Attributes:
        one, other: property ids.
        because: the reason, in a few words.
    """

    one: tuple[str, ...]
    other: tuple[str, ...]
    because: str


@dataclass(frozen=True)
class Constraints:
    """What properties say about each other.

    Attributes:
        inverses: property r -> properties s, of which one should state s(y, x) where r(x, y) is stated.
        incomplete: the same where one side is not meant to be complete.
        exclusive: groups of properties that exclude each other.
        cyclic: antisymmetric properties in which a longer circle is no fault.
    """

    inverses: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    incomplete: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    exclusive: tuple[Exclusion, ...] = ()
    cyclic: frozenset[str] = frozenset()

    def properties(self) -> list[str]:
        """All properties that stand in it, each once."""
        named = list(self.cyclic)
        for inverses in (self.inverses, self.incomplete):
            for property, others in inverses.items():
                named += [property, *others]
        for exclusion in self.exclusive:
            named += [*exclusion.one, *exclusion.other]
        return sorted(set(named))


def read_constraints(table: str | Path | None) -> Constraints:
    """Read what properties say about each other from YAML.

    Args:
        table: "wikidata" (the table that comes with relsym), a file with the same keys, or None: nothing.

    Raises:
        FileNotFoundError: no such file.
        ValueError: a key that is unknown, or an entry of another shape.
    """
    if table is None:
        return Constraints()
    path: Path | Traversable = Path(str(table)).expanduser()
    if table == WIKIDATA_TABLE:
        path = files("relsym.checking").joinpath("constraints.yaml")
    try:
        content = read_yaml(path, plain_keys=True)
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f"check.constraints={table}: no such file. Pass {WIKIDATA_TABLE}, null, or a YAML file with "
            f"{', '.join(CONSTRAINT_KEYS)}."
        ) from error
    try:
        return _constraints(content)
    except ValueError as error:
        raise ValueError(f"{path}: {error}. Keys: {', '.join(CONSTRAINT_KEYS)}, all optional.") from error


def _constraints(content: Any) -> Constraints:
    """The constraints in what a file holds.

    Raises:
        ValueError: saying which entry is wrong.
    """
    content = {} if content is None else content
    if not isinstance(content, dict):
        raise ValueError(f"expected a mapping, got {shown_text(content)}")
    unknown = [str(key) for key in content if key not in CONSTRAINT_KEYS]
    if unknown:
        raise ValueError(f"unknown key {shown_text(unknown[0])}")
    exclusive = content.get("exclusive") or []
    if not isinstance(exclusive, list):
        raise ValueError("exclusive: expected a list of entries {one: [...], other: [...], because: TEXT}")
    cyclic = frozenset(_properties(content.get("cyclic") or [], "cyclic"))
    return Constraints(
        _inverses(content, "inverses"),
        _inverses(content, "incomplete"),
        tuple(_exclusion(entry) for entry in exclusive),
        cyclic,
    )


def _inverses(content: dict[str, Any], key: str) -> dict[str, tuple[str, ...]]:
    """The inverses of each property, in ``inverses`` or ``incomplete``."""
    entries = content.get(key) or {}
    if not isinstance(entries, dict):
        raise ValueError(f"{key}: expected a mapping from a property to a list of its inverses")
    inverses = {}
    for name, others in entries.items():
        property = str(name)
        inverses[property] = _properties(others, f"{key} of {shown_text(property)}")
        if property in inverses[property]:
            raise ValueError(
                f"{key}: {shown_text(property)} is its own inverse: the property table says what is symmetric"
            )
    return inverses


def _exclusion(entry: Any) -> Exclusion:
    """One entry of ``exclusive``."""
    if not isinstance(entry, dict) or set(entry) != set(EXCLUSION_KEYS):
        raise ValueError(
            f"exclusive: expected {{one: [...], other: [...], because: TEXT}}, got {shown_text(entry)}"
        )
    if not isinstance(entry["because"], str):
        raise ValueError(f"exclusive: because: {shown_text(entry['because'])} is no text; put it in quotes")
    one, other = (_properties(entry[name], f"exclusive: {name}") for name in ("one", "other"))
    both = set(one) & set(other)
    if both:
        raise ValueError(f"exclusive: {shown_text(min(both))} stands on both sides")
    return Exclusion(one, other, entry["because"])


def _properties(entry: Any, place: str) -> tuple[str, ...]:
    """A list of property ids, or a single one."""
    listed = entry if isinstance(entry, list) else [entry]
    if not listed and place != "cyclic":
        raise ValueError(f"{place}: expected one property at least")
    for property in listed:
        if isinstance(property, bool) or not isinstance(property, str | int):
            raise ValueError(f"{place}: expected property ids, got {shown_text(property)}")
    return tuple(str(property) for property in listed)
