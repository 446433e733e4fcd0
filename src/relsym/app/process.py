"""One process of a command: which of several it is, how it is prepared, and its exit code after Ctrl-C.

Loads no torch.
"""

from __future__ import annotations

import gc
import logging
import os
import stat
import sys
import warnings
from pathlib import Path
from tempfile import gettempdir

INTERRUPTED = 130  # the exit code after Ctrl-C


def prepare_process() -> None:
    """Set the environment, log levels, warning filters and garbage collection of this process.

    It may be called more than once.
    """
    # Forked workers of a process that has used the tokenizer would stall.
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()  # bars for reading and writing one small file
    for name in ("pytorch_lightning.utilities.rank_zero", "faiss.loader"):
        logging.getLogger(name).setLevel(logging.WARNING)
    # What was imported stays until the end: to look through it, then too, takes a second.
    if gc.get_freeze_count() == 0:
        gc.freeze()
    # Rows are tokenised once, before training: there is no work for loader processes.
    warnings.filterwarnings("ignore", ".*does not have many workers.*")
    # Lightning's own use of a torch function that torch is renaming.
    warnings.filterwarnings("ignore", ".*isinstance.treespec, LeafSpec.*")
    # A login node has srun; what a sweep submits there is started by it.
    warnings.filterwarnings("ignore", ".*srun. command is available.*")


def find_home() -> None:
    """Give a process whose user has no home folder one, and say where it is.

    In a container that runs as a user without an entry in the system's list, and without HOME, ``~`` leads
    nowhere: W&B, matplotlib and the hub's library all look there. The folder is the same for every command of
    this user, so that what is cached is found again; the processes that this one starts inherit it.

    Raises:
        OSError: there is no place for such a folder, or what stands there is not this user's alone.
    """
    if os.path.expanduser("~") != "~":
        return
    advice = "this user has no home folder: set HOME to a folder of your own."
    try:
        home = Path(gettempdir(), f"relsym-home-{os.getuid()}")
        home.mkdir(mode=stat.S_IRWXU, exist_ok=True)
        # Anyone may write to the folder above: what stands there may be another user's, or a link.
        status = home.lstat()
    except OSError as error:
        raise OSError(f"{advice} ({error})") from error
    others = stat.S_IRWXG | stat.S_IRWXO
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid() or status.st_mode & others:
        raise OSError(f"{advice} ({home} is no folder that is this user's alone)")
    os.environ["HOME"] = str(home)
    sys.stderr.write(
        f"relsym: this user has no home folder; {home} is taken for it. Set HOME to choose one.\n"
    )


def rank_of_this_process() -> int:
    """0 for the first, or only, process of a job, and more than 0 for the others."""
    # Lightning sets the first, srun the second, torchrun the first and the last. Only 0 has to be exact.
    ranks = [int(os.environ.get(name, "0")) for name in ("LOCAL_RANK", "SLURM_PROCID", "RANK")]
    return max(ranks)
