"""Facts about any run, taken as it starts and as it goes."""

from __future__ import annotations

from collections import Counter
from typing import Any

import torch
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from relsym.app.values.known import is_own_group
from relsym.app.values.secrets import storable
from relsym.data.module import PairData
from relsym.data.pairs import pair_ids
from relsym.evaluation.score import Scores
from relsym.runs import origin
from relsym.runs.results import BenchmarkRecord, Reader, TrackedRun


class Started:
    """What a training and an evaluation record alike.

    config: the configuration as the run starts, resolved, but without secrets of the environment.
    commit: of the code, at the same time.
    choices: which option each group has, by group.
    seconds: what took how long, by name; filled by the steps of a run.
    tracked: where people find the run, once the tracker has started.
    """

    def __init__(self, cfg: DictConfig) -> None:
        self.config: dict[str, Any] = storable(cfg)
        self.commit = origin.git_commit()
        self.choices: dict[str, str | None] = {}
        for group, option in HydraConfig.get().runtime.choices.items():
            if is_own_group(group):
                self.choices[group] = None if option is None else str(option)
        self.seconds: dict[str, float] = {}
        self.tracked: TrackedRun | None = None

    def option(self) -> str:
        """What a report calls the model: its option, or the name if another was given."""
        name = self.config["model"].get("name")
        words = HydraConfig.get().overrides.task
        is_overridden = any(word.startswith("model.name=") for word in words)
        return name if is_overridden else self.choices["model"]

    def benchmark_title(self, data: PairData) -> str:
        """What a report calls the benchmark: its own name, or the option's."""
        return data.title or self.choices["data"]

    def about(self, data: PairData, scores: Scores, accuracy_key: str) -> dict[str, Any]:
        """The fields that every ``results.json`` has, by name: figures, rows, their origin and the code.

        Args:
            accuracy_key: where the model's own figures stand, such as ``test/accuracy``.
        """
        gpu_bytes = torch.cuda.max_memory_allocated() if torch.cuda.is_available() else 0
        return {
            "metrics": scores.flat(accuracy_key),
            "intervals": scores.intervals(accuracy_key),
            "readers": in_order(scores.readers),
            **self._row_fields(data),
            **self._setting_fields(),
            "seconds": self.seconds,
            "memory": origin.peak_memory(gpu_bytes),
            "tracked": self.tracked,
        }

    def _row_fields(self, data: PairData) -> dict[str, Any]:
        """The fields about the rows: how many there are, and which benchmark they come from."""
        drawn = Counter(row.property for row in data.train_rows if row.property)
        return {
            "train_rows": len(data.train_rows),
            "rows": {form: len(rows) for form, rows in data.score_rows.items()},
            "benchmark": self._benchmark_record(data),
            "score_on": data.score_on,
            "train_properties": dict(sorted(drawn.items())),
            "counts": dict(data.counts),
        }

    def _setting_fields(self) -> dict[str, Any]:
        """The fields about options, seeds and code."""
        seed = self.config["seed"]
        return {
            "precision": self.config["precision"],
            "choices": self.choices,
            "seed": seed,
            # Data without training rows have none to draw.
            "sample_seed": self.config["data"].get("sample_seed", seed),
            "git_commit": self.commit,
            "versions": origin.versions(),
        }

    def _benchmark_record(self, data: PairData) -> BenchmarkRecord:
        """Which benchmark the scored rows come from, and which rows they are."""
        kinds: dict[str, str] = {}  # of NLI rows none: they are about no property
        for rows in data.score_rows.values():
            for row in rows:
                if row.kind:
                    kinds[row.property] = row.kind
        return BenchmarkRecord(
            title=self.benchmark_title(data),
            content_hash=data.content_hash,
            rows_hash=origin.rows_hash(pair_ids(data.score_rows)),
            sides=data.sides,
            fold=data.fold,
            kinds=kinds,
        )


def in_order(readers: dict[str, Reader]) -> dict[str, Reader]:
    """Readers in the order in which a table shows them."""
    return dict(sorted(readers.items(), key=lambda item: item[1].place))
