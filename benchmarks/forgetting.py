"""What retraining on symmetry costs of NLI, and which remedies keep it.

Real triples, real MNLI rows, the bundled encoder:

    python benchmarks/forgetting.py --data-folder PATH --mnli-folder PATH --out outputs/forgetting \
        --figure docs/results/forgetting.png

Five stages, all of which need the first; ``--stages`` runs some of them:

    encoders   one encoder that knows MNLI by each objective
    peer       sentence-transformers' cross-encoder, trained for as long as ours by fine-tuning
    drops      each objective goes on from its encoder on symmetry, 5 seeds: what it cost by every read-out
    remedies   remedies against it by objective, 2 seeds, scored on validation rows of MNLI and of symmetry
    keep       recipe=keep, the best of them, against its control, 5 seeds

Two runs at a time, one thread each. Runs that ended are kept, so the command can be repeated after a break.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from matplotlib.figure import Figure

from relsym.data.pairs import FORMS
from relsym.report.figures.points import on_front
from relsym.report.figures.readers import save_figure
from relsym.report.tables.paper_figures import TABLE2
from relsym.report.wording import percent
from relsym.runs.files import write_atomically
from relsym.runs.results import TrainResults
from runs import markdown, run_once

Runs = Mapping[tuple[Any, ...], TrainResults]

STAGES = ("encoders", "peer", "drops", "remedies", "keep")
MNLI = ("data=mnli", "precision=bf16", "training.keep=best")
# Two epochs without dropout: for the time that they take; nothing else was tried.
FAST = ("training.epochs=2", "model.dropout=0")
ENCODERS = {
    "random_label": (*FAST, "objective.learning_rate=2e-4"),
    "knn": (*FAST, "objective.learning_rate=1e-4"),
    "knn_learnt": (*FAST, "objective.learning_rate=1e-4"),
    "finetune": ("training.epochs=3", "objective.learning_rate=1e-4"),
}
# Where every row of both forms was first right in docs/results/table4.md.
SAMPLES = {"random_label": 64, "knn": 36, "knn_learnt": 36, "finetune": 336}
COMPARED = ("knn_learnt", "finetune")
# With recipe=keep: the few samples above are too few for it.
KEEP = ("data.samples=2000", "training.epochs=3")
REMEDIES: dict[str, tuple[str, ...]] = {
    "none": (),
    "replay": ("recipe=replay",),
    "keep": ("recipe=keep",),
    "solved": ("recipe=solved",),
    "wise_ft": ("recipe=wise_ft",),
    "distill": ("recipe=distill",),
    "freeze": ("recipe=freeze",),
    "l2sp": ("recipe=l2sp",),
    "lora": ("recipe=lora", "objective.learning_rate=1e-3"),
}


class Bench:
    """The folders of one benchmark and what its runs share."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.out: Path = options.out
        self.triples = ("data=wikidata5m", f"data.folder={options.data_folder}", "precision=bf16")
        self.mnli = (*MNLI, f"data.folder={options.mnli_folder}")
        self.mnli_folder: str = options.mnli_folder
        self.all_threads = dict(os.environ)
        self.figure: Path | None = options.figure

    def retraining(self, objective: str, seed: int, *further: str) -> tuple[str, ...]:
        return (
            f"objective={objective}",
            *self.triples,
            f"data.samples={SAMPLES[objective]}",
            f"seed={seed}",
            f"init={self.out / 'encoders' / objective}",
            "forgetting=mnli",
            *further,
        )

    def run(self, jobs: Mapping[tuple[Any, ...], tuple[str, ...]]) -> Runs:
        """Results by key; each run's folder has the key's name. Two at a time."""
        with ThreadPoolExecutor(2) as pool:
            return dict(
                zip(
                    jobs,
                    pool.map(
                        lambda job: run_once(self.out.joinpath(*map(str, job[0])), *job[1]), jobs.items()
                    ),
                    strict=True,
                )
            )

    def encoders(self) -> str:
        """Accuracy on dev-matched of the encoder that each objective makes."""
        runs = self._learnt()
        rows = []
        for name, run in runs.items():
            rows.append(
                (
                    name,
                    percent(run.validation_accuracy),
                    run.epoch_kept,
                    percent(run.accuracy("mnli")),
                    f"{run.seconds['train']:.0f}",
                )
            )
        return markdown(("learnt MNLI by", "validation rows", "epoch kept", "dev-matched", "seconds"), rows)

    def peer(self) -> str:
        """What sentence-transformers' cross-encoder reaches in the time of our fine-tuning; in a process of
        its own with all threads, as if alone.
        """
        target = self.out / "encoders" / "sentence_transformers.json"
        if not target.exists():
            ours = self._learnt()["finetune"].seconds["train"]
            subprocess.run(
                [
                    sys.executable,
                    __file__,
                    "--peer-seconds",
                    str(ours),
                    "--mnli-folder",
                    self.mnli_folder,
                    "--out",
                    str(target),
                ],
                check=True,
                env=self.all_threads,
            )
        found = json.loads(target.read_text())
        return markdown(
            ("trainer", "epochs", "stopped by time", "dev-matched", "seconds"),
            [
                (
                    "sentence-transformers",
                    f"{found['epochs']:.2f}",
                    "yes" if found["stopped"] else "no",
                    percent(found["accuracy"]),
                    f"{found['seconds']:.0f}",
                )
            ],
        )

    def _learnt(self) -> dict[str, TrainResults]:
        runs = self.run(
            {
                ("encoders", name): (*self.mnli, f"objective={name}", *further)
                for name, further in ENCODERS.items()
            }
        )
        return {name: runs["encoders", name] for name in ENCODERS}

    def drops(self) -> str:
        """The drop by objective and read-out, beside the paper's."""
        runs = self.run(
            {
                ("drops", name, seed): self.retraining(name, seed, "data.test_pairs=2000")
                for seed in range(5)
                for name in SAMPLES
            }
        )
        published = {row.objective: f"{row.forgetting:.1f}" for row in TABLE2 if row.forgetting is not None}
        rows = []
        for name, samples in SAMPLES.items():
            of_name = [runs["drops", name, seed] for seed in range(5)]
            rows.append(
                (
                    name,
                    samples,
                    *(_spread(_values(of_name, f"test/accuracy/{form}")) for form in FORMS),
                    percent(of_name[0].metrics["forgetting/kept/before"]),
                    *(
                        _spread(_values(of_name, f"forgetting/{how}/drop"))
                        for how in ("kept", "refit", "linear")
                    ),
                    _spread(_values(of_name, "forgetting/kept/retention")),
                    _spread(_values(of_name, "drift/cka/sentences")),
                    published[name],
                )
            )
        return markdown(
            (
                "objective",
                "samples",
                *FORMS,
                "MNLI before",
                "drop, kept",
                "drop, refit",
                "drop, linear probe",
                "retention, kept",
                "CKA in %",
                "paper's drop",
            ),
            rows,
        )

    def remedies(self) -> str:
        """Each remedy on validation rows of both tasks; draws the figure."""
        scored = (
            "data.score_on=validation",
            "data.test_pairs=1000",
            "forgetting.score_on=validation",
            "forgetting.pairs=2000",
            "forgetting.refit_rows=1000",
            "training.max_steps=120",
        )
        runs = self.run(
            {
                ("remedies", name, remedy, seed): self.retraining(name, seed, *further, *scored)
                for seed in range(2)
                for remedy, further in REMEDIES.items()
                for name in COMPARED
            }
        )
        points = []
        for name in COMPARED:
            own = []
            for remedy in REMEDIES:
                both = [runs["remedies", name, remedy, seed] for seed in range(2)]
                own.append(
                    {
                        "objective": name,
                        "remedy": remedy,
                        "runs": both,
                        "drop": mean(_values(both, "forgetting/drop")),
                        "worst": mean(run.lowest_accuracy for run in both),
                    }
                )
            front = on_front([(point["drop"], point["worst"]) for point in own])
            points += [{**point, "front": best} for point, best in zip(own, front, strict=True)]
        if self.figure:
            save_figure(figure_of(points), self.figure)
        rows = []
        for point in points:
            both = point["runs"]
            accuracies = [percent(mean(_values(both, f"validation/accuracy/{form}"))) for form in FORMS]
            keys = ("forgetting/kept/drop", "forgetting/refit/drop", "forgetting/kept/retention")
            costs = [percent(mean(_values(both, key))) for key in keys]
            replayed = round(mean(run.replayed_rows for run in both))
            rows.append(
                (
                    point["objective"],
                    point["remedy"],
                    *accuracies,
                    *costs,
                    replayed,
                    _seconds(both),
                    "yes" if point["front"] else "",
                )
            )
        return markdown(
            (
                "objective",
                "remedy",
                *FORMS,
                "drop, kept",
                "drop, refit",
                "retention, kept",
                "replayed rows",
                "seconds",
                "on the front",
            ),
            rows,
        )

    def keep(self) -> str:
        """The recipe's drop, against the better of before and of the control: the same replayed rows and
        steps without symmetry rows.
        """
        words = ("recipe=keep", *KEEP, "data.test_pairs=2000")
        seeds = range(5)
        controls = self.run(
            {
                ("keep", name, "control", 0): self.retraining(name, 0, *words, "recipe.replay.only=true")
                for name in COMPARED
            }
        )
        runs = self.run(
            {
                ("keep", name, "recipe", seed): self.retraining(
                    name, seed, *words, f"forgetting.control={self.out / 'keep' / name / 'control' / '0'}"
                )
                for seed in seeds
                for name in COMPARED
            }
        )
        rows = []
        for name in COMPARED:
            control, recipe = (
                controls["keep", name, "control", 0],
                [runs["keep", name, "recipe", seed] for seed in seeds],
            )
            worse = [_lower_retention(run) for run in recipe]
            accuracies = [_spread(_values(recipe, f"test/accuracy/{form}")) for form in FORMS]
            before = percent(recipe[0].metrics["forgetting/kept/before"])
            replayed_alone = percent(control.metrics["forgetting/kept/after"])
            after = _spread(_values(recipe, "forgetting/kept/after"))
            drops = [_spread(_values(recipe, key)) for key in ("forgetting/kept/drop", "forgetting/drop")]
            refit = _spread(_values(recipe, "forgetting/refit/drop"))
            rows.append(
                (
                    name,
                    *accuracies,
                    before,
                    replayed_alone,
                    after,
                    *drops,
                    _spread(worse),
                    refit,
                    recipe[0].replayed_rows,
                    _seconds(recipe),
                )
            )
        return markdown(
            (
                "objective",
                *FORMS,
                "MNLI before",
                "control",
                "after",
                "drop from before",
                "drop from the better",
                "retention of the better",
                "drop, refit",
                "replayed rows",
                "seconds",
            ),
            rows,
        )


def _values(runs: Iterable[TrainResults], key: str) -> list[float]:
    return [run.metrics[key] for run in runs]


def _seconds(runs: Iterable[TrainResults]) -> str:
    """Mean over runs of what the training took."""
    return f"{mean(run.seconds['train'] for run in runs):.0f}"


def _lower_retention(run: TrainResults) -> float:
    """Against what was known before and against the control, the lower one."""
    return min(run.metrics["forgetting/kept/retention"], run.metrics["forgetting/control/retention"])


def _spread(values: list[float]) -> str:
    return percent(mean(values)) + (f" ± {percent(stdev(values))}" if len(values) > 1 else "")


def figure_of(points: list[dict[str, Any]]) -> Figure:
    """A panel for each objective: accuracy on symmetry against the drop on NLI, each remedy by its name; the
    line joins the front.
    """
    figure = Figure(figsize=(5.4 * len(COMPARED), 4.4), layout="constrained")
    for axes, name in zip(figure.subplots(1, len(COMPARED), squeeze=False)[0], COMPARED, strict=True):
        own = sorted(
            (point for point in points if point["objective"] == name), key=lambda point: point["drop"]
        )
        front = [point for point in own if point["front"]]
        axes.plot(
            [100 * point["drop"] for point in front],
            [100 * point["worst"] for point in front],
            color="grey",
            linestyle="--",
            linewidth=1,
            drawstyle="steps-post",
            zorder=0,
            label="Pareto front",
        )
        for number, point in enumerate(own):
            axes.plot(100 * point["drop"], 100 * point["worst"], "o", color="C0" if point["front"] else "C7")
            axes.annotate(
                point["remedy"],
                (100 * point["drop"], 100 * point["worst"]),
                xytext=(4, -9 if number % 2 else 5),
                textcoords="offset points",
                fontsize=7,
            )
        axes.set_title(f"{name}, {SAMPLES[name]} samples")
        axes.set_xlabel("forgetting: drop on MNLI in points (validation rows)")
        axes.set_ylabel("symmetry: accuracy of the worse form in %")
        axes.grid(alpha=0.3)
        axes.margins(x=0.1)  # names stand to the right of their points
        axes.legend(fontsize=7)
    return figure


def train_peer(mnli_folder: str, limit: float, target: Path) -> None:
    """sentence-transformers' CrossEncoderTrainer on the same rows, with our rate, batch, epochs and
    precision, for at most so many seconds.
    """
    from datasets import Dataset
    from sentence_transformers.cross_encoder import (
        CrossEncoder,
        CrossEncoderTrainer,
        CrossEncoderTrainingArguments,
    )
    from sentence_transformers.cross_encoder.losses import CrossEntropyLoss
    from transformers import TrainerCallback

    from relsym.data.nli import NliData
    from relsym.data.sources.nli import NliSource
    from relsym.encoders.bundled import find_weights

    data = NliData(
        source=NliSource(layout="mnli", folder=mnli_folder),
        samples=None,
        sample_seed=0,
        split_seed=0,
        test_pairs=None,
        score_on="test",
        batch_size=32,
        seed=0,
        by_length=True,
    )
    data.read()
    (test,) = data.score_rows.values()
    numbers = {label: number for number, label in enumerate(data.labels)}
    table = Dataset.from_dict(
        {
            "premise": [row.premise for row in data.train_rows],
            "hypothesis": [row.hypothesis for row in data.train_rows],
            "label": [numbers[row.label] for row in data.train_rows],
        }
    )
    model = CrossEncoder(str(find_weights().parent), num_labels=len(numbers), device="cpu", max_length=256)
    started = time.perf_counter()

    class Limit(TrainerCallback):
        stopped = False

        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            if time.perf_counter() - started > limit:
                self.stopped = control.should_training_stop = True

    watch = Limit()
    arguments = CrossEncoderTrainingArguments(
        output_dir=str(target.parent / "sentence_transformers"),
        num_train_epochs=3,
        per_device_train_batch_size=32,
        learning_rate=1e-4,
        warmup_ratio=0.1,
        weight_decay=0.01,
        bf16=True,
        use_cpu=True,
        save_strategy="no",
        report_to="none",
        seed=0,
    )
    trainer = CrossEncoderTrainer(
        model=model, args=arguments, train_dataset=table, loss=CrossEntropyLoss(model), callbacks=[watch]
    )
    trainer.train()
    seconds = time.perf_counter() - started
    predicted = model.predict(
        [(row.premise, row.hypothesis) for row in test], batch_size=64, show_progress_bar=False
    ).argmax(-1)
    found = {
        "seconds": seconds,
        "limit": limit,
        "stopped": watch.stopped,
        "epochs": trainer.state.epoch,
        "accuracy": mean(
            int(numbers[row.label] == answer) for row, answer in zip(test, predicted, strict=True)
        ),
    }
    write_atomically(target, lambda path: path.write_text(json.dumps(found)))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--data-folder",
        required="--peer-seconds" not in sys.argv,
        help="triples in the layout of the Wikidata5M raw files",
    )
    parser.add_argument("--mnli-folder", required=True)
    parser.add_argument("--out", type=Path, default=Path("outputs/forgetting"))
    parser.add_argument("--stages", nargs="+", choices=STAGES, default=STAGES)
    parser.add_argument("--figure", type=Path, help="where the figure of the remedies is written")
    parser.add_argument("--peer-seconds", type=float, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.peer_seconds:
        train_peer(options.mnli_folder, options.peer_seconds, options.out)
        return
    bench = Bench(options)
    os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS"), "1")
    for stage in options.stages:
        print(f"## {stage}\n\n{getattr(bench, stage)()}", flush=True)


if __name__ == "__main__":
    main()
