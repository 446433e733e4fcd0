"""Checkpoints of many families: what is read of each, and that it is what transformers itself computes."""

from __future__ import annotations

import inspect
import json
import shutil
import sys
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers
from hydra.errors import InstantiationException
from safetensors.torch import load_file, save_file
from tokenizers.processors import TemplateProcessing
from transformers import (
    BertConfig,
    BertLMHeadModel,
    BertModel,
    BertTokenizerFast,
    EncoderDecoderModel,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from checkpoints_of import (
    BERT,
    EACH_WAY,
    FAMILIES,
    GPT2,
    PLACES,
    ROBERTA,
    VOCABULARY,
    WITH_DECODER,
    XLM,
    encoder_of,
    model_of,
    saved,
    tokenizer,
)
from relsym.app.evaluate.model import kind_of, load_any
from relsym.app.values.suggest import unread
from relsym.encoders.encoder import Encoder
from relsym.encoders.load import load_encoder, loading_reason
from relsym.encoders.tokens import fit_tokenizer
from relsym.encoders.weights import weights_hash
from relsym.models.causal_lm import CausalLm
from relsym.models.language_models import window_of
from relsym.models.masked_lm import MaskedLm
from relsym.models.nli import CrossEncoder

TEXTS = ["abc", "the mother of x", "a b c d e f g h i"]
SECONDS = ["d", "e f g", "h"]
LONG = "abc " * 2 * PLACES
NLI_LABELS = {0: "contradiction", 1: "neutral", 2: "entailment"}


@torch.no_grad()
def means_of(
    model: PreTrainedModel, encoder: Encoder, *texts: list[str], side: str = "right"
) -> torch.Tensor:
    """The means over tokens that transformers itself gives, of texts padded on either side.

    A decoder without positions of its own counts padding on the left, so there it is told them.
    """
    tokens = tokenizer()
    tokens.padding_side = side
    inputs = tokens(*texts, padding=True, truncation=True, max_length=encoder.max_length, return_tensors="pt")
    network = encoder_of(model)
    names = inspect.signature(network.forward).parameters
    types = getattr(model.config, "type_vocab_size", 2)
    if "token_type_ids" not in names or types == 1:
        inputs.pop("token_type_ids")
    mask = inputs["attention_mask"]
    if side == "left" and "position_ids" in names:
        reserved = 0
        if type(model).__name__ in FAMILIES:
            places = FAMILIES[type(model).__name__][1]
            reserved = 0 if places is None else PLACES - places
        inputs["position_ids"] = (mask.cumsum(1) - 1).clamp(min=0) + reserved
    hidden = network(**inputs).last_hidden_state
    weight = mask.unsqueeze(-1)
    return (hidden * weight).sum(1) / weight.sum(1)


def assert_equal(ours: torch.Tensor, theirs: torch.Tensor) -> None:
    torch.testing.assert_close(ours.clone(), theirs, atol=1e-5, rtol=1e-5)


def load(folder: str | Path) -> Encoder:
    return load_encoder(str(folder), None)


def marked(family: str) -> object:
    return pytest.param(family, marks=[] if family in EACH_WAY else [pytest.mark.slow])


@pytest.mark.parametrize("family", [marked(family) for family in FAMILIES])
def test_every_family_has_the_vectors_of_transformers_and_keeps_them_when_it_is_saved(family, tmp_path):
    model = model_of(family)
    encoder = load(saved(model, tmp_path / "model"))
    assert_equal(encoder.encode(TEXTS), means_of(model, encoder, TEXTS))
    assert_equal(encoder.encode(TEXTS, SECONDS), means_of(model, encoder, TEXTS, SECONDS))
    # As many tokens as it reads, and no more.
    places = FAMILIES[family][1]
    assert encoder.max_length == (places or 256)
    assert_equal(encoder.encode([LONG]), means_of(model, encoder, [LONG]))
    if places is not None:
        with pytest.raises(ValueError, match=f"reads at most {places} tokens"):
            load_encoder(str(tmp_path / "model"), None, max_length=places + 1)
    encoder.save(tmp_path / "saved")
    again = load(tmp_path / "saved")
    assert again.fingerprint() == encoder.fingerprint()
    assert torch.equal(again.encode(TEXTS, SECONDS), encoder.encode(TEXTS, SECONDS))
    # Saved twice, as where a run goes on from another one.
    again.save(tmp_path / "again")
    assert load(tmp_path / "again").fingerprint() == encoder.fingerprint()
    if family in WITH_DECODER:
        (tmp_path / "saved" / "modules.json").unlink()
        kinds = {kind_of(str(tmp_path / name), None, False) for name in ("model", "saved")}
        assert kinds == {"encoder"}


@pytest.mark.parametrize("family", ["BertModel", "RobertaModel", "T5Model", "MBartModel", "XLNetModel"])
def test_the_side_that_a_tokenizer_pads_on_changes_no_vector(family, tmp_path):
    model = model_of(family)
    folder = saved(model, tmp_path / "model")
    path = tmp_path / "model" / "tokenizer_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "padding_side": "left"}))
    encoder = load(folder)
    assert encoder.tokenizer.padding_side == "left"
    one_by_one = [means_of(model, encoder, [text]) for text in TEXTS]
    assert_equal(encoder.encode(TEXTS), torch.cat(one_by_one))
    if family in ("BertModel", "T5Model"):
        assert_equal(encoder.encode(TEXTS), means_of(model, encoder, TEXTS, side="left"))


@pytest.mark.parametrize("family", ["T5Model", "BartModel"])
def test_no_weight_of_a_decoder_is_trained_or_kept(family, tmp_path):
    encoder = load(saved(model_of(family), tmp_path / "model"))
    assert not [name for name, _ in encoder.model.named_parameters() if "decoder" in name]
    inputs = encoder.collate(encoder.tokenize(TEXTS))
    encoder(inputs).sum().backward()
    without = [name for name, weight in encoder.named_parameters() if weight.grad is None]
    assert not without  # DDP would wait for them


def test_a_whole_t5_and_its_encoder_alone_are_one_model(tmp_path):
    whole = model_of("T5Model")
    folder = saved(whole, tmp_path / "whole")
    state = load_file(Path(folder) / "model.safetensors")
    kept = {name: weight for name, weight in state.items() if not name.startswith("decoder.")}
    shutil.copytree(folder, tmp_path / "alone")
    save_file(kept, tmp_path / "alone" / "model.safetensors", metadata={"format": "pt"})
    # The embedding goes by either of two names.
    shutil.copytree(tmp_path / "alone", tmp_path / "renamed")
    kept["encoder.embed_tokens.weight"] = kept.pop("shared.weight")
    save_file(kept, tmp_path / "renamed" / "model.safetensors", metadata={"format": "pt"})
    fingerprints = {load(tmp_path / name).fingerprint() for name in ("whole", "alone", "renamed")}
    assert len(fingerprints) == 1
    kept.pop("encoder.final_layer_norm.weight")
    save_file(kept, tmp_path / "renamed" / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ValueError, match=r"lack 1 of the weights that T5EncoderModel needs \(encoder\.final"):
        load(tmp_path / "renamed")


def test_of_a_pair_of_models_the_one_that_encodes_is_read(tmp_path):
    torch.manual_seed(0)
    decoder = BertLMHeadModel(BertConfig(**BERT, is_decoder=True, add_cross_attention=True))
    pair = EncoderDecoderModel(encoder=BertModel(BertConfig(**BERT)), decoder=decoder).eval()
    encoder = load(saved(pair, tmp_path / "pair"))
    assert_equal(encoder.encode(TEXTS), means_of(pair.encoder, encoder, TEXTS))
    assert kind_of(str(tmp_path / "pair"), None, False) == "encoder"


def sentence_folder(folder: Path, encoder: Encoder, path: str, module: str, settings: str) -> Path:
    """A folder as early releases of sentence-transformers wrote it, the weights in a folder of their own."""
    inner = folder / path
    encoder.model.save_pretrained(inner)
    encoder.tokenizer.save_pretrained(inner)
    (inner / settings).write_text(json.dumps({"max_seq_length": 12, "do_lower_case": False}))
    pooling = folder / "1_Pooling"
    pooling.mkdir()
    modes = {"pooling_mode_cls_token": False, "pooling_mode_mean_tokens": True}
    (pooling / "config.json").write_text(json.dumps({"word_embedding_dimension": 32, **modes}))
    modules = []
    for number, (name, place) in enumerate(((module, path), ("Pooling", "1_Pooling"))):
        kind = f"sentence_transformers.models.{name}"
        modules.append({"idx": number, "name": str(number), "path": place, "type": kind})
    (folder / "modules.json").write_text(json.dumps(modules))
    return folder


@pytest.mark.parametrize(
    ("family", "module", "settings"),
    [
        ("BertModel", "Transformer", "sentence_bert_config.json"),
        ("BertModel", "BERT", "sentence_bert_config.json"),
        ("RobertaModel", "RoBERTa", "sentence_roberta_config.json"),
        ("XLMRobertaModel", "XLMRoBERTa", "sentence_xlm-roberta_config.json"),
        ("DistilBertModel", "DistilBERT", "sentence_distilbert_config.json"),
        ("AlbertModel", "ALBERT", "sentence_albert_config.json"),
        ("CamembertModel", "CamemBERT", "sentence_camembert_config.json"),
        ("XLNetModel", "XLNet", "sentence_xlnet_config.json"),
        ("T5EncoderModel", "T5", "sentence_T5_config.json"),
    ],
)
def test_folders_of_the_first_releases_of_sentence_transformers_are_read(family, module, settings, tmp_path):
    model = model_of(family)
    plain = load(saved(model, tmp_path / "plain"))
    folder = sentence_folder(tmp_path / "old", plain, f"0_{module}", module, settings)
    encoder = load(folder)
    assert encoder.max_length == 12
    assert_equal(encoder.encode(TEXTS), means_of(model, encoder, TEXTS))
    assert kind_of(str(folder), None, False) == "encoder"


def test_a_task_that_an_old_t5_puts_before_every_text_is_refused(tmp_path):
    plain = load(saved(model_of("T5EncoderModel"), tmp_path / "plain"))
    folder = sentence_folder(tmp_path / "old", plain, "0_T5", "T5", "sentence_T5_config.json")
    settings = {"max_seq_length": 12, "task_identifier": "stsb sentence1: "}
    (folder / "0_T5" / "sentence_T5_config.json").write_text(json.dumps(settings))
    with pytest.raises(ValueError, match=r"sentence_T5_config\.json: 'task_identifier' .* is not supported"):
        load(folder)
    # An empty one stands before every text, and changes nothing.
    (folder / "0_T5" / "sentence_T5_config.json").write_text(json.dumps({**settings, "task_identifier": ""}))
    encoder = load(folder)
    assert encoder.max_length == 12
    assert torch.equal(encoder.encode(TEXTS), plain.encode(TEXTS))


@pytest.mark.parametrize("family", ["T5EncoderModel", "MT5EncoderModel", "UMT5EncoderModel", "MarianModel"])
def test_saved_encoders_of_models_with_a_decoder_are_those_of_sentence_transformers(family, tmp_path, caplog):
    from sentence_transformers import SentenceTransformer

    encoder = load(saved(model_of(family), tmp_path / "model"))
    encoder.normalize = True
    encoder.save(tmp_path / "saved")
    assert "decoder of random weights" not in caplog.text
    theirs = SentenceTransformer(str(tmp_path / "saved"), device="cpu").encode(TEXTS)
    assert_equal(load(tmp_path / "saved").encode(TEXTS), torch.from_numpy(theirs))


def test_a_model_with_a_decoder_in_a_sentence_folder_is_read_as_that_folder_says(tmp_path, caplog):
    from sentence_transformers import SentenceTransformer

    # sentence-transformers reads a whole BART by its decoder.
    plain = load(saved(model_of("BartModel"), tmp_path / "plain"))
    plain.save(tmp_path / "bart")
    assert "BartEncoder alone" in caplog.text
    assert "decoder of random weights" in caplog.text
    model_of("BartModel").save_pretrained(tmp_path / "bart")
    theirs = SentenceTransformer(str(tmp_path / "bart"), device="cpu").encode(TEXTS)
    encoder = load(tmp_path / "bart")
    assert_equal(encoder.encode(TEXTS), torch.from_numpy(theirs))
    assert not torch.allclose(encoder.encode(TEXTS), plain.encode(TEXTS), atol=1e-3)


READS_PADDING = {
    "FNet": {**BERT, "type_vocab_size": 4},
    "Funnel": {
        **{"vocab_size": VOCABULARY, "block_sizes": [1, 1], "d_model": 32, "n_head": 2, "d_head": 16},
        "d_inner": 64,
    },
    "ConvBert": {**BERT, "embedding_size": 16, "head_ratio": 1, "num_groups": 1},
    "Yoso": BERT,
}


def random_states() -> list[bytes]:
    return [torch.get_rng_state().numpy().tobytes(), np.random.get_state()[1].tobytes()]


@pytest.mark.parametrize("family", READS_PADDING)
def test_an_encoder_that_reads_padding_says_so_and_keeps_its_vectors_and_random_states(
    family, tmp_path, caplog, monkeypatch
):
    kind = getattr(transformers, f"{family}Model")
    torch.manual_seed(0)
    folder = saved(kind(kind.config_class(**READS_PADDING[family])).eval(), tmp_path / "model")
    before = random_states()
    encoder = load(folder)
    assert random_states() == before
    assert f"{folder}: a {encoder.model.config.model_type} reads padding as well" in caplog.text
    monkeypatch.setattr("relsym.encoders.load.warn_if_padding_is_read", lambda *arguments: None)
    unchecked = load(folder)
    vectors = []
    for model in (encoder, unchecked):
        torch.manual_seed(1)
        vectors.append(model.encode(TEXTS))
    assert torch.equal(*vectors)
    assert encoder.fingerprint() == unchecked.fingerprint()


@pytest.mark.parametrize("family", EACH_WAY)
def test_an_encoder_that_masks_padding_says_nothing_of_it(family, tmp_path, caplog):
    load(saved(model_of(family), tmp_path / "model"))
    assert "padding as well" not in caplog.text


@pytest.mark.parametrize("kind", ["Model", "ForMaskedLM"])
def test_sparse_attention_that_depends_on_the_batch_is_told_and_left_on(kind, tmp_path, caplog):
    settings = {**BERT, "attention_type": "block_sparse", "block_size": 4, "num_random_blocks": 1}
    family = getattr(transformers, f"BigBird{kind}")
    folder = saved(family(family.config_class(**settings)).eval(), tmp_path / "model")
    network = load(folder).model if kind == "Model" else MaskedLm(folder, None).network
    assert 'Set "attention_type": "original_full" in its config.json' in caplog.text
    assert network.base_model.attention_type == "block_sparse"


@pytest.mark.parametrize("kind", ["encoder", "nli", "masked_lm", "causal_lm", "auto"])
@pytest.mark.parametrize("name", ["/nowhere/model", "./nowhere", "~/nowhere/model", "no/such/folder"])
def test_a_path_that_is_not_there_is_told_as_such_by_every_loader(kind, name):
    def look(name: str) -> str:
        return kind_of(name, None, False)

    loader = look if kind == "auto" else LOADERS[kind][1]
    with pytest.raises(ValueError, match=rf"^model\.name={name}: no such folder\. Pass a folder"):
        loader(name)


def test_the_reason_of_a_failed_loading_is_one_whole_line():
    assert loading_reason(ValueError("not in one of: \n- a\n\n- b")) == "not in one of: - a - b"
    assert loading_reason(ValueError("first.\nsecond")) == "first."
    assert loading_reason(KeyError()) == "KeyError"


# ---------- tokenizers that do not fit


def test_a_model_of_one_token_type_reads_pairs_of_a_tokenizer_that_gives_two_and_says_so(tmp_path, caplog):
    model = model_of("RobertaModel")
    encoder = load(saved(model, tmp_path / "model"))
    assert "All tokens get that one" in caplog.text
    assert_equal(encoder.encode(TEXTS, SECONDS), means_of(model, encoder, TEXTS, SECONDS))
    assert not torch.allclose(encoder.encode(TEXTS, SECONDS), encoder.encode(SECONDS, TEXTS), atol=1e-3)
    # A model of two types keeps them.
    caplog.clear()
    bert = load(saved(model_of("BertModel"), tmp_path / "bert"))
    assert "All tokens get that one" not in caplog.text
    assert set(bert.tokenize(TEXTS, SECONDS)[0]) == {"input_ids", "token_type_ids", "attention_mask"}


def test_more_types_of_tokens_than_a_model_of_several_has_are_refused():
    tokens = tokenizer()
    # As XLNet's tokenizer, which has a third type for [CLS].
    tokens.backend_tokenizer.post_processor = TemplateProcessing(
        single="$A:0 [SEP]:0 [CLS]:2",
        pair="$A:0 [SEP]:0 $B:1 [SEP]:1 [CLS]:2",
        special_tokens=[("[SEP]", tokens.sep_token_id), ("[CLS]", tokens.cls_token_id)],
    )
    with pytest.raises(ValueError, match=r"org/name: .* up to 2, and the model knows 2 .* save the model"):
        fit_tokenizer("org/name", tokens, model_of("BertModel"))


def larger(tokens: PreTrainedTokenizerBase) -> BertTokenizerFast:
    """The tokenizer with one word more in its vocabulary."""
    return BertTokenizerFast(vocab={**tokens.get_vocab(), "zzz": len(tokens)})


def classifier(folder: Path, family: str = "RobertaForSequenceClassification", places: int = PLACES) -> str:
    kind = getattr(transformers, family)
    torch.manual_seed(0)
    settings = {**ROBERTA, "max_position_embeddings": places, "id2label": NLI_LABELS}
    return saved(kind(kind.config_class(**settings)), folder)


def cross_encoder(folder: str, max_length: int | None = None) -> CrossEncoder:
    return CrossEncoder(folder, None, None, False, max_length, None, False, "fp32", "cpu")


def masked_lm(folder: Path, **settings: int) -> str:
    from transformers import RobertaConfig, RobertaForMaskedLM

    torch.manual_seed(0)
    return saved(RobertaForMaskedLM(RobertaConfig(**{**ROBERTA, **settings})).eval(), folder)


def causal_lm(folder: Path) -> str:
    return saved(model_of("GPT2LMHeadModel"), folder)


LOADERS = {
    "encoder": (lambda folder: saved(model_of("BertModel"), folder), load),
    "t5": (lambda folder: saved(model_of("T5Model"), folder), load),
    "nli": (classifier, cross_encoder),
    "masked_lm": (masked_lm, lambda folder: MaskedLm(folder, None)),
    "causal_lm": (causal_lm, lambda folder: CausalLm(folder, None)),
}


@pytest.mark.parametrize("kind", LOADERS)
def test_a_tokenizer_with_more_tokens_than_the_model_is_refused_by_every_loader(kind, tmp_path):
    write, loader = LOADERS[kind]
    folder = write(tmp_path / "model")
    loader(folder)
    size = len(tokenizer())
    larger(tokenizer()).save_pretrained(folder)
    with pytest.raises(ValueError, match=rf"up to {size} \('zzz'\), and the model has vectors for {size}"):
        loader(folder)


@pytest.mark.parametrize("kind", ["encoder", "nli", "masked_lm", "causal_lm"])
def test_a_token_that_was_added_without_the_model_is_refused_where_a_text_holds_it(kind, tmp_path):
    write, loader = LOADERS[kind]
    folder = write(tmp_path / "model")
    tokens = tokenizer()
    tokens.add_tokens(["zzz"])
    tokens.save_pretrained(folder)
    model = loader(folder)
    message = r"a text holds the token 'zzz', number \d+ of the tokenizer, and the model has vectors for"

    def read(text: str) -> None:
        if kind == "encoder":
            model.tokenize([text])
        elif kind == "nli":
            model.probabilities([text], ["b"])
        else:
            question = model.text_of(model.prompts[0], text, "b")
            model.likelihoods_of([question], ["yes", "no"], lambda count: None)

    read("abc")
    with pytest.raises(ValueError, match=message):
        read("abc zzz")


# ---------- the other kinds of models


@pytest.mark.parametrize(
    "family", ["RobertaForSequenceClassification", "XLMRobertaForSequenceClassification"]
)
def test_a_cross_encoder_of_one_token_type_has_transformers_probabilities_up_to_its_last_place(
    family, tmp_path
):
    folder = classifier(tmp_path / "model", family)
    model = cross_encoder(folder)
    assert model.max_length == PLACES - 2
    inputs = tokenizer()(TEXTS, SECONDS, padding=True, return_tensors="pt", return_token_type_ids=False)
    with torch.no_grad():
        theirs = model.network(**inputs).logits.softmax(-1)
    assert_equal(model.probabilities(TEXTS, SECONDS), theirs)
    assert torch.isfinite(model.probabilities([LONG], [LONG])).all()
    with pytest.raises(ValueError, match=f"reads at most {PLACES - 2} tokens"):
        cross_encoder(folder, PLACES)


@pytest.mark.parametrize(
    ("family", "like"),
    [
        ("BertForSequenceClassification", "BertModel"),
        ("XLNetForSequenceClassification", "XLNetModel"),
        ("MPNetForSequenceClassification", "MPNetModel"),
        ("T5ForSequenceClassification", "T5Model"),
        ("BartForSequenceClassification", "BartModel"),
    ],
)
def test_the_other_pairs_of_a_batch_change_no_probability(family, like, tmp_path):
    kind = getattr(transformers, family)
    torch.manual_seed(0)
    settings = {**FAMILIES[like][0], "eos_token_id": tokenizer().sep_token_id, "id2label": NLI_LABELS}
    network = kind(kind.config_class(**settings)).eval()
    model = cross_encoder(saved(network, tmp_path / "model"))
    names = inspect.signature(network.forward).parameters
    for pair, ours in zip(zip(TEXTS, SECONDS, strict=True), model.probabilities(TEXTS, SECONDS), strict=True):
        inputs = tokenizer()(*pair, return_tensors="pt")
        if "token_type_ids" not in names:
            inputs.pop("token_type_ids")
        with torch.no_grad():
            assert_equal(ours, network(**inputs).logits.softmax(-1)[0])


def causal_classifier(folder: Path, family: str, padding: int | None) -> PreTrainedModel:
    """A classifier that answers from the last token; its configuration names ``padding``, its tokenizer 0."""
    kind = getattr(transformers, family)
    settings = GPT2 if family.startswith("GPT2") else {**BERT, "num_key_value_heads": 2}
    torch.manual_seed(0)
    network = kind(kind.config_class(**{**settings, "pad_token_id": padding, "id2label": NLI_LABELS})).eval()
    saved(network, folder)
    return network


@pytest.mark.parametrize("padding", [None, 0, 20])
@pytest.mark.parametrize(
    "family",
    ["GPT2ForSequenceClassification", "LlamaForSequenceClassification", "Qwen2ForSequenceClassification"],
)
def test_a_classifier_that_reads_the_last_token_finds_it_whatever_padding_its_configuration_names(
    family, padding, tmp_path
):
    network = causal_classifier(tmp_path / "model", family, padding)
    model = cross_encoder(str(tmp_path / "model"))
    together = model.probabilities(TEXTS, SECONDS)
    names = inspect.signature(network.forward).parameters
    for pair, ours in zip(zip(TEXTS, SECONDS, strict=True), together, strict=True):
        assert_equal(ours, model.probabilities(*([text] for text in pair))[0])
        # The loaded tokenizer: transformers reads the same file in another way for Qwen.
        inputs = model.tokenizer(*pair, return_tensors="pt")
        if "token_type_ids" not in names:
            inputs.pop("token_type_ids", None)
        with torch.no_grad():  # the last token of a text that stands alone is the last one
            assert_equal(ours, network(**inputs).logits.softmax(-1)[0])


def test_the_padding_of_a_classifier_that_does_not_look_for_it_is_left_alone(tmp_path):
    model = cross_encoder(classifier(tmp_path / "model"))
    assert model.network.config.pad_token_id == ROBERTA["pad_token_id"] != model.tokenizer.pad_token_id


@pytest.mark.parametrize(("family", "like"), [("T5", "T5Model"), ("Bart", "BartModel")])
def test_a_classifier_that_answers_from_the_end_token_needs_a_tokenizer_that_writes_it(
    family, like, tmp_path
):
    kind = getattr(transformers, f"{family}ForSequenceClassification")
    network = kind(kind.config_class(**{**FAMILIES[like][0], "eos_token_id": 20, "id2label": NLI_LABELS}))
    folder = saved(network, tmp_path / "model")
    with pytest.raises(
        ValueError, match=rf"{family}\w+ answers from the end token \(eos_token_id=20 .* none"
    ):
        cross_encoder(folder)


@pytest.mark.parametrize("lacking", ["input_ids", "attention_mask"])
@pytest.mark.parametrize("kind", ["encoder", "nli"])
def test_a_tokenizer_without_token_numbers_or_mask_is_refused_by_its_file(kind, lacking, tmp_path):
    write, loader = LOADERS[kind]
    folder = write(tmp_path / "model")
    path = Path(folder) / "tokenizer_config.json"
    names = [name for name in ("input_ids", "attention_mask") if name != lacking]
    path.write_text(json.dumps({**json.loads(path.read_text()), "model_input_names": names}))
    with pytest.raises(ValueError, match=rf"does not give {lacking} \(model_input_names in tokenizer_config"):
        loader(folder)


def test_a_cross_encoder_without_a_length_takes_256_or_what_the_model_reads(tmp_path):
    assert cross_encoder(classifier(tmp_path / "model", places=514)).max_length == 256
    assert cross_encoder(classifier(tmp_path / "short", places=40)).max_length == 38


def test_a_masked_model_that_reserves_positions_is_asked_up_to_its_last_one(tmp_path):
    model = MaskedLm(masked_lm(tmp_path / "model", max_position_embeddings=300), None, prompts=["yes_no"])
    assert model.window == 298
    question = model.text_of(model.prompts[0], "", "b")
    overhead = len(model.tokenizer(question.answered(["y"])[0])["input_ids"])
    fitting = model.text_of(model.prompts[0], "a " * (298 - overhead), "b")
    too_long = model.text_of(model.prompts[0], "a " * (299 - overhead), "b")
    values = model.likelihoods_of([fitting, too_long], ["y"], lambda count: None)
    assert values[0][0] < 0
    assert values[1] == [None]


def test_a_causal_model_that_reserves_positions_has_fewer_to_read(tmp_path):
    from transformers import RobertaConfig, RobertaForCausalLM

    model = RobertaForCausalLM(RobertaConfig(**ROBERTA, is_decoder=True))
    assert CausalLm(saved(model, tmp_path / "model"), None).window == PLACES - 2


LOOKS_AHEAD = {
    "XLMWithLMHeadModel": {**XLM, "pad_token_id": 0},
    "FlaubertWithLMHeadModel": {**XLM, "pad_token_id": 0},
    "XLNetLMHeadModel": FAMILIES["XLNetModel"][0],
}


@pytest.mark.parametrize("family", LOOKS_AHEAD)
def test_a_model_that_looks_ahead_is_an_encoder_and_refused_as_a_causal_one(family, tmp_path):
    kind = getattr(transformers, family)
    torch.manual_seed(0)
    folder = saved(kind(kind.config_class(**LOOKS_AHEAD[family])).eval(), tmp_path / "model")
    assert kind_of(folder, None, False) == "encoder"
    assert load_any(folder, None, None, False, "fp32", "cpu").encode(TEXTS).isfinite().all()
    # Of Flaubert transformers knows no causal one.
    message = (
        "cannot load" if "Flaubert" in family else "reads to both sides is no causal .* Use model=encoder"
    )
    with pytest.raises(ValueError, match=message):
        CausalLm(folder, None)


def test_a_t5_by_its_former_name_is_an_encoder(tmp_path):
    folder = saved(model_of("T5Model"), tmp_path / "model")
    plain = load(folder).encode(TEXTS)
    path = tmp_path / "model" / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "architectures": ["T5WithLMHeadModel"]}))
    assert torch.equal(load_any(folder, None, None, False, "fp32", "cpu").encode(TEXTS), plain)


def test_a_number_of_positions_below_one_is_no_window():
    model = model_of("GPT2LMHeadModel")
    assert window_of(model, tokenizer()) == PLACES
    model.config.n_positions = -1
    tokens = tokenizer()
    tokens.model_max_length = 77
    assert window_of(model, tokens) == 77


# ---------- commands

SMALL = ("tracking=csv", "data.samples=8", "data.test_pairs=28")


@pytest.fixture
def figures(relsym, tmp_path):
    """Runs a command and gives its results."""

    def call(task: str, out: str, *words: str) -> dict:
        ended = relsym(task, *SMALL, f"hydra.run.dir={tmp_path / out}", *words)
        assert ended.code == 0, ended.err
        return json.loads((tmp_path / out / "results.json").read_text())

    return call


@pytest.mark.slow  # three commands each, of some seconds
@pytest.mark.parametrize(
    ("family", "objective"), [("T5Model", "knn"), ("RobertaModel", "knn_learnt"), ("BartModel", "knn")]
)
def test_a_retrained_encoder_is_scored_and_gone_on_from_as_its_run_left_it(
    family, objective, figures, tmp_path
):
    folder = saved(model_of(family), tmp_path / "model")
    step = (f"objective={objective}", "training.max_steps=1")
    trained = figures("train", "run", "model=encoder", f"model.name={folder}", *step)
    words = ("reading=strict", "validation_pairs=8", "swapped_pairs=0")
    again = figures(
        "evaluate", "ev", "model=run", f"model.folder={tmp_path / 'run'}", "reading=strict", *words
    )
    for form in ("lexicalised", "delexicalised"):
        key = f"test/accuracy/{form}"
        assert again["metrics"][key] == trained["metrics"][key]
    gone_on = figures("train", "next", f"init={tmp_path / 'run'}", *step)
    assert gone_on["init"]["cell_hash"] == trained["cell_hash"]


@pytest.mark.parametrize("kind", ["encoder", "nli"])
def test_auto_lowers_the_length_of_a_short_model_itself_and_says_so(kind, tmp_path, caplog):
    folder = saved(model_of("RobertaModel"), tmp_path / "model")
    if kind == "nli":
        folder = classifier(tmp_path / "nli")
    found = kind_of(folder, None, False)
    assert found == kind
    # A head of random weights is refused for its answers, which it gives once its length is known.
    ended = pytest.raises(InstantiationException, match="at chance") if kind == "nli" else nullcontext()
    with caplog.at_level("INFO"), ended:
        load_any(folder, None, None, False, "fp32", "cpu")
    assert f"{folder} reads at most {PLACES - 2} tokens: model.max_length={PLACES - 2}" in caplog.text


@pytest.mark.parametrize(
    ("key", "kinds"), [("max_length", "encoder or model=nli"), ("shots", "causal_lm or model=masked_lm")]
)
def test_a_setting_of_a_kind_is_refused_for_auto_with_what_to_do(key, kinds, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["relsym", "model=auto", "model.name=x", f"+model.{key}=64"])
    message = unread(f"model.{key}", f"model.{key}=64")
    assert message.startswith(f"model.{key}=64: model=auto has no such key.")
    assert message.endswith(f"name the kind in place of auto: model={kinds}.")


@pytest.mark.parametrize("family", ["BertModel", "RobertaModel", "T5EncoderModel"])
def test_the_fingerprint_is_that_of_weights_and_vocabulary_alone(family, tmp_path):
    model = model_of(family)
    assert load(saved(model, tmp_path / "model")).fingerprint() == weights_hash(model, tokenizer())
