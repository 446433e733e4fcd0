"""Banks of relations that cannot be read as they are: one message each, with the place and what to do."""

from __future__ import annotations

import math
from pathlib import Path

import polars as pl
import pytest

from banks_of import PAIRS, bank_in, benchmark_of, entry, families, rows_data, sides, write_names, write_yaml
from relsym.data.bank_sides import bank_hash, draw_sides
from relsym.data.relation_bank import read_bank
from relsym.data.relations import read_relations
from relsym.data.sources.relation_bank import BankFacts
from relsym.data.splits import parts_of_names
from relsym.data.symmetry import SymmetryData

ONE = "train_antisymmetric"


def changed(**fields) -> dict:
    """The families with one relation changed; a field that is None is left away."""
    content = families()
    relation = {**content["home"][ONE], **fields}
    content["home"][ONE] = {name: value for name, value in relation.items() if value is not ...}
    return content


def refused(folder: Path, *parts: str) -> None:
    """The bank is refused with a message that has all these parts."""
    with pytest.raises((ValueError, OSError)) as caught:
        read_bank(str(folder))
    for part in parts:
        assert part in str(caught.value), str(caught.value)


@pytest.mark.parametrize(
    ("fields", "field", "advice"),
    [
        ({"negations": ...}, "negations: there are 0, and 2 at least", "Add 2 more."),
        ({"negations": ["It is false that [X] rules [Y]."]}, "negations: there are 1", "Add 1 more."),
        ({"converses": ...}, "converses: there are 0, and 2 at least", "Add 2 more."),
        ({"wordings": ["[X] rules [Y]."]}, "wordings: there are 1, and 5 at least", "Add 4 more."),
        ({"wordings": None}, "`wordings`", "Fields: kind, slots, meaning"),
        ({"wordings": "[X] rules [Y]."}, "`wordings`", "Fields: kind, slots, meaning"),
        ({"wordings": {"a": "[X] rules [Y]."}}, "`wordings`", "Fields: kind, slots, meaning"),
        ({"wordings": [3] * 5}, "`wordings[0]`", "Fields: kind, slots, meaning"),
        (
            {"negations": ["[X] is not.", "No [X] or [Y]."]},
            "negations: '[X] is not.'",
            "[X] and [Y] once each",
        ),
        (
            {"negations": ["[X] is not [Y] or [Y].", "No [X] or [Y]."]},
            "negations: '[X] is not [Y] or [Y].'",
            "once each",
        ),
        (
            {"negations": ["No [Y] or [X].", "No [X] or [Y]."]},
            "negations: 'No [Y]",
            "what exchanges it is a converse",
        ),
        ({"converses": ["So [X] to [Y].", "So [Y] to [X]."]}, "converses: 'So [X]", "in the other order"),
        (
            {"slots": ["person", "dragon"]},
            "slots: unknown type 'dragon'. There are person, town.",
            "names/dragon.txt",
        ),
        ({"slots": ["person"]}, "`slots`", "Fields: kind, slots, meaning"),
        ({"slots": ["person", 3]}, "`slots[1]`", "Fields: kind, slots, meaning"),
        ({"kind": "symetric"}, "`kind`", "Fields: kind, slots, meaning"),
        ({"kind": "symmetric"}, "converses: a symmetric relation is its own converse", "Make them wordings"),
        ({"meaning": " "}, "meaning is empty", "one of its own"),
        ({"meaning": ...}, "`meaning`", "Fields: kind, slots, meaning"),
        ({"negation": "No [X] or [Y]."}, "`negation`", "Fields: kind, slots, meaning"),
    ],
)
def test_a_faulty_entry_is_refused_with_file_relation_field_and_advice(tmp_path, fields, field, advice):
    folder = bank_in(tmp_path / "bank", changed(**fields))
    refused(folder, f"{folder / 'home.yaml'}: {ONE}", field, advice)


def test_a_symmetric_relation_between_two_types_is_refused(tmp_path):
    content = families()
    content["home"]["twinned"]["slots"] = ["town", "person"]
    refused(bank_in(tmp_path / "bank", content), "home.yaml: twinned: slots", "Give one type twice")


@pytest.mark.parametrize(
    ("field", "text", "where"),
    [
        ("wordings", "It is [X] who trainantisymmetricss [Y].", None),
        ("wordings", "[X]  TRAINANTISYMMETRICS [Y].", "in this relation twice"),
        ("negations", "Indeed, [X] trainantisymmetrics [Y].", "in this relation twice"),
        ("wordings", "[X] mirrors [Y].", f"in {ONE} too"),
        # Said of the other two, which are at random: the same text.
        ("converses", "[Y] mirrors [X].", f"in {ONE} too"),
    ],
)
def test_two_texts_alike_are_refused(tmp_path, field, text, where):
    content = families()
    content["home"][ONE][field].append(text)
    folder = bank_in(tmp_path / "bank", content)
    if where is None:
        assert text in read_bank(str(folder)).entries[ONE].wordings
    else:
        refused(folder, "home.yaml: ", where, "word one of the two otherwise")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[a, b]", "expected a mapping from relation ids to kind, slots"),
        ("", "expected a mapping from relation ids to kind, slots"),
        ("text", "expected a mapping from relation ids to kind, slots"),
        ("odd: [a, b]", "odd: expected a mapping with the fields kind, slots"),
        ("odd:", "odd: expected a mapping with the fields kind, slots"),
        ("true: {kind: neither}", 'Write it in quotes: "true"'),
        ('"two words": {kind: neither}', "the id 'two words': write it in letters, digits and underscores"),
        ('"": {kind: neither}', "the id ''"),
        ("twinned: {kind: neither}", "twinned stands in home.yaml too"),
        ("odd: {kind: [", "not YAML"),
    ],
)
def test_odd_yaml_of_a_family_is_refused(tmp_path, content, message):
    folder = bank_in(tmp_path / "bank")
    (folder / "odd.yaml").write_text(content)
    refused(folder, str(folder / "odd.yaml"), message)


def test_numbers_may_be_ids(tmp_path):
    content = {**families(), "more": {"7": entry("outdoes", "antisymmetric")}}
    folder = bank_in(tmp_path / "bank", content, sided=False)
    (folder / "more.yaml").write_text((folder / "more.yaml").read_text().replace('"7"', "7"))
    stated = sides()
    stated["train"].append(7)
    write_yaml(folder / "sides.yaml", stated)
    assert read_bank(str(folder)).sides["7"] == "train"


# --- families


def test_a_bank_may_say_which_families_it_has(tmp_path):
    folder = bank_in(tmp_path / "bank")
    assert read_bank(str(folder)).family_lines["home"] == "home"
    lines = {"home": "life at home", "street": "life in the street", "market": "buying"}
    write_yaml(folder / "families.yaml", lines)
    assert read_bank(str(folder)).family_lines == lines


@pytest.mark.parametrize(
    ("content", "parts"),
    [
        (
            {"home": "a", "street": "b"},
            ("market.yaml: unknown family market. Families: home, street.", "families.yaml"),
        ),
        (
            {"home": "a", "street": "b", "market": "c", "moon": "d"},
            ("families.yaml: moon: there is no moon.yaml",),
        ),
        ({"home": "a", "street": None, "market": "c"}, ("families.yaml: street: expected a line",)),
        (["home", "street", "market"], ("families.yaml: expected a mapping",)),
    ],
)
def test_an_unknown_family_is_refused(tmp_path, content, parts):
    folder = bank_in(tmp_path / "bank")
    write_yaml(folder / "families.yaml", content)
    refused(folder, *parts)


# --- sides


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"train": [*sides()["train"], "nobody"]}, "nobody in no family's file"),
        ({"train": sides()["train"][1:]}, "no side for train_symmetric. Draw the sides anew"),
        (
            {"test_near": [*sides()["test_near"], "twinned"]},
            "twinned stands on two sides, train and test_near",
        ),
        ({"train": [*sides()["train"], "twinned"]}, "twinned stands on one side twice, train and train"),
        ({"testing": ["twinned"]}, "unknown side 'testing'. Sides: train, validation_near"),
        ({"train": "twinned"}, "train: expected a list of relations"),
        ({"sha256": "0" * 64}, "sha256: the bank has changed since its sides were drawn"),
    ],
)
def test_odd_sides_are_refused(tmp_path, change, message):
    folder = bank_in(tmp_path / "bank", stated_sides={**sides(), **change})
    refused(folder, str(folder / "sides.yaml"), message)


def test_sides_that_are_a_list_are_refused_and_an_empty_side_is_none(tmp_path):
    folder = bank_in(tmp_path / "bank")
    write_yaml(folder / "sides.yaml", ["train"])
    refused(folder, "sides.yaml: expected a mapping from train, validation_near")
    stated = sides()
    write_yaml(
        folder / "sides.yaml", {**stated, "train": stated["train"] + stated["left_out"], "left_out": None}
    )
    assert "left_out" not in read_bank(str(folder)).sides.values()


def test_a_meaning_class_on_two_sides_is_refused(tmp_path):
    content = families()
    content["home"]["test_near_neither"]["meaning"] = content["home"][ONE]["meaning"]
    refused(
        bank_in(tmp_path / "bank", content),
        f"the meaning class {content['home'][ONE]['meaning']} stands on two sides",
        f"{ONE} on train, test_near_neither on test_near",
        "or put it under left_out",
    )


def test_what_is_left_out_beside_its_class_is_used_nowhere(tmp_path):
    content = families()
    content["home"]["left_out_neither"]["meaning"] = content["home"][ONE]["meaning"]
    read = read_bank(str(bank_in(tmp_path / "bank", content))).sides
    assert read["left_out_neither"] == "unused"
    assert read["left_out_symmetric"] == "left_out"


def test_the_stated_hash_is_that_of_the_bank(tmp_path):
    folder = bank_in(tmp_path / "bank", sided=False)
    bank = read_bank(str(folder))
    drawn = draw_sides(bank.entries, bank.families, (), ())
    stated = {side: [name for name in drawn if drawn[name] == side] for side in set(drawn.values())}
    stated["sha256"] = bank_hash(bank.entries, bank.families, drawn)
    write_yaml(folder / "sides.yaml", stated)
    assert read_bank(str(folder)).sides == bank.sides
    home = folder / "home.yaml"
    home.write_text(home.read_text().replace("overlooks", "looks down on"))
    refused(folder, "the bank has changed since its sides were drawn", "Put its files back")


def test_drawn_sides_keep_meaning_classes_together_and_whole_families_far(tmp_path):
    content = {}
    for family in "abcdefghij":
        relations = {
            f"{family}{number}": entry(f"does {family}{number} to", "neither") for number in range(8)
        }
        relations[f"{family}0"]["meaning"] = "shared" if family in "ab" else f"does {family}1 to"
        content[family] = relations
    bank = read_bank(str(bank_in(tmp_path / "bank", content, sided=False)))
    drawn = draw_sides(bank.entries, bank.families, ["a3"], ["does j5 to"])
    assert drawn["a3"] == "train"
    assert drawn["j5"] == "left_out"
    sides_of_family = {}
    for name, side in drawn.items():
        sides_of_family.setdefault(bank.families[name], set()).add(side)
    far = [family for family, stood in sides_of_family.items() if stood <= {"test_far", "left_out"}]
    assert len(far) == 4
    assert "a" not in far
    side_of_meaning = {}
    for name, side in drawn.items():
        if side != "left_out":
            assert side_of_meaning.setdefault(bank.entries[name].meaning, side) == side
    assert drawn == draw_sides(dict(reversed(bank.entries.items())), bank.families, ["a3"], ["does j5 to"])


# --- names


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "town.txt: no name in it"),
        (b" \n\n", "town.txt: no name in it"),
        (b"T\xf6wn\n", "town.txt, line 1: not UTF-8"),
        (b"a\nb\na\n", "town: 2 names, and 40 at least are needed"),
    ],
)
def test_an_odd_file_of_names_is_refused(tmp_path, content, message):
    folder = bank_in(tmp_path / "bank")
    (folder / "names" / "town.txt").write_bytes(content)
    refused(folder, str(folder / "names"), message)


def test_a_missing_file_of_names_is_refused(tmp_path):
    folder = bank_in(tmp_path / "bank")
    (folder / "names" / "town.txt").unlink()
    refused(folder, "home.yaml: twinned: slots: unknown type 'town'", "add names/town.txt")
    (folder / "names" / "person_family.txt").unlink()
    refused(folder, "one of the two is missing")
    for path in (folder / "names").iterdir():
        path.unlink()
    (folder / "names").rmdir()
    refused(folder, "no folder names there", "TYPE.txt")


def test_a_part_without_names_of_a_type_is_refused(tmp_path):
    folder = bank_in(tmp_path / "bank")
    few = [name for name in (f"Town {number}" for number in range(400)) if in_training(name)][:40]
    write_names(folder, "town", few)
    with pytest.raises(
        ValueError, match=r"of type town the validation part gets 0 .*Add names to names/town.txt"
    ):
        benchmark_of(folder)


def in_training(name: str) -> bool:
    return parts_of_names(pl.Series([name]), 0)[0] == "train"


# --- options


def test_a_folder_that_is_none_is_refused_by_its_option(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(FileNotFoundError, match=r"data\.bank=.*nowhere: no such folder. Pass relations,"):
        BankFacts(str(tmp_path / "nowhere"), PAIRS, 0)
    with pytest.raises(NotADirectoryError, match=r"data\.bank=.*file: a file, and a bank is a folder"):
        BankFacts(str(tmp_path / "file"), PAIRS, 0)
    (tmp_path / "empty" / "names").mkdir(parents=True)
    refused(tmp_path / "empty", "no file FAMILY.yaml there")


@pytest.mark.parametrize(
    "pairs",
    [
        {"train": 8},
        {**PAIRS, "all": 3},
        {**PAIRS, "test": 0},
        {**PAIRS, "test": None},
        {**PAIRS, "test": True},
        {**PAIRS, "test": math.nan},
    ],
)
def test_odd_numbers_of_pairs_are_refused(tmp_path, pairs):
    folder = str(bank_in(tmp_path / "bank"))
    advice = r"data\.pairs=.* a whole number of pairs, 1 or more, for each of train, validation, test"
    with pytest.raises(ValueError, match=advice):
        BankFacts(folder, pairs, 0)


def test_rules_that_know_nothing_of_a_bank_are_refused_for_one(tmp_path):
    folder = bank_in(tmp_path / "bank")
    for split in ("grouped", "paper"):
        with pytest.raises(ValueError, match=rf"data\.split={split} does not know which relations"):
            benchmark_of(folder, split)
    with pytest.raises(
        ValueError, match=r"data\.split=nera: expected grouped, paper, entities; of a bank of relations"
    ):
        benchmark_of(folder, "nera")


def test_rules_of_a_bank_are_refused_for_a_table(tmp_path):
    folder = bank_in(tmp_path / "bank")
    with pytest.raises(
        ValueError, match=r"data\.split=near asks on which side of a bank.*Use data=relations"
    ):
        benchmark_of(folder, "near", property_table="paper")


def test_relations_are_held_out_by_the_bank_or_by_the_option(tmp_path):
    folder = bank_in(tmp_path / "bank")
    with pytest.raises(ValueError, match=r"data\.held_out with data.split=near.*use data.split=all"):
        benchmark_of(folder, "near", held_out=[ONE])
    with pytest.raises(ValueError, match=r"data\.held_out: nobody is not among"):
        benchmark_of(folder, "all", held_out=["nobody"])


def rows(folder: Path, **changes) -> SymmetryData:
    return rows_data(lambda: benchmark_of(folder), **changes)


def test_samples_are_whole_facts_of_each_kind(tmp_path):
    folder = bank_in(tmp_path / "bank")
    with pytest.raises(ValueError, match=r"data\.samples=32: must be a multiple of 6: 3 kinds, 2 variants"):
        rows(folder, samples=32).read()
    data = rows(folder, samples=30)
    data.read()
    assert len(data.train_rows) == 30


def test_a_share_of_ids_needs_rows_of_both_forms(tmp_path):
    folder = bank_in(tmp_path / "bank")
    with pytest.raises(
        ValueError, match=r"data\.delexicalised=0.3 is a share of mixed rows, and data.form=lexicalised"
    ):
        rows(folder, form="lexicalised")


def test_a_batch_that_a_fact_does_not_fit_is_refused_before_training(tmp_path):
    data = rows(bank_in(tmp_path / "bank"), batch_size=2, train_variants=["swap", "identity", "paraphrase"])
    with pytest.raises(
        ValueError, match=r"data\.batch_size=2: a batch holds whole facts, and one fact has 3 rows"
    ):
        data.read()


def test_a_table_of_properties_takes_no_fields_of_a_bank(tmp_path):
    table = tmp_path / "table.yaml"
    fields = {"name": "rules", "kind": "neither", "template": "[X] rules [Y]."}
    for extra in (
        {"family": "home"},
        {"side": "train"},
        {"meaning": "rule"},
        {"kept": "x"},
        {"slots": ["a", "b"]},
    ):
        write_yaml(table, {"P1": {**fields, **extra}})
        [field] = extra
        with pytest.raises(
            ValueError, match=rf"property P1: unknown field {field}.*Fields: name, kind, template"
        ):
            read_relations(str(table))
