"""The steps of ``relsym index``; torch is imported from here on."""

from __future__ import annotations

import shlex
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl
from omegaconf import DictConfig, OmegaConf
from rich.table import Table
from rich.text import Text

from relsym.app.asking import check_output_folder_there, check_output_free, check_run_options, load_asked
from relsym.app.index.statements import is_line_file, read_statements
from relsym.app.shipped import asked_run
from relsym.data.progress import progress
from relsym.report.one_run.terminal import console
from relsym.retrieval.index_folder import check_new, read_index_record
from relsym.retrieval.vector_search import faiss_package
from relsym.runs.files import write_atomically
from relsym.statement_index import Retrieved, StatementIndex
from relsym.symmetry_model import SymmetryModel
from relsym.visible import visible

BUILD, ADD, QUERY = "build", "add", "query"
# Which options each action needs, and which of the others it does not read.
NEEDED = {BUILD: ("texts", "output"), ADD: ("texts", "folder"), QUERY: ("folder",)}
UNREAD = {
    BUILD: ("folder", "k"),
    ADD: ("output", "k", "index.kind", "index.recall"),
    QUERY: ("index.kind", "index.recall"),
}
COLUMN, KIND, RECALL, K = "text", "flat", 0.99, 10  # where the options are null
LOOKED_UP = 4096  # sentences that are looked up at a time
WORKED_CALLS = {
    BUILD: "relsym index build texts=FILE output=FOLDER",
    ADD: "relsym index add texts=FILE folder=FOLDER",
    QUERY: "relsym index query folder=FOLDER -- 'SENTENCE', or relsym index query folder=FOLDER texts=FILE "
    "output=FILE",
}
ROW_SCHEMA = {
    "sentence": pl.String,
    "side": pl.String,
    "rank": pl.Int64,
    "cosine": pl.Float64,
    "text": pl.String,
}
ANSWER_FILES = (".csv", ".jsonl", ".parquet")  # of answers


def check(cfg: DictConfig, sentences: Sequence[str] | None) -> None:
    """Refuse everything that can be refused before a model is loaded.

    Args:
        sentences: behind ``--``; None: there are none.

    Raises:
        ValueError: options that do not work, alone or together.
        FileNotFoundError, FileExistsError: no input, or an output that is there.
    """
    check_run_options(cfg, "index")
    faiss_package()
    if cfg.action is None:
        raise ValueError("action is not set: relsym index build, add or query sets it.")
    _check_options(cfg)
    if cfg.texts is not None and not _path(cfg.texts).is_file():
        raise FileNotFoundError(f"texts={cfg.texts}: no such file.")
    if cfg.action == QUERY:
        _check_question(cfg, sentences)
    elif sentences is not None:
        raise ValueError(
            "texts behind -- are for relsym index query. Here they stand in a file: "
            f"{WORKED_CALLS[cfg.action]}"
        )
    if cfg.action == BUILD:
        asked_run(cfg.model.folder)
        check_new(_path(cfg.output))
    else:
        read_index_record(_path(cfg.folder))


def _check_options(cfg: DictConfig) -> None:
    """Refuse what the action needs and lacks, or does not take."""
    for key in NEEDED[cfg.action]:
        if cfg[key] is None:
            raise ValueError(f"{key} is not set: {WORKED_CALLS[cfg.action]}")
    for key in UNREAD[cfg.action]:
        if OmegaConf.select(cfg, key) is not None:
            raise ValueError(f"{key} is not for relsym index {cfg.action}: {WORKED_CALLS[cfg.action]}")
    if cfg.texts is not None and cfg.index.column is not None and is_line_file(_path(cfg.texts)):
        raise ValueError(f"index.column is of tables, and texts={cfg.texts} has a statement on each line.")


def _check_question(cfg: DictConfig, sentences: Sequence[str] | None) -> None:
    """Refuse a query without sentences, with two kinds of them, or without a place for the answers."""
    if (sentences is None) == (cfg.texts is None):
        raise ValueError(f"expected sentences behind --, or texts=FILE, one of both: {WORKED_CALLS[QUERY]}")
    if (cfg.texts is None) != (cfg.output is None):
        raise ValueError(f"texts=FILE and output=FILE go together: {WORKED_CALLS[QUERY]}")
    if sentences is not None and not all(text.strip() for text in sentences):
        raise ValueError("a sentence behind -- is empty.")
    if sentences == []:
        raise ValueError(f"no sentence behind --: {WORKED_CALLS[QUERY]}")
    if cfg.output is None:
        return
    target = _path(cfg.output)
    if target.suffix not in ANSWER_FILES:
        raise ValueError(f"output={cfg.output}: expected a name that ends in {', '.join(ANSWER_FILES)}.")
    check_output_free(cfg)
    check_output_folder_there(cfg)


def act(cfg: DictConfig, sentences: Sequence[str] | None) -> None:
    """Build, add or answer."""
    began = time.perf_counter()
    texts = list(sentences or read_statements(_path(cfg.texts), cfg.index.column or COLUMN))
    if cfg.action == QUERY:
        _answer(cfg, texts, began)
        return
    if cfg.action == BUILD:
        kind = cfg.index.kind or KIND
        recall = RECALL if cfg.index.recall is None else cfg.index.recall
        index = StatementIndex.build(_model(cfg), texts, _path(cfg.output), kind=kind, recall=recall)
        added = len(index)
    else:
        index = StatementIndex.load(_path(cfg.folder), _model(cfg))
        added = index.add(texts)
    seconds = time.perf_counter() - began
    _say(
        f"{added:,} statements added in {seconds:.1f} s ({len(texts) - added:,} were there already): "
        f"{len(index):,} in all.",
        _account(index),
        f"Ask it: relsym index query folder={shlex.quote(str(index.folder))} -- 'SENTENCE'",
    )


def _answer(cfg: DictConfig, texts: Sequence[str], began: float) -> None:
    """Look each sentence up, and show or write what was found."""
    index = StatementIndex.load(_path(cfg.folder), _model(cfg))
    k = cfg.k or K
    if cfg.output is None:
        _print_answers(texts, index.queries(texts, k))
        return
    _write_answers(cfg, index, texts, k)
    seconds = time.perf_counter() - began
    _say(f"{len(texts):,} sentences in {seconds:.1f} s.", f"Written to {cfg.output}")


def _account(index: StatementIndex) -> str:
    """How good the search is."""
    record = read_index_record(index.folder)
    if record.kind == "flat":
        return "Every search is exact."
    account = f"A search finds {100 * index.recall:.1f} % of the ten nearest, measured on its own statements."
    if index.recall < record.wanted_recall:
        account += f" That is less than index.recall={record.wanted_recall:g}: index.kind=flat is exact."
    return account


def _model(cfg: DictConfig) -> SymmetryModel:
    """The run that encodes: the one that is named, else the index's own, or that which relsym comes with."""
    folder, precision = cfg.model.folder, cfg.precision
    if cfg.action != BUILD:
        record = read_index_record(_path(cfg.folder))
        folder = record.run if folder is None else folder
        precision = record.precision if precision is None else precision
    return SymmetryModel(load_asked(cfg, asked_run(folder), precision))


def _print_answers(texts: Sequence[str], answers: Sequence[Retrieved]) -> None:
    """Show what was found about each sentence, what agrees before what contradicts."""
    screen = console()
    for text, answer in zip(texts, answers, strict=True):
        screen.print(visible(text), style="bold", markup=False, highlight=False, soft_wrap=True)
        table = Table(box=None, pad_edge=False, show_header=False)
        table.add_column(justify="right")
        table.add_column(overflow="fold")
        for title, hits in (("nearest", answer.nearest), ("most opposed", answer.opposed)):
            table.add_row("", f"{title}:", style="dim")
            for hit in hits:
                table.add_row(f"{hit.cosine:.2f}", Text(visible(hit.text)))
        screen.print(table)


def _write_answers(cfg: DictConfig, index: StatementIndex, texts: Sequence[str], k: int) -> None:
    """Write a row for each statement that was found, with its sentence, side and rank."""
    tables = []
    with progress("looking up", len(texts)) as advance:
        for start in range(0, len(texts), LOOKED_UP):
            block = texts[start : start + LOOKED_UP]
            tables.append(_table_of(block, index.queries(block, k)))
            advance(len(block))
    table = pl.concat(tables)
    target = _path(cfg.output)
    writers = {".csv": table.write_csv, ".jsonl": table.write_ndjson, ".parquet": table.write_parquet}
    check_output_free(cfg)  # another call may have written it meanwhile
    write_atomically(target, writers[target.suffix])


def _table_of(texts: Sequence[str], answers: Sequence[Retrieved]) -> pl.DataFrame:
    """What was found, a row for each statement."""
    rows: list[tuple[str, str, int, float, str]] = []
    for text, answer in zip(texts, answers, strict=True):
        for side, hits in (("nearest", answer.nearest), ("opposed", answer.opposed)):
            for rank, hit in enumerate(hits, 1):
                rows.append((text, side, rank, hit.cosine, hit.text))
    return pl.DataFrame(rows, schema=ROW_SCHEMA, orient="row")


def _say(*lines: str) -> None:
    screen = console()
    for line in lines:
        screen.print(visible(line), markup=False, highlight=False, soft_wrap=True)


def _path(name: Any) -> Path:
    """A file or folder that an option names."""
    return Path(str(name)).expanduser()
