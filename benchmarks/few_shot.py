"""Accuracy and training seconds against SetFit: same rows, same encoder. SetFit reads the joined pair text.

    pip install -e ".[cpu,bundled,bench]"
    python benchmarks/few_shot.py --data-folder PATH --out outputs/few_shot

SetFit runs at its defaults and at the best of three settings, chosen on validation rows for each seed. Ours
runs at its defaults. Ours and SetFit's runs that ended are kept, so the command can be repeated after a
break.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from statistics import mean, stdev

import torch
from datasets import Dataset
from setfit import SetFitModel, Trainer, TrainingArguments

from relsym.data.benchmark import SymmetryBenchmark
from relsym.data.pairs import FORMS, Row
from relsym.data.sources.wikidata5m import Wikidata5MFolder
from relsym.data.symmetry import SymmetryData
from relsym.encoders.bundled import find_weights
from relsym.runs.files import write_atomically
from runs import markdown, run_once

# Its own rate is 2e-5.
DEFAULTS = "defaults"
SETTINGS = {DEFAULTS: {}, **{f"rate {rate}": {"body_learning_rate": rate} for rate in (5e-5, 1e-4, 2e-4)}}


def rows(folder: str, seed: int, samples: int, score_on: str, count: int) -> SymmetryData:
    """The rows that ``relsym train`` draws with the same words."""
    data = SymmetryData(
        lambda: SymmetryBenchmark(Wikidata5MFolder(folder)),
        samples,
        "stratified",
        "mixed",
        ["swap"],
        ["swap"],
        seed,
        count,
        score_on,
        16,
        seed,
    )
    data.read()
    return data


def joined(sample: list[Row]) -> list[str]:
    return [f"{row.premise} [SEP] {row.hypothesis}" for row in sample]


def setfit(
    train: list[Row], score: dict[str, dict[str, list[Row]]], seed: int, options: dict, folder: Path
) -> dict[str, dict[str, float]]:
    """Train SetFit once and score it on each part: part -> accuracy by form, and the seconds of
    the training.
    """
    model = SetFitModel.from_pretrained(str(find_weights().parent), device="cpu")
    arguments = TrainingArguments(
        output_dir=str(folder / "checkpoints"), seed=seed, save_strategy="no", report_to="none", **options
    )
    table = Dataset.from_dict({"text": joined(train), "label": [row.label for row in train]})
    torch.manual_seed(seed)
    started = time.perf_counter()
    Trainer(model=model, args=arguments, train_dataset=table).train()
    seconds = time.perf_counter() - started
    return {
        part: {"seconds": seconds, **{form: _accuracy(model, sample) for form, sample in forms.items()}}
        for part, forms in score.items()
    }


def _accuracy(model: SetFitModel, sample: list[Row]) -> float:
    predicted = model.predict(joined(sample), show_progress_bar=False)
    return mean(row.label == label for row, label in zip(sample, predicted, strict=True))


def setfit_once(folder: Path, *arguments: object) -> dict[str, dict[str, float]]:
    """``setfit``, or the figures that already stand in the folder."""
    target = folder / "setfit.json"
    if not target.exists():
        folder.mkdir(parents=True, exist_ok=True)
        figures = setfit(*arguments, folder)
        write_atomically(target, lambda path: path.write_text(json.dumps(figures)))
    return json.loads(target.read_text())


def seed_figures(options: argparse.Namespace, seed: int) -> dict[str, dict[str, float]]:
    test = rows(options.data_folder, seed, options.samples, "test", options.rows)
    validation = rows(options.data_folder, seed, options.samples, "validation", options.rows // 2)
    found = {}
    for objective in ("knn", "random_label"):
        run = run_once(
            options.out / f"{objective}-{options.samples}-{options.rows}" / str(seed),
            f"objective={objective}",
            "data=wikidata5m",
            f"data.folder={options.data_folder}",
            f"data.samples={options.samples}",
            f"data.test_pairs={options.rows}",
            f"seed={seed}",
        )
        accuracies = {form: run.accuracy(form) for form in FORMS}
        found[f"relsym {objective}"] = {"seconds": run.seconds["train"], **accuracies}
    parts = {"validation": validation.score_rows, "test": test.score_rows}
    tried = {
        name: setfit_once(
            options.out / f"setfit-{options.samples}-{options.rows}" / str(seed) / name,
            test.train_rows,
            parts,
            seed,
            setting,
        )
        for name, setting in SETTINGS.items()
    }
    best = max(
        SETTINGS.keys() - {DEFAULTS}, key=lambda name: mean(tried[name]["validation"][form] for form in FORMS)
    )
    found["SetFit, defaults"] = tried[DEFAULTS]["test"]
    found["SetFit, best of 3 rates on validation"] = tried[best]["test"]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data-folder", required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--samples", type=int, default=64)
    parser.add_argument("--rows", type=int, default=1000)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    options = parser.parse_args()
    by_seed = [seed_figures(options, seed) for seed in options.seeds]
    lines = []
    for name in by_seed[0]:
        runs = [figures[name] for figures in by_seed]
        both = [mean(run[form] for form in FORMS) for run in runs]
        lines.append(
            (
                name,
                *(f"{100 * mean(run[form] for run in runs):.2f}" for form in FORMS),
                f"{100 * mean(both):.2f} ± {100 * stdev(both) if len(both) > 1 else 0:.2f}",
                f"{mean(run['seconds'] for run in runs):.0f}",
            )
        )
    table = markdown(("learner", *FORMS, "mean of both forms", "training seconds"), lines)
    (options.out / "few_shot.md").write_text(table)
    print(table)


if __name__ == "__main__":
    main()
