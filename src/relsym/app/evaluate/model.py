"""The model that ``relsym evaluate`` is given: what kind it is, and how it is loaded."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from inspect import signature
from pathlib import Path

from hydra.utils import get_class, get_object, instantiate
from omegaconf import DictConfig, OmegaConf
from transformers import AutoConfig

from relsym.app.earlier_run import open_run
from relsym.app.model_kind import is_encoder
from relsym.app.stored_components import check_trust
from relsym.app.values.known import CONF
from relsym.data.module import PairData
from relsym.encoders.encoder import Encoder
from relsym.encoders.load import local_or_hub
from relsym.metrics.base import NONE
from relsym.models.base import Model
from relsym.models.device import device_of, dtype_of
from relsym.models.encoder import EncoderModel
from relsym.models.run import RunModel
from relsym.runs.layout import RESULTS

log = logging.getLogger(__name__)
# What files can tell, each the name of an option whose settings it takes.
MODEL_KINDS = ("encoder", "nli", "causal_lm", "masked_lm", "run")
# How the names of architectures end. A masked language model is taken for what its kind is used as here: an
# encoder.
ARCHITECTURES = {
    "ForSequenceClassification": "nli",
    "ForCausalLM": "causal_lm",
    "LMHeadModel": "causal_lm",
    "ForMaskedLM": "encoder",
    "ForPreTraining": "encoder",
    "Model": "encoder",
}


def check_model(cfg: DictConfig) -> None:
    """Refuse what cannot be evaluated, before anything is loaded."""
    check_trust(cfg.trust)
    device_of(cfg.hardware.accelerator)
    dtype_of(cfg.precision)
    if cfg.hardware.devices != 1:
        raise ValueError(
            f"hardware.devices={cfg.hardware.devices}: one process measures. Use hardware=cpu or "
            "hardware=gpu."
        )
    if is_encoder(cfg.model) and get_class(cfg.metric._target_).reads == NONE:
        raise ValueError(
            "metric=none measures no distance, and an encoder is read by distance. Choose another metric."
        )


def build_model(cfg: DictConfig, data: PairData) -> Model:
    """The configured model; an encoder is read by the untrained read-outs."""
    # Which packages are trusted is no setting of the model: it changes nothing that is measured.
    trusting = {"trust": list(cfg.trust)} if opens_runs(cfg.model) else {}
    model = instantiate(cfg.model, _convert_="all", **trusting)
    if isinstance(model, RunModel):
        open_run(model.name, cfg.trust, "model.folder").check_sides(data.sides)
    if isinstance(model, Encoder):
        return EncoderModel(
            model,
            instantiate(cfg.metric),
            cfg.probe.k,
            cfg.seed,
            device_of(cfg.hardware.accelerator),
            dtype_of(cfg.precision),
        )
    return model


def opens_runs(model: DictConfig) -> bool:
    """Whether a model option may open a finished run: then it is told which packages are trusted."""
    return "trust" in signature(get_object(model._target_)).parameters


def load_any(
    name: str,
    kind: str | None,
    revision: str | None,
    trust_remote_code: bool,
    precision: str,
    accelerator: str,
    trust: Sequence[str] = (),
) -> Model | Encoder:
    """A model whose kind is found from its files, or said; its other settings are those of the kind's own
    option.

    Args:
        trust: of a run, packages whose components its stored configuration may name.

    Raises:
        ValueError: an unknown kind, or files that do not tell.
    """
    found = kind or kind_of(name, revision, trust_remote_code)
    if found not in MODEL_KINDS:
        raise ValueError(f"model.kind={found}: expected {', '.join(MODEL_KINDS)}.")
    if kind is None:
        log.info("%s is scored as %s (model.kind=NAME says otherwise)", name, found)
    option = OmegaConf.load(CONF / "model" / f"{found}.yaml")
    told = {
        "name": name,
        "folder": name,
        "revision": revision,
        "trust_remote_code": trust_remote_code,
        "precision": precision,
        "accelerator": accelerator,
    }
    taken = set(option)  # what an option requires of the user (???) is not "in" it
    settings = OmegaConf.merge(option, {key: value for key, value in told.items() if key in taken})
    trusting = {"trust": list(trust)} if opens_runs(option) else {}
    return instantiate(settings, _convert_="all", **trusting)


def kind_of(name: str, revision: str | None, trust_remote_code: bool) -> str:
    """The kind of a hub id or folder, from what is in it.

    Raises:
        ValueError: there is no model, or one that is of no kind that can be scored.
    """
    folder = Path(name).expanduser()
    if (folder / RESULTS).exists():
        return "run"
    try:
        config = AutoConfig.from_pretrained(
            local_or_hub(name), revision=revision, trust_remote_code=trust_remote_code
        )
    except Exception as error:  # the hub raises types of its own
        what = (
            f"the folder holds {', '.join(sorted(path.name for path in folder.iterdir())[:5]) or 'nothing'}"
            if folder.is_dir()
            else "no folder of that name, and as a hub id it cannot be had"
        )
        raise ValueError(
            f"model.name={name}: no model there: {what} ({str(error).strip().splitlines()[0]}) Pass a folder "
            "with "
            "config.json, tokenizer and safetensors weights, a run of relsym train, or a hub id (and a "
            "network)."
        ) from error
    for architecture in config.architectures or []:
        for ending, kind in ARCHITECTURES.items():
            if architecture.endswith(ending):
                return kind
    raise ValueError(
        f"model.name={name}: its config.json names the architectures {config.architectures}, which tell no "
        "kind. Say "
        f"which with model.kind={'|'.join(MODEL_KINDS)}."
    )
