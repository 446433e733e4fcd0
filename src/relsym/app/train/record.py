"""The content of ``results.json`` of a training."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
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
from relsym.runs.results import Attention, Earlier, ForgettingRecord, TrainResults


@dataclass
class Trained:
    """How the training itself went, filled as it goes.

    epochs: how many ran.
    epoch_kept, validation_accuracy: the best epoch and its accuracy, with ``training.keep=best``.
    replayed_rows, replayed_distinct: NLI rows that were replayed, all and different ones, with
    ``recipe=replay``.
    attention: how it was computed, by ``training.attention`` or what was chosen for it.
    """

    epochs: int = 0
    epoch_kept: int | None = None
    validation_accuracy: float | None = None
    replayed_rows: int = 0
    replayed_distinct: int = 0
    attention: Attention | None = None


@dataclass
class Extra:
    """What was measured beside the accuracies.

    figures: metrics by key, as ``stage/what``.
    forgetting: what was lost of earlier NLI rows, where it was measured.
    """

    figures: dict[str, float] = field(default_factory=dict)
    forgetting: ForgettingRecord | None = None


class TrainRecord(Started):
    """What is recorded of a training run.

    init: which run it goes on from, if any.
    weights: SHA-256 of the encoder before training, once it is built.
    published: hub id of its published weights, if it has one.
    trained: how the training went, once it has ended.
    """

    def __init__(self, cfg: DictConfig) -> None:
        super().__init__(cfg)
        earlier = run_in_init(cfg)
        self.init: Earlier | None = None if earlier is None else earlier.identity()
        self.weights = ""
        self.published: str | None = None
        self.trained = Trained()

    def results(self, scores: Scores, data: PairData, objective: Objective, extra: Extra) -> TrainResults:
        """The content of ``results.json``: what a report reads, and what a result is traced back by."""
        about = self.about(data, scores, f"{data.score_on}/accuracy")
        about["metrics"] |= extra.figures
        # The run it goes on from counts by what was computed there, not by where its folder lies.
        init_config_hash = None if self.init is None else self.init.config_hash
        init_cell_hash = None if self.init is None else self.init.cell_hash
        config = {**self.config, "init": init_config_hash}
        hashes = identity(self.config, self.weights, data.content_hash, data.sides, init_cell_hash)
        untrained_metric = type(comparison_metric(objective.metric)).__name__
        sweep = self.config["sweep"]
        traces = {
            "encoder": dict(objective.encoder.source),
            "model_sha256": self.weights,
            "job_hash": hashes.job,
            "cell_hash": hashes.cell,
            "config_hash": origin.config_hash(config),
            "settings": origin.setting_hashes(config, untrained_metric),
            "init": self.init,
            "sweep": sweep["folder"],
            "job": sweep["job"],
        }
        return TrainResults(
            **about,
            **traces,
            **asdict(self.trained),
            model=self.model(),
            published=self.published,
            objective=self.objective(objective),
            labels=list(objective.labels),
            recipe=recipe_names(self.config["recipe"]),
            forgetting=extra.forgetting,
        )

    def objective(self, objective: Objective) -> results.ObjectiveRecord:
        """The objective in the words of a report, with the remedies of the training.

        The metric is named only where the objective has a choice of it.
        """
        name = objective.title or self.choices["objective"]
        label = name
        if objective.reads_metric == SENTENCES:
            label = f"{name} ({self.choices['metric']})"
        recipe = recipe_names(self.config["recipe"])
        if recipe:
            label += f" + {', '.join(recipe)}"
        metric = self.comparison(objective.metric)
        return results.ObjectiveRecord(label=label, name=name, place=objective.place, metric=metric)

    def comparison(self, metric: Metric) -> str:
        """The option of the metric by which pairs are compared.

        It is ``pair`` for an objective without one: its pairs are read as one input.
        """
        return "pair" if metric.reads == NONE else self.choices["metric"]

    def untrained_title(self, metric: Metric) -> str:
        """What a report calls the encoder before this training, with ``{}`` for the read-out."""
        when = "untrained" if self.init is None else "before retraining"
        return f"{when}, {{}} ({self.comparison(metric)})"

    def tags(self, data: PairData) -> list[str]:
        """Tags for a tracker: objective, model and benchmark, as a report calls them."""
        return [self.choices["objective"], self.model(), self.benchmark_title(data)]

    def model(self) -> str:
        """What a report calls the encoder: its option or name, or the run it goes on from."""
        if self.init is None:
            return self.option()
        return f"run {Path(self.config['init']).name} ({self.init.model})"
