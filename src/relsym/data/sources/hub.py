"""Statements from data sets on the Hugging Face hub.

Their columns are declared in the configuration, and checked when the data is there.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import polars as pl

from relsym.data.relations import Relation, read_relations
from relsym.data.sources.hub_set import HubSet, described_columns, faults
from relsym.data.sources.iris import PropertyNames, with_plain_ids
from relsym.data.sources.literals import ENGLISH
from relsym.data.sources.table import blank, labels_beside, labels_of
from relsym.data.triples import ENTITY_ID, TRIPLE_SCHEMA, BadRows, TripleSource, check_choice, entities_of
from relsym.extras import install_line, needs

TRIPLES, PAIRS = "triples", "pairs"
REQUIRED = {TRIPLES: ("subject", "property", "object"), PAIRS: ("premise", "hypothesis")}
OPTIONAL = {TRIPLES: ("subject_label", "object_label"), PAIRS: ("label",)}


# A premise is read twice, its names once as long and once as short as the template allows: where the two
# readings differ, the premise says several things.
_NAME_PATTERNS = (".+", ".+?")


@needs("data.path", "datasets", install_line("hub"))
class HubTriples:
    """Statements from a data set on the Hugging Face hub, or from a folder in the hub's layout.

    No code of the data set is ever run.

    shape "triples": columns subject, property, object, and subject_label and object_label or neither.
    shape "pairs": columns premise and hypothesis, and label or not. A premise has to be r(x, y) in the words
    of one template of the property table, its hypothesis r(y, x) in the same words; anything else is dropped
    and counted.

    A name that is no Q-id stands for its entity: it is the id and the label.

    Args:
        path: owner/name on the hub, or a folder.
        name: the data set's configuration, if it has several.
        part: one of the data set's splits; None: all, one after the other.
        columns: what a column is for -> its name; for "pairs", a label's column may be null.
        revision: commit, tag or branch.
        shape: "triples" or "pairs".
        property_table: wordings for "pairs": as ``read_relations`` takes them.
        on_bad_row: "error" or "skip" (dropped and counted), for rows with an empty field.
        language: of labels that are literals, such as ``"Paris"@en``; None: see ``plain_labels``.
        licence: SPDX id of the data's licence.

    Raises:
        ValueError: an unknown shape or role, a required column that is null, and what ``HubSet`` raises.
    """

    def __init__(
        self,
        path: str | None,
        name: str | None = None,
        part: str | None = None,
        columns: Mapping[str, str | None] | None = None,
        revision: str | None = None,
        shape: str = TRIPLES,
        property_table: str | Path | None = None,
        on_bad_row: str = "error",
        language: str | None = None,
        licence: str = "unknown",
    ) -> None:
        self.set = HubSet(path, name, revision)
        check_choice("data.shape", shape, (TRIPLES, PAIRS))
        self.part = part
        self.shape = shape
        self.bad_rows = BadRows(on_bad_row)
        self.language = language
        self.licence = licence
        self.columns = _declared(shape, columns or {})
        self.relations = read_relations(property_table)

    def read(self, properties: Collection[str]) -> TripleSource:
        """Read the statements of ``properties`` and the names of their entities.

        Raises:
            ValueError: a part or column that is not there, a bad row (unless skipped), not one premise that
                fits the property table, and what ``HubSet.parts`` raises.
        """
        dropped, notes = Counter(), Counter()
        tables = []
        for part, dataset in self._load().items():
            tables.append(self._good(self._rows(dataset), part, dropped))
        rows = pl.concat(tables)
        read = rows.height + dropped.total()

        if self.shape == PAIRS:
            rows = stated(rows, self.relations, dropped)
        names = PropertyNames(properties)
        chosen = with_plain_ids(names.chosen(rows), ("subject", "object"))
        dropped["other property"] += rows.height - chosen.height
        if self.shape == PAIRS:
            chosen = self._swapped(chosen, dropped, notes)
        return self._source(chosen, read, dropped, notes, names.others)

    def _source(
        self,
        rows: pl.DataFrame,
        read: int,
        dropped: Counter[str],
        notes: Counter[str],
        other_properties: Counter[str],
    ) -> TripleSource:
        """The source of these statements, with the labels that stand beside them, or their ids for labels."""
        language = ENGLISH
        if "subject_label" in self.columns:
            labels, language = labels_of(labels_beside(rows), self.language, notes, self.set.title)
            labelled = True
        else:
            labels, labelled = _labels_of_ids(entities_of(rows))
        origin_parts = ("hub data set", self.set.title, self.set.name, self.part)
        return TripleSource(
            rows.select(list(TRIPLE_SCHEMA)),
            labels,
            read,
            +dropped,
            " ".join(part for part in origin_parts if part),
            self.licence,
            +notes,
            labelled,
            language,
            wikidata=False,  # it may be of anything, and nothing here tells
            other_properties=other_properties,
            named_by_ids=labelled and "subject_label" not in self.columns,
        )

    def _load(self) -> dict[str, Any]:
        """The chosen parts: name -> data set, each with the declared columns."""
        parts = self.set.parts()
        if self.part and self.part not in parts:
            raise ValueError(
                f"data.part={self.part}: the data set has {', '.join(parts)}. "
                "Name one of these, or null for all."
            )
        chosen = {self.part: parts[self.part]} if self.part else dict(parts)
        for dataset in chosen.values():
            problems = faults(dataset.features, self.columns)
            if problems:
                problem = "; ".join(problems)
                advice = " ".join(f"data.columns.{role}=NAME" for role in self.columns)
                raise ValueError(
                    f"data.path={self.set.path}: {problem}. The data set has\n"
                    f"{described_columns(parts)}\n"
                    f"Declare its columns with {advice}, or data.shape={TRIPLES} or {PAIRS}."
                )
        return chosen

    def _rows(self, dataset: Any) -> pl.DataFrame:
        """A part's rows as strings: row (from 1), and a column for each role."""
        # Two roles may share a column, which is selected once.
        names = list(dict.fromkeys(self.columns.values()))
        rows = dataset.select_columns(names).to_polars()
        roles = {role: pl.col(name).cast(pl.String) for role, name in self.columns.items()}
        if "label" in self.columns:
            label = self.columns["label"]
            classes = getattr(dataset.features[label], "names", None)
            if classes:
                # The hub stores a named class as its number.
                class_of_number = dict(enumerate(classes))
                roles["label"] = pl.col(label).replace_strict(
                    class_of_number, default=None, return_dtype=pl.String
                )
        return rows.select(**roles).with_row_index("row", offset=1)

    def _good(self, rows: pl.DataFrame, part: str, dropped: Counter[str]) -> pl.DataFrame:
        """The rows with every required field; the others are counted in ``dropped``, or the first refused."""
        required = REQUIRED[self.shape]
        is_bad = pl.any_horizontal(blank(role) for role in required)
        bad = rows.filter(is_bad)

        def first() -> str:
            number = bad["row"][0]
            fields = bad.drop("row").row(0, named=True)
            place = f"row {number} of part {part} of {self.set.path}"
            return f"{place}: expected {', '.join(required)} filled in, got {str(fields)[:200]}"

        self.bad_rows.settle(bad.height, first, dropped)
        return rows.filter(~is_bad).drop("row")

    def _swapped(self, rows: pl.DataFrame, dropped: Counter[str], notes: Counter[str]) -> pl.DataFrame:
        """The rows whose hypothesis is their premise with the two names exchanged.

        The others are counted in ``dropped``; labels that the property table contradicts in ``notes``.
        """
        is_swap = pl.col("hypothesis") == pl.col("swap")
        swapped = rows.filter(is_swap)
        dropped["hypothesis is not the swap"] += rows.height - swapped.height
        if "label" in self.columns:
            label_of_property = {}
            for property, relation in self.relations.items():
                label_of_property[property] = relation.label
            expected = pl.col("property").replace_strict(label_of_property, return_dtype=pl.String)
            label = pl.col("label").str.strip_chars().str.to_lowercase()
            differing = swapped.filter(~blank("label"), label != expected)
            notes["label differs from the property table's"] += differing.height
        return swapped


def _labels_of_ids(ids: pl.Series) -> tuple[pl.DataFrame, bool]:
    """The labels where there is no column of them, and whether they are labels or ids that stand in.

    A name that is no Q-id is its own label. Where all are Q-ids, the source has no labels.
    """
    is_id = ids.str.contains(f"^(?:{ENTITY_ID.pattern})$")
    names = ids.filter(~is_id)
    if ids.is_empty() or not names.is_empty():
        return pl.DataFrame({"entity": names, "label": names}), True
    return pl.DataFrame({"entity": ids, "label": ids}), False


def stated(rows: pl.DataFrame, relations: Mapping[str, Relation], dropped: Counter[str]) -> pl.DataFrame:
    """The rows whose premise states one thing, in the words of the property table.

    Adds subject, property, object, and swap, the statement with the two names exchanged. The other rows are
    counted in ``dropped``.

    Args:
        rows: with premise.
        relations: P-id -> relation, whose template words the premises.
        dropped: counts by reason.

    Raises:
        ValueError: not one premise is worded like the property table.
    """
    rows = rows.with_row_index("row")
    readings = []
    for relation in relations.values():
        for name in _NAME_PATTERNS:
            readings.append(_readings(rows, relation, name))
    distinct = pl.concat(readings).unique()
    counts = distinct.group_by("row").agg(templates=pl.col("property").n_unique(), ways=pl.len())
    if counts.is_empty() and not rows.is_empty():
        premise = rows["premise"][0]
        template = next(iter(relations.values())).template
        raise ValueError(
            f"no premise fits a template of the property table: the first is {premise[:80]!r}, "
            f"a template {template!r}. "
            "Pass data.property_table=TABLE.yaml with the data set's wordings."
        )

    one_template = counts.filter(pl.col("templates") == 1)
    several_ways = one_template.filter(pl.col("ways") > 1)
    dropped["no template fits"] += rows.height - counts.height
    dropped["several templates fit"] += counts.height - one_template.height
    dropped["a template fits in several ways"] += several_ways.height

    clear = counts.filter(pl.col("ways") == 1)
    clear_readings = distinct.join(clear, on="row", how="semi")
    return rows.join(clear_readings, on="row", maintain_order="left")


def _readings(rows: pl.DataFrame, relation: Relation, name: str) -> pl.DataFrame:
    """The premises that a relation's template fits: row, subject, property, object and swap.

    Args:
        rows: with row and premise.
        relation: whose template has the places [X] and [Y].
        name: the pattern of a name.
    """
    pattern = ""
    swap = []
    for part in re.split(r"(\[[XY]\])", relation.template):
        if part == "[X]":
            pattern += f"(?<subject>{name})"
            swap.append(pl.col("object"))
        elif part == "[Y]":
            pattern += f"(?<object>{name})"
            swap.append(pl.col("subject"))
        else:
            pattern += pl.escape_regex(part)
            swap.append(pl.lit(part))

    # (?s): a name may hold line ends.
    names = pl.col("premise").str.extract_groups(rf"(?s)\A{pattern}\z")
    fitting = rows.select("row", names.struct.unnest()).drop_nulls()
    return fitting.select(
        "row",
        "subject",
        pl.lit(relation.property).alias("property"),
        "object",
        pl.concat_str(swap).alias("swap"),
    )


def _declared(shape: str, columns: Mapping[str, str | None]) -> dict[str, str]:
    """Role -> column, for the roles of this shape.

    Those of the other shape may stand beside them in the configuration.
    """
    roles = set[str]()
    for some_shape in (TRIPLES, PAIRS):
        roles.update(REQUIRED[some_shape])
        roles.update(OPTIONAL[some_shape])
    unknown = columns.keys() - roles
    if unknown:
        strange = ", ".join(sorted(unknown))
        expected = ", ".join(REQUIRED[shape] + OPTIONAL[shape])
        raise ValueError(f"data.columns: unknown {strange}: expected {expected}.")

    declared = {}
    for role in REQUIRED[shape]:
        name = columns.get(role, role)
        if not name:
            raise ValueError(f"data.columns.{role} is null: pass data.columns.{role}=NAME of its column.")
        declared[role] = name
    for role in OPTIONAL[shape]:
        name = columns.get(role)
        if name:
            declared[role] = name
    if ("subject_label" in declared) != ("object_label" in declared):
        raise ValueError("data.columns: subject_label and object_label go together: name both or neither.")
    return declared
