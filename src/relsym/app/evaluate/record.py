"""The content of ``results.json`` of an evaluation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import relsym
from relsym.app.started import Started
from relsym.data.module import PairData
from relsym.data.pairs import Row
from relsym.evaluation.score import Scores
from relsym.models.answers import Judgements
from relsym.models.base import Columns, Model
from relsym.runs import origin
from relsym.runs.identity import NOT_WHAT, PLACES, computed, digest
from relsym.runs.layout import RESULTS
from relsym.runs.results import EvaluateResults, read_results

# Which answer comes first, how much is measured between two writes, and what stands beside the model change
# nothing that is measured.
NOT_MEASURED = (*NOT_WHAT, "hydra", "reading", "shard_rows", "data", "model", "shortcuts")
# Settings of a model that say where it lies or computes; the hash of its weights says what it is.
PLACES_OF_MODEL = ("folder", "file", "cache_dir", "accelerator")
# Columns by block and form.
Measured = dict[str, dict[str, Columns]]


class EvaluationRecord(Started):
    """An evaluation of one model."""

    def is_finished(self, folder: Path) -> bool:
        """Whether the folder holds this very evaluation: the same configuration, with the same version.

        Raises:
            ValueError: it holds results that cannot be read, with what to do.
        """
        try:
            results = read_results(folder / RESULTS)
        except FileNotFoundError:
            return False
        return results.config_hash == origin.config_hash(self.config) and results.relsym == relsym.__version__

    def plan(self, model: Model, data: PairData, blocks: dict[str, dict[str, list[Row]]]) -> str:
        """Hash of all that the measuring depends on: the model, how it is asked, its examples,
        and the rows.
        """
        rows_of = {}
        for block, forms in blocks.items():
            rows_of[block] = {form: digest([tuple(row) for row in rows]) for form, rows in forms.items()}
        train = [tuple(row) for row in data.train_rows]
        return digest({**self._what(model), "version": relsym.__version__, "train": train, "rows": rows_of})

    def results(
        self,
        model: Model,
        data: PairData,
        answers: Judgements,
        scores: Scores,
        measured: Measured,
        measured_before: int,
    ) -> EvaluateResults:
        """Everything a report reads, and everything a result has to be traced back.

        Args:
            measured_before: rows that an earlier, broken call had measured.
        """
        about = self.about(data, scores, f"{data.score_on}/accuracy")
        about["metrics"] |= answers.figures()
        cell = self._cell(model, data)
        measured_rows = {}
        for block, forms in measured.items():
            measured_rows[block] = {
                form: len(next(iter(columns.values()), [])) for form, columns in forms.items()
            }
        return EvaluateResults(
            **about,
            **answers.details(),
            model=self.title(model),
            published=model.source.get("published"),
            kind=model.kind,
            source=dict(model.source),
            readings=list(answers.readings),
            reading=answers.chosen,
            unscored=answers.unscored(),
            costs=total_costs(model, measured),
            measured_rows=measured_rows,
            measured_before=measured_before,
            model_fingerprint=model.fingerprint(),
            job_hash=digest([cell, relsym.__version__]),
            cell_hash=cell,
            config_hash=origin.config_hash(self.config),
        )

    def title(self, model: Model) -> str:
        """What a report calls the model."""
        if not model.name:
            return self.option()
        return f"run {Path(model.name).name}" if model.kind == "run" else model.name

    def tags(self, data: PairData) -> list[str]:
        """Task, model option and benchmark: what people look for in a tracker."""
        return ["evaluate", self.choices["model"], self.benchmark_title(data)]

    def _cell(self, model: Model, data: PairData) -> str:
        """Hash of what is computed, whatever the version."""
        drawn = {key: value for key, value in self.config["data"]["module"].items() if key not in PLACES}
        content = {"content": data.content_hash, "sides": data.sides, **drawn}
        what = {**self._what(model), "reading": self.config["reading"], "data": content}
        if self.config["shortcuts"]:
            what["shortcuts"] = self.config["shortcuts"]
        return digest(what)

    def _what(self, model: Model) -> dict[str, Any]:
        """Model and settings, without places: where weights lie says nothing, their hash does."""
        settings = {key: value for key, value in self.config["model"].items() if key not in PLACES_OF_MODEL}
        others = {key: value for key, value in computed(self.config).items() if key not in NOT_MEASURED}
        return {**others, "model": settings, "fingerprint": model.fingerprint()}


def total_costs(model: Model, measured: Measured) -> dict[str, float]:
    """What measuring took beside time, summed over all blocks and forms."""
    costs: dict[str, float] = {}
    for forms in measured.values():
        for columns in forms.values():
            for name, value in model.costs(columns).items():
                costs[name] = costs.get(name, 0) + value
    return costs
