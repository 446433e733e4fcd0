"""``relsym train``: retrain one encoder on n samples, and score it beside the shortcuts."""

from __future__ import annotations

import sys

import hydra
from omegaconf import DictConfig

from relsym.app.entry import guarded, run
from relsym.app.process import rank_of_this_process
from relsym.app.values.checks import check_composed


@hydra.main(version_base="1.3", config_path="pkg://relsym.conf", config_name="train")
@guarded
def main(cfg: DictConfig) -> None:
    """Check that the options compose and go together, then train, save, score and report."""
    check_composed(cfg, "train")
    # Imported here: wrong options are refused before torch is loaded.
    from relsym.app.process import prepare_process
    from relsym.app.train import steps

    prepare_process()
    steps.check(cfg)
    steps.train_and_score(cfg)


if __name__ == "__main__":
    if rank_of_this_process() > 0:
        # The folder belongs to the first rank, which holds it: no log file, no .hydra from the others.
        sys.argv += ["hydra/job_logging=none", "hydra.output_subdir=null", "~hydra.callbacks.claim"]
    run(main)
