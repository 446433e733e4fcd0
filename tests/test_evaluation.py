"""Stage 6: scores, shortcuts, statistics."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from relsym.data.pairs import Row
from relsym.data.relations import CONTRADICTION, ENTAILMENT
from relsym.encoders.load import tiny_encoder
from relsym.evaluation.represent import distinct_texts, represent
from relsym.evaluation.score import Scores
from relsym.evaluation.shortcuts import (
    SHORTCUTS,
    bag_of_words,
    entity_pair,
    hypothesis_only,
    majority,
    shortcuts_for,
    template_lookup,
    word_order,
)
from relsym.evaluation.statistics import accuracy


def row(property: str, label: str, number: int = 0, form: str = "lexicalised", verb: str = "is near") -> Row:
    return Row(f"{property}:{number}", property, form, f"a{number} {verb} b{number}.", f"b{number} {verb} a{number}.", label)


@given(st.lists(st.booleans(), min_size=1, max_size=200))
def test_the_interval_is_wilsons(correct):
    n, p, z = len(correct), sum(correct) / len(correct), 1.959963984540054
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    found = accuracy(correct)
    assert found.value == p
    assert found.low == pytest.approx(max(0, centre - half), abs=1e-6)
    assert found.high == pytest.approx(min(1, centre + half), abs=1e-6)


def test_no_rows_are_no_score():
    with pytest.raises(ValueError, match="no rows to score"):
        accuracy([])


def test_the_look_up_knows_seen_templates_and_gives_unseen_ones_the_majority():
    train = [row("P1", ENTAILMENT), row("P2", CONTRADICTION), row("P2", CONTRADICTION)]
    test = [row("P1", ENTAILMENT, 9), row("P2", CONTRADICTION, 9), row("P3", ENTAILMENT, 9)]
    assert template_lookup(train, test) == [ENTAILMENT, CONTRADICTION, CONTRADICTION]
    assert template_lookup(train[:2], test)[2] == CONTRADICTION  # a tie


def test_the_majority_shortcut_gives_one_label_and_ties_take_contradiction():
    assert majority([row("P1", ENTAILMENT), row("P2", CONTRADICTION)], [row("P9", ENTAILMENT)] * 2) == [CONTRADICTION] * 2
    assert majority([row("P1", ENTAILMENT)], [row("P9", CONTRADICTION)]) == [ENTAILMENT]


def test_hypothesis_only_never_sees_the_premise():
    train = [row("P1", ENTAILMENT, i, verb="borders") for i in range(4)] + [row("P2", CONTRADICTION, i, verb="fathered") for i in range(4)]
    test = [row("P1", ENTAILMENT, 99, verb="borders"), row("P2", CONTRADICTION, 99, verb="fathered")]
    assert hypothesis_only(train, test) == [ENTAILMENT, CONTRADICTION]
    assert hypothesis_only(train, [r._replace(premise="something else") for r in test]) == [ENTAILMENT, CONTRADICTION]


def fact(one: str, two: str, label: str, verb: str = "is near", **changes) -> Row:
    made = Row("p", "P1", "lexicalised", f"{one} {verb} {two}.", f"{two} {verb} {one}.", label, subject=one, object=two)
    return made._replace(**changes)


def test_a_bag_of_words_sees_words_and_not_their_order():
    train = [fact("a", "b", ENTAILMENT, "borders"), fact("c", "d", CONTRADICTION, "fathered")]
    test = [fact("e", "f", ENTAILMENT, "borders"), fact("e", "f", CONTRADICTION, "fathered")]
    assert bag_of_words(train, test) == [ENTAILMENT, CONTRADICTION]
    turned = [row._replace(premise=" ".join(reversed(row.premise.strip(".").split())), hypothesis=row.hypothesis.lower()) for row in test]
    assert bag_of_words(train, turned) == [ENTAILMENT, CONTRADICTION]


def test_word_order_sees_the_order_and_not_the_words():
    train = [fact(f"a{i}", f"b{i}", CONTRADICTION) for i in range(4)]
    train += [row._replace(hypothesis=row.premise, label=ENTAILMENT) for row in train]
    swapped = fact("Ann", "Bob", CONTRADICTION, "totally fathered")
    assert word_order(train, [swapped, swapped._replace(hypothesis=swapped.premise)]) == [CONTRADICTION, ENTAILMENT]
    renamed = [row._replace(premise=row.premise.replace("near", "far"), hypothesis=row.hypothesis.replace("near", "far")) for row in train]
    assert word_order(renamed, [swapped]) == word_order(train, [swapped])


def test_the_entity_pair_alone_is_seen_in_either_order_and_nothing_that_is_said():
    train = [fact("Ann", "Bob", ENTAILMENT), fact("Cid", "Dee", CONTRADICTION)]
    assert entity_pair(train, [fact("Bob", "Ann", ENTAILMENT), fact("Dee", "Cid", CONTRADICTION)]) == [ENTAILMENT, CONTRADICTION]
    hidden = [fact("Bob", "Ann", ENTAILMENT, premise="?", hypothesis="?", property="P9"), fact("Dee", "Cid", CONTRADICTION, premise="?", hypothesis="?")]
    assert entity_pair(train, hidden) == [ENTAILMENT, CONTRADICTION]


def test_rows_that_name_no_entities_have_no_entity_pair_shortcut():
    assert "entity_pair" not in shortcuts_for([row("P1", ENTAILMENT)])
    assert shortcuts_for([fact("a", "b", ENTAILMENT)]) == SHORTCUTS


@pytest.mark.parametrize("shortcut", SHORTCUTS.values(), ids=SHORTCUTS)
def test_shortcuts_read_no_test_label(shortcut):
    train = [row("P1", ENTAILMENT, 1, verb="borders"), row("P2", CONTRADICTION, 2, verb="fathered")]
    test = [row("P1", ENTAILMENT, 3, verb="borders"), row("P2", CONTRADICTION, 4, verb="fathered")]
    assert shortcut(train, test) == shortcut(train, [r._replace(label="hidden") for r in test])


@pytest.mark.parametrize("reads", ["sentences", "joint"])
def test_every_distinct_text_is_encoded_once_and_put_back_in_its_rows(reads):
    rows = [row("P1", ENTAILMENT, i % 3) for i in range(9)]
    encoder, encoded = tiny_encoder(), []
    found = represent(encoder, rows, reads, encoded.append)
    assert sum(encoded) == distinct_texts(rows, reads) == (6 if reads == "sentences" else 3)
    for i, r in enumerate(rows):
        alone = [encoder.encode([r.premise], [r.hypothesis])] if reads == "joint" else [encoder.encode([r.premise]), encoder.encode([r.hypothesis])]
        torch.testing.assert_close(found[i], torch.cat(alone), atol=1e-5, rtol=1e-4)


def test_scores_are_flat_in_0_to_1_and_by_property():
    rows = {"lexicalised": [row("P1", ENTAILMENT), row("P1", ENTAILMENT, 1), row("P2", CONTRADICTION, 2), row("P2", CONTRADICTION, 3)]}
    scores = Scores(rows)
    scores.add("test/accuracy", "lexicalised", [ENTAILMENT, CONTRADICTION, CONTRADICTION, CONTRADICTION])
    scores.add("shortcut/majority", "lexicalised", [CONTRADICTION] * 4)
    scores.average("untrained/random_label", "lexicalised", [[ENTAILMENT] * 4, [CONTRADICTION] * 4, [ENTAILMENT] * 2 + [CONTRADICTION] * 2])
    flat = scores.flat("test/accuracy")
    assert flat["test/accuracy/lexicalised"] == 0.75
    assert flat["test/accuracy/lexicalised/P1"] == 0.5
    assert flat["test/accuracy/lexicalised/P2"] == 1.0
    assert flat["shortcut/majority/lexicalised"] == 0.5
    assert flat["untrained/random_label/lexicalised"] == pytest.approx(2 / 3)
    assert all(0 <= value <= 1 for value in flat.values())
    assert scores.intervals("test/accuracy")["test/accuracy/lexicalised/P1"]["rows"] == 2
    table = scores.table("test/accuracy")
    assert table["correct"] == [True, False, True, True]
    assert set(map(len, table.values())) == {4}


def test_a_missing_answer_is_an_error():
    with pytest.raises(ValueError, match="1 answers for 2 rows"):
        Scores({"lexicalised": [row("P1", ENTAILMENT)] * 2}).add("test/accuracy", "lexicalised", [ENTAILMENT])
