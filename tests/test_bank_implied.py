"""What follows from a relation of a bank in another one: read, checked, and asked in training."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from banks_of import bank_in, benchmark_of, entry, families, sides, write_yaml
from relsym.data.others import with_others
from relsym.data.pairs import BenchmarkPair
from relsym.data.relation_bank import read_bank

VARIANTS = ("swap", "implied", "swapped_implied")


def content() -> dict[str, dict[str, dict]]:
    """The made-up bank, with three antisymmetric relations of one meaning and a symmetric one."""
    of_family = families()
    for name, kind in (
        ("leads", "antisymmetric"),
        ("follows", "antisymmetric"),
        ("commands", "antisymmetric"),
        ("beside", "symmetric"),
    ):
        of_family["home"][name] = entry(f"{name}es", kind, meaning="order")
    return of_family


@pytest.fixture
def folder(tmp_path) -> Path:
    """A bank in which commanding is leading, and whoever leads is followed."""
    stated = sides()
    stated["train"] += ["leads", "follows", "commands", "beside"]
    bank_in(tmp_path / "bank", content(), stated)
    links = {
        "commands": {"leads": "same"},
        "leads": {"follows": "reversed"},
        "follows": {"leads": "reversed"},
    }
    write_yaml(tmp_path / "bank" / "implied.yaml", links)
    return tmp_path / "bank"


def pairs_in(folder: Path, **changes) -> list[BenchmarkPair]:
    benchmark = benchmark_of(folder, **changes)
    return list(benchmark.pairs(benchmark.draw("train", 0), VARIANTS))


def test_what_follows_is_asked_with_the_names_as_they_stand_in_it(folder):
    said = defaultdict(dict)
    for pair in pairs_in(folder):
        said[pair.fact_id][pair.variant] = pair
    asked = defaultdict(int)
    for variants in said.values():
        x, y = variants["swap"].subject, variants["swap"].object
        property = variants["swap"].property
        if property not in ("leads", "follows", "commands"):
            assert variants.keys() == {"swap"}
            continue
        asked[property] += 1
        one, two = (x, y) if property == "commands" else (y, x)
        other = {"commands": "leads", "leads": "follows", "follows": "leads"}[property]
        implied, swapped = variants["implied"], variants["swapped_implied"]
        assert implied.premise == swapped.premise == f"{x} {property}es {y}."
        assert (implied.hypothesis, implied.label) == (f"{one} {other}es {two}.", "entailment")
        assert (swapped.hypothesis, swapped.label) == (f"{two} {other}es {one}.", "contradiction")
        ids = {x: variants["swap"].subject_id, y: variants["swap"].object_id}
        assert implied.hypothesis_delex == f"{ids[one]} {other}es {ids[two]}."
    assert asked.keys() == {"leads", "follows", "commands"}


def test_as_many_facts_are_asked_so_in_further_words(folder):
    """What follows from a relation does not depend on the words that it trains in."""
    plain, reworded = (
        Counter((pair.property, pair.variant) for pair in pairs_in(folder, reworded=reworded))
        for reworded in (False, True)
    )
    assert plain == reworded
    assert reworded["leads", "implied"] > 0
    for relation in read_bank().relations().values():
        assert relation.reworded.implied == relation.implied
        assert relation.kept is None or relation.kept.implied == relation.implied


def test_the_data_hash_is_also_of_what_follows(folder):
    """So that a sweep does not take a finished run on other rows for one on these."""
    hashes = {benchmark_of(folder).content_hash(), benchmark_of(folder).content_hash()}
    assert len(hashes) == 1
    write_yaml(folder / "implied.yaml", {"commands": {"leads": "reversed"}})
    hashes.add(benchmark_of(folder).content_hash())
    (folder / "implied.yaml").unlink()
    hashes.add(benchmark_of(folder).content_hash())
    assert len(hashes) == 3


def test_what_is_asked_nowhere_trains_nowhere():
    """inside_thing is of P131's meaning class, in a family that does not train."""
    ends = {
        "subject_id": ["Q1", "Q3"],
        "object_id": ["Q2", "Q4"],
        "subject": ["a", "c"],
        "object": ["b", "d"],
    }
    facts = pl.DataFrame(
        {"property": ["P131", "P25"], "split": "train", "fact_id": ["one", "two"], "reverse": False, **ends}
    )
    relations = read_bank().relations()
    relations["P131"] = replace(relations["P131"], implied=(("inside_thing", False),))
    found = with_others(facts, relations)
    assert found.select("other_implied", "implied_reversed").rows() == [(None, None), ("P40", True)]


@pytest.mark.parametrize(
    ("links", "message"),
    [
        (["leads"], "expected a mapping from relations to what follows from them"),
        ({"leads": "follows"}, "'leads': expected a mapping from relations to same or reversed"),
        ({"leads": {}}, "'leads': expected a mapping"),
        ({"nobody": {"leads": "same"}}, "there is no relation 'nobody' in the bank"),
        ({"leads": {"nobody": "same"}}, "'leads': there is no relation 'nobody' in the bank"),
        ({"leads": {"follows": "backwards"}}, "'follows': 'backwards', and expected is same or reversed"),
        ({"leads": {"leads": "same"}}, "'leads': follows from itself"),
        ({"leads": {"beside": "same"}}, "beside is symmetric. Which way round a relation stands is known of"),
        ({"leads": {"above": "same"}}, "'leads': of the meaning class 'order', and above is of 'overlooks'"),
        ({"leads": {"follows": ["same"]}}, "and expected is same or reversed"),
    ],
)
def test_links_that_cannot_be_are_refused(folder, links, message):
    write_yaml(folder / "implied.yaml", links)
    with pytest.raises(ValueError, match=rf"implied.yaml.*{re.escape(message)}"):
        read_bank(str(folder))


def test_no_relation_of_the_own_bank_stands_both_ways_round():
    """Along any way through the links a relation has one direction: else no vectors could fit them."""
    implied = read_bank().implied
    neighbours = defaultdict(list)
    for name, links in implied.items():
        for other, is_reversed in links:
            neighbours[name].append((other, is_reversed))
            neighbours[other].append((name, is_reversed))
    direction: dict[str, bool] = {}
    for start in neighbours:
        waiting = [] if start in direction else [start]
        direction.setdefault(start, False)
        while waiting:
            name = waiting.pop()
            for other, is_reversed in neighbours[name]:
                expected = direction[name] != is_reversed
                if other not in direction:
                    direction[other] = expected
                    waiting.append(other)
                assert direction[other] == expected, (name, other)
    assert direction
