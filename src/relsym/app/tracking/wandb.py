"""A run in Weights & Biases. Whatever happens there, the run itself goes on."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import numpy as np
from pytorch_lightning.loggers import WandbLogger
from pytorch_lightning.utilities import rank_zero_only

from relsym.app.tracking.tracker import Final, NoTracker, Tracker
from relsym.runs.credentials import public
from relsym.runs.layout import CONFIG, ENCODER, FORGETTING, MEMORY, PREDICTIONS, PROBE, RATED, RESULTS
from relsym.runs.results import TrackedRun

log = logging.getLogger(__name__)
# How long a server that does not answer is waited for: before the training, and after it.
START_S, FINISH_S = 30.0, 300.0
# The same with tracking.log_model, for weights take their time.
UPLOAD_S = 3600.0
PROJECT = "relsym"
TAGS = "WANDB_TAGS"
# What a shell may hold for one run, and would make one run, or one name, of all jobs of a sweep.
OF_ONE_RUN = ("WANDB_NAME", "WANDB_RUN_ID", "WANDB_RESUME")
# As W&B itself reads a switch.
ON, OFF = ("1", "true", "t", "yes", "y", "on"), ("", "0", "false", "f", "no", "n", "off")
# What a later command or a colleague needs of a run folder, not logs and curves.
LOGGED = (CONFIG, ENCODER, PROBE, MEMORY, PREDICTIONS, RATED, FORGETTING, RESULTS)
# A process that is killed loses the curve of so many seconds.
FLUSH_S = 2.0
# The axis of all curves, under Lightning's name for it.
STEP = "trainer/global_step"
# In characters: W&B refuses longer tags.
LONGEST_TAG = 64


class Place(NamedTuple):
    """Where W&B files a run.

    project, entity, group, name: W&B's; None leaves it to W&B.
    dir: the folder in which W&B makes ``wandb/``.
    own: the run is a job of a sweep, so that no variable may say which one run it is.
    """

    project: str
    entity: str | None
    group: str | None
    name: str | None
    dir: str
    own: bool = False


class WandbRun(Tracker, WandbLogger):
    """Lightning's W&B logger, but one that starts when told, and gives up rather than fail.

    The run in W&B ends with the exit code of the run itself.

    Args:
        folder: the run's.
        place: where W&B files the run; a sweep is a group, a job of it a name.
        tags: of the user's.
        log_model: whether the run folder goes to W&B too, as an artifact.
    """

    def __init__(self, folder: str, place: Place, tags: Sequence[str], log_model: bool) -> None:
        super().__init__(project=place.project, save_dir=place.dir)
        self.folder = Path(folder)
        self.place = place
        self.tags = list(tags)
        self.logs_folder = log_model
        # Whether W&B has failed: nothing more is asked of it then.
        self.lost = False
        # Whether this run has set WANDB_DATA_DIR, and has to take it back.
        self._moved = False

    @rank_zero_only
    def start(self, config: Mapping[str, Any], tags: Sequence[str]) -> None:
        """See ``Tracker``.

        Raises:
            ValueError: W&B does not start: a wrong or missing key, a server that does not answer, no disk.
        """
        online = _default_to_offline()
        _make_folder(self.place.dir)
        # Where tables lie until they are synced: by default in the user's home.
        self._moved = "WANDB_DATA_DIR" not in os.environ
        if self._moved:
            data = Path(self.place.dir, "wandb")
            os.environ["WANDB_DATA_DIR"] = str(data.absolute())
        import wandb

        of_shell = [tag.strip() for tag in os.environ.get(TAGS, "").split(",")]
        all_tags = dict.fromkeys([*self.tags, *of_shell, *tags])  # each once, in order
        short_tags = [tag[:LONGEST_TAG] for tag in all_tags if tag]
        try:
            # Tags of the shell are among those already; W&B refuses the run if one of them is empty.
            with _without([TAGS, *OF_ONE_RUN] if self.place.own else [TAGS]):
                if online:
                    _log_in(wandb)
                # Not Lightning's way, which goes on in a run that is still open, and asks the server for one
                # to resume.
                self._experiment = wandb.init(
                    config=dict(config),
                    tags=short_tags,
                    settings=_settings(UPLOAD_S if self.logs_folder else FINISH_S),
                    reinit="create_new",
                    project=self.place.project,
                    entity=self.place.entity,
                    group=self.place.group,
                    name=self.place.name,
                    dir=self.place.dir,
                )
        except (wandb.Error, OSError, ValueError) as error:
            _abandon()
            raise ValueError(_refusal(error, online)) from error
        self._experiment.define_metric(STEP)
        self._experiment.define_metric("*", step_metric=STEP, step_sync=True)
        if online:
            log.info("W&B run: %s", self._experiment.url)

    def tracked_run(self) -> TrackedRun | None:
        """See ``Tracker``. Offline there is no URL, and no entity unless one was named."""
        run = self._experiment
        if run is None:
            return None
        return TrackedRun(
            project=run.project or self.place.project,
            entity=run.entity or self.place.entity,
            run_id=run.id,
            url=_public(run.url),
        )

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """One row of the history, at a step of the optimiser (``STEP``)."""
        self._attempt(partial(super().log_metrics, metrics, step))

    @rank_zero_only
    def conclude(self, final: Final) -> None:
        """See ``Tracker``. The scores are a row of the history like any other, and the run's summary."""
        super().conclude(final)
        self._attempt(partial(self._show, final))
        if self.logs_folder:
            self._attempt(self._log_folder)

    @rank_zero_only
    def end(self, code: int) -> None:
        """See ``Tracker``. A process that dies before this leaves a run without an exit code."""
        if self._moved:
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

    def _log_folder(self) -> None:
        """Log the files of the run folder as an artifact of type model; without weights, of type evaluation.

        W&B reads the files where they lie: nothing writes to them after the end of the run.
        """
        import wandb

        run = self.experiment
        kind = "model" if (self.folder / ENCODER).is_dir() else "evaluation"
        artifact = wandb.Artifact(f"{kind}-{run.id}", type=kind)
        for name in LOGGED:
            path = self.folder / name
            if path.is_dir():
                artifact.add_dir(str(path), name, policy="immutable")
            elif path.exists():
                artifact.add_file(str(path), name, policy="immutable")
        run.log_artifact(artifact)

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


def wandb(
    folder: str,
    project: str | None = None,
    name: str | None = None,
    group: str | None = None,
    tags: Sequence[str] = (),
    entity: str | None = None,
    dir: str | None = None,
    disabled: bool | None = None,
    log_model: bool = False,
    sweep: str | None = None,
    job: str | None = None,
) -> Tracker:
    """A Weights & Biases run, offline unless WANDB_MODE says otherwise: it never asks for a login.

    What is None is taken from the environment, and where that says nothing from relsym.

    Args:
        folder: of the run; W&B makes ``wandb/`` in it.
        project: else WANDB_PROJECT, else relsym.
        name: else the job's in a sweep, else WANDB_NAME, else W&B makes one up.
        group: else WANDB_RUN_GROUP, else the sweep's in a sweep.
        tags: beside WANDB_TAGS and the names of objective, model and benchmark.
        entity: else WANDB_ENTITY, else W&B's default.
        dir: else WANDB_DIR, else ``folder``.
        disabled: else WANDB_DISABLED, or WANDB_MODE=disabled; then nothing is tracked.
        log_model: send the run folder as an artifact when the run is over.
        sweep, job: the names of the sweep and of its job that this run is.

    Raises:
        ValueError: WANDB_DISABLED is neither true nor false.
    """
    if _is_disabled(disabled):
        return NoTracker()
    of_shell = None if job else _variable("WANDB_NAME")
    place = Place(
        project=project or _variable("WANDB_PROJECT") or PROJECT,
        entity=entity or _variable("WANDB_ENTITY"),
        group=group or _variable("WANDB_RUN_GROUP") or sweep,
        name=name or job or of_shell,
        dir=os.path.expanduser(dir or _variable("WANDB_DIR") or folder),
        own=job is not None,
    )
    return WandbRun(folder, place, tags, log_model)


def _variable(name: str) -> str | None:
    """An environment variable of W&B's; None where it is not set, or empty."""
    return os.environ.get(name) or None


def _is_disabled(chosen: bool | None) -> bool:
    """Whether nothing is to be tracked: as the user has chosen, else as the environment says."""
    if chosen is not None:
        return chosen
    if os.environ.get("WANDB_MODE") == "disabled":
        return True
    word = os.environ.get("WANDB_DISABLED", "")
    if word.lower() not in (*ON, *OFF):
        raise ValueError(f"WANDB_DISABLED={word}: expected true or false. Or pass tracking.disabled=true.")
    return word.lower() in ON


def _make_folder(folder: str) -> None:
    """Make the folder of W&B's files.

    Raises:
        ValueError: it cannot be made or written to. W&B would write to the system's temporary folder.
    """
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = f"{folder} cannot be made ({error.strerror})"
    else:
        if os.access(folder, os.W_OK):
            return
        reason = f"{folder} cannot be written to"
    raise ValueError(f"W&B: {reason}. Pass another tracking.dir, or set WANDB_DIR.")


@contextmanager
def _without(names: Sequence[str]) -> Iterator[None]:
    """The environment without some variables, which come back afterwards."""
    hidden = {name: os.environ.pop(name) for name in names if name in os.environ}
    try:
        yield
    finally:
        os.environ.update(hidden)


def _public(url: str | None) -> str | None:
    """The URL of a run without user, password and query; None where there is no URL.

    In the query W&B passes keys of anonymous users.
    """
    return urlsplit(public(url))._replace(query="").geturl() if url else None


def _default_to_offline() -> bool:
    """Set W&B's mode to offline and silent where the user has not chosen; whether runs are sent as they go.

    This is set in the environment, since W&B reads there, before any run, whether it may report on itself.
    """
    os.environ.setdefault("WANDB_SILENT", "true")
    mode = os.environ.setdefault("WANDB_MODE", "offline")
    if mode == "disabled":  # and tracking.disabled=false: the run is to be tracked all the same
        mode = os.environ["WANDB_MODE"] = "offline"
    if mode in ("online", "run", "shared"):
        return True
    os.environ.setdefault("WANDB_ERROR_REPORTING", "false")
    return False


def _settings(finish_s: float) -> Any:
    """W&B's settings, with what a run of ours does not need turned off; ``finish_s`` is waited at the end.

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
        finish_timeout=finish_s,
        finish_timeout_raises=True,
    )


def _log_in(wandb: Any) -> None:
    """Raise a ValueError where W&B knows no key; never ask for one."""
    if not wandb.login(prompt=False, verify=False):
        raise ValueError("no API key")


def _refusal(error: Exception, online: bool) -> str:
    """Why W&B does not start, and what to do; without the user's key, which must not get into a log."""
    # What W&B says of a setting is in the lines behind the first.
    lines = str(error).splitlines()[:3]
    reason = " ".join(line.strip() for line in lines).rstrip(".")
    key = os.environ.get("WANDB_API_KEY", "")
    # A shorter one is no key, and may be a part of any word.
    if len(key) > 3:
        reason = reason.replace(key, "(the key)")
    if not online:
        return f"W&B does not start: {reason}. Use tracking=csv, tensorboard or none."
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
