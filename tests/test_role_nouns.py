"""Relations that are given by two nouns: what texts they get, and what is refused."""

from __future__ import annotations

import re

import pytest

from banks_of import KINDS, bank_in, benchmark_of, families, sides, write_yaml
from relsym.data.relation_bank import read_bank
from relsym.data.rewording import denials
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


def test_a_relation_has_one_article_and_articles_tell_no_kind():
    shares = {}
    for kind in ("symmetric", "antisymmetric"):
        definite = 0
        for number in range(200):
            nouns = (f"role{number}", f"roles{number}")
            entry = entry_of_roles(pair_of(kind=kind, roles=nouns))
            first, denied = entry.wordings[0], entry.negations[0]
            assert denied == first.replace(" is ", " is not ")
            definite += " the " in first
        shares[kind] = definite / 200
    assert all(0.4 < share < 0.6 for share in shares.values()), shares


@pytest.mark.parametrize("kind", ["symmetric", "antisymmetric"])
def test_a_denial_leaves_no_room_for_another_one_of_the_role(kind):
    """That a tenant of [X] is not [Y] would leave it open whether [Y] is another one."""
    for number in range(20):
        entry = entry_of_roles(pair_of(kind=kind, roles=(f"one{number}", f"other{number}")))
        denials_by_rule = denials([*entry.wordings, *entry.converses])
        for text in (*entry.negations, *denials_by_rule):
            assert not re.search(r"\ban? \w+ (of \[[XY]\] )?is not \[[XY]\]", text, re.IGNORECASE), text


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
        ("uninvited guest", "an"),
        ("émigré", "an"),
        ("MP", "an"),
        ("US ally", "a"),
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


def test_an_added_relation_is_of_a_kind_that_no_other_has_to_be(tmp_path):
    content = {
        family: {name: fields for name, fields in relations.items() if fields["kind"] != "neither"}
        for family, relations in families().items()
    }
    kept = {name for relations in content.values() for name in relations}
    stated = {side: [name for name in names if name in kept] for side, names in sides().items()}
    folder = bank_in(tmp_path / "bank", content, stated)
    (folder / "further").mkdir()
    write_yaml(folder / "further" / "home.yaml", {"landlord": LANDLORD | {"kind": "neither"}})
    benchmark = benchmark_of(folder, "near", reworded=True)
    assert (benchmark.kinds, benchmark.scored_kinds) == (("symmetric", "antisymmetric", "neither"), KINDS[:2])
    drawn = {split: set(benchmark.draw(split, 0)["kind"]) for split in (TRAIN, "validation", "test")}
    assert drawn == {TRAIN: set(KINDS), "validation": set(KINDS[:2]), "test": set(KINDS[:2])}


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"roles": ["landlord"]}, "`roles`"),
        ({"roles": ["landlord", " "]}, "' ' is no noun"),
        ({"roles": ["landlord", "tenant "]}, "'tenant ' is no noun"),
        ({"roles": ["the landlord", "tenant"]}, "'the landlord' is no noun"),
        ({"roles": ["landlord.", "tenant"]}, "'landlord.' is no noun"),
        ({"roles": ["Landlord", "landlord"]}, "roles: 'Landlord' twice"),
        ({"roles": ["landlord", "landlord"]}, "roles: 'landlord' twice"),
        ({"roles": ["landlord of [X]", "tenant"]}, "'landlord of [X]' is no noun"),
        ({"roles": [False, True]}, "YAML takes no, yes, on, off and numbers"),
        ({"kind": "symmetric", "roles": ["rival", "friends"]}, "'friends' is no plural of 'rival'"),
        ({"kind": "odd"}, "'odd'"),
        ({"meaning": ""}, "meaning is empty"),
        ({"slots": ["person", "ship"]}, "slots: unknown type"),
        (
            {"kind": "symmetric", "slots": ["person", "town"], "roles": ["rival", "rivals"]},
            "a symmetric relation holds both ways",
        ),
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
