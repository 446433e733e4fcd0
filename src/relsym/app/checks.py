"""What Hydra lets through: words where the configuration needs numbers."""

from __future__ import annotations

from omegaconf import DictConfig, OmegaConf

WHOLE_NUMBERS = ("seed", "data.sample_seed", "data.split_seed", "data.samples", "data.test_pairs", "data.batch_size", "benchmark.examples",
                 "probe.k", "forgetting.pairs", "forgetting.refit_rows", "validation_pairs", "swapped_pairs", "shard_rows",
                 "recipe.replay.rows_per_batch", "recipe.lora.rank", "recipe.freeze.layers", "recipe.solved.epochs")
NUMBERS = ("recipe.l2sp.weight", "recipe.distill.weight", "recipe.lora.alpha", "recipe.lora.dropout", "recipe.wise_ft.alpha")


def check_numbers(cfg: DictConfig) -> None:
    """Refuse words where the configuration needs numbers."""
    for kinds, keys, what in ((int | None, WHOLE_NUMBERS, "a whole number"), (int | float | None, NUMBERS, "a number")):
        for key in keys:
            if not isinstance(value := OmegaConf.select(cfg, key), kinds) or isinstance(value, bool):
                raise ValueError(f"{key}={value}: must be {what}.")
