"""The steps of ``relsym train``; torch is imported from here on."""

from __future__ import annotations

import logging
import time
from collections import Counter
from pathlib import Path

import numpy as np
import torch
from hydra.core.hydra_config import HydraConfig
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf
from pytorch_lightning import Trainer, seed_everything
from pytorch_lightning.loggers import Logger
from pytorch_lightning.utilities import rank_zero_only

from relsym.app.hardware import check_hardware, scoring_device
from relsym.app.shortcuts import own_shortcuts, score_all_shortcuts
from relsym.app.tracking.tracker import conclude, tracked
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
from relsym.data.module import PairData
from relsym.data.splits import VALIDATION
from relsym.encoders.encoder import PRECISIONS
from relsym.encoders.load import load_encoder
from relsym.evaluation import readers
from relsym.evaluation.drift import EVERYDAY_SENTENCES, drift
from relsym.evaluation.score import Scores, targets_of
from relsym.objectives.base import Objective
from relsym.probes.base import Probe
from relsym.report.one_run.terminal import console, print_run
from relsym.runs.folder import RunFolder
from relsym.runs.layout import CONFIG, ENCODER, PREDICTIONS, PROBE

log = logging.getLogger(__name__)


def check(cfg: DictConfig) -> None:
    """Everything that can be refused before time is spent."""
    check_values(cfg, "train")
    check_hardware(cfg.hardware)
    check_combination(cfg)
    check_forgetting(cfg)
    own_shortcuts(cfg)  # refuses what is no shortcut
    if cfg.training.keep == "best" and cfg.data.score_on == VALIDATION:
        raise ValueError(
            "data.score_on=validation scores the rows that training.keep=best chooses the epoch on. Pass "
            "training.keep=last."
        )


def train_and_score(cfg: DictConfig) -> None:
    """One run, from the rows to ``results.json``. Ranks other than the first end with the training."""
    path = Path(HydraConfig.get().runtime.output_dir)
    folder = RunFolder(path) if rank_zero_only.rank == 0 else None
    record = TrainRecord(cfg)
    seed_everything(cfg.seed, workers=True, verbose=False)
    data = read_data(cfg)
    probe: Probe = instantiate(cfg.probe)
    probe.check_memory(len(data.train_rows))
    tracker = instantiate(cfg.tracking, folder=str(path), _convert_="all")
    with tracked(tracker, record.config, record.tags(data)) as logger:
        forgetting = knowledge_before(cfg) if folder is not None else None
        objective, steps = fit(cfg, data, probe, record, logger, path)
        if folder is None:
            return
        save(cfg, folder, record, objective)
        scores, extra = score(cfg, data, objective, probe, record, folder, forgetting)
        results = record.results(scores, data, objective, extra)
        folder.finish(results)
        conclude(logger, final_of(results, scores, steps))
    print_run(results, console())
    console().print(f"Run folder: {path}", soft_wrap=True)


def read_data(cfg: DictConfig) -> PairData:
    """The rows of the run, read and drawn."""
    data: PairData = instantiate(cfg.data.module, _convert_="all")
    data.read()
    announce_draw(cfg, data)
    return data


def knowledge_before(cfg: DictConfig) -> Forgetting | None:
    """What the encoder knows of earlier NLI rows, where that is asked for; refused here if it
    knows nothing.
    """
    if cfg.get("forgetting") is None:
        return None
    with torch.random.fork_rng([]):  # what is measured must not change what is trained
        return Forgetting(cfg)


def fit(
    cfg: DictConfig, data: PairData, probe: Probe, record: TrainRecord, logger: Logger, path: Path
) -> tuple[Objective, int]:
    """Build the objective, train it, and undo what was only for the training; the objective, and the steps
    that were made.
    """
    started = time.perf_counter()
    encoder = build_encoder(cfg)
    record.weights, record.published = encoder.fingerprint(), encoder.source.get("published")
    if cfg.precision == "bf16" and scoring_device(cfg.hardware).type == "cpu":
        encoder.attend_step_by_step()
    objective = build_objective(cfg, encoder, instantiate(cfg.metric), data)
    remedies = build_remedies(cfg)
    feed(cfg, remedies, data)
    data.tokenize_with(objective.tokenize, objective.encoder.collate, objective.labels)
    objective.begin_with(remedies)
    objective.train()  # transformers loads models in evaluation mode, which would switch dropout off
    best = best_epoch(cfg, data, probe)
    callbacks = [] if best is None else [best]
    for remedy in remedies:
        callbacks += remedy.callbacks()
    trainer = build_trainer(cfg, logger, path, callbacks)
    run_trainer(trainer, objective, data)
    if not trainer.is_global_zero:
        return objective, trainer.global_step
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()
    objective.finish_remedies()
    record.seconds["train"] = time.perf_counter() - started
    record.trained = Trained(trainer.current_epoch)
    if best is not None:
        record.trained.epoch_kept, record.trained.validation_accuracy = best.epoch, best.best
    if data.replay is not None:
        counts = data.replay.counts(trainer.global_step)
        record.trained.replayed_rows, record.trained.replayed_distinct = (
            counts["replayed_rows"],
            counts["replayed_distinct"],
        )
    return objective, trainer.global_step


def as_array(tensor: torch.Tensor) -> np.ndarray:
    """A tensor for the disk; bf16, which numpy lacks, as fp32."""
    plain = tensor.detach().cpu()
    return (plain.float() if plain.dtype == torch.bfloat16 else plain).numpy()


def save(cfg: DictConfig, folder: RunFolder, record: TrainRecord, objective: Objective) -> None:
    """Write the configuration and the encoder.

    How it is read is written as it was trained: ``init`` may have brought other settings.
    """
    encoder = objective.encoder
    model = {**record.config["model"], "pooling": encoder.pooling, "max_length": encoder.max_length}
    config = {**record.config, "model": model, "labels": list(objective.labels)}
    folder.write_text(CONFIG, OmegaConf.to_yaml(OmegaConf.create(config)))
    folder.write(ENCODER, lambda target: (target.mkdir(), encoder.cpu().save(target)))


def best_epoch(cfg: DictConfig, data: PairData, probe: Probe) -> BestEpoch | None:
    """What keeps the best epoch, where that is asked for."""
    if cfg.training.keep == "last":
        return None
    rows = [row for of_form in data.rows_of(VALIDATION, None).values() for row in of_form]
    return BestEpoch(rows, data.train_rows, probe, cfg.precision)


@rank_zero_only
def announce_draw(cfg: DictConfig, data: PairData) -> None:
    """What was read, dropped and drawn; fewer rows than asked for is said, not an error."""
    log.info("source: %s", ", ".join(f"{name}: {count}" for name, count in sorted(data.counts.items())))
    blocks = {
        "training rows": data.train_rows,
        **{f"{cfg.data.score_on} rows, {form}": rows for form, rows in data.score_rows.items()},
    }
    for name, rows in blocks.items():
        properties = sorted(Counter(row.property for row in rows).items())
        log.info(
            "%s: %d%s",
            name,
            len(rows),
            f" ({', '.join(f'{p} {n}' for p, n in properties)})" if len(properties) > 1 else "",
        )
    fewest = min(map(len, data.score_rows.values()))
    if cfg.data.test_pairs is not None and fewest < cfg.data.test_pairs:
        log.info(
            "data.test_pairs=%d were asked for, %d rows keep kinds balanced and facts whole",
            cfg.data.test_pairs,
            fewest,
        )
    if cfg.init is not None:
        log.info(
            "init=%s: encoder, pooling and max_length are that run's; the model option is used for its "
            "dropout alone",
            cfg.init,
        )


def run_trainer(trainer: Trainer, objective: Objective, data: PairData) -> None:
    """``trainer.fit``, but Ctrl-C stays what it is (Lightning turns it into an exit with code 1), and a
    diverged loss is an error.
    """
    try:
        trainer.fit(objective, datamodule=data)
    except SystemExit:
        if trainer.interrupted:
            raise KeyboardInterrupt from None
        raise
    if not torch.isfinite(trainer.callback_metrics["train/loss"]):
        raise ValueError(
            f"training diverged: the loss of epoch {trainer.current_epoch} is "
            f"{trainer.callback_metrics['train/loss']}. "
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
    """Score the saved encoder, the untrained one and the shortcuts, how far retraining moved the encoder, and
    what it forgot.

    Writes what the probe keeps, and the predictions.
    """
    started = time.perf_counter()
    device, dtype = scoring_device(cfg.hardware), PRECISIONS[cfg.precision]
    metric, accuracy_key = objective.metric, f"{cfg.data.score_on}/accuracy"
    saved = load_encoder(
        str(folder.path / ENCODER),
        None,
        objective.encoder.pooling,
        objective.encoder.max_length,
        trust_remote_code=cfg.model.get("trust_remote_code", False),
    ).to(device, dtype)
    scores, extra = Scores(data.score_rows), Extra()
    retrained = readers.Frozen(
        saved, data, objective.reads, "scoring, retrained encoder", memory=probe.needs_memory
    )
    targets = targets_of(data.train_rows if probe.needs_memory else [], objective.labels)
    probe.fit(metric, objective.read_out(), retrained.memory, targets)
    readers.score_model(scores, accuracy_key, probe, retrained, objective.labels)
    begun = build_encoder(cfg).to(device, dtype)
    untrained = readers.Frozen(begun, data, objective.reads, "scoring, before retraining")
    readers.score_untrained(
        scores, untrained, data, comparison_metric(metric), cfg.seed, record.untrained_title(metric)
    )
    for name, value in drift(begun.encode(EVERYDAY_SENTENCES), saved.encode(EVERYDAY_SENTENCES)).items():
        extra.figures[f"drift/{name}/sentences"] = value
    score_all_shortcuts(cfg, scores, data)
    tensors = {**objective.read_out(), **probe.tensors()}
    folder.write_tensors(PROBE, {name: as_array(tensor) for name, tensor in tensors.items()})
    folder.write_table(PREDICTIONS, scores.table(accuracy_key))
    if forgetting is not None:
        figures, extra.forgetting = forgetting.measure(saved, objective, probe, folder)
        extra.figures |= figures
    record.seconds["score"] = time.perf_counter() - started
    return scores, extra
