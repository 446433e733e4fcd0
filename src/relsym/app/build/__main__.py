"""``relsym build``: triples -> a benchmark on disk."""

from __future__ import annotations

import hydra
from omegaconf import DictConfig

from relsym.app.values.checks import check_composed
from relsym.app.entry import guarded, run


@hydra.main(version_base="1.3", config_path="pkg://relsym.conf", config_name="build")
@guarded
def main(cfg: DictConfig) -> None:
    """Read, audit, draw, write; the manifest last."""
    check_composed(cfg, "build")
    from relsym.app.build import steps

    steps.build_benchmark(cfg)


if __name__ == "__main__":
    run(main)
