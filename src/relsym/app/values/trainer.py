"""Which arguments of Lightning's ``Trainer`` relsym passes itself.

The others are a user's, who passes them by ``training.trainer``. Loads no torch: values are checked before it
is imported.
"""

from __future__ import annotations

TRAINER = "pytorch_lightning.Trainer"
# Argument -> the key that it is read from.
READ_FROM = {
    "accelerator": "hardware.accelerator",
    "devices": "hardware.devices",
    "strategy": "hardware.strategy",
    "num_nodes": "hardware.num_nodes",
    "precision": "precision",
    "max_epochs": "training.epochs",
    "max_steps": "training.max_steps",
    "gradient_clip_val": "training.gradient_clip",
}
# Argument -> the key that says what is made for it.
MADE_BY = {
    "logger": "tracking",
    "default_root_dir": "hydra.run.dir",
    "callbacks": "training.patience, training.keep and recipe",
}
# What the training needs whatever the configuration says.
SET_BY_RELSYM = {
    "enable_checkpointing": False,
    "enable_model_summary": False,
    "enable_progress_bar": False,
    "log_every_n_steps": 1,
    "use_distributed_sampler": False,
}


def refusal(argument: str) -> str:
    """Why a user cannot pass this argument; empty where it is the user's."""
    if argument in SET_BY_RELSYM:
        return "relsym needs this argument as it sets it"
    if argument in READ_FROM or argument in MADE_BY:
        return f"relsym sets this argument itself, from {(READ_FROM | MADE_BY)[argument]}"
    return ""
