"""The model that ``relsym evaluate`` is given: what kind it is, and how it is loaded."""

from __future__ import annotations

import logging
from pathlib import Path

from hydra.utils import get_class, instantiate
from omegaconf import DictConfig, OmegaConf
from safetensors.torch import load_file
from transformers import AutoConfig

import relsym.conf
from relsym.app.train.compose import check_same_sides, init_config, is_encoder
from relsym.data.module import PairData
from relsym.encoders.encoder import PRECISIONS, Encoder
from relsym.encoders.load import load_encoder, local_or_hub
from relsym.metrics.base import NONE
from relsym.models.base import Model
from relsym.models.device import device_of, dtype_of
from relsym.models.encoder import EncoderModel
from relsym.models.run import RunModel
from relsym.runs.folder import ENCODER, PROBE, RESULTS

log = logging.getLogger(__name__)
CONF = Path(relsym.conf.__file__).parent
# Kind -> the option whose settings it takes.
OPTIONS = {"encoder": "encoder", "nli": "nli", "causal_lm": "causal_lm", "masked_lm": "masked_lm",
           "run": "run"}
# How the names of architectures end. A masked language model is taken for what its kind is used as here: an encoder.
ARCHITECTURES = {"ForSequenceClassification": "nli", "ForCausalLM": "causal_lm", "LMHeadModel": "causal_lm",
                 "ForMaskedLM": "encoder", "ForPreTraining": "encoder", "Model": "encoder"}


def check_model(cfg: DictConfig) -> None:
    """Refuse what cannot be evaluated, before anything is loaded."""
    device_of(cfg.hardware.accelerator)
    dtype_of(cfg.precision)
    if cfg.hardware.devices != 1:
        raise ValueError(f"hardware.devices={cfg.hardware.devices}: one process measures. Use hardware=cpu or hardware=gpu.")
    if is_encoder(cfg.model) and get_class(cfg.metric._target_).reads == NONE:
        raise ValueError("metric=none measures no distance, and an encoder is read by distance. Choose another metric.")


def build_model(cfg: DictConfig, data: PairData) -> Model:
    """The configured model; an encoder is read by the untrained read-outs."""
    model = instantiate(cfg.model, _convert_="all")
    if isinstance(model, RunModel):
        check_same_sides(model.name, data.sides, "model.folder")
    if isinstance(model, Encoder):
        return EncoderModel(model, instantiate(cfg.metric), cfg.probe.k, cfg.seed,
                            device_of(cfg.hardware.accelerator), dtype_of(cfg.precision))
    return model


def load_run(folder: str | None, precision: str, accelerator: str) -> RunModel:
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
    return RunModel(encoder, metric, probe, reads, list(config.labels), folder, source,
                    device_of(accelerator), PRECISIONS[precision])


def load_any(name: str, kind: str | None, revision: str | None, trust_remote_code: bool, precision: str,
             accelerator: str) -> Model | Encoder:
    """A model whose kind is found from its files, or said; its other settings are those of the kind's own option.

    Raises:
        ValueError: an unknown kind, or files that do not tell.
    """
    found = kind or kind_of(name, revision, trust_remote_code)
    if found not in OPTIONS:
        raise ValueError(f"model.kind={found}: expected {', '.join(OPTIONS)}.")
    if kind is None:
        log.info("%s is scored as %s (model.kind=NAME says otherwise)", name, found)
    option = OmegaConf.load(CONF / "model" / f"{OPTIONS[found]}.yaml")
    told = {"name": name, "folder": name, "revision": revision, "trust_remote_code": trust_remote_code, "precision": precision,
            "accelerator": accelerator}
    return instantiate(OmegaConf.merge(option, {key: value for key, value in told.items() if key in option}), _convert_="all")


def kind_of(name: str, revision: str | None, trust_remote_code: bool) -> str:
    """The kind of a hub id or folder, from what is in it.

    Raises:
        ValueError: there is no model, or one that is of no kind that can be scored.
    """
    folder = Path(name).expanduser()
    if (folder / RESULTS).exists():
        return "run"
    try:
        config = AutoConfig.from_pretrained(local_or_hub(name), revision=revision, trust_remote_code=trust_remote_code)
    except Exception as error:  # the hub raises types of its own
        what = f"the folder holds {', '.join(sorted(path.name for path in folder.iterdir())[:5]) or 'nothing'}" if folder.is_dir() else \
            "no folder of that name, and as a hub id it cannot be had"
        raise ValueError(f"model.name={name}: no model there: {what} ({str(error).strip().splitlines()[0]}) Pass a folder with "
                         "config.json, tokenizer and safetensors weights, a run of relsym train, or a hub id (and a network).") from error
    for architecture in config.architectures or []:
        for ending, kind in ARCHITECTURES.items():
            if architecture.endswith(ending):
                return kind
    raise ValueError(f"model.name={name}: its config.json names the architectures {config.architectures}, which tell no kind. Say "
                     f"which with model.kind={'|'.join(OPTIONS)}.")
