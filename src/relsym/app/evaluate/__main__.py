"""``relsym evaluate``: score any model on a benchmark, beside the shortcuts."""

from __future__ import annotations

import hydra
from omegaconf import DictConfig

from relsym.app.entry import guarded, run
from relsym.app.values.checks import check_composed


@hydra.main(version_base="1.3", config_path="pkg://relsym.conf", config_name="evaluate")
@guarded
def main(cfg: DictConfig) -> None:
    """Check the options, measure in shards, read the answers from what was measured, record and print."""
    check_composed(cfg, "evaluate")
    # Imported here: options that do not compose are refused before torch is loaded.
    from relsym.app.evaluate import steps
    from relsym.app.process import prepare_process

    prepare_process()
    steps.check(cfg)
    steps.evaluate(cfg)


if __name__ == "__main__":
    run(main)
