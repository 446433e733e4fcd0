"""What is shown of a run while it goes and when it is over.

The record is ``results.json``; a tracker is a view of it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from hydra.utils import instantiate
from matplotlib.figure import Figure
from omegaconf import DictConfig
from pytorch_lightning.loggers import CSVLogger, Logger, TensorBoardLogger
from pytorch_lightning.loggers.logger import DummyLogger
from pytorch_lightning.utilities import rank_zero_only

from relsym.app.process import INTERRUPTED
from relsym.extras import install_line, needs, refuse_missing_packages
from relsym.runs.results import TrackedRun

log = logging.getLogger(__name__)


class Final(NamedTuple):
    """What a tracker is given when all is computed and recorded.

    metrics: the scores, ``stage/what[/slice]``.
    measured: seconds, memory and epochs.
    step: the step of the optimiser at which the training ended.
    rows: makes a table: its name in the tracker, its columns and its lines.
    figure: makes a figure: its name in the tracker and the figure.
    """

    metrics: Mapping[str, float]
    measured: Mapping[str, float]
    step: int
    # Functions, since a tracker that shows no tables and figures should not have to wait for them.
    rows: Callable[[], tuple[str, list[str], list[list[str]]]]
    figure: Callable[[], tuple[str, Figure]]


class Tracker(Logger):
    """A logger of Lightning's that is also told how the run starts and how it ends.

    Every method is for the first rank.
    """

    def start(self, config: Mapping[str, Any], tags: Sequence[str]) -> None:
        """The run starts: its resolved configuration, and the words by which people find it."""
        self.log_hyperparams(dict(config))

    def conclude(self, final: Final) -> None:
        """The run is computed and recorded."""
        self.log_metrics(dict(final.metrics), step=final.step)
        self.save()

    def tracked_run(self) -> TrackedRun | None:
        """Where people find the run, once it has started; None for a tracker that writes files alone."""
        return None

    def end(self, code: int) -> None:
        """The run is over with this exit code: 0, 1 after an error, 130 after Ctrl-C."""


class NoTracker(Tracker, DummyLogger):
    """Keeps nothing: ``results.json`` is all that there will be."""

    def conclude(self, final: Final) -> None:
        """See ``Tracker``."""


class Csv(Tracker, CSVLogger):
    """Curves and scores in ``csv/metrics.csv``."""


class TensorBoard(Tracker, TensorBoardLogger):
    """Curves, scores, table and figure for TensorBoard."""

    @rank_zero_only
    def conclude(self, final: Final) -> None:
        """See ``Tracker``."""
        super().conclude(final)
        name, columns, lines = final.rows()
        text = _markdown_table([columns, ["---"] * len(columns), *lines])
        self.experiment.add_text(name, text, final.step)
        name, figure = final.figure()
        self.experiment.add_figure(name, figure, final.step)
        self.finalize("success")


def _markdown_table(lines: Sequence[Sequence[str]]) -> str:
    """A table in Markdown, which TensorBoard shows as one. lines: of cells; the second separates the head."""
    texts = []
    for line in lines:
        # A bar within a cell would end it.
        cells = [cell.replace("|", "/") for cell in line]
        texts.append(f"| {' | '.join(cells)} |")
    return "\n".join(texts)


def none(folder: str) -> Tracker:
    """No tracker."""
    return NoTracker()


def csv(folder: str) -> Tracker:
    """Curves in ``csv/metrics.csv``."""
    return Csv(folder, name="", version="csv")


@needs("tracking=tensorboard", "tensorboard", install_line("tensorboard"))
def tensorboard(folder: str) -> Tracker:
    """Curves for TensorBoard, in ``tensorboard/``.

    Raises:
        ImportError: the package tensorboard is not installed.
    """
    refuse_missing_packages(tensorboard)
    return TensorBoard(folder, name="", version="tensorboard", default_hp_metric=False)


def tracker_of(cfg: DictConfig, folder: Path) -> Tracker:
    """The tracker that ``tracking`` chooses for a run in ``folder``.

    A job of a training's sweep finds its names in its frozen configuration. One of ``relsym evaluate -m``,
    which Hydra runs, is called as its folder is.
    """
    names = {}
    if HydraConfig.get().mode == RunMode.MULTIRUN and "job" in cfg.tracking:
        names = {"sweep": folder.parent.name, "job": folder.name}
    return instantiate(cfg.tracking, folder=str(folder), _convert_="all", **names)


@contextmanager
def tracked(tracker: Tracker, config: Mapping[str, Any], tags: Sequence[str]) -> Iterator[Tracker]:
    """Tell the tracker how the run starts, and how it ended, after an error or Ctrl-C too.

    Args:
        config: the run's resolved configuration.  tags: the words by which people find it.
    """
    code = 1  # until the run has come to its end
    try:
        tracker.start(config, tags)
        yield tracker
        code = 0
    except KeyboardInterrupt:
        code = INTERRUPTED
        raise
    finally:
        tracker.end(code)


def conclude(tracker: Tracker, final: Final) -> None:
    """Hand over what a finished run came to.

    A tracker that fails now is reported: the run itself is whole.
    """
    try:
        tracker.conclude(final)
    except Exception as error:
        log.warning(
            "the tracker could not take the final figures (%s: %s); results.json holds everything.",
            type(error).__name__,
            error,
        )
