"""Denials and assurances by rule, and the further texts of a bank that train alone."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from banks_of import bank_in, benchmark_of, entry, families, write_yaml
from relsym.data.bank_entries import plain_text
from relsym.data.relation_bank import read_bank
from relsym.data.rewording import ASSURING_CLAUSES, DENYING_CLAUSES, assurances, denials, with_not
from relsym.data.splits import ADDED, BANK_RULES, TEST, TRAIN, VALIDATION


@pytest.mark.parametrize(
    ("text", "denied"),
    [
        ("[X] is above [Y].", "[X] is not above [Y]."),
        ("[X] and [Y] are rivals.", "[X] and [Y] are not rivals."),
        ("[X] was written by [Y].", "[X] was not written by [Y]."),
        ("It is [X] that has [Y] as a part.", "It is not [X] that has [Y] as a part."),
        ("[X] has [Y] as a child.", "[X] does not have [Y] as a child."),
        ("[X] has [Y], which is small.", "[X] does not have [Y], which is small."),
        ("Who [X] was is told by [Y].", "Who [X] was not is told by [Y]."),
    ],
)
def test_the_first_verb_is_denied(text, denied):
    assert with_not(text) == denied


@pytest.mark.parametrize(
    "text",
    [
        "[X] follows [Y].",
        "[X] is not above [Y].",
        "[X] isn't above [Y].",
        "No road is between [X] and [Y].",
        "[X] has never been near [Y].",
        "[X] is only for [Y].",
        "[X] has been ahead of [Y].",
    ],
)
def test_where_no_rule_is_sure_there_is_no_denial_by_not(text):
    assert with_not(text) is None


def test_every_text_is_denied_once_by_a_clause_where_not_by_not():
    texts = [f"[X] is number {number} to [Y]." for number in range(40)] + ["[X] follows [Y]."]
    made = denials(texts)
    assert len(made) == len(texts)
    by_not = [text for text in made if " is not number " in text]
    assert 10 < len(by_not) < 30
    clauses = {text.split("[X]")[0].strip() for text in made if text not in by_not}
    assert clauses <= set(DENYING_CLAUSES)
    assert len(clauses) > 3
    assert made[-1].endswith("[X] follows [Y].")
    assert made == denials(texts)


def test_an_assurance_changes_nothing_but_what_stands_before():
    texts = ["To [X], [Y] is a friend.", "[X] likes [Y].", "[Y] is liked by [X]."]
    [first, last] = assurances(texts, 2)
    assert first.endswith(" to [X], [Y] is a friend.")
    assert last.endswith(" [Y] is liked by [X].")
    assert {first.split(" to [X]")[0], last.split(" [Y]")[0]} <= set(ASSURING_CLAUSES)


# --- what trains in a bank


def refusal_of(tmp_path: Path, file: str, further: object) -> str:
    """What is said of a bank with such a file of further texts."""
    folder = bank_in(tmp_path / "bank")
    (folder / "further").mkdir()
    write_yaml(folder / "further" / file, further)
    with pytest.raises(ValueError, match=re.escape(f"further/{file}")) as refused:
        read_bank(str(folder))
    return str(refused.value)


@pytest.fixture
def folder(tmp_path):
    folder = bank_in(tmp_path / "bank")
    further = {
        "train_antisymmetric": {
            "wordings": [f"[X] is a further {number}th one for [Y]." for number in range(20)],
            "negations": ["[X] was at no time a further one for [Y]."],
            "converses": [f"[Y] has [X] as a further {number}th one." for number in range(20)],
        },
        "test_near_symmetric": {"wordings": ["[X] is further beside [Y]."]},
    }
    (folder / "further").mkdir()
    write_yaml(folder / "further" / "more.yaml", further)
    return folder


@pytest.mark.parametrize("split", BANK_RULES)
def test_further_texts_and_rules_train_and_are_scored_nowhere(folder, split):
    plain, reworded = (benchmark_of(folder, split, reworded=on) for on in (False, True))
    variants = ("paraphrase", "negated_identity", "converse", "swapped_converse")
    texts = {}
    for part in (TRAIN, VALIDATION, TEST):
        for name, benchmark in (("plain", plain), ("reworded", reworded)):
            drawn = benchmark.draw(part, 0)
            texts[part, name] = [pair.hypothesis for pair in benchmark.pairs(drawn, variants)]
    for part in (VALIDATION, TEST):
        assert texts[part, "plain"] == texts[part, "reworded"]
        assert not any("further" in text for text in texts[part, "reworded"])
    trained = " ".join(texts[TRAIN, "reworded"])
    assert "further" not in " ".join(texts[TRAIN, "plain"])
    assert "th one for" in trained
    assert "th one." in trained
    assert any(text.startswith(DENYING_CLAUSES) for text in texts[TRAIN, "reworded"])
    assert plain.content_hash() != reworded.content_hash()


def test_labels_of_further_texts_are_those_of_the_relation(folder):
    benchmark = benchmark_of(folder, reworded=True)
    pairs = benchmark.pairs(benchmark.draw(TRAIN, 0), ("paraphrase", "converse", "negated_identity"))
    labels = {pair.variant: set() for pair in pairs}
    for pair in pairs:
        labels[pair.variant].add(pair.label)
    assert labels == {
        "paraphrase": {"entailment"},
        "converse": {"entailment"},
        "negated_identity": {"contradiction"},
    }


def test_the_further_texts_are_in_the_hash(folder):
    before = benchmark_of(folder, reworded=True).content_hash()
    write_yaml(folder / "further" / "more.yaml", {"twinned": {"wordings": ["[X] is a further twin of [Y]."]}})
    assert benchmark_of(folder, reworded=True).content_hash() != before


def test_what_a_rule_makes_and_the_bank_keeps_from_training_does_not_train():
    """In relsym's own bank: no text that trains is one that is kept, or of a relation that is held out."""
    bank = read_bank()
    relations = bank.relations()
    kept, held_out = set(), set()
    for relation in relations.values():
        if relation.kept is not None:
            kept |= {plain_text(text) for text in relation.kept.wordings if text}
        if relation.side not in (TRAIN, ADDED):
            held_out |= {plain_text(text) for text in bank.entries[relation.property].texts}
    trained = set()
    for relation in relations.values():
        if relation.side in (TRAIN, ADDED):
            trained |= {plain_text(text) for text in relation.reworded.wordings if text}
    assert len(trained) > 4000
    assert not trained & kept
    assert not trained & held_out


@pytest.mark.parametrize(
    ("content", "parts"),
    [
        (
            {"nobody": {"wordings": ["[X] likes [Y]."]}},
            ("nobody", "no relation of the bank, and has no kind"),
        ),
        ({"twinned": {"wordings": ["[X] likes."]}}, ("twinned: wordings", "[X] and [Y] once each")),
        ({"twinned": {"wordings": ["[Y] likes [X]."]}}, ("twinned: wordings", "another order")),
        ({"above": {"converses": ["[X] likes [Y]."]}}, ("above: converses", "other order")),
        ({"twinned": {"converses": ["[Y] likes [X]."]}}, ("twinned: converses", "its own converse")),
        ({"twinned": {"kind": "symmetric"}}, ("twinned", "unknown field", "wordings, negations, converses")),
        ({"nobody": ["[X] likes [Y]."]}, ("nobody", "expected a mapping with the fields kind")),
        ({"twinned": ["[X] likes [Y]."]}, ("twinned", "expected a mapping")),
        ({"twinned": {"wordings": [7]}}, ("twinned", "Expected `str`")),
        ([], ("expected a mapping from relation ids",)),
    ],
)
def test_odd_further_texts_are_refused_with_file_relation_and_advice(tmp_path, content, parts):
    refusal = refusal_of(tmp_path, "more.yaml", content)
    for part in ("further/more.yaml", *parts):
        assert part in refusal


def test_a_relation_of_the_further_folder_trains_and_has_no_side(tmp_path):
    folder = bank_in(tmp_path / "bank")
    before = read_bank(str(folder))
    (folder / "further").mkdir()
    write_yaml(folder / "further" / "home.yaml", {"newcomer": entry("greets", "antisymmetric")})
    bank = read_bank(str(folder))
    assert bank.added == {"newcomer"}
    assert bank.sides == before.sides | {"newcomer": ADDED}
    assert bank.families["newcomer"] == "home"
    relation = bank.relations()["newcomer"]
    assert {text for text in relation.wordings if text} == set(bank.entries["newcomer"].texts)  # none is kept
    for split in (*BANK_RULES, "entities"):
        plain = benchmark_of(folder, split, reworded=False)
        assert "newcomer" not in {pair.property for pair in plain.pairs(plain.draw(TRAIN, 0), ("swap",))}
        benchmark = benchmark_of(folder, split, reworded=True)
        trained = benchmark.pairs(benchmark.draw(TRAIN, 0), ("swap",))
        assert {pair.label for pair in trained if pair.property == "newcomer"} == {"contradiction"}
        for part in (VALIDATION, TEST):
            scored = benchmark.pairs(benchmark.draw(part, 0), ("swap", "other_relation"))
            assert "newcomer" not in {pair.property for pair in scored}
            assert not any(" greets " in pair.hypothesis for pair in scored)


@pytest.mark.parametrize(("added_pairs", "expected"), [(None, 8), (0, 0), (3, 3), (20, 20)])
def test_added_relations_get_their_own_number_of_training_pairs(tmp_path, added_pairs, expected):
    folder = bank_in(tmp_path / "bank")
    (folder / "further").mkdir()
    write_yaml(folder / "further" / "home.yaml", {"newcomer": entry("greets", "antisymmetric")})
    facts = benchmark_of(folder, "near", reworded=True, added_pairs=added_pairs).facts
    trained = Counter(facts.filter(facts["forward"] == TRAIN)["property"])
    assert trained.pop("newcomer", 0) == expected
    assert "newcomer" not in set(facts.filter(facts["forward"] != TRAIN)["property"])
    assert set(trained.values()) == {8}


@pytest.mark.parametrize(
    ("file", "changes", "parts"),
    [
        ("market", {}, ("newcomer", "no relation of the family market does", "one that trains: home")),
        ("garden", {}, ("newcomer", "no relation of the family garden does")),
        ("home", {"meaning": "testnearsymmetrics"}, ("the meaning class testnearsymmetrics is held out",)),
        ("home", {"meaning": "leftoutneithers"}, ("the meaning class leftoutneithers is held out",)),
        ("home", {"meaning": "TestNearSymmetrics "}, ("is held out (test_near_symmetric)",)),
        ("home", {"slots": ["person", "ship"]}, ("slots: unknown type", "ship")),
    ],
)
def test_a_relation_that_would_train_what_is_held_out_is_refused(tmp_path, file, changes, parts):
    newcomer = entry("greets", "antisymmetric", **changes)
    refusal = refusal_of(tmp_path, f"{file}.yaml", {"newcomer": newcomer})
    for part in (f"further/{file}.yaml: newcomer", *parts):
        assert part in refusal


def test_what_a_rule_makes_and_another_relation_has_does_not_train(tmp_path):
    """It may be kept from training there, or held out."""
    clause = next(text for text in denials(["[X] is a further one for [Y]."]) if text)
    content = families()
    content["home"]["test_near_antisymmetric"]["negations"].append(clause)
    folder = bank_in(tmp_path / "bank", content)
    (folder / "further").mkdir()
    further = {"train_antisymmetric": {"wordings": ["[X] is a further one for [Y]."]}}
    write_yaml(folder / "further" / "more.yaml", further)
    reworded = read_bank(str(folder)).relations()["train_antisymmetric"].reworded
    assert "[X] is a further one for [Y]." in reworded.wordings
    assert clause not in reworded.wordings


def test_a_further_text_that_the_bank_has_is_refused(tmp_path):
    text = families()["home"]["test_near_symmetric"]["wordings"][0]
    refusal = refusal_of(tmp_path, "more.yaml", {"twinned": {"wordings": [text]}})
    assert re.search(r"stands in (test_near_symmetric|twinned) too", refusal)


def test_a_relation_in_two_files_of_further_texts_is_refused(tmp_path):
    folder = bank_in(tmp_path / "bank")
    (folder / "further").mkdir()
    for name in ("a", "b"):
        write_yaml(folder / "further" / f"{name}.yaml", {"twinned": {"wordings": [f"[X] {name}s [Y]."]}})
    with pytest.raises(ValueError, match=r"b\.yaml: twinned stands in another file of further too"):
        read_bank(str(folder))
