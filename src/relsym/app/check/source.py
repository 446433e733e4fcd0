"""The statements that ``relsym check`` looks at."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl
from hydra.core.hydra_config import HydraConfig
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from relsym.app.data_kind import check_trains
from relsym.app.values.packages import check_packages
from relsym.checking.constraints import Constraints
from relsym.data.clean_labels import checked_cleanings, with_clean_labels
from relsym.data.relation_bank import read_property_table
from relsym.data.relations import SYMMETRIC, Relation, select_relations
from relsym.data.triples import DetailedReader, StatementDetails, TripleSource

DEFAULT_TABLE = "extended"
# Why a dump leaves statements out that may be the reverse of another one.
BY_RANK = ("deprecated", "not best rank")


def asked_relations(cfg: DictConfig) -> dict[str, Relation]:
    """The properties that are looked at, of all kinds."""
    table = OmegaConf.select(cfg, "data.property_table")
    properties = OmegaConf.select(cfg, "data.properties")
    if isinstance(properties, str):
        if table is not None:
            raise ValueError(
                f"data.properties={properties} and data.property_table={table}: name one table, not two."
            )
        table, properties = properties, None
    chosen = None if properties is None else list(properties)
    return select_relations(read_property_table(table or DEFAULT_TABLE), chosen, neutral=True)


def read_source(
    cfg: DictConfig, relations: Mapping[str, Relation], constraints: Constraints, detailed: bool
) -> tuple[TripleSource, StatementDetails | None]:
    """The statements of these properties and of those that constraints name.

    Args:
        relations: of the property table.
        constraints: what properties say about each other.
        detailed: whether ranks and qualifiers of the symmetric ones are read too.

    Raises:
        ValueError: the data option has no triples, or none of these properties.
    """
    if OmegaConf.select(cfg, "data.reader") is None:
        check_trains(cfg.data, "check")
        option = HydraConfig.get().runtime.choices["data"]
        raise ValueError(f"data={option} is no source of triples. Choose another data option.")
    check_packages(cfg.data.reader)
    reader = instantiate(cfg.data.reader, _convert_="all")
    asked = list(dict.fromkeys([*relations, *constraints.properties()]))
    details = None
    if not detailed:
        source: TripleSource = reader.read(asked)
    elif isinstance(reader, DetailedReader):
        symmetric = [name for name, relation in relations.items() if relation.kind == SYMMETRIC]
        source, details = reader.read_detailed(asked, symmetric)
    else:
        option = HydraConfig.get().runtime.choices["data"]
        raise ValueError(
            "check.output=quickstatements needs the ranks and qualifiers of statements and the exceptions "
            f"of constraints, or it could undo what was decided, and data={option} has none. Take "
            "data=wikidata_dump with a JSON dump."
        )
    cleanings = checked_cleanings(OmegaConf.select(cfg, "data.clean_labels"))
    if cleanings:
        source, _ = with_clean_labels(source, cleanings)
    if source.triples.filter(pl.col("property").is_in(list(relations))).is_empty():
        others = ", ".join(name for name, _ in source.other_properties.most_common(5))
        seen = f" Its statements are of {others}." if others else ""
        raise ValueError(
            f"{source.origin}: no statement of the properties of the table.{seen} Name the table of its "
            "properties: data.property_table=TABLE."
        )
    return source, details


def notes_on(cfg: DictConfig, source: TripleSource) -> list[str]:
    """Why something may be called missing that is stated after all."""
    notes = []
    by_rank = sum(source.dropped[reason] for reason in BY_RANK)
    if by_rank:
        notes.append(
            f"{by_rank:,} statements that are deprecated or not of the best rank; a reverse among them "
            "counts as missing"
        )
    limit = OmegaConf.select(cfg, "data.limit")
    if limit is not None:
        notes.append(
            f"more than {limit:,} statements of a property (data.limit); a reverse may be among them"
        )
    return notes
