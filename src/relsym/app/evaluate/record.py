"""The content of ``results.json`` of an evaluation."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import relsym
from relsym.app.train.record import Started
from relsym.data.module import PairData
from relsym.data.pairs import Row
from relsym.evaluation.score import Scores
from relsym.models.answers import Judgements
from relsym.models.base import Columns, Model
from relsym.runs import origin as provenance
from relsym.runs.folder import RESULTS
from relsym.runs.identity import NOT_WHAT, PLACES, digest

# Which answer comes first, and how much is measured between two writes, change nothing that is measured.
NOT_MEASURED = (*NOT_WHAT, "hydra", "reading", "shard_rows", "data", "model")


class EvaluationRecord(Started):
    """An evaluation of one model."""

    def is_finished(self, folder: Path) -> bool:
        """Whether the folder holds this very evaluation: the same configuration, with the same version."""
        if not (folder / RESULTS).exists():
            return False
        found = json.loads((folder / RESULTS).read_text(encoding="utf-8"))
        return found.get("config_hash") == provenance.config_hash(self.config) and found["versions"]["relsym"] == relsym.__version__

    def plan(self, model: Model, data: PairData, blocks: dict[str, dict[str, list[Row]]]) -> str:
        """Hash of all that the measuring depends on: the model, how it is asked, its examples, and the rows."""
        return digest({**self._what(model), "version": relsym.__version__, "train": [tuple(row) for row in data.train_rows],
                       "rows": {block: {form: digest([tuple(row) for row in rows]) for form, rows in forms.items()}
                                for block, forms in blocks.items()}})

    def results(self, model: Model, data: PairData, answers: Judgements, scores: Scores,
                measured: dict[str, dict[str, Columns]]) -> dict[str, Any]:
        """Everything a report reads, and everything a result has to be traced back."""
        accuracy_key = f"{data.score_on}/accuracy"
        content = {"content": data.content_hash, "sides": data.sides,
                   **{key: value for key, value in self.config["data"]["module"].items() if key not in PLACES}}
        cell = digest({**self._what(model), "reading": self.config["reading"], "data": content})
        costs: dict[str, float] = {}
        for columns in (columns for forms in measured.values() for columns in forms.values()):
            for name, value in model.costs(columns).items():
                costs[name] = costs.get(name, 0) + value
        return {
            "task": "evaluate", "model": self.title(model), "kind": model.kind, "source": dict(model.source),
            "metrics": {**scores.flat(accuracy_key), **answers.figures()}, "intervals": scores.intervals(accuracy_key),
            "readings": [asdict(reading) for reading in answers.readings], "reading": answers.chosen, **answers.details(),
            "unscored": answers.unscored(), "costs": costs,
            "measured_rows": {block: {form: len(next(iter(columns.values()), [])) for form, columns in forms.items()}
                              for block, forms in measured.items()},
            "job_hash": digest([cell, relsym.__version__]), "cell_hash": cell, "model_fingerprint": model.fingerprint(),
            "config_hash": provenance.config_hash(self.config), "init": None, **self.about(data)}

    def title(self, model: Model) -> str:
        """What a report calls the model."""
        return model.name if model.name and model.kind != "run" else f"run {Path(model.name).name}" if model.name else self.option()

    def tags(self, data: PairData) -> list[str]:
        """Task, model option and benchmark: what people look for in a tracker."""
        return ["evaluate", self.choices["model"], data.title or self.choices["data"]]

    def _what(self, model: Model) -> dict[str, Any]:
        """Model and settings, without places: where weights lie says nothing, their hash does."""
        settings = {key: value for key, value in self.config["model"].items() if key not in ("folder", "file", "cache_dir", "accelerator")}
        return {**{key: value for key, value in self.config.items() if key not in NOT_MEASURED},
                "model": settings, "fingerprint": model.fingerprint()}
