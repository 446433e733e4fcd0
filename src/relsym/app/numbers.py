"""What Hydra lets through: words where the configuration needs numbers."""

from __future__ import annotations

from omegaconf import DictConfig, OmegaConf

WHOLE_NUMBERS = ("seed", "data.sample_seed", "data.split_seed", "data.samples", "data.test_pairs", "data.batch_size", "benchmark.examples",
                 "probe.k", "forgetting.pairs", "forgetting.refit_rows", "validation_pairs", "swapped_pairs", "shard_rows")


def check_numbers(cfg: DictConfig) -> None:
    """Refuse words where the configuration needs whole numbers."""
    for key in WHOLE_NUMBERS:
        if not isinstance(value := OmegaConf.select(cfg, key), int | None) or isinstance(value, bool):
            raise ValueError(f"{key}={value}: must be a whole number.")
