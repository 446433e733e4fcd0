"""The contrast benchmark on a bank of relations made up here: built, read back, and scored."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from relsym.data.benchmark import SymmetryBenchmark
from relsym.data.building import build, with_files, write_benchmark
from relsym.data.built import BuiltBenchmark
from relsym.data.card import card
from relsym.data.manifest import Plan
from relsym.data.pairs import COUNTED_APART, VARIANTS, rows_to_choose_on
from relsym.data.relation_bank import read_property_table
from relsym.data.sources.relation_bank import BankFacts
from relsym.data.splits import sides_by
from relsym.data.symmetry import SymmetryData
from relsym.evaluation.relation_shortcuts import RELATION_SHORTCUTS, relation_shortcuts
from relsym.evaluation.score import Scores
from relsym.evaluation.wordings import read_wordings
from relsym.runs.layout import DATA, MANIFEST
from relsym.runs.manifest import manifest_json

SEVEN = ["swap", "negated_swap", "identity", "negated_identity", "paraphrase", "converse", "swapped_converse"]
APART = ["swapped_paraphrase", "negated_premise", "double_negation", "other_relation", "other_object"]
# Counted apart too, where a relation follows in the bank: none does in these.
IMPLIED = {"implied", "swapped_implied"}
SIDES = ("train", "validation_near", "validation_far", "test_near", "test_far", "left_out")


def symmetric(word: str) -> dict:
    return {
        "kind": "symmetric",
        "slots": ["thing", "thing"],
        "meaning": f"s_{word}",
        "wordings": [
            f"[X] and [Y] are {word} mates.",
            f"[X] is a {word} mate of [Y].",
            f"[X] shares a {word} with [Y].",
            f"The {word} of [X] is that of [Y].",
            f"It is [X] that has one {word} with [Y].",
        ],
        "negations": [f"[X] is no {word} mate of [Y].", f"[X] does not share a {word} with [Y]."],
    }


def directed(kind: str, word: str) -> dict:
    return {
        "kind": kind,
        "slots": ["thing", "thing"],
        "meaning": f"{kind}_{word}",
        "wordings": [
            f"[X] {word}s above [Y] ({kind}).",
            f"[X] is what {word}s above [Y] ({kind}).",
            f"It is [X] that {word}s above [Y] ({kind}).",
            f"[X] can {word} above [Y] ({kind}).",
            f"Here [X] {word}s above [Y] ({kind}).",
        ],
        "negations": [f"[X] never {word}s above [Y] ({kind}).", f"[X] does not {word} above [Y] ({kind})."],
        "converses": [f"[Y] has [X], which {word}s above it ({kind}).", f"Below [Y] {word}s [X] ({kind})."],
    }


@pytest.fixture(scope="module")
def bank(tmp_path_factory) -> str:
    """Two relations of each kind on every side."""
    folder = tmp_path_factory.mktemp("bank")
    (folder / "names").mkdir()
    names = [f"Thing {first}{second}" for first in "ABCDEFGHIJ" for second in "klmnopqrst"]
    (folder / "names" / "thing.txt").write_text("\n".join(names))
    sides: dict[str, list[str]] = {side: [] for side in SIDES}
    family = {}
    for side in SIDES:
        for number in "ab":
            word = f"{side.replace('_', '')}{number}"
            for kind in ("symmetric", "antisymmetric", "neither"):
                name = f"{kind}_{word}"
                family[name] = symmetric(word) if kind == "symmetric" else directed(kind, word)
                sides[side].append(name)
    (folder / "family.yaml").write_text(yaml.safe_dump(family))
    (folder / "sides.yaml").write_text(yaml.safe_dump(sides))
    return str(folder)


def benchmark(bank: str, split: str) -> SymmetryBenchmark:
    """The facts of the bank, held out as the rule says."""
    reader = BankFacts(bank, {"train": 12, "validation": 6, "test": 6}, 0)
    return SymmetryBenchmark(reader, property_table=bank, neutral=True, split=split)


def built(bank: str, split: str, folder: Path, variants: list[str]) -> BuiltBenchmark:
    """The contrast benchmark, written and read back."""
    made = build(Plan("contrast", None, variants, False, False), benchmark(bank, split), 0)
    write_benchmark(made, folder / DATA)
    manifest = with_files(made, folder / DATA)
    assert "antisymmetric" in card(manifest)
    (folder / MANIFEST).write_text(manifest_json(manifest))
    return BuiltBenchmark(str(folder))


def rows_of(opened: BuiltBenchmark, **changes) -> SymmetryData:
    """Rows drawn from what was built."""
    options = {
        "samples": None,
        "sampling": "stratified",
        "form": "mixed",
        "train_variants": None,
        "score_variants": None,
        "sample_seed": 0,
        "test_pairs": None,
        "score_on": "test",
        "batch_size": 4,
        "seed": 0,
    }
    read = SymmetryData(benchmark=lambda: opened, **options | changes)
    read.read()
    return read


@pytest.mark.parametrize(
    ("split", "trains", "tests"),
    [
        ("near", "train", "test_near"),
        ("far", "train", "test_far"),
        ("left_out", "train", "left_out"),
        ("trained", "train", "train"),
        ("kept_wordings", "train", "train"),
    ],
)
def test_contrast_is_built_of_every_rule_and_its_folder_keeps_all_that_is_known_of_a_relation(
    split, trains, tests, bank, tmp_path
):
    opened = built(bank, split, tmp_path, SEVEN)
    read = rows_of(opened)
    stated = read_property_table(bank)
    assert {stated[row.property].side for row in read.train_rows} == {trains}
    assert {stated[row.property].side for row in read.score_rows["lexicalised"]} == {tests}
    items = Counter(row.fact_id for row in read.score_rows["lexicalised"])
    assert set(items.values()) == {len(SEVEN)}
    assert {row.kind for row in read.score_rows["lexicalised"]} == {"symmetric", "antisymmetric", "neither"}
    for property, relation in read.relations.items():
        assert relation == replace(stated[property], kept=None, reworded=None)
    assert relation_shortcuts(read.relations).keys() == set(RELATION_SHORTCUTS)
    assert read.sides == sides_by(split, 0, made_up=True)  # as the bank itself says
    # What a model is asked is not what it was trained on: no pair of names, and no text.
    trained = {row.premise for row in read.train_rows} | {row.hypothesis for row in read.train_rows}
    assert not trained & {row.premise for rows in read.score_rows.values() for row in rows}


def test_kept_wordings_are_asked_in_words_that_no_training_row_has(bank, tmp_path):
    read = rows_of(built(bank, "kept_wordings", tmp_path, [*SEVEN, "swapped_paraphrase"]))
    trained, asked = set(), set()
    for row in read.train_rows:
        trained |= set(read_wordings(row)[:2])
    for row in read.score_rows["lexicalised"]:
        asked |= set(read_wordings(row)[:2])
    assert trained
    assert not trained & asked


def test_variants_that_are_counted_apart_can_be_built_and_scored_and_change_no_group(bank, tmp_path):
    opened = built(bank, "near", tmp_path, [*SEVEN, *APART])
    assert {*APART, *IMPLIED} == set(COUNTED_APART)
    read = rows_of(opened, train_variants=["swap", "identity"])
    assert read.labels == ("entailment", "contradiction", "neutral")
    rows = read.score_rows["lexicalised"]
    label_of = {(row.kind, row.variant): row.label for row in rows}
    assert label_of["antisymmetric", "negated_premise"] == "neutral"
    assert label_of["neither", "negated_premise"] == "neutral"
    assert label_of["symmetric", "negated_premise"] == "contradiction"
    for kind in ("symmetric", "antisymmetric", "neither"):
        assert label_of[kind, "double_negation"] == "entailment"
        assert label_of[kind, "other_relation"] == label_of[kind, "other_object"] == "neutral"
    assert label_of["neither", "swap"] == label_of["neither", "negated_swap"] == "neutral"

    # Exact signs: a negation turns the sign, and so does an exchange in an antisymmetric relation.
    sign_of = {"symmetric": 1, "antisymmetric": -1, "neither": 0}
    answers = []
    for row in rows:
        how = VARIANTS[row.variant]
        sign = sign_of[row.kind] if how.swapped else 1
        if how.negated != (how.premise == "negation"):
            sign = -sign
        answers.append({1: "entailment", -1: "contradiction", 0: "neutral"}[0 if how.other else sign])
    scores = Scores({"lexicalised": rows})
    scores.add("test/accuracy", "lexicalised", answers)
    flat = scores.flat("test/accuracy")
    assert flat["test/groups/lexicalised"] == 1.0
    assert flat["test/roles/lexicalised"] == flat["test/converse_roles/lexicalised"] == 1.0
    # The limit of exact signs: that x is not r of y is said to give that y is r of x.
    assert flat["test/accuracy/lexicalised/negated_premise/antisymmetric"] == 0.0
    assert flat["test/accuracy/lexicalised/negated_premise/symmetric"] == 1.0
    assert flat["test/accuracy/lexicalised/double_negation/antisymmetric"] == 1.0


def test_a_card_lists_the_properties_that_are_asked_about_and_counts_the_others(bank):
    made = build(Plan("contrast", None, SEVEN, False, False), benchmark(bank, "near"), 0)
    told = card(made.manifest)
    asked = {row.split(" | ")[0].strip("| ") for row in told.splitlines() if "mate" not in row}
    assert "symmetric_trainb" in asked
    assert "symmetric_testfara" not in asked
    without = set(made.manifest.relations) - set().union(*made.manifest.counts.values())
    assert "symmetric_testfara" in without
    assert f"Without a row: {len(without)} further properties" in told


def test_nothing_is_chosen_on_variants_that_are_counted_apart(bank, tmp_path):
    read = rows_of(built(bank, "near", tmp_path, [*SEVEN, *APART]))
    validation = read.rows_of("validation", None)["lexicalised"]
    assert {row.variant for row in validation} == {*SEVEN, *APART}
    assert {row.variant for row in rows_to_choose_on(validation)} == set(SEVEN)
    apart = [row for row in validation if row.variant in APART]
    assert rows_to_choose_on(apart) == apart


def test_a_reader_that_takes_the_words_for_what_they_say_is_wrong_about_no_denial_of_a_denial(bank, tmp_path):
    read = rows_of(built(bank, "near", tmp_path, [*SEVEN, "double_negation"]))
    texts = [row.hypothesis for row in read.score_rows["lexicalised"] if row.variant == "double_negation"]
    assert all(text.startswith("It is not true that ") for text in texts)
    assert all(" never " in text or " is no " in text for text in texts)
