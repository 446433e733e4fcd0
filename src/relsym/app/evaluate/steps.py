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

from relsym.app.evaluate.model import build_model, check_learners, check_model
from relsym.app.evaluate.record import EvaluationRecord, Measured
from relsym.app.shards import Shards
from relsym.app.shortcuts import own_shortcuts, score_all_shortcuts
from relsym.app.tracking.tracker import conclude, tracked, tracker_of
from relsym.app.tracking.view import final_of
from relsym.app.values.checks import check_values
from relsym.app.values.packages import check_packages
from relsym.data.module import PairData
from relsym.data.pairs import Row, rows_to_choose_on
from relsym.data.progress import progress
from relsym.data.splits import VALIDATION
from relsym.models.answers import Judgements
from relsym.models.base import Columns, Examples, Judged, Model
from relsym.models.device import device_of
from relsym.models.encoder import EncoderModel
from relsym.models.rated import RatedAnswers
from relsym.models.run import RunModel
from relsym.processor import warn_of_slow_bf16
from relsym.report.one_run.terminal import console, print_evaluation, print_folder
from relsym.runs.folder import RunFolder
from relsym.runs.layout import CONFIG, PREDICTIONS, RATED

log = logging.getLogger(__name__)
# What rows are measured for: to choose thresholds and readings on, to score, to rank beside the scored ones,
# to score with texts exchanged.
VALIDATING, SCORED, BESIDE, SWAPPED = "validation", "scored", "unlabelled", "swapped"
# Rows by purpose and form.
Blocks = dict[str, dict[str, list[Row]]]


def check(cfg: DictConfig) -> None:
    """Refuse everything that can be refused before time is spent.

    Raises:
        ValueError: options that do not work, alone or together.
        ImportError: a package that an option needs is not installed.
    """
    check_values(cfg, "evaluate")
    check_packages(cfg)
    check_model(cfg)
    own_shortcuts(cfg)  # made here only to refuse what is no shortcut; scoring makes its own
    check_learners(cfg)
    if cfg.data.get("score_on") == VALIDATION and cfg.validation_pairs != 0:
        raise ValueError(
            "data.score_on=validation scores the rows that thresholds and readings are chosen on. Pass "
            "validation_pairs=0."
        )


def evaluate(cfg: DictConfig) -> None:
    """One run, from the rows to ``results.json``.

    In a sweep, a folder that holds this very evaluation is left as it is.
    """
    path = Path(HydraConfig.get().runtime.output_dir)
    record = EvaluationRecord(cfg)
    if HydraConfig.get().mode == RunMode.MULTIRUN and record.is_finished(path):
        log.info("%s: kept from an earlier call", path)
        return
    folder = RunFolder(path)
    warn_of_slow_bf16(cfg.precision, device_of(cfg.hardware.accelerator).type)
    seed_everything(cfg.seed, workers=True, verbose=False)
    data: PairData = instantiate(cfg.data.module, _convert_="all")
    data.read()
    data.keep_forms(cfg.forms)
    tracker = tracker_of(cfg, path)
    with tracked(tracker, record.config, record.tags(data)) as logger:
        record.tracked = logger.tracked_run()
        started = time.perf_counter()
        model = build_model(cfg, data)
        if isinstance(model, EncoderModel):
            record.is_read_by(model.encoder)
        record.seconds["load"] = time.perf_counter() - started

        started = time.perf_counter()
        if cfg.forms is None:
            keep_answered_forms(data, model)
        blocks = blocks_of(cfg, data, model)
        announce_blocks(cfg, data, blocks)
        plan = record.plan(model, data, blocks)
        shards = Shards(path, plan, cfg.shard_rows or model.shard_rows)  # refuses shards of another plan
        shards.drop_unanswered(model)
        model.prepare(Examples(data.asked_labels, data.rows_to_fit_on(), data.relations))
        measured_before = rows_measured(blocks, shards)
        measured = measure(model, blocks, shards)
        answers = read(cfg, data, model, blocks, measured)
        record.seconds["score"] = time.perf_counter() - started

        scores = answers.scores()
        score_all_shortcuts(cfg, scores, data)
        results = record.results(model, data, answers, scores, measured, measured_before)
        folder.write_text(CONFIG, OmegaConf.to_yaml(OmegaConf.create(record.config)))
        folder.write_table(PREDICTIONS, {**answers.table(), **raw(measured[SCORED])})
        if answers.rated is not None:
            folder.write_table(RATED, answers.rated.table(answers.readings, answers.judged))
        folder.finish(results)
        # Only now: until the results are written, the shards are all that a stopped run goes on from.
        shards.remove()
        conclude(logger, final_of(results, scores, 0))
    print_evaluation(results, console())
    print_folder(path, model.name if isinstance(model, RunModel) else None, console())


def keep_answered_forms(data: PairData, model: Model) -> None:
    """Leave out the forms that the model cannot be asked in, and say so: a table may be about one alone."""
    forms = model.forms(list(data.score_rows))
    left_out = [form for form in data.score_rows if form not in forms]
    if left_out:
        log.warning(
            "%s answers no row of the form %s, which is not scored. Pass forms=[%s] to say that it is meant.",
            model.name,
            ", ".join(left_out),
            ",".join(forms),
        )
    data.keep_forms(forms)


def blocks_of(cfg: DictConfig, data: PairData, model: Model) -> Blocks:
    """The rows to measure, by purpose and form.

    Those that thresholds and readings are chosen on, those that are scored, rated ones that have no label,
    and the first of the scored ones with their texts exchanged. Fixed answers exist for rows as they are.

    Raises:
        ValueError: rows that the model cannot answer (``check_rows``).
    """
    blocks: Blocks = {SCORED: data.score_rows}
    if data.unlabelled:
        blocks[BESIDE] = {form: data.unlabelled[form] for form in data.score_rows}
    if not model.fixed:
        if cfg.validation_pairs != 0 and data.trains:  # first, for it is measured first
            validating = data.rows_of(VALIDATION, cfg.validation_pairs)
            chosen_on = {form: rows_to_choose_on(validating[form]) for form in data.score_rows}
            blocks = {VALIDATING: chosen_on, **blocks}
        if cfg.swapped_pairs != 0:
            blocks[SWAPPED] = {}
            for form, rows in data.score_rows.items():
                blocks[SWAPPED][form] = [exchanged(row) for row in rows[: cfg.swapped_pairs]]
    all_rows: list[Row] = []
    for forms in blocks.values():
        for rows in forms.values():
            all_rows.extend(rows)
    model.check_rows(all_rows)
    return blocks


def exchanged(row: Row) -> Row:
    """The row with its hypothesis as premise and its premise as hypothesis."""
    return row._replace(
        premise=row.hypothesis, hypothesis=row.premise, subject=row.object, object=row.subject
    )


def announce_blocks(cfg: DictConfig, data: PairData, blocks: Blocks) -> None:
    """Log what was read and how many rows were drawn for each purpose and form."""
    counts = [f"{name}: {count}" for name, count in sorted(data.counts.items())]
    log.info("source: %s", ", ".join(counts))
    if data.trains:
        log.info("labelled rows: %d", len(data.train_rows))
    else:
        log.info("no rows to learn from or to choose on: no shortcuts, no thresholds")
    for name, forms in blocks.items():
        of_forms = [f"{form} {len(rows)}" for form, rows in forms.items()]
        log.info("%s rows: %s", name, ", ".join(of_forms))


def rows_measured(blocks: Blocks, shards: Shards) -> int:
    """How many rows an earlier, stopped call has measured already; logged if there are some."""
    total = 0
    for forms in blocks.values():
        total += sum(len(rows) for rows in forms.values())
    measured_before = total - rows_left(blocks, shards)
    if measured_before > 0:
        log.info("going on: %d of %d rows were measured before", measured_before, total)
    return measured_before


def rows_left(blocks: Blocks, shards: Shards) -> int:
    """How many rows no shard holds yet."""
    count = 0
    for block, forms in blocks.items():
        for form, rows in forms.items():
            count += shards.left(f"{block}-{form}", rows)
    return count


def measure(model: Model, blocks: Blocks, shards: Shards) -> Measured:
    """The columns of every block and form, from shards on disk or from the model.

    Validation rows come first, and in the end the model is calibrated on them.
    """
    measured: Measured = {block: {} for block in blocks}
    with progress("measuring", rows_left(blocks, shards)) as advance:
        for block, forms in blocks.items():
            for form, rows in forms.items():
                measured[block][form] = shards.measure(f"{block}-{form}", rows, model, advance)
    # From the columns alone, so that a run that goes on from its shards calibrates as an unbroken one.
    for form, columns in measured.get(VALIDATING, {}).items():
        labels = [row.label for row in blocks[VALIDATING][form]]
        model.calibrate(form, labels, columns)
    return measured


def read(cfg: DictConfig, data: PairData, model: Model, blocks: Blocks, measured: Measured) -> Judgements:
    """The answers of every reading, and which reading comes first.

    Exchanged pairs are read by the readings that stand for themselves alone.
    """
    readings = model.readings()
    first = chosen(cfg, model, blocks, measured)
    answers = Judgements(blocks[SCORED], readings, first, data.score_on)
    for reading in readings:
        answers.judged[reading.name] = _read_forms(model, reading.name, measured[SCORED])
        if reading.alone:
            answers.swapped[reading.name] = _read_forms(model, reading.name, measured.get(SWAPPED, {}))
    if data.ratings:
        beside = {
            reading.name: _read_forms(model, reading.name, measured.get(BESIDE, {})) for reading in readings
        }
        answers.rated = RatedAnswers(
            blocks[SCORED], blocks.get(BESIDE, {}), data.ratings, data.sameness, beside
        )
    return answers


def _read_forms(model: Model, reading: str, forms: dict[str, Columns]) -> dict[str, Judged]:
    """What one reading answers, by form."""
    return {form: model.read(reading, form, columns) for form, columns in forms.items()}


def chosen(cfg: DictConfig, model: Model, blocks: Blocks, measured: Measured) -> str:
    """The name of the reading that comes first.

    It is the one in ``cfg.reading``, else the one with the most right answers on the validation rows, else
    the plainest, which a model lists first.

    Raises:
        ValueError: the model has no reading of the name in ``cfg.reading``.
    """
    names = [reading.name for reading in model.readings() if reading.alone]
    if cfg.reading is not None:
        if cfg.reading not in names:
            raise ValueError(f"reading={cfg.reading}: this model has {', '.join(names)}.")
        return cfg.reading
    if VALIDATING not in blocks:
        log.info("first reading: %s", names[0])
        return names[0]
    # Of equally good readings max takes the first, the plainest.
    best = max(names, key=lambda name: _right_answers(model, name, blocks[VALIDATING], measured[VALIDATING]))
    reason = " (the best on the validation rows)" if len(names) > 1 else ""
    log.info("first reading: %s%s", best, reason)
    return best


def _right_answers(
    model: Model, reading: str, forms: dict[str, list[Row]], columns: dict[str, Columns]
) -> int:
    """How many rows of all forms a reading answers with their label."""
    count = 0
    for form, rows in forms.items():
        labels = model.read(reading, form, columns[form]).labels
        count += sum(row.label == label for row, label in zip(rows, labels, strict=True))
    return count


def raw(forms: dict[str, Columns]) -> Columns:
    """What was measured of the scored rows, as columns of their own, one form after the other."""
    table: Columns = {}
    for columns in forms.values():
        for name, values in columns.items():
            table.setdefault(f"measured:{name}", []).extend(values)
    return table
