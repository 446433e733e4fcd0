"""A run in Weights & Biases. Whatever happens there, the run itself goes on."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from pytorch_lightning.loggers import WandbLogger
from pytorch_lightning.utilities import rank_zero_only

from relsym.app.tracking.tracker import Final, Tracker

log = logging.getLogger(__name__)
START_S, FINISH_S = (
    30.0,
    300.0,
)  # how long a server that does not answer is waited for: before the training, and after
FLUSH_S = 2.0  # a process that is killed loses the curve of so many seconds
STEP = "trainer/global_step"  # the axis of all curves, under Lightning's name for it
LONGEST_TAG = 64  # W&B refuses longer ones


class WandbRun(Tracker, WandbLogger):
    """Lightning's W&B logger, which starts when told, gives up rather than fail, and ends with the run's exit
    code.

    Args:
        folder: the run's; W&B makes ``wandb/`` in it.
        project, name, group, tags: what W&B files the run under; a sweep is a group, a job of it a name.
    """

    def __init__(
        self, folder: str, project: str, name: str | None, group: str | None, tags: Sequence[str]
    ) -> None:
        super().__init__(project=project, save_dir=folder)
        self.names = {"project": project, "name": name, "group": group, "dir": folder}
        self.tags, self.lost, self._place = list(tags), False, False

    @rank_zero_only
    def start(self, config: Mapping[str, Any], tags: Sequence[str]) -> None:
        """See ``Tracker``.

        Raises:
            ValueError: W&B does not start: a wrong or missing key, a server that does not answer, no disk.
        """
        online = _default_to_offline()
        self._place = (
            "WANDB_DATA_DIR" not in os.environ
        )  # of tables until they are synced: by default the user's home
        if self._place:
            os.environ["WANDB_DATA_DIR"] = str(Path(self.names["dir"], "wandb").absolute())
        import wandb

        found_by = [tag[:LONGEST_TAG] for tag in dict.fromkeys([*self.tags, *tags]) if tag]
        try:
            if online:
                _log_in(wandb)
            # Not Lightning's way, which goes on in a run that is still open, and asks the server for one to
            # resume.
            self._experiment = wandb.init(
                config=dict(config), tags=found_by, settings=_settings(), reinit="create_new", **self.names
            )
        except (wandb.Error, OSError, ValueError) as error:
            _abandon()
            raise ValueError(_refusal(error, online)) from error
        self._experiment.define_metric(STEP)
        self._experiment.define_metric("*", step_metric=STEP, step_sync=True)
        if online:
            log.info("W&B run: %s", self._experiment.url)

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """One row of the history, at a step of the optimiser (``STEP``)."""
        self._attempt(partial(super().log_metrics, metrics, step))

    @rank_zero_only
    def conclude(self, final: Final) -> None:
        """See ``Tracker``. The scores are a row of the history like any other, and the run's summary."""
        super().conclude(final)
        self._attempt(partial(self._show, final))

    @rank_zero_only
    def end(self, code: int) -> None:
        """See ``Tracker``. A process that dies before this leaves a run without an exit code."""
        if self._place:
            del os.environ["WANDB_DATA_DIR"]
        run = self._experiment
        if run is None:  # it never started
            return
        self._attempt(partial(run.finish, exit_code=code))
        if self.lost:
            _abandon()
        if run.offline or self.lost:
            sys.stderr.write(
                "W&B run kept on this disk; to upload it: wandb sync "
                f"{os.path.relpath(Path(run.dir).parent)}\n"
            )

    def _show(self, final: Final) -> None:
        import wandb

        run = self.experiment
        (table_name, columns, lines), (figure_name, figure) = final.rows(), final.figure()
        figure.canvas.draw()
        shown = {
            table_name: wandb.Table(columns=columns, data=lines),
            figure_name: wandb.Image(np.asarray(figure.canvas.buffer_rgba())),
        }
        run.log({**shown, STEP: final.step})
        run.summary.update({**final.metrics, **final.measured})

    def _attempt(self, call: Callable[[], object]) -> None:
        """Call, unless W&B has failed before; say so where it fails."""
        if self.lost:
            return
        try:
            call()
        except Exception as error:
            self.lost = True
            log.warning(
                "W&B failed (%s: %s) and is told no more of this run; results.json will hold everything.",
                type(error).__name__,
                error,
            )


def wandb(folder: str, project: str, name: str | None, group: str | None, tags: list[str]) -> Tracker:
    """A Weights & Biases run in ``wandb/``, offline unless WANDB_MODE says otherwise, so that it never asks
    for a login.
    """
    return WandbRun(folder, project, name, group, tags)


def _default_to_offline() -> bool:
    """Set WANDB_MODE and WANDB_SILENT where the user has not; whether runs are sent as they go.

    In the environment, since W&B reads there, before any run, whether it may report on itself.
    """
    os.environ.setdefault("WANDB_SILENT", "true")
    if os.environ.setdefault("WANDB_MODE", "offline") in ("online", "run", "shared"):
        return True
    os.environ.setdefault("WANDB_ERROR_REPORTING", "false")
    return False


def _settings() -> Any:
    """What a run of ours does not need is off: its packages, commit and output are recorded in its own
    folder, or not at all.

    W&B would save the code state of the current folder, which is the user's, not relsym's.
    """
    import wandb

    return wandb.Settings(
        console="off",
        disable_git=True,
        disable_code=True,
        save_code=False,
        x_save_requirements=False,
        x_stats_pid=os.getpid(),  # by default the process that imported wandb, which may have forked since
        x_transaction_log_flush_interval=FLUSH_S,
        init_timeout=START_S,
        finish_timeout=FINISH_S,
        finish_timeout_raises=True,
    )


def _log_in(wandb: Any) -> None:
    if not wandb.login(prompt=False, verify=False):
        raise ValueError("no API key")


def _refusal(error: Exception, online: bool) -> str:
    reason = str(error).partition("\n")[0].rstrip(".")
    if (key := os.environ.get("WANDB_API_KEY")) and len(key) > 3:
        reason = reason.replace(key, "(the key)")
    if not online:
        return f"W&B does not start: {reason}. Use tracking=csv or tracking=tensorboard."
    return (
        f"W&B does not start with WANDB_MODE={os.environ['WANDB_MODE']}: {reason}. Log in with `wandb "
        "login`, or set WANDB_API_KEY; "
        "to go without an account use WANDB_MODE=offline or tracking=csv."
    )


def _abandon() -> None:
    """Let go of W&B's service: one that has died would be told the end of the process, and that would fail
    with a traceback.
    """
    import wandb

    with suppress(Exception, SystemExit):
        wandb.teardown()
