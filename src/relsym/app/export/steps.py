"""The steps of ``relsym export``."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from hydra.core.hydra_config import HydraConfig
from hydra.utils import instantiate
from omegaconf import DictConfig

from relsym import __version__
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
from relsym.app.values.checks import check_values
from relsym.data.module import PairData
from relsym.data.pairs import Row, pair_ids
from relsym.models.prompts import Prompt, choose_shots, read_prompts
from relsym.report.one_run.terminal import console
from relsym.runs.files import remove, write_atomically
from relsym.runs.origin import rows_hash

log = logging.getLogger(__name__)
RECORD = "export.json"
# Written first, and replaced by the record: what lies beside it was left by an export that did not end.
UNFINISHED_EXPORT = f"partial.{RECORD}"
# Tables by file name, other files by name, and the command that uses them, with {folder}.
Files = tuple[dict[str, list[Row]], dict[str, str], str]


def export_benchmark(cfg: DictConfig) -> None:
    """One folder, from the source of the rows to ``export.json``."""
    folder = Path(HydraConfig.get().runtime.output_dir)
    check(folder)
    check_values(cfg, "export")
    if cfg.task not in EXPORTS:
        raise ValueError(f"task={cfg.task}: expected {' or '.join(EXPORTS)}.")
    data: PairData = instantiate(cfg.data.module, _convert_="all")
    data.read()
    rows = {form: data.score_rows[form] for form in chosen_forms(cfg.forms, data)}
    record = {
        "relsym": __version__,
        "task": cfg.task,
        "benchmark": data.title or HydraConfig.get().runtime.choices["data"],
        "content_hash": data.content_hash,
        "rows_hash": rows_hash(pair_ids(rows)),
        "score_on": cfg.data.score_on,
        "rows": {form: len(asked) for form, asked in rows.items()},
    }
    tables, texts, told = EXPORTS[cfg.task](cfg, data, rows, record)
    write_export(folder, tables, texts, record)
    log.info("rows: %s", ", ".join(f"{count} {form}" for form, count in record["rows"].items()))
    console().print(f"Written to {folder}    {told.format(folder=folder)}", soft_wrap=True)


def as_rows(
    cfg: DictConfig, data: PairData, rows: Mapping[str, Sequence[Row]], record: dict[str, Any]
) -> Files:
    """The rows alone."""
    table = [row for asked in rows.values() for row in asked]
    return {ROWS_FILE: table}, {}, "relsym evaluate model=predictions model.file=FILE"


def as_tasks(
    cfg: DictConfig, data: PairData, rows: Mapping[str, Sequence[Row]], record: dict[str, Any]
) -> Files:
    """The rows, labelled examples in the order in which they are taken, and a task for every wording and
    form.
    """
    prompts = chosen_prompts(cfg.prompts, data.labels)
    choose_shots(data.train_rows, cfg.shots, prompts)  # refuses what evaluate would
    metadata = {
        "version": 1.0,
        **{key: record[key] for key in ("relsym", "benchmark", "content_hash", "rows_hash")},
    }
    record |= {"prompts": [prompt.name for prompt in prompts], "shots": cfg.shots}
    texts, groups = {LOADER_FILE: LOADER_CODE}, []
    for form in rows:
        texts |= {
            f"{task_name(prompt.name, form)}.yaml": task_yaml(prompt, form, data.labels, cfg.shots, metadata)
            for prompt in prompts
        }
        for name, chat in (("", False), ("chats", True)):
            if members := [task_name(prompt.name, form) for prompt in prompts if prompt.chat is chat]:
                groups.append(task_name(name, form))
                texts[f"{groups[-1]}.yaml"] = group_yaml(groups[-1], members, metadata)
    examples = choose_shots(data.train_rows, len(data.train_rows), [])
    tables = {**as_rows(cfg, data, rows, record)[0], EXAMPLES_FILE: examples}
    return tables, texts, f"lm_eval --include_path {{folder}} --tasks {groups[0]}"


EXPORTS: dict[str, Callable[..., Files]] = {"lm_eval": as_tasks, "rows": as_rows}


def chosen_forms(forms: str | Sequence[str] | None, data: PairData) -> list[str]:
    """Forms of the data, all or those asked for."""
    asked = list(data.score_rows) if forms is None else [forms] if isinstance(forms, str) else list(forms)
    if unknown := [form for form in asked if form not in data.score_rows]:
        raise ValueError(
            f"forms: {', '.join(unknown)} is no form of these rows. There are {', '.join(data.score_rows)}."
        )
    return asked


def chosen_prompts(names: str | Sequence[str] | None, labels: Sequence[str]) -> list[Prompt]:
    """Wordings that have a word for every label: all of relsym's, or those asked for, each of
    which has to.
    """
    prompts = read_prompts(names)
    wordless = [prompt.name for prompt in prompts if set(labels) - set(prompt.answers)]
    if wordless and (names is not None or len(wordless) == len(prompts)):
        raise ValueError(
            f"prompts: {', '.join(wordless)} has no answer for some of the labels {', '.join(labels)}. "
            "Choose others."
        )
    if wordless:
        log.info(
            "no answer for some of the labels %s: the wordings %s are left out",
            ", ".join(labels),
            ", ".join(wordless),
        )
    return [prompt for prompt in prompts if prompt.name not in wordless]


def write_export(
    folder: Path, tables: Mapping[str, Sequence[Row]], texts: Mapping[str, str], record: Mapping[str, Any]
) -> None:
    """Every file whole or not there, the record last."""
    for left in list(folder.iterdir()) if (folder / UNFINISHED_EXPORT).exists() else []:
        remove(left)
    (folder / UNFINISHED_EXPORT).touch()
    for name, rows in tables.items():
        write_atomically(
            folder / name, lambda target, rows=rows: pq.write_table(pa.table(table_of(rows)), target)
        )
    for name, text in {**texts, RECORD: json.dumps(record, indent=1, ensure_ascii=False) + "\n"}.items():
        write_atomically(folder / name, lambda target, text=text: target.write_text(text, encoding="utf-8"))


def check(folder: Path) -> None:
    """Refuse a folder with a finished export or with files that no export left.

    Raises:
        FileExistsError: with what is there.
    """
    if (folder / RECORD).exists():
        raise FileExistsError(
            f"{folder} holds a finished export ({RECORD}). Choose another hydra.run.dir, or delete the "
            "folder."
        )
    found = sorted(entry.name for entry in folder.iterdir())
    if found and UNFINISHED_EXPORT not in found:
        raise FileExistsError(
            f"{folder} holds files that no export left: {', '.join(found[:5])}. Choose another hydra.run.dir."
        )
