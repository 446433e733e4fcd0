"""The steps of ``relsym train``; torch is imported from here on."""

from __future__ import annotations

import logging
import os
import time
import warnings
from pathlib import Path
from typing import Any

import torch
from hydra.core.hydra_config import HydraConfig
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf
from pytorch_lightning import Trainer, seed_everything
from pytorch_lightning.utilities import rank_zero_only
from transformers.utils.logging import disable_progress_bar

from relsym.app import provenance, scoring
from relsym.app.build import build_encoder, build_objective, build_trainer, check_combination, comparison_metric
from relsym.app.run_folder import CONFIG, ENCODER, PREDICTIONS, PROBE, RunFolder
from relsym.app.tracking import tracked
from relsym.data.module import PairData
from relsym.encoders.encoder import PRECISIONS
from relsym.encoders.load import load_encoder
from relsym.evaluation.score import Scores, targets_of
from relsym.objectives.base import Objective
from relsym.report.tables import console, print_run

log = logging.getLogger(__name__)


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
    check_combination(cfg)


def train_and_score(cfg: DictConfig) -> None:
    """One run, from the rows to ``results.json``. Ranks other than the first end with the training."""
    path = Path(HydraConfig.get().runtime.output_dir)
    folder = RunFolder(path) if rank_zero_only.rank == 0 else None
    seed_everything(cfg.seed, workers=True, verbose=False)
    data: PairData = instantiate(cfg.data.module, _convert_="all")
    data.read()
    log.info("%s", ", ".join(f"{name}: {count}" for name, count in sorted(data.counts.items())))
    config = OmegaConf.to_container(cfg, resolve=True)
    with tracked(instantiate(cfg.tracking, folder=str(path), _convert_="all"), config) as logger:
        started = time.perf_counter()
        objective = build_objective(cfg, build_encoder(cfg), instantiate(cfg.metric), data.labels)
        data.tokenize_with(objective.tokenize, objective.encoder.collate, objective.labels)
        objective.train()  # transformers loads models in evaluation mode, which would switch dropout off
        trainer = build_trainer(cfg, logger, path)
        fit(trainer, objective, data)
        if folder is None:
            return
        if torch.distributed.is_initialized():
            torch.distributed.destroy_process_group()
        seconds = {"seconds/train": time.perf_counter() - started}
        folder.write_text(CONFIG, OmegaConf.to_yaml(OmegaConf.create({**config, "labels": list(objective.labels)})))
        folder.write(ENCODER, lambda target: (target.mkdir(), objective.encoder.cpu().save(target)))
        results = score(cfg, config, data, objective, folder, {**seconds, "epochs": trainer.current_epoch})
        logger.log_metrics(results["metrics"], step=trainer.global_step)
        logger.save()
        folder.finish(results)
    print_run(results, console())
    console().print(f"Run folder: {path}", soft_wrap=True)


def fit(trainer: Trainer, objective: Objective, data: PairData) -> None:
    """``trainer.fit``, but Ctrl-C stays what it is: Lightning turns it into an exit with code 1."""
    try:
        trainer.fit(objective, datamodule=data)
    except SystemExit:
        if trainer.interrupted:
            raise KeyboardInterrupt from None
        raise


def score(cfg: DictConfig, config: dict[str, Any], data: PairData, objective: Objective, folder: RunFolder,
          measured: dict[str, Any]) -> dict[str, Any]:
    """Score the saved encoder, the untrained one and the shortcuts; the results' content."""
    started = time.perf_counter()
    device = torch.device("cuda" if cfg.hardware.accelerator == "gpu" else "cpu")
    dtype, metric = PRECISIONS[cfg.precision], objective.metric
    saved = load_encoder(str(folder.path / ENCODER), None, objective.encoder.pooling, objective.encoder.max_length).to(device, dtype)
    probe, model = instantiate(cfg.probe), f"{cfg.data.score_on}/accuracy"
    scores = Scores(data.score_rows)
    retrained = scoring.Frozen(saved, data, objective.reads, "scoring, retrained encoder")
    probe.fit(metric, objective.read_out(), retrained.memory, targets_of(data.train_rows, objective.labels))
    scoring.score_model(scores, model, probe, retrained, objective.labels)
    untrained = scoring.Frozen(build_encoder(cfg).to(device, dtype), data, objective.reads, "scoring, before retraining")
    scoring.score_untrained(scores, untrained, data, comparison_metric(metric), cfg.seed)
    scoring.score_shortcuts(scores, data)
    folder.write_tensors(PROBE, {**objective.read_out(), **probe.tensors()})
    folder.write_table(PREDICTIONS, scores.table(model))
    rows = {"train": len(data.train_rows), **{form: len(rows) for form, rows in data.score_rows.items()}}
    return {
        "task": "train", "metrics": scores.flat(model), "intervals": scores.intervals(), "rows": rows,
        "counts": dict(data.counts), "choices": choices(), "seed": cfg.seed, "labels": list(objective.labels),
        "encoder": objective.encoder.source, "config_hash": provenance.config_hash(config),
        "setting_hashes": provenance.setting_hashes(config, type(comparison_metric(metric)).__name__),
        "benchmark_hash": data.content_hash, "git_commit": provenance.git_commit(),
        "versions": provenance.versions(), **measured, "seconds/score": time.perf_counter() - started,
        "memory/peak_gib": provenance.peak_memory_gib()}


def choices() -> dict[str, str | None]:
    """Which option of each of relsym's groups was chosen."""
    return {group: option for group, option in HydraConfig.get().runtime.choices.items() if "hydra" not in group and "/" not in group}
