"""Benchmarks in memory, for tests."""

from __future__ import annotations

from collections import Counter
from typing import Any

from hydra import compose, initialize_config_module
from hydra.errors import InstantiationException
from hydra.utils import instantiate

from relsym.data.benchmark import SymmetryBenchmark
from relsym.data.relations import read_relations
from relsym.data.symmetry import SymmetryData
from relsym.data.triples import TripleSource, label_frame, triple_frame

RELATIONS = read_relations()


def source(triples, labels: dict[str, str] | None = None, **changes) -> TripleSource:
    """Triples in memory; every entity is called by its number unless labels are given."""
    names = labels if labels is not None else {q: f"name {q[1:]}" for s, _, o in triples for q in (s, o)}
    return TripleSource(
        **{
            "triples": triple_frame(triples),
            "labels": label_frame(names),
            "read": len(triples),
            "dropped": Counter(),
            "origin": "a test",
            **changes,
        }
    )


def read_option(task: str, *words: str) -> Any:
    """The data of a command with these overrides, read; what their module raises is raised as it is."""
    with initialize_config_module("relsym.conf", version_base="1.3"):
        config = compose(task, list(words))
    try:
        data = instantiate(config.data.module, _convert_="all")
    except InstantiationException as error:
        raise error.__cause__ from None
    data.read()
    return data


class Listed:
    """A reader over triples in memory."""

    def __init__(self, triples, labels: dict[str, str] | None = None) -> None:
        self.triples, self.labels = triples, labels

    def read(self, properties) -> TripleSource:
        kept = [t for t in self.triples if t[1] in properties]
        other = len(self.triples) - len(kept)
        return source(
            kept,
            self.labels,
            read=len(self.triples),
            dropped=Counter({"other property": other} if other else {}),
        )


def data(facts, **changes) -> SymmetryData:
    """Rows of a benchmark made of facts; what concerns the benchmark goes there."""
    options = {
        "samples": 16,
        "sampling": "stratified",
        "form": "lexicalised",
        "train_variants": ["swap"],
        "score_variants": None,
        "sample_seed": 0,
        "test_pairs": None,
        "score_on": "test",
        "batch_size": 4,
        "seed": 0,
    }
    own = ("split", "split_seed", "findings", "properties", "held_out", "property_table", "neutral")
    benchmark = {key: changes.pop(key) for key in own if key in changes}
    read = SymmetryData(lambda: SymmetryBenchmark(Listed(facts), **benchmark), **{**options, **changes})
    read.read()
    return read
