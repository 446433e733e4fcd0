"""The bank of relations that comes with relsym: that it is what docs/relations.md says."""

from __future__ import annotations

import re
from collections import Counter

import pytest
import yaml

from relsym.data.bank_entries import relations_in
from relsym.data.bank_sides import BANK_HASH, RESERVED, SIDES_FILE, bank_hash, draw_sides
from relsym.data.relation_bank import BANK, KEPT_LAST, RelationBank, bank_folder, read_bank
from relsym.data.relations import read_relations
from relsym.data.splits import TRAIN

ROOT = bank_folder(BANK)
# Those that extended.yaml names as left out, and what means the same.
LEFT_OUT = {
    "P26",
    "P190",
    "P451",
    "P1327",
    "P171",
    "P749",
    "P355",
    "P50",
    "P127",
    "P1830",
    "P150",
    "P1376",
    "P36",
    "P2652",
}
TOGETHER = r"^(It is true that )?\[[XY]\] and \[[XY]\] |^Between \[[XY]\] and \[[XY]\] "
CONNECTIVES = ("with", "of", "by", "to", "for")

pytestmark = pytest.mark.skipif(
    not ROOT.joinpath(SIDES_FILE).is_file(), reason="the bank is not part of this checkout"
)


@pytest.fixture(scope="module")
def bank() -> RelationBank:
    """Reading it checks every text, type, family, meaning class and side, and the hash of all."""
    return read_bank()


def test_its_sides_are_those_that_were_drawn_for_it(bank):
    stated = yaml.safe_load(ROOT.joinpath(SIDES_FILE).read_text(encoding="utf-8"))
    of_file = {name: side for side, names in stated.items() if side != BANK_HASH for name in names}
    assert stated[BANK_HASH] == bank_hash(bank.drawn(), bank.families, of_file)


def test_drawing_gives_the_sides_again(bank):
    meanings = {bank.entries[name].meaning for name, side in bank.sides.items() if side == RESERVED}
    stated = yaml.safe_load(ROOT.joinpath(SIDES_FILE).read_text(encoding="utf-8"))
    drawn = draw_sides(bank.drawn(), bank.families, list(read_relations("paper")), sorted(meanings))
    for side, names in stated.items():
        if side != BANK_HASH:
            assert set(names) == {name for name in drawn if drawn[name] == side}


def test_it_has_relations_of_every_kind_and_no_family_is_large(bank):
    """Of those that are measured; what was added later trains alone."""
    drawn = bank.drawn()
    kinds = Counter(entry.kind for entry in drawn.values())
    count = kinds.total()
    assert count >= 300
    assert 0.35 <= kinds["symmetric"] / count <= 0.45
    assert 0.40 <= kinds["antisymmetric"] / count <= 0.50
    assert 0.10 <= kinds["neither"] / count <= 0.20
    largest = Counter(bank.families[name] for name in drawn).most_common(1)[0][1]
    assert largest <= 0.12 * count


def test_enough_relations_test(bank):
    sides = Counter(bank.sides.values())
    assert sides["test_near"] >= 60
    assert sides["test_far"] >= 60
    for side in ("train", "validation_near", "validation_far", "test_near", "test_far"):
        kinds = {bank.entries[name].kind for name, other in bank.sides.items() if other == side}
        assert len(kinds) == 3, side


def test_a_far_relation_is_of_a_family_that_does_not_train(bank):
    trained = {bank.families[name] for name, side in bank.sides.items() if side == "train"}
    for name, side in bank.sides.items():
        is_far = side.endswith("_far")
        assert not (is_far and bank.families[name] in trained), name
        assert not (side.endswith("_near") and bank.families[name] not in trained), name


def test_types_give_most_antisymmetric_relations_not_away(bank):
    slots = [entry.slots for entry in bank.entries.values() if entry.kind == "antisymmetric"]
    of_one_type = sum(first == second for first, second in slots)
    assert of_one_type >= 0.6 * len(slots)


@pytest.mark.parametrize("table", ["paper", "extended"])
def test_the_properties_of_the_tables_are_in_it_unless_its_readers_differed(bank, table):
    lines = ROOT.joinpath("reviews.tsv").read_text(encoding="utf-8").splitlines()
    differing = set()
    for line in lines[1:]:
        relation, *answers = line.split("\t")
        if len(set(answers)) > 1:
            differing.add(relation)
    for property, relation in read_relations(table).items():
        if property not in differing:
            assert bank.entries[property].kind == relation.kind, property


def test_what_extended_leaves_out_neither_trains_nor_chooses(bank):
    assert {bank.sides[property] for property in LEFT_OUT} == {RESERVED}
    meanings = {bank.entries[property].meaning for property in LEFT_OUT}
    for name, entry in bank.entries.items():
        assert (entry.meaning in meanings) == (bank.sides[name] == RESERVED), name


def test_relations_have_five_wordings_or_more_of_which_some_train(bank):
    for name, relation in bank.relations().items():
        entry = bank.entries[name]
        assert len(entry.wordings) >= 5
        assert (relation.kept is None) == (name in bank.added)
        kept = {text for text in relation.kept.wordings if text} if relation.kept else set()
        trained = {text for text in relation.wordings if text}
        assert kept | trained == set(entry.texts)
        assert not kept & trained


def test_further_texts_are_many_and_of_relations_that_train(bank):
    """Printed with -s: how many there are of each field."""
    assert {bank.sides[name] for name in bank.further} == {TRAIN}
    counts = Counter()
    for further in bank.further.values():
        counts += Counter({field: len(getattr(further, field)) for field in KEPT_LAST})
    print(f"further texts: {dict(counts)} of {len(bank.further)} relations")
    for field, count in counts.items():
        own = [getattr(bank.entries[name], field)[: -KEPT_LAST[field]] for name in bank.further]
        assert count > sum(map(len, own)), field


def test_no_noun_of_a_role_stands_in_a_text_of_a_held_out_relation(bank):
    """Not in another number either."""
    held_out = set()
    for name, entry in bank.drawn().items():
        if bank.sides[name] != TRAIN:
            for text in entry.texts:
                plain = re.sub(r"\[[XY]\]('s)?|'s|[^a-z ]", " ", text.lower())
                held_out.add(f" {' '.join(plain.split())} ")
    all_held_out = "\n".join(held_out)
    for path in sorted(ROOT.joinpath("further").iterdir(), key=lambda path: path.name):
        for name, fields in relations_in(path).items():
            for noun in fields.get("roles", ()):
                words = " ".join(re.sub("[^a-z ]", " ", noun.lower()).split())
                for form in (words, f"{words}s", f"{words}es", f"{words[:-1]}ies"):
                    assert f" {form} " not in all_held_out, (name, noun)


def test_x_and_y_says_little_about_the_kind(bank):
    """Printed with -s: shares of the wordings that name both first, by kind."""
    shares = {}
    for kind in ("symmetric", "antisymmetric"):
        wordings = [text for entry in bank.drawn().values() if entry.kind == kind for text in entry.wordings]
        shares[kind] = sum(bool(re.search(TOGETHER, text)) for text in wordings) / len(wordings)
    print(f"X and Y: {shares}")
    assert 0.5 <= shares["antisymmetric"] / shares["symmetric"] <= 2


def test_connectives_stand_in_both_kinds(bank):
    """Printed with -s: shares of the wordings with each connective, by kind."""
    shares = {}
    for kind in ("symmetric", "antisymmetric"):
        wordings = [text for entry in bank.drawn().values() if entry.kind == kind for text in entry.wordings]
        counts = Counter(word for text in wordings for word in CONNECTIVES if f" {word} " in text)
        shares[kind] = {word: round(counts[word] / len(wordings), 3) for word in CONNECTIVES}
    print(f"connectives: {shares}")
    for word in ("with", "of"):
        assert min(of_kind[word] for of_kind in shares.values()) >= 0.02
