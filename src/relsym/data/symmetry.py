"""The symmetry benchmark: facts, split, drawn and put into words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from hashlib import sha256
from itertools import islice
from typing import NamedTuple

from relsym.data.module import PairData
from relsym.data.pairs import DELEXICALISED, FORMS, LEXICALISED, Pair, clean_facts, swap_pair
from relsym.data.relations import CONTRADICTION, ENTAILMENT, KINDS, Relation, read_relations, select_relations
from relsym.data.sampling import by_key, draw_order, shuffled
from relsym.data.splits import SPLIT_RULES, SPLITS, TRAIN
from relsym.data.triples import Triple, TripleReader

TRAINING_FORMS = (LEXICALISED, DELEXICALISED, "mixed")


class _Side(NamedTuple):
    """A fact and the directions in which it stands in one part of the split."""

    fact: Triple
    directions: tuple[bool, ...]


class SymmetryBenchmark:
    """Facts of symmetric and antisymmetric properties with a fixed split; pairs are drawn from it.

    Args:
        reader: where the triples come from.
        property_table: YAML file with a property table of the user's own; None takes the paper's 14 properties.
        properties: which of them; None takes all.
        split, split_seed: the rule in ``relsym.data.splits`` and its seed.
        same_label: "drop" or "keep" facts whose two labels coincide.
    """

    def __init__(self, reader: TripleReader, property_table: str | None = None, properties: list[str] | None = None,
                 split: str = "grouped", split_seed: int = 0, same_label: str = "drop") -> None:
        if split not in SPLIT_RULES:
            raise ValueError(f"data.split={split}: expected {' or '.join(SPLIT_RULES)}.")
        self.relations = select_relations(read_relations(property_table), properties)
        source = reader.read(self.relations.keys())
        self.names = source.labels
        self.facts, self.counts = clean_facts(source, self.relations, same_label)
        self.split, self.split_seed = split, split_seed
        self._rule = SPLIT_RULES[split]

    def size(self, split: str) -> Counter[str]:
        """Facts of each kind in one part of the split."""
        return Counter(self.relations[side.fact.property].kind for side in self._part(split))

    def pairs(self, split: str, seed: int, sampling: str = "stratified") -> Iterator[Pair]:
        """One pair per fact in a random direction, in draw order; ends when one kind runs out."""
        part = self._part(split)
        kinds = by_key(part, (self.relations[side.fact.property].kind for side in part))
        pools = {kind: by_key(sides, (side.fact.property for side in sides)) for kind in KINDS if (sides := kinds.get(kind, []))}
        if len(pools) < len(KINDS):
            lacking = " and ".join(sorted(set(KINDS) - pools.keys()))
            raise ValueError(f"the {split} part has no facts of {lacking} properties, so no balanced rows can be drawn from it. "
                             "Choose properties of both kinds (data.properties).")
        for fact, directions in draw_order(pools, seed, sampling):
            reverse = shuffled(directions, seed, f"direction {fact}")[0]
            yield swap_pair(fact, self.relations[fact.property], self.names, reverse, split)

    def content_hash(self) -> str:
        """SHA-256 over every pair that can be drawn: texts, labels and sides of the split."""
        digest = sha256()
        for fact in sorted(self.facts):
            relation = self.relations[fact.property]
            for reverse in (False, True):
                digest.update(repr(swap_pair(fact, relation, self.names, reverse, self._side(fact, relation, reverse))).encode())
        return digest.hexdigest()

    def _side(self, fact: Triple, relation: Relation, reverse: bool) -> str:
        return self._rule(fact, relation.kind, reverse, self.split_seed)

    def _part(self, split: str) -> list[_Side]:
        sides = (_Side(fact, tuple(reverse for reverse in (False, True)
                                   if self._side(fact, self.relations[fact.property], reverse) == split)) for fact in self.facts)
        return [side for side in sides if side.directions]


class SymmetryData(PairData):
    """Few-shot training rows and score rows of a ``SymmetryBenchmark``.

    Args:
        benchmark: builds the benchmark when ``read`` is called (a partial of ``SymmetryBenchmark``).
        samples: training pairs, an even number; None takes all that keep the kinds balanced.
        sampling: "stratified" (properties in turn) or "random" (rows uniformly), within a kind.
        form: of the training rows: "lexicalised", "delexicalised", or "mixed" (each drawn fact in both forms, consecutively).
        sample_seed: which rows are drawn for training.
        test_pairs: rows to score, of each form; None takes all that keep the kinds balanced.
        score_on: "test", or "validation" for whatever is being tuned.
        batch_size: global batch.  seed: order of the batches.
    """

    labels = (ENTAILMENT, CONTRADICTION)

    def __init__(self, benchmark: Callable[[], SymmetryBenchmark], samples: int | None, sampling: str, form: str, sample_seed: int,
                 test_pairs: int | None, score_on: str, batch_size: int, seed: int) -> None:
        super().__init__(batch_size, score_on, seed)
        if form not in TRAINING_FORMS:
            raise ValueError(f"data.form={form}: expected {', '.join(TRAINING_FORMS[:-1])} or {TRAINING_FORMS[-1]}.")
        self.step = 4 if form == "mixed" else 2
        for key, value, step in (("data.samples", samples, self.step), ("data.test_pairs", test_pairs, 2)):
            if value is not None and (value < step or value % step):
                why = " with data.form=mixed (two kinds, each fact in two forms)" if step == 4 else " (as many pairs of each kind)"
                raise ValueError(f"{key}={value}: must be a positive multiple of {step}{why}.")
        self.benchmark, self.samples, self.sampling, self.form = benchmark, samples, sampling, form
        self.sample_seed, self.test_pairs = sample_seed, test_pairs

    def read(self) -> None:
        """Read the triples, draw the training rows and the score rows, and hash the benchmark."""
        benchmark = self.benchmark()
        forms = FORMS if self.form == "mixed" else (self.form,)
        wanted = None if self.samples is None else self.samples // len(forms)
        drawn = list(islice(benchmark.pairs(TRAIN, self.sample_seed, self.sampling), wanted))
        if wanted and len(drawn) < wanted:
            sizes = benchmark.size(TRAIN)
            raise ValueError(f"data.samples={self.samples}: the training part has {sizes['symmetric']} symmetric and "
                             f"{sizes['antisymmetric']} antisymmetric facts, so at most {len(drawn) * len(forms)} balanced samples.")
        self.train_rows = [pair.row(form) for pair in drawn for form in forms]
        scored = list(islice(benchmark.pairs(self.score_on, benchmark.split_seed), self.test_pairs))
        self.score_rows = {form: [pair.row(form) for pair in scored] for form in FORMS}
        self.counts = benchmark.counts + Counter({f"{split} facts": benchmark.size(split).total() for split in SPLITS})
        self.content_hash = benchmark.content_hash()
