"""Data sets on the Hugging Face hub, whose columns are declared in the configuration and checked when the
data is there.
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
from relsym.data.sources.table import blank, labels_beside, one_label
from relsym.data.triples import (
    ENTITY_ID,
    TRIPLE_SCHEMA,
    TripleSource,
    check_choice,
    entities_of,
    skips_bad_rows,
)

TRIPLES, PAIRS = "triples", "pairs"
REQUIRED = {TRIPLES: ("subject", "property", "object"), PAIRS: ("premise", "hypothesis")}
OPTIONAL = {TRIPLES: ("subject_label", "object_label"), PAIRS: ("label",)}


class HubTriples:
    """Statements from a data set on the Hugging Face hub, or from a folder in the hub's layout; no code of
    the data set is ever run.

    shape "triples": columns subject, property, object, and subject_label and object_label or neither.
    shape "pairs": columns premise and hypothesis, and label or not. A premise has to be r(x, y) in the words
    of one template of the property table, its hypothesis r(y, x) in the same words; anything else is dropped
    and counted.

    A name that is no Q-id stands for its entity: it is the id and the label.

    Args:
        path: owner/name on the hub, or a folder.  name: the data set's configuration, if it has several.
        part: one of the data set's splits; None: all, one after the other.  revision: commit, tag or branch.
        shape: "triples" or "pairs".  columns: what a column is for -> its name; for "pairs", a label's column
        may be null. property_table: wordings for "pairs": as ``read_relations`` takes them. on_bad_row:
        "error" or "skip" (dropped and counted), for rows with an empty field. licence: SPDX id of the data's
        licence.
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
        licence: str = "unknown",
    ) -> None:
        self.set = HubSet(path, name, revision)
        check_choice("data.shape", shape, (TRIPLES, PAIRS))
        self.part, self.shape = part, shape
        self.skip_bad, self.licence = skips_bad_rows(on_bad_row), licence
        self.columns = _declared(shape, columns or {})
        self.relations = read_relations(property_table)

    def read(self, properties: Collection[str]) -> TripleSource:
        """Read the statements of ``properties`` and the names of their entities."""
        parts = self._load()
        dropped, notes = Counter(), Counter()
        rows = pl.concat(self._good(self._rows(dataset), part, dropped) for part, dataset in parts.items())
        read = rows.height + dropped.total()
        if self.shape == PAIRS:
            rows = stated(rows, self.relations, dropped)
        chosen = rows.filter(pl.col("property").is_in(list(properties)))
        dropped["other property"] += rows.height - chosen.height
        if self.shape == PAIRS:
            chosen = self._swapped(chosen, dropped, notes)
        return self._source(chosen, read, dropped, notes)

    def _source(
        self, rows: pl.DataFrame, read: int, dropped: Counter[str], notes: Counter[str]
    ) -> TripleSource:
        labelled = "subject_label" in self.columns
        if labelled:
            labels = one_label(labels_beside(rows), notes)
        else:
            ids = entities_of(rows)
            names = ids.filter(~ids.str.contains(f"^(?:{ENTITY_ID.pattern})$"))
            labelled = ids.is_empty() or not names.is_empty()
            labels = pl.DataFrame(
                {"entity": names, "label": names} if labelled else {"entity": ids, "label": ids}
            )
        origin = " ".join(filter(None, ("hub data set", self.set.title, self.set.name, self.part)))
        return TripleSource(
            rows.select(list(TRIPLE_SCHEMA)), labels, read, +dropped, origin, self.licence, +notes, labelled
        )

    def _load(self) -> dict[str, Any]:
        parts = self.set.parts()
        if self.part and self.part not in parts:
            raise ValueError(
                f"data.part={self.part}: the data set has {', '.join(parts)}. Name one of these, or null for "
                "all."
            )
        chosen = {self.part: parts[self.part]} if self.part else dict(parts)
        for dataset in chosen.values():
            if wrong := faults(dataset.features, self.columns):
                raise ValueError(
                    f"data.path={self.set.path}: {'; '.join(wrong)}. The data set has\n"
                    f"{described_columns(parts)}\nDeclare its columns with "
                    f"{' '.join(f'data.columns.{role}=NAME' for role in self.columns)}, or "
                    f"data.shape={TRIPLES} or {PAIRS}."
                )
        return chosen

    def _rows(self, dataset: Any) -> pl.DataFrame:
        rows = dataset.select_columns(list(dict.fromkeys(self.columns.values()))).to_polars()
        roles = {role: pl.col(name).cast(pl.String) for role, name in self.columns.items()}
        if (
            names := getattr(dataset.features[self.columns["label"]], "names", None)
            if "label" in self.columns
            else None
        ):
            roles["label"] = pl.col(self.columns["label"]).replace_strict(
                dict(enumerate(names)), default=None, return_dtype=pl.String
            )
        return rows.select(**roles).with_row_index("row", offset=1)

    def _good(self, rows: pl.DataFrame, part: str, dropped: Counter[str]) -> pl.DataFrame:
        is_bad = pl.any_horizontal(blank(role) for role in REQUIRED[self.shape])
        bad = rows.filter(is_bad)
        if not bad.is_empty() and not self.skip_bad:
            raise ValueError(
                f"row {bad['row'][0]} of part {part} of {self.set.path}: expected "
                f"{', '.join(REQUIRED[self.shape])} filled in, "
                f"got {str(bad.drop('row').row(0, named=True))[:200]}. Pass data.on_bad_row=skip to drop and "
                "count such rows."
            )
        dropped["bad row"] += bad.height
        return rows.filter(~is_bad).drop("row")

    def _swapped(self, rows: pl.DataFrame, dropped: Counter[str], notes: Counter[str]) -> pl.DataFrame:
        swapped = rows.filter(pl.col("hypothesis") == pl.col("swap"))
        dropped["hypothesis is not the swap"] += rows.height - swapped.height
        if "label" in self.columns:
            expected = pl.col("property").replace_strict(
                {p: r.label for p, r in self.relations.items()}, return_dtype=pl.String
            )
            other = swapped.filter(
                ~blank("label"), pl.col("label").str.strip_chars().str.to_lowercase() != expected
            )
            notes["label differs from the property table's"] += other.height
        return swapped


def stated(rows: pl.DataFrame, relations: Mapping[str, Relation], dropped: Counter[str]) -> pl.DataFrame:
    """What the premises state: adds subject, property, object, and swap, the statement with the two names
    exchanged.

    Raises:
        ValueError: not one premise is worded like the property table.
    """
    rows = rows.with_row_index("row")
    readings = pl.concat(
        _readings(rows, relation, name) for relation in relations.values() for name in (".+", ".+?")
    ).unique()
    told = readings.group_by("row").agg(templates=pl.col("property").n_unique(), ways=pl.len())
    if told.is_empty() and not rows.is_empty():
        raise ValueError(
            f"no premise fits a template of the property table: the first is {rows['premise'][0][:80]!r}, a "
            "template "
            f"{next(iter(relations.values())).template!r}. Pass data.property_table=TABLE.yaml with the data "
            "set's wordings."
        )
    dropped["no template fits"] += rows.height - told.height
    dropped["several templates fit"] += told.filter(pl.col("templates") > 1).height
    dropped["a template fits in several ways"] += told.filter(
        pl.col("templates") == 1, pl.col("ways") > 1
    ).height
    return rows.join(
        readings.join(told.filter(pl.col("ways") == 1), on="row", how="semi"), on="row", maintain_order="left"
    )


def _readings(rows: pl.DataFrame, relation: Relation, name: str) -> pl.DataFrame:
    parts = re.split(r"(\[[XY]\])", relation.template)
    pattern = "".join(
        {"[X]": f"(?<subject>{name})", "[Y]": f"(?<object>{name})"}.get(part, pl.escape_regex(part))
        for part in parts
    )
    swap = [{"[X]": pl.col("object"), "[Y]": pl.col("subject")}.get(part, pl.lit(part)) for part in parts]
    found = rows.select(
        "row", pl.col("premise").str.extract_groups(rf"(?s)\A{pattern}\z").struct.unnest()
    ).drop_nulls()
    return found.select(
        "row",
        "subject",
        pl.lit(relation.property).alias("property"),
        "object",
        pl.concat_str(swap).alias("swap"),
    )


def _declared(shape: str, columns: Mapping[str, str | None]) -> dict[str, str]:
    """Role -> column, for the roles of this shape; those of the other shape may stand beside them in the
    configuration.
    """
    if unknown := columns.keys() - {
        role for roles in (REQUIRED, OPTIONAL) for names in roles.values() for role in names
    }:
        raise ValueError(
            f"data.columns: unknown {', '.join(sorted(unknown))}: expected "
            f"{', '.join(REQUIRED[shape] + OPTIONAL[shape])}."
        )
    declared = {role: columns.get(role, role) for role in REQUIRED[shape]}
    if missing := [role for role, name in declared.items() if not name]:
        raise ValueError(
            f"data.columns.{missing[0]} is null: pass data.columns.{missing[0]}=NAME of its column."
        )
    declared |= {role: columns[role] for role in OPTIONAL[shape] if columns.get(role)}
    if ("subject_label" in declared) != ("object_label" in declared):
        raise ValueError("data.columns: subject_label and object_label go together: name both or neither.")
    return declared
