"""The steps of ``relsym export``."""

from __future__ import annotations

import json
import logging
import shlex
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from hydra.core.hydra_config import HydraConfig
from hydra.utils import instantiate
from omegaconf import DictConfig

from relsym import __version__
from relsym.app.data_kind import check_trains
from relsym.app.export.harness import (
    EXAMPLES_FILE,
    LOADER_CODE,
    LOADER_FILE,
    ROWS_FILE,
    group_yaml,
    table_of,
    task_name,
    task_yaml,
)
from relsym.app.output_folder import check_export_folder, claim_output_folder, finish_output_folder
from relsym.app.values.checks import check_values
from relsym.app.values.packages import check_packages
from relsym.data.module import PairData
from relsym.data.pairs import Row, pair_ids
from relsym.data.splits import VALIDATION
from relsym.models.prompts import Prompt, choose_shots, read_prompts
from relsym.report.one_run.terminal import console
from relsym.runs.files import write_atomically, write_text_atomically
from relsym.runs.layout import EXPORT
from relsym.runs.origin import rows_hash

log = logging.getLogger(__name__)
# How the overrides begin that say which rows are exported.
OF_ROWS = ("data=", "data.", "data@", "forms=", "seed=")
# Tables by file name, other files by name, and the command that uses them, with {folder}.
Files = tuple[dict[str, list[Row]], dict[str, str], str]
# Fields of the record that every exported task carries as its metadata.
METADATA = ("relsym", "benchmark", "content_hash", "rows_hash")


def export_benchmark(cfg: DictConfig) -> None:
    """Fill one folder, from the source of the rows to ``export.json``.

    Raises:
        FileExistsError: the folder holds a finished export or files of others.
        ValueError: an unknown task, form or wording, or labels that a wording has no word for.
    """
    folder = Path(HydraConfig.get().runtime.output_dir)
    check_export_folder(folder)
    check_values(cfg, "export")
    check_trains(cfg.data, "export")
    check_packages(cfg)
    if cfg.task not in EXPORTS:
        raise ValueError(f"task={cfg.task}: expected {' or '.join(EXPORTS)}.")

    data: PairData = instantiate(cfg.data.module, _convert_="all")
    data.read()
    data.keep_forms(cfg.forms)
    rows = data.score_rows
    counts = {form: len(of_form) for form, of_form in rows.items()}
    record = {
        "relsym": __version__,
        "task": cfg.task,
        "benchmark": data.title or HydraConfig.get().runtime.choices["data"],
        "content_hash": data.content_hash,
        "rows_hash": rows_hash(pair_ids(rows)),
        "score_on": cfg.data.score_on,
        "rows": counts,
    }

    # This adds to the record what only the chosen task has, so it comes before the record is written.
    make_files = EXPORTS[cfg.task]
    tables, texts, command = make_files(cfg, data, rows, record)
    write_export(folder, tables, texts, record)
    read = [f"{name}: {count}" for name, count in sorted(data.counts.items())]
    log.info("source: %s", ", ".join(read))
    of_forms = [f"{count} {form}" for form, count in counts.items()]
    log.info("rows: %s", ", ".join(of_forms))
    command = command.format(folder=folder)
    console().print(f"Written to {folder}    {command}", soft_wrap=True)


def as_rows(
    cfg: DictConfig, data: PairData, rows: Mapping[str, Sequence[Row]], record: dict[str, Any]
) -> Files:
    """The files of ``task=rows``: the rows of all forms in one table."""
    table: list[Row] = []
    for of_form in rows.values():
        table.extend(of_form)
    # The table of answers has to meet the rows that were exported, so these are drawn in the same way again.
    words = ["relsym evaluate model=predictions model.file=FILE", *same_rows(cfg)]
    return {ROWS_FILE: table}, {}, " ".join(words).replace("{", "{{").replace("}", "}}")


def same_rows(cfg: DictConfig) -> list[str]:
    """The overrides with which ``relsym evaluate`` scores the rows that are exported here."""
    words = [word for word in HydraConfig.get().overrides.task if word.lstrip("+~").startswith(OF_ROWS)]
    if cfg.data.score_on == VALIDATION:
        words.append("validation_pairs=0")
    return [shlex.quote(word) for word in words]


def as_tasks(
    cfg: DictConfig, data: PairData, rows: Mapping[str, Sequence[Row]], record: dict[str, Any]
) -> Files:
    """The files of ``task=lm_eval``: rows, labelled examples, and a task for every wording and form.

    The wordings of a form are also grouped, those that are chats apart. ``record`` is given the wordings and
    the number of examples before a question.

    Raises:
        ValueError: a wording that has no word for some of the labels, or too few labelled rows for
            ``shots``.
    """
    labels, labelled = data.asked_labels, data.rows_to_fit_on()
    prompts = chosen_prompts(cfg.prompts, labels)
    choose_shots(labelled, cfg.shots, prompts)  # refuses what relsym evaluate would refuse
    metadata = {"version": 1.0}
    for key in METADATA:
        metadata[key] = record[key]
    record["prompts"] = [prompt.name for prompt in prompts]
    record["shots"] = cfg.shots

    texts = {LOADER_FILE: LOADER_CODE}
    groups: list[str] = []
    for form in rows:
        for prompt in prompts:
            name = task_name(prompt.name, form)
            texts[f"{name}.yaml"] = task_yaml(prompt, form, labels, cfg.shots, metadata)
        # A chat needs other arguments of the harness than plain text, so the two are never in one group.
        for group_prompt, is_chat in (("", False), ("chats", True)):
            members = [task_name(prompt.name, form) for prompt in prompts if prompt.chat is is_chat]
            if members:
                group = task_name(group_prompt, form)
                groups.append(group)
                texts[f"{group}.yaml"] = group_yaml(group, members, metadata)

    # All of them, in the order in which they are drawn: the harness takes the first ones.
    examples = choose_shots(labelled, len(labelled), [])
    tables, _, _ = as_rows(cfg, data, rows, record)
    tables[EXAMPLES_FILE] = examples
    return tables, texts, f"lm_eval --include_path {{folder}} --tasks {groups[0]}"


EXPORTS: dict[str, Callable[..., Files]] = {"lm_eval": as_tasks, "rows": as_rows}


def chosen_prompts(names: str | Sequence[str] | None, labels: Sequence[str]) -> list[Prompt]:
    """The wordings that have a word for every label.

    Args:
        names: as in ``read_prompts``; None takes those of relsym's that fit, and says which do not.

    Raises:
        ValueError: a named wording lacks a word for a label, or none of relsym's has them all.
    """
    prompts = read_prompts(names, "prompts")
    wordless = [prompt.name for prompt in prompts if set(labels) - set(prompt.answers)]
    if not wordless:
        return prompts
    if names is not None or len(wordless) == len(prompts):
        raise ValueError(
            f"prompts: {', '.join(wordless)} has no answer for some of the labels {', '.join(labels)}. "
            "Choose others."
        )
    log.info(
        "no answer for some of the labels %s: the wordings %s are left out",
        ", ".join(labels),
        ", ".join(wordless),
    )
    return [prompt for prompt in prompts if prompt.name not in wordless]


def write_export(
    folder: Path, tables: Mapping[str, Sequence[Row]], texts: Mapping[str, str], record: Mapping[str, Any]
) -> None:
    """Write every file whole or not at all, the record last."""
    former_tasks = [path.name for path in folder.glob("relsym_*.yaml")]
    unlisted = [ROWS_FILE, EXAMPLES_FILE, LOADER_FILE, *former_tasks]
    claim_output_folder(folder, EXPORT, [*tables, *texts], unlisted)
    for name, rows in tables.items():
        _write_table(folder / name, rows)
    for name, text in texts.items():
        write_text_atomically(folder / name, text)
    record_text = json.dumps(record, indent=1, ensure_ascii=False)
    finish_output_folder(folder, EXPORT, f"{record_text}\n")


def _write_table(path: Path, rows: Sequence[Row]) -> None:
    """Write rows as a Parquet file."""
    table = pa.table(table_of(rows))
    write_atomically(path, lambda target: pq.write_table(table, target))
