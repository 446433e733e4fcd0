"""What the direction encoder knows, and what it costs: the figures of docs/results/direction.md.

    python benchmarks/direction_results.py --out outputs/direction_results --triples REAL --mnli MNLI
        --sis FILE [--stages ...] [--seeds 0 1 2]

REAL is a folder in the layout of Wikidata5M, MNLI one with the files of data=mnli, FILE that of data=sis. The
stages:

    recipe    experiment=direction and, from there, experiment=direction_further, for each seed, by the sign,
              on real triples and on relations that it never saw; the best shortcuts beside the first
    first     the same of experiment=direction alone
    shipped   the same of the encoder that relsym comes with
    search    what a statement implies and excludes, among 20,000 sentences of real facts
    sis       graded symmetry of verbs in context
    nli       what it costs of MNLI, and of the cosines that the encoder had before
    limits    what a sign cannot say
    few_rows  every objective on 392 rows of contrast, by pooling
    controls  other losses, another pooling, and the recipe without its parts, for half of its steps
    number    the recipe on fewer relations, likewise
    similarity  how near relations that never trained lie to those that did

Figures go into docs/results/direction.json as they are found, and what stands there is not measured again
(``--again NAME`` forgets those whose names begin so). Runs that ended are kept under --out. The rows of
validation chose the recipe; what is measured here is read off the test rows. A run of the recipe takes an
hour on two cores with bf16, three times that without.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import torch
import yaml
from torchmetrics.functional import spearman_corrcoef

from direction_record import Counts, Record, counts_of
from direction_sis import figures_of, parts_of_sis
from relsym import SymmetryModel
from relsym.app.earlier_run import load_run
from relsym.app.shipped import SHIPPED_FOLDER
from relsym.data.relation_bank import BANK, read_property_table
from relsym.data.relations import ANTISYMMETRIC, SYMMETRIC, Relation
from relsym.data.sources.nli import NliSource
from relsym.data.splits import TEST, TRAIN, VALIDATION
from relsym.encoders.bundled import load_bundled
from relsym.encoders.encoder import Encoder
from relsym.evaluation.forgetting import LINEAR, REFIT
from relsym.evaluation.read_outs import ReadOut, answers_of
from relsym.runs.layout import MANIFEST, PREDICTIONS, RATED, RESULTS
from relsym.runs.metric_keys import ROLE_MEASURES, measure_of
from relsym.runs.results import EvaluateResults, read_results
from retrieval import FORMS as TEXTS
from retrieval import Score, Search, by_cosine, by_words, queries_of, real_rows
from runs import run_once

RECORD = Path(__file__).parent.parent / "docs" / "results" / "direction.json"
STAGES = (
    "recipe",
    "first",
    "shipped",
    "search",
    "sis",
    "nli",
    "limits",
    "few_rows",
    "controls",
    "number",
    "similarity",
)
KINDS = (SYMMETRIC, ANTISYMMETRIC)
FORMS = ("lexicalised", "delexicalised")
# The sign alone decides, and no threshold that validation rows choose.
BY_SIGN = ("validation_pairs=0", "swapped_pairs=0")
# A cosine that no sign is read off is cut where validation rows are parted best; so is the score of a head.
BY_THRESHOLD = ("reading=threshold", "swapped_pairs=0", "trust=[direction_controls]")
# What the recipe asks of a fact in training; the shortcuts learn from 2,000 facts of this kind.
ASKED = (
    *("swap", "negated_swap", "negated_identity", "paraphrase", "swapped_paraphrase", "converse"),
    *("swapped_converse", "other_relation", "other_object", "implied", "swapped_implied"),
)
FACTS = 18_000  # that the recipe trains on
OF_THE_BANK = (
    "data=relations",
    "data.reworded=false",
    "data.sampling=properties",
    f"data.train_variants=[{','.join(ASKED)}]",
    "data.samples=22000",
    "data.test_pairs=4800",
)


def without(*variants: str) -> tuple[str, ...]:
    """The recipe without some of what it asks of a fact."""
    asked = [variant for variant in ASKED if variant not in variants]
    return (f"data.train_variants=[{','.join(asked)}]", f"data.samples={FACTS * len(asked)}")


# Relations that no run of the recipe saw, and wordings of its relations that it did not see.
SPLITS = ("near", "far", "left_out", "kept_wordings")
REAL_ROWS = ("data=built", "data.test_pairs=null")
FEW = ("data=built", "data.samples=392", "data.train_variants=null", "data.test_pairs=1400")
# Under the identity as label hadamard and rotate are one model.
FEW_OBJECTIVES = {
    "random_label": ("hadamard", "rotate"),
    "knn": ("hadamard", "rotate"),
    "knn_learnt": ("hadamard", "rotate"),
    "fixed_label": ("hadamard",),
    "finetune": ("none",),
}
# What trains beside the recipe, each with its options: of its parts one is left out, or the loss is another.
HALF = ("experiment=direction", "training.epochs=1")
NUMBERS = (25, 50, 100, 200)
LOSS = "~objective.unrelated_weight"
CONTROLS = {
    "control-recipe": (),
    "control-mean": ("model.pooling=mean",),
    "control-unrelated": ("objective.unrelated_weight=0",),
    "control-negations": without("negated_swap", "negated_identity"),
    "control-converses": without("converse", "swapped_converse"),
    "control-one_zero": ("objective._target_=direction_controls.OneZero", LOSS),
    "control-cosent": ("objective._target_=direction_controls.CoSent", LOSS),
    "control-ranking": ("objective._target_=direction_controls.Ranking", LOSS),
    "control-finetune": ("objective=finetune", "objective.learning_rate=5e-4"),
}
NOT_SIGNED = ("control-one_zero", "control-cosent", "control-ranking", "control-finetune")
REFIT_ROWS, PAIRS = 4000, 2000


class Bench:
    """Where runs and benchmarks lie, and what was measured of them.

    Runs are trained and benchmarks built where a figure needs them: of a run that was deleted, figures stay.
    """

    def __init__(self, options: argparse.Namespace) -> None:
        self.out: Path = options.out.resolve()
        self.triples, self.mnli, self.sis_file = options.triples, options.mnli, options.sis
        self.seeds: list[int] = options.seeds
        self.record = Record(options.record)
        # For commands: direction_controls lies here.
        os.environ["PYTHONPATH"] = os.pathsep.join(
            [str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")]
        )

    def trained(self, name: str, *overrides: str) -> Path:
        """The folder of a run."""
        run_once(self.out / name, *overrides)
        return self.out / name

    def recipe(self, name: str) -> Path:
        """The run of the recipe, or of its first stage alone, with the seed that the name ends with."""
        stage, _, seed = name.rpartition("-")
        if stage == "first":
            return self.trained(name, "experiment=direction", f"seed={seed}")
        first = self.recipe(f"first-{seed}")
        return self.trained(name, "experiment=direction_further", f"init={first}", f"seed={seed}")

    def scored(self, run: Path, part: str, *overrides: str) -> tuple[EvaluateResults, pl.DataFrame]:
        """The results and the predictions of a run on other rows."""
        folder = self.out / "scores" / run.name / part
        results = run_once(folder, "model=run", f"model.folder={run}", *overrides, task="evaluate")
        return results, pl.read_parquet(folder / PREDICTIONS)

    def built(self, name: str) -> Path:
        """The contrast benchmark of real triples, in the words of ``TABLES``."""
        folder = self.out / "benchmarks" / name
        if not (folder / MANIFEST).exists():
            command = [sys.executable, "-m", "relsym", "build", "benchmark=contrast", "data=wikidata5m"]
            command += [f"data.folder={self.triples}", f"hydra.run.dir={folder}"]
            if TABLES[name] is not None:
                command.append(f"data.property_table={property_table(folder, TABLES[name])}")
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        return folder

    def part(self, part: str, reading: tuple[str, ...] = BY_SIGN) -> tuple[str, ...]:
        """The rows that a run is scored on, and how it is read, as overrides of ``relsym evaluate``."""
        if part in TABLES:
            return (*REAL_ROWS, f"data.folder={self.built(part)}", *reading)
        return (*OF_THE_BANK, "data.neutral=false", f"data.split={part}", *reading)


def property_table(folder: Path, reworded: Callable[..., dict[str, Any]]) -> Path:
    """The benchmark's properties in other words: a property table beside the folder."""
    path = folder.with_suffix(".yaml")
    bank = read_property_table(BANK)
    table = {}
    for property, relation in read_property_table(None).items():
        fields = reworded(relation, bank[property], bank[property].kept)
        table[property] = {"name": relation.name, "kind": relation.kind, **fields}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(table, allow_unicode=True, sort_keys=False))
    return path


def with_kept_paraphrases(relation: Relation, trained: Relation, kept: Relation) -> dict[str, Any]:
    """Paraphrases that never trained, beside a template, a negation and a converse that did."""
    return {
        "template": relation.template,
        "negation": relation.negation,
        "converse": trained.converse,
        "paraphrases": [kept.template, *kept.paraphrases],
    }


def in_kept_wordings(relation: Relation, trained: Relation, kept: Relation) -> dict[str, Any]:
    """Words that never trained, all of them."""
    [paraphrase] = kept.paraphrases
    paraphrases = [paraphrase]
    if relation.kind == SYMMETRIC:  # its converse is a further paraphrase, and there is only this one
        paraphrases.append(paraphrase.translate(str.maketrans("XY", "YX")))
    return {
        "template": kept.template,
        "negation": kept.negation,
        "converse": kept.converse,
        "paraphrases": paraphrases,
    }


# Words of the contrast benchmark of real triples: the benchmark's own, and others.
TABLES: dict[str, Callable[..., dict[str, Any]] | None] = {
    "real": None,
    "real_paraphrases": with_kept_paraphrases,
    "real_kept": in_kept_wordings,
}


def recipe(bench: Bench) -> None:
    """The runs of the recipe, by relation, and the best shortcuts."""

    def shortcuts(name: str, part: str) -> dict[str, Any]:
        return best_shortcuts(bench.scored(bench.recipe(name), part, *bench.part(part))[0])

    def on_swaps(name: str, part: str) -> dict[str, Any]:
        # Of shortcuts the accuracy by variant is not recorded: the swap is asked alone.
        asked = (*bench.part(part), "data.score_variants=[swap]")
        results = bench.scored(bench.recipe(name), f"{part}_swap", *asked)[0]
        return {form: best_shortcut(results, "accuracy", form) for form in FORMS}

    for seed in bench.seeds:
        name = f"recipe-{seed}"
        bench.record.once(f"{name}/costs", lambda name: costs_of(bench.recipe(name)), name)
        score_parts(bench, name)
    first = f"recipe-{bench.seeds[0]}"
    # On the contrast benchmark property and variant decide the label: a look-up that has learnt from its rows
    # has all groups, and says nothing beside a run that never saw one.
    for part in SPLITS:
        bench.record.once(f"shortcuts/{part}", shortcuts, first, part)
        bench.record.once(f"shortcuts/{part}_swap", on_swaps, first, part)


def score_parts(bench: Bench, name: str, run: Path | None = None) -> None:
    """Counts of a run on all parts; of the recipe's where none is given."""

    def counts(part: str) -> Counts:
        return counts_of(bench.scored(run or bench.recipe(name), part, *bench.part(part))[1])

    for part in (*TABLES, *SPLITS):
        bench.record.once(f"{name}/{part}", counts, part)


def shipped(bench: Bench) -> None:
    """What is left of the recipe's first run in low rank."""
    score_parts(bench, "shipped", SHIPPED_FOLDER)


def first_stage(bench: Bench) -> None:
    """What the first stage of the recipe knows by itself, of one seed."""
    name = f"first-{bench.seeds[0]}"
    bench.record.once(f"{name}/costs", lambda: costs_of(bench.recipe(name)))
    score_parts(bench, name)


def costs_of(run: Path) -> dict[str, Any]:
    """What a training took."""
    results = read_results(run / RESULTS)
    return {
        "minutes": round(results.seconds["train"] / 60, 1),
        "gib": round(results.memory["peak_gib"], 1),
        "precision": results.precision,
    }


def best_shortcuts(results: EvaluateResults) -> dict[str, dict[str, dict[str, tuple[str, float]]]]:
    """The best shortcut of each measure, form and kind: its name, and the share."""
    best: dict[str, dict[str, dict[str, tuple[str, float]]]] = {}
    for measure in ("groups", *ROLE_MEASURES):
        for form in FORMS:
            for kind in KINDS:
                found = best_shortcut(results, measure, f"{form}/{kind}")
                if found is not None:
                    best.setdefault(measure, {}).setdefault(form, {})[kind] = found
    return best


def best_shortcut(results: EvaluateResults, measure: str, rows: str) -> tuple[str, float] | None:
    """The shortcut with the highest measure on some of the rows, and that; None where no one has it.

    Args:
        rows: a form, or a form and a kind.
    """
    found = []
    for key, reader in results.shortcuts.items():
        metric = f"{measure_of(key, measure)}/{rows}"
        if metric in results.metrics:
            found.append((reader.title, results.metrics[metric]))
    return max(found, key=lambda one: one[1], default=None)


def search(bench: Bench) -> None:
    """1,000 queries of real facts with unseen entities among 20,000 sentences."""

    def answered(score: Callable[[], Score]) -> dict[str, Any]:
        rows = real_rows(bench.built("real"), "test")
        shares = {}
        for form, suffix in TEXTS.items():
            searched = Search(queries_of(rows, suffix, random.Random(0)), asked=1000, wanted=20_000)
            shares[form] = searched.answered(score())
        return shares

    def of_run(name: str) -> dict[str, Any]:
        return answered(lambda: by_cosine(SymmetryModel.load(bench.recipe(name)).encode))

    def untrained() -> Score:
        return by_cosine(lambda texts: load_bundled().encode(list(texts)).numpy())

    for seed in bench.seeds:
        bench.record.once(f"recipe-{seed}/search", of_run, f"recipe-{seed}")
    bench.record.once("untrained/search", answered, untrained)
    bench.record.once("bm25_sign/search", answered, lambda: by_words)


def sis(bench: Bench) -> None:
    """Rated sentences: the runs, the untrained encoder, and a rule that reads one word."""

    def rows_of(name: str) -> pl.DataFrame:
        overrides = ("data=sis", f"data.file={bench.sis_file}", "swapped_pairs=0")
        bench.scored(bench.recipe(name), "sis", *overrides)
        return pl.read_parquet(bench.out / "scores" / name / "sis" / RATED)

    def figures(rows: pl.DataFrame, score: str) -> dict[str, Any]:
        return {part: figures_of(of_part, score) for part, of_part in parts_of_sis(rows).items()}

    def of_run(name: str) -> dict[str, Any]:
        return figures(rows_of(name), "score:strict")

    def untrained() -> dict[str, Any]:
        rows, encoder = rows_of(f"recipe-{bench.seeds[0]}"), load_bundled()
        vectors = [unit(encoder.encode(rows[column].to_list())) for column in ("premise", "hypothesis")]
        cosines = (vectors[0] * vectors[1]).sum(1)
        return figures(rows.with_columns(cosine=pl.Series(cosines.tolist())), "cosine")

    def contains_and() -> dict[str, Any]:
        has_and = pl.col("premise").str.to_lowercase().str.contains(r"\band\b").cast(pl.Float64)
        return figures(rows_of(f"recipe-{bench.seeds[0]}").with_columns(has_and=has_and), "has_and")

    for seed in bench.seeds:
        bench.record.once(f"recipe-{seed}/sis", of_run, f"recipe-{seed}")
    bench.record.once("untrained/sis", untrained)
    bench.record.once("contains_and/sis", contains_and)


class Nli:
    """MNLI before and after: what can be read off the encoder, and what became of its cosines.

    Args:
        folder: with the files of MNLI.
    """

    def __init__(self, folder: Path) -> None:
        counts: Counter[str] = Counter()
        source = NliSource("mnli", folder=str(folder))
        train = list(source.rows("train", counts))
        self.rows = list(source.rows("test", counts))
        draw = random.Random(0)
        self.fitted = draw.sample(train, REFIT_ROWS)
        self.asked = draw.sample(self.rows, PAIRS)
        self.untrained = load_bundled()

    def measured(self, encoder: Encoder, how: ReadOut) -> dict[str, float]:
        """Shares of right answers of two read-outs, and three figures of cosines."""
        answers = answers_of(encoder, self.rows, self.fitted, how)
        figures = {}
        for read_out in (REFIT, LINEAR):
            right = [row.label == label for row, label in zip(self.rows, answers[read_out], strict=True)]
            figures[read_out] = sum(right) / len(right)
        texts = [row.premise for row in self.asked]
        before, after = unit(self.untrained.encode(texts)), unit(encoder.encode(texts))
        hypotheses = unit(encoder.encode([row.hypothesis for row in self.asked]))
        nearest = (after @ hypotheses.T).argmax(dim=1)
        figures["own_hypothesis_nearest"] = float((nearest == torch.arange(PAIRS)).double().mean())
        # Each premise with the one that the draw put behind it.
        pairs = [(vectors * vectors.roll(-1, 0)).sum(1) for vectors in (before, after)]
        figures["rank_correlation"] = float(spearman_corrcoef(*pairs))
        return {name: round(figure, 4) for name, figure in figures.items()}


def nli(bench: Bench) -> None:
    """What the recipe costs of MNLI."""
    rows = Nli(bench.mnli)

    def of_run(name: str, encoder: Encoder | None = None) -> dict[str, float]:
        run = load_run(str(bench.recipe(name)), "fp32", "auto", False, (), "run")
        how = ReadOut(run.reads, run.metric, run.probe, run.labels)
        return rows.measured(encoder or run.encoder, how)

    bench.record.once("untrained/nli", of_run, f"recipe-{bench.seeds[0]}", rows.untrained)
    for seed in bench.seeds:
        bench.record.once(f"recipe-{seed}/nli", of_run, f"recipe-{seed}")


def unit(vectors: torch.Tensor) -> torch.Tensor:
    return torch.nn.functional.normalize(vectors.float(), dim=-1)


def limits(bench: Bench) -> None:
    """What it says of the reverse where the premise is denied; of an antisymmetric one nothing follows."""

    def answers(name: str, variant: str) -> dict[str, Any]:
        asked = (*OF_THE_BANK, *BY_SIGN, "data.split=trained", f"data.score_variants=[{variant}]")
        rows = bench.scored(bench.recipe(name), variant, *asked)[1]
        said: dict[str, Any] = {}
        grouped = rows.group_by("form", "kind", "prediction").len().sort("form", "kind", "prediction")
        for form, kind, label, count in grouped.iter_rows():
            said.setdefault(form, {}).setdefault(kind, {})[label] = count
        return said

    name, variant = f"recipe-{bench.seeds[0]}", "negated_premise"
    bench.record.once(f"{name}/{variant}", answers, name, variant)


def few_rows(bench: Bench) -> None:
    """Every objective on 392 rows that ask everything about 56 facts of the 13 properties."""

    def counts(name: str, *overrides: str) -> Counts:
        run = bench.trained(name, *FEW, f"data.folder={bench.built('real')}", *overrides)
        return counts_of(pl.read_parquet(run / PREDICTIONS))

    for objective, metrics in FEW_OBJECTIVES.items():
        for pooling in ("mean", "moment"):
            for metric in metrics:
                name = f"few-{objective}-{metric}-{pooling}"
                chosen = (f"objective={objective}", f"metric={metric}", f"model.pooling={pooling}")
                bench.record.once(f"{name}/real", counts, name, *chosen)


def controls(bench: Bench) -> None:
    """The recipe for one epoch, and what else could be trained on its rows, on the same parts."""

    def counts(name: str, part: str) -> Counts:
        run = bench.trained(name, *HALF, *CONTROLS[name])
        reading = BY_THRESHOLD if name in NOT_SIGNED else BY_SIGN
        return counts_of(bench.scored(run, part, *bench.part(part, reading))[1])

    for name in CONTROLS:
        for part in ("real", "near", "far"):
            bench.record.once(f"{name}/{part}", counts, name, part)


def number(bench: Bench) -> None:
    """The recipe for one epoch on some of the relations, and as many facts."""
    relations = read_property_table(BANK)
    trained = [name for name, relation in relations.items() if relation.side == TRAIN]
    held_out = [name for name, relation in relations.items() if relation.side.startswith((VALIDATION, TEST))]
    random.Random(0).shuffle(trained)

    def counts(name: str, part: str) -> Counts:
        some = trained[: int(name.rpartition("-")[2])]
        overrides = (
            f"data.properties=[{','.join(some + held_out)}]",
            # A few facts of a relation are drawn twice.
            f"data.pairs.train={round(1.1 * FACTS / len(some))}",
        )
        run = bench.trained(name, *HALF, *overrides)
        return counts_of(bench.scored(run, part, *bench.part(part))[1])

    for count in NUMBERS:
        for part in ("near", "far"):
            bench.record.once(f"relations-{count}/{part}", counts, f"relations-{count}", part)


def similarity(bench: Bench) -> None:
    """Of each relation that never trained, the cosine of its first wording to the nearest that did."""

    def nearest() -> dict[str, float]:
        relations = read_property_table(BANK)
        encoder = load_bundled()

        def vectors(names: list[str]) -> torch.Tensor:
            # The slots would make all alike.
            words = [re.sub(r"\[[XY]\]", "", relations[name].template).strip(" .") for name in names]
            return unit(encoder.encode(words))

        trained = [name for name, relation in relations.items() if relation.side == TRAIN]
        asked = [name for name, relation in relations.items() if relation.side.startswith(TEST)]
        cosines = vectors(asked) @ vectors(trained).T
        return dict(zip(asked, cosines.amax(dim=1).double().round(decimals=4).tolist(), strict=True))

    bench.record.once("similarity", nearest)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--triples", type=Path, help="real triples in the layout of Wikidata5M")
    parser.add_argument("--mnli", type=Path, help="the files of MNLI")
    parser.add_argument("--sis", type=Path, help="the file of SIS")
    parser.add_argument("--stages", nargs="+", choices=STAGES, default=list(STAGES))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--record", type=Path, default=RECORD)
    parser.add_argument("--again", nargs="*", default=[], metavar="NAME")
    options = parser.parse_args()
    bench = Bench(options)
    for name in options.again:
        bench.record.forget(name)
    stages = {
        "recipe": recipe,
        "first": first_stage,
        "shipped": shipped,
        "search": search,
        "sis": sis,
        "nli": nli,
        "limits": limits,
        "few_rows": few_rows,
        "controls": controls,
        "number": number,
        "similarity": similarity,
    }
    for stage in options.stages:
        stages[stage](bench)


if __name__ == "__main__":
    main()
