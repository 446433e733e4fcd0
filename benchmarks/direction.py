"""Is it the objective? The bank of relations through every objective, at equal rows, steps and encoder.

    python benchmarks/direction.py --out outputs/direction_objectives

Trains the bundled encoder with each objective on the plain texts of the bank (6,000 facts twice, 750 steps)
and scores it on validation relations that it never saw, three ways. Prints one table, by names and by ids:
whole groups of both kinds, and, of antisymmetric relations, who did what to whom (roles), the same from the
other side (converse roles) and the swap. The shortcuts that stand beside are of the first run.

The rate of fixed_label was chosen for this bank, those of the others are their defaults: none was tuned here.
Nobody trains on ``identity``, one of the seven items of a group: a cosine has it for nothing, while a joint
encoder has to find it. Runs that ended are kept, so it can be repeated after a break. On two cores a run
takes 15 to 40 minutes.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from relsym.runs.metric_keys import measure_of
from relsym.runs.results import TrainResults
from runs import markdown, run_once

LEARNING_RATES = {
    "fixed_label": "3e-4",
    "random_label": "2e-4",
    "knn": "1e-4",
    "knn_learnt": "2e-4",
    "finetune": "5e-4",
}
# What is asked of each fact: what follows in other relations (variant implied) is left out.
NINE = (
    "swap,negated_swap,negated_identity,paraphrase,swapped_paraphrase,converse,swapped_converse,"
    "other_relation,other_object"
)
# fp32 wherever it is run: a processor without bf16 would compute otherwise.
ROWS = (
    "experiment=direction",
    f"data.train_variants=[{NINE}]",
    "data.score_on=validation",
    "data.reworded=false",
    "data.samples=54000",
    "data.test_pairs=2400",
    "training.epochs=2",
    "precision=fp32",
)
FORMS = ("lexicalised", "delexicalised")
SHORTCUTS = ("shortcut/order_and_negation", "shortcut/nearest_relation", "shortcut/pipeline")
COLUMNS = {
    "groups, symmetric": "{groups}/{form}/symmetric",
    "groups, antisymmetric": "{groups}/{form}/antisymmetric",
    "roles": "{roles}/{form}/antisymmetric",
    "converse roles": "{converse_roles}/{form}/antisymmetric",
    "swap": "{accuracy}/{form}/swap/antisymmetric",
}
MEASURES = ("accuracy", "groups", "roles", "converse_roles")


def trained(out: Path, objective: str) -> TrainResults:
    """The run of one objective."""
    rate = LEARNING_RATES[objective]
    return run_once(out / objective, *ROWS, f"objective={objective}", f"objective.learning_rate={rate}")


def line(results: TrainResults, reader: str, title: str) -> tuple[str, ...]:
    """One reader: each measure with names and with ids."""
    keys = {measure: measure_of(reader, measure) for measure in MEASURES}
    cells = []
    for pattern in COLUMNS.values():
        shares = []
        for form in FORMS:
            key = pattern.format(form=form, **keys)
            # Of shortcuts the accuracy of single variants is not recorded.
            is_recorded = reader == results.accuracy_key or key in results.metrics
            shares.append(f"{100 * results.metrics[key]:.1f}" if is_recorded else "-")
        cells.append(" / ".join(shares))
    return (title, *cells)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--objectives", nargs="+", choices=LEARNING_RATES, default=list(LEARNING_RATES))
    arguments = parser.parse_args()
    lines = []
    for objective in arguments.objectives:
        results = trained(arguments.out, objective)
        if not lines:
            lines += [(*line(results, key, results.readers[key].title), "-", "-") for key in SHORTCUTS]
        minutes = results.seconds["train"] / 60
        costs = (f"{minutes:.0f}", f"{results.memory['peak_gib']:.1f}")
        lines.append((*line(results, results.accuracy_key, f"**{objective}**"), *costs))
    print("Names / ids, in %, validation relations (near and far), three-way reading, one seed.\n")
    print(markdown(("reader", *COLUMNS, "minutes of training", "GiB"), lines))


if __name__ == "__main__":
    main()
