"""A bank of relations: what is asked of its facts, what trains, and what is held out."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter, defaultdict
from functools import cache
from pathlib import Path

import polars as pl
import pytest

from banks_of import KINDS, PAIRS, bank_in, benchmark_of, entry, families, rows_data, sides, write_names
from relsym.data.bank_sides import RELATION_SIDES
from relsym.data.benchmark import SymmetryBenchmark
from relsym.data.building import build
from relsym.data.manifest import Plan
from relsym.data.pairs import VARIANTS
from relsym.data.relation_bank import read_bank
from relsym.data.relations import leave_with
from relsym.data.sources.mini import Mini
from relsym.data.sources.relation_bank import BankFacts
from relsym.data.splits import BANK_RULES, SPLITS, may_share_rows, sides_by
from relsym.data.symmetry import SymmetryData
from relsym.runs.identity import identity

# Nothing follows in another relation here: tests/test_bank_implied.py.
ASKED = tuple(name for name in VARIANTS if name not in ("reworded_swap", "implied", "swapped_implied"))
LABELS = ("entailment", "contradiction", "neutral")
FILLED = {"symmetric": "entailment", "antisymmetric": "contradiction", "neither": "neutral"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return bank_in(tmp_path_factory.mktemp("bank") / "own")


@cache
def shared(folder: Path, split: str = "relations") -> SymmetryBenchmark:
    """A benchmark that several tests look at, made once."""
    return benchmark_of(folder, split)


def rows_of(benchmark: SymmetryBenchmark, split: str, variants=ASKED):
    return benchmark.pairs(benchmark.draw(split, 0), variants)


def properties_in(benchmark: SymmetryBenchmark, split: str) -> set[str]:
    stands = (pl.col("forward") == split) | (pl.col("reverse") == split)
    return set(benchmark.facts.filter(stands)["property"])


def relations_on(*names: str) -> set[str]:
    stated = sides()
    return {relation for side in names for relation in stated[side]}


def data_of(folder: Path, **changes) -> SymmetryData:
    """The rows of a run, as ``data=relations`` makes them."""
    split = changes.pop("split", "relations")
    data = rows_data(lambda: shared(folder, split), **changes)
    data.read()
    return data


# --- what is asked of a fact


def test_rows_of_each_variant_say_in_words_what_they_should(folder):
    pairs = rows_of(shared(folder), "train")
    fact = next(pair.fact_id for pair in pairs if pair.property == "train_antisymmetric")
    said = {pair.variant: pair for pair in pairs if pair.fact_id == fact}
    x, y = said["swap"].subject, said["swap"].object
    v = "trainantisymmetrics"
    for name, pair in said.items():
        if name != "negated_premise":
            assert pair.premise == f"{x} {v} {y}."
    assert said["swap"].hypothesis == f"{y} {v} {x}."
    assert said["identity"].hypothesis == f"{x} {v} {y}."
    assert said["negated_swap"].hypothesis in {
        f"It is false that {y} {v} {x}.",
        f"Nobody says that {y} {v} {x}.",
    }
    assert said["negated_identity"].hypothesis in {
        f"It is false that {x} {v} {y}.",
        f"Nobody says that {x} {v} {y}.",
    }
    openings = ("It is {} who", "Indeed, {}", "As we know, {}")
    assert said["paraphrase"].hypothesis in {f"{o.format(x)} {v} {y}." for o in openings}
    assert said["swapped_paraphrase"].hypothesis in {f"{o.format(y)} {v} {x}." for o in openings}
    assert said["converse"].hypothesis in {f"{y} is one whom {x} {v}.", f"It is {y} whom {x} {v}."}
    assert said["swapped_converse"].hypothesis in {f"{x} is one whom {y} {v}.", f"It is {x} whom {y} {v}."}
    assert said["double_negation"].hypothesis == f"It is not true that it is false that {x} {v} {y}."
    assert said["negated_premise"].premise in {
        f"It is false that {x} {v} {y}.",
        f"Nobody says that {x} {v} {y}.",
    }
    assert said["negated_premise"].hypothesis == f"{y} {v} {x}."
    assert re.fullmatch(f"{x} train(symmetric|neither)s {y}\\.", said["other_relation"].hypothesis)
    other = re.fullmatch(f"{x} {v} (.+)\\.", said["other_object"].hypothesis)
    assert other is not None
    assert other[1] not in (x, y)


def test_rows_with_ids_say_the_same_of_the_ids(folder):
    for pair in rows_of(shared(folder), "train"):
        if pair.variant in ("other_object", "other_relation"):
            continue
        by_name = {pair.subject: pair.subject_id, pair.object: pair.object_id}
        for text, delexicalised in (
            (pair.premise, pair.premise_delex),
            (pair.hypothesis, pair.hypothesis_delex),
        ):
            first, second = sorted(by_name, key=text.index)
            before, rest = text.split(first)
            between, after = rest.split(second)
            assert delexicalised == before + by_name[first] + between + by_name[second] + after


@pytest.mark.parametrize("kind", KINDS)
def test_labels_follow_from_the_kind(folder, kind):
    labels = defaultdict(set)
    for pair in rows_of(shared(folder), "train"):
        if pair.kind == kind:
            labels[pair.variant].add(pair.label)
    of_swap = FILLED[kind]
    opposite = {"entailment": "contradiction", "contradiction": "entailment", "neutral": "neutral"}[of_swap]
    assert labels == {
        "swap": {of_swap},
        "swapped_paraphrase": {of_swap},
        "swapped_converse": {of_swap},
        "negated_swap": {opposite},
        "identity": {"entailment"},
        "paraphrase": {"entailment"},
        "converse": {"entailment"},
        "double_negation": {"entailment"},
        "negated_identity": {"contradiction"},
        # "Tom is not Anna's father" leaves open whether Anna is Tom's.
        "negated_premise": {"contradiction" if kind == "symmetric" else "neutral"},
        "other_relation": {"neutral"},
        "other_object": {"neutral"},
    }


def test_the_converse_of_a_symmetric_relation_is_another_wording_from_the_other_side(folder):
    by_fact = defaultdict(dict)
    for pair in rows_of(shared(folder), "train", ("paraphrase", "converse")):
        if pair.property == "train_symmetric":
            by_fact[pair.fact_id][pair.variant] = pair
    assert by_fact
    for said in by_fact.values():
        exchanged = said["converse"].hypothesis
        x, y = said["converse"].subject, said["converse"].object
        assert exchanged.index(y) < exchanged.index(x)
        straight = exchanged.replace(x, "?").replace(y, x).replace("?", y)
        assert straight != said["paraphrase"].hypothesis


def test_all_trained_texts_are_asked_and_none_that_is_kept(folder):
    pairs = rows_of(benchmark_of(folder, pairs={"train": 40, "validation": 5, "test": 5}), "train")
    seen = {shape(pair.hypothesis) for pair in pairs if pair.property == "train_antisymmetric"}
    fields = families()["home"]["train_antisymmetric"]
    trained = [*fields["wordings"][:-2], *fields["negations"][:-1], *fields["converses"][:-1]]
    kept = [*fields["wordings"][-2:], *fields["negations"][-1:], *fields["converses"][-1:]]
    assert {shape(text) for text in trained} <= seen
    assert not {shape(text) for text in kept} & seen


def shape(text: str) -> str:
    """A text without its names or slots."""
    return re.sub(r"\[[XY]\]|Given\w+ Family\w+|Town \d+|Q\d+", "_", text)


def test_in_the_split_of_wordings_tests_are_worded_as_no_training_row_is(folder):
    benchmark = shared(folder, "kept_wordings")
    # What takes its words from another relation is left out, and so is a denial of a denial.
    asked = ("swap", "negated_swap", "negated_identity", "paraphrase", "converse", "swapped_converse")
    texts = {}
    for split in SPLITS:
        pairs = rows_of(benchmark, split, asked)
        texts[split] = {shape(text) for pair in pairs for text in (pair.premise, pair.hypothesis)}
    assert not texts["train"] & texts["test"]
    assert not texts["train"] & texts["validation"]
    assert properties_in(benchmark, "test") == relations_on("train")


# --- what is held out


@pytest.mark.parametrize(
    ("split", "validation", "test"),
    [
        ("relations", ["validation_near", "validation_far"], ["test_near", "test_far"]),
        ("near", ["validation_near"], ["test_near"]),
        ("far", ["validation_far"], ["test_far"]),
        ("left_out", ["validation_near", "validation_far"], ["left_out"]),
        ("trained", ["train"], ["train"]),
        ("kept_wordings", ["train"], ["train"]),
    ],
)
def test_each_split_trains_chooses_and_tests_on_the_relations_of_its_sides(folder, split, validation, test):
    benchmark = shared(folder, split)
    assert properties_in(benchmark, "train") == relations_on("train")
    assert properties_in(benchmark, "validation") == relations_on(*validation)
    assert properties_in(benchmark, "test") == relations_on(*test)


def test_in_the_split_all_every_relation_trains(folder):
    every = {name for relations in families().values() for name in relations}
    assert properties_in(shared(folder, "all"), "train") == every


@pytest.mark.parametrize("split", BANK_RULES)
def test_no_entity_stands_on_two_sides(folder, split):
    benchmark = shared(folder, split)
    part_of = {}
    for subject, object, part in benchmark.facts.select("subject", "object", "forward").iter_rows():
        if part is not None:
            assert part_of.setdefault(subject, part) == part
            assert part_of.setdefault(object, part) == part
    assert set(part_of.values()) == set(SPLITS)


@pytest.mark.parametrize("split", [name for name in BANK_RULES if name != "all"])
def test_no_training_row_speaks_of_a_held_out_relation(folder, split):
    pairs = rows_of(shared(folder, split), "train")
    held_out = [name.replace("_", "") for name in relations_on(*(set(RELATION_SIDES) - {"train"}))]
    for pair in pairs:
        words = pair.premise + pair.hypothesis
        assert not [name for name in held_out if f"{name}s" in words]
    assert {pair.variant for pair in pairs} == set(ASKED)


def test_the_other_relation_has_the_same_slots_and_another_meaning(tmp_path):
    content = families()
    for name in ("train_symmetric", "train_antisymmetric"):
        content["home"][name]["meaning"] = "one"
    benchmark = benchmark_of(bank_in(tmp_path / "bank", content))
    for pair in rows_of(benchmark, "train", ("other_relation",)):
        if pair.property in ("train_symmetric", "train_antisymmetric"):
            assert "trainneithers" in pair.hypothesis
        elif pair.property == "twinned":
            assert "overlooks" in pair.hypothesis


def test_a_relation_alone_of_its_slots_is_confused_with_one_of_other_slots(tmp_path):
    content = families()
    del content["home"]["above"]
    stated = sides()
    stated["train"].remove("above")
    benchmark = benchmark_of(bank_in(tmp_path / "bank", content, stated))
    rows = rows_of(benchmark, "train", ("swap", "other_relation"))
    others = [pair for pair in rows if pair.property == "twinned" and pair.variant == "other_relation"]
    assert others
    # Of those that train, never of those that are held out.
    assert all(" train" in pair.hypothesis for pair in others)


def test_rows_that_train_are_not_confused_with_a_held_out_relation(tmp_path):
    folder = bank_in(tmp_path / "bank", families())
    benchmark = benchmark_of(folder, "all", held_out=["train_neither", "above"])
    for pair in rows_of(benchmark, "train", ("other_relation",)):
        assert "trainneithers" not in pair.hypothesis
        assert "overlooks" not in pair.hypothesis


def test_a_held_out_relation_leaves_with_its_meaning_class(tmp_path):
    content = families()
    content["home"]["train_neither"]["meaning"] = "one"
    content["home"]["train_antisymmetric"]["meaning"] = "one"
    folder = bank_in(tmp_path / "bank", content)
    assert leave_with(["train_neither"], read_bank(str(folder)).relations()) == ["train_antisymmetric"]
    benchmark = benchmark_of(folder, "all", held_out=["train_neither"])
    assert not {"train_neither", "train_antisymmetric"} & set(benchmark.properties("train"))
    assert benchmark.properties("test") == ["train_neither"]


def test_some_relations_of_a_bank_may_be_chosen(folder):
    chosen = ["train_symmetric", "train_antisymmetric", "test_near_symmetric", "test_near_antisymmetric"]
    benchmark = benchmark_of(folder, properties=chosen, neutral=False)
    assert set(benchmark.facts["property"]) == set(chosen)
    assert properties_in(benchmark, "test") == set(chosen[2:])


def test_where_no_scored_row_is_neutral_nothing_is_fitted_on_those_that_are(folder):
    asked = data_of(folder, train_variants=["swap", "other_object"], score_variants=["swap"], samples=None)
    assert asked.asked_labels == asked.labels  # relations that are neither
    benchmark = benchmark_of(folder, neutral=False)
    data = rows_data(
        lambda: benchmark, train_variants=["swap", "other_object"], score_variants=["swap"], samples=None
    )
    data.read()
    assert (data.labels, data.asked_labels) == (LABELS, LABELS[:2])
    assert {row.label for row in data.train_rows} == set(LABELS)
    assert data.rows_to_fit_on() == [row for row in data.train_rows if row.label != "neutral"]


# --- whole facts, and what rows speak of


def test_a_batch_holds_whole_facts_and_rows_of_one_meaning_and_pair_are_about_one_thing(tmp_path):
    content = families()
    for name in ("train_symmetric", "train_antisymmetric"):
        content["home"][name]["meaning"] = "one"
    data = data_of(bank_in(tmp_path / "bank", content))
    units = data.units()
    assert units is not None
    assert sorted(row for unit in units for row in unit) == list(range(len(data.train_rows)))
    for unit in units:
        rows = [data.train_rows[number] for number in unit]
        assert len({(row.fact_id, row.form) for row in rows}) == 1
        assert [row.variant for row in rows] == ["swap", "negated_swap"]
    for row, topic in zip(data.train_rows, data.about(data.train_rows), strict=True):
        first, second = sorted((row.subject, row.object))
        of_one = row.property in ("train_symmetric", "train_antisymmetric")
        meaning = "one" if of_one else read_meaning(content, row.property)
        assert topic == f"{meaning}|{first}|{second}"


def read_meaning(content: dict, name: str) -> str:
    return content["home"][name]["meaning"]


def test_a_fact_is_told_with_ids_or_with_names_by_the_share(folder):
    data = data_of(folder)
    form_of = {}
    for row in data.train_rows:
        assert form_of.setdefault(row.fact_id, row.form) == row.form
    shares = Counter(form_of.values())
    assert 0.1 < shares["delexicalised"] / shares.total() < 0.5
    forms = {share: {row.form for row in data_of(folder, delexicalised=share).train_rows} for share in (0, 1)}
    assert forms == {0: {"lexicalised"}, 1: {"delexicalised"}}
    both = data_of(folder, delexicalised=None)
    assert len(both.train_rows) == 2 * len(data.train_rows)


# --- entities


def test_ids_are_made_up_unique_and_in_the_form_of_wikidata(folder):
    source = BankFacts(str(folder), PAIRS, 0).read(list(read_bank(str(folder)).entries))
    labels = dict(source.labels.iter_rows())
    assert len(labels) == source.labels.height
    assert len({label.lower() for label in labels.values()}) == len(labels)
    assert all(re.fullmatch(r"Q[1-9]\d{1,7}", entity) for entity in labels)
    digits = Counter(len(entity) - 1 for entity in labels)
    assert len(digits) >= 6


def test_each_relation_gets_as_many_pairs_as_were_asked_for_on_each_side(folder):
    benchmark = shared(folder, "all")
    counts = benchmark.facts.group_by("property", "forward").len()
    assert set(counts["property"]) == set(read_bank(str(folder)).entries)
    for _, part, count in counts.iter_rows():
        assert count == PAIRS[part]
    groups = benchmark.facts.select("property", "group_id")
    assert groups.unique().height == groups.height  # a pair stands in one direction


def alike(benchmark: SymmetryBenchmark) -> float:
    """The share of facts of which one name contains the other."""
    pairs = benchmark.facts.select("subject_label", "object_label").iter_rows()
    contained = [one in other or other in one for one, other in pairs]
    return sum(contained) / len(contained)


@pytest.mark.parametrize("split", ["near", "all"])
def test_in_a_share_of_the_pairs_one_name_is_made_of_the_other(folder, split):
    made = {share: benchmark_of(folder, split, alike=share) for share in (0.0, 0.4, 1.0)}
    shares = {share: alike(benchmark) for share, benchmark in made.items()}
    assert shares[0.0] < 0.05
    assert shares[0.2 * 2] == pytest.approx(0.4, abs=0.12)
    assert shares[1.0] > 0.9  # a side may get none of the ways to make a name
    parts = {}
    for split_name in SPLITS:
        stands = made[1.0].facts.filter(pl.col("forward") == split_name)
        parts[split_name] = set(stands["subject"]) | set(stands["object"])
    assert not parts["train"] & parts["validation"] | parts["train"] & parts["test"]
    assert made[0.4].content_hash() != made[0.0].content_hash()


def test_given_and_family_names_make_persons(folder):
    names = read_bank(str(folder)).names
    assert set(names) == {"person", "town"}
    assert len(names["person"]) == 144
    assert {name.split()[0] for name in names["person"]} == {f"Given{letter}" for letter in "abcdefghijkl"}


def test_whole_names_of_persons_may_be_given_too(tmp_path):
    folder = bank_in(tmp_path / "bank")
    write_names(folder, "person", ["Ada Alone", "Givena Familya"])
    names = read_bank(str(folder)).names["person"]
    assert names[:2] == ["Ada Alone", "Givena Familya"]
    assert len(names) == len(set(names)) == 145


def test_few_names_give_few_pairs_and_the_rest_is_counted(tmp_path):
    folder = bank_in(tmp_path / "bank")
    write_names(folder, "town", [f"Town {number}" for number in range(40)])
    pairs = {"train": 8, "validation": 500, "test": 5}
    benchmark = benchmark_of(folder, pairs=pairs)
    few = benchmark.facts.filter(property="twinned")
    assert 0 < few.height < sum(pairs.values())
    assert benchmark.counts["pairs that few names could not give"] >= sum(pairs.values()) - few.height


def test_names_of_embedded_facts_keep_their_ids(tmp_path):
    content = {"home": {**families()["home"], "P3373": entry("is a sibling of", "symmetric")}}
    stated = {side: names for side, names in sides().items() if "far" not in side}
    stated["train"].append("P3373")
    folder = bank_in(tmp_path / "bank", content, stated)
    source = BankFacts(str(folder), PAIRS, 0).read(list(read_bank(str(folder)).entries))
    labels = dict(source.labels.iter_rows())
    embedded = Mini().read(["P3373"])
    known = dict(embedded.labels.iter_rows())
    for subject, _, object in embedded.triples.iter_rows():
        assert labels[subject] == known[subject]
        assert labels[object] == known[object]


def real_folder(path: Path, triples: str, entities: str) -> str:
    path.mkdir()
    (path / "triples.tsv").write_text(triples)
    (path / "entities.tsv").write_text(entities)
    return str(path)


def test_real_triples_are_asked_about_too_with_their_ids(tmp_path):
    content = families()
    content["home"]["P3373"] = entry("is a sibling of", "symmetric")
    stated = sides()
    stated["train"].append("P3373")
    folder = bank_in(tmp_path / "bank", content, stated)
    made_up = BankFacts(str(folder), PAIRS, 0).read(["train_symmetric"])
    taken, *_ = made_up.labels["entity"]
    triples = f"Q90001\tP3373\t{taken}\nQ90001\tP99999\tQ90002\n"
    real = real_folder(tmp_path / "real", triples, f"Q90001\tGivena Familya\n{taken}\tBea Real\n")
    benchmark = benchmark_of(folder, "all", real=real)
    facts = benchmark.facts.filter(pl.col("subject") == "Q90001", pl.col("object") == taken)
    assert facts.select("property", "subject_label", "object_label").rows() == [
        ("P3373", "Givena Familya", "Bea Real")
    ]
    assert benchmark.counts["real statements"] == 1
    assert benchmark.counts["other property"] == 1
    # A made-up name gives way to a real entity of that id or name.
    labels = dict(benchmark.source.labels.iter_rows())
    assert Counter(labels.values())["Givena Familya"] == 1
    assert len(labels) == len(set(labels.values()))


# --- the same everywhere


@pytest.mark.slow
def test_another_process_makes_the_same_rows(folder):
    here = shared(folder).content_hash()
    code = f"from banks_of import benchmark_of; print(benchmark_of({str(folder)!r}).content_hash())"
    there = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parent,
        env={"PYTHONHASHSEED": "7", "PATH": ""},
    )
    assert there.stdout.strip() == here


def test_the_order_of_relations_in_a_file_changes_no_row(tmp_path, folder):
    reversed_content = {name: dict(reversed(list(of.items()))) for name, of in families().items()}
    other = bank_in(tmp_path / "bank", reversed_content)
    asked = ("swap", "negated_swap", "paraphrase", "converse")
    texts = []
    for benchmark in (shared(folder, "all"), benchmark_of(other, "all")):
        # All facts: a draw ends when one kind runs out, and goes through relations in their order.
        facts = benchmark.facts.with_columns(split=pl.col("forward"), reverse=pl.lit(False))
        texts.append({repr(pair) for pair in benchmark.pairs(facts, asked)})
    assert texts[0] == texts[1]


@pytest.mark.parametrize("field", ["wordings", "negations", "converses", "meaning"])
def test_what_a_bank_says_of_a_relation_is_in_the_hash(tmp_path, folder, field):
    content = families()
    fields = content["home"]["train_antisymmetric"]
    if field == "meaning":
        fields[field] = "another"
    else:
        fields[field][-1] = (
            fields[field][-1].replace("[Y].", "[Y] now.").replace("[X] train", "[X] now train")
        )
    changed = benchmark_of(bank_in(tmp_path / "bank", content))
    assert changed.content_hash() != shared(folder).content_hash()


def test_a_relative_folder_is_read_from_where_the_command_was_started(folder, monkeypatch):
    monkeypatch.chdir(folder.parent)
    assert benchmark_of(folder.name).content_hash() == shared(folder).content_hash()


@pytest.mark.parametrize("split", ["trained", "kept_wordings"])
def test_a_benchmark_on_disk_is_built_of_a_bank(folder, split):
    asked = ["swap", "negated_swap", "negated_identity", "paraphrase", "converse", "swapped_converse"]
    plan = Plan(name="contrast", examples=60, variants=asked, both_directions=False, hold_out=False)
    built = build(plan, shared(folder, split), 0)
    kept = [shape(text) for text in families()["home"]["train_antisymmetric"]["wordings"][-2:]]
    for part, rows in built.rows.items():
        assert set(rows["variant"]) == set(asked)
        premises = {shape(text) for text in rows.filter(property="train_antisymmetric")["premise"]}
        worded_anew = split == "kept_wordings" and part != "train"
        assert (premises <= set(kept)) == worded_anew


def test_settings_of_whole_facts_and_ids_are_in_no_hash_where_they_say_nothing():
    module = {"samples": 4}
    later = {"whole_facts": None, "delexicalised": None}
    hashes = []
    for changes in ({}, later, {**later, "whole_facts": True}, {**later, "delexicalised": 0.3}):
        config = {"model": {}, "data": {**changes, "module": {**module, **changes}}}
        hashes.append(identity(config, "weights", "content", None, None).job)
    assert hashes[0] == hashes[1]
    assert len(set(hashes)) == 3


# --- which runs may be scored on which rows


def test_a_run_on_a_bank_may_be_scored_on_all_splits_that_train_on_the_same_facts(folder):
    sides_of = {split: shared(folder, split).sides for split in BANK_RULES}
    trained_alike = {split: stated for split, stated in sides_of.items() if split != "all"}
    assert len(set(trained_alike.values())) == 1
    for trained in trained_alike.values():
        assert may_share_rows(trained, sides_of["all"])


def test_made_up_facts_share_no_rows_with_others():
    made_up = sides_by("near", 0, made_up=True)
    assert not may_share_rows(made_up, "grouped, seed 0")
    assert not may_share_rows("paper, seed 3", made_up)
    assert may_share_rows(made_up, sides_by("near", 1, made_up=True))
    # With real triples in training it may have seen the rows of any other split of them.
    assert may_share_rows(sides_by("near", 0, made_up=False), "grouped, seed 0")
