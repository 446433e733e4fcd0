"""Stage 6: scores, shortcuts, statistics."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from relsym.data.module import PairData
from relsym.data.pairs import COUNTED_APART, Row
from relsym.data.relations import CONTRADICTION, ENTAILMENT
from relsym.encoders.load import tiny_encoder
from relsym.evaluation import readers
from relsym.evaluation.classification import (
    auroc,
    balanced_accuracy,
    calibration_error,
    consistency,
    entailment_bias,
    reliability,
)
from relsym.evaluation.clusters import cluster_interval
from relsym.evaluation.paired import mcnemar
from relsym.evaluation.represent import distinct_texts, represent
from relsym.evaluation.score import Scores
from relsym.evaluation.shortcuts import SHORTCUTS, shortcuts_for
from relsym.evaluation.statistics import accuracy, error_bound
from relsym.evaluation.threshold import best_threshold
from relsym.metrics.base import SENTENCES
from relsym.metrics.hadamard import Hadamard
from relsym.probes.knn import Knn


def row(property: str, label: str, number: int = 0, form: str = "lexicalised", verb: str = "is near") -> Row:
    return Row(
        f"{property}:{number}",
        property,
        form,
        f"a{number} {verb} b{number}.",
        f"b{number} {verb} a{number}.",
        label,
    )


@given(st.lists(st.booleans(), min_size=1, max_size=200))
def test_the_interval_is_wilsons(correct):
    n, p, z = len(correct), sum(correct) / len(correct), 1.959963984540054
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    found = accuracy(correct)
    assert found.value == p
    assert found.low == pytest.approx(max(0, centre - half), abs=1e-6)
    assert found.high == pytest.approx(min(1, centre + half), abs=1e-6)


def test_without_an_error_the_share_of_errors_has_an_exact_bound_of_at_most_one():
    # By hand: 1 - 0.05, 1 - sqrt(0.05), 1 - 0.05^(1/3); 59 rows are the fewest whose bound is below 5 %.
    assert error_bound(1) == pytest.approx(0.95)
    assert error_bound(2) == pytest.approx(0.776393, abs=1e-6)
    assert error_bound(3) == pytest.approx(0.631597, abs=1e-6)
    assert error_bound(58) > 0.05 > error_bound(59)
    assert error_bound(2000) == pytest.approx(3 / 2000, rel=3e-3)
    assert error_bound(0) == 1
    # Clopper and Pearson's upper end of a one-sided interval, from SciPy.
    for rows in (1, 2, 40, 190):
        interval = binomtest(0, rows, alternative="less").proportion_ci(0.95, method="exact")
        assert error_bound(rows) == pytest.approx(interval.high)


def test_no_rows_are_no_score():
    with pytest.raises(ValueError, match="no rows to score"):
        accuracy([])


def test_the_look_up_knows_seen_templates_and_gives_unseen_ones_the_majority():
    train = [row("P1", ENTAILMENT), row("P2", CONTRADICTION), row("P2", CONTRADICTION)]
    test = [row("P1", ENTAILMENT, 9), row("P2", CONTRADICTION, 9), row("P3", ENTAILMENT, 9)]
    assert SHORTCUTS["template_lookup"].answer(train, test) == [ENTAILMENT, CONTRADICTION, CONTRADICTION]
    assert SHORTCUTS["template_lookup"].answer(train[:2], test)[2] == CONTRADICTION  # a tie


def test_the_majority_shortcut_gives_one_label_and_ties_take_contradiction():
    assert (
        SHORTCUTS["majority"].answer(
            [row("P1", ENTAILMENT), row("P2", CONTRADICTION)], [row("P9", ENTAILMENT)] * 2
        )
        == [CONTRADICTION] * 2
    )
    assert SHORTCUTS["majority"].answer([row("P1", ENTAILMENT)], [row("P9", CONTRADICTION)]) == [ENTAILMENT]


def test_hypothesis_only_never_sees_the_premise():
    train = [row("P1", ENTAILMENT, i, verb="borders") for i in range(4)] + [
        row("P2", CONTRADICTION, i, verb="fathered") for i in range(4)
    ]
    test = [row("P1", ENTAILMENT, 99, verb="borders"), row("P2", CONTRADICTION, 99, verb="fathered")]
    assert SHORTCUTS["hypothesis_only"].answer(train, test) == [ENTAILMENT, CONTRADICTION]
    assert SHORTCUTS["hypothesis_only"].answer(
        train, [r._replace(premise="something else") for r in test]
    ) == [ENTAILMENT, CONTRADICTION]


def fact(one: str, two: str, label: str, verb: str = "is near", **changes) -> Row:
    made = Row(
        "p",
        "P1",
        "lexicalised",
        f"{one} {verb} {two}.",
        f"{two} {verb} {one}.",
        label,
        subject=one,
        object=two,
    )
    return made._replace(**changes)


def test_a_bag_of_words_sees_words_and_not_their_order():
    train = [fact("a", "b", ENTAILMENT, "borders"), fact("c", "d", CONTRADICTION, "fathered")]
    test = [fact("e", "f", ENTAILMENT, "borders"), fact("e", "f", CONTRADICTION, "fathered")]
    assert SHORTCUTS["bag_of_words"].answer(train, test) == [ENTAILMENT, CONTRADICTION]
    turned = [
        row._replace(
            premise=" ".join(reversed(row.premise.strip(".").split())), hypothesis=row.hypothesis.lower()
        )
        for row in test
    ]
    assert SHORTCUTS["bag_of_words"].answer(train, turned) == [ENTAILMENT, CONTRADICTION]


def test_word_order_sees_the_order_and_not_the_words():
    train = [fact(f"a{i}", f"b{i}", CONTRADICTION) for i in range(4)]
    train += [row._replace(hypothesis=row.premise, label=ENTAILMENT) for row in train]
    swapped = fact("Ann", "Bob", CONTRADICTION, "totally fathered")
    assert SHORTCUTS["word_order"].answer(train, [swapped, swapped._replace(hypothesis=swapped.premise)]) == [
        CONTRADICTION,
        ENTAILMENT,
    ]
    renamed = [
        row._replace(
            premise=row.premise.replace("near", "far"), hypothesis=row.hypothesis.replace("near", "far")
        )
        for row in train
    ]
    assert SHORTCUTS["word_order"].answer(renamed, [swapped]) == SHORTCUTS["word_order"].answer(
        train, [swapped]
    )


def test_the_entity_pair_alone_is_seen_in_either_order_and_nothing_that_is_said():
    train = [fact("Ann", "Bob", ENTAILMENT), fact("Cid", "Dee", CONTRADICTION)]
    assert SHORTCUTS["entity_pair"].answer(
        train, [fact("Bob", "Ann", ENTAILMENT), fact("Dee", "Cid", CONTRADICTION)]
    ) == [ENTAILMENT, CONTRADICTION]
    hidden = [
        fact("Bob", "Ann", ENTAILMENT, premise="?", hypothesis="?", property="P9"),
        fact("Dee", "Cid", CONTRADICTION, premise="?", hypothesis="?"),
    ]
    assert SHORTCUTS["entity_pair"].answer(train, hidden) == [ENTAILMENT, CONTRADICTION]


def test_rows_that_name_no_entities_have_no_entity_pair_shortcut():
    assert "entity_pair" not in shortcuts_for([row("P1", ENTAILMENT)])
    assert shortcuts_for([fact("a", "b", ENTAILMENT)]) == SHORTCUTS


@pytest.mark.parametrize("shortcut", SHORTCUTS.values(), ids=SHORTCUTS)
def test_shortcuts_read_no_test_label(shortcut):
    train = [row("P1", ENTAILMENT, 1, verb="borders"), row("P2", CONTRADICTION, 2, verb="fathered")]
    test = [row("P1", ENTAILMENT, 3, verb="borders"), row("P2", CONTRADICTION, 4, verb="fathered")]
    assert shortcut.answer(train, test) == shortcut.answer(train, [r._replace(label="hidden") for r in test])


@pytest.mark.parametrize("reads", ["sentences", "joint"])
def test_every_distinct_text_is_encoded_once_and_put_back_in_its_rows(reads):
    rows = [row("P1", ENTAILMENT, i % 3) for i in range(9)]
    encoder, encoded = tiny_encoder(), []
    found = represent(encoder, rows, reads, encoded.append)
    assert sum(encoded) == distinct_texts(rows, reads) == (6 if reads == "sentences" else 3)
    for i, r in enumerate(rows):
        alone = (
            [encoder.encode([r.premise], [r.hypothesis])]
            if reads == "joint"
            else [encoder.encode([r.premise]), encoder.encode([r.hypothesis])]
        )
        torch.testing.assert_close(found[i], torch.cat(alone), atol=1e-5, rtol=1e-4)


def test_an_untrained_encoder_remembers_some_rows_of_all_where_there_are_very_many(monkeypatch):
    remembered, asked = [], {"lexicalised": [row("P3", ENTAILMENT, 9)]}

    class Recorded(Knn):
        def fit(self, metric, read_out, memory, targets):
            remembered.append((len(memory), set(targets.tolist())))
            super().fit(metric, read_out, memory, targets)

    class Rows(PairData):
        labels = (ENTAILMENT, CONTRADICTION)
        score_rows = asked

    monkeypatch.setattr(readers, "UNTRAINED_ROWS", 20)
    monkeypatch.setattr(readers, "Knn", Recorded)
    one_after_the_other = [row("P1", label, i) for label in (ENTAILMENT, CONTRADICTION) for i in range(45)]
    titles = []
    for train in (one_after_the_other, one_after_the_other[:20]):
        data = Rows(batch_size=4, score_on="test", seed=0)
        data.train_rows = train
        scores = Scores(asked)
        readers.score_untrained(scores, tiny_encoder(), data, SENTENCES, Hadamard(), 0, "untrained, {}")
        titles.append(scores.readers[readers.UNTRAINED_KNN].title)
    assert remembered == [(20, {0, 1}), (20, {0})]
    assert titles == ["untrained, k-NN over 20 rows", "untrained, k-NN"]


def test_vectors_with_nan_are_no_representation():
    encoder = tiny_encoder()
    with torch.no_grad():
        encoder.model.encoder.layer[1].output.dense.bias[3] = torch.nan
    with pytest.raises(ValueError, match=r"2 of 2 texts a vector with NaN .* precision=fp32"):
        represent(encoder, [row("swap", "entailment")], "sentences")


def test_scores_are_flat_in_0_to_1_and_by_property():
    rows = {
        "lexicalised": [
            row("P1", ENTAILMENT),
            row("P1", ENTAILMENT, 1),
            row("P2", CONTRADICTION, 2),
            row("P2", CONTRADICTION, 3),
        ]
    }
    scores = Scores(rows)
    scores.add("test/accuracy", "lexicalised", [ENTAILMENT, CONTRADICTION, CONTRADICTION, CONTRADICTION])
    scores.add("shortcut/majority", "lexicalised", [CONTRADICTION] * 4)
    scores.average(
        "untrained/random_label",
        "lexicalised",
        [[ENTAILMENT] * 4, [CONTRADICTION] * 4, [ENTAILMENT] * 2 + [CONTRADICTION] * 2],
    )
    flat = scores.flat("test/accuracy")
    assert flat["test/accuracy/lexicalised"] == 0.75
    assert flat["test/accuracy/lexicalised/P1"] == 0.5
    assert flat["test/accuracy/lexicalised/P2"] == 1.0
    assert flat["shortcut/majority/lexicalised"] == 0.5
    assert flat["untrained/random_label/lexicalised"] == pytest.approx(2 / 3)
    assert all(0 <= value <= 1 for value in flat.values())
    assert scores.intervals("test/accuracy")["test/accuracy/lexicalised/P1"].rows == 2
    table = scores.table("test/accuracy")
    assert table["correct"] == [True, False, True, True]
    assert set(map(len, table.values())) == {4}


def items(
    number: int, kind: str, variants: tuple[str, ...], property: str | None = None, **labels: str
) -> list[Row]:
    """One fact's rows, of the variants given, all entailed but those whose label is said."""
    property = property or kind
    texts = [f"{property}:{number}#{name}" for name in variants]
    return [
        Row(text, property, "ids", "p", "h", labels.get(name, ENTAILMENT), f"{property}:{number}", kind, name)
        for text, name in zip(texts, variants, strict=True)
    ]


def test_whatever_is_answered_to_variants_that_are_counted_apart_groups_stay_as_they_are():
    counted = ("swap", "identity", "paraphrase")
    apart = COUNTED_APART
    assert {"swapped_paraphrase", "double_negation", "negated_premise", "other_relation"} < set(apart)
    rows = []
    for number in range(4):
        rows += items(number, "symmetric", (*counted, *apart))
        rows += items(number, "antisymmetric", (*counted, *apart))
    answers = [ENTAILMENT if row.variant in counted else CONTRADICTION for row in rows]
    answers[rows.index(items(2, "antisymmetric", ("swap",))[0])] = CONTRADICTION
    scores = Scores({"ids": rows})
    scores.add("test/accuracy", "ids", answers)
    alone = [(row, answer) for row, answer in zip(rows, answers, strict=True) if row.variant in counted]
    without = Scores({"ids": [row for row, _ in alone]})
    without.add("test/accuracy", "ids", [answer for _, answer in alone])
    groups = scores.groups("test/accuracy", "ids")
    assert groups == without.groups("test/accuracy", "ids")
    assert {kind: share.value for kind, share in groups.items()} == {"symmetric": 1.0, "antisymmetric": 0.75}
    # One item that counts is no group, however many stand beside it.
    single = Scores({"ids": items(0, "symmetric", ("swap", *apart))})
    single.add("test/accuracy", "ids", [ENTAILMENT] * (1 + len(apart)))
    assert single.groups("test/accuracy", "ids") == {}


def test_roles_are_right_where_both_variants_are_and_a_constant_answer_has_none_of_antisymmetric_ones():
    variants = ("paraphrase", "swapped_paraphrase", "converse", "swapped_converse")
    excluded = {"swapped_paraphrase": CONTRADICTION, "swapped_converse": CONTRADICTION}
    rows = []
    for number in range(4):
        rows += items(number, "symmetric", variants) + items(number, "antisymmetric", variants, **excluded)
    rows += items(9, "neither", ("paraphrase",))  # without its other variant: no fact of roles
    scores = Scores({"ids": rows})
    right = [row.label for row in rows]
    wrong = rows.index(items(1, "antisymmetric", ("swapped_paraphrase",), **excluded)[0])
    scores.add("test/accuracy", "ids", [*right[:wrong], ENTAILMENT, *right[wrong + 1 :]])
    scores.add("shortcut/constant", "ids", [ENTAILMENT] * len(rows))
    intervals = scores.intervals("test/accuracy")
    assert intervals["test/roles/ids/antisymmetric"].value == 0.75
    assert intervals["test/roles/ids/antisymmetric"].rows == 4
    assert intervals["test/converse_roles/ids/antisymmetric"].value == 1.0
    assert intervals["shortcut/constant_roles/ids/antisymmetric"].value == 0.0
    assert intervals["shortcut/constant_roles/ids/symmetric"].value == 1.0
    assert "test/roles/ids/neither" not in intervals
    flat = scores.flat("test/accuracy")
    assert flat["test/roles/ids"] == 0.75
    assert flat["shortcut/constant_converse_roles/ids"] == 0.0


def test_each_variant_is_scored_by_kind_where_there_are_several_of_both():
    variants = ("swap", "negated_premise")
    rows = items(0, "symmetric", variants) + items(0, "antisymmetric", variants, swap=CONTRADICTION)
    scores = Scores({"ids": rows})
    scores.add("test/accuracy", "ids", [ENTAILMENT] * 4)
    flat = scores.flat("test/accuracy")
    assert flat["test/accuracy/ids/swap/symmetric"] == 1.0
    assert flat["test/accuracy/ids/swap/antisymmetric"] == 0.0
    assert flat["test/accuracy/ids/swap"] == 0.5
    one_kind = Scores({"ids": rows[:2]})
    one_kind.add("test/accuracy", "ids", [ENTAILMENT] * 2)
    assert not any(key.endswith("/symmetric") for key in one_kind.flat("test/accuracy"))


def test_a_missing_answer_is_an_error():
    with pytest.raises(ValueError, match="1 answers for 2 rows"):
        Scores({"lexicalised": [row("P1", ENTAILMENT)] * 2}).add("test/accuracy", "lexicalised", [ENTAILMENT])


LABELS = st.lists(st.sampled_from(["entailment", "contradiction"]), min_size=2, max_size=30).filter(
    lambda labels: len(set(labels)) == 2
)


def test_balanced_accuracy_of_a_constant_answer_is_one_half_however_unbalanced_the_rows():
    assert balanced_accuracy(["entailment"] * 9 + ["contradiction"], ["entailment"] * 10) == pytest.approx(
        0.5
    )
    assert balanced_accuracy(["entailment", "contradiction"], [None, "contradiction"]) == pytest.approx(0.5)
    assert balanced_accuracy(["entailment", "contradiction"], ["neutral", "contradiction"]) == pytest.approx(
        0.5
    )


def test_bias_says_how_much_more_entailment_is_answered_than_there_is():
    assert entailment_bias(["entailment", "contradiction"], ["entailment", "entailment"]) == 0.5
    assert entailment_bias(["entailment", "contradiction"], ["contradiction", None]) == -0.5


def test_consistency_counts_pairs_that_were_answered_both_times():
    assert (
        consistency(["entailment", "contradiction", None], ["entailment", "entailment", "entailment"]) == 0.5
    )
    assert consistency([None], ["entailment"]) is None


@given(LABELS, st.data())
def test_auroc_is_the_share_of_ordered_pairs(labels, data):
    scores = data.draw(st.lists(st.floats(-5, 5), min_size=len(labels), max_size=len(labels)))
    pairs = [
        (a > b) + 0.5 * (a == b)
        for la, a in zip(labels, scores, strict=True)
        for lb, b in zip(labels, scores, strict=True)
        if la == "entailment" and lb != "entailment"
    ]
    assert auroc(labels, scores) == pytest.approx(sum(pairs) / len(pairs))


def test_auroc_of_a_perfect_order_of_many_scores_is_not_above_1():
    for rows in (1000, 3001, 20000):
        labels = ["contradiction"] * rows + ["entailment"] * rows
        assert 1 - 1e-5 <= auroc(labels, [float(place) for place in range(2 * rows)]) <= 1


def test_auroc_needs_both_labels_and_leaves_out_rows_without_a_score():
    assert auroc(["entailment", "entailment"], [0.1, 0.2]) is None
    assert auroc(["entailment", "contradiction", "contradiction"], [0.9, 0.1, None]) == 1


@given(LABELS, st.data())
def test_calibration_error_is_the_weighted_gap_of_the_reliability_bins(labels, data):
    probabilities = data.draw(st.lists(st.floats(0.01, 0.99), min_size=len(labels), max_size=len(labels)))
    bins = reliability(labels, probabilities)
    assert sum(one.rows for one in bins) == len(labels)
    gap = sum(one.rows * abs(one.probability - one.entailment) for one in bins) / len(labels)
    assert calibration_error(labels, probabilities) == pytest.approx(gap, abs=1e-6)


@given(LABELS, st.data())
def test_no_other_threshold_separates_the_rows_better(labels, data):
    scores = data.draw(st.lists(st.integers(0, 6).map(float), min_size=len(labels), max_size=len(labels)))

    def balanced(cut: float) -> float:
        return balanced_accuracy(
            labels, ["entailment" if score >= cut else "contradiction" for score in scores]
        )

    best = balanced(best_threshold(labels, scores))
    assert best == pytest.approx(max(balanced(cut) for cut in [-1, *(score + 0.5 for score in range(-1, 8))]))
    assert best >= 0.5


def test_a_threshold_needs_both_labels():
    with pytest.raises(ValueError, match="rows of another label"):
        best_threshold(["entailment"], [0.5])


def test_the_cluster_interval_is_wider_where_rows_of_a_cluster_agree():
    correct = [True, True, False, False] * 25
    apart, together = (
        cluster_interval(correct, range(100)),
        cluster_interval(correct, [row // 2 for row in range(100)]),
    )
    assert together[1] - together[0] > 1.2 * (apart[1] - apart[0])
    assert cluster_interval([True, False], ["one", "one"]) is None


def test_mcnemar_asks_only_the_rows_that_one_reader_has_right():
    assert mcnemar(0, 0) == 1
    assert mcnemar(5, 5) == 1
    assert mcnemar(6, 0) == pytest.approx(2 / 2**6)
    assert mcnemar(0, 6) == mcnemar(6, 0)
