"""Few-shot training rows and score rows of a benchmark, as a LightningDataModule."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from relsym.data.benchmark import Benchmark
from relsym.data.module import PairData
from relsym.data.pairs import DELEXICALISED, FORMS, LEXICALISED, Row
from relsym.data.relations import CONTRADICTION, ENTAILMENT, NEITHER, NEUTRAL
from relsym.data.splits import SPLITS, TRAIN
from relsym.data.triples import check_choice
from relsym.ranges import PositiveInt, Seed

TRAINING_FORMS = (LEXICALISED, DELEXICALISED, "mixed")


class SymmetryData(PairData):
    """Few-shot training rows and score rows of a ``Benchmark``.

    Args:
        benchmark: builds or opens the benchmark when ``read`` is called (a partial of ``SymmetryBenchmark``
        or ``BuiltBenchmark``). samples: training rows, the same number of each kind; None takes all that keep
        the kinds balanced. sampling: "stratified" (properties in turn) or "random" (rows uniformly), within a
        kind. form: of the training rows: "lexicalised", "delexicalised", or "mixed" (each drawn row in both
        forms, consecutively). train_variants, score_variants: what is asked of a drawn fact; None takes all
        that the benchmark has. sample_seed: which rows are drawn for training. test_pairs: rows to score, of
        each form; None takes all that keep the kinds balanced. score_on: "test", or "validation" for whatever
        is being tuned. batch_size: global batch.  seed: order of the batches.
    """

    def __init__(
        self,
        benchmark: Callable[[], Benchmark],
        samples: PositiveInt | None,
        sampling: str,
        form: str,
        train_variants: list[str] | None,
        score_variants: list[str] | None,
        sample_seed: Seed,
        test_pairs: PositiveInt | None,
        score_on: str,
        batch_size: PositiveInt,
        seed: Seed,
    ) -> None:
        super().__init__(batch_size, score_on, seed)
        check_choice("data.form", form, TRAINING_FORMS)
        for key, value in (("data.samples", samples), ("data.test_pairs", test_pairs)):
            if value is not None and value < 2:
                raise ValueError(f"{key}={value}: must be positive, and as many rows of each kind.")
        self.benchmark, self.samples, self.sampling, self.form = benchmark, samples, sampling, form
        self.train_variants, self.score_variants = train_variants, score_variants
        self.sample_seed, self.test_pairs = sample_seed, test_pairs

    def read(self) -> None:
        """Read the benchmark, draw the training rows and the score rows, and hash it."""
        benchmark = self.benchmark()
        self.labels = (ENTAILMENT, CONTRADICTION, *([NEUTRAL] if NEITHER in benchmark.kinds else []))
        forms = FORMS if self.form == "mixed" else (self.form,)
        asked = self.train_variants or benchmark.train_variants
        if lacking := [name for name in asked if name in benchmark.held_out_variants]:
            raise ValueError(
                f"data.train_variants: {', '.join(lacking)} is what this fold holds out. Leave it out of "
                "training."
            )
        wanted = self._facts("data.samples", self.samples, benchmark, asked, len(forms))
        drawn = benchmark.draw(TRAIN, self.sample_seed, wanted, self.sampling)
        if wanted and drawn.height < wanted:
            sizes = ", ".join(f"{count} {kind}" for kind, count in benchmark.size(TRAIN).items())
            raise ValueError(
                f"data.samples={self.samples}: the training part has {sizes} facts, so at most "
                f"{drawn.height * len(forms) * len(asked)} balanced samples."
            )
        self.train_rows = [pair.row(form) for pair in benchmark.pairs(drawn, asked) for form in forms]
        if len({row.label for row in self.train_rows}) == 1:
            raise ValueError(
                f"data.train_variants={list(asked)}: all training rows have the label "
                f"{self.train_rows[0].label}, so nothing "
                "can be learnt from them. Add a variant with another one."
            )
        self.opened = benchmark
        self.score_rows = self.rows_of(self.score_on, self.test_pairs)
        self.counts = benchmark.counts + Counter(
            {f"{split} facts": benchmark.size(split).total() for split in SPLITS}
        )
        self.content_hash, self.sides = benchmark.content_hash(), benchmark.sides
        self.title, self.fold = benchmark.title, benchmark.fold

    def rows_of(self, side: str, pairs: int | None) -> dict[str, list[Row]]:
        """See ``PairData``; kinds balanced, one direction of each fact, in all variants that are scored."""
        benchmark, asked = self.opened, self.score_variants or self.opened.variants
        wanted = self._facts(
            "data.test_pairs" if side == self.score_on else "validation_pairs", pairs, benchmark, asked, 1
        )
        scored = benchmark.pairs(benchmark.draw(side, benchmark.split_seed, wanted), asked)
        return {form: [pair.row(form) for pair in scored] for form in FORMS}

    def _facts(
        self, key: str, rows: int | None, benchmark: Benchmark, variants: Sequence[str], forms: int
    ) -> int | None:
        """How many facts give so many rows."""
        kinds, each = len(benchmark.kinds), forms * len(variants)
        if rows is None:
            return None
        if key == "data.samples" and rows % (kinds * each):
            raise ValueError(
                f"{key}={rows}: must be a multiple of {kinds * each}: {kinds} kinds, {len(variants)} "
                "variants of a fact "
                f"(data.train_variants), {forms} forms (data.form={self.form})."
            )
        if rows < kinds * each:
            raise ValueError(
                f"{key}={rows}: at least {kinds * each}: {kinds} kinds, {len(variants)} variants of a fact."
            )
        return rows // (kinds * each) * kinds
