"""What models of every kind make of the same real rows: swap pairs, and contrast groups.

    python benchmarks/models.py --data-folder PATH --mnli-folder PATH --out outputs/models --mpnet FOLDER

Builds the contrast benchmark, fine-tunes a cross-encoder on NLI rows and one encoder by each objective on 64
swap pairs, evaluates them beside untrained encoders and a language model on 2,000 rows of each form, twice
(swap pairs; whole contrast groups), and lets ``relsym report`` make the tables. Finished runs are kept, and
an evaluation that was stopped goes on, so the same command continues after a break.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

from relsym.report.wording import percent
from relsym.runs.layout import MANIFEST
from runs import markdown, run_once

OBJECTIVES = ("random_label", "knn", "knn_learnt", "finetune")
# A few rates and numbers of epochs were tried on the validation part of the NLI rows (--mnli-rates).
MNLI = ("objective=finetune", "objective.learning_rate=1e-4", "training.epochs=3", "precision=bf16")
ROWS = {"swap": ("data.score_variants=[swap]",), "groups": ()}


def relsym(*words: str) -> None:
    print("relsym", *words, file=sys.stderr, flush=True)
    subprocess.run([sys.executable, "-m", "relsym", *words], check=True, stdout=subprocess.DEVNULL)


def evaluated(out: Path, mpnet: Path | None) -> dict[str, tuple[str, ...]]:
    """Name -> what tells ``relsym evaluate`` which model."""
    models: dict[str, tuple[str, ...]] = {}
    for metric in ("hadamard", "pair"):
        models[f"minilm-{metric}"] = ("model=bundled", f"metric={metric}")
        if mpnet:
            models[f"mpnet-{metric}"] = (
                "model=encoder",
                f"model.name={mpnet}",
                f"metric={metric}",
                "precision=bf16",
            )
    models |= {objective: ("model=run", f"model.folder={out / objective}") for objective in OBJECTIVES}
    models["smollm2"] = ("model=smollm2", "precision=bf16")
    models["mnli"] = ("model=run", f"model.folder={out / 'mnli'}", "precision=bf16")
    return models


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--data-folder", required=True, help="triples in the layout of the Wikidata5M raw files"
    )
    parser.add_argument("--mnli-folder", required=True)
    parser.add_argument("--mpnet", type=Path, help="a folder with all-mpnet-base-v2")
    parser.add_argument("--out", type=Path, default=Path("outputs/models"))
    parser.add_argument("--rows", type=int, default=2000, help="to score, of each form")
    parser.add_argument(
        "--mnli-rates",
        nargs="*",
        default=[],
        help="only try these learning rates on the NLI rows' validation part",
    )
    arguments = parser.parse_args()
    out: Path = arguments.out
    nli = (*MNLI, "data=mnli", f"data.folder={arguments.mnli_folder}")
    if arguments.mnli_rates:
        tried = [
            (
                rate,
                run_once(
                    out / "rates" / rate, *nli, f"objective.learning_rate={rate}", "data.score_on=validation"
                ),
            )
            for rate in arguments.mnli_rates
        ]
        lines = []
        for rate, run in tried:
            lines.append((rate, percent(run.accuracy("mnli")), run.epochs, f"{run.seconds['train']:.0f}"))
        print(markdown(("learning rate", "accuracy on validation rows", "epochs", "seconds"), lines))
        return
    benchmark = out / "benchmark"
    if not (benchmark / MANIFEST).exists():
        relsym(
            "build",
            "benchmark=contrast",
            "data=wikidata5m",
            f"data.folder={arguments.data_folder}",
            "audit=warn",
            f"hydra.run.dir={benchmark}",
        )
    built = ("data=built", f"data.folder={benchmark}", f"data.test_pairs={arguments.rows}")
    for objective in OBJECTIVES:
        run_once(out / objective, f"objective={objective}", *built, *ROWS["swap"])
    for name, what in evaluated(out, arguments.mpnet).items():
        if name == "mnli":
            run_once(out / "mnli", *nli)
        for rows, chosen in ROWS.items():
            run_once(out / rows / name, *what, *built, *chosen, task="evaluate")
    for rows in ROWS:
        relsym("report", f"inputs={out / rows}", f"hydra.run.dir={out / 'report' / rows}")
        print((out / "report" / rows / "report.md").read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
