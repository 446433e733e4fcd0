"""The steps of ``relsym train``; torch is imported from here on."""

from __future__ import annotations

import logging
import os
import time
import warnings
from collections import Counter
from pathlib import Path

import torch
from hydra.core.hydra_config import HydraConfig
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf
from pytorch_lightning import Trainer, seed_everything
from pytorch_lightning.utilities import rank_zero_only
from transformers.utils.logging import disable_progress_bar

from relsym.app.checks import check_numbers
from relsym.app.hardware import check_hardware, scoring_device
from relsym.app.replaying import feed
from relsym.app.tracking.tracker import conclude, tracked
from relsym.app.tracking.view import final_of
from relsym.app.train.best_epoch import BestEpoch
from relsym.app.train.compose import build_encoder, build_objective, build_trainer, check_combination, comparison_metric
from relsym.app.train.forgetting import Forgetting, check_forgetting
from relsym.app.train.recipe import build_remedies
from relsym.app.train.record import Extra, Record
from relsym.data.module import PairData
from relsym.data.splits import VALIDATION
from relsym.encoders.encoder import PRECISIONS
from relsym.encoders.load import load_encoder
from relsym.evaluation import readers as scoring
from relsym.evaluation.drift import EVERYDAY_SENTENCES, drift
from relsym.evaluation.score import Scores, targets_of
from relsym.objectives.base import Objective
from relsym.probes.base import Probe
from relsym.report.one_run.terminal import console, print_run
from relsym.runs.folder import CONFIG, ENCODER, PREDICTIONS, PROBE, RunFolder

log = logging.getLogger(__name__)
EPOCHS_TO_KEEP = ("last", "best")


def check(cfg: DictConfig) -> None:
    """Everything that can be refused before time is spent."""
    os.environ["TOKENIZERS_PARALLELISM"] = "false"  # forked workers of a process that has used the tokenizer stall
    disable_progress_bar()  # bars for reading and writing one small file
    for name in ("pytorch_lightning.utilities.rank_zero", "faiss.loader"):
        logging.getLogger(name).setLevel(logging.WARNING)
    # Rows are tokenised once, before training: there is no work for loader processes.
    warnings.filterwarnings("ignore", ".*does not have many workers.*")
    # Lightning's own use of a torch function that torch is renaming.
    warnings.filterwarnings("ignore", ".*isinstance.treespec, LeafSpec.*")
    # A login node has srun; what a sweep submits there is started by it.
    warnings.filterwarnings("ignore", ".*srun. command is available.*")
    check_numbers(cfg)
    check_hardware(cfg.hardware)
    check_combination(cfg)
    check_forgetting(cfg)
    if cfg.training.keep not in EPOCHS_TO_KEEP:
        raise ValueError(f"training.keep={cfg.training.keep}: expected {' or '.join(EPOCHS_TO_KEEP)}.")
    if cfg.training.keep == "best" and cfg.data.score_on == VALIDATION:
        raise ValueError("data.score_on=validation scores the rows that training.keep=best chooses the epoch on. Pass training.keep=last.")


def train_and_score(cfg: DictConfig) -> None:
    """One run, from the rows to ``results.json``. Ranks other than the first end with the training."""
    path = Path(HydraConfig.get().runtime.output_dir)
    folder = RunFolder(path) if rank_zero_only.rank == 0 else None
    record = Record(cfg)
    seed_everything(cfg.seed, workers=True, verbose=False)
    data: PairData = instantiate(cfg.data.module, _convert_="all")
    data.read()
    announce_draw(cfg, data)
    probe: Probe = instantiate(cfg.probe)
    probe.check_memory(len(data.train_rows))
    with tracked(instantiate(cfg.tracking, folder=str(path), _convert_="all"), record.config, record.tags(data)) as logger:
        with torch.random.fork_rng([]):  # what is measured must not change what is trained
            forgetting = Forgetting(cfg) if folder is not None and cfg.get("forgetting") is not None else None
        started = time.perf_counter()
        encoder = build_encoder(cfg)
        record.weights = encoder.fingerprint()
        if cfg.precision == "bf16" and scoring_device(cfg.hardware).type == "cpu":
            encoder.attend_step_by_step()
        objective = build_objective(cfg, encoder, instantiate(cfg.metric), data)
        remedies = build_remedies(cfg)
        feed(cfg, remedies, data)
        data.tokenize_with(objective.tokenize, objective.encoder.collate, objective.labels)
        objective.begin_with(remedies)
        objective.train()  # transformers loads models in evaluation mode, which would switch dropout off
        best = best_epoch(cfg, data, probe)
        trainer = build_trainer(cfg, logger, path, [*best, *(callback for remedy in remedies for callback in remedy.callbacks())])
        fit(trainer, objective, data)
        if folder is None:
            return
        if torch.distributed.is_initialized():
            torch.distributed.destroy_process_group()
        objective.finish_remedies()
        record.measured |= {"seconds/train": time.perf_counter() - started, "epochs": trainer.current_epoch}
        record.measured |= {"epoch_kept": best[0].epoch, "validation_accuracy": best[0].best} if best else {}
        record.measured |= data.replay.counts(trainer.global_step) if data.replay else {}
        folder.write_text(CONFIG, OmegaConf.to_yaml(OmegaConf.create({**record.config, "labels": list(objective.labels)})))
        folder.write(ENCODER, lambda target: (target.mkdir(), objective.encoder.cpu().save(target)))
        started = time.perf_counter()
        scores, extra = score(cfg, data, objective, probe, folder, forgetting)
        record.measured["seconds/score"] = time.perf_counter() - started
        results = record.results(scores, data, objective, extra)
        folder.finish(results)
        conclude(logger, final_of(results, scores, trainer.global_step))
    print_run(results, console())
    console().print(f"Run folder: {path}", soft_wrap=True)


def best_epoch(cfg: DictConfig, data: PairData, probe: Probe) -> list[BestEpoch]:
    """What keeps the best epoch, where that is asked for."""
    if cfg.training.keep == "last":
        return []
    return [BestEpoch([row for rows in data.rows_of(VALIDATION, None).values() for row in rows], data.train_rows, probe, cfg.precision)]


@rank_zero_only
def announce_draw(cfg: DictConfig, data: PairData) -> None:
    """What was read, dropped and drawn; fewer rows than asked for is said, not an error."""
    log.info("source: %s", ", ".join(f"{name}: {count}" for name, count in sorted(data.counts.items())))
    blocks = {"training rows": data.train_rows, **{f"{cfg.data.score_on} rows, {form}": rows for form, rows in data.score_rows.items()}}
    for name, rows in blocks.items():
        properties = sorted(Counter(row.property for row in rows).items())
        log.info("%s: %d%s", name, len(rows), f" ({', '.join(f'{p} {n}' for p, n in properties)})" if len(properties) > 1 else "")
    fewest = min(map(len, data.score_rows.values()))
    if cfg.data.test_pairs is not None and fewest < cfg.data.test_pairs:
        log.info("data.test_pairs=%d were asked for, %d rows keep kinds balanced and facts whole", cfg.data.test_pairs, fewest)
    if cfg.init is not None:
        log.info("init=%s: encoder, pooling and max_length are that run's; the model option is used for its dropout alone", cfg.init)


def fit(trainer: Trainer, objective: Objective, data: PairData) -> None:
    """``trainer.fit``, but Ctrl-C stays what it is (Lightning turns it into an exit with code 1), and a diverged loss is an error."""
    try:
        trainer.fit(objective, datamodule=data)
    except SystemExit:
        if trainer.interrupted:
            raise KeyboardInterrupt from None
        raise
    if not torch.isfinite(trainer.callback_metrics["train/loss"]):
        raise ValueError(f"training diverged: the loss of epoch {trainer.current_epoch} is {trainer.callback_metrics['train/loss']}. "
                         "Lower objective.learning_rate, or set training.gradient_clip.")


def score(cfg: DictConfig, data: PairData, objective: Objective, probe: Probe, folder: RunFolder,
          forgetting: Forgetting | None) -> tuple[Scores, Extra]:
    """Score the saved encoder, the untrained one and the shortcuts, how far retraining moved the encoder, and what it forgot.

    Writes what the probe keeps, and the predictions.
    """
    device = scoring_device(cfg.hardware)
    metric, model, dtype = objective.metric, f"{cfg.data.score_on}/accuracy", PRECISIONS[cfg.precision]
    saved = load_encoder(str(folder.path / ENCODER), None, objective.encoder.pooling, objective.encoder.max_length,
                         trust_remote_code=cfg.model.get("trust_remote_code", False)).to(device, dtype)
    scores = Scores(data.score_rows)
    retrained = scoring.Frozen(saved, data, objective.reads, "scoring, retrained encoder", memory=probe.needs_memory)
    targets = targets_of(data.train_rows if probe.needs_memory else [], objective.labels)
    probe.fit(metric, objective.read_out(), retrained.memory, targets)
    scoring.score_model(scores, model, probe, retrained, objective.labels)
    begun = build_encoder(cfg).to(device, dtype)
    untrained = scoring.Frozen(begun, data, objective.reads, "scoring, before retraining")
    scoring.score_untrained(scores, untrained, data, comparison_metric(metric), cfg.seed)
    moved = drift(begun.encode(EVERYDAY_SENTENCES), saved.encode(EVERYDAY_SENTENCES))
    extra = Extra({f"drift/{name}/sentences": value for name, value in moved.items()}, {})
    scoring.score_shortcuts(scores, data)
    folder.write_tensors(PROBE, {**objective.read_out(), **probe.tensors()})
    folder.write_table(PREDICTIONS, scores.table(model))
    if forgetting is not None:
        figures, found = forgetting.measure(saved, objective, probe, folder)
        extra = Extra(extra.figures | figures, {"forgetting": found})
    return scores, extra
