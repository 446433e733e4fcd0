"""The model that ``relsym evaluate`` is given: what kind it is, and how it is loaded."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from inspect import signature
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from hydra.utils import get_class, get_object, instantiate
from omegaconf import DictConfig, OmegaConf
from transformers import AutoConfig

from relsym.app.data_kind import can_train
from relsym.app.earlier_run import open_run
from relsym.app.model_kind import is_encoder
from relsym.app.stored_components import check_trust
from relsym.app.values.known import CONF, MODEL_KINDS
from relsym.data.module import PairData
from relsym.encoders.encoder import Encoder
from relsym.encoders.load import loading_reason, local_or_hub
from relsym.encoders.model_files import ModelFiles
from relsym.encoders.sentence_transformers import is_sentence_folder
from relsym.metrics.base import NONE
from relsym.models.base import Model
from relsym.models.device import device_of, dtype_of
from relsym.models.encoder import EncoderModel
from relsym.models.run import RunModel
from relsym.runs.layout import RESULTS

log = logging.getLogger(__name__)
# How the names of architectures end, and the kind of each; the first that fits is taken, so "Model" stands
# behind what ends in it. A masked language model is taken for what it is mostly used as here: an encoder.
ARCHITECTURES = {
    "ForSequenceClassification": "nli",
    "ForCausalLM": "causal_lm",
    # Not all that are called so look back alone: XLM, Flaubert, XLNet, and T5 by its former name.
    "WithLMHeadModel": "encoder",
    "XLNetLMHeadModel": "encoder",
    "LMHeadModel": "causal_lm",
    "ForMaskedLM": "encoder",
    "ForPreTraining": "encoder",
    "Model": "encoder",
    "Encoder": "encoder",
}
# Of models with a decoder, whose encoder is scored; others that are called so see images.
CONDITIONAL = "ForConditionalGeneration"


def check_model(cfg: DictConfig) -> None:
    """Refuse what cannot be evaluated, before anything is loaded.

    Raises:
        ValueError: packages, hardware or precision that do not work; an encoder with a metric that measures
            nothing.
    """
    check_trust(cfg.trust)
    device_of(cfg.hardware.accelerator)
    dtype_of(cfg.precision)
    if cfg.hardware.devices != 1:
        raise ValueError(
            f"hardware.devices={cfg.hardware.devices}: one process measures. Use hardware=cpu or "
            "hardware=gpu."
        )
    if is_encoder(cfg.model):
        metric = get_class(cfg.metric._target_)
        if metric.reads == NONE:
            raise ValueError(
                "metric=none measures no distance, and an encoder is read by distance. Choose another metric."
            )


def check_learners(cfg: DictConfig) -> None:
    """Refuse models and shortcuts that answer from labelled rows where the data have none.

    Raises:
        ValueError: with models that need none.
    """
    if can_train(cfg.data):
        return
    if is_encoder(cfg.model) or getattr(get_object(cfg.model._target_), "learns", False):
        raise ValueError(_without_labelled_rows())
    if cfg.shortcuts:
        names = ",".join(cfg.shortcuts)
        raise ValueError(
            f"shortcut={names}: shortcuts answer from labelled rows, and these data have none. Leave it out."
        )


def _without_labelled_rows() -> str:
    """What to do where a model answers from labelled rows and there are none."""
    choices = HydraConfig.get().runtime.choices
    return (
        f"model={choices['model']} answers from labelled rows, and data={choices['data']} has none. Pass a "
        "model that needs none: model=run model.folder=RUN (a retrained encoder), model=nli "
        "model.name=HUB_ID_OR_FOLDER, a language model with model.shots=0."
    )


def build_model(cfg: DictConfig, data: PairData) -> Model:
    """The configured model; an encoder comes with the read-outs of an untrained one.

    Raises:
        ValueError: a run whose training rows may be among those that are scored here; a model that needs
            labelled rows where there are none.
    """
    model = _made_model(cfg, data)
    if model.learns and not data.trains:
        raise ValueError(_without_labelled_rows())
    return model


def _made_model(cfg: DictConfig, data: PairData) -> Model:
    """See ``build_model``."""
    # Which packages are trusted is no setting of the model: it changes nothing that is measured.
    trusting = {"trust": list(cfg.trust)} if opens_runs(cfg.model) else {}
    model = instantiate(cfg.model, _convert_="all", **trusting)
    if isinstance(model, RunModel):
        run = open_run(model.name, cfg.trust, "model.folder")
        run.check_sides(data.sides)
    if not isinstance(model, Encoder):
        return model
    metric = instantiate(cfg.metric)
    device = device_of(cfg.hardware.accelerator)
    dtype = dtype_of(cfg.precision)
    return EncoderModel(model, metric, cfg.probe.k, cfg.seed, device, dtype)


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
    """A model whose kind is told by its files, or by ``kind``.

    Settings that are no argument here are those of the kind's own option (``conf/model/KIND.yaml``), but for
    the length of texts, which is the model's own or what it can read.

    Args:
        name: hub id, folder of a model, or folder of a run.
        kind: one of ``MODEL_KINDS``; None looks at the files.
        trust: of a run, packages whose components its stored configuration may name.

    Raises:
        ValueError: an unknown kind, or files that do not tell.
    """
    model_kind = kind or kind_of(name, revision, trust_remote_code)
    if model_kind not in MODEL_KINDS:
        raise ValueError(f"model.kind={model_kind}: expected {', '.join(MODEL_KINDS)}.")
    if kind is None:
        log.info("%s is scored as %s (model.kind=NAME says otherwise)", name, model_kind)
    option = OmegaConf.load(CONF / "model" / f"{model_kind}.yaml")
    arguments = {
        "name": name,
        "folder": name,
        "revision": revision,
        "trust_remote_code": trust_remote_code,
        "precision": precision,
        "accelerator": accelerator,
        # Whatever the option says: a model that reads fewer tokens has the last word (``length_of``).
        "max_length": None,
    }
    # A set of the keys: what an option requires of the user (???) is not "in" the option itself.
    keys_of_option = set(option)
    arguments = {key: value for key, value in arguments.items() if key in keys_of_option}
    settings = OmegaConf.merge(option, arguments)
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
    source = local_or_hub(name)
    if is_sentence_folder(ModelFiles(source, revision)):
        return "encoder"
    try:
        config = AutoConfig.from_pretrained(source, revision=revision, trust_remote_code=trust_remote_code)
    except Exception as error:  # the hub raises types of its own
        reason = loading_reason(error)
        raise ValueError(
            f"model.name={name}: no model there: {_what_is_there(folder)} ({reason}) Pass a folder with "
            "config.json, tokenizer and safetensors weights, a run of relsym train, or a hub id (and a "
            "network)."
        ) from error
    for architecture in config.architectures or []:
        for ending, kind in ARCHITECTURES.items():
            if architecture.endswith(ending):
                return kind
        if architecture.endswith(CONDITIONAL) and config.is_encoder_decoder:
            return "encoder"
    kinds = "|".join(MODEL_KINDS)
    raise ValueError(
        f"model.name={name}: its config.json names the architectures {config.architectures}, which tell no "
        f"kind. Say which with model.kind={kinds}."
    )


def _what_is_there(folder: Path) -> str:
    """What a message says of a place without a model: the first files of the folder, or that it is none."""
    if not folder.is_dir():
        return "no folder of that name, and as a hub id it cannot be had"
    names = sorted(path.name for path in folder.iterdir())
    first_names = ", ".join(names[:5]) or "nothing"
    return f"the folder holds {first_names}"
