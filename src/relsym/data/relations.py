"""The property table: which relations are asked about, in which words, and of which kind they are."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from relsym.runs.plain_yaml import read_yaml
from relsym.runs.stored_config import shown_text
from relsym.visible import printable

ENTAILMENT, NEUTRAL, CONTRADICTION = "entailment", "neutral", "contradiction"
SYMMETRIC, ANTISYMMETRIC, NEITHER = "symmetric", "antisymmetric", "neither"
LABEL_OF_KIND = {SYMMETRIC: ENTAILMENT, ANTISYMMETRIC: CONTRADICTION, NEITHER: NEUTRAL}
KINDS = tuple(LABEL_OF_KIND)
# Tables that come with the package, by name: of Wikidata's properties, and of data sets with relations of
# their own.
TABLES = {
    "paper": ("properties.yaml",),
    "extended": ("properties.yaml", "extended.yaml"),
    "wn18rr": ("tables/wn18rr.yaml",),
    "fb15k237": ("tables/fb15k237.yaml",),
    "yago310": ("tables/yago310.yaml",),
    "umls": ("tables/umls.yaml",),
    "dbpedia50": ("tables/dbpedia50.yaml",),
    "conceptnet": ("tables/conceptnet.yaml",),
}
LONGEST_PROBLEM = 300  # characters of what is wrong with an entry: a field that is unknown may be long
PROPERTY_FIELDS = "name, kind, template, converse, negation, paraphrases, inverses (the last four optional)"


@dataclass(frozen=True, slots=True)
class Relation:
    """One property: r(x, y) reads ``template`` with [X] and [Y] filled in.

    Attributes:
        property: its id.
        name: what people call it.
        kind: symmetric if r(x, y) implies r(y, x), antisymmetric if it implies not r(y, x), neither if it
            implies none of them.
        template: its main wording.
        converse: states r(x, y) from the other side, so names the two in the opposite order (None for
            symmetric relations).
        negation: denies the template's statement.
        paraphrases: other wordings of it, in the template's order.
        inverses: properties that speak about the same entity pairs; they leave training when this one is held
            out.
        negations: further denials, beside ``negation``.
        converses: further wordings from the other side, beside ``converse``.
        meaning: relations of one meaning class are synonyms, converses, or one wider than the other.
        slots: the types of [X] and [Y].
        implied: relations of a bank that follow from this one, each with whether its two names are exchanged.
        family: of a relation in a bank, such as kinship.
        side: of a relation in a bank, on which it trains or is held out (``RELATION_SIDES`` there, or
            ``ADDED``).
        kept: the same relation in the wordings that are kept from training.
        reworded: the same relation in all the words that it may train in, where there are more than these.

    Raises:
        ValueError: an unknown kind, or a wording without [X] and [Y].
    """

    property: str
    name: str
    kind: str
    template: str
    converse: str | None = None
    negation: str | None = None
    paraphrases: tuple[str, ...] = ()
    inverses: tuple[str, ...] = ()
    # Not in the text of a relation, from which the hashes of benchmarks were made before there were these.
    negations: tuple[str, ...] = dataclasses.field(default=(), repr=False)
    converses: tuple[str, ...] = dataclasses.field(default=(), repr=False)
    meaning: str = dataclasses.field(default="", repr=False)
    slots: tuple[str, ...] = dataclasses.field(default=(), repr=False)
    implied: tuple[tuple[str, bool], ...] = dataclasses.field(default=(), repr=False)
    family: str = dataclasses.field(default="", repr=False)
    side: str = dataclasses.field(default="", repr=False)
    kept: Relation | None = dataclasses.field(default=None, repr=False)
    reworded: Relation | None = dataclasses.field(default=None, repr=False)

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"kind is {shown_text(self.kind)}; it must be one of {', '.join(KINDS)}")
        for wording in self.wordings:
            if wording and not _has_both_slots(wording):
                raise ValueError(f"{shown_text(wording)} must contain [X] and [Y] once each")

    @property
    def wordings(self) -> tuple[str | None, ...]:
        """All its texts; None or an empty one where it lacks one."""
        first = (self.template, self.converse, self.negation)
        return (*first, *self.paraphrases, *self.negations, *self.converses)

    def further(self) -> tuple[object, ...]:
        """The fields that its text leaves out, as far as they bear on rows; empty where it has none."""
        fields = (self.negations, self.converses, self.meaning, self.slots, self.kept)
        return fields if any(fields) else ()

    @property
    def label(self) -> str:
        """The label of a swap pair: what r(x, y) says about r(y, x)."""
        return LABEL_OF_KIND[self.kind]


def read_relations(table: str | Path | None = None) -> dict[str, Relation]:
    """Read a property table: YAML, property id -> ``PROPERTY_FIELDS``.

    Args:
        table: "paper" (also None: the paper's 14 properties), "extended" (those and more), another of
            ``TABLES``, or a file.

    Raises:
        FileNotFoundError: no such file or table.
        ValueError: a missing or unknown field, one that is no text, an unknown kind, a wording without [X]
            and [Y], an id that YAML reads as something else.
    """
    # Later files of a table add to the earlier ones: "extended" is the paper's table and more.
    names = TABLES.get(str(table or "paper"))
    paths: list[Path | Traversable] = []
    if names:
        paths += [files("relsym.data").joinpath(name) for name in names]
    else:
        paths.append(Path(str(table)).expanduser())
    relations = {}
    for path in paths:
        for key, fields in _entries(path).items():
            property = str(key)  # YAML reads a key of digits as a number
            relations[property] = _relation(property, fields, path)
    return relations


def read_undeclared(path: str | Path) -> tuple[dict[str, Relation], dict[str, str]]:
    """Read a property table in which kinds may be missing.

    Args:
        path: of the YAML file; each property has a template at least.

    Returns:
        The properties, those without a kind as ``neither``, and the kinds that stand there.

    Raises:
        FileNotFoundError, ValueError: as ``read_relations``.
    """
    file = Path(path).expanduser()
    relations, declared = {}, {}
    for key, fields in _entries(file, "properties").items():
        property = str(key)
        filled = fields
        if isinstance(fields, dict):
            filled = {"name": property, "kind": NEITHER, **fields}
            if filled["kind"] is None:  # ``kind:`` with nothing behind it
                filled["kind"] = NEITHER
            elif "kind" in fields:
                declared[property] = filled["kind"]
        relations[property] = _relation(property, filled, file)
        if not relations[property].template:
            raise ValueError(f"{file}: property {printable(property)}: template is empty.")
    return relations, declared


def select_relations(
    table: dict[str, Relation], properties: list[str] | None, neutral: bool = False
) -> dict[str, Relation]:
    """Keep some properties of a table, in its order.

    Args:
        table: the property table.
        properties: those to keep; None (or none) keeps all.
        neutral: whether to keep those that are neither symmetric nor antisymmetric.

    Raises:
        ValueError: a property that the table lacks.
    """
    unknown = [p for p in properties or () if p not in table]
    if unknown:
        raise ValueError(
            f"unknown property {', '.join(unknown)}: the property table has {', '.join(table)}. "
            "Name one of these in data.properties, or pass a table of your own as data.property_table."
        )
    # Round the table and not round ``properties``: their order in the configuration must not change a draw.
    selected = {}
    for property, relation in table.items():
        is_named = not properties or property in properties
        if is_named and (neutral or relation.kind != NEITHER):
            selected[property] = relation
    return selected


def meaning_classes(relations: Mapping[str, Relation]) -> dict[str, str]:
    """The meaning class of each property: its own, or that of all its inverses, by the first of them."""
    classes: dict[str, str] = {}
    for property, relation in relations.items():
        if relation.meaning:
            classes[property] = relation.meaning
            continue
        # One of its inverses may have been placed before it.
        known = [classes[other] for other in relation.inverses if other in classes]
        name = known[0] if known else classes.get(property, property)
        classes[property] = name
        for other in relation.inverses:
            classes[other] = name
    return classes


def leave_with(held_out: Iterable[str], relations: Mapping[str, Relation]) -> list[str]:
    """The properties that leave training beside those held out, in the order of ``relations``.

    They speak about the same entity pairs as one that is held out, or are of its meaning class.
    """
    held_out = set(held_out)
    inverses: set[str] = set()
    for property in held_out:
        inverses.update(relations[property].inverses)
    meanings = {relations[property].meaning for property in held_out} - {""}
    leaving = []
    for property, relation in relations.items():
        leaves = property in inverses or relation.meaning in meanings
        if leaves and property not in held_out:
            leaving.append(property)
    return leaving


def _has_both_slots(wording: str) -> bool:
    """Whether it has [X] and [Y] once each."""
    return wording.count("[X]") == 1 and wording.count("[Y]") == 1


def _entries(path: Path | Traversable, option: str = "data.property_table") -> dict:
    """The mapping in a YAML file, before anything of it is checked; ``option`` is for the message."""
    try:
        entries = read_yaml(path, plain_keys=True)
    except FileNotFoundError as error:
        tables = f", nor one of {', '.join(TABLES)}" if option == "data.property_table" else ""
        raise FileNotFoundError(f"{option}={path}: no such file{tables}.") from error
    if not isinstance(entries, dict) or not entries:
        raise ValueError(
            f"{path}: expected a mapping from property ids to name, kind and template, got "
            f"{type(entries).__name__}."
        )
    return entries


def _relation(key: str, fields: object, path: object) -> Relation:
    """One entry of a property table, checked; ``path`` is for the message."""
    if not key or any(c.isspace() for c in key):
        raise ValueError(f"{path}: {shown_text(key)} is no property id (expected one word, such as P131).")
    try:
        lists = {}
        for name in ("paraphrases", "inverses"):
            if name in fields:
                lists[name] = _list(fields[name])
        _refuse_fields_of_banks(fields)
        _refuse_other_than_text({**fields, **lists})
        return Relation(**{**fields, "property": key, **lists})
    except (TypeError, ValueError) as error:
        # A TypeError is an entry that is no mapping, or a field that is missing or unknown.
        problem = printable(str(error), LONGEST_PROBLEM)
        raise ValueError(
            f"{path}: property {printable(key)}: {problem}. Fields: {PROPERTY_FIELDS}."
        ) from error


def _list(entry: object) -> tuple[object, ...]:
    """A list of the YAML file, or nothing where the file leaves it empty."""
    if entry is not None and not isinstance(entry, list):
        raise ValueError(f"{shown_text(entry)} must be a list")
    return tuple(entry or ())


def _refuse_fields_of_banks(fields: Mapping[str, object]) -> None:
    """Refuse what a bank of relations alone says of a relation: a table has no sides and no families."""
    for field in dataclasses.fields(Relation):
        if field.name in fields and not field.repr:
            raise ValueError(f"unknown field {field.name}")


def _refuse_other_than_text(fields: Mapping[str, object]) -> None:
    """Refuse what YAML reads as a number or a boolean, such as the name 2001."""
    for field in dataclasses.fields(Relation):
        value = fields.get(field.name, "")
        for part in value if isinstance(value, tuple) else (value,):
            may_be_null = field.name in ("converse", "negation") and part is None
            if not isinstance(part, str) and not may_be_null:
                raise ValueError(f"{field.name}: {shown_text(part)} is no text; put it in quotes")
