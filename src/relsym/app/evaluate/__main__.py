"""``relsym evaluate``: score any model on a benchmark, beside the shortcuts."""

from __future__ import annotations

import hydra
from omegaconf import DictConfig

from relsym.app.entry import guarded, run


@hydra.main(version_base="1.3", config_path="pkg://relsym.conf", config_name="evaluate")
@guarded
def main(cfg: DictConfig) -> None:
    """Check, measure in shards, read, record, report."""
    from relsym.app.evaluate import steps

    steps.check(cfg)
    steps.evaluate(cfg)


if __name__ == "__main__":
    run(main)
