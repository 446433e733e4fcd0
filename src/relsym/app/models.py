"""The model that ``relsym evaluate`` is given: what kind it is, and how it is loaded."""

from __future__ import annotations

from pathlib import Path

from hydra.utils import get_class, instantiate
from omegaconf import DictConfig, OmegaConf
from safetensors.torch import load_file

from relsym.app.compose import check_same_sides, init_config, is_encoder
from relsym.app.run_folder import ENCODER, PROBE
from relsym.data.module import PairData
from relsym.encoders.encoder import PRECISIONS, Encoder
from relsym.encoders.load import load_encoder
from relsym.metrics.base import NONE
from relsym.scorers.base import Scorer
from relsym.scorers.device import device_of, dtype_of
from relsym.scorers.encoder import EncoderScorer
from relsym.scorers.run import RunScorer


def check_model(cfg: DictConfig) -> None:
    """Refuse what cannot be evaluated, before anything is loaded."""
    device_of(cfg.hardware.accelerator)
    dtype_of(cfg.precision)
    if cfg.hardware.devices != 1:
        raise ValueError(f"hardware.devices={cfg.hardware.devices}: one process measures. Use hardware=cpu or hardware=gpu.")
    if is_encoder(cfg.model) and get_class(cfg.metric._target_).reads == NONE:
        raise ValueError("metric=none measures no distance, and an encoder is read by distance. Choose another metric.")


def build_scorer(cfg: DictConfig, data: PairData) -> Scorer:
    """The configured model; an encoder is read by the untrained read-outs."""
    model = instantiate(cfg.model, _convert_="all")
    if isinstance(model, RunScorer):
        check_same_sides(model.name, data.sides, "model.folder")
    if isinstance(model, Encoder):
        return EncoderScorer(model, instantiate(cfg.metric), cfg.probe.k, cfg.seed, device_of(cfg.hardware.accelerator),
                             dtype_of(cfg.precision))
    return model


def load_run(folder: str | None, precision: str, accelerator: str) -> RunScorer:
    """The retrained encoder of a finished run, with its metric, its probe and its classes.

    Raises:
        ValueError: the folder is no finished run.
    """
    if folder is None:
        raise ValueError("model.folder is not set: pass model.folder=RUN, the folder of a relsym train that ended.")
    config, path = init_config(folder, "model.folder"), Path(folder).expanduser()
    encoder = load_encoder(str(path / ENCODER), None, config.model.pooling, config.model.max_length,
                           trust_remote_code=config.model.get("trust_remote_code", False))
    metric, probe = instantiate(config.metric), instantiate(config.probe)
    probe.restore(metric, load_file(path / PROBE))
    source = {"name": folder, "objective": OmegaConf.select(config, "objective._target_").rsplit(".", 1)[-1]}
    reads = get_class(config.objective._target_).reads
    return RunScorer(encoder, metric, probe, reads, list(config.labels), folder, source, device_of(accelerator), PRECISIONS[precision])
