"""Folders that sentence-transformers wrote: read as it reads them, and saved so that it reads them again."""

from __future__ import annotations

import json
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from relsym.app.evaluate.model import kind_of
from relsym.app.read_as import read_as
from relsym.data.pairs import Row
from relsym.encoders.encoder import Encoder
from relsym.encoders.load import load_encoder, tiny_encoder
from relsym.encoders.pooling.registry import POOLINGS, PUBLISHED_POOLINGS, pooling_named
from relsym.evaluation.represent import represent
from relsym.runs.identity import identity

TEXTS = ["Paris is located in France.", "PARIS", "a", "the mother of " * 6]


def theirs(folder: Path | str) -> torch.Tensor:
    """The vectors of sentence-transformers itself."""
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(folder), device="cpu")
    return model.encode(TEXTS, convert_to_tensor=True, show_progress_bar=False).cpu()


def assert_equal_vectors(ours: torch.Tensor, others: torch.Tensor) -> None:
    torch.testing.assert_close(ours.clone(), others.clone(), atol=1e-5, rtol=1e-5)


def transformer_folder(folder: Path, cased: bool = False) -> Path:
    """A transformer and its tokenizer without any word on how they are to be read."""
    encoder = tiny_encoder()
    encoder.model.save_pretrained(folder)
    encoder.tokenizer.save_pretrained(folder)
    if cased:
        path = folder / "tokenizer.json"
        content = json.loads(path.read_text())
        content["normalizer"] = None
        path.write_text(json.dumps(content))
    return folder


def written(
    folder: Path,
    pooling: str = "mean",
    dense: int = 0,
    normalize: bool = False,
    cased: bool = False,
    **transformer: Any,
) -> Path:
    """A folder that sentence-transformers wrote."""
    from sentence_transformers import SentenceTransformer

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from sentence_transformers.models import Dense, Normalize, Pooling, Transformer

        plain = transformer_folder(folder.parent / f"{folder.name}-plain", cased)
        modules: list[Any] = [Transformer(str(plain), **transformer), Pooling(32, pooling_mode=pooling)]
        torch.manual_seed(0)
        if dense:
            modules.append(Dense(32, dense, activation_function=torch.nn.Tanh()))
            modules.append(Dense(dense, dense, bias=False, activation_function=torch.nn.Identity()))
        if normalize:
            modules.append(Normalize())
        SentenceTransformer(modules=modules, device="cpu").save(str(folder))
    return folder


def edited(folder: Path, file: str, change: Callable[[Any], Any]) -> str:
    """The folder with one JSON file changed."""
    path = folder / file
    path.write_text(json.dumps(change(json.loads(path.read_text()))))
    return str(folder)


@pytest.fixture(scope="module")
def full_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with dense layers and Normalize."""
    return written(tmp_path_factory.mktemp("full") / "model", "cls", dense=12, normalize=True)


@pytest.fixture
def full(full_folder: Path, tmp_path: Path) -> Path:
    """A copy to change."""
    return Path(shutil.copytree(full_folder, tmp_path / "copy"))


KINDS: dict[str, dict[str, Any]] = {
    **{mode: {"pooling": mode} for mode in PUBLISHED_POOLINGS},
    "dense": {"dense": 8},
    "normalise": {"normalize": True},
    "lower-casing": {"do_lower_case": True, "cased": True},
    "short": {"max_seq_length": 6},
    "everything": {"pooling": "weightedmean", "dense": 8, "normalize": True, "max_seq_length": 9},
}


@pytest.mark.parametrize("kind", KINDS)
def test_vectors_are_those_of_sentence_transformers_before_and_after_saving(kind, tmp_path):
    folder = written(tmp_path / "theirs", **KINDS[kind])
    expected = theirs(folder)
    encoder = load_encoder(str(folder), None)
    assert encoder.pooling.published == KINDS[kind].get("pooling", "mean")
    assert encoder.max_length == KINDS[kind].get("max_seq_length", 64)
    assert encoder.dim == expected.shape[1]
    assert_equal_vectors(encoder.encode(TEXTS), expected)

    (saved := tmp_path / "ours").mkdir()
    encoder.save(saved)
    assert_equal_vectors(theirs(saved), expected)
    again = load_encoder(str(saved), None)
    assert_equal_vectors(again.encode(TEXTS), expected)
    assert (again.pooling.name, again.max_length) == (encoder.pooling.name, encoder.max_length)


def test_files_of_older_releases_are_read_alike(tmp_path):
    """Boolean keys, settings named for the architecture, weights in their own folder, no Normalize file."""
    folder = transformer_folder(tmp_path / "0_Transformer").parent
    entries = [("0_Transformer", "Transformer"), ("1_Pooling", "Pooling"), ("2_Normalize", "Normalize")]
    modules = [
        {"idx": number, "name": str(number), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for number, (path, kind) in enumerate(entries)
    ]
    (folder / "modules.json").write_text(json.dumps(modules))
    settings = json.dumps({"max_seq_length": 7, "do_lower_case": False})
    (folder / "0_Transformer" / "sentence_roberta_config.json").write_text(settings)
    (folder / "1_Pooling").mkdir()
    pooling = {
        "word_embedding_dimension": 32,
        "pooling_mode_cls_token": False,
        "pooling_mode_max_tokens": True,
    }
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(pooling))
    encoder = load_encoder(str(folder), None)
    assert (encoder.pooling.name, encoder.max_length) == ("max", 7)
    assert_equal_vectors(encoder.encode(TEXTS), theirs(folder))
    assert kind_of(str(folder), None, False) == "encoder"


@pytest.mark.parametrize("name", POOLINGS)
def test_a_pooling_does_not_see_padding_on_either_side(name):
    pooling = pooling_named(name)
    tokens = torch.randn(3, 4, generator=torch.Generator().manual_seed(0))
    alone = pooling(tokens.unsqueeze(0), torch.ones(1, 3, dtype=torch.long))
    padding = torch.full((2, 4), 100.0)
    rows = torch.stack([torch.cat([tokens, padding]), torch.cat([padding, tokens])])
    mask = torch.tensor([[1, 1, 1, 0, 0], [0, 0, 1, 1, 1]])
    torch.testing.assert_close(pooling(rows, mask), alone.expand(2, -1))


def test_poolings_by_hand():
    hidden = torch.tensor([[[1.0, 8.0], [4.0, 2.0]]])
    mask = torch.ones(1, 2, dtype=torch.long)
    expected = {
        "mean": [2.5, 5.0],
        "cls": [1.0, 8.0],
        "max": [4.0, 8.0],
        "weighted_mean": [3.0, 4.0],
        "last_token": [4.0, 2.0],
        "mean_sqrt_length": [5 / 2**0.5, 10 / 2**0.5],
        "moment": [2.5, 5.0, 2.25, -4.5],
    }
    assert {name: pooling_named(name)(hidden, mask)[0].tolist() for name in POOLINGS} == {
        name: pytest.approx(vector) for name, vector in expected.items()
    }


def test_an_override_that_differs_from_the_folders_word_is_said(full, caplog):
    load_encoder(str(full), None, "cls", 64)
    assert not caplog.records
    encoder = load_encoder(str(full), None, "mean", 32)
    assert (encoder.pooling.name, encoder.max_length) == ("mean", 32)
    assert "model.pooling=mean" in caplog.text
    assert "itself says cls" in caplog.text
    assert "model.max_length=32" in caplog.text
    assert "itself says 64 tokens" in caplog.text


def test_a_plain_folder_is_read_by_the_mean_and_what_the_model_reads(tmp_path, caplog):
    folder = transformer_folder(tmp_path / "plain")
    with caplog.at_level("INFO"):
        encoder = load_encoder(str(folder), None)
    assert (encoder.pooling.name, encoder.max_length) == ("mean", 64)
    assert "reads at most 64 tokens" in caplog.text


def test_normalise_is_for_encode_and_not_beneath_heads(full):
    encoder = load_encoder(str(full), None)
    torch.testing.assert_close(encoder.encode(TEXTS).norm(dim=-1), torch.ones(len(TEXTS)))
    raw = encoder.raw_vectors(TEXTS)
    assert not torch.allclose(raw.norm(dim=-1), torch.ones(len(TEXTS)), atol=1e-2)
    row = Row._make("" for _ in Row._fields)._replace(premise=TEXTS[0], hypothesis=TEXTS[1])
    torch.testing.assert_close(represent(encoder, [row], "sentences")[0], raw[:2])


def test_dense_layers_are_trained_and_told_apart_by_the_fingerprint(full):
    encoder = load_encoder(str(full), None)
    before = encoder.fingerprint()
    encoder(encoder.collate(encoder.tokenize(TEXTS))).sum().backward()
    assert all(weight.grad is not None for weight in encoder.dense.parameters())
    with torch.no_grad():
        encoder.dense[0].linear.weight.add_(1)
    assert encoder.fingerprint() != before


def test_dense_layers_work_in_bf16(full):
    encoder = load_encoder(str(full), None)
    expected = encoder.encode(TEXTS)
    vectors = encoder.to(torch.bfloat16).encode(TEXTS)
    assert vectors.dtype == torch.float32
    torch.testing.assert_close(vectors, expected, atol=0.1, rtol=0)


def without(key: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda content: {name: value for name, value in content.items() if name != key}


def with_type(number: int, name: str) -> Callable[[list], list]:
    def change(modules: list) -> list:
        modules[number]["type"] = name
        return modules

    return change


REFUSED = [
    ("modules.json", with_type(2, "sentence_transformers.models.CNN"), "models.CNN.*not supported"),
    ("modules.json", with_type(2, "sentence_transformers.models.Router"), "Router.*not supported"),
    ("modules.json", with_type(1, "os.Pooling"), "'os.Pooling'.*not supported"),
    (
        "modules.json",
        with_type(1, "sentence_transformers.models.WeightedLayerPooling"),
        "WeightedLayerPooling",
    ),
    ("modules.json", lambda modules: modules[:1], "the order Transformer is not supported"),
    ("modules.json", lambda modules: [modules[0], modules[1], modules[4], modules[2]], "Normalize, Dense"),
    ("modules.json", lambda modules: {"0": modules[0]}, "modules.json: expected a list, got dict"),
    ("modules.json", lambda modules: [3], "modules.json: each module needs a type and a path"),
    ("1_Pooling/config.json", lambda c: c | {"pooling_mode": ["cls", "mean"]}, r"cls \+ mean"),
    ("1_Pooling/config.json", lambda c: c | {"pooling_mode": "attention"}, "attention.*not supported"),
    ("1_Pooling/config.json", lambda c: c | {"pooling_mode": [["cls"]]}, "not supported"),
    ("1_Pooling/config.json", lambda c: c | {"pooling_mode_new": True}, "pooling_mode_new"),
    (
        "2_Dense/config.json",
        lambda c: c | {"activation_function": "os.system"},
        "'os.system'.*known are Tanh",
    ),
    (
        "2_Dense/config.json",
        lambda c: c | {"activation_function": "torch.nn.utils.GELU"},
        "'torch.nn.utils.GELU'.*known are Tanh",
    ),
    ("2_Dense/config.json", lambda c: c | {"use_residual": True}, "use_residual"),
    ("2_Dense/config.json", without("in_features"), "in_features: expected a whole number"),
    ("2_Dense/config.json", lambda c: c | {"in_features": 31}, "in_features is 31.*32 channels"),
    ("2_Dense/config.json", lambda c: c | {"module_input_name": "token_embeddings"}, "token_embeddings"),
    ("sentence_bert_config.json", lambda c: c | {"max_seq_length": "long"}, "max_seq_length: expected"),
    ("sentence_bert_config.json", lambda c: c | {"max_seq_length": 2}, "reads 2 tokens.*2 of them are"),
    ("sentence_bert_config.json", lambda c: c | {"do_lower_case": "yes"}, "do_lower_case: expected"),
    (
        "sentence_bert_config.json",
        lambda c: c | {"processing_kwargs": {"text": {"a": 1}}},
        "processing_kwargs",
    ),
    (
        "config_sentence_transformers.json",
        lambda c: c | {"default_prompt_name": "q", "prompts": {"q": "query: "}},
        "default_prompt_name 'q'.*'query: '",
    ),
    ("config_sentence_transformers.json", lambda c: c | {"model_type": "SparseEncoder"}, "SparseEncoder"),
]


@pytest.mark.parametrize(("file", "change", "message"), REFUSED)
def test_what_is_not_supported_is_refused_by_name(full, file, change, message):
    folder = edited(full, file, change)
    with pytest.raises(ValueError, match=message) as refused:
        load_encoder(folder, None)
    assert folder in str(refused.value)


def test_damaged_files_are_named(full):
    (full / "1_Pooling" / "config.json").write_text("{")
    with pytest.raises(ValueError, match=r"1_Pooling/config\.json: not the JSON it should be"):
        load_encoder(str(full), None)
    (full / "1_Pooling" / "config.json").unlink()
    with pytest.raises(ValueError, match=r"1_Pooling/config\.json: missing"):
        load_encoder(str(full), None)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda weight: weight * float("nan"), "1 of its weights hold NaN"),
        (lambda weight: weight.to(torch.int8), r"linear\.weight is packed"),
    ],
)
def test_dense_layers_with_packed_or_no_numbers_are_refused(full, change, message):
    path = full / "2_Dense" / "model.safetensors"
    weights = load_file(path)
    save_file({name: change(t) if name == "linear.weight" else t for name, t in weights.items()}, path)
    with pytest.raises(ValueError, match=rf"2_Dense/model\.safetensors: .*{message}"):
        load_encoder(str(full), None)


def test_pickles_of_dense_layers_are_refused(full):
    weights = full / "2_Dense" / "model.safetensors"
    weights.write_bytes(b"\x00" * 100)
    with pytest.raises(ValueError, match=r"2_Dense/model\.safetensors: does not fit"):
        load_encoder(str(full), None)
    weights.rename(weights.with_name("pytorch_model.bin"))
    with pytest.raises(ValueError, match="Only safetensors are read"):
        load_encoder(str(full), None)


def test_a_folder_that_lost_its_modules_is_refused(full):
    (full / "modules.json").unlink()
    with pytest.raises(ValueError, match=r"holds 1_Pooling but no modules\.json"):
        load_encoder(str(full), None)


def job_of(encoder: Encoder, pooling: str | None, max_length: int | None) -> str:
    """The job hash of a run that names its pooling and length, or leaves them null."""
    model = {"pooling": pooling, "max_length": max_length, "dropout": None}
    config = read_as({"model": model, "data": {"module": {}}}, encoder)
    return identity(config, encoder.fingerprint(), "c", None, None).job


def test_null_is_the_same_job_as_the_value_that_it_stands_for(full):
    as_said = load_encoder(str(full), None)
    named = load_encoder(str(full), None, "cls", 64)
    other = load_encoder(str(full), None, "mean", 64)
    assert job_of(as_said, None, None) == job_of(named, "cls", 64)
    assert job_of(as_said, None, None) != job_of(other, "mean", 64)


def test_both_spellings_of_a_pooling_are_one_job(full):
    first = load_encoder(str(full), None, "weightedmean", 64)
    second = load_encoder(str(full), None, "weighted_mean", 64)
    assert job_of(first, "weightedmean", 64) == job_of(second, "weighted_mean", 64)
