"""The steps of ``relsym train``; torch is imported from here on."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from hydra.core.hydra_config import HydraConfig
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf
from pytorch_lightning import Trainer, seed_everything
from pytorch_lightning.loggers import Logger
from pytorch_lightning.utilities import rank_zero_only

from relsym.app.data_kind import check_trains
from relsym.app.hardware import check_hardware, scoring_device
from relsym.app.read_as import read_as, reading_of
from relsym.app.shortcuts import own_shortcuts, score_all_shortcuts
from relsym.app.tracking.tracker import conclude, tracked, tracker_of
from relsym.app.tracking.view import final_of
from relsym.app.train.best_epoch import BestEpoch
from relsym.app.train.compose import (
    build_encoder,
    build_objective,
    build_trainer,
    check_combination,
    comparison_metric,
)
from relsym.app.train.forgetting import Forgetting, check_forgetting
from relsym.app.train.recipe import build_remedies, feed
from relsym.app.train.record import Extra, Trained, TrainRecord
from relsym.app.values.checks import check_values
from relsym.app.values.packages import check_packages
from relsym.data.module import PairData
from relsym.data.pairs import Row, rows_to_choose_on
from relsym.data.progress import progress
from relsym.data.splits import VALIDATION
from relsym.encoders.attention import EAGER, IMPLEMENTATIONS, best_attention
from relsym.encoders.encoder import PRECISIONS, Encoder
from relsym.encoders.load import load_encoder
from relsym.evaluation import readers
from relsym.evaluation.drift import EVERYDAY_SENTENCES, drift
from relsym.evaluation.represent import distinct_texts, represent
from relsym.evaluation.score import Scores, targets_of
from relsym.objectives.base import Objective
from relsym.probes.base import Probe
from relsym.processor import warn_of_slow_bf16
from relsym.report.one_run.terminal import console, print_folder, print_run
from relsym.runs.folder import RunFolder
from relsym.runs.layout import CONFIG, ENCODER, MEMORY, PREDICTIONS, PROBE
from relsym.runs.memory import memory_columns

log = logging.getLogger(__name__)
READING_PAIRS = 2000  # of each form: validation rows that a reading is chosen on, at most
LEFT_TO_MACHINE = "auto"
MOST_LISTED = 40  # properties with their numbers of rows in one line


def check(cfg: DictConfig) -> None:
    """Refuse everything that can be refused before time is spent.

    Raises:
        ValueError: with the option at fault and what to choose instead.
        ImportError: a package that an option needs is not installed.
    """
    check_values(cfg, "train")
    check_trains(cfg.data, "train")
    check_hardware(cfg.hardware)
    check_combination(cfg)
    # A run to go on from brings its own encoder.
    check_packages(cfg, unused=() if cfg.init is None else ("model",))
    check_forgetting(cfg)
    # Made here only to refuse what is no shortcut: a sweep checks its jobs in another process than it trains.
    own_shortcuts(cfg)
    if cfg.training.keep == "best" and cfg.data.score_on == VALIDATION:
        raise ValueError(
            "data.score_on=validation scores the rows that training.keep=best chooses the epoch on. Pass "
            "training.keep=last."
        )


def train_and_score(cfg: DictConfig) -> None:
    """One run, from the rows to ``results.json``.

    All ranks train; those other than the first end with the training, and own no folder.
    """
    path = Path(HydraConfig.get().runtime.output_dir)
    # The folder belongs to the first rank alone; the others have none.
    folder = RunFolder(path) if rank_zero_only.rank == 0 else None
    record = TrainRecord(cfg)
    if folder is not None:
        warn_of_slow_bf16(cfg.precision, scoring_device(cfg.hardware).type)
    seed_everything(cfg.seed, workers=True, verbose=False)
    data = read_data(cfg)
    probe: Probe = instantiate(cfg.probe)
    probe.check_memory(len(data.train_rows))
    probe.answer_among(data.asked_labels)
    tracker = tracker_of(cfg, path)
    encoder = load(cfg, record)
    if folder is not None:
        # Training does not change its size, and nothing else that is written is large.
        folder.check_room(ENCODER, encoder.bytes_of_weights)
    with tracked(tracker, record.config, record.tags(data)) as logger:
        record.tracked = logger.tracked_run()
        forgetting = knowledge_before(cfg) if folder is not None else None
        objective, steps = fit(cfg, data, encoder, probe, record, logger, path)
        if folder is None:
            return
        save(cfg, folder, record, objective)
        scores, extra = score(cfg, data, objective, probe, record, folder, forgetting)
        results = record.results(scores, data, objective, extra)
        folder.finish(results)
        conclude(logger, final_of(results, scores, steps))
    print_run(results, console())
    print_folder(path, path, console())


def read_data(cfg: DictConfig) -> PairData:
    """The rows of the run, read and drawn."""
    data: PairData = instantiate(cfg.data.module, _convert_="all")
    data.read()
    announce_draw(cfg, data)
    return data


def knowledge_before(cfg: DictConfig) -> Forgetting | None:
    """What the encoder knows of earlier NLI rows; None where ``forgetting`` is not set.

    Raises:
        ValueError: it knows nothing that could be forgotten (``Forgetting``).
    """
    if cfg.get("forgetting") is None:
        return None
    with torch.random.fork_rng([]):  # what is measured must not change what is trained
        return Forgetting(cfg)


def load(cfg: DictConfig, record: TrainRecord) -> Encoder:
    """The encoder before training; the record tells what it is, and how it is read."""
    started = time.perf_counter()
    encoder = build_encoder(cfg)
    record.weights = encoder.fingerprint()
    record.published = encoder.source.get("published")
    record.config = read_as(record.config, encoder)
    record.seconds["train"] = time.perf_counter() - started
    return encoder


def fit(
    cfg: DictConfig,
    data: PairData,
    encoder: Encoder,
    probe: Probe,
    record: TrainRecord,
    logger: Logger,
    path: Path,
) -> tuple[Objective, int]:
    """Build the objective, train it, and undo what was only for the training.

    Returns:
        The trained objective, and how many steps were made. On the first rank ``record`` holds how the
        training went.
    """
    started = time.perf_counter()
    choose_attention(cfg, encoder)
    objective = build_objective(cfg, encoder, instantiate(cfg.metric), data)

    remedies = build_remedies(cfg)
    feed(cfg, remedies, data)
    objective.begin_with(remedies)
    objective.train()  # transformers loads models in evaluation mode, which would switch dropout off
    data.tokenize_with(objective.tokenize, encoder.collate, objective.labels, _encodes_once(objective, data))
    best = best_epoch(cfg, data, probe)
    callbacks = [] if best is None else [best]
    for remedy in remedies:
        callbacks += remedy.callbacks()

    trainer = build_trainer(cfg, logger, path, callbacks)
    run_trainer(trainer, objective, data)
    if not trainer.is_global_zero:
        return objective, trainer.global_step
    # The other ranks are gone: nothing that is scored may wait for them.
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()
    objective.finish_remedies()  # before anything is saved or scored
    record.seconds["train"] += time.perf_counter() - started  # beside loading
    record.trained = _how_it_went(trainer, best, data)
    record.trained.attention = encoder.attention
    return objective, trainer.global_step


def _encodes_once(objective: Objective, data: PairData) -> bool:
    """Whether a text of several rows in a batch is encoded once.

    Without dropout it has the same vector in each of them, and rows of one fact share most of their texts. In
    other batches few do, and one padding for premises and hypotheses would cost more than it saves.
    """
    shares_texts = data.units() is not None
    return objective.encodes_once or (shares_texts and not objective.encoder.drops_out())


def choose_attention(cfg: DictConfig, encoder: Encoder) -> None:
    """Let the encoder compute attention as ``training.attention`` says; ``auto`` is the faster way here.

    Raises:
        ValueError: the model has no such way; with ``auto`` it keeps its own.
    """
    way = cfg.training.get("attention", LEFT_TO_MACHINE)  # jobs that were frozen before lack the key
    if way != LEFT_TO_MACHINE:
        encoder.attend(way)
    elif best_attention(scoring_device(cfg.hardware), cfg.precision) == EAGER:
        encoder.model.set_attn_implementation(IMPLEMENTATIONS[EAGER])


def _how_it_went(trainer: Trainer, best: BestEpoch | None, data: PairData) -> Trained:
    """The record of a training that has ended."""
    trained = Trained(trainer.current_epoch)
    if best is not None:
        trained.epoch_kept = best.epoch
        trained.validation_accuracy = best.best
    if data.replay is not None:
        counts = data.replay.counts(trainer.global_step)
        trained.replayed_rows = counts["replayed_rows"]
        trained.replayed_distinct = counts["replayed_distinct"]
    return trained


def choose_reading(probe: Probe, encoder: Encoder, data: PairData, objective: Objective) -> None:
    """Let the probe choose on validation rows what its reading depends on, as far as there are any."""
    rows = validation_rows(data, READING_PAIRS)
    if not rows:
        log.warning("no validation rows: %s reads as it starts", type(probe).__name__)
        return
    texts = distinct_texts(rows, objective.reads)
    with progress("choosing how to read, on validation rows", texts) as advance:
        representation = represent(encoder, rows, objective.reads, advance)
    probe.choose(representation, targets_of(rows, objective.labels))


def as_array(tensor: torch.Tensor) -> np.ndarray:
    """A tensor for the disk; bf16, which numpy lacks, as fp32."""
    plain = tensor.detach().cpu()
    if plain.dtype == torch.bfloat16:
        plain = plain.float()
    return plain.numpy()


def save(cfg: DictConfig, folder: RunFolder, record: TrainRecord, objective: Objective) -> None:
    """Write the configuration and the encoder.

    Pooling with its options, length and labels are written as the encoder was trained with them: those of a
    run in ``init`` may differ from what is configured.
    """
    encoder = objective.encoder
    model = {**record.config["model"], "pooling_options": None, **reading_of(encoder)}
    config = {**record.config, "model": model, "labels": list(objective.labels)}
    folder.write_text(CONFIG, OmegaConf.to_yaml(OmegaConf.create(config)))

    def write_encoder(target: Path) -> None:
        target.mkdir()
        encoder.cpu().save(target)

    folder.write(ENCODER, write_encoder)


def best_epoch(cfg: DictConfig, data: PairData, probe: Probe) -> BestEpoch | None:
    """The callback that keeps the best epoch; None with ``training.keep=last``.

    Raises:
        ValueError: there are no validation rows.
    """
    if cfg.training.keep == "last":
        return None
    rows = validation_rows(data, None)
    if not rows:
        raise ValueError(
            "training.keep=best chooses the epoch on validation rows, and these data have none. Pass "
            "training.keep=last."
        )
    return BestEpoch(rows, data.train_rows, probe, cfg.precision)


def validation_rows(data: PairData, pairs: int | None) -> list[Row]:
    """Validation rows of all forms, one form after another; at most so many pairs of each, None for all."""
    rows: list[Row] = []
    for of_form in data.rows_of(VALIDATION, pairs).values():
        rows.extend(rows_to_choose_on(of_form))
    return rows


@rank_zero_only
def announce_draw(cfg: DictConfig, data: PairData) -> None:
    """Log what was read, dropped and drawn; fewer rows than were asked for are no error."""
    counts = [f"{name}: {count}" for name, count in sorted(data.counts.items())]
    log.info("source: %s", ", ".join(counts))
    _announce_block("training rows", data.train_rows)
    for form, rows in data.score_rows.items():
        _announce_block(f"{cfg.data.score_on} rows, {form}", rows)
    # Forms may have drawn different numbers of rows; the smallest is what is short of the number asked for.
    fewest = min(len(rows) for rows in data.score_rows.values())
    if cfg.data.test_pairs is not None and fewest < cfg.data.test_pairs:
        log.info(
            "data.test_pairs=%d were asked for, %d rows keep kinds balanced and facts whole",
            cfg.data.test_pairs,
            fewest,
        )
    if cfg.init is not None:
        log.info(
            "init=%s: encoder, pooling (with its options) and max_length are that run's; the model option is "
            "used for its dropout alone",
            cfg.init,
        )


def _announce_block(name: str, rows: Sequence[Row]) -> None:
    """Log how many rows there are, and of each property where there are several, but not too many."""
    properties = sorted(Counter(row.property for row in rows).items())
    kinds = [f"{count} {kind}" for kind, count in sorted(Counter(row.kind for row in rows).items()) if kind]
    parts = [", ".join(kinds)] if kinds else []
    if len(properties) > MOST_LISTED:
        parts.append(f"{len(properties)} properties")
    elif len(properties) > 1:
        parts.append(", ".join(f"{property_id} {count}" for property_id, count in properties))
    log.info("%s: %d%s", name, len(rows), f" ({'; '.join(parts)})" if parts else "")


def run_trainer(trainer: Trainer, objective: Objective, data: PairData) -> None:
    """``trainer.fit``, but an interruption stays one, and a diverged loss is an error.

    Raises:
        KeyboardInterrupt: after Ctrl-C, which Lightning turns into an exit with code 1.
        ValueError: the loss of the last epoch is not finite.
    """
    try:
        trainer.fit(objective, datamodule=data)
    except SystemExit:
        if trainer.interrupted:
            raise KeyboardInterrupt from None
        raise
    loss = trainer.callback_metrics["train/loss"]
    if not torch.isfinite(loss):
        raise ValueError(
            f"training diverged: the loss of epoch {trainer.current_epoch} is {loss}. "
            "Lower objective.learning_rate, or set training.gradient_clip."
        )


def score(
    cfg: DictConfig,
    data: PairData,
    objective: Objective,
    probe: Probe,
    record: TrainRecord,
    folder: RunFolder,
    forgetting: Forgetting | None,
) -> tuple[Scores, Extra]:
    """Score the saved encoder, the encoder before training and the shortcuts.

    Measures also how far training moved the encoder and what it forgot; writes what the probe keeps, and the
    predictions.
    """
    started = time.perf_counter()
    device = scoring_device(cfg.hardware)
    dtype = PRECISIONS[cfg.precision]
    metric = objective.metric
    accuracy_key = f"{cfg.data.score_on}/accuracy"
    scores = Scores(data.score_rows)
    extra = Extra()

    # Read from the disk, so that what is scored is what others will load.
    saved = load_encoder(
        str(folder.path / ENCODER),
        None,
        objective.encoder.pooling.name,
        objective.encoder.max_length,
        trust_remote_code=cfg.model.get("trust_remote_code", False),
        pooling_options=objective.encoder.pooling.options or None,
    ).to(device, dtype)
    memory_rows = data.train_rows if probe.needs_memory else []
    retrained = readers.Frozen(saved, data, objective.reads, "scoring, retrained encoder", memory_rows)
    targets = targets_of(memory_rows, objective.labels)
    probe.fit(metric, objective.read_out(), retrained.memory, targets)
    # Where validation rows themselves are scored, nothing may be chosen on them.
    if probe.needs_validation and cfg.data.score_on != VALIDATION:
        choose_reading(probe, saved, data, objective)
    readers.score_model(scores, accuracy_key, probe, retrained, objective.labels)

    initial = build_encoder(cfg).to(device, dtype)  # again, since training changed the first one in place
    title = record.untrained_title(metric)
    untrained_metric = comparison_metric(metric)
    readers.score_untrained(scores, initial, data, objective.reads, untrained_metric, cfg.seed, title)
    drifts = drift(initial.raw_vectors(EVERYDAY_SENTENCES), saved.raw_vectors(EVERYDAY_SENTENCES))
    for name, value in drifts.items():
        extra.figures[f"drift/{name}/sentences"] = value
    score_all_shortcuts(cfg, scores, data)

    tensors = {**objective.read_out(), **probe.tensors()}
    arrays = {name: as_array(tensor) for name, tensor in tensors.items()}
    folder.write_tensors(PROBE, arrays)
    if "memory" in arrays:
        folder.write_table(MEMORY, memory_columns(memory_rows))
    folder.write_table(PREDICTIONS, scores.table(accuracy_key))
    if forgetting is not None:
        figures, extra.forgetting = forgetting.measure(saved, objective, probe, folder)
        extra.figures |= figures
    record.seconds["score"] = time.perf_counter() - started
    return scores, extra
