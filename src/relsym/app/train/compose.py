"""The configured objects: combinations are checked before anything is loaded, and each shared object is built once."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args, get_type_hints

import torch
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from hydra.utils import get_class, get_object, instantiate
from omegaconf import DictConfig, OmegaConf
from pytorch_lightning import Callback, Trainer
from pytorch_lightning.callbacks import EarlyStopping
from pytorch_lightning.loggers import Logger
from safetensors.torch import load_file

from relsym.app.train.curves import Curves, TrainingProgress
from relsym.app.train.recipe import check_recipe
from relsym.data.module import PairData
from relsym.encoders.encoder import PRECISIONS, Encoder
from relsym.encoders.load import load_encoder
from relsym.metrics.base import JOINT, NONE, SENTENCES, Metric
from relsym.metrics.pair import Pair
from relsym.models.base import Model
from relsym.objectives.base import Objective
from relsym.probes.search import faiss_version
from relsym.runs.folder import CONFIG, ENCODER, PROBE, RESULTS

TAKES = {
    SENTENCES: "a metric of two sentences (hadamard, rotate, cosine or euclidean)",
    JOINT: "metric=pair, since it encodes the pair as one input",
    NONE: "metric=none, since its head learns the decision",
}
TRAINER_PRECISION = {"fp32": "32-true", "bf16": "bf16-mixed"}


def check_combination(cfg: DictConfig) -> None:
    """Refuse what cannot work together, with the reason, before anything is loaded."""
    if not is_encoder(cfg.model):
        raise ValueError(f"model={HydraConfig.get().runtime.choices['model']} is scored as it is, by relsym evaluate; relsym train needs "
                         "an encoder (model=bundled, model=encoder model.name=HUB_ID_OR_FOLDER). To go on from a "
                         "run: init=RUN.")
    objective = get_class(cfg.objective._target_)
    probe = get_class(cfg.probe._target_)
    metric = get_class(cfg.metric._target_)
    if metric.reads != objective.reads_metric:
        raise ValueError(f"{objective.__name__} takes {TAKES[objective.reads_metric]}; {metric.__name__} does not fit. "
                         "Leave metric unset to get the right one.")
    if probe.needs_metric and metric.reads == NONE:
        raise ValueError(f"probe={probe.__name__.lower()} measures distance, and {objective.__name__} has no metric. Use probe=head.")
    if lacking := probe.needs - objective.read_out_names:
        raise ValueError(f"probe={probe.__name__.lower()} reads {', '.join(sorted(lacking))}, which {objective.__name__} does not have. "
                         "Leave probe unset to get the objective's own.")
    if cfg.precision not in PRECISIONS:
        raise ValueError(f"precision={cfg.precision}: expected {' or '.join(PRECISIONS)}.")
    if cfg.hardware.accelerator == "gpu" and not torch.cuda.is_available():
        raise ValueError("this hardware option needs a CUDA GPU, and torch finds none. Use hardware=cpu or hardware=ddp_cpu.")
    if cfg.hardware.accelerator == "gpu" and cfg.precision == "bf16" and not torch.cuda.is_bf16_supported(including_emulation=False):
        raise ValueError("precision=bf16: this GPU has no bf16. Use precision=fp32.")
    if HydraConfig.initialized() and HydraConfig.get().mode == RunMode.MULTIRUN and cfg.hardware.devices != 1:
        raise ValueError("hydra/launcher=basic cannot start several ranks: Lightning would repeat the whole sweep for each. "
                         "Leave hydra/launcher=processes.")
    check_recipe(cfg)
    faiss_version()


def is_encoder(model: DictConfig) -> bool:
    """Whether a model option makes an encoder, which can be trained; the others are scored as they are."""
    target = get_object(model._target_)
    told = target if isinstance(target, type) else get_type_hints(target).get("return", Encoder)
    return not any(isinstance(kind, type) and issubclass(kind, Model) for kind in (told, *get_args(told)))


def init_config(run: str, key: str = "init") -> DictConfig:
    """The resolved configuration of a finished run.

    Raises:
        ValueError: the folder is no finished run.
    """
    folder = Path(run).expanduser()
    if missing := [name for name in (RESULTS, CONFIG, ENCODER) if not (folder / name).exists()]:
        raise ValueError(f"{key}={run}: no finished run there ({', '.join(missing)} missing). "
                         "Pass the folder of a relsym train that ended.")
    return OmegaConf.load(folder / CONFIG)


def build_encoder(cfg: DictConfig) -> Encoder:
    """The configured encoder, or that of the run in ``init``, with its pooling."""
    if cfg.init is None:
        return instantiate(cfg.model)
    earlier = init_config(cfg.init).model
    return load_encoder(str(Path(cfg.init).expanduser() / ENCODER), None, earlier.pooling, earlier.max_length, cfg.model.dropout,
                        earlier.get("trust_remote_code", False))


def comparison_metric(metric: Metric) -> Metric:
    """The metric for reading an untrained encoder: the model's own, or joint encodings where it has none."""
    return Pair() if metric.reads == NONE else metric


def build_objective(cfg: DictConfig, encoder: Encoder, metric: Metric, data: PairData) -> Objective:
    """The objective, with the classes and the read-out of the run in ``init`` if there is one."""
    labels = data.labels
    if cfg.init is not None:
        earlier = init_config(cfg.init)
        labels = tuple(earlier.labels)
        if set(data.labels) - set(labels):
            raise ValueError(f"init={cfg.init}: that run knows the labels {', '.join(labels)}; the data has {', '.join(data.labels)}.")
        embeddings = "label_embeddings" in get_class(cfg.objective._target_).read_out_names
        if embeddings and earlier.metric._target_ != cfg.metric._target_:
            raise ValueError(f"init={cfg.init}: that run's metric was {get_class(earlier.metric._target_).__name__}; its label embeddings "
                             f"do not fit {type(metric).__name__}. Go on with the metric of that run.")
        check_same_sides(cfg.init, data.sides)
    objective = instantiate(cfg.objective, encoder=encoder, metric=metric, labels=labels)
    if cfg.init is not None and objective.read_out():
        tensors = load_file(Path(cfg.init).expanduser() / PROBE)
        objective.restore({name: tensors[name] for name in objective.read_out() if name in tensors})
    return objective


def check_same_sides(init: str, sides: str | None, key: str = "init") -> None:
    """Refuse to score rows that the run in ``init`` may have been trained on: both symmetry, split by another rule, seed or fold."""
    earlier = json.loads((Path(init).expanduser() / RESULTS).read_text(encoding="utf-8"))["sides"]
    if None not in (earlier, sides) and earlier != sides:
        raise ValueError(f"{key}={init}: that run was split by {earlier}, this one by {sides}: rows that are scored here may have "
                         "trained it. Use the same split, seed and fold.")


def build_trainer(cfg: DictConfig, logger: Logger, folder: Path, callbacks: Sequence[Callback] = ()) -> Trainer:
    """A Trainer for the training loop alone: scores come later, from the saved encoder."""
    stop = EarlyStopping("train/loss", patience=cfg.training.patience, min_delta=0.0, stopping_threshold=cfg.training.stop_loss,
                         check_on_train_epoch_end=True, check_finite=True)
    options: dict[str, Any] = OmegaConf.to_container(cfg.hardware, resolve=True)
    return Trainer(**options, precision=TRAINER_PRECISION[cfg.precision], max_epochs=cfg.training.epochs,
                   max_steps=cfg.training.max_steps, gradient_clip_val=cfg.training.gradient_clip, logger=logger,
                   callbacks=[stop, *callbacks, Curves(), TrainingProgress()], default_root_dir=folder,
                   enable_checkpointing=False, enable_model_summary=False, enable_progress_bar=False, log_every_n_steps=1,
                   use_distributed_sampler=False)
