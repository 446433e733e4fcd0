"""The content of ``results.json`` of an evaluation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from omegaconf import DictConfig

import relsym
from relsym.app.read_as import FORMER_READING, read_as, read_as_in, reading_of
from relsym.app.started import Started
from relsym.data.module import PairData
from relsym.data.pairs import Row
from relsym.encoders.encoder import Encoder
from relsym.evaluation.score import Scores
from relsym.models.answers import Judgements
from relsym.models.base import Columns, Model
from relsym.runs import origin
from relsym.runs.added_labels import added_names
from relsym.runs.identity import NOT_WHAT, PLACES, computed, digest, model_as_before
from relsym.runs.layout import RESULTS
from relsym.runs.results import EvaluateResults, read_results

# Which reading comes first, how much is measured between two writes, and what stands beside the model change
# nothing that is measured. Data and model do, and enter the hashes apart: by content, not only by settings.
NOT_MEASURED = (*NOT_WHAT, "hydra", "reading", "shard_rows", "data", "model", "shortcuts")
# Settings of a model that say where it lies or computes; the hash of its weights says what it is.
PLACES_OF_MODEL = ("folder", "file", "cache_dir", "accelerator")
# Columns by block and form.
Measured = dict[str, dict[str, Columns]]


class EvaluationRecord(Started):
    """What is recorded of an evaluation of one model: its results, and hashes of what was measured."""

    def __init__(self, cfg: DictConfig) -> None:
        super().__init__(cfg)
        # How an encoder is read whose option has no key for it (model=auto).
        self.unsaid_reading: dict[str, Any] = {}

    def is_read_by(self, encoder: Encoder) -> None:
        """Record how an encoder is read where the configuration left that to its files."""
        self.config = read_as(self.config, encoder)
        reading = reading_of(encoder)
        # Only where it is another one: hashes of models that are read as before stay what they were.
        if "pooling" not in self.config["model"] and reading != FORMER_READING:
            self.unsaid_reading = reading

    def is_finished(self, folder: Path) -> bool:
        """Whether the folder holds this very evaluation: the same configuration, with the same version.

        Raises:
            ValueError: it holds results that cannot be read, with what to do.
        """
        try:
            results = read_results(folder / RESULTS)
        except FileNotFoundError:
            return False
        # No model is loaded yet: what was left to its files is what they said the other time.
        config = read_as_in(self.config, folder)
        if results.config_hash != origin.config_hash(config) or results.relsym != relsym.__version__:
            return False
        # Alone of all that a configuration names, a run may have changed since: by labels that were added.
        added = results.source.get("added_labels", "") if isinstance(results, EvaluateResults) else ""
        return added == added_names(config["model"].get("folder"))

    def plan(self, model: Model, data: PairData, blocks: dict[str, dict[str, list[Row]]]) -> str:
        """Hash of all that measuring depends on: the model, how it is asked, its examples and the rows."""
        row_hashes: dict[str, dict[str, str]] = {}
        for block, forms in blocks.items():
            row_hashes[block] = {form: _rows_digest(rows) for form, rows in forms.items()}
        content = self._model_and_settings(model)
        content["version"] = relsym.__version__
        content["train"] = [tuple(row) for row in data.train_rows]
        content["rows"] = row_hashes
        return digest(content)

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
            measured: columns by block and form.
            measured_before: rows that an earlier call had measured before it was stopped.
        """
        about = self.about(data, scores, f"{data.score_on}/accuracy")
        about["metrics"] |= answers.figures()
        about |= answers.details()
        measured_rows: dict[str, dict[str, int]] = {}
        for block, forms in measured.items():
            measured_rows[block] = {form: _row_count(columns) for form, columns in forms.items()}
        cell_hash = self._cell_hash(model, data)
        job_hash = digest([cell_hash, relsym.__version__])
        config_hash = origin.config_hash(self.config)
        costs = total_costs(model, measured)
        published = model.source.get("published")
        return EvaluateResults(
            **about,
            model=self.title(model),
            published=published,
            kind=model.kind,
            source=dict(model.source),
            readings=list(answers.readings),
            reading=answers.chosen,
            unscored=answers.unscored(),
            costs=costs,
            measured_rows=measured_rows,
            measured_before=measured_before,
            model_fingerprint=model.fingerprint(),
            job_hash=job_hash,
            cell_hash=cell_hash,
            config_hash=config_hash,
        )

    def title(self, model: Model) -> str:
        """What a report calls the model: its name, for a run that of its folder, else the option."""
        if not model.name:
            return self.option()
        if model.kind == "run":
            return f"run {Path(model.name).name}"
        return model.name

    def tags(self, data: PairData) -> list[str]:
        """Task, model option and benchmark: what people look for in a tracker."""
        return ["evaluate", self.choices["model"], self.benchmark_title(data)]

    def _cell_hash(self, model: Model, data: PairData) -> str:
        """Hash of what is computed, whatever the version of relsym that computes it."""
        # Where the data lies is left out; the hash of its content stands for it.
        data_settings: dict[str, Any] = {"content": data.content_hash, "sides": data.sides}
        for key, value in self.config["data"]["module"].items():
            if key not in PLACES:
                data_settings[key] = value
        computation = self._model_and_settings(model)
        computation["reading"] = self.config["reading"]
        computation["data"] = data_settings
        # Only where there are some: hashes of runs without own shortcuts stay what they were before these.
        if self.config["shortcuts"]:
            computation["shortcuts"] = self.config["shortcuts"]
        return digest(computation)

    def _model_and_settings(self, model: Model) -> dict[str, Any]:
        """Model and settings, without places: where weights lie says nothing, their hash does."""
        content: dict[str, Any] = {}
        for key, value in computed(self.config).items():
            if key not in NOT_MEASURED:
                content[key] = value
        model_settings = model_as_before(self.config["model"]).items()
        content["model"] = {key: value for key, value in model_settings if key not in PLACES_OF_MODEL}
        content["model"] |= self.unsaid_reading
        content["fingerprint"] = model.fingerprint()
        return content


def total_costs(model: Model, measured: Measured) -> dict[str, float]:
    """What measuring took beside time, such as tokens, by name and summed over all blocks and forms."""
    costs: dict[str, float] = {}
    for forms in measured.values():
        for columns in forms.values():
            for name, value in model.costs(columns).items():
                costs[name] = costs.get(name, 0) + value
    return costs


def _rows_digest(rows: list[Row]) -> str:
    """Hash of the rows of one form: every field of each, in their order."""
    return digest([tuple(row) for row in rows])


def _row_count(columns: Columns) -> int:
    """How many rows were measured; all columns are of one length, and there may be none."""
    first_column = next(iter(columns.values()), [])
    return len(first_column)
