"""Forgetting, as a training run measures it: before the training, refused where nothing could be forgotten,
and after it.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from pathlib import Path

import polars as pl
from msgspec.structs import asdict
from omegaconf import DictConfig, OmegaConf

import relsym
from relsym.app.earlier_run import load_run, nli_data
from relsym.app.hardware import scoring_device
from relsym.data.caches import cache_folder, read_cached, write_cached
from relsym.data.pairs import Row
from relsym.data.progress import progress
from relsym.data.sampling import by_key, in_turn, shuffled
from relsym.encoders.encoder import PRECISIONS, Encoder
from relsym.evaluation.drift import drift
from relsym.evaluation.forgetting import KEPT, check_before, drop_of
from relsym.evaluation.read_outs import OWN, ReadOut, answers_of, texts_of
from relsym.objectives.base import Objective
from relsym.probes.base import Probe
from relsym.runs import results
from relsym.runs.folder import FORGETTING, RunFolder
from relsym.runs.identity import digest
from relsym.runs.results import Drop

DRIFT_TEXTS = 1000
# What trackers show of a drop; results.json has all of it.
TRACKED_FIGURES = ("before", "after", "drop", "retention")


def check_forgetting(cfg: DictConfig) -> None:
    """Refuse what cannot be measured, before anything is read.

    Raises:
        ValueError: no earlier run to forget from, a control that measured nothing.
    """
    if (told := OmegaConf.select(cfg, "forgetting")) is None:
        return
    if cfg.init is None:
        raise ValueError(
            "forgetting=mnli measures what a run that learnt NLI loses: pass init=RUN, the folder of a "
            "relsym train "
            "data=mnli."
        )
    if told.control is not None and not (Path(told.control).expanduser() / FORGETTING).exists():
        raise ValueError(
            f"forgetting.control={told.control}: no run there that measured forgetting ({FORGETTING} is "
            "missing). Pass the "
            "folder of a relsym train recipe=control forgetting=mnli."
        )


class Forgetting:
    """What one retraining costs on the NLI rows that the run in ``init`` learnt.

    Args:
        cfg: of the run.

    Raises:
        ValueError: the run in ``init`` learnt no NLI and no folder is told; it knows other labels, or no more
        than chance
            (``check_before``).
    """

    def __init__(self, cfg: DictConfig) -> None:
        if (data := nli_data(cfg)) is None:
            raise ValueError(
                f"init={cfg.init}: that run learnt no NLI, so that there is nothing to forget. Pass a run of "
                "relsym train "
                "data=mnli, or forgetting.folder=PATH."
            )
        self.told, self.init, self.precision = cfg.forgetting, str(cfg.init), cfg.precision
        self.device, self.dtype = scoring_device(cfg.hardware), PRECISIONS[cfg.precision]
        accelerator = "gpu" if self.device.type == "cuda" else "cpu"
        remote_code = cfg.model.get("trust_remote_code", False)
        self.earlier = load_run(self.init, cfg.precision, accelerator, remote_code, cfg.trust)
        self.how = ReadOut(self.earlier.reads, self.earlier.metric, self.earlier.probe, self.earlier.labels)
        if set(data.labels) != set(self.how.labels):
            raise ValueError(
                f"init={self.init}: that run knows the labels {', '.join(self.how.labels)}; the NLI rows "
                "have "
                f"{', '.join(data.labels)}. Pass a run of relsym train data=mnli."
            )
        (self.rows,) = data.rows_of(self.told.score_on, self.told.pairs).values()
        self.fitted = balanced(data.train_rows, self.told.refit_rows)
        self.content_hash, self.labels = data.content_hash, [row.label for row in self.rows]
        self.control = (
            None if self.told.control is None else self._control(Path(self.told.control).expanduser())
        )
        self.before = self._before()
        check_before(self.labels, self.before[KEPT], self.how.labels, f"init={self.init}")
        self.texts = list(dict.fromkeys(text for row in self.rows for text in (row.premise, row.hypothesis)))[
            :DRIFT_TEXTS
        ]
        self.vectors = self.earlier.encoder.encode(self.texts)

    def measure(
        self, encoder: Encoder, objective: Objective, probe: Probe, folder: RunFolder
    ) -> tuple[dict[str, float], results.ForgettingRecord]:
        """Figures and their record, from the retrained encoder; the answers are written row by row.

        Args:
            encoder: retrained, on the device.  objective: as trained.  probe: of this run, for the read-out
            ``own``.
        """
        own = self._own(objective, probe)
        after = self._answers(encoder, "scoring NLI, after retraining", own)
        drops = {
            name: self._drop(self.before[KEPT if name == OWN else name], answers)
            for name, answers in after.items()
        }
        figures: dict[str, float] = {}
        for name, drop in drops.items():
            figures |= tracked_figures(name, drop)
        figures["forgetting/drop"] = drops[KEPT].drop
        columns: dict[str, Sequence] = {
            "pair_id": [row.pair_id for row in self.rows],
            "premise": [row.premise for row in self.rows],
            "label": self.labels,
        }
        columns |= {
            f"{when}:{name}": answers
            for when, found in (("before", self.before), ("after", after))
            for name, answers in found.items()
        }
        control = None
        if self.control is not None:
            drop = self._drop(self.control, after[KEPT])
            figures |= tracked_figures("control", drop)
            figures["forgetting/drop"] = max(figures["forgetting/drop"], drop.drop)
            control = results.ControlDrop(**asdict(drop), folder=str(self.told.control))
        moved = drift(self.vectors, encoder.encode(self.texts))
        folder.write_table(FORGETTING, columns)
        figures |= {f"drift/{name}/nli": value for name, value in moved.items()}
        record = results.ForgettingRecord(
            rows=len(self.rows),
            score_on=self.told.score_on,
            refit_rows=len(self.fitted),
            benchmark_hash=self.content_hash,
            read_outs=drops,
            control=control,
        )
        return figures, record

    def _control(self, path: Path) -> list[str]:
        """Answers of a run that saw the same replayed NLI rows and nothing else; the drop is taken against
        the better of it and before.
        """
        table = pl.read_parquet(path / FORGETTING)
        if table["pair_id"].to_list() != [row.pair_id for row in self.rows]:
            raise ValueError(
                f"forgetting.control={path}: that run scored other NLI rows. Use the same "
                "forgetting.score_on and pairs."
            )
        return table[f"after:{KEPT}"].to_list()

    def _drop(self, before: list[str], after: list[str]) -> Drop:
        return drop_of(self.labels, before, after, [row.premise for row in self.rows], len(self.how.labels))

    def _own(self, objective: Objective, probe: Probe) -> Probe | None:
        """This run's own read-out of NLI, where training changed it: the head of fine-tuning."""
        same = (
            type(probe) is type(self.how.probe)
            and probe.needs
            and not probe.needs_memory
            and objective.labels == self.how.labels
        )
        return (
            probe
            if same
            and any(
                not tensor.equal(self.how.probe.tensors()[name]) for name, tensor in probe.tensors().items()
            )
            else None
        )

    def _before(self) -> dict[str, list[str]]:
        """From the cache where another retraining of the same run asked before."""
        rows = [[tuple(row) for row in block] for block in (self.fitted, self.rows)]
        how = [
            self.how.reads,
            type(self.how.metric).__name__,
            type(self.how.probe).__name__,
            getattr(self.how.probe, "k", None),
            list(self.how.labels),
        ]
        key = digest(
            [self.earlier.fingerprint(), rows, how, self.precision, self.device.type, relsym.__version__]
        )
        path = cache_folder("forgetting") / f"{key}.json"
        if (found := read_cached(path)) is None:
            found = self._answers(self.earlier.encoder, "scoring NLI, before retraining")
            write_cached(
                path,
                found,
                "Answers before retraining are kept under XDG_CACHE_HOME: set it to a folder with room",
            )
        return found

    def _answers(self, encoder: Encoder, description: str, own: Probe | None = None) -> dict[str, list[str]]:
        with progress(description, texts_of(self.rows, self.fitted, self.how)) as advance:
            return answers_of(encoder, self.rows, self.fitted, self.how, own, advance)


def tracked_figures(name: str, drop: Drop) -> dict[str, float]:
    """The metrics of one read-out; a drop from exactly chance has no retention."""
    values = {key: getattr(drop, key) for key in TRACKED_FIGURES}
    return {f"forgetting/{name}/{key}": value for key, value in values.items() if value is not None}


def balanced(rows: Sequence[Row], count: int | None) -> list[Row]:
    """The first so many rows of a fixed order, labels in turn; None takes all."""
    pools = by_key(rows, (row.label for row in rows))
    return list(
        islice(in_turn(shuffled(pools[label], 0, f"refit {label}") for label in sorted(pools)), count)
    )
