"""The steps of ``relsym predict``; torch is imported from here on."""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from hashlib import file_digest, sha256
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from relsym import __version__
from relsym.app.asking import check_output_folder_there, check_output_free, check_run_options, load_asked
from relsym.app.predict.abstention import Abstention, calibrated, scores_of
from relsym.app.predict.answers import AnswerColumns
from relsym.app.predict.pair_table import Answers, PairTable, Part, Wanted, checked_pair
from relsym.app.predict.parquet_table import ParquetTable
from relsym.app.predict.text_table import CsvTable, JsonTable, TextTable, TsvTable
from relsym.app.shards import Shards, check_numbers
from relsym.app.shipped import asked_run
from relsym.data.pairs import Row
from relsym.data.sources.file_format import UNREAD_PACKINGS, FileFormat
from relsym.encoders.vector_cache import VectorCache
from relsym.models.base import Columns
from relsym.models.run import CLOSEST_PAIRS, RunModel
from relsym.report.one_run.terminal import console
from relsym.runs.files import write_atomically
from relsym.runs.layout import CONFIG, LOCK, PARTIAL, SHARDS
from relsym.runs.lock import hold, release
from relsym.text_encoding import UNPACKERS
from relsym.visible import printable, visible
from relsym.visible_console import VisibleConsole

STREAM = "-"  # in place of a file: standard input or output
TEXTS: dict[str, type[TextTable]] = {"csv": CsvTable, "tsv": TsvTable, "jsonl": JsonTable}
ANSWERS = "answers"  # the output while it is written
# What lies in the folder beside the output.
OWN_FILES = {LOCK, SHARDS, ANSWERS, f"{PARTIAL}{ANSWERS}"}
WORKED_EXAMPLES = "relsym predict -- 'PREMISE' 'HYPOTHESIS', or relsym predict input=FILE output=FILE"


def check(cfg: DictConfig, pair: Sequence[str] | None) -> None:
    """Refuse everything that can be refused before a model is loaded.

    Args:
        pair: the texts of the command line; None: a table is answered.

    Raises:
        ValueError: options that do not work, alone or together.
        FileNotFoundError, FileExistsError: no input, or an output that is there.
    """
    check_run_options(cfg, "predict")
    asked_run(cfg.model.folder)
    if cfg.predict.coverage is not None and cfg.model.folder is None:
        raise ValueError(
            f"predict.coverage={cfg.predict.coverage:g}: is calibrated on the rows that a run was scored on, "
            "which the run that relsym comes with has not with it. Pass model.folder=RUN, or leave it out."
        )
    _check_cache(cfg)
    if pair is not None:
        if cfg.input is not None or cfg.output is not None:
            raise ValueError("input and output are of tables, and a pair stands behind --. Pass one of both.")
        if len(pair) != 2:
            raise ValueError(
                f"{len(pair)} texts behind --: expected a premise and a hypothesis, each in quotes: "
                f"{WORKED_EXAMPLES}"
            )
        _row_of(*pair)
        return
    if cfg.input is None:
        raise ValueError(f"nothing to answer: {WORKED_EXAMPLES}")
    if cfg.output is None:
        raise ValueError(f"output is not set: pass output=FILE, or output={STREAM} for standard output.")
    _check_files(cfg)


def _check_cache(cfg: DictConfig) -> None:
    """Refuse a cache that cannot be made, or that is the input or the output."""
    if cfg.predict.cache is None:
        return
    cache = Path(str(cfg.predict.cache)).expanduser()
    if not cache.parent.is_dir():
        raise FileNotFoundError(f"predict.cache={cache}: there is no folder {cache.parent}. Make it first.")
    for option in (cfg.input, cfg.output):
        if option is not None and Path(str(option)).expanduser().absolute() == cache.absolute():
            raise ValueError(
                f"predict.cache={cache}: is the input or the output too. Give it a name of its own."
            )


def _check_files(cfg: DictConfig) -> None:
    """Refuse files that cannot be read, or written, as tables of one kind."""
    source, target = str(cfg.input), Path(str(cfg.output)).expanduser()
    kind = _kind(cfg)
    if cfg.predict.safe_csv and kind != "csv":
        raise ValueError(f"predict.safe_csv=true is for CSV, and this is {kind}. Leave it out.")
    if source == STREAM and kind == "parquet":
        raise ValueError("input=-: Parquet is read from its end, and a stream has none. Pass input=FILE.")
    if source != STREAM and not Path(source).expanduser().is_file():
        raise FileNotFoundError(f"input={source}: no such file.")
    if cfg.output == STREAM:
        if kind == "parquet":
            raise ValueError("output=-: Parquet is no text. Pass output=FILE.")
        return
    check_output_free(cfg)
    check_output_folder_there(cfg)
    if FileFormat(cfg.predict.format).kind_of(target) != kind:
        raise ValueError(
            f"output={cfg.output}: the answers stand beside what the input has, so it is {kind} too. Give it "
            "such a name."
        )


def _kind(cfg: DictConfig) -> str:
    """The kind of both tables."""
    if cfg.input == STREAM and cfg.predict.format is None:
        raise ValueError("input=-: pass predict.format=csv, tsv or jsonl: a stream has no name that says it.")
    path = Path(str(cfg.input))
    if path.suffix.lower() in (*UNPACKERS, *UNREAD_PACKINGS):
        raise ValueError(
            f"input={cfg.input}: packed ({path.suffix}), and answers are added to plain files. Unpack it, or "
            "save it as CSV."
        )
    return FileFormat(cfg.predict.format, prefix="predict.").kind_of(path)


def answer_pair(cfg: DictConfig, premise: str, hypothesis: str) -> None:
    """Answer one pair, and say what the answer was read off."""
    model = _loaded(cfg)
    row = _row_of(premise, hypothesis)
    with _cached(cfg, model):
        abstention = _abstention(cfg, model)
        measured = _measure_at_once(model)(0, [row])
        account = visible(model.account(row))
    [label] = measured["answer"]
    screen = console()
    screen.print(visible(label), style="bold", markup=False)
    screen.print(f"read off {account}", markup=False, highlight=False, soft_wrap=True)
    if CLOSEST_PAIRS in measured:
        screen.print(f"these are {measured[CLOSEST_PAIRS][0]}", markup=False, highlight=False, soft_wrap=True)
    if abstention is not None:
        [abstains] = abstention.of(scores_of(measured, model.labels))
        verdict = "abstains: more than one label is possible, or none" if abstains else "does not abstain"
        screen.print(f"{verdict}\n{abstention.account()}", markup=False, highlight=False, soft_wrap=True)


def _row_of(premise: str, hypothesis: str) -> Row:
    """The pair of the command line."""
    return checked_pair("behind --", ("the premise", premise), ("the hypothesis", hypothesis))


def answer_table(cfg: DictConfig) -> None:
    """Answer every row of a table; a call that was stopped goes on from what it had answered."""
    began = time.perf_counter()
    model = _loaded(cfg)
    with _source(str(cfg.input)) as path:
        columns = AnswerColumns(model, cfg.predict.prefix, cfg.predict.coverage is not None)
        table = _table(cfg, path, columns)
        size = cfg.shard_rows or model.shard_rows
        rows = sum(len(part.rows) for part in table.parts(size, "checking"))
        if rows == 0:
            raise ValueError(f"{path}: holds no pair.")
        counts: Counter[str] = Counter()
        with _cached(cfg, model):
            abstention = _abstention(cfg, model)
            if cfg.output == STREAM:
                measure = _measure_at_once(model)
                for text in table.texts(_answered(table, size, columns, abstention, measure, counts)):
                    sys.stdout.buffer.write(text)
                sys.stdout.buffer.flush()
            else:
                _write(cfg, table, size, columns, abstention, counts)
    _conclude(cfg, rows, counts, abstention, time.perf_counter() - began)


def _abstention(cfg: DictConfig, model: RunModel) -> Abstention | None:
    """When the run abstains; None where that is not asked."""
    return None if cfg.predict.coverage is None else calibrated(model, cfg.predict.coverage)


def _loaded(cfg: DictConfig) -> RunModel:
    """The finished run that answers."""
    model = load_asked(cfg, asked_run(cfg.model.folder), cfg.precision)
    model.probe.answer_among(model.labels)
    model.tells_closest = True
    return model


@contextmanager
def _cached(cfg: DictConfig, model: RunModel) -> Iterator[None]:
    """Texts that were encoded before are looked up, where ``predict.cache`` names a file."""
    if cfg.predict.cache is None:
        yield
        return
    with VectorCache(Path(str(cfg.predict.cache)).expanduser(), model.encoder, model.hash) as cache:
        model.vector_source = cache
        yield


@contextmanager
def _source(name: str) -> Iterator[Path]:
    """The file to read: standard input is copied into one first, as its rows are looked at twice."""
    if name != STREAM:
        yield Path(name).expanduser()
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "standard input")
        with open(path, "wb") as file:
            shutil.copyfileobj(sys.stdin.buffer, file)
        yield path


def _table(cfg: DictConfig, path: Path, columns: AnswerColumns) -> PairTable:
    """The input, with the columns that are read and added."""
    wanted = Wanted(cfg.predict.premise, cfg.predict.hypothesis, columns.names)
    kind = _kind(cfg)
    if kind == "parquet":
        return ParquetTable(path, wanted)
    return TEXTS[kind](path, wanted, cfg.predict.safe_csv)


def _answered(
    table: PairTable,
    size: int,
    columns: AnswerColumns,
    abstention: Abstention | None,
    measure: Callable[[int, list[Row]], Columns],
    counts: Counter[str],
) -> Iterator[tuple[Part, Answers]]:
    """Each part of the table with its answers; ``counts`` gets those of each label."""
    for number, part in enumerate(table.parts(size, "answering")):
        answers: Answers = {}
        if part.rows:
            measured = measure(number, part.rows)
            if len(measured["answer"]) != len(part.rows):
                raise ValueError(
                    f"{table.path}: it has changed while it was answered. Delete what lies beside the output "
                    "(.partial), and give the command again."
                )
            counts.update(measured["answer"])
            answers = columns.of(measured, abstention)
        yield part, answers


def _measure_at_once(model: RunModel) -> Callable[[int, list[Row]], Columns]:
    """What the model measures, checked."""

    def measure(number: int, rows: list[Row]) -> Columns:
        columns = model.measure(rows)
        check_numbers(model, rows, columns)
        return columns

    return measure


def _write(
    cfg: DictConfig,
    table: PairTable,
    size: int,
    columns: AnswerColumns,
    abstention: Abstention | None,
    counts: Counter[str],
) -> None:
    """Write the output in one step at the end; until then, all that is written lies in a folder beside it.

    Raises:
        FileExistsError: the output is there by now, or the folder holds something else.
    """
    target = Path(str(cfg.output)).expanduser()
    folder = target.with_name(f"{target.name}.partial")
    hold(folder, "output")
    foreign = sorted({path.name for path in folder.iterdir()} - OWN_FILES)
    if foreign:
        raise FileExistsError(
            f"{folder} is written to while {target.name} is answered, and holds something else "
            f"({printable(foreign[0])}). Move it, or pass another output."
        )
    check_output_free(cfg)  # another call may have written it while this one looked at the table
    model = columns.model
    shards = Shards(folder, _plan(cfg, table.path, model), size, "output")

    def measure(number: int, rows: list[Row]) -> Columns:
        return shards.measure(f"{number:06}", rows, model, lambda count: None)

    answered = _answered(table, size, columns, abstention, measure, counts)
    written = write_atomically(folder / ANSWERS, lambda partial: table.write(partial, answered))
    check_output_free(cfg)
    os.replace(written, target)
    shards.remove()
    release(folder)
    with suppress(OSError):  # another call has begun to fill it
        folder.rmdir()


def _plan(cfg: DictConfig, path: Path, model: RunModel) -> str:
    """A hash of all that the answers depend on."""
    with open(path, "rb") as file:
        content = file_digest(file, "sha256").hexdigest()
    parts: list[Any] = [
        __version__,
        content,
        _kind(cfg),
        model.fingerprint(),
        Path(model.name, CONFIG).expanduser().read_text(encoding="utf-8"),  # how it is read
        str(model.encoder.model.dtype),
        model.memory_ids,  # the neighbours that are told
        cfg.predict.premise,
        cfg.predict.hypothesis,
    ]
    return sha256(json.dumps(parts).encode()).hexdigest()


def _conclude(
    cfg: DictConfig, rows: int, counts: Counter[str], abstention: Abstention | None, seconds: float
) -> None:
    """Say what came out; where the answers went to standard output, on standard error."""
    screen = VisibleConsole(stderr=True) if cfg.output == STREAM else console()
    shares = ", ".join(f"{count} {label}" for label, count in counts.most_common())
    screen.print(
        f"{rows:,} pairs in {seconds:.1f} s: {shares}.", markup=False, highlight=False, soft_wrap=True
    )
    if abstention is not None:
        screen.print(abstention.account(), markup=False, highlight=False, soft_wrap=True)
    if cfg.output != STREAM:
        screen.print(f"Written to {cfg.output}", markup=False, highlight=False, soft_wrap=True)
