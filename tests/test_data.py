"""Stage 1: property table, draws, batches, NLI rows, the embedded facts."""

from __future__ import annotations

import re
from collections import Counter
from itertools import pairwise
from math import ceil
from pathlib import Path
from random import Random

import polars as pl
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from benchmarks_of import RELATIONS, Listed, data
from relsym.data.audit import Audit
from relsym.data.batches import PADDING, GlobalBatchSampler, epoch_batches, share_of
from relsym.data.benchmark import SymmetryBenchmark
from relsym.data.facts import usable_facts
from relsym.data.pairs import VARIANTS, check_wordings
from relsym.data.relations import TABLES, Relation, read_relations, select_relations
from relsym.data.sampling import alternate, in_turn
from relsym.data.sources.mini import Mini
from relsym.data.sources.wikidata5m import Wikidata5MFolder
from relsym.data.verbalize import verbalize, wordings


def said(template: str, one: str, two: str) -> str:
    table = wordings({"P1": Relation("P1", "n", "symmetric", template)})
    rows = pl.DataFrame({"property": ["P1"]})
    return verbalize(rows, table, pl.lit("template"), {"text": (pl.lit(one), pl.lit(two))})["text"][0]


# --- relations and sentences


def test_the_table_holds_the_papers_14_properties_word_for_word():
    assert {p: r.template for p, r in RELATIONS.items()} == {
        "P40": "[Y] is a child of [X].",
        "P1382": "[Y] partially overlaps with [X].",
        "P279": "[X] is a type of [Y].",
        "P3373": "[X] is a sibling of [Y].",
        "P1560": "[X] is an equivalent name of [Y] for other gender.",
        "P131": "[X] is located in [Y].",
        "P25": "[Y] is the mother of [X].",
        "P22": "[Y] is the father of [X].",
        "P460": "[X] possibly the same as [Y].",
        "P2670": "[X] has part(s) that are instances of [Y].",
        "P1542": "[X] led to [Y].",
        "P1889": "[X] is different from [Y].",
        "P361": "[X] is part of [Y].",
        "P828": "[X] caused by [Y].",
    }
    assert {p for p, r in RELATIONS.items() if r.kind == "symmetric"} == {
        "P1382",
        "P3373",
        "P1560",
        "P460",
        "P1889",
    }


def test_only_antisymmetric_properties_have_a_converse_and_it_names_both_entities():
    for relation in RELATIONS.values():
        assert (relation.converse is not None) == (relation.kind == "antisymmetric")


@pytest.mark.parametrize(
    ("template", "sentence"),
    [
        ("[X] led to [Y].", "a led to b."),
        ("[Y] is a child of [X].", "b is a child of a."),
        ("Of [Y], [X] is.", "Of b, a is."),
    ],
)
def test_a_template_is_filled_in_either_order(template, sentence):
    assert said(template, "a", "b") == sentence


@given(st.text(), st.text())
def test_any_name_stays_as_it_is_even_if_it_looks_like_a_slot(one, two):
    assert said("[X] led to [Y].", one, two) == f"{one} led to {two}."
    assert said("[X] led to [Y].", "Malcolm [Y]", "[X]") == "Malcolm [Y] led to [X]."


def test_an_unknown_property_is_refused_with_the_table():
    with pytest.raises(ValueError, match=r"unknown property P9999.*P131.*data\.property_table"):
        select_relations(RELATIONS, ["P131", "P9999"])


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("P1: {name: n, kind: symetric, template: '[X] [Y]'}", "kind is 'symetric'"),
        ("P1: {name: n, kind: symmetric, template: '[X] is'}", r"must contain \[X\] and \[Y\] once"),
        ("P1: {name: n, kind: symmetric}", "template"),
        ("P1: {name: [", "not YAML"),
        ("a b: {name: n, kind: symmetric, template: '[X] [Y]'}", "no property id"),
        (
            "P1: {name: n, kind: symmetric, template: '[X] [Y]', paraphrases: ['[X]']}",
            r"'\[X\]' must contain",
        ),
        ("- P1", "expected a mapping"),
        ("P1: {name: n, kind: symmetric, template: '[X] [Y]', flavour: 1}", "Fields: name, kind"),
        ("P1: {name: 2001, kind: symmetric, template: '[X] [Y]'}", "name: 2001 is no text; put it in quotes"),
        ("P1: {name: n, kind: symmetric, template: 5}", "template: 5 is no text"),
        ("P1: {name: n, kind: [a], template: '[X] [Y]'}", r"kind: \['a'\] is no text"),
        ("P1: {name: n, kind: neither, template: '[X] [Y]', converse: no}", "converse: False is no text"),
        ("P1: {name: n, kind: neither, template: '[X] [Y]', inverses: [31]}", "inverses: 31 is no text"),
        ('P1: {name: n, kind: "\\e[31m", template: "[X] [Y]"}', r"kind is '\\x1b\[31m'; it must be"),
        ('P1: {name: n, kind: neither, template: "[X] [Y]", "\\e[31m": 1}', r"argument '\\x1b\[31m'"),
    ],
)
def test_a_bad_property_table_is_refused(tmp_path, table, message):
    (tmp_path / "table.yaml").write_text(table)
    with pytest.raises(ValueError, match=message):
        read_relations(tmp_path / "table.yaml")


def test_a_table_that_is_not_there_is_named():
    with pytest.raises(
        FileNotFoundError,
        match=r"data\.property_table=nowhere\.yaml: no such file, nor one of paper, extended",
    ):
        read_relations("nowhere.yaml")


EXTENDED = read_relations("extended")
RESERVED = {"P26", "P190", "P451", "P1327", "P171", "P749", "P50", "P127", "P150", "P1376"}
NEGATIONS = re.compile(r"\b(not|no|never|without|nor|cannot)\b|n't")


def test_the_extended_table_holds_the_papers_properties_and_at_least_30_more_without_the_reserved_ones():
    assert list(EXTENDED)[:14] == list(RELATIONS)
    assert len(EXTENDED) >= 14 + 30
    assert not EXTENDED.keys() & RESERVED
    assert Counter(r.kind for r in EXTENDED.values())["symmetric"] >= 15
    assert {
        "P47",
        "P530",
        "P197",
        "P461",
        "P1038",
        "P2789",
        "P155",
        "P156",
        "P36",
        "P138",
        "P144",
        "P1066",
        "P112",
        "P397",
        "P527",
    } <= EXTENDED.keys()


def test_properties_that_are_neither_are_left_out_unless_asked_for():
    assert "P737" not in select_relations(EXTENDED, None)
    assert select_relations(EXTENDED, None, neutral=True)["P737"].label == "neutral"


WIKIDATA = ("paper", "extended")
WORDED = {}
for table in TABLES:
    if table != "paper":  # its properties are in "extended" too
        relations = read_relations(table)
        WORDED |= {f"{table} {name}": (relation, relations) for name, relation in relations.items()}


@pytest.mark.parametrize("name", WORDED)
def test_every_property_has_its_wordings_in_the_right_order(name):
    relation, table = WORDED[name]

    def subject_first(text):
        return text.index("[X]") < text.index("[Y]")

    order = subject_first(relation.template)
    assert len(set(relation.paraphrases) | {relation.template}) >= 4
    assert all(
        subject_first(text) == order and text.endswith(".") and not NEGATIONS.search(text)
        for text in relation.paraphrases
    )
    assert subject_first(relation.negation) == order
    assert NEGATIONS.search(relation.negation)
    assert (relation.converse is None) == (relation.kind == "symmetric")
    assert relation.converse is None or (
        subject_first(relation.converse) != order and not NEGATIONS.search(relation.converse)
    )
    assert all(
        (inverse in table and relation.property in table[inverse].inverses)
        or inverse == "P527"
        or relation.property == "P527"
        for inverse in relation.inverses
    )


@pytest.mark.parametrize("table", TABLES)
def test_no_two_properties_share_a_wording_in_either_order(table):
    owner = {}
    for relation in read_relations(table).values():
        for text in (relation.template, relation.negation, relation.converse, *relation.paraphrases):
            for form in (
                {text, text.replace("[X]", "[Z]").replace("[Y]", "[X]").replace("[Z]", "[Y]")} if text else ()
            ):
                assert owner.setdefault(form, relation.property) == relation.property, form


@pytest.mark.parametrize("table", [name for name in TABLES if name not in WIKIDATA])
def test_tables_of_data_sets_hold_relations_of_both_kinds_and_no_other(table):
    kinds = Counter(relation.kind for relation in read_relations(table).values())
    assert kinds.keys() == {"symmetric", "antisymmetric"}
    assert min(kinds.values()) >= 3
    check_wordings(read_relations(table), list(VARIANTS))


# --- draws


@given(st.lists(st.lists(st.integers(), max_size=5), max_size=5))
def test_in_turn_gives_everything_and_is_even_until_a_pool_runs_out(pools):
    tagged = [[(number, item) for item in pool] for number, pool in enumerate(pools)]
    drawn = list(in_turn(tagged))
    assert sorted(drawn) == sorted(item for pool in tagged for item in pool)
    for length in range(len(drawn) + 1):
        taken = Counter(number for number, _ in drawn[:length])
        open_pools = [taken[n] for n, pool in enumerate(tagged) if taken[n] < len(pool)]
        assert max(taken.values(), default=0) - min(open_pools, default=max(taken.values(), default=0)) <= 1


def test_alternate_ends_with_the_pool_that_runs_out():
    assert list(alternate([[1, 2, 3], "ab"])) == [1, "a", 2, "b"]


@pytest.mark.parametrize("form", ["lexicalised", "delexicalised", "mixed"])
@pytest.mark.parametrize("sampling", ["stratified", "random", "properties"])
def test_the_head_of_a_longer_draw_is_the_shorter_one(facts, form, sampling):
    long = data(facts, samples=48, form=form, sampling=sampling).train_rows
    assert data(facts, samples=16, form=form, sampling=sampling).train_rows == long[:16]
    assert len(long) == 48


def test_kinds_alternate_and_a_mixed_draw_has_both_forms_of_each_fact_in_a_row(facts):
    rows = data(facts, samples=32, form="mixed").train_rows
    for first, second in list(pairwise(rows))[::2]:
        assert first.pair_id == second.pair_id
        assert (first.form, second.form) == ("lexicalised", "delexicalised")
    kinds = [RELATIONS[row.property].kind for row in rows[::2]]
    assert all(a != b for a, b in pairwise(kinds))


def test_stratified_draws_take_properties_in_turn(facts):
    counts = Counter(row.property for row in data(facts, samples=90).train_rows)
    assert {counts[p] for p, r in RELATIONS.items() if r.kind == "symmetric"} == {9}
    assert {counts[p] for p, r in RELATIONS.items() if r.kind == "antisymmetric"} == {5}


def test_properties_in_turn_give_one_fact_each_before_a_second_whatever_their_kinds(facts):
    rows = data(facts, samples=28, form="mixed", sampling="properties").train_rows
    assert Counter(row.property for row in rows) == dict.fromkeys(RELATIONS, 2)
    kinds = Counter(row.kind for row in rows)
    assert kinds == {"symmetric": 10, "antisymmetric": 18}
    # Any number of whole facts will do, and one more than a round is a second fact of one property.
    counts = Counter(row.property for row in data(facts, samples=15, sampling="properties").train_rows)
    assert sorted(counts.values()) == [1] * 13 + [2]


def test_a_property_that_runs_out_gives_all_it_has_and_the_others_fill_up(facts):
    scarce = [f for f in facts if f[1] != "P828"] + [f for f in facts if f[1] == "P828"][:6]
    benchmark = SymmetryBenchmark(Listed(scarce))
    available = benchmark.facts.filter(pl.col("forward") == "train", pl.col("property") == "P828").height
    drawn = Counter(benchmark.draw("train", 0, 120)["property"])
    assert drawn["P828"] == available <= 6
    others = [drawn[p] for p, r in RELATIONS.items() if r.kind == "antisymmetric" and p != "P828"]
    assert sum(others) == 60 - drawn["P828"]
    assert max(others) - min(others) <= 1


def test_sampling_knobs_have_an_effect(facts):
    base = data(facts).train_rows
    assert data(facts, sample_seed=1).train_rows != base
    assert data(facts, sampling="random").train_rows != base
    assert data(facts, split_seed=1).train_rows != base
    assert data(facts, sample_seed=0).train_rows == base


def test_score_rows_are_one_pair_a_fact_balanced_in_random_directions_and_the_same_for_every_draw(facts):
    read = data(facts, test_pairs=60)
    rows = read.score_rows["lexicalised"]
    assert len(rows) == 60
    assert len({row.pair_id for row in rows}) == 60
    assert Counter(RELATIONS[row.property].kind for row in rows) == {"symmetric": 30, "antisymmetric": 30}
    stated = {(p, s, o) for s, p, o in facts}
    forward = sum((row.property, *row.fact_id.split(":")[1:]) in stated for row in rows)
    assert 15 <= forward <= 45
    assert data(facts, test_pairs=60, sample_seed=7).score_rows == read.score_rows
    assert [row.pair_id for row in read.score_rows["delexicalised"]] == [row.pair_id for row in rows]


def test_training_score_and_validation_rows_share_no_entity_pair(facts):
    test, validation = data(facts, samples=None), data(facts, samples=None, score_on="validation")
    pairs = [
        {frozenset(row.fact_id.split(":")[1:]) for row in rows}
        for rows in (test.train_rows, test.score_rows["lexicalised"], validation.score_rows["lexicalised"])
    ]
    assert not pairs[0] & pairs[1] | pairs[0] & pairs[2] | pairs[1] & pairs[2]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"samples": 7}, r"data\.samples=7: must be a multiple of 2"),
        ({"samples": 0}, r"data\.samples=0"),
        ({"samples": 6, "form": "mixed"}, "must be a multiple of 4"),
        ({"samples": 10**6}, r"at most \d+ balanced samples"),
        ({"samples": 10**6, "sampling": "properties"}, r"at most \d+ samples"),
        ({"samples": 7, "form": "mixed", "sampling": "properties"}, "must be a multiple of 2: 1 variants"),
        ({"test_pairs": 1}, r"data\.test_pairs=1"),
        ({"form": "lexicalized"}, r"data\.form=lexicalized: expected"),
        ({"sampling": "uniform"}, r"data\.sampling=uniform"),
        ({"split": "random"}, r"data\.split=random: expected grouped, paper, entities"),
        ({"score_on": "train"}, r"data\.score_on=train"),
        ({"batch_size": 1}, r"data\.batch_size=1"),
        ({"properties": ["P131"]}, "no facts of kind symmetric"),
        ({"findings": {"same_label": "merge"}}, r"data\.findings\.same_label=merge: expected drop or keep"),
        ({"findings": {"no_label": "keep"}}, r"data\.findings\.no_label=keep: expected drop"),
        ({"findings": {"typo": None}}, r"data\.findings\.typo: no such"),
        ({"held_out": ["P47"]}, r"data\.held_out: P47 is not among"),
        (
            {"samples": 16, "train_variants": ["swap", "identity", "negated_swap"]},
            "must be a multiple of 6: 2 kinds, 3 variants",
        ),
    ],
)
def test_what_cannot_be_drawn_is_refused(facts, changes, message):
    with pytest.raises(ValueError, match=message):
        data(facts, **changes)


def test_the_content_hash_changes_with_a_label_and_a_split_but_not_with_the_draw(facts):
    base = data(facts).content_hash
    assert data(facts, sample_seed=3, samples=4).content_hash == base
    assert data(facts, split_seed=3).content_hash != base
    assert data(facts[1:]).content_hash != base


# --- batches


@given(st.lists(st.sampled_from("ab"), min_size=1, max_size=80), st.integers(2, 20), st.integers(0, 3))
def test_an_epoch_deals_every_row_once_into_near_equal_batches(targets, batch_size, epoch):
    batches = epoch_batches(targets, batch_size, 0, epoch)
    assert len(batches) == ceil(len(targets) / batch_size)
    assert sorted(row for batch in batches for row in batch) == list(range(len(targets)))
    assert max(map(len, batches)) - min(map(len, batches)) <= 1
    for label in set(targets):
        if targets.count(label) >= len(batches):
            assert all(label in {targets[row] for row in batch} for batch in batches)


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 90)), min_size=1, max_size=200),
    st.integers(3, 20),
    st.integers(0, 3),
)
def test_batches_by_length_hold_every_row_once_and_every_class(rows, batch_size, epoch):
    targets, lengths = zip(*rows, strict=True)
    batches = epoch_batches(targets, batch_size, 0, epoch, lengths)
    assert sorted(row for batch in batches for row in batch) == list(range(len(targets)))
    for label in set(targets):
        counts = [sum(targets[row] == label for row in batch) for batch in batches]
        assert max(counts) - min(counts) <= 1
    assert all(batches)


def test_batches_by_length_need_less_padding_and_differ_from_epoch_to_epoch():
    rows = Random(0)
    targets, lengths = [i % 3 for i in range(3000)], [rows.randint(5, 100) for _ in range(3000)]

    def padded(batches):
        return sum(max(lengths[row] for row in batch) * len(batch) for batch in batches)

    by_length, mixed = epoch_batches(targets, 30, 0, 0, lengths), epoch_batches(targets, 30, 0, 0)
    assert padded(by_length) < 1.05 * sum(lengths) < 0.6 * padded(mixed)
    assert {frozenset(batch) for batch in by_length}.isdisjoint(
        map(frozenset, epoch_batches(targets, 30, 0, 1, lengths))
    )
    longest = [max(lengths[row] for row in batch) for batch in by_length]
    assert longest != sorted(longest)


@given(st.lists(st.integers(0, 99), min_size=1, max_size=40, unique=True), st.integers(1, 4))
def test_the_ranks_shares_have_one_length_and_make_up_the_batch(batch, world):
    shares = [share_of(batch, rank, world) for rank in range(world)]
    assert len({len(share) for share in shares}) == 1
    assert sorted(row for share in shares for row in share if row != PADDING) == sorted(batch)


def test_every_pass_of_the_sampler_is_a_new_epoch_and_the_same_on_all_ranks():
    samplers = [GlobalBatchSampler("ab" * 10, 5, 0, rank, 2) for rank in (0, 1)]
    passes = [[list(sampler), list(sampler)] for sampler in samplers]
    assert passes[0][0] != passes[0][1]
    merged = [
        sorted(r for r in a + b if r != PADDING) for a, b in zip(passes[0][0], passes[1][0], strict=True)
    ]
    assert merged == [sorted(batch) for batch in epoch_batches("ab" * 10, 5, 0, 0)]
    assert len(samplers[0]) == 4


def test_a_padded_share_is_masked(facts):
    read = data(facts, samples=4)
    read.tokenize_with(
        lambda rows: [[{"input_ids": [1, 2]} for _ in rows]],
        lambda features: {"input_ids": torch.ones(len(features), 2)},
        read.labels,
    )
    batch = read.batch([2, PADDING])
    assert batch.mask.tolist() == [True, False]
    assert batch.inputs[0]["input_ids"].shape == (2, 2)
    assert batch.targets[0] == read.labels.index(read.train_rows[2].label)


# --- the embedded benchmark


def test_the_embedded_facts_are_consistent():
    source = Mini().read(RELATIONS)
    audit = Audit()
    facts = usable_facts(source, RELATIONS, audit)
    assert not audit.dropped
    assert facts.height == source.triples.height == source.read
    per_property = Counter(facts["property"])
    assert set(per_property) == set(RELATIONS)
    assert min(per_property.values()) >= 60
    assert all(label and label == label.strip() for label in source.labels["label"])
    assert {*facts["subject"], *facts["object"]} == set(source.labels["entity"])


def test_the_embedded_table_names_no_entity_twice():
    lines = (
        (Path(__import__("relsym.data").data.__file__).parent / "mini" / "entities.tsv")
        .read_text(encoding="utf-8")
        .splitlines()
    )
    entities = [line.split("\t")[0] for line in lines[1:]]
    assert len(entities) == len(set(entities))


@pytest.mark.slow
def test_checked_ids_carry_wikidatas_own_labels(real_data):
    names = dict(
        line.split("\t")[:2]
        for line in (real_data / "wikidata" / "entities.tsv").read_text(encoding="utf-8").splitlines()
    )
    lines = (
        (Path(__import__("relsym.data").data.__file__).parent / "mini" / "entities.tsv")
        .read_text(encoding="utf-8")
        .splitlines()
    )
    rows = [line.split("\t") for line in lines[1:]]
    for entity, label, checked in rows:
        assert (checked == "true") == (names.get(entity) == label), (entity, label, names.get(entity))
    assert sum(checked == "true" for _, _, checked in rows) / len(rows) >= 0.8


@pytest.mark.slow
def test_the_real_triples_are_read_and_cleaned(real_data):
    benchmark = SymmetryBenchmark(Wikidata5MFolder(str(real_data / "wikidata")))
    assert benchmark.audit.found["same_label"]["by_property"]["P1889"] > 6600
    assert benchmark.facts["property"].n_unique() == 13
    rows = benchmark.pairs(benchmark.draw("test", 0, 2000), ["swap"])
    assert len({row.premise for row in rows}) == 2000
    trained = {
        text
        for pair in benchmark.pairs(benchmark.draw("train", 0), ["swap"])
        for text in (pair.premise, pair.hypothesis)
    }
    assert not trained & {text for row in rows for text in (row.premise, row.hypothesis)}


def test_relations_are_immutable():
    with pytest.raises(AttributeError):
        RELATIONS["P131"].kind = "symmetric"
    assert isinstance(RELATIONS["P131"], Relation)
