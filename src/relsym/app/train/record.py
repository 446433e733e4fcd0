"""The content of ``results.json`` of a training."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from omegaconf import DictConfig

from relsym.app.earlier_run import run_in_init
from relsym.app.started import Started
from relsym.app.train.compose import comparison_metric
from relsym.app.train.recipe import recipe_names
from relsym.data.module import PairData
from relsym.evaluation.score import Scores
from relsym.metrics.base import NONE, SENTENCES, Metric
from relsym.objectives.base import Objective
from relsym.runs import origin, results
from relsym.runs.identity import identity
from relsym.runs.results import Earlier, ForgettingRecord, TrainResults


@dataclass
class Trained:
    """What the training itself came to, filled as it goes.

    epochs: that ran.  epoch_kept, validation_accuracy: of ``training.keep=best``.  replayed_rows,
    replayed_distinct: of ``recipe=replay``.
    """

    epochs: int = 0
    epoch_kept: int | None = None
    validation_accuracy: float | None = None
    replayed_rows: int = 0
    replayed_distinct: int = 0


@dataclass
class Extra:
    """What was measured beside the accuracies. figures: metrics, as ``stage/what``.  forgetting: of earlier
    NLI rows.
    """

    figures: dict[str, float] = field(default_factory=dict)
    forgetting: ForgettingRecord | None = None


class TrainRecord(Started):
    """A training run.

    weights: SHA-256 of the encoder before training, once it is built.  published: hub id of its published
    weights, if it has one.
    """

    def __init__(self, cfg: DictConfig) -> None:
        super().__init__(cfg)
        earlier = run_in_init(cfg)
        self.init: Earlier | None = None if earlier is None else earlier.identity()
        self.weights = ""
        self.published: str | None = None
        self.trained = Trained()

    def results(self, scores: Scores, data: PairData, objective: Objective, extra: Extra) -> TrainResults:
        """Everything a report reads, and everything a result has to be traced back."""
        about = self.about(data, scores, f"{data.score_on}/accuracy")
        about["metrics"] |= extra.figures
        what = {**self.config, "init": self.init and self.init.config_hash}
        hashes = identity(
            self.config, self.weights, data.content_hash, data.sides, self.init and self.init.cell_hash
        )
        untrained_metric = type(comparison_metric(objective.metric)).__name__
        return TrainResults(
            **about,
            model=self.model(),
            published=self.published,
            objective=self.objective(objective),
            labels=list(objective.labels),
            recipe=recipe_names(self.config["recipe"]),
            encoder=dict(objective.encoder.source),
            model_sha256=self.weights,
            job_hash=hashes.job,
            cell_hash=hashes.cell,
            config_hash=origin.config_hash(what),
            settings=origin.setting_hashes(what, untrained_metric),
            init=self.init,
            sweep=self.config["sweep"]["folder"],
            job=self.config["sweep"]["job"],
            epochs=self.trained.epochs,
            epoch_kept=self.trained.epoch_kept,
            validation_accuracy=self.trained.validation_accuracy,
            replayed_rows=self.trained.replayed_rows,
            replayed_distinct=self.trained.replayed_distinct,
            forgetting=extra.forgetting,
        )

    def objective(self, objective: Objective) -> results.ObjectiveRecord:
        """The objective in the words of a report: the metric is named where the objective has a
        choice of it.
        """
        option, metric = self.choices["objective"], self.choices["metric"]
        name = objective.title or option
        label = f"{name} ({metric})" if objective.reads_metric == SENTENCES else name
        recipe = recipe_names(self.config["recipe"])
        if recipe:
            label += f" + {', '.join(recipe)}"
        return results.ObjectiveRecord(
            label=label, name=name, place=objective.place, metric=self.comparison(objective.metric)
        )

    def comparison(self, metric: Metric) -> str:
        """The metric by which pairs are compared, as its option is called: without one, pairs are read as one
        input (``pair``).
        """
        return "pair" if metric.reads == NONE else self.choices["metric"]

    def untrained_title(self, metric: Metric) -> str:
        """What a report calls the encoder before this training, with ``{}`` for the read-out."""
        when = "untrained" if self.init is None else "before retraining"
        return f"{when}, {{}} ({self.comparison(metric)})"

    def tags(self, data: PairData) -> list[str]:
        """Objective, model and benchmark, as a report calls them: what people look for in a tracker."""
        return [self.choices["objective"], self.model(), self.benchmark_title(data)]

    def model(self) -> str:
        """What a report calls the encoder: its option or name, or the run it goes on from."""
        if self.init is None:
            return self.option()
        return f"run {Path(self.config['init']).name} ({self.init.model})"
