"""Choose each objective's defaults on validation rows, with the same budget for all: 6 settings x the same
seeds.

    python benchmarks/tune.py --data-folder PATH --out outputs/tuning

Test rows are never scored here (data.score_on=validation). Runs that ended are kept, so the command can be
repeated after a break.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from statistics import mean

from relsym.data.pairs import FORMS
from relsym.report.wording import percent
from relsym.runs.results import TrainResults
from runs import markdown, run_once

RATES = ("5e-5", "1e-4", "2e-4")
GRIDS = {
    **{
        objective: [
            (f"objective.learning_rate={rate}", f"objective.margin={margin}")
            for rate, margin in product(RATES, ("0.5", "1.0"))
        ]
        for objective in ("random_label", "knn", "knn_learnt")
    },
    # No margin to choose: twice the rates.
    "finetune": [(f"objective.learning_rate={rate}",) for rate in ("2e-5", *RATES, "3e-4", "5e-4")],
}


def mean_accuracy(runs: Sequence[TrainResults], form: str) -> float:
    """Over the seeds."""
    return mean(run.accuracy(form) for run in runs)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data-folder", required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--samples", type=int, default=36)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    parser.add_argument("--objectives", nargs="+", choices=GRIDS, default=list(GRIDS))
    arguments = parser.parse_args()
    rows = []
    for objective in arguments.objectives:
        for setting in GRIDS[objective]:
            runs = [
                run_once(
                    arguments.out
                    / objective
                    / "_".join(setting).replace("objective.", "").replace("=", "-")
                    / f"seed-{seed}",
                    f"objective={objective}",
                    *setting,
                    f"seed={seed}",
                    f"data.samples={arguments.samples}",
                    "data=wikidata5m",
                    f"data.folder={arguments.data_folder}",
                    "data.score_on=validation",
                    "data.test_pairs=1000",
                )
                for seed in arguments.seeds
            ]
            scores = [mean_accuracy(runs, form) for form in FORMS]
            seconds = mean(run.seconds["train"] for run in runs)
            rows.append(
                (
                    objective,
                    ", ".join(setting).replace("objective.", ""),
                    *map(percent, scores),
                    percent(mean(scores)),
                    f"{seconds:.0f}",
                )
            )
    table = markdown(("objective", "setting", "lexicalised", "delexicalised", "mean", "seconds"), rows)
    (arguments.out / "tuning.md").write_text(table)
    print(table)


if __name__ == "__main__":
    main()
