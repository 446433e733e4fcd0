"""What a training run forgets of NLI: measured before the training and after it.

It is refused before the training where nothing could be forgotten.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from pathlib import Path

import polars as pl
from msgspec.structs import asdict
from omegaconf import DictConfig, OmegaConf

import relsym
from relsym.app.earlier_nli import check_nli_packages, nli_data
from relsym.app.earlier_run import load_run
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
from relsym.runs.folder import RunFolder
from relsym.runs.identity import digest
from relsym.runs.layout import FORGETTING
from relsym.runs.results import Drop

# How many texts of the NLI rows drift is measured on.
DRIFT_TEXTS = 1000
# What trackers show of a drop; results.json has all of it.
TRACKED_FIGURES = ("before", "after", "drop", "retention")


def check_forgetting(cfg: DictConfig) -> None:
    """Refuse what cannot be measured, before anything is read.

    Raises:
        ValueError: no earlier run to forget from, a control that measured nothing.
    """
    settings = OmegaConf.select(cfg, "forgetting")
    if settings is None:
        return
    if cfg.init is None:
        raise ValueError(
            "forgetting=mnli measures what a run that learnt NLI loses: pass init=RUN, the folder of a "
            "relsym train data=mnli."
        )
    check_nli_packages(cfg)
    if settings.control is None:
        return
    control_folder = Path(settings.control).expanduser()
    if not (control_folder / FORGETTING).exists():
        raise ValueError(
            f"forgetting.control={settings.control}: no run there that measured forgetting ({FORGETTING} is "
            "missing). Pass the folder of a relsym train recipe=control forgetting=mnli."
        )


class Forgetting:
    """What one retraining costs on the NLI rows that the run in ``init`` learnt.

    Args:
        cfg: of the run.

    Raises:
        ValueError: the run in ``init`` learnt no NLI and ``forgetting.folder`` is not set; it knows other
            labels, or no more than chance (``check_before``); the control scored other rows.
    """

    def __init__(self, cfg: DictConfig) -> None:
        data = nli_data(cfg)
        if data is None:
            raise ValueError(
                f"init={cfg.init}: that run learnt no NLI, so that there is nothing to forget. Pass a run of "
                "relsym train data=mnli, or forgetting.folder=PATH."
            )
        self.told = cfg.forgetting
        self.init = str(cfg.init)
        self.precision = cfg.precision
        self.device = scoring_device(cfg.hardware)
        self.dtype = PRECISIONS[cfg.precision]

        # The run as it was before this training: its encoder, and how it reads it.
        accelerator = "gpu" if self.device.type == "cuda" else "cpu"
        remote_code = cfg.model.get("trust_remote_code", False)
        self.earlier = load_run(
            self.init, cfg.precision, accelerator, remote_code, cfg.trust, with_added=False
        )
        self.how = ReadOut(self.earlier.reads, self.earlier.metric, self.earlier.probe, self.earlier.labels)
        if set(data.labels) != set(self.how.labels):
            raise ValueError(
                f"init={self.init}: that run knows the labels {', '.join(self.how.labels)}; the NLI rows "
                f"have {', '.join(data.labels)}. Pass a run of relsym train data=mnli."
            )

        self.counts = dict(data.counts)
        # NLI rows have one form, so there is one block of them.
        (self.rows,) = data.rows_of(self.told.score_on, self.told.pairs).values()
        self.fitted = balanced(data.train_rows, self.told.refit_rows)
        self.content_hash = data.content_hash
        self.labels = [row.label for row in self.rows]
        self.control: list[str] | None = None
        if self.told.control is not None:
            self.control = self._control(Path(self.told.control).expanduser())
        self.before = self._before()
        check_before(self.labels, self.before[KEPT], self.how.labels, f"init={self.init}")
        self.texts = _first_texts(self.rows, DRIFT_TEXTS)
        self.vectors = self.earlier.encoder.raw_vectors(self.texts)

    def measure(
        self, encoder: Encoder, objective: Objective, probe: Probe, folder: RunFolder
    ) -> tuple[dict[str, float], results.ForgettingRecord]:
        """Figures and their record, from the retrained encoder; the answers are written row by row.

        Args:
            encoder: retrained, on the device.
            objective: as trained.
            probe: of this run, for the read-out ``own``.
            folder: of this run, for ``forgetting.parquet``.
        """
        own = self._own(objective, probe)
        after = self._answers(encoder, "scoring NLI, after retraining", own)
        drops: dict[str, Drop] = {}
        for name, answers in after.items():
            # The run's own read-out did not exist before: it is compared with the one that was kept.
            earlier_name = KEPT if name == OWN else name
            drops[name] = self._drop(self.before[earlier_name], answers)
        figures: dict[str, float] = {}
        for name, drop in drops.items():
            figures |= tracked_figures(name, drop)
        figures["forgetting/drop"] = drops[KEPT].drop

        control = None
        if self.control is not None:
            drop = self._drop(self.control, after[KEPT])
            figures |= tracked_figures("control", drop)
            # The headline is the drop from the better of the control and the run before.
            figures["forgetting/drop"] = max(figures["forgetting/drop"], drop.drop)
            control = results.ControlDrop(**asdict(drop), folder=str(self.told.control))

        drifts = drift(self.vectors, encoder.raw_vectors(self.texts))
        folder.write_table(FORGETTING, self._columns(after))
        for name, value in drifts.items():
            figures[f"drift/{name}/nli"] = value
        record = results.ForgettingRecord(
            rows=len(self.rows),
            score_on=self.told.score_on,
            refit_rows=len(self.fitted),
            benchmark_hash=self.content_hash,
            read_outs=drops,
            control=control,
            counts=self.counts,
        )
        return figures, record

    def _columns(self, after: dict[str, list[str]]) -> dict[str, Sequence]:
        """The columns of ``forgetting.parquet``: the NLI rows, and every read-out's answers to them."""
        columns: dict[str, Sequence] = {
            "pair_id": [row.pair_id for row in self.rows],
            "premise": [row.premise for row in self.rows],
            "label": self.labels,
        }
        for name, answers in self.before.items():
            columns[f"before:{name}"] = answers
        for name, answers in after.items():
            columns[f"after:{name}"] = answers
        return columns

    def _control(self, path: Path) -> list[str]:
        """Answers of the control: a run that saw the same replayed NLI rows and nothing else.

        Raises:
            ValueError: it scored other rows than this run does.
        """
        table = pl.read_parquet(path / FORGETTING)
        if table["pair_id"].to_list() != [row.pair_id for row in self.rows]:
            raise ValueError(
                f"forgetting.control={path}: that run scored other NLI rows. Use the same "
                "forgetting.score_on and pairs."
            )
        return table[f"after:{KEPT}"].to_list()

    def _drop(self, before: list[str], after: list[str]) -> Drop:
        """How many answers were lost between two lists of them, with an interval that draws premises."""
        premises = [row.premise for row in self.rows]
        return drop_of(self.labels, before, after, premises, len(self.how.labels))

    def _own(self, objective: Objective, probe: Probe) -> Probe | None:
        """This run's own read-out of NLI, where training changed it: the head of fine-tuning.

        None where it could not answer NLI, or is what the run in ``init`` stored.
        """
        earlier = self.how.probe
        if type(probe) is not type(earlier) or objective.labels != self.how.labels:
            return None
        # Without read-outs of the objective, or with stored training rows, a probe holds no NLI of its own.
        if not probe.needs or probe.needs_memory:
            return None
        for name, tensor in probe.tensors().items():
            # Of the objective alone: cut points are chosen, and here on other rows than NLI.
            if name in probe.needs and not tensor.equal(earlier.tensors()[name]):
                return probe
        return None

    def _before(self) -> dict[str, list[str]]:
        """Answers before retraining, by read-out.

        They come from the cache if another retraining of the same run has asked for them.
        """
        fitted_rows = [tuple(row) for row in self.fitted]
        scored_rows = [tuple(row) for row in self.rows]
        how = [
            self.how.reads,
            type(self.how.metric).__name__,
            type(self.how.probe).__name__,
            getattr(self.how.probe, "k", None),
            list(self.how.labels),
        ]
        # All that the answers depend on; precision and device change the vectors a little.
        key = digest(
            [
                self.earlier.fingerprint(),
                [fitted_rows, scored_rows],
                how,
                self.precision,
                self.device.type,
                relsym.__version__,
            ]
        )
        path = cache_folder("forgetting") / f"{key}.json"
        answers = read_cached(path)
        if answers is None:
            answers = self._answers(self.earlier.encoder, "scoring NLI, before retraining")
            advice = "Answers before retraining are kept under XDG_CACHE_HOME: set it to a folder with room"
            write_cached(path, answers, advice)
        return answers

    def _answers(self, encoder: Encoder, description: str, own: Probe | None = None) -> dict[str, list[str]]:
        """Answers to the scored rows by each read-out, with a bar that carries the description."""
        with progress(description, texts_of(self.rows, self.fitted, self.how)) as advance:
            return answers_of(encoder, self.rows, self.fitted, self.how, own, advance)


def tracked_figures(name: str, drop: Drop) -> dict[str, float]:
    """The metrics of one read-out; a drop from exactly chance has no retention."""
    figures: dict[str, float] = {}
    for key in TRACKED_FIGURES:
        value = getattr(drop, key)
        if value is not None:
            figures[f"forgetting/{name}/{key}"] = value
    return figures


def balanced(rows: Sequence[Row], count: int | None) -> list[Row]:
    """The first so many rows of a fixed order, labels in turn; None takes all."""
    pools = by_key(rows, (row.label for row in rows))
    # A seed of its own, never the run's: every retraining refits on the same rows.
    shuffled_pools = [shuffled(pools[label], 0, f"refit {label}") for label in sorted(pools)]
    return list(islice(in_turn(shuffled_pools), count))


def _first_texts(rows: Sequence[Row], count: int) -> list[str]:
    """The first so many different premises and hypotheses, in the order of the rows."""
    texts: dict[str, None] = {}  # a set that keeps its order
    for row in rows:
        texts[row.premise] = None
        texts[row.hypothesis] = None
    return list(texts)[:count]
