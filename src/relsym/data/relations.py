"""The property table: which relations are asked about, in which words, and of which kind they are."""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from omegaconf import OmegaConf
from yaml import YAMLError

ENTAILMENT, NEUTRAL, CONTRADICTION = "entailment", "neutral", "contradiction"
LABEL_OF_KIND = {"symmetric": ENTAILMENT, "antisymmetric": CONTRADICTION}
KINDS = tuple(LABEL_OF_KIND)


@dataclass(frozen=True, slots=True)
class Relation:
    """One property: r(x, y) reads ``template`` with [X] and [Y] filled in.

    r is symmetric if r(x, y) implies r(y, x), antisymmetric if r(x, y) implies not r(y, x).
    ``converse`` states r(x, y) from the other side (antisymmetric relations only; None elsewhere).
    """

    property: str
    name: str
    kind: str
    template: str
    converse: str | None = None

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"property {self.property}: kind is {self.kind!r}; it must be one of {', '.join(KINDS)}.")
        for wording in filter(None, (self.template, self.converse)):
            if wording.count("[X]") != 1 or wording.count("[Y]") != 1:
                raise ValueError(f"property {self.property}: {wording!r} must contain [X] and [Y] once each.")

    @property
    def label(self) -> str:
        """The label of a swap pair: what r(x, y) says about r(y, x)."""
        return LABEL_OF_KIND[self.kind]


def read_relations(path: str | Path | None = None) -> dict[str, Relation]:
    """Read a property table (YAML: P-id -> name, kind, template, converse); None reads the 14 properties of the paper.

    Raises:
        ValueError: an id that is no P-id, a missing or unknown field, a template without [X] and [Y].
    """
    table = Path(path) if path else files("relsym.data").joinpath("properties.yaml")
    try:
        entries = OmegaConf.to_container(OmegaConf.create(table.read_text(encoding="utf-8")))
    except YAMLError as error:
        raise ValueError(f"{table}: not YAML ({str(error).splitlines()[0]}).") from error
    if not isinstance(entries, dict) or not entries:
        raise ValueError(f"{table}: expected a mapping from P-ids to name, kind and template, got {type(entries).__name__}.")
    return {key: _relation(key, fields, table) for key, fields in entries.items()}


def select_relations(table: dict[str, Relation], properties: list[str] | None) -> dict[str, Relation]:
    """Keep the named properties (None: all), in the table's order.

    Raises:
        ValueError: a property that the table lacks.
    """
    unknown = [p for p in properties or () if p not in table]
    if unknown:
        raise ValueError(f"unknown property {', '.join(unknown)}: the property table has {', '.join(table)}. "
                         "Name one of these in data.properties, or pass a table of your own as data.property_table.")
    return {p: r for p, r in table.items() if not properties or p in properties}


def _relation(key: object, fields: object, table: object) -> Relation:
    if not re.fullmatch(r"P[1-9]\d*", str(key)):
        raise ValueError(f"{table}: {key!r} is no property id (expected P and a number, such as P131).")
    try:
        return Relation(property=str(key), **fields)
    except TypeError as error:
        raise ValueError(f"{table}: property {key}: {error}. Fields: name, kind, template, converse (optional).") from error
