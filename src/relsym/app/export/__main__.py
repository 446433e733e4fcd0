"""``relsym export``: the rows of a benchmark for other programs to answer."""

from __future__ import annotations

import hydra
from omegaconf import DictConfig

from relsym.app.entry import guarded, run
from relsym.app.values.checks import check_composed


@hydra.main(version_base="1.3", config_path="pkg://relsym.conf", config_name="export")
@guarded
def main(cfg: DictConfig) -> None:
    """Check that the options compose, then read, draw and write the rows; the record is written last."""
    check_composed(cfg, "export")
    # Imported here: wrong options are refused before anything heavy is loaded.
    from relsym.app.export import steps

    steps.export_benchmark(cfg)


if __name__ == "__main__":
    run(main)
