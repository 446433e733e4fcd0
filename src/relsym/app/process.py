"""One process of a command: which of several it is, how it is prepared, and its exit code after Ctrl-C.

Loads no torch.
"""

from __future__ import annotations

import logging
import os
import warnings

INTERRUPTED = 130  # the exit code after Ctrl-C


def prepare_process() -> None:
    """Set the environment, log levels and warning filters of this process.

    It may be called more than once.
    """
    # Forked workers of a process that has used the tokenizer would stall.
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()  # bars for reading and writing one small file
    for name in ("pytorch_lightning.utilities.rank_zero", "faiss.loader"):
        logging.getLogger(name).setLevel(logging.WARNING)
    # Rows are tokenised once, before training: there is no work for loader processes.
    warnings.filterwarnings("ignore", ".*does not have many workers.*")
    # Lightning's own use of a torch function that torch is renaming.
    warnings.filterwarnings("ignore", ".*isinstance.treespec, LeafSpec.*")
    # A login node has srun; what a sweep submits there is started by it.
    warnings.filterwarnings("ignore", ".*srun. command is available.*")


def rank_of_this_process() -> int:
    """0 for the first, or only, process of a job, and more than 0 for the others."""
    # Lightning sets the first, srun the second, torchrun the first and the last. Only 0 has to be exact.
    ranks = [int(os.environ.get(name, "0")) for name in ("LOCAL_RANK", "SLURM_PROCID", "RANK")]
    return max(ranks)
