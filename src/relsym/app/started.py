"""Facts about any run, taken as it starts and as it goes."""

from __future__ import annotations

from collections import Counter
from typing import Any

import torch
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from relsym.data.module import PairData
from relsym.data.pairs import pair_ids
from relsym.evaluation.score import Scores
from relsym.runs import origin
from relsym.runs.results import BenchmarkRecord, Reader


class Started:
    """What a training and an evaluation record alike: code and configuration as they start, seconds as they
    go.

    seconds: what took how long, by name; filled by the steps of a run.
    """

    def __init__(self, cfg: DictConfig) -> None:
        self.config: dict[str, Any] = OmegaConf.to_container(cfg, resolve=True)
        self.commit = origin.git_commit()
        chosen = HydraConfig.get().runtime.choices
        # Groups of Hydra's own and the shared bases of options are no choices of the user.
        self.choices = {
            group: None if option is None else str(option)
            for group, option in chosen.items()
            if "hydra" not in group and "/" not in group
        }
        self.seconds: dict[str, float] = {}

    def option(self) -> str:
        """What a report calls the model: its option, or the name if another was given."""
        name = self.config["model"].get("name")
        overridden = any(word.startswith("model.name=") for word in HydraConfig.get().overrides.task)
        return name if overridden else self.choices["model"]

    def benchmark_title(self, data: PairData) -> str:
        """What a report calls the benchmark: its own name, or the option's."""
        return data.title or self.choices["data"]

    def about(self, data: PairData, scores: Scores, accuracy_key: str) -> dict[str, Any]:
        """The fields that every ``results.json`` has: which rows were scored, what they come from, and with
        what code.

        Args:
            accuracy_key: where the model's own figures stand, such as ``test/accuracy``.
        """
        rows = [row for form in data.score_rows.values() for row in form]
        benchmark = BenchmarkRecord(
            title=self.benchmark_title(data),
            content_hash=data.content_hash,
            rows_hash=origin.rows_hash(pair_ids(data.score_rows)),
            sides=data.sides,
            fold=data.fold,
            kinds={row.property: row.kind for row in rows if row.kind},
        )
        drawn = Counter(row.property for row in data.train_rows if row.property)
        gpu_bytes = torch.cuda.max_memory_allocated() if torch.cuda.is_available() else 0
        return {
            "metrics": scores.flat(accuracy_key),
            "intervals": scores.intervals(accuracy_key),
            "readers": in_order(scores.readers),
            "train_rows": len(data.train_rows),
            "rows": {form: len(of_form) for form, of_form in data.score_rows.items()},
            "benchmark": benchmark,
            "score_on": data.score_on,
            "precision": self.config["precision"],
            "train_properties": dict(sorted(drawn.items())),
            "counts": dict(data.counts),
            "choices": self.choices,
            "seed": self.config["seed"],
            "sample_seed": self.config["data"]["sample_seed"],
            "git_commit": self.commit,
            "versions": origin.versions(),
            "seconds": self.seconds,
            "memory": origin.peak_memory(gpu_bytes),
        }


def in_order(readers: dict[str, Reader]) -> dict[str, Reader]:
    """Readers in the order of a table."""
    return dict(sorted(readers.items(), key=lambda item: item[1].place))
