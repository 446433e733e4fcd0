"""Whether what a model says of a text depends on the padding, and so on the other texts of its batch."""

from __future__ import annotations

import logging

import numpy as np
import torch
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from relsym.encoders.tokens import NEEDED_INPUTS, collate, places_of, tokenize

log = logging.getLogger(__name__)
SHORT, LONG = "a b", "a b c d e f g h i j k l"
LENGTH = 32  # tokens, where a model reads as many
# What padding may change, as a part of the largest value: fp32, and what is less precise.
PADDING_CHANGE, ROUGH_PADDING_CHANGE = 1e-3, 0.05
# BigBird's sparse attention: not tried, for a short text would switch it off for good.
SPARSE = "block_sparse"


def warn_if_padding_is_read(
    name: str, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, on_left: bool = False
) -> None:
    """Say of a model that reads padding that its figures depend on which texts share a batch.

    FNet and Funnel mix all places of an input, ConvBERT its neighbours, whatever the attention mask says. One
    short text is read alone and beside a longer one. Weights, settings and random states stay as they are.

    Args:
        name: of the model, for the message.
        model, tokenizer: as they are used afterwards; the model has an output for texts.
        on_left: pad before the texts.
    """
    family = model.config.model_type
    if getattr(model.config, "attention_type", None) == SPARSE:
        log.warning(
            "%s: the sparse attention of a %s draws its places by the length of a batch, so figures "
            'depend on which texts share one. Set "attention_type": "original_full" in its config.json',
            name,
            family,
        )
        return
    change = _change_by_padding(model, tokenizer, on_left)
    limit = PADDING_CHANGE if model.dtype == torch.float32 else ROUGH_PADDING_CHANGE
    if change > limit:
        log.warning(
            "%s: a %s reads padding as well: a short text beside a longer one changes by %.1g of its largest "
            "value, so figures depend on which texts share a batch. Choose a model that masks padding, or "
            "compare figures of this one only where the same texts were read in batches of the same size",
            name,
            family,
            change,
        )


@torch.no_grad()  # not inference_mode: what a model keeps for later texts could not be trained with
def _change_by_padding(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, on_left: bool) -> float:
    """The largest change of a short text's output by padding, as a part of its largest value."""
    length = min(LENGTH, places_of(model) or LENGTH)
    features = []
    for feature in tokenize(tokenizer, [SHORT, LONG], None, length):
        features.append({key: feature[key] for key in NEEDED_INPUTS})
    count = len(features[0]["input_ids"])
    training = model.training
    model.eval()
    numpy_state = np.random.get_state()  # BigBird draws from the global one
    devices = [model.device] if model.device.type == "cuda" else []
    with torch.random.fork_rng(devices):
        alone = _output(model, collate(tokenizer, features[:1], on_left))[0]
        beside = _output(model, collate(tokenizer, features, on_left))[0]
    np.random.set_state(numpy_state)
    model.train(training)
    if alone.ndim == 2:  # a vector for each token, not one for the text
        beside = beside[-count:] if on_left else beside[:count]
    largest = alone.abs().max().clamp(min=torch.finfo(torch.float32).tiny)
    return ((alone - beside).abs().max() / largest).item()


def _output(model: PreTrainedModel, inputs: dict[str, Tensor]) -> Tensor:
    """The first output of a batch, in fp32."""
    on_device = {key: tensor.to(model.device) for key, tensor in inputs.items()}
    return model(**on_device)[0].float()
