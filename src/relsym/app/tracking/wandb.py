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
# How long a server that does not answer is waited for: before the training, and after it.
START_S, FINISH_S = 30.0, 300.0
# A process that is killed loses the curve of so many seconds.
FLUSH_S = 2.0
# The axis of all curves, under Lightning's name for it.
STEP = "trainer/global_step"
# In characters: W&B refuses longer tags.
LONGEST_TAG = 64


class WandbRun(Tracker, WandbLogger):
    """Lightning's W&B logger, but one that starts when told, and gives up rather than fail.

    The run in W&B ends with the exit code of the run itself.

    Args:
        folder: the run's; W&B makes ``wandb/`` in it.
        project, name, group, tags: what W&B files the run under; a sweep is a group, a job of it a name.
    """

    def __init__(
        self, folder: str, project: str, name: str | None, group: str | None, tags: Sequence[str]
    ) -> None:
        super().__init__(project=project, save_dir=folder)
        self.names = {"project": project, "name": name, "group": group, "dir": folder}
        self.tags = list(tags)
        # Whether W&B has failed: nothing more is asked of it then.
        self.lost = False
        # Whether this run has set WANDB_DATA_DIR, and has to take it back.
        self._place = False

    @rank_zero_only
    def start(self, config: Mapping[str, Any], tags: Sequence[str]) -> None:
        """See ``Tracker``.

        Raises:
            ValueError: W&B does not start: a wrong or missing key, a server that does not answer, no disk.
        """
        online = _default_to_offline()
        # Where tables lie until they are synced: by default in the user's home.
        self._place = "WANDB_DATA_DIR" not in os.environ
        if self._place:
            folder = Path(self.names["dir"], "wandb")
            os.environ["WANDB_DATA_DIR"] = str(folder.absolute())
        import wandb

        # Each tag once, in order.
        all_tags = dict.fromkeys([*self.tags, *tags])
        short_tags = [tag[:LONGEST_TAG] for tag in all_tags if tag]
        try:
            if online:
                _log_in(wandb)
            # Not Lightning's way, which goes on in a run that is still open, and asks the server for one to
            # resume.
            self._experiment = wandb.init(
                config=dict(config), tags=short_tags, settings=_settings(), reinit="create_new", **self.names
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
        if run is None:  # W&B never started
            return
        self._attempt(partial(run.finish, exit_code=code))
        if self.lost:
            _abandon()
        if run.offline or self.lost:
            folder = os.path.relpath(Path(run.dir).parent)
            sys.stderr.write(f"W&B run kept on this disk; to upload it: wandb sync {folder}\n")

    def _show(self, final: Final) -> None:
        """Send table and figure as a row of the history, and all numbers as the run's summary."""
        import wandb

        run = self.experiment
        table_name, columns, lines = final.rows()
        figure_name, figure = final.figure()
        figure.canvas.draw()
        pixels = np.asarray(figure.canvas.buffer_rgba())
        shown = {table_name: wandb.Table(columns=columns, data=lines), figure_name: wandb.Image(pixels)}
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
    """A Weights & Biases run in ``wandb/`` of the run's folder.

    It is offline unless WANDB_MODE says otherwise, so that it never asks for a login.
    """
    return WandbRun(folder, project, name, group, tags)


def _default_to_offline() -> bool:
    """Set W&B's mode to offline and silent where the user has not chosen; whether runs are sent as they go.

    This is set in the environment, since W&B reads there, before any run, whether it may report on itself.
    """
    os.environ.setdefault("WANDB_SILENT", "true")
    mode = os.environ.setdefault("WANDB_MODE", "offline")
    if mode in ("online", "run", "shared"):
        return True
    os.environ.setdefault("WANDB_ERROR_REPORTING", "false")
    return False


def _settings() -> Any:
    """W&B's settings, with what a run of ours does not need turned off.

    Its packages, commit and output are recorded in its own folder, or not at all: W&B would save the code
    state of the current folder, which is the user's, not relsym's.
    """
    import wandb

    return wandb.Settings(
        console="off",
        disable_git=True,
        disable_code=True,
        save_code=False,
        x_save_requirements=False,
        # By default the process that imported wandb, which may have forked since.
        x_stats_pid=os.getpid(),
        x_transaction_log_flush_interval=FLUSH_S,
        init_timeout=START_S,
        finish_timeout=FINISH_S,
        finish_timeout_raises=True,
    )


def _log_in(wandb: Any) -> None:
    """Raise a ValueError where W&B knows no key; never ask for one."""
    if not wandb.login(prompt=False, verify=False):
        raise ValueError("no API key")


def _refusal(error: Exception, online: bool) -> str:
    """Why W&B does not start, and what to do; without the user's key, which must not get into a log."""
    reason = str(error).partition("\n")[0].rstrip(".")
    key = os.environ.get("WANDB_API_KEY", "")
    # A shorter one is no key, and may be a part of any word.
    if len(key) > 3:
        reason = reason.replace(key, "(the key)")
    if not online:
        return f"W&B does not start: {reason}. Use tracking=csv or tracking=tensorboard."
    mode = os.environ["WANDB_MODE"]
    return (
        f"W&B does not start with WANDB_MODE={mode}: {reason}. Log in with `wandb login`, or set "
        "WANDB_API_KEY; to go without an account use WANDB_MODE=offline or tracking=csv."
    )


def _abandon() -> None:
    """Let go of W&B's service, so that the end of the process leaves it alone.

    W&B tells its service when the process ends; one that has died would make that fail with a traceback.
    """
    import wandb

    with suppress(Exception, SystemExit):
        wandb.teardown()
