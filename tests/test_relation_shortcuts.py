"""Shortcuts for banks of relations: what they see, and what they answer on relations made up here."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from relsym.data.module import PairData
from relsym.data.pairs import VARIANTS, Row, pair_table, pairs_of
from relsym.data.relations import CONTRADICTION, ENTAILMENT, NEUTRAL, Relation
from relsym.evaluation import relation_shortcuts as of_relations
from relsym.evaluation.readers import score_shortcuts
from relsym.evaluation.relation_shortcuts import (
    RELATION_SHORTCUTS,
    NearestRelation,
    OrderAndNegation,
    Pipeline,
    SlotTypes,
    made_shortcuts,
    relation_shortcuts,
    what_follows,
)
from relsym.evaluation.score import Scores
from relsym.evaluation.wordings import (
    LastReader,
    WhatIsAsked,
    WordingReader,
    read_wordings,
    with_names_masked,
)
from relsym.models.base import Examples
from relsym.models.shortcut import ShortcutModel
from relsym.report.one_run.terminal import print_parts
from relsym.runs.results import Interval
from relsym.visible_console import VisibleConsole
from runs_of import train_results

SEVEN = ["swap", "negated_swap", "identity", "negated_identity", "paraphrase", "converse", "swapped_converse"]
ROLES = [*SEVEN, "swapped_paraphrase"]
NAMES = [("Ann Lee", "Bo Ray"), ("Cy Orr", "Di Fox"), ("Ed", "Edda Poe"), ("Q12", "Q1")]


def relation(property: str, kind: str, **fields: object) -> Relation:
    return Relation(property, property, kind, slots=("person", "person"), family="f", **fields)


def symmetric(property: str, noun: str) -> Relation:
    return relation(
        property,
        "symmetric",
        template=f"[X] is a {noun} together with [Y].",
        negation=f"[X] is not a {noun} together with [Y].",
        paraphrases=(f"[X] and [Y] are {noun}s together.", f"A {noun} is [X] together with [Y]."),
    )


def antisymmetric(property: str, verb: str) -> Relation:
    return relation(
        property,
        "antisymmetric",
        template=f"[X] {verb} over [Y].",
        negation=f"[X] never {verb} over [Y].",
        paraphrases=(f"It is [X] that {verb} over [Y].",),
        converse=f"[Y] has [X], which {verb} over it.",
    )


TRAINED = {
    "S1": symmetric("S1", "rower"),
    "S2": symmetric("S2", "singer"),
    "A1": antisymmetric("A1", "rules"),
    "A2": antisymmetric("A2", "towers"),
}
UNSEEN = {"S3": symmetric("S3", "climber"), "A3": antisymmetric("A3", "presides")}


def rows_of(relations: dict[str, Relation], variants: list[str]) -> list[Row]:
    """All variants about every pair of names."""
    facts = []
    for property, entry in relations.items():
        for subject, object in NAMES:
            ids = (f"{subject}.", f"{object}.")
            facts.append((property, entry.kind, f"{subject}|{object}", *ids, subject, object, False, "test"))
    columns = ["property", "kind", "group_id", "subject", "object", "subject_label", "object_label"]
    table = pl.DataFrame(facts, schema=[*columns, "reverse", "split"], orient="row")
    return [pair.row("lexicalised") for pair in pairs_of(pair_table(table, relations, variants))]


def words_as_vectors(texts: list[str]) -> np.ndarray:
    """Texts with a word in common are near."""
    words = ["together", "over", "rower", "singer", "climber", "rules", "towers", "presides", "not", "never"]
    return np.array([[float(word in text.lower()) for word in words] + [0.1] for text in texts])


def encoded(shortcut: type) -> NearestRelation | Pipeline:
    return shortcut(words_as_vectors)


def right(rows: list[Row], answers: list[str], *variants: str) -> float:
    counted = [
        row.label == answer for row, answer in zip(rows, answers, strict=True) if row.variant in variants
    ]
    return sum(counted) / len(counted)


def test_names_are_masked_in_the_order_in_which_they_stand_and_a_name_within_another_is_not_taken_for_it():
    assert with_names_masked("Ann is over Bo.", "Ann", "Bo") == ("X is over Y.", True)
    assert with_names_masked("Bo is over Ann.", "Ann", "Bo") == ("X is over Y.", False)
    assert with_names_masked("Ann, Anna and Bo", "Anna", "Bo") == ("Ann, X and Y", True)
    assert with_names_masked("Anna is over Ann.", "Ann", "Anna") == ("X is over Y.", False)
    assert with_names_masked("Q12 is over Q1.", "Q1", "Q12") == ("X is over Y.", False)
    assert with_names_masked("Ann is over Bo.", "Ann", "Cy") == ("Ann is over Bo.", None)
    assert with_names_masked("Ann is over Edwardina.", "Ann", "Ed") == ("Ann is over Edwardina.", None)


def test_an_exchange_of_the_names_leaves_the_wordings_as_they_are():
    [swap, identity] = [
        next(row for row in rows_of(UNSEEN, [name]) if row.property == "A3") for name in ("swap", "identity")
    ]
    exchanged, same = read_wordings(swap), read_wordings(identity)
    assert exchanged == same._replace(exchanged=True)
    assert same.premise == same.hypothesis == "X presides over Y."


@pytest.mark.parametrize("variant", [name for name, variant in VARIANTS.items() if not variant.other])
def test_what_follows_is_the_label_of_every_variant_of_every_kind(variant):
    how = VARIANTS[variant]
    asked = WhatIsAsked(how.swapped, how.premise == "negation", how.negated)
    neither = relation(
        "N1",
        "neither",
        template="[X] likes [Y].",
        negation="[X] does not like [Y].",
        paraphrases=("[X] is fond of [Y].",),
        converse="[Y] is liked by [X].",
    )
    for row in rows_of({**TRAINED, "N1": neither}, [variant]):
        assert what_follows(row.kind, asked) == row.label, row


def test_the_pipeline_answers_every_item_of_relations_that_it_has_not_seen():
    train, test = rows_of(TRAINED, ROLES), rows_of(UNSEEN, [*ROLES, "negated_premise"])
    answers = encoded(Pipeline).answer(train, test)
    assert right(test, answers, *ROLES, "negated_premise") == 1.0


def test_the_nearest_relation_answers_as_a_training_relation_does_for_what_is_asked():
    train, test = rows_of(TRAINED, ROLES), rows_of(UNSEEN, ROLES)
    assert right(test, encoded(NearestRelation).answer(train, test), *ROLES) == 1.0
    # Another kind beside it, and all that depends on the kind is wrong.
    renamed = [
        row._replace(premise=row.premise.replace("presides", "rower together"), property="S3") for row in test
    ]
    misled = [row for row in renamed if row.kind == "antisymmetric" and row.variant == "swap"]
    assert right(misled, encoded(NearestRelation).answer(train, misled), "swap") == 0.0


def test_order_and_negation_cannot_tell_a_converse_from_a_swap_nor_one_kind_from_the_other():
    train, test = rows_of(TRAINED, ROLES), rows_of(UNSEEN, ROLES)
    answers = OrderAndNegation().answer(train, test)
    assert right(test, answers, "identity", "negated_identity", "paraphrase") == 1.0
    assert right(test, answers, "swap") == 0.5
    of_fact = {row.variant: answer for row, answer in zip(test, answers, strict=True) if row.property == "A3"}
    assert of_fact["converse"] == of_fact["swapped_paraphrase"]


def test_slot_types_tell_the_kind_where_types_do():
    train, test = rows_of(TRAINED, ["swap", "identity"]), rows_of(UNSEEN, ["swap", "identity"])
    types = {}
    for property in (*TRAINED, *UNSEEN):
        types[property] = ("city", "river") if property.startswith("A") else ("person", "person")
    assert right(test, SlotTypes(types).answer(train, test), "swap", "identity") == 1.0
    alike = dict.fromkeys(types, ("person", "person"))
    assert right(test, SlotTypes(alike).answer(train, test), "swap") == 0.5


@pytest.mark.parametrize(
    "shortcut",
    [OrderAndNegation(), encoded(NearestRelation), encoded(Pipeline)],
    ids=lambda s: type(s).__name__,
)
def test_neither_label_nor_kind_nor_variant_of_a_row_is_looked_at(shortcut):
    train, test = rows_of(TRAINED, ROLES), rows_of(UNSEEN, ROLES)
    answers = shortcut.answer(train, test)
    hidden = [
        row._replace(label="none", kind="", variant="", property="", pair_id="", fact_id="") for row in test
    ]
    assert shortcut.answer(train, hidden) == answers


def test_where_a_name_is_missing_nothing_follows():
    train = rows_of(TRAINED, ROLES)
    row = rows_of(UNSEEN, ["identity"])[0]
    other = row._replace(hypothesis=row.hypothesis.replace(row.object, "Zoe"), label=NEUTRAL)
    assert encoded(Pipeline).answer(train, [other]) == [NEUTRAL]


def test_without_variants_that_deny_or_state_the_converse_words_of_denial_and_the_order_have_to_do():
    train, test = rows_of(TRAINED, ["swap"]), rows_of(UNSEEN, ["swap", "negated_swap", "negated_identity"])
    answers = encoded(Pipeline).answer(train, test)
    assert right(test, answers, "swap", "negated_swap", "negated_identity") == 1.0


class BankRows(PairData):
    """Rows about relations that are given."""

    def __init__(self, relations: dict[str, Relation]) -> None:
        super().__init__(2, "test", 0)
        self.relations = relations

    def read(self) -> None:
        self.labels = (ENTAILMENT, CONTRADICTION)
        self.train_rows = rows_of(TRAINED, ROLES)
        self.score_rows = {"lexicalised": rows_of(UNSEEN, ROLES)}

    def rows_of(self, side: str, pairs: int | None) -> dict[str, list[Row]]:
        return self.score_rows


def without_family(table: dict[str, Relation]) -> dict[str, Relation]:
    return {property: replace(entry, family="") for property, entry in table.items()}


def test_a_bank_has_these_shortcuts_with_groups_and_roles_and_other_tables_have_none(monkeypatch):
    monkeypatch.setattr(of_relations, "BundledVectors", lambda: words_as_vectors)
    everything = {**TRAINED, **UNSEEN}
    data = BankRows(everything)
    data.read()
    scores = Scores(data.score_rows)
    score_shortcuts(scores, data)
    intervals = scores.intervals("shortcut/pipeline")
    for name in RELATION_SHORTCUTS:
        assert f"shortcut/{name}_groups/lexicalised/antisymmetric" in intervals
        assert f"shortcut/{name}_roles/lexicalised/antisymmetric" in intervals
    assert intervals["shortcut/pipeline_roles/lexicalised/antisymmetric"].value == 1.0
    assert list(scores.readers)[-4:] == [f"shortcut/{name}" for name in RELATION_SHORTCUTS]
    assert relation_shortcuts(without_family(everything)) == {}
    assert relation_shortcuts({}) == {}


def test_slot_types_are_left_out_where_a_relation_has_none_and_vectors_where_there_is_no_encoder(
    monkeypatch, caplog
):
    everything = {**TRAINED, "A9": replace(antisymmetric("A9", "leads"), slots=())}
    assert set(made_shortcuts(everything)) == set(RELATION_SHORTCUTS) - {"slot_types"}
    monkeypatch.setattr(of_relations, "bundled_is_installed", lambda: False)
    assert set(relation_shortcuts(TRAINED)) == {"order_and_negation", "slot_types"}
    assert "nearest_relation, pipeline need the bundled encoder and are left out" in caplog.text


def test_shortcuts_that_share_what_was_learnt_answer_as_if_they_did_not(monkeypatch):
    fitted = []
    converses = WordingReader._learn_converses
    monkeypatch.setattr(
        WordingReader,
        "_learn_converses",
        lambda self, rows: (fitted.append(len(rows)), converses(self, rows)),
    )
    train, test = rows_of(TRAINED, ROLES), rows_of(UNSEEN, ROLES)
    learn = LastReader()
    shared = {kind: kind(words_as_vectors, learn) for kind in (NearestRelation, Pipeline)}
    answers = {kind: shortcut.answer(train, test) for kind, shortcut in shared.items()}
    assert len(fitted) == 1
    assert answers == {kind: encoded(kind).answer(train, test) for kind in shared}
    # One of them learns from other rows, and the other one goes on as it was.
    fewer = rows_of(TRAINED, ["swap"])
    assert shared[NearestRelation].answer(fewer, test) == encoded(NearestRelation).answer(fewer, test)
    assert shared[Pipeline].answer(train, test) == answers[Pipeline]
    assert shared[NearestRelation].answer(train, test) == answers[NearestRelation]


def test_a_denial_in_the_premise_does_not_make_its_own_wording_a_converse():
    train, test = rows_of(TRAINED, ROLES), rows_of(UNSEEN, ["negated_premise"])
    shortcut = encoded(Pipeline)
    shortcut.answer(train, test)
    asked = shortcut.reader.asked([read_wordings(row) for row in test])
    assert set(asked) == {WhatIsAsked(True, True, False)}


def test_a_shortcut_for_banks_can_be_asked_about_any_facts_as_a_model_of_its_own(monkeypatch):
    monkeypatch.setattr(of_relations, "BundledVectors", lambda: words_as_vectors)
    train, test = rows_of(TRAINED, ROLES), rows_of(UNSEEN, ROLES)
    model = ShortcutModel("pipeline")
    model.prepare(Examples((ENTAILMENT, CONTRADICTION), train, without_family({**TRAINED, **UNSEEN})))
    assert model.measure(test)["answer"] == [row.label for row in test]
    untyped = {property: replace(entry, slots=()) for property, entry in TRAINED.items()}
    with pytest.raises(ValueError, match="slot_types the types of their slots"):
        ShortcutModel("slot_types").prepare(Examples((ENTAILMENT, CONTRADICTION), train, untyped))


def test_of_many_properties_a_run_prints_the_worst(capsys):
    properties = [f"r{number}" for number in range(100)]
    intervals = {
        "test/accuracy/lexicalised": Interval(value=0.5, low=0.4, high=0.6, correct=5000, rows=10000)
    }
    for number, property in enumerate(properties):
        share = (number * 37 % 100) / 100  # in no order
        intervals[f"test/accuracy/lexicalised/{property}"] = Interval(
            value=share, low=0.0, high=1.0, correct=int(100 * share), rows=100
        )
    intervals["test/accuracy/lexicalised/swap"] = Interval(value=0.9, low=0.0, high=1.0, correct=90, rows=100)
    metrics = {key: interval.value for key, interval in intervals.items()}
    results = train_results(metrics=metrics, intervals=intervals, rows={"lexicalised": 10000})
    print_parts(results, VisibleConsole(width=130))
    output = capsys.readouterr().out
    assert "The 60 worst properties; 40 more are in results.json." in output
    shown = [property for property in properties if f"│ {property} " in output]
    assert shown == [property for number, property in enumerate(properties) if number * 37 % 100 < 60]
    assert "│ swap " in output


def test_a_run_prints_roles_of_every_reader_and_marks_the_variants_that_are_counted_apart(capsys):
    rows = rows_of(UNSEEN, [*ROLES, "negated_premise"])
    scores = Scores({"lexicalised": rows})
    scores.add("test/accuracy", "lexicalised", [row.label for row in rows])
    scores.add("shortcut/majority", "lexicalised", [ENTAILMENT] * len(rows))
    results = train_results(
        metrics=scores.flat("test/accuracy"),
        intervals=scores.intervals("test/accuracy"),
        rows={"lexicalised": len(rows)},
    )
    print_parts(results, VisibleConsole(width=130))
    lines = capsys.readouterr().out.splitlines()
    [roles, converse_roles] = [line for line in lines if "Roles in %" in line]
    assert "paraphrase and swapped paraphrase right" in roles
    assert "converse and swapped converse right" in converse_roles
    majority = next(line for line in lines if "shortcut/majority_roles" in line)
    assert "0.00 [0.00, 48.99] antisymmetric" in majority
    assert any("negated_premise *" in line for line in lines)
    assert not any(line.startswith("│ swap *") for line in lines)
    # Not among the properties and variants, where a part has one figure.
    [by_part] = [n for n, line in enumerate(lines) if "By property and variant" in line]
    [by_kind] = [n for n, line in enumerate(lines) if "By variant and kind" in line]
    assert not any("/symmetric" in line for line in lines[by_part:by_kind])
