"""Models of every kind behind one interface."""

from __future__ import annotations

import pytest

from relsym.data.pairs import Row
from relsym.models.prompts import choose_shots, read_prompts


def row(label: str, number: int = 0) -> Row:
    return Row(
        f"P1:{number}:swap",
        "P1",
        "lexicalised",
        f"{number} is near b.",
        f"b is near {number}.",
        label,
        f"P1:{number}",
        "symmetric",
        "swap",
        str(number),
        "b",
    )


def test_every_wording_puts_both_texts_before_the_answer_and_some_are_chats():
    prompts = read_prompts()
    assert len(prompts) >= 6
    assert {prompt.chat for prompt in prompts} == {True, False}
    for prompt in prompts:
        text = prompt.fill("P.", "H.")
        assert "P." in text
        assert "H." in text
        assert text == text.rstrip(), f"{prompt.name}: a blank before the answer would change its tokens"


def test_examples_come_before_the_question_with_their_answers():
    (prompt,) = read_prompts("yes_no")
    text = prompt.text_of([row("entailment")], "P.", "H.")
    assert text.startswith("Premise: 0 is near b.\n")
    assert "Answer: yes\n\nPremise: P.\n" in text
    assert text.endswith("Answer:")
    (chat,) = read_prompts(["chat_yes_no"])
    assert [turn["role"] for turn in chat.messages_of([row("contradiction")], "P.", "H.")] == [
        "user",
        "assistant",
        "user",
    ]
    assert chat.messages_of([row("contradiction")], "P.", "H.")[1]["content"] == "No"


def test_examples_are_the_first_training_rows_with_labels_in_turn():
    rows = [row("entailment", 0), row("entailment", 1), row("contradiction", 2), row("contradiction", 3)]
    assert choose_shots(rows, 3, read_prompts()) == [rows[0], rows[2], rows[1]]
    with pytest.raises(ValueError, match=r"Raise data\.samples"):
        choose_shots(rows, 5, read_prompts())
    with pytest.raises(ValueError, match="yes_no has no answer for neutral"):
        choose_shots([row("neutral")], 1, read_prompts("yes_no"))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[1]", "expected wordings by name"),
        (
            "a: {text: '{premise}', answers: {entailment: a, contradiction: b}}",
            "expected {premise} and {hypothesis}",
        ),
        ("a: {text: '{premise} {hypothesis}', answers: {entailment: yes, contradiction: no}}", "need quotes"),
        (
            "a: {text: '{premise} {hypothesis}', answers: {entailment: x, contradiction: x}}",
            "a word of its own",
        ),
        (
            "a: {text: '{premise} {hypothesis}', answers: {entailment: x, contradiction: z}, extra: 1}",
            "A wording has text",
        ),
        (
            "a/b: {text: '{premise} {hypothesis}', answers: {entailment: x, contradiction: z}}",
            "leave '/' and '-' out",
        ),
        (
            "..: {text: '{premise} {hypothesis}', answers: {entailment: x, contradiction: z}}",
            "part of file names",
        ),
    ],
)
def test_a_file_of_wordings_that_cannot_be_asked_is_refused(tmp_path, content, message):
    path = tmp_path / "mine.yaml"
    path.write_text(content)
    with pytest.raises(ValueError, match=message):
        read_prompts(str(path))


def test_wordings_are_chosen_by_name_or_from_a_file_of_ones_own(tmp_path):
    assert [prompt.name for prompt in read_prompts(["nli", "yes_no"])] == ["nli", "yes_no"]
    with pytest.raises(ValueError, match="There are yes_no"):
        read_prompts("nlli")
    path = tmp_path / "mine.yaml"
    path.write_text(
        "mine: {text: '{premise} so {hypothesis}', answers: {entailment: indeed, contradiction: wrong}}"
    )
    assert read_prompts(str(path))[0].words(("contradiction", "entailment")) == {
        "contradiction": "wrong",
        "entailment": "indeed",
    }
