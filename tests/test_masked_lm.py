"""Masked language models: every token of a label word masked in turn, as in a plain loop."""

from __future__ import annotations

import pytest
import torch

from language_models_of import bert, llama, roberta, tokenizer, written
from relsym.models.masked_lm import MaskedLm
from relsym.models.worded import Text
from test_causal_lm import EXAMPLES, LABELS, ROWS

MODELS = {"bert": bert, "roberta": roberta}


def masked(**options: object):
    return tokenizer(surrounds=True, **{"mask_token": "<mask>", "pad_token": "<pad>", **options})


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    return {name: written(folder / name, make, masked()) for name, make in MODELS.items()}


def loop(model, words, context: str, answer: str) -> float:
    """One text at a time, one masked token at a time."""
    start, tokens = len(words.encode(context)) - 1, words.encode(context + answer)
    total = 0.0
    for place in range(start, len(tokens) - 1):  # </s> ends both
        shown = torch.tensor([tokens])
        shown[0, place] = words.mask_token_id
        total += model(shown).logits[0, place].log_softmax(-1)[tokens[place]].item()
    return total


@pytest.mark.parametrize("shots", [0, 1])
@pytest.mark.parametrize("name", MODELS)
def test_every_column_is_that_of_a_plain_loop(folders, name, shots):
    model = MaskedLm(folders[name], prompts=["yes_no", "question"], shots=shots, tokens_per_batch=400)
    model.prepare(EXAMPLES)
    told = []
    columns = model.measure(ROWS[:3], told.append)
    assert sum(told) == 3
    with torch.inference_mode():
        for prompt in model.prompts:
            for label, word in prompt.words(LABELS).items():
                for place, asked in enumerate(ROWS[:3]):
                    expected = loop(
                        model.network,
                        model.tokenizer,
                        prompt.text_of(model.examples, asked.premise, asked.hypothesis),
                        f" {word}",
                    )
                    assert columns[f"{prompt.name}:{label}"][place] == pytest.approx(
                        expected, abs=1e-5, rel=1e-6
                    )


def test_words_of_one_token_share_a_text_and_longer_ones_have_as_many_as_tokens(folders):
    model = MaskedLm(folders["bert"])
    clozes = model.clozes([Text("So:", " ")], ["yes", "no", "not"])
    mask = model.tokenizer.mask_token_id
    assert [len(cloze.asked) for cloze in clozes] == [2, 1, 1]  # " yes" and " no"; " no" + "t"
    assert all(cloze.tokens[cloze.place] == mask and cloze.tokens.count(mask) == 1 for cloze in clozes)
    assert all((cloze.tokens[0], cloze.tokens[-1]) == (0, 1) for cloze in clozes)
    assert len(model.clozes([Text("So:", " "), Text("So:", " ")], ["yes", "no"])) == 2


def test_batches_change_nothing(folders):
    models = [MaskedLm(folders["roberta"], prompts=["nli"], tokens_per_batch=size) for size in (1, 10_000)]
    measured = []
    for model in models:
        model.prepare(EXAMPLES)
        measured.append(model.measure(ROWS[:3]))
    for name, values in measured[0].items():
        assert values == pytest.approx(measured[1][name], rel=1e-6)
        alone = [models[0].measure([asked])[name][0] for asked in ROWS[:3]]
        assert values == pytest.approx(alone, rel=1e-6)


def test_questions_longer_than_the_window_have_no_answer(tmp_path):
    lengths = []
    roomy = MaskedLm(written(tmp_path / "roomy", bert, masked()), prompts=["yes_no"])
    for asked in ROWS:
        (cloze, *_) = roomy.clozes(
            [roomy.text_of(roomy.prompts[0], asked.premise, asked.hypothesis)], ["yes", "no"]
        )
        lengths.append(len(cloze.tokens))
    window = max(lengths) - 1
    model = MaskedLm(
        written(tmp_path / "short", lambda: bert(max_position_embeddings=window), masked()),
        prompts=["yes_no"],
    )
    model.prepare(EXAMPLES)
    told = []
    columns = model.measure(ROWS, told.append)
    assert sum(told) == len(ROWS)
    assert [value is None for value in columns["yes_no:contradiction"]] == [
        length > window for length in lengths
    ]
    with pytest.raises(ValueError, match=r"Lower model\.shots"):
        MaskedLm(str(tmp_path / "short"), prompts=["yes_no"], shots=2).prepare(EXAMPLES)


def test_a_model_whose_positions_start_late_has_a_shorter_window(folders):
    assert MaskedLm(folders["bert"]).window == 600
    assert MaskedLm(folders["roberta"]).window == 600 - 4


def test_examples_wordings_and_precision_change_the_numbers(folders):
    def measured(**settings) -> dict:
        model = MaskedLm(folders["bert"], **{"prompts": "true_false", **settings})
        model.prepare(EXAMPLES)
        return model.measure(ROWS[:1])

    plain = measured()
    assert measured() == plain
    for changed in (measured(shots=1), measured(precision="bf16")):
        assert changed.keys() == plain.keys()
        assert changed != plain
    assert measured(prompts="nli").keys() != plain.keys()


def test_what_cannot_answer_a_cloze_is_refused(tmp_path, folders):
    with pytest.raises(ValueError, match="takes no part in chats"):
        MaskedLm(folders["bert"], prompts=["chat_yes_no"])
    assert not any(prompt.chat for prompt in MaskedLm(folders["bert"]).prompts)
    with pytest.raises(ValueError, match="no mask token"):
        MaskedLm(written(tmp_path / "maskless", bert, tokenizer()))
    with pytest.raises(ValueError, match="cannot load the language model"):
        MaskedLm(written(tmp_path / "llama", llama, masked()))
    headless = tmp_path / "headless"
    written(headless, bert, masked())
    bert().bert.save_pretrained(headless)
    with pytest.raises(
        ValueError, match=r"lack \d+ of the weights that BertForMaskedLM needs .* model=causal_lm"
    ):
        MaskedLm(str(headless))
    with pytest.raises(ValueError, match=r"model\.tokens_per_batch=0"):
        MaskedLm(folders["bert"], tokens_per_batch=0)
