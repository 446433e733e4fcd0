"""``relsym build``: triples -> a benchmark on disk."""

from __future__ import annotations

import hydra
from omegaconf import DictConfig

from relsym.app.entry import guarded, run
from relsym.app.values.checks import check_composed


@hydra.main(version_base="1.3", config_path="pkg://relsym.conf", config_name="build")
@guarded
def main(cfg: DictConfig) -> None:
    """Check that the options compose, then read, audit, draw and write; the manifest is written last."""
    check_composed(cfg, "build")
    # Imported here: wrong options are refused before anything heavy is loaded.
    from relsym.app.build import steps

    steps.build_benchmark(cfg)


if __name__ == "__main__":
    run(main)
