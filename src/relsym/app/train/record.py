"""The content of ``results.json``."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from relsym.app.train.compose import comparison_metric, init_config
from relsym.app.train.recipe import recipe_names
from relsym.data.module import PairData
from relsym.evaluation.score import Scores
from relsym.objectives.base import Objective
from relsym.runs import origin as provenance
from relsym.runs.folder import RESULTS
from relsym.runs.identity import identity


class Started:
    """Facts about any run, taken as it starts (code and configuration) and as it goes (``measured``)."""

    def __init__(self, cfg: DictConfig) -> None:
        self.config: dict[str, Any] = OmegaConf.to_container(cfg, resolve=True)
        self.commit = provenance.git_commit()
        chosen = HydraConfig.get().runtime.choices
        # Groups of Hydra's own and the shared bases of options are no choices of the user.
        self.choices = {group: option for group, option in chosen.items() if "hydra" not in group and "/" not in group}
        self.measured: dict[str, Any] = {}

    def about(self, data: PairData) -> dict[str, Any]:
        """Which rows were scored, what they come from, and with what code."""
        return {
            "rows": {"train": len(data.train_rows), **{form: len(rows) for form, rows in data.score_rows.items()}},
            "benchmark": data.title or self.choices["data"], "fold": data.fold, "rows_hash": provenance.rows_hash(data.score_rows),
            "kinds": {row.property: row.kind for rows in data.score_rows.values() for row in rows if row.kind},
            "sides": data.sides, "score_on": data.score_on, "precision": self.config["precision"],
            "train_properties": dict(sorted(Counter(row.property for row in data.train_rows if row.property).items())),
            "counts": dict(data.counts), "choices": self.choices, "seed": self.config["seed"],
            "sample_seed": self.config["data"]["sample_seed"], "benchmark_hash": data.content_hash, "git_commit": self.commit,
            "versions": provenance.versions(), **self.measured, **provenance.peak_memory()}

    def option(self) -> str:
        """What a report calls the model: its option, or the name if another was given."""
        option, name = self.choices["model"], self.config["model"].get("name")
        overridden = any(word.startswith("model.name=") for word in HydraConfig.get().overrides.task)
        return name if overridden else option


class Extra(NamedTuple):
    """What was measured beside the accuracies. figures: as ``stage/what``.  entries: further keys of ``results.json``."""

    figures: dict[str, float]
    entries: dict[str, Any]


class Record(Started):
    """A training run."""

    def __init__(self, cfg: DictConfig) -> None:
        super().__init__(cfg)
        self.init = None if cfg.init is None else earlier_run(cfg.init)
        self.weights = ""  # of the encoder before training, once it is built

    def results(self, scores: Scores, data: PairData, objective: Objective, extra: Extra) -> dict[str, Any]:
        """Everything a report reads, and everything a result has to be traced back."""
        model = f"{data.score_on}/accuracy"
        what = {**self.config, "init": self.init and self.init["config_hash"]}
        same = identity(self.config, self.weights, data.content_hash, data.sides, self.init and self.init["cell_hash"])
        return {
            "task": "train", "model": self._model(), "metrics": scores.flat(model) | extra.figures,
            "intervals": scores.intervals(model), **extra.entries,
            "job_hash": same.job, "cell_hash": same.cell, "model_sha256": self.weights,
            "sweep": self.config["sweep"]["folder"], "job": self.config["sweep"]["job"],
            "init": self.init, "labels": list(objective.labels), "recipe": recipe_names(self.config["recipe"]),
            "encoder": objective.encoder.source, "config_hash": provenance.config_hash(what),
            "setting_hashes": provenance.setting_hashes(what, type(comparison_metric(objective.metric)).__name__), **self.about(data)}

    def tags(self, data: PairData) -> list[str]:
        """Objective, model and benchmark, as a report calls them: what people look for in a tracker."""
        return [self.choices["objective"], self._model(), data.title or self.choices["data"]]

    def _model(self) -> str:
        """What a report calls the encoder: its option or name, or the run it goes on from."""
        return self.option() if self.init is None else f"run {Path(self.config['init']).name} ({self.init['model']})"


def earlier_run(run: str) -> dict[str, Any]:
    """What identifies the run that this one goes on from."""
    init_config(run)  # refuses a folder that holds no finished run
    results = json.loads((Path(run).expanduser() / RESULTS).read_text(encoding="utf-8"))
    return {key: results[key] for key in ("model", "config_hash", "cell_hash", "benchmark_hash")}
