"""model.pooling=moment: mean and first positional moment of the token vectors."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file

from earlier_runs_of import CONFIGURATION, changed, write_earlier_run
from relsym.app.earlier_run import load_run, open_run
from relsym.app.evaluate.model import kind_of
from relsym.app.read_as import read_as, reading_of
from relsym.encoders.dense import Dense, DenseShape
from relsym.encoders.encoder import Encoder
from relsym.encoders.load import load_encoder, tiny_encoder
from relsym.encoders.own_tokens import OwnTokens, mark_numbers, special_numbers
from relsym.encoders.pooling.mean import Mean
from relsym.encoders.pooling.moment import Moment
from relsym.encoders.pooling.registry import POOLINGS
from relsym.encoders.tokens import collate
from relsym.metrics.controls import Cosine, Euclidean
from relsym.metrics.hadamard import Hadamard
from relsym.metrics.none import NoMetric
from relsym.metrics.pair import Pair
from relsym.metrics.rotate import Rotate
from relsym.objectives.finetune import FineTuning
from relsym.objectives.knn import KnnRetraining, LearntMetricRetraining
from relsym.objectives.random_label import RandomLabelRetraining
from relsym.runs.identity import identity
from relsym.runs.origin import config_hash
from relsym.runs.results import read_results
from test_app import refused
from test_objectives import build, rows, steps

TEXTS = ["Paris is located in France.", "a", "Is it so?", "the mother of " * 4]
WORDS = torch.randn(20, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
OPTIONS = {"scale": 3, "final_punctuation": "drop"}

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*does not have many workers.*"),
    pytest.mark.filterwarnings("ignore:.*LeafSpec.*"),
]
spans = st.lists(st.integers(0, 19), min_size=0, max_size=4)


def complex_vector(numbers: list[int], scale: float = 1.5) -> torch.Tensor:
    """The vector of tokens that do not know their context: an embedding is looked up for each."""
    hidden = WORDS[torch.tensor(numbers)].unsqueeze(0)
    vector = Moment(scale)(hidden, torch.ones(1, len(numbers), dtype=torch.long))[0]
    return torch.complex(vector[:6], vector[6:])


def by_hand(numbers: list[int], scale: float) -> torch.Tensor:
    """The formula, one token at a time."""
    n = len(numbers)
    total = torch.zeros(6, dtype=torch.complex128)
    for t, number in enumerate(numbers):
        side = 0.0 if n == 1 else -1 + 2 * t / (n - 1)
        total += WORDS[number] * complex(1, scale * side)
    return total / n


@given(st.lists(st.integers(0, 19), min_size=1, max_size=12), st.floats(0.1, 5))
def test_the_vector_is_mean_and_first_moment(numbers, scale):
    torch.testing.assert_close(complex_vector(numbers, scale), by_hand(numbers, scale))


@given(st.lists(st.integers(0, 19), min_size=1, max_size=12))
def test_reversing_the_order_of_the_tokens_conjugates_the_vector(numbers):
    torch.testing.assert_close(complex_vector(numbers[::-1]), complex_vector(numbers).conj())


@given(spans, spans, spans, spans, spans)
def test_exchanging_two_spans_moves_the_imaginary_part_by_the_displaced_tokens(
    before, first, between, second, after
):
    text = [*before, *first, *between, *second, *after]
    if len(text) < 2:
        return
    exchanged = [*before, *second, *between, *first, *after]
    moved = [
        (first, len(between) + len(second)),
        (between, len(second) - len(first)),  # stay where they are if both spans are of one length
        (second, -len(first) - len(between)),
    ]
    displaced = torch.zeros(6, dtype=torch.float64)
    for span, places in moved:
        for number in span:
            displaced += places * WORDS[number]
    change = complex_vector(exchanged) - complex_vector(text)
    step = 2 / (len(text) - 1)  # between the weights of neighbours
    torch.testing.assert_close(change.real, torch.zeros(6, dtype=torch.float64))
    torch.testing.assert_close(change.imag, 1.5 * step * displaced / len(text))


def test_a_text_of_one_token_has_no_imaginary_part():
    vector = complex_vector([7])
    torch.testing.assert_close(vector.real, WORDS[7])
    assert torch.equal(vector.imag, torch.zeros(6, dtype=torch.float64))


def masks(text: str, drop: bool, on_left: bool = False) -> list[str]:
    """The tokens of a padded text that are its own."""
    encoder = tiny_encoder(pooling="moment")
    features = encoder.tokenize([text, "a b c d e f g h"])
    inputs = collate(encoder.tokenizer, features, on_left)
    own = OwnTokens(encoder.tokenizer, drop)(inputs["input_ids"], inputs["attention_mask"])
    return encoder.tokenizer.convert_ids_to_tokens(inputs["input_ids"][0][own[0] == 1].tolist())


@pytest.mark.parametrize("on_left", [False, True])
@pytest.mark.parametrize(
    ("text", "kept", "dropped"),
    [
        ("a is b.", ["a", "is", "b", "."], ["a", "is", "b"]),
        ("a. is b", ["a", ".", "is", "b"], ["a", ".", "is", "b"]),
        ("so?!", ["s", "##o", "?", "!"], ["s", "##o", "?"]),
        (".", ["."], ["."]),
        ("漢", ["[UNK]"], ["[UNK]"]),  # stands for a part of the text
        ("", ["[CLS]", "[SEP]"], ["[CLS]", "[SEP]"]),
    ],
)
def test_special_tokens_and_padding_are_left_out_and_one_last_mark_on_demand(text, kept, dropped, on_left):
    assert masks(text, False, on_left) == kept
    assert masks(text, True, on_left) == dropped


def test_of_a_pair_read_as_one_input_both_texts_count():
    encoder = tiny_encoder(pooling="moment")
    inputs = encoder.collate(encoder.tokenize(["a."], ["b."]))
    own = encoder.own_tokens(inputs["input_ids"], inputs["attention_mask"])
    assert own.tolist() == [[0, 1, 1, 0, 1, 1, 0]]
    assert encoder(inputs).shape == (1, encoder.dim)


def test_the_tokenizer_says_what_is_special_and_what_is_a_mark():
    tokenizer = tiny_encoder().tokenizer
    assert tokenizer.convert_ids_to_tokens(special_numbers(tokenizer)) == ["[CLS]", "[SEP]"]
    # It knows no other mark, and its unknown token is none.
    assert tokenizer.convert_ids_to_tokens(mark_numbers(tokenizer)) == ["!", ".", "?"]


def test_an_encoder_gives_the_vector_of_its_own_tokens_in_any_batch():
    encoder = tiny_encoder(pooling="moment").eval()
    together = encoder.encode(TEXTS)
    assert (encoder.dim, together.shape) == (64, (4, 64))
    for text, vector in zip(TEXTS, together, strict=True):
        inputs = encoder.collate(encoder.tokenize([text]))
        with torch.no_grad():
            hidden = encoder.model(**inputs).last_hidden_state[0, 1:-1]
        weights = torch.linspace(-1, 1, len(hidden)) if len(hidden) > 1 else torch.zeros(1)
        expected = torch.cat((hidden.mean(0), 1.5 * (weights.unsqueeze(1) * hidden).mean(0)))
        torch.testing.assert_close(vector, expected, atol=1e-5, rtol=1e-4)


def test_each_option_has_an_effect():
    vectors = tiny_encoder(pooling="moment").encode(TEXTS)
    scaled = tiny_encoder(pooling="moment", pooling_options={"scale": 3}).encode(TEXTS)
    torch.testing.assert_close(scaled[:, :32], vectors[:, :32])
    torch.testing.assert_close(scaled[:, 32:], 2 * vectors[:, 32:])
    dropped = tiny_encoder(pooling="moment", pooling_options={"final_punctuation": "drop"}).encode(TEXTS)
    differing = [not torch.allclose(a, b) for a, b in zip(dropped, vectors, strict=True)]
    assert differing == [True, False, True, False]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"scale": 0}, r"scale=0: expected a finite number above 0"),
        ({"scale": math.inf}, r"scale=inf: expected"),
        ({"scale": math.nan}, r"scale=nan: expected"),
        ({"scale": 10**400}, r"scale=1000.*: expected"),
        ({"scale": True}, r"scale=True: expected"),
        ({"scale": "3"}, r"scale='3': expected"),
        ({"scale": None}, r"scale=None: expected"),
        ({"final_punctuation": False}, r"final_punctuation=False: expected keep or drop"),
        ({"scal": 3}, r"scal is no option of moment, which has scale and final_punctuation"),
    ],
)
def test_wrong_options_are_refused(options, message):
    with pytest.raises(ValueError, match=rf"model\.pooling_options: {message}"):
        tiny_encoder(pooling="moment", pooling_options=options)


@pytest.mark.parametrize("pooling", [None, "mean", "cls"])
def test_options_of_a_pooling_that_has_none_are_refused(pooling):
    name = pooling or "mean"
    with pytest.raises(ValueError, match=rf"{name} has no options. Leave it null"):
        tiny_encoder(pooling=pooling, pooling_options={"scale": 2})


@pytest.mark.parametrize(
    ("objective", "metric"),
    [
        *[(RandomLabelRetraining, metric) for metric in (Hadamard, Rotate, Cosine, Euclidean)],
        *[(KnnRetraining, metric) for metric in (Hadamard, Rotate, Cosine, Euclidean)],
        (LearntMetricRetraining, Pair),
        (FineTuning, NoMetric),
    ],
)
def test_every_objective_and_metric_trains_with_it(objective, metric):
    encoder = tiny_encoder(pooling="moment", dropout=0.0)
    before = encoder.encode(TEXTS)
    losses = steps(build(objective, metric(), encoder=encoder), rows(4), epochs=1)
    assert math.isfinite(losses[0])
    after = encoder.encode(TEXTS)
    assert after.isfinite().all()
    assert not torch.allclose(after, before)


@pytest.fixture(scope="module")
def saved(tmp_path_factory) -> Path:
    """The folder of an encoder with options of its own."""
    folder = tmp_path_factory.mktemp("saved")
    tiny_encoder(pooling="moment", pooling_options=OPTIONS).save(folder)
    return folder


def test_a_saved_encoder_is_read_back_as_it_was(saved, caplog):
    encoder = tiny_encoder(pooling="moment", pooling_options=OPTIONS)
    read = load_encoder(str(saved), None)
    assert (read.pooling.name, read.pooling.options) == ("moment", {**OPTIONS, "scale": 3.0})
    assert torch.equal(read.encode(TEXTS), encoder.encode(TEXTS))
    assert read.fingerprint() == encoder.fingerprint()
    assert kind_of(str(saved), None, False) == "encoder"
    # The folder's own options where the call names its pooling alone.
    assert load_encoder(str(saved), None, "moment").pooling.options == read.pooling.options
    assert not caplog.records
    other = load_encoder(str(saved), None, pooling_options={"scale": 2})
    assert other.pooling.options == {"scale": 2.0, "final_punctuation": "keep"}
    assert "itself says moment (scale 3.0, final_punctuation drop)" in caplog.text


def test_sentence_transformers_does_not_read_it_by_another_pooling(saved):
    from sentence_transformers import SentenceTransformer

    with pytest.raises(ValueError, match=r"relsym_moment\.MomentPooling"):
        SentenceTransformer(str(saved), device="cpu")


@pytest.mark.parametrize("final_punctuation", ["keep", "drop"])
def test_sentence_transformers_gives_the_same_vectors_by_the_module_beside_the_weights(
    tmp_path, final_punctuation, monkeypatch
):
    from sentence_transformers import SentenceTransformer

    monkeypatch.setattr("transformers.dynamic_module_utils.HF_MODULES_CACHE", str(tmp_path / "modules"))
    options = {"scale": 2.5, "final_punctuation": final_punctuation}
    encoder = tiny_encoder(pooling="moment", pooling_options=options, dropout=0.0)
    encoder.save(tmp_path / "saved")
    texts = [*TEXTS, "", ".", "It is Ann who leads Bo.", "It is Ann who leads Bo", "Who?!"]
    model = SentenceTransformer(str(tmp_path / "saved"), device="cpu", trust_remote_code=True)
    vectors = torch.from_numpy(model.encode(texts))
    assert torch.allclose(vectors, encoder.raw_vectors(texts), atol=1e-6)
    assert type(model[1]).__module__.endswith("relsym_moment")
    assert model.get_embedding_dimension() == encoder.dim
    # Saved from there, either reads it.
    model.save(str(tmp_path / "again"))
    again = SentenceTransformer(str(tmp_path / "again"), device="cpu", trust_remote_code=True)
    assert torch.equal(torch.from_numpy(again.encode(texts)), vectors)
    ours = load_encoder(str(tmp_path / "again"), None)
    assert ours.pooling.options == encoder.pooling.options
    (tmp_path / "again" / "modules.json").unlink()
    with pytest.raises(ValueError, match=r"holds 1_MomentPooling but no modules.json"):
        load_encoder(str(tmp_path / "again"), None)


def test_every_pooling_can_be_written_down():
    for pooling in POOLINGS.values():
        assert (pooling.published is None) != (pooling.module is None), pooling


def test_a_pooling_that_no_file_can_name_is_not_saved(tmp_path):
    class Unnamed(Mean):
        name = "unnamed"
        published = None

    encoder = tiny_encoder()
    encoder.pooling = Unnamed()
    with pytest.raises(ValueError, match="the pooling unnamed has neither published nor module"):
        encoder.save(tmp_path)


def test_a_text_without_any_token_is_refused_by_name(tmp_path):
    encoder = tiny_encoder(pooling="moment")
    encoder.tokenizer._tokenizer.post_processor = None
    with pytest.raises(ValueError, match="a text is empty, or blank, and this tokenizer puts no token"):
        encoder.raw_vectors(["a", ""])


def test_a_folder_of_an_earlier_version_names_the_class_and_no_tokens(saved, tmp_path):
    folder = shutil.copytree(saved, tmp_path / "earlier")
    modules = json.loads((folder / "modules.json").read_text())
    modules[1]["type"] = "relsym.encoders.pooling.moment.Moment"
    (folder / "modules.json").write_text(json.dumps(modules))
    settings = json.loads((folder / "1_Pooling" / "config.json").read_text())
    for key in ("special_tokens", "punctuation_tokens"):
        del settings[key]
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(settings))
    (folder / "relsym_moment.py").unlink()
    assert torch.equal(
        load_encoder(str(folder), None).encode(TEXTS), load_encoder(str(saved), None).encode(TEXTS)
    )


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("modules.json", "MomentPooling", "Other", r"the module .relsym.*Other. is not supported"),
        ("modules.json", "relsym_moment", "evil_moment", r"the module 'evil.*' is not supported"),
        ("1_Pooling/config.json", "3.0", "-3.0", r"scale=-3.0: expected a finite number above 0"),
        ("1_Pooling/config.json", "3.0", "NaN", r"scale=nan: expected a finite number above 0|NaN"),
        ("1_Pooling/config.json", '"scale"', '"scales"', r"no scale, which moment needs"),
        ("1_Pooling/config.json", '"word_', '"size": 1, "word_', r"size is no option of moment"),
        ("1_Pooling/config.json", '"drop"', '"all"', r"final_punctuation='all': expected keep or drop"),
    ],
)
def test_a_folder_that_was_changed_is_refused_with_its_file(saved, tmp_path, file, old, new, message):
    folder = shutil.copytree(saved, tmp_path / "copy")
    text = (folder / file).read_text()
    assert old in text
    (folder / file).write_text(text.replace(old, new))
    with pytest.raises(ValueError, match=f"{file}: .*({message})"):
        load_encoder(str(folder), None)


def test_dense_layers_come_after_it(tmp_path):
    plain = tiny_encoder(pooling="moment")
    torch.manual_seed(0)
    encoder = Encoder(
        plain.model, plain.tokenizer, plain.pooling, 64, dense=[Dense(DenseShape(64, 10, True, "Tanh"))]
    )
    encoder.save(tmp_path)
    read = load_encoder(str(tmp_path), None)
    assert read.dim == 10
    torch.testing.assert_close(read.encode(TEXTS), encoder.encode(TEXTS))
    with pytest.raises(ValueError, match=r"model\.pooling=mean: .* has a dense layer after its own pooling"):
        load_encoder(str(tmp_path), None, "mean")


def job_of(encoder: Encoder, **model: object) -> str:
    """The job hash of a run whose model option says this."""
    settings = {"pooling": None, "max_length": None, "dropout": None, **model}
    config = read_as({"model": settings, "data": {"module": {}}}, encoder)
    return identity(config, encoder.fingerprint(), "c", None, None).job


def test_options_are_part_of_a_job_and_null_is_none():
    mean = tiny_encoder()
    assert job_of(mean) == job_of(mean, pooling_options=None)
    model = {"model": {"pooling": "mean"}}
    assert config_hash(model) == config_hash({"model": {"pooling": "mean", "pooling_options": None}})
    moment = tiny_encoder(pooling="moment")
    said = {"scale": 1.5, "final_punctuation": "keep"}
    unsaid = job_of(moment, pooling="moment", pooling_options=None)
    assert unsaid == job_of(moment, pooling="moment", pooling_options=said) != job_of(mean)
    other = tiny_encoder(pooling="moment", pooling_options=OPTIONS)
    assert job_of(other, pooling="moment", pooling_options=OPTIONS) != unsaid
    assert reading_of(mean) == {"pooling": "mean", "max_length": 64}


MODEL = {**CONFIGURATION["model"], "pooling": "moment", "pooling_options": {**OPTIONS, "scale": 3.0}}
BY_MOMENT = {**CONFIGURATION, "model": MODEL}


@pytest.fixture
def run(tmp_path, saved) -> Path:
    """A finished run whose encoder is that of ``saved``."""
    folder = write_earlier_run(tmp_path / "run", BY_MOMENT)
    shutil.rmtree(folder / "encoder")
    shutil.copytree(saved, folder / "encoder")
    memory = np.random.default_rng(0).normal(size=(6, 64)).astype(np.float32)
    save_file({"memory": memory, "memory_targets": np.arange(6) % 2}, folder / "probe.safetensors")
    return folder


def test_a_run_is_read_with_its_options(run, saved):
    encoder = open_run(str(run), ()).encoder(None, False)
    assert encoder.pooling.options == MODEL["pooling_options"]
    scorer = load_run(str(run), "fp32", "cpu")
    assert torch.equal(scorer.encoder.encode(TEXTS), load_encoder(str(saved), None).encode(TEXTS))
    # The same weights with other options are another model.
    before = scorer.fingerprint()
    scorer.encoder = tiny_encoder(pooling="moment")
    assert scorer.fingerprint() != before


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("model.pooling", "mean", r"mean has no options"),
        ("model", {**MODEL, "pooling": "mean", "pooling_options": None}, r"model\.pooling is mean in"),
        ("model", {**MODEL, "pooling": "cls", "pooling_options": None}, r"model\.pooling is cls in"),
        ("model.pooling_options", None, r"moment \(scale 1\.5, final_punctuation keep\) in"),
        ("model.pooling_options.scale", 2, r"moment \(scale 2\.0, final_punctuation drop\) in"),
        ("model.pooling_options.scale", -1, r"scale=-1: expected a finite number above 0"),
        ("model.pooling_options.final_punctuation", "keep", r"moment \(scale 3\.0, .* keep\) in"),
        ("model.pooling_options", {"scal": 2}, r"scal is no option of moment"),
        ("model.pooling_options", [3], r"pooling_options: Expected `object \| null`"),
    ],
)
@pytest.mark.parametrize("option", ["init", "model.folder"])
def test_a_run_whose_pooling_was_changed_by_hand_gets_one_message(run, option, key, value, message):
    (run / "config.yaml").write_text(yaml.safe_dump(changed(BY_MOMENT, key, value)))
    with pytest.raises(ValueError, match=message) as told:
        open_run(str(run), (), option).encoder(None, False)
    assert str(run) in str(told.value)
    assert str(told.value).endswith("Pass a run with the files that relsym train wrote, unchanged.")
    if " in" in message:
        assert "say moment (scale 3.0, final_punctuation drop): one of them was changed" in str(told.value)
        assert f"{option}={run}: " in str(told.value)


def test_a_run_whose_encoder_was_changed_by_hand_gets_the_same_message(run):
    tiny_encoder().save(run / "encoder")
    for option in ("init", "model.folder"):
        with pytest.raises(ValueError, match=r"model\.pooling is moment \(.* say mean: one of them"):
            open_run(str(run), (), option).encoder(None, False)


@pytest.mark.slow
def test_a_training_keeps_pooling_and_options_and_others_go_on_with_them(relsym, quick, tmp_path):
    words = ("model.pooling=moment", "model.pooling_options={scale: 3, final_punctuation: drop}")
    ended = relsym("train", *quick, *words, "metric=rotate", "objective=random_label")
    assert ended.code == 0, ended.err
    first = tmp_path / "run"
    model = yaml.safe_load((first / "config.yaml").read_text())["model"]
    assert (model["pooling"], model["pooling_options"]) == ("moment", {**OPTIONS, "scale": 3.0})
    assert load_file(first / "probe.safetensors")["label_embeddings"].shape == (2, 64)
    settings = json.loads((first / "encoder" / "1_Pooling" / "config.json").read_text())
    encoder = load_encoder(str(first / "encoder"), None)
    assert settings == {
        "word_embedding_dimension": 32,
        "scale": 3.0,
        "final_punctuation": "drop",
        "special_tokens": special_numbers(encoder.tokenizer),
        "punctuation_tokens": mark_numbers(encoder.tokenizer),
    }

    again = ("metric=rotate", "objective=random_label", f"init={first}", "objective.learning_rate=0.0")
    ended = relsym("train", *quick, *again, "data.sample_seed=0", f"hydra.run.dir={tmp_path / 'again'}")
    assert ended.code == 0, ended.err
    model = yaml.safe_load((tmp_path / "again" / "config.yaml").read_text())["model"]
    assert (model["pooling"], model["pooling_options"]) == ("moment", {**OPTIONS, "scale": 3.0})
    figures = read_results(first / "results.json").metrics
    assert (
        read_results(tmp_path / "again" / "results.json").metrics["test/accuracy/lexicalised"]
        == (figures["test/accuracy/lexicalised"])
    )
    words = (
        "model=run",
        f"model.folder={first}",
        "data.test_pairs=8",
        "validation_pairs=8",
        "reading=strict",
    )
    ended = relsym("evaluate", *words, "tracking=csv", f"hydra.run.dir={tmp_path / 'evaluated'}")
    assert ended.code == 0, ended.err
    own = read_results(tmp_path / "evaluated" / "results.json").metrics["test/accuracy/lexicalised"]
    assert own == figures["test/accuracy/lexicalised"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["model.pooling_options={scale: 3}"], "mean has no options. Leave it null"),
        (["model.pooling=moment", "model.pooling_options={scale: 0}"], "scale=0: expected a finite number"),
        (["model.pooling=moment", "model.pooling_options={scale: .inf}"], "pooling_options"),
        (["model.pooling=moment", "model.pooling_options={punctuation: drop}"], "is no option of moment"),
        (["model.pooling=moment", "model.pooling_options=3"], "model.pooling_options=3: expected a mapping"),
    ],
)
def test_wrong_options_of_a_command_get_one_message(relsym, quick, tmp_path, words, message):
    refused(relsym("train", *quick, *words), message, tmp_path / "run")
