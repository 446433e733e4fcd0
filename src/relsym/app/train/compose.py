"""The objects of a training, built from its configuration.

Combinations are checked before anything is loaded, and each shared object is built once.
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

# What an objective takes, by what its metric reads, in words for a message.
TAKES = {
    SENTENCES: "a metric of two sentences (hadamard, rotate, cosine or euclidean)",
    JOINT: "metric=pair, since it encodes the pair as one input",
    NONE: "metric=none, since its head learns the decision",
}
# Lightning's names of the precisions.
TRAINER_PRECISION = {"fp32": "32-true", "bf16": "bf16-mixed"}


def check_combination(cfg: DictConfig) -> None:
    """Refuse options that cannot work together, before anything is loaded.

    Raises:
        ValueError: with the reason, and the option to choose.
    """
    if not is_encoder(cfg.model):
        model_option = HydraConfig.get().runtime.choices["model"]
        raise ValueError(
            f"model={model_option} is scored as it is, by relsym evaluate; relsym train needs an encoder "
            "(model=bundled, model=encoder model.name=HUB_ID_OR_FOLDER). To go on from a run: init=RUN."
        )
    _check_components(cfg)
    _check_processor(cfg)
    check_trust(cfg.trust)
    check_recipe(cfg)
    faiss_version()  # refuses two packages of faiss, which overwrite each other


def _check_components(cfg: DictConfig) -> None:
    """Refuse an objective, a metric and a probe that do not fit each other."""
    objective = get_class(cfg.objective._target_)
    probe = get_class(cfg.probe._target_)
    metric = get_class(cfg.metric._target_)
    if objective.needs_identity and not metric.has_identity:
        raise ValueError(
            f"{objective.__name__} has the labels 1 and -1, and takes a metric that multiplies by a label "
            f"(hadamard or rotate, which are the same then); {metric.__name__} does not fit. Leave metric "
            "unset to get the right one."
        )
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
    lacking = probe.needs - objective.read_out_names
    if lacking:
        raise ValueError(
            f"probe={probe.__name__.lower()} reads {', '.join(sorted(lacking))}, which {objective.__name__} "
            "does not have. Leave probe unset to get the objective's own."
        )


def _check_processor(cfg: DictConfig) -> None:
    """Refuse a precision or a number of ranks that this machine or the launcher cannot give."""
    if cfg.precision not in PRECISIONS:
        raise ValueError(f"precision={cfg.precision}: expected {' or '.join(PRECISIONS)}.")
    on_gpu = cfg.hardware.accelerator == "gpu"
    if on_gpu and not torch.cuda.is_available():
        raise ValueError(
            "this hardware option needs a CUDA GPU, and torch finds none. Use hardware=cpu or "
            "hardware=ddp_cpu."
        )
    # Emulated bf16 would compute too, but slowly.
    if on_gpu and cfg.precision == "bf16" and not torch.cuda.is_bf16_supported(including_emulation=False):
        raise ValueError("precision=bf16: this GPU has no bf16. Use precision=fp32.")
    # The jobs of relsym's own launcher are single runs; only Hydra's basic one comes here as a sweep.
    in_basic_sweep = HydraConfig.initialized() and HydraConfig.get().mode == RunMode.MULTIRUN
    if in_basic_sweep and cfg.hardware.devices != 1:
        raise ValueError(
            "hydra/launcher=basic cannot start several ranks: Lightning would repeat the whole sweep for "
            "each. Leave hydra/launcher=processes."
        )


def build_encoder(cfg: DictConfig) -> Encoder:
    """The configured encoder, or that of the run in ``init``, with the pooling of that run."""
    run = run_in_init(cfg)
    if run is None:
        return instantiate(cfg.model)
    trust_remote_code = cfg.model.get("trust_remote_code", False)
    return run.encoder(cfg.model.dropout, trust_remote_code)


def comparison_metric(metric: Metric) -> Metric:
    """The metric for reading an untrained encoder: the run's own, or of joint encodings where it has none."""
    return Pair() if metric.reads == NONE else metric


def build_objective(cfg: DictConfig, encoder: Encoder, metric: Metric, data: PairData) -> Objective:
    """The objective, with the classes and the read-out of the run in ``init`` if there is one.

    Raises:
        ValueError: that run lacks a label of the data, had another metric, or may have trained on these rows.
    """
    run = run_in_init(cfg)
    if run is None:
        return instantiate(cfg.objective, encoder=encoder, metric=metric, labels=data.labels)
    run.check_labels(data.labels)
    if "label_embeddings" in get_class(cfg.objective._target_).read_out_names:
        run.check_metric(type(metric))
    run.check_sides(data.sides)
    # The run's labels rather than the data's: their order says which output is which class.
    objective: Objective = instantiate(cfg.objective, encoder=encoder, metric=metric, labels=run.labels)
    # What the objective learns beside the encoder, where the earlier run has stored the same.
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
    arguments = {}
    for argument, key in READ_FROM.items():
        arguments[argument] = OmegaConf.select(config, key)
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
