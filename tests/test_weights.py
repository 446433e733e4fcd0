"""Weights of every loader: whole and finite, or refused by their names."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import AutoModel, BertForSequenceClassification

from language_models_of import bert, gpt2, llama, tokenizer, written
from models_of import tiny_classifier
from relsym.encoders.load import load_encoder, tiny_encoder
from relsym.encoders.weights import load_weights
from relsym.models.causal_lm import CausalLm
from relsym.models.masked_lm import MaskedLm
from relsym.models.nli import CrossEncoder

UNCHECKED = {
    "revision": None,
    "label_order": None,
    "check_labels": False,
    "max_length": 256,
    "tokens_per_batch": None,
    "trust_remote_code": False,
    "precision": "fp32",
    "accelerator": "cpu",
}
Weights = dict[str, Tensor]


def rewrite(folder: str | Path, change: Callable[[Weights], Weights]) -> None:
    """Put other weights in the place of a folder's."""
    path = Path(folder) / "model.safetensors"
    weights = {name: tensor.clone() for name, tensor in load_file(path).items()}
    save_file(change(weights), path, metadata={"format": "pt"})


def prefixed(prefix: str) -> Callable[[Weights], Weights]:
    return lambda weights: {f"{prefix}{name}": tensor for name, tensor in weights.items()}


def configure(folder: str | Path, **changes: object) -> None:
    path = Path(folder) / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def encoder_folder(folder: Path) -> Path:
    folder.mkdir()
    tiny_encoder().save(folder)
    return folder


def masked_lm(folder: Path) -> str:
    return written(folder, bert, tokenizer(surrounds=True, mask_token="<mask>", pad_token="<pad>"))


LANGUAGE_MODELS = {
    "untied": (CausalLm, lambda folder: written(folder, llama)),
    "tied": (CausalLm, lambda folder: written(folder, gpt2)),
    "masked": (MaskedLm, masked_lm),
}


@pytest.mark.parametrize("name", LANGUAGE_MODELS)
@pytest.mark.parametrize("prefix", ["_orig_mod.", "module._orig_mod."])
def test_a_language_model_that_a_wrapper_saved_is_read_without_its_prefix_and_tied_weights_are_there(
    tmp_path, name, prefix, caplog
):
    kind, write = LANGUAGE_MODELS[name]
    folder = write(tmp_path / "model")
    fingerprint = kind(folder).fingerprint()
    rewrite(folder, prefixed(prefix))
    with caplog.at_level("INFO"):
        assert kind(folder).fingerprint() == fingerprint
    assert f"its weights are called {prefix}..." in caplog.text


@pytest.mark.parametrize("name", LANGUAGE_MODELS)
def test_a_language_model_without_a_layer_or_with_nan_is_refused_by_the_weights_names(tmp_path, name):
    kind, write = LANGUAGE_MODELS[name]
    folder = write(tmp_path / "model")
    whole = load_file(Path(folder) / "model.safetensors")
    of_layer = sorted(weight for weight in whole if ".1." in weight and weight.endswith("weight"))
    rewrite(folder, lambda weights: {**weights, of_layer[0]: weights[of_layer[0]] * torch.nan})
    with pytest.raises(ValueError, match=rf"1 of its weights hold NaN or infinite numbers \({of_layer[0]}\)"):
        kind(folder)
    rewrite(folder, lambda weights: {key: weights[key] for key in weights if key not in of_layer})
    with pytest.raises(
        ValueError, match=rf"cannot load .* lack {len(of_layer)} of the weights .*{of_layer[0]}"
    ):
        kind(folder)


def test_an_untied_head_that_is_missing_is_refused_and_a_tied_one_is_not(tmp_path):
    folder = written(tmp_path / "model", gpt2)
    assert CausalLm(folder).network.config.tie_word_embeddings
    configure(folder, tie_word_embeddings=False)
    with pytest.raises(
        ValueError, match=r"lack 1 of the weights that GPT2LMHeadModel needs \(lm_head\.weight\)"
    ):
        CausalLm(folder)


def test_a_model_with_a_head_that_a_wrapper_saved_is_read_as_an_encoder(tmp_path):
    folder = Path(tiny_classifier(tmp_path / "classifier"))
    fingerprint = load_encoder(str(folder), None).fingerprint()
    rewrite(folder, prefixed("module."))
    assert load_encoder(str(folder), None).fingerprint() == fingerprint


def test_a_layer_that_a_wrapped_model_lacks_is_named_without_the_prefix(tmp_path):
    folder = encoder_folder(tmp_path / "encoder")
    rewrite(folder, prefixed("module."))
    rewrite(folder, lambda weights: {key: weights[key] for key in weights if ".layer.1." not in key})
    with pytest.raises(ValueError, match=r"lack 16 of the weights .*\(encoder\.layer\.1\."):
        load_encoder(str(folder), None, max_length=64)


def test_a_head_for_another_number_of_labels_than_the_configuration_has_is_refused(tmp_path):
    folder = tiny_classifier(tmp_path / "classifier")
    configure(folder, id2label={0: "entailment", 1: "contradiction"}, label2id={})
    with pytest.raises(
        ValueError, match=r"classifier\.bias \[3\] in place of \[2\], classifier\.weight \[3, 32\]"
    ):
        CrossEncoder(folder, **UNCHECKED)


def test_weights_of_another_shape_are_refused_by_their_names(tmp_path):
    folder = encoder_folder(tmp_path / "encoder")
    configure(folder, intermediate_size=16)
    with pytest.raises(
        ValueError, match=r"6 weights .* another shape .*dense\.bias \[64\] in place of \[16\]"
    ):
        load_encoder(str(folder), None, max_length=64)


@pytest.mark.parametrize("broken", [float("nan"), float("inf"), float("-inf")])
def test_weights_that_are_not_finite_are_refused_by_their_names(tmp_path, broken):
    folder = encoder_folder(tmp_path / "encoder")

    def spoil(weights: Weights) -> Weights:
        weights["embeddings.word_embeddings.weight"][7, 3] = broken
        return weights

    rewrite(folder, spoil)
    with pytest.raises(ValueError, match=r"NaN or infinite numbers \(embeddings\.word_embeddings\.weight\)"):
        load_encoder(str(folder), None, max_length=64)


def sharded(folder: Path) -> dict[str, str]:
    """Save a tiny encoder in shards; the file of each weight."""
    encoder = tiny_encoder()
    encoder.model.save_pretrained(folder, max_shard_size="10KB")
    encoder.tokenizer.save_pretrained(folder)
    return json.loads((folder / "model.safetensors.index.json").read_text())["weight_map"]


def test_shards_that_are_missing_or_lack_what_is_listed_are_refused_and_unlisted_weights_are_read(tmp_path):
    folder = tmp_path / "encoder"
    file_of = sharded(folder)
    fingerprint = tiny_encoder().fingerprint()
    assert load_encoder(str(folder), None, max_length=64).fingerprint() == fingerprint

    weight = "encoder.layer.1.output.dense.weight"
    index = folder / "model.safetensors.index.json"
    listed = json.loads(index.read_text())
    unlisted = {name: file for name, file in file_of.items() if name != weight}
    assert file_of[weight] in unlisted.values()
    index.write_text(json.dumps({**listed, "weight_map": unlisted}))
    assert load_encoder(str(folder), None, max_length=64).fingerprint() == fingerprint

    index.write_text(json.dumps(listed))
    shard = folder / file_of[weight]
    kept = {name: tensor.clone() for name, tensor in load_file(shard).items() if name != weight}
    save_file(kept, shard, metadata={"format": "pt"})
    with pytest.raises(ValueError, match=rf"lack 1 of the weights that BertModel needs \({weight}\)"):
        load_encoder(str(folder), None, max_length=64)
    shard.unlink()
    with pytest.raises(ValueError, match=rf"cannot load the encoder: .*{shard.name}"):
        load_encoder(str(folder), None, max_length=64)


def test_layers_that_the_configuration_does_not_count_are_said_aloud(tmp_path, caplog):
    folder = Path(tiny_classifier(tmp_path / "classifier"))
    load_encoder(str(folder), None)
    assert "further layers" not in caplog.text  # the head is none
    configure(folder, num_hidden_layers=1)
    load_encoder(str(folder), None)
    assert "hold 16 weights of further layers, which its config.json does not count" in caplog.text


def test_what_is_unused_by_design_is_zero_and_what_has_another_shape_is_not_unused(tmp_path):
    folder = encoder_folder(tmp_path / "encoder")
    rewrite(folder, lambda weights: {key: weights[key] for key in weights if "pooler" not in key})
    model = load_weights(AutoModel, str(folder), unused=("pooler",))
    assert not model.pooler.dense.weight.any()
    with pytest.raises(ValueError, match=r"lack 2 of the weights .*pooler\.dense\.bias"):
        load_weights(AutoModel, str(folder))


@pytest.mark.parametrize("kind", [CrossEncoder, CausalLm])
def test_a_folder_with_an_adapter_is_refused(tmp_path, kind):
    if kind is CrossEncoder:
        folder, settings = tiny_classifier(tmp_path / "model"), UNCHECKED
    else:
        folder, settings = written(tmp_path / "model", llama), {}
    (Path(folder) / "adapter_config.json").write_text("{}")
    with pytest.raises(ValueError, match="the folder holds an adapter"):
        kind(folder, **settings)


def test_precision_is_that_of_the_language_model_and_fp16_files_are_read_in_fp32(tmp_path):
    folder = written(tmp_path / "model", llama)
    assert CausalLm(folder, precision="bf16").network.dtype == torch.bfloat16
    path = tmp_path / "half"
    encoder = tiny_encoder(max_length=256)
    BertForSequenceClassification(encoder.model.config).half().save_pretrained(path)
    assert load_weights(AutoModel, str(path)).dtype == torch.float32


def test_two_models_in_one_file_are_refused_by_a_weight_that_is_there_twice(tmp_path):
    folder = written(tmp_path / "two", llama, tokenizer())

    def both(weights: Weights) -> Weights:
        lacking = sorted(weights)[2:]
        other = {f"module.{name}": tensor + 1 for name, tensor in weights.items()}
        return {name: weights[name] for name in lacking} | other

    rewrite(folder, both)
    with pytest.raises(ValueError, match=r"hold one weight twice, as .* and as module\."):
        CausalLm(folder)


@pytest.mark.parametrize("part", ["weight_scale", "lora_A", "lora_A.default.weight"])
def test_what_belongs_to_a_layer_and_is_not_read_is_refused(tmp_path, part):
    folder = encoder_folder(tmp_path / "packed")
    query = "encoder.layer.0.attention.self.query"
    rewrite(folder, lambda weights: weights | {f"{query}.{part}": torch.ones(2, 2)})
    with pytest.raises(ValueError, match=rf"say more about 1 of its layers.*{query}\.{part}"):
        load_encoder(str(folder), None)
    # A part of another layer, such as a head that an encoder does not have, is none of it.
    head = encoder_folder(tmp_path / "head")
    rewrite(head, lambda weights: weights | {"cls.predictions.bias": torch.ones(2)})
    assert load_encoder(str(head), None).dim == 32
