"""Facts, splits, variants, the audit, and benchmarks on disk."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from itertools import product
from pathlib import Path

import msgspec
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks_of import RELATIONS, Listed, data, source
from damaged import another_type, refusal, replaced, values
from relsym.data.audit import FACT_FINDINGS, FINDINGS, ONLY_DROP, Audit
from relsym.data.benchmark import SymmetryBenchmark
from relsym.data.building import SHARES, audited, build, sizes, with_files, write_benchmark
from relsym.data.built import BuiltBenchmark
from relsym.data.card import card
from relsym.data.facts import reverse_stated, usable_facts
from relsym.data.folds import folds, trained_pairs
from relsym.data.manifest import Plan
from relsym.data.pairs import PAIR_COLUMNS, VARIANTS, pair_table, pairs_of
from relsym.data.relations import Relation, read_relations
from relsym.data.splits import entities, grouped, paper
from relsym.data.symmetry import SymmetryData
from relsym.evaluation.score import Scores
from relsym.evaluation.shortcuts import SHORTCUTS
from relsym.runs.layout import MANIFEST
from relsym.runs.manifest import Manifest, manifest_json, read_manifest

CONTRAST = [
    "swap",
    "negated_swap",
    "identity",
    "negated_identity",
    "paraphrase",
    "converse",
    "swapped_converse",
]
ENTAILED, CONTRADICTED = "entailment", "contradiction"


def plan(**changes) -> Plan:
    return Plan(
        **{
            "name": "paper",
            "examples": None,
            "variants": ["swap"],
            "both_directions": False,
            "hold_out": False,
            **changes,
        }
    )


def benchmark(facts, **changes) -> SymmetryBenchmark:
    return SymmetryBenchmark(Listed(facts), **changes)


def on_disk(folder: Path, made, seed: int = 0, **changes) -> Manifest:
    folder.mkdir(parents=True, exist_ok=True)
    built = build(plan(**changes), made, seed)
    write_benchmark(built, folder / "data")
    manifest = with_files(built, folder / "data")
    (folder / MANIFEST).write_text(manifest_json(manifest))
    (folder / "README.md").write_text(card(manifest))
    return manifest


# --- facts


def cleaned(triples, labels=None, alike=(), **decisions):
    audit = Audit("warn", decisions)
    made_alike = pl.Series("entity", list(alike), dtype=pl.String)
    facts = usable_facts(source(triples, labels), RELATIONS, audit, made_alike)
    return facts.select("subject", "property", "object").rows(), audit


def test_facts_are_cleaned_and_every_loss_is_counted():
    triples = [
        ("Q1", "P3373", "Q2"),
        ("Q2", "P3373", "Q1"),
        ("Q1", "P3373", "Q2"),
        ("Q3", "P279", "Q4"),
        ("Q4", "P279", "Q3"),
        ("Q5", "P1889", "Q6"),
        ("Q7", "P131", "Q8"),
        ("Q7", "P131", "Q7"),
        ("Q7", "P361", "Q99"),
        ("Q9", "P361", "Q7"),
        ("Q10", "P361", "Q7"),
        ("Q11", "P361", "Q8"),
        ("Q12", "P361", "Q8"),
    ]
    labels = {f"Q{i}": f"name {i}" for i in range(9)} | {
        "Q5": "Paris",
        "Q6": "paris",
        "Q9": "Q42",
        "Q10": "a\tb",
        "Q11": "x" * 201,
        "Q12": "name\u200e",
    }
    facts, audit = cleaned(triples, labels)
    assert facts == [("Q1", "P3373", "Q2"), ("Q7", "P131", "Q8")]
    assert audit.dropped == {
        "duplicate": 1,
        "both_sides": 1,
        "both_directions": 2,
        "same_label": 1,
        "same_entity": 1,
        "no_label": 1,
        "id_label": 1,
        "odd_label": 3,
    }
    assert audit.found["both_sides"]["by_property"] == {"P3373": 1}
    assert audit.found["same_label"]["examples"] == ["P1889: Q5 ('Paris') -> Q6 ('paris')"]


@pytest.mark.parametrize("name", [name for name in FACT_FINDINGS if name not in ONLY_DROP])
def test_what_the_audit_finds_among_facts_can_be_kept(name):
    triples = [
        ("Q1", "P3373", "Q2"),
        ("Q2", "P3373", "Q1"),
        ("Q3", "P279", "Q4"),
        ("Q4", "P279", "Q3"),
        ("Q5", "P1889", "Q6"),
        ("Q9", "P361", "Q7"),
        ("Q10", "P361", "Q7"),
        ("Q11", "P131", "Q12"),
        ("Q13", "P131", "Q14"),
        ("Q15", "P131", "Q16"),
        ("Q17", "P131", "Q18"),
        ("Q19", "P131", "Q20"),
    ]
    labels = {f"Q{i}": f"name {i}" for i in range(21)} | {
        "Q5": "Paris",
        "Q6": "paris",
        "Q9": "Q42",
        "Q10": "a\tb",
        "Q11": "Springfield",
        "Q12": "Ohio",
        "Q13": "springfield",
        "Q14": "ohio",
        "Q15": " Rome",
        "Q16": "a\xa0b",
        "Q17": "None",
        "Q18": "two  blanks",
    }
    alike = ["Q19"]
    dropped, audit = cleaned(triples, labels, alike, **{name: "drop"})
    kept, _ = cleaned(triples, labels, alike, **{name: "keep"})
    assert audit.found[name]["count"] >= 1
    assert len(kept) > len(dropped)


def test_facts_that_read_the_same_are_kept_once():
    labels = {"Q1": "Franklin", "Q2": "Ohio", "Q3": "franklin", "Q4": "Ohio"}
    facts, audit = cleaned([("Q1", "P1889", "Q2"), ("Q4", "P1889", "Q3"), ("Q3", "P131", "Q4")], labels)
    assert facts == [("Q1", "P1889", "Q2"), ("Q3", "P131", "Q4")]
    assert audit.dropped == {"same_text": 1}


def loop(triples, labels) -> tuple[list, Counter]:
    """The rules again, one fact at a time: the oracle of the table engine."""
    reasons: Counter[str] = Counter()
    step = []
    for s, p, o in triples:
        names = labels.get(s), labels.get(o)
        reason = (
            "no_label"
            if None in names
            else "same_entity"
            if s == o
            else "id_label"
            if any(n[0] == "Q" and n[1:].isdigit() for n in names)
            else "same_label"
            if names[0].lower() == names[1].lower()
            else None
        )
        reasons[reason] += 1
        step += [] if reason else [(s, p, o)]
    once = list(dict.fromkeys(step))
    reasons["duplicate"] += len(step) - len(once)
    one_way = [
        f for f in once if not (RELATIONS[f[1]].kind == "antisymmetric" and (f[2], f[1], f[0]) in once)
    ]
    reasons["both_directions"] += len(once) - len(one_way)
    one_side = list({(p, *sorted((s, o))): (s, p, o) for s, p, o in reversed(one_way)}.values())
    reasons["both_sides"] += len(one_way) - len(one_side)
    one_way = [fact for fact in one_way if fact in one_side]
    texts, kept = set(), []
    for s, p, o in one_way:
        text = (p, frozenset((labels[s].lower(), labels[o].lower())))
        reasons["same_text"] += text in texts
        kept += [] if text in texts else [(s, p, o)]
        texts.add(text)
    del reasons[None]
    return kept, +reasons


small = st.integers(1, 9).map("Q{}".format)


@given(
    st.lists(st.tuples(small, st.sampled_from(["P3373", "P1889", "P131", "P22"]), small), max_size=40),
    st.dictionaries(
        small, st.sampled_from(["Ohio", "ohio", "Paris", "Q7", "Rome", "Lima", "Oslo"]), min_size=6
    ),
)
def test_cleaning_agrees_with_a_loop_over_facts_and_loses_none(triples, labels):
    facts, audit = cleaned(triples, labels)
    expected, reasons = loop(triples, labels)
    assert facts == expected
    assert audit.dropped == reasons
    assert len(facts) + audit.dropped.total() == len(triples)


def test_a_reader_that_loses_a_statement_is_caught():
    with pytest.raises(AssertionError, match="2 statements read, but 1 kept or dropped"):
        source([("Q1", "P131", "Q2")], read=2)


def test_a_source_without_labels_has_its_ids_read_as_names():
    facts = usable_facts(
        source([("Q1", "P131", "Q2")], {"Q1": "Q1", "Q2": "Q2"}, labelled=False), RELATIONS, Audit()
    )
    assert facts.height == 1


def test_empirical_symmetry_is_the_share_of_distinct_statements_stated_both_ways():
    triples = [
        ("Q1", "P3373", "Q2"),
        ("Q2", "P3373", "Q1"),
        ("Q2", "P3373", "Q1"),
        ("Q3", "P3373", "Q4"),
        ("Q5", "P131", "Q6"),
    ]
    assert reverse_stated(source(triples)) == {"P131": 0.0, "P3373": pytest.approx(2 / 3)}


def test_nothing_left_is_an_error_with_the_account():
    with pytest.raises(
        ValueError, match=r"no usable fact.*1 statements read; left out: no label: 1.*data\.findings"
    ):
        SymmetryBenchmark(Listed([("Q1", "P131", "Q2")], {"Q1": "one"}))


# --- splits


def framed(triples) -> pl.DataFrame:
    rows = [
        (s, p, o, RELATIONS[p].kind, "|".join(sorted((s, o))), f"name {s}", f"name {o}")
        for s, p, o in triples
    ]
    return pl.DataFrame(
        rows,
        schema=["subject", "property", "object", "kind", "group_id", "subject_label", "object_label"],
        orient="row",
    )


CHAIN = framed([(f"Q{2 * i}", "P131", f"Q{2 * i + 1}") for i in range(20000)])


@given(st.integers(1, 10**6), st.integers(1, 10**6), st.sampled_from(sorted(RELATIONS)), st.integers(0, 5))
def test_a_fact_its_reverse_and_its_twin_in_another_property_share_a_side(one, two, property, seed):
    sides = grouped(framed([(f"Q{one}", property, f"Q{two}"), (f"Q{two}", "P131", f"Q{one}")]), seed)
    assert len({*sides["forward"], *sides["reverse"]}) == 1


def test_adding_facts_moves_no_other():
    for rule in (grouped, paper, entities):
        assert rule(CHAIN, 0)[:100].rows() == rule(CHAIN[:100], 0).rows()
        assert rule(CHAIN, 1).rows() != rule(CHAIN, 0).rows()


def test_the_grouped_split_is_65_10_25():
    counts = Counter(grouped(CHAIN, 0)["forward"])
    assert counts["train"] / 20000 == pytest.approx(0.65, abs=0.01)
    assert counts["validation"] / 20000 == pytest.approx(0.10, abs=0.01)


def test_the_papers_split_tests_reversed_pairs_only_and_at_its_rates():
    for property, rate in (("P3373", 0.5), ("P131", 0.04)):
        facts = CHAIN.with_columns(property=pl.lit(property), kind=pl.lit(RELATIONS[property].kind))
        sides = paper(facts, 0)
        assert set(sides["forward"]) == {"train"}
        counts = Counter(sides["reverse"])
        assert counts["test"] / 20000 == pytest.approx(rate, abs=0.015)
        assert counts["validation"] / 20000 == pytest.approx(0.4 * rate, abs=0.015)


def test_under_the_papers_split_every_test_pair_has_its_twin_in_train(facts):
    made = benchmark(facts, split="paper")
    drawn = made.draw("test", 0)
    assert drawn.height
    assert set(drawn["reverse"]) == {True}
    assert set(drawn["forward"]) == {"train"}


def test_no_entity_of_the_entity_split_stands_on_two_sides():
    many = framed([(f"Q{i % 97}", "P131", f"Q{100 + i % 89}") for i in range(4000)])
    placed = pl.concat([many, entities(many, 0)], how="horizontal")
    sides = [
        {*rows["subject"], *rows["object"]}
        for side in ("train", "validation", "test")
        if (rows := placed.filter(pl.col("forward") == side)) is not None
    ]
    assert not sides[0] & sides[1] | sides[0] & sides[2] | sides[1] & sides[2]
    assert sides[0]
    assert sides[2]
    assert placed["forward"].null_count()
    # Entities of one name are on one side, whatever their ids.
    one = many.with_columns(subject_label=pl.lit("Springfield"), object_label=pl.lit("springfield"))
    assert entities(one, 0)["forward"].n_unique() == 1


@pytest.mark.parametrize("split", ["grouped", "entities"])
def test_no_group_stands_on_two_sides(facts, split):
    made = benchmark(facts, split=split)
    sides = [set(made.draw(part, 0)["group_id"]) for part in ("train", "test")]
    assert all(sides)
    assert not sides[0] & sides[1]


# --- variants

TWO = {
    "P3373": Relation(
        "P3373",
        "sibling",
        "symmetric",
        "[X] is a sibling of [Y].",
        None,
        "[X] is no sibling of [Y].",
        ("[X] and [Y] are siblings.", "[X] has the sibling [Y].", "[X] is brother or sister of [Y]."),
    ),
    "P40": Relation(
        "P40",
        "child",
        "antisymmetric",
        "[Y] is a child of [X].",
        "[X] is a parent of [Y].",
        "[Y] is no child of [X].",
        ("[Y] was born to [X].",) * 3,
    ),
    "P737": Relation(
        "P737",
        "influenced by",
        "neither",
        "[X] was influenced by [Y].",
        "[Y] influenced [X].",
        "[X] was not influenced by [Y].",
        ("[X] learnt from [Y].",) * 3,
    ),
}


def rows_of(property: str, variants, reverse: bool = False, relations=TWO):
    kind = relations[property].kind
    facts = pl.DataFrame(
        {
            "subject": ["Q1"],
            "property": [property],
            "object": ["Q2"],
            "subject_label": ["Ann"],
            "object_label": ["Bob"],
            "kind": [kind],
            "group_id": ["Q1|Q2"],
            "split": ["train"],
            "reverse": [reverse],
        }
    )
    return {pair.variant: pair for pair in pairs_of(pair_table(facts, relations, variants))}


# The others need a second fact or relation; tests/test_relation_bank.py asks them.
OF_THE_FACT = [name for name, variant in VARIANTS.items() if not variant.other]


def test_every_variant_of_an_antisymmetric_fact_says_what_it_should():
    found = {
        name: (pair.premise, pair.hypothesis, pair.label)
        for name, pair in rows_of("P40", OF_THE_FACT).items()
    }
    premise = "Bob is a child of Ann."
    denied = "Bob is no child of Ann."
    assert found == {
        "swap": (premise, "Ann is a child of Bob.", CONTRADICTED),
        "negated_swap": (premise, "Ann is no child of Bob.", ENTAILED),
        "identity": (premise, premise, ENTAILED),
        "negated_identity": (premise, "Bob is no child of Ann.", CONTRADICTED),
        "paraphrase": (premise, "Bob was born to Ann.", ENTAILED),
        "converse": (premise, "Ann is a parent of Bob.", ENTAILED),
        "swapped_converse": (premise, "Bob is a parent of Ann.", CONTRADICTED),
        "reworded_swap": ("Bob was born to Ann.", "Ann was born to Bob.", CONTRADICTED),
        "swapped_paraphrase": (premise, "Ann was born to Bob.", CONTRADICTED),
        "double_negation": (premise, f"It is not true that {denied}", ENTAILED),
        "negated_premise": (denied, "Ann is a child of Bob.", "neutral"),
    }


def test_every_variant_of_a_symmetric_fact_says_what_it_should():
    found = rows_of("P3373", OF_THE_FACT)
    assert {name: pair.label for name, pair in found.items()} == {
        "swap": ENTAILED,
        "negated_swap": CONTRADICTED,
        "identity": ENTAILED,
        "negated_identity": CONTRADICTED,
        "paraphrase": ENTAILED,
        "converse": ENTAILED,
        "swapped_converse": ENTAILED,
        "reworded_swap": ENTAILED,
        "swapped_paraphrase": ENTAILED,
        "double_negation": ENTAILED,
        "negated_premise": CONTRADICTED,
    }
    chosen = found["paraphrase"].hypothesis
    following = TWO["P3373"].paraphrases[
        (
            [text.replace("[X]", "Ann").replace("[Y]", "Bob") for text in TWO["P3373"].paraphrases].index(
                chosen
            )
            + 1
        )
        % 3
    ]
    assert found["converse"].hypothesis == following.replace("[X]", "Bob").replace("[Y]", "Ann")
    assert found["swapped_converse"].hypothesis == following.replace("[X]", "Ann").replace("[Y]", "Bob")


def test_of_a_relation_that_is_neither_the_swap_is_neutral_and_so_is_its_denial():
    labels = {name: pair.label for name, pair in rows_of("P737", CONTRAST).items()}
    assert labels == {
        "swap": "neutral",
        "negated_swap": "neutral",
        "identity": ENTAILED,
        "negated_identity": CONTRADICTED,
        "paraphrase": ENTAILED,
        "converse": ENTAILED,
        "swapped_converse": "neutral",
    }


@pytest.mark.parametrize(("property", "variant"), list(product(RELATIONS, OF_THE_FACT)))
def test_from_the_other_side_names_are_exchanged_and_the_label_stays(property, variant):
    one, other = (
        rows_of(property, [variant], False, RELATIONS)[variant],
        rows_of(property, [variant], True, RELATIONS)[variant],
    )
    assert one.label == other.label
    assert one.group_id == other.group_id
    assert (other.subject, other.object) == (one.object, one.subject)

    def exchanged(text: str) -> str:
        return text.replace("Ann", "_").replace("Bob", "Ann").replace("_", "Bob")

    if VARIANTS[variant].wording in ("template", "negation"):
        assert (exchanged(one.premise), exchanged(one.hypothesis)) == (other.premise, other.hypothesis)
    assert one.premise_delex == one.premise.replace("Ann", "Q1").replace("Bob", "Q2")
    assert one.hypothesis_delex == one.hypothesis.replace("Ann", "Q1").replace("Bob", "Q2")


def test_paraphrases_are_chosen_evenly():
    facts = [(f"Q{2 * i}", "P3373", f"Q{2 * i + 1}") for i in range(300)] + [
        (f"Q{2 * i}", "P131", f"Q{2 * i + 1}") for i in range(300, 600)
    ]
    made = benchmark(facts)
    pairs = made.pairs(made.draw("train", 0), ["paraphrase"])
    names = {
        pair.hypothesis.replace(pair.subject, "X").replace(pair.object, "Y")
        for pair in pairs
        if pair.property == "P3373"
    }
    assert len(names) == len(RELATIONS["P3373"].paraphrases)


def test_a_missing_wording_is_named():
    bare = {"P1": Relation("P1", "n", "antisymmetric", "[X] r [Y].")}
    for variant, lacking in (
        ("negated_swap", "negation"),
        ("paraphrase", "paraphrases"),
        ("converse", "converse"),
    ):
        with pytest.raises(ValueError, match=f"property P1 has no {lacking}, which {variant} need"):
            rows_of("P1", [variant], relations=bare)


# --- groups of variants


def contrast_rows(facts, **changes):
    return data(facts, train_variants=["swap"], score_variants=CONTRAST, test_pairs=None, **changes)


def group_accuracy(rows, predicted) -> dict[str, float]:
    scores = Scores({"lexicalised": rows})
    scores.add("test/accuracy", "lexicalised", predicted)
    return {kind: group.value for kind, group in scores.groups("test/accuracy", "lexicalised").items()}


@pytest.mark.parametrize("label", [ENTAILED, CONTRADICTED, "neutral"])
def test_one_constant_answer_has_no_group_right_of_either_kind(facts, label):
    rows = contrast_rows(facts).score_rows["lexicalised"]
    assert group_accuracy(rows, [label] * len(rows)) == {"symmetric": 0.0, "antisymmetric": 0.0}


def test_a_look_up_that_has_not_seen_the_negations_has_no_group_right_and_one_that_has_seen_all_has_every_one(
    facts,
):
    read = contrast_rows(facts, samples=None)
    rows = read.score_rows["lexicalised"]
    assert group_accuracy(rows, SHORTCUTS["template_lookup"].answer(read.train_rows, rows)) == {
        "symmetric": 0.0,
        "antisymmetric": 0.0,
    }
    assert group_accuracy(rows, SHORTCUTS["majority"].answer(read.train_rows, rows)) == {
        "symmetric": 0.0,
        "antisymmetric": 0.0,
    }
    swaps = [row for row in rows if row.variant == "swap"]
    assert SHORTCUTS["template_lookup"].answer(read.train_rows, swaps) == [row.label for row in swaps]
    seen = data(facts, samples=None, train_variants=CONTRAST).train_rows
    assert group_accuracy(rows, SHORTCUTS["template_lookup"].answer(seen, rows)) == {
        "symmetric": 1.0,
        "antisymmetric": 1.0,
    }


def test_groups_are_whole_and_as_many_of_each_kind(facts):
    rows = contrast_rows(facts, samples=8).score_rows["lexicalised"]
    assert set(Counter(row.fact_id for row in rows).values()) == {7}
    kinds = Counter(row.kind for row in rows)
    assert kinds["symmetric"] == kinds["antisymmetric"]


def test_a_group_counts_only_if_every_item_is_right(facts):
    rows = contrast_rows(facts, samples=8).score_rows["lexicalised"]
    right = [row.label for row in rows]
    assert group_accuracy(rows, right) == {"symmetric": 1.0, "antisymmetric": 1.0}
    wrong = next(i for i, row in enumerate(rows) if row.kind == "symmetric")
    count = len({row.fact_id for row in rows if row.kind == "symmetric"})
    assert group_accuracy(rows, [*right[:wrong], "none", *right[wrong + 1 :]])["symmetric"] == pytest.approx(
        1 - 1 / count
    )


# --- held out


def test_what_is_held_out_is_tested_and_never_trained_and_its_inverses_leave_training(facts):
    read = data(facts, held_out=["P22", "P3373"], samples=None)
    trained, tested = (
        {row.property for row in read.train_rows},
        {row.property for row in read.score_rows["lexicalised"]},
    )
    assert tested == {"P22", "P3373"}
    assert trained == set(RELATIONS) - {"P22", "P3373", "P40"}
    validated = {
        row.property
        for row in data(facts, held_out=["P22", "P3373"], score_on="validation").score_rows["lexicalised"]
    }
    assert not validated & {"P22", "P3373", "P40"}
    assert {row.property for row in data(facts, held_out=["P131"]).score_rows["lexicalised"]} == {"P131"}


def test_the_folds_are_the_ones_that_were_decided_on():
    found = folds(RELATIONS, RELATIONS)
    assert sum(name.startswith("loo-") for name in found) == 14
    assert sum(name.startswith("pair-") for name in found) == 5 * 9
    assert found["fixed"].held_out == ("P3373", "P460", "P22", "P25")
    for name, fold in found.items():
        if set(fold.held_out) & {"P22", "P25"} and "P40" not in fold.held_out:
            assert "P40" in fold.left_out, name
        assert not set(fold.left_out) & set(fold.held_out)
    trained = trained_pairs(RELATIONS, RELATIONS)
    assert len(set(trained)) == 8
    assert set(trained) <= found.keys()
    assert len({pair.split("-")[1] for pair in trained}) == 5
    assert len({pair.split("-")[2] for pair in trained}) == 8
    assert "fixed" not in folds(RELATIONS, set(RELATIONS) - {"P25"})


def test_a_constant_answer_scores_50_in_the_headline_whatever_the_number_of_rows(facts):
    scarce = [f for f in facts if f[1] in ("P3373", "P22", "P25", "P131", "P1889")]
    read = data(scarce, held_out=["P3373", "P22", "P25"], properties=["P3373", "P22", "P25", "P131", "P1889"])
    rows = read.score_rows["lexicalised"][:-3]
    for label in (ENTAILED, CONTRADICTED):
        scores = Scores({"lexicalised": rows})
        scores.add("test/accuracy", "lexicalised", [label] * len(rows))
        assert scores.flat("test/accuracy")["test/macro/lexicalised"] == 0.5


# --- on disk


@given(st.tuples(*[st.integers(2, 10**6)] * 3), st.integers(6, 10**6), st.sampled_from([2, 3]))
def test_parts_keep_their_shares_and_never_ask_for_more_than_there_is(available, examples, kinds):
    there = dict(zip(SHARES, available, strict=True))
    found = sizes(there, examples, kinds)
    assert all(found[split] <= there[split] for split in SHARES)
    assert all(count % kinds == 0 for count in found.values())
    total = sum(found.values())
    assert total <= examples
    if min(found.values()) > 50:
        assert found["test"] / total == pytest.approx(0.25, abs=0.02)
    if all(there[split] >= examples * share for split, share in SHARES.items()):
        assert total > examples - 3 * kinds - 3


def test_the_papers_size_is_400000_with_100000_for_testing():
    assert sizes(dict.fromkeys(SHARES, 10**6), 400_000, 2) == {
        "train": 260_000,
        "validation": 40_000,
        "test": 100_000,
    }


def test_two_builds_are_byte_identical_and_another_seed_is_not(tmp_path, facts):
    for name in ("a", "b"):
        on_disk(tmp_path / name, benchmark(facts), examples=60, variants=CONTRAST)
    files = ["data/train.parquet", "data/validation.parquet", "data/test.parquet", MANIFEST, "README.md"]
    assert all((tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes() for name in files)
    other = on_disk(tmp_path / "c", benchmark(facts), 1, examples=60, variants=CONTRAST)
    assert other.content_hash != json.loads((tmp_path / "a" / MANIFEST).read_text())["content_hash"]


def test_what_was_built_is_what_is_trained_and_scored(tmp_path, facts):
    manifest = on_disk(tmp_path / "b", benchmark(facts), variants=CONTRAST)
    read = BuiltBenchmark(str(tmp_path / "b"))
    assert read.content_hash() == manifest.content_hash
    stored = pl.concat([pl.read_parquet(tmp_path / "b" / name) for name in manifest.files])
    assert tuple(stored.columns) == PAIR_COLUMNS
    assert stored["pair_id"].n_unique() == stored.height == sum(manifest.rows.values())
    for split in SHARES:
        drawn = read.draw(split, 3)
        pairs = read.pairs(drawn, read.variants)
        assert [pair.variant for pair in pairs[:7]] == CONTRAST
        assert {pair.pair_id for pair in pairs} <= set(stored.filter(pl.col("split") == split)["pair_id"])
        assert len(pairs) == 7 * drawn.height
    rows = {row["pair_id"]: row for row in stored.iter_rows(named=True)}
    pair = read.pairs(read.draw("test", 0, 2), ["negated_swap"])[0]
    assert {name: getattr(pair, name) for name in PAIR_COLUMNS} == rows[pair.pair_id]


def test_kinds_are_balanced_in_every_part_and_properties_even(tmp_path, facts):
    manifest = on_disk(tmp_path / "b", benchmark(facts), examples=100)
    assert manifest.rows == {"train": 64, "validation": 10, "test": 24}
    for counts in manifest.counts.values():
        by_kind = Counter()
        for property, count in counts.items():
            by_kind[RELATIONS[property].kind] += count
        assert len(set(by_kind.values())) == 1
    train = manifest.counts["train"]
    for kind in ("symmetric", "antisymmetric"):
        counts = [train[p] for p, r in RELATIONS.items() if r.kind == kind]
        assert max(counts) - min(counts) <= 1


def test_both_directions_make_two_examples_of_a_fact_and_one_direction_makes_one(facts):
    one = build(plan(), benchmark(facts), 0).rows["train"]
    both = build(plan(both_directions=True), benchmark(facts), 0).rows["train"]
    assert max(Counter(one.select("property", "group_id").rows()).values()) == 1
    assert max(Counter(both.select("property", "group_id").rows()).values()) == 2
    assert both["pair_id"].n_unique() == both.height


def test_the_folds_of_a_built_benchmark_hold_out_what_they_say(tmp_path, facts):
    manifest = on_disk(tmp_path / "b", benchmark(facts), variants=["swap", "reworded_swap"], hold_out=True)
    assert len(manifest.folds) == 1 + 14 + 45 + 2
    assert "templates" not in on_disk(tmp_path / "c", benchmark(facts), hold_out=True).folds
    for name in ("fixed", "loo-P131", "pair-P3373-P22"):
        read = BuiltBenchmark(str(tmp_path / "b"), name)
        fold = manifest.folds[name]
        assert set(read.draw("test", 0)["property"]) == set(fold.held_out)
        assert not set(read.draw("train", 0)["property"]) & {*fold.held_out, *fold.left_out}
        assert "held out " + " ".join(fold.held_out) in read.sides
    assert BuiltBenchmark(str(tmp_path / "b")).variants == ("swap",)
    with pytest.raises(ValueError, match=r"data\.fold=loo-P47: the benchmark has fixed, loo-P1382"):
        BuiltBenchmark(str(tmp_path / "b"), "loo-P47")


def test_held_out_templates_and_entities_are_in_no_training_row(tmp_path):
    triples = [(f"Q{i}", p, f"Q{1000 + i * 7 % 300}") for i in range(1, 300) for p in ("P3373", "P131")]
    on_disk(
        tmp_path / "b",
        benchmark(triples, properties=["P3373", "P131"]),
        variants=["swap", "reworded_swap"],
        hold_out=True,
    )
    read = BuiltBenchmark(str(tmp_path / "b"), "templates")
    trained = read.pairs(read.draw("train", 0), ["swap"])
    tested = read.pairs(read.draw("test", 0), read.variants)

    def worded(pairs):
        return {
            text.replace(pair.subject, "_").replace(pair.object, "_")
            for pair in pairs
            for text in (pair.premise, pair.hypothesis)
        }

    assert tested
    assert not worded(trained) & worded(tested)
    read = BuiltBenchmark(str(tmp_path / "b"), "entities")
    trained, tested = (read.pairs(read.draw(part, 0), read.variants) for part in ("train", "test"))
    assert tested
    assert not {name for pair in trained for name in (pair.subject_id, pair.object_id)} & {
        name for pair in tested for name in (pair.subject_id, pair.object_id)
    }


def test_properties_that_are_neither_make_a_third_balanced_kind(facts):
    triples = [*facts, *[(f"Q{9000 + 2 * i}", "P737", f"Q{9001 + 2 * i}") for i in range(40)]]
    made = benchmark(triples, property_table="extended", neutral=True)
    rows = build(plan(variants=CONTRAST), made, 0).rows["train"]
    assert len(set(Counter(rows["kind"]).values())) == 1
    assert set(rows.filter(pl.col("kind") == "neither", pl.col("variant") == "swap")["label"]) == {"neutral"}
    read = data(triples, property_table="extended", neutral=True, samples=12)
    assert read.labels == ("entailment", "contradiction", "neutral")
    assert Counter(row.kind for row in read.train_rows) == {"symmetric": 4, "antisymmetric": 4, "neither": 4}


def test_a_manifest_that_is_read_is_what_was_written(tmp_path, facts):
    manifest = on_disk(tmp_path / "b", benchmark(facts), variants=["swap", "reworded_swap"], hold_out=True)
    assert read_manifest(tmp_path / "b" / MANIFEST) == manifest
    content = json.loads((tmp_path / "b" / MANIFEST).read_text())
    assert list(content)[:4] == ["format", "relsym", "benchmark", "content_hash"]
    assert "negation" not in content["relations"]["P131"] or content["relations"]["P131"]["negation"]


def test_a_manifest_with_another_type_key_or_format_is_refused_with_file_key_and_what_to_do(tmp_path, facts):
    advice = "Build the benchmark again with this version."
    on_disk(tmp_path / "b", benchmark(facts), variants=["swap", "reworded_swap"], hold_out=True)
    path = tmp_path / "b" / MANIFEST
    content = json.loads(path.read_text())
    for keys, value in values(content):
        if keys != ("format",):
            told = refusal(path, replaced(content, keys, another_type(value)), read_manifest)
            assert told.startswith(f"{path}: {'.'.join(map(str, keys))}: Expected "), told
            assert told.endswith(advice), told
    for keys, value in (
        (("rows", "train"), -1),
        (("entity_overlap", "test"), 1.5),
        (("files", "data/test.parquet", "sha256"), "0"),
    ):
        told = refusal(path, replaced(content, keys, value), read_manifest)
        assert told.startswith(f"{path}: {'.'.join(keys)}: Expected "), told
    assert (
        refusal(path, {**content, "sides": "x"}, read_manifest)
        == f"{path}: Object contains unknown field `sides`. {advice}"
    )
    without = {key: value for key, value in content.items() if key != "files"}
    assert refusal(path, without, read_manifest) == f"{path}: Object missing required field `files`. {advice}"
    told = refusal(path, {**content, "format": 2}, read_manifest)
    assert told == f"{path}: format 2, written by a later version; this one reads format 1. Use that version."
    assert refusal(path, [], read_manifest) == f"{path}: expected a JSON object, got a list. {advice}"


def test_an_unfinished_benchmark_and_a_changed_file_are_refused(tmp_path, facts):
    on_disk(tmp_path / "b", benchmark(facts))
    path = tmp_path / "b" / "data" / "test.parquet"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(
        ValueError, match=r"test\.parquet: missing, or not the file that manifest\.json names"
    ):
        BuiltBenchmark(str(tmp_path / "b"))
    (tmp_path / "b" / MANIFEST).unlink()
    with pytest.raises(FileNotFoundError, match=r"no manifest\.json there, so no finished benchmark"):
        BuiltBenchmark(str(tmp_path / "b"))
    with pytest.raises(ValueError, match=r"data\.folder is not set"):
        BuiltBenchmark(None)


# --- the audit

DIRTY = [("Q1", "P1889", "Q2"), ("Q3", "P1889", "Q4")]


def test_strict_stops_at_what_nobody_decided_on_with_counts_and_examples(facts):
    labels = {q: f"name {q}" for s, _, o in facts for q in (s, o)} | {
        f"Q{n}": "Springfield" for n in range(9001, 9021)
    }
    triples = [*facts, *[(f"Q{n}", "P1889", f"Q{n + 1}") for n in range(9001, 9020)]]
    with pytest.raises(ValueError, match=r"same_label: 19 .*data\.findings\.same_label=drop\|keep") as error:
        SymmetryBenchmark(Listed(triples, labels), audit="strict")
    assert str(error.value).count("Springfield") == 2 * 5
    made = SymmetryBenchmark(Listed(triples, labels), audit="strict", findings={"same_label": "drop"})
    assert made.audit.found["same_label"] | {"examples": []} == {
        "count": 19,
        "decision": "drop",
        "decided": True,
        "by_property": {"P1889": 19},
        "removed": 19,
        "examples": [],
    }
    assert "| same_label | 19 | 19 | P1889 19 | drop |" in card(build(plan(), made, 0).manifest)


def test_strict_passes_a_clean_source(facts):
    assert build(plan(), benchmark(facts, audit="strict"), 0).rows["test"].height


def test_twins_of_the_papers_split_are_found_and_kept_unless_dropped(facts):
    kept = benchmark(facts, split="paper")
    rows = build(plan(), kept, 0).rows
    assert 0 < kept.audit.found["twin"]["count"] <= rows["test"].height + rows["validation"].height
    with pytest.raises(ValueError, match=r"twin: \d+ .*data\.findings\.twin=drop\|keep"):
        build(plan(), benchmark(facts, split="paper", audit="strict"), 0)
    rows = build(plan(), benchmark(facts, split="paper", findings={"twin": "drop"}), 0).rows
    assert not set(rows["test"]["group_id"]) & set(rows["train"]["group_id"])


def test_sentences_on_two_sides_are_found_and_dropped_with_their_whole_fact():
    rows = pl.DataFrame(
        {
            "split": ["train"] + ["test"] * 6,
            "fact_id": list("abbccde"),
            "group_id": list("xbbccde"),
            "pair_id": list("1234567"),
            "kind": ["symmetric"] * 3 + ["antisymmetric"] * 2 + ["symmetric", "antisymmetric"],
            "premise": list("pqprstu"),
            "hypothesis": list("hijklmn"),
        }
    )
    audit = Audit()
    left = audited(rows, audit)
    assert audit.found["homonym"] | {"examples": []} == {
        "count": 1,
        "decision": "drop",
        "decided": False,
        "by_property": {},
        "removed": 2,
        "examples": [],
    }
    # The fact of the other kind that lost its counterpart goes too, unless it is to be kept.
    assert left["pair_id"].to_list() == ["1", "4", "5", "6"]
    assert audit.found["imbalance"]["examples"] == ["test: 1 facts more of kind antisymmetric"]
    assert audited(rows, Audit("warn", {"imbalance": "keep"}))["pair_id"].to_list() == [
        "1",
        "4",
        "5",
        "6",
        "7",
    ]
    keeping = Audit("warn", {"homonym": "keep"})
    assert audited(rows, keeping).height == 7


def test_what_was_dropped_from_a_built_benchmark_is_not_counted_in_it(facts):
    labels = {q: f"name {int(q[1:]) % 40}" for s, _, o in facts for q in (s, o)}
    made = SymmetryBenchmark(Listed(facts, labels), findings={"same_text": "keep", "same_label": "drop"})
    built = build(plan(), made, 0)
    assert made.audit.found["homonym"]["removed"] > 0
    assert built.manifest.examples == sum(rows["fact_id"].n_unique() for rows in built.rows.values())
    for rows in built.rows.values():
        assert len(set(Counter(rows["kind"]).values())) <= 1


def test_every_finding_is_told_in_the_manifest(facts):
    made = benchmark(facts)
    assert set(build(plan(), made, 0).manifest.audit.found) == set(FINDINGS)


def test_audit_words_are_checked(facts):
    with pytest.raises(ValueError, match="audit=lax: expected strict or warn"):
        benchmark(facts, audit="lax")


# --- the card


def test_the_card_is_read_by_datasets_and_adds_up(tmp_path, facts, monkeypatch):
    datasets = pytest.importorskip("datasets")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    manifest = on_disk(
        tmp_path / "b", benchmark([*facts, facts[0], ("Q7001", "P47", "Q7002")]), variants=CONTRAST
    )
    loaded = datasets.load_dataset(str(tmp_path / "b"), cache_dir=str(tmp_path / "cache"))
    assert {split: len(rows) for split, rows in loaded.items()} == manifest.rows
    assert set(loaded["test"].column_names) == set(PAIR_COLUMNS)
    told = manifest.source
    assert told.statements_read == told.facts_kept + sum(told.dropped.values())
    assert told.dropped == {"other property": 1, "duplicate": 1}
    text = (tmp_path / "b" / "README.md").read_text()
    assert "338 statements read = 336 facts kept + 2 left out" in text
    assert manifest.content_hash in text
    assert "license: cc0-1.0" in text
    assert "language:\n- en\n" in text
    assert "language:\n- pt-br\n" in card(
        msgspec.structs.replace(manifest, source=msgspec.structs.replace(told, language="pt-br"))
    )


def test_the_card_tells_what_a_constant_answer_gets_and_which_properties_share_entity_pairs(tmp_path, facts):
    twins = [*facts, *[(s, "P361", o) for s, p, o in facts if p == "P131"]]
    manifest = on_disk(tmp_path / "b", benchmark(twins), variants=CONTRAST)
    labels = manifest.labels["test"]
    assert labels["entailment"] / sum(labels.values()) == pytest.approx(9 / 14)
    assert (
        manifest.labels_by_variant["test"]["negated_identity contradiction"]
        == manifest.labels_by_variant["test"]["identity entailment"]
    )
    text = (tmp_path / "b" / "README.md").read_text()
    assert "64.3 %" in text
    assert manifest.shared_pairs == {"P131 P361": 1.0}
    assert "P131 and P361 100 %" in text


def test_a_card_says_that_a_benchmark_was_scaled_down(tmp_path, facts):
    assert on_disk(tmp_path / "c", benchmark(facts), examples=101).scaled_down is False
    on_disk(tmp_path / "b", benchmark(facts), examples=400_000)
    assert "400,000 were asked for; the source has fewer" in (tmp_path / "b" / "README.md").read_text()


def test_the_extended_table_makes_the_papers_rows_and_more(facts):
    extended = read_relations("extended")
    triples = [
        (f"Q{n}", p, f"Q{n + 1}")
        for k, p in enumerate(extended)
        for n in range(1000 * k + 1, 1000 * k + 41, 2)
    ]
    rows = build(plan(variants=CONTRAST), benchmark(triples, property_table="extended"), 0).rows["train"]
    assert set(rows["property"]) == {p for p, r in extended.items() if r.kind != "neither"}


# --- real rows


@pytest.mark.slow
@pytest.mark.parametrize("name", ["paper", "contrast", "held_out", "extended"])
def test_benchmarks_are_built_from_real_triples_and_add_up(tmp_path, real_data, relsym, name):
    out = tmp_path / "out"
    ended = relsym(
        "build",
        f"benchmark={name}",
        "data=wikidata5m",
        f"data.folder={real_data / 'wikidata'}",
        "audit=warn",
        f"hydra.run.dir={out}",
    )
    assert ended.code == 0, ended.err
    manifest = read_manifest(out / MANIFEST)
    told = manifest.source
    assert told.statements_read == 108_345 == told.facts_kept + sum(told.dropped.values())
    assert manifest.audit.found["same_label"].by_property["P1889"] >= 6661
    assert manifest.rows["test"] > 9000
    rows = BuiltBenchmark(str(out)).rows
    sides = [set(rows.filter(pl.col("split") == split)["group_id"]) for split in SHARES]
    assert not sides[0] & sides[1] | sides[0] & sides[2] | sides[1] & sides[2]
    if name == "extended":
        assert {"P47", "P530", "P155", "P36"} <= set(rows["property"])


# --- sources without labels, and other sources than Wikidata


class Unlabelled(Listed):
    """A reader whose entities are named by their ids alone."""

    def read(self, properties):
        read = super().read(properties)
        ids = read.labels.with_columns(label="entity")
        return dataclasses.replace(read, labels=ids, labelled=False, wikidata=False, origin="table facts.tsv")


def unlabelled_data(facts, reader: type[Listed] = Unlabelled, **changes) -> SymmetryData:
    settings = {
        "samples": 16,
        "sampling": "stratified",
        "form": "mixed",
        "train_variants": None,
        "score_variants": None,
        "sample_seed": 0,
        "test_pairs": 28,
        "score_on": "test",
        "batch_size": 4,
        "seed": 0,
    }
    rows = SymmetryData(lambda: SymmetryBenchmark(reader(facts)), **{**settings, **changes})
    rows.read()
    return rows


def test_rows_without_any_label_have_the_delexicalised_form_alone_and_that_is_said(facts, caplog):
    rows = unlabelled_data(facts)
    assert list(rows.score_rows) == ["delexicalised"]
    assert list(rows.rows_of("validation", 14)) == ["delexicalised"]
    # Of one form, 16 samples are 16 facts: none comes twice.
    assert len(rows.train_rows) == len({row.fact_id for row in rows.train_rows}) == 16
    assert {row.form for row in rows.train_rows} == {"delexicalised"}
    assert "table facts.tsv: no labels, so that entities are named by their ids" in caplog.text
    with pytest.raises(ValueError, match=r"data\.form=lexicalised.*delexicalised alone.*data\.entities=FILE"):
        unlabelled_data(facts, form="lexicalised")
    assert list(data(facts, form="mixed").score_rows) == ["lexicalised", "delexicalised"]


def test_a_built_benchmark_without_labels_is_read_in_the_delexicalised_form_alone(tmp_path, facts, caplog):
    manifest = on_disk(tmp_path / "ids", SymmetryBenchmark(Unlabelled(facts)))
    assert not manifest.source.labelled
    assert BuiltBenchmark(str(tmp_path / "ids")).forms == ("delexicalised",)
    assert "was built from a source without labels" in caplog.text
    on_disk(tmp_path / "labels", benchmark(facts))
    assert BuiltBenchmark(str(tmp_path / "labels")).forms == ("lexicalised", "delexicalised")
    stored = json.loads((tmp_path / "labels" / MANIFEST).read_text())["source"]
    assert not {"labelled", "wikidata"} & stored.keys(), "a manifest of labels from Wikidata is what it was"


class NamedByIds(Listed):
    """A reader whose labels are made of the ids."""

    def read(self, properties):
        read = super().read(properties)
        names = read.labels.with_columns(label=pl.format("name of {}", "entity"))
        return dataclasses.replace(read, labels=names, named_by_ids=True)


def test_labels_made_of_ids_give_the_lexicalised_form_alone_built_and_on_the_fly(tmp_path, facts, caplog):
    benchmark = SymmetryBenchmark(NamedByIds(facts))
    assert benchmark.forms == ("lexicalised",)
    manifest = on_disk(tmp_path, benchmark)
    assert manifest.source.named_by_ids
    assert "in one form, with labels (lexicalised): these are made" in (tmp_path / "README.md").read_text()
    caplog.clear()
    built = BuiltBenchmark(str(tmp_path))
    assert built.forms == ("lexicalised",)
    assert "labels are made of the ids, so that the delexicalised form would name" in caplog.text
    rows = unlabelled_data(facts, reader=NamedByIds)
    assert list(rows.score_rows) == ["lexicalised"]
    assert {row.form for row in rows.train_rows} == {"lexicalised"}
    with pytest.raises(ValueError, match=r"lexicalised alone, since their source has labels .* of the ids"):
        unlabelled_data(facts, reader=NamedByIds, form="delexicalised")


def test_the_card_speaks_of_wikidata_and_of_labels_where_the_source_has_them(tmp_path, facts):
    on_disk(tmp_path / "wikidata", benchmark(facts))
    told = (tmp_path / "wikidata" / "README.md").read_text()
    assert "- Wikidata's biases: what is stated there leans towards Europe" in told
    assert "A symmetric relation is one that Wikidata constrains to be so" in told
    assert "each in two forms: with labels (lexicalised) and with ids (delexicalised)" in told
    on_disk(tmp_path / "other", SymmetryBenchmark(Unlabelled(facts)))
    told = (tmp_path / "other" / "README.md").read_text()
    assert "Wikidata" not in told
    assert "- The source's biases: what it states more often than is so in the world" in told
    assert "A symmetric relation is one that the property table says to be so" in told
    assert "in one form, with ids (delexicalised): the source has no labels" in told
