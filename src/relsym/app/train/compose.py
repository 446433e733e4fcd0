"""The configured objects: combinations are checked before anything is loaded, and each shared object is built
once.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from hydra.utils import get_class, instantiate
from omegaconf import DictConfig, OmegaConf
from pytorch_lightning import Callback, Trainer
from pytorch_lightning.callbacks import EarlyStopping
from pytorch_lightning.loggers import Logger

from relsym.app.earlier_run import run_in_init
from relsym.app.model_kind import is_encoder
from relsym.app.stored_components import check_trust
from relsym.app.train.curves import Curves, TrainingProgress
from relsym.app.train.recipe import check_recipe
from relsym.app.values.trainer import READ_FROM, SET_BY_RELSYM
from relsym.data.module import PairData
from relsym.encoders.encoder import PRECISIONS, Encoder
from relsym.metrics.base import JOINT, NONE, SENTENCES, Metric
from relsym.metrics.pair import Pair
from relsym.objectives.base import Objective
from relsym.probes.search import faiss_version

TAKES = {
    SENTENCES: "a metric of two sentences (hadamard, rotate, cosine or euclidean)",
    JOINT: "metric=pair, since it encodes the pair as one input",
    NONE: "metric=none, since its head learns the decision",
}
TRAINER_PRECISION = {"fp32": "32-true", "bf16": "bf16-mixed"}


def check_combination(cfg: DictConfig) -> None:
    """Refuse what cannot work together, with the reason, before anything is loaded."""
    if not is_encoder(cfg.model):
        raise ValueError(
            f"model={HydraConfig.get().runtime.choices['model']} is scored as it is, by relsym evaluate; "
            "relsym train needs "
            "an encoder (model=bundled, model=encoder model.name=HUB_ID_OR_FOLDER). To go on from a "
            "run: init=RUN."
        )
    objective = get_class(cfg.objective._target_)
    probe = get_class(cfg.probe._target_)
    metric = get_class(cfg.metric._target_)
    if metric.reads != objective.reads_metric:
        raise ValueError(
            f"{objective.__name__} takes {TAKES[objective.reads_metric]}; {metric.__name__} does not fit. "
            "Leave metric unset to get the right one."
        )
    if probe.needs_metric and metric.reads == NONE:
        raise ValueError(
            f"probe={probe.__name__.lower()} measures distance, and {objective.__name__} has no metric. Use "
            "probe=head."
        )
    if lacking := probe.needs - objective.read_out_names:
        raise ValueError(
            f"probe={probe.__name__.lower()} reads {', '.join(sorted(lacking))}, which {objective.__name__} "
            "does not have. "
            "Leave probe unset to get the objective's own."
        )
    if cfg.precision not in PRECISIONS:
        raise ValueError(f"precision={cfg.precision}: expected {' or '.join(PRECISIONS)}.")
    if cfg.hardware.accelerator == "gpu" and not torch.cuda.is_available():
        raise ValueError(
            "this hardware option needs a CUDA GPU, and torch finds none. Use hardware=cpu or "
            "hardware=ddp_cpu."
        )
    if (
        cfg.hardware.accelerator == "gpu"
        and cfg.precision == "bf16"
        and not torch.cuda.is_bf16_supported(including_emulation=False)
    ):
        raise ValueError("precision=bf16: this GPU has no bf16. Use precision=fp32.")
    if HydraConfig.initialized() and HydraConfig.get().mode == RunMode.MULTIRUN and cfg.hardware.devices != 1:
        raise ValueError(
            "hydra/launcher=basic cannot start several ranks: Lightning would repeat the whole sweep for "
            "each. "
            "Leave hydra/launcher=processes."
        )
    check_trust(cfg.trust)
    check_recipe(cfg)
    faiss_version()


def build_encoder(cfg: DictConfig) -> Encoder:
    """The configured encoder, or that of the run in ``init``, with its pooling."""
    run = run_in_init(cfg)
    if run is None:
        return instantiate(cfg.model)
    return run.encoder(cfg.model.dropout, cfg.model.get("trust_remote_code", False))


def comparison_metric(metric: Metric) -> Metric:
    """The metric for reading an untrained encoder: the model's own, or joint encodings where it has none."""
    return Pair() if metric.reads == NONE else metric


def build_objective(cfg: DictConfig, encoder: Encoder, metric: Metric, data: PairData) -> Objective:
    """The objective, with the classes and the read-out of the run in ``init`` if there is one."""
    run = run_in_init(cfg)
    if run is None:
        return instantiate(cfg.objective, encoder=encoder, metric=metric, labels=data.labels)
    run.check_labels(data.labels)
    if "label_embeddings" in get_class(cfg.objective._target_).read_out_names:
        run.check_metric(type(metric))
    run.check_sides(data.sides)
    objective: Objective = instantiate(cfg.objective, encoder=encoder, metric=metric, labels=run.labels)
    names = objective.read_out()
    if names:
        stored = run.tensors()
        objective.restore({name: stored[name] for name in names if name in stored})
    return objective


def build_trainer(
    cfg: DictConfig, logger: Logger, folder: Path, callbacks: Sequence[Callback] = ()
) -> Trainer:
    """A Trainer for the training loop alone: scores come later, from the saved encoder."""
    stop = EarlyStopping(
        "train/loss",
        patience=cfg.training.patience,
        min_delta=0.0,
        stopping_threshold=cfg.training.stop_loss,
        check_on_train_epoch_end=True,
        check_finite=True,
    )
    config = OmegaConf.create(OmegaConf.to_container(cfg, resolve=True))
    arguments = {argument: OmegaConf.select(config, key) for argument, key in READ_FROM.items()}
    arguments["precision"] = TRAINER_PRECISION[cfg.precision]
    further = instantiate(cfg.training.trainer, _convert_="all")
    return Trainer(
        **arguments,
        **SET_BY_RELSYM,
        **further,
        logger=logger,
        default_root_dir=folder,
        callbacks=[stop, *callbacks, Curves(), TrainingProgress()],
    )
