"""Relations that are given by two nouns: what texts they get, and what is refused."""

from __future__ import annotations

import re

import pytest

from banks_of import bank_in, benchmark_of, write_yaml
from relsym.data.relation_bank import read_bank
from relsym.data.role_nouns import RolePair, entry_of_roles, with_indefinite_article
from relsym.data.splits import ADDED, TRAIN

LANDLORD = {
    "kind": "antisymmetric",
    "slots": ["person", "person"],
    "meaning": "renting",
    "roles": ["landlord", "tenant"],
}


def pair_of(**changes) -> RolePair:
    fields = LANDLORD | changes
    return RolePair(fields["kind"], tuple(fields["slots"]), fields["meaning"], tuple(fields["roles"]))


def without_articles(texts) -> set[str]:
    return {re.sub(r"\b(the|an|a) ", "", text, flags=re.IGNORECASE) for text in texts}


def test_each_noun_stands_for_its_own_role_in_both_orders():
    entry = entry_of_roles(pair_of())
    assert {
        "[X] is landlord of [Y].",
        "[X]'s tenant is [Y].",
        "[X] has [Y] as tenant.",
        "tenant of [X] is [Y].",
        "[X] and [Y] are landlord and tenant.",
    } <= without_articles(entry.wordings)
    assert {
        "[Y] is tenant of [X].",
        "[Y]'s landlord is [X].",
        "[Y] has [X] as landlord.",
        "landlord of [Y] is [X].",
        "[Y] and [X] are tenant and landlord.",
    } <= without_articles(entry.converses)
    assert {"[X] is no landlord of [Y].", "[X] does not have [Y] as tenant."} <= set(entry.negations)
    assert len(entry.wordings) == len(entry.converses) == 15
    assert len(set(entry.texts)) == len(entry.texts)


def test_the_one_noun_of_a_symmetric_relation_stands_for_both_and_its_plural_for_the_two():
    entry = entry_of_roles(pair_of(kind="symmetric", roles=("rival", "rivals")))
    assert {"[X] is rival of [Y].", "[X]'s rival is [Y].", "[X] and [Y] are rivals."} <= without_articles(
        entry.wordings
    )
    assert not entry.converses


def test_articles_tell_no_kind():
    """Both stand in relations of either kind, about as often."""
    shares = {}
    for kind in ("symmetric", "antisymmetric"):
        texts = []
        for number in range(50):
            noun, other = f"role{number}", f"roles{number}"
            texts += entry_of_roles(pair_of(kind=kind, roles=(noun, other))).wordings
        shares[kind] = sum(" the " in text or text.startswith("The ") for text in texts) / len(texts)
    assert all(0.2 < share < 0.5 for share in shares.values())
    assert abs(shares["symmetric"] - shares["antisymmetric"]) < 0.1


def test_which_texts_are_kept_from_training_differs_between_relations():
    last = {entry_of_roles(pair_of(roles=(f"one{number}", "other"))).wordings[-1] for number in range(30)}
    assert len({re.sub(r"one\d+", "one", text) for text in last}) > 5


@pytest.mark.parametrize(
    ("noun", "article"),
    [
        ("landlord", "a"),
        ("ally", "an"),
        ("heir", "an"),
        ("union", "a"),
        ("user", "a"),
        ("uncle", "an"),
        ("European partner", "a"),
        ("one-time host", "a"),
        ("honorary host", "an"),
        ("Understudy", "an"),
    ],
)
def test_the_indefinite_article_goes_by_the_sound(noun, article):
    assert with_indefinite_article(noun) == f"{article} {noun}"


def test_a_pair_of_nouns_in_the_further_folder_trains_and_is_scored_nowhere(tmp_path):
    folder = bank_in(tmp_path / "bank")
    (folder / "further").mkdir()
    write_yaml(folder / "further" / "home.yaml", {"landlord": LANDLORD})
    bank = read_bank(str(folder))
    assert bank.added == {"landlord"}
    assert (bank.sides["landlord"], bank.families["landlord"]) == (ADDED, "home")
    benchmark = benchmark_of(folder, "near", reworded=True)
    trained = benchmark.pairs(benchmark.draw(TRAIN, 0), ("swap", "converse", "negated_identity"))
    labels = {pair.variant: pair.label for pair in trained if pair.property == "landlord"}
    assert labels == {"swap": "contradiction", "converse": "entailment", "negated_identity": "contradiction"}


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"roles": ["landlord"]}, "`roles`"),
        ({"roles": ["landlord", " "]}, "roles: a noun is empty"),
        ({"roles": ["landlord", "landlord"]}, "roles: 'landlord' twice"),
        ({"roles": ["landlord of [X]", "tenant"]}, "must contain [X] and [Y] once each"),
        ({"kind": "odd"}, "'odd'"),
        ({"meaning": ""}, "meaning is empty"),
        ({"slots": ["person", "ship"]}, "slots: unknown type"),
        ({"kind": "symmetric", "slots": ["person", "town"]}, "a symmetric relation holds both ways"),
        ({"wordings": ["[X] lets to [Y]."]}, "unknown field `wordings`. Fields: kind, slots, meaning, roles"),
        ({"meaning": "testnearsymmetrics"}, "the meaning class testnearsymmetrics is held out"),
    ],
)
def test_odd_pairs_are_refused_with_file_relation_and_advice(tmp_path, changes, part):
    folder = bank_in(tmp_path / "bank")
    (folder / "further").mkdir()
    write_yaml(folder / "further" / "home.yaml", {"landlord": LANDLORD | changes})
    with pytest.raises(ValueError, match=r"further/home\.yaml: landlord") as refused:
        read_bank(str(folder))
    assert part in str(refused.value)
