"""The steps of ``relsym evaluate``; torch is imported from here on."""

from __future__ import annotations

import logging
import time
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf
from pytorch_lightning import seed_everything

from relsym.app.evaluate.model import build_model, check_model
from relsym.app.evaluate.record import EvaluationRecord
from relsym.app.evaluate.shards import Shards
from relsym.app.shortcuts import own_shortcuts, score_all_shortcuts
from relsym.app.tracking.tracker import conclude, tracked
from relsym.app.tracking.view import final_of
from relsym.app.values.checks import check_values
from relsym.data.module import PairData
from relsym.data.pairs import Row
from relsym.data.progress import progress
from relsym.data.splits import VALIDATION
from relsym.models.answers import Judgements
from relsym.models.base import Columns, Examples, Model
from relsym.report.one_run.terminal import console, print_evaluation
from relsym.runs.folder import RunFolder
from relsym.runs.layout import CONFIG, PREDICTIONS

log = logging.getLogger(__name__)
VALIDATING, SCORED, SWAPPED = "validation", "scored", "swapped"
Blocks = dict[str, dict[str, list[Row]]]


def check(cfg: DictConfig) -> None:
    """Everything that can be refused before time is spent."""
    check_values(cfg, "evaluate")
    check_model(cfg)
    own_shortcuts(cfg)  # refuses what is no shortcut
    if cfg.data.score_on == VALIDATION and cfg.validation_pairs != 0:
        raise ValueError(
            "data.score_on=validation scores the rows that thresholds and readings are chosen on. Pass "
            "validation_pairs=0."
        )


def evaluate(cfg: DictConfig) -> None:
    """One run, from the rows to ``results.json``."""
    path, record = Path(HydraConfig.get().runtime.output_dir), EvaluationRecord(cfg)
    if HydraConfig.get().mode == RunMode.MULTIRUN and record.is_finished(path):
        log.info("%s: kept from an earlier call", path)
        return
    folder = RunFolder(path)
    seed_everything(cfg.seed, workers=True, verbose=False)
    data: PairData = instantiate(cfg.data.module, _convert_="all")
    data.read()
    tracker = instantiate(cfg.tracking, folder=str(path), _convert_="all")
    with tracked(tracker, record.config, record.tags(data)) as logger:
        started = time.perf_counter()
        model = build_model(cfg, data)
        record.seconds["load"] = time.perf_counter() - started
        started = time.perf_counter()
        blocks = blocks_of(cfg, data, model)
        announce_blocks(cfg, data, blocks)
        shards = Shards(path, record.plan(model, data, blocks), cfg.shard_rows or model.shard_rows)
        model.prepare(Examples(data.labels, data.train_rows))
        measured_before = rows_measured(blocks, shards)
        measured = measure(model, blocks, shards)
        answers = read(cfg, model, blocks, measured)
        record.seconds["score"] = time.perf_counter() - started
        scores = answers.scores()
        score_all_shortcuts(cfg, scores, data)
        results = record.results(model, data, answers, scores, measured, measured_before)
        folder.write_text(CONFIG, OmegaConf.to_yaml(OmegaConf.create(record.config)))
        folder.write_table(PREDICTIONS, {**answers.table(), **raw(measured[SCORED])})
        folder.finish(results)
        shards.remove()
        conclude(logger, final_of(results, scores, 0))
    print_evaluation(results, console())
    console().print(f"Run folder: {path}", soft_wrap=True)


def blocks_of(cfg: DictConfig, data: PairData, model: Model) -> Blocks:
    """The rows to measure, by purpose and form: those that choices are made on, those that are scored, and
    the latter exchanged.
    """
    blocks: Blocks = {SCORED: data.score_rows}
    if model.fixed:
        model.check_rows([row for rows in data.score_rows.values() for row in rows])
        return blocks
    if cfg.validation_pairs != 0:
        blocks = {VALIDATING: data.rows_of(VALIDATION, cfg.validation_pairs), **blocks}
    if cfg.swapped_pairs != 0:
        blocks[SWAPPED] = {
            form: [exchanged(row) for row in rows[: cfg.swapped_pairs]]
            for form, rows in data.score_rows.items()
        }
    model.check_rows([row for forms in blocks.values() for rows in forms.values() for row in rows])
    return blocks


def exchanged(row: Row) -> Row:
    """The row with its hypothesis as premise and its premise as hypothesis."""
    return row._replace(
        premise=row.hypothesis, hypothesis=row.premise, subject=row.object, object=row.subject
    )


def announce_blocks(cfg: DictConfig, data: PairData, blocks: Blocks) -> None:
    """What was read and drawn."""
    log.info("source: %s", ", ".join(f"{name}: {count}" for name, count in sorted(data.counts.items())))
    log.info("labelled rows: %d", len(data.train_rows))
    for name, forms in blocks.items():
        log.info("%s rows: %s", name, ", ".join(f"{form} {len(rows)}" for form, rows in forms.items()))


def rows_measured(blocks: Blocks, shards: Shards) -> int:
    """Rows that an earlier, broken call has measured already."""
    total = sum(len(rows) for forms in blocks.values() for rows in forms.values())
    left = rows_left(blocks, shards)
    if left < total:
        log.info("going on: %d of %d rows were measured before", total - left, total)
    return total - left


def rows_left(blocks: Blocks, shards: Shards) -> int:
    """Rows that no shard holds yet."""
    return sum(
        shards.left(f"{block}-{form}", rows)
        for block, forms in blocks.items()
        for form, rows in forms.items()
    )


def measure(model: Model, blocks: Blocks, shards: Shards) -> dict[str, dict[str, Columns]]:
    """The columns of every block and form, from shards that are there or from the model; validation rows
    first, then calibrated on.
    """
    left = rows_left(blocks, shards)
    measured: dict[str, dict[str, Columns]] = {block: {} for block in blocks}
    with progress("measuring", left) as advance:
        for block, forms in blocks.items():
            for form, rows in forms.items():
                measured[block][form] = shards.measure(f"{block}-{form}", rows, model, advance)
    for form, columns in measured.get(VALIDATING, {}).items():
        model.calibrate(form, [row.label for row in blocks[VALIDATING][form]], columns)
    return measured


def read(
    cfg: DictConfig, model: Model, blocks: Blocks, measured: dict[str, dict[str, Columns]]
) -> Judgements:
    """Every reading's answers, and which reading comes first."""
    readings = model.readings()
    answers = Judgements(blocks[SCORED], readings, chosen(cfg, model, blocks, measured), cfg.data.score_on)
    for reading in readings:
        answers.judged[reading.name] = {
            form: model.read(reading.name, form, columns) for form, columns in measured[SCORED].items()
        }
        if reading.alone:
            answers.swapped[reading.name] = {
                form: model.read(reading.name, form, columns)
                for form, columns in measured.get(SWAPPED, {}).items()
            }
    return answers


def chosen(cfg: DictConfig, model: Model, blocks: Blocks, measured: dict[str, dict[str, Columns]]) -> str:
    """The reading told by ``reading``, else that with the most right answers on the validation rows, else the
    plainest.
    """
    alone = [reading.name for reading in model.readings() if reading.alone]
    if cfg.reading is not None:
        if cfg.reading not in alone:
            raise ValueError(f"reading={cfg.reading}: this model has {', '.join(alone)}.")
        return cfg.reading

    def right(name: str) -> int:
        return sum(
            row.label == label
            for form, rows in blocks[VALIDATING].items()
            for row, label in zip(
                rows, model.read(name, form, measured[VALIDATING][form]).labels, strict=True
            )
        )

    best = max(alone, key=right) if VALIDATING in blocks else alone[0]
    log.info(
        "first reading: %s%s",
        best,
        " (the best on the validation rows)" if VALIDATING in blocks and len(alone) > 1 else "",
    )
    return best


def raw(forms: dict[str, Columns]) -> Columns:
    """What was measured of the scored rows, as columns of their own."""
    names = dict.fromkeys(name for columns in forms.values() for name in columns)
    return {
        f"measured:{name}": [value for columns in forms.values() for value in columns[name]] for name in names
    }
