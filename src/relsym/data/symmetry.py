"""Few-shot training rows and score rows of a benchmark, as a LightningDataModule."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from relsym.data.benchmark import Benchmark
from relsym.data.module import PairData
from relsym.data.pairs import DELEXICALISED, LEXICALISED, Row, VariantName
from relsym.data.relations import CONTRADICTION, ENTAILMENT, NEITHER, NEUTRAL, meaning_classes
from relsym.data.sampling import BY_PROPERTY, by_key
from relsym.data.splits import SPLITS, TRAIN, uniform
from relsym.data.triples import check_choice
from relsym.ranges import BatchSize, PositiveInt, Seed, Share

MIXED = "mixed"
TRAINING_FORMS = (LEXICALISED, DELEXICALISED, MIXED)


class SymmetryData(PairData):
    """Few-shot training rows and score rows of a ``Benchmark``.

    Args:
        benchmark: builds or opens the benchmark when ``read`` is called (a partial of ``SymmetryBenchmark``
            or ``BuiltBenchmark``).
        samples: training rows, the same number of each kind unless ``sampling`` says otherwise; None takes
            all that keep the kinds balanced.
        sampling: "stratified" (properties in turn) or "random" (rows uniformly), within a kind; "properties"
            (all in turn, whatever their kinds).
        form: of the training rows: "lexicalised", "delexicalised", or "mixed" (each drawn row in both forms,
            consecutively; in the only one where the source has no labels, or labels made of the ids).
        train_variants: what is asked of a drawn fact in training; None takes all that the benchmark has.
        score_variants: the same in scoring.
        sample_seed: which rows are drawn for training.
        test_pairs: rows to score, of each form; None takes all that keep the kinds balanced.
        score_on: "test", or "validation" for whatever is being tuned.
        batch_size: global batch.
        seed: order of the batches.
        whole_facts: a training batch holds all rows of a fact or none.
        delexicalised: with form=mixed, the share of the drawn facts whose rows have ids, the others having
            names; None gives every fact in both forms.

    Raises:
        ValueError: an unknown form or part, or fewer than two rows.
    """

    def __init__(
        self,
        benchmark: Callable[[], Benchmark],
        samples: PositiveInt | None,
        sampling: str,
        form: str,
        train_variants: list[VariantName] | None,
        score_variants: list[VariantName] | None,
        sample_seed: Seed,
        test_pairs: PositiveInt | None,
        score_on: str,
        batch_size: BatchSize,
        seed: Seed,
        whole_facts: bool | None = None,
        delexicalised: Share | None = None,
    ) -> None:
        super().__init__(batch_size, score_on, seed)
        check_choice("data.form", form, TRAINING_FORMS)
        for key, value in (("data.samples", samples), ("data.test_pairs", test_pairs)):
            if value is not None and value < 2:
                raise ValueError(f"{key}={value}: must be positive, and as many rows of each kind.")
        self.benchmark = benchmark
        self.samples = samples
        self.sampling = sampling
        self.form = form
        self.train_variants = train_variants
        self.score_variants = score_variants
        self.sample_seed = sample_seed
        self.test_pairs = test_pairs
        self.whole_facts = bool(whole_facts)
        if delexicalised is not None and form != MIXED:
            raise ValueError(
                f"data.delexicalised={delexicalised} is a share of mixed rows, and data.form={form}: leave "
                "one of the two unset."
            )
        self.delexicalised = delexicalised
        self._units: list[list[int]] | None = None

    def read(self) -> None:
        """Read the benchmark, draw the training rows and the score rows, and hash it.

        Raises:
            ValueError: a number of rows that cannot be balanced or that the benchmark does not have, a
                held-out variant in training, training rows of one label, or a batch that is too small for a
                whole fact.
        """
        benchmark = self.benchmark()
        self.labels = (ENTAILMENT, CONTRADICTION)
        variants = self.train_variants or benchmark.train_variants
        self.train_rows = self._training_rows(benchmark, variants)
        if self.whole_facts:
            keys = [(row.fact_id, row.form) for row in self.train_rows]
            self._units = list(by_key(range(len(keys)), keys).values())
        self.steps_per_epoch()  # refuses a batch that holds no whole fact, before a model is loaded
        has_neutral = any(row.label == NEUTRAL for row in self.train_rows)
        if NEITHER in benchmark.scored_kinds or has_neutral:
            self.labels = (*self.labels, NEUTRAL)
        self._meanings = meaning_classes(benchmark.relations)
        self.relations = benchmark.relations
        self.opened = benchmark  # ``rows_of`` draws from it again, for a second part
        self.score_rows = self.rows_of(self.score_on, self.test_pairs)
        facts_of_parts = {f"{split} facts": benchmark.size(split).total() for split in SPLITS}
        self.counts = benchmark.counts + Counter(facts_of_parts)
        self.content_hash = benchmark.content_hash()
        self.sides = benchmark.sides
        self.title = benchmark.title
        self.fold = benchmark.fold

    def rows_of(self, side: str, pairs: int | None) -> dict[str, list[Row]]:
        """See ``PairData``; kinds balanced, one direction of each fact, in all variants that are scored."""
        benchmark = self.opened
        variants = self.score_variants or benchmark.variants
        key = "data.test_pairs" if side == self.score_on else "validation_pairs"
        # One form, since the number of rows is that of each form.
        wanted = self._facts(key, pairs, benchmark, variants, 1)
        # By the split's seed: what is scored stays the same over the seeds of a training.
        drawn = benchmark.draw(side, benchmark.split_seed, wanted)
        scored = benchmark.pairs(drawn, variants)
        rows = {}
        for form in benchmark.forms:
            rows[form] = [pair.row(form) for pair in scored]
        return rows

    @property
    def asked_labels(self) -> tuple[str, ...]:
        """Without neutral where no scored row is that, though other facts that it is trained on are."""
        scored = {row.label for rows in self.score_rows.values() for row in rows}
        return tuple(label for label in self.labels if label != NEUTRAL or label in scored)

    def units(self) -> list[list[int]] | None:
        """The rows of each fact in one form, where a batch holds whole facts."""
        return self._units

    def about(self, rows: Sequence[Row]) -> list[str]:
        """The pair of entities in either order, and the meaning of the relation; else the premise.

        A fact in two forms, with names and with ids, is one.
        """
        of_fact: dict[str, str] = {}
        topics = []
        for row in rows:
            if row.fact_id not in of_fact:
                first, second = sorted((row.subject, row.object))
                meaning = self._meanings.get(row.property, row.property)
                of_fact[row.fact_id] = f"{meaning}|{first}|{second}"
            # Replayed rows of NLI are about no fact.
            topics.append(of_fact[row.fact_id] if row.fact_id else row.premise)
        return topics

    def _training_rows(self, benchmark: Benchmark, variants: Sequence[str]) -> list[Row]:
        """Draw facts of the training part and put them into rows, the forms of a row one after another."""
        held_out = [name for name in variants if name in benchmark.held_out_variants]
        if held_out:
            raise ValueError(
                f"data.train_variants: {', '.join(held_out)} is what this fold holds out. Leave it out of "
                "training."
            )
        forms = benchmark.forms if self.form == MIXED else (self.form,)
        share = self.delexicalised if len(forms) > 1 else None
        if self.form not in (MIXED, *benchmark.forms):
            [only] = benchmark.forms
            why = "has no labels" if only == DELEXICALISED else "has labels that are made of the ids"
            raise ValueError(
                f"data.form={self.form}: these rows have the form {only} alone, since their source {why}. "
                f"Pass data.form={only}, or give labels (of data=table: data.entities=FILE)."
            )
        forms_of_fact = 1 if share is not None else len(forms)
        wanted = self._facts("data.samples", self.samples, benchmark, variants, forms_of_fact)
        drawn = benchmark.draw(TRAIN, self.sample_seed, wanted, self.sampling)
        # A draw ends when one kind runs out, so it may be shorter than what was asked for.
        if wanted and drawn.height < wanted:
            facts_of = benchmark.size(TRAIN)
            sizes = ", ".join(f"{count} {kind}" for kind, count in facts_of.items())
            most = drawn.height * forms_of_fact * len(variants)
            balanced = "" if self.sampling == BY_PROPERTY else "balanced "
            raise ValueError(
                f"data.samples={self.samples}: the training part has {sizes} facts, so at most {most} "
                f"{balanced}samples."
            )
        rows = []
        for pair in benchmark.pairs(drawn, variants):
            if share is not None:
                # By the fact alone, so that a fact has one form in every draw.
                has_ids = uniform(0, f"form|{pair.fact_id}") < share
                rows.append(pair.row(DELEXICALISED if has_ids else LEXICALISED))
            else:
                rows += [pair.row(form) for form in forms]
        labels = {row.label for row in rows}
        if len(labels) == 1:
            raise ValueError(
                f"data.train_variants={list(variants)}: all training rows have the label {rows[0].label}, so "
                "nothing can be learnt from them. Add a variant with another one."
            )
        return rows

    def _facts(
        self, key: str, rows: int | None, benchmark: Benchmark, variants: Sequence[str], forms: int
    ) -> int | None:
        """How many facts give so many rows; None for all.

        Raises:
            ValueError: naming ``key``, a number of rows that leaves a kind, a variant or a form without its
                share.
        """
        if rows is None:
            return None
        rows_of_fact = forms * len(variants)
        if key == "data.samples" and self.sampling == BY_PROPERTY:
            if rows % rows_of_fact:
                raise ValueError(
                    f"{key}={rows}: must be a multiple of {rows_of_fact}: {len(variants)} variants of a fact "
                    f"(data.train_variants), {forms} forms (data.form={self.form})."
                )
            return rows // rows_of_fact
        kinds = len(benchmark.kinds if key == "data.samples" else benchmark.scored_kinds)
        fewest = kinds * rows_of_fact  # one fact of each kind
        # A training set has exactly the rows that were asked for; what is scored is rounded down.
        if key == "data.samples" and rows % fewest:
            raise ValueError(
                f"{key}={rows}: must be a multiple of {fewest}: {kinds} kinds, {len(variants)} variants of a "
                f"fact (data.train_variants), {forms} forms (data.form={self.form})."
            )
        if rows < fewest:
            raise ValueError(
                f"{key}={rows}: at least {fewest}: {kinds} kinds, {len(variants)} variants of a fact."
            )
        return rows // fewest * kinds
