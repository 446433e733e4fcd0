"""What ``sweep=tune`` searches beyond its list of ranges."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omegaconf import DictConfig

if TYPE_CHECKING:
    from optuna.trial import Trial

# Lowest and highest margin that is tried.
MARGINS = (0.1, 1.5)


def margin_where_there_is_one(cfg: DictConfig, trial: Trial) -> None:
    """Suggest a margin for the objectives that have one.

    Raises:
        ValueError: objectives are swept too, so that each would get whatever share of the trials the sampler
            likes.
    """
    if "objective" in trial.params:
        raise ValueError(
            "sweep=tune: one objective a call, so that each gets the same number of trials. Pass "
            "objective=knn, say."
        )
    if "margin" in cfg.objective:
        trial.suggest_float("objective.margin", *MARGINS)
