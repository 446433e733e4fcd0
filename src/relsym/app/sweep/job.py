"""One frozen job of a sweep: the ordinary training, its configuration read from a file instead of composed.

``python -m relsym.app.sweep.job FROZEN.yaml`` runs it; Lightning starts further ranks by the same words.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from hydra.conf import HydraConf
from hydra.core.hydra_config import HydraConfig
from hydra.core.utils import configure_log, setup_globals
from omegaconf import DictConfig, OmegaConf, open_dict

from relsym.app.entry import past_hydra, run
from relsym.app.process import rank_of_this_process
from relsym.app.sweep.insist import content, insisting
from relsym.runs.layout import RESULTS
from relsym.runs.lock import hold
from relsym.runs.plain_yaml import LARGEST_OPTIONS, check_expansion, yaml_text

JOB_LOG = "job.log"
# A process that a killed sweep has left is waited for as long: it is about to die too.
PATIENCE_S = 60


def run_frozen(frozen: str, several_ranks: bool = False, prepare: Callable[[], None] | None = None) -> int:
    """Run a frozen job and return its exit code; what it prints goes to ``job.log`` in its folder.

    Every process that runs one (of this machine, SLURM's, Ray's) runs this.

    Args:
        frozen: the path of its configuration.
        several_ranks: Lightning has to start further ranks. It does so by repeating the command line of its
            process, so the job gets a process that has one.
        prepare: called first of all that may fail; what it raises is told in ``job.log``.
    """
    # A sweep in the background ignores SIGINT, and so would what it starts; a job has to hear its engine, and
    # to tell its tracker.
    signal.signal(signal.SIGINT, insisting(signal.default_int_handler))
    try:
        return _run_redirected(frozen, several_ranks, prepare)
    finally:
        content()
        signal.signal(signal.SIGINT, signal.default_int_handler)  # the process may go on to another job


def _run_redirected(frozen: str, several_ranks: bool, prepare: Callable[[], None] | None) -> int:
    """See ``run_frozen``."""
    cfg = frozen_config(frozen)
    folder = Path(cfg.hydra.runtime.output_dir)
    folder.mkdir(parents=True, exist_ok=True)
    rank = os.environ.get("SLURM_PROCID", "0")
    log = JOB_LOG if rank == "0" else f"rank{rank}.log"
    redirect(folder / log)
    go_to_start(cfg)
    if prepare is not None:
        code = guarded_code(prepare)
        if code:
            return code
    if several_ranks:
        signal.signal(signal.SIGINT, lambda *_: None)  # the ranks end themselves
        command = [sys.executable, "-m", "relsym.app.sweep.job", frozen]
        return subprocess.run(command, check=False).returncode
    return ended(frozen, cfg)


def frozen_config(frozen: str) -> DictConfig:
    """The configuration in a file of the folder ``frozen``.

    Raises:
        ValueError: it is longer, or stands for more, than a configuration may.
    """
    text = yaml_text(Path(frozen), LARGEST_OPTIONS)
    check_expansion(text, frozen)
    return OmegaConf.create(text)


def go_to_start(cfg: DictConfig) -> None:
    """Work in the folder that the sweep was started in, from which relative paths are read.

    Workers of a cluster may stand elsewhere. One that does not have the folder stays where it is.
    """
    started = cfg.hydra.runtime.cwd
    if os.path.isdir(started):
        os.chdir(started)


def redirect(log: Path) -> None:
    """Send this process's output, and that of its children, to the end of a file."""
    sys.stdout.flush()
    sys.stderr.flush()
    with open(log, "ab") as stream:
        # The descriptors themselves, not sys.stdout: libraries and child processes write to those.
        os.dup2(stream.fileno(), 1)
        os.dup2(stream.fileno(), 2)


def ended(frozen: str, cfg: DictConfig) -> int:
    """Run the body under the guard that every task has, and return its exit code."""
    return guarded_code(lambda: body(frozen, cfg))


def guarded_code(task: Callable[[], None]) -> int:
    """Call something under the guard that every task has, and return the exit code that it comes to."""
    try:
        run(task)
    except SystemExit as end:
        if isinstance(end.code, int):
            return end.code
        return 0 if end.code is None else 1  # as Python does, for which a text is a failure
    return 0


def body(frozen: str, cfg: DictConfig) -> None:
    """Do what Hydra does around a task, without composing: the configuration is the frozen one."""
    from relsym.app.process import prepare_process
    from relsym.app.train import steps

    prepare_process()
    setup_globals()
    with open_dict(cfg):
        node = cfg.pop("hydra")
        # The frozen node has what a task reads; the rest is Hydra's defaults.
        whole_node = OmegaConf.merge(OmegaConf.structured(HydraConf), node)
        HydraConfig.instance().set_config(OmegaConf.create({"hydra": whole_node}))
    configure_log(node.job_logging, node.verbose)
    # Further ranks belong to the same job, whose folder the first one holds until the job ends.
    if rank_of_this_process() == 0:
        folder = Path(node.runtime.output_dir)
        hold(folder, "hydra.sweep.dir", PATIENCE_S)
        if (folder / RESULTS).exists():  # the process that held the job has finished it
            return
    with past_hydra():  # as around every task: an exit of a user's own code is an error
        steps.check(cfg)
        steps.train_and_score(cfg)


if __name__ == "__main__":
    path = sys.argv[1]
    sys.exit(ended(path, frozen_config(path)))
