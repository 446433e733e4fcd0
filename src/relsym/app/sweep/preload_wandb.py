"""What ``wandb.init`` imports, for the fork server of a sweep; see ``preload``. Best before torch."""

from contextlib import suppress

with suppress(Exception):
    import wandb
    import wandb.sdk.launch.inputs.internal  # noqa: F401
