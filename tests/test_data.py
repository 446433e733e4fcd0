"""Stage 1: property table, readers, pairs, splits, draws, batches, NLI rows."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from itertools import islice, pairwise
from math import ceil
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from relsym.data.batches import PADDING, GlobalBatchSampler, epoch_batches, share_of
from relsym.data.mini import Mini
from relsym.data.nli import NliData
from relsym.data.pairs import clean_facts, group_of, swap_pair
from relsym.data.relations import Relation, read_relations, select_relations
from relsym.data.sampling import alternate, in_turn
from relsym.data.splits import grouped, paper
from relsym.data.symmetry import SymmetryBenchmark, SymmetryData
from relsym.data.triples import Triple, TripleSource, Wikidata5MFolder
from relsym.data.verbalize import verbalize

RELATIONS = read_relations()
ids = st.integers(1, 10**6).map("Q{}".format)
facts_of_any_kind = st.builds(Triple, ids, st.sampled_from(sorted(RELATIONS)), ids)


class Listed:
    """A reader over triples in memory."""

    def __init__(self, triples: list[Triple], labels: dict[str, str] | None = None) -> None:
        self.triples, self.labels = triples, labels

    def read(self, properties) -> TripleSource:
        kept = [t for t in self.triples if t.property in properties]
        names = self.labels or {q: f"name {q}" for t in kept for q in (t.subject, t.object)}
        return TripleSource(kept, names)


def data(facts, **changes) -> SymmetryData:
    options = {"samples": 16, "sampling": "stratified", "form": "lexicalised", "sample_seed": 0, "test_pairs": None, "score_on": "test",
               "batch_size": 4, "seed": 0}
    benchmark = {key: changes.pop(key) for key in ("split", "split_seed", "same_label", "properties") if key in changes}
    read = SymmetryData(lambda: SymmetryBenchmark(Listed([Triple(*f) for f in facts]), **benchmark), **{**options, **changes})
    read.read()
    return read


# --- relations and sentences

def test_the_table_holds_the_papers_14_properties_word_for_word():
    assert {p: r.template for p, r in RELATIONS.items()} == {
        "P40": "[Y] is a child of [X].", "P1382": "[Y] partially overlaps with [X].", "P279": "[X] is a type of [Y].",
        "P3373": "[X] is a sibling of [Y].", "P1560": "[X] is an equivalent name of [Y] for other gender.",
        "P131": "[X] is located in [Y].", "P25": "[Y] is the mother of [X].", "P22": "[Y] is the father of [X].",
        "P460": "[X] possibly the same as [Y].", "P2670": "[X] has part(s) that are instances of [Y].", "P1542": "[X] led to [Y].",
        "P1889": "[X] is different from [Y].", "P361": "[X] is part of [Y].", "P828": "[X] caused by [Y]."}
    assert {p for p, r in RELATIONS.items() if r.kind == "symmetric"} == {"P1382", "P3373", "P1560", "P460", "P1889"}


def test_only_antisymmetric_properties_have_a_converse_and_it_names_both_entities():
    for relation in RELATIONS.values():
        assert (relation.converse is not None) == (relation.kind == "antisymmetric")


@pytest.mark.parametrize(("template", "sentence"), [("[X] led to [Y].", "a led to b."), ("[Y] is a child of [X].", "b is a child of a.")])
def test_a_template_is_filled_in_either_order(template, sentence):
    assert verbalize(template, "a", "b") == sentence


def test_a_name_that_contains_a_placeholder_stays_as_it_is():
    assert verbalize("[X] led to [Y].", "Malcolm [Y]", "b") == "Malcolm [Y] led to b."


def test_an_unknown_property_is_refused_with_the_table():
    with pytest.raises(ValueError, match=r"unknown property P9999.*P131.*data\.property_table"):
        select_relations(RELATIONS, ["P131", "P9999"])


@pytest.mark.parametrize(("table", "message"), [
    ("P1: {name: n, kind: symetric, template: '[X] [Y]'}", "kind is 'symetric'"),
    ("P1: {name: n, kind: symmetric, template: '[X] is'}", r"must contain \[X\] and \[Y\] once"),
    ("P1: {name: n, kind: symmetric}", "template"), ("P1: {name: [", "not YAML"), ("Q1: {name: n, kind: symmetric, template: '[X] [Y]'}", "no property id")])
def test_a_bad_property_table_is_refused(tmp_path, table, message):
    (tmp_path / "table.yaml").write_text(table)
    with pytest.raises(ValueError, match=message):
        read_relations(tmp_path / "table.yaml")


# --- the Wikidata5M folder

def folder(tmp_path: Path, triples: str = "Q1\tP131\tQ2\n", entities: str = "Q1\tone\tuno\nQ2\ttwo\n", **names: str) -> Path:
    (tmp_path / names.get("triples_name", "triples.tsv")).write_text(triples)
    (tmp_path / names.get("entities_name", "entities.tsv")).write_text(entities)
    return tmp_path


def test_labels_and_aliases_are_kept_and_other_properties_counted(tmp_path):
    source = Wikidata5MFolder(str(folder(tmp_path, "Q1\tP131\tQ2\nQ1\tP47\tQ2\n"))).read(RELATIONS)
    assert source.triples == [Triple("Q1", "P131", "Q2")]
    assert source.labels == {"Q1": "one", "Q2": "two"}
    assert source.aliases == {"Q1": ("uno",)}
    assert source.counts == {"other property": 1}


def test_gzipped_raw_files_of_all_parts_are_read(tmp_path):
    for part, line in (("train", "Q1\tP131\tQ2\n"), ("valid", "Q2\tP131\tQ3\n")):
        (tmp_path / f"wikidata5m_transductive_{part}.txt.gz").write_bytes(gzip.compress(line.encode()))
    (tmp_path / "wikidata5m_entity.txt.gz").write_bytes(gzip.compress(b"Q1\ta\nQ2\tb\nQ3\tc\n"))
    assert len(Wikidata5MFolder(str(tmp_path)).read(RELATIONS).triples) == 2


def test_a_named_file_or_glob_wins_over_the_search(tmp_path):
    folder(tmp_path)
    (tmp_path / "other.txt").write_text("Q2\tP131\tQ1\n")
    assert Wikidata5MFolder(str(tmp_path), triples="oth*.txt").read(RELATIONS).triples == [Triple("Q2", "P131", "Q1")]


def test_two_candidates_are_an_error_that_lists_them(tmp_path):
    folder(tmp_path)
    (tmp_path / "wikidata5m_all_triplet.txt").write_text("Q1\tP131\tQ2\n")
    with pytest.raises(ValueError, match=r"several candidates.*triples\.tsv.*wikidata5m_all_triplet\.txt.*data\.triples="):
        Wikidata5MFolder(str(tmp_path))


@pytest.mark.parametrize(("triples", "entities", "message"), [
    ("Q1\tP131\n", "Q1\ta\nQ2\tb\n", r"line 1 of .*triples\.tsv: expected 3 tab-separated fields.*got 2.*data\.on_bad_row=skip"),
    ("Q1\tQ131\tQ2\n", "Q1\ta\nQ2\tb\n", r"property P-id"),
    ("Q1\tP131\tQ2\n", "Q1\ta\n", r"no label for 1 of the entities.*first Q2.*data\.on_missing_label=drop"),
    ("Q1\tP131\tQ2\n", "Q1\ta\nQ2\t \n", r"no label for 1 of the entities.*first Q2"),
    ("", "Q1\ta\n", r"triples\.tsv: the file is empty"),
    ("Q1\tP131\tQ2\n", "", r"entities\.tsv: the file is empty"),
    ("Q1\tP47\tQ2\n", "Q1\ta\n", r"no statement of the chosen properties among 1 rows")])
def test_bad_files_are_refused_with_the_advice(tmp_path, triples, entities, message):
    with pytest.raises(ValueError, match=message):
        Wikidata5MFolder(str(folder(tmp_path, triples, entities))).read(RELATIONS)


def test_bytes_that_are_not_utf8_are_located(tmp_path):
    folder(tmp_path)
    (tmp_path / "entities.tsv").write_bytes(b"Q1\tone\nQ2\tM\xfcnchen\n")
    with pytest.raises(ValueError, match=r"line 2 of .*entities\.tsv: not UTF-8 \(byte 4: 0xfc\).*iconv"):
        Wikidata5MFolder(str(tmp_path)).read(RELATIONS)


def test_bad_rows_and_unlabelled_facts_can_be_dropped_and_are_counted(tmp_path):
    folder(tmp_path, "Q1\tP131\nQ1\tP131\tQ2\nQ1\tP131\tQ9\n")
    source = Wikidata5MFolder(str(tmp_path), on_bad_row="skip", on_missing_label="drop").read(RELATIONS)
    assert source.triples == [Triple("Q1", "P131", "Q2")]
    assert source.counts["bad row"] == 1
    assert source.counts["no label"] == 1


def test_a_broken_gzip_file_is_named(tmp_path):
    folder(tmp_path)
    (tmp_path / "half.gz").write_bytes(gzip.compress(b"Q1\tP131\tQ2\n" * 1000)[:-20])
    with pytest.raises(ValueError, match=r"half\.gz: not a whole gzip file"):
        Wikidata5MFolder(str(tmp_path), triples="half.gz").read(RELATIONS)


def test_a_missing_folder_and_an_unset_one_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no such folder.*data\.folder=PATH"):
        Wikidata5MFolder(str(tmp_path / "nowhere"))
    with pytest.raises(ValueError, match=r"data\.folder is not set"):
        Wikidata5MFolder(None)


# --- facts and pairs

def test_facts_are_cleaned_and_every_loss_is_counted():
    triples = [Triple("Q1", "P3373", "Q2"), Triple("Q2", "P3373", "Q1"), Triple("Q1", "P3373", "Q2"), Triple("Q3", "P279", "Q4"),
               Triple("Q4", "P279", "Q3"), Triple("Q5", "P1889", "Q6"), Triple("Q7", "P131", "Q8")]
    labels = {f"Q{i}": f"name {i}" for i in range(9)} | {"Q5": "Paris", "Q6": "paris"}
    facts, counts = clean_facts(TripleSource(triples, labels), RELATIONS)
    assert facts == [Triple("Q1", "P3373", "Q2"), Triple("Q7", "P131", "Q8")]
    assert counts == {"duplicate": 2, "both directions": 2, "same label": 1}
    assert Triple("Q5", "P1889", "Q6") in clean_facts(TripleSource(triples, labels), RELATIONS, "keep")[0]


def test_facts_that_read_the_same_are_kept_once():
    labels = {"Q1": "Franklin", "Q2": "Ohio", "Q3": "franklin", "Q4": "Ohio"}
    triples = [Triple("Q1", "P1889", "Q2"), Triple("Q4", "P1889", "Q3"), Triple("Q3", "P131", "Q4")]
    facts, counts = clean_facts(TripleSource(triples, labels), RELATIONS)
    assert facts == [Triple("Q1", "P1889", "Q2"), Triple("Q3", "P131", "Q4")]
    assert counts == {"same text": 1}


@given(facts_of_any_kind, st.booleans())
def test_a_swap_pair_swaps_and_its_label_depends_on_the_relation_alone(fact, reverse):
    labels = {fact.subject: "Ann", fact.object: "Bob"}
    pair = swap_pair(fact, RELATIONS[fact.property], labels, reverse, "train")
    back = swap_pair(fact, RELATIONS[fact.property], labels, not reverse, "train")
    assert (pair.premise, pair.hypothesis) == (back.hypothesis, back.premise)
    assert (pair.premise_delex, pair.hypothesis_delex) == (back.hypothesis_delex, back.premise_delex)
    assert pair.label == {"symmetric": "entailment", "antisymmetric": "contradiction"}[RELATIONS[fact.property].kind]
    assert pair.group_id == back.group_id


# --- splits

@given(facts_of_any_kind, st.integers(0, 5))
def test_a_fact_its_reverse_and_its_twin_in_another_property_share_a_side(fact, seed):
    twin = Triple(fact.object, "P131", fact.subject)
    assert group_of(fact) == group_of(twin)
    assert len({grouped(f, "symmetric", reverse, seed) for f in (fact, twin) for reverse in (False, True)}) == 1


def test_the_grouped_split_is_65_10_25(facts):
    many = Counter(grouped(Triple(f"Q{i}", "P131", f"Q{i + 1}"), "antisymmetric", False, 0) for i in range(20000))
    assert many["train"] / 20000 == pytest.approx(0.65, abs=0.01)
    assert many["validation"] / 20000 == pytest.approx(0.10, abs=0.01)


def test_the_papers_split_tests_reversed_pairs_only_and_at_its_rates():
    for kind, rate in (("symmetric", 0.5), ("antisymmetric", 0.04)):
        facts = [Triple(f"Q{i}", "P131", f"Q{i + 1}") for i in range(20000)]
        assert {paper(fact, kind, False, 0) for fact in facts} == {"train"}
        sides = Counter(paper(fact, kind, True, 0) for fact in facts)
        assert sides["test"] / 20000 == pytest.approx(rate, abs=0.015)
        assert sides["validation"] / 20000 == pytest.approx(0.4 * rate, abs=0.015)


def test_under_the_papers_split_every_test_pair_has_its_twin_in_train(facts):
    benchmark = SymmetryBenchmark(Listed([Triple(*f) for f in facts]), split="paper")
    scored = list(benchmark.pairs("test", 0))
    assert scored
    for pair in scored:
        forward = Triple(pair.object_id, pair.property, pair.subject_id)
        assert forward in benchmark.facts
        assert paper(forward, pair.kind, False, 0) == "train"


def test_no_group_of_the_grouped_split_stands_on_two_sides(facts):
    benchmark = SymmetryBenchmark(Listed([Triple(*f) for f in facts]))
    sides = [{pair.group_id for pair in benchmark.pairs(split, 0)} for split in ("train", "validation", "test")]
    assert not sides[0] & sides[1] | sides[0] & sides[2] | sides[1] & sides[2]
    assert all(sides)


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
@pytest.mark.parametrize("sampling", ["stratified", "random"])
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


def test_a_property_that_runs_out_gives_all_it_has_and_the_others_fill_up(facts):
    scarce = [f for f in facts if f[1] != "P828"] + [f for f in facts if f[1] == "P828"][:6]
    benchmark = SymmetryBenchmark(Listed([Triple(*f) for f in scarce]))
    available = Counter(f.property for f in benchmark.facts if grouped(f, "", False, 0) == "train")
    drawn = Counter(pair.property for pair in islice(benchmark.pairs("train", 0), 120))
    assert drawn["P828"] == available["P828"] < 6.01
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
    forward = sum((row.property, *row.pair_id.split(":")[1:]) in stated for row in rows)
    assert 15 <= forward <= 45
    assert data(facts, test_pairs=60, sample_seed=7).score_rows == read.score_rows
    assert [row.pair_id for row in read.score_rows["delexicalised"]] == [row.pair_id for row in rows]


def test_training_score_and_validation_rows_share_no_entity_pair(facts):
    test, validation = data(facts, samples=None), data(facts, samples=None, score_on="validation")
    pairs = [{frozenset(row.pair_id.split(":")[1:]) for row in rows}
             for rows in (test.train_rows, test.score_rows["lexicalised"], validation.score_rows["lexicalised"])]
    assert not pairs[0] & pairs[1] | pairs[0] & pairs[2] | pairs[1] & pairs[2]


@pytest.mark.parametrize(("changes", "message"), [
    ({"samples": 7}, r"data\.samples=7: must be a positive multiple of 2"), ({"samples": 0}, r"data\.samples=0"),
    ({"samples": 6, "form": "mixed"}, "multiple of 4 with data.form=mixed"), ({"samples": 10**6}, r"at most \d+ balanced samples"),
    ({"test_pairs": 3}, r"data\.test_pairs=3"), ({"form": "lexicalized"}, r"data\.form=lexicalized: expected"),
    ({"sampling": "uniform"}, r"data\.sampling=uniform"), ({"split": "random"}, r"data\.split=random: expected grouped or paper"),
    ({"score_on": "train"}, r"data\.score_on=train"), ({"batch_size": 1}, r"data\.batch_size=1"),
    ({"properties": ["P131"]}, "no facts of symmetric properties"), ({"same_label": "merge"}, r"data\.same_label=merge")])
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


@given(st.lists(st.integers(0, 99), min_size=1, max_size=40, unique=True), st.integers(1, 4))
def test_the_ranks_shares_have_one_length_and_make_up_the_batch(batch, world):
    shares = [share_of(batch, rank, world) for rank in range(world)]
    assert len({len(share) for share in shares}) == 1
    assert sorted(row for share in shares for row in share if row != PADDING) == sorted(batch)


def test_every_pass_of_the_sampler_is_a_new_epoch_and_the_same_on_all_ranks():
    samplers = [GlobalBatchSampler("ab" * 10, 5, 0, rank, 2) for rank in (0, 1)]
    passes = [[list(sampler), list(sampler)] for sampler in samplers]
    assert passes[0][0] != passes[0][1]
    merged = [sorted(r for r in a + b if r != PADDING) for a, b in zip(passes[0][0], passes[1][0], strict=True)]
    assert merged == [sorted(batch) for batch in epoch_batches("ab" * 10, 5, 0, 0)]
    assert len(samplers[0]) == 4


def test_a_padded_share_is_masked(facts):
    read = data(facts, samples=4)
    read.tokenize_with(lambda rows: [[{"input_ids": [1, 2]} for _ in rows]], lambda features: {"input_ids": torch.ones(len(features), 2)},
                       read.labels)
    batch = read.batch([2, PADDING])
    assert batch.mask.tolist() == [True, False]
    assert batch.inputs[0]["input_ids"].shape == (2, 2)
    assert batch.targets[0] == read.labels.index(read.train_rows[2].label)


# --- NLI rows

def nli(folder: Path, **changes) -> NliData:
    options = {"train": None, "test": None, "samples": None, "sample_seed": 0, "split_seed": 0, "test_pairs": None, "score_on": "test",
               "batch_size": 8, "seed": 0}
    read = NliData(str(folder), **{**options, **changes})
    read.read()
    return read


def test_nli_rows_of_one_premise_are_not_split_and_all_are_used(mnli_folder):
    test, validation = nli(mnli_folder), nli(mnli_folder, score_on="validation")
    held, trained = validation.score_rows["mnli"], test.train_rows
    assert len(held) + len(trained) == 60
    assert held
    assert not {row.premise for row in held} & {row.premise for row in trained}
    assert len(test.score_rows["mnli"]) == 30


def test_nli_draws_are_balanced_and_nested(mnli_folder):
    rows = nli(mnli_folder, samples=12).train_rows
    assert Counter(row.label for row in rows) == {"entailment": 4, "neutral": 4, "contradiction": 4}
    assert nli(mnli_folder, samples=6).train_rows == rows[:6]


def test_gluess_tsv_is_read_with_quotes_and_rows_without_consensus_are_counted(tmp_path):
    head = "index\tsentence1\tsentence2\tlabel1\tgold_label\n"
    (tmp_path / "train.tsv").write_text(head + '0\tHe said "no\tHe spoke.\tneutral\tentailment\n1\ta\tb\tneutral\t-\n2\tc\td\tneutral\tneutral\n')
    (tmp_path / "dev_matched.tsv").write_text(head + "0\te\tf\tneutral\tcontradiction\n")
    read = nli(tmp_path)
    assert sorted(row.premise for row in read.train_rows) == ['He said "no', "c"]
    assert read.counts["no consensus label"] == 1
    assert read.score_rows["mnli"][0].label == "contradiction"


@pytest.mark.parametrize(("row", "message"), [
    ({"premise": "a", "hypothesis": "b", "label": 0}, r"row 1 of .*label '0'; expected one of entailment"),
    ({"premise": "a", "hypothesis": "b", "label": "contradictory"}, "label 'contradictory'"),
    ({"text": "a", "label": "neutral"}, r"row 1 of .*expected the columns"), (["a", "b"], "got list")])
def test_nli_names_are_checked(tmp_path, row, message):
    for name in ("train.jsonl", "dev_matched.jsonl"):
        (tmp_path / name).write_text(json.dumps(row) + "\n")
    with pytest.raises(ValueError, match=message):
        nli(tmp_path)


def test_two_nli_candidates_or_none_are_named(tmp_path, mnli_folder):
    (mnli_folder / "train_partial.jsonl").write_text("{}\n")
    with pytest.raises(ValueError, match=r"several candidates: train\.jsonl, train_partial\.jsonl.*data\.train=NAME"):
        nli(mnli_folder)
    with pytest.raises(FileNotFoundError, match=r"no file called train\.jsonl"):
        nli(tmp_path / "triples" if (tmp_path / "triples").exists() else tmp_path)


# --- the embedded benchmark

def test_the_embedded_facts_are_consistent():
    source = Mini().read(RELATIONS)
    facts, counts = clean_facts(source, RELATIONS)
    assert not counts.keys() & {"duplicate", "both directions", "same label"}, counts
    assert len(facts) == len(source.triples)
    per_property = Counter(fact.property for fact in facts)
    assert set(per_property) == set(RELATIONS)
    assert min(per_property.values()) >= 60
    assert all(label and label == label.strip() for label in source.labels.values())
    assert {entity for fact in facts for entity in (fact.subject, fact.object)} == source.labels.keys()


def test_the_embedded_table_names_no_entity_twice():
    lines = (Path(__import__("relsym.data").data.__file__).parent / "mini" / "entities.tsv").read_text(encoding="utf-8").splitlines()
    entities = [line.split("\t")[0] for line in lines[1:]]
    assert len(entities) == len(set(entities))


@pytest.mark.slow
def test_checked_ids_carry_wikidatas_own_labels(real_data):
    names = dict(line.split("\t")[:2] for line in (real_data / "wikidata" / "entities.tsv").read_text(encoding="utf-8").splitlines())
    lines = (Path(__import__("relsym.data").data.__file__).parent / "mini" / "entities.tsv").read_text(encoding="utf-8").splitlines()
    rows = [line.split("\t") for line in lines[1:]]
    for entity, label, checked in rows:
        assert (checked == "true") == (names.get(entity) == label), (entity, label, names.get(entity))
    assert sum(checked == "true" for _, _, checked in rows) / len(rows) >= 0.8


@pytest.mark.slow
def test_the_real_triples_are_read_and_cleaned(real_data):
    benchmark = SymmetryBenchmark(Wikidata5MFolder(str(real_data / "wikidata")))
    assert benchmark.counts["same label"] > 6000
    assert len({fact.property for fact in benchmark.facts}) == 13
    rows = list(islice(benchmark.pairs("test", 0), 2000))
    assert len({row.premise for row in rows}) == 2000
    trained = {text for pair in benchmark.pairs("train", 0) for text in (pair.premise, pair.hypothesis)}
    assert not trained & {text for row in rows for text in (row.premise, row.hypothesis)}


def test_relations_are_immutable():
    with pytest.raises(AttributeError):
        RELATIONS["P131"].kind = "symmetric"
    assert isinstance(RELATIONS["P131"], Relation)
